"""Making caches, and reading what they were made with, through azure-mgmt-redis and azure-mgmt-redisenterprise.

A cache is private from its first second: the very body that makes it says so. Azure's answer to that call holds the
cache's access keys, so nothing of it is read here, and nothing of it leaves.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, assert_never

from shared.arm.caches import Body, Wire, properties, tags
from shared.arm.errors import Call
from shared.creation import tagged
from shared.ids import CacheId, CacheType, region
from shared.migration import OldCache
from shared.model import Kind, NewCache, PublicAccess, Readiness, readiness

if TYPE_CHECKING:
    from shared.arm.calls import Caller

_READ_CLASSIC = "Microsoft.Cache/redis/read"
_WRITE_CLASSIC = "Microsoft.Cache/redis/write"
_READ_CLUSTER = "Microsoft.Cache/redisEnterprise/read"
_WRITE_CLUSTER = "Microsoft.Cache/redisEnterprise/write"
_READ_DATABASE = "Microsoft.Cache/redisEnterprise/databases/read"
_WRITE_DATABASE = "Microsoft.Cache/redisEnterprise/databases/write"
DATABASE = "default"
"""The name that Azure's own tools give to a cluster's one database."""
PORT = 10000


class NewCaches:
    """Begins caches and databases. Every method raises ArmError, and nothing else of the SDKs'."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def create(self, cache: CacheId, settings: NewCache) -> None:
        """Begin a cache that is not there, and return: a later read shows it being made.

        It must not be called for one that is there: Azure would change that one to these settings.
        """
        match cache.type:
            case CacheType.REDIS:
                call = Call(_WRITE_CLASSIC, cache.subscription, writes=True)
                await self._caller(call, lambda: self._create_classic(cache, _bytes(classic_body(settings))))
            case CacheType.ENTERPRISE:
                call = Call(_WRITE_CLUSTER, cache.subscription, writes=True)
                await self._caller(call, lambda: self._create_cluster(cache, _bytes(cluster_body(settings))))
            case other:
                assert_never(other)

    async def _create_classic(self, cache: CacheId, body: bytes) -> None:
        # Bytes, because RedisCreateParameters adds values that nobody asked for, public access among them.
        client = self._caller.clients.redis(cache.subscription).redis
        await client.begin_create(cache.group, cache.name, body, polling=False)  # type: ignore[call-overload]

    async def _create_cluster(self, cache: CacheId, body: bytes) -> None:
        client = self._caller.clients.enterprise(cache.subscription).redis_enterprise
        await client.begin_create(cache.group, cache.name, body, polling=False)  # type: ignore[call-overload]

    async def create_database(self, cache: CacheId, settings: NewCache) -> None:
        """Begin the database of a cluster."""
        body = _bytes(database_body(settings))

        async def send() -> None:
            client = self._caller.clients.enterprise(cache.subscription).databases
            await client.begin_create(cache.group, cache.name, DATABASE, body, polling=False)  # type: ignore[call-overload]

        await self._caller(Call(_WRITE_DATABASE, cache.subscription, writes=True), send)

    async def database(self, cache: CacheId) -> Readiness | None:
        """Read how far the database of a cluster is; None where there is none."""
        body = await self._database(cache)
        return None if body is None else readiness(properties(body).get("provisioningState"))

    async def _database(self, cache: CacheId) -> Body | None:
        async def send() -> Body:
            answer = Wire()
            client = self._caller.clients.enterprise(cache.subscription).databases
            await client.get(cache.group, cache.name, DATABASE, raw_response_hook=answer)
            return answer.body

        return await self._caller.found(Call(_READ_DATABASE, cache.subscription), send)

    async def settings(self, cache: CacheId) -> NewCache | None:
        """Read what a cache would have to be made with to be as it is; None where there is none."""
        match cache.type:
            case CacheType.REDIS:
                body = await self.body(cache)
                return None if body is None else classic_settings(body)
            case CacheType.ENTERPRISE:
                body = await self.body(cache)
                return None if body is None else cluster_settings(body, await self._database(cache))
            case other:
                assert_never(other)

    async def body(self, cache: CacheId) -> Body | None:
        """Read a cache as it is on the wire; a read never holds access keys."""

        async def send() -> Body:
            answer = Wire()
            if cache.type is CacheType.REDIS:
                await self._caller.clients.redis(cache.subscription).redis.get(
                    cache.group, cache.name, raw_response_hook=answer
                )
            else:
                await self._caller.clients.enterprise(cache.subscription).redis_enterprise.get(
                    cache.group, cache.name, raw_response_hook=answer
                )
            return answer.body

        operation = _READ_CLASSIC if cache.type is CacheType.REDIS else _READ_CLUSTER
        return await self._caller.found(Call(operation, cache.subscription), send)

    async def old(self, cache: CacheId) -> OldCache | None:
        """Read what a migration has to know of a classic cache; None where there is none."""
        body = await self.body(cache)
        return None if body is None else old_cache(body)


