"""A cache inside a virtual network: what would take its place is told, made beside it on request, and both are kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from local import fleet
from local.azure.seeds import CacheSeed
from local.azurite import Azurite
from tests.system.scene import Scene, playing, scene
from tests.system.watched import doors, watch

pytestmark = [pytest.mark.emulator_only, pytest.mark.asyncio(loop_scope="module")]

INJECTED = {
    "staticIP": "10.0.200.4",
    "redisConfiguration": {"maxmemory-policy": "allkeys-lru", "rdb-backup-enabled": "true"},
}


def old(name: str) -> CacheSeed:
    subnet = fleet.subnet_id("weu", "delegated")
    return CacheSeed(
        fleet.APPS,
        "rg-shop",
        name,
        sku="Premium",
        shard_count=2,
        subnet_id=subnet,
        properties=INJECTED,
        tags={"a": "b"},
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def at(azurite: Azurite) -> AsyncIterator[Scene]:
    seeds = (old("old-managed"), old("old-classic"), old("kept"), CacheSeed(fleet.APPS, "rg-shop", "free"))
    async with scene(playing(azurite, *seeds)) as running:
        yield running


async def call(at: Scene, method: str, name: str, body: object = None, query: str = "") -> tuple[int, Any]:
    return await at.stage.call(method, f"migrations/{fleet.APPS}/rg-shop/{name}{query}", body)


async def test_the_plan_proposes_both_kinds_and_says_what_cannot_come_along(at: Scene) -> None:
    since = at.now
    status, plan = await call(at, "GET", "kept")

    assert status == 200
    assert [(each["kind"], each["sku"]) for each in plan["proposals"]] == [
        ("managed", "Balanced_B10"),
        ("classic", "Premium_P1"),
    ]
    lost = " ".join(plan["notCarriedOver"])
    assert all(word in lost for word in ("10.0.200.4", "Persistence (RDB)", "maxmemory-policy", "data"))
    assert len(plan["steps"]) == 6
    assert "target" not in plan
    assert at.all_writes(since) == []


@pytest.mark.parametrize("kind", ["managed", "classic"])
async def test_the_new_cache_is_made_private_beside_the_old_one_which_stays_as_it_is(at: Scene, kind: str) -> None:
    watched = watch(at.stage.azure.world)
    name, target = f"old-{kind}", f"new-{kind}"
    before = at.stage.azure.world.show(fleet.cache_id(name))

    status, answer = await call(at, "PUT", name, {"name": target, "kind": kind})
    assert status == 202, answer
    status, answer = await call(at, "GET", name, query="?wait=60")

    new = fleet.cluster_id(target) if kind == "managed" else fleet.cache_id(target)
    assert (status, answer["state"], answer["target"]["state"]) == (200, "Ready", "Ready"), answer
    assert at.private(new)
    assert set(doors(watched, new)) == {"Disabled"}
    assert at.cache(new).tags == {"a": "b", "managed-by": "drawbridge"}
    assert at.stage.azure.world.show(fleet.cache_id(name)) == before
    assert at.writes(fleet.cache_id(name)) == []


async def test_a_cache_outside_of_any_network_needs_no_migration(at: Scene) -> None:
    status, answer = await call(at, "GET", "free")

    assert (status, answer["error"]["code"]) == (409, "NotInjected")
    assert (await call(at, "GET", "nobody"))[0] == 404


async def test_the_new_cache_cannot_have_the_old_ones_name(at: Scene) -> None:
    status, answer = await call(at, "PUT", "kept", {"name": "kept", "kind": "classic"})

    assert (status, answer["error"]["target"]) == (400, "name")


async def test_a_rehearsal_says_what_would_be_made(at: Scene) -> None:
    status, answer = await call(at, "PUT", "kept", {"name": "kept-new"}, "?dryRun=true")

    assert status == 200
    (action,) = answer["plan"]["actions"]
    assert action.startswith("make managed cache kept-new (Balanced_B10, westeurope) without public access")
    assert "target" not in (await call(at, "GET", "kept"))[1]
