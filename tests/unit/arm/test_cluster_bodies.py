from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from shared.arm.caches import page_of
from shared.arm.enterprise import cluster, cluster_readiness, linked_clusters, private_zone
from shared.ids import CacheId, InvalidIdError, endpoint_id
from shared.model import Cache, Connection, Kind, PublicAccess, Readiness, Status
from tests.unit.arm.answers import SUBSCRIPTION

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/Shop-RG"
ID = f"{GROUP}/providers/Microsoft.Cache/redisEnterprise/Orders"
ENDPOINT = f"{GROUP}/providers/Microsoft.Network/privateEndpoints/pe-orders"
REFERENCE = Path(os.environ.get("DRAWBRIDGE_REFERENCE") or Path(__file__).parents[4] / "shared" / "azure-reference")


def body(sku: str = "Balanced_B10", **properties: Any) -> dict[str, Any]:
    """Write a cluster as Azure answers it; ``properties`` replace or add."""
    return {
        "location": "West US 2",
        "name": "Orders",
        "id": ID,
        "type": "Microsoft.Cache/redisEnterprise",
        "kind": "v2",
        "tags": {"drawbridge": "private"},
        "sku": {"name": sku},
        "properties": {
            "minimumTlsVersion": "1.2",
            "hostName": "orders.westus2.redis.azure.net",
            "provisioningState": "Succeeded",
            "resourceState": "Running",
            "privateEndpointConnections": [],
            "highAvailability": "Enabled",
            "redundancyMode": "ZR",
            "publicNetworkAccess": "Enabled",
            **properties,
        },
        "identity": {"type": "None"},
    }


def connection(status: str = "Approved") -> dict[str, Any]:
    return {
        "id": f"{ID}/privateEndpointConnections/pe-orders.9802f104",
        "properties": {
            "privateEndpoint": {"id": ENDPOINT},
            "privateLinkServiceConnectionState": {"status": status, "description": ""},
        },
    }


def test_a_cluster_is_read_as_azure_answers_it() -> None:
    assert cluster(body(privateEndpointConnections=[connection()])) == Cache(
        id=CacheId.parse(ID),
        kind=Kind.MANAGED,
        region="westus2",
        tags={"drawbridge": "private"},
        readiness=Readiness.READY,
        state="Succeeded",
        public_access=PublicAccess.ENABLED,
        zone="privatelink.redis.azure.net",
        group_member="redisEnterprise",
        connections=(Connection("pe-orders.9802f104", endpoint_id(ENDPOINT), Status.APPROVED),),
        may_replicate=True,
        connection_limit=84,
        closes_on_attach=False,
    )


@pytest.mark.parametrize(
    ("sku", "kind"),
    [
        ("Balanced_B0", Kind.MANAGED),
        ("MemoryOptimized_M10", Kind.MANAGED),
        ("ComputeOptimized_X3", Kind.MANAGED),
        ("FlashOptimized_A250", Kind.MANAGED),
        ("SomethingNew_Z1", Kind.MANAGED),
        ("Enterprise_E10", Kind.ENTERPRISE),
        ("EnterpriseFlash_F300", Kind.ENTERPRISE),
        ("enterprise_e10", Kind.ENTERPRISE),
    ],
)
def test_the_sku_tells_the_older_tiers_from_managed_redis(sku: str, kind: Kind) -> None:
    assert cluster(body(sku)).kind is kind


