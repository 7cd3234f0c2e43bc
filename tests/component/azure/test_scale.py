"""A large fleet: there in seconds, listed page by page, and looked up without looking at everything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.azure.calls import Json
from local.azure.redis import Cache
from local.azure.redisenterprise import Cluster
from local.azure.seeds import FleetSeed, Seed
from local.azure.store import ALWAYS, Resource, Store
from local.azure.throttle import Buckets
from local.azure.world import World, WorldOptions
from tests.component.azure.fleet import CACHE, SUBSCRIPTION, cache_id, make_world

FLEET = FleetSeed(3, caches_per_subscription=10, clusters_per_subscription=2, regions=("westeurope", "North Europe"))


def _world(seed: FleetSeed, page_size: int = 1000) -> World:
    world = World(options=WorldOptions(page_size=page_size, buckets=Buckets(enforced=False)))
    world.seed(Seed(fleets=(seed,)))
    return world


def _listed(world: World, url: str) -> Iterator[list[Json]]:
    """Give the pages of a list, each when it is asked for."""
    following: str | None = url
    while following:
        body = world.request("GET", following).body or {}
        yield body["value"]
        following = body.get("nextLink", "").removeprefix("https://management.azure.com")


def _caches(subscription: str) -> str:
    return f"/subscriptions/{subscription}/providers/Microsoft.Cache/redis?api-version=2024-11-01"


# ── fleets ──────────────────────────────────────────────────────────────────────────────────────


def test_a_fleet_has_as_many_of_each_kind_as_it_says() -> None:
    world = _world(FLEET)
    assert len(list(world.store.of(Cache))) == 30
    assert len(list(world.store.of(Cluster))) == 6
    assert len(world.directory.subscriptions) == 3


def test_no_two_caches_of_a_fleet_have_one_name() -> None:
    names = [cache.name for cache in _world(FLEET).store.of(Cache)]
    assert len(set(names)) == len(names)


def test_fleets_stand_beside_one_another() -> None:
    world = _world(FLEET)
    world.seed(Seed(fleets=(FleetSeed(2, 5, first=3),)))
    assert len(list(world.store.of(Cache))) == 40
    assert len(world.directory.subscriptions) == 5


def test_a_cache_of_a_fleet_is_one_like_any_other() -> None:
    world = _world(FLEET)
    cache = next(iter(world.store.of(Cache)))
    answer = world.act("PATCH", cache.id, {"tags": {"drawbridge": "private"}})
    assert answer.status == 200
    others = [each.tags for each in world.store.of(Cache) if each.id != cache.id]
    assert others == [{}] * 29
    regions = {each.region for each in world.store.of(Cache)}
    assert regions == {"westeurope", "northeurope"}


def test_a_fleet_is_seed_data_too() -> None:
    world = World()
    world.seed({"fleets": [{"subscriptions": 2, "cachesPerSubscription": 3, "tags": {"drawbridge": "private"}}]})
    assert [cache.tags for cache in world.store.of(Cache)] == [{"drawbridge": "private"}] * 6


# ── pages ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", [1, 3, 10, 11])
def test_pages_together_are_the_list(size: int) -> None:
    world = _world(FLEET, size)
    pages = list(_listed(world, _caches(FLEET.subscription_ids[1])))
    assert len(pages) == -(-10 // size)
    names = [cache["name"] for page in pages for cache in page]
    assert len(set(names)) == len(names) == 10


@given(st.lists(st.tuples(st.sampled_from(["tag", "delete", "create"]), st.integers(0, 9)), max_size=12), st.data())
def test_what_stays_is_listed_once_whatever_is_written_between_pages(
    writes: list[tuple[str, int]], data: st.DataObject
) -> None:
    world = _world(FleetSeed(1, 10), page_size=3)
    (subscription,) = FleetSeed(1).subscription_ids
    there = list(world.store.of(Cache))
    seen: list[str] = []
    for page in _listed(world, _caches(subscription)):
        seen += [cache["id"] for cache in page]
        for _ in range(data.draw(st.integers(0, 3))):
            if writes:
                _write(world, there, *writes.pop())

    left = {cache.id for cache in there if world.store.get(cache.id)}
    assert len(seen) == len(set(seen))
    assert left <= set(seen)


def _write(world: World, there: list[Cache], what: str, number: int) -> None:
    cache = there[number]
    held = world.store.find(cache.id, Cache)
    if what == "create":
        world.put(replace(cache, id=f"{cache.id}-new", serial=0))
    elif what == "delete":
        world.remove(cache.id)
    elif held is not None:
        world.put(replace(held, tags={"a": "b"}))


def test_what_is_new_is_on_the_last_page_also_of_a_list_that_was_read_before() -> None:
    world = _world(FleetSeed(1, 10), page_size=3)
    url = _caches(FleetSeed(1).subscription_ids[0])
    before = [cache["name"] for page in _listed(world, url) for cache in page]
    first = next(world.store.of(Cache))
    world.put(replace(first, id=f"{first.id}-new", serial=0))
    after = [cache["name"] for page in _listed(world, url) for cache in page]
    assert after == [*before, f"{first.name}-new"]


# ── looking up ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted(Resource):
    """A resource that counts how often anybody looks at what lists are made by."""

    type: str = "Microsoft.Cache/Redis"
    looks: list[str]
    place: int = 0

    @property
    def key(self) -> str:
        self.looks.append(self.id)
        return self.id.lower()

    def render(self) -> Json:
        return {}


def _counted(count: int, per_group: int = 100) -> tuple[Store, list[str]]:
    store, looks = Store(), list[str]()
    for number in range(count):
        group = f"/subscriptions/s{number // 1000}/resourceGroups/g{number // per_group}"
        resource_id = f"{group}/providers/Microsoft.Cache/Redis/c{number}"
        store.put(Counted(id=resource_id, serial=number + 1, looks=looks), ALWAYS)
    looks.clear()
    return store, looks


def test_what_is_looked_up_is_all_that_is_looked_at() -> None:
    store, _ = _counted(5000)
    assert len(store.within("/subscriptions/s0/resourceGroups/g3")) == 100
    assert len(store.within("/subscriptions/s2")) == 1000
    assert [item.id[-5:] for item in store.named(Counted, "C4321")] == ["c4321"]
    assert list(store.of(Cache)) == []


@pytest.mark.parametrize("count", [1000, 8000])
def test_a_write_looks_at_what_it_writes_however_many_there_are(count: int) -> None:
    store, looks = _counted(count)
    held = store.get("/subscriptions/s0/resourcegroups/g0/providers/microsoft.cache/redis/c5")
    assert isinstance(held, Counted)
    store.put(replace(held, tags={"a": "b"}), 1.0)
    store.remove(held.id, 2.0)
    assert set(looks) == {held.id}


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("gh"), st.integers(0, 4), st.booleans()), max_size=40))
def test_an_index_says_what_a_look_at_everything_would(writes: list[tuple[str, str, int, bool]]) -> None:
    store = Store()
    for number, (subscription, group, name, kept) in enumerate(writes):
        resource_id = f"/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Cache/Redis/n{name}"
        if kept:
            store.put(Counted(id=resource_id, serial=number + 1, looks=[]), float(number))
        else:
            store.remove(resource_id, float(number))

    everything = list(store.of(Resource))
    for scope in ("/subscriptions/a", "/subscriptions/a/resourceGroups/g", "/subscriptions/b/resourceGroups/h"):
        inside = [item.id for item in everything if item.key.startswith(f"{scope.lower()}/")]
        assert sorted(item.id for item in store.within(scope)) == sorted(inside)
    for name in range(5):
        named = [item.id for item in everything if item.name == f"n{name}"]
        assert sorted(item.id for item in store.named(Counted, f"n{name}")) == sorted(named)


def test_a_name_is_free_again_once_its_cache_is_gone() -> None:
    world, _ = make_world()
    new = {"location": "westeurope", "properties": {"sku": {"name": "Basic", "family": "C", "capacity": 0}}}
    elsewhere = cache_id("cache-a").replace("rg-cache", "rg-net")
    assert world.act("PUT", elsewhere, new).error_code == "NameNotAvailable"
    world.remove(CACHE)
    assert world.act("PUT", elsewhere, new).status == 201


def test_what_was_seeded_has_been_there_always() -> None:
    world, clock = make_world()
    assert world.store.as_of(CACHE, clock.now() - 10_000) is not None
    world.act("PATCH", CACHE, {"tags": {"a": "b"}})
    before = world.store.as_of(CACHE, clock.now() - 1)
    assert before is not None
    assert before.tags == {"env": "prod"}


def test_a_list_of_one_subscription_is_asked_of_that_one_alone() -> None:
    world, _ = make_world()
    world.seed(Seed(fleets=(FLEET,)))
    (page,) = _listed(world, _caches(SUBSCRIPTION))
    assert len(page) == 5
