"""The app's own parts in this process, against the emulated Azure and real Azurite: passes run one by one, by hand.

What the Functions host does with messages is done here by the test: it takes what was queued, and runs it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from local import fleet
from local.azure import seeds
from local.azure.durations import Durations, Spread
from local.azure.emulator import Emulator, EmulatorOptions
from local.azure.seeds import CacheSeed
from local.azurite import Azurite
from local.stage import Stage, StageOptions, Workers
from shared.arm import Arm, ArmSettings
from shared.cooling import Cooling
from shared.ids import CacheId
from shared.model import Look, Trigger, WakeUp
from shared.policy import Policy
from shared.policy_text import load
from shared.publish import Publisher
from shared.reconcile import Reconciler
from shared.store import Store, StoreSettings
from shared.store.caches import CacheRow
from shared.store.errors import StoreUnavailableError
from shared.store.history import HistoryRecord
from shared.store.queue import RECONCILE, decode
from tests.fixtures.azurite import unused_account
from tests.system.robust.wire import Cut, Sent, To, Wire
from tests.system.scene import Scene

HURRIED = 400.0
"""World seconds in a wall second: an endpoint takes an eighth of a second."""
_NO_TIME = timedelta()
_ENDLESS = 40
# The long tail of real durations would only make tests wait.
_STEADY = Durations(endpoint_create=Spread(40, 50, 60))


@dataclass(frozen=True, slots=True)
class Town:
    """Azure, storage, and as many workers as a test hires."""

    scene: Scene
    connection: str
    policy: Policy
    stack: AsyncExitStack
    topic: str

    @property
    def azure(self) -> Emulator:
        return self.scene.stage.azure

    @property
    def store(self) -> Store:
        """The test's own eyes."""
        return self.scene.stage.store

    def hire(self, hold: timedelta = _NO_TIME, *, topic: str | None = None) -> Reconciler:
        """Give a worker with connections of its own; a claim outlives it by ``hold``."""
        store = Store.open(StoreSettings(connection_string=self.connection))
        cooling = Cooling(lambda: store.cooldown, _now, lambda: self.policy.timing.busy)
        arm = Arm(ArmSettings.from_environment(self.azure.environment), cooldown=cooling)
        publisher = Publisher(self.topic if topic is None else topic, arm.credential)
        for part in (arm, store, publisher):
            self.stack.push_async_callback(part.close)
        return Reconciler(arm, store, self.policy, publisher, _now, hold)

    def add(self, *names: str, **more: str) -> list[CacheId]:
        """Let enrolled caches appear, without an event."""
        tags = {"drawbridge": "private", **more}
        caches = tuple(CacheSeed(fleet.APPS, "rg-shop", name, tags=tags) for name in names)
        self.azure.world.seed(seeds.Seed(caches=caches))
        return [CacheId.parse(fleet.cache_id(name)) for name in names]

    async def row(self, cache: CacheId) -> CacheRow:
        row = await self.store.caches.read(cache)
        assert row is not None
        return row

    async def history(self, cache: CacheId) -> list[HistoryRecord]:
        """Give a cache's records, the oldest first."""
        return list(reversed((await self.store.history.page(cache, 500)).items))

    def told(self, cache: CacheId) -> list[tuple[str, str]]:
        """Give (type, id) of what the topic has taken about a cache, doubles included, in order."""
        events = self.azure.topic.events
        return [(str(e["type"]), str(e["id"])) for e in events if CacheId.parse(str(e["subject"])) == cache]


def _now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def town(azurite: Azurite, policy: str = "", scale: float = HURRIED) -> AsyncIterator[Town]:
    """Build it: the fleet's networks, and no caches yet."""
    async with AsyncExitStack() as stack:
        connection = unused_account(azurite)
        azure = await stack.enter_async_context(
            Emulator.start(EmulatorOptions(time_scale=scale, seed=3, durations=_STEADY))
        )
        seeds.plant(azure.world, fleet.seed())
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in azure.environment.items():
            patch.setenv(name, value)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        store = Store.open(StoreSettings(connection_string=connection))
        stack.push_async_callback(store.close)
        await store.ensure()
        rules = load(policy or fleet.policy(), "policy.yaml")
        yield Town(
            Scene(Stage(azure, Workers(StageOptions(policy), {}, azure), store, session)),
            connection,
            rules,
            stack,
            azure.topic_url,
        )


