"""What a process that has just started loads, and what it leaves alone until it is needed."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from local import fleet
from local.azure.emulator import EmulatorOptions
from local.azure.seeds import CacheSeed
from local.stage import StageOptions, eventually, stage

if TYPE_CHECKING:
    from pathlib import Path

CACHE = fleet.cache_id("shop-weu")
TAGS = CACHE + "/providers/Microsoft.Resources/tags/default"


async def test_a_fresh_worker_makes_its_first_pass_on_a_compliant_cache_without_the_network_sdk(
    storage: str, tmp_path: Path
) -> None:
    seed = fleet.seed(CacheSeed(fleet.APPS, "rg-shop", "shop-weu", tags={"drawbridge": "private"}))
    options = StageOptions(fleet.policy(), EmulatorOptions(time_scale=200, seed=3), seed, connection_string=storage)
    imports = tmp_path / "imports.log"
    with imports.open("wb") as log:
        await _passes_of_a_fresh_worker(options, log)

    loaded = imports.read_text(encoding="utf-8")
    assert "azure.mgmt.redis" in loaded
    assert "azure.mgmt.network" not in loaded


async def _passes_of_a_fresh_worker(options: StageOptions, log: IO[bytes]) -> None:
    """Let one worker attach, and another one, started afterwards, take the next event."""
    async with stage(options) as playing:
        await playing.sweep()
        await playing.until_verdict(CACHE, "Compliant")
        before = await playing.row(CACHE)
        await playing.workers.stop()
        await playing.workers.start({"PYTHONPROFILEIMPORTTIME": "1"}, log)

        playing.outside("PATCH", TAGS, {"operation": "Merge", "properties": {"tags": {"team": "shop"}}})

        async def passed() -> bool:
            row = await playing.row(CACHE)
            return row is not None and before is not None and row.last_pass != before.last_pass

        await eventually(passed, 30, "the first pass of the fresh worker")
        assert await playing.verdict(CACHE) == "Compliant"
