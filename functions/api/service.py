"""The service itself: its health, what it offers, and what it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import azure.functions as func

from functions import composition
from functions.api.serving import level, received, sent, serves
from shared.api.operations.service import ELSEWHERE, GET_DOCS, GET_HEALTH, GET_OPENAPI
from shared.logs import Log

if TYPE_CHECKING:
    from shared.api.calls import Answer, Call

bp = func.Blueprint()
log = Log(__name__)


@serves(bp, GET_HEALTH)
async def get_health(call: Call) -> Answer:
    """Tell whether the policy can be read and storage be reached; details are in the log only."""
    from shared.api.calls import Answer
    from shared.api.shapes.service import Health

    del call
    problems = []
    try:
        composition.policy()
    except (ValueError, OSError) as error:
        log.error("policy not usable", because=error)  # noqa: TRY400 - the error lists every mistake itself
        problems.append("the policy cannot be used")
    try:
        composition.access()
    except ValueError as error:
        log.error("callers cannot be told apart", because=error)  # noqa: TRY400
        problems.append("a setting about callers is wrong")
    try:
        await composition.store().now()
    except Exception as error:  # noqa: BLE001 - whatever it is, the answer is that storage cannot be used
        log.error("storage not usable", because=error)  # noqa: TRY400
        problems.append("storage cannot be reached")
    return Answer(Health(status="failing" if problems else "ok", problems=tuple(problems)), 503 if problems else 200)


@serves(bp, GET_OPENAPI)
async def get_openapi(call: Call) -> Answer:
    """Give the description of the API for programs."""
    from shared.api.calls import Answer
    from shared.api.openapi import document

    del call
    return Answer(document())


@serves(bp, GET_DOCS)
async def get_docs(call: Call) -> Answer:
    """Give the description of the API for people."""
    from shared.api.calls import Answer
    from shared.api.page import page

    del call
    return Answer(page())


@bp.function_name(ELSEWHERE.name)
@bp.route(
    route=ELSEWHERE.path,
    methods=["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"],
    auth_level=level(ELSEWHERE),
)
async def elsewhere(req: func.HttpRequest) -> func.HttpResponse:
    """Refuse what is no operation in the shape of every other error: Functions itself would say nothing."""
    from shared.api.front import answered, refused_route

    request = received(req)
    return sent(await answered(ELSEWHERE, request, refused_route(request), composition.access))
