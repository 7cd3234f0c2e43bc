"""The plan of trouble that the repository ships, played against the whole app."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from local import fleet
from local.azure.callers import APP
from local.azure.faultplan import load
from local.azure.seeds import CacheSeed, ClusterSeed
from local.azurite import Azurite
from local.stage import eventually
from tests.system.scene import Scene, playing, scene

pytestmark = pytest.mark.emulator_only

PLAN = Path(__file__).parents[3] / "local" / "faults.yaml"
CLASSIC = [f"rough-{number}" for number in range(4)]
MANAGED = ["rougher-0", "rougher-1"]
CACHES = [*map(fleet.cache_id, CLASSIC), *map(fleet.cluster_id, MANAGED)]


async def test_every_cache_becomes_private_under_the_shipped_plan_of_trouble(azurite: Azurite) -> None:
    seeds: list[CacheSeed | ClusterSeed] = [
        *(CacheSeed(fleet.APPS, "rg-shop", name) for name in CLASSIC),
        *(ClusterSeed(fleet.APPS, "rg-shop", name) for name in MANAGED),
    ]
    plan = load(PLAN.read_text(encoding="utf-8"), PLAN.name)
    async with scene(playing(azurite, *seeds)) as at:
        plan.begin(at.stage.azure.faults)
        for cache in CACHES:
            at.tag(cache, {"drawbridge": "private"})
        async with _sweeping(at):
            await _all_private(at)

        calls = at.stage.azure.world.journal.entries(caller=APP.object_id)
        met = Counter(call.code or call.status for call in calls)
        assert {"SubscriptionRequestsThrottled", "RetryableError", "GatewayTimeout", 0} <= set(met), met
        for cache in CACHES:
            assert len(at.made_by_app(cache)) == 1, "no uncertain answer led to a second endpoint"


async def _all_private(at: Scene) -> None:
    async def kept() -> bool:
        verdicts = [await at.stage.verdict(cache) for cache in CACHES]
        return all(map(at.private, CACHES)) and set(verdicts) == {"Compliant"}

    async def instead() -> str:
        told = [f"{await at.stage.verdict(cache)} {at.private(cache)} {await at.message(cache)}" for cache in CACHES]
        return "\n".join(told)

    await eventually(kept, 60, "every cache to be private", instead)


@asynccontextmanager
async def _sweeping(at: Scene) -> AsyncIterator[None]:
    """Sweep again and again meanwhile, as the timer does: it finds what lost events and refusals left behind."""

    async def often() -> None:
        while True:
            await asyncio.sleep(3)
            await at.stage.sweep()

    task = asyncio.create_task(often())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
