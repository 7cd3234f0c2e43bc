"""The real SDKs, unmodified, drive every route over HTTPS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.core.rest import HttpRequest
from azure.mgmt.redis.models import RedisUpdateParameters

from local.azure.callers import APP
from local.azure.calls import Json
from local.azure.faults import FailOperation, Match
from local.azure.subscriptions import ManagementGroup
from tests.component.azure.fleet import (
    CACHE,
    NETWORK,
    OTHER,
    RECORD,
    SUBSCRIPTION,
    VNET,
    ZONE,
    ZONE_ID,
    cache,
    endpoint,
    zone_group,
)

if TYPE_CHECKING:
    from local.azure.emulator import Emulator
    from tests.component.azure.conftest import Clients


# Without the two None the SDK would put its own defaults on the wire.
ONLY_THE_DOOR: dict[str, Any] = {
    "public_network_access": "Disabled",
    "enable_non_ssl_port": None,
    "disable_access_key_authentication": None,
}


async def _all(pages: Any) -> list[Any]:  # noqa: ANN401 - each SDK has its own paged type
    return [item async for item in pages]


async def test_an_endpoint_is_attached_with_dns_and_the_door_is_shut(azure: Emulator, clients: Clients) -> None:
    made = await clients.network.private_endpoints.begin_create_or_update("rg-net", "pe-a", endpoint())
    attached = await made.result()
    assert attached.provisioning_state == "Succeeded"
    group = await clients.network.private_dns_zone_groups.begin_create_or_update(
        "rg-net", "pe-a", "default", zone_group()
    )
    (config,) = (await group.result()).private_dns_zone_configs
    assert config.record_sets[0].fqdn == f"cache-a.{ZONE}"
    shown = await clients.redis.redis.get("rg-cache", "cache-a")
    assert shown.public_network_access == "Disabled"
    assert azure.world.show(RECORD) is not None


async def test_caches_are_made_listed_changed_and_deleted(azure: Emulator, clients: Clients) -> None:
    new: Json = {"location": "westeurope", "sku": {"name": "Basic", "family": "C", "capacity": 0}}
    made = await (await clients.redis.redis.begin_create("rg-cache", "fresh", new)).result()
    assert made.provisioning_state == "Succeeded"
    assert len(await _all(clients.redis.redis.list_by_subscription())) == 6
    assert len(await _all(clients.redis.redis.list_by_resource_group("rg-cache"))) == 6
    change = RedisUpdateParameters(**ONLY_THE_DOOR)
    await (await clients.redis.redis.begin_update("rg-cache", "fresh", change)).result()
    assert cache(azure.world, "fresh").public == "Disabled"
    await (await clients.redis.redis.begin_delete("rg-cache", "fresh")).result()
    with pytest.raises(ResourceNotFoundError):
        await clients.redis.redis.get("rg-cache", "fresh")


async def test_a_careless_update_opens_the_door_again(azure: Emulator, clients: Clients) -> None:
    closing = RedisUpdateParameters(**ONLY_THE_DOOR)
    await (await clients.redis.redis.begin_update("rg-cache", "cache-a", closing)).result()
    tagging = RedisUpdateParameters(tags={"a": "b"})
    await (await clients.redis.redis.begin_update("rg-cache", "cache-a", tagging)).result()
    assert cache(azure.world).public == "Enabled"


async def test_connections_are_listed_decided_and_deleted(azure: Emulator, clients: Clients) -> None:
    await (await clients.network.private_endpoints.begin_create_or_update("rg-net", "pe-a", endpoint())).result()
    connections = clients.redis.private_endpoint_connections
    (held,) = await _all(connections.list("rg-cache", "cache-a"))
    rejected: Json = {"private_link_service_connection_state": {"status": "Rejected", "description": "no"}}
    await (await connections.begin_put("rg-cache", "cache-a", held.name, rejected)).result()
    shown = await connections.get("rg-cache", "cache-a", held.name)
    assert shown.private_link_service_connection_state.status == "Rejected"
    await connections.delete("rg-cache", "cache-a", held.name)
    assert cache(azure.world).connections == ()


async def test_what_a_cache_needs_of_dns_is_told(clients: Clients) -> None:
    (resource,) = await _all(clients.redis.private_link_resources.list_by_redis_cache("rg-cache", "cache-a"))
    assert (resource.group_id, resource.required_zone_names) == ("redisCache", [ZONE])


async def test_linked_servers_are_listed(clients: Clients) -> None:
    (server,) = await _all(clients.redis.linked_server.list("rg-cache", "replicated"))
    assert server.linked_redis_cache_id.endswith("/elsewhere")


async def test_endpoints_are_listed_read_and_deleted(azure: Emulator, clients: Clients) -> None:
    endpoints = clients.network.private_endpoints
    body = {**endpoint(), "tags": {"managed-by": "drawbridge"}}
    await (await endpoints.begin_create_or_update("rg-net", "pe-a", body)).result()
    assert (await endpoints.get("rg-net", "pe-a")).tags == {"managed-by": "drawbridge"}
    assert [item.name for item in await _all(endpoints.list("rg-net"))] == ["pe-a"]
    (listed,) = await _all(endpoints.list_by_subscription())
    nic = await clients.network.network_interfaces.get("rg-net", listed.network_interfaces[0].id.rsplit("/", 1)[-1])
    assert nic.ip_configurations[0].private_ip_address == "10.0.0.4"
    await (await endpoints.begin_delete("rg-net", "pe-a")).result()
    assert cache(azure.world).connections == ()


async def test_zone_groups_are_listed_read_and_deleted(azure: Emulator, clients: Clients) -> None:
    await (await clients.network.private_endpoints.begin_create_or_update("rg-net", "pe-a", endpoint())).result()
    groups = clients.network.private_dns_zone_groups
    await (await groups.begin_create_or_update("rg-net", "pe-a", "default", zone_group())).result()
    assert [item.name for item in await _all(groups.list("pe-a", "rg-net"))] == ["default"]
    assert (await groups.get("rg-net", "pe-a", "default")).provisioning_state == "Succeeded"
    await (await groups.begin_delete("rg-net", "pe-a", "default")).result()
    assert azure.world.show(RECORD) is None


async def test_networks_and_subnets_come_and_go(clients: Clients) -> None:
    networks, subnets = clients.network.virtual_networks, clients.network.subnets
    body: Json = {"location": "westeurope", "properties": {"addressSpace": {"addressPrefixes": ["10.7.0.0/16"]}}}
    await (await networks.begin_create_or_update("rg-net", "extra", body)).result()
    prefix: Json = {"properties": {"addressPrefix": "10.7.1.0/24"}}
    made = await (await subnets.begin_create_or_update("rg-net", "extra", "s", prefix)).result()
    assert made.private_endpoint_network_policies == "Disabled"
    assert (await subnets.get("rg-net", "extra", "s")).address_prefix == "10.7.1.0/24"
    assert len(await _all(networks.list("rg-net"))) == len(await _all(networks.list_all())) == 2
    await (await subnets.begin_delete("rg-net", "extra", "s")).result()
    assert (await networks.get("rg-net", "extra")).subnets == []
    await (await networks.begin_delete("rg-net", "extra")).result()
    with pytest.raises(ResourceNotFoundError):
        await networks.get("rg-net", "extra")


async def test_zones_links_and_records_come_and_go(azure: Emulator, clients: Clients) -> None:
    zones, links, records = clients.dns.private_zones, clients.dns.virtual_network_links, clients.dns.record_sets
    made = await (await zones.begin_create_or_update("rg-cache", "example.test", {"location": "global"})).result()
    assert made.provisioning_state == "Succeeded"
    link: Json = {
        "location": "global",
        "properties": {"registrationEnabled": False, "virtualNetwork": {"id": VNET}},
    }
    linked = await (await links.begin_create_or_update("rg-cache", "example.test", "l", link)).result()
    assert linked.virtual_network_link_state == "Completed"
    record: Json = {"properties": {"ttl": 60, "aRecords": [{"ipv4Address": "10.0.0.9"}]}}
    await records.create_or_update("rg-cache", "example.test", "A", "host", record)
    assert (await records.get("rg-cache", "example.test", "A", "host")).a_records[0].ipv4_address == "10.0.0.9"
    assert (await zones.get("rg-cache", "example.test")).number_of_record_sets == 2
    await records.delete("rg-cache", "example.test", "A", "host")
    await (await links.begin_delete("rg-cache", "example.test", "l")).result()
    await (await zones.begin_delete("rg-cache", "example.test")).result()
    assert [zone.name for zone in await _all(zones.list())] == [ZONE]
    assert azure.world.journal.count("example.test").writes == 6


async def test_an_existing_record_is_not_made_again(clients: Clients) -> None:
    record: Json = {"properties": {"ttl": 60, "aRecords": []}}
    records = clients.dns.record_sets
    await records.create_or_update("rg-net", ZONE, "A", "host", record)
    with pytest.raises(ResourceExistsError) as refused:
        await records.create_or_update("rg-net", ZONE, "A", "host", record, match_condition=MatchConditions.IfMissing)
    assert refused.value.status_code == 412
    assert refused.value.error is not None
    assert refused.value.error.code == "PreconditionFailed"


async def test_an_existing_zone_is_refused_by_its_operation_with_status_200(clients: Clients) -> None:
    making = await clients.dns.private_zones.begin_create_or_update(
        "rg-net", ZONE, {"location": "global"}, match_condition=MatchConditions.IfMissing
    )
    with pytest.raises(HttpResponseError) as refused:
        await making.result()
    assert refused.value.status_code == 200
    assert refused.value.error is not None
    assert refused.value.error.code == "PreconditionFailed"


async def test_a_failed_operation_raises_with_status_200(azure: Emulator, clients: Clients) -> None:
    azure.faults.add(FailOperation("InternalServerError", "An error occurred."), Match(path="pe-a"))
    making = await clients.network.private_endpoints.begin_create_or_update("rg-net", "pe-a", endpoint())
    with pytest.raises(HttpResponseError) as failed:
        await making.result()
    assert (failed.value.status_code, failed.value.error and failed.value.error.code) == (200, "InternalServerError")


async def test_groups_come_and_go(azure: Emulator, clients: Clients) -> None:
    groups = clients.resources.resource_groups
    made = await groups.create_or_update("rg-new", {"location": "westeurope", "tags": {"a": "b"}})
    assert made.properties.provisioning_state == "Succeeded"
    assert {group.name for group in await _all(groups.list())} == {"rg-net", "rg-cache", "rg-new"}
    assert await groups.check_existence("rg-new")
    await (await groups.begin_delete("rg-new")).result()
    assert not await groups.check_existence("rg-new")
    assert azure.world.events[-1].operation == "Microsoft.Resources/subscriptions/resourcegroups/delete"


async def test_tags_are_merged_replaced_and_taken_away(azure: Emulator, clients: Clients) -> None:
    tags = clients.resources.tags
    patch: Json = {"operation": "Merge", "properties": {"tags": {"ENV": "test", "new": "x"}}}
    await (await tags.begin_update_at_scope(CACHE, patch)).result()
    assert cache(azure.world).tags == {"env": "test", "new": "x"}
    await (
        await tags.begin_update_at_scope(CACHE, {"operation": "Delete", "properties": {"tags": {"new": "x"}}})
    ).result()
    assert (await tags.get_at_scope(CACHE)).properties.tags == {"env": "test"}
    await (await tags.begin_create_or_update_at_scope(CACHE, {"properties": {"tags": {"only": "this"}}})).result()
    assert cache(azure.world).tags == {"only": "this"}
    await (await tags.begin_delete_at_scope(CACHE)).result()
    assert cache(azure.world).tags == {}


async def test_providers_are_registered(clients: Clients) -> None:
    assert (await clients.resources.providers.get("Microsoft.Cache")).registration_state == "Registered"
    assert (await clients.resources.providers.register("Microsoft.Cache")).namespace == "Microsoft.Cache"


async def test_subscriptions_and_descendants_are_listed(azure: Emulator, clients: Clients) -> None:
    azure.world.seed({"subscriptions": [{"id": OTHER, "name": "dev"}]})
    azure.world.directory.add_group(ManagementGroup("corp", "Corp", ("prod-mg", OTHER)))
    azure.world.directory.add_group(ManagementGroup("prod-mg", "Prod", (SUBSCRIPTION,)))
    client = clients.resources._client
    listed = await client.send_request(HttpRequest("GET", f"{azure.arm_url}/subscriptions?api-version=2022-12-01"))
    assert [item["subscriptionId"] for item in listed.json()["value"]] == [SUBSCRIPTION, OTHER]
    url = f"{azure.arm_url}/providers/Microsoft.Management/managementGroups/corp/descendants?api-version=2020-05-01"
    below = await client.send_request(HttpRequest("GET", url))
    assert [item["name"] for item in below.json()["value"]] == ["prod-mg", SUBSCRIPTION, OTHER]


async def test_calls_are_the_apps_own_in_the_journal(azure: Emulator, clients: Clients) -> None:
    await clients.redis.redis.get("rg-cache", "cache-a")
    (entry,) = azure.world.journal.entries(CACHE)
    assert (entry.caller, entry.method, entry.status) == (APP.object_id, "GET", 200)
    assert azure.world.journal.count(CACHE, caller=APP.object_id).reads == 1


async def test_the_zone_of_the_fleet_is_linked_to_its_network(clients: Clients) -> None:
    (link,) = await _all(clients.dns.virtual_network_links.list("rg-net", ZONE))
    assert link.virtual_network.id == VNET
    assert ZONE_ID.startswith(NETWORK)
