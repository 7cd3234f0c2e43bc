"""Clusters of Managed Redis and Enterprise: their flag, their endpoints, and what they do to each other."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from local.azure import redisenterprise
from local.azure.calls import Answer, Json
from local.azure.clock import ManualClock
from local.azure.databases import Database
from local.azure.faults import Denied, FailOperation, Match
from local.azure.redisenterprise import ENTERPRISE_ZONE, MANAGED_ZONE
from local.azure.seeds import InvalidSeedError
from local.azure.world import World, WorldOptions
from tests.component.azure.clusters import (
    NEW,
    attach,
    cluster,
    cluster_endpoint,
    cluster_id,
    connection_id,
    decide,
    done,
    flag,
    join_zone,
    make_clusters,
    wait,
    zone_id,
)
from tests.component.azure.fleet import CACHES, SUBSCRIPTION, endpoint, endpoint_id, link_state

GUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def get(world: World, resource_id: str, version: str = "2025-07-01") -> Json:
    answer = world.request("GET", f"{resource_id}?api-version={version}")
    assert answer.status == 200
    assert answer.body is not None
    return answer.body


def status_of(world: World, answer: Answer) -> str:
    """Poll an operation."""
    polled = world.request("GET", answer.headers["Azure-AsyncOperation"])
    assert polled.status == 200
    assert polled.body is not None
    return str(polled.body["status"])


def states(body: Json | None) -> tuple[str, str]:
    assert body is not None
    return body["properties"]["provisioningState"], body["properties"]["resourceState"]


# Life


def test_an_older_api_version_gives_the_cluster_itself_as_the_place_of_the_result() -> None:
    world, _ = make_clusters()
    old = {"location": "westeurope", "sku": {"name": "Balanced_B0"}}
    answer = world.request("PUT", f"{cluster_id('fresh')}?api-version=2025-05-01-preview", old)
    assert answer.headers["Location"].endswith("/redisEnterprise/fresh?api-version=2025-05-01-preview")


def test_a_cluster_is_created_step_by_step() -> None:
    world, clock = make_clusters()
    answer = world.act("PUT", cluster_id("fresh"), NEW)
    assert (answer.status, states(answer.body)) == (201, ("Creating", "Creating"))
    assert re.search(rf"/locations/West%20Europe/operationsStatus/{GUID}\?", answer.headers["Azure-AsyncOperation"])
    assert re.search(rf"/redisEnterprise/fresh/operationresults/{GUID}\?", answer.headers["Location"])
    assert "Retry-After" not in answer.headers
    seen = [status_of(world, answer)]
    clock.advance(3)
    seen.append(status_of(world, answer))
    clock.advance(500)
    seen.append(status_of(world, answer))
    assert seen == ["Pending", "InProgress", "Succeeded"]
    assert states(get(world, cluster_id("fresh"))) == ("Succeeded", "Running")


def test_the_status_of_an_operation_tells_when_it_began_and_when_it_last_changed() -> None:
    world, clock = make_clusters()
    answer = world.act("DELETE", cluster_id("flagged"))
    where = answer.headers["Azure-AsyncOperation"]
    first = world.request("GET", where).body or {}
    wait(world, clock)
    last = world.request("GET", where).body or {}
    assert first.keys() == last.keys() == {"id", "name", "status", "startTime", "endTime"}
    assert first["endTime"] == "0001-01-01T00:00:00+00:00"
    assert first["startTime"] == last["startTime"] < last["endTime"]


def test_a_cluster_that_could_not_be_made_shows_a_host_name_all_the_same() -> None:
    world, clock = make_clusters()
    world.faults.add(FailOperation(), Match(method="PUT"))
    answer = done(world, clock, world.act("PUT", cluster_id("fresh"), NEW))
    assert status_of(world, answer) == "Failed"
    shown = get(world, cluster_id("fresh"))
    assert states(shown) == ("Failed", "CreateFailed")
    assert shown["properties"]["hostName"] == "fresh.westeurope.redis.azure.net"


def test_a_deletion_is_announced_with_the_cluster_on_its_way_out() -> None:
    world, clock = make_clusters()
    answer = world.act("DELETE", cluster_id("flagged"))
    assert (answer.status, states(answer.body)) == (202, ("Deleting", "Deleting"))
    assert re.search(rf"/redisEnterprise/flagged/operationresults/{GUID}\?", answer.headers["Location"])
    assert world.request("GET", answer.headers["Location"]).status == 202
    wait(world, clock)
    assert status_of(world, answer) == "Succeeded"
    assert world.request("GET", answer.headers["Location"]).status == 204
    assert world.act("GET", cluster_id("flagged")).status == 404
    assert world.act("DELETE", cluster_id("flagged")).status == 204


def test_deleting_a_cluster_disconnects_its_endpoint_and_takes_its_database_along() -> None:
    world, clock = make_clusters()
    attach(world, clock, "flagged")
    done(world, clock, world.act("DELETE", cluster_id("flagged")))
    assert link_state(world, "pe") == "Disconnected"
    assert world.show(f"{cluster_id('flagged')}/databases/default") is None


def test_deleting_a_resource_group_deletes_its_clusters() -> None:
    world, clock = make_clusters()
    attach(world, clock, "flagged")
    done(world, clock, world.act("DELETE", CACHES))
    assert world.show(cluster_id("flagged")) is None
    assert link_state(world, "pe") == "Disconnected"


def test_clusters_are_listed_page_by_page_in_a_group_and_a_subscription() -> None:
    world, _ = make_clusters(WorldOptions(page_size=3))
    for scope in (CACHES, f"/subscriptions/{SUBSCRIPTION}"):
        url = f"{scope}/providers/Microsoft.Cache/redisEnterprise?api-version=2025-07-01"
        first = world.request("GET", url).body or {}
        second = world.request("GET", first["nextLink"]).body or {}
        names = [item["name"] for item in [*first["value"], *second["value"]]]
        assert names == ["flagged", "old", "enterprise", "broken"]
        assert "nextLink" not in second


# What a cluster shows


@pytest.mark.parametrize(
    ("name", "kind", "host", "sku"),
    [
        ("flagged", "v2", "flagged.westeurope.redis.azure.net", {"name": "Balanced_B0"}),
        (
            "enterprise",
            "v1",
            "enterprise.northeurope.redisenterprise.cache.azure.net",
            {"name": "Enterprise_E10", "capacity": 2},
        ),
    ],
)
def test_kind_and_host_name_follow_the_sku(name: str, kind: str, host: str, sku: Json) -> None:
    world, _ = make_clusters()
    shown = get(world, cluster_id(name))
    assert (shown["kind"], shown["properties"]["hostName"], shown["sku"]) == (kind, host, sku)
    assert shown["properties"]["privateEndpointConnections"] == []


@pytest.mark.parametrize(("name", "zone"), [("flagged", MANAGED_ZONE), ("enterprise", ENTERPRISE_ZONE)])
def test_the_zone_that_an_endpoint_needs_follows_the_kind_and_its_group_id_does_not(name: str, zone: str) -> None:
    world, _ = make_clusters()
    (item,) = get(world, f"{cluster_id(name)}/privateLinkResources")["value"]
    assert item["properties"] == {
        "groupId": "redisEnterprise",
        "requiredMembers": ["redisEnterprise"],
        "requiredZoneNames": [zone],
    }


def test_an_api_version_before_the_flag_does_not_show_it() -> None:
    world, _ = make_clusters()
    assert "publicNetworkAccess" not in get(world, cluster_id("flagged"), "2025-04-01")["properties"]
    assert get(world, cluster_id("flagged"))["properties"]["publicNetworkAccess"] == "Enabled"
    url = f"{CACHES}/providers/Microsoft.Cache/redisEnterprise"
    assert all("publicNetworkAccess" not in item["properties"] for item in get(world, url, "2025-04-01")["value"])


# The flag


def test_a_cluster_is_not_created_without_saying_who_may_reach_it() -> None:
    world, _ = make_clusters()
    answer = world.act("PUT", cluster_id("fresh"), {**NEW, "properties": {}})
    assert (answer.status, answer.error_code) == (400, "InvalidRequestBody")
    assert world.show(cluster_id("fresh")) is None


def test_a_cluster_made_with_an_old_api_version_has_no_flag_for_ever() -> None:
    world, clock = make_clusters()
    old = {"location": "westeurope", "sku": {"name": "Balanced_B0"}}
    done(world, clock, world.request("PUT", f"{cluster_id('fresh')}?api-version=2025-04-01", old))
    assert get(world, cluster_id("fresh"))["properties"]["publicNetworkAccess"] is None
    for method, body in (("PATCH", flag("Disabled")), ("PUT", NEW)):
        answer = world.act(method, cluster_id("fresh"), body)
        assert (answer.status, answer.error_code) == (400, "BadRequest")
        assert "cannot be set" in str(answer.body)
    assert cluster(world, "fresh").public is None


def test_closing_the_door_takes_a_while_in_which_it_is_still_open() -> None:
    world, clock = make_clusters()
    answer = world.act("PATCH", cluster_id("flagged"), flag("Disabled"))
    assert (answer.status, states(answer.body)) == (202, ("Updating", "Updating"))
    assert world.reachable_in_public(cluster_id("flagged"))
    assert world.act("PATCH", cluster_id("flagged"), flag("Disabled")).error_code == "Conflict"
    wait(world, clock)
    assert status_of(world, answer) == "Succeeded"
    assert (world.request("GET", answer.headers["Location"]).body or {})["properties"][
        "publicNetworkAccess"
    ] == "Disabled"
    assert not world.reachable_in_public(cluster_id("flagged"))


def test_a_failed_change_leaves_the_door_as_it_was_and_may_be_tried_again() -> None:
    world, clock = make_clusters()
    world.faults.add(FailOperation(), Match(method="PATCH", count=1))
    done(world, clock, world.act("PATCH", cluster_id("flagged"), flag("Disabled")))
    assert states(get(world, cluster_id("flagged"))) == ("Failed", "UpdateFailed")
    assert cluster(world, "flagged").public == "Enabled"
    done(world, clock, world.act("PATCH", cluster_id("flagged"), flag("Disabled")))
    assert states(get(world, cluster_id("flagged"))) == ("Succeeded", "Running")
    assert cluster(world, "flagged").public == "Disabled"


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_what_changes_only_tags_or_nothing_is_answered_at_once(method: str) -> None:
    world, _ = make_clusters()
    same = {"location": "westeurope", "sku": {"name": "Balanced_B0"}, **flag("Enabled"), "tags": {"a": "b"}}
    for _ in range(2):
        answer = world.act(method, cluster_id("flagged"), same)
        assert answer.status == 200
        assert "Azure-AsyncOperation" not in answer.headers
    assert cluster(world, "flagged").tags == {"a": "b"}


def test_a_put_that_changes_a_cluster_is_a_200_with_an_operation() -> None:
    world, clock = make_clusters()
    answer = done(world, clock, world.act("PUT", cluster_id("flagged"), NEW))
    assert (answer.status, states(answer.body)) == (200, ("Updating", "Updating"))
    assert status_of(world, answer) == "Succeeded"
    assert cluster(world, "flagged").public == "Disabled"


def test_a_cluster_is_scaled_in_a_state_of_its_own() -> None:
    world, clock = make_clusters()
    answer = done(world, clock, world.act("PATCH", cluster_id("flagged"), {"sku": {"name": "Balanced_B5"}}))
    assert (answer.status, states(answer.body)) == (202, ("Updating", "Scaling"))
    assert cluster(world, "flagged").sku == {"name": "Balanced_B5"}


REFUSED: list[tuple[str, str, Json, int, str]] = [
    ("PUT", "two--hyphens", NEW, 400, "InvalidName"),
    ("PUT", "fresh", {**NEW, "sku": {"name": "Standard"}}, 400, "InvalidRequestBody"),
    ("PUT", "fresh", {**NEW, "location": ""}, 400, "LocationRequired"),
    ("PUT", "fresh", {**NEW, **flag("Perhaps")}, 400, "InvalidRequestBody"),
    ("PUT", "flagged", {**NEW, "location": "eastus"}, 409, "InvalidResourceLocation"),
    ("PATCH", "flagged", flag("Perhaps"), 400, "InvalidRequestBody"),
    ("PATCH", "flagged", {"properties": {"subnetId": "x"}}, 501, "NotEmulated"),
    ("PATCH", "broken", flag("Disabled"), 400, "BadRequest"),
    ("PATCH", "absent", flag("Disabled"), 404, "ResourceNotFound"),
]


@pytest.mark.parametrize(("method", "name", "body", "status", "code"), REFUSED)
def test_what_cannot_be_is_refused(method: str, name: str, body: Json, status: int, code: str) -> None:
    world, _ = make_clusters()
    before = world.show(cluster_id(name))
    answer = world.act(method, cluster_id(name), body)
    assert (answer.status, answer.error_code) == (status, code)
    assert world.show(cluster_id(name)) == before


def test_a_name_is_taken_once_in_a_region() -> None:
    world, _ = make_clusters()
    elsewhere = cluster_id("flagged").replace("rg-cache", "rg-net")
    assert world.act("PUT", elsewhere, NEW).error_code == "NameNotAvailable"
    assert world.act("PUT", elsewhere, {**NEW, "location": "eastus"}).status == 201


# Endpoints


def test_an_endpoint_shows_on_the_cluster_by_its_name_and_a_guid() -> None:
    world, clock = make_clusters()
    attach(world, clock, "flagged")
    (embedded,) = get(world, cluster_id("flagged"))["properties"]["privateEndpointConnections"]
    (item,) = get(world, f"{cluster_id('flagged')}/privateEndpointConnections")["value"]
    assert embedded.keys() == {"id", "properties"}
    assert re.fullmatch(rf"pe\.{GUID}", item["name"])
    assert item["id"] == embedded["id"]
    assert item["properties"]["provisioningState"] == "Succeeded"
    assert item["properties"]["privateLinkServiceConnectionState"]["status"] == "Approved"
    assert get(world, item["id"]) == item


@pytest.mark.parametrize(
    ("name", "zone", "record"),
    [
        ("flagged", MANAGED_ZONE, "flagged.westeurope"),
        ("enterprise", ENTERPRISE_ZONE, "enterprise.northeurope"),
    ],
)
def test_a_zone_group_writes_the_record_of_cluster_and_region(name: str, zone: str, record: str) -> None:
    world, clock = make_clusters()
    attach(world, clock, name)
    (names,) = get_endpoint(world)["properties"]["customDnsConfigs"]
    assert names["fqdn"] == cluster(world, name).host
    join_zone(world, clock, zone)
    written = world.show(f"{zone_id(zone)}/A/{record}")
    assert written is not None
    assert written["properties"]["aRecords"] == [{"ipv4Address": names["ipAddresses"][0]}]
    done(world, clock, world.act("DELETE", endpoint_id("pe")))
    assert world.show(f"{zone_id(zone)}/A/{record}") is None


def get_endpoint(world: World) -> Json:
    shown = world.show(endpoint_id("pe"))
    assert shown is not None
    return shown


@pytest.mark.parametrize(("name", "wrong"), [("flagged", ENTERPRISE_ZONE), ("enterprise", MANAGED_ZONE)])
def test_a_zone_group_for_the_wrong_zone_writes_nothing(name: str, wrong: str) -> None:
    world, clock = make_clusters()
    attach(world, clock, name)
    join_zone(world, clock, wrong)
    group = world.show(f"{endpoint_id('pe')}/privateDnsZoneGroups/default") or {}
    assert group["properties"]["privateDnsZoneConfigs"][0]["properties"]["recordSets"] == []


def test_the_first_endpoint_does_not_shut_a_door_that_has_a_flag() -> None:
    world, clock = make_clusters()
    attach(world, clock, "flagged")
    assert cluster(world, "flagged").public == "Enabled"
    assert world.reachable_in_public(cluster_id("flagged"))


def _delete_endpoint(world: World, clock: ManualClock, _: str) -> None:
    done(world, clock, world.act("DELETE", endpoint_id("pe")))


def _delete_connection(world: World, clock: ManualClock, name: str) -> None:
    done(world, clock, world.act("DELETE", connection_id(world, name)))


def _reject(world: World, clock: ManualClock, name: str) -> None:
    done(world, clock, world.act("PUT", connection_id(world, name), decide("Rejected")))


Lose = Callable[[World, ManualClock, str], None]
LOSSES: list[Lose] = [_delete_endpoint, _delete_connection, _reject]


@pytest.mark.parametrize("lose", LOSSES)
@pytest.mark.parametrize("name", ["old", "enterprise"])
def test_without_a_flag_an_endpoint_is_the_only_protection(name: str, lose: Lose) -> None:
    world, clock = make_clusters()
    assert world.reachable_in_public(cluster_id(name))
    attach(world, clock, name)
    assert not world.reachable_in_public(cluster_id(name))
    lose(world, clock, name)
    assert world.reachable_in_public(cluster_id(name))


@pytest.mark.parametrize(("unkind", "public"), [(False, "Disabled"), (True, "Enabled")])
@pytest.mark.parametrize("lose", LOSSES)
def test_losing_the_last_endpoint_opens_a_closed_cluster_only_where_asked_to(
    lose: Lose, *, unkind: bool, public: str
) -> None:
    world, clock = make_clusters(WorldOptions(last_endpoint_opens=unkind))
    done(world, clock, world.act("PATCH", cluster_id("flagged"), flag("Disabled")))
    attach(world, clock, "flagged")
    lose(world, clock, "flagged")
    assert cluster(world, "flagged").public == public
    assert world.reachable_in_public(cluster_id("flagged")) is unkind


def test_a_connection_that_waits_protects_nothing_and_is_approved_when_its_operation_ends() -> None:
    world, clock = make_clusters()
    attach(world, clock, "old", manual=True)
    assert world.reachable_in_public(cluster_id("old"))
    answer = world.act("PUT", connection_id(world, "old"), decide("Approved"))
    properties = (answer.body or {})["properties"]
    assert answer.status == 201
    assert properties["privateLinkServiceConnectionState"]["status"] == "Approved"
    assert properties["provisioningState"] == "Creating"
    assert world.reachable_in_public(cluster_id("old"))
    assert world.act("PUT", connection_id(world, "old"), decide("Approved")).error_code == "Conflict"
    wait(world, clock)
    assert status_of(world, answer) == "Succeeded"
    assert not world.reachable_in_public(cluster_id("old"))
    assert link_state(world, "pe") == "Approved"


def test_deleting_a_connection_takes_a_while_and_leaves_the_endpoint_disconnected() -> None:
    world, clock = make_clusters()
    attach(world, clock, "old")
    connection = connection_id(world, "old")
    answer = world.act("DELETE", connection)
    assert (answer.status, answer.body) == (202, None)
    assert get(world, connection)["properties"]["provisioningState"] == "Deleting"
    assert link_state(world, "pe") == "Approved"
    wait(world, clock)
    assert world.request("GET", answer.headers["Location"]).status == 204
    assert link_state(world, "pe") == "Disconnected"
    assert world.act("DELETE", connection).status == 204


def test_a_connection_that_could_not_be_deleted_is_still_there() -> None:
    world, clock = make_clusters()
    attach(world, clock, "old")
    world.faults.add(FailOperation(), Match(method="DELETE"))
    answer = done(world, clock, world.act("DELETE", connection_id(world, "old")))
    assert status_of(world, answer) == "Failed"
    assert get(world, connection_id(world, "old"))["properties"]["provisioningState"] == "Succeeded"
    assert link_state(world, "pe") == "Approved"


def test_a_cluster_takes_84_endpoints() -> None:
    world, clock = make_clusters()
    for number in range(84):
        assert world.act("PUT", endpoint_id(f"pe-{number}"), cluster_endpoint("flagged")).status == 201
    wait(world, clock)
    assert len(cluster(world, "flagged").connections) == 84
    answer = world.act("PUT", endpoint_id("pe-84"), cluster_endpoint("flagged"))
    assert (answer.status, answer.error_code) == (400, "BadRequest")
    assert "at most 84" in str(answer.body)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (endpoint(cluster_id("flagged"), groups=("redisCache",)), "InvalidGroupId"),
        (endpoint(cluster_id("flagged"), groups=()), "PrivateLinkServiceConnectionGroupIdsMissing"),
        (endpoint(cluster_id("absent"), groups=("redisEnterprise",)), "InvalidResourceReference"),
        (endpoint(cluster_id("broken"), groups=("redisEnterprise",)), "BadRequest"),
    ],
)
def test_an_endpoint_that_cannot_be_attached_is_refused(body: Json, code: str) -> None:
    world, _ = make_clusters()
    assert world.act("PUT", endpoint_id("pe"), body).error_code == code


def test_a_cluster_that_is_being_changed_takes_no_endpoint() -> None:
    world, _ = make_clusters()
    world.act("PATCH", cluster_id("flagged"), flag("Disabled"))
    assert world.act("PUT", endpoint_id("pe"), cluster_endpoint("flagged")).error_code == "Conflict"


def test_a_fresh_cluster_takes_an_endpoint_only_after_a_while_where_the_world_asks_for_it() -> None:
    world, clock = make_clusters(WorldOptions(fresh_cache_wait=10_000))
    done(world, clock, world.act("PUT", cluster_id("fresh"), NEW))
    assert cluster(world, "fresh").state == "Succeeded"
    assert world.act("PUT", endpoint_id("pe"), cluster_endpoint("fresh")).error_code == "Conflict"
    clock.advance(10_000)
    assert world.act("PUT", endpoint_id("pe"), cluster_endpoint("fresh")).status == 201


def test_attaching_needs_the_right_to_approve_at_the_cluster() -> None:
    world, _ = make_clusters()
    right = "Microsoft.Cache/redisEnterprise/privateEndpointConnectionsApproval/action"
    world.faults.add(Denied(right, cluster_id("flagged")))
    answer = world.act("PUT", endpoint_id("pe"), cluster_endpoint("flagged"))
    assert (answer.status, answer.error_code) == (403, "LinkedAuthorizationFailed")
    assert right in str(answer.body)


# What is not there


def test_an_absent_child_is_reported_by_the_provider_and_an_absent_cluster_by_the_gateway() -> None:
    world, _ = make_clusters()
    inside = world.act("GET", f"{cluster_id('flagged')}/privateEndpointConnections/absent")
    outside = world.act("GET", cluster_id("absent"))
    assert (inside.status, inside.error_code, outside.status, outside.error_code) == (
        *(404, "ResourceNotFound"),
        *(404, "ResourceNotFound"),
    )
    assert "x-ms-failure-cause" not in inside.headers
    assert outside.headers["x-ms-failure-cause"] == "gateway"


def test_one_404_has_no_error_code() -> None:
    world, _ = make_clusters()
    answer = world.act("GET", f"{cluster_id('flagged')}/databases/default/accessPolicyAssignments/absent")
    assert (answer.status, answer.error_code) == (404, "")
    assert answer.headers["Content-Type"].startswith("application/problem+json")


# Databases


def test_a_database_is_made_changed_listed_and_deleted() -> None:
    world, clock = make_clusters()
    done(world, clock, world.act("PUT", cluster_id("fresh"), NEW))
    database = f"{cluster_id('fresh')}/databases/default"
    made = done(world, clock, world.act("PUT", database, {"properties": {"evictionPolicy": "NoEviction"}}))
    assert (made.status, states(made.body)) == (201, ("Creating", "Creating"))
    changed = done(world, clock, world.act("PUT", database, {"properties": {"evictionPolicy": "AllKeysLRU"}}))
    assert (changed.status, states(changed.body)) == (200, ("Updating", "Updating"))
    (item,) = get(world, f"{cluster_id('fresh')}/databases")["value"]
    assert item == get(world, database)
    assert (item["properties"]["port"], item["properties"]["clientProtocol"]) == (10000, "Encrypted")
    assert item["properties"]["evictionPolicy"] == "AllKeysLRU"
    gone = done(world, clock, world.act("DELETE", database))
    assert (gone.status, states(gone.body)) == (202, ("Deleting", "Deleting"))
    assert world.act("GET", database).error_code == "ResourceNotFound"
    assert world.act("DELETE", database).status == 204


def linked(world: World, name: str) -> list[str]:
    """Name the clusters of a cluster's group of active geo-replication."""
    database = world.store.find(f"{cluster_id(name)}/databases/default", Database)
    assert database is not None
    return sorted(item.split("/")[8] for item in database.linked)


