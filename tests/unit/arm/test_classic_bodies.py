from __future__ import annotations

from typing import Any

import pytest

from shared.arm.caches import Page, connection_status, only_public_access, page_of
from shared.arm.classic import classic_cache, private_zone
from shared.ids import CacheId, InvalidIdError, endpoint_id
from shared.model import Cache, Connection, Kind, PublicAccess, Readiness, Status
from tests.unit.arm.answers import SUBSCRIPTION

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/Shop-RG"
ID = f"{GROUP}/providers/Microsoft.Cache/Redis/Orders"
ENDPOINT = f"{GROUP}/providers/Microsoft.Network/privateEndpoints/pe-orders"


def page(body: dict[str, Any]) -> Page[Cache]:
    return page_of(body, classic_cache)


def body(**properties: Any) -> dict[str, Any]:
    """Write a cache as Azure answers it; ``properties`` replace or add."""
    return {
        "id": ID,
        "location": "West Europe",
        "name": "Orders",
        "type": "Microsoft.Cache/Redis",
        "tags": {"drawbridge": "private"},
        "properties": {
            "provisioningState": "Succeeded",
            "redisVersion": "6.0",
            "sku": {"name": "Standard", "family": "C", "capacity": 1},
            "enableNonSslPort": False,
            "publicNetworkAccess": "Enabled",
            "redisConfiguration": {"maxclients": "1000"},
            "accessKeys": None,
            "hostName": "orders.redis.cache.windows.net",
            "port": 6379,
            "sslPort": 6380,
            "linkedServers": [],
            **properties,
        },
    }


def connection(status: str | None = "Approved", endpoint: str | None = ENDPOINT) -> dict[str, Any]:
    """Write a connection inside a cache's body: an id and properties, nothing else."""
    return {
        "id": f"{ID}/privateEndpointConnections/pe-orders.9802f104",
        "properties": {
            "privateEndpoint": {"id": endpoint} if endpoint else None,
            "privateLinkServiceConnectionState": {"status": status, "description": "", "actionsRequired": "None"},
        },
    }


def test_a_cache_is_read_as_azure_answers_it() -> None:
    assert classic_cache(body(privateEndpointConnections=[connection()])) == Cache(
        id=CacheId.parse(ID),
        kind=Kind.CLASSIC,
        region="westeurope",
        tags={"drawbridge": "private"},
        readiness=Readiness.READY,
        state="Succeeded",
        public_access=PublicAccess.ENABLED,
        zone="privatelink.redis.cache.windows.net",
        group_member="redisCache",
        connections=(Connection("pe-orders.9802f104", endpoint_id(ENDPOINT), Status.APPROVED),),
        connection_limit=100,
        closes_on_attach=True,
    )


@pytest.mark.parametrize(
    "id_",
    [
        ID.replace("/Redis/", "/redis/"),
        ID.replace("resourceGroups", "resourcegroups"),
        ID.replace("Microsoft.Cache", "microsoft.cache"),
        ID.upper(),
    ],
)
def test_one_cache_in_several_spellings_is_one_cache(id_: str) -> None:
    assert classic_cache({**body(), "id": id_}).id == CacheId.parse(ID)


@pytest.mark.parametrize("tags", [None, {}])
def test_no_tags_are_no_tags_in_either_spelling(tags: dict[str, str] | None) -> None:
    assert classic_cache({**body(), "tags": tags}).tags == {}


def test_absent_tags_are_no_tags() -> None:
    bare = body()
    del bare["tags"]

    assert classic_cache(bare).tags == {}


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("Succeeded", Readiness.READY),
        ("Updating", Readiness.BUSY),
        ("Scaling", Readiness.BUSY),
        ("UpdatingManagedIdentity", Readiness.BUSY),
        ("ConfiguringAAD", Readiness.BUSY),
        ("SomethingNewIn2027", Readiness.BUSY),
        ("Failed", Readiness.FAILED),
        ("Deleting", Readiness.DELETING),
        ("Disabled", Readiness.DISABLED),
    ],
)
def test_a_state_that_nobody_listed_counts_as_busy_and_keeps_azures_word(state: str, expected: Readiness) -> None:
    cache = classic_cache(body(provisioningState=state))

    assert (cache.readiness, cache.state) == (expected, state)


@pytest.mark.parametrize(
    ("flag", "expected"),
    [
        ("Enabled", PublicAccess.ENABLED),
        ("Disabled", PublicAccess.DISABLED),
        ("disabled", PublicAccess.DISABLED),
        (None, PublicAccess.ENABLED),
        ("SecuredByPerimeter", PublicAccess.ENABLED),
    ],
)
def test_only_the_word_disabled_counts_as_closed(flag: str | None, expected: PublicAccess) -> None:
    assert classic_cache(body(publicNetworkAccess=flag)).public_access is expected


@pytest.mark.parametrize(
    ("host", "zone"),
    [
        ("orders.redis.cache.windows.net", "privatelink.redis.cache.windows.net"),
        ("Orders.Redis.Cache.UsGovCloudApi.net", "privatelink.redis.cache.usgovcloudapi.net"),
        ("orders.redis.cache.chinacloudapi.cn", "privatelink.redis.cache.chinacloudapi.cn"),
        (None, ""),
        ("", ""),
    ],
)
def test_the_zone_follows_the_host_name_in_every_cloud(host: str | None, zone: str) -> None:
    assert private_zone(host) == zone
    assert classic_cache(body(hostName=host)).zone == zone


