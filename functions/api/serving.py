"""Between Azure Functions and the front of the API: how an operation becomes a function, and a request a call."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import azure.functions as func

from functions import composition

if TYPE_CHECKING:
    from shared.api.calls import Answer, Call, Request, Response
    from shared.api.operation import Operation

    Handler = Callable[[Call], Awaitable[Answer]]

H = TypeVar("H", bound="Handler")


def level(operation: Operation) -> func.AuthLevel:
    """Say whether Functions shall ask for a key: not where callers sign in, as then the front asks who they are."""
    signs_in = os.environ.get("DRAWBRIDGE_SIGN_IN") == "entra"
    return func.AuthLevel.ANONYMOUS if operation.role is None or signs_in else func.AuthLevel.FUNCTION


def serves(bp: func.Blueprint, operation: Operation) -> Callable[[H], H]:
    """Make a function of the app of the handler of an operation; the handler itself stays as it is."""

    def registered(handler: H) -> H:
        @bp.function_name(operation.name)
        @bp.route(route=operation.path, methods=[operation.method], auth_level=level(operation))
        async def run(req: func.HttpRequest) -> func.HttpResponse:
            from shared.api.front import answered

            return sent(await answered(operation, received(req), handler, composition.access))

        return handler

    return registered


def received(req: func.HttpRequest) -> Request:
    """Take a request out of the hands of Functions."""
    from shared.api.calls import Request

    headers = {name.lower(): value for name, value in req.headers.items()}
    return Request(req.method, req.url, dict(req.route_params), dict(req.params), headers, req.get_body())


def sent(response: Response) -> func.HttpResponse:
    """Hand a response to Functions."""
    return func.HttpResponse(
        response.body, status_code=response.status, headers=dict(response.headers), mimetype=response.media
    )
