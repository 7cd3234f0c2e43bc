"""Hypothesis strategies: any cache, any endpoints around it, any memory of it, and anything a policy may ask."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import strategies as st

from shared.ids import NetworkId
from shared.model import (
    Cache,
    Connection,
    Desired,
    DnsMode,
    Endpoint,
    Kind,
    LastEndpoint,
    Memory,
    Mode,
    NetworkZone,
    Observed,
    PublicAccess,
    Readiness,
    Safeguards,
    Status,
    ZoneGroup,
)
from tests.worlds import (
    CLASSIC,
    EXTERNAL,
    MANAGED,
    NOW,
    OTHER,
    OWN_ZONE,
    SUBSCRIPTION,
    TIMING,
    ZONES,
    A,
    B,
    World,
    cache_seen,
    exempt,
    listed,
    managed_seen,
    own_name,
    own_tags,
    place,
    subnet,
    zone,
    zone_group,
)

NO_ZONES = replace(place("weu-no-zones", inside="snet-e"), zones={})
PLACEMENTS = (A, B, OWN_ZONE, EXTERNAL, NO_ZONES)
ELSEWHERE = subnet("snet-elsewhere")

# What is under way ends: an endpoint that stays unfinished for ever is shown by a table instead.
_final_or_not = st.sampled_from(list(Readiness))
_mostly_ready = st.one_of(st.just(Readiness.READY), _final_or_not)
_past = st.integers(0, 7200).map(lambda seconds: NOW - timedelta(seconds=seconds))


@st.composite
def zone_groups(draw: st.DrawFn, cache: Cache) -> tuple[ZoneGroup, ...]:
    """Give no group, or one that leads to the right zone, to somebody's of that name, or astray."""
    if draw(st.booleans()):
        return ()
    others = [zone(each) for each in (*ZONES.values(), "privatelink.blob.example.net") if each != cache.zone]
    to = draw(st.sampled_from([zone(cache.zone), zone(cache.zone, "rg-hub"), *others]))
    group = zone_group(to, name=draw(st.sampled_from(["default", "deployedByPolicy"])))
    ready = draw(st.sampled_from([Readiness.READY, Readiness.READY, Readiness.BUSY, Readiness.FAILED]))
    return (replace(group, readiness=ready, records=draw(st.sampled_from([group.records, ()]))),)


@st.composite
def endpoints(draw: st.DrawFn, cache: Cache, number: int) -> Endpoint:
    """Give an endpoint of ours or of somebody else's, in a placement or elsewhere, in any state."""
    ours = draw(st.booleans())
    placement = draw(st.sampled_from(PLACEMENTS))
    by_hand = NetworkId(SUBSCRIPTION, "rg-app", "privateEndpoints", f"pe-by-hand-{number}")
    ready = draw(_mostly_ready)
    return Endpoint(
        id=own_name(cache.id, placement) if draw(st.booleans()) else by_hand,
        readiness=ready,
        region="westeurope",
        subnet=draw(st.sampled_from([placement.subnet, placement.subnet, ELSEWHERE, None])),
        status=draw(st.sampled_from(list(Status))),
        targets=draw(st.sampled_from([(cache.id,), (cache.id,), (OTHER,), ()])),
        tags=own_tags(cache.id) if ours else {},
        zone_groups=draw(zone_groups(cache)) if ready is Readiness.READY else None,
        records_present=draw(st.sampled_from([None, True, False])),
    )


@st.composite
def caches(draw: st.DrawFn) -> Cache:
    """Give a cache of any kind in any state, without its connections."""
    kind = draw(st.sampled_from(list(Kind)))
    build = cache_seen if kind is Kind.CLASSIC else managed_seen
    flags = [PublicAccess.ENABLED, PublicAccess.DISABLED]
    clustered = kind is Kind.CLASSIC and draw(st.sampled_from([False, False, False, True]))
    return build(
        kind=kind,
        readiness=draw(_mostly_ready),
        public_access=draw(st.sampled_from(flags if kind is Kind.CLASSIC else list(PublicAccess))),
        clustered=clustered,
        connection_limit=1 if clustered else draw(st.sampled_from([1, 84, 100])),
        vnet_injected=kind is Kind.CLASSIC and draw(st.sampled_from([False] * 5 + [True])),
        geo_replicated=kind is Kind.CLASSIC and draw(st.sampled_from([False] * 5 + [True])),
        persistent=draw(st.booleans()),
    )


