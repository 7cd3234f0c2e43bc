"""The adapters against the stand-in for Azure: real SDK, real managed-identity code, TLS; asserted on its world."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import pytest
from tenacity import wait_none

from local.azure.emulator import Emulator, EmulatorOptions
from local.azure.faults import (
    Busy,
    Denied,
    Effect,
    FailOperation,
    GatewayTimeout,
    Lasting,
    Lock,
    Match,
    PolicyDenial,
    Problem,
    Reset,
    Respond,
    RetryableError,
    Throttle,
)
from local.azure.operations import Operation
from local.azure.seeds import CacheSeed, ManagementGroupSeed, NetworkSeed, Seed, SubnetSeed, SubscriptionSeed
from shared.arm import Arm, ArmError, ArmSettings, Patience, Retry, counted
from shared.ids import CacheId, GroupId, NetworkId, SubnetId, network_id, zone_id
from shared.model import Cache, DnsMode, Placement, PublicAccess, Readiness, Reason, Status

T = TypeVar("T")

SHOP = "11111111-1111-4111-8111-111111111111"
NET = "22222222-2222-4222-8222-222222222222"
BARE = "33333333-3333-4333-8333-333333333333"
ZONE_NAME = "privatelink.redis.cache.windows.net"
VNET = network_id(f"/subscriptions/{NET}/resourceGroups/net/providers/Microsoft.Network/virtualNetworks/hub")
ZONE = zone_id(f"/subscriptions/{NET}/resourceGroups/net/providers/Microsoft.Network/privateDnsZones/{ZONE_NAME}")
SEED = Seed(
    subscriptions=(
        SubscriptionSeed(SHOP),
        SubscriptionSeed(NET),
        SubscriptionSeed(BARE, unregistered=("Microsoft.Network",)),
    ),
    management_groups=(
        ManagementGroupSeed("corp", children=("online", NET)),
        ManagementGroupSeed("online", children=(SHOP,)),
    ),
    networks=(
        NetworkSeed(
            NET,
            "net",
            "hub",
            "westeurope",
            subnets=(
                SubnetSeed("pe", "10.0.1.0/24"),
                SubnetSeed("full", "10.0.2.0/28", free=0),
                SubnetSeed("web", "10.0.3.0/24", delegation="Microsoft.Web/serverFarms"),
                SubnetSeed("policies", "10.0.4.0/24", refuses_policies=True),
            ),
            zones=(ZONE_NAME,),
        ),
        NetworkSeed(NET, "spokes", "spoke", "westeurope", prefix="10.9.0.0/16"),
    ),
    caches=(CacheSeed(SHOP, "shop", "orders", tags={"drawbridge": "private"}),),
)
ORDERS = CacheId.parse(SEED.caches[0].id)


@pytest.fixture
async def azure() -> AsyncIterator[Emulator]:
    """Run the stand-in a thousand times faster than Azure."""
    async with Emulator.start(EmulatorOptions(time_scale=1000)) as emulator:
        emulator.world.seed(SEED)
        yield emulator


@pytest.fixture
async def arm(azure: Emulator, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Arm]:
    """Give Arm as the app builds it from its environment."""
    for name, value in azure.environment.items():
        monkeypatch.setenv(name, value)
    arm = Arm(ArmSettings.from_environment(azure.environment), patience=Patience(wait_none()))
    yield arm
    await arm.close()


def placement(
    subnet: str = "pe", region: str = "westeurope", group: str = f"/subscriptions/{NET}/resourceGroups/net"
) -> Placement:
    return Placement("hub", region, SubnetId(VNET, subnet), GroupId.parse(group), DnsMode.ZONES, {ZONE_NAME: ZONE})


async def eventually(read: Callable[[], Awaitable[T]], holds: Callable[[T], bool]) -> T:
    async with asyncio.timeout(10):
        while not holds(value := await read()):  # noqa: ASYNC110 - Azure tells nobody when it is done
            await asyncio.sleep(0.01)
    return value


async def orders(arm: Arm) -> Cache:
    cache = await arm.classic.get(ORDERS)
    assert cache is not None
    return cache


async def attached(arm: Arm) -> NetworkId:
    """Attach the cache and wait until Azure is done."""
    endpoint = await arm.network.create_endpoint(await orders(arm), placement(), "pe-orders")
    await eventually(lambda: arm.network.endpoint(endpoint), lambda e: e is not None and e.readiness is Readiness.READY)
    return endpoint


# ── the way of one cache, over real requests ────────────────────────────────────────────────────


async def test_a_cache_gets_its_endpoint_its_records_and_its_door_shut(azure: Emulator, arm: Arm) -> None:
    before = await orders(arm)
    assert (before.tags, before.region, before.connections) == ({"drawbridge": "private"}, "westeurope", ())

    endpoint = await arm.network.create_endpoint(before, placement(), "pe-orders")
    made = await eventually(
        lambda: arm.network.endpoint(endpoint), lambda e: e is not None and e.readiness is Readiness.READY
    )
    assert made is not None
    assert (made.status, made.targets, made.subnet) == (Status.APPROVED, (ORDERS,), placement().subnet)
    assert made.made_by_drawbridge(ORDERS)
    assert await arm.network.zone_groups(endpoint) == ()

    await arm.network.put_zone_group(endpoint, "default", ZONE)
    groups = await eventually(
        lambda: arm.network.zone_groups(endpoint), lambda g: bool(g) and g[0].readiness is Readiness.READY
    )
    assert [(g.name, list(g.zones.values())) for g in groups] == [("default", [str(ZONE).lower()])]
    assert [r.name for r in groups[0].records] == ["orders"]
    assert await arm.dns.a_records(ZONE, "orders") == groups[0].records[0].addresses

    await arm.classic.set_public_access(ORDERS, PublicAccess.DISABLED)
    after = await eventually(lambda: orders(arm), lambda c: c.readiness is Readiness.READY)
    assert after.public_access is PublicAccess.DISABLED
    assert [c.endpoint for c in after.approved()] == [endpoint]
    assert azure.world.cache(str(ORDERS)).public_network_access == "Disabled"


async def test_a_deleted_endpoint_takes_its_connection_along(arm: Arm) -> None:
    endpoint = await attached(arm)

    await arm.network.delete_endpoint(endpoint)
    await eventually(lambda: arm.network.endpoint(endpoint), lambda e: e is None)

    assert (await orders(arm)).connections == ()
    await arm.network.delete_endpoint(endpoint)


async def test_a_rejected_connection_is_seen_from_both_ends(azure: Emulator, arm: Arm) -> None:
    endpoint = await attached(arm)
    name = (await orders(arm)).connections[0].name
    rejected = {"properties": {"privateLinkServiceConnectionState": {"status": "Rejected", "description": "no"}}}
    url = f"{ORDERS}/privateEndpointConnections/{name}?api-version=2024-11-01"
    assert azure.request("PUT", url, rejected).status < 300

    cache = await eventually(lambda: orders(arm), lambda c: c.connections[0].status is Status.REJECTED)
    seen = await arm.network.endpoint(endpoint)

    assert cache.approved() == ()
    assert seen is not None
    assert seen.status is Status.REJECTED


async def test_a_removed_connection_leaves_a_disconnected_endpoint(azure: Emulator, arm: Arm) -> None:
    endpoint = await attached(arm)
    name = (await orders(arm)).connections[0].name
    azure.request("DELETE", f"{ORDERS}/privateEndpointConnections/{name}?api-version=2024-11-01")

    seen = await arm.network.endpoint(endpoint)

    assert seen is not None
    assert seen.status is Status.DISCONNECTED
    assert (await orders(arm)).connections == ()


async def test_a_zone_and_its_link_are_made_and_found(arm: Arm) -> None:
    spoke = NetworkId(NET, "spokes", "virtualNetworks", "spoke")
    zone = NetworkId(NET, "spokes", "privateDnsZones", ZONE_NAME)
    assert not await arm.dns.zone_exists(zone)
    assert not await arm.dns.link_exists(zone, spoke)

    await arm.dns.create_zone(zone)
    await eventually(lambda: arm.dns.zone_exists(zone), bool)
    await arm.dns.link(zone, spoke)
    await eventually(lambda: arm.dns.link_exists(zone, spoke), bool)

    assert not await arm.dns.link_exists(zone, VNET)
    assert await arm.dns.a_records(zone, "orders") is None


async def test_a_zone_that_exists_keeps_what_it_has(azure: Emulator, arm: Arm) -> None:
    url = f"{ZONE}?api-version=2024-06-01"
    azure.request("PUT", url, {"location": "global", "tags": {"owner": "network team"}})
    await eventually(lambda: _tags(azure, url), lambda tags: tags == {"owner": "network team"})

    await arm.dns.create_zone(ZONE)
    running = azure.world.operations
    await eventually(lambda: _all_ended(running), bool)

    assert await _tags(azure, url) == {"owner": "network team"}


async def _tags(azure: Emulator, url: str) -> object:
    body = azure.request("GET", url).body
    assert isinstance(body, dict)
    return body.get("tags")


async def _all_ended(operations: dict[str, Operation]) -> bool:
    return not any(operation.running for operation in operations.values())


async def test_a_network_cannot_be_linked_to_two_zones_of_one_name(arm: Arm) -> None:
    zone = NetworkId(NET, "spokes", "privateDnsZones", ZONE_NAME)
    await arm.dns.create_zone(zone)
    await eventually(lambda: arm.dns.zone_exists(zone), bool)

    with pytest.raises(ArmError) as caught:
        await arm.dns.link(zone, VNET)
    assert caught.value.reason is Reason.ZONE_CONFLICT


# ── what it costs ───────────────────────────────────────────────────────────────────────────────


async def test_what_we_count_is_what_azure_counts(azure: Emulator, arm: Arm) -> None:
    with counted() as calls:
        endpoint = await attached(arm)
        await arm.network.put_zone_group(endpoint, "default", ZONE)
        await arm.classic.set_public_access(ORDERS, PublicAccess.DISABLED)

    seen = azure.world.journal.count(caller=azure.principal.object_id)
    assert (calls.reads, calls.writes) == (seen.reads, seen.writes)
    assert calls.writes == 3


async def test_no_operation_is_ever_polled(azure: Emulator, arm: Arm) -> None:
    endpoint = await attached(arm)
    await arm.network.put_zone_group(endpoint, "default", ZONE)
    await arm.classic.set_public_access(ORDERS, PublicAccess.DISABLED)
    await arm.network.delete_endpoint(endpoint)

    paths = [entry.resource for entry in azure.world.journal]
    assert paths
    assert not [p for p in paths if "operation" in p]


async def test_the_stand_in_sees_one_value_change(azure: Emulator, arm: Arm) -> None:
    await arm.classic.set_public_access(ORDERS, PublicAccess.DISABLED)

    (patch,) = azure.world.journal.entries(str(ORDERS), method="PATCH")
    assert patch.body == {"properties": {"publicNetworkAccess": "Disabled"}}


async def test_public_access_leaves_keys_and_ports_as_they_were(azure: Emulator, arm: Arm) -> None:
    change = {"properties": {"enableNonSslPort": True}}
    azure.request("PATCH", f"{ORDERS}?api-version=2024-11-01", change)
    await eventually(lambda: orders(arm), lambda c: c.readiness is Readiness.READY)

    await arm.classic.set_public_access(ORDERS, PublicAccess.DISABLED)
    await eventually(lambda: orders(arm), lambda c: c.public_access is PublicAccess.DISABLED)

    body = azure.request("GET", f"{ORDERS}?api-version=2024-11-01").body
    assert isinstance(body, dict)
    assert body["properties"]["enableNonSslPort"] is True


# ── lists ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_fleet_is_listed_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Emulator.start(EmulatorOptions(time_scale=1000, page_size=2)) as azure:
        fleet = Seed(caches=tuple(CacheSeed(SHOP, "shop", f"cache-{n}") for n in range(5)))
        azure.world.seed(fleet)
        for name, value in azure.environment.items():
            monkeypatch.setenv(name, value)
        arm = Arm(ArmSettings.from_environment(azure.environment))
        names: list[str] = []
        pages, continuation = 0, None
        while pages == 0 or continuation:
            page = await arm.classic.list_page(SHOP, continuation)
            names += [c.id.name for c in page.items]
            pages, continuation = pages + 1, page.continuation
        await arm.close()

        assert sorted(names) == [f"cache-{n}" for n in range(5)]
        assert pages == 3
        assert azure.world.journal.count(caller=azure.principal.object_id).reads == 3


async def test_an_empty_subscription_has_an_empty_page(arm: Arm) -> None:
    page = await arm.classic.list_page(NET)

    assert (page.items, page.continuation, page.problems) == ((), None, ())


async def test_subscriptions_are_those_that_the_identity_sees(azure: Emulator, arm: Arm) -> None:
    assert set(await arm.subscriptions.readable()) == {SHOP, NET, BARE}

    azure.faults.add(Denied("*", f"/subscriptions/{BARE}"))
    assert set(await arm.subscriptions.readable()) == {SHOP, NET}


async def test_a_management_group_holds_what_its_children_hold(arm: Arm) -> None:
    assert set(await arm.subscriptions.under("corp")) == {SHOP, NET}
    assert await arm.subscriptions.under("online") == (SHOP,)

    with pytest.raises(ArmError) as caught:
        await arm.subscriptions.under("nobody")
    assert caught.value.status in {403, 404}


# ── refusals ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("subnet", "reason"),
    [
        ("full", Reason.SUBNET_FULL),
        ("web", Reason.SUBNET_DELEGATED),
        ("policies", Reason.SUBNET_NETWORK_POLICIES),
        ("missing", Reason.SUBNET_UNREACHABLE),
    ],
)
async def test_a_subnet_that_takes_no_endpoint_says_why(arm: Arm, subnet: str, reason: Reason) -> None:
    with pytest.raises(ArmError) as caught:
        await arm.network.create_endpoint(await orders(arm), placement(subnet), "pe-orders")

    assert (caught.value.reason, caught.value.retry) == (reason, Retry.NEVER)


async def test_a_subnet_of_another_region_is_out_of_reach(arm: Arm) -> None:
    with pytest.raises(ArmError) as caught:
        await arm.network.create_endpoint(await orders(arm), placement(region="northeurope"), "pe-orders")

    assert caught.value.reason is Reason.SUBNET_UNREACHABLE


async def test_a_missing_group_for_endpoints_is_a_reason(arm: Arm) -> None:
    nowhere = placement(group=f"/subscriptions/{NET}/resourceGroups/nowhere")
    with pytest.raises(ArmError) as caught:
        await arm.network.create_endpoint(await orders(arm), nowhere, "pe-orders")

    assert caught.value.reason is Reason.RESOURCE_GROUP_MISSING


async def test_a_second_zone_group_is_a_conflict(arm: Arm) -> None:
    endpoint = await attached(arm)
    await arm.network.put_zone_group(endpoint, "deployedByPolicy", ZONE)
    await eventually(lambda: arm.network.zone_groups(endpoint), lambda g: bool(g) and g[0].readiness is Readiness.READY)

    with pytest.raises(ArmError) as caught:
        await arm.network.put_zone_group(endpoint, "default", ZONE)
    assert (caught.value.reason, caught.value.retry) == (Reason.ZONE_GROUP_CONFLICT, Retry.LATER)


async def test_a_provider_that_is_not_registered_is_a_reason_and_is_not_registered_by_us(
    azure: Emulator, arm: Arm
) -> None:
    azure.request("PUT", f"/subscriptions/{BARE}/resourceGroups/net?api-version=2025-04-01", {"location": "westeurope"})
    bare = placement(group=f"/subscriptions/{BARE}/resourceGroups/net")
    with pytest.raises(ArmError) as caught:
        await arm.network.create_endpoint(await orders(arm), bare, "pe-orders")

    assert caught.value.reason is Reason.PROVIDER_UNREGISTERED
    assert azure.world.journal.entries("register", caller=azure.principal.object_id) == []


LOCK = Lock(f"/subscriptions/{SHOP}/resourceGroups/shop")
JOIN = "Microsoft.Network/virtualNetworks/subnets/join/action"
WRITES = "Microsoft.Cache/redis/write"


@pytest.mark.parametrize(
    ("effect", "reason"),
    [
        pytest.param(LOCK, Reason.SCOPE_LOCKED, id="lock"),
        pytest.param(Denied("Microsoft.Cache/*/write"), Reason.PERMISSION_DENIED, id="denied"),
        pytest.param(PolicyDenial("Microsoft.Cache/redis"), Reason.POLICY_DENIED, id="policy"),
    ],
)
async def test_a_refused_change_of_public_access_says_why(
    azure: Emulator, arm: Arm, effect: Effect, reason: Reason
) -> None:
    azure.faults.add(effect)

    with pytest.raises(ArmError) as caught:
        await arm.classic.set_public_access(ORDERS, PublicAccess.DISABLED)

    assert (caught.value.reason, caught.value.retry, caught.value.operation) == (reason, Retry.NEVER, WRITES)


async def test_a_right_that_is_missing_on_the_subnet_is_named(azure: Emulator, arm: Arm) -> None:
    azure.faults.add(Denied(JOIN))

    with pytest.raises(ArmError) as caught:
        await arm.network.create_endpoint(await orders(arm), placement(), "pe-orders")

    assert (caught.value.code, caught.value.reason) == ("LinkedAuthorizationFailed", Reason.PERMISSION_DENIED)
    assert JOIN in caught.value.message


async def test_a_subscription_that_does_not_exist_is_not_an_absent_cache(arm: Arm) -> None:
    gone = CacheId.parse(str(ORDERS).replace(SHOP, "44444444-4444-4444-8444-444444444444"))

    with pytest.raises(ArmError) as caught:
        await arm.classic.get(gone)
    assert (caught.value.code, caught.value.absent) == ("SubscriptionNotFound", False)


@pytest.mark.parametrize("name", ["nobody", "orders2"])
async def test_a_cache_that_does_not_exist_is_none(azure: Emulator, arm: Arm, name: str) -> None:
    missing = CacheId.parse(str(ORDERS).replace("/orders", f"/{name}"))
    assert await arm.classic.get(missing) is None

    azure.faults.add(Problem(404), Match(path="/orders$"))
    assert await arm.classic.get(ORDERS) is None


# ── faults ──────────────────────────────────────────────────────────────────────────────────────


async def test_a_busy_cache_is_asked_once_and_left_to_the_queue(azure: Emulator, arm: Arm) -> None:
    azure.faults.add(Busy(), Match(method="PATCH"))

    with pytest.raises(ArmError) as caught:
        await arm.classic.set_public_access(ORDERS, PublicAccess.DISABLED)

    assert (caught.value.retry, caught.value.after, caught.value.reason) == (Retry.LATER, None, None)
    assert "RequestID" not in caught.value.message
    assert len(azure.world.journal.entries(method="PATCH")) == 1


async def test_two_changes_of_one_cache_at_once_find_it_busy(azure: Emulator, arm: Arm) -> None:
    azure.faults.add(Lasting(3600), Match(method="PATCH", count=1))
    await arm.classic.set_public_access(ORDERS, PublicAccess.DISABLED)
    assert (await orders(arm)).readiness is Readiness.BUSY

    with pytest.raises(ArmError) as caught:
        await arm.classic.set_public_access(ORDERS, PublicAccess.DISABLED)
    assert (caught.value.code, caught.value.retry) == ("Conflict", Retry.LATER)


async def test_throttling_says_how_long_to_wait_and_costs_one_request(azure: Emulator, arm: Arm) -> None:
    azure.faults.add(Throttle(retry_after=7), Match(method="GET"))

    with pytest.raises(ArmError) as caught:
        await arm.classic.get(ORDERS)

    error = caught.value
    assert (error.throttled, error.retry, error.subscription, error.provider) == (
        True,
        Retry.LATER,
        SHOP,
        "Microsoft.Cache",
    )
    assert error.after is not None
    assert error.after.total_seconds() == 7
    assert azure.world.journal.count(caller=azure.principal.object_id).calls == 1


async def test_a_lock_that_calls_itself_a_429_is_no_throttling(azure: Emulator, arm: Arm) -> None:
    cache = await orders(arm)
    azure.faults.add(RetryableError(), Match(method="PUT"))

    with pytest.raises(ArmError) as caught:
        await arm.network.create_endpoint(cache, placement(), "pe-orders")

    assert (caught.value.throttled, caught.value.retry) == (False, Retry.LATER)


@pytest.mark.parametrize(
    "effect",
    [
        pytest.param(Respond(500), id="500"),
        pytest.param(Respond(503, "ServiceUnavailable", "Busy."), id="503"),
        pytest.param(Reset(), id="reset before the work"),
    ],
)
async def test_a_short_fault_is_survived_and_the_endpoint_is_made_once(
    azure: Emulator, arm: Arm, effect: Effect
) -> None:
    cache = await orders(arm)
    azure.faults.add(effect, Match(method="PUT", count=1))

    endpoint = await arm.network.create_endpoint(cache, placement(), "pe-orders")
    await eventually(lambda: arm.network.endpoint(endpoint), lambda e: e is not None and e.readiness is Readiness.READY)

    assert [c.endpoint for c in (await orders(arm)).connections] == [endpoint]


async def test_a_connection_lost_after_the_work_leaves_us_unsure_and_one_endpoint(azure: Emulator, arm: Arm) -> None:
    cache = await orders(arm)
    azure.faults.add(Reset(after_write=True), Match(method="PUT", count=1))

    with pytest.raises(ArmError) as caught:
        await arm.network.create_endpoint(cache, placement(), "pe-orders")

    # The second attempt met the operation that the first one had begun.
    assert (caught.value.code, caught.value.unsure) == ("AnotherOperationInProgress", True)
    made = await eventually(lambda: orders(arm), lambda c: bool(c.approved()))
    assert len(made.connections) == 1


@pytest.mark.parametrize("done", [True, False])
async def test_a_gateway_that_gave_up_leaves_us_unsure(azure: Emulator, arm: Arm, done: bool) -> None:
    azure.faults.add(GatewayTimeout(work_done=done), Match(method="PATCH", count=1))

    with pytest.raises(ArmError) as caught:
        await arm.classic.set_public_access(ORDERS, PublicAccess.DISABLED)
    assert (caught.value.unsure, caught.value.retry) == (True, Retry.LATER)

    await eventually(lambda: orders(arm), lambda c: c.readiness is Readiness.READY)
    await arm.classic.set_public_access(ORDERS, PublicAccess.DISABLED)
    await eventually(lambda: orders(arm), lambda c: c.public_access is PublicAccess.DISABLED)


async def test_an_operation_that_fails_after_it_was_accepted_shows_in_the_resource(azure: Emulator, arm: Arm) -> None:
    azure.faults.add(FailOperation(), Match(method="PUT", path="privateEndpoints"))
    endpoint = await arm.network.create_endpoint(await orders(arm), placement(), "pe-orders")

    failed = await eventually(
        lambda: arm.network.endpoint(endpoint), lambda e: e is not None and e.readiness is Readiness.FAILED
    )
    assert failed is not None
