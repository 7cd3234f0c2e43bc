"""`/admin`: run a function by hand, list the functions, ask for the host's state; the master key opens it."""

import json
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from aiohttp import web
from azure.storage.queue import QueueMessage

from local.host.bindings import EventGridTrigger, Function, HttpTrigger, QueueTrigger, TimerTrigger
from local.host.http_listener import http_datum, shows_key
from local.host.invocations import Invocations
from local.host.ncrontab import Schedule
from local.host.options import HostKeys
from local.host.queue_listener import body_datum, message_metadata
from local.host.timer_listener import timer_datum
from local.host.worker_library import Datum


class AdminListener:
    """Answers as Azure's host does: 202 at once, the function runs on."""

    def __init__(self, functions: Iterable[Function], keys: HostKeys, invocations: Invocations) -> None:
        self._functions = {function.name.lower(): function for function in functions}
        self._keys = keys
        self._invocations = invocations

    async def state(self, request: web.Request) -> web.Response:
        if not shows_key(request, (self._keys.admin,)):
            return web.Response(status=401)
        return web.json_response({"state": "Running"})

    async def functions(self, request: web.Request) -> web.Response:
        if not shows_key(request, (self._keys.admin,)):
            return web.Response(status=401)
        return web.json_response([{"name": function.name} for function in self._functions.values()])

    async def run(self, request: web.Request) -> web.Response:
        """`{"input": TEXT}`: the message or the event; timers need none."""
        if not shows_key(request, (self._keys.admin,)):
            return web.Response(status=401)
        function = self._functions.get(request.match_info["name"].lower())
        if function is None:
            return web.Response(status=404)
        try:
            text = _input(await request.read())
        except ValueError as error:
            return web.Response(status=400, text=str(error))
        inputs, metadata = _invocation_of(function, text)
        self._invocations.begin(function, inputs, metadata)
        return web.Response(status=202)


def _input(body: bytes) -> str:
    document = json.loads(body or b"{}")
    if not isinstance(document, dict):
        raise ValueError('the body is not an object: write {"input": TEXT}')  # noqa: TRY004 — bad input, as bad JSON is
    given = document.get("input", "")
    return given if isinstance(given, str) else json.dumps(given)


def _invocation_of(function: Function, text: str) -> tuple[dict[str, Datum], dict[str, Datum]]:
    match function.trigger:
        case HttpTrigger(name=name):
            datum = http_datum(
                method="POST",
                url=f"/admin/functions/{function.name}",
                headers={},
                query={},
                parameters={},
                body=text.encode(),
            )
            return {name: datum}, {}
        case EventGridTrigger(name=name):
            return {name: Datum(text, "json")}, {}
        case QueueTrigger(name=name):
            return {name: body_datum(text)}, message_metadata(_message_by_hand(), text)
        case TimerTrigger(name=name, schedule=schedule):
            following = Schedule.parse(schedule).next_after(datetime.now(UTC))
            return {name: timer_datum(None, following, past_due=False)}, {}


def _message_by_hand() -> QueueMessage:
    """Make up what storage would say of a message sent and taken now."""
    now = datetime.now(UTC)
    return QueueMessage(
        id=str(uuid.uuid4()),
        inserted_on=now,
        expires_on=now + timedelta(days=7),
        next_visible_on=now + timedelta(minutes=10),
        dequeue_count=1,
        pop_receipt="by hand",
    )
