"""Exemptions that Admins grant: within what the policy allows, for a reason, and with an end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from shared.api.calls import Answer
from shared.api.errors import ChangedError, RefusedError
from shared.api.shapes.common import Rehearsed, State
from shared.api.shapes.exemptions import ExemptionShown, ExemptionWish
from shared.desired import end_of
from shared.desk.desk import ATTEMPTS, Desk, Named, etag, only
from shared.desk.standing import planned, said
from shared.model import Subject
from shared.planner import plan
from shared.store.errors import ConflictError, StoreUnavailableError
from shared.store.requests import StoredRequest
from shared.wishes import OWNER, REASON, UNTIL

if TYPE_CHECKING:
    from shared.api.calls import Call
    from shared.ids import CacheId
    from shared.store.caches import CacheRow


@dataclass(frozen=True, slots=True)
class ExemptionsDesk:
    """Answers what is asked about exemptions."""

    desk: Desk

    async def show(self, call: Call) -> Answer:
        """Say what was granted, also when it has ended."""
        named = Named.of(call)
        candidates = named.candidates()
        await self.desk.insist_on_scope(named.group)
        found = {cache: stored for cache in candidates if (stored := await self._stored(cache))}
        cache = only(list(found), named)
        return Answer(self._shown(found[cache], await self.desk.store.caches.read(cache)), etag=etag(found[cache].etag))

    async def grant(self, call: Call) -> Answer:
        """Store an exemption, and wake the cache."""
        wish = call.given(ExemptionWish)
        self._insist_on_bounds(wish)
        cache = (await self.desk.existing(Named.of(call))).id
        options = {UNTIL: wish.until.isoformat(), REASON: wish.reason.strip(), OWNER: wish.owner.strip()}
        by, at = call.caller.name, self.desk.now()
        request = StoredRequest(cache, "", by, at, options=options, subject=Subject.EXEMPTION)
        if call.dry_run:
            return await self._rehearsed(request, call, f"an exemption until {wish.until} would be stored")
        stored = await self.desk.stored(request, call.conditions)
        what = f"exempted the cache until {wish.until}, as {wish.reason or 'no reason given'}; ask {wish.owner}"
        await self.desk.heard(cache, call, what)
        return Answer(self._shown(stored, await self.desk.store.caches.read(cache)), etag=etag(stored.etag))

    async def end(self, call: Call) -> Answer:
        """Take an exemption back, and wake the cache."""
        cache = (await self.desk.existing(Named.of(call))).id
        if call.dry_run:
            nothing = StoredRequest(cache, "", "", self.desk.now(), withdrawn=True, subject=Subject.EXEMPTION)
            return await self._rehearsed(nothing, call, "the exemption would be deleted")
        for _ in range(ATTEMPTS):
            stored = await self._stored(cache)
            call.conditions.insist_on(etag(stored.etag) if stored else "")
            if stored is None:
                return Answer("", 204)
            try:
                await self.desk.store.requests.remove(stored)
            except ConflictError as error:
                if call.conditions.given:
                    raise ChangedError("somebody else has changed it just now; read it again", "If-Match") from error
                continue
            await self.desk.heard(cache, call, f"ended the exemption until {stored.options[UNTIL]}")
            return Answer("", 204)
        raise StoreUnavailableError(f"the exemption of {cache} changes faster than it can be deleted")

    async def _stored(self, cache: CacheId) -> StoredRequest | None:
        return await self.desk.store.requests.get(cache, subject=Subject.EXEMPTION)

    def _insist_on_bounds(self, wish: ExemptionWish) -> None:
        bounds = self.desk.reconciler.policy.spec.exemptions
        today = self.desk.now().date()
        latest = today + timedelta(days=bounds.max_days)
        if not today <= wish.until <= latest:
            raise RefusedError(
                f"until is {wish.until}; it must be from {today} to {latest}, as the policy says", "until"
            )
        if bounds.require_reason and not wish.reason.strip():
            raise RefusedError("the policy requires a reason for an exemption", "reason")

    async def _rehearsed(self, request: StoredRequest, call: Call, told: str) -> Answer:
        before = await self._stored(request.cache)
        call.conditions.insist_on(etag(before.etag) if before else "")
        seen = await self.desk.seen_with(request, await self.desk.store.caches.read(request.cache))
        decided = planned(plan(seen.observed, seen.desired, self.desk.now()))
        return Answer(Rehearsed(dry_run=True, stored=told, plan=decided))

    def _shown(self, stored: StoredRequest, row: CacheRow | None) -> ExemptionShown:
        until = date.fromisoformat(stored.options[UNTIL])
        ends = end_of(until)
        reminder = ends - timedelta(days=self.desk.reconciler.policy.spec.exemptions.remind_days)
        return ExemptionShown(
            id=str(stored.cache),
            state=State.READY if self.desk.now() < ends else State.BLOCKED,
            until=until,
            reason=stored.options.get(REASON, ""),
            owner=stored.options.get(OWNER, ""),
            granted_by=stored.requested_by,
            granted_at=stored.requested_at.isoformat(),
            remind_at=reminder.isoformat(),
            ends=ends.isoformat(),
            verdict=said(row.verdict) if row and row.verdict else None,
        )
