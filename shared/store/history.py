"""The audit trail, append-only: what was seen, decided and done, by which event or caller. Nothing is ever changed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

import msgspec

from shared.ids import CacheId
from shared.model import Trigger, Verdict, WakeUp
from shared.store.account import Account, Page, Query, Row, Table
from shared.store.encoding import Key, bounded, fits, from_json, to_json
from shared.store.errors import ConflictError, StoredValueError

_ID = re.compile(r"([0-9a-f]{32})-([1-9][0-9]{0,11})")
_HIGHEST = 10**12
_NAME_LIMIT = 256
_ACTION_LIMIT = 1000
_MESSAGE_LIMIT = 4000
_ENDPOINTS_KEPT = 50


class InvalidHistoryIdError(ValueError):
    """A text that is not the id of a history row."""


ASKED = "asked-"
"""Begins the id of what stands for a pass in the record of a caller's request."""


@dataclass(frozen=True, slots=True)
class Values:
    """How a cache was, as far as it is told."""

    public_access: str = ""
    endpoints: tuple[str, ...] = ()
    """The ids of the endpoints that lead to it."""
    placements: tuple[str, ...] = ()
    """Where endpoints of it were wanted."""


@dataclass(frozen=True, slots=True)
class HistoryRecord:
    """What one pass changed, or what one caller asked for."""

    cache: CacheId
    revision: int
    """Counts the records of a cache from 1."""
    at: datetime
    pass_id: str
    trigger: Trigger
    operation: str
    caller: str
    before: Verdict | None
    after: Verdict
    actions: tuple[str, ...] = ()
    """What was written in Azure and why, in words."""
    announcements: tuple[str, ...] = ()
    """Types of the CloudEvents to publish."""
    was: Values = Values()
    became: Values = Values()

    @classmethod
    def of(  # noqa: PLR0913 - a record is the sum of a pass
        cls,
        *,
        cache: CacheId,
        revision: int,
        at: datetime,
        pass_id: str,
        wake: WakeUp,
        before: Verdict | None,
        after: Verdict,
        actions: Iterable[str] = (),
        announcements: Iterable[str] = (),
        was: Values | None = None,
        became: Values | None = None,
    ) -> Self:
        """Build the record of a pass from the wake-up that caused it."""
        why = (wake.trigger, wake.operation, wake.caller)
        told = tuple(str(one) for one in announcements)
        values = (was or Values(), became or Values())
        return cls(cache, revision, at, pass_id, *why, before, after, tuple(actions), told, *values)

    @property
    def id(self) -> str:
        """The row's id, the same whenever the pass is repeated: also the id of the event published from it."""
        return history_id(self.cache, self.revision)

    def later(self) -> Self:
        """Give the same record one revision on, for when this revision is taken."""
        return replace(self, revision=self.revision + 1)


def history_id(cache: CacheId, revision: int) -> str:
    """Name the record of a cache with this revision: 32 hex digits of the cache's id, and the revision."""
    return f"{_partition(cache)}-{revision}"


class History:
    """The table ``history``: partition = hash of the cache's id, key = the revision, the newest first.

    The hash, so that an id alone finds its row in one read; the cache's id is a property of the row.
    """

    def __init__(self, account: Account) -> None:
        self.table = Table(account, "history")

    async def insert(self, record: HistoryRecord) -> bool:
        """Add a record; False if that revision is there, written by a pass that then died or by this very call."""
        try:
            await self.table.insert(_key(record), _encoded(record))
        except ConflictError:
            return await self._is_mine(record)
        return True

    async def _is_mine(self, record: HistoryRecord) -> bool:
        """Tell a repeat by the SDK, whose first try did succeed, from another pass's record."""
        row = (await self.table.get(_key(record))).row
        return row is not None and row.values.get("pass_id") == record.pass_id

    async def read(self, record_id: str) -> HistoryRecord | None:
        """Read one record; raises InvalidHistoryIdError for what cannot be an id."""
        match = _ID.fullmatch(record_id)
        if not match:
            raise InvalidHistoryIdError(f"{record_id[:80]!r} is not a history id (32 hex digits, '-', a number from 1)")
        row = (await self.table.get(Key(match[1], _row_key(int(match[2]))))).row
        return _decoded(row) if row else None

    async def page(self, cache: CacheId, size: int = 50, continuation: str = "") -> Page[HistoryRecord]:
        """Give one page of a cache's records, newest first; raises InvalidContinuationError."""
        page = await self.table.page(Query.partition(_partition(cache)), size, continuation)
        return Page(tuple(_decoded(row) for row in page.items), page.continuation)


def _partition(cache: CacheId) -> str:
    return hashlib.sha256(str(cache).lower().encode()).hexdigest()[:32]


def _row_key(revision: int) -> str:
    return f"{_HIGHEST - revision:012d}"


def _key(record: HistoryRecord) -> Key:
    if not 1 <= record.revision < _HIGHEST:
        raise ValueError(f"revision is {record.revision}: it must be at least 1 and less than {_HIGHEST}")
    return Key(_partition(record.cache), _row_key(record.revision))


def _encoded(record: HistoryRecord) -> dict[str, object]:
    return {
        "cache": str(record.cache),
        "at": record.at,
        "pass_id": record.pass_id,
        "trigger": record.trigger.value,
        "operation": bounded(record.operation, _NAME_LIMIT),
        "caller": bounded(record.caller, _NAME_LIMIT),
        "before": _verdict(record.before) if record.before else "",
        "after": _verdict(record.after),
        "actions": _fitting([bounded(action, _ACTION_LIMIT) for action in record.actions]),
        "announcements": to_json(record.announcements),
        "was": _values(record.was),
        "became": _values(record.became),
    }


def _values(values: Values) -> str:
    text = to_json(values)
    return text if fits(text) else to_json(replace(values, endpoints=values.endpoints[:_ENDPOINTS_KEPT]))


def _verdict(verdict: Verdict) -> str:
    return to_json(replace(verdict, message=bounded(verdict.message, _MESSAGE_LIMIT)))


def _fitting(actions: list[str]) -> str:
    """Leave out the last actions where all do not fit in one property, and say so."""
    text, kept = to_json(actions), len(actions)
    while not fits(text):
        kept -= 1
        text = to_json([*actions[:kept], f"… and {len(actions) - kept} more"])
    return text


def _decoded(row: Row) -> HistoryRecord:
    values = row.values
    try:
        return HistoryRecord(
            CacheId.parse(values["cache"]),
            _HIGHEST - int(row.key.row),
            values["at"],
            values["pass_id"],
            Trigger(values["trigger"]),
            values["operation"],
            values["caller"],
            from_json(values["before"], Verdict) if values["before"] else None,
            from_json(values["after"], Verdict),
            from_json(values["actions"], tuple[str, ...]),
            from_json(values["announcements"], tuple[str, ...]),
            from_json(values.get("was", "{}"), Values),
            from_json(values.get("became", "{}"), Values),
        )
    except (KeyError, ValueError, msgspec.DecodeError) as error:
        raise StoredValueError(f"table history, row {row.key.partition}/{row.key.row}: {error}") from error
