"""What every resource of the API needs: which cache is meant, whether it is in scope, and whether it is there."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeVar

from shared.api.errors import ChangedError, NotHereError, RefusedError
from shared.arm.errors import ArmError
from shared.chronicle import values_of
from shared.desired import desired
from shared.ids import CacheId, CacheType, GroupId, InvalidIdError
from shared.model import Cache, Kind, Look, Reason, Trigger, Verdict, VerdictKind, WakeUp
from shared.store.caches import CacheRow
from shared.store.errors import ConflictError, StoreRefusedError, StoreUnavailableError
from shared.store.history import ASKED, HistoryRecord

if TYPE_CHECKING:
    from datetime import datetime

    from shared.api.calls import Call, Conditions
    from shared.model import Desired
    from shared.policy import Request
    from shared.reconcile import Reconciler, Seen
    from shared.store import Store
    from shared.store.requests import StoredRequest
    from shared.waiting import Waiting

P = TypeVar("P")

ATTEMPTS = 8
"""How often a write is tried that somebody else was faster with."""
_TYPES: Mapping[str, CacheType] = {
    Kind.CLASSIC: CacheType.REDIS,
    Kind.MANAGED: CacheType.ENTERPRISE,
    Kind.ENTERPRISE: CacheType.ENTERPRISE,
}


@dataclass(frozen=True, slots=True)
class Named:
    """A cache as a path names it. A classic cache and a cluster can share a name: ``kind`` tells which is meant."""

    group: GroupId
    name: str
    kind: str = ""
    """``classic``, ``managed`` or ``enterprise``; the last two are one type. "": whichever there is."""

    @classmethod
    def of(cls, call: Call) -> Self:
        """Read the path of a call; raises InvalidIdError."""
        return cls(GroupId.of(call.part("subscription"), call.part("group")), call.part("name"), call.kind)

    def candidates(self) -> tuple[CacheId, ...]:
        """Give the ids that it can stand for; raises InvalidIdError."""
        types = (_TYPES[self.kind],) if self.kind else tuple(CacheType)
        found: list[CacheId] = []
        refusals: list[InvalidIdError] = []
        for type_ in types:
            try:
                found.append(CacheId.of(self.group, type_.rpartition("/")[2], self.name))
            except InvalidIdError as error:
                refusals.append(error)
        if not found:
            # The types differ in how long a name may be, so one of them may take what the other refuses.
            raise refusals[0]
        return tuple(found)

    def __str__(self) -> str:
        return f"cache '{self.name[:63]}' in {self.group}"


@dataclass(frozen=True, slots=True)
class Desk:
    """Answers callers; acts only by storing what they ask for and waking the cache."""

    reconciler: Reconciler
    waiting: Waiting

    @property
    def store(self) -> Store:
        """What is stored."""
        return self.reconciler.store

    def now(self) -> datetime:
        """Read the app's clock."""
        return self.reconciler.clock()

    async def insist_on_scope(self, group: GroupId) -> None:
        """Raise NotHereError for what is out of scope: asked before any call to Azure."""
        found = await self.reconciler.found()
        if not self.reconciler.policy.scope.admits_group(group, found):
            raise NotHereError(f"{group} is out of scope")

    async def existing(self, named: Named) -> Cache:
        """Ask Azure which cache is meant, where it is in scope: one read for each type that it can be.

        Raises InvalidIdError, NotHereError, RefusedError and ArmError.
        """
        caches = named.candidates()
        await self.insist_on_scope(named.group)
        answers = await asyncio.gather(*map(self._is_there, caches))
        there = [answer for answer in answers if isinstance(answer, Cache)]
        for answer in answers:
            # What may not be read cannot be meant by a caller whom the other type answers.
            if isinstance(answer, ArmError) and not (there and answer.reason is Reason.PERMISSION_DENIED):
                raise answer
        meant = only([cache.id for cache in there], named)
        return next(cache for cache in there if cache.id == meant)

    async def _is_there(self, cache: CacheId) -> Cache | ArmError | None:
        try:
            return await self.reconciler.arm.caches(cache.type).get(cache)
        except ArmError as error:
            return error

    async def stored(self, request: StoredRequest, conditions: Conditions) -> StoredRequest:
        """Store a request over whatever was there, under the caller's conditions; raises ChangedError."""
        for _ in range(ATTEMPTS):
            before = await self.store.requests.get(request.cache, request.placement, request.subject)
            conditions.insist_on(etag(before.etag) if before and not before.withdrawn else "")
            if written := await self.written(request, before, conditions):
                return written
        raise StoreUnavailableError(f"the request for {request.cache} changes faster than it can be written")

    async def written(
        self, request: StoredRequest, before: StoredRequest | None, conditions: Conditions
    ) -> StoredRequest | None:
        """Write a request over the one that was read; None where somebody was faster, and it may be tried again."""
        try:
            if before is None:
                return await self.store.requests.add(request)
            return await self.store.requests.put(request, before.etag)
        except ConflictError as error:
            if conditions.given:
                raise ChangedError("somebody else has changed it just now; read it again", "If-Match") from error
            return None

    async def listed(self, page: Awaitable[P], token: str) -> P:
        """Give a page of a list; a token that storage cannot make anything of is the caller's mistake."""
        try:
            return await page
        except StoreRefusedError as error:
            if not token:
                raise
            raise RefusedError("pageToken is not one that a page has given", "pageToken") from error

    async def wanted(self, cache: Cache, mine: StoredRequest | None = None) -> Desired:
        """Say what is asked of a cache that was just read, as if a request were stored already; no call to Azure."""
        wishes = await self.wishes_with(cache.id, mine)
        found = await self.reconciler.found()
        return desired(self.reconciler.policy, cache, wishes, self.now(), found)

    async def wishes_with(self, cache: CacheId, mine: StoredRequest | None) -> tuple[Request, ...]:
        """Give what callers have asked for, one request being as given."""
        wishes = await self.reconciler.wishes(cache)
        if mine is None:
            return wishes
        others = (w for w in wishes if (w.subject, w.placement) != (mine.subject, mine.placement))
        return (*others, mine.wish)

    async def seen_with(self, request: StoredRequest, row: CacheRow | None) -> Seen:
        """Read a cache as if a request were stored already."""
        return await self.seen(request.cache, row, await self.wishes_with(request.cache, request))

    async def heard(self, cache: CacheId, call: Call, what: str) -> None:
        """Have a cache looked at, as a call has asked for something, and write into its history who asked for what."""
        await self.told(cache, f"{call.operation.method} {call.operation.tag}", call.caller.name, what)

    async def wake(self, cache: CacheId, operation: str, caller: str) -> WakeUp:
        """Have a cache looked at, as somebody has asked for something; gives the wake-up."""
        wake = WakeUp(cache, Trigger.REQUEST, Look.QUICK, operation=operation, caller=caller)
        await self.store.queue.put(wake)
        return wake

    async def told(self, cache: CacheId, operation: str, caller: str, what: str) -> None:
        """Have a cache looked at, as somebody has asked for something, and write into its history who asked for what.

        The wish is stored by then: what is woken twice does no harm, and what is not would wait for the sweep.
        """
        wake = await self.wake(cache, operation, caller)
        row = await self.store.caches.read(cache) or CacheRow(cache)
        verdict = row.verdict or Verdict(VerdictKind.CONVERGING, message="No pass has been made yet.")
        newest = (await self.store.history.page(cache, 1)).items
        record = HistoryRecord.of(
            cache=cache,
            revision=max(row.revision, *(each.revision for each in newest), 0) + 1,
            at=self.now(),
            pass_id=f"{ASKED}{uuid.uuid4().hex[:12]}",
            wake=wake,
            before=row.verdict,
            after=verdict,
            actions=(what,),
            was=values_of(row),
            became=values_of(row),
        )
        while not await self.store.history.insert(record):
            record = record.later()

    async def seen(self, cache: CacheId, row: CacheRow | None, wishes: tuple[Request, ...] | None = None) -> Seen:
        """Read all there is to see of a cache, as if these were its requests; raises NotHereError and ArmError."""
        wake = WakeUp(cache, Trigger.REQUEST, Look.FULL)
        seen = await self.reconciler.observe(wake, row or CacheRow(cache), wishes)
        if seen is None or seen.observed.cache is None:
            raise NotHereError(str(cache))
        return seen


def only(caches: list[CacheId], named: Named) -> CacheId:
    """Give the one cache that is meant; raises NotHereError for none and RefusedError for two."""
    if not caches:
        raise NotHereError(str(named))
    if len(caches) > 1:
        both = " and ".join(cache.type for cache in caches)
        raise RefusedError(f"{named} is two caches, {both}: say which with ?kind=classic or ?kind=managed", "kind")
    return caches[0]


def etag(stored: str) -> str:
    """Give the ETag that callers see for what is stored: storage's own says when it was written."""
    return f'"{hashlib.sha256(stored.encode()).hexdigest()[:16]}"' if stored else ""
