"""Endpoints that callers ask for and withdraw. Saying where one stands costs no call to Azure Resource Manager."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from shared.api.calls import Answer
from shared.api.errors import ClashError
from shared.api.operation import Role
from shared.api.shapes.common import Rehearsed, State
from shared.api.shapes.endpoints import EndpointStanding, EndpointWish
from shared.desk.choices import chosen, placement_of
from shared.desk.desk import ATTEMPTS, Desk, Named, etag, only
from shared.desk.standing import answer, planned, state_of, with_verdict
from shared.model import PublicAccess
from shared.planner import endpoint_name, is_last, plan
from shared.store.errors import StoreUnavailableError
from shared.store.requests import StoredRequest
from shared.wishes import free_endpoint, last_allowed, options_of, withdrawing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.api.calls import Call, Conditions
    from shared.ids import CacheId, NetworkId
    from shared.model import Verdict
    from shared.reconcile import Seen
    from shared.store.caches import CacheRow


@dataclass(frozen=True, slots=True)
class EndpointsDesk:
    """Answers what is asked about endpoints."""

    desk: Desk

    # ── asking ──────────────────────────────────────────────────────────────────────────────────

    async def ask(self, call: Call) -> Answer:
        """Store that an endpoint is wanted, wake the cache, and say where it stands."""
        wish, placement = call.given(EndpointWish), placement_of(call)
        cache = await self.desk.existing(Named.of(call))
        options = await chosen(self.desk, cache, placement, wish)
        request = StoredRequest(cache.id, placement, call.caller.name, self.desk.now(), options=options)
        if call.dry_run:
            return await self._rehearsed(request, call.conditions)
        stored = await self._stored(request, call.conditions)
        if stored.requested_at == request.requested_at:
            await self.desk.heard(cache.id, call, f"asked for an endpoint in placement '{placement}'")
        else:
            # It is there as asked for, as far as is known: a look does no harm, and nothing new was asked for.
            await self.desk.wake(cache.id, "PUT endpoints", call.caller.name)
        return await self._answer(stored, cache.id, placement, call.wait)

    async def _stored(self, request: StoredRequest, conditions: Conditions) -> StoredRequest:
        """Store a request; asking again renews it, unless what it asks for is there already.

        A renewed request is looked at anew: it lifts a lockdown, and no earlier verdict is its answer.
        """
        for _ in range(ATTEMPTS):
            before = await self._before(request, conditions)
            await self._insist_on_choices(request, before)
            same = before is not None and before.asks_the_same(request)
            if before and same and await self._is_ready(before):
                return before
            if written := await self.desk.written(request, before, conditions):
                return written
        raise StoreUnavailableError(f"the request for {request.cache} changes faster than it can be written")

    async def _before(self, request: StoredRequest, conditions: Conditions) -> StoredRequest | None:
        before = await self.desk.store.requests.get(request.cache, request.placement)
        conditions.insist_on(etag(before.etag) if before and not before.withdrawn else "")
        return before

    async def _insist_on_choices(self, request: StoredRequest, before: StoredRequest | None) -> None:
        """Refuse to choose otherwise about an endpoint that is there: Azure changes none of it afterwards."""
        known = before.options if before and not before.withdrawn else {}
        if dict(known) == dict(request.options):
            return
        for name in {self._named(request.cache, request.placement, each) for each in (known, {})}:
            if name and await self.desk.reconciler.arm.network.endpoint(name):
                message = f"endpoint {name.name} is there already, and what was chosen about it stays: delete it first"
                raise ClashError(message, "placement", code="EndpointExists")

    async def _is_ready(self, request: StoredRequest) -> bool:
        row = await self.desk.store.caches.read(request.cache)
        return state_of(_answering(request, row, request.placement)) is State.READY

    # ── withdrawing ─────────────────────────────────────────────────────────────────────────────

    async def withdraw(self, call: Call) -> Answer:
        """Store that an endpoint is not wanted any more, wake the cache, and say where it stands."""
        if call.query["lastEndpoint"]:
            call.caller.insist_on(Role.ADMIN)
        placement = placement_of(call)
        cache = (await self.desk.existing(Named.of(call))).id
        for _ in range(ATTEMPTS):
            if answer := await self._withdrawn(call, cache, placement):
                return answer
        raise StoreUnavailableError(f"the request for {cache} changes faster than it can be withdrawn")

    async def _withdrawn(self, call: Call, cache: CacheId, placement: str) -> Answer | None:
        """Decide on what is stored now, and write over just that; None where somebody else was faster."""
        row = await self.desk.store.caches.read(cache)
        before = await self.desk.store.requests.get(cache, placement)
        call.conditions.insist_on(etag(before.etag) if before and not before.withdrawn else "")
        if before is None and not self._made(cache, placement, row):
            return Answer("", 204)
        request = self._withdrawal(call, cache, before)
        seen = await self.desk.seen_with(request, row)
        self._insist_on_leave(request, seen)
        if call.dry_run:
            decided = planned(plan(seen.observed, seen.desired, self.desk.now()))
            told = f"the request for an endpoint in placement '{placement}' would be withdrawn"
            return Answer(Rehearsed(dry_run=True, stored=told, plan=decided))
        if before and before.asks_the_same(request):
            await self.desk.wake(cache, "DELETE endpoints", call.caller.name)
            return await self._answer(before, cache, placement, call.wait)
        written = await self.desk.written(request, before, call.conditions)
        if written is None:
            return None
        how = ", though it may be the last one" if last_allowed(request.options) else ""
        await self.desk.heard(cache, call, f"withdrew the endpoint in placement '{placement}'{how}")
        return await self._answer(written, cache, placement, call.wait)

    def _withdrawal(self, call: Call, cache: CacheId, before: StoredRequest | None) -> StoredRequest:
        last = bool(call.query["lastEndpoint"])
        options = withdrawing(before.options if before else {}, last=last)
        by, at = call.caller.name, self.desk.now()
        return StoredRequest(cache, call.part("placement"), by, at, withdrawn=True, options=options)

    def _insist_on_leave(self, request: StoredRequest, seen: Seen) -> None:
        """Refuse what would be undone at once, or would leave the cache without a way in unasked."""
        if request.placement in {placement.name for placement in seen.desired.placements}:
            raise ClashError(
                f"the cache's tags or the policy's rule ask for placement '{request.placement}' too: change those",
                "placement",
                code="WantedOtherwise",
            )
        name = options_of(request.options).name or endpoint_name(request.cache, request.placement)
        if not is_last(seen.observed, name) or (seen.desired.placements and not last_allowed(request.options)):
            return
        if seen.observed.cache and seen.observed.cache.public_access is PublicAccess.ABSENT:
            message = f"endpoint {name} is the last one, and without it the cache would be open to everybody"
            raise ClashError(message, "placement", code="LastEndpoint")
        if not last_allowed(request.options):
            message = f"endpoint {name} is the last one of the cache: an Admin may delete it with ?lastEndpoint=true"
            raise ClashError(message, "lastEndpoint", code="LastEndpoint")

    def _made(self, cache: CacheId, placement: str, row: CacheRow | None) -> bool:
        """Tell whether Drawbridge made an endpoint here that nobody asked for through the API."""
        name = self._named(cache, placement, {})
        return name is not None and row is not None and name in row.memory.made

    # ── looking ─────────────────────────────────────────────────────────────────────────────────

    async def show(self, call: Call) -> Answer:
        """Say where a requested endpoint stands."""
        named, placement = Named.of(call), placement_of(call)
        candidates = named.candidates()
        await self.desk.insist_on_scope(named.group)
        wanted: dict[CacheId, StoredRequest | None] = {}
        for candidate in candidates:
            request, there = await self._found(candidate, placement)
            wanted |= {candidate: request} if there else {}
        cache = only(list(wanted), named)
        return await self._answer(wanted[cache], cache, placement, call.wait)

    async def _found(self, cache: CacheId, placement: str) -> tuple[StoredRequest | None, bool]:
        """Read a request, and tell whether there is anything to say of the placement."""
        request = await self.desk.store.requests.get(cache, placement)
        if request and not request.withdrawn:
            return request, True
        row = await self.desk.store.caches.read(cache)
        if row is not None and placement in row.placements.split(","):
            return None, True
        return request, request is not None and not _gone(request, row)

    async def _rehearsed(self, request: StoredRequest, conditions: Conditions) -> Answer:
        """Say what the request would change; nothing is stored, and nobody is woken."""
        before = await self._before(request, conditions)
        await self._insist_on_choices(request, before)
        there = before is not None and not before.withdrawn
        seen = await self.desk.seen_with(request, await self.desk.store.caches.read(request.cache))
        decided = planned(plan(seen.observed, seen.desired, self.desk.now()))
        where = f"the request for an endpoint in placement '{request.placement}' would be"
        told = Rehearsed(dry_run=True, stored=f"{where} {'renewed' if there else 'stored'}", plan=decided)
        return Answer(told, etag=etag(before.etag) if before and there else "")

    async def _answer(self, request: StoredRequest | None, cache: CacheId, placement: str, wait: float) -> Answer:
        standing = await self.desk.waiting.until(
            str(cache),
            partial(self.desk.store.caches.read, cache),
            lambda row: self._standing(cache, placement, request, row),
            lambda found: found is None or found.state is not State.CONVERGING,
            wait,
        )
        if standing is None:
            return Answer("", 204)
        known = etag(request.etag) if request and not request.withdrawn else ""
        return answer(standing, standing.state, known)

    def _standing(
        self, cache: CacheId, placement: str, request: StoredRequest | None, row: CacheRow | None
    ) -> EndpointStanding | None:
        """Say where a request stands; None where it was withdrawn and is gone."""
        leaves = request is not None and request.withdrawn
        if request and row and leaves and _gone(request, row) and state_of(row.verdict) is not State.CONVERGING:
            # What is still under way then is the DNS of those that stay.
            return None
        verdict = _leaving(request, row) if request and leaves else _answering(request, row, placement)
        granted = leaves or row is None or placement in row.placements.split(",")
        state = state_of(verdict) if verdict is None or granted else State.BLOCKED
        name = self._named(cache, placement, request.options if request else {})
        bare = EndpointStanding(
            id=str(cache), placement=placement, state=state, endpoint=str(name or ""), withdrawn=leaves
        )
        return with_verdict(bare, verdict, row.since if row else None)

    def _named(self, cache: CacheId, placement: str, options: Mapping[str, str]) -> NetworkId | None:
        """Give the id of the endpoint; None where neither the policy nor the request says where it is."""
        name = options_of(options).name or endpoint_name(cache, placement)
        rule = self.desk.reconciler.policy.placements.get(placement)
        return rule.placement.endpoint(name) if rule else free_endpoint(options, name)


def _heard(request: StoredRequest, row: CacheRow | None) -> bool:
    """Tell whether a pass has known of a request."""
    return row is not None and row.asked is not None and row.asked >= request.requested_at


def _gone(request: StoredRequest, row: CacheRow | None) -> bool:
    """Tell whether a pass has found nothing left to do for a request that was withdrawn."""
    return row is not None and _heard(request, row) and request.placement not in row.leaving.split(",")


def _leaving(request: StoredRequest, row: CacheRow | None) -> Verdict | None:
    return row.verdict if row and _heard(request, row) else None


def _answering(request: StoredRequest | None, row: CacheRow | None, placement: str) -> Verdict | None:
    """Give the verdict that answers a request: that of a pass which knew of it; None before there is one."""
    if row is None or (request is None and placement not in row.placements.split(",")):
        return None
    return row.verdict if request is None or _heard(request, row) else None
