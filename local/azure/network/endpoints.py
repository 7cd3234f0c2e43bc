"""A private endpoint joins a subnet and a target: what it does to one is seen on the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from local.azure import errors
from local.azure.calls import Answer, Call, Json
from local.azure.links import Connection, DnsName, LinkTarget, target_of
from local.azure.network import addresses, securitygroups
from local.azure.network.addresses import Address
from local.azure.network.common import VERSIONS, accepted, begin_delete, etag, reference, shown, work
from local.azure.network.interfaces import TYPE as NIC
from local.azure.network.interfaces import NetworkInterface
from local.azure.network.vnets import Subnet, VirtualNetwork, already_absent, check_name
from local.azure.others import OtherLinks
from local.azure.reading import get, listed, require_group
from local.azure.redis import CONNECT_AT
from local.azure.routes import PAGED, Route
from local.azure.store import Resource

if TYPE_CHECKING:
    from local.azure.errors import ArmError
    from local.azure.world import World

TYPE = "Microsoft.Network/privateEndpoints"
_LONGEST = 64
_JOIN = "Microsoft.Network/virtualNetworks/subnets/join/action"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateEndpoint(Resource):
    """One endpoint. ``connection_name`` is the target's name for it; ``manual`` says that it asked for approval."""

    type: str = TYPE
    region: str
    subnet_id: str
    target_id: str
    group_ids: tuple[str, ...]
    link_name: str
    connection_name: str
    etag: str
    guid: str
    nic_id: str
    manual: bool = False
    message: str = ""
    state: str = "Succeeded"
    status: str = "Approved"
    description: str = "Auto-Approved"
    actions_required: str = "None"
    addresses: tuple[Address, ...] = ()
    nic_name: str = ""
    security_groups: tuple[str, ...] = ()
    names: tuple[DnsName, ...] = ()
    zone_group_id: str = ""
    made: bool = False
    edge: Mapping[str, str] = field(default_factory=dict)

    @property
    def vnet_id(self) -> str:
        return self.subnet_id.rsplit("/", 2)[0]

    @property
    def address(self) -> str:
        """The address that its names lead to; empty where it has none yet."""
        return self.addresses[0].ip if self.addresses else ""

    def connection(self) -> Connection:
        """Give the target's side of it."""
        description = self.description.replace("Auto Approved", "Auto-Approved")
        return Connection(self.connection_name, self.id, self.group_ids, self.status, description)

    def render(self) -> Json:
        body: Json = {
            "name": self.name,
            "id": self.id,
            "etag": self.etag,
            "type": TYPE,
            "location": self.region,
        }
        if self.tags:
            body["tags"] = dict(self.tags)
        body["properties"] = {
            "provisioningState": self.state,
            "resourceGuid": self.guid,
            "privateLinkServiceConnections": [] if self.manual else [self._link()],
            "manualPrivateLinkServiceConnections": [self._link()] if self.manual else [],
            "customNetworkInterfaceName": self.nic_name,
            "subnet": {"id": self.subnet_id},
            "ipConfigurations": [item.render(self.id, self.etag) for item in self.addresses if item.asked],
            "networkInterfaces": [{"id": self.nic_id}],
            "customDnsConfigs": self._dns(),
            "ipVersionType": "IPv4",
        }
        if self.edge:
            body["extendedLocation"] = dict(self.edge)
        if self.security_groups:
            body["properties"]["applicationSecurityGroups"] = [{"id": group} for group in self.security_groups]
        return body

    def _dns(self) -> list[Json]:
        # Shown only while no zone group answers for the names, as azurerm's documentation of custom_dns_configs says.
        if not self.made or self.status != "Approved" or self.zone_group_id:
            return []
        return [{"fqdn": name.fqdn, "ipAddresses": [self.address]} for name in self.names]

    def _link(self) -> Json:
        kind = "manualPrivateLinkServiceConnections" if self.manual else "privateLinkServiceConnections"
        properties: Json = {"provisioningState": "Succeeded", "privateLinkServiceId": self.target_id}
        if self.group_ids:
            properties["groupIds"] = list(self.group_ids)
        if self.message:
            properties["requestMessage"] = self.message
        properties["privateLinkServiceConnectionState"] = {
            "status": self.status,
            "description": self.description,
            "actionsRequired": self.actions_required,
        }
        return {
            "name": self.link_name,
            "id": f"{self.id}/{kind}/{self.link_name}",
            "etag": self.etag,
            "properties": properties,
            "type": f"{TYPE}/{kind}",
        }


def find(world: World, endpoint_id: str) -> PrivateEndpoint | None:
    return world.store.find(endpoint_id, PrivateEndpoint)


