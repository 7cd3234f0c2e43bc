"""What happened to a cache, from its own records, also where it is gone: Azure is asked only if there are none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.api.calls import Answer
from shared.api.shapes.history import HistoryEntry, HistoryPage, ValuesShown
from shared.desk.desk import Desk, Named, only
from shared.desk.standing import said

if TYPE_CHECKING:
    from shared.api.calls import Call
    from shared.ids import CacheId
    from shared.store.history import HistoryRecord, Values


@dataclass(frozen=True, slots=True)
class HistoryDesk:
    """Answers what is asked about the past."""

    desk: Desk

    async def show(self, call: Call) -> Answer:
        """Give one page, newest first."""
        cache = await self._meant(Named.of(call))
        size, token = int(call.query["pageSize"]), str(call.query.get("pageToken", ""))
        page = await self.desk.listed(self.desk.store.history.page(cache, size, token), token)
        entries = tuple(_entry(record) for record in page.items)
        return Answer(HistoryPage(value=entries, next_link=call.link_to(page.continuation)))

    async def _meant(self, named: Named) -> CacheId:
        """Choose the cache that has a past; Azure is asked only where none has."""
        candidates = named.candidates()
        await self.desk.insist_on_scope(named.group)
        past = [cache for cache in candidates if (await self.desk.store.history.page(cache, 1)).items]
        return only(past, named) if past else (await self.desk.existing(named)).id


def _entry(record: HistoryRecord) -> HistoryEntry:
    return HistoryEntry(
        id=record.id,
        at=record.at.isoformat(),
        trigger=record.trigger,
        operation=record.operation,
        caller=record.caller,
        before=said(record.before) if record.before else None,
        after=said(record.after),
        was=_values(record.was),
        became=_values(record.became),
        done=record.actions,
        announced=record.announcements,
    )


def _values(values: Values) -> ValuesShown:
    return ValuesShown(
        public_network_access=values.public_access, endpoints=values.endpoints, placements=values.placements
    )
