"""The addresses of an endpoint: the next free one of its subnet, or those that its body asks for by name."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from local.azure import errors
from local.azure.calls import Call, Json
from local.azure.network.vnets import KEPT_FIRST, Subnet, put_subnet_value

if TYPE_CHECKING:
    from local.azure.world import World

_TYPE = "Microsoft.Network/privateEndpoints/ipConfigurations"


@dataclass(frozen=True, slots=True)
class Address:
    """One address. ``name`` is that of the configuration; ``asked`` says that the body named the address."""

    ip: str
    name: str
    group_id: str = ""
    member: str = ""
    asked: bool = True

    def render(self, endpoint_id: str, etag: str) -> Json:
        """Give the JSON below an endpoint."""
        properties: Json = {"provisioningState": "Succeeded"}
        properties |= {"memberName": self.member} if self.member else {}
        properties |= {"groupId": self.group_id} if self.group_id else {}
        return {
            "name": self.name,
            "id": f"{endpoint_id}/ipConfigurations/{self.name}",
            "etag": etag,
            "type": _TYPE,
            "properties": properties | {"privateIPAddress": self.ip},
        }


def asked(call: Call) -> tuple[Address, ...]:
    """Read ``properties.ipConfigurations``; raises ArmError where one has no name or address."""
    return tuple(_asked(item) for item in call.properties.get("ipConfigurations") or ())


def _asked(item: Json) -> Address:
    properties = item.get("properties") or {}
    ip, name = properties.get("privateIPAddress"), item.get("name")
    if not ip or not name:
        raise errors.network_refusal(
            "InvalidRequestFormat", "Cannot parse the request: ipConfigurations need a name and a privateIPAddress."
        )
    return Address(str(ip), str(name), str(properties.get("groupId") or ""), str(properties.get("memberName") or ""))


def take_next(world: World, subnet_id: str, nic_id: str, group_id: str) -> Address:
    """Take the lowest free address of a subnet; raises ArmError where none is left."""
    subnet = world.store.find(subnet_id, Subnet)
    ip = subnet.next_address() if subnet else None
    if subnet is None or ip is None:
        name, prefix = subnet_id.rsplit("/", 1)[-1], subnet.prefix if subnet else ""
        raise errors.network_refusal(
            "SubnetIsFull",
            f"Subnet {name} with address prefix {prefix} does not have enough capacity for 1 IP addresses.",
        )
    address = Address(ip, f"privateEndpointIpConfig.{world.uuid()}", group_id, group_id, asked=False)
    take(world, subnet.id, nic_id, (address,))
    return address


def take(world: World, subnet_id: str, nic_id: str, addresses: Iterable[Address]) -> None:
    """Take these addresses from a subnet, or none of them; raises ArmError for one that cannot be had."""
    subnet = world.store.find(subnet_id, Subnet)
    if subnet is None:
        raise errors.bad_reference(subnet_id, nic_id)
    taken = dict(subnet.taken)
    for address in addresses:
        owner = f"{nic_id}/ipConfigurations/{address.name}"
        _check(replace(subnet, taken=taken), address.ip, owner)
        taken[address.ip] = owner
    put_subnet_value(world, replace(subnet, taken=taken))


def _check(subnet: Subnet, ip: str, owner: str) -> None:
    network = ipaddress.ip_network(subnet.prefix)
    try:
        place = ipaddress.ip_address(ip)
    except ValueError as error:
        raise errors.network_refusal("InvalidIPAddress", f"'{ip}' of {owner} is no IP address.") from error
    if place not in network:
        raise errors.network_refusal(
            "PrivateIPAddressNotInSubnet",
            f"Private static IP address {ip} does not belong to the range of subnet prefix {subnet.prefix}.",
        )
    if not KEPT_FIRST <= int(place) - int(network[0]) < network.num_addresses - 1:
        raise errors.network_refusal(
            "PrivateIPAddressInReservedRange",
            f"Private static IP address {ip} falls within reserved IP range of subnet prefix {subnet.prefix}.",
        )
    if ip in subnet.taken:
        raise errors.network_refusal(
            "PrivateIPAddressIsAllocated",
            f"IP configuration {owner} is using the private IP address {ip} which is already allocated to resource "
            f"{subnet.taken[ip]}.",
        )


def give_back(world: World, subnet_id: str, addresses: Iterable[Address]) -> None:
    """Give addresses back; nothing happens where the subnet is gone."""
    subnet = world.store.find(subnet_id, Subnet)
    if subnet is not None:
        gone = {address.ip for address in addresses}
        taken = {ip: owner for ip, owner in subnet.taken.items() if ip not in gone}
        put_subnet_value(world, replace(subnet, taken=taken))
