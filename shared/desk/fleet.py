"""The fleet as the last passes left it: read from storage alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec import structs

from shared.api.calls import Answer
from shared.api.shapes.fleet import FleetEntry, FleetPage
from shared.desk.desk import Desk
from shared.desk.standing import said
from shared.policy import fold
from shared.store.caches import FleetFilter

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.api.calls import Call
    from shared.store.caches import CacheRow, Tally

_MOST_READS = 10
"""How many pages of the table are read for one page of an answer: a rare tag must not hold a call for minutes."""
_WHOLE = 1000


@dataclass(frozen=True, slots=True)
class FleetDesk:
    """Answers what is asked about all caches."""

    desk: Desk

    async def show(self, call: Call) -> Answer:
        """Give one page of the caches in scope that match."""
        wanted = FleetFilter(
            subscription=str(call.query.get("subscription", "")).lower(),
            verdict=str(call.query.get("verdict", "")),
            reason=str(call.query.get("reason", "")),
            kind=str(call.query.get("kind", "")),
        )
        tag = str(call.query.get("tag", ""))
        matches = await self._matches(tag)
        token = str(call.query.get("pageToken", ""))
        found: list[CacheRow] = []
        left = int(call.query["pageSize"])
        for _ in range(_MOST_READS):
            page = await self.desk.listed(self.desk.store.caches.fleet(wanted, left, token), token)
            found += [row for row in page.items if matches(row)]
            token, left = page.continuation, int(call.query["pageSize"]) - len(found)
            if not token or left <= 0:
                break
        shown = FleetPage(value=tuple(_entry(row) for row in found), next_link=call.link_to(token))
        if not call.query["counts"]:
            return Answer(shown)
        return Answer(await self._counted(shown, wanted, matches, tags=bool(tag)))

    async def _matches(self, tag: str) -> Callable[[CacheRow | Tally], bool]:
        """Tell which rows are shown: what has left the scope is not, though its row may be there."""
        name, equals, value = tag.partition("=")
        scope, in_scope = self.desk.reconciler.policy.scope, await self.desk.reconciler.found()

        def matches(row: CacheRow | Tally) -> bool:
            if not row.verdict or not scope.admits_group(row.cache.group_id, in_scope):
                return False
            has = fold(row.tags).get(name.lower())
            return not tag or (has is not None and (not equals or has == value))

        return matches

    async def _counted(
        self, shown: FleetPage, wanted: FleetFilter, matches: Callable[[Tally], bool], *, tags: bool
    ) -> FleetPage:
        """Add what the whole answer counts, by one reading of every row."""
        verdicts, kinds, reasons = Counter[str](), Counter[str](), Counter[str]()
        async for each in self.desk.store.caches.tallies(wanted, tags=tags):
            if matches(each):
                verdicts[each.verdict] += 1
                kinds[each.kind] += 1
                reasons[each.reason] += 1
        del reasons[""]
        return structs.replace(shown, counts=dict(verdicts), counts_by_kind=dict(kinds), counts_by_reason=dict(reasons))


def _entry(row: CacheRow) -> FleetEntry:
    if row.verdict is None:
        raise ValueError("a cache that is listed has a verdict")
    return FleetEntry(
        id=str(row.cache),
        kind=row.kind,
        region=row.region,
        public_network_access=row.public_access,
        verdict=said(row.verdict),
        since=row.since.isoformat() if row.since else None,
        last_pass=row.last_started.isoformat() if row.last_started else None,
        placements=tuple(filter(None, row.placements.split(","))),
        tags=dict(row.tags),
    )
