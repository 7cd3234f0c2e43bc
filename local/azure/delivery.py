"""Event Grid as subscribers meet it: handshake, at least once, in no order, retried on its schedule until given up."""

from __future__ import annotations

import asyncio
import json
import random
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus

import aiohttp

from local.azure.calls import Json
from local.azure.clock import Clock
from local.azure.events import ResourceEvent
from local.azure.faults import EventFault, Faults

ORIGIN = "eventgrid.azure.net"
_TAKEN = frozenset({200, 201, 202, 203, 204})
# Not retried for webhooks; dropped here, as there is no dead-letter destination.
_FINAL = frozenset({400, 401, 403, 413})


class Schema(StrEnum):
    EVENT_GRID = "eventgrid"
    CLOUD_EVENTS = "cloudevents"


class HandshakeError(Exception):
    """The destination did not prove that it wants the events; the message says what it answered."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which events a subscription takes: regular expressions without case, searched in operation name and subject."""

    operation: str = ""
    subject: str = ""
    subscription: str = ""

    def takes(self, event: ResourceEvent) -> bool:
        return (
            bool(re.search(self.operation, event.operation, re.IGNORECASE))
            and bool(re.search(self.subject, event.subject, re.IGNORECASE))
            and (not self.subscription or self.subscription.lower() == event.subscription.lower())
        )


@dataclass(frozen=True, slots=True)
class DeliveryOptions:
    """World seconds, but for ``answer_within`` (wall): Event Grid's own schedule, and how long events travel."""

    latency: tuple[float, float] = (0.5, 4.0)
    retries: tuple[float, ...] = (10, 30, 60, 300, 600, 1800, 3600, 10800, 21600, 43200)
    give_up_after: float = 86400
    answer_within: float = 30
    reorder_hold: float = 30


@dataclass(frozen=True, slots=True)
class Destination:
    url: str
    schema: Schema
    selection: Selection
    name: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One delivery, as journaled; ``status`` 0 means no answer."""

    destination: str
    event_id: str
    operation: str
    subject: str
    number: int
    status: int


class _Reordered:
    """Events held back until another one has gone before them."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()


