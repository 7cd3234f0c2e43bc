"""What a process that has just started loads, what it leaves alone until it is needed, and what it measures."""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING

from local import fleet
from local.azure.emulator import EmulatorOptions
from local.azure.ingestion import Ingestion
from local.azure.seeds import CacheSeed
from local.stage import StageOptions, eventually, stage

if TYPE_CHECKING:
    from pathlib import Path

CACHE = fleet.cache_id("shop-weu")
_EXPORTER_LOADED = re.compile(r"^import time:.*\| +azure\.monitor\.opentelemetry\.exporter$", re.MULTILINE)
TAGS = CACHE + "/providers/Microsoft.Resources/tags/default"


async def test_a_fresh_worker_passes_over_a_compliant_cache_without_the_network_sdk_and_sends_what_it_has_measured(
    storage: str, tmp_path: Path
) -> None:
    seed = fleet.seed(CacheSeed(fleet.APPS, "rg-shop", "shop-weu", tags={"drawbridge": "private"}))
    options = StageOptions(fleet.policy(), EmulatorOptions(time_scale=200, seed=3), seed, connection_string=storage)
    imports = tmp_path / "imports.log"
    with imports.open("wb") as log:
        metrics = await _passes_of_a_fresh_worker(options, log, imports)

    loaded = imports.read_text(encoding="utf-8")
    assert "azure.mgmt.redis" in loaded
    assert "azure.mgmt.network" not in loaded
    assert metrics.total("drawbridge.events", {"outcome": "taken"}) >= 1
    assert metrics.total("drawbridge.verdicts", {"of": "cache", "verdict": "Compliant"}) >= 1
    assert metrics.total("drawbridge.arm.requests", {"kind": "read"}) >= 1
    assert metrics.total("drawbridge.arm.requests", {"kind": "write"}) == 0
    (answered,) = metrics.points("drawbridge.verdict.delay", {"trigger": "event"})
    assert answered.count
    assert answered.min is not None
    assert answered.max is not None
    assert 0 < answered.min <= answered.max < 60
    (waited,) = metrics.points("drawbridge.queue.age", {"queue": "reconcile"})
    assert waited.min is not None
    assert 0 <= waited.min < 60


def exporter_loaded(imports: Path) -> bool:
    return bool(_EXPORTER_LOADED.search(imports.read_text(encoding="utf-8")))


async def _passes_of_a_fresh_worker(options: StageOptions, log: IO[bytes], imports: Path) -> Ingestion:
    """Let one worker attach, and another one, started afterwards, take the next event; gives what that one measured."""
    async with stage(options) as playing:
        await playing.sweep()
        await playing.until_verdict(CACHE, "Compliant")
        before = await playing.row(CACHE)
        await playing.workers.stop()
        folder = {"TMPDIR": str(imports.parent)}
        await playing.workers.start({"PYTHONPROFILEIMPORTTIME": "1", **playing.azure.telemetry, **folder}, log)

        playing.outside("PATCH", TAGS, {"operation": "Merge", "properties": {"tags": {"team": "shop"}}})

        async def passed() -> bool:
            row = await playing.row(CACHE)
            return row is not None and before is not None and row.last_pass != before.last_pass

        await eventually(passed, 30, "the first pass of the fresh worker")
        assert await playing.verdict(CACHE) == "Compliant"

        async def ready_to_send() -> bool:
            return exporter_loaded(imports)

        await eventually(ready_to_send, 30, "the exporter of metrics")
        await playing.workers.stop()
        return playing.azure.ingestion
