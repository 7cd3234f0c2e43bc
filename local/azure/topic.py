"""A custom Event Grid topic that keeps what is published to it, and takes nothing that Event Grid would refuse."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from http import HTTPStatus

from aiohttp import web

from local.azure.calls import Caller, Json
from local.azure.errors import ArmError
from local.azure.outages import next_of
from local.azure.tokens import Tokens

PATH = "/topics/drawbridge"
_API_VERSION = "2018-01-01"
_CONTENT_TYPE = "application/cloudevents-batch+json"
_REQUIRED = ("id", "source", "type", "specversion")
_MOST_BYTES = 1024 * 1024
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


@dataclass(slots=True)
class Published:
    """One event as it came, and who published it."""

    event: Json
    caller: Caller


@dataclass(slots=True)
class Outage:
    """The next ``count`` publications are answered with ``status``, after they were kept or not."""

    status: int = 503
    count: int = 1
    kept: bool = False


@dataclass(slots=True)
class Topic:
    """The topic; ``published`` is everything that it took, doubles included."""

    tokens: Tokens
    published: list[Published] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)

    @property
    def events(self) -> list[Json]:
        return [published.event for published in self.published]

    def fail(self, status: int = 503, count: int = 1, *, kept: bool = False) -> None:
        """Let the next publications fail; ``kept`` as when the answer is lost and not the event."""
        self.outages.append(Outage(status, count, kept))

    async def handle(self, request: web.Request) -> web.Response:
        """Answer a publication."""
        try:
            caller = self.tokens.read(request.headers.get("Authorization"))
            events = await self._read(request)
        except ArmError as error:
            return web.json_response(error.answer.body, status=int(error.answer.status))
        outage = next_of(self.outages)
        if outage is None or outage.kept:
            self.published.extend(Published(event, caller) for event in events)
        if outage is not None:
            return _answer(ArmError(outage.status, "ServiceUnavailable", "The topic is not available."))
        return web.Response(status=HTTPStatus.OK)

    async def _read(self, request: web.Request) -> list[Json]:
        if request.query.get("api-version") != _API_VERSION:
            raise _bad(f"api-version is '{request.query.get('api-version')}'; it has to be {_API_VERSION}.")
        if request.content_type != _CONTENT_TYPE:
            raise _bad(f"Content-Type is '{request.content_type}'; it has to be {_CONTENT_TYPE}.")
        raw = await request.read()
        if len(raw) > _MOST_BYTES:
            message = "The maximum size (1 MB) has been exceeded."
            raise ArmError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "RequestEntityTooLarge", message)
        try:
            events = await request.json()
        except ValueError as error:
            raise _bad("The body is not JSON.") from error
        if not isinstance(events, list):
            raise _bad("The body has to be an array of CloudEvents.")
        for event in events:
            _check(event)
        return events


def _check(event: object) -> None:
    if not isinstance(event, dict):
        raise _bad("An event has to be an object.")
    absent = [name for name in _REQUIRED if not isinstance(event.get(name), str) or not event[name]]
    if absent:
        raise _bad(f"The event lacks {', '.join(absent)}.")
    if event["specversion"] != "1.0":
        raise _bad(f"specversion is '{event['specversion']}'; it has to be 1.0.")
    time = event.get("time")
    if time is not None and not _TIME.fullmatch(str(time)):
        raise _bad(f"time is '{time}'; it has to be an RFC 3339 time.")


def _bad(message: str) -> ArmError:
    return ArmError(HTTPStatus.BAD_REQUEST, "BadRequest", message)


def _answer(error: ArmError) -> web.Response:
    return web.json_response(error.answer.body, status=int(error.answer.status))
