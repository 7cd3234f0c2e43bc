"""Worker processes are killed at moments that a seed chooses, and started again: every story still comes to its end."""

import asyncio
import random
from pathlib import Path

import pytest

from local import fleet
from local.azurite import Azurite
from local.stage import eventually
from shared.ids import CacheId
from tests.system.robust.endings import of_announcements, of_history, of_row
from tests.system.robust.processes import Crew, busy, crew, named

pytestmark = pytest.mark.emulator_only

ENROLLED = {"drawbridge": "private"}


async def _killed(on: Crew, source: random.Random, times: int) -> None:
    """Kill a worker and start it again, as often as is said; the stories go on meanwhile."""
    for _ in range(times):
        await asyncio.sleep(source.uniform(0.1, 1.2))
        await on.replace_worker(source.randrange(len(on.at.stage.hosts)))


async def _settled(on: Crew, cache: str) -> None:
    async def done() -> bool:
        row = await on.at.stage.row(cache)
        ready = row is not None and row.verdict is not None and row.verdict.kind.value == "Compliant"
        return ready and on.at.private(cache) and not (row and (row.unfinished or row.unannounced))

    async def instead() -> object:
        return await on.at.stage.row(cache)

    await eventually(done, 60, f"{cache.rpartition('/')[2]} private, recorded and announced", instead)


async def _amiss(on: Crew, cache: str) -> list[str]:
    store, named = on.at.stage.store, CacheId.parse(cache)
    row = await store.caches.read(named)
    history = list(reversed((await store.history.page(named, 500)).items))
    events = on.at.stage.azure.topic.events
    told = [(str(e["type"]), str(e["id"])) for e in events if CacheId.parse(str(e["subject"])) == named]
    assert row
    complaints = (*of_row(row, history), *of_history(history), *of_announcements(told, history))
    return [f"{named.name}: {complaint}" for complaint in complaints]


async def _lives_through(azurite: Azurite, folder: Path, seed: int, deaths: int) -> None:
    names = [f"cache-{number}" for number in range(10)]
    caches = [fleet.cache_id(name) for name in names]
    source = random.Random(seed)
    async with crew(azurite, folder, named(*names), busy(2)) as on:
        for cache in caches:
            on.at.tag(cache, ENROLLED)
        await _killed(on, source, deaths)
        await asyncio.gather(*(_settled(on, cache) for cache in caches))
        attached = {cache: on.at.story(cache) for cache in caches}
        since = on.at.now

        for cache in caches:
            on.at.lose_endpoint(cache)
        await _killed(on, source, deaths)
        await asyncio.gather(*(_settled(on, cache) for cache in caches))

        assert [complaint for cache in caches for complaint in await _amiss(on, cache)] == []
        # Whoever is killed between a write and its answer cannot say that it was made; the next one looks first.
        assert all(sorted(story) == ["PUT endpoint", "PUT zone group"] for story in attached.values()), attached
        again = {cache: [write for write in on.at.story(cache, since) if write != "PATCH cache"] for cache in caches}
        assert all(sorted(story) == ["PUT endpoint", "PUT zone group"] for story in again.values()), again


async def test_every_cache_ends_private_and_its_history_whole_though_workers_are_killed(
    azurite: Azurite, tmp_path: Path
) -> None:
    await _lives_through(azurite, tmp_path, seed=7, deaths=3)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(8))
async def test_every_cache_ends_private_whenever_workers_are_killed(
    azurite: Azurite, tmp_path: Path, seed: int
) -> None:
    await _lives_through(azurite, tmp_path, seed, deaths=8)
