"""Azure Resource Graph: one query, in pages, late, and counted against a quota of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from local.azure.callers import APP, OPERATOR
from local.azure.calls import Answer, Caller
from local.azure.clock import ManualClock
from local.azure.faults import Denied
from local.azure.redis import Cache
from local.azure.resourcegraph import CACHES as QUERY
from local.azure.resourcegraph import GraphOptions
from local.azure.seeds import FleetSeed, Seed
from local.azure.throttle import Buckets
from local.azure.world import World, WorldOptions
from tests.component.azure.fleet import CACHE, SUBSCRIPTION, attach, cache_id, make_world

URL = "/providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01"
COLUMNS = ["id", "name", "type", "location", "resourceGroup", "subscriptionId", "tags", "sku", "properties"]
FLEET = FleetSeed(4, caches_per_subscription=600, clusters_per_subscription=25)


def ask(
    world: World,
    query: str = QUERY,
    caller: Caller = OPERATOR,
    scope: dict[str, list[str]] | None = None,
    options: dict[str, object] | None = None,
) -> Answer:
    body = {"query": query, **(scope or {}), "options": options or {}}
    return world.request("POST", URL, body, caller)


def _fleet(lag: float = 30.0) -> tuple[World, ManualClock]:
    clock = ManualClock()
    graph = GraphOptions(lag=lag, enforced=False)
    world = World(clock, WorldOptions(graph=graph, buckets=Buckets(enforced=False)))
    world.seed(Seed(fleets=(FLEET,)))
    return world, clock


def _all(world: World, top: int | None = None) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    token: str | None = ""
    while token is not None:
        options: dict[str, object] = {"$skipToken": token} if token else {}
        body = ask(world, options=options | ({"$top": top} if top else {})).body or {}
        rows += body["data"]
        token = body.get("$skipToken")
    return rows


def _tags(world: World) -> dict[str, str]:
    return dict(next(row for row in _all(world) if row["id"] == CACHE)["tags"])


def test_a_row_has_the_columns_that_were_asked_for_written_as_resource_graph_does() -> None:
    world, _ = make_world()
    row = next(row for row in _all(world) if row["id"] == CACHE)
    assert list(row) == COLUMNS
    assert (row["type"], row["location"], row["resourceGroup"]) == ("microsoft.cache/redis", "westeurope", "rg-cache")
    assert row["properties"]["publicNetworkAccess"] == "Enabled"


def test_connections_and_keys_are_not_among_the_properties() -> None:
    world, clock = make_world()
    attach(world, clock, dns=False)
    row = next(row for row in _all(world) if row["id"] == CACHE)
    assert not {"privateEndpointConnections", "accessKeys"} & set(row["properties"])


@pytest.mark.parametrize("top", [None, 7, 1000])
def test_pages_together_are_every_cache_once_in_order(top: int | None) -> None:
    world, _ = _fleet()
    rows = _all(world, top)
    ids = [row["id"].lower() for row in rows]
    assert len(ids) == 2500
    assert ids == sorted(set(ids))


def test_a_page_has_a_thousand_rows_and_says_how_many_there_are() -> None:
    world, _ = _fleet()
    body = ask(world).body or {}
    assert (body["count"], len(body["data"]), body["totalRecords"]) == (1000, 1000, 2500)
    assert body["$skipToken"]


def test_what_stays_is_found_once_whatever_is_written_between_pages() -> None:
    world, _ = _fleet(lag=0)
    there = [cache.id for cache in world.store.of(Cache)]
    first = ask(world).body or {}
    world.remove(first["data"][10]["id"])
    world.put(replace(world.cache(there[5]), id=there[0].replace("fleet-", "a-new-"), serial=0))
    second = ask(world, options={"$skipToken": first["$skipToken"]}).body or {}
    third = ask(world, options={"$skipToken": second["$skipToken"]}).body or {}
    seen = [row["id"] for page in (first, second, third) for row in page["data"]]
    assert len(seen) == len(set(seen)) == 2500


def test_rows_are_of_the_subscriptions_and_groups_that_are_named() -> None:
    world, _ = _fleet()
    one = {"subscriptions": [FLEET.subscription_ids[2].upper()]}
    assert {row["subscriptionId"] for row in ask(world, scope=one).body["data"]} == {FLEET.subscription_ids[2]}  # type: ignore[index]
    groups = [{"name": "top", "children": ["below"]}, {"name": "below", "children": list(FLEET.subscription_ids[:2])}]
    world.seed({"managementGroups": groups})
    assert (ask(world, scope={"managementGroups": ["TOP"]}).body or {})["totalRecords"] == 1250


def test_a_caller_sees_the_rows_of_what_it_may_read() -> None:
    world, _ = _fleet()
    hidden = f"/subscriptions/{FLEET.subscription_ids[0]}"
    world.faults.add(Denied("Microsoft.Resources/subscriptions/read", hidden))
    assert (ask(world).body or {})["totalRecords"] == 1875


def test_results_are_late_by_the_lag_for_changes_creations_and_deletions() -> None:
    world, clock = make_world(WorldOptions(graph=GraphOptions(lag=60, enforced=False)))
    world.act("PATCH", CACHE, {"tags": {"env": "new"}})
    world.remove(cache_id("cache-b"))
    clock.advance(59)
    assert _tags(world) == {"env": "prod"}
    assert len(_all(world)) == 5
    clock.advance(1)
    assert _tags(world) == {"env": "new"}
    assert len(_all(world)) == 4
    new = {"location": "westeurope", "properties": {"sku": {"name": "Basic", "family": "C", "capacity": 0}}}
    world.act("PUT", cache_id("cache-new"), new)
    assert len(_all(world)) == 4
    clock.advance(60)
    assert len(_all(world)) == 5


def test_what_is_seeded_is_known_at_once() -> None:
    world, _ = make_world(WorldOptions(graph=GraphOptions(lag=3600)))
    assert len(_all(world)) == 5


def test_the_query_is_the_same_however_it_is_laid_out() -> None:
    world, _ = make_world()
    assert ask(world, " ".join(QUERY.split()).replace("'", '"').replace("resources", "Resources")).status == 200


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("resources | where type =~ 'microsoft.cache/redis'", "the Resource Graph query 'resources | where type =~"),
        ("Resources | count", "Resources | count"),
    ],
)
def test_any_other_query_is_refused_aloud(query: str, said: str) -> None:
    world, _ = make_world()
    answer = ask(world, query)
    assert (answer.status, answer.error_code) == (501, "NotEmulated")
    assert said in str(answer.body)


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"resultFormat": "table"}, 501),
        ({"$skip": 5}, 501),
        ({"$top": 1001}, 400),
        ({"$skipToken": "no token"}, 400),
        ({"$skipToken": "bm90IGE="}, 400),
    ],
)
def test_options_that_are_wrong_or_not_known_are_refused(options: dict[str, object], status: int) -> None:
    world, _ = make_world()
    assert ask(world, options=options).status == status


def test_a_query_is_needed() -> None:
    world, _ = make_world()
    assert world.request("POST", URL, {}).status == 400


def test_each_caller_has_fifteen_queries_in_five_seconds_and_is_told_so() -> None:
    world, clock = make_world()
    headers = [ask(world, caller=APP).headers for _ in range(15)]
    assert [int(each["x-ms-user-quota-remaining"]) for each in headers] == list(range(14, -1, -1))
    assert headers[0]["x-ms-user-quota-resets-after"] == "00:00:05"
    clock.advance(2)
    refused = ask(world, caller=APP)
    assert (refused.status, refused.error_code) == (429, "RateLimiting")
    assert (refused.headers["Retry-After"], refused.headers["x-ms-user-quota-resets-after"]) == ("3", "00:00:03")
    assert ask(world, caller=OPERATOR).status == 200
    clock.advance(3)
    assert ask(world, caller=APP).status == 200


def test_queries_are_not_counted_against_a_subscription() -> None:
    world, _ = make_world()
    ask(world, caller=APP)
    assert world.throttle.remaining(SUBSCRIPTION, APP, "writes") is None
