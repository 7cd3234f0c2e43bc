"""Endpoints that callers ask for. Saying where one stands costs no call to Azure Resource Manager."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from shared.api.calls import Answer
from shared.api.errors import ChangedError, NotHereError, RefusedError
from shared.api.shapes.common import Rehearsed, State
from shared.api.shapes.endpoints import EndpointStanding, EndpointWish
from shared.desk.desk import ATTEMPTS, RETRY_AFTER, Desk, Named, etag, only
from shared.desk.standing import STATUS, planned, said, state_of
from shared.planner import endpoint_name, plan
from shared.policy import Request
from shared.store.errors import ConflictError, StoreUnavailableError
from shared.store.requests import EndpointRequest

if TYPE_CHECKING:
    from shared.api.calls import Call, Conditions
    from shared.ids import CacheId
    from shared.model import Verdict
    from shared.policy import PlacementRule
    from shared.store.caches import CacheRow


@dataclass(frozen=True, slots=True)
class EndpointsDesk:
    """Answers what is asked about endpoints."""

    desk: Desk

    async def ask(self, call: Call) -> Answer:
        """Store that an endpoint is wanted, wake the cache, and say where it stands."""
        call.given(EndpointWish)
        cache = await self.desk.existing(Named.of(call))
        placement = call.part("placement")
        rule = self._placement(placement)
        if not rule.open_to(cache):
            raise RefusedError(f"placement '{placement}' is not for this cache's subscription or group", "placement")
        request = EndpointRequest(cache, placement, call.caller.name, self.desk.now())
        if call.dry_run:
            return await self._rehearsed(request, call.conditions)
        stored = await self._stored(request, call.conditions)
        await self.desk.wake(cache, "PUT endpoint", call.caller.name)
        return await self._answer(cache, placement, stored, call.wait)

    async def show(self, call: Call) -> Answer:
        """Say where a requested endpoint stands."""
        named, placement = Named.of(call), call.part("placement")
        candidates = named.candidates()
        await self.desk.insist_on_scope(named.group)
        if placement not in self.desk.reconciler.policy.placements:
            raise NotHereError(f"placement {placement[:63]}")
        wanted = [cache for cache in candidates if await self._wanted(cache, placement)]
        cache = only(wanted, named)
        request = await self.desk.store.requests.get(cache, placement)
        return await self._answer(cache, placement, request, call.wait)

    async def _wanted(self, cache: CacheId, placement: str) -> bool:
        request = await self.desk.store.requests.get(cache, placement)
        if request and not request.withdrawn:
            return True
        row = await self.desk.store.caches.read(cache)
        return row is not None and placement in row.placements.split(",")

    async def _stored(self, request: EndpointRequest, conditions: Conditions) -> EndpointRequest:
        """Store a request; asking again renews it, unless what it asks for is there already.

        A renewed request is looked at anew: it lifts a lockdown, and no earlier verdict is its answer.
        """
        for _ in range(ATTEMPTS):
            before = await self._before(request, conditions)
            if before and not before.withdrawn and await self._is_ready(before):
                return before
            try:
                if before is None:
                    return await self.desk.store.requests.add(request)
                return await self.desk.store.requests.put(request, before.etag)
            except ConflictError as error:
                if conditions.given:
                    raise ChangedError("somebody else has changed it just now; read it again", "If-Match") from error
        raise StoreUnavailableError(f"the request for {request.cache} changes faster than it can be written")

    async def _before(self, request: EndpointRequest, conditions: Conditions) -> EndpointRequest | None:
        before = await self.desk.store.requests.get(request.cache, request.placement)
        conditions.insist_on(etag(before.etag) if before and not before.withdrawn else "")
        return before

    async def _is_ready(self, request: EndpointRequest) -> bool:
        row = await self.desk.store.caches.read(request.cache)
        return state_of(_answering(request, row, request.placement)) is State.READY

    async def _rehearsed(self, request: EndpointRequest, conditions: Conditions) -> Answer:
        """Say what the request would change; nothing is stored, and nobody is woken."""
        before = await self._before(request, conditions)
        there = before is not None and not before.withdrawn
        row = await self.desk.store.caches.read(request.cache)
        wishes = await self.desk.reconciler.wishes(request.cache)
        others = tuple(each for each in wishes if each.placement != request.placement)
        mine = Request(request.placement, request.requested_at, request.requested_by)
        seen = await self.desk.seen(request.cache, row, (*others, mine))
        decided = plan(seen.observed, seen.desired, self.desk.now())
        where = f"the request for an endpoint in placement '{request.placement}' would be"
        return Answer(
            Rehearsed(dry_run=True, stored=f"{where} {'renewed' if there else 'stored'}", plan=planned(decided)),
            etag=etag(before.etag) if before and there else "",
        )

    async def _answer(self, cache: CacheId, placement: str, request: EndpointRequest | None, wait: float) -> Answer:
        standing = await self.desk.waiting.until(
            str(cache),
            partial(self.desk.store.caches.read, cache),
            lambda row: self._standing(cache, placement, request, row),
            lambda found: found.state is not State.CONVERGING,
            wait,
        )
        known = etag(request.etag) if request and not request.withdrawn else ""
        headers = RETRY_AFTER if standing.state is State.CONVERGING else {}
        return Answer(standing, STATUS[standing.state], known, headers)

    def _standing(
        self, cache: CacheId, placement: str, request: EndpointRequest | None, row: CacheRow | None
    ) -> EndpointStanding:
        verdict = _answering(request, row, placement)
        name = self._placement(placement).placement.endpoint(endpoint_name(cache, placement))
        bare = EndpointStanding(id=str(cache), placement=placement, state=state_of(verdict), endpoint=str(name))
        if verdict is None or row is None:
            return replace(bare, step="the request waits for its first pass")
        told = said(verdict)
        return replace(
            bare,
            verdict=told.verdict,
            reason=told.reason,
            message=told.message,
            step=told.step.value if told.step else "",
            since=row.since.isoformat() if row.since else None,
            until=told.until,
            look_again_after_seconds=told.look_again_after_seconds,
            help=told.help,
        )

    def _placement(self, name: str) -> PlacementRule:
        placements = self.desk.reconciler.policy.placements
        if name not in placements:
            known = ", ".join(placements) or "none"
            raise RefusedError(f"'{name[:63]}' is not a placement of the policy, which has: {known}", "placement")
        return placements[name]


def _answering(request: EndpointRequest | None, row: CacheRow | None, placement: str) -> Verdict | None:
    """Give the verdict that answers a request: that of a pass which knew of it; None before there is one."""
    if row is None or placement not in row.placements.split(","):
        return None
    unanswered = request is not None and (row.asked is None or row.asked < request.requested_at)
    return None if unanswered else row.verdict
