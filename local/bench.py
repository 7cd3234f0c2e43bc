"""`bench`: what a pass, an event, a cold start and a crowd cost. Counts are exact; times are of this machine.

The app runs as in the demo; its CPU time is read from the operating system, the stand-in host included.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from local import fleet
from local.azure import seeds
from local.azure.emulator import EmulatorOptions
from local.azure.seeds import CacheSeed
from local.azure.throttle import Buckets
from local.stage import APP, Stage, StageOptions, stage
from shared.arm import Arm, ArmSettings
from shared.ids import CacheId
from shared.model import Trigger, WakeUp

_TAGS = "/providers/Microsoft.Resources/tags/default"
_SCALE = 10
_RUNS = 7
_EVENTS = 200
_INDEX_LIMIT = 1.3
_MOST_SHARE = 0.5
_SAFEGUARDS = "safeguards: {reattachLimit: 3, window: 1h, closuresPerHour: 100000}"
# Azure's durations divided by the scale, as the policy's own waits are: 75 s become 8 s (whole seconds only).
_TIMING = "timing: {settle: 6s, endpoint: 8s, zoneGroup: 1s, cache: 3s, busy: 6s, thorough: 1h}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the result; ``limit`` is what it must not exceed, "" where nothing is promised."""

    what: str
    measured: str
    limit: str = ""
    met: bool = True


def policy() -> str:
    """Give the fleet's policy, with waits in proportion to this emulator's speed."""
    text = fleet.policy(extra=_SAFEGUARDS)
    return "\n".join(_TIMING if line.startswith("timing:") else line for line in text.splitlines()) + "\n"


# ── counts ──────────────────────────────────────────────────────────────────────────────────────


async def counts() -> list[Figure]:
    """Count ARM calls: attaching, and events about a cache that is as it should be."""
    name = "count-weu"
    cache = fleet.cache_id(name)
    options = StageOptions(
        policy=policy(),
        emulator=EmulatorOptions(time_scale=_SCALE, seed=5),
        seed=fleet.seed(CacheSeed(fleet.APPS, "rg-shop", name)),
    )
    with open("/dev/null", "wb") as sink:  # noqa: PTH123, ASYNC230 - handed to another process
        async with stage(replace(options, log=sink)) as playing:
            attached = await _calls_of(playing, cache, lambda: _tag(playing, cache, "private"))
            quiet = await _calls_of(playing, cache, lambda: _tag(playing, cache, "private", other="1"))
    return [
        _limited("attaching one cache with DNS: ARM writes", attached[1], 3),
        _limited("attaching one cache with DNS: ARM calls", sum(attached), 12),
        _limited("event of somebody else about a compliant cache: ARM reads, the settled look included", quiet[0], 2),
        _limited("event about a compliant cache: ARM writes", quiet[1], 0),
    ]


def _limited(what: str, measured: int, limit: int) -> Figure:
    return Figure(what, str(measured), f"≤ {limit}", measured <= limit)


def _tag(playing: Stage, cache: str, value: str, **others: str) -> None:
    tags = {"drawbridge": value, **others}
    playing.outside("PATCH", cache + _TAGS, {"operation": "Merge", "properties": {"tags": tags}})


async def _calls_of(playing: Stage, cache: str, act: Callable[[], None]) -> tuple[int, int]:
    """Count the app's calls from an act until nothing happens any more."""
    world = playing.azure.world
    since = len(world.journal)
    act()
    await playing.until_verdict(cache, "Compliant", 120)
    await _quiet(playing)
    count = world.journal.count(caller=playing.azure.principal.object_id, since=since)
    return count.reads, count.writes


async def _quiet(playing: Stage, seconds: float = 9.0) -> None:
    """Wait until the app has made no call for so long: longer than its settled look takes to come."""
    last, since = -1, time.monotonic()
    while time.monotonic() - since < seconds:
        if (calls := len(playing.azure.world.journal)) != last:
            last, since = calls, time.monotonic()
        await asyncio.sleep(0.1)


# ── compute ─────────────────────────────────────────────────────────────────────────────────────


