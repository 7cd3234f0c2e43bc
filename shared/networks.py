"""The shell around ``networking``: passes over virtual networks that callers ask for.

A network is no cache: it has a wish and a row of its own, and a message of its own kind on the same queue. Passes may
overlap; the row's ETag lets one of two that began from the same state write in Azure, and what they write is the same.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, assert_never

from shared.arm.errors import ArmError
from shared.chronicle import heading
from shared.ids import NetworkId, zone_id
from shared.logs import Log
from shared.model import CreateZone, LinkZone, Memory, Reason, Verdict, VerdictKind
from shared.networking import (
    CreateNetwork,
    CreateSubnet,
    NetworkAction,
    NetworkObserved,
    NetworkPlan,
    WidenNetwork,
    ZoneSeen,
    in_words,
    plan,
)
from shared.outcome import ERROR, refused
from shared.store.errors import ConflictError
from shared.store.queue import NetworkWake

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.arm import Arm
    from shared.ids import GroupId
    from shared.networking import NetworkSeen, NetworkWish
    from shared.policy import Policy
    from shared.store import Store
    from shared.store.networks import NetworkRequest, NetworkRow

log = Log(__name__)

_ANOTHER = timedelta(seconds=2)
"""When to look again after a pass that another one was faster than."""


@dataclass(frozen=True, slots=True)
class NetworkReconciler:
    """Carries out passes over networks; holds no state of its own between them."""

    arm: Arm
    store: Store
    policy: Policy
    clock: Callable[[], datetime]

    async def admits(self, group: GroupId) -> bool:
        """Tell whether a network may be made or completed in a resource group."""
        found = frozenset(await self.store.sweeps.scope())
        return self.policy.scope.admits_group(group, found) and self.policy.networks.admit(group)

    async def run(self, wake: NetworkWake) -> None:
        """Make one pass over the network that a message names; raises only what is unforeseen."""
        request = await self.store.networks.request(wake.network)
        if request is None or not await self.admits(wake.network.group_id):
            log.info("network not wanted, or out of scope", network=wake.network)
            return
        before = await self.store.networks.row(wake.network)
        try:
            row = await self.store.networks.record(replace(before, passes=before.passes + 1))
            after = await self._pass(request, row)
            await self.store.networks.record(after)
        except ConflictError:
            await self.store.queue.put_network(NetworkWake(wake.network), _ANOTHER * (1 + random.random()))  # noqa: S311
            return
        await self._look_again(wake.network, after.verdict)

    async def _look_again(self, network: NetworkId, verdict: Verdict | None) -> None:
        if verdict and verdict.look_after is not None:
            spread = verdict.look_after / 10 * random.random()  # noqa: S311 - no secret
            await self.store.queue.put_network(NetworkWake(network), verdict.look_after + spread)

    async def _pass(self, request: NetworkRequest, row: NetworkRow) -> NetworkRow:
        decided = NetworkPlan(Verdict(VerdictKind.CONVERGING), begun=row.begun)
        zones = dict(row.zones)
        try:
            seen = await self.observe(request.network, request.wish, row)
            if seen.network is not None:
                zones = {each.zone.name: str(each.zone) for each in seen.zones}
            timing = self.policy.timing
            decided = plan(seen, request.wish, mode=self.policy.spec.mode, now=self.clock(), timing=timing)
            await self._apply(request.network, decided)
        except ArmError as error:
            decided = self._failed(error, row)
        return self._row(row, request, decided, zones)

    def _failed(self, error: ArmError, row: NetworkRow) -> NetworkPlan:
        """Say what an error of Azure means; what was begun is decided anew."""
        memory = Memory(begun=row.begun)
        verdict = refused(error, memory, self.clock(), self.policy.timing)
        return NetworkPlan(verdict, begun={ERROR: row.begun.get(ERROR, self.clock())})

    def _row(
        self, before: NetworkRow, request: NetworkRequest, decided: NetworkPlan, zones: dict[str, str]
    ) -> NetworkRow:
        same = before.verdict is not None and heading(before.verdict) == heading(decided.verdict)
        log.info(
            "network",
            network=request.network,
            verdict=decided.verdict.kind,
            reason=decided.verdict.reason,
            step=decided.verdict.step,
            actions=len(decided.actions),
        )
        return replace(
            before,
            verdict=decided.verdict,
            since=before.since if same and before.since else self.clock(),
            asked=request.at,
            begun=decided.begun,
            zones=zones,
        )

    async def fail(self, wake: NetworkWake) -> None:
        """Make a message that was given up visible; the sweep tries the network again."""
        said = "the pass over it failed again and again; the log has the error"
        log.error("gave up", network=wake.network, because=said)
        row = await self.store.networks.row(wake.network)
        verdict = Verdict(VerdictKind.BLOCKED, Reason.FAILED, said)
        await self.store.networks.record(replace(row, verdict=verdict, since=self.clock()))

    # ── observe ─────────────────────────────────────────────────────────────────────────────────

    async def observe(self, network: NetworkId, wish: NetworkWish, row: NetworkRow) -> NetworkObserved:
        """Read the world around one network; raises ArmError."""
        there = await self.arm.networks.get(network)
        chosen = await self._chosen(network, wish, there, row)
        zones = await asyncio.gather(*(self._zone(each, there) for each in chosen))
        return NetworkObserved(network, there, tuple(zones), begun=row.begun)

    async def _zone(self, zone: NetworkId, there: NetworkSeen | None) -> ZoneSeen:
        exists = await self.arm.dns.zone_exists(zone)
        linked = exists and there is not None and await self.arm.dns.link_exists(zone, there.id)
        return ZoneSeen(zone, exists, linked)

    async def _chosen(
        self, network: NetworkId, wish: NetworkWish, there: NetworkSeen | None, row: NetworkRow
    ) -> list[NetworkId]:
        """Choose a zone for each name: one that the network has already, then the policy's, then one beside it.

        A network takes one zone of a name. So one that is linked already is looked for before any is made, in every
        subscription in scope; once chosen, it stays the one.
        """
        known = {zone.name: zone for zone in self._remembered(row)}
        unknown = frozenset(name for name in wish.zones if name not in known)
        if unknown and there is not None:
            known |= {zone.name: zone for zone in await self._linked_already(there.id, unknown)}
        return [known.get(name) or self._from_policy(name) or _beside(network, name) for name in wish.zones]

    def _remembered(self, row: NetworkRow) -> list[NetworkId]:
        """Give what was chosen before; not what was chosen while there was no network that could have any."""
        return [zone_id(text) for text in row.zones.values()]

    async def _linked_already(self, network: NetworkId, names: frozenset[str]) -> list[NetworkId]:
        subscriptions = {network.subscription, *(zone.subscription for zone in self._named_by_policy())}
        subscriptions |= set(await self.store.sweeps.scope())
        listed = await asyncio.gather(*(self._zones_in(each, names) for each in sorted(subscriptions)))
        zones = [zone for found in listed for zone in found]
        linked = await asyncio.gather(*(self.arm.dns.link_exists(zone, network) for zone in zones))
        return [zone for zone, is_linked in zip(zones, linked, strict=True) if is_linked]

    async def _zones_in(self, subscription: str, names: frozenset[str]) -> tuple[NetworkId, ...]:
        try:
            return await self.arm.dns.zones_of(subscription, names)
        except ArmError as error:
            if error.reason is not Reason.PERMISSION_DENIED:
                raise
            # What may not be seen may be there all the same: Azure then refuses the link, and that is told.
            log.info("zones not readable", subscription=subscription, code=error.code)
            return ()

    def _named_by_policy(self) -> list[NetworkId]:
        placements = (rule.placement.zones for rule in self.policy.placements.values())
        return [zone for zones in (self.policy.networks.zones, *placements) for zone in zones.values()]

    def _from_policy(self, name: str) -> NetworkId | None:
        return next((zone for zone in self._named_by_policy() if zone.name == name), None)

    # ── apply ───────────────────────────────────────────────────────────────────────────────────

    async def _apply(self, network: NetworkId, decided: NetworkPlan) -> None:
        for action in decided.actions:
            await self._carry_out(action)
            log.info("wrote", network=network, action=in_words(action))

    async def _carry_out(self, action: NetworkAction) -> None:
        match action:
            case CreateNetwork(network, wish):
                await self.arm.networks.create(network, wish)
            case WidenNetwork(network, prefixes):
                await self.arm.networks.widen(network, prefixes)
            case CreateSubnet(network, wish):
                await self.arm.networks.create_subnet(network, wish)
            case CreateZone(zone):
                await self.arm.dns.create_zone(zone)
            case LinkZone(zone, network):
                await self.arm.dns.link(zone, network)
            case other:
                assert_never(other)


def _beside(network: NetworkId, name: str) -> NetworkId:
    return NetworkId(network.subscription, network.group, "privateDnsZones", name)
