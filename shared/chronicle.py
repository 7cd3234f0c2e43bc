"""Write the history of a cache without a gap, also where a pass has died before it could record itself.

A pass that dies leaves up to three traces: its claim, its intent (what it had noticed and set out to do), and
perhaps its history record. Whoever takes the cache over tells what they tell, and nothing of it twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from shared.announcements import Announcement, Change, announcements
from shared.store.history import ASKED, HistoryRecord, Values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.model import Verdict, WakeUp
    from shared.store.caches import CacheRow, Intent
    from shared.store.history import History

GIVEN_UP = "given up"
"""Stands for a pass in the record of a message that was given up."""
_FAR_BACK = 20
"""How many records beyond the row's are looked at: a message leaves at most one for each time it is tried."""


@dataclass(frozen=True, slots=True)
class Pass:
    """What is written of a pass beside what it found."""

    id: str
    wake: WakeUp
    at: datetime
    done: tuple[str, ...]
    """What it has written in Azure and why, in words."""


@dataclass(frozen=True, slots=True)
class _Traces:
    """What passes left behind that have not recorded themselves."""

    revision: int
    """The highest that is taken."""
    intents: tuple[Intent, ...] = ()
    died: frozenset[str] = frozenset()
    """Their ids, as far as they are known."""
    records: tuple[HistoryRecord, ...] = ()
    """Oldest first; also those of messages that were given up."""

    def tell(self, announcement: Announcement) -> bool:
        return any(announcement in r.announcements for r in self.records if r.pass_id in self.died)

    def begun(self) -> Iterator[str]:
        """Say what was set out to be done, where no record tells how it ended."""
        told = {action for record in self.records for action in record.actions}
        for intent in self.intents:
            yield from (f"perhaps {a}, by a pass that then died" for a in intent.actions if a not in told)


@dataclass(frozen=True, slots=True)
class Chronicle:
    """The row of a pass with its place in the history, and what is to be told of it."""

    row: CacheRow
    """Its ``unannounced`` names all that nobody has been told of yet."""
    records: tuple[HistoryRecord, ...] = ()
    """Those of them that are at hand."""


async def chronicled(history: History, before: CacheRow, row: CacheRow, this: Pass) -> Chronicle:
    """Write the record of a pass, if there is anything to tell; it is done before the pass counts as recorded."""
    traces = _traces(before, this.id)
    if before.claimed_by or before.problem or traces.intents:
        traces = await _followed(history, before, traces)
    while True:
        record = _record(before, row, this, traces)
        if record is None or await history.insert(record):
            return _to_tell(before, row, traces, record)
        # Taken by nobody we know of: the cache of this name had another life, or its row was lost.
        traces = await _followed(history, before, traces)


def _traces(before: CacheRow, own: str) -> _Traces:
    intents = tuple(intent for intent in before.intents if intent.pass_id != own)
    died = frozenset({before.claimed_by, *(intent.pass_id for intent in intents)} - {"", own})
    return _Traces(before.revision, intents, died)


async def _followed(history: History, before: CacheRow, traces: _Traces) -> _Traces:
    """Look for records beyond the row's; those of a cache's earlier life count for their numbers only."""
    newest = (await history.page(before.cache, _FAR_BACK)).items
    beyond = [record for record in reversed(newest) if record.revision > before.revision]
    known = traces.died | ({GIVEN_UP} if before.problem else frozenset())
    passes = (record for record in beyond if not record.pass_id.startswith(ASKED))
    ours = tuple(record for record in passes if before.revision or record.pass_id in known)
    return replace(traces, records=ours, revision=max((r.revision for r in beyond), default=before.revision))


def _record(before: CacheRow, row: CacheRow, this: Pass, traces: _Traces) -> HistoryRecord | None:
    if row.verdict is None:
        return None
    told = tuple(a for a in _announced(before, row, traces.intents) if not traces.tell(a))
    last = traces.records[-1].after if traces.records else before.verdict
    actions = (*traces.begun(), *this.done)
    if last and heading(last) == heading(row.verdict) and not told and not actions:
        return None
    return HistoryRecord.of(
        cache=before.cache,
        revision=traces.revision + 1,
        at=this.at,
        pass_id=this.id,
        wake=this.wake,
        before=last,
        after=row.verdict,
        actions=actions,
        announcements=told,
        was=values_of(before),
        became=values_of(row),
    )


def values_of(row: CacheRow) -> Values:
    """Give what the history tells of how a cache was."""
    endpoints = tuple(str(each) for each in row.memory.linked)
    return Values(row.public_access, endpoints, tuple(filter(None, row.placements.split(","))))


def _announced(before: CacheRow, row: CacheRow, intents: tuple[Intent, ...]) -> tuple[Announcement, ...]:
    """Go from the last row over what was noticed since to what is now: a loss made good meanwhile is told too."""
    if row.verdict is None:
        return ()
    now = Change(
        before=before.verdict,
        after=row.verdict,
        memory_before=before.memory,
        memory_after=row.memory,
        settled_before=bool(before.verified),
        settled_after=bool(row.verified),
        access_before=before.public_access,
        access_after=row.public_access,
    )
    told: list[Announcement] = []
    for intent in intents:
        # A pass that died gave no verdict; what it saw stands between the last row and this one.
        noticed = msgspec.structs.replace(
            now,
            before=row.verdict,
            memory_after=intent.memory,
            settled_after=now.settled_before,
            access_after=intent.public_access,
        )
        told += announcements(noticed)
        now = msgspec.structs.replace(now, memory_before=intent.memory, access_before=intent.public_access)
    told += announcements(now)
    return tuple(dict.fromkeys(told))


def _to_tell(before: CacheRow, row: CacheRow, traces: _Traces, record: HistoryRecord | None) -> Chronicle:
    records = (*traces.records, *((record,) if record else ()))
    telling = tuple(each for each in records if each.announcements)
    ids = dict.fromkeys((*before.unannounced, *(each.id for each in telling)))
    revision = record.revision if record else traces.revision
    return Chronicle(replace(row, revision=revision, unannounced=tuple(ids)), telling)


def heading(verdict: Verdict) -> tuple[object, ...]:
    """Give what makes a verdict another one: its words may change without that."""
    return verdict.kind, verdict.reason, verdict.step
