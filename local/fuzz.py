"""`fuzz`: schemathesis against the running app, with the OpenAPI document that the app gives of itself.

Every operation is called with its examples, at the edges of its schemas, with random values inside and outside of
them, and in sequences that follow what was answered. A 5xx, a status or a header that the document does not know, and
an answer that is not of its shape are failures, as is a call that breaks the document and is not refused.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from local import fleet
from local.azure.emulator import EmulatorOptions
from local.azure.seeds import CacheSeed, ClusterSeed
from local.stage import Stage, StageOptions, eventually, stage

SEED = 5
CASES = 2000
"""The least that a run is worth: one that made fewer has failed."""
_EACH = 12
"""Random cases for each operation, beside those that its schemas prescribe."""
_SCALE = 100.0
_HOOKS = Path(__file__).with_name("fuzz_hooks.py")
_NOBODYS = "99999999-0000-1111-2222-333333333333"
_PLACES: Mapping[str, tuple[str, ...]] = {
    "subscription": (fleet.APPS, fleet.APPS, fleet.APPS, fleet.HUB, _NOBODYS),
    "group": ("rg-shop", "rg-shop", "rg-shop", "RG-SHOP", "rg-net", "MC_nodes", "rg-nowhere"),
    "name": ("shop", "attached", "cluster", "twin", "vnet-shop", "new-one", "not--a-name"),
    "placement": ("weu-prod", "weu-prod", "weu-full", "neu-prod", "mine", "atlantis"),
}
"""Parameter of a path → what it is most of the time, so that calls come further than to the first refusal."""
_MOSTLY = 0.85


@dataclass(frozen=True, slots=True)
class Result:
    """What a run came to."""

    cases: int
    failing: int
    complete: bool
    seconds: float

    @property
    def met(self) -> bool:
        """Whether enough was tried, and nothing found."""
        return self.complete and self.failing == 0

    def __str__(self) -> str:
        how = "" if self.complete else ", and did not come to its end"
        return f"{self.cases} cases in {self.seconds:.0f} s: {self.failing} failed{how}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Offer how much, and from which seed."""
    parser.add_argument("--program", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=SEED, help=f"where random values start from (default: {SEED})")
    parser.add_argument("--each", type=int, default=_EACH, help=f"random cases per operation (default: {_EACH})")
    parser.add_argument("--least", type=int, default=CASES, help=f"fewer cases have failed (default: {CASES})")
    parser.add_argument("--log", type=Path, metavar="FILE", help="keep the app's log")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="what schemathesis is told beside, after --")


def run(arguments: argparse.Namespace) -> int:
    """Run to the end; 0 only if enough was tried and nothing found."""
    more = arguments.arguments[1:] if arguments.arguments[:1] == ["--"] else arguments.arguments
    log = arguments.log or Path(os.devnull)
    with log.open("wb") as written:
        result = asyncio.run(_run(arguments.program.absolute(), arguments.seed, arguments.each, more, written))
    enough = result.cases >= arguments.least
    print(f"\nSeed {arguments.seed}, {result}{'' if enough else f'; at least {arguments.least} are wanted'}.")
    return 0 if result.met and enough else 1


async def _run(program: Path, seed: int, each: int, more: list[str], log: IO[bytes]) -> Result:
    async with stage(replace(options(), log=log)) as playing:
        places = await _prepared(playing)
        with tempfile.TemporaryDirectory(prefix="drawbridge-") as folder:
            return await _fuzzed(
                playing, program, Path(folder), configuration(playing.app.function_key, seed, each, places), more
            )


