"""Private endpoints and their DNS zone groups, through azure-mgmt-network (imported by the first call, not before)."""

from __future__ import annotations

from typing import Any

from shared.arm.caches import Body, connection_status, properties, tags
from shared.arm.calls import Caller
from shared.arm.errors import Call
from shared.ids import CacheId, InvalidIdError, NetworkId, SubnetId, endpoint_id, region
from shared.model import (
    Cache,
    Endpoint,
    Placement,
    Readiness,
    Status,
    ZoneGroup,
    ZoneRecord,
    own_tags,
    readiness,
)

_ASKED_FOR = "Drawbridge asks for this connection, as somebody has asked it to."
_READ = "Microsoft.Network/privateEndpoints/read"
_WRITE = "Microsoft.Network/privateEndpoints/write"
_DELETE = "Microsoft.Network/privateEndpoints/delete"
_READ_GROUPS = "Microsoft.Network/privateEndpoints/privateDnsZoneGroups/read"
_WRITE_GROUP = "Microsoft.Network/privateEndpoints/privateDnsZoneGroups/write"


class Network:
    """Reads and begins changes of private endpoints. Every method raises ArmError."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def endpoint(self, id_: NetworkId) -> Endpoint | None:
        """Read one endpoint, without its zone groups; None where there is none."""

        async def send() -> Body:
            found = await self._caller.clients.network(id_.subscription).private_endpoints.get(id_.group, id_.name)
            return found.as_dict()

        body = await self._caller.found(Call(_READ, id_.subscription), send)
        return None if body is None else private_endpoint(body)

    async def zone_groups(self, endpoint: NetworkId) -> tuple[ZoneGroup, ...]:
        """Read an endpoint's DNS zone groups; none where the endpoint itself is gone."""

        async def send() -> tuple[ZoneGroup, ...]:
            groups = self._caller.clients.network(endpoint.subscription).private_dns_zone_groups
            return tuple([zone_group(g.as_dict()) async for g in groups.list(endpoint.name, endpoint.group)])

        return await self._caller.found(Call(_READ_GROUPS, endpoint.subscription), send) or ()

    async def create_endpoint(self, cache: Cache, placement: Placement, name: str) -> NetworkId:
        """Begin an endpoint and return its id; its connection is approved by itself, if we may approve it."""
        group = placement.group
        made = NetworkId(group.subscription, group.group, "privateEndpoints", name.lower())
        body = endpoint_body(cache, placement, name)

        async def send() -> None:
            endpoints = self._caller.clients.network(made.subscription).private_endpoints
            await endpoints.begin_create_or_update(made.group, name, body, polling=False)

        await self._caller(Call(_WRITE, made.subscription, writes=True), send)
        return made

    async def delete_endpoint(self, id_: NetworkId) -> None:
        """Begin the deletion of an endpoint; one that is gone already is no error."""

        async def send() -> None:
            endpoints = self._caller.clients.network(id_.subscription).private_endpoints
            await endpoints.begin_delete(id_.group, id_.name, polling=False)

        await self._caller.found(Call(_DELETE, id_.subscription, writes=True), send)

    async def put_zone_group(self, endpoint: NetworkId, group_name: str, zone: NetworkId) -> None:
        """Begin to make, or to replace, a zone group that leads to one private DNS zone."""
        body = zone_group_body(zone)

        async def send() -> None:
            groups = self._caller.clients.network(endpoint.subscription).private_dns_zone_groups
            await groups.begin_create_or_update(endpoint.group, endpoint.name, group_name, body, polling=False)

        await self._caller(Call(_WRITE_GROUP, endpoint.subscription, writes=True), send)


# ── values to bodies ────────────────────────────────────────────────────────────────────────────


