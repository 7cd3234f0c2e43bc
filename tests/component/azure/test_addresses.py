"""Addresses, interfaces and application security groups of endpoints."""

from __future__ import annotations

import pytest

from local.azure.calls import Json
from local.azure.network.vnets import Subnet
from local.azure.world import World
from tests.component.azure.fleet import (
    ENDPOINT,
    NETWORK,
    RECORD,
    SUBNET,
    VNET,
    ZONE_GROUP,
    done,
    endpoint,
    endpoint_id,
    make_world,
    zone_group,
)

GROUP = f"{NETWORK}/providers/Microsoft.Network/applicationSecurityGroups/asg"


def asking(*ips: str, nic: str = "", groups: tuple[str, ...] = ()) -> Json:
    """Give an endpoint's body that asks for addresses, an interface's name, or groups."""
    body = endpoint()
    body["properties"]["ipConfigurations"] = [
        {"name": f"ip{ip}", "properties": {"groupId": "redisCache", "memberName": "redisCache", "privateIPAddress": ip}}
        for ip in ips
    ]
    body["properties"]["customNetworkInterfaceName"] = nic
    body["properties"]["applicationSecurityGroups"] = [{"id": group} for group in groups]
    return body


def taken(world: World) -> set[str]:
    subnet = world.store.find(SUBNET, Subnet)
    return set(subnet.taken) if subnet else set()


def shown(world: World, resource_id: str) -> Json:
    found = world.show(resource_id)
    assert found is not None
    properties: Json = found["properties"]
    return properties


def test_an_endpoint_gets_the_address_that_it_asks_for_and_its_names_lead_there() -> None:
    world, clock = make_world()
    answer = done(world, clock, world.act("PUT", ENDPOINT, asking("10.0.0.77")))
    done(world, clock, world.act("PUT", ZONE_GROUP, zone_group()))

    assert answer.status == 201
    assert taken(world) == {"10.0.0.77"}
    assert shown(world, RECORD)["aRecords"] == [{"ipv4Address": "10.0.0.77"}]
    configuration = shown(world, ENDPOINT)["ipConfigurations"][0]
    assert configuration["id"] == f"{ENDPOINT}/ipConfigurations/ip10.0.0.77"
    assert configuration["properties"]["privateIPAddress"] == "10.0.0.77"


def test_the_interface_has_the_name_that_was_asked_for_and_goes_with_its_endpoint() -> None:
    world, clock = make_world()
    done(world, clock, world.act("PUT", ENDPOINT, asking("10.0.0.9", nic="nic-shop")))
    nic = f"{NETWORK}/providers/Microsoft.Network/networkInterfaces/nic-shop"

    configuration = shown(world, nic)["ipConfigurations"][0]["properties"]
    assert (configuration["privateIPAddress"], configuration["privateIPAllocationMethod"]) == ("10.0.0.9", "Static")
    assert shown(world, ENDPOINT)["networkInterfaces"] == [{"id": nic}]
    other = world.act("PUT", endpoint_id("pe-b"), asking(nic="nic-shop"))
    assert (other.status, other.error_code) == (400, "NetworkInterfaceAlreadyExists")
    done(world, clock, world.act("DELETE", ENDPOINT))
    assert world.show(nic) is None
    assert taken(world) == set()


@pytest.mark.parametrize(
    ("ips", "code"),
    [
        pytest.param(("10.0.9.9",), "PrivateIPAddressNotInSubnet", id="outside"),
        pytest.param(("10.0.0.3",), "PrivateIPAddressInReservedRange", id="one-that-azure-keeps"),
        pytest.param(("10.0.0.255",), "PrivateIPAddressInReservedRange", id="the-last"),
        pytest.param(("10.0.0.4",), "PrivateIPAddressIsAllocated", id="somebody-elses"),
        pytest.param(("10.0.0.8", "10.0.0.8"), "PrivateIPAddressIsAllocated", id="twice"),
        pytest.param(("ten",), "InvalidIPAddress", id="no-address"),
        pytest.param(("",), "InvalidRequestFormat", id="nothing"),
    ],
)
def test_an_address_that_cannot_be_had_is_refused_and_none_is_taken(ips: tuple[str, ...], code: str) -> None:
    world, clock = make_world()
    done(world, clock, world.act("PUT", endpoint_id("pe-b"), endpoint()))
    answer = world.act("PUT", ENDPOINT, asking(*ips))
    assert (answer.status, answer.error_code) == (400, code)
    assert taken(world) == {"10.0.0.4"}
    assert world.show(ENDPOINT) is None