def options() -> StageOptions:
    """Choose a fleet in which every operation finds something, and a policy that allows what it can."""
    allows = "closePublicAccess: enrolled, optOut: allowed, freePlacement: allowed"
    rule = f"  - {{match: {{resourceGroups: [rg-*]}}, enrol: tagged, {allows}}}\n"
    networks = f"networks: {{allow: [/subscriptions/{fleet.APPS}/resourceGroups/rg-*]}}\n"
    caches = [CacheSeed(fleet.APPS, "rg-shop", name) for name in ("shop", "attached", "twin")]
    clusters = [ClusterSeed(fleet.APPS, "rg-shop", name) for name in ("cluster", "twin")]
    return StageOptions(
        policy=fleet.policy().replace("rules:\n", "rules:\n" + rule, 1) + networks,
        emulator=EmulatorOptions(time_scale=_SCALE, seed=SEED),
        seed=fleet.seed(*caches, *clusters, CacheSeed(fleet.APPS, "rg-net", "any")),
        settings={"DRAWBRIDGE_KEY_ROLE": "Admin"},
    )


async def _prepared(playing: Stage) -> dict[str, tuple[str, ...]]:
    """Let the app know the fleet, and have one cache attached; gives what paths are mostly made of."""
    await playing.sweep()

    async def swept() -> bool:
        latest = await playing.store.sweeps.latest()
        return latest is not None and latest.completed

    await eventually(swept, 60, "the sweep to end")
    await playing.call("PUT", f"caches/{fleet.APPS}/rg-shop/attached/endpoints/weu-prod", {})
    attached = fleet.cache_id("attached")
    await playing.until_verdict(attached, "Compliant")
    connections = tuple(each.name for each in playing.azure.world.cache(attached).connections)
    sweep = await playing.store.sweeps.latest()
    return {**_PLACES, "connection": (*connections, "nobody"), "sweep": (sweep.id if sweep else "", "nobody")}


async def _fuzzed(playing: Stage, program: Path, folder: Path, configured: str, more: list[str]) -> Result:
    file, report = folder / "schemathesis.toml", folder / "report.json"
    file.write_text(configured, "utf-8")
    url = f"{playing.app.url}/api/openapi.json"
    command = ["--config-file", str(file), "run", url, "--report", "json", "--report-json-path", str(report)]
    begun = time.monotonic()
    done = await asyncio.create_subprocess_exec(program, *command, *more, cwd=folder)
    status = await done.wait()
    if not report.exists():
        print(f"schemathesis ended with {status} and without a report", file=sys.stderr)
        return Result(0, 0, complete=False, seconds=time.monotonic() - begun)
    return _read(json.loads(report.read_text("utf-8")), time.monotonic() - begun)


def _read(told: Mapping[str, Any], seconds: float) -> Result:
    cases = told["test_cases"]
    complete = told["complete"] and told["stop_reason"] == "completed" and not told["errors"]
    return Result(cases["generated"], cases["with_failures"], complete, seconds)


def configuration(key: str, seed: int, each: int, places: Mapping[str, tuple[str, ...]]) -> str:
    """Give schemathesis' configuration: JSON's strings and lists are TOML's too."""
    lines = [
        f"seed = {seed}",
        f"hooks = {json.dumps(str(_HOOKS))}",
        "continue-on-failure = true",
        "request-timeout = 30.0",
        f"headers = {{ x-functions-key = {json.dumps(key)} }}",
        "[generation]",
        f"max-examples = {each}",
        'database = "none"',
        "[phases.coverage]",
        # Those that Functions has.
        'unexpected-methods = ["DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT"]',
        "[cache]",
        "enabled = false",
        # What is of its schema can be refused all the same: a placement that the policy has not, an old ETag.
        "[checks.positive_data_acceptance]",
        'expected-statuses = ["2xx", "400", "401", "403", "404", "409", "412"]',
    ]
    for name, values in places.items():
        lines += [f"[dictionaries.{name}]", f"values = {json.dumps(values)}"]
    lines += ["[parameters]"]
    lines += [f'"path.{name}" = {{ dictionary = "{name}", probability = {_MOSTLY} }}' for name in places]
    return "\n".join(lines) + "\n"
