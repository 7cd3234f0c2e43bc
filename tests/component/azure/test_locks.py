"""A lock that somebody made holds calls back at its scope and below, as a lock that is a fault does."""

from __future__ import annotations

import pytest

from local.azure.calls import Answer, Json
from local.azure.world import World
from tests.component.azure.fleet import (
    CACHE,
    CACHES,
    ENDPOINT,
    NETWORK,
    RECORD,
    SUBSCRIPTION,
    ZONE_GROUP,
    ZONE_ID,
    attach,
    cache,
    done,
    endpoint,
    endpoint_id,
    make_world,
    states,
)

LOCK = "providers/Microsoft.Authorization/locks/keep"
OPEN: Json = {"properties": {"publicNetworkAccess": "Enabled"}, "tags": {"a": "b"}}
TAGS: Json = {"operation": "Merge", "properties": {"tags": {"a": "b"}}}


def lock(world: World, scope: str, level: str) -> Answer:
    return world.act("PUT", f"{scope}/{LOCK}", {"properties": {"level": level}})


@pytest.mark.parametrize("scope", [CACHE, CACHES, f"/subscriptions/{SUBSCRIPTION}"])
@pytest.mark.parametrize(
    ("level", "method", "path", "body", "status"),
    [
        ("CanNotDelete", "DELETE", CACHE, None, 409),
        ("CanNotDelete", "DELETE", CACHES, None, 409),
        ("CanNotDelete", "PATCH", CACHE, OPEN, 200),
        ("CanNotDelete", "PATCH", f"{CACHE}/providers/Microsoft.Resources/tags/default", TAGS, 200),
        ("ReadOnly", "DELETE", CACHE, None, 409),
        ("ReadOnly", "DELETE", CACHES, None, 409),
        ("ReadOnly", "PATCH", CACHE, OPEN, 409),
        ("ReadOnly", "PATCH", f"{CACHE}/providers/Microsoft.Resources/tags/default", TAGS, 409),
        ("ReadOnly", "GET", CACHE, None, 200),
    ],
)
def test_a_lock_holds_back_what_its_level_says(
    scope: str, level: str, method: str, path: str, body: Json | None, status: int
) -> None:
    world, _ = make_world()
    assert lock(world, scope, level).status == 201
    answer = world.act(method, path, body)
    assert answer.status == status, answer.body
    assert answer.error_code == ("ScopeLocked" if status == 409 else "")


def test_a_lock_that_was_lifted_holds_nothing_back() -> None:
    world, clock = make_world()
    lock(world, CACHE, "ReadOnly")
    assert world.act("DELETE", f"{CACHE}/{LOCK}").status == 200
    assert world.act("DELETE", f"{CACHE}/{LOCK}").status == 204
    done(world, clock, world.act("DELETE", CACHE))
    assert world.show(CACHE) is None


def test_a_lock_can_be_lifted_below_a_lock() -> None:
    world, _ = make_world()
    lock(world, CACHES, "ReadOnly")
    assert lock(world, CACHE, "CanNotDelete").status == 201
    assert world.act("DELETE", f"{CACHE}/{LOCK}").status == 200


def test_a_lock_holds_nothing_back_beside_it() -> None:
    world, clock = make_world()
    lock(world, CACHE, "ReadOnly")
    done(world, clock, world.act("PUT", ENDPOINT, endpoint()))
    assert world.act("PUT", f"{ZONE_ID}/A/x", {"properties": {"ttl": 1, "aRecords": []}}).status == 201


def test_locks_are_listed_where_they_stand_and_above() -> None:
    world, _ = make_world()
    lock(world, CACHE, "ReadOnly")
    found = {
        scope: len((world.act("GET", f"{scope}/providers/Microsoft.Authorization/locks").body or {})["value"])
        for scope in (CACHE, CACHES, f"/subscriptions/{SUBSCRIPTION}", NETWORK)
    }
    assert list(found.values()) == [1, 1, 1, 0], found


@pytest.mark.parametrize(
    ("scope", "level", "code"),
    [(CACHE, "Sometimes", "InvalidLockLevel"), (f"{CACHE}-absent", "ReadOnly", "ResourceNotFound")],
)
def test_a_lock_needs_a_level_and_something_to_lock(scope: str, level: str, code: str) -> None:
    world, _ = make_world()
    assert lock(world, scope, level).error_code == code


def test_a_lock_around_an_endpoint_keeps_it_and_its_names() -> None:
    world, clock = make_world()
    attach(world, clock)
    lock(world, NETWORK, "CanNotDelete")
    assert world.act("DELETE", ENDPOINT).error_code == "ScopeLocked"
    assert world.act("DELETE", ZONE_GROUP).error_code == "ScopeLocked"
    assert world.act("DELETE", NETWORK).error_code == "ScopeLocked"
    assert world.show(RECORD) is not None
    done(world, clock, world.act("PUT", endpoint_id("pe-b"), endpoint()))


def test_a_read_only_lock_on_a_cache_holds_back_who_decides_on_its_connections() -> None:
    world, clock = make_world()
    attach(world, clock, body=endpoint(manual=True), dns=False)
    connection = f"{CACHE}/privateEndpointConnections/{cache(world).connections[0].name}"
    approved: Json = {"properties": {"privateLinkServiceConnectionState": {"status": "Approved", "description": ""}}}
    lock(world, CACHE, "ReadOnly")
    assert world.act("PUT", connection, approved).error_code == "ScopeLocked"
    assert world.act("DELETE", connection).error_code == "ScopeLocked"
    world.act("DELETE", f"{CACHE}/{LOCK}")
    done(world, clock, world.act("PUT", connection, approved))
    assert states(world) == ["Approved"]


def test_a_deleted_group_takes_the_locks_on_it_along_only_once_they_are_lifted() -> None:
    world, clock = make_world()
    lock(world, CACHE, "CanNotDelete")
    assert world.act("DELETE", CACHES).error_code == "ScopeLocked"
    world.act("DELETE", f"{CACHE}/{LOCK}")
    done(world, clock, world.act("DELETE", CACHES))
    assert world.show(CACHE) is None


def test_a_lock_says_which_scope_is_locked() -> None:
    world, _ = make_world()
    lock(world, CACHES, "CanNotDelete")
    body = world.act("DELETE", CACHE).body or {}
    assert f"'{CACHE}' cannot perform delete operation" in body["error"]["message"]
    assert f"locked: '{CACHES}'" in body["error"]["message"]
