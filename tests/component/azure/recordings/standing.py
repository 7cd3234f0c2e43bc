"""What a recording takes for granted stands before it begins: groups, networks, caches, and what others own."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from local.azure import redis, redisenterprise
from local.azure.calls import Json
from local.azure.databases import Database
from local.azure.network.vnets import VirtualNetwork
from local.azure.regions import short_name
from local.azure.resources import Group
from local.azure.subscriptions import Subscription
from local.azure.world import World
from tests.component.azure.recordings.cassettes import Exchange, arm_path

_ID = re.compile(r"/subscriptions/[^/?\"\\]+/resourceGroups/[^/?\"\\]+(?:/providers/[^?\"\\]+)?", re.IGNORECASE)
_SHOWN_ONLY = frozenset(
    {"provisioningState", "instances", "accessKeys", "hostName", "port", "sslPort", "linkedServers"}
    | {"privateEndpointConnections", "publicNetworkAccess", "sku"}
)
_GONE = frozenset({404, 204})


@dataclass(slots=True)
class Standing:
    """Puts what stood before into a world; ``first`` is the first call to each path."""

    world: World
    exchanges: Sequence[Exchange]
    first: dict[str, Exchange] = field(default_factory=dict)

    def prepare(self) -> None:
        """Let everything stand that the recording neither made nor found absent."""
        for exchange in self.exchanges:
            self.first.setdefault(exchange.key, exchange)
        ids = [found for exchange in self.exchanges for found in self._named(exchange)]
        for resource_id in ids:
            self._group(resource_id)
        for resource_id in ids:
            self._resource(resource_id)

    @staticmethod
    def _named(exchange: Exchange) -> list[str]:
        """Name what a call is about, and what it refers to."""
        path = exchange.path.text if exchange.path else exchange.url
        items = (exchange.answer or {}).get("value") if exchange.path and exchange.path.is_list else None
        return _ID.findall(f'{path}" {json.dumps(exchange.request)} {json.dumps(items)}')

    def _group(self, resource_id: str) -> None:
        parts = resource_id.split("/")
        self.world.directory.add(Subscription(parts[2], "recorded"))
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
        if path is None or path.is_list or not self._stood(path.text) or self.world.store.get(path.text) is not None:
            return
        match path.type:
            case "microsoft.cache/redis":
                self._cache(path.text)
            case "microsoft.cache/redisenterprise":
                self._cluster(path.text)
            case "microsoft.cache/redisenterprise/databases":
                self.world.put(Database(id=path.text))
            case "microsoft.network/virtualnetworks":
                self._network(path.text)
            case _:
                pass

    def _cache(self, cache_id: str) -> None:
        shown = self._shown(cache_id) or {"location": "westus", "properties": {"sku": {"name": "Standard"}}}
        given = shown["properties"]
        properties = {name: value for name, value in given.items() if name not in _SHOWN_ONLY}
        cache_id = cache_id.replace("/redis/", "/Redis/")
        self.world.put(redis.build(cache_id, short_name(shown["location"]), given["sku"], properties))

    def _cluster(self, cluster_id: str) -> None:
        shown = self._shown(cluster_id)
        sku = shown.get("sku") or {"name": "Balanced_B0"}
        given = shown.get("properties") or {}
        properties = {name: given[name] for name in ("minimumTlsVersion", "publicNetworkAccess") if name in given}
        region = short_name(shown.get("location") or "westus")
        self.world.put(redisenterprise.build(cluster_id, region, sku, properties))

    def _network(self, network_id: str) -> None:
        shown = self._shown(network_id)
        self.world.put(
            VirtualNetwork(
                id=network_id,
                region=short_name(shown.get("location") or "westus"),
                prefixes=("10.0.0.0/16",),
                etag=f'W/"{self.world.uuid()}"',
                guid=self.world.uuid(),
            )
        )
