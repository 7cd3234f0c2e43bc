"""Classic caches (Microsoft.Cache/Redis): bodies to values, and one-value writes, through azure-mgmt-redis."""

from __future__ import annotations

from shared.arm.caches import Body, Page, Wire, connections, only_public_access, page_of, properties, tags
from shared.arm.calls import Caller
from shared.arm.errors import Call
from shared.ids import CacheId, region
from shared.model import Cache, Kind, PublicAccess, readiness

_READ = "Microsoft.Cache/redis/read"
_WRITE = "Microsoft.Cache/redis/write"
API_VERSION = "2024-11-01"
"""Of lists, which are read without the SDK: the one that the SDK sends."""
_CONNECTION_LIMIT = 100
_CONNECTION_LIMIT_CLUSTERED = 1
_GROUP_MEMBER = "redisCache"


class ClassicCaches:
    """The CacheAdapter for classic caches."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def get(self, cache: CacheId) -> Cache | None:
        """Read one cache; None where there is none."""
        call = Call(_READ, cache.subscription)
        body = await self._caller.found(call, lambda: self._get(cache))
        return None if body is None else classic_cache(body)

    async def _get(self, cache: CacheId) -> Body:
        answer = Wire()
        client = self._caller.clients.redis(cache.subscription)
        await client.redis.get(cache.group, cache.name, raw_response_hook=answer)
        return answer.body

    async def list_page(self, subscription: str, continuation: str | None = None) -> Page[Cache]:
        """Read one page; an item that cannot be understood is named in ``problems`` and does not cost the others."""
        path = f"/subscriptions/{subscription}/providers/Microsoft.Cache/redis"
        body = await self._caller.page(Call(_READ, subscription), path, API_VERSION, continuation)
        return page_of(body, classic_cache)

    async def replicas(self, cache: CacheId) -> tuple[CacheId, ...]:
        """Classic caches replicate passively, and say so themselves: they are in no such group."""
        del cache
        return ()

    async def set_public_access(self, cache: CacheId, access: PublicAccess) -> None:
        """Begin to set ``publicNetworkAccess``, and nothing else."""
        body = only_public_access(access)
        await self._caller(Call(_WRITE, cache.subscription, writes=True), lambda: self._patch(cache, body))

    async def _patch(self, cache: CacheId, body: bytes) -> None:
        client = self._caller.clients.redis(cache.subscription)
        # Bytes, because RedisUpdateParameters adds values that nobody asked for: it would close the non-TLS port,
        # allow access keys again, and in a write of anything else open public access.
        await client.redis.begin_update(cache.group, cache.name, body, polling=False)  # type: ignore[call-overload]


def classic_cache(body: Body) -> Cache:
    """Translate a cache's body; raises InvalidIdError or LookupError where it is not one of a classic cache."""
    own = properties(body)
    clustered = _clustered(own)
    return Cache(
        id=CacheId.parse(body["id"]),
        kind=Kind.CLASSIC,
        region=region(body["location"]),
        tags=tags(body),
        readiness=readiness(own.get("provisioningState")),
        state=own.get("provisioningState") or "Succeeded",
        public_access=_public_access(own.get("publicNetworkAccess")),
        zone=private_zone(own.get("hostName")),
        group_member=_GROUP_MEMBER,
        connections=connections(body),
        clustered=clustered,
        vnet_injected=bool(own.get("subnetId")),
        geo_replicated=bool(own.get("linkedServers")),
        persistent=_persistent(own.get("redisConfiguration") or {}),
        connection_limit=_CONNECTION_LIMIT_CLUSTERED if clustered else _CONNECTION_LIMIT,
        closes_on_attach=True,
    )


def _public_access(text: str | None) -> PublicAccess:
    """Read the flag; classic caches default to Enabled, and a word that we do not know is not Disabled."""
    return PublicAccess.DISABLED if (text or "").lower() == "disabled" else PublicAccess.ENABLED


def private_zone(host: str | None) -> str:
    """Name the zone of ``<name>.redis.cache.windows.net``: its domain below ``privatelink``; empty without a host."""
    _, dot, domain = (host or "").lower().partition(".")
    return f"privatelink.{domain}" if dot else ""


def _clustered(own: Body) -> bool:
    sku = own.get("sku") or {}
    return str(sku.get("name")).lower() == "premium" and int(own.get("shardCount") or 0) >= 1


def _persistent(configuration: Body) -> bool:
    return any(str(configuration.get(f"{way}-backup-enabled")).lower() == "true" for way in ("rdb", "aof"))
