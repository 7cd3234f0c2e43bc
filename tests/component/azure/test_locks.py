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
    SUBSCRIPTION,
    ZONE_ID,
    done,
    endpoint,
    make_world,
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
