"""The Event Grid webhook, `/runtime/webhooks/EventGrid?functionName=NAME&code=KEY`.

Source: azure-sdk-for-net, Microsoft.Azure.WebJobs.Extensions.EventGrid (HttpRequestProcessor). It runs all events of a
request side by side and answers 202, or 500 when one failed, so that Event Grid sends the whole request
again. One difference: Azure answers 400 to a request without `aeg-event-type`; here its body says what it is,
so that a plain curl can raise an event.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping
from typing import Any

from aiohttp import web

from local.host.bindings import EventGridTrigger, Function
from local.host.http_listener import shows_key
from local.host.invocations import Invocations
from local.host.options import HostKeys
from local.host.worker_library import Datum

_VALIDATION = "Microsoft.EventGrid.SubscriptionValidationEvent"


class EventGridListener:
    """Every function with an Event Grid trigger."""

    def __init__(self, keys: HostKeys, invocations: Invocations) -> None:
        self._keys = keys
        self._invocations = invocations
        self._functions: dict[str, tuple[Function, EventGridTrigger]] = {}

    def add(self, function: Function, trigger: EventGridTrigger) -> None:
        self._functions[function.name.lower()] = (function, trigger)

    async def handle(self, request: web.Request) -> web.Response:
        if not shows_key(request, (self._keys.event_grid, self._keys.admin)):
            return web.Response(status=401)
        name = request.query.get("functionName", "")
        if name.lower() not in self._functions:
            return web.Response(status=404, text=f"cannot find function: '{name}'")
        if request.method == "OPTIONS":
            return _allow(request)
        if request.headers.get("aeg-event-type") == "Unsubscribe":
            return web.Response(status=200)
        return await self._deliver(name, await request.read())

    async def _deliver(self, name: str, body: bytes) -> web.Response:
        try:
            events = _events(body)
        except ValueError as error:
            return web.Response(status=400, text=str(error))
        if (code := _validation_code(events)) is not None:
            return web.json_response({"validationResponse": code})
        return await self._invoke_each(name, events)

    async def _invoke_each(self, name: str, events: Iterable[Mapping[str, Any]]) -> web.Response:
        function, trigger = self._functions[name.lower()]
        invocations = [
            self._invocations.begin(function, {trigger.name: Datum(json.dumps(event), "json")}) for event in events
        ]
        failures = [outcome.error for outcome in await asyncio.gather(*invocations) if not outcome.ok]
        if failures:
            return web.Response(status=500, text=failures[0])
        return web.Response(status=202)


def _allow(request: web.Request) -> web.Response:
    """Answer the handshake of CloudEvents' webhooks, which Event Grid uses for subscriptions in that schema."""
    origin = request.headers.get("WebHook-Request-Origin")
    if origin is None:
        return web.Response(status=400, text="WebHook-Request-Origin is missing")
    return web.Response(
        status=200, headers={"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": "*", "Allow": "POST"}
    )


def _events(body: bytes) -> list[Mapping[str, Any]]:
    """Read an array (Event Grid schema, or a batch of CloudEvents) or one object (a CloudEvent)."""
    document = json.loads(body)
    events = document if isinstance(document, list) else [document]
    if not all(isinstance(event, dict) for event in events):
        raise ValueError("the body is neither an event nor an array of events")
    return events


def _validation_code(events: list[Mapping[str, Any]]) -> str | None:
    first = events[0] if events else {}
    if first.get("eventType") != _VALIDATION:
        return None
    return str(first.get("data", {}).get("validationCode", ""))