@dataclass(slots=True)
class Delivery:
    """Delivers a world's events to its destinations; needs a running loop."""

    clock: Clock
    faults: Faults
    random: random.Random
    options: DeliveryOptions = DeliveryOptions()
    destinations: list[Destination] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    dropped: list[ResourceEvent] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    in_flight: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _held: list[_Reordered] = field(default_factory=list)
    _session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self.options.answer_within))

    async def stop(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def subscribe(
        self,
        url: str,
        schema: Schema | str = Schema.EVENT_GRID,
        selection: Selection = Selection(),
        name: str = "DRAWBRIDGE",
    ) -> Destination:
        """Register a webhook after its handshake; raises HandshakeError where it does not agree."""
        destination = Destination(url, Schema(schema), selection, name)
        await (self._validate if destination.schema is Schema.EVENT_GRID else self._ask)(destination)
        self.destinations.append(destination)
        return destination

    def publish(self, event: ResourceEvent) -> None:
        """Send an event on its way to everybody who takes it."""
        takers = [destination for destination in self.destinations if destination.selection.takes(event)]
        fault = self.faults.of_event(event.operation, event.subject) if takers else None
        for destination in takers:
            self._dispatch(destination, event, fault)
        if takers:
            self._release(fault)

    def send(self, event: ResourceEvent, *, late: float = 0.0) -> None:
        """Send an event to everybody at once, or so many world seconds late: for tests that make events up."""
        for destination in self.destinations:
            self._spawn(destination, event, late, None)

    def _dispatch(self, destination: Destination, event: ResourceEvent, fault: EventFault | None) -> None:
        delay = self.random.uniform(*self.options.latency)
        match fault.kind if fault else "":
            case "drop":
                self.dropped.append(event)
            case "duplicate":
                self._spawn(destination, event, delay, None)
                self._spawn(destination, event, delay + self.random.uniform(*self.options.latency), None)
            case "delay":
                self._spawn(destination, event, delay + (fault.seconds if fault else 0), None)
            case "reorder":
                held = _Reordered()
                self._held.append(held)
                self._spawn(destination, event, delay, held)
            case _:
                self._spawn(destination, event, delay, None)

    def _release(self, fault: EventFault | None) -> None:
        if fault is None or fault.kind != "reorder":
            for held in self._held:
                held.gone.set()
            self._held.clear()

    def _spawn(self, destination: Destination, event: ResourceEvent, delay: float, held: _Reordered | None) -> None:
        self.in_flight += 1
        task = asyncio.get_running_loop().create_task(self._travel(destination, event, delay, held))
        self._tasks.add(task)
        task.add_done_callback(self._landed)

    def _landed(self, task: asyncio.Task[None]) -> None:
        self.in_flight -= 1
        self._tasks.discard(task)
        failure = None if task.cancelled() else task.exception()
        if isinstance(failure, Exception):
            self.failures.append(failure)

    async def _travel(
        self, destination: Destination, event: ResourceEvent, delay: float, held: _Reordered | None
    ) -> None:
        if held is not None:
            try:
                await asyncio.wait_for(held.gone.wait(), self._wall(self.options.reorder_hold))
                # What came later was sent on its way at this moment; let it arrive first.
                delay += self.options.latency[1]
            except TimeoutError:
                pass
        await asyncio.sleep(self._wall(delay))
        await self._deliver(destination, event)

    async def _deliver(self, destination: Destination, event: ResourceEvent) -> None:
        began = self.clock.now()
        for number, wait in enumerate((*self.options.retries, None)):
            status = await self._post(destination, event, number)
            self.attempts.append(Attempt(destination.url, event.id, event.operation, event.subject, number, status))
            if status in _TAKEN:
                return
            if status in _FINAL or wait is None or self.clock.now() - began > self.options.give_up_after:
                self.dropped.append(event)
                return
            await asyncio.sleep(self._wall(max(wait, _least_wait(status))))

    async def _post(self, destination: Destination, event: ResourceEvent, number: int) -> int:
        headers = {
            "aeg-subscription-name": destination.name,
            "aeg-delivery-count": str(number),
        }
        if destination.schema is Schema.EVENT_GRID:
            headers |= {
                "aeg-event-type": "Notification",
                "aeg-data-version": "2",
                "aeg-metadata-version": "1",
                "Content-Type": "application/json; charset=utf-8",
            }
            body: Json | list[Json] = [event.event_grid()]
        else:
            headers |= {
                "WebHook-Request-Origin": ORIGIN,
                "Content-Type": "application/cloudevents+json; charset=utf-8",
            }
            body = event.cloud_event()
        status, _, _ = await self._call("POST", destination.url, headers, body)
        return status

    async def _validate(self, destination: Destination) -> None:
        code = str(uuid.uuid4())
        event = {
            "id": str(uuid.uuid4()),
            "topic": "/subscriptions/00000000-0000-0000-0000-000000000000",
            "subject": "",
            "data": {"validationCode": code, "validationUrl": "https://localhost/not-served"},
            "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
            "eventTime": "2026-01-01T00:00:00.0000000Z",
            "metadataVersion": "1",
            "dataVersion": "1",
        }
        headers = {
            "aeg-event-type": "SubscriptionValidation",
            "aeg-subscription-name": destination.name,
            "aeg-delivery-count": "0",
            "aeg-data-version": "1",
            "aeg-metadata-version": "1",
            "Content-Type": "application/json; charset=utf-8",
        }
        status, _, text = await self._call("POST", destination.url, headers, [event])
        if status != HTTPStatus.OK or _validation_response(text) != code:
            raise HandshakeError(f"{destination.url} answered {status} to the validation event: {text[:200]!r}")

    async def _ask(self, destination: Destination) -> None:
        headers = {"WebHook-Request-Origin": ORIGIN, "WebHook-Request-Rate": "120"}
        status, answered, _ = await self._call("OPTIONS", destination.url, headers, None)
        allowed = answered.get("WebHook-Allowed-Origin", "")
        if status != HTTPStatus.OK or allowed not in {ORIGIN, "*"} or "WebHook-Allowed-Rate" not in answered:
            raise HandshakeError(f"{destination.url} answered {status} to OPTIONS, allowing {allowed!r}")

    async def _call(
        self, method: str, url: str, headers: dict[str, str], body: Json | list[Json] | None
    ) -> tuple[int, Mapping[str, str], str]:
        if self._session is None:
            raise RuntimeError("delivery has not been started")
        data = None if body is None else json.dumps(body)
        try:
            async with self._session.request(method, url, headers=headers, data=data) as answer:
                return answer.status, answer.headers, await answer.text()
        except (aiohttp.ClientError, TimeoutError):
            return 0, {}, ""

    def _wall(self, seconds: float) -> float:
        return seconds / self.clock.scale


def _validation_response(text: str) -> object:
    try:
        body = json.loads(text)
    except ValueError:
        return None
    return body.get("validationResponse") if isinstance(body, dict) else None


def _least_wait(status: int) -> float:
    match status:
        case HTTPStatus.NOT_FOUND:
            return 300
        case HTTPStatus.REQUEST_TIMEOUT:
            return 120
        case HTTPStatus.SERVICE_UNAVAILABLE:
            return 30
        case _:
            return 10
