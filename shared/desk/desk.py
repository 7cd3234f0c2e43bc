"""What every resource of the API needs: which cache is meant, whether it is in scope, and whether it is there."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from shared.api.errors import NotHereError, RefusedError
from shared.arm.errors import ArmError
from shared.ids import CacheId, CacheType, GroupId, InvalidIdError
from shared.model import Kind, Look, Reason, Trigger, WakeUp
from shared.store.caches import CacheRow

if TYPE_CHECKING:
    from datetime import datetime

    from shared.api.calls import Call
    from shared.policy import Request
    from shared.reconcile import Reconciler, Seen
    from shared.store import Store
    from shared.waiting import Waiting

RETRY_AFTER: Mapping[str, str] = {"Retry-After": "10"}
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

    async def existing(self, named: Named) -> CacheId:
        """Ask Azure which cache is meant, where it is in scope: one read for each type that it can be.

        Raises InvalidIdError, NotHereError, RefusedError and ArmError.
        """
        caches = named.candidates()
        await self.insist_on_scope(named.group)
        answers = await asyncio.gather(*map(self._is_there, caches))
        there = [cache for cache, answer in zip(caches, answers, strict=True) if answer is True]
        for answer in answers:
            # What may not be read cannot be meant by a caller whom the other type answers.
            if isinstance(answer, ArmError) and not (there and answer.reason is Reason.PERMISSION_DENIED):
                raise answer
        return only(there, named)

    async def _is_there(self, cache: CacheId) -> bool | ArmError:
        try:
            return await self.reconciler.arm.caches(cache.type).get(cache) is not None
        except ArmError as error:
            return error

    async def wake(self, cache: CacheId, operation: str, caller: str) -> None:
        """Have a cache looked at, as somebody has asked for something."""
        wake = WakeUp(cache, Trigger.REQUEST, Look.QUICK, operation=operation, caller=caller)
        await self.store.queue.put(wake)

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
