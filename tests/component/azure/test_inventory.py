"""What ARM lists beside the resources of one type."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from local.azure.calls import Json
from local.azure.world import World, WorldOptions
from tests.component.azure.fleet import CACHE, CACHES, NETWORK, SUBSCRIPTION, ZONE, attach, make_world

SCOPE = f"/subscriptions/{SUBSCRIPTION}"


def listed(world: World, scope: str = SCOPE, filter_: str = "", more: str = "") -> list[Json]:
    url = f"{scope}/resources?api-version=2024-11-01{more}" + (f"&$filter={quote(filter_)}" if filter_ else "")
    found: list[Json] = []
    while url:
        answer = world.request("GET", url)
        assert answer.body is not None
        assert answer.status == 200, answer.body
        found += answer.body["value"]
        url = answer.body.get("nextLink", "").removeprefix("https://management.azure.com")
    return found


def test_everything_that_is_no_part_of_something_else_is_listed_once_over_all_pages() -> None:
    world, clock = make_world(WorldOptions(page_size=2))
    attach(world, clock)
    types = [item["type"] for item in listed(world)]
    assert types.count("Microsoft.Cache/Redis") == 5
    assert {"Microsoft.Network/virtualNetworks", "Microsoft.Network/networkInterfaces"} <= set(types)
    assert not [kind for kind in types if kind.count("/") > 1 or kind.endswith("resourceGroups")]
    assert len({item["id"] for item in listed(world)}) == len(types)


@pytest.mark.parametrize(
    ("filter_", "names"),
    [
        pytest.param("resourceType eq 'microsoft.cache/redis' and name eq 'cache-b'", ["cache-b"], id="type-and-name"),
        pytest.param("resourceGroup eq 'rg-net'", ["vnet-weu", ZONE], id="over-two-pages"),
        pytest.param("tagName eq 'env' and tagValue eq 'prod'", ["cache-a"], id="a-tag"),
        pytest.param("tagname eq 'env' and tagvalue eq 'test'", [], id="another-value-of-it"),
        pytest.param("tagName eq 'ENV'", ["cache-a"], id="a-tag-of-any-value"),
        pytest.param("resourceGroup eq 'RG-NET' and location eq 'westeurope'", ["vnet-weu"], id="group-and-region"),
    ],
)
def test_a_filter_is_obeyed(filter_: str, names: list[str]) -> None:
    world, _ = make_world(WorldOptions(page_size=1))
    assert [item["name"] for item in listed(world, filter_=filter_)] == names


def test_a_group_lists_what_is_in_it_with_states_where_asked() -> None:
    world, _ = make_world()
    items = listed(world, NETWORK, more="&$expand=createdTime,provisioningState")
    assert [item["provisioningState"] for item in items] == ["Succeeded", "Succeeded"]
    assert "provisioningState" not in listed(world, NETWORK)[0]


@pytest.mark.parametrize(
    "query",
    ["$filter=startswith(name,'a')", "$filter=identity eq 'x'", "$filter=name ne 'a'", "$expand=everything", "$skip=3"],
)
def test_what_is_not_known_of_lists_is_refused_aloud(query: str) -> None:
    world, _ = make_world()
    answer = world.request("GET", f"{SCOPE}/resources?api-version=2024-11-01&{quote(query, safe='=&$')}")
    assert (answer.status, answer.error_code) == (501, "NotEmulated")


def test_a_provider_names_the_types_and_versions_that_are_emulated() -> None:
    world, _ = make_world()
    body = world.act("GET", f"{SCOPE}/providers/Microsoft.Cache").body
    assert body is not None
    versions = {item["resourceType"]: item["apiVersions"] for item in body["resourceTypes"]}
    newest = versions["Redis"][0]
    assert world.request("GET", f"{CACHE}?api-version={newest}").status == 200
    assert "redisEnterprise/databases" in versions


def test_regions_and_the_tenant_are_listed() -> None:
    world, _ = make_world()
    regions = world.request("GET", f"{SCOPE}/locations?api-version=2022-12-01").body
    assert regions is not None
    assert ("westeurope", "West Europe") in [(item["name"], item["displayName"]) for item in regions["value"]]
    tenants = world.request("GET", "/tenants?api-version=2022-12-01").body
    assert tenants is not None
    assert len(tenants["value"]) == 1


def test_resources_of_a_group_that_is_not_there_are_not_listed() -> None:
    world, _ = make_world()
    answer = world.request("GET", f"{CACHES}-absent/resources?api-version=2024-11-01")
    assert (answer.status, answer.error_code) == (404, "ResourceGroupNotFound")
