"""How far each sweep has come, subscription by subscription, so that none is skipped in silence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from shared.store.account import Account, Query, Row, Table
from shared.store.encoding import Key, bounded, from_json, joined, keys_below, to_json
from shared.store.errors import ConflictError, StoreUnavailableError

if TYPE_CHECKING:
    from shared.ids import CacheId
    from shared.store.queue import SweepPage

_CURRENT = "current"
_LATEST = Key(_CURRENT, "latest")
_ENDED = Key(_CURRENT, "ended")
_SCOPE = "scope"
_HEADER = "header"
_SUBSCRIPTION = "subscription"
_LISTED = "listed"
_MESSAGE_LIMIT = 2000
_CHUNK = 500
_SCOPE_BELIEVED_FOR = 30.0
_ATTEMPTS = 8


class SweepStatus(StrEnum):
    """How far a subscription has come in a sweep."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PageReport:
    """What one page of a subscription's caches came to."""

    page: int
    """From 0, over all types of cache."""
    seen: int = 0
    drifted: int = 0
    queued: int = 0
    last: bool = False
    """It ends the subscription's part of the sweep."""
    error_code: str = ""
    """Set when the page could not be read: then so is the subscription's part, whatever comes after."""
    error_message: str = ""


@dataclass(frozen=True, slots=True)
class SubscriptionSweep:
    """One subscription's part of a sweep."""

    subscription: str
    status: SweepStatus = SweepStatus.PENDING
    seen: int = 0
    drifted: int = 0
    queued: int = 0
    pages: int = 0
    error_code: str = ""
    error_message: str = ""


@dataclass(frozen=True, slots=True)
class Sweep:
    """One run over all subscriptions in scope."""

    id: str
    started: datetime
    """By the storage service's clock."""
    digest: str
    """The policy that it judged by."""
    completed: bool
    """Its completion has been told (``complete``)."""
    subscriptions: tuple[SubscriptionSweep, ...]
    whole: bool = True
    """It goes over all that is in scope, not over one subscription."""

    @property
    def finished(self) -> bool:
        """Every subscription is done or has failed."""
        return all(one.status in {SweepStatus.DONE, SweepStatus.FAILED} for one in self.subscriptions)

    @property
    def failed(self) -> tuple[SubscriptionSweep, ...]:
        """The subscriptions that could not be read."""
        return tuple(one for one in self.subscriptions if one.status is SweepStatus.FAILED)


