"""The desk of the API and one worker in this process, on the emulated Azure and real Azurite, by a clock that moves.

Calls go through the front as the host's calls do; passes are made by hand, as many as there is something to do.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.storage.queue.aio import QueueClient

from local import fleet
from local.azurite import Azurite
from shared.api.callers import Access
from shared.api.calls import Answer, Call, Request
from shared.api.front import answered
from shared.api.operation import Role
from shared.api.operations import OPERATIONS
from shared.desk.access import AccessDesk
from shared.desk.caches import CachesDesk
from shared.desk.connections import ConnectionsDesk
from shared.desk.creations import CreationsDesk
from shared.desk.desk import Desk
from shared.desk.endpoints import EndpointsDesk
from shared.desk.exemptions import ExemptionsDesk
from shared.desk.fleet import FleetDesk
from shared.desk.history import HistoryDesk
from shared.desk.networks import NetworksDesk
from shared.desk.sweeps import SweepsDesk
from shared.ids import CacheId, NetworkId
from shared.model import Look, Trigger, VerdictKind, WakeUp
from shared.networks import NetworkReconciler
from shared.reconcile import Reconciler
from shared.store.queue import SWEEP, NetworkWake, decode_sweep
from shared.sweep import Sweeper
from shared.waiting import Waiting
from tests.system.robust.town import Town, town
from tests.unit.api.calling import principal

_MOST_PASSES = 40


@dataclass
class Clock:
    """The app's clock: the wall's, moved."""

    moved: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.moved


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def code(self) -> str:
        """The code of an error."""
        return str(self.body["error"]["code"])

    @property
    def said(self) -> str:
        return str(self.body["error"]["message"])


@dataclass
class Office:
    """What callers meet, and what works behind it."""

    town: Town
    clock: Clock
    worker: Reconciler
    desk: Desk = field(init=False)

    def __post_init__(self) -> None:
        self.desk = Desk(self.worker, Waiting(0.05, 0.1))

    @property
    def networks(self) -> NetworkReconciler:
        """Give what makes passes over networks."""
        return NetworkReconciler(self.worker.arm, self.worker.store, self.worker.policy, self.clock)

    @property
    def sweeper(self) -> Sweeper:
        """Give what goes through all subscriptions."""
        parts = self.worker
        return Sweeper(parts.arm, parts.store, parts.policy, parts.publisher, self.clock)

    def _handler(self, name: str) -> Callable[[Call], Awaitable[Answer]]:
        handlers: dict[str, Callable[[Call], Awaitable[Answer]]] = {
            "get_cache": CachesDesk(self.desk).show,
            "list_caches": FleetDesk(self.desk).show,
            "get_endpoint": EndpointsDesk(self.desk).show,
            "put_endpoint": EndpointsDesk(self.desk).ask,
            "delete_endpoint": EndpointsDesk(self.desk).withdraw,
            "get_access": AccessDesk(self.desk).show,
            "put_access": AccessDesk(self.desk).ask,
            "get_exemption": ExemptionsDesk(self.desk).show,
            "put_exemption": ExemptionsDesk(self.desk).grant,
            "delete_exemption": ExemptionsDesk(self.desk).end,
            "get_history": HistoryDesk(self.desk).show,
            "put_cache": CreationsDesk(self.desk).ask,
            "get_connection": ConnectionsDesk(self.desk).show,
            "put_connection": ConnectionsDesk(self.desk).decide,
            "delete_connection": ConnectionsDesk(self.desk).remove,
            "get_network": NetworksDesk(self.desk, self.networks).show,
            "put_network": NetworksDesk(self.desk, self.networks).ask,
            "get_sweep": SweepsDesk(self.desk, self.sweeper).show,
            "post_sweep": SweepsDesk(self.desk, self.sweeper).begin,
        }
        return handlers[name]

    async def ask(
        self,
        name: str,
        about: CacheId | NetworkId | None = None,
        body: object = None,
        /,
        *,
        role: Role = Role.ADMIN,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        **others: str,
    ) -> Reply:
        """Call an operation about something, as Ada, signed in with Entra ID; ``others`` are parts of its path."""
        operation = next(each for each in OPERATIONS if each.name == name)
        parts = {"placement": "weu-prod", **others}
        if about:
            parts |= {"subscription": about.subscription, "group": about.group, "name": about.name}
        sent = {"x-ms-client-principal": principal(role.words), **{k.lower(): v for k, v in (headers or {}).items()}}
        request = Request(
            operation.method,
            "https://app.example/api/" + operation.path.format(**parts),
            parts,
            query or {},
            sent,
            json.dumps(body).encode() if body is not None else b"",
        )
        response = await answered(operation, request, self._handler(name), lambda: Access(on_platform=True))
        return Reply(response.status, response.headers, json.loads(response.body) if response.body else None)

    async def settled(self, cache: CacheId) -> str:
        """Make passes until none is worth while before something happens or a day goes by; gives the verdict."""
        for _ in range(_MOST_PASSES):
            await self.town.azure.quiet()
            later = await self.town.store.now() + timedelta(seconds=2)
            await self.worker.run(WakeUp(cache, Trigger.EVENT, Look.QUICK), later)
            verdict = (await self.town.row(cache)).verdict
            assert verdict
            if verdict.look_after is None or verdict.look_after > timedelta(hours=1):
                return verdict.kind if verdict.kind is not VerdictKind.BLOCKED else f"Blocked({verdict.reason})"
        raise AssertionError(f"{cache.name} goes on for ever")

    async def completed(self, network: NetworkId) -> None:
        """Make passes over a network until one is at its end."""
        for _ in range(_MOST_PASSES):
            await self.networks.run(NetworkWake(network))
            verdict = (await self.town.store.networks.row(network)).verdict
            assert verdict
            if verdict.kind is not VerdictKind.CONVERGING:
                return
            await self.town.azure.quiet()
        raise AssertionError(f"{network.name} goes on for ever")

    async def look_through(self) -> None:
        """Look through all the pages of sweeps that are queued."""
        async with QueueClient.from_connection_string(self.town.connection, SWEEP) as queue:
            while message := await queue.receive_message():
                await self.sweeper.page(decode_sweep(message.content), await self.town.store.now())
                await queue.delete_message(message)

    def access(self, cache: CacheId) -> str | None:
        """Give the public network access that Azure shows."""
        return self.town.scene.cache(str(cache)).public


@asynccontextmanager
async def office(azurite: Azurite, policy: str = "") -> AsyncIterator[Office]:
    """Open it over a fleet without caches."""
    async with town(azurite, policy or fleet.policy()) as at:
        clock = Clock()
        yield Office(at, clock, replace(at.hire(), clock=clock))
