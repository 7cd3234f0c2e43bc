"""What is refused before a provider sees it, and what is not emulated."""

from __future__ import annotations

import pytest

from local.azure.access import Grant
from local.azure.callers import APP, OPERATOR
from local.azure.faults import Denied, Lock, Match, PolicyDenial
from local.azure.subscriptions import Subscription
from tests.component.azure.fleet import (
    CACHE,
    CACHES,
    ENDPOINT,
    NETWORK,
    OTHER,
    SUBNET,
    SUBSCRIPTION,
    attach,
    cache_id,
    endpoint,
    make_world,
)

PATCH = {"properties": {"publicNetworkAccess": "Disabled"}}


@pytest.mark.parametrize(
    ("method", "url", "what"),
    [
        ("GET", f"{CACHES}/providers/Microsoft.Compute/virtualMachines?api-version=2024-11-01", "route"),
        ("GET", "/somewhere/else", "route"),
        ("POST", f"{CACHE}/explode?api-version=2024-11-01", "POST:explode"),
        ("GET", f"{CACHE}?api-version=1999-01-01", "api-version '1999-01-01'"),
        ("GET", f"{CACHE}", "api-version ''"),
        ("GET", f"{CACHES}/providers/Microsoft.Cache/redis?api-version=2024-11-01&$filter=x", "query option"),
        ("PATCH", f"{SUBNET}?api-version=2026-03-01", "PATCH"),
    ],
)
def test_what_is_not_emulated_is_said_aloud(method: str, url: str, what: str) -> None:
    world, _ = make_world()
    answer = world.request(method, url, {})
    assert (answer.status, answer.error_code) == (501, "NotEmulated")
    assert what in str(answer.body)


@pytest.mark.parametrize(
    ("resource", "code"),
    [
        (cache_id("absent"), "ResourceNotFound"),
        (cache_id("x").replace("rg-cache", "rg-absent"), "ResourceGroupNotFound"),
        (cache_id("x").replace(SUBSCRIPTION, OTHER), "SubscriptionNotFound"),
        (f"{cache_id('absent')}/privateEndpointConnections/x", "ResourceNotFound"),
        (f"{ENDPOINT}/privateDnsZoneGroups/x", "ResourceNotFound"),
        (CACHES.replace("rg-cache", "rg-absent"), "ResourceGroupNotFound"),
    ],
)
def test_what_is_absent_is_named(resource: str, code: str) -> None:
    world, _ = make_world()
    answer = world.act("GET", resource)
    assert (answer.status, answer.error_code) == (404, code)


@pytest.mark.parametrize(
    ("child", "parent"),
    [
        (f"{ENDPOINT}/privateDnsZoneGroups/default", ENDPOINT),
        (f"{NETWORK}/providers/Microsoft.Network/privateDnsZones/absent.example/A/x", "absent.example"),
        (f"{NETWORK}/providers/Microsoft.Network/virtualNetworks/absent/subnets/x", "absent"),
    ],
)
def test_a_child_is_not_made_without_its_parent(child: str, parent: str) -> None:
    world, _ = make_world()
    answer = world.act("PUT", child, {"properties": {}})
    assert (answer.status, answer.error_code) == (404, "ParentResourceNotFound")
    assert parent in str(answer.body)


def test_paths_are_matched_without_case() -> None:
    world, _ = make_world()
    answer = world.request("GET", f"{CACHE.upper()}?API-VERSION=2024-11-01")
    assert answer.status == 200
    assert answer.body is not None
    assert answer.body["id"] == CACHE


@pytest.mark.parametrize(
    ("denied", "method", "allowed"),
    [
        (Denied("Microsoft.Cache/redis/write", CACHES), "PATCH", False),
        (Denied("Microsoft.Cache/redis/write", CACHES), "GET", True),
        (Denied("Microsoft.Cache/*/read", f"/subscriptions/{SUBSCRIPTION}"), "GET", False),
        (Denied("*", CACHES.replace("rg-cache", "rg-c")), "GET", True),
        (Denied("*", CACHE), "DELETE", False),
    ],
)
def test_a_denied_action_answers_403_at_its_scope_and_below(denied: Denied, method: str, allowed: bool) -> None:
    world, _ = make_world()
    world.faults.add(denied, Match(caller=APP.object_id))
    answer = world.act(method, CACHE, PATCH, APP)
    assert (answer.error_code != "AuthorizationFailed") is allowed
    assert world.act("GET", CACHE, caller=OPERATOR).status == 200


