"""Virtual networks and their subnets, through azure-mgmt-network: read, made, and added to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.arm.caches import Body, properties
from shared.arm.errors import Call
from shared.ids import NetworkId, network_id, region
from shared.model import MANAGED_BY, TAG_MANAGED_BY, readiness
from shared.networking import NetworkSeen, NetworkWish, SubnetSeen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azure.mgmt.network.models import VirtualNetwork

    from shared.arm.calls import Caller

_READ = "Microsoft.Network/virtualNetworks/read"
_WRITE = "Microsoft.Network/virtualNetworks/write"
_WRITE_SUBNET = "Microsoft.Network/virtualNetworks/subnets/write"


class Networks:
    """Reads and begins changes of virtual networks. Every method raises ArmError."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def get(self, network: NetworkId) -> NetworkSeen | None:
        """Read one network with its subnets; None where there is none."""
        found = await self._read(network)
        return None if found is None else virtual_network(found.as_dict())

    async def _read(self, network: NetworkId) -> VirtualNetwork | None:
        async def send() -> VirtualNetwork:
            networks = self._caller.clients.network(network.subscription).virtual_networks
            return await networks.get(network.group, network.name)

        return await self._caller.found(Call(_READ, network.subscription), send)

    async def create(self, network: NetworkId, wish: NetworkWish) -> None:
        """Begin a network that is not there, with its one subnet."""
        await self._put(network, network_body(wish))

    async def widen(self, network: NetworkId, prefixes: tuple[str, ...]) -> None:
        """Begin to add prefixes to an address space, and leave everything else in the network as it is read now.

        Azure is asked to refuse it when somebody has changed the network since. Nothing is done where it is gone.
        """
        found = await self._read(network)
        if found is None:
            return
        space = found["properties"]["addressSpace"]
        held = list(space["addressPrefixes"])
        space["addressPrefixes"] = [*held, *(prefix for prefix in prefixes if prefix not in held)]
        # The SDK's own value, and not a dictionary: it leaves out what Azure only ever gives.
        await self._put(network, found, {"If-Match": str(found["etag"])} if found.get("etag") else {})

    async def _put(self, network: NetworkId, body: Any, headers: Mapping[str, str] | None = None) -> None:  # noqa: ANN401 - JSON, as the SDK takes it
        async def send() -> None:
            networks = self._caller.clients.network(network.subscription).virtual_networks
            await networks.begin_create_or_update(
                network.group, network.name, body, headers=dict(headers or {}), polling=False
            )

        await self._caller(Call(_WRITE, network.subscription, writes=True), send)

    async def create_subnet(self, network: NetworkId, wish: NetworkWish) -> None:
        """Begin a subnet that is not there; the others are not touched."""
        body: Any = {"properties": subnet_properties(wish)}

        async def send() -> None:
            subnets = self._caller.clients.network(network.subscription).subnets
            await subnets.begin_create_or_update(network.group, network.name, wish.subnet, body, polling=False)

        await self._caller(Call(_WRITE_SUBNET, network.subscription, writes=True), send)


# ── values to bodies ────────────────────────────────────────────────────────────────────────────


def network_body(wish: NetworkWish) -> dict[str, Any]:
    """Describe a network of ours with its subnet."""
    return {
        "location": wish.region,
        "tags": {TAG_MANAGED_BY: MANAGED_BY},
        "properties": {
            "addressSpace": {"addressPrefixes": list(wish.prefixes)},
            "subnets": [{"name": wish.subnet, "properties": subnet_properties(wish)}],
        },
    }


def subnet_properties(wish: NetworkWish) -> dict[str, Any]:
    """Describe the subnet for endpoints."""
    return {"addressPrefix": wish.subnet_prefix, "privateEndpointNetworkPolicies": wish.policies.value}


# ── bodies to values ────────────────────────────────────────────────────────────────────────────


def virtual_network(body: Body) -> NetworkSeen:
    """Translate a network's body; raises InvalidIdError where it is not one of a network."""
    own = properties(body)
    return NetworkSeen(
        id=network_id(body["id"]),
        readiness=readiness(own.get("provisioningState")),
        region=region(body.get("location") or ""),
        prefixes=tuple((own.get("addressSpace") or {}).get("addressPrefixes") or ()),
        subnets=tuple(_subnet(each) for each in own.get("subnets") or ()),
    )


def _subnet(body: Body) -> SubnetSeen:
    own = properties(body)
    single = own.get("addressPrefix")
    taken = own.get("ipConfigurations") or ()
    return SubnetSeen(
        name=str(body.get("name") or ""),
        prefixes=tuple(own.get("addressPrefixes") or ((single,) if single else ())),
        readiness=readiness(own.get("provisioningState")),
        used=len(taken),
        delegated=bool(own.get("delegations")),
        policies=str(own.get("privateEndpointNetworkPolicies") or ""),
    )
