"""A storm: many caches at once, against token buckets as Azure Resource Manager's."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from local import fleet
from local.azure.callers import APP
from local.azure.throttle import Bucket, Buckets
from local.azurite import Azurite
from local.stage import eventually
from tests.system.robust.processes import PATIENT, Crew, busy, crew, named

pytestmark = pytest.mark.emulator_only


async def _weathers(azurite: Azurite, folder: Path, count: int, buckets: Buckets, pause: int) -> None:
    """Let so many enrolled caches be found at once, with ``pause`` as the least wait in seconds."""
    names = [f"storm-{number:03}" for number in range(count)]
    caches = [fleet.cache_id(name) for name in names]
    policy = fleet.policy().replace("busy: 1s", f"busy: {pause}s")
    options = busy(2, scale=60.0, policy=policy, settings=PATIENT)
    emulator = replace(options.emulator, throttle_scaled=False, buckets=buckets)
    fleet_of = named(*names, tags={"drawbridge": "private"})
    async with crew(azurite, folder, fleet_of, replace(options, emulator=emulator)) as on:
        await on.at.stage.sweep()
        await eventually(lambda: _all_private(on, caches), 30 + count, "all to be private", lambda: _left(on, caches))

        calls = on.at.stage.azure.world.journal.entries(caller=APP.object_id)
        turned_away = [call for call in calls if call.status == 429]
        written = {cache: _written(on, cache) for cache in caches}
        assert {cache: story for cache, story in written.items() if story != {"endpoint": 1, "group": 1}} == {}
        assert turned_away, "nothing was throttled: this shows nothing"
        # Two processes, with twelve passes each at the moment when a bucket runs dry, and then only a few to look.
        assert len(turned_away) <= 24 + count, Counter(call.resource.split("/")[2] for call in turned_away)
        assert len(turned_away) < len(calls) / 10
        assert on.failures() == []


def _written(on: Crew, cache: str) -> dict[str, int]:
    taken = [call for call in on.at.writes(cache) if call.status < 400]
    groups = sum("/privatednszonegroups/" in call.resource for call in taken)
    return {"endpoint": len(taken) - groups, "group": groups}


async def _left(on: Crew, caches: Sequence[str]) -> list[str]:
    rows = {str(row.cache).lower(): row for row in await on.at.stage.store.caches.of_subscription(fleet.APPS)}
    wanted = (cache for cache in caches if not on.at.private(cache))
    waiting = [cache for cache in rows if rows[cache].verdict is None or rows[cache].verdict.kind.value != "Compliant"]  # type: ignore[union-attr]
    return sorted({*wanted, *waiting})


async def _all_private(on: Crew, caches: Sequence[str]) -> bool:
    # Looking at many rows takes time from the app: not before the world is as it should be, and not without a break.
    if not all(on.at.private(cache) for cache in caches):
        return False
    await asyncio.sleep(1)
    return not await _left(on, caches)


async def test_sixty_caches_at_once_converge_and_few_requests_are_turned_away(azurite: Azurite, tmp_path: Path) -> None:
    # Small enough for a storm that passes in half a minute, and that a slow machine makes too.
    buckets = Buckets(reads=Bucket(80, 16), writes=Bucket(25, 4), deletes=Bucket(60, 3))
    await _weathers(azurite, tmp_path, 60, buckets, pause=3)


@pytest.mark.soak
async def test_five_hundred_caches_at_once_converge_with_arms_own_buckets(azurite: Azurite, tmp_path: Path) -> None:
    await _weathers(azurite, tmp_path, 500, Buckets(), pause=60)
