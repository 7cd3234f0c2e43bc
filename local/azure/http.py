"""The thin layer over the world: HTTPS, tokens, JSON. Everything that Azure would decide is decided in the world."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus

import msgspec
from aiohttp import web

from local.azure.calls import Answer, Json
from local.azure.errors import ArmError, bad_request
from local.azure.tokens import Tokens
from local.azure.world import Wire, World

_MOST_BYTES = 4 * 1024 * 1024
_WITHOUT_BODY = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


@dataclass(frozen=True, slots=True)
class ArmListener:
    """Answers every path that no other route takes, as ARM."""

    world: World
    tokens: Tokens

    async def handle(self, request: web.Request) -> web.StreamResponse:
        try:
            caller = self.tokens.read(request.headers.get("Authorization"))
            body = await _body(request)
        except ArmError as error:
            return _response(error.answer)
        answer = self.world.request(
            request.method,
            request.raw_path,
            body,
            caller,
            Wire({name.lower(): value for name, value in request.headers.items()}, f"https://{request.host}"),
        )
        if answer.delay:
            await asyncio.sleep(answer.delay)
        if answer.cut:
            _cut(request)
        return _response(answer)


async def _body(request: web.Request) -> Json | None:
    raw = await request.read()
    if not raw:
        return None
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise bad_request(
            "The request content was invalid and could not be deserialized.", "InvalidRequestContent"
        ) from error
    if not isinstance(body, dict):
        raise bad_request("The request content has to be a JSON object.", "InvalidRequestContent")
    return body


def _cut(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def _response(answer: Answer) -> web.Response:
    headers = dict(answer.headers)
    if answer.body is None or answer.status in _WITHOUT_BODY:
        return web.Response(status=int(answer.status), headers=headers)
    headers.setdefault("Content-Type", "application/json; charset=utf-8")
    return web.Response(status=int(answer.status), headers=headers, body=msgspec.json.encode(answer.body))


def application() -> web.Application:
    """Make an application that takes bodies as large as ARM does."""
    return web.Application(client_max_size=_MOST_BYTES)