async def compute() -> list[Figure]:
    """Measure CPU time per event and per pass over compliant caches, in the worker's process."""
    names = [f"cpu-{n}-weu" for n in range(_EVENTS)]
    caches = [fleet.cache_id(name) for name in names]
    seeds = [CacheSeed(fleet.APPS, "rg-shop", name) for name in names]
    emulator = EmulatorOptions(time_scale=100, seed=5)
    options = StageOptions(policy=fleet.policy(extra=_SAFEGUARDS), emulator=emulator, seed=fleet.seed(*seeds))
    with open("/dev/null", "wb") as sink:  # noqa: PTH123, ASYNC230 - handed to another process
        async with stage(replace(options, log=sink)) as playing:
            for cache in caches:
                _tag(playing, cache, "private")
            await asyncio.gather(*(playing.until_verdict(cache, "Compliant", 240) for cache in caches))
            await _quiet(playing, 5)
            passes = await _spent(playing, lambda: playing.store.queue.put_all(map(_wake, caches)))
            events = await _spent(playing, lambda: _touch(playing, caches))
    each = passes.seconds / passes.reads
    event = (events.seconds - events.reads * each) / _EVENTS
    return [
        Figure("CPU of one pass over a compliant cache", f"{each * 1000:.1f} ms"),
        Figure("CPU of one event, from the webhook to the queue", f"{event * 1000:.1f} ms"),
    ]


@dataclass(frozen=True, slots=True)
class Spent:
    """What an act led to in the worker: seconds of CPU, and passes (a pass over a compliant cache reads once)."""

    seconds: float
    reads: int


async def _spent(playing: Stage, act: Callable[[], Awaitable[None]]) -> Spent:
    world, mine = playing.azure.world, playing.azure.principal.object_id
    calls, before = len(world.journal), _cpu(playing.app.pid)
    await act()
    await _quiet(playing, 5)
    return Spent(_cpu(playing.app.pid) - before, world.journal.count(caller=mine, since=calls).reads)


def _wake(cache: str) -> WakeUp:
    return WakeUp(CacheId.parse(cache), Trigger.SWEEP)


async def _touch(playing: Stage, caches: list[str]) -> None:
    for number, cache in enumerate(caches):
        _tag(playing, cache, "private", number=str(number))