def test_clusters_of_one_group_are_linked_until_one_is_deleted() -> None:
    world, clock = make_clusters()
    geo = get(world, f"{cluster_id('old')}/databases/default")["properties"]["geoReplication"]
    assert geo["groupNickname"] == "pair"
    assert {item["state"] for item in geo["linkedDatabases"]} == {"Linked"}
    assert linked(world, "old") == linked(world, "enterprise") == ["enterprise", "old"]
    done(world, clock, world.act("DELETE", cluster_id("enterprise")))
    assert linked(world, "old") == ["old"]


def test_a_new_database_joins_a_group() -> None:
    world, clock = make_clusters()
    done(world, clock, world.act("PUT", cluster_id("fresh"), NEW))
    names = ("old", "enterprise", "fresh")
    links = [{"id": f"{cluster_id(name)}/databases/default"} for name in names]
    body = {"properties": {"geoReplication": {"groupNickname": "pair", "linkedDatabases": links}}}
    made = done(world, clock, world.act("PUT", f"{cluster_id('fresh')}/databases/default", body))
    assert (made.body or {})["properties"]["geoReplication"]["linkedDatabases"][0]["state"] == "Linking"
    assert linked(world, "old") == ["enterprise", "fresh", "old"]


# Events


def test_every_change_is_announced() -> None:
    world, clock = make_clusters()
    done(world, clock, world.act("PUT", cluster_id("fresh"), NEW))
    attach(world, clock, "fresh")
    done(world, clock, world.act("PUT", connection_id(world, "fresh"), decide("Rejected")))
    done(world, clock, world.act("DELETE", connection_id(world, "fresh")))
    tags = f"{cluster_id('fresh')}/providers/Microsoft.Resources/tags/default"
    done(world, clock, world.act("PUT", tags, {"properties": {"tags": {"a": "b"}}}))
    done(world, clock, world.act("DELETE", cluster_id("fresh")))
    inside = "Microsoft.Cache/redisEnterprise/"
    assert [event.operation.removeprefix(inside) for event in world.events] == [
        "write",
        "privateEndpointConnectionProxies/validate/action",
        "privateEndpointConnectionProxies/write",
        "Microsoft.Network/privateEndpoints/write",
        "privateEndpointConnections/write",
        "privateEndpointConnections/delete",
        "Microsoft.Resources/tags/write",
        "delete",
    ]
    assert {event.status for event in world.events} == {"Succeeded"}
    caches = [event.subject.lower() for event in world.events if "privateendpoints" not in event.subject.lower()]
    assert all(subject.startswith(cluster_id("fresh").lower()) for subject in caches)
    assert world.events[0].subject == cluster_id("fresh").replace("resourceGroups", "resourcegroups")


