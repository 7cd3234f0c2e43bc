"""Private DNS zones and their links to networks: writes answer 202 with an empty object, as recorded."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from local.azure import errors, operations
from local.azure.calls import Answer, Call, Json
from local.azure.clock import retry_after
from local.azure.errors import ArmError
from local.azure.network.common import shown
from local.azure.operations import Operation, Style, Work
from local.azure.reading import get, listed, require_group
from local.azure.routes import PAGED, Route
from local.azure.store import Resource

if TYPE_CHECKING:
    from local.azure.world import World

ZONE = "Microsoft.Network/privateDnsZones"
LINK = "Microsoft.Network/privateDnsZones/virtualNetworkLinks"
VERSIONS = frozenset({"2024-06-01", "2020-06-01", "2020-01-01", "2018-09-01"})
_VNET_JOIN = "Microsoft.Network/virtualNetworks/join/action"


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone(Resource):
    """One zone; ``records`` counts its record sets, the SOA among them."""

    type: str = ZONE
    etag: str
    records: int = 1
    links: int = 0
    registering: int = 0
    state: str = "Succeeded"

    def render(self) -> Json:
        body: Json = {"id": self.id, "name": self.name, "type": ZONE, "etag": self.etag, "location": "global"}
        if self.tags:
            body["tags"] = dict(self.tags)
        body["properties"] = {
            "internalId": base64.b64encode(f"Immutable;{self.id.lower()};0".encode()).decode(),
            "maxNumberOfRecordSets": 25000,
            "maxNumberOfVirtualNetworkLinks": 1000,
            "maxNumberOfVirtualNetworkLinksWithRegistration": 100,
            "numberOfRecordSets": self.records,
            "numberOfVirtualNetworkLinks": self.links,
            "numberOfVirtualNetworkLinksWithRegistration": self.registering,
            "provisioningState": self.state,
        }
        return body


@dataclass(frozen=True, slots=True, kw_only=True)
class Link(Resource):
    type: str = LINK
    etag: str
    vnet_id: str
    registration: bool = False
    extra: Mapping[str, object] = field(default_factory=dict)

    @property
    def zone_id(self) -> str:
        return self.id.rsplit("/", 2)[0]

    def render(self) -> Json:
        body: Json = {
            "id": self.id,
            "name": self.name,
            "type": LINK,
            "etag": f'"{self.etag}"',
            "location": "global",
        }
        if self.tags:
            body["tags"] = dict(self.tags)
        body["properties"] = {
            "provisioningState": "Succeeded",
            "registrationEnabled": self.registration,
            **self.extra,
            "virtualNetwork": {"id": self.vnet_id},
            "virtualNetworkLinkState": "Completed",
        }
        return body


# Operations


def _accepted(world: World, call: Call, operation: Operation, body: Json | None) -> Answer:
    headers = {
        "Azure-AsyncOperation": operations.url(operation, call.base_url),
        "Location": operations.url(operation, call.base_url, result=True),
        "Retry-After": retry_after(30, world.clock.scale),
    }
    return Answer(HTTPStatus.ACCEPTED, body, headers)


def _begin(world: World, call: Call, work: Work) -> Operation:
    operation = world.begin(call, work)
    # Recorded: the name of the operation is base64, not a GUID.
    name = base64.urlsafe_b64encode(f"PrivateDnsOperation;{operation.id}".encode()).decode().rstrip("=")
    del world.operations[operation.id]
    operation.id = name
    world.operations[name] = operation
    return operation


def poll(world: World, call: Call) -> Answer:
    return operations.poll(_operation(world, call), call, world.clock.scale)


def poll_result(world: World, call: Call) -> Answer:
    return operations.poll_result(_operation(world, call), call, world.clock.scale)


def _operation(world: World, call: Call) -> Operation:
    operation = world.operations.get(call.path.name)
    if operation is None:
        raise errors.not_found(call.path.text)
    return operation


def _check_conditions(call: Call, plain: str, quoted: str, etag: str) -> None:
    """Refuse, in the operation, what the call's conditions exclude; ``etag`` is that of what exists, or empty."""
    if call.headers.get("if-none-match") == "*" and etag:
        message = f"{plain} exists already and hence cannot be created again."
        raise ArmError(HTTPStatus.PRECONDITION_FAILED, "PreconditionFailed", message)
    wanted = call.headers.get("if-match", "*").strip('"')
    if wanted not in {"*", etag}:
        message = f"{quoted} has been modified (etag mismatch)."
        raise ArmError(HTTPStatus.PRECONDITION_FAILED, "PreconditionFailed", message)


# Zones


def put_zone(world: World, call: Call) -> Answer:
    require_group(world, call)
    before = world.store.find(call.path.text, Zone)
    zone_id = before.id if before else f"{call.path.group_id}/providers/{ZONE}/{call.path.name}"
    zone = Zone(id=zone_id, etag=world.uuid(), tags=call.tags)
    if before is not None:
        zone = replace(before, etag=world.uuid(), tags=call.tags)

    def finish() -> None:
        held = world.store.find(zone_id, Zone)
        _check_conditions(call, f"The Zone {zone.name}", f"The Zone {zone.name}", held.etag if held else "")
        world.put(zone)

    seconds = world.lasting(world.options.durations.zone_write)
    work = Work(Style.DNS, seconds, "global", f"{ZONE}/write", zone_id, finish, created=before is None)
    return _accepted(world, call, _begin(world, call, work), {})