def _cpu(pid: int) -> float:
    """Read the seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# ── cold start ──────────────────────────────────────────────────────────────────────────────────

_BARE = "import time; t = time.process_time(); import azure.functions; print(time.process_time() - t)"
_INDEXED = """
import time; t = time.process_time()
import azure.functions, function_app
function_app.app.get_functions()
print(time.process_time() - t)
"""
_NO_NETWORK = """
import sys
import function_app
from functions import composition
composition.policy(), composition.intake(), composition.reconciler()
import azure.mgmt.redis.aio, azure.data.tables.aio, azure.storage.queue.aio
print(int("azure.mgmt.network" in sys.modules))
"""


def cold_start() -> list[Figure]:
    """Compare fresh processes: indexing the app against importing the library that every app imports."""
    bare = statistics.median(_fresh(_BARE) for _ in range(_RUNS))
    indexed = statistics.median(_fresh(_INDEXED) for _ in range(_RUNS))
    ratio = indexed / bare
    loaded = _fresh(_NO_NETWORK)
    return [
        Figure(
            "indexing function_app, as a ratio to importing azure.functions",
            f"{ratio:.2f}",
            f"≤ {_INDEX_LIMIT}",
            ratio <= _INDEX_LIMIT,
        ),
        Figure("azure.mgmt.network loaded before an endpoint is touched", "yes" if loaded else "no", "no", not loaded),
    ]


def _fresh(code: str) -> float:
    env = {
        **os.environ,
        "DRAWBRIDGE_SWEEP_SCHEDULE": "0 0 3 * * *",
        "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    }
    done = subprocess.run([sys.executable, "-c", code], cwd=APP, env=env, capture_output=True, text=True, check=True)
    return float(done.stdout)


# ── the stand-in for Azure ──────────────────────────────────────────────────────────────────────

_READ = 1000
_LISTED = 20


@dataclass(frozen=True, slots=True)
class Shares:
    """Seconds of CPU for the same calls, on either side."""

    client: float
    server: float

    @property
    def ratio(self) -> float:
        return self.server / self.client


def stand_in() -> list[Figure]:
    """Compare what reading costs the stand-in and its client, each a process of its own; and how a large fleet fits."""
    listed, read = _shares()
    seconds, megabytes = _seeded()
    return [
        _share(f"listing {_READ} caches: CPU of the stand-in, as a ratio to the client's", listed),
        Figure("listing 1,000 caches: CPU of the stand-in", f"{listed.server / _LISTED * 1000:.0f} ms"),
        Figure("listing 1,000 caches: CPU of the client", f"{listed.client / _LISTED * 1000:.0f} ms"),
        _share(f"reading {_READ} caches one by one: CPU of the stand-in, as a ratio to the client's", read),
        Figure("reading one cache: CPU of the stand-in", f"{read.server / _READ * 1000:.2f} ms"),
        Figure("reading one cache: CPU of the client", f"{read.client / _READ * 1000:.2f} ms"),
        Figure("seeding 100,000 caches in 1,000 subscriptions: CPU", f"{seconds:.1f} s"),
        Figure("seeding 100,000 caches in 1,000 subscriptions: memory", f"{megabytes:.0f} MB"),
    ]


def _share(what: str, shares: Shares) -> Figure:
    return Figure(what, f"{shares.ratio:.2f}", f"≤ {_MOST_SHARE}", shares.ratio <= _MOST_SHARE)


def _shares() -> tuple[Shares, Shares]:
    with tempfile.TemporaryDirectory() as folder:
        fleet_file = Path(folder) / "fleet.json"
        fleet_file.write_text(json.dumps({"fleets": [{"subscriptions": 1, "cachesPerSubscription": _READ}]}))
        # So fast that no bucket of calls is ever empty.
        arguments = ["--time-scale=1000", "--port=0", "--identity-port=0", "--fleet", str(fleet_file)]
        command = [sys.executable, "-m", "local", "azure", *arguments]
        azure = subprocess.Popen(command, cwd=APP, stdout=subprocess.PIPE, text=True)
        try:
            environment = {**os.environ, **_told(azure), "BENCH_SERVER": str(azure.pid)}
            code = "import asyncio; from local import bench; asyncio.run(bench.reader())"
            done = subprocess.run(
                [sys.executable, "-c", code], cwd=APP, env=environment, stdout=subprocess.PIPE, check=True
            )
        finally:
            azure.terminate()
            azure.wait()
    listed, read = json.loads(done.stdout)
    return Shares(*listed), Shares(*read)


def _told(azure: subprocess.Popen[str]) -> dict[str, str]:
    """Read what the stand-in tells about itself, up to its last line."""
    told: dict[str, str] = {}
    for line in azure.stdout or ():
        if line.startswith("export "):
            name, _, value = line.removeprefix("export ").strip().partition("=")
            told[name] = value
        if line.startswith("Ctrl-C"):
            return told
    raise RuntimeError("the stand-in for Azure ended before it was ready")


async def reader() -> None:
    """List and read through the product's own code, and print as JSON what that cost client and server."""
    arm = Arm(ArmSettings.from_environment(os.environ))
    (subscription,) = seeds.FleetSeed(1).subscription_ids
    caches = [cache.id for cache in (await arm.classic.list_page(subscription)).items]
    await arm.classic.get(caches[0])

    async def listing() -> None:
        for _ in range(_LISTED):
            await arm.classic.list_page(subscription)

    async def reading() -> None:
        for cache in caches:
            await arm.classic.get(cache)

    print(json.dumps([await _cost(listing), await _cost(reading)]))
    await arm.close()


async def _cost(act: Callable[[], Awaitable[None]]) -> tuple[float, float]:
    server = int(os.environ["BENCH_SERVER"])
    client_before, server_before = time.process_time(), _cpu(server)
    await act()
    return time.process_time() - client_before, _cpu(server) - server_before


_SEEDED = """
import time
from local.azure.seeds import FleetSeed, Seed
from local.azure.world import World
from local.bench import resident
world, before, began = World(), resident(), time.process_time()
world.seed(Seed(fleets=(FleetSeed(1000, 100),)))
print(time.process_time() - began, resident() - before)
"""


