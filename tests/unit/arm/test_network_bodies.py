from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.arm.classic import classic_cache
from shared.arm.dns import addresses, link_body, link_name, zone_body
from shared.arm.network import endpoint_body, private_endpoint, zone_group, zone_group_body
from shared.ids import CacheId, GroupId, InvalidIdError, SubnetId, endpoint_id, network_id, zone_id
from shared.model import DnsMode, Endpoint, EndpointOptions, Placement, Readiness, Status, ZoneGroup, ZoneRecord
from tests.unit.arm.answers import SUBSCRIPTION
from tests.unit.arm.test_classic_bodies import ID as CACHE
from tests.unit.arm.test_classic_bodies import body as cache_body

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/net"
ENDPOINT = f"{GROUP}/providers/Microsoft.Network/privateEndpoints/pe-orders"
VNET = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/hub"
ZONE = f"{GROUP}/providers/Microsoft.Network/privateDnsZones/privatelink.redis.cache.windows.net"
STORAGE = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/logs"
PLACEMENT = Placement("weu", "westeurope", SubnetId.parse(f"{VNET}/subnets/pe"), GroupId.parse(GROUP), DnsMode.ZONES)


def link(target: str = CACHE, status: str | None = "Approved", description: str = "Auto-Approved") -> dict[str, Any]:
    state = {"status": status, "description": description, "actionsRequired": "None"}
    return {
        "name": "pe-orders",
        "properties": {
            "privateLinkServiceId": target,
            "groupIds": ["redisCache"],
            "privateLinkServiceConnectionState": state,
        },
    }


def body(**properties: Any) -> dict[str, Any]:
    """Write an endpoint as Azure answers it; ``properties`` replace or add."""
    return {
        "name": "pe-orders",
        "id": ENDPOINT,
        "etag": 'W/"1"',
        "location": "westeurope",
        "tags": {"managed-by": "drawbridge"},
        "properties": {
            "provisioningState": "Succeeded",
            "privateLinkServiceConnections": [link()],
            "manualPrivateLinkServiceConnections": [],
            "subnet": {"id": f"{VNET}/subnets/pe"},
            "networkInterfaces": [{"id": "nic"}],
            "customDnsConfigs": [],
            **properties,
        },
    }


def test_an_endpoint_is_read_as_azure_answers_it() -> None:
    assert private_endpoint(body()) == Endpoint(
        id=endpoint_id(ENDPOINT),
        readiness=Readiness.READY,
        region="westeurope",
        subnet=SubnetId.parse(f"{VNET}/subnets/pe"),
        status=Status.APPROVED,
        targets=(CacheId.parse(CACHE),),
        tags={"managed-by": "drawbridge"},
        zone_groups=None,
    )


def test_a_connection_that_waits_for_a_person_counts_like_the_other_kind() -> None:
    manual = [link(status="Pending", description="Please approve")]
    endpoint = private_endpoint(body(privateLinkServiceConnections=[], manualPrivateLinkServiceConnections=manual))

    assert (endpoint.status, endpoint.targets, endpoint.problem) == (Status.PENDING, (CacheId.parse(CACHE),), "")


def test_an_endpoint_of_something_else_has_no_cache_as_its_target() -> None:
    assert private_endpoint(body(privateLinkServiceConnections=[link(STORAGE)])).targets == ()


def test_the_connection_to_a_cache_decides_the_status() -> None:
    links = [link(STORAGE, "Approved"), link(CACHE, "Disconnected")]

    assert private_endpoint(body(privateLinkServiceConnections=links)).status is Status.DISCONNECTED


@pytest.mark.parametrize("key", ["privateLinkServiceConnections", "manualPrivateLinkServiceConnections", "subnet"])
def test_nothing_where_azure_sends_null_is_nothing(key: str) -> None:
    assert private_endpoint(body(**{key: None})).id == endpoint_id(ENDPOINT)


def test_an_endpoint_without_connections_is_pending() -> None:
    assert private_endpoint(body(privateLinkServiceConnections=[])).status is Status.PENDING


@pytest.mark.parametrize(
    ("state", "status", "problem"),
    [
        ("Succeeded", "Approved", ""),
        ("Updating", "Pending", ""),
        ("Failed", "Pending", "It did not work."),
        ("Succeeded", "Rejected", "It did not work."),
        ("Succeeded", "Disconnected", "It did not work."),
    ],
)
def test_what_azure_says_is_kept_for_endpoints_that_do_not_work(state: str, status: str, problem: str) -> None:
    links = [link(status=status, description="It did not work.")]
    endpoint = private_endpoint(body(provisioningState=state, privateLinkServiceConnections=links))

    assert endpoint.problem == problem