_STEPS = [
    "close",
    "busy",
    "error",
    *(f"endpoint:{p.name}" for p in PLACEMENTS),
    *(f"external:{p.name}" for p in PLACEMENTS),
]


@st.composite
def memories(draw: st.DrawFn, made: tuple[NetworkId, ...]) -> Memory:
    """Give what earlier passes can have left behind, also where it does not fit what is seen now."""
    lost = draw(st.one_of(st.none(), _past))
    return Memory(
        protected=lost is None and draw(st.booleans()),
        made=made,
        lost_at=lost,
        reasserted=lost is not None and draw(st.booleans()),
        fights=tuple(sorted(draw(st.lists(_past, max_size=6)))),
        callers=tuple(draw(st.lists(st.sampled_from(["ada@example.com", "terraform"]), max_size=3))),
        closed_once=draw(st.booleans()),
        closure_granted=draw(st.booleans()),
        begun=draw(st.dictionaries(st.sampled_from(_STEPS), _past, max_size=4)),
        failures=draw(st.integers(0, 3)),
    )


@st.composite
def observations(draw: st.DrawFn) -> Observed:
    """Give any cache with anything around it, or one that is gone."""
    cache = draw(caches())
    number = draw(st.integers(0, 4))
    around = {e.id: e for e in (draw(endpoints(cache, each)) for each in range(number))}
    shown = [listed(e, draw(st.sampled_from([e.status, *Status]))) for e in around.values() if draw(st.booleans())]
    hidden = [NetworkId(SUBSCRIPTION, "rg-hidden", "privateEndpoints", "pe-hidden")] if draw(st.booleans()) else []
    shown += [listed(each, draw(st.sampled_from([Status.APPROVED, Status.PENDING]))) for each in hidden]
    if draw(st.booleans()):
        shown.append(Connection("odd.1", None, draw(st.sampled_from(list(Status)))))
    zones = (NetworkZone(zone(cache.zone, "rg-net"), draw(st.booleans()), linked=False),)
    gone = draw(st.sampled_from([False] * 9 + [True]))
    return Observed(
        id=cache.id,
        cache=None if gone else replace(cache, connections=tuple(shown)),
        endpoints=tuple(around.values()),
        unreadable=tuple(hidden),
        caller=draw(st.sampled_from(["", "ada@example.com"])),
        networks=zones,
        memory=draw(memories(tuple(e for e in around if e.name.startswith("pe-orders")))),
    )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Give any world that a pass can begin in."""
    return World(draw(observations()), names_elsewhere=draw(st.booleans()))


@st.composite
def wishes(draw: st.DrawFn) -> Desired:
    """Give anything that policy, tags and requests together may ask, in enforce mode and in scope."""
    chosen = draw(st.lists(st.sampled_from(PLACEMENTS), unique_by=lambda p: p.name, max_size=3))
    enrolled = draw(st.sampled_from([True, True, True, False]))
    return Desired(
        in_scope=True,
        mode=Mode.ENFORCE,
        enrolled=enrolled,
        ignored=not enrolled and draw(st.booleans()),
        placements=tuple(chosen),
        unknown_placements=draw(st.sampled_from([(), (), (), ("weu-prd",)])),
        close=draw(st.booleans()),
        last_endpoint=draw(st.sampled_from(list(LastEndpoint))),
        requested_at=draw(st.one_of(st.none(), _past)),
        exemption=draw(st.sampled_from([None, None, exempt(0), exempt(3)])),
        safeguards=Safeguards(draw(st.integers(1, 4)), timedelta(minutes=draw(st.sampled_from([1, 60, 1440]))), 50),
        timing=TIMING,
        digest="policy",
    )


__all__ = [
    "CLASSIC",
    "ELSEWHERE",
    "MANAGED",
    "PLACEMENTS",
    "DnsMode",
    "caches",
    "endpoints",
    "memories",
    "observations",
    "wishes",
    "worlds",
]
