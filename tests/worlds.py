"""Builders of what is seen and wanted, and a small Azure of values that carries out plans and lets time pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from typing import Any, assert_never

from shared.ids import CacheId, GroupId, NetworkId, endpoint_id
from shared.ids import SubnetId as Subnet
from shared.model import (
    MANAGED_BY,
    TAG_CACHE,
    TAG_MANAGED_BY,
    Action,
    Cache,
    Connection,
    CreateCache,
    CreateDatabase,
    CreateEndpoint,
    CreateZone,
    DeleteConnection,
    DeleteEndpoint,
    Desired,
    DnsMode,
    Endpoint,
    Exemption,
    Kind,
    LastEndpoint,
    LinkZone,
    Memory,
    Mode,
    Observed,
    Placement,
    Plan,
    PublicAccess,
    PutZoneGroup,
    Readiness,
    Safeguards,
    SetConnection,
    SetPublicAccess,
    Status,
    Timing,
    Verdict,
    ZoneGroup,
    ZoneRecord,
)
from shared.outcome import Applied, outcome
from shared.planner import endpoint_name, plan

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
NETWORK_SUBSCRIPTION = "99999999-2222-3333-4444-555555555555"
CLASSIC = CacheId.parse(f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-app/providers/Microsoft.Cache/Redis/orders")
MANAGED = CacheId.parse(
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-app/providers/Microsoft.Cache/redisEnterprise/orders"
)
OTHER = replace(CLASSIC, name="other")
CLASSIC_ZONE = "privatelink.redis.cache.windows.net"
MANAGED_ZONE = "privatelink.redis.azure.net"
ENTERPRISE_ZONE = "privatelink.redisenterprise.cache.azure.net"
ZONES = {Kind.CLASSIC: CLASSIC_ZONE, Kind.MANAGED: MANAGED_ZONE, Kind.ENTERPRISE: ENTERPRISE_ZONE}
SAFEGUARDS = Safeguards(reattach_limit=3, window=timedelta(hours=1), closures_per_hour=50)
TIMING = Timing(
    settle=timedelta(seconds=60),
    endpoint=timedelta(seconds=30),
    zone_group=timedelta(seconds=5),
    cache=timedelta(seconds=30),
    busy=timedelta(seconds=60),
    thorough=timedelta(hours=24),
)
ADDRESS = "10.0.0.4"


# ── places ──────────────────────────────────────────────────────────────────────────────────────


def subnet(name: str = "snet-a", network: str = "vnet-weu") -> Subnet:
    group = f"/subscriptions/{NETWORK_SUBSCRIPTION}/resourceGroups/rg-net"
    return Subnet.parse(f"{group}/providers/Microsoft.Network/virtualNetworks/{network}/subnets/{name}")


def zone(name: str = CLASSIC_ZONE, group: str = "rg-dns") -> NetworkId:
    return NetworkId(NETWORK_SUBSCRIPTION, group, "privateDnsZones", name)


def place(name: str = "weu-prod", *, inside: str = "snet-a", dns: DnsMode = DnsMode.ZONES) -> Placement:
    zones = {each: zone(each) for each in ZONES.values()} if dns is DnsMode.ZONES else {}
    group = GroupId.of(NETWORK_SUBSCRIPTION, "rg-endpoints")
    return Placement(name, "westeurope", subnet(inside), group, dns, zones)


A = place()
B = place("weu-second", inside="snet-b")
OWN_ZONE = place("weu-own-zone", inside="snet-c", dns=DnsMode.CREATE)
EXTERNAL = place("weu-external", inside="snet-d", dns=DnsMode.EXTERNAL)


# ── what is seen ────────────────────────────────────────────────────────────────────────────────


def cache_seen(**changes: object) -> Cache:
    """Give a classic cache, open to the public and without endpoints, but for the changes."""
    usual = Cache(
        id=CLASSIC,
        kind=Kind.CLASSIC,
        region="westeurope",
        tags={},
        readiness=Readiness.READY,
        state="Succeeded",
        public_access=PublicAccess.ENABLED,
        zone=CLASSIC_ZONE,
        group_member="redisCache",
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def managed_seen(**changes: object) -> Cache:
    """Give a managed cache, as old as to have no ``publicNetworkAccess``, but for the changes."""
    usual: dict[str, object] = {
        "id": MANAGED,
        "kind": Kind.MANAGED,
        "public_access": PublicAccess.ABSENT,
        "zone": ZONES[Kind(str(changes.get("kind", Kind.MANAGED)))],
        "group_member": "redisEnterprise",
        "connection_limit": 84,
        "closes_on_attach": changes.get("public_access", PublicAccess.ABSENT) is PublicAccess.ABSENT,
    }
    return cache_seen(**(usual | changes))


KINDS: Mapping[str, Cache] = {
    "classic": cache_seen(),
    "managed with a flag": managed_seen(public_access=PublicAccess.ENABLED),
    "managed without a flag": managed_seen(),
    "enterprise with a flag": managed_seen(kind=Kind.ENTERPRISE, public_access=PublicAccess.ENABLED),
    "enterprise without a flag": managed_seen(kind=Kind.ENTERPRISE),
}
"""One cache of each kind, open to the public."""
FLAGLESS = tuple(kind for kind, cache in KINDS.items() if cache.public_access is PublicAccess.ABSENT)
FLAGGED = tuple(kind for kind in KINDS if kind not in FLAGLESS)


def own_name(cache: CacheId = CLASSIC, placement: Placement = A) -> NetworkId:
    """Give the endpoint's id as Azure answers it: network names compare without case."""
    return endpoint_id(str(placement.endpoint(endpoint_name(cache, placement.name))))


