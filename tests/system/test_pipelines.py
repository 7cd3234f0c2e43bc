"""The command `drawbridge` and the scripts of docs/pipelines.md, as they stand, against the running app."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from drawbridge_cli.exits import Exit
from local import fleet
from local.azure.seeds import CacheSeed
from local.azurite import Azurite
from tests.system.scene import Scene, playing, scene
from tests.unit.test_docs import blocks

pytestmark = [pytest.mark.emulator_only, pytest.mark.asyncio(loop_scope="module")]

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "pipelines.md").read_text("utf-8")
SHOPS = ("attached", "curled", "actions", "azure", "slow", "rehearsed", "listed", "exempted")
CACHES = (
    *(CacheSeed(fleet.APPS, "rg-shop", name) for name in SHOPS),
    CacheSeed(fleet.APPS, "rg-shop", "vnet", subnet_id=fleet.subnet_id("weu")),
)


@dataclass(frozen=True)
class Ended:
    """What a process left behind."""

    code: int
    out: str
    err: str

    @property
    def answer(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.out)
        return answer


@dataclass(frozen=True)
class Runner:
    """A machine that pipelines run on: it has bash, curl, Python, and the command installed."""

    at: Scene
    folder: Path

    def environment(self, cache: str) -> Mapping[str, str]:
        kept = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
        return kept | {
            "PATH": f"{self.folder}:{os.environ['PATH']}",
            "DRAWBRIDGE_URL": self.at.stage.app.url,
            "DRAWBRIDGE_KEY": self.at.stage.app.function_key,
            "CACHE": f"{fleet.APPS}/rg-shop/{cache}",
            "no_proxy": "127.0.0.1",
        }

    async def run(self, *command: str, cache: str = "", **settings: str) -> Ended:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=self.folder,
            env={**self.environment(cache), **settings},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        return Ended(process.returncode or 0, out.decode(), err.decode())

    async def drawbridge(self, *arguments: str, **settings: str) -> Ended:
        return await self.run("drawbridge", *arguments, **settings)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def runner(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Runner]:
    """Give such a machine beside an app that has swept once, so that it knows what is in scope."""
    folder = tmp_path_factory.mktemp("runner")
    command = folder / "drawbridge"
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT / "cli"}" exec "{sys.executable}" -m drawbridge_cli "$@"\n')
    command.chmod(0o755)
    (folder / "pip").write_text("#!/bin/sh\n")
    options = playing(azurite, *CACHES)
    # Exemptions are an admin's; here the key is one's.
    async with scene(replace(options, settings={**options.settings, "DRAWBRIDGE_KEY_ROLE": "Admin"})) as at:
        await at.swept()
        yield Runner(at, folder)


def named(cache: str) -> str:
    return f"{fleet.APPS}/rg-shop/{cache}"


# ── the command ─────────────────────────────────────────────────────────────────────────────────


async def test_attach_waits_until_traffic_can_flow_and_ends_with_0(runner: Runner) -> None:
    ended = await runner.drawbridge("attach", fleet.cache_id("attached"), "-p", "weu-prod")

    assert (ended.code, ended.out.split()[0]) == (Exit.READY, "Ready"), ended
    assert "attached in weu-prod: Converging: " in ended.err
    assert ended.err.splitlines()[-1].endswith("Ready: Compliant")
    await runner.at.until_private(fleet.cache_id("attached"))


async def test_a_rehearsal_changes_nothing(runner: Runner) -> None:
    ended = await runner.drawbridge("attach", named("rehearsed"), "-p", "weu-prod", "--dry-run")

    assert ended.code == Exit.READY, ended
    assert "make endpoint pe-rehearsed-" in ended.out
    assert await runner.at.stage.row(fleet.cache_id("rehearsed")) is None


async def test_a_cache_that_cannot_be_private_ends_with_2_and_its_reason(runner: Runner) -> None:
    ended = await runner.drawbridge("attach", named("vnet"), "-p", "weu-prod", "--json")

    assert ended.code == Exit.BLOCKED, ended
    assert ended.answer["reason"] == "VnetInjected"


async def test_a_wait_whose_time_is_up_ends_with_3_and_goes_on_by_itself(runner: Runner) -> None:
    ended = await runner.drawbridge("attach", named("slow"), "-p", "weu-prod", "--timeout", "0s")
    assert ended.code == Exit.NOT_YET, ended

    again = await runner.drawbridge("wait", named("slow"), "-p", "weu-prod")
    assert again.code == Exit.READY, again
    assert (await runner.drawbridge("status", named("slow"), "-p", "weu-prod")).code == Exit.READY
    assert (await runner.drawbridge("wait", named("slow"))).code == Exit.READY


@pytest.mark.parametrize(
    ("arguments", "settings", "words"),
    [
        (("status", named("nobody")), {}, "not found, or is out of scope"),
        (("attach", named("slow"), "-p", "nowhere"), {}, "not a placement of the policy"),
        (("status", named("slow")), {"DRAWBRIDGE_KEY": "wrong"}, "DRAWBRIDGE_KEY"),
    ],
    ids=["no-such-cache", "no-such-placement", "wrong-key"],
)
async def test_what_cannot_be_done_ends_with_1_and_says_why(
    runner: Runner, arguments: tuple[str, ...], settings: Mapping[str, str], words: str
) -> None:
    ended = await runner.drawbridge(*arguments, **settings)

    assert ended.code == Exit.ERROR, ended
    assert words in ended.err
    assert runner.at.stage.app.function_key not in ended.out + ended.err


async def test_plan_says_what_would_be_done(runner: Runner) -> None:
    runner.at.wear(fleet.cache_id("listed"), {"drawbridge": "private"})
    ended = await runner.drawbridge("plan", named("listed"))

    assert ended.code == Exit.READY, ended
    assert "would make endpoint pe-listed-" in ended.out


async def test_an_exemption_is_granted_shown_and_ended(runner: Runner) -> None:
    cache, until = named("exempted"), (datetime.now(tz=UTC) + timedelta(days=7)).date().isoformat()
    granted = await runner.drawbridge("exempt", cache, "--until", until, "--owner", "team-shop", "--reason", "a move")
    shown = await runner.drawbridge("exempt", cache, "--json")
    ended = await runner.drawbridge("exempt", cache, "--end")
    gone = await runner.drawbridge("exempt", cache)

    assert [each.code for each in (granted, shown, ended, gone)] == [Exit.READY] * 3 + [Exit.ERROR], gone
    assert (shown.answer["until"], shown.answer["owner"], shown.answer["reason"]) == (until, "team-shop", "a move")


async def test_the_fleet_is_listed_whole_and_by_filter(runner: Runner) -> None:
    for cache in ("attached", "vnet"):
        await runner.drawbridge("attach", named(cache), "-p", "weu-prod")
    whole = await runner.drawbridge("--json", "fleet")
    blocked = await runner.drawbridge("fleet", "--verdict", "Blocked", "--subscription", fleet.APPS)

    assert {fleet.cache_id("attached"), fleet.cache_id("vnet")} <= {row["id"] for row in whole.answer["value"]}
    assert [line for line in blocked.out.splitlines() if f"{named('vnet')} " in line and "VnetInjected" in line]
    assert "attached" not in blocked.out


# ── the scripts of the page ─────────────────────────────────────────────────────────────────────


def pipelines() -> list[Any]:
    return [yaml.safe_load(block.text) for block in blocks(PAGE, "yaml")]


def scripts() -> Mapping[str, str]:
    """Take the scripts out of the pipelines: the last step of each is the one that waits."""
    actions, azure = pipelines()
    (curl,) = blocks(PAGE, "sh")
    return {
        "actions": actions["jobs"]["private-endpoint"]["steps"][-1]["run"],
        "azure": azure["steps"][-1]["bash"],
        "curled": curl.text,
    }


@pytest.mark.parametrize("pipeline", ["actions", "azure", "curled"])
async def test_the_script_of_the_page_makes_a_cache_private(runner: Runner, pipeline: str) -> None:
    ended = await runner.run("bash", "-euo", "pipefail", "-c", scripts()[pipeline], cache=pipeline)

    assert ended.code == 0, ended
    assert "The cache is private." in ended.out
    await runner.at.until_private(fleet.cache_id(pipeline))


@pytest.mark.parametrize(("pipeline", "code"), [("actions", 1), ("azure", 2), ("curled", 1)])
async def test_the_script_of_the_page_fails_where_the_cache_is_blocked(
    runner: Runner, pipeline: str, code: int
) -> None:
    ended = await runner.run("bash", "-euo", "pipefail", "-c", scripts()[pipeline], cache="vnet")

    assert ended.code == code, ended
    assert "VnetInjected" in ended.out + ended.err