def test_an_endpoint_that_exists_can_change_addresses_but_not_its_interface() -> None:
    world, clock = make_world()
    done(world, clock, world.act("PUT", ENDPOINT, asking("10.0.0.8", "10.0.0.9")))
    answer = world.act("PUT", ENDPOINT, asking("10.0.0.8"))
    assert answer.body is not None
    assert (answer.status, answer.body["properties"]["provisioningState"]) == (200, "Updating")
    done(world, clock, answer)
    assert taken(world) == {"10.0.0.8"}
    assert shown(world, ENDPOINT)["provisioningState"] == "Succeeded"

    refused = world.act("PUT", ENDPOINT, asking("10.0.0.2"))
    assert refused.error_code == "PrivateIPAddressInReservedRange"
    assert taken(world) == {"10.0.0.8"}
    assert world.act("PUT", ENDPOINT, asking("10.0.0.8", nic="other")).error_code == "PrivateEndpointCannotBeUpdated"
    assert world.act("PUT", ENDPOINT, asking()).error_code == "PrivateEndpointCannotBeUpdated"


def test_an_endpoint_is_in_the_groups_that_it_asks_for_and_a_group_in_use_stays() -> None:
    world, clock = make_world()
    done(world, clock, world.act("PUT", GROUP, {"location": "westeurope"}))
    assert shown(world, GROUP)["provisioningState"] == "Succeeded"
    done(world, clock, world.act("PUT", ENDPOINT, asking(groups=(GROUP,))))

    assert shown(world, ENDPOINT)["applicationSecurityGroups"] == [{"id": GROUP}]
    assert world.act("DELETE", GROUP).error_code == "InUseApplicationSecurityGroupCannotBeDeleted"
    done(world, clock, world.act("PUT", ENDPOINT, asking()))
    assert "applicationSecurityGroups" not in shown(world, ENDPOINT)
    done(world, clock, world.act("DELETE", GROUP))
    assert world.show(GROUP) is None


@pytest.mark.parametrize("region", ["northeurope", ""])
def test_a_group_that_is_elsewhere_or_nowhere_is_not_joined(region: str) -> None:
    world, clock = make_world()
    if region:
        done(world, clock, world.act("PUT", GROUP, {"location": region}))
    answer = world.act("PUT", ENDPOINT, asking(groups=(GROUP,)))
    assert (answer.status, answer.error_code) == (400, "InvalidResourceReference")


def test_a_subnet_that_is_put_as_it_is_shows_no_work_and_one_that_changes_does() -> None:
    world, clock = make_world()
    body: Json = {"properties": {"addressPrefix": "10.0.0.0/24"}}
    same = world.act("PUT", SUBNET, body)
    body["properties"] |= {"privateLinkServiceNetworkPolicies": "Disabled", "defaultOutboundAccess": False}
    other = world.act("PUT", SUBNET, body)
    assert [answer.body and answer.body["properties"]["provisioningState"] for answer in (same, other)] == [
        "Succeeded",
        "Updating",
    ]
    done(world, clock, other)
    assert shown(world, SUBNET)["defaultOutboundAccess"] is False


def test_an_answer_shows_what_its_api_version_knows() -> None:
    world, clock = make_world()
    done(world, clock, world.act("PUT", ENDPOINT, endpoint()))
    old = world.request("GET", f"{ENDPOINT}?api-version=2022-01-01").body
    new = world.request("GET", f"{ENDPOINT}?api-version=2026-03-01").body
    assert old is not None
    assert new is not None
    assert new["properties"].keys() - old["properties"].keys() == {"ipVersionType"}
    listed = world.request("GET", f"{NETWORK}/providers/Microsoft.Network/virtualNetworks?api-version=2022-01-01").body
    assert listed is not None
    assert "privateEndpointVNetPolicies" not in listed["value"][0]["properties"]
    assert "privateEndpointVNetPolicies" in shown(world, VNET)
