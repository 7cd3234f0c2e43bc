"""Azure Managed Redis and Enterprise clusters (Microsoft.Cache/redisEnterprise), through azure-mgmt-redisenterprise.

Both are one ARM type: the SKU tells them apart, and the host name tells which private DNS zone a cluster needs.
Databases inside a cluster are not touched; they are read only to learn with which clusters one replicates.
"""

from __future__ import annotations

from shared.arm.caches import Body, Page, Wire, connections, one_page, only_public_access, page_of, properties, tags
from shared.arm.calls import Caller
from shared.arm.errors import Call
from shared.ids import CacheId, CacheType, InvalidIdError, region
from shared.model import Cache, Kind, PublicAccess, Readiness, readiness

_READ = "Microsoft.Cache/redisEnterprise/read"
_READ_DATABASES = "Microsoft.Cache/redisEnterprise/databases/read"
_WRITE = "Microsoft.Cache/redisEnterprise/write"
API_VERSION = "2025-07-01"
"""Of lists, which are read without the SDK: the one that the SDK sends."""
_CONNECTION_LIMIT = 84
_GROUP_MEMBER = "redisEnterprise"
_RUNNING = "Running"
_DOMAINS = ("redis", "redisenterprise")
"""First labels of the domains that clusters have their names in, below their own name and region."""
_NEVER_REPLICATED = frozenset({"balanced_b0", "balanced_b1", "enterprise_e1"})
"""SKUs that active geo-replication does not support."""
_MADE_AND_RUNNING = frozenset({"running", "updatefailed", "scalingfailed", "deletefailed", "disablefailed"})
"""Resource states of a cluster that works: a change that failed has left it as it was."""
_UNUSABLE = {
    "createfailed": Readiness.FAILED,
    "deleting": Readiness.DELETING,
    "disabled": Readiness.DISABLED,
    "enablefailed": Readiness.DISABLED,
}


class EnterpriseCaches:
    """The CacheAdapter for clusters of Azure Managed Redis and of the Enterprise tiers."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def get(self, cache: CacheId) -> Cache | None:
        """Read one cluster; None where there is none."""
        body = await self._caller.found(Call(_READ, cache.subscription), lambda: self._get(cache))
        return None if body is None else cluster(body)

    async def _get(self, cache: CacheId) -> Body:
        answer = Wire()
        client = self._caller.clients.enterprise(cache.subscription)
        await client.redis_enterprise.get(cache.group, cache.name, raw_response_hook=answer)
        return answer.body

    async def list_page(self, subscription: str, continuation: str | None = None) -> Page[Cache]:
        """Read one page; an item that cannot be understood is named in ``problems`` and does not cost the others."""
        path = f"/subscriptions/{subscription}/providers/Microsoft.Cache/redisEnterprise"
        body = await self._caller.page(Call(_READ, subscription), path, API_VERSION, continuation)
        return page_of(body, cluster)

    async def replicas(self, cache: CacheId) -> tuple[CacheId, ...]:
        """Name the clusters whose databases are linked with this one's, itself too; () where none are."""
        body = await self._caller.found(Call(_READ_DATABASES, cache.subscription), lambda: self._databases(cache))
        return () if body is None else linked_clusters(body)

    async def _databases(self, cache: CacheId) -> Body:
        answer = Wire()
        databases = self._caller.clients.enterprise(cache.subscription).databases
        pager = databases.list_by_cluster(cache.group, cache.name, raw_response_hook=answer)
        return await one_page(pager, None, answer)

    async def set_public_access(self, cache: CacheId, access: PublicAccess) -> None:
        """Begin to set ``publicNetworkAccess``, and nothing else; a cluster that shows ABSENT refuses it."""
        body = only_public_access(access)
        await self._caller(Call(_WRITE, cache.subscription, writes=True), lambda: self._patch(cache, body))

    async def _patch(self, cache: CacheId, body: bytes) -> None:
        client = self._caller.clients.enterprise(cache.subscription)
        # Bytes are what goes on the wire, whatever defaults a later ClusterUpdate may come to have.
        await client.redis_enterprise.begin_update(cache.group, cache.name, body, polling=False)  # type: ignore[call-overload]