def disconnected(world: World, endpoint_id: str) -> None:
    """Show that the target's side is gone: the endpoint stays, blocks its name, and bills."""
    endpoint = find(world, endpoint_id)
    if endpoint is not None:
        world.put(
            replace(endpoint, status="Disconnected", description="Connection state is Disconnected", etag=etag(world))
        )


def decided(world: World, connection: Connection) -> None:
    """Show what the target's side decided; a zone group that waited for an approval writes its records."""
    from local.azure.network.zonegroups import refresh  # noqa: PLC0415 - zone groups are inside endpoints

    endpoint = find(world, connection.endpoint_id)
    if endpoint is None:
        return
    after = replace(endpoint, status=connection.status, description=connection.description, etag=etag(world))
    world.put(after)
    if connection.is_approved:
        refresh(world, after)


# Write


@dataclass(frozen=True, slots=True)
class Wish:
    """What a body asks for."""

    subnet_id: str
    target_id: str
    group_ids: tuple[str, ...]
    link_name: str
    manual: bool
    message: str
    addresses: tuple[Address, ...]
    security_groups: tuple[str, ...]
    nic_name: str


def put(world: World, call: Call) -> Answer:
    require_group(world, call)
    check_name(call, _LONGEST)
    wish = _wish(world, call)
    before = find(world, call.path.text)
    if before is not None:
        return _update(world, call, before, wish)
    return _create(world, call, wish)


def _create(world: World, call: Call, wish: Wish) -> Answer:
    subnet = _check_subnet(world, call, wish)
    target, kind = _check_target(world, call, wish)
    group = world.store.get(call.path.group_id)
    group_id = group.id if group else call.path.group_id
    nic_id = f"{group_id}/providers/{NIC}/{wish.nic_name or f'{call.path.name}.nic.{world.uuid()}'}"
    endpoint = PrivateEndpoint(
        id=f"{group_id}/providers/{TYPE}/{call.path.name}",
        region=call.region,
        subnet_id=subnet.id,
        target_id=wish.target_id,
        group_ids=wish.group_ids,
        link_name=wish.link_name,
        connection_name=f"{call.path.name}.{world.uuid()}",
        etag=etag(world),
        guid=world.uuid(),
        nic_id=nic_id,
        nic_name=wish.nic_name,
        manual=wish.manual,
        message=wish.message,
        state="Updating",
        status="Pending" if wish.manual else "Approved",
        description="Awaiting Approval" if wish.manual else "Auto Approved",
        addresses=_take(world, subnet.id, nic_id, wish),
        security_groups=wish.security_groups,
        names=kind.names(target),
        edge=dict((call.body or {}).get("extendedLocation") or {}),
        tags=call.tags,
    )
    _put_with_interface(world, endpoint)
    world.emit(call, f"{kind.proxies}/validate/action", _proxy(target, endpoint))
    return _begin_create(world, call, endpoint, (target, kind))


def _take(world: World, subnet_id: str, nic_id: str, wish: Wish) -> tuple[Address, ...]:
    if world.store.get(nic_id) is not None:
        raise errors.network_refusal(
            "NetworkInterfaceAlreadyExists",
            f"The network interface {nic_id} is there already: another endpoint's.",
        )
    if wish.addresses:
        addresses.take(world, subnet_id, nic_id, wish.addresses)
        return wish.addresses
    return (addresses.take_next(world, subnet_id, nic_id, next(iter(wish.group_ids), "")),)


def _put_with_interface(world: World, endpoint: PrivateEndpoint, left: tuple[str, ...] = ()) -> None:
    world.put(endpoint)
    world.put(_interface(world, endpoint))
    securitygroups.move(world, endpoint.id, left, endpoint.security_groups)


def _interface(world: World, endpoint: PrivateEndpoint) -> NetworkInterface:
    before = world.store.find(endpoint.nic_id, NetworkInterface)
    return NetworkInterface(
        id=endpoint.nic_id,
        region=endpoint.region,
        etag=etag(world),
        guid=before.guid if before else world.uuid(),
        endpoint_id=endpoint.id,
        subnet_id=endpoint.subnet_id,
        addresses=endpoint.addresses,
        fqdns=tuple(name.fqdn for name in endpoint.names),
        security_groups=endpoint.security_groups,
    )


def _begin_create(world: World, call: Call, endpoint: PrivateEndpoint, link: tuple[Resource, LinkTarget]) -> Answer:
    target, kind = link

    def connect() -> None:
        current = find(world, endpoint.id)
        if current is not None and current.guid == endpoint.guid and current.state == "Updating":
            kind.connect(world, endpoint.target_id, current.connection())
            world.emit(call, f"{kind.proxies}/write", _proxy(target, endpoint), status=HTTPStatus.CREATED)

    def fail(_: ArmError) -> None:
        current = find(world, endpoint.id)
        if current is not None and current.guid == endpoint.guid:
            world.put(replace(current, state="Failed", etag=etag(world)))

    seconds = world.lasting(world.options.durations.endpoint_create)
    job = replace(
        work(endpoint.region, seconds, f"{TYPE}/write", endpoint.id),
        finish=partial(_created, world, endpoint),
        fail=fail,
        steps=((CONNECT_AT, connect),),
        created=True,
    )
    operation = world.begin(call, job)
    return Answer(HTTPStatus.CREATED, endpoint.render(), accepted(world, call, operation, 10))


