"""The places and bodies that these tests share."""

from __future__ import annotations

from local.azure.calls import Answer, Json
from local.azure.clock import ManualClock
from local.azure.redis import Cache
from local.azure.world import World, WorldOptions

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
OTHER = "22222222-2222-3333-4444-555555555555"
ZONE = "privatelink.redis.cache.windows.net"
CACHES = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-cache"
NETWORK = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-net"
CACHE = f"{CACHES}/providers/Microsoft.Cache/Redis/cache-a"
ENDPOINT = f"{NETWORK}/providers/Microsoft.Network/privateEndpoints/pe-a"
VNET = f"{NETWORK}/providers/Microsoft.Network/virtualNetworks/vnet-weu"
SUBNET = f"{VNET}/subnets/endpoints"
ZONE_ID = f"{NETWORK}/providers/Microsoft.Network/privateDnsZones/{ZONE}"
RECORD = f"{ZONE_ID}/A/cache-a"
ZONE_GROUP = f"{ENDPOINT}/privateDnsZoneGroups/default"
LONG = 4000.0

SEED: Json = {
    "subscriptions": [{"id": SUBSCRIPTION, "name": "prod"}],
    "networks": [
        {
            "subscription": SUBSCRIPTION,
            "group": "rg-net",
            "name": "vnet-weu",
            "region": "westeurope",
            "subnets": [
                {"name": "endpoints", "prefix": "10.0.0.0/24"},
                {"name": "small", "prefix": "10.0.1.0/29"},
                {"name": "full", "prefix": "10.0.2.0/29", "free": 0},
                {"name": "delegated", "prefix": "10.0.3.0/24", "delegation": "Microsoft.Web/serverFarms"},
                {"name": "policies", "prefix": "10.0.4.0/24", "refusesPolicies": True},
            ],
            "zones": [ZONE],
        }
    ],
    "caches": [
        {"subscription": SUBSCRIPTION, "group": "rg-cache", "name": "cache-a", "tags": {"env": "prod"}},
        {"subscription": SUBSCRIPTION, "group": "rg-cache", "name": "cache-b"},
        {
            "subscription": SUBSCRIPTION,
            "group": "rg-cache",
            "name": "clustered",
            "sku": "Premium",
            "shardCount": 2,
        },
        {
            "subscription": SUBSCRIPTION,
            "group": "rg-cache",
            "name": "injected",
            "sku": "Premium",
            "subnetId": f"{VNET}/subnets/small",
        },
        {
            "subscription": SUBSCRIPTION,
            "group": "rg-cache",
            "name": "replicated",
            "sku": "Premium",
            "linked": [f"{CACHES}/providers/Microsoft.Cache/Redis/elsewhere"],
        },
    ],
}


def make_world(options: WorldOptions | None = None) -> tuple[World, ManualClock]:
    """Give the fleet in a world whose clock is moved by hand."""
    clock = ManualClock()
    world = World(clock, options or WorldOptions())
    world.seed(SEED)
    return world, clock


def cache_id(name: str) -> str:
    return f"{CACHES}/providers/Microsoft.Cache/Redis/{name}"


def endpoint_id(name: str) -> str:
    return f"{NETWORK}/providers/Microsoft.Network/privateEndpoints/{name}"


def endpoint(
    cache: str = CACHE,
    subnet: str = SUBNET,
    *,
    region: str = "westeurope",
    groups: tuple[str, ...] = ("redisCache",),
    manual: bool = False,
) -> Json:
    """Give the body of an endpoint's PUT."""
    kind = "manualPrivateLinkServiceConnections" if manual else "privateLinkServiceConnections"
    link = {"name": "link", "properties": {"privateLinkServiceId": cache, "groupIds": list(groups)}}
    return {"location": region, "properties": {"subnet": {"id": subnet}, kind: [link]}}


def zone_group(zone_id: str = ZONE_ID) -> Json:
    """Give the body of a zone group's PUT."""
    return {"properties": {"privateDnsZoneConfigs": [{"name": "zone", "properties": {"privateDnsZoneId": zone_id}}]}}


def done(world: World, clock: ManualClock, answer: Answer) -> Answer:
    """Let everything end that an accepted call began."""
    assert answer.status in {200, 201, 202}, answer.body
    clock.advance(LONG)
    world.settle()
    return answer


def attach(world: World, clock: ManualClock, name: str = "pe-a", body: Json | None = None, *, dns: bool = True) -> None:
    """Attach an endpoint, with its zone group unless told otherwise, and let it be ready."""
    done(world, clock, world.act("PUT", endpoint_id(name), body or endpoint()))
    if dns:
        done(world, clock, world.act("PUT", f"{endpoint_id(name)}/privateDnsZoneGroups/default", zone_group()))


def cache(world: World, name: str = "cache-a") -> Cache:
    return world.cache(cache_id(name))


def states(world: World, name: str = "cache-a") -> list[str]:
    """Give the approval states of a cache's connections."""
    return [connection.status for connection in cache(world, name).connections]


def link_state(world: World, name: str = "pe-a") -> str:
    """Give the approval state that an endpoint shows."""
    shown = world.show(endpoint_id(name))
    assert shown is not None
    properties = shown["properties"]
    links = properties["privateLinkServiceConnections"] or properties["manualPrivateLinkServiceConnections"]
    return str(links[0]["properties"]["privateLinkServiceConnectionState"]["status"])
