"""The whole app in worker processes that a test can kill and start again, and what their logs say."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from local import fleet
from local.azure.seeds import CacheSeed
from local.azurite import Azurite
from local.host import HostOptions, HostProcess
from local.stage import APP, Stage, StageOptions
from tests.system.scene import Scene, playing, scene

PATIENT: Mapping[str, str] = {"AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:00:01"}
"""Settings with which a message that failed comes back after 1 s: for workers that live on, however slow they are."""
SOON: Mapping[str, str] = {**PATIENT, "AzureFunctionsJobHost__functionTimeout": "00:00:05"}
"""The same, and a dead worker's claim runs out after 6 s."""
_FAILED = re.compile(r"ERROR local\.host: Executed function .*?function=(\w+) .*error=(.*)")


@dataclass(frozen=True, slots=True)
class Crew:
    """A scene whose workers die and come back."""

    at: Scene
    log: Path

    async def replace_worker(self, number: int) -> None:
        """End a worker by SIGKILL and start another one in its place, at the same address."""
        workers = self.at.stage.workers
        dead = workers.running[number]
        await dead.kill()
        port = int(dead.url.rpartition(":")[2])
        options = HostOptions(
            port=port,
            keys=dead.keys,
            in_flight_visibility=workers.options.in_flight_visibility,
            longest_poll=timedelta(seconds=0.2),
            timers=number == 0,
        )
        host = await HostProcess.start(APP, workers.environment, options=options, log=workers.options.log)
        workers.running[number] = host

    def failures(self) -> list[str]:
        """Give the invocations that ended with an exception: the function, and the error."""
        return [f"{found[1]}: {found[2]}" for found in _FAILED.finditer(self.log.read_text("utf-8"))]


def named(*names: str, tags: Mapping[str, str] | None = None) -> list[CacheSeed]:
    return [CacheSeed(fleet.APPS, "rg-shop", name, tags=dict(tags or {})) for name in names]


@asynccontextmanager
async def crew(
    azurite: Azurite, folder: Path, caches: Sequence[CacheSeed], options: StageOptions
) -> AsyncIterator[Crew]:
    """Start workers; what ``options`` leaves out is as in every other scene."""
    log = folder / "workers.log"
    usual = playing(azurite, *caches, policy=options.policy)
    with log.open("wb") as written:
        chosen = replace(
            options,
            policy=usual.policy,
            seed=usual.seed,
            connection_string=options.connection_string or usual.connection_string,
            log=written,
        )
        async with scene(chosen) as at:
            yield Crew(at, log)


def busy(workers: int, scale: float = 200.0, **more: object) -> StageOptions:
    """Choose some workers, whose messages come back two seconds after they died."""
    usual = StageOptions(policy="", workers=workers, settings=SOON, in_flight_visibility=timedelta(seconds=2))
    emulator = replace(usual.emulator, time_scale=scale, seed=3)
    return replace(usual, emulator=emulator, **more)  # type: ignore[arg-type]


__all__ = ["PATIENT", "SOON", "Crew", "Stage", "busy", "crew", "named"]
