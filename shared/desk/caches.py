"""One cache: what is seen of it, wanted, planned and said. Reads only, so it is the dry run of what goes on anyway."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.api.calls import Answer
from shared.api.shapes.caches import (
    CacheSeen,
    CacheShown,
    CacheWanted,
    ConnectionSeen,
    EndpointSeen,
    RecordSeen,
    ZoneGroupSeen,
)
from shared.desk.creations import CreationsDesk
from shared.desk.desk import Desk, Named
from shared.desk.standing import answer, planned, said
from shared.model import Look, Trigger, WakeUp
from shared.planner import plan
from shared.store.caches import CacheRow

if TYPE_CHECKING:
    from shared.api.calls import Call
    from shared.desk.creations import Standing
    from shared.model import Cache, Desired, Endpoint
    from shared.reconcile import Seen


@dataclass(frozen=True, slots=True)
class CachesDesk:
    """Answers what is asked about caches."""

    desk: Desk

    async def show(self, call: Call) -> Answer:
        """Read one cache and plan for it, changing nothing; one that was asked for need not be there."""
        standing = await CreationsDesk(self.desk).waited(call)
        if standing is not None:
            return await self._asked_for(standing)
        cache = (await self.desk.existing(Named.of(call))).id
        row = await self.desk.store.caches.read(cache)
        seen = await self.desk.seen(cache, row)
        shown = CacheShown(
            id=str(cache),
            observed=_observed(seen),
            desired=_wanted(seen.desired),
            plan=planned(plan(seen.observed, seen.desired, self.desk.now())),
            verdict=said(row.verdict) if row and row.verdict else None,
            since=row.since.isoformat() if row and row.since else None,
        )
        return Answer(shown)

    async def _asked_for(self, standing: Standing) -> Answer:
        """Show a cache that was asked for, and say by the status where it stands."""
        row = await self.desk.store.caches.read(standing.cache)
        wake = WakeUp(standing.cache, Trigger.REQUEST, Look.FULL)
        seen = await self.desk.reconciler.observe(wake, row or CacheRow(standing.cache))
        if seen is None:
            raise ValueError("only a look after a pass waits for an endpoint")
        shown = CacheShown(
            id=str(standing.cache),
            observed=_observed(seen) if seen.observed.cache else None,
            desired=_wanted(seen.desired),
            plan=planned(plan(seen.observed, seen.desired, self.desk.now())),
            verdict=said(row.verdict) if row and row.verdict else None,
            since=row.since.isoformat() if row and row.since else None,
            state=standing.state,
        )
        return answer(shown, standing.state, standing.etag)


def _observed(seen: Seen) -> CacheSeen:
    cache: Cache | None = seen.observed.cache
    if cache is None:
        raise ValueError("a cache that is shown is there")
    return CacheSeen(
        kind=cache.kind,
        region=cache.region,
        state=cache.state,
        public_network_access=cache.public_access,
        tags=dict(cache.tags),
        connections=tuple(
            ConnectionSeen(name=c.name, endpoint=str(c.endpoint) if c.endpoint else None, status=c.status)
            for c in cache.connections
        ),
        endpoints=tuple(_endpoint(endpoint) for endpoint in seen.observed.endpoints),
        unreadable=tuple(str(endpoint) for endpoint in seen.observed.unreadable),
    )


def _endpoint(endpoint: Endpoint) -> EndpointSeen:
    groups = endpoint.zone_groups or ()
    return EndpointSeen(
        id=str(endpoint.id),
        state=endpoint.readiness,
        status=endpoint.status,
        subnet=str(endpoint.subnet) if endpoint.subnet else None,
        zone_groups=tuple(ZoneGroupSeen(name=g.name, state=g.readiness, zones=tuple(g.zones.values())) for g in groups),
        records=tuple(RecordSeen(name=r.name, addresses=r.addresses) for g in groups for r in g.records),
    )


def _wanted(wanted: Desired) -> CacheWanted:
    return CacheWanted(
        mode=wanted.mode,
        enrolled=wanted.enrolled,
        ignored=wanted.ignored,
        placements=tuple(placement.name for placement in wanted.placements),
        unknown_placements=wanted.unknown_placements,
        public_access_disabled=wanted.close,
        last_endpoint=wanted.last_endpoint,
        exempt_until=wanted.exemption.until.isoformat() if wanted.exemption else None,
        notes=wanted.notes,
    )