def delete_zone(world: World, call: Call) -> Answer:
    zone = world.store.find(call.path.text, Zone)
    if zone is None:
        return absent(world, call)
    nested = next((item for item in world.store.children(zone.id) if isinstance(item, Link)), None)
    if nested is not None:
        raise errors.nested_resources(nested.id.partition("/providers/")[2])
    seconds = world.lasting(world.options.durations.zone_delete)
    work = Work(Style.DNS, seconds, "global", f"{ZONE}/delete", zone.id, partial(remove_zone, world, zone.id))
    return _accepted(world, call, _begin(world, call, work), None)


def remove_zone(world: World, zone_id: str) -> None:
    for item in world.store.children(zone_id):
        world.remove(item.id)
    world.remove(zone_id)


def absent(world: World, call: Call) -> Answer:
    """Answer the delete of what is not there."""
    if world.store.get(call.path.group_id) is None:
        raise errors.group_not_found(call.path.group)
    return Answer(HTTPStatus.NO_CONTENT)


# Links


def put_link(world: World, call: Call) -> Answer:
    zone = world.store.find(call.path.parent, Zone)
    if zone is None:
        require_group(world, call)
        raise errors.parent_not_found("privateDnsZones/virtualNetworkLinks", call.path.parent)
    network = call.properties.get("virtualNetwork")
    vnet_id = str((network or {}).get("id") or "")
    vnet = world.store.get(vnet_id)
    if vnet is None:
        raise errors.bad_request(f"The virtual network '{vnet_id}' was not found.", "VirtualNetworkNotFound")
    world.access.require_linked(call, f"{LINK}/write", _VNET_JOIN, vnet.id)
    _refuse_second_zone(world, zone, vnet.id)
    before = world.store.find(call.path.text, Link)
    extra = {"resolutionPolicy": call.properties["resolutionPolicy"]} if call.properties.get("resolutionPolicy") else {}
    link = Link(
        id=before.id if before else f"{zone.id}/virtualNetworkLinks/{call.path.name}",
        etag=world.uuid(),
        vnet_id=vnet.id,
        registration=bool(call.properties.get("registrationEnabled")),
        tags=call.tags,
        extra=extra,
    )
    work = Work(
        Style.DNS,
        world.lasting(world.options.durations.link_write),
        "global",
        f"{LINK}/write",
        link.id,
        partial(_linked, world, call, link),
        created=before is None,
    )
    return _accepted(world, call, _begin(world, call, work), {})


def _linked(world: World, call: Call, link: Link) -> None:
    held, zone = world.store.find(link.id, Link), link.zone_id.rsplit("/", 1)[-1]
    plain = f"The Virtual Network link {link.name} for the Private DNS zone {zone}"
    quoted = f"The Virtual Network link '{link.name}' for the Private DNS zone '{zone}'"
    _check_conditions(call, plain, quoted, held.etag if held else "")
    add_link(world, link)


def add_link(world: World, link: Link) -> None:
    """Store a link and count it in its zone."""
    world.put(link)
    count(world, link.zone_id)


def _refuse_second_zone(world: World, zone: Zone, vnet_id: str) -> None:
    for link in world.store.of(Link):
        other = link.zone_id.lower()
        if link.vnet_id.lower() == vnet_id.lower() and other != zone.key and other.endswith(f"/{zone.name.lower()}"):
            raise errors.bad_request(
                "A virtual network cannot be linked to multiple zones with overlapping namespaces. You tried to link "
                f"virtual network with '{zone.name}' and '{zone.name}' zones."
            )


def delete_link(world: World, call: Call) -> Answer:
    link = world.store.find(call.path.text, Link)
    if link is None:
        return absent(world, call)

    def finish() -> None:
        world.remove(link.id)
        count(world, link.zone_id)

    seconds = world.lasting(world.options.durations.link_delete)
    work = Work(Style.DNS, seconds, "global", f"{LINK}/delete", link.id, finish)
    return _accepted(world, call, _begin(world, call, work), None)


def count(world: World, zone_id: str) -> None:
    """Count what is in a zone; nothing happens where it is gone."""
    zone = world.store.find(zone_id, Zone)
    if zone is None:
        return
    inside = world.store.children(zone.id)
    links = sum(isinstance(item, Link) for item in inside)
    registering = sum(isinstance(item, Link) and item.registration for item in inside)
    # The SOA is counted whether somebody has changed it or not.
    records = sum(not isinstance(item, Link) and not item.type.endswith("/SOA") for item in inside)
    world.put(replace(zone, records=1 + records, links=links, registering=registering, etag=world.uuid()))


_ROOT = "Microsoft.Network"
ROUTES = (
    Route(ZONE, ZONE, VERSIONS, shown({"GET": get, "LIST": listed, "PUT": put_zone, "DELETE": delete_zone}), PAGED),
    Route(LINK, LINK, VERSIONS, {"GET": get, "LIST": listed, "PUT": put_link, "DELETE": delete_link}, PAGED),
    Route(f"{_ROOT}/privateDnsOperationStatuses", f"{_ROOT}/privateDnsOperationStatuses", VERSIONS, {"GET": poll}),
    Route(f"{_ROOT}/privateDnsOperationResults", f"{_ROOT}/privateDnsOperationResults", VERSIONS, {"GET": poll_result}),
)
