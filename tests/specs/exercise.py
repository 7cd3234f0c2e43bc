"""One call at least of each route and verb of the stand-in, every operation followed to its end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from local.azure.calls import Answer, Call, Json
from local.azure.clock import ManualClock
from local.azure.resourcegraph import CACHES as QUERY
from local.azure.routes import verb_of
from local.azure.subscriptions import ManagementGroup
from local.azure.world import World
from tests.component.azure.clusters import CLUSTERS
from tests.component.azure.fleet import (
    CACHE,
    CACHES,
    ENDPOINT,
    LONG,
    NETWORK,
    RECORD,
    SUBNET,
    SUBSCRIPTION,
    VNET,
    ZONE_GROUP,
    ZONE_ID,
    endpoint,
    endpoint_id,
    make_world,
    zone_group,
)
from tests.specs.check import Exchange

_ALL = f"/subscriptions/{SUBSCRIPTION}"
_NEW = f"{CACHES}/providers/Microsoft.Cache/redis/new"
_CLUSTERS = f"{CACHES}/providers/Microsoft.Cache/redisEnterprise"
_DATABASE = f"{_CLUSTERS}/new/databases/default"
_OTHER_ZONE = f"{NETWORK}/providers/Microsoft.Network/privateDnsZones/example.test"
_OTHER_VNET = f"{NETWORK}/providers/Microsoft.Network/virtualNetworks/other"
_TAGS = "/providers/Microsoft.Resources/tags/default"
_STATE = {"status": "Rejected", "description": "no"}
_DECIDED: Json = {"properties": {"privateLinkServiceConnectionState": _STATE}}

_RECORDS: dict[str, Json] = {
    "A/host": {"aRecords": [{"ipv4Address": "10.7.1.9"}]},
    "AAAA/host": {"aaaaRecords": [{"ipv6Address": "fd00::1"}]},
    "CNAME/alias": {"cnameRecord": {"cname": "host.example.test"}},
    "MX/host": {"mxRecords": [{"preference": 10, "exchange": "mail.example.test"}]},
    "PTR/9": {"ptrRecords": [{"ptrdname": "host.example.test"}]},
    "SRV/_svc": {"srvRecords": [{"priority": 1, "weight": 2, "port": 80, "target": "host.example.test"}]},
    "TXT/host": {"txtRecords": [{"value": ["hello"]}]},
    "SOA/@": {"soaRecord": {"minimumTtl": 60}},
}


@dataclass(slots=True)
class Stroll:
    """A world, and what was said in it; ``seen`` are types with their verbs."""

    world: World
    clock: ManualClock
    exchanges: list[Exchange] = field(default_factory=list)
    seen: set[tuple[str, str]] = field(default_factory=set)

    @property
    def missed(self) -> set[tuple[str, str]]:
        """What the stand-in offers and nobody asked for."""
        routes = self.world.routes.by_type.items()
        return {(kind, verb) for kind, route in routes for verb in route.handlers} - self.seen

    @classmethod
    def begin(cls) -> Stroll:
        world, clock = make_world()
        world.seed(CLUSTERS)
        world.directory.add_group(ManagementGroup("corp", "Corp", (SUBSCRIPTION,)))
        stroll = cls(world, clock)
        world.witnesses.append(stroll.note)
        return stroll

    def note(self, call: Call, answer: Answer) -> None:
        query = "&".join(f"{name}={value}" for name, value in call.query.items() if len(name) > 1)
        url = f"{call.path.text}?{query}"
        self.exchanges.append(Exchange(call.method, url, call.body, int(answer.status), answer.body))
        self.seen.add((call.path.type, verb_of(call)))

    def call(self, method: str, path: str, body: Json | None = None) -> Answer:
        """Make a call, follow where its answer leads, at once and when all is over.

        A path without an api-version is asked for in the newest.
        """
        ask = self.world.request if "?" in path else self.world.act
        answer = ask(method, path, body)
        self._follow(answer)
        self.clock.advance(LONG)
        self._follow(answer)
        return answer

    def _follow(self, answer: Answer) -> None:
        for name in ("Azure-AsyncOperation", "Location"):
            if name in answer.headers:
                self.world.request("GET", answer.headers[name])

    def read(self, resource_id: str) -> None:
        self.call("GET", resource_id)
        self.call("GET", resource_id.rsplit("/", 1)[0])


def stroll() -> Stroll:
    """Go everywhere once."""
    going = Stroll.begin()
    for steps in (_caches, _networks, _zones, _attach, _clusters, _graph, _locks, _groups):
        steps(going)
    return going


def _caches(going: Stroll) -> None:
    sku = {"name": "Premium", "family": "P", "capacity": 1}
    going.call("PUT", _NEW, {"location": "westeurope", "tags": {"a": "b"}, "properties": {"sku": sku}})
    going.read(_NEW)
    for body in ({"tags": {"a": "c"}}, {"properties": {"publicNetworkAccess": "Disabled"}}, _scaled(sku)):
        going.call("PATCH", _NEW, body)
    going.call("PATCH", _NEW, {"identity": {"type": "SystemAssigned"}})
    going.call("GET", f"{_ALL}/providers/Microsoft.Cache/redis")
    going.call("GET", f"{_NEW}/privateLinkResources")
    going.call("GET", f"{CACHES}/providers/Microsoft.Cache/redis/replicated/linkedServers")
    _parts(going, sku)
    going.call("DELETE", _NEW)
    going.call("GET", _NEW)


def _parts(going: Stroll, sku: Json) -> None:
    entry = {"dayOfWeek": "Monday", "startHourUtc": 1, "maintenanceWindow": "PT5H"}
    assigned = {"accessPolicyName": "Data Reader", "objectId": "someone", "objectIdAlias": "app"}
    other = f"{CACHES}/providers/Microsoft.Cache/Redis/second"
    going.call("PUT", other, {"location": "westeurope", "properties": {"sku": sku}})
    server = {"linkedRedisCacheId": other, "linkedRedisCacheLocation": "West Europe", "serverRole": "Secondary"}
    for path, properties in (
        ("accessPolicies/readers", {"permissions": "+get"}),
        ("accessPolicyAssignments/app", assigned),
        ("firewallRules/office", {"startIP": "10.0.0.1", "endIP": "10.0.0.9"}),
        ("patchSchedules/default", {"scheduleEntries": [entry]}),
        ("linkedServers/second", server),
    ):
        going.call("PUT", f"{_NEW}/{path}", {"properties": properties})
        going.read(f"{_NEW}/{path}")
        going.call("DELETE", f"{_NEW}/{path}")
    for action, body in (
        ("listKeys", None),
        ("regenerateKey", {"keyType": "Primary"}),
        ("forceReboot", {"rebootType": "AllNodes"}),
        ("flush", None),
        ("export", {"prefix": "p", "container": "https://blobs.test/c"}),
        ("import", {"files": ["https://blobs.test/c/p"]}),
    ):
        going.call("POST", f"{_NEW}/{action}", body)


def _scaled(sku: Json) -> Json:
    return {"properties": {"sku": {**sku, "capacity": 2}}}


def _networks(going: Stroll) -> None:
    space = {"addressSpace": {"addressPrefixes": ["10.7.0.0/16"]}}
    going.call("PUT", _OTHER_VNET, {"location": "westeurope", "properties": space})
    going.call("PUT", f"{_OTHER_VNET}/subnets/s", {"properties": {"addressPrefix": "10.7.1.0/24"}})
    going.read(f"{_OTHER_VNET}/subnets/s")
    going.read(_OTHER_VNET)
    going.read(VNET)
    going.call("GET", f"{_ALL}/providers/Microsoft.Network/virtualNetworks")


def _zones(going: Stroll) -> None:
    going.call("PUT", _OTHER_ZONE, {"location": "global", "tags": {"a": "b"}})
    link = {"location": "global", "properties": {"registrationEnabled": False, "virtualNetwork": {"id": _OTHER_VNET}}}
    going.call("PUT", f"{_OTHER_ZONE}/virtualNetworkLinks/l", link)
    for path, records in _RECORDS.items():
        going.call("PUT", f"{_OTHER_ZONE}/{path}", {"properties": {"ttl": 60, **records}})
        going.read(f"{_OTHER_ZONE}/{path}")
    going.call("GET", f"{_OTHER_ZONE}/ALL")
    for path in (f"{_OTHER_ZONE}/virtualNetworkLinks/l", f"{_OTHER_ZONE}/A/none", _OTHER_ZONE):
        going.read(path)
    going.call("GET", f"{_ALL}/providers/Microsoft.Network/privateDnsZones")
    for path in (*_RECORDS, "virtualNetworkLinks/l"):
        going.call("DELETE", f"{_OTHER_ZONE}/{path}")
    going.call("DELETE", _OTHER_ZONE)
    going.call("DELETE", f"{_OTHER_VNET}/subnets/s")
    going.call("DELETE", _OTHER_VNET)


def _attach(going: Stroll) -> None:
    going.call("PUT", ENDPOINT, {**endpoint(), "tags": {"managed-by": "drawbridge"}})
    going.call("PUT", endpoint_id("pe-manual"), endpoint(manual=True))
    going.call("PUT", endpoint_id("pe-refused"), endpoint(subnet=f"{VNET}/subnets/full"))
    going.call("PUT", ZONE_GROUP, zone_group())
    for path in (CACHE, ENDPOINT, ZONE_GROUP, SUBNET, ZONE_ID, RECORD):
        going.read(path)
    going.call("GET", f"{_ALL}/providers/Microsoft.Network/privateEndpoints")
    shown = going.world.show(ENDPOINT) or {}
    going.read(shown["properties"]["networkInterfaces"][0]["id"])
    going.call("GET", f"{_ALL}/providers/Microsoft.Network/networkInterfaces")
    for name in _connections(going, CACHE):
        path = f"{CACHE}/privateEndpointConnections/{name}"
        going.call("PUT", path, _DECIDED)
        going.read(path)
        going.call("DELETE", path)
    going.call("DELETE", ZONE_GROUP)
    going.call("DELETE", ENDPOINT)
    going.call("GET", ENDPOINT)
    _fixed(going)


def _fixed(going: Stroll) -> None:
    group = f"{NETWORK}/providers/Microsoft.Network/applicationSecurityGroups/asg"
    going.call("PUT", group, {"location": "westeurope", "tags": {"a": "b"}})
    going.read(group)
    going.call("GET", f"{_ALL}/providers/Microsoft.Network/applicationSecurityGroups")
    named = {"groupId": "redisCache", "memberName": "redisCache", "privateIPAddress": "10.0.0.77"}
    body = endpoint()
    body["properties"] |= {
        "ipConfigurations": [{"name": "ip", "properties": named}],
        "applicationSecurityGroups": [{"id": group}],
        "customNetworkInterfaceName": "nic-fixed",
    }
    going.call("PUT", endpoint_id("pe-fixed"), body)
    going.read(endpoint_id("pe-fixed"))
    going.read(f"{NETWORK}/providers/Microsoft.Network/networkInterfaces/nic-fixed")
    going.call("DELETE", endpoint_id("pe-fixed"))
    going.call("DELETE", group)


def _connections(going: Stroll, cache: str) -> Iterator[str]:
    shown = going.world.show(cache) or {}
    yield from (item["id"].rsplit("/", 1)[-1] for item in shown["properties"]["privateEndpointConnections"])


def _clusters(going: Stroll) -> None:
    new, flagged = f"{_CLUSTERS}/new", f"{_CLUSTERS}/flagged"
    properties = {"publicNetworkAccess": "Enabled", "minimumTlsVersion": "1.2"}
    body = {"location": "westeurope", "sku": {"name": "Balanced_B5"}, "properties": properties}
    going.call("PUT", new, body)
    database = {"clientProtocol": "Encrypted", "port": 10000, "clusteringPolicy": "OSSCluster"}
    going.call("PUT", _DATABASE, {"properties": database})
    for path in (_DATABASE, new, f"{_CLUSTERS}/old"):
        going.read(path)
    going.call("GET", f"{_ALL}/providers/Microsoft.Cache/redisEnterprise")
    going.call("GET", f"{_DATABASE}/accessPolicyAssignments")
    going.call("GET", f"{_DATABASE}/accessPolicyAssignments/none")
    assignment = {"accessPolicyName": "default", "user": {"objectId": "00000000-0000-0000-0000-000000000001"}}
    going.call("PUT", f"{_DATABASE}/accessPolicyAssignments/app", {"properties": assignment})
    going.read(f"{_DATABASE}/accessPolicyAssignments/app")
    going.call("DELETE", f"{_DATABASE}/accessPolicyAssignments/app")
    going.call("POST", f"{_DATABASE}/listKeys")
    going.call("POST", f"{_DATABASE}/regenerateKey", {"keyType": "Primary"})
    linked = [f"{_CLUSTERS}/enterprise/databases/default"]
    going.call("POST", f"{_CLUSTERS}/old/databases/default/forceUnlink", {"ids": linked})
    going.call("GET", f"{new}/privateLinkResources")
    for change in ({"properties": {"publicNetworkAccess": "Disabled"}}, {"tags": {"a": "b"}}):
        going.call("PATCH", new, change)
    subnet = f"{NETWORK}/providers/Microsoft.Network/virtualNetworks/vnet-clusters/subnets/endpoints"
    going.call("PUT", endpoint_id("pe-cluster"), endpoint(flagged, subnet, groups=("redisEnterprise",)))
    for name in _connections(going, flagged):
        path = f"{flagged}/privateEndpointConnections/{name}"
        going.call("PUT", path, _DECIDED)
        going.read(path)
        going.call("DELETE", path)
    going.call("DELETE", _DATABASE)
    going.call("DELETE", new)


def _graph(going: Stroll) -> None:
    url = "/providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01"
    options = {"$top": 2, "resultFormat": "objectArray"}
    body = {"subscriptions": [SUBSCRIPTION], "query": QUERY, "options": options}
    first = going.call("POST", url, body)
    token = (first.body or {})["$skipToken"]
    more = {**body, "options": {**options, "$skipToken": token}}
    going.call("POST", url, more)


def _locks(going: Stroll) -> None:
    lock = f"{CACHE}/providers/Microsoft.Authorization/locks/keep"
    going.call("PUT", lock, {"properties": {"level": "CanNotDelete", "notes": "kept"}})
    going.read(lock)
    going.call("DELETE", lock)


def _groups(going: Stroll) -> None:
    group = f"{_ALL}/resourceGroups/rg-new"
    going.call("PUT", group, {"location": "westeurope", "tags": {"a": "b"}})
    going.call("PATCH", group, {"tags": {"a": "d"}})
    going.call("HEAD", group)
    going.read(group)
    for verb, tags in (("PUT", {"properties": {"tags": {"a": "c"}}}), ("PATCH", _merge())):
        going.call(verb, group + _TAGS, tags)
    going.call("GET", group + _TAGS)
    going.call("DELETE", group + _TAGS)
    going.call("DELETE", group)
    going.call("GET", f"{_ALL}/providers/Microsoft.Cache")
    going.call("GET", f"{_ALL}/providers")
    going.call("POST", f"{_ALL}/providers/Microsoft.Cache/unregister")
    going.call("POST", f"{_ALL}/providers/Microsoft.Cache/register")
    for verb in ("PUT", "DELETE"):
        going.call(verb, f"{_ALL}/tagNames/cost")
        going.call(verb, f"{_ALL}/tagNames/cost/tagValues/center")
    going.call("GET", f"{_ALL}/tagNames")
    for path in (f"{_ALL}/resources", f"{CACHES}/resources", f"{_ALL}/locations", "/tenants"):
        going.call("GET", path)
    going.call("GET", "/subscriptions")
    going.call("GET", _ALL)
    going.call("GET", "/providers/Microsoft.Management/managementGroups/corp/descendants")


def _merge() -> Json:
    return {"operation": "Merge", "properties": {"tags": {"b": "c"}}}