class Sweeps:
    """The table ``sweeps``: a partition per run, and the partition ``current`` for what outlives a run."""

    def __init__(self, account: Account, monotonic: Callable[[], float]) -> None:
        self.table = Table(account, "sweeps")
        self._monotonic = monotonic
        self._scope: tuple[float, tuple[str, ...]] = (float("-inf"), ())

    async def start(self, sweep_id: str, subscriptions: Iterable[str], digest: str, *, whole: bool = True) -> None:
        """Note a run and its subscriptions; repeated, it keeps what was reported meanwhile.

        One that is not of the ``whole`` scope does not count as the latest.
        """
        rows: dict[str, dict[str, object]] = {_row_key(one): {} for one in subscriptions}
        await self.table.merge_all(sweep_id, dict(rows))
        at = (await self.table.get(Key(sweep_id, _HEADER))).at
        header = {"digest": digest, "started": at, "completed": False, "header": True, "whole": whole}
        try:
            await self.table.insert(Key(sweep_id, _HEADER), header)
        except ConflictError:
            return
        if whole:
            await self.table.replace(_LATEST, {"sweep": sweep_id}, None)

    async def report(self, sweep_id: str, subscription: str, report: PageReport) -> bool:
        """Add one page to a subscription's part; False, and nothing changed, for a page that was counted before."""
        key = Key(sweep_id, _row_key(subscription))
        for _ in range(_ATTEMPTS):
            row = (await self.table.get(key)).row
            before = _part(row) if row else SubscriptionSweep(subscription)
            if report.page < before.pages:
                return False
            try:
                await self._write(key, row, before, report)
            except ConflictError:
                continue
            return True
        raise StoreUnavailableError(f"the sweep of {subscription} changes faster than it can be reported")

    async def _write(self, key: Key, row: Row | None, before: SubscriptionSweep, report: PageReport) -> None:
        values = _added(before, report)
        if row is None:
            await self.table.insert(key, values)
        else:
            await self.table.replace(key, values, row.etag)

    async def summary(self, sweep_id: str) -> Sweep | None:
        """Read a run; None where it is not known."""
        rows = [row async for row in self.table.rows(Query.partition(sweep_id))]
        header = next((row for row in rows if row.key.row == _HEADER), None)
        if header is None:
            return None
        parts = tuple(_part(row) for row in rows if row.key.row.startswith(_row_key("")))
        values = header.values
        return Sweep(sweep_id, values["started"], values["digest"], values["completed"], parts, _is_whole(values))

    async def note(self, sweep_id: str, page: SweepPage, listed: Iterable[CacheId]) -> None:
        """Remember what one page of a list shows, for as long as the run is kept; repeated, it is the same."""
        hashes = ",".join(sorted(cache.short_hash for cache in listed))
        await self.table.merge(Key(sweep_id, _listed_key(page, f"{page.page:05d}")), {"listed": hashes}, None)

    async def listed(self, sweep_id: str, page: SweepPage) -> frozenset[str]:
        """Give the short hashes of what the pages of a list have shown so far."""
        query = Query.within(keys_below(sweep_id, _LISTED, page.subscription, page.type.name))
        noted = [row.values["listed"] async for row in self.table.rows(query)]
        return frozenset(each for hashes in noted for each in hashes.split(",") if each)

    async def latest(self) -> Sweep | None:
        """Read the run that was started last; its ``digest`` tells whether the policy has changed since."""
        row = (await self.table.get(_LATEST)).row
        return await self.summary(row.values["sweep"]) if row else None

    async def latest_ended(self) -> Sweep | None:
        """Read the run over the whole scope that ended last; before the first has, the one that was started last."""
        row = (await self.table.get(_ENDED)).row
        ended = await self.summary(row.values["sweep"]) if row else None
        return ended or await self.latest()

    async def latest_runs(self, most: int) -> list[Sweep]:
        """Read the runs that are kept, newest first, without their subscriptions."""
        rows = [row async for row in self.table.rows(Query("header eq true", {}))]
        runs = [
            Sweep(row.key.partition, values["started"], values["digest"], values["completed"], (), _is_whole(values))
            for row in rows
            for values in [row.values]
        ]
        return sorted(runs, key=lambda run: (run.started, run.id), reverse=True)[:most]

    async def complete(self, sweep_id: str) -> bool:
        """Mark a run's completion as told: True for exactly one caller."""
        row = (await self.table.get(Key(sweep_id, _HEADER))).row
        if row is None or row.values["completed"]:
            return False
        # First, since it can be repeated. What is not of the whole scope says nothing of the rest.
        if row.values.get("whole"):
            await self._note_end(sweep_id, row.values["started"])
        try:
            await self.table.merge(row.key, {"completed": True}, row.etag)
        except ConflictError:
            return False
        return True

    async def _note_end(self, sweep_id: str, started: datetime) -> None:
        before = (await self.table.get(_ENDED)).row
        if before is None or before.values["started"] <= started:
            await self.table.replace(_ENDED, {"sweep": sweep_id, "started": started}, None)

    async def prune(self, before: datetime) -> int:
        """Delete the runs that were started before a moment, but for the latest; give how many those were."""
        latest = (await self.table.get(_LATEST)).row
        kept = latest.values["sweep"] if latest else ""
        query = Query("header eq true and started lt @before", {"before": before})
        old = [row.key.partition async for row in self.table.rows(query) if row.key.partition != kept]
        for sweep_id in old:
            keys = [row.key async for row in self.table.rows(Query.partition(sweep_id))]
            # The header goes last: as long as it is there, an interrupted pruning is taken up again.
            await self.table.delete_all(sorted(keys, key=lambda key: key.row == _HEADER))
        return len(old)

    async def first_look(self, subscription: str, woken_at: datetime) -> bool:
        """Tell whether a look at one subscription, outside of any run, is still to be made.

        ``woken_at`` is by the storage service's clock: a look begun after it has covered it. Many unknown
        endpoints deleted at once lead to one look.
        """
        key = Key(_CURRENT, joined("look", subscription))
        read = await self.table.get(key)
        if read.row and woken_at < read.row.values["begun"].replace(microsecond=0):
            return False
        await self.table.merge(key, {"begun": read.at}, None)
        return True

    async def scope(self) -> tuple[str, ...]:
        """Give the subscriptions in scope as last resolved; believed for 30 seconds; () where never resolved."""
        read_at, known = self._scope
        if self._monotonic() - read_at < _SCOPE_BELIEVED_FOR:
            return known
        query = Query.within(keys_below(_CURRENT, _SCOPE))
        found = [from_json(row.values["subscriptions"], tuple[str, ...]) async for row in self.table.rows(query)]
        return self._believe(tuple(one for chunk in found for one in chunk))

    async def set_scope(self, subscriptions: Iterable[str]) -> None:
        """Store the subscriptions in scope, in one transaction."""
        wanted = sorted(set(subscriptions))
        chunks = [wanted[start : start + _CHUNK] for start in range(0, len(wanted), _CHUNK)]
        there = [row.key.row async for row in self.table.rows(Query.within(keys_below(_CURRENT, _SCOPE)))]
        rows = {row: {"subscriptions": "[]"} for row in there}
        rows |= {joined(_SCOPE, f"{n:04d}"): {"subscriptions": to_json(chunk)} for n, chunk in enumerate(chunks)}
        await self.table.merge_all(_CURRENT, rows)
        self._believe(tuple(wanted))

    def _believe(self, subscriptions: tuple[str, ...]) -> tuple[str, ...]:
        self._scope = (self._monotonic(), subscriptions)
        return subscriptions


def _is_whole(header: Mapping[str, Any]) -> bool:
    return bool(header.get("whole", True))


def _row_key(subscription: str) -> str:
    return joined(_SUBSCRIPTION, subscription)


def _listed_key(page: SweepPage, number: str) -> str:
    return joined(_LISTED, page.subscription, page.type.name, number)


def _added(before: SubscriptionSweep, report: PageReport) -> dict[str, object]:
    code = before.error_code or report.error_code
    said = filter(None, (before.error_message, report.error_message))
    return {
        "status": _status(report, failed=bool(code)).value,
        "seen": before.seen + report.seen,
        "drifted": before.drifted + report.drifted,
        "queued": before.queued + report.queued,
        "pages": report.page + 1,
        "error_code": bounded(code, 200),
        "error_message": bounded("; ".join(said), _MESSAGE_LIMIT),
    }


def _status(report: PageReport, *, failed: bool) -> SweepStatus:
    if not report.last:
        return SweepStatus.RUNNING
    return SweepStatus.FAILED if failed else SweepStatus.DONE


def _part(row: Row) -> SubscriptionSweep:
    values = row.values
    return SubscriptionSweep(
        row.key.row.partition("|")[2],
        SweepStatus(values.get("status", SweepStatus.PENDING)),
        values.get("seen", 0),
        values.get("drifted", 0),
        values.get("queued", 0),
        values.get("pages", 0),
        values.get("error_code", ""),
        values.get("error_message", ""),
    )
