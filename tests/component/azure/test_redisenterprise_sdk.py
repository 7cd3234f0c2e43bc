"""azure-mgmt-redisenterprise, unmodified, drives clusters over HTTPS, one operation after the other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.identity.aio import DefaultAzureCredential
from azure.mgmt.redisenterprise.aio import RedisEnterpriseManagementClient
from azure.mgmt.redisenterprise.models import Cluster, ClusterUpdate, PublicNetworkAccess, Sku

from local.azure.calls import Json
from local.azure.emulator import Emulator
from local.azure.faults import FailOperation, Match
from local.azure.redisenterprise import ENTERPRISE_ZONE, MANAGED_ZONE
from tests.component.azure.clusters import CLUSTERS, cluster_endpoint, cluster_id, decide
from tests.component.azure.conftest import Clients
from tests.component.azure.fleet import SUBSCRIPTION, endpoint_id

RG = "rg-cache"


@dataclass(frozen=True, slots=True)
class Enterprise:
    """The client's groups of operations; their own types take models only, where the code also takes JSON."""

    clusters: Any
    connections: Any
    link_resources: Any
    databases: Any
    statuses: Any


def code(error: HttpResponseError) -> str:
    """Give Azure's error code."""
    assert error.error is not None
    return str(error.error.code)


@pytest.fixture
async def enterprise(azure: Emulator) -> AsyncIterator[Enterprise]:
    """Give the client as an app makes it; Azure sends no Retry-After here, so it is told how often to look."""
    azure.world.seed(CLUSTERS)
    async with (
        DefaultAzureCredential() as credential,
        RedisEnterpriseManagementClient(
            credential, SUBSCRIPTION, base_url=azure.arm_url, polling_interval=0.02
        ) as client,
    ):
        yield Enterprise(
            client.redis_enterprise,
            client.private_endpoint_connections,
            client.private_link_resources,
            client.databases,
            client.operations_status,
        )


async def _attached(clients: Clients, enterprise: Enterprise, name: str, *, manual: bool = False) -> str:
    """Attach an endpoint, and give the name of its connection."""
    body = cluster_endpoint(name, manual=manual)
    await (await clients.network.private_endpoints.begin_create_or_update("rg-net", "pe", body)).result()
    (connection,) = [item async for item in enterprise.connections.list(RG, name)]
    return str(connection.name)


async def test_a_cluster_is_created_read_updated_and_deleted(enterprise: Enterprise) -> None:
    new = Cluster(location="westeurope", sku=Sku(name="Balanced_B0"), public_network_access="Enabled")
    made = await (await enterprise.clusters.begin_create(RG, "fresh", new)).result()
    assert (made.provisioning_state, made.resource_state, made.kind) == ("Succeeded", "Running", "v2")
    assert made.private_endpoint_connections == []
    update = ClusterUpdate(public_network_access=PublicNetworkAccess.DISABLED)
    closed = await (await enterprise.clusters.begin_update(RG, "fresh", update)).result()
    assert closed.public_network_access == "Disabled"
    assert (await enterprise.clusters.get(RG, "fresh")).public_network_access == "Disabled"
    await (await enterprise.clusters.begin_delete(RG, "fresh")).result()
    with pytest.raises(ResourceNotFoundError):
        await enterprise.clusters.get(RG, "fresh")


async def test_an_update_puts_only_what_it_is_given_on_the_wire(
    azure: Emulator,
    enterprise: Enterprise,
) -> None:
    update = ClusterUpdate(public_network_access=PublicNetworkAccess.DISABLED)
    await (await enterprise.clusters.begin_update(RG, "flagged", update)).result()
    (patch,) = azure.world.journal.entries(method="PATCH")
    assert patch.body == {"properties": {"publicNetworkAccess": "Disabled"}}


async def test_clusters_are_listed_by_group_and_by_subscription(enterprise: Enterprise) -> None:
    everywhere = [item.name async for item in enterprise.clusters.list()]
    here = [item.name async for item in enterprise.clusters.list_by_resource_group(RG)]
    assert everywhere == here == ["flagged", "old", "enterprise", "broken"]


