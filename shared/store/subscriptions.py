"""Which subscriptions are in scope since when, and when Azure last sent an event of each: that it can, and not what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from shared.store.account import Account, Query, Table
from shared.store.encoding import Key

if TYPE_CHECKING:
    from shared.store.account import Row

_PARTITION = "subscription"
_NOTED_FOR = 3600.0
"""Seconds in which one process does not write again what it has written: the last event is known to within an hour."""
_MOST_NOTED = 10_000
_MOST_FORGOTTEN = 1000
"""In one go: what is left waits for the next sweep."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What is known of a subscription besides its caches."""

    since: datetime | None = None
    """Since when it is known to be in scope; None before the first sweep has found it there."""
    last_event: datetime | None = None
    """When an event of it last came in, by the app's clock and to within an hour; None where none ever has."""


class Subscriptions:
    """The table ``subscriptions``: one row for each."""

    def __init__(self, account: Account, monotonic: Callable[[], float]) -> None:
        self.table = Table(account, "subscriptions")
        self._monotonic = monotonic
        self._noted: dict[str, float] = {}

    def is_news(self, subscription: str) -> bool:
        """Tell whether an event of a subscription is worth a call: none was noted here within the hour."""
        return self._monotonic() - self._noted.get(subscription, float("-inf")) >= _NOTED_FOR

    async def hear(self, subscription: str, at: datetime) -> None:
        """Note that an event of a subscription has come: one call, and none where it is no news.

        Where that fails, the next event is news again.
        """
        if not self.is_news(subscription):
            return
        self._note(subscription)
        try:
            await self.table.merge(Key(_PARTITION, subscription), {"event": at}, None)
        except BaseException:
            self._noted.pop(subscription, None)
            raise

    def _note(self, subscription: str) -> None:
        self._noted.pop(subscription, None)
        while len(self._noted) >= _MOST_NOTED:
            # The oldest comes first. What is dropped costs one more call, and anybody can have sent an event of it.
            self._noted.pop(next(iter(self._noted)))
        self._noted[subscription] = self._monotonic()

    async def heard(self) -> Mapping[str, Heard]:
        """Give what is known of all subscriptions: a call per thousand."""
        return {row.key.row: _heard(row) async for row in self.table.rows(Query.partition(_PARTITION))}

    async def set_scope(self, subscriptions: Iterable[str], at: datetime, forgotten_before: datetime) -> None:
        """Note which are in scope, each since when it is; forget the others, unless events of them still come.

        An event can come from a subscription before a sweep has found it, so its row outlives that.
        """
        wanted, known = frozenset(subscriptions), await self.heard()
        new = {one: {"since": at} for one in sorted(wanted) if known.get(one, Heard()).since is None}
        await self.table.merge_all(_PARTITION, new)
        gone = (one for one, row in known.items() if one not in wanted and _is_old(row, forgotten_before))
        for subscription, _ in zip(gone, range(_MOST_FORGOTTEN), strict=False):
            await self.table.delete(Key(_PARTITION, subscription))


def _is_old(row: Heard, before: datetime) -> bool:
    return row.last_event is None or row.last_event < before


def _heard(row: Row) -> Heard:
    return Heard(row.values.get("since"), row.values.get("event"))