@pytest.mark.parametrize(
    ("sku", "shards", "clustered"),
    [
        ("Premium", 1, True),
        ("Premium", 3, True),
        ("Premium", 0, False),
        ("Premium", None, False),
        ("Standard", 1, False),
    ],
)
def test_a_premium_cache_with_a_shard_is_clustered_and_takes_one_connection(
    sku: str, shards: int | None, clustered: bool
) -> None:
    cache = classic_cache(body(sku={"name": sku, "family": "P", "capacity": 1}, shardCount=shards))

    assert (cache.clustered, cache.connection_limit) == (clustered, 1 if clustered else 100)


def test_a_cache_in_a_subnet_of_its_own_is_injected() -> None:
    subnet = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/v/subnets/s"

    assert classic_cache(body(subnetId=subnet)).vnet_injected
    assert not classic_cache(body(subnetId=None)).vnet_injected
    assert not classic_cache(body()).vnet_injected


@pytest.mark.parametrize(("linked", "expected"), [([{"id": "x"}], True), ([], False), (None, False)])
def test_a_cache_with_linked_servers_is_replicated(linked: list[Any] | None, expected: bool) -> None:
    assert classic_cache(body(linkedServers=linked)).geo_replicated is expected


@pytest.mark.parametrize(
    ("configuration", "expected"),
    [
        ({"rdb-backup-enabled": "true"}, True),
        ({"aof-backup-enabled": True}, True),
        ({"rdb-backup-enabled": "True"}, True),
        ({"rdb-backup-enabled": "false"}, False),
        ({}, False),
        (None, False),
    ],
)
def test_persistence_of_either_way_is_seen(configuration: dict[str, Any] | None, expected: bool) -> None:
    assert classic_cache(body(redisConfiguration=configuration)).persistent is expected


@pytest.mark.parametrize("absent", [[], None])
def test_no_connections_are_no_connections_in_either_spelling(absent: list[Any] | None) -> None:
    assert classic_cache(body(privateEndpointConnections=absent)).connections == ()
    assert classic_cache(body()).connections == ()


def test_a_connection_without_a_nameable_endpoint_still_counts() -> None:
    odd = [connection(endpoint=None), connection(endpoint="/somewhere/else")]
    cache = classic_cache(body(privateEndpointConnections=odd))

    assert [c.endpoint for c in cache.connections] == [None, None]
    assert len(cache.approved()) == 2


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("Approved", Status.APPROVED),
        ("approved", Status.APPROVED),
        ("Pending", Status.PENDING),
        ("Rejected", Status.REJECTED),
        ("Disconnected", Status.DISCONNECTED),
        ("Timeout", Status.PENDING),
        ("", Status.PENDING),
        (None, Status.PENDING),
    ],
)
def test_a_connection_status_that_we_do_not_know_protects_nothing_and_is_no_loss(
    text: str | None, status: Status
) -> None:
    assert connection_status(text) is status


def test_access_keys_in_a_body_are_not_kept() -> None:
    secret = "c2VjcmV0LXNlY3JldA=="

    assert secret not in repr(classic_cache(body(accessKeys={"primaryKey": secret, "secondaryKey": secret})))


def test_one_item_that_cannot_be_read_costs_no_other_and_is_named() -> None:
    secret = {"accessKeys": {"primaryKey": "c2VjcmV0"}}
    odd = [
        {"id": "/not/a/cache", "location": "x", "properties": secret},
        {"id": ID, "properties": secret},
        {"location": "x"},
        "text",
        {**body(), "properties": "text"},
        body(shardCount="many", sku={"name": "Premium"}),
    ]

    read = page({"value": [odd[0], body(), *odd[1:]], "nextLink": ""})

    assert [c.id for c in read.items] == [CacheId.parse(ID)]
    assert len(read.problems) == len(odd)
    assert "/not/a/cache" in read.problems[0]
    assert "no 'location'" in read.problems[1]
    assert read.continuation is None
    assert "c2VjcmV0" not in " ".join(read.problems)


def test_a_page_says_how_to_go_on() -> None:
    assert page({"value": [], "nextLink": "https://x/next"}).continuation == "https://x/next"
    assert page({"value": None}).items == ()


def test_a_body_that_is_no_classic_cache_is_refused() -> None:
    with pytest.raises(InvalidIdError):
        classic_cache({**body(), "id": "/subscriptions/x"})


@pytest.mark.parametrize(
    ("access", "expected"),
    [
        (PublicAccess.DISABLED, b'{"properties":{"publicNetworkAccess":"Disabled"}}'),
        (PublicAccess.ENABLED, b'{"properties":{"publicNetworkAccess":"Enabled"}}'),
    ],
)
def test_a_change_of_public_access_changes_one_thing(access: PublicAccess, expected: bytes) -> None:
    assert only_public_access(access) == expected


def test_absence_cannot_be_asked_for() -> None:
    with pytest.raises(ValueError, match="publicNetworkAccess can be set to Enabled or Disabled"):
        only_public_access(PublicAccess.ABSENT)
