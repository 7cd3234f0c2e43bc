"""What a classic cache answers to writes, and when."""

from __future__ import annotations

import pytest

from local.azure.calls import Json
from local.azure.faults import FailOperation, Match, Stuck
from tests.component.azure.fleet import CACHE, CACHES, attach, cache, cache_id, done, endpoint, make_world

NEW: Json = {"location": "West Europe", "properties": {"sku": {"name": "Standard", "family": "c", "capacity": 1}}}
CLOSE: Json = {"properties": {"publicNetworkAccess": "Disabled"}}


def test_closing_the_door_answers_202_with_the_old_value_and_closes_later() -> None:
    world, clock = make_world()
    answer = world.act("PATCH", CACHE, CLOSE)
    assert answer.status == 202
    assert answer.body is not None
    properties = answer.body["properties"]
    assert (properties["provisioningState"], properties["publicNetworkAccess"]) == ("Updating", "Enabled")
    clock.advance(19)
    assert cache(world).public == "Enabled"
    clock.advance(20)
    assert (cache(world).public, cache(world).state) == ("Disabled", "Succeeded")


@pytest.mark.parametrize(
    "body",
    [
        {"properties": {"publicNetworkAccess": "Enabled"}},
        {"tags": {"env": "test"}},
        {"tags": {"env": "prod"}},
        {"properties": {"updateChannel": "Preview"}},
        {"properties": {"publicNetworkAccess": None}},
        {"properties": {"sku": {"name": "Standard", "family": "C", "capacity": 1}, "enableNonSslPort": False}},
    ],
)
def test_a_patch_that_changes_nothing_long_answers_200(body: Json) -> None:
    world, _ = make_world()
    answer = world.act("PATCH", CACHE, body)
    assert answer.status == 200
    assert "Azure-AsyncOperation" not in answer.headers


def test_the_defaults_that_an_sdk_puts_on_the_wire_are_applied() -> None:
    world, clock = make_world()
    attach(world, clock)
    sent = {"enableNonSslPort": False, "publicNetworkAccess": "Enabled", "disableAccessKeyAuthentication": False}
    done(world, clock, world.act("PATCH", CACHE, {"tags": {"a": "b"}, "properties": sent}))
    assert cache(world).public == "Enabled"


def test_closing_the_door_with_another_change_is_refused_whole() -> None:
    world, _ = make_world()
    both = {"properties": {"publicNetworkAccess": "Disabled", "disableAccessKeyAuthentication": True}}
    answer = world.act("PATCH", CACHE, both)
    assert (answer.status, answer.error_code) == (400, "BadRequest")
    assert "'properties.publicNetworkAccess,properties.disableAccessKeyAuthentication'" in str(answer.body)
    assert cache(world).state == "Succeeded"


@pytest.mark.parametrize(
    ("body", "state"),
    [
        ({"properties": {"sku": {"name": "Premium", "family": "P", "capacity": 1}}}, "Scaling"),
        ({"identity": {"type": "SystemAssigned"}}, "UpdatingManagedIdentity"),
        ({"properties": {"redisConfiguration": {"aad-enabled": "true"}}}, "ConfiguringAAD"),
        ({"properties": {"minimumTlsVersion": "1.2"}}, "Updating"),
    ],
)
def test_a_change_shows_its_own_state_meanwhile(body: Json, state: str) -> None:
    world, clock = make_world()
    assert world.act("PATCH", CACHE, body).status == 202
    assert cache(world).state == state
    clock.advance(4000)
    assert cache(world).state == "Succeeded"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", CACHE, CLOSE),
        ("PATCH", CACHE, {"tags": {"a": "b"}}),
        ("DELETE", CACHE, None),
    ],
)
def test_a_busy_cache_answers_409_without_a_retry_after(method: str, path: str, body: Json | None) -> None:
    world, _ = make_world()
    world.act("PATCH", CACHE, CLOSE)
    answer = world.act(method, path, body)
    assert (answer.status, answer.error_code) == (409, "Conflict")
    assert "Retry-After" not in answer.headers