@pytest.mark.parametrize(
    ("host", "zone"),
    [
        ("orders.westus2.redis.azure.net", "privatelink.redis.azure.net"),
        ("Orders.WestUS2.Redis.Azure.Net", "privatelink.redis.azure.net"),
        ("orders.westus2.redisenterprise.cache.azure.net", "privatelink.redisenterprise.cache.azure.net"),
        ("orders.redisenterprise.cache.azure.net", "privatelink.redisenterprise.cache.azure.net"),
        ("redis.westus2.redis.azure.net", "privatelink.redis.azure.net"),
        ("orders.usgovvirginia.redis.azure.us", "privatelink.redis.azure.us"),
        ("orders.chinanorth3.redisenterprise.cache.azure.cn", "privatelink.redisenterprise.cache.azure.cn"),
        ("orders.chinanorth3.redis.cache.chinacloudapi.cn", "privatelink.redis.cache.chinacloudapi.cn"),
        ("orders.westus2.some.new.domain", "privatelink.some.new.domain"),
        ("orders", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_the_zone_follows_the_host_name_in_every_cloud(host: str | None, zone: str) -> None:
    assert private_zone(host) == zone
    assert cluster(body(hostName=host)).zone == zone


def test_the_zone_follows_the_host_name_and_not_the_sku() -> None:
    moved = body("Balanced_B10", hostName="orders.westus2.redisenterprise.cache.azure.net")

    assert cluster(moved).zone == "privatelink.redisenterprise.cache.azure.net"


@pytest.mark.parametrize(
    ("flag", "access"),
    [
        ("Enabled", PublicAccess.ENABLED),
        ("Disabled", PublicAccess.DISABLED),
        ("disabled", PublicAccess.DISABLED),
        ("SecuredByPerimeter", PublicAccess.ENABLED),
        (None, PublicAccess.ABSENT),
    ],
)
def test_null_is_no_flag_and_only_the_word_disabled_counts_as_closed(flag: str | None, access: PublicAccess) -> None:
    assert cluster(body(publicNetworkAccess=flag)).public_access is access


def test_a_missing_flag_is_no_flag_either() -> None:
    old = body()
    del old["properties"]["publicNetworkAccess"]

    assert cluster(old).public_access is PublicAccess.ABSENT


@pytest.mark.parametrize(("flag", "closes"), [("Enabled", False), ("Disabled", False), (None, True)])
def test_only_where_there_is_no_flag_does_the_first_endpoint_itself_close(flag: str | None, closes: bool) -> None:
    assert cluster(body(publicNetworkAccess=flag)).closes_on_attach is closes


@pytest.mark.parametrize(
    ("provisioning", "resource", "expected"),
    [
        ("Succeeded", "Running", Readiness.READY),
        ("Succeeded", None, Readiness.READY),
        (None, None, Readiness.READY),
        ("Creating", "Creating", Readiness.BUSY),
        ("Updating", "Running", Readiness.BUSY),
        ("Updating", "Scaling", Readiness.BUSY),
        ("Succeeded", "Scaling", Readiness.BUSY),
        ("Succeeded", "Moving", Readiness.BUSY),
        ("Succeeded", "Enabling", Readiness.BUSY),
        ("Succeeded", "Disabling", Readiness.BUSY),
        ("Succeeded", "SomethingNewIn2027", Readiness.BUSY),
        ("SomethingNewIn2027", "Running", Readiness.BUSY),
        ("Succeeded", "UpdateFailed", Readiness.READY),
        ("Succeeded", "ScalingFailed", Readiness.READY),
        ("Succeeded", "CreateFailed", Readiness.FAILED),
        ("Failed", "CreateFailed", Readiness.FAILED),
        ("Failed", "Running", Readiness.FAILED),
        ("Failed", "UpdateFailed", Readiness.FAILED),
        ("Canceled", "Running", Readiness.FAILED),
        ("Succeeded", "Disabled", Readiness.DISABLED),
        ("Succeeded", "EnableFailed", Readiness.DISABLED),
        ("Succeeded", "Deleting", Readiness.DELETING),
        ("Deleting", "Running", Readiness.DELETING),
        ("Deleting", "Deleting", Readiness.DELETING),
    ],
)
def test_both_states_decide_whether_a_cluster_is_ready(
    provisioning: str | None, resource: str | None, expected: Readiness
) -> None:
    assert cluster_readiness(provisioning, resource) is expected
    assert cluster(body(provisioningState=provisioning, resourceState=resource)).readiness is expected


def test_a_cluster_whose_creation_failed_shows_a_host_name_and_is_not_ready() -> None:
    failed = cluster(body(provisioningState="Failed", resourceState="CreateFailed"))

    assert (failed.readiness, failed.zone) == (Readiness.FAILED, "privatelink.redis.azure.net")


@pytest.mark.parametrize(
    ("provisioning", "resource", "said"),
    [
        ("Succeeded", "Running", "Succeeded"),
        ("Creating", "Creating", "Creating"),
        ("Failed", "CreateFailed", "Failed, CreateFailed"),
        ("Updating", "Scaling", "Updating, Scaling"),
        (None, None, "Succeeded"),
    ],
)
def test_people_read_both_states_where_the_second_says_more(
    provisioning: str | None, resource: str | None, said: str
) -> None:
    assert cluster(body(provisioningState=provisioning, resourceState=resource)).state == said


@pytest.mark.parametrize(
    "id_", [ID.replace("redisEnterprise", "redisenterprise"), ID.replace("Microsoft.Cache", "microsoft.cache")]
)
def test_one_cluster_in_several_spellings_is_one_cluster(id_: str) -> None:
    assert cluster({**body(), "id": id_}).id == CacheId.parse(ID)


def test_a_classic_cache_is_no_cluster() -> None:
    with pytest.raises(InvalidIdError, match="is not the id of a cluster"):
        cluster({**body(), "id": ID.replace("redisEnterprise", "Redis")})


def test_one_item_that_cannot_be_read_costs_no_other_and_is_named() -> None:
    odd = [{"id": "/not/a/cluster"}, {**body(), "sku": None}, {"location": "x"}, "text"]

    read = page_of({"value": [odd[0], body(), *odd[1:]], "nextLink": None}, cluster)

    assert [c.id for c in read.items] == [CacheId.parse(ID)]
    assert len(read.problems) == len(odd)


# ── real answers ────────────────────────────────────────────────────────────────────────────────


# ── active geo-replication ──────────────────────────────────────────────────────────────────────


def database(*linked: str) -> dict[str, Any]:
    """Write a database as Azure answers it, linked with those of these clusters."""
    links = [{"id": f"{each}/databases/default", "state": "Linked"} for each in linked]
    return {"properties": {"port": 10000, "geoReplication": {"groupNickname": "g", "linkedDatabases": links}}}


OTHER = ID.replace("Orders", "orders-neu").replace(SUBSCRIPTION, "99999999-2222-3333-4444-555555555555")


@pytest.mark.parametrize(
    ("databases", "members"),
    [
        pytest.param([], (), id="no database"),
        pytest.param([{"properties": {"port": 10000}}], (), id="a database of its own"),
        pytest.param([{"properties": {"geoReplication": None}}], (), id="null"),
        pytest.param([{"properties": {"geoReplication": {"groupNickname": "g"}}}], (), id="a group and no links yet"),
        pytest.param([database(ID)], (), id="the last one left of a group"),
        pytest.param([database(OTHER, ID)], (ID, OTHER), id="a pair"),
        pytest.param([database(OTHER, ID.upper(), ID)], (ID, OTHER), id="in whatever casing"),
        pytest.param([database(ID, "/subscriptions/none", OTHER)], (ID, OTHER), id="and something that is no cluster"),
    ],
)
def test_a_cluster_replicates_with_those_that_its_databases_are_linked_with(
    databases: list[dict[str, Any]], members: tuple[str, ...]
) -> None:
    assert linked_clusters({"value": databases}) == tuple(CacheId.parse(each) for each in members)


@pytest.mark.parametrize(
    ("sku", "may"), [("Balanced_B0", False), ("Balanced_B1", False), ("Enterprise_E1", False), ("Balanced_B10", True)]
)
def test_a_sku_that_cannot_replicate_is_not_asked_for_its_group(sku: str, may: bool) -> None:
    assert cluster(body(sku)).may_replicate is may


def recorded() -> list[dict[str, Any]]:
    """Give every cluster body in the recordings of real Azure."""
    file = REFERENCE / "recordings" / "curated" / "amr_cluster_2025-07-01.json"
    if not file.exists():
        pytest.skip("the recordings of real Azure are not here")
    exchanges = json.loads(file.read_text(encoding="utf-8"))["exchanges"]
    bodies = [exchange["response"]["body"] for exchange in exchanges]
    return [b for b in bodies if isinstance(b, dict) and b.get("type") == "Microsoft.Cache/redisEnterprise"]


def test_recorded_clusters_are_understood() -> None:
    read = [cluster(each) for each in recorded()]

    assert read
    assert {c.kind for c in read} == {Kind.MANAGED}
    assert {c.zone for c in read} == {"privatelink.redis.azure.net"}
    assert {c.public_access for c in read} <= {PublicAccess.ENABLED, PublicAccess.DISABLED}
