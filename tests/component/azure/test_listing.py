"""The list of all resources shows each that stands by itself, and what the filter asks for."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from local.azure.world import World, WorldOptions
from tests.component.azure.fleet import CACHE, CACHES, NETWORK, SUBSCRIPTION, make_world

ROOT = f"/subscriptions/{SUBSCRIPTION}"


def names(world: World, scope: str, options: str = "") -> list[str]:
    answer = world.request("GET", f"{scope}/resources?api-version=2025-04-01{options}")
    assert answer.status == 200, answer.body
    return [item["name"] for item in (answer.body or {})["value"]]


def test_what_is_inside_a_resource_or_locks_one_is_not_listed() -> None:
    world, _ = make_world()
    world.act("PUT", f"{CACHE}/providers/Microsoft.Authorization/locks/keep", {"properties": {"level": "ReadOnly"}})
    assert names(world, NETWORK) == ["vnet-weu", "privatelink.redis.cache.windows.net"]
    assert names(world, CACHES) == ["cache-a", "cache-b", "clustered", "injected", "replicated"]
    assert names(world, ROOT) == names(world, NETWORK) + names(world, CACHES)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("name eq 'CACHE-A'", ["cache-a"]),
        ("resourceType eq 'Microsoft.Network/virtualNetworks'", ["vnet-weu"]),
        ("resourceGroup eq 'rg-cache' and name eq 'cache-b'", ["cache-b"]),
        ("tagName eq 'env' and tagValue eq 'prod'", ["cache-a"]),
        ("tagName eq 'env' and tagValue eq 'dev'", []),
    ],
)
def test_the_filter_lets_through_what_it_names(wanted: str, found: list[str]) -> None:
    world, _ = make_world()
    assert names(world, ROOT, f"&$filter={quote(wanted)}") == found


def test_resources_that_a_tag_was_asked_for_are_shown_without_tags() -> None:
    world, _ = make_world()
    url = f"{ROOT}/resources?api-version=2025-04-01&$filter="
    by_name, by_tag = quote("name eq 'cache-a'"), quote("tagName eq 'env'")
    plain, asked = ((world.request("GET", url + wanted).body or {})["value"][0] for wanted in (by_name, by_tag))
    assert (plain["tags"], "tags" in asked) == ({"env": "prod"}, False)
    assert plain["location"] == "westeurope"


@pytest.mark.parametrize("wanted", ["startswith(name, 'c')", "name eq 'a' or name eq 'b'", "colour eq 'red'"])
def test_a_filter_that_is_not_understood_is_refused(wanted: str) -> None:
    world, _ = make_world()
    answer = world.request("GET", f"{ROOT}/resources?api-version=2025-04-01&$filter={quote(wanted)}")
    assert answer.error_code == "NotEmulated"


def test_the_list_comes_in_pages() -> None:
    world, _ = make_world(WorldOptions(page_size=3))
    first = world.request("GET", f"{ROOT}/resources?api-version=2025-04-01").body or {}
    second = world.request("GET", first["nextLink"]).body or {}
    assert [len(first["value"]), len(second["value"])] == [3, 3]
    assert "nextLink" in second