def resident() -> float:
    """Read how many megabytes of memory this process has."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _seeded() -> tuple[float, float]:
    done = subprocess.run([sys.executable, "-c", _SEEDED], cwd=APP, capture_output=True, text=True, check=True)
    seconds, megabytes = map(float, done.stdout.split())
    return seconds, megabytes


# ── a crowd ─────────────────────────────────────────────────────────────────────────────────────


async def crowd(size: int) -> list[Figure]:
    """Tag many caches of one subscription at once, against ARM's own token buckets."""
    names = [f"crowd-{n}-weu" for n in range(size)]
    caches = [fleet.cache_id(name) for name in names]
    seeds = [CacheSeed(fleet.APPS, "rg-shop", name) for name in names]
    free = Buckets(enforced=False)
    emulator = EmulatorOptions(time_scale=20, seed=5, throttle_scaled=False, buckets=free)
    options = StageOptions(policy=fleet.policy(extra=_SAFEGUARDS), emulator=emulator, seed=fleet.seed(*seeds))
    with open("/dev/null", "wb") as sink:  # noqa: PTH123, ASYNC230 - handed to another process
        async with stage(replace(options, log=sink)) as playing:
            began = time.monotonic()
            for cache in caches:
                _tag(playing, cache, "private")
            # From here on, ARM's own buckets, in real seconds: the tags were set by a hand that nothing holds back.
            playing.azure.world.throttle.per_subscription |= {fleet.APPS: Buckets(), fleet.HUB: Buckets()}
            await asyncio.gather(*(playing.until_verdict(cache, "Compliant", 1200) for cache in caches))
            took = time.monotonic() - began
            return _crowd_figures(playing, names, took)


def _crowd_figures(playing: Stage, names: list[str], took: float) -> list[Figure]:
    journal = playing.azure.world.journal
    mine = playing.azure.principal.object_id
    calls = journal.entries(caller=mine)
    refused = sum(entry.status == 429 for entry in calls)  # noqa: PLR2004
    taken = [entry for entry in calls if not entry.is_read and entry.status < 300]  # noqa: PLR2004
    twice = len(taken) - len({(entry.method, entry.resource) for entry in taken})
    crowd = f"{len(names)} caches tagged at once"
    return [
        Figure(f"{crowd}: all private after", f"{took:.0f} s"),
        Figure(f"{crowd}: ARM calls each", f"{len(calls) / len(names):.1f}"),
        Figure(f"{crowd}: calls that met a 429", str(refused)),
        Figure(f"{crowd}: writes made twice for the same thing", str(twice), "0", twice == 0),
    ]


# ── the command ─────────────────────────────────────────────────────────────────────────────────


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Offer a smaller crowd."""
    parser.add_argument("--crowd", type=int, default=500, help="how many caches are tagged at once (default: 500)")
    parser.add_argument("--only", default="", help="one of: cold, calls, azure, compute, crowd")


def run(arguments: argparse.Namespace) -> int:
    """Measure, print, and give 1 where a limit is not kept."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
    figures: list[Figure] = []
    for name, title, measure in (
        ("cold", "cold start", cold_start),
        ("calls", "calls to Azure Resource Manager", lambda: asyncio.run(counts())),
        ("azure", "the stand-in for Azure", stand_in),
        ("compute", "compute", lambda: asyncio.run(compute())),
        ("crowd", "a crowd", lambda: asyncio.run(crowd(arguments.crowd))),
    ):
        if arguments.only and arguments.only != name:
            continue
        console.print(f"measuring {title} …")
        figures += measure()
    console.print(_table(figures))
    return 0 if all(figure.met for figure in figures) else 1


def _table(figures: list[Figure]) -> Table:
    drawn = Table()
    for heading in ("what", "measured", "limit", ""):
        drawn.add_column(heading)
    for figure in figures:
        mark = "" if not figure.limit else "✓" if figure.met else "✗"
        drawn.add_row(figure.what, figure.measured, figure.limit, mark)
    return drawn