async def test_a_cluster_without_the_flag_reads_as_none_and_refuses_one(enterprise: Enterprise) -> None:
    assert (await enterprise.clusters.get(RG, "old")).public_network_access is None
    update = ClusterUpdate(public_network_access=PublicNetworkAccess.DISABLED)
    with pytest.raises(HttpResponseError, match="cannot be set") as caught:
        await enterprise.clusters.begin_update(RG, "old", update)
    assert caught.value.status_code == 400


async def test_a_busy_cluster_is_a_conflict(enterprise: Enterprise) -> None:
    scale = ClusterUpdate(sku=Sku(name="Balanced_B5"))
    scaling = await enterprise.clusters.begin_update(RG, "flagged", scale)
    with pytest.raises(ResourceExistsError) as caught:
        await enterprise.clusters.begin_update(RG, "flagged", scale)
    assert code(caught.value) == "Conflict"
    assert (await scaling.result()).sku.name == "Balanced_B5"


async def test_a_failed_operation_raises_with_the_code_of_its_body(azure: Emulator, enterprise: Enterprise) -> None:
    azure.faults.add(FailOperation(), Match(method="PATCH"))
    update = ClusterUpdate(public_network_access=PublicNetworkAccess.DISABLED)
    poller = await enterprise.clusters.begin_update(RG, "flagged", update)
    with pytest.raises(HttpResponseError) as caught:
        await poller.result()
    assert code(caught.value) == FailOperation().code


async def test_a_connection_is_listed_read_approved_and_deleted(
    azure: Emulator,
    clients: Clients,
    enterprise: Enterprise,
) -> None:
    connections = enterprise.connections
    name = await _attached(clients, enterprise, "old", manual=True)
    waiting = await connections.get(RG, "old", name)
    assert waiting.private_link_service_connection_state.status == "Pending"
    decision: Json = decide("Approved")
    approved = await (await connections.begin_put(RG, "old", name, decision)).result()
    assert approved.private_link_service_connection_state.status == "Approved"
    assert approved.provisioning_state == "Succeeded"
    assert not azure.world.reachable_in_public(cluster_id("old"))
    await (await connections.begin_delete(RG, "old", name)).result()
    assert [item async for item in connections.list(RG, "old")] == []
    assert azure.world.reachable_in_public(cluster_id("old"))


@pytest.mark.parametrize(("name", "zone"), [("flagged", MANAGED_ZONE), ("enterprise", ENTERPRISE_ZONE)])
async def test_link_resources_name_group_and_zone(enterprise: Enterprise, name: str, zone: str) -> None:
    (found,) = [item async for item in enterprise.link_resources.list_by_cluster(RG, name)]
    assert (found.group_id, found.required_zone_names) == ("redisEnterprise", [zone])


async def test_databases_are_created_read_listed_and_deleted(enterprise: Enterprise) -> None:
    databases = enterprise.databases
    await (await databases.begin_delete(RG, "flagged", "default")).result()
    made = await (await databases.begin_create(RG, "flagged", "default", {"properties": {}})).result()
    assert (made.port, made.client_protocol, made.resource_state) == (10000, "Encrypted", "Running")
    assert (await databases.get(RG, "flagged", "default")).id == made.id
    assert [item.name async for item in databases.list_by_cluster(RG, "flagged")] == ["default"]


async def test_an_operation_is_looked_up_by_its_id(azure: Emulator, enterprise: Enterprise) -> None:
    await (await enterprise.clusters.begin_delete(RG, "flagged")).result()
    (operation,) = azure.world.operations
    status = await enterprise.statuses.get("West Europe", operation)
    assert status.status == "Succeeded"


async def test_an_endpoint_to_a_cluster_is_deleted_and_its_connection_with_it(
    clients: Clients,
    enterprise: Enterprise,
    azure: Emulator,
) -> None:
    await _attached(clients, enterprise, "flagged")
    await (await clients.network.private_endpoints.begin_delete("rg-net", "pe")).result()
    assert (await enterprise.clusters.get(RG, "flagged")).private_endpoint_connections == []
    assert azure.world.show(endpoint_id("pe")) is None