def test_deleting_an_endpoint_is_announced_on_the_cluster_too() -> None:
    world, clock = make_clusters()
    attach(world, clock, "old")
    name = cluster(world, "old").connections[0].name
    done(world, clock, world.act("DELETE", endpoint_id("pe")))
    subject = f"{cluster_id('old')}/privateEndpointConnectionProxies/{name}"
    assert ("Microsoft.Cache/redisEnterprise/privateEndpointConnectionProxies/delete", subject) in {
        (event.operation, event.subject) for event in world.events
    }


def test_a_failed_change_is_announced_as_a_failure() -> None:
    world, clock = make_clusters()
    world.faults.add(FailOperation(), Match(method="PATCH"))
    done(world, clock, world.act("PATCH", cluster_id("flagged"), flag("Disabled")))
    assert [event.type for event in world.events] == ["Microsoft.Resources.ResourceWriteFailure"]


# Seeds


def test_a_seed_that_misspells_a_field_is_refused_by_name() -> None:
    world, _ = make_clusters()
    wrong = {"clusters": [{"subscription": SUBSCRIPTION, "group": "g", "name": "n", "publicAccess": None}]}
    with pytest.raises(InvalidSeedError, match="publicAccess"):
        world.seed(wrong)


@pytest.mark.parametrize(
    ("state", "shown"),
    [("Creating", "Creating"), ("Updating", "Updating"), ("Failed", "CreateFailed"), ("Succeeded", "Running")],
)
def test_a_seeded_state_shows_as_both_states(state: str, shown: str) -> None:
    world, _ = make_clusters()
    world.seed({"clusters": [{"subscription": SUBSCRIPTION, "group": "rg-cache", "name": "n", "state": state}]})
    assert states(world.show(cluster_id("n"))) == (state, shown)


