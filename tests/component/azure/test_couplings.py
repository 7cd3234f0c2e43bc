"""What a write does to other resources than its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from local.azure.callers import APP
from local.azure.calls import Json
from local.azure.faults import Denied, PolicyDenial
from local.azure.network.vnets import Subnet
from local.azure.throttle import Buckets
from local.azure.world import PolicyZoneGroups, World, WorldOptions
from tests.component.azure.fleet import (
    CACHE,
    CACHES,
    ENDPOINT,
    NETWORK,
    OTHER,
    RECORD,
    SUBNET,
    SUBSCRIPTION,
    VNET,
    ZONE,
    ZONE_GROUP,
    ZONE_ID,
    attach,
    cache,
    cache_id,
    done,
    endpoint,
    endpoint_id,
    link_state,
    make_world,
    states,
    zone_group,
)

KEEP: Json = {"properties": {"level": "CanNotDelete"}}


def test_an_endpoint_appears_on_its_cache_as_an_approved_connection_named_after_it() -> None:
    world, clock = make_world()
    attach(world, clock, dns=False)
    (connection,) = cache(world).connections
    assert connection.name.startswith("pe-a.")
    assert connection.is_approved
    assert connection.endpoint_id == ENDPOINT


def test_the_first_endpoint_closes_the_public_door_by_itself_before_any_name_resolves() -> None:
    world, clock = make_world()
    attach(world, clock, dns=False)
    assert cache(world).public == "Disabled"
    assert world.show(RECORD) is None


def test_a_second_endpoint_leaves_a_reopened_door_open() -> None:
    world, clock = make_world()
    attach(world, clock)
    done(world, clock, world.act("PATCH", CACHE, {"properties": {"publicNetworkAccess": "Enabled"}}))
    attach(world, clock, "pe-b")
    assert cache(world).public == "Enabled"


def test_an_endpoint_that_asks_for_approval_waits_and_closes_nothing() -> None:
    world, clock = make_world()
    attach(world, clock, body=endpoint(manual=True), dns=False)
    assert states(world) == ["Pending"]
    assert cache(world).public == "Enabled"


def test_approving_a_waiting_connection_closes_the_door_and_writes_the_records() -> None:
    world, clock = make_world()
    attach(world, clock, body=endpoint(manual=True))
    assert world.show(RECORD) is None
    _decide(world, "Approved")
    assert states(world) == ["Approved"]
    assert link_state(world) == "Approved"
    assert cache(world).public == "Disabled"
    assert world.show(RECORD) is not None


def _decide(world: World, status: str) -> None:
    (connection,) = cache(world).connections
    state = {"privateLinkServiceConnectionState": {"status": status, "description": "by hand"}}
    answer = world.act("PUT", f"{CACHE}/privateEndpointConnections/{connection.name}", {"properties": state})
    assert answer.status == 201


def test_rejecting_a_connection_shows_on_both_sides_at_once() -> None:
    world, clock = make_world()
    attach(world, clock)
    _decide(world, "Rejected")
    assert states(world) == ["Rejected"]
    assert link_state(world) == "Rejected"


def test_deleting_the_endpoint_takes_its_connection_records_and_address_with_it() -> None:
    world, clock = make_world()
    attach(world, clock)
    assert _taken(world, SUBNET) == 1
    done(world, clock, world.act("DELETE", ENDPOINT))
    assert states(world) == []
    assert world.show(RECORD) is None
    assert world.show(ZONE_GROUP) is None
    assert _taken(world, SUBNET) == 0


def _taken(world: World, subnet: str) -> int:
    held = world.store.find(subnet, Subnet)
    assert held is not None
    return len(held.taken)


def test_the_door_stays_shut_after_the_last_endpoint_goes() -> None:
    world, clock = make_world()
    attach(world, clock)
    done(world, clock, world.act("DELETE", ENDPOINT))
    assert cache(world).public == "Disabled"


def test_deleting_the_connection_leaves_a_disconnected_endpoint_that_blocks_its_name() -> None:
    world, clock = make_world()
    attach(world, clock)
    (connection,) = cache(world).connections
    answer = world.act("DELETE", f"{CACHE}/privateEndpointConnections/{connection.name}")
    assert answer.status == 200
    assert states(world) == []
    assert link_state(world) == "Disconnected"
    again = world.act("PUT", ENDPOINT, endpoint())
    assert again.status == 400


def test_deleting_the_cache_leaves_its_endpoints_disconnected() -> None:
    world, clock = make_world()
    attach(world, clock)
    done(world, clock, world.act("DELETE", CACHE))
    assert world.show(CACHE) is None
    assert link_state(world) == "Disconnected"


def test_an_endpoint_whose_cache_goes_while_it_is_made_fails() -> None:
    world, clock = make_world()
    world.act("PUT", ENDPOINT, endpoint())
    world.remove(CACHE)
    clock.advance(4000)
    shown = world.show(ENDPOINT)
    assert shown is not None
    assert shown["properties"]["provisioningState"] == "Failed"


def test_a_zone_group_writes_one_record_named_after_the_cache() -> None:
    world, clock = make_world()
    attach(world, clock)
    record = world.show(RECORD)
    assert record is not None
    assert record["properties"]["aRecords"] == [{"ipv4Address": "10.0.0.4"}]
    assert record["properties"]["ttl"] == 10


def test_a_zone_of_another_name_gets_no_record() -> None:
    world, clock = make_world()
    other = ZONE_ID.replace(ZONE, "privatelink.redis.azure.net")
    done(world, clock, world.act("PUT", other, {"location": "global"}))
    attach(world, clock, dns=False)
    done(world, clock, world.act("PUT", ZONE_GROUP, zone_group(other)))
    assert world.show(f"{other}/A/cache-a") is None


def test_deleting_the_zone_group_takes_the_record_and_leaves_the_endpoint() -> None:
    world, clock = make_world()
    attach(world, clock)
    done(world, clock, world.act("DELETE", ZONE_GROUP))
    assert world.show(RECORD) is None
    assert states(world) == ["Approved"]


def test_deleting_one_of_two_endpoints_in_a_zone_takes_the_others_record() -> None:
    world, clock = make_world()
    attach(world, clock)
    attach(world, clock, "pe-b")
    done(world, clock, world.act("DELETE", ENDPOINT))
    assert states(world) == ["Approved"]
    assert world.show(RECORD) is None


def test_an_endpoint_has_one_zone_group_at_most() -> None:
    world, clock = make_world()
    attach(world, clock)
    answer = world.act("PUT", f"{ENDPOINT}/privateDnsZoneGroups/second", zone_group())
    assert (answer.status, answer.error_code) == (400, "MoreThanOnePrivateDnsZoneGroupPerPrivateEndpointNotAllowed")


def test_a_policy_makes_the_zone_group_some_time_after_the_endpoint() -> None:
    world, clock = make_world(WorldOptions(policy_zone_groups=PolicyZoneGroups({ZONE: ZONE_ID}, seconds=600)))
    world.act("PUT", ENDPOINT, endpoint())
    clock.advance(599)
    assert world.show(f"{ENDPOINT}/privateDnsZoneGroups/deployedByPolicy") is None
    clock.advance(4000)
    assert world.show(f"{ENDPOINT}/privateDnsZoneGroups/deployedByPolicy") is not None
    assert world.show(RECORD) is not None


def test_deleting_a_group_deletes_what_is_in_it_with_all_that_follows() -> None:
    world, clock = make_world()
    attach(world, clock)
    done(world, clock, world.act("DELETE", NETWORK))
    assert world.show(ENDPOINT) is None
    assert states(world) == []
    assert world.act("GET", ENDPOINT).error_code == "ResourceGroupNotFound"


def test_a_group_on_its_way_out_takes_nothing_more() -> None:
    world, _ = make_world()
    world.act("DELETE", CACHES)
    new = {"location": "westeurope", "properties": {"sku": {"name": "Basic", "family": "C", "capacity": 0}}}
    answer = world.act("PUT", cache_id("late"), new)
    assert answer.error_code == "ResourceGroupBeingDeleted"


def test_a_network_is_linked_to_one_zone_of_a_name_only() -> None:
    world, clock = make_world()
    other = ZONE_ID.replace("rg-net", "rg-cache")
    done(world, clock, world.act("PUT", other, {"location": "global"}))
    link = {"location": "global", "properties": {"registrationEnabled": False, "virtualNetwork": {"id": VNET}}}
    answer = world.act("PUT", f"{other}/virtualNetworkLinks/again", link)
    assert answer.status == 400
    assert "overlapping namespaces" in str(answer.body)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (endpoint(subnet=f"{VNET}/subnets/absent"), 400, "InvalidResourceReference"),
        (endpoint(region="northeurope"), 400, "InvalidResourceReference"),
        (endpoint(subnet=f"{VNET}/subnets/full"), 400, "SubnetIsFull"),
        (
            endpoint(subnet=f"{VNET}/subnets/delegated"),
            400,
            "PrivateEndpointCreationNotAllowedAsSubnetIsDelegated",
        ),
        (
            endpoint(subnet=f"{VNET}/subnets/policies"),
            400,
            "PrivateEndpointCannotBeCreatedInSubnetThatHasNetworkPoliciesEnabled",
        ),
        (endpoint(cache_id("absent")), 400, "InvalidResourceReference"),
        (endpoint(cache_id("injected")), 400, "BadRequest"),
        (endpoint(cache_id("replicated")), 400, "BadRequest"),
        (endpoint(groups=("redisEnterprise",)), 400, "InvalidGroupId"),
        (endpoint(groups=()), 400, "PrivateLinkServiceConnectionGroupIdsMissing"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_endpoint_that_cannot_work_is_refused_and_takes_no_address(body: Json, status: int, code: str) -> None:
    world, _ = make_world()
    answer = world.act("PUT", ENDPOINT, body)
    assert (answer.status, answer.error_code) == (status, code)
    assert world.show(ENDPOINT) is None
    assert _taken(world, SUBNET) == 0


def test_a_clustered_cache_takes_one_endpoint() -> None:
    world, clock = make_world()
    attach(world, clock, body=endpoint(cache_id("clustered")), dns=False)
    answer = world.act("PUT", endpoint_id("pe-b"), endpoint(cache_id("clustered")))
    assert answer.status == 400
    assert "at most 1" in str(answer.body)


def test_a_subnet_fills_up_and_has_room_again_after_a_delete() -> None:
    world, clock = make_world()
    small = endpoint(subnet=f"{VNET}/subnets/small")
    for number in range(3):
        attach(world, clock, f"pe-{number}", small, dns=False)
    assert world.act("PUT", endpoint_id("pe-3"), small).error_code == "SubnetIsFull"
    done(world, clock, world.act("DELETE", endpoint_id("pe-1")))
    assert world.act("PUT", endpoint_id("pe-3"), small).status == 201


def test_a_subnet_that_others_filled_takes_no_endpoint() -> None:
    world, _ = make_world()
    world.leave_free(SUBNET, 0)
    assert world.act("PUT", ENDPOINT, endpoint()).error_code == "SubnetIsFull"


def test_an_endpoints_subscription_must_know_the_caches_provider() -> None:
    world, _ = make_world()
    network = {
        "subscription": OTHER,
        "group": "rg-net",
        "name": "vnet",
        "region": "westeurope",
        "subnets": [{"name": "s", "prefix": "10.9.0.0/24"}],
    }
    world.seed({"subscriptions": [{"id": OTHER, "unregistered": ["Microsoft.Cache"]}], "networks": [network]})
    there = NETWORK.replace(SUBSCRIPTION, OTHER)
    subnet = f"{there}/providers/Microsoft.Network/virtualNetworks/vnet/subnets/s"
    pe = f"{there}/providers/Microsoft.Network/privateEndpoints/pe"
    answer = world.act("PUT", pe, endpoint(subnet=subnet))
    assert (answer.status, answer.error_code) == (403, "Forbidden")


@pytest.mark.parametrize(
    ("action", "scope"),
    [
        ("Microsoft.Network/virtualNetworks/subnets/join/action", SUBNET),
        ("Microsoft.Cache/redis/privateEndpointConnectionsApproval/action", CACHE),
    ],
)
def test_an_endpoint_needs_rights_on_what_it_joins(action: str, scope: str) -> None:
    world, _ = make_world()
    world.faults.add(Denied(action, scope))
    answer = world.act("PUT", ENDPOINT, endpoint(), APP)
    assert (answer.status, answer.error_code) == (403, "LinkedAuthorizationFailed")
    assert action in str(answer.body)
    assert scope in str(answer.body)


def test_a_name_is_blocked_while_its_endpoint_is_being_deleted() -> None:
    world, clock = make_world()
    attach(world, clock)
    world.act("DELETE", ENDPOINT)
    assert world.act("PUT", ENDPOINT, endpoint()).error_code == "PrivateEndpointAlreadyExists"


def test_the_same_endpoint_put_again_changes_nothing_on_the_cache() -> None:
    world, clock = make_world()
    attach(world, clock)
    before = cache(world)
    answer = world.act("PUT", ENDPOINT, endpoint())
    assert answer.status == 200
    clock.advance(4000)
    assert cache(world).connections == before.connections


def test_an_endpoint_that_exists_is_not_moved() -> None:
    world, clock = make_world()
    attach(world, clock)
    elsewhere = world.act("PUT", ENDPOINT, endpoint(subnet=f"{VNET}/subnets/small"))
    other_cache = world.act("PUT", ENDPOINT, endpoint(cache_id("cache-b")))
    assert elsewhere.error_code == other_cache.error_code == "PrivateEndpointCannotBeUpdated"


def test_an_endpoint_that_is_being_made_is_not_put_again() -> None:
    world, _ = make_world()
    world.act("PUT", ENDPOINT, endpoint())
    answer = world.act("PUT", ENDPOINT, endpoint())
    assert (answer.status, answer.error_code) == (409, "AnotherOperationInProgress")


def test_a_subnet_in_use_is_not_deleted() -> None:
    world, clock = make_world()
    attach(world, clock)
    assert world.act("DELETE", SUBNET).error_code == "InUseSubnetCannotBeDeleted"
    assert world.act("DELETE", VNET).error_code == "InUseSubnetCannotBeDeleted"


def test_a_zone_with_a_link_is_not_deleted() -> None:
    world, _ = make_world()
    answer = world.act("DELETE", ZONE_ID)
    assert (answer.status, answer.error_code) == (409, "CannotDeleteResource")


def test_a_zone_group_on_an_endpoint_that_is_not_ready_is_told_to_come_back() -> None:
    world, _ = make_world()
    world.act("PUT", ENDPOINT, endpoint())
    answer = world.act("PUT", ZONE_GROUP, zone_group())
    assert (answer.status, answer.error_code) == (429, "RetryableError")


def test_a_zone_group_needs_its_zone() -> None:
    world, clock = make_world()
    attach(world, clock, dns=False)
    answer = world.act("PUT", ZONE_GROUP, zone_group(ZONE_ID + ".example"))
    assert answer.error_code == "InvalidResourceReference"


def test_a_cache_takes_100_endpoints() -> None:
    world, clock = make_world(WorldOptions(buckets=Buckets(enforced=False)))
    for number in range(100):
        attach(world, clock, f"pe-{number}", dns=False)
    assert len(cache(world).connections) == 100
    answer = world.act("PUT", endpoint_id("pe-100"), endpoint())
    assert answer.status == 400
    assert "at most 100" in str(answer.body)


def test_a_linked_cache_takes_an_endpoint_only_while_it_is_parted() -> None:
    world, clock = make_world()
    names = ("first", "second")
    world.seed(
        {"caches": [{"subscription": SUBSCRIPTION, "group": "rg-cache", "name": n, "sku": "Premium"} for n in names]}
    )
    first, second = (cache_id(name) for name in names)
    server = f"{first}/linkedServers/second"
    link = {"properties": {"linkedRedisCacheId": second, "linkedRedisCacheLocation": "West Europe"}}
    done(world, clock, world.act("PUT", server, link))
    refused = world.act("PUT", ENDPOINT, endpoint(first))
    assert (refused.status, cache(world, "first").connections) == (400, ())
    done(world, clock, world.act("DELETE", server))
    attach(world, clock, body=endpoint(first), dns=False)
    done(world, clock, world.act("PUT", server, link))
    assert states(world, "first") == ["Approved"]
    assert cache(world, "second").linked_servers == (first,)


def test_an_endpoint_has_a_network_interface_for_as_long_as_it_lives() -> None:
    world, clock = make_world()
    attach(world, clock, dns=False)
    shown = world.show(ENDPOINT)
    assert shown is not None
    (nic,) = shown["properties"]["networkInterfaces"]
    assert world.act("GET", nic["id"]).status == 200
    done(world, clock, world.act("DELETE", ENDPOINT))
    assert world.act("GET", nic["id"]).status == 404


def test_deleting_the_group_of_a_cache_disconnects_endpoints_elsewhere() -> None:
    world, clock = make_world()
    attach(world, clock)
    done(world, clock, world.act("DELETE", CACHES))
    assert world.show(CACHE) is None
    assert link_state(world) == "Disconnected"


def test_a_zone_goes_once_its_link_has_gone() -> None:
    world, clock = make_world()
    link = f"{ZONE_ID}/virtualNetworkLinks/vnet-weu"
    refused = world.act("DELETE", ZONE_ID)
    assert (refused.status, refused.error_code) == (409, "CannotDeleteResource")
    assert "/virtualNetworkLinks/vnet-weu'" in str(refused.body)
    done(world, clock, world.act("DELETE", link))
    done(world, clock, world.act("DELETE", ZONE_ID))
    assert world.show(ZONE_ID) is None


def test_a_subnet_goes_once_its_last_endpoint_has_gone() -> None:
    world, clock = make_world()
    attach(world, clock, dns=False)
    assert world.act("DELETE", SUBNET).error_code == "InUseSubnetCannotBeDeleted"
    done(world, clock, world.act("DELETE", ENDPOINT))
    done(world, clock, world.act("DELETE", SUBNET))
    assert world.show(SUBNET) is None


def test_a_lock_on_a_cache_keeps_the_cache_and_lets_an_endpoint_go() -> None:
    world, clock = make_world()
    attach(world, clock)
    done(world, clock, world.act("PUT", f"{CACHE}/providers/Microsoft.Authorization/locks/keep", KEEP))
    assert world.act("DELETE", CACHE).error_code == "ScopeLocked"
    done(world, clock, world.act("DELETE", ENDPOINT))
    assert states(world) == []


def test_a_lock_keeps_an_endpoint_and_its_zone_group() -> None:
    world, clock = make_world()
    attach(world, clock)
    done(world, clock, world.act("PUT", f"{ENDPOINT}/providers/Microsoft.Authorization/locks/keep", KEEP))
    refused = [world.act("DELETE", each).error_code for each in (ENDPOINT, ZONE_GROUP, NETWORK)]
    assert refused == ["ScopeLocked"] * 3
    assert states(world) == ["Approved"]
    assert world.show(RECORD) is not None


def test_a_policy_that_denies_endpoints_leaves_the_cache_and_the_subnet_alone() -> None:
    world, _ = make_world()
    world.faults.add(PolicyDenial("Microsoft.Network/privateEndpoints", NETWORK))
    answer = world.act("PUT", ENDPOINT, endpoint())
    assert (answer.status, answer.error_code) == (403, "RequestDisallowedByPolicy")
    assert (cache(world).public, states(world), _taken(world, SUBNET)) == ("Enabled", [], 0)


def test_every_coupling_that_is_documented_names_tests_that_exist() -> None:
    root = Path(__file__).parents[3]
    _, _, section = (root / "docs" / "emulator.md").read_text(encoding="utf-8").partition("## Couplings")
    rows = [line for line in section.partition("\n## ")[0].splitlines() if line.startswith("| ") and "`test_" in line]
    named = {name for row in rows for name in re.findall(r"`(test_\w+)`", row)}
    written = "\n".join(each.read_text(encoding="utf-8") for each in Path(__file__).parent.glob("test_*.py"))
    assert [name for name in sorted(named) if f"def {name}(" not in written] == []
    assert all(re.search(r"recorded|documented|reported|guess", row.split("|")[2]) for row in rows)
    assert len(rows) > 30
