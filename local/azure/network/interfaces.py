"""What an endpoint puts into a subnet: an interface that is written and deleted through its endpoint only."""

from __future__ import annotations

from dataclasses import dataclass

from local.azure.calls import Json
from local.azure.network.addresses import Address
from local.azure.network.common import VERSIONS, shown
from local.azure.reading import get, listed
from local.azure.routes import PAGED, Route
from local.azure.store import Resource

TYPE = "Microsoft.Network/networkInterfaces"


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkInterface(Resource):
    type: str = TYPE
    region: str
    etag: str
    guid: str
    endpoint_id: str
    subnet_id: str
    addresses: tuple[Address, ...]
    fqdns: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    state: str = "Succeeded"

    def render(self) -> Json:
        return {
            "name": self.name,
            "id": self.id,
            "etag": self.etag,
            "type": TYPE,
            "location": self.region,
            "properties": {
                "provisioningState": self.state,
                "resourceGuid": self.guid,
                "ipConfigurations": [
                    self._configuration(address, primary=not number) for number, address in enumerate(self.addresses)
                ],
                "dnsSettings": {"dnsServers": [], "appliedDnsServers": []},
                "enableAcceleratedNetworking": False,
                "enableIPForwarding": False,
                "hostedWorkloads": [],
                "tapConfigurations": [],
                "nicType": "Standard",
                "privateEndpoint": {"id": self.endpoint_id},
            },
        }

    def _configuration(self, address: Address, *, primary: bool) -> Json:
        properties: Json = {
            "provisioningState": self.state,
            "privateIPAddress": address.ip,
            "privateIPAllocationMethod": "Static" if address.asked else "Dynamic",
            "subnet": {"id": self.subnet_id},
            "primary": primary,
            "privateIPAddressVersion": "IPv4",
            "privateLinkConnectionProperties": {
                "groupId": address.group_id,
                "requiredMemberName": address.member,
                "fqdns": list(self.fqdns),
            },
        }
        if self.security_groups:
            properties["applicationSecurityGroups"] = [{"id": group} for group in self.security_groups]
        return {
            "name": address.name,
            "id": f"{self.id}/ipConfigurations/{address.name}",
            "etag": self.etag,
            "type": f"{TYPE}/ipConfigurations",
            "properties": properties,
        }


ROUTES = (Route(TYPE, TYPE, VERSIONS, shown({"GET": get, "LIST": listed}), PAGED),)
