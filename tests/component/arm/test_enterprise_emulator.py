"""The adapter for clusters against the stand-in for Azure: real SDK, real identity code, TLS; asserted on its world."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import pytest
from tenacity import wait_none

from local import fleet
from local.azure.dnsrecords import RecordSet
from local.azure.emulator import Emulator, EmulatorOptions
from local.azure.faults import Denied
from local.azure.seeds import CacheSeed, ClusterSeed
from shared.arm import Arm, ArmError, ArmSettings, Patience, Retry, counted
from shared.ids import CacheId, GroupId, SubnetId, zone_id
from shared.model import Cache, DnsMode, Kind, Placement, PublicAccess, Readiness, Reason, Status

T = TypeVar("T")

FLAGGED, OLD, ENTERPRISE, BROKEN = "flagged", "old", "tier", "broken"
SEED = fleet.seed(
    ClusterSeed(fleet.APPS, "rg-shop", FLAGGED, tags={"drawbridge": "private"}),
    ClusterSeed(fleet.APPS, "rg-shop", OLD, public_network_access=None),
    ClusterSeed(fleet.APPS, "rg-shop", ENTERPRISE, sku="Enterprise_E10", public_network_access=None),
    ClusterSeed(fleet.APPS, "rg-shop", BROKEN, state="Failed"),
    ClusterSeed(fleet.APPS, "rg-pair", "east", sku="Balanced_B10", geo="pair"),
    ClusterSeed(fleet.HUB, "rg-pair", "west", sku="Balanced_B10", geo="pair"),
    CacheSeed(fleet.APPS, "rg-shop", "classic"),
)
ZONES = {name: zone_id(fleet.zone_id(name)) for name in fleet.ZONES}
PLACEMENT = Placement(
    "weu",
    "westeurope",
    SubnetId.parse(fleet.subnet_id("weu")),
    GroupId.of(fleet.HUB, "rg-hub-weu"),
    DnsMode.ZONES,
    ZONES,
)


def named(name: str) -> CacheId:
    return CacheId.parse(fleet.cluster_id(name))


@pytest.fixture
async def azure() -> AsyncIterator[Emulator]:
    """Run the stand-in a thousand times faster than Azure, with pages of two."""
    async with Emulator.start(EmulatorOptions(time_scale=1000, page_size=2)) as emulator:
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


async def eventually(read: Callable[[], Awaitable[T]], holds: Callable[[T], bool]) -> T:
    async with asyncio.timeout(10):
        while not holds(value := await read()):  # noqa: ASYNC110 - Azure tells nobody when it is done
            await asyncio.sleep(0.01)
    return value


async def seen(arm: Arm, name: str) -> Cache:
    cluster = await arm.enterprise.get(named(name))
    assert cluster is not None
    return cluster


async def until(arm: Arm, name: str, holds: Callable[[Cache], bool]) -> Cache:
    return await eventually(lambda: seen(arm, name), holds)


@pytest.mark.parametrize(
    ("name", "kind", "access", "zone", "ready"),
    [
        (FLAGGED, Kind.MANAGED, PublicAccess.ENABLED, fleet.MANAGED_ZONE, Readiness.READY),
        (OLD, Kind.MANAGED, PublicAccess.ABSENT, fleet.MANAGED_ZONE, Readiness.READY),
        (ENTERPRISE, Kind.ENTERPRISE, PublicAccess.ABSENT, fleet.ENTERPRISE_ZONE, Readiness.READY),
        (BROKEN, Kind.MANAGED, PublicAccess.ENABLED, fleet.MANAGED_ZONE, Readiness.FAILED),
    ],
)
async def test_each_kind_of_cluster_is_told_apart(
    arm: Arm, name: str, kind: Kind, access: PublicAccess, zone: str, ready: Readiness
) -> None:
    cluster = await seen(arm, name)

    assert (cluster.kind, cluster.public_access, cluster.zone, cluster.readiness) == (kind, access, zone, ready)


async def test_a_cluster_that_is_not_there_is_none(arm: Arm) -> None:
    assert await arm.enterprise.get(named("nowhere")) is None
    assert await arm.enterprise.get(CacheId.parse(fleet.cluster_id("nowhere", "rg-nowhere"))) is None


async def test_the_lists_of_clusters_and_of_classic_caches_are_apart(arm: Arm) -> None:
    first = await arm.enterprise.list_page(fleet.APPS)
    second = await arm.enterprise.list_page(fleet.APPS, first.continuation)
    third = await arm.enterprise.list_page(fleet.APPS, second.continuation)
    classic = await arm.classic.list_page(fleet.APPS)

    assert sorted(c.id.name for c in (*first.items, *second.items, *third.items)) == sorted(
        [FLAGGED, OLD, ENTERPRISE, BROKEN, "east"]
    )
    assert third.continuation is None
    assert [c.id.name for c in classic.items] == ["classic"]


@pytest.mark.parametrize(
    ("asked", "members"),
    [
        (fleet.cluster_id("east", "rg-pair"), ["east", "west"]),
        (fleet.cluster_id(FLAGGED), []),
        (fleet.cluster_id("nowhere"), []),
    ],
)
async def test_a_cluster_names_those_that_it_replicates_with_at_the_cost_of_one_read(
    arm: Arm, asked: str, members: list[str]
) -> None:
    with counted() as counts:
        found = await arm.enterprise.replicas(CacheId.parse(asked))

    assert [member.name for member in found] == members
    assert (counts.reads, counts.writes) == (1, 0)


async def test_a_classic_cache_is_in_no_group_of_clusters_and_nobody_is_asked(arm: Arm) -> None:
    with counted() as counts:
        assert await arm.classic.replicas(CacheId.parse(fleet.cache_id("classic"))) == ()

    assert counts.reads == 0


async def test_closing_a_cluster_is_one_write_and_changes_one_thing(azure: Emulator, arm: Arm) -> None:
    before = azure.world.cluster(fleet.cluster_id(FLAGGED)).render()["properties"]

    with counted() as counts:
        await arm.enterprise.set_public_access(named(FLAGGED), PublicAccess.DISABLED)
    during = await seen(arm, FLAGGED)
    await until(arm, FLAGGED, lambda c: c.readiness is Readiness.READY)

    assert (counts.reads, counts.writes) == (0, 1)
    assert (during.readiness, during.public_access) == (Readiness.BUSY, PublicAccess.ENABLED)
    after = azure.world.cluster(fleet.cluster_id(FLAGGED)).render()["properties"]
    assert {name for name in after if after[name] != before[name]} == {"publicNetworkAccess"}
    assert after["publicNetworkAccess"] == "Disabled"


async def test_closing_a_closed_cluster_is_done_at_once(arm: Arm) -> None:
    await arm.enterprise.set_public_access(named(FLAGGED), PublicAccess.DISABLED)
    await until(arm, FLAGGED, lambda c: c.public_access is PublicAccess.DISABLED)

    await arm.enterprise.set_public_access(named(FLAGGED), PublicAccess.DISABLED)

    assert (await seen(arm, FLAGGED)).readiness is Readiness.READY


async def test_a_cluster_without_a_flag_refuses_to_be_given_one_for_good(arm: Arm) -> None:
    with pytest.raises(ArmError) as caught:
        await arm.enterprise.set_public_access(named(OLD), PublicAccess.DISABLED)

    assert (caught.value.code, caught.value.retry) == ("BadRequest", Retry.NEVER)


async def test_a_busy_cluster_is_tried_again_later(arm: Arm) -> None:
    await arm.enterprise.set_public_access(named(FLAGGED), PublicAccess.DISABLED)

    with pytest.raises(ArmError) as caught:
        await arm.enterprise.set_public_access(named(FLAGGED), PublicAccess.ENABLED)

    assert (caught.value.code, caught.value.retry, caught.value.reason) == ("Conflict", Retry.LATER, None)


async def test_a_denied_cluster_names_the_permission(azure: Emulator, arm: Arm) -> None:
    azure.faults.add(Denied("Microsoft.Cache/redisEnterprise/write", fleet.cluster_id(FLAGGED)))

    with pytest.raises(ArmError) as caught:
        await arm.enterprise.set_public_access(named(FLAGGED), PublicAccess.DISABLED)

    assert (caught.value.retry, caught.value.reason) == (Retry.NEVER, Reason.PERMISSION_DENIED)
    assert caught.value.operation == "Microsoft.Cache/redisEnterprise/write"


@pytest.mark.parametrize("name", [FLAGGED, OLD, ENTERPRISE])
async def test_an_endpoint_is_attached_named_in_the_zone_of_its_kind_and_taken_away(
    azure: Emulator, arm: Arm, name: str
) -> None:
    cluster = await seen(arm, name)
    zone = PLACEMENT.zone_for(cluster)
    assert zone is not None

    made = await arm.network.create_endpoint(cluster, PLACEMENT, f"pe-{name}")
    attached = await until(arm, name, lambda c: bool(c.approved()))
    await eventually(lambda: arm.network.endpoint(made), lambda e: e is not None and e.readiness is Readiness.READY)
    await arm.network.put_zone_group(made, "default", zone)
    (group,) = await eventually(
        lambda: arm.network.zone_groups(made), lambda g: bool(g) and g[0].readiness is Readiness.READY
    )

    assert [(c.endpoint, c.status) for c in attached.connections] == [(made, Status.APPROVED)]
    assert attached.public_access is cluster.public_access
    (record,) = group.records
    assert (record.name, record.zone.rpartition("/")[2]) == (f"{name}.westeurope", cluster.zone)
    assert await arm.dns.a_records(zone, record.name) == record.addresses
    shown = azure.world.store.find(f"{fleet.zone_id(cluster.zone)}/A/{record.name}", RecordSet)
    assert shown is not None
    assert shown.addresses == record.addresses

    await arm.network.delete_endpoint(made)
    left = await until(arm, name, lambda c: not c.connections)
    assert left.public_access is cluster.public_access