def _created(world: World, endpoint: PrivateEndpoint, *, by_policy: bool = True) -> None:
    current = find(world, endpoint.id)
    if current is None or current.guid != endpoint.guid or current.state != "Updating":
        return
    if world.store.get(current.target_id) is None:
        raise errors.bad_reference(current.target_id, current.id)
    described = current.description.replace("Auto Approved", "Auto-Approved")
    world.put(replace(current, state="Succeeded", made=True, description=described, etag=etag(world)))
    policy = world.options.policy_zone_groups
    if policy is not None and by_policy:
        from local.azure.network.zonegroups import deploy_by_policy  # noqa: PLC0415 - zone groups are inside endpoints

        world.after(policy.seconds, partial(deploy_by_policy, world, endpoint.id))


def _proxy(target: Resource, endpoint: PrivateEndpoint) -> str:
    return f"{target.id}/privateEndpointConnectionProxies/{endpoint.connection_name}"


def _update(world: World, call: Call, before: PrivateEndpoint, wish: Wish) -> Answer:
    """Answer a PUT on an endpoint that exists: tags, addresses and groups may change, what it joins may not."""
    if before.state == "Deleting":
        raise errors.network_refusal(
            "PrivateEndpointAlreadyExists", f"Private endpoint {before.id} already exists and is being deleted."
        )
    if before.state == "Updating":
        raise errors.another_operation(
            f"{call.base_url}/subscriptions/{before.subscription}/providers/Microsoft.Network/locations/"
            f"{before.region}/operations/{before.guid}?api-version={call.api_version}"
        )
    joined = (before.subnet_id.lower(), before.target_id.lower(), before.region)
    if joined != (wish.subnet_id.lower(), wish.target_id.lower(), call.region):
        raise errors.network_refusal(
            "PrivateEndpointCannotBeUpdated",
            f"Private endpoint {before.id} cannot be updated: its location, subnet and target are fixed.",
        )
    if before.status == "Disconnected":
        raise errors.network_refusal(
            "PrivateEndpointInDisconnectedStateCannotBeUpdated",
            f"Private endpoint {before.id} is in Disconnected state and cannot be updated. Delete it first.",
        )
    after = _changed(world, before, wish)
    after = replace(after, tags=call.tags, etag=etag(world))
    _put_with_interface(world, after, before.security_groups)
    seconds = world.lasting(world.options.durations.endpoint_update)
    job = replace(
        work(after.region, seconds, f"{TYPE}/write", after.id), finish=partial(_created, world, after, by_policy=False)
    )
    operation = world.begin(call, job)
    return Answer(HTTPStatus.OK, after.render(), accepted(world, call, operation, 0))


def _changed(world: World, before: PrivateEndpoint, wish: Wish) -> PrivateEndpoint:
    """Give what changes of addresses and security groups; an endpoint whose tags alone change is not Updating."""
    if wish.nic_name != before.nic_name:
        raise errors.network_refusal(
            "PrivateEndpointCannotBeUpdated",
            f"Private endpoint {before.id} cannot be updated: the name of its network interface is fixed.",
        )
    after = replace(before, addresses=_readdressed(world, before, wish.addresses), security_groups=wish.security_groups)
    if after == before:
        return before
    return replace(after, state="Updating", description=before.description.replace("Auto-Approved", "Auto Approved"))


def _readdressed(world: World, before: PrivateEndpoint, wanted: tuple[Address, ...]) -> tuple[Address, ...]:
    held = tuple(address for address in before.addresses if address.asked)
    if wanted == held:
        return before.addresses
    if not wanted:
        raise errors.network_refusal(
            "PrivateEndpointCannotBeUpdated",
            f"Private endpoint {before.id} cannot be updated: addresses that were asked for cannot be left to chance.",
        )
    addresses.give_back(world, before.subnet_id, before.addresses)
    try:
        addresses.take(world, before.subnet_id, before.nic_id, wanted)
    except errors.ArmError:
        addresses.take(world, before.subnet_id, before.nic_id, before.addresses)
        raise
    return wanted


