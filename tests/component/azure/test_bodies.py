"""A body's fields are known one by one: what has no effect is listed, and what is not known is refused aloud."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.azure.bodies import BODIES, Body, Tree, taken
from local.azure.calls import Json
from local.azure.errors import ArmError
from local.azure.paths import NotAnArmPathError, parse
from local.azure.routes import Routes
from tests.component.azure.clusters import CLUSTERS
from tests.component.azure.fleet import CACHE, CACHES, ENDPOINT, VNET, ZONE_GROUP, ZONE_ID, attach, make_world
from tests.specs.exercise import stroll
from tests.specs.recorded import recorded

LINK = next(item.id for item in make_world()[0].store.children(ZONE_ID) if "/virtualNetworkLinks/" in item.id)
DIFFERENCES = Path(__file__).parents[3] / "local" / "DIFFERENCES.md"
ROUTES = Routes.all().by_type
WRITING = ("PUT", "PATCH")


@pytest.mark.parametrize(
    ("method", "path", "body", "strange"),
    [
        ("PUT", CACHE, {"foo": 1}, "foo"),
        ("PATCH", CACHE, {"properties": {"foo": None}}, "properties.foo"),
        ("PATCH", CACHE, {"properties": {"sku": {"name": "Basic", "size": 1}}}, "properties.sku.size"),
        ("PATCH", CACHE, {"properties": {"hostName": "x", "port": 1, "state": 1}}, "properties.state"),
        ("PUT", ENDPOINT, {"properties": {"subnet": {"name": "endpoints"}}}, "properties.subnet.name"),
        (
            "PUT",
            ENDPOINT,
            {"properties": {"privateLinkServiceConnections": [{"name": "l"}, {"properties": {"colour": "red"}}]}},
            "properties.privateLinkServiceConnections.properties.colour",
        ),
        ("PUT", f"{VNET}/subnets/new", {"properties": {"natGateway": {"id": "x"}}}, "properties.natGateway"),
        ("PUT", VNET, {"properties": {"addressSpace": {"pools": [{"id": "p"}]}}}, "properties.addressSpace.pools"),
        ("POST", f"/subscriptions/{VNET.split('/')[2]}/providers/Microsoft.Cache/unregister", {"now": True}, "now"),
    ],
)
def test_an_unknown_field_is_refused_by_name_and_nothing_is_done(
    method: str, path: str, body: Json, strange: str
) -> None:
    world, _ = make_world()
    before = world.show(path) if parse(path).action == "" else None
    answer = world.act(method, path, body)
    assert (answer.status, answer.error_code) == (501, "NotEmulated")
    assert f"the body field '{strange}' of {method}" in str(answer.body)
    assert before is None or world.show(path) == before


@pytest.mark.parametrize(
    "path",
    [
        CACHE,
        f"{CACHES}/providers/Microsoft.Cache/Redis/clustered",
        f"{CACHES}/providers/Microsoft.Cache/redisEnterprise/flagged",
        f"{CACHES}/providers/Microsoft.Cache/redisEnterprise/old",
        ENDPOINT,
        ZONE_GROUP,
        VNET,
        f"{VNET}/subnets/delegated",
        ZONE_ID,
        f"{ZONE_ID}/A/cache-a",
        LINK,
        CACHES,
    ],
)
def test_what_was_read_can_be_sent_back_and_changes_nothing(path: str) -> None:
    world, clock = make_world()
    world.seed(CLUSTERS)
    attach(world, clock)
    read = world.show(path)
    assert read is not None
    answer = world.act("PUT", path, read)
    assert answer.status in {200, 202}, answer.body
    clock.advance(4000)
    assert _plain(world.show(path)) == _plain(read)


def _plain(value: object) -> object:
    """Leave out what each write changes."""
    match value:
        case dict():
            return {name: _plain(held) for name, held in value.items() if name != "etag"}
        case list():
            return [_plain(item) for item in value]
        case _:
            return value


def test_a_cache_is_not_changed_by_what_a_client_echoes() -> None:
    world, _ = make_world()
    read = world.show(CACHE)
    assert read is not None
    answer = world.act("PATCH", CACHE, {**read, "tags": {"new": "tag"}})
    assert answer.status == 200
    assert world.cache(CACHE).tags == {"new": "tag"}
    assert "hostName" not in world.cache(CACHE).extra


def test_a_field_without_effect_is_refused_as_soon_as_it_would_have_one() -> None:
    world, _ = make_world()
    answer = world.act("PUT", VNET, {"properties": {"virtualNetworkPeerings": [{"name": "p"}]}})
    assert answer.status == 501
    assert "'properties.virtualNetworkPeerings.name'" in str(answer.body)


def test_every_recorded_body_is_taken(reference: Path) -> None:
    refused, held = set(), 0
    for exchange in recorded(reference):
        kind = _emulated(exchange.path, exchange.method)
        if kind and isinstance(exchange.request, dict) and exchange.status < 400:
            held += 1
            try:
                taken(kind, exchange.method, exchange.request)
            except ArmError as error:
                refused.add(str(error))
    print(f"{held} recorded bodies taken, {len(refused)} refused")
    assert held > 200
    assert refused == set()


def _emulated(path: str, method: str) -> str:
    try:
        route = ROUTES.get(parse(path).type)
    except NotAnArmPathError:
        return ""
    return route.type if route and method in WRITING and method in route.handlers else ""


def test_every_verb_that_takes_a_body_says_what_it_may_hold() -> None:
    without = {"Microsoft.Resources/subscriptions/tagNames", "Microsoft.Resources/subscriptions/tagNames/tagValues"}
    verbs = {(route.type, verb) for route in ROUTES.values() for verb in route.handlers if verb in WRITING}
    assert {(kind, verb) for kind, verb in verbs if kind not in without} - set(BODIES) == set()
    offered = {(route.type, verb) for route in ROUTES.values() for verb in route.handlers}
    assert set(BODIES) - offered == set()


def test_all_that_is_taken_and_has_no_effect_is_listed_as_a_difference() -> None:
    text = DIFFERENCES.read_text("utf-8")
    idle = {name for body in BODIES.values() for name in _ends(body.idle)}
    assert sorted(name for name in idle if f"`{name}`" not in text) == []


def _ends(tree: Tree) -> Iterator[str]:
    for name, below in tree.items():
        yield from _ends(below) if below and name in {"properties", "subnets"} else (name,)


def test_bodies_of_all_routes_hold_nothing_that_is_refused() -> None:
    assert [exchange for exchange in stroll().exchanges if exchange.status == 501] == []


def test_fields_are_read_as_written() -> None:
    body = Body.of("a b{c d{*}} b{e}", idle="f", shown="b{g}")
    assert body.known == {"a": {}, "b": {"c": {}, "d": {"*": {}}, "e": {}}}
    assert body.taken({"a": [1], "b": [{"c": 1, "g": 2, "d": {"x": {"y": 1}}}, {"e": 1}], "f": None}, "it") == {
        "a": [1],
        "b": [{"c": 1, "d": {"x": {"y": 1}}}, {"e": 1}],
        "f": None,
    }
    with pytest.raises(ArmError, match=r"the body field 'b\.h' of it"):
        body.taken({"b": {"h": 1}}, "it")
