"""What is inside a classic cache is kept, shown and taken away as Azure does; keys stay the same until renewed."""

from __future__ import annotations

import pytest

from local.azure.calls import Json
from local.azure.world import World
from tests.component.azure.fleet import CACHE, CACHES, SUBSCRIPTION, cache, cache_id, done, endpoint, make_world

RULE: Json = {"properties": {"startIP": "10.0.0.1", "endIP": "10.0.0.9"}}
ASSIGNMENT: Json = {"properties": {"accessPolicyName": "Data Reader", "objectId": "someone", "objectIdAlias": "app"}}
SCHEDULE: Json = {"properties": {"scheduleEntries": [{"dayOfWeek": "Monday", "startHourUtc": 1}]}}


def names(world: World, kind: str, held: str = CACHE) -> list[str]:
    body = world.act("GET", f"{held}/{kind}").body or {}
    return [item["name"] for item in body["value"]]


@pytest.mark.parametrize(
    ("path", "body", "written", "shown"),
    [
        ("accessPolicies/readers", {"properties": {"permissions": "+get"}}, 201, "readers"),
        ("accessPolicyAssignments/app", ASSIGNMENT, 201, "app"),
        ("firewallRules/office", RULE, 201, "cache-a/office"),
        ("patchSchedules/default", SCHEDULE, 200, "cache-a/default"),
    ],
)
def test_a_part_is_there_until_it_is_deleted(path: str, body: Json, written: int, shown: str) -> None:
    world, clock = make_world()
    kind = path.split("/", maxsplit=1)[0]
    before = names(world, kind)
    assert done(world, clock, world.act("PUT", f"{CACHE}/{path}", body)).status == written
    assert world.act("GET", f"{CACHE}/{path}").status == 200
    assert names(world, kind) == [*before, shown]
    done(world, clock, world.act("DELETE", f"{CACHE}/{path}"))
    assert world.act("GET", f"{CACHE}/{path}").error_code == "ResourceNotFound"
    assert names(world, kind) == before
    assert world.act("DELETE", f"{CACHE}/{path}").status == 204


def test_a_deleted_cache_takes_its_parts_along() -> None:
    world, clock = make_world()
    world.act("PUT", f"{CACHE}/firewallRules/office", RULE)
    done(world, clock, world.act("DELETE", CACHE))
    assert [item.id for item in world.store.within(CACHE)] == []


def test_keys_are_the_same_until_one_is_renewed() -> None:
    world, _ = make_world()
    first = world.act("POST", f"{CACHE}/listKeys").body or {}
    assert world.act("POST", f"{CACHE}/listKeys").body == first
    renewed = world.act("POST", f"{CACHE}/regenerateKey", {"keyType": "Primary"}).body or {}
    assert renewed["primaryKey"] != first["primaryKey"]
    assert renewed["secondaryKey"] == first["secondaryKey"]
    assert world.act("POST", f"{CACHE}/listKeys").body == renewed
    assert first["primaryKey"] not in str(world.show(CACHE))


def test_the_keys_of_a_new_cache_are_those_that_its_creation_showed() -> None:
    world, clock = make_world()
    body: Json = {"location": "westeurope", "properties": {"sku": {"name": "Basic", "family": "C", "capacity": 0}}}
    made = done(world, clock, world.act("PUT", cache_id("fresh"), body)).body or {}
    assert world.act("POST", f"{cache_id('fresh')}/listKeys").body == made["properties"]["accessKeys"]
    assert (world.show(cache_id("fresh")) or {})["properties"]["accessKeys"] is None


def test_a_read_only_lock_holds_back_the_listing_of_keys() -> None:
    world, _ = make_world()
    lock = f"{CACHES}/providers/Microsoft.Authorization/locks/keep"
    world.act("PUT", lock, {"properties": {"level": "ReadOnly"}})
    assert world.act("POST", f"{CACHE}/listKeys").error_code == "ScopeLocked"


@pytest.mark.parametrize(
    ("action", "body", "code"),
    [
        ("regenerateKey", {"keyType": "Tertiary"}, "BadRequest"),
        ("forceReboot", {"rebootType": "Gently"}, "BadRequest"),
        ("export", {"prefix": "p", "container": "c"}, "BadRequest"),
        ("flush", None, ""),
        ("forceReboot", {"rebootType": "AllNodes"}, ""),
    ],
)
def test_actions_take_what_they_are_told_or_say_what_is_wrong(action: str, body: Json | None, code: str) -> None:
    world, _ = make_world()
    assert world.act("POST", f"{CACHE}/{action}", body).error_code == code


def linked(name: str) -> Json:
    return {"properties": {"linkedRedisCacheId": name, "linkedRedisCacheLocation": "West Europe"}}


def test_linked_caches_show_each_other_and_take_no_endpoint_until_they_are_parted() -> None:
    world, clock = make_world()
    ids = [seeded(world, name) for name in ("one", "two")]
    server = f"{ids[0]}/linkedServers/two"
    done(world, clock, world.act("PUT", server, linked(ids[1])))
    roles = [(world.act("GET", f"{held}/linkedServers").body or {})["value"] for held in ids]
    assert [item["properties"]["serverRole"] for items in roles for item in items] == ["Secondary", "Primary"]
    assert world.act("PUT", f"{CACHES}/providers/Microsoft.Network/privateEndpoints/pe", endpoint(ids[0])).status >= 400
    assert world.act("DELETE", ids[0]).error_code == "BadRequest"
    done(world, clock, world.act("DELETE", server))
    assert [names(world, "linkedServers", held) for held in ids] == [[], []]
    assert cache(world, "one").linked_servers == ()


def seeded(world: World, name: str) -> str:
    seed = world.seed({"caches": [{"subscription": SUBSCRIPTION, "group": "rg-cache", "name": name, "sku": "Premium"}]})
    return seed.caches[0].id
