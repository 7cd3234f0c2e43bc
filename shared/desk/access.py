"""Public network access: closed and kept closed, or opened once where policy or an exemption allows it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from shared.api.calls import Answer
from shared.api.errors import ClashError
from shared.api.operation import Role
from shared.api.shapes.access import Access, AccessStanding, AccessWish
from shared.api.shapes.common import Rehearsed, State
from shared.desk.desk import Desk, Named, etag
from shared.desk.standing import answer, planned, said, state_of
from shared.model import PublicAccess, Subject
from shared.planner import plan
from shared.store.requests import StoredRequest
from shared.wishes import ACCESS

if TYPE_CHECKING:
    from shared.api.calls import Call
    from shared.model import Cache, Desired
    from shared.store.caches import CacheRow


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is wanted of a cache, and by whom."""

    cache: Cache
    wanted: Access | None
    request: StoredRequest | None


@dataclass(frozen=True, slots=True)
class AccessDesk:
    """Answers what is asked about public network access."""

    desk: Desk

    async def show(self, call: Call) -> Answer:
        """Say how it is and shall be."""
        cache = await self.desk.existing(Named.of(call))
        request = await self.desk.store.requests.get(cache.id, subject=Subject.ACCESS)
        if request:
            return await self._answer(_Asked(cache, Access(request.options[ACCESS]), request), call.wait)
        wanted = await self.desk.wanted(cache)
        closes = wanted.close and wanted.exemption is None
        return await self._answer(_Asked(cache, Access.DISABLED if closes else None, None), call.wait)

    async def ask(self, call: Call) -> Answer:
        """Store how it shall be, wake the cache, and say where it stands."""
        wanted = call.given(AccessWish).public_network_access
        if wanted is Access.ENABLED:
            call.caller.insist_on(Role.ADMIN)
        cache = await self.desk.existing(Named.of(call))
        by, at = call.caller.name, self.desk.now()
        options = {ACCESS: wanted.value}
        request = StoredRequest(cache.id, "", by, at, options=options, subject=Subject.ACCESS)
        _insist(cache, wanted, await self.desk.wanted(cache, request))
        if call.dry_run:
            seen = await self.desk.seen_with(request, await self.desk.store.caches.read(cache.id))
            before = await self.desk.store.requests.get(cache.id, subject=Subject.ACCESS)
            call.conditions.insist_on(etag(before.etag) if before else "")
            decided = planned(plan(seen.observed, seen.desired, self.desk.now()))
            told = f"that public network access shall be {wanted.value} would be stored"
            return Answer(Rehearsed(dry_run=True, stored=told, plan=decided))
        stored = await self.desk.stored(request, call.conditions)
        await self.desk.heard(cache.id, call, f"asked for public network access to be {wanted.value}")
        return await self._answer(_Asked(cache, wanted, stored), call.wait)

    async def _answer(self, asked: _Asked, wait: float) -> Answer:
        standing = await self.desk.waiting.until(
            str(asked.cache.id),
            partial(self.desk.store.caches.read, asked.cache.id),
            partial(_standing, asked),
            lambda found: found.state is not State.CONVERGING,
            wait,
        )
        return answer(standing, standing.state, etag(asked.request.etag) if asked.request else "")


def _insist(cache: Cache, wanted: Access, asked: Desired) -> None:
    """Refuse what the cache cannot do, and what the policy does not allow."""
    if cache.public_access is PublicAccess.ABSENT:
        message = "the cluster is too old to have publicNetworkAccess: it is public exactly while it has no endpoint"
        raise ClashError(message, "publicNetworkAccess", code="NoPublicNetworkAccess")
    if cache.vnet_injected:
        message = "the cache is inside a virtual network, where public access cannot be switched"
        raise ClashError(message, "publicNetworkAccess", code="NoPublicNetworkAccess")
    if wanted is Access.ENABLED and not asked.opened:
        message = "the policy closes this cache; it can be opened while an exemption holds"
        raise ClashError(message, "publicNetworkAccess", code="PolicyCloses")


def _standing(asked: _Asked, row: CacheRow | None) -> AccessStanding:
    request = asked.request
    heard = row is not None and (request is None or (row.asked is not None and row.asked >= request.requested_at))
    # Before a pass has known of the request, what the caller's own call has read is the latest.
    shown = row.public_access if row and heard and request else asked.cache.public_access.value
    public = PublicAccess(shown or asked.cache.public_access.value)
    verdict = row.verdict if row and heard else None
    return AccessStanding(
        id=str(asked.cache.id),
        state=_state(asked, public, verdict_state=state_of(verdict), is_heard=heard),
        public_network_access=public,
        wanted=asked.wanted,
        requested_by=request.requested_by if request else "",
        verdict=said(verdict) if verdict else None,
        since=row.since.isoformat() if row and row.since and verdict else None,
    )


def _state(asked: _Asked, public: PublicAccess, *, verdict_state: State, is_heard: bool) -> State:
    """Ready when it is as it shall be; what no pass will change any more is Blocked."""
    if asked.wanted is None or public.value == asked.wanted.value:
        return State.READY
    if not is_heard or verdict_state is State.CONVERGING:
        return State.CONVERGING
    return State.BLOCKED