def _wish(world: World, call: Call) -> Wish:
    automatic = call.properties.get("privateLinkServiceConnections") or []
    manual = call.properties.get("manualPrivateLinkServiceConnections") or []
    links = [*automatic, *manual]
    if len(links) != 1:
        raise errors.network_refusal(
            "PrivateEndpointMustHaveExactlyOnePrivateLinkServiceConnection",
            f"Private endpoint {call.path.text} must have exactly one private link service connection.",
        )
    properties = links[0].get("properties") or {}
    if not call.region:
        raise errors.bad_request("The location property is required for this definition.", "LocationRequired")
    return Wish(
        reference(call, "subnet"),
        str(properties.get("privateLinkServiceId") or ""),
        tuple(properties.get("groupIds") or ()),
        str(links[0].get("name") or call.path.name),
        bool(manual),
        str(properties.get("requestMessage") or ""),
        addresses.asked(call),
        securitygroups.asked(world, call, call.region),
        str(call.properties.get("customNetworkInterfaceName") or ""),
    )


def _check_subnet(world: World, call: Call, wish: Wish) -> Subnet:
    subnet = world.store.find(wish.subnet_id, Subnet)
    vnet = world.store.find(subnet.vnet_id, VirtualNetwork) if subnet else None
    if subnet is None or vnet is None or vnet.region != call.region:
        raise errors.bad_reference(wish.subnet_id, call.path.text)
    world.access.require_linked(call, f"{TYPE}/write", _JOIN, subnet.id)
    if subnet.delegations:
        raise errors.network_refusal(
            "PrivateEndpointCreationNotAllowedAsSubnetIsDelegated",
            f"Private endpoint {call.path.text} cannot be created in the subnet {subnet.id} as it is delegated.",
        )
    if subnet.refuses_endpoints:
        raise errors.network_refusal(
            "PrivateEndpointCannotBeCreatedInSubnetThatHasNetworkPoliciesEnabled",
            f"Private endpoint {call.path.text} cannot be created in a subnet {subnet.id} since it has private "
            "endpoint network policies enabled.",
        )
    for resource, state in ((subnet, subnet.state), (vnet, vnet.state)):
        if state != "Succeeded":
            raise errors.retryable(resource.id, call.path.text, "PutSubnetOperation", state)
    return subnet


def _check_target(world: World, call: Call, wish: Wish) -> tuple[Resource, LinkTarget]:
    kind = target_of(wish.target_id)
    target = world.store.get(wish.target_id)
    if target is None and isinstance(kind, OtherLinks):
        raise errors.not_emulated(f"private endpoints to '{wish.target_id}'")
    if target is None:
        raise errors.bad_reference(wish.target_id, call.path.text)
    if not wish.manual:
        world.access.require_linked(call, f"{TYPE}/write", kind.approval, target.id)
    namespace = target.type.split("/", 1)[0]
    if not world.directory.registered(call.path.subscription, namespace):
        # Documented without its body: approval is Forbidden until the endpoint's subscription is registered.
        raise errors.ArmError(
            HTTPStatus.FORBIDDEN,
            "Forbidden",
            f"The subscription '{call.path.subscription}' of private endpoint {call.path.text} is not registered to "
            f"use namespace '{namespace}'.",
        )
    kind.refuse(world, call, target, wish.group_ids)
    return target, kind


# Delete


def delete(world: World, call: Call) -> Answer:
    endpoint = find(world, call.path.text)
    if endpoint is None:
        return already_absent(world, call)
    world.put(replace(endpoint, state="Deleting", etag=etag(world)))
    seconds = world.lasting(world.options.durations.endpoint_delete)

    def fail(_: ArmError) -> None:
        current = find(world, endpoint.id)
        if current is not None:
            world.put(replace(current, state="Succeeded"))

    job = replace(
        work(endpoint.region, seconds, f"{TYPE}/delete", endpoint.id),
        finish=partial(vanish, world, endpoint.id, call),
        fail=fail,
    )
    return begin_delete(world, call, job)


def vanish(world: World, endpoint_id: str, call: Call | None = None) -> None:
    """Take an endpoint away with its zone groups, records, address, and its connection on the target."""
    from local.azure.network.zonegroups import remove_records  # noqa: PLC0415 - zone groups are inside endpoints

    endpoint = find(world, endpoint_id)
    if endpoint is None:
        return
    for child in world.store.children(endpoint.id):
        remove_records(world, child)
        world.remove(child.id)
    world.remove(endpoint.nic_id)
    addresses.give_back(world, endpoint.subnet_id, endpoint.addresses)
    securitygroups.move(world, endpoint.id, endpoint.security_groups, ())
    world.remove(endpoint.id)
    kind, target = target_of(endpoint.target_id), world.store.get(endpoint.target_id)
    if target is not None:
        kind.disconnect(world, target.id, endpoint.connection_name)
        if call is not None:
            world.emit(call, f"{kind.proxies}/delete", _proxy(target, endpoint))


ROUTES = (Route(TYPE, TYPE, VERSIONS, shown({"GET": get, "LIST": listed, "PUT": put, "DELETE": delete}), PAGED),)
