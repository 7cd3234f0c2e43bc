"""A fleet is described as data and stands there at once, without calls or events."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from local.azure import redisenterprise
from local.azure.access import Grant
from local.azure.callers import APP
from local.azure.databases import Database
from local.azure.network.vnets import Subnet, VirtualNetwork, put_subnet_value
from local.azure.privatedns import Link, Zone, add_link
from local.azure.redis import Cache, build, canonical_id
from local.azure.regions import short_name
from local.azure.resources import Group
from local.azure.subscriptions import ManagementGroup, Subscription

if TYPE_CHECKING:
    from local.azure.world import World


class InvalidSeedError(ValueError):
    """A seed that cannot be read; the message names the field and what would be right."""


class _Seed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    pass


class SubscriptionSeed(_Seed, frozen=True):
    """``unregistered`` are namespaces that this subscription is not registered for."""

    id: str
    name: str = ""
    unregistered: tuple[str, ...] = ()


class ManagementGroupSeed(_Seed, frozen=True):
    """``children`` are names of groups and ids of subscriptions."""

    name: str
    display_name: str = ""
    children: tuple[str, ...] = ()


class SubnetSeed(_Seed, frozen=True):
    """``free`` leaves only so many addresses; ``delegation`` names a service; ``refuses_policies`` as Gov clouds do."""

    name: str
    prefix: str
    free: int | None = None
    delegation: str = ""
    refuses_policies: bool = False


class NetworkSeed(_Seed, frozen=True):
    """A network with its subnets, and private zones beside it that are linked to it."""

    subscription: str
    group: str
    name: str
    region: str
    prefix: str = "10.0.0.0/16"
    subnets: tuple[SubnetSeed, ...] = ()
    zones: tuple[str, ...] = ()


class CacheSeed(_Seed, frozen=True):
    """A cache as ARM would show it; ``subnet_id`` makes it VNet-injected, ``linked`` geo-replicated."""

    subscription: str
    group: str
    name: str
    region: str = "westeurope"
    sku: str = "Standard"
    capacity: int = 1
    tags: dict[str, str] = {}
    public_network_access: str = "Enabled"
    shard_count: int = 0
    subnet_id: str = ""
    linked: tuple[str, ...] = ()
    state: str = "Succeeded"
    properties: dict[str, Any] = {}

    @property
    def id(self) -> str:
        return canonical_id(_group_id(self.subscription, self.group), self.name)


class ClusterSeed(_Seed, frozen=True):
    """A redisEnterprise cluster as ARM would show it, with its database.

    ``public_network_access`` null is a cluster that was made before the flag existed. ``geo`` names the group of
    active geo-replication that all clusters of the same name are in.
    """

    subscription: str
    group: str
    name: str
    region: str = "westeurope"
    sku: str = "Balanced_B0"
    capacity: int | None = None
    tags: dict[str, str] = {}
    public_network_access: str | None = "Enabled"
    state: str = "Succeeded"
    resource_state: str = ""
    geo: str = ""
    database: bool = True
    properties: dict[str, Any] = {}

    @property
    def id(self) -> str:
        return redisenterprise.canonical_id(_group_id(self.subscription, self.group), self.name)


class FleetSeed(_Seed, frozen=True):
    """Very many caches, alike: so many subscriptions with so many caches each, spread over groups and regions.

    Subscriptions are numbered from ``first`` on, and so are names, so that several fleets fit beside one another.
    """

    subscriptions: int
    caches_per_subscription: int = 100
    clusters_per_subscription: int = 0
    groups_per_subscription: int = 4
    regions: tuple[str, ...] = ("westeurope",)
    sku: str = "Standard"
    cluster_sku: str = "Balanced_B0"
    tags: dict[str, str] = {}
    public_network_access: str = "Enabled"
    first: int = 0

    @property
    def subscription_ids(self) -> tuple[str, ...]:
        numbers = range(self.first, self.first + self.subscriptions)
        return tuple(f"{number:08x}-f1ee-4000-8000-000000000000" for number in numbers)


class GrantSeed(_Seed, frozen=True):
    """What an identity may do, as a role assignment says it: actions spelt out, at a scope and below.

    ``principal`` is an object id, the app's by default. Who has a grant may do what the grants say, and
    no more.
    """

    actions: tuple[str, ...]
    scope: str = "/"
    principal: str = APP.object_id


class Seed(_Seed, frozen=True):
    subscriptions: tuple[SubscriptionSeed, ...] = ()
    management_groups: tuple[ManagementGroupSeed, ...] = ()
    networks: tuple[NetworkSeed, ...] = ()
    caches: tuple[CacheSeed, ...] = ()
    clusters: tuple[ClusterSeed, ...] = ()
    fleets: tuple[FleetSeed, ...] = ()
    grants: tuple[GrantSeed, ...] = ()


def read(data: object) -> Seed:
    """Read a seed from JSON; raises InvalidSeedError naming field and fault."""
    try:
        return msgspec.convert(data, Seed)
    except msgspec.ValidationError as error:
        raise InvalidSeedError(str(error)) from error


def plant(world: World, seed: Seed) -> None:
    """Let everything of a seed stand in the world. Subscriptions and groups that it only names are made."""
    with world.beginning():
        _plant(world, seed)


def _plant(world: World, seed: Seed) -> None:
    for subscription in seed.subscriptions:
        _subscription(world, subscription)
    for group in seed.management_groups:
        world.directory.add_group(ManagementGroup(group.name, group.display_name or group.name, group.children))
    for network in seed.networks:
        _network(world, network)
    for cache in seed.caches:
        _cache(world, cache)
    for cluster in seed.clusters:
        _cluster(world, cluster, tuple(other for other in seed.clusters if cluster.geo and other.geo == cluster.geo))
    for fleet in seed.fleets:
        _fleet(world, fleet)
    for grant in seed.grants:
        before = world.access.grants.get(grant.principal, ())
        world.access.grants[grant.principal] = (*before, Grant(frozenset(grant.actions), grant.scope))


def _fleet(world: World, seed: FleetSeed) -> None:
    """Make each cache from one of its kind, with which it shares what is the same: 100,000 are there in seconds."""
    like_cache, like_cluster = _alike(seed)
    for number, subscription in enumerate(seed.subscription_ids, seed.first):
        groups = [f"rg-fleet-{each}" for each in range(max(1, seed.groups_per_subscription))]
        places = [
            (_group(world, subscription, group, region), short_name(region))
            for group in groups
            for region in seed.regions
        ]
        for each in range(seed.caches_per_subscription):
            group_id, region = places[each % len(places)]
            made = replace(like_cache, id=canonical_id(group_id, f"fleet-{number:05}-{each:04}"), serial=world.serial())
            world.put(made if made.region == region else replace(made, region=region))
        for each in range(seed.clusters_per_subscription):
            group_id, region = places[each % len(places)]
            cluster_id = redisenterprise.canonical_id(group_id, f"fleet-{number:05}-{each:04}")
            world.put(replace(like_cluster, id=cluster_id, region=region, serial=world.serial()))
            world.put(Database(id=f"{cluster_id}/databases/default"))


def _alike(seed: FleetSeed) -> tuple[Cache, redisenterprise.Cluster]:
    region = short_name(seed.regions[0])
    family = "P" if seed.sku == "Premium" else "C"
    shown = {"publicNetworkAccess": seed.public_network_access}
    cache = build("/", region, {"name": seed.sku, "family": family, "capacity": 1}, shown)
    cluster = redisenterprise.build("/", region, {"name": seed.cluster_sku, "capacity": None}, shown)
    tags = dict(seed.tags)
    return replace(cache, tags=tags), replace(cluster, tags=tags, state="Succeeded", resource_state="Running")


def _subscription(world: World, seed: SubscriptionSeed) -> None:
    plain = Subscription(seed.id, seed.name or f"Subscription {seed.id[:8]}")
    absent = {namespace.lower() for namespace in seed.unregistered}
    world.directory.add(Subscription(plain.id, plain.name, registered=plain.registered - absent))


def _group_id(subscription: str, group: str) -> str:
    return f"/subscriptions/{subscription}/resourceGroups/{group}"


def _group(world: World, subscription: str, group: str, region: str) -> str:
    if not world.directory.knows(subscription):
        _subscription(world, SubscriptionSeed(subscription))
    group_id = _group_id(subscription, group)
    held = world.store.get(group_id)
    if held is not None:
        return held.id
    world.put(Group(id=group_id, region=short_name(region)))
    return group_id


def _network(world: World, seed: NetworkSeed) -> None:
    group_id = _group(world, seed.subscription, seed.group, seed.region)
    vnet = VirtualNetwork(
        id=f"{group_id}/providers/Microsoft.Network/virtualNetworks/{seed.name}",
        region=short_name(seed.region),
        prefixes=(seed.prefix,),
        etag=f'W/"{world.uuid()}"',
        guid=world.uuid(),
    )
    world.put(vnet)
    for subnet in seed.subnets:
        put_subnet_value(world, _subnet(world, vnet.id, subnet))
    for name in seed.zones:
        zone = Zone(id=f"{group_id}/providers/Microsoft.Network/privateDnsZones/{name}", etag=world.uuid())
        if world.store.get(zone.id) is None:
            world.put(zone)
        link_id = f"{zone.id}/virtualNetworkLinks/{seed.name}"
        add_link(world, Link(id=link_id, etag=world.uuid(), vnet_id=vnet.id))


def _subnet(world: World, vnet_id: str, seed: SubnetSeed) -> Subnet:
    subnet = Subnet(
        id=f"{vnet_id}/subnets/{seed.name}",
        prefix=seed.prefix,
        etag=f'W/"{world.uuid()}"',
        policies="Enabled" if seed.refuses_policies else "Disabled",
        refuses_endpoints=seed.refuses_policies,
        delegations=(("delegation", seed.delegation),) if seed.delegation else (),
        taken={},
    )
    return subnet if seed.free is None else leave_free(subnet, seed.free)


def leave_free(subnet: Subnet, free: int) -> Subnet:
    """Let other machines take addresses until only so many are left."""
    taken = dict(subnet.taken)
    while subnet.free > free:
        address = subnet.next_address()
        if address is None:
            break
        group_id = subnet.group_id
        owner = f"{group_id}/providers/Microsoft.Network/networkInterfaces/vm-{len(taken)}/ipConfigurations/ipconfig1"
        taken[address] = owner
        subnet = replace(subnet, taken=dict(taken))
    return subnet


def _cache(world: World, seed: CacheSeed) -> None:
    group_id = _group(world, seed.subscription, seed.group, seed.region)
    family = "P" if seed.sku == "Premium" else "C"
    sku = {"name": seed.sku, "family": family, "capacity": seed.capacity}
    properties = {
        **seed.properties,
        "publicNetworkAccess": seed.public_network_access,
        "shardCount": seed.shard_count,
        "subnetId": seed.subnet_id,
    }
    cache = build(canonical_id(group_id, seed.name), short_name(seed.region), sku, properties)
    world.put(replace(cache, tags=dict(seed.tags), state=seed.state, linked_servers=tuple(seed.linked)))


# What a failed creation, an update and so on look like; anything else is running.
_RESOURCE_STATES = {"Creating": "Creating", "Updating": "Updating", "Deleting": "Deleting", "Failed": "CreateFailed"}


def _cluster(world: World, seed: ClusterSeed, replicas: tuple[ClusterSeed, ...]) -> None:
    group_id = _group(world, seed.subscription, seed.group, seed.region)
    properties = {**seed.properties, "publicNetworkAccess": seed.public_network_access}
    sku = {"name": seed.sku, "capacity": seed.capacity}
    cluster_id = redisenterprise.canonical_id(group_id, seed.name)
    cluster = redisenterprise.build(cluster_id, short_name(seed.region), sku, properties)
    shown = seed.resource_state or _RESOURCE_STATES.get(seed.state, "Running")
    world.put(replace(cluster, tags=dict(seed.tags), state=seed.state, resource_state=shown))
    if seed.database and shown not in {"Creating", "CreateFailed"}:
        linked = tuple(f"{replica.id}/databases/default" for replica in replicas)
        world.put(Database(id=f"{cluster.id}/databases/default", nickname=seed.geo, linked=linked))