# Honesty


@pytest.mark.parametrize(
    "guess", ["last_endpoint_opens", "cannot be set", "attaching the first endpoint", "CreateFailed"]
)
def test_what_is_guessed_about_clusters_is_written_down(guess: str) -> None:
    folder = Path(redisenterprise.__file__).parent
    assert guess in (folder / "DIFFERENCES.md").read_text(encoding="utf-8")


def database_id(name: str) -> str:
    return f"{cluster_id(name)}/databases/default"


def test_an_access_policy_assignment_is_there_until_it_is_deleted() -> None:
    world, clock = make_clusters()
    path = f"{database_id('flagged')}/accessPolicyAssignments/app"
    body: Json = {"properties": {"accessPolicyName": "default", "user": {"objectId": "someone"}}}
    assert (done(world, clock, world.act("PUT", path, body)).body or {})["properties"][
        "provisioningState"
    ] == "Creating"
    assert (world.act("GET", path).body or {})["properties"]["provisioningState"] == "Succeeded"
    assert [item["name"] for item in get(world, path.rsplit("/", 1)[0])["value"]] == ["app"]
    done(world, clock, world.act("DELETE", path))
    assert world.act("GET", path).status == 404
    assert world.act("DELETE", path).status == 204


def test_the_keys_of_a_database_are_the_same_until_one_is_renewed() -> None:
    world, _ = make_clusters()
    first = world.act("POST", f"{database_id('flagged')}/listKeys").body or {}
    renewed = world.act("POST", f"{database_id('flagged')}/regenerateKey", {"keyType": "Secondary"}).body or {}
    assert renewed["primaryKey"] == first["primaryKey"]
    assert renewed["secondaryKey"] != first["secondaryKey"]
    assert world.act("POST", f"{database_id('flagged')}/listKeys").body == renewed


def test_an_unknown_module_is_refused() -> None:
    world, clock = make_clusters()
    done(world, clock, world.act("DELETE", database_id("flagged")))
    body: Json = {"properties": {"modules": [{"name": "RedisTeleport"}]}}
    assert world.act("PUT", database_id("flagged"), body).error_code == "BadRequest"


def test_a_database_that_is_thrown_out_of_its_group_is_unlinking_and_then_alone() -> None:
    world, clock = make_clusters()
    one, other = database_id("old"), database_id("flagged")
    for name in (one, other):
        world.put(replace(Database(id=name), nickname="trio", linked=(one, other)))
    during = world.act("POST", f"{one}/forceUnlink", {"ids": [other]})
    states = [item["state"] for item in (during.body or {})["properties"]["geoReplication"]["linkedDatabases"]]
    assert (during.status, states) == (202, ["Linked", "Unlinking"])
    done(world, clock, during)
    assert [item["id"] for item in get(world, one)["properties"]["geoReplication"]["linkedDatabases"]] == [one]
    assert "geoReplication" not in get(world, other)["properties"]
    assert world.act("POST", f"{one}/forceUnlink", {"ids": [other]}).error_code == "BadRequest"
