"""Virtual networks and their subnets."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from local.azure import errors
from local.azure.calls import Answer, Call, Json
from local.azure.network.common import VERSIONS, accepted, begin_delete, etag, poll, poll_result, shown, work
from local.azure.reading import found, get, listed, require_group
from local.azure.routes import PAGED, SIGNED, Route
from local.azure.store import Resource

if TYPE_CHECKING:
    from local.azure.errors import ArmError
    from local.azure.world import World

VNET = "Microsoft.Network/virtualNetworks"
SUBNET = "Microsoft.Network/virtualNetworks/subnets"
# Azure keeps the first four addresses of a subnet and the last.
KEPT_FIRST = 4
_RESERVED = 5
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?")
# What every delegation of a subnet lets its service do, whatever else.
_DELEGATED = "Microsoft.Network/virtualNetworks/subnets/action"
_LONGEST_SUBNET = 80
_LONGEST_VNET = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualNetwork(Resource):
    type: str = VNET
    region: str
    prefixes: tuple[str, ...]
    etag: str
    guid: str
    state: str = "Succeeded"
    policies: str = "Disabled"
    edge: Mapping[str, str] = field(default_factory=dict)
    subnets: tuple[Subnet, ...] = ()

    def render(self) -> Json:
        body: Json = {
            "name": self.name,
            "id": self.id,
            "etag": self.etag,
            "type": VNET,
            "location": self.region,
        }
        if self.tags:
            body["tags"] = dict(self.tags)
        body["properties"] = {
            "provisioningState": self.state,
            "resourceGuid": self.guid,
            "addressSpace": {"addressPrefixes": list(self.prefixes)},
            "privateEndpointVNetPolicies": self.policies,
            "subnets": [subnet.render() for subnet in self.subnets],
            "virtualNetworkPeerings": [],
            "enableDdosProtection": False,
        }
        if self.edge:
            body["extendedLocation"] = dict(self.edge)
        return body


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnet(Resource):
    """One subnet. ``taken`` are addresses in use: by whom (an ip configuration's id).

    ``delegations`` are (name, service); ``outbound`` is None where nobody said whether there is default access.
    ``refuses_endpoints`` is for its network policies: elsewhere than in some clouds, they keep no endpoint out.
    """

    type: str = SUBNET
    prefix: str
    etag: str
    state: str = "Succeeded"
    policies: str = "Disabled"
    refuses_endpoints: bool = False
    link_policies: str = "Enabled"
    outbound: bool | None = None
    delegations: tuple[tuple[str, str], ...] = ()
    taken: Mapping[str, str]

    def render(self) -> Json:
        properties: Json = {"provisioningState": self.state, "addressPrefix": self.prefix}
        if self.taken:
            properties["ipConfigurations"] = [{"id": owner} for owner in self.taken.values()]
        properties |= {
            "delegations": [self._delegation(name, service) for name, service in self.delegations],
            "privateEndpointNetworkPolicies": self.policies,
            "privateLinkServiceNetworkPolicies": self.link_policies,
        }
        if self.outbound is not None:
            properties["defaultOutboundAccess"] = self.outbound
        return {"name": self.name, "id": self.id, "etag": self.etag, "properties": properties, "type": SUBNET}

    def _delegation(self, name: str, service: str) -> Json:
        return {
            "name": name,
            "id": f"{self.id}/delegations/{name}",
            "etag": self.etag,
            "properties": {"provisioningState": "Succeeded", "serviceName": service, "actions": [_DELEGATED]},
            "type": f"{SUBNET}/delegations",
        }

    def like(self, other: Subnet) -> bool:
        """Say whether another differs in nothing that a body can ask for."""
        return replace(self, etag="", state="", serial=0) == replace(other, etag="", state="", serial=0)

    @property
    def vnet_id(self) -> str:
        return self.id.rsplit("/", 2)[0]

    @property
    def free(self) -> int:
        """How many addresses are left."""
        return max(0, ipaddress.ip_network(self.prefix).num_addresses - _RESERVED - len(self.taken))

    def next_address(self) -> str | None:
        """Give the lowest free address; None where the subnet is full."""
        network = ipaddress.ip_network(self.prefix)
        for offset in range(KEPT_FIRST, network.num_addresses - 1):
            address = str(network[offset])
            if address not in self.taken:
                return address
        return None


def put_subnet_value(world: World, subnet: Subnet) -> None:
    """Store a subnet, in itself and in its network."""
    world.put(subnet)
    vnet = world.store.find(subnet.vnet_id, VirtualNetwork)
    if vnet is not None:
        held = {other.key: other for other in vnet.subnets}
        world.put(replace(vnet, subnets=tuple((held | {subnet.key: subnet}).values())))


# Virtual networks


def put_vnet(world: World, call: Call) -> Answer:
    require_group(world, call)
    check_name(call, _LONGEST_VNET)
    before = world.store.find(call.path.text, VirtualNetwork)
    space = call.properties.get("addressSpace")
    prefixes = tuple((space or {}).get("addressPrefixes") or ())
    if not prefixes or not call.region:
        raise errors.network_refusal("InvalidRequestFormat", "Cannot parse the request: location and addressSpace.")
    vnet = VirtualNetwork(
        id=before.id if before else f"{call.path.group_id}/providers/{VNET}/{call.path.name}",
        region=call.region,
        prefixes=prefixes,
        etag=etag(world),
        guid=before.guid if before else world.uuid(),
        state="Updating",
        policies=str(call.properties.get("privateEndpointVNetPolicies") or "Disabled"),
        edge=dict((call.body or {}).get("extendedLocation") or {}),
        tags=call.tags,
        subnets=before.subnets if before else (),
    )
    world.put(vnet)
    _drop_unlisted(world, vnet, call.properties.get("subnets"))
    for item in call.properties.get("subnets") or ():
        put_subnet_value(world, _subnet(world, vnet.id, item, "Updating"))
    seconds = world.lasting(world.options.durations.network_write)
    finish = partial(_settle_vnet, world, vnet.id)
    status = HTTPStatus.OK if before else HTTPStatus.CREATED
    job = replace(work(vnet.region, seconds, f"{VNET}/write", vnet.id), finish=finish, created=before is None)
    operation = world.begin(call, job)
    current = world.store.find(vnet.id, VirtualNetwork) or vnet
    return Answer(status, current.render(), accepted(world, call, operation, 3))


def _drop_unlisted(world: World, vnet: VirtualNetwork, listed_subnets: list[Json] | None) -> None:
    """Delete the subnets that a list leaves out; a body without a list keeps them all."""
    if listed_subnets is None:
        return
    kept = {str(item.get("name")).lower() for item in listed_subnets}
    gone = [subnet for subnet in vnet.subnets if subnet.name.lower() not in kept]
    for subnet in gone:
        if subnet.taken:
            raise _in_use(subnet)
    for subnet in gone:
        _remove_subnet(world, subnet)


def _settle_vnet(world: World, vnet_id: str) -> None:
    vnet = world.store.find(vnet_id, VirtualNetwork)
    if vnet is None:
        return
    for subnet in vnet.subnets:
        _settle_subnet(world, subnet.id)
    vnet = world.store.find(vnet_id, VirtualNetwork) or vnet
    world.put(replace(vnet, state="Succeeded", etag=etag(world)))


def delete_vnet(world: World, call: Call) -> Answer:
    vnet = world.store.find(call.path.text, VirtualNetwork)
    if vnet is None:
        return already_absent(world, call)
    used = next((subnet for subnet in vnet.subnets if subnet.taken), None)
    if used is not None:
        raise _in_use(used)
    seconds = world.lasting(world.options.durations.network_delete)
    finish = partial(_remove_vnet, world, vnet)
    return begin_delete(world, call, replace(work(vnet.region, seconds, f"{VNET}/delete", vnet.id), finish=finish))


def _remove_vnet(world: World, vnet: VirtualNetwork) -> None:
    for item in (*world.store.children(vnet.id), vnet):
        world.remove(item.id)


def already_absent(world: World, call: Call) -> Answer:
    if world.store.get(call.path.group_id) is None:
        raise errors.group_not_found(call.path.group)
    return Answer(HTTPStatus.NO_CONTENT)


def check_name(call: Call, longest: int) -> None:
    if len(call.path.name) > longest or not _NAME.fullmatch(call.path.name):
        raise errors.network_refusal(
            "InvalidResourceName",
            f"Resource name {call.path.name} is invalid. The name can be up to {longest} characters long. It must "
            "begin with a word character, and it must end with a word character or with '_'. The name may contain word "
            "characters or '.', '-', '_'.",
        )


# Subnets


def put_subnet(world: World, call: Call) -> Answer:
    vnet = world.store.find(call.path.parent, VirtualNetwork)
    if vnet is None:
        require_group(world, call)
        raise errors.parent_not_found("virtualNetworks/subnets", call.path.parent)
    check_name(call, _LONGEST_SUBNET)
    before = world.store.find(call.path.text, Subnet)
    item = {**(call.body or {}), "name": call.path.name}
    subnet = _subnet(world, vnet.id, item, "Updating")
    if before is not None and subnet.like(before):
        # Recorded: a PUT that changes nothing shows no work in progress.
        subnet = replace(subnet, state="Succeeded")
    put_subnet_value(world, subnet)
    seconds = world.lasting(world.options.durations.subnet_write)
    finish = partial(_settle_subnet, world, subnet.id)
    job = replace(work(vnet.region, seconds, f"{SUBNET}/write", subnet.id), finish=finish, created=before is None)
    operation = world.begin(call, job)
    status = HTTPStatus.OK if before else HTTPStatus.CREATED
    return Answer(status, subnet.render(), accepted(world, call, operation, 3))


def _settle_subnet(world: World, subnet_id: str) -> None:
    subnet = world.store.find(subnet_id, Subnet)
    if subnet is not None:
        put_subnet_value(world, replace(subnet, state="Succeeded", etag=etag(world)))


def _subnet(world: World, vnet_id: str, item: Json, state: str) -> Subnet:
    properties = item.get("properties") or {}
    prefix = properties.get("addressPrefix") or next(iter(properties.get("addressPrefixes") or ()), "")
    try:
        ipaddress.ip_network(prefix)
    except ValueError as error:
        raise errors.network_refusal(
            "InvalidCIDRNotation",
            f"The address prefix {prefix} in resource {item.get('name')} has an invalid CIDR notation.",
        ) from error
    before = world.store.find(f"{vnet_id}/subnets/{item['name']}", Subnet)
    return Subnet(
        id=before.id if before else f"{vnet_id}/subnets/{item['name']}",
        prefix=prefix,
        etag=etag(world),
        state=state,
        policies=properties.get("privateEndpointNetworkPolicies") or "Disabled",
        refuses_endpoints=before.refuses_endpoints if before else False,
        link_policies=properties.get("privateLinkServiceNetworkPolicies") or "Enabled",
        outbound=properties.get("defaultOutboundAccess"),
        delegations=tuple(_delegated(item) for item in properties.get("delegations") or ()),
        taken=before.taken if before else {},
    )


def _delegated(item: Json) -> tuple[str, str]:
    service = str((item.get("properties") or {}).get("serviceName") or "")
    return str(item.get("name") or service), service


def delete_subnet(world: World, call: Call) -> Answer:
    subnet = world.store.find(call.path.text, Subnet)
    vnet = world.store.find(call.path.parent, VirtualNetwork)
    if vnet is None:
        raise _missing_parent(world, call)
    if subnet is None:
        return Answer(HTTPStatus.NO_CONTENT)
    if subnet.taken:
        raise _in_use(subnet)
    seconds = world.lasting(world.options.durations.subnet_delete)
    finish = partial(_remove_subnet, world, subnet)
    return begin_delete(world, call, replace(work(vnet.region, seconds, f"{SUBNET}/delete", subnet.id), finish=finish))


def _missing_parent(world: World, call: Call) -> ArmError:
    if world.store.get(call.path.group_id) is None:
        return errors.group_not_found(call.path.group)
    return errors.not_found(call.path.parent)


def _remove_subnet(world: World, subnet: Subnet) -> None:
    world.remove(subnet.id)
    vnet = world.store.find(subnet.vnet_id, VirtualNetwork)
    if vnet is not None:
        world.put(replace(vnet, subnets=tuple(held for held in vnet.subnets if held.key != subnet.key)))


def _in_use(subnet: Subnet) -> ArmError:
    user = next(iter(subnet.taken.values()))
    return errors.network_refusal(
        "InUseSubnetCannotBeDeleted",
        f"Subnet {subnet.name} is in use by {user} and cannot be deleted. In order to delete the subnet, delete all "
        "the resources within the subnet. See aka.ms/deletesubnet.",
    )


def get_subnet(world: World, call: Call) -> Answer:
    if world.store.get(call.path.parent) is not None and world.seen(call, call.path.text) is None:
        raise errors.network_child_not_found(call.path.text)
    subnet = found(world, call).render()
    return Answer(HTTPStatus.OK, subnet, {"ETag": subnet["etag"]})


_LOCATIONS = "Microsoft.Network/locations"
ROUTES = (
    Route(VNET, VNET, VERSIONS, shown({"GET": get, "LIST": listed, "PUT": put_vnet, "DELETE": delete_vnet}), PAGED),
    Route(
        SUBNET, SUBNET, VERSIONS, {"GET": get_subnet, "LIST": listed, "PUT": put_subnet, "DELETE": delete_subnet}, PAGED
    ),
    Route(f"{_LOCATIONS}/operations", f"{_LOCATIONS}/operations", VERSIONS, {"GET": poll}, SIGNED),
    Route(f"{_LOCATIONS}/operationResults", f"{_LOCATIONS}/operationResults", VERSIONS, {"GET": poll_result}, SIGNED),
)
