"""What the stand-in writes down of calls and answers, for whoever holds them against a specification."""

from __future__ import annotations

import json
from pathlib import Path

import aiohttp
import pytest

from local.azure.calls import Json
from local.azure.emulator import Emulator, EmulatorOptions
from local.azure.faults import Match, Reset
from tests.component.azure.fleet import CACHE, CACHES, SEED

VERSION = "api-version=2024-11-01"


async def _lines(folder: Path, method: str, url: str, body: Json | None = None) -> list[Json]:
    """Make one call over HTTPS, with a token, and give what was written down of it."""
    async with Emulator.start(EmulatorOptions(traffic=folder)) as azure:
        azure.world.seed(SEED)
        azure.faults.add(Reset(), Match(path="cache-b"))
        token, _ = azure.tokens.issue(azure.principal, azure.arm_url)
        async with azure.trusting_session() as session:
            sent = session.request(
                method, f"{azure.arm_url}{url}", json=body, headers={"Authorization": f"Bearer {token}"}
            )
            async with sent as answer:
                await answer.read()
    return _written(folder)


def _written(folder: Path) -> list[Json]:
    return [json.loads(line) for file in folder.glob("*.jsonl") for line in file.read_text("utf-8").splitlines()]


async def test_a_call_is_written_down_with_its_answer_and_without_its_token(tmp_path: Path) -> None:
    (line,) = await _lines(tmp_path, "PATCH", f"{CACHE}?{VERSION}", {"tags": {"a": "b"}})
    assert (line["method"], line["url"], line["status"]) == ("PATCH", f"{CACHE}?{VERSION}", 200)
    assert (line["request"], line["answer"]["tags"]) == ({"tags": {"a": "b"}}, {"a": "b"})
    assert {"x-ms-request-id", "Cache-Control"} <= set(line["answer_headers"])
    assert line["headers"]["authorization"] == "***"


async def test_keys_and_signatures_are_masked(tmp_path: Path) -> None:
    sku = {"name": "Basic", "family": "C", "capacity": 0}
    body = {"location": "westeurope", "properties": {"sku": sku}}
    path = f"{CACHES}/providers/Microsoft.Cache/redis/new"
    (line,) = await _lines(tmp_path, "PUT", f"{path}?{VERSION}", body)
    assert line["answer"]["properties"]["accessKeys"] == {"primaryKey": "***", "secondaryKey": "***"}
    assert line["answer_headers"]["Azure-AsyncOperation"].endswith(f"?{VERSION}")


async def test_a_call_whose_connection_was_cut_is_left_out(tmp_path: Path) -> None:
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await _lines(tmp_path, "GET", CACHE.replace("cache-a", "cache-b") + f"?{VERSION}")
    assert _written(tmp_path) == []


async def test_the_environment_may_name_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAWBRIDGE_TRAFFIC", str(tmp_path / "here"))
    async with Emulator.start(EmulatorOptions()) as azure:
        azure.world.seed(SEED)
        azure.request("GET", f"{CACHE}?{VERSION}")
    (line,) = _written(tmp_path / "here")
    assert line["url"].startswith(CACHE)