def test_no_endpoint_is_attached_to_a_busy_cache() -> None:
    world, _ = make_world()
    world.act("PATCH", CACHE, CLOSE)
    pe = CACHES.replace("rg-cache", "rg-net") + "/providers/Microsoft.Network/privateEndpoints/pe-a"
    assert world.act("PUT", pe, endpoint()).error_code == "Conflict"


def test_creation_answers_201_with_keys_once_and_lasts_minutes() -> None:
    world, clock = make_world()
    answer = world.act("PUT", cache_id("fresh"), NEW)
    assert answer.status == 201
    assert answer.body is not None
    assert answer.body["properties"]["accessKeys"]["primaryKey"]
    assert answer.body["location"] == "West Europe"
    clock.advance(500)
    assert cache(world, "fresh").state == "Creating"
    clock.advance(1400)
    shown = world.show(cache_id("fresh"))
    assert shown is not None
    assert shown["properties"]["provisioningState"] == "Succeeded"
    assert shown["properties"]["accessKeys"] is None


def test_a_cache_put_again_unchanged_answers_200() -> None:
    world, clock = make_world()
    done(world, clock, world.act("PUT", cache_id("fresh"), NEW))
    assert world.act("PUT", cache_id("fresh"), NEW).status == 200


def test_a_geo_replicated_cache_is_not_deleted() -> None:
    world, _ = make_world()
    answer = world.act("DELETE", cache_id("replicated"))
    assert answer.status == 400
    assert "linked servers" in str(answer.body)


def test_a_deletion_is_followed_by_location_alone() -> None:
    world, clock = make_world()
    answer = world.act("DELETE", CACHE)
    assert (answer.status, answer.body) == (202, None)
    assert "Azure-AsyncOperation" not in answer.headers
    poll = world.request("GET", answer.headers["Location"])
    assert (poll.status, "Azure-AsyncOperation" in poll.headers) == (202, True)
    clock.advance(400)
    assert world.request("GET", answer.headers["Location"]).status == 200
    assert world.act("GET", CACHE).error_code == "ResourceNotFound"


def test_deleting_what_is_not_there_answers_204() -> None:
    world, _ = make_world()
    assert world.act("DELETE", cache_id("absent")).status == 204


def test_a_failed_operation_answers_200_with_status_failed_and_leaves_the_old_value() -> None:
    world, clock = make_world()
    world.faults.add(FailOperation("AzureCacheForRedisLongRunningOperationFailure", "An error occurred."))
    answer = world.act("PATCH", CACHE, CLOSE)
    clock.advance(60)
    poll = world.request("GET", answer.headers["Azure-AsyncOperation"])
    assert poll.status == 200
    assert poll.body is not None
    assert poll.body["status"] == "Failed"
    assert poll.body["error"]["code"] == "AzureCacheForRedisLongRunningOperationFailure"
    assert (cache(world).public, cache(world).state) == ("Enabled", "Succeeded")


def test_a_stuck_operation_never_ends() -> None:
    world, clock = make_world()
    world.faults.add(Stuck(), Match(method="PATCH"))
    world.act("PATCH", CACHE, CLOSE)
    clock.advance(1_000_000)
    assert cache(world).state == "Updating"


def test_lists_are_paged_and_complete() -> None:
    world, _ = make_world()
    world.seed({"caches": [{"subscription": "s", "group": "g", "name": f"c-{number}"} for number in range(2500)]})
    url = "/subscriptions/s/providers/Microsoft.Cache/redis?api-version=2024-11-01"
    names: list[str] = []
    while url:
        body = world.request("GET", url).body
        assert body is not None
        names += [item["name"] for item in body["value"]]
        url = body.get("nextLink", "")
    assert sorted(names) == sorted(f"c-{number}" for number in range(2500))


def test_a_list_of_a_group_holds_no_other_groups_caches() -> None:
    world, _ = make_world()
    body = world.request("GET", f"{CACHES}/providers/Microsoft.Cache/redis?api-version=2024-11-01").body
    assert body is not None
    assert len(body["value"]) == 5