def endpoint_body(cache: Cache, placement: Placement, name: str) -> Any:  # noqa: ANN401 - JSON, as the SDK takes it
    """Describe an endpoint: in the network's region (not the cache's), its connection asking for automatic approval.

    What a caller has chosen comes on top; the cache's owner approves a manual connection by hand.
    """
    options = placement.options
    link: dict[str, Any] = {"privateLinkServiceId": str(cache.id), "groupIds": [cache.group_member]}
    if options.manual:
        link["requestMessage"] = options.message or _ASKED_FOR
    kind = "manualPrivateLinkServiceConnections" if options.manual else "privateLinkServiceConnections"
    own: dict[str, Any] = {"subnet": {"id": str(placement.subnet)}, kind: [{"name": name, "properties": link}]}
    if options.nic:
        own["customNetworkInterfaceName"] = options.nic
    if options.address:
        fixed = {"groupId": cache.group_member, "memberName": cache.group_member, "privateIPAddress": options.address}
        own["ipConfigurations"] = [{"name": "static", "properties": fixed}]
    if options.security_groups:
        own["applicationSecurityGroups"] = [{"id": each} for each in options.security_groups]
    return {"location": placement.region, "tags": own_tags(cache.id), "properties": own}


def zone_group_body(zone: NetworkId) -> Any:  # noqa: ANN401 - JSON, as the SDK takes it
    """Describe a zone group with one zone; Azure's own tools name its one entry after the zone, with hyphens."""
    entry = {"name": zone.name.replace(".", "-"), "properties": {"privateDnsZoneId": str(zone)}}
    return {"properties": {"privateDnsZoneConfigs": [entry]}}


# ── bodies to values ────────────────────────────────────────────────────────────────────────────


def private_endpoint(body: Body) -> Endpoint:
    """Translate an endpoint's body; raises InvalidIdError where it is not one of a private endpoint."""
    own = properties(body)
    links = _links(own)
    state = _link_state(links)
    ready = readiness(own.get("provisioningState"))
    status = connection_status(state.get("status"))
    return Endpoint(
        id=endpoint_id(body["id"]),
        readiness=ready,
        region=region(body.get("location") or ""),
        subnet=_subnet(own),
        status=status,
        targets=tuple(t for link in links if (t := _target(link)) is not None),
        tags=tags(body),
        problem=_problem(ready, status, state),
    )


def _links(own: Body) -> list[Body]:
    """Give both kinds of connection: those that ask for automatic approval, and those that wait for a person."""
    return [*(own.get("privateLinkServiceConnections") or ()), *(own.get("manualPrivateLinkServiceConnections") or ())]


def _link_state(links: list[Body]) -> Body:
    """Give the state of the connection to a cache, or of the first one: an endpoint has one connection."""
    chosen = next((link for link in links if _target(link) is not None), links[0] if links else {})
    return properties(chosen).get("privateLinkServiceConnectionState") or {}


def _target(link: Body) -> CacheId | None:
    """Name the cache that a connection leads to; None where it leads to something else."""
    try:
        return CacheId.parse(properties(link).get("privateLinkServiceId") or "")
    except InvalidIdError:
        return None


def _subnet(own: Body) -> SubnetId | None:
    try:
        return SubnetId.parse((own.get("subnet") or {}).get("id") or "")
    except InvalidIdError:
        return None


def _problem(ready: Readiness, status: Status, state: Body) -> str:
    """Give Azure's words for an endpoint that does not work; it also has some for one that does."""
    if ready is not Readiness.FAILED and status in {Status.APPROVED, Status.PENDING}:
        return ""
    said = [state.get("description"), state.get("actionsRequired")]
    return " ".join(s for s in said if s and s.lower() != "none")


def zone_group(body: Body) -> ZoneGroup:
    """Translate a zone group's body."""
    own = properties(body)
    entries = own.get("privateDnsZoneConfigs") or ()
    return ZoneGroup(
        name=body.get("name") or "",
        readiness=readiness(own.get("provisioningState")),
        zones={e.get("name") or "": _zone(e) for e in entries},
        records=tuple(_record(_zone(e), r) for e in entries for r in properties(e).get("recordSets") or ()),
    )


def _zone(entry: Body) -> str:
    return str(properties(entry).get("privateDnsZoneId") or "").lower()


def _record(zone: str, body: Body) -> ZoneRecord:
    return ZoneRecord(zone, body.get("recordSetName") or "", tuple(body.get("ipAddresses") or ()))