def cluster(body: Body) -> Cache:
    """Translate a cluster's body; raises InvalidIdError or LookupError where it is not one of a cluster."""
    own = properties(body)
    access = _public_access(own.get("publicNetworkAccess"))
    return Cache(
        id=_id(body["id"]),
        kind=_kind(body["sku"]["name"]),
        region=region(body["location"]),
        tags=tags(body),
        readiness=cluster_readiness(own.get("provisioningState"), own.get("resourceState")),
        state=_state(own.get("provisioningState"), own.get("resourceState")),
        public_access=access,
        zone=private_zone(own.get("hostName")),
        group_member=_GROUP_MEMBER,
        connections=connections(body),
        may_replicate=str(body["sku"]["name"]).lower() not in _NEVER_REPLICATED,
        connection_limit=_CONNECTION_LIMIT,
        # With the flag, attaching leaves it as it is. A cluster without one is public while it has no endpoint and
        # private once it has: there it is the first endpoint itself that closes.
        closes_on_attach=access is PublicAccess.ABSENT,
    )


def linked_clusters(body: Body) -> tuple[CacheId, ...]:
    """Read the clusters whose databases a list of databases says are linked; what is no cluster's is left out."""
    replications = [properties(database).get("geoReplication") or {} for database in body.get("value") or ()]
    links = [str(link.get("id") or "") for each in replications for link in each.get("linkedDatabases") or ()]
    members = sorted({cluster for link in links if (cluster := _cluster_of(link)) is not None})
    return tuple(members) if len(members) > 1 else ()


def _cluster_of(database: str) -> CacheId | None:
    try:
        return CacheId.split(database)[0]
    except InvalidIdError:
        return None


def _id(text: str) -> CacheId:
    found = CacheId.parse(text)
    if found.type is not CacheType.ENTERPRISE:
        raise InvalidIdError(f"{text[:200]!r} is not the id of a cluster ({CacheType.ENTERPRISE})")
    return found


def _kind(sku: str) -> Kind:
    """Tell the older tiers (``Enterprise_E10``, ``EnterpriseFlash_F300``) from Azure Managed Redis."""
    return Kind.ENTERPRISE if sku.lower().startswith(("enterprise_", "enterpriseflash_")) else Kind.MANAGED


def _public_access(text: str | None) -> PublicAccess:
    """Read the flag: null is a cluster made before it existed; a word that we do not know is not Disabled."""
    if text is None:
        return PublicAccess.ABSENT
    return PublicAccess.DISABLED if text.lower() == "disabled" else PublicAccess.ENABLED


def private_zone(host: str | None) -> str:
    """Name the zone of ``<name>.<region>.redis.azure.net`` (or ``….redisenterprise.cache.azure.net``).

    That is its domain below ``privatelink``, in whichever cloud; empty without a host.
    """
    labels = (host or "").lower().split(".")[1:]
    start = next((number for number, label in enumerate(labels) if label in _DOMAINS), 1)
    domain = ".".join(labels[start:])
    return f"privatelink.{domain}" if domain else ""


def cluster_readiness(provisioning: str | None, resource: str | None) -> Readiness:
    """Reduce a cluster's two states: what is being done to it, and what has become of it.

    A creation that failed leaves a cluster that shows a host name and looks healthy otherwise.
    """
    doing = readiness(provisioning)
    if doing is not Readiness.READY or resource is None or resource.lower() in _MADE_AND_RUNNING:
        return doing
    return _UNUSABLE.get(resource.lower(), Readiness.BUSY)


def _state(provisioning: str | None, resource: str | None) -> str:
    said = provisioning or "Succeeded"
    return said if resource in {None, _RUNNING, said} else f"{said}, {resource}"
