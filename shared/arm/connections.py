"""The cache's side of Private Link: approving, rejecting and removing connections, for both types of cache."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from shared.arm.errors import Call
from shared.ids import CacheId, CacheType
from shared.model import Status

if TYPE_CHECKING:
    from shared.arm.calls import Caller

_WRITE = {
    CacheType.REDIS: "Microsoft.Cache/redis/privateEndpointConnections/write",
    CacheType.ENTERPRISE: "Microsoft.Cache/redisEnterprise/privateEndpointConnections/write",
}
_DELETE = {
    CacheType.REDIS: "Microsoft.Cache/redis/privateEndpointConnections/delete",
    CacheType.ENTERPRISE: "Microsoft.Cache/redisEnterprise/privateEndpointConnections/delete",
}


class Connections:
    """Begins changes of connections. Every method raises ArmError, and nothing else of the SDKs'."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def decide(self, cache: CacheId, name: str, status: Status, description: str) -> None:
        """Begin to approve or reject a connection, and return: a later read of the cache shows the result."""
        state = {"status": status.value, "description": description}
        body = json.dumps({"properties": {"privateLinkServiceConnectionState": state}}, separators=(",", ":")).encode()

        async def send() -> None:
            if cache.type is CacheType.REDIS:
                classic = self._caller.clients.redis(cache.subscription).private_endpoint_connections
                await classic.begin_put(cache.group, cache.name, name, body, polling=False)  # type: ignore[call-overload]
            else:
                cluster = self._caller.clients.enterprise(cache.subscription).private_endpoint_connections
                await cluster.begin_put(cache.group, cache.name, name, body, polling=False)  # type: ignore[call-overload]

        await self._caller(Call(_WRITE[cache.type], cache.subscription, writes=True), send)

    async def delete(self, cache: CacheId, name: str) -> None:
        """Delete a connection, or begin to; one that is gone already is no error."""

        async def send() -> None:
            if cache.type is CacheType.REDIS:
                classic = self._caller.clients.redis(cache.subscription).private_endpoint_connections
                await classic.delete(cache.group, cache.name, name)
            else:
                cluster = self._caller.clients.enterprise(cache.subscription).private_endpoint_connections
                await cluster.begin_delete(cache.group, cache.name, name, polling=False)

        await self._caller.found(Call(_DELETE[cache.type], cache.subscription, writes=True), send)
