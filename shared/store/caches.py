"""One row per cache: what the last pass found, and the claim of the pass that is running.

The claim is two properties of the row, guarded by its ETag, so that taking it costs one read and one write
and recording a pass gives it back in the same write. All its times are the storage service's own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec

from shared.ids import CacheId, GroupId
from shared.logs import Log
from shared.model import Memory, Verdict
from shared.store.account import Account, Page, Query, Row, Table, Written
from shared.store.encoding import Key, bounded, cache_key, cache_of_key, fits, from_json, keys_below, to_json
from shared.store.errors import ClaimLostError, ConflictError, StoreUnavailableError

T = TypeVar("T")
log = Log(__name__)

_ATTEMPTS = 8
_PROBLEM_LIMIT = 2000
_INTENTS_KEPT = 4


@dataclass(frozen=True, slots=True)
class Intent:
    """What a pass is about to do, written down before it does it: gone with the record of the pass."""

    pass_id: str
    memory: Memory
    """What it had noticed, and what it counts on: the next pass shall know that too, should this one not live."""
    public_access: str
    """As it was seen before anything was done."""
    actions: tuple[str, ...] = ()
    """In words."""


@dataclass(frozen=True, slots=True)
class CacheRow:
    """What is kept of one cache between passes."""

    cache: CacheId
    verdict: Verdict | None = None
    since: datetime | None = None
    """Since when the verdict has been this one."""
    memory: Memory = field(default_factory=Memory)
    verified: str = ""
    """Fingerprint of the last full look that found all as it should be; "" when the last one did not."""
    verified_at: datetime | None = None
    last_started: datetime | None = None
    """When the last finished pass took its claim (storage service's clock); set by ``record`` alone."""
    last_pass: str = ""
    """The id of that pass; set by ``record`` alone."""
    revision: int = 0
    unannounced: tuple[str, ...] = ()
    """Ids of history rows that are written and not yet published."""
    retry_at: datetime | None = None
    """Not before this does the sweep queue a Blocked cache again."""
    digest: str = ""
    """The policy that it was judged under."""
    seen: str = ""
    """What a list showed of it at the last pass, in sum."""
    placements: str = ""
    """The placements that the last pass wanted endpoints in, separated by commas."""
    leaving: str = ""
    """The placements whose endpoints callers have withdrawn and that were not gone at the last pass."""
    asked: datetime | None = None
    """When the latest request was made that the last pass knew of: a later one has no answer yet."""
    kind: str = ""
    region: str = ""
    public_access: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    """The error that ended the last pass without a verdict; "" when it had one."""
    intents: tuple[Intent, ...] = ()
    """Of passes that have not recorded what came of them, oldest first."""
    claimed_by: str = ""
    """The pass that is running; kept by ``CacheRows`` alone."""
    claimed_until: datetime | None = None

    @property
    def known(self) -> Memory:
        """What the next pass shall know: more than was recorded, where a pass has noticed more and did not live."""
        return self.intents[-1].memory if self.intents else self.memory

    @property
    def unfinished(self) -> bool:
        """A pass has begun on this cache and did not come to its end; of a claim's row: one before it."""
        return bool(self.claimed_by or self.problem or self.intents)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right of one pass to work on a cache, until ``until``."""

    row: CacheRow
    """As it was when the claim was taken, or as it is since it was recorded."""
    pass_id: str
    started: datetime
    """When the claim was taken, by the storage service's clock, rounded down to the second."""
    until: datetime
    etag: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Covered:
    """A pass that started after the wake-up has finished: there is nothing to do."""

    row: CacheRow


@dataclass(frozen=True, slots=True)
class Taken:
    """Another pass is running."""

    until: datetime
    """When its claim runs out (storage service's clock) should its worker be dead; it will mostly end sooner."""


@dataclass(frozen=True, slots=True)
class FleetFilter:
    """Which caches to list; "" asks for any. Texts are compared as the rows hold them."""

    subscription: str = ""
    group: str = ""
    verdict: str = ""
    reason: str = ""
    kind: str = ""
    region: str = ""
    public_access: str = ""


@dataclass(frozen=True, slots=True)
class Tally:
    """What is counted of one cache: a small part of its row."""

    cache: CacheId
    kind: str
    verdict: str
    """"" before the first pass."""
    reason: str
    tags: Mapping[str, str]


class CacheRows:
    """The table ``caches``."""

    def __init__(self, account: Account) -> None:
        self.table = Table(account, "caches")

    # ── the claim ───────────────────────────────────────────────────────────────────────────────

    async def claim(
        self, cache: CacheId, *, woken_at: datetime, pass_id: str, hold: timedelta
    ) -> Claim | Covered | Taken:
        """Take a cache for one pass: one read, and one write where it is free.

        ``woken_at`` is the wake-up's insertion time by the storage service's clock; ``pass_id`` is used once only;
        a claim whose worker has died is taken over after ``hold``.
        """
        for _ in range(_ATTEMPTS):
            read = await self.table.get(cache_key(cache))
            row = _decoded(read.row) if read.row else CacheRow(cache)
            if read.row and row.claimed_by == pass_id and row.claimed_until:
                # Our own write of a moment ago, whose answer was lost on the way.
                return Claim(row, pass_id, read.at, row.claimed_until, read.row.etag)
            if _covers(row, woken_at):
                return Covered(row)
            if row.claimed_by and row.claimed_until and read.at < row.claimed_until:
                return Taken(row.claimed_until)
            try:
                return await self._take(row, read.row, pass_id, read.at + hold)
            except ConflictError:
                continue
        raise StoreUnavailableError(f"the row of {cache} changes faster than it can be claimed")

    async def _take(self, row: CacheRow, stored: Row | None, pass_id: str, until: datetime) -> Claim:
        mark = {"claimed_by": pass_id, "claimed_until": until}
        key = cache_key(row.cache)
        if stored is None:
            written = await self.table.insert(key, {**_encoded(row), **mark})
        else:
            written = await self.table.merge(key, mark, stored.etag)
        return Claim(row, pass_id, written.at, until, written.etag)

    async def record(self, claim: Claim, row: CacheRow) -> Claim:
        """Write what a finished pass found and give the claim back: one write.

        Gives the claim with the row as it is now. Raises ClaimLostError if another pass has taken over.
        """
        done = replace(
            row, last_started=claim.started, last_pass=claim.pass_id, claimed_by="", claimed_until=None, intents=()
        )
        try:
            written = await self._while_held(claim, lambda etag: self.table.replace(_key(claim), _encoded(done), etag))
        except ClaimLostError:
            # A write whose answer was lost is repeated by the SDK, and then stumbles over itself.
            now = await self.table.get(_key(claim))
            if now.row is None or now.row.values.get("last_pass") != claim.pass_id:
                raise
            written = Written(now.row.etag, now.at)
        return replace(claim, row=done, etag=written.etag)

    async def intend(self, claim: Claim, intent: Intent) -> Claim:
        """Write down what a pass is about to do; raises ClaimLostError if another pass has taken over."""
        intents = (*claim.row.intents[-_INTENTS_KEPT:], intent)
        written = await self._while_held(
            claim, lambda etag: self.table.merge(_key(claim), {"intents": to_json(intents)}, etag)
        )
        return replace(claim, row=replace(claim.row, intents=intents), etag=written.etag)

    async def release(self, claim: Claim, *, problem: str = "") -> None:
        """Give the claim back without having finished, so that no wake-up counts as covered.

        With a ``problem``, the name of the pass stays behind on a claim that has run out: whoever comes next makes up
        for it. A claim that another pass has taken over meanwhile is left to it.
        """
        ended = {"claimed_until": claim.started} if problem else {"claimed_by": ""}
        values = {**ended, "problem": bounded(problem, _PROBLEM_LIMIT)}
        try:
            await self._while_held(claim, lambda etag: self.table.merge(_key(claim), values, etag))
        except ClaimLostError:
            log.warning("claim was lost before its release", cache=claim.row.cache, pass_id=claim.pass_id)

    async def forget(self, claim: Claim) -> None:
        """Delete the row of a cache that is gone; raises ClaimLostError if another pass has taken over."""
        await self._while_held(claim, lambda etag: self.table.delete(_key(claim), etag))

    async def _while_held(self, claim: Claim, write: Callable[[str], Awaitable[T]]) -> T:
        """Write under the claim's ETag, or the row's newer one as long as the claim on it is still this one."""
        etag = claim.etag
        for _ in range(_ATTEMPTS):
            try:
                return await write(etag)
            except ConflictError as error:
                read = await self.table.get(_key(claim))
                if read.row is None or read.row.values.get("claimed_by") != claim.pass_id:
                    raise ClaimLostError(f"another pass has taken {claim.row.cache} over") from error
                etag = read.row.etag
        raise StoreUnavailableError(f"the row of {claim.row.cache} changes faster than it can be written")

    async def fail(self, cache: CacheId, verdict: Verdict, *, problem: str = "") -> CacheRow:
        """Set the verdict of a cache that no pass could finish, whether or not it has a row.

        It counts as not verified, so the sweep picks it up; a claim that has run out is cleared, and a
        running one is left alone: that pass will say better. Gives the row as written.
        """
        for _ in range(_ATTEMPTS):
            read = await self.table.get(cache_key(cache))
            before = _decoded(read.row) if read.row else CacheRow(cache)
            row = _failed(before, verdict, bounded(problem, _PROBLEM_LIMIT), read.at)
            try:
                if read.row:
                    await self.table.replace(cache_key(cache), _encoded(row), read.row.etag)
                else:
                    await self.table.insert(cache_key(cache), _encoded(row))
            except ConflictError:
                continue
            return row
        raise StoreUnavailableError(f"the row of {cache} changes faster than it can be written")

    # ── reading ─────────────────────────────────────────────────────────────────────────────────

    async def read(self, cache: CacheId) -> CacheRow | None:
        """Read one cache's row."""
        read = await self.table.get(cache_key(cache))
        return _decoded(read.row) if read.row else None

    async def of_subscription(self, subscription: str) -> list[CacheRow]:
        """Read all rows of a subscription: one call for each thousand."""
        return [_decoded(row) async for row in self.table.rows(Query.partition(subscription))]

    async def of_group(self, group: GroupId) -> list[CacheRow]:
        """Read the rows of a resource group, which are one range of keys."""
        return [
            _decoded(row) async for row in self.table.rows(Query.within(keys_below(group.subscription, group.group)))
        ]

    async def fleet(self, wanted: FleetFilter, size: int = 100, continuation: str = "") -> Page[CacheRow]:
        """Give one page of the fleet, by subscription, group and name; a page may be shorter than ``size``.

        Without a subscription the whole table is scanned. Raises InvalidContinuationError.
        """
        page = await self.table.page(_fleet_query(wanted), size, continuation)
        return Page(tuple(_decoded(row) for row in page.items), page.continuation)

    async def tallies(self, wanted: FleetFilter, *, tags: bool) -> AsyncIterator[Tally]:
        """Give what is counted of every cache that matches, read by the thousand; tags only where they are wanted."""
        columns = ("verdict_kind", "reason", "kind", *(("tags",) if tags else ()))
        async for row in self.table.rows(replace(_fleet_query(wanted), columns=columns)):
            verdict, reason, kind = (row.values.get(name, "") for name in columns[:3])
            yield Tally(cache_of_key(row.key), kind, verdict, reason, _lenient(row, "tags", dict[str, str], {}))


def _key(claim: Claim) -> Key:
    return cache_key(claim.row.cache)


def _covers(row: CacheRow, woken_at: datetime) -> bool:
    """Tell whether a finished pass started after the wake-up.

    Both times have whole seconds, rounded down, so the same second proves nothing. The services' clocks may
    differ by less than the claim's answer takes to arrive, and a pass reads nothing before it has.
    """
    if row.last_started is None:
        return False
    return woken_at < row.last_started.replace(microsecond=0)


def _failed(before: CacheRow, verdict: Verdict, problem: str, now: datetime) -> CacheRow:
    same = before.verdict is not None and (before.verdict.kind, before.verdict.reason) == (verdict.kind, verdict.reason)
    dead = before.claimed_until is not None and before.claimed_until <= now
    return replace(
        before,
        verdict=verdict,
        since=before.since if same and before.since else now,
        verified="",
        verified_at=None,
        problem=problem,
        claimed_by="" if dead else before.claimed_by,
        claimed_until=None if dead else before.claimed_until,
    )


_COLUMNS: Mapping[str, str] = {
    "verdict": "verdict_kind",
    "reason": "reason",
    "kind": "kind",
    "region": "region",
    "public_access": "public_access",
}


def _fleet_query(wanted: FleetFilter) -> Query:
    if wanted.group and not wanted.subscription:
        raise ValueError("a resource group is named within a subscription: give the subscription too")
    base = Query("", {})
    if wanted.group:
        base = Query.within(keys_below(wanted.subscription, wanted.group))
    elif wanted.subscription:
        base = Query.partition(wanted.subscription)
    asked = {name: getattr(wanted, name) for name in _COLUMNS if getattr(wanted, name)}
    clauses = [base.filter] if base.filter else ["PartitionKey ne ''"]
    clauses += [f"{_COLUMNS[name]} eq @{name}" for name in asked]
    return Query(" and ".join(clauses), {**base.parameters, **asked})


_PLAIN = (
    "since",
    "verified",
    "verified_at",
    "last_started",
    "last_pass",
    "revision",
    "retry_at",
    "digest",
    "seen",
    "placements",
    "leaving",
    "asked",
    "kind",
    "region",
    "public_access",
    "problem",
    "claimed_by",
    "claimed_until",
)


def _encoded(row: CacheRow) -> dict[str, Any]:
    verdict = row.verdict
    return {
        **{name: getattr(row, name) for name in _PLAIN},
        "verdict": to_json(verdict) if verdict else "",
        "verdict_kind": verdict.kind.value if verdict else "",
        "reason": verdict.reason.value if verdict and verdict.reason else "",
        "tags": text if fits(text := to_json(row.tags)) else "{}",
        "memory": to_json(row.memory),
        "unannounced": to_json(row.unannounced),
        "intents": to_json(row.intents) if row.intents else "",
    }


def _decoded(row: Row) -> CacheRow:
    cache = cache_of_key(row.key)
    plain = {name: row.values[name] for name in _PLAIN if name in row.values}
    return CacheRow(
        cache,
        verdict=_lenient(row, "verdict", Verdict, None),
        memory=_lenient(row, "memory", Memory, Memory()),
        tags=_lenient(row, "tags", dict[str, str], {}),
        unannounced=_lenient(row, "unannounced", tuple[str, ...], ()),
        intents=_lenient(row, "intents", tuple[Intent, ...], ()),
        **plain,
    )


def _lenient(row: Row, name: str, wanted: type[T], otherwise: Any) -> Any:  # noqa: ANN401
    """Read a property, or count it as lost, as when the table is: after a roll-back a newer version wrote it.

    The cache is then judged anew, which is the worst that the loss of a row can do.
    """
    text = row.values.get(name)
    if not text:
        return otherwise
    try:
        return from_json(text, wanted)
    except msgspec.DecodeError as error:
        log.warning("unreadable property counts as lost", row=row.key.row, property=name, error=error)
        return otherwise
