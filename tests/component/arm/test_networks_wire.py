"""What goes over the wire when a network is made or completed: nothing that is there is left out of a whole body."""

from __future__ import annotations

import json

from shared.arm import Arm
from shared.model import Readiness
from tests.component.arm.calls import GROUP, NETWORK, VNET
from tests.component.arm.stub import Answer, Stub

PATH = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/hub"
SUBNET = {
    "name": "apps",
    "id": f"{PATH}/subnets/apps",
    "properties": {
        "provisioningState": "Succeeded",
        "addressPrefix": "10.0.0.0/24",
        "ipConfigurations": [{"id": f"{GROUP}/x"}],
        "delegations": [{"name": "web"}],
    },
}
BODY = {
    "id": PATH,
    "name": "hub",
    "etag": 'W/"1"',
    "location": "westeurope",
    "tags": {"owner": "net"},
    "properties": {
        "provisioningState": "Succeeded",
        "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
        "subnets": [SUBNET],
        "dhcpOptions": {"dnsServers": ["10.0.0.4"]},
    },
}


async def test_a_network_is_made_with_its_subnet_in_one_put(arm: Arm, stub: Stub) -> None:
    stub.always = Answer(201, BODY)

    await arm.networks.create(VNET, NETWORK)

    (sent,) = stub.asked
    assert (sent.method, sent.path) == ("PUT", PATH)
    assert json.loads(sent.body) == {
        "location": "westeurope",
        "tags": {"managed-by": "drawbridge"},
        "properties": {
            "addressSpace": {"addressPrefixes": ["10.1.0.0/16"]},
            "subnets": [
                {
                    "name": "pe",
                    "properties": {"addressPrefix": "10.1.0.0/24", "privateEndpointNetworkPolicies": "Disabled"},
                }
            ],
        },
    }


async def test_a_subnet_is_made_by_itself(arm: Arm, stub: Stub) -> None:
    stub.always = Answer(201, {})

    await arm.networks.create_subnet(VNET, NETWORK)

    (sent,) = stub.asked
    assert (sent.method, sent.path) == ("PUT", f"{PATH}/subnets/pe")


async def test_a_wider_address_space_takes_along_everything_that_was_read(arm: Arm, stub: Stub) -> None:
    stub.always = Answer(200, BODY)

    await arm.networks.widen(VNET, ("10.1.0.0/16", "10.0.0.0/16"))

    read, sent = stub.asked
    assert (read.method, sent.method, sent.path) == ("GET", "PUT", PATH)
    assert sent.headers["If-Match"] == BODY["etag"]
    assert json.loads(sent.body) == {
        "id": PATH,
        "location": "westeurope",
        "tags": {"owner": "net"},
        "properties": {
            "addressSpace": {"addressPrefixes": ["10.0.0.0/16", "10.1.0.0/16"]},
            "dhcpOptions": {"dnsServers": ["10.0.0.4"]},
            "subnets": [
                {
                    "name": "apps",
                    "id": f"{PATH}/subnets/apps",
                    "properties": {"addressPrefix": "10.0.0.0/24", "delegations": [{"name": "web"}]},
                }
            ],
        },
    }


async def test_a_network_that_is_gone_is_not_widened(arm: Arm, stub: Stub) -> None:
    stub.always = Answer(404, {"error": {"code": "ResourceNotFound", "message": "gone"}})

    await arm.networks.widen(VNET, ("10.1.0.0/16",))

    assert [each.method for each in stub.asked] == ["GET"]


async def test_a_network_is_read_with_what_its_subnets_hold(arm: Arm, stub: Stub) -> None:
    stub.always = Answer(200, BODY)

    network = await arm.networks.get(VNET)

    assert network is not None
    (subnet,) = network.subnets
    assert (network.prefixes, network.readiness) == (("10.0.0.0/16",), Readiness.READY)
    assert (subnet.name, subnet.prefixes, subnet.used, subnet.delegated) == ("apps", ("10.0.0.0/24",), 1, True)
