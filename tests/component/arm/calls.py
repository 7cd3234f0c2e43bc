"""Every method of every adapter, as one table: what it is called with, and what it may send."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from shared.arm import Arm
from shared.arm.classic import classic_cache
from shared.ids import CacheId, GroupId, SubnetId, endpoint_id, network_id, zone_id
from shared.model import DnsMode, Kind, NewCache, Placement, PublicAccess, Status
from shared.networking import NetworkWish

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/net"
CACHE = CacheId.parse(f"{GROUP}/providers/Microsoft.Cache/Redis/orders")
CLUSTER = CacheId.parse(f"{GROUP}/providers/Microsoft.Cache/redisEnterprise/orders")
ENDPOINT = endpoint_id(f"{GROUP}/providers/Microsoft.Network/privateEndpoints/pe-orders")
VNET = network_id(f"{GROUP}/providers/Microsoft.Network/virtualNetworks/hub")
ZONE = zone_id(f"{GROUP}/providers/Microsoft.Network/privateDnsZones/privatelink.redis.cache.windows.net")
PLACEMENT = Placement("weu", "westeurope", SubnetId(VNET, "pe"), GroupId.parse(GROUP), DnsMode.ZONES)
NEW = NewCache(Kind.CLASSIC, "westeurope", "Premium_P1", shards=2, zones=("1", "2"), tags={"env": "prod"})
NEW_CLUSTER = NewCache(Kind.MANAGED, "westeurope", "Balanced_B5", access_keys=True)
NETWORK = NetworkWish("westeurope", ("10.1.0.0/16",), "pe", "10.1.0.0/24", (ZONE.name,))
CACHE_BODY = {
    "id": str(CACHE),
    "location": "West Europe",
    "properties": {
        "provisioningState": "Succeeded",
        "hostName": "orders.redis.cache.windows.net",
        "publicNetworkAccess": "Enabled",
        "sku": {"name": "Standard", "family": "C", "capacity": 1},
    },
}
CLUSTER_BODY = {
    "id": str(CLUSTER),
    "location": "West Europe",
    "sku": {"name": "Balanced_B0"},
    "properties": {
        "provisioningState": "Succeeded",
        "resourceState": "Running",
        "hostName": "orders.westeurope.redis.azure.net",
        "privateEndpointConnections": [],
        "publicNetworkAccess": "Enabled",
    },
}


class Method(NamedTuple):
    """One method, called on an Arm; what follows its name says which of its ways."""

    name: str
    call: Callable[[Arm], Awaitable[Any]]
    writes: bool
    none_if_absent: bool
    """Whether it answers a 404 with a value of its own."""


METHODS = [
    Method("classic.get", lambda a: a.classic.get(CACHE), False, True),
    Method("classic.list_page", lambda a: a.classic.list_page(SUBSCRIPTION), False, False),
    Method(
        "classic.set_public_access", lambda a: a.classic.set_public_access(CACHE, PublicAccess.DISABLED), True, False
    ),
    Method("enterprise.get", lambda a: a.enterprise.get(CLUSTER), False, True),
    Method("enterprise.replicas", lambda a: a.enterprise.replicas(CLUSTER), False, True),
    Method("enterprise.list_page", lambda a: a.enterprise.list_page(SUBSCRIPTION), False, False),
    Method(
        "enterprise.set_public_access",
        lambda a: a.enterprise.set_public_access(CLUSTER, PublicAccess.DISABLED),
        True,
        False,
    ),
    Method("connections.decide", lambda a: a.connections.decide(CACHE, "pe.1", Status.APPROVED, "yes"), True, False),
    Method(
        "connections.decide on a cluster",
        lambda a: a.connections.decide(CLUSTER, "pe.1", Status.REJECTED, "no"),
        True,
        False,
    ),
    Method("connections.delete of a classic one", lambda a: a.connections.delete(CACHE, "pe.1"), True, True),
    Method("connections.delete on a cluster", lambda a: a.connections.delete(CLUSTER, "pe.1"), True, True),
    Method("new_caches.create", lambda a: a.new_caches.create(CACHE, NEW), True, False),
    Method("new_caches.create of a cluster", lambda a: a.new_caches.create(CLUSTER, NEW_CLUSTER), True, False),
    Method("new_caches.create_database", lambda a: a.new_caches.create_database(CLUSTER, NEW_CLUSTER), True, False),
    Method("new_caches.database", lambda a: a.new_caches.database(CLUSTER), False, True),
    Method("new_caches.old", lambda a: a.new_caches.old(CACHE), False, True),
    Method("new_caches.body", lambda a: a.new_caches.body(CACHE), False, True),
    Method("new_caches.settings", lambda a: a.new_caches.settings(CACHE), False, True),
    Method("new_caches.settings of a cluster", lambda a: a.new_caches.settings(CLUSTER), False, True),
    Method("network.endpoint", lambda a: a.network.endpoint(ENDPOINT), False, True),
    Method("network.zone_groups", lambda a: a.network.zone_groups(ENDPOINT), False, True),
    Method(
        "network.create_endpoint",
        lambda a: a.network.create_endpoint(classic_cache(CACHE_BODY), PLACEMENT, "pe-orders"),
        True,
        False,
    ),
    Method("network.delete_endpoint", lambda a: a.network.delete_endpoint(ENDPOINT), True, True),
    Method("network.put_zone_group", lambda a: a.network.put_zone_group(ENDPOINT, "default", ZONE), True, False),
    Method("networks.get", lambda a: a.networks.get(VNET), False, True),
    Method("networks.create", lambda a: a.networks.create(VNET, NETWORK), True, False),
    Method("networks.create_subnet", lambda a: a.networks.create_subnet(VNET, NETWORK), True, False),
    Method("dns.zones_of", lambda a: a.dns.zones_of(SUBSCRIPTION, frozenset({ZONE.name})), False, False),
    Method("dns.zone_exists", lambda a: a.dns.zone_exists(ZONE), False, True),
    Method("dns.link_exists", lambda a: a.dns.link_exists(ZONE, VNET), False, True),
    Method("dns.create_zone", lambda a: a.dns.create_zone(ZONE), True, False),
    Method("dns.link", lambda a: a.dns.link(ZONE, VNET), True, False),
    Method("dns.a_records", lambda a: a.dns.a_records(ZONE, "orders"), False, True),
    Method("subscriptions.readable", lambda a: a.subscriptions.readable(), False, False),
    Method("subscriptions.under", lambda a: a.subscriptions.under("corp"), False, False),
]