def test_a_body_that_is_no_endpoint_is_refused() -> None:
    with pytest.raises(InvalidIdError):
        private_endpoint({**body(), "id": CACHE})


def test_a_zone_group_is_read_with_its_records() -> None:
    record = {
        "recordType": "A",
        "recordSetName": "orders",
        "fqdn": "orders.privatelink.redis.cache.windows.net",
        "ttl": 10,
        "provisioningState": "Succeeded",
        "ipAddresses": ["10.0.0.4"],
    }
    read = zone_group(
        {
            "name": "deployedByPolicy",
            "properties": {
                "provisioningState": "Succeeded",
                "privateDnsZoneConfigs": [
                    {"name": "redis", "properties": {"privateDnsZoneId": ZONE.upper(), "recordSets": [record]}}
                ],
            },
        }
    )

    assert read == ZoneGroup(
        name="deployedByPolicy",
        readiness=Readiness.READY,
        zones={"redis": ZONE.lower()},
        records=(ZoneRecord(ZONE.lower(), "orders", ("10.0.0.4",)),),
    )


@pytest.mark.parametrize("entries", [None, [], [{"name": "x", "properties": {"privateDnsZoneId": ZONE}}]])
def test_a_zone_group_in_the_making_has_no_records(entries: list[Any] | None) -> None:
    read = zone_group(
        {"name": "default", "properties": {"provisioningState": "Updating", "privateDnsZoneConfigs": entries}}
    )

    assert (read.readiness, read.records) == (Readiness.BUSY, ())


def test_a_new_endpoint_is_where_its_network_is_and_carries_our_tags() -> None:
    cache = classic_cache({**cache_body(), "location": "East US"})

    assert endpoint_body(cache, PLACEMENT, "pe-orders") == {
        "location": "westeurope",
        "tags": {"managed-by": "drawbridge", "drawbridge-cache": cache.id.short_hash},
        "properties": {
            "subnet": {"id": str(PLACEMENT.subnet)},
            "privateLinkServiceConnections": [
                {
                    "name": "pe-orders",
                    "properties": {"privateLinkServiceId": str(cache.id), "groupIds": ["redisCache"]},
                }
            ],
        },
    }


def test_what_a_caller_chose_is_part_of_the_new_endpoint() -> None:
    cache = classic_cache(cache_body())
    group = "/subscriptions/x/resourceGroups/y/providers/Microsoft.Network/applicationSecurityGroups/z"
    options = EndpointOptions("pe-mine", "nic-mine", "10.1.2.3", (group,), manual=True, message="for the shop")

    made = endpoint_body(cache, replace(PLACEMENT, options=options), "pe-mine")["properties"]

    assert "privateLinkServiceConnections" not in made
    (link,) = made["manualPrivateLinkServiceConnections"]
    assert link["properties"]["requestMessage"] == "for the shop"
    assert made["customNetworkInterfaceName"] == "nic-mine"
    assert made["applicationSecurityGroups"] == [{"id": group}]
    assert made["ipConfigurations"] == [
        {
            "name": "static",
            "properties": {"groupId": "redisCache", "memberName": "redisCache", "privateIPAddress": "10.1.2.3"},
        }
    ]


def test_an_endpoint_that_we_describe_is_one_that_we_recognise() -> None:
    cache = classic_cache(cache_body())
    described = {**endpoint_body(cache, PLACEMENT, "pe-orders"), "id": ENDPOINT}

    assert private_endpoint(described).made_by_drawbridge(cache.id)


def test_a_new_zone_group_leads_to_one_zone() -> None:
    entry = {
        "name": "privatelink-redis-cache-windows-net",
        "properties": {"privateDnsZoneId": str(zone_id(ZONE))},
    }

    assert zone_group_body(zone_id(ZONE)) == {"properties": {"privateDnsZoneConfigs": [entry]}}


def test_a_new_link_registers_no_machines() -> None:
    assert zone_body()["location"] == "global"
    assert link_body(network_id(VNET))["properties"] == {
        "registrationEnabled": False,
        "virtualNetwork": {"id": str(network_id(VNET))},
    }


def test_a_link_has_one_name_per_network_that_azure_accepts() -> None:
    other = network_id(VNET.replace("/net/", "/net2/"))
    long = network_id(VNET.replace("/hub", "/" + "h" * 64))

    assert link_name(network_id(VNET)) == link_name(network_id(VNET.upper()))
    assert link_name(network_id(VNET)) != link_name(other)
    assert len(link_name(long)) <= 80


def test_addresses_are_read_from_a_record_set() -> None:
    assert addresses({"properties": {"aRecords": [{"ipv4Address": "10.0.0.4"}, {"ipv4Address": "10.0.0.5"}]}}) == (
        "10.0.0.4",
        "10.0.0.5",
    )
    assert addresses({"properties": {}}) == ()