@pytest.mark.parametrize(
    ("listed", "scope"),
    [
        (f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Cache/redis", f"/subscriptions/{SUBSCRIPTION}"),
        (f"{CACHES}/providers/Microsoft.Cache/redis", CACHES),
        (f"{CACHE}/privateEndpointConnections", CACHE),
    ],
)
def test_a_list_needs_its_right_where_it_is_a_list_of(listed: str, scope: str) -> None:
    world, _ = make_world()
    action = "Microsoft.Cache/redis/privateEndpointConnections/read" if scope == CACHE else "Microsoft.Cache/redis/read"
    world.access.grants[APP.object_id] = (Grant(frozenset({action}), scope),)
    assert world.act("GET", listed, caller=APP).status == 200
    world.access.grants[APP.object_id] = (Grant(frozenset({action}), f"{scope}-not"),)
    assert f"over scope '{scope}'" in str(world.act("GET", listed, caller=APP).body)


def test_a_denial_names_client_action_and_scope() -> None:
    world, _ = make_world()
    world.faults.add(Denied("Microsoft.Cache/redis/write", CACHE))
    body = world.act("PATCH", CACHE, PATCH, APP).body
    assert body is not None
    assert body["error"]["message"] == (
        f"The client '{APP.app_id}' with object id '{APP.object_id}' does not have authorization to perform action "
        f"'Microsoft.Cache/redis/write' over scope '{CACHE}' or the scope is invalid. If access was recently granted, "
        "please refresh your credentials."
    )


@pytest.mark.parametrize(
    ("level", "method", "status"),
    [
        ("ReadOnly", "PATCH", 409),
        ("ReadOnly", "DELETE", 409),
        ("ReadOnly", "GET", 200),
        ("CanNotDelete", "DELETE", 409),
        ("CanNotDelete", "PATCH", 202),
    ],
)
def test_a_lock_holds_at_its_scope_and_below(level: str, method: str, status: int) -> None:
    world, _ = make_world()
    world.faults.add(Lock(CACHES, level))
    answer = world.act(method, CACHE, PATCH)
    assert answer.status == status
    assert (answer.error_code == "ScopeLocked") is (status == 409)


def test_a_lock_inside_a_group_keeps_the_group() -> None:
    world, _ = make_world()
    world.faults.add(Lock(CACHE, "CanNotDelete"))
    assert world.act("DELETE", CACHES).error_code == "ScopeLocked"


def test_a_policy_denies_writes_of_its_type_only() -> None:
    world, clock = make_world()
    world.faults.add(PolicyDenial("Microsoft.Network/privateEndpoints", NETWORK))
    answer = world.act("PUT", ENDPOINT, endpoint())
    assert (answer.status, answer.error_code) == (403, "RequestDisallowedByPolicy")
    assert answer.body is not None
    assert answer.body["error"]["additionalInfo"][0]["type"] == "PolicyViolation"
    assert world.act("PATCH", CACHE, PATCH).status == 202
    world.faults.clear()
    clock.advance(100)
    attach(world, clock)


def test_an_unregistered_provider_refuses_what_is_new_until_it_is_registered() -> None:
    world, clock = make_world()
    world.directory.add(Subscription(SUBSCRIPTION, "prod", registered=frozenset({"microsoft.network"})))
    new = {"location": "westeurope", "properties": {"sku": {"name": "Basic", "family": "C", "capacity": 0}}}
    answer = world.act("PUT", cache_id("new"), new)
    assert (answer.status, answer.error_code) == (409, "MissingSubscriptionRegistration")
    url = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Cache"
    assert world.request("POST", f"{url}/register?api-version=2016-02-01").status == 200
    clock.advance(100)
    shown = world.request("GET", f"{url}?api-version=2025-04-01").body
    assert shown is not None
    assert shown["registrationState"] == "Registered"
    assert world.act("PUT", cache_id("new"), new).status == 201
