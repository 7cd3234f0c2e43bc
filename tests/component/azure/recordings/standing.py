"""What a recording takes for granted stands before it begins: groups, networks, caches, and what others own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import unquote

from local.azure import redis, redisenterprise
from local.azure.calls import Json
from local.azure.clock import ManualClock
from local.azure.databases import Database
from local.azure.links import DnsName
from local.azure.network.vnets import Subnet, VirtualNetwork, put_subnet_value
from local.azure.others import OtherResource
from local.azure.paths import ArmPath
from local.azure.regions import short_name
from local.azure.resources import Group
from local.azure.subscriptions import DEFAULT_NAMESPACES, Subscription
from local.azure.world import World
from tests.component.azure.recordings.cassettes import Exchange, arm_path

_ID = re.compile(r"/subscriptions/[^/?\"\\]+/resourceGroups/[^/?\"\\]+(?:/providers/[^?\"\\]+)?", re.IGNORECASE)
_SHOWN_ONLY = frozenset(
    {"provisioningState", "instances", "accessKeys", "hostName", "port", "sslPort", "linkedServers"}
    | {"privateEndpointConnections", "publicNetworkAccess", "sku", "replicasPerMaster", "replicasPerPrimary"}
)
_EMULATED = re.compile(
    r"microsoft\.(cache|resources|authorization)/"
    r"|microsoft\.network/(private(endpoints|dnszones)|virtualnetworks|networkinterfaces|applicationsecuritygroups)"
)
_LONG = 4000.0
_CLUSTER_KEEPS = ("minimumTlsVersion", "publicNetworkAccess", "highAvailability")
_GONE = frozenset({404, 204})


@dataclass(slots=True)
class Standing:
    """Puts what stood before into a world; ``first`` is the first call to each path."""

    world: World
    clock: ManualClock
    exchanges: Sequence[Exchange]
    first: dict[str, Exchange] = field(default_factory=dict)

    def prepare(self) -> None:
        """Let everything stand that the recording neither made nor found absent."""
        for exchange in self.exchanges:
            self.first.setdefault(exchange.key, exchange)
        ids = [found for exchange in self.exchanges for found in self._named(exchange)]
        self._subscriptions()
        for resource_id in ids:
            self._group(resource_id)
        for resource_id in dict.fromkeys(part for found in ids for part in _lineage(found)):
            self._resource(resource_id)
        self.clock.advance(_LONG)

    @staticmethod
    def _named(exchange: Exchange) -> list[str]:
        """Name what a call is about, and what it refers to."""
        path = exchange.path.text if exchange.path else exchange.url
        items = (exchange.answer or {}).get("value") if exchange.path and exchange.path.is_list else None
        return _ID.findall(f'{path}" {json.dumps(exchange.request)} {json.dumps(items)}')

    def _subscriptions(self) -> None:
        """Let every subscription stand, registered for whatever the recording touches in it."""
        text = json.dumps([[exchange.url, exchange.request] for exchange in self.exchanges]).lower()
        registered = DEFAULT_NAMESPACES | set(re.findall(r"/providers/(microsoft\.[a-z]+)", text))
        for subscription in dict.fromkeys(re.findall(r"/subscriptions/([^/?\"\\]+)", text)):
            self.world.directory.add(Subscription(subscription, "recorded", registered=registered))

    def _group(self, resource_id: str) -> None:
        parts = resource_id.split("/")
        group_id = f"/subscriptions/{parts[2]}/resourceGroups/{parts[4]}"
        if self.world.store.get(group_id) is not None or not self._stood(group_id):
            return
        shown = self._shown(group_id)
        region = str(shown.get("location") or "westus")
        self.world.put(Group(id=str(shown.get("id") or group_id), region=region, tags=shown.get("tags") or {}))

    def _stood(self, resource_id: str) -> bool:
        """Say whether it was there before the recording's first call to it."""
        first = self.first.get(resource_id.lower())
        if first is None:
            return True
        return first.status not in _GONE and not (first.method == "PUT" and first.status in {201, 202})

    def _shown(self, resource_id: str) -> Json:
        """Give the first that was shown of it; empty where it never was."""
        for exchange in self.exchanges:
            answer = exchange.answer or {}
            items = answer.get("value") if exchange.method == "GET" else None
            for body in [answer, *(items if isinstance(items, list) else [])]:
                if isinstance(body, dict) and str(body.get("id")).lower() == resource_id.lower():
                    return body
        return {}

    def _resource(self, resource_id: str) -> None:
        path = arm_path(resource_id)
        if path is None or path.is_list or self.world.store.get(path.text) is not None:
            return
        if not self._stood(path.text):
            return
        if self.is_other(path):
            self.other(path.text, self._shown(path.text))
            return
        match path.type:
            case "microsoft.cache/redis":
                self._cache(path.text)
            case "microsoft.cache/redisenterprise":
                self._cluster(path.text)
            case "microsoft.cache/redisenterprise/databases":
                self._database(path.text)
            case "microsoft.network/virtualnetworks":
                self._network(path.text)
            case "microsoft.network/virtualnetworks/subnets":
                subnet = Subnet(id=path.text, prefix="10.0.0.0/24", etag=f'W/"{self.world.uuid()}"', taken={})
                put_subnet_value(self.world, subnet)
            case "microsoft.network/privateendpoints":
                self._endpoint(path.text)
            case _:
                pass

    def _endpoint(self, endpoint_id: str) -> None:
        """Let an endpoint stand, in a network of its own, attached to a cache that no recorded zone names."""
        subscription, group = endpoint_id.split("/")[2], endpoint_id.split("/")[4]
        place = {"subscription": subscription, "group": group, "region": short_name(self._region())}
        network = {**place, "name": "around", "subnets": [{"name": "s", "prefix": "10.0.0.0/24"}]}
        seed = self.world.seed({"networks": [network], "caches": [{**place, "name": "unlike-any-zone"}]})
        link = {"privateLinkServiceId": seed.caches[0].id, "groupIds": ["redisCache"]}
        within = endpoint_id.split("/providers/", maxsplit=1)[0]
        subnet = {"id": f"{within}/providers/Microsoft.Network/virtualNetworks/around/subnets/s"}
        properties = {"subnet": subnet, "privateLinkServiceConnections": [{"name": "link", "properties": link}]}
        self.world.act("PUT", endpoint_id, {"location": place["region"], "properties": properties})

    def _asked_beside(self, resource_id: str) -> Json:
        """Give the first body that was asked for beside a resource: what joins a network lies in its region."""
        bodies = (exchange.request for exchange in self.exchanges if exchange.request)
        return next((body for body in bodies if resource_id in json.dumps(body) and "location" in body), {})

    def _region(self) -> str:
        """Give the region that an operation was seen in."""
        urls = " ".join(exchange.headers.get("azure-asyncoperation", "") for exchange in self.exchanges)
        found = re.search(r"/locations/([^/]+)/", urls)
        return unquote(found[1]) if found else "westus"

    @staticmethod
    def is_other(path: ArmPath) -> bool:
        """Say whether a path is of a type that has no routes: what is inside a provider that is not emulated."""
        return "/providers/" in path.text and _EMULATED.match(path.type) is None

    def other(self, resource_id: str, shown: Json) -> None:
        """Let a resource of another type stand, with the names that an endpoint to it was seen to answer for."""
        before = self.world.store.find(resource_id, OtherResource)
        parts = resource_id.split("/providers/", 1)[1].split("/")
        kind = "/".join((parts[0], *parts[1::2]))
        region = short_name(shown.get("location") or (before.region if before else "westus"))
        extra: Json = {name: shown[name] for name in ("sku", "kind", "identity", "systemData") if name in shown}
        tags = shown.get("tags") or (before.tags if before else {})
        other = OtherResource(id=resource_id, type=kind, region=region, tags=tags, extra=extra)
        connections = before.connections if before else ()
        self.world.put(replace(other, names=self._names(resource_id), connections=connections))

    def _names(self, resource_id: str) -> tuple[DnsName, ...]:
        for exchange in self.exchanges:
            configs = ((exchange.answer or {}).get("properties") or {}).get("customDnsConfigs")
            if configs and resource_id.lower() in json.dumps(exchange.answer).lower():
                return tuple(_dns_name(config["fqdn"]) for config in configs)
        return ()

    def _cache(self, cache_id: str) -> None:
        shown = self._shown(cache_id) or {"location": self._region(), "properties": {"sku": {"name": "Standard"}}}
        given = shown["properties"]
        properties = {name: value for name, value in given.items() if name not in _SHOWN_ONLY}
        cache_id = cache_id.replace("/redis/", "/Redis/")
        configuration = properties.get("redisConfiguration") or {}
        properties["redisConfiguration"] = {k: v for k, v in configuration.items() if k != "zonal-configuration"}
        cache = redis.build(cache_id, short_name(shown["location"]), given["sku"], properties)
        state = given.get("provisioningState", "Succeeded")
        settled = "Succeeded" if cache_id.lower() in {exchange.key for exchange in self.exchanges} else state
        zones = tuple(shown.get("zones") or ())
        self.world.put(replace(cache, state=settled, zones=zones, identity=shown.get("identity")))

    def _cluster(self, cluster_id: str) -> None:
        shown = self._shown(cluster_id)
        sku = shown.get("sku") or {"name": "Balanced_B0"}
        given = shown.get("properties") or {}
        properties = {name: given[name] for name in _CLUSTER_KEEPS if name in given}
        region = short_name(shown.get("location") or "westus")
        self.world.put(redisenterprise.build(cluster_id, region, sku, properties))

    def _database(self, database_id: str) -> None:
        shown = (self._shown(database_id).get("properties")) or {}
        geo = shown.get("geoReplication") or {}
        left_out = {"geoReplication", "provisioningState", "resourceState", "keySpaceNotification"}
        self.world.put(
            Database(
                id=database_id,
                nickname=geo.get("groupNickname") or "",
                linked=tuple(link["id"] for link in geo.get("linkedDatabases") or ()),
                extra={name: value for name, value in shown.items() if name not in left_out},
            )
        )

    def _network(self, network_id: str) -> None:
        shown = self._shown(network_id) or self._asked_beside(network_id)
        self.world.put(
            VirtualNetwork(
                id=network_id,
                region=short_name(shown.get("location") or "westus"),
                prefixes=("10.0.0.0/16",),
                etag=f'W/"{self.world.uuid()}"',
                guid=self.world.uuid(),
            )
        )


def _lineage(resource_id: str) -> Iterator[str]:
    """Give the ids of what a resource is inside, outermost first, and its own; of a tag or lock, what carries it."""
    path = arm_path(resource_id)
    if path is None or not path.names:
        return
    text = path.scope
    kept = text.split("/providers/", 1)[0].count("/") + 3
    parts = text.split("/")
    yield from ("/".join(parts[: end + 1]) for end in range(kept + 1, len(parts), 2))


def _dns_name(fqdn: str) -> DnsName:
    """Give the name with the zone and the record that its private address belongs into."""
    record, _, zone = fqdn.partition(".")
    return DnsName(fqdn, f"privatelink.{zone}", record)
