"""The clusters that these tests share: Managed Redis with and without the flag, and an older Enterprise one."""

from __future__ import annotations

from local.azure.calls import Answer, Json
from local.azure.clock import ManualClock
from local.azure.redisenterprise import ENTERPRISE_ZONE, MANAGED_ZONE, Cluster
from local.azure.world import World, WorldOptions
from tests.component.azure.fleet import CACHES, LONG, NETWORK, SEED, SUBSCRIPTION, endpoint, endpoint_id, zone_group

GROUP_ID = "redisEnterprise"
CLUSTERS: Json = {
    "networks": [
        {
            "subscription": SUBSCRIPTION,
            "group": "rg-net",
            "name": "vnet-clusters",
            "region": "westeurope",
            "prefix": "10.9.0.0/16",
            "subnets": [{"name": "endpoints", "prefix": "10.9.0.0/20"}],
            "zones": [MANAGED_ZONE, ENTERPRISE_ZONE],
        }
    ],
    "clusters": [
        {"subscription": SUBSCRIPTION, "group": "rg-cache", "name": "flagged", "tags": {"env": "prod"}},
        {"subscription": SUBSCRIPTION, "group": "rg-cache", "name": "old", "publicNetworkAccess": None, "geo": "pair"},
        {
            "subscription": SUBSCRIPTION,
            "group": "rg-cache",
            "name": "enterprise",
            "sku": "Enterprise_E10",
            "publicNetworkAccess": None,
            "region": "northeurope",
            "geo": "pair",
        },
        {"subscription": SUBSCRIPTION, "group": "rg-cache", "name": "broken", "state": "Failed"},
    ],
}
NEW: Json = {
    "location": "westeurope",
    "sku": {"name": "Balanced_B0"},
    "properties": {"publicNetworkAccess": "Disabled"},
}


def cluster_id(name: str) -> str:
    return f"{CACHES}/providers/Microsoft.Cache/redisEnterprise/{name}"


def zone_id(zone: str) -> str:
    return f"{NETWORK}/providers/Microsoft.Network/privateDnsZones/{zone}"


def make_clusters(options: WorldOptions | None = None) -> tuple[World, ManualClock]:
    """Give fleet and clusters in a world whose clock is moved by hand."""
    clock = ManualClock()
    world = World(clock, options or WorldOptions())
    world.seed(SEED)
    world.seed(CLUSTERS)
    return world, clock


def cluster(world: World, name: str) -> Cluster:
    return world.cluster(cluster_id(name))


def cluster_endpoint(name: str, *, manual: bool = False) -> Json:
    """Give the body of the PUT of an endpoint to a cluster."""
    subnet = f"{NETWORK}/providers/Microsoft.Network/virtualNetworks/vnet-clusters/subnets/endpoints"
    return endpoint(cluster_id(name), subnet, groups=(GROUP_ID,), manual=manual)


def wait(world: World, clock: ManualClock) -> None:
    """Let everything end that has begun."""
    clock.advance(LONG)
    world.settle()


def done(world: World, clock: ManualClock, answer: Answer) -> Answer:
    assert answer.status in {200, 201, 202}, answer.body
    wait(world, clock)
    return answer


def attach(world: World, clock: ManualClock, name: str, pe: str = "pe", *, manual: bool = False) -> None:
    done(world, clock, world.act("PUT", endpoint_id(pe), cluster_endpoint(name, manual=manual)))


def join_zone(world: World, clock: ManualClock, zone: str, pe: str = "pe") -> None:
    """Give an endpoint a zone group for one zone."""
    group = f"{endpoint_id(pe)}/privateDnsZoneGroups/default"
    done(world, clock, world.act("PUT", group, zone_group(zone_id(zone))))


def connection_id(world: World, name: str) -> str:
    """Give the id of a cluster's only connection."""
    (connection,) = cluster(world, name).connections
    return f"{cluster_id(name)}/privateEndpointConnections/{connection.name}"


def decide(status: str) -> Json:
    return {"properties": {"privateLinkServiceConnectionState": {"status": status, "description": "by a person"}}}


def flag(value: str) -> Json:
    return {"properties": {"publicNetworkAccess": value}}