@dataclass(slots=True)
class Story:
    """One cache's way, pass after pass, with a worker that dies as often as ``cuts`` says."""

    town: Town
    worker: Reconciler
    cache: CacheId
    cuts: list[tuple[int, Cut]] = field(default_factory=list)
    """Call numbers count from the start of the story, or from the death before."""
    outages: list[tuple[int, frozenset[To]]] = field(default_factory=list)
    """From which call on, and who, cannot be reached for the rest of a pass; counted as ``cuts`` are."""
    at_once: bool = False
    """After a death the message comes back while Azure is still at work; otherwise last of all that is queued."""
    wire: Wire = field(default_factory=Wire)
    deaths: list[Sent] = field(default_factory=list)
    passes: int = 0
    _read: int = 0

    async def play(self, wake: WakeUp) -> None:
        """Run the wake-up and all that is queued after it, Azure coming to rest in between."""
        await self._play(deque([(wake, await self.town.store.now())]))

    async def play_on(self) -> None:
        """Run what is queued, and all that is queued after it."""
        await self._play(deque(self._queued()))

    async def play_once(self, wake: WakeUp) -> None:
        """Run the wake-up; what is queued after it stays there."""
        assert await self.run(wake, await self.town.store.now())

    async def next_round(self) -> int:
        """Run what is queued now; gives how many of these messages led to a look at Azure."""
        looks = 0
        for wake, woken_at in self._queued():
            before = len(self.wire.sent)
            assert await self.run(wake, woken_at)
            looks += any(call.to is To.AZURE for call in self.wire.sent[before:])
        return looks

    async def _play(self, pending: deque[tuple[WakeUp, datetime]]) -> None:
        self.wire = self._next_wire()
        rested = False
        while pending:
            if not rested:
                await self.town.azure.quiet()
            assert self.passes < _ENDLESS, f"{self.cache.name} goes on for ever"
            died = not await self.run(*pending[0])
            rested = died and self.at_once
            woken = pending.popleft()
            pending += self._queued()
            if died and self.at_once:
                pending.appendleft(woken)
            elif died:
                pending.append(woken)

    async def run(self, wake: WakeUp, woken_at: datetime) -> bool:
        """Make one pass; False where its worker has died, and the message comes back."""
        self.passes += 1
        with self.wire.tapped():
            running = asyncio.create_task(self.worker.run(wake, woken_at))
        dying = asyncio.create_task(self.wire.reached.wait())
        await asyncio.wait({running, dying}, return_when=asyncio.FIRST_COMPLETED)
        dying.cancel()
        if running.done() and not self._came_to_nothing(running):
            running.result()
            return True
        if running.done():
            self.deaths.append(self.wire.sent[-1])
            self.wire = self._next_wire()
            return False
        running.cancel()
        await asyncio.wait({running})
        assert running.cancelled(), f"a worker cannot outlive its end: {running.exception()!r}"
        self.deaths.append(self.wire.sent[-1])
        self.wire = self._next_wire()
        return False

    def _came_to_nothing(self, running: asyncio.Task[None]) -> bool:
        """Tell whether storage could not be reached, as was arranged."""
        return bool(self.wire.down) and isinstance(running.exception(), StoreUnavailableError)

    def _next_wire(self) -> Wire:
        cut = self.cuts.pop(0) if self.cuts else None
        down_from, down = self.outages.pop(0) if self.outages else (0, frozenset[To]())
        return Wire(cut=cut, down=down, down_from=down_from, queued=self.wire.queued)

    def _queued(self) -> list[tuple[WakeUp, datetime]]:
        new, self._read = self.wire.queued[self._read :], len(self.wire.queued)
        read = [(decode(one.text), one.inserted) for one in new if one.queue == RECONCILE]
        return [(message.wake, message.woken_at(inserted)) for message, inserted in read]


def tagged(cache: CacheId) -> WakeUp:
    """Wake a cache as the event of its tagging does."""
    return WakeUp(cache, Trigger.EVENT, operation="Microsoft.Resources/tags/write", caller="ops@contoso.example")


def endpoint_deleted(cache: CacheId) -> WakeUp:
    """Wake a cache as the event of its endpoint's deletion does."""
    operation = "Microsoft.Network/privateEndpoints/delete"
    return WakeUp(cache, Trigger.EVENT, Look.FULL, operation=operation, caller="ops@contoso.example")