# ── values to bodies ────────────────────────────────────────────────────────────────────────────


def _bytes(body: Any) -> bytes:  # noqa: ANN401 - JSON
    return json.dumps(body, separators=(",", ":")).encode()


def classic_body(settings: NewCache) -> dict[str, object]:
    """Describe a classic cache that nobody reaches in public."""
    tier, _, size = settings.sku.partition("_")
    own: dict[str, object] = {
        "sku": {"name": tier, "family": size[0], "capacity": int(size[1:])},
        "publicNetworkAccess": PublicAccess.DISABLED.value,
        "minimumTlsVersion": settings.tls,
        "enableNonSslPort": False,
        "disableAccessKeyAuthentication": not settings.access_keys,
    }
    if settings.shards:
        own["shardCount"] = settings.shards
    if not settings.access_keys:
        # Without keys, Microsoft Entra ID is the only way in, and it is off by itself.
        own["redisConfiguration"] = {"aad-enabled": "true"}
    body: dict[str, object] = {"location": settings.region, "tags": tagged(settings), "properties": own}
    return body | ({"zones": list(settings.zones)} if settings.zones else {})


def cluster_body(settings: NewCache) -> dict[str, object]:
    """Describe a cluster of Azure Managed Redis that nobody reaches in public."""
    return {
        "location": settings.region,
        "tags": tagged(settings),
        "sku": {"name": settings.sku},
        "properties": {
            "publicNetworkAccess": PublicAccess.DISABLED.value,
            "minimumTlsVersion": settings.tls,
            "highAvailability": "Enabled" if settings.high_availability else "Disabled",
        },
    }


def database_body(settings: NewCache) -> dict[str, object]:
    """Describe the database of a cluster: encrypted, on Azure's usual port."""
    return {
        "properties": {
            "clientProtocol": "Encrypted",
            "port": PORT,
            "clusteringPolicy": "OSSCluster",
            "evictionPolicy": "VolatileLRU",
            "accessKeysAuthentication": "Enabled" if settings.access_keys else "Disabled",
        }
    }


# ── bodies to values ────────────────────────────────────────────────────────────────────────────


def classic_settings(body: Body) -> NewCache:
    """Read what a classic cache was made with."""
    own = properties(body)
    sku = own.get("sku") or {}
    return NewCache(
        kind=Kind.CLASSIC,
        region=region(body["location"]),
        sku=f"{sku.get('name')}_{sku.get('family')}{sku.get('capacity')}",
        shards=int(own.get("shardCount") or 0),
        zones=tuple(body.get("zones") or ()),
        tls=str(own.get("minimumTlsVersion") or "1.0"),
        access_keys=not own.get("disableAccessKeyAuthentication"),
        tags=tags(body),
    )


def old_cache(body: Body) -> OldCache:
    """Read what a classic cache has that a new one may not have."""
    own = properties(body)
    return OldCache(
        settings=classic_settings(body),
        injected=bool(own.get("subnetId")),
        static_ip=str(own.get("staticIP") or ""),
        configuration={name: str(value) for name, value in (own.get("redisConfiguration") or {}).items()},
        linked=len(own.get("linkedServers") or ()),
        identity=str((body.get("identity") or {}).get("type") or "None") != "None",
        non_tls_port=bool(own.get("enableNonSslPort")),
        replicas=int(own.get("replicasPerPrimary") or 1),
    )


def cluster_settings(body: Body, database: Body | None) -> NewCache:
    """Read what a cluster and its database were made with."""
    own = properties(body)
    keys = str(properties(database).get("accessKeysAuthentication") or "Enabled") if database else None
    name = str((body.get("sku") or {}).get("name") or "")
    return NewCache(
        kind=Kind.ENTERPRISE if name.lower().startswith(("enterprise_", "enterpriseflash_")) else Kind.MANAGED,
        region=region(body["location"]),
        sku=name,
        tls=str(own.get("minimumTlsVersion") or "1.2"),
        access_keys=None if keys is None else keys.lower() == "enabled",
        high_availability=str(own.get("highAvailability") or "Enabled").lower() == "enabled",
        tags=tags(body),
    )
