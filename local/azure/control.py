"""What no Azure has: routes below ``/_emulator`` to seed, disturb and read back the world. No token is needed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from local.azure import faultplan
from local.azure.callers import APP, OPERATOR
from local.azure.calls import Caller, Json
from local.azure.faults import InvalidFaultError
from local.azure.journal import shown
from local.azure.post import HandshakeError
from local.azure.seeds import InvalidSeedError
from local.azure.subscribing import read, selection

if TYPE_CHECKING:
    from local.azure.emulator import Emulator

_PREFIX = "/_emulator"
_Handler = Callable[[web.Request], Awaitable[web.Response]]


@dataclass(frozen=True, slots=True)
class Control:
    """The outside hand, over HTTP."""

    emulator: Emulator

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(_PREFIX, _guarded(self._index)),
            web.get(f"{_PREFIX}/time", _guarded(self._time)),
            web.post(f"{_PREFIX}/seed", _guarded(self._seed)),
            web.post(f"{_PREFIX}/reset", _guarded(self._reset)),
            web.get(f"{_PREFIX}/faults", _guarded(self._faults)),
            web.post(f"{_PREFIX}/faults", _guarded(self._add_fault)),
            web.post(f"{_PREFIX}/plan", _guarded(self._add_plan)),
            web.delete(f"{_PREFIX}/faults", _guarded(self._clear_faults)),
            web.delete(_PREFIX + "/faults/{number}", _guarded(self._clear_faults)),
            web.get(f"{_PREFIX}/journal", _guarded(self._journal)),
            web.delete(f"{_PREFIX}/journal", _guarded(self._clear_journal)),
            web.get(f"{_PREFIX}/counts", _guarded(self._counts)),
            web.get(f"{_PREFIX}/events", _guarded(self._events)),
            web.post(f"{_PREFIX}/token", _guarded(self._token)),
            web.get(f"{_PREFIX}/destinations", _guarded(self._destinations)),
            web.post(f"{_PREFIX}/destinations", _guarded(self._subscribe)),
            web.delete(f"{_PREFIX}/destinations", _guarded(self._unsubscribe)),
            web.get(f"{_PREFIX}/deliveries", _guarded(self._deliveries)),
            web.get(f"{_PREFIX}/topic", _guarded(self._topic)),
            web.post(f"{_PREFIX}/topic/outage", _guarded(self._topic_outage)),
            web.get(f"{_PREFIX}/metrics", _guarded(self._metrics)),
            web.post(f"{_PREFIX}/metrics/outage", _guarded(self._metrics_outage)),
        ]

    async def _index(self, _: web.Request) -> web.Response:
        emulator = self.emulator
        return web.json_response(
            {
                "environment": emulator.environment,
                "routes": sorted({f"{route.method} {route.path}" for route in self.routes()}),
            }
        )

    async def _time(self, _: web.Request) -> web.Response:
        world = self.emulator.world
        return web.json_response({"now": world.now, "wall": world.wall, "scale": world.clock.scale})

    async def _seed(self, request: web.Request) -> web.Response:
        seed = self.emulator.world.seed(await _json(request))
        return web.json_response({"caches": [cache.id for cache in seed.caches]}, status=HTTPStatus.CREATED)

    async def _reset(self, _: web.Request) -> web.Response:
        self.emulator.reset()
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def _faults(self, _: web.Request) -> web.Response:
        return web.json_response({"value": self.emulator.faults.listed()})

    async def _add_fault(self, request: web.Request) -> web.Response:
        number = self.emulator.faults.add_json(await _json(request))
        return web.json_response({"number": number}, status=HTTPStatus.CREATED)

    async def _add_plan(self, request: web.Request) -> web.Response:
        plan = faultplan.load(await request.text(), "the plan")
        return web.json_response({"numbers": plan.begin(self.emulator.faults)}, status=HTTPStatus.CREATED)

    async def _clear_faults(self, request: web.Request) -> web.Response:
        number = request.match_info.get("number")
        self.emulator.faults.clear(int(number) if number else None)
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def _journal(self, request: web.Request) -> web.Response:
        entries = self.emulator.world.journal.entries(
            request.query.get("path", ""),
            caller=request.query.get("caller"),
            method=request.query.get("method", "").upper(),
            since=int(request.query.get("since", "0")),
        )
        return web.json_response({"value": [shown(entry) for entry in entries]})

    async def _clear_journal(self, _: web.Request) -> web.Response:
        self.emulator.world.journal.clear()
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def _counts(self, request: web.Request) -> web.Response:
        journal = self.emulator.world.journal
        path, caller = request.query.get("path", ""), request.query.get("caller")
        total = journal.count(path, caller=caller)
        return web.json_response({**asdict(total), "resources": journal.by_resource(path, caller=caller)})

    async def _events(self, request: web.Request) -> web.Response:
        given = request.query
        chosen = selection(given.get("operation", ""), given.get("subject", ""), given.get("subscription", ""))
        schema = request.query.get("schema", "eventgrid")
        found = [event for event in self.emulator.world.events if chosen.takes(event)]
        value = [event.cloud_event() if schema == "cloudevents" else event.event_grid() for event in found]
        return web.json_response({"value": value})

    async def _token(self, request: web.Request) -> web.Response:
        who = (await _json(request)).get("who", "operator")
        callers: dict[str, Caller] = {"operator": OPERATOR, "app": APP}
        if who not in callers:
            raise web.HTTPBadRequest(text=f"who is {who!r}; it has to be operator or app")
        token, expires = self.emulator.tokens.issue(callers[who], "https://management.azure.com")
        return web.json_response({"access_token": token, "expires_on": expires, "object_id": callers[who].object_id})

    async def _destinations(self, _: web.Request) -> web.Response:
        subscriptions = self.emulator.delivery.subscriptions.values()
        return web.json_response({"value": [subscription.shown() for subscription in subscriptions]})

    async def _subscribe(self, request: web.Request) -> web.Response:
        delivery = self.emulator.delivery
        name = f"DESTINATION-{len(delivery.subscriptions) + 1}"
        subscription = await delivery.subscribe(read(await _json(request), name))
        return web.json_response(subscription.shown(), status=HTTPStatus.CREATED)

    async def _unsubscribe(self, _: web.Request) -> web.Response:
        self.emulator.delivery.subscriptions.clear()
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def _deliveries(self, _: web.Request) -> web.Response:
        delivery = self.emulator.delivery
        dropped = [event.id for event in delivery.dropped]
        value = [asdict(attempt) for attempt in delivery.attempts]
        return web.json_response({"value": value, "dropped": dropped, "inFlight": delivery.in_flight})

    async def _topic(self, _: web.Request) -> web.Response:
        return web.json_response({"value": self.emulator.topic.events})

    async def _topic_outage(self, request: web.Request) -> web.Response:
        body = await _json(request)
        self.emulator.topic.fail(body.get("status", 503), body.get("count", 1), kept=bool(body.get("kept")))
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.json_response({"value": self.emulator.ingestion.shown()})

    async def _metrics_outage(self, request: web.Request) -> web.Response:
        body = await _json(request)
        self.emulator.ingestion.fail(body.get("status", 503), body.get("count", 1), body.get("retryAfter"))
        return web.Response(status=HTTPStatus.NO_CONTENT)


def _guarded(handler: _Handler) -> _Handler:
    async def guarded(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except (InvalidFaultError, InvalidSeedError, HandshakeError, ValueError) as error:
            return web.json_response({"error": {"code": "BadControlRequest", "message": str(error)}}, status=400)

    return guarded


async def _json(request: web.Request) -> Json:
    body = await request.json() if request.can_read_body else {}
    if not isinstance(body, dict):
        raise InvalidSeedError("the body has to be a JSON object")
    return body