def own_tags(cache: CacheId = CLASSIC) -> Mapping[str, str]:
    return {TAG_MANAGED_BY: MANAGED_BY, TAG_CACHE: cache.short_hash}


def zone_group(of: NetworkId | None = None, **changes: object) -> ZoneGroup:
    led = of or zone()
    usual = ZoneGroup(
        "default", Readiness.READY, {"entry": str(led).lower()}, (ZoneRecord(str(led).lower(), "orders", (ADDRESS,)),)
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def own_endpoint(placement: Placement = A, cache: CacheId = CLASSIC, **changes: object) -> Endpoint:
    """Give a finished endpoint of Drawbridge's, with working DNS, but for the changes."""
    led = CLASSIC_ZONE if cache.type == CLASSIC.type else MANAGED_ZONE
    usual = Endpoint(
        id=own_name(cache, placement),
        readiness=Readiness.READY,
        region=placement.region,
        subnet=placement.subnet,
        status=Status.APPROVED,
        targets=(cache,),
        tags=own_tags(cache),
        zone_groups=(zone_group(zone(led)),),
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def foreign_endpoint(placement: Placement = A, **changes: object) -> Endpoint:
    """Give an endpoint that somebody else made, finished and with working DNS, but for the changes."""
    theirs = NetworkId(SUBSCRIPTION, "rg-app", "privateEndpoints", "pe-by-terraform")
    usual = replace(own_endpoint(placement), id=theirs, tags={"made-by": "terraform"})
    return replace(usual, **changes)  # type: ignore[arg-type]


def listed(endpoint: Endpoint | NetworkId, status: Status | None = None) -> Connection:
    """Give the connection of an endpoint as its cache lists it."""
    if isinstance(endpoint, Endpoint):
        return Connection(f"{endpoint.id.name}.1", endpoint.id, status or endpoint.status)
    return Connection(f"{endpoint.name}.1", endpoint, status or Status.APPROVED)


def seen(cache: Cache | None = None, *endpoints: Endpoint, memory: Memory | None = None, **rest: object) -> Observed:
    """Give what a pass reads. Endpoints in READY are listed by the cache, unless it lists connections of its own."""
    cache = cache or cache_seen()
    if not cache.connections:
        finished = tuple(listed(e) for e in endpoints if e.readiness is Readiness.READY)
        cache = replace(cache, connections=finished)
    return replace(
        Observed(cache.id, cache, tuple(endpoints), memory=memory or Memory()),
        **rest,  # type: ignore[arg-type]
    )


def private(**memory: object) -> Observed:
    """Give a cache that is as it should be: attached, named and closed."""
    known: dict[str, object] = {"protected": True, "closed_once": True, "made": (own_name(),)}
    return seen(
        cache_seen(public_access=PublicAccess.DISABLED),
        own_endpoint(),
        memory=Memory(**(known | memory)),  # type: ignore[arg-type]
    )


# ── the same of another kind ────────────────────────────────────────────────────────────────────


def recast(world: World, kind: str) -> World:
    """Tell what is told of a classic cache of one of another kind: its names, its zone, and its door if it has one."""
    model = KINDS[kind]
    placements = (A, B, OWN_ZONE, EXTERNAL)
    swaps = {own_name(CLASSIC, each).name: own_name(model.id, each).name for each in placements}
    swaps |= {CLASSIC_ZONE: model.zone, CLASSIC.short_hash: model.id.short_hash}
    there = _recast(world.there, swaps, model.id)
    return replace(world, there=replace(there, cache=there.cache and _of_kind(there.cache, model)))


def _of_kind(cache: Cache, model: Cache) -> Cache:
    flagless = model.public_access is PublicAccess.ABSENT
    return replace(
        cache,
        kind=model.kind,
        group_member=model.group_member,
        closes_on_attach=model.closes_on_attach,
        public_access=PublicAccess.ABSENT if flagless else cache.public_access,
    )


def _recast(value: Any, swaps: Mapping[str, str], cache: CacheId) -> Any:  # noqa: ANN401 - of any type, as it came
    """Rename in every text, and in every value of values, however deep."""
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        for old, new in swaps.items():
            value = value.replace(old, new)
        return value
    if isinstance(value, CacheId):
        return cache if value == CLASSIC else value
    if isinstance(value, tuple):
        return tuple(_recast(each, swaps, cache) for each in value)
    if isinstance(value, Mapping):
        return {_recast(name, swaps, cache): _recast(each, swaps, cache) for name, each in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{f.name: _recast(getattr(value, f.name), swaps, cache) for f in fields(value)})
    return value


# ── what is wanted ──────────────────────────────────────────────────────────────────────────────


def wanted(*placements: Placement, **changes: object) -> Desired:
    """Ask for a private cache with an endpoint in ``A`` (or in the placements given), but for the changes."""
    usual = Desired(
        in_scope=True,
        mode=Mode.ENFORCE,
        enrolled=True,
        placements=placements or (A,),
        close=True,
        last_endpoint=LastEndpoint.REATTACH,
        safeguards=SAFEGUARDS,
        timing=TIMING,
        digest="policy",
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def exempt(days: int = 7, *, now: datetime = NOW) -> Exemption:
    until = date.fromordinal(now.date().toordinal() + days)
    ends = datetime.combine(until + timedelta(days=1), time.min, tzinfo=UTC)
    return Exemption(until, "migration", ends, ends - timedelta(days=3))


# ── a small Azure ───────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class World:
    """What is there, what is under way in it, and what time it is."""

    there: Observed
    now: datetime = NOW
    coming_access: PublicAccess | None = None
    """What ``publicNetworkAccess`` is about to become: a PATCH shows the old value until it is done."""
    names_elsewhere: bool = False
    """Somebody else (Azure Policy) gives a zone group to each endpoint that has none."""

    @property
    def cache(self) -> Cache:
        if self.there.cache is None:
            raise AssertionError("the cache is gone")
        return self.there.cache

    def changed(self, **cache: object) -> World:
        """Let somebody change the cache by hand."""
        return replace(self, there=replace(self.there, cache=replace(self.cache, **cache)))  # type: ignore[arg-type]

    def without(self, *gone: NetworkId) -> World:
        """Let somebody delete endpoints; Azure takes their connections off the cache."""
        kept = tuple(e for e in self.there.endpoints if e.id not in gone)
        left = tuple(c for c in self.cache.connections if c.endpoint not in gone)
        return replace(self, there=replace(self.there, endpoints=kept, cache=_after_loss(self.cache, left)))

    def disconnected(self, endpoint: NetworkId) -> World:
        """Let somebody delete a connection on the cache's side; its endpoint stays, Disconnected."""
        left = tuple(c for c in self.cache.connections if c.endpoint != endpoint)
        changed = tuple(replace(e, status=Status.DISCONNECTED) if e.id == endpoint else e for e in self.there.endpoints)
        return replace(self, there=replace(self.there, endpoints=changed, cache=_after_loss(self.cache, left)))

    def rejected(self, endpoint: NetworkId) -> World:
        """Let the cache's owner reject a connection; it stays in the list."""
        connections = tuple(
            replace(c, status=Status.REJECTED) if c.endpoint == endpoint else c for c in self.cache.connections
        )
        changed = tuple(replace(e, status=Status.REJECTED) if e.id == endpoint else e for e in self.there.endpoints)
        return replace(self, there=replace(self.there, endpoints=changed, cache=_after_loss(self.cache, connections)))


def _after_loss(cache: Cache, left: tuple[Connection, ...]) -> Cache:
    """Classic stays as it is when its last endpoint goes; what a managed cache does is undocumented: the worst."""
    after = replace(cache, connections=left)
    opens = cache.approved() and not after.approved() and cache.public_access is PublicAccess.DISABLED
    return replace(after, public_access=PublicAccess.ENABLED) if opens and cache.kind is not Kind.CLASSIC else after


def carried_out(world: World, action: Action) -> World:  # noqa: C901 - one line for each action
    """Begin an action, as Azure would; raises AssertionError where Azure would refuse it or somebody would mind."""
    there = world.there
    match action:
        case CreateEndpoint():
            return replace(world, there=replace(there, endpoints=(*there.endpoints, _begun(world, action))))
        case DeleteEndpoint(endpoint):
            changed = (replace(e, readiness=Readiness.DELETING) if e.id == endpoint else e for e in there.endpoints)
            return replace(world, there=replace(there, endpoints=tuple(changed)))
        case PutZoneGroup(endpoint, name, to):
            group = ZoneGroup(name, Readiness.BUSY, {"entry": str(to).lower()})
            groups = (replace(e, zone_groups=(group,)) if e.id == endpoint else e for e in there.endpoints)
            return replace(world, there=replace(there, endpoints=tuple(groups)))
        case CreateZone(made):
            zones = (replace(n, exists=True) if n.zone == made else n for n in there.networks)
            return replace(world, there=replace(there, networks=tuple(zones)))
        case LinkZone(linked):
            zones = (replace(n, linked=True) if n.zone == linked else n for n in there.networks)
            return replace(world, there=replace(there, networks=tuple(zones)))
        case SetPublicAccess(access):
            assert world.cache.readiness is Readiness.READY, "Azure refuses a change to a busy cache"
            assert world.cache.public_access is not PublicAccess.ABSENT, "an old cluster has no such property"
            if access is world.cache.public_access:
                return world
            return replace(world.changed(readiness=Readiness.BUSY, state="Updating"), coming_access=access)
        case SetConnection(name, status):
            kept = tuple(replace(c, status=status) if c.name == name else c for c in world.cache.connections)
            led = {c.endpoint for c in world.cache.connections if c.name == name}
            told = tuple(replace(e, status=status) if e.id in led else e for e in there.endpoints)
            return replace(world, there=replace(there, endpoints=told, cache=replace(world.cache, connections=kept)))
        case DeleteConnection(name):
            (lost,) = (c.endpoint for c in world.cache.connections if c.name == name)
            return world if lost is None else world.disconnected(lost)
        case CreateCache(made, settings):
            assert there.cache is None, "a PUT would change a cache that is there"
            begun = cache_seen(
                id=made,
                kind=settings.kind,
                tags=settings.tags,
                readiness=Readiness.BUSY,
                state="Creating",
                public_access=PublicAccess.DISABLED,
                closes_on_attach=settings.kind is Kind.CLASSIC,
                zone=CLASSIC_ZONE if settings.kind is Kind.CLASSIC else MANAGED_ZONE,
            )
            return replace(world, there=replace(there, cache=begun))
        case CreateDatabase():
            assert world.cache.readiness is Readiness.READY, "Azure takes a database for a finished cluster only"
            return replace(world, there=replace(there, database=Readiness.BUSY))
        case other:
            assert_never(other)


def _begun(world: World, action: CreateEndpoint) -> Endpoint:
    made = endpoint_id(str(action.endpoint))
    assert made not in {e.id for e in world.there.endpoints}, "a PUT would overwrite an endpoint that is there"
    assert made not in world.there.unreadable, "a PUT would overwrite an endpoint that is there"
    cache = world.cache
    assert not cache.vnet_injected
    assert not cache.geo_replicated
    assert not (cache.clustered and cache.connections)
    return Endpoint(
        id=made,
        readiness=Readiness.BUSY,
        region=action.placement.region,
        subnet=action.placement.subnet,
        status=Status.APPROVED,
        targets=(cache.id,),
        tags=own_tags(cache.id),
    )


def elapsed(world: World, passed: timedelta = timedelta()) -> World:
    """Let time pass, long enough for whatever is under way to end."""
    world = replace(world, now=world.now + passed)
    if world.there.cache is None or world.there.cache.readiness is Readiness.DELETING:
        gone = tuple(
            replace(e, status=Status.DISCONNECTED)
            for e in world.there.endpoints
            if e.readiness is not Readiness.DELETING
        )
        return replace(world, there=replace(world.there, cache=None, endpoints=gone))
    world = world.without(*(e.id for e in world.there.endpoints if e.readiness is Readiness.DELETING))
    if world.there.database is Readiness.BUSY:
        world = replace(world, there=replace(world.there, database=Readiness.READY))
    ready = tuple(_finished(world, e) for e in world.there.endpoints)
    return replace(_cache_after(world, ready), coming_access=None)


def _finished(world: World, endpoint: Endpoint) -> Endpoint:
    groups = endpoint.zone_groups or ()
    if world.names_elsewhere and not groups:
        hub = zone(world.cache.zone, "rg-hub")
        groups = (zone_group(hub, name="deployedByPolicy"),)
    ready = Readiness.READY if endpoint.readiness is Readiness.BUSY else endpoint.readiness
    done = tuple(_written(g) if g.readiness is Readiness.BUSY else g for g in groups)
    mended = None if any(g.readiness is Readiness.BUSY for g in groups) else endpoint.records_present
    return replace(endpoint, readiness=ready, zone_groups=done, records_present=mended)


def _written(group: ZoneGroup) -> ZoneGroup:
    records = tuple(ZoneRecord(each, "orders", (ADDRESS,)) for each in group.zones.values())
    return replace(group, readiness=Readiness.READY, records=records)


def _cache_after(world: World, endpoints: tuple[Endpoint, ...]) -> World:
    cache = world.cache
    known = {c.endpoint for c in cache.connections}
    was_busy = {e.id for e in world.there.endpoints if e.readiness is Readiness.BUSY}
    joined = tuple(listed(e) for e in endpoints if e.id in was_busy - known and cache.id in e.targets)
    access = world.coming_access or cache.public_access
    if joined and not cache.connections and cache.closes_on_attach and access is not PublicAccess.ABSENT:
        access = PublicAccess.DISABLED
    ready = Readiness.READY if cache.readiness is Readiness.BUSY else cache.readiness
    after = replace(cache, connections=(*cache.connections, *joined), public_access=access, readiness=ready)
    return replace(world, there=replace(world.there, cache=after, endpoints=endpoints))


# ── passes ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass over a world: what it found, decided and left behind."""

    before: World
    decided: Plan
    verdict: Verdict
    after: World
    """With every action begun, and no time gone by."""

    @property
    def actions(self) -> tuple[Action, ...]:
        return self.decided.actions


def pass_over(world: World, desired: Desired) -> Pass:
    """Plan, carry out, remember."""
    decided = plan(world.there, desired, world.now)
    after = world
    for action in decided.actions:
        after = carried_out(after, action)
    verdict, memory = outcome(decided, Applied(decided.actions), world.now, desired.timing or TIMING)
    return Pass(world, decided, verdict, replace(after, there=replace(after.there, memory=memory)))


def passes(world: World, desired: Desired, *, most: int = 150) -> Iterator[Pass]:
    """Make passes as the verdicts ask for them, until none asks for another or ``most`` have been made."""
    for _ in range(most):
        ended = desired.exemption is not None and desired.exemption.ends <= world.now
        made = pass_over(world, replace(desired, exemption=None) if ended else desired)
        yield made
        if made.verdict.look_after is None:
            return
        world = elapsed(made.after, made.verdict.look_after)
