"""Event Grid as subscribers meet it: at least once, in no order, retried on its schedule until given up.

Source: Microsoft's page "Event Grid message delivery and retry": the schedule, what is not retried, the least waits
after some statuses, and that age is looked at only when the next attempt is due.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Coroutine
from dataclasses import dataclass, field
from http import HTTPStatus

import aiohttp

from local.azure.clock import Clock
from local.azure.deadletters import TRIED_LONG, TRIED_OFTEN, DeadLetters, GivenUp, undeliverable
from local.azure.events import ResourceEvent
from local.azure.eventsubscriptions import EventSubscription
from local.azure.faults import EventFault, Faults
from local.azure.post import Post

_TAKEN = frozenset({200, 201, 202, 203, 204})


@dataclass(frozen=True, slots=True)
class DeliveryOptions:
    """World seconds, but for ``answer_within`` (wall): Event Grid's own schedule, and how long events travel.

    The last of ``retries`` is repeated.
    """

    latency: tuple[float, float] = (0.5, 4.0)
    retries: tuple[float, ...] = (10, 30, 60, 300, 600, 1800, 3600, 10800, 21600, 43200)
    answer_within: float = 30
    reorder_hold: float = 30


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
    """Delivers a world's events to its event subscriptions; needs a running loop."""

    clock: Clock
    faults: Faults
    random: random.Random
    options: DeliveryOptions = DeliveryOptions()
    subscriptions: dict[str, EventSubscription] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    dropped: list[ResourceEvent] = field(default_factory=list)
    """What nobody gets any more: lost on its way by a fault, or given up without a dead letter."""
    failures: list[Exception] = field(default_factory=list)
    in_flight: int = 0
    """How many events are on their way, and how many blobs of dead letters are still to be written."""
    _letters: DeadLetters = field(init=False)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _held: list[_Reordered] = field(default_factory=list)
    _post: Post | None = None

    def __post_init__(self) -> None:
        self._letters = DeadLetters(self.clock, self.dropped)

    async def start(self) -> None:
        session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self.options.answer_within))
        self._post = Post(session, self.clock.scale)

    async def stop(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._post is not None:
            await self._post.session.close()

    @property
    def post(self) -> Post:
        """What carries events out; raises RuntimeError before ``start``."""
        if self._post is None:
            raise RuntimeError("delivery has not been started")
        return self._post

    async def subscribe(self, subscription: EventSubscription) -> EventSubscription:
        """Make an event subscription, or change the one of that name; raises HandshakeError where it is not wanted."""
        await self.post.greet(subscription)
        self.subscriptions[subscription.name] = subscription
        return subscription

    def publish(self, event: ResourceEvent) -> None:
        """Send an event on its way to everybody who takes it."""
        takers = [subscription for subscription in self.subscriptions.values() if subscription.takes(event)]
        fault = self.faults.of_event(event.operation, event.subject) if takers else None
        for subscription in takers:
            self._dispatch(subscription.name, event, fault)
        if takers:
            self._release(fault)

    def _dispatch(self, name: str, event: ResourceEvent, fault: EventFault | None) -> None:
        delay = self.random.uniform(*self.options.latency)
        match fault.kind if fault else "":
            case "drop":
                self.dropped.append(event)
            case "duplicate":
                self._run(self._travel(name, event, delay, None))
                self._run(self._travel(name, event, delay + self.random.uniform(*self.options.latency), None))
            case "delay":
                self._run(self._travel(name, event, delay + (fault.seconds if fault else 0), None))
            case "reorder":
                held = _Reordered()
                self._held.append(held)
                self._run(self._travel(name, event, delay, held))
            case _:
                self._run(self._travel(name, event, delay, None))

    def _release(self, fault: EventFault | None) -> None:
        if fault is None or fault.kind != "reorder":
            for held in self._held:
                held.gone.set()
            self._held.clear()

    def _run(self, work: Coroutine[None, None, None]) -> None:
        self.in_flight += 1
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._landed)

    def _landed(self, task: asyncio.Task[None]) -> None:
        self.in_flight -= 1
        self._tasks.discard(task)
        failure = None if task.cancelled() else task.exception()
        if isinstance(failure, Exception):
            self.failures.append(failure)

    async def _travel(self, name: str, event: ResourceEvent, delay: float, held: _Reordered | None) -> None:
        if held is not None:
            try:
                await asyncio.wait_for(held.gone.wait(), self._wall(self.options.reorder_hold))
                # What came later was sent on its way at this moment; let it arrive first.
                delay += self.options.latency[1]
            except TimeoutError:
                pass
        await asyncio.sleep(self._wall(delay))
        await self._deliver(name, event)

    async def _deliver(self, name: str, event: ResourceEvent) -> None:
        began = self.clock.now()
        for number in itertools.count(1):
            # As it is by now: an update of its destination holds for what is on its way, too.
            subscription = self.subscriptions.get(name)
            if subscription is None:
                self.dropped.append(event)
                return
            attempted = self.clock.now()
            status = await self._attempt(subscription, event, number - 1)
            if status in _TAKEN:
                return
            if why := await self._given_up(subscription, number, status, began):
                times = self.clock.wall(began), self.clock.wall(attempted)
                self._give_up(subscription, GivenUp(event, why, number, status, *times))
                return

    async def _given_up(self, subscription: EventSubscription, number: int, status: int, began: float) -> str:
        """Say why there is no other attempt, or "" when it is due."""
        if status in subscription.to.final:
            return undeliverable(status)
        if number >= subscription.retry.attempts:
            return TRIED_OFTEN
        await asyncio.sleep(self._wall(self._wait(number, status)))
        return TRIED_LONG if self.clock.now() - began > subscription.retry.minutes * 60 else ""

    async def _attempt(self, subscription: EventSubscription, event: ResourceEvent, number: int) -> int:
        status = await self.post.put(subscription, event, number)
        to = subscription.to.shown
        self.attempts.append(Attempt(to, event.id, event.operation, event.subject, number, status))
        return status

    def _give_up(self, subscription: EventSubscription, given_up: GivenUp) -> None:
        if self._letters.gather(subscription, given_up):
            self._run(self._letters.write(subscription, self.post))

    def _wait(self, number: int, status: int) -> float:
        retries = self.options.retries
        return max(retries[min(number, len(retries)) - 1], _least_wait(status))

    def _wall(self, seconds: float) -> float:
        return seconds / self.clock.scale


def _least_wait(status: int) -> float:
    match status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.NOT_FOUND:
            return 300
        case HTTPStatus.REQUEST_TIMEOUT:
            return 120
        case HTTPStatus.SERVICE_UNAVAILABLE:
            return 30
        case _:
            return 10
