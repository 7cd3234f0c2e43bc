"""Which events a change raises, and what they say."""

from __future__ import annotations

import pytest

from local.azure.callers import APP
from local.azure.calls import Json
from local.azure.clock import ManualClock
from local.azure.events import ResourceEvent
from local.azure.faults import FailOperation
from local.azure.world import World, WorldOptions
from tests.component.azure.fleet import (
    CACHE,
    CACHES,
    ENDPOINT,
    NETWORK,
    ZONE_GROUP,
    attach,
    cache,
    done,
    endpoint,
    make_world,
    zone_group,
)

TAGS = f"{CACHE}/providers/Microsoft.Resources/tags/default"
PROXIES = "Microsoft.Cache/redis/privateEndpointConnectionProxies"


def raised(world: World, clock: ManualClock, method: str, path: str, body: Json | None = None) -> list[str]:
    """Give the operation names of what a call raises, until all has ended."""
    before = len(world.events)
    done(world, clock, world.act(method, path, body, APP))
    return [event.operation for event in world.events[before:]]


def test_an_endpoint_raises_its_own_event_and_its_caches_proxies() -> None:
    world, clock = make_world()
    assert raised(world, clock, "PUT", ENDPOINT, endpoint()) == [
        f"{PROXIES}/validate/action",
        f"{PROXIES}/write",
        "Microsoft.Network/privateEndpoints/write",
    ]


def test_an_endpoints_delete_event_does_not_name_its_cache() -> None:
    world, clock = make_world()
    attach(world, clock)
    done(world, clock, world.act("DELETE", ENDPOINT))
    (event,) = [event for event in world.events if event.operation == "Microsoft.Network/privateEndpoints/delete"]
    assert "cache-a" not in str(event.event_grid())
    assert event.type == "Microsoft.Resources.ResourceDeleteSuccess"


@pytest.mark.parametrize(
    ("method", "path", "body", "operations"),
    [
        ("PUT", ZONE_GROUP, zone_group(), ["Microsoft.Network/privateEndpoints/privateDnsZoneGroups/write"]),
        ("PATCH", CACHE, {"tags": {"a": "b"}}, ["Microsoft.Cache/redis/write"]),
        ("PATCH", CACHE, {"properties": {"publicNetworkAccess": "Enabled"}}, ["Microsoft.Cache/redis/write"]),
        ("PUT", TAGS, {"properties": {"tags": {"a": "b"}}}, ["Microsoft.Resources/tags/write"]),
        ("DELETE", TAGS, None, ["Microsoft.Resources/tags/delete"]),
        ("DELETE", CACHE, None, ["Microsoft.Cache/redis/delete"]),
        ("DELETE", CACHES, None, ["Microsoft.Resources/subscriptions/resourcegroups/delete"]),
        ("GET", CACHE, None, []),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_change_raises_one_event(method: str, path: str, body: Json | None, operations: list[str]) -> None:
    world, clock = make_world()
    attach(world, clock, dns=False)
    assert raised(world, clock, method, path, body) == operations


def test_a_long_operations_event_comes_when_it_ends() -> None:
    world, clock = make_world()
    world.act("PATCH", CACHE, {"properties": {"publicNetworkAccess": "Disabled"}})
    assert world.events == []
    clock.advance(60)
    world.settle()
    (event,) = world.events
    assert 20 <= event.time - (clock.at - 60) <= 31


def test_a_connections_delete_event_names_the_connection() -> None:
    world, clock = make_world()
    attach(world, clock)
    (connection,) = cache(world).connections
    path = f"{CACHE}/privateEndpointConnections/{connection.name}"
    assert raised(world, clock, "DELETE", path) == ["Microsoft.Cache/redis/privateEndpointConnections/delete"]
    assert world.events[-1].subject == path


def test_a_tag_event_is_about_the_tagged_resource_and_says_no_value() -> None:
    world, clock = make_world()
    raised(world, clock, "PUT", TAGS, {"properties": {"tags": {"drawbridge": "private"}}})
    event = world.events[-1].event_grid()
    assert event["subject"] == event["data"]["resourceUri"] == CACHE
    assert event["data"]["resourceProvider"] == "Microsoft.Resources"
    assert event["data"]["authorization"]["scope"] == TAGS
    assert "private" not in str(event)


def test_the_event_of_a_group_names_the_group_alone() -> None:
    world, clock = make_world()
    raised(world, clock, "DELETE", NETWORK)
    assert world.events[-1].subject == NETWORK.replace("resourceGroups", "resourcegroups")


def test_a_groups_deletion_can_tell_of_every_resource_in_it() -> None:
    world, clock = make_world(WorldOptions(group_delete_events=True))
    assert "Microsoft.Cache/Redis/delete" in raised(world, clock, "DELETE", CACHES)


def test_a_failed_operation_raises_a_failure() -> None:
    world, clock = make_world()
    world.faults.add(FailOperation())
    done(world, clock, world.act("PATCH", CACHE, {"properties": {"publicNetworkAccess": "Disabled"}}))
    assert world.events[-1].type == "Microsoft.Resources.ResourceWriteFailure"
    assert world.events[-1].data()["status"] == "Failed"


def test_a_refused_call_raises_nothing() -> None:
    world, _ = make_world()
    world.act("PUT", ENDPOINT, endpoint(region="northeurope"))
    assert world.events == []


def test_an_event_says_who_did_it() -> None:
    world, clock = make_world()
    done(world, clock, world.act("PATCH", CACHE, {"tags": {"a": "b"}}, APP))
    done(world, clock, world.act("PATCH", CACHE, {"tags": {"a": "c"}}))
    identifier = "http://schemas.microsoft.com/identity/claims/objectidentifier"
    upn = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"
    ours, theirs = (event.data()["claims"] for event in world.events)
    assert ours[identifier] == APP.object_id
    assert upn not in ours
    assert theirs[upn] == "ops@contoso.example"


def test_both_schemas_say_the_same() -> None:
    world, clock = make_world()
    done(world, clock, world.act("PATCH", CACHE, {"tags": {"a": "b"}}))
    event: ResourceEvent = world.events[-1]
    one, other = event.event_grid(), event.cloud_event()
    assert one["data"] == other["data"]
    pairs = [("id", "id"), ("topic", "source"), ("eventType", "type"), ("subject", "subject"), ("eventTime", "time")]
    assert all(one[old] == other[new] for old, new in pairs)
