"""Metrics on their way to Application Insights: Microsoft's exporter, over HTTPS, as the app's managed identity."""

import asyncio
import gc
import json
import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from local.azure.emulator import Emulator
from shared.insights import Insights
from shared.logs import Log

pytestmark = pytest.mark.emulator_only
ROOT = Path(__file__).parents[2]
PASSES = "drawbridge.passes"


@pytest.fixture
async def azure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Emulator]:
    """Run the stand-in, and point this process at it; what the exporter keeps goes into a folder of the test."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    async with Emulator.start() as emulator:
        for name, value in {**emulator.environment, **emulator.telemetry}.items():
            monkeypatch.setenv(name, value)
        yield emulator


@pytest.fixture
async def way(azure: Emulator) -> AsyncIterator[Insights]:
    """Give a way to it that sends when it is told to."""
    made = Insights(azure.telemetry["APPLICATIONINSIGHTS_CONNECTION_STRING"], every=0, loaded_after=3600)
    yield made
    await ended(made)


async def ended(way: Insights) -> None:
    """End it, and the connections of the credential that the exporter has made for itself."""
    await asyncio.to_thread(way.close)
    if way._thread:
        way._thread.join()
    credential = way._way._exporter._credential if way._way else None
    if credential:
        credential.close()
    # A refusal that nobody reads to its end keeps its connection until it is collected.
    gc.collect()


async def send(way: Insights, trigger: str = "event") -> None:
    """Measure one pass, and send it."""
    way.note("pass", {"trigger": trigger, "verdict": "Compliant"})
    await asyncio.to_thread(way.send)


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage().partition(" {")[0] for record in caplog.records if record.name == "shared.insights"]


async def test_counts_add_up_and_distributions_keep_their_ends(azure: Emulator, way: Insights) -> None:
    for took in (0.5, 2.0, 0.25):
        way.note("passed", {"took": took})
        way.note("pass", {"trigger": "event", "verdict": "Blocked", "reason": "SubnetFull"})
    await send(way, "sweep")

    assert azure.ingestion.calls == 1
    assert azure.ingestion.total(PASSES, {"trigger": "event"}) == 3
    assert azure.ingestion.total(PASSES, {"trigger": "sweep"}) == 1
    assert azure.ingestion.total("drawbridge.verdicts", {"verdict": "Blocked", "reason": "SubnetFull"}) == 3
    (point,) = azure.ingestion.points("drawbridge.pass.duration")
    assert (point.count, point.value, point.min, point.max) == (3, 2.75, 0.25, 2.0)
    assert {item.tags["ai.cloud.role"] for item in azure.ingestion.items} == {"drawbridge"}


def test_the_exporter_tells_nobody_else_and_asks_nobody(tmp_path: Path) -> None:
    # What it would say of itself, and ask Microsoft, it would do in threads of its own, once for each process.
    program = (
        "import threading; from shared.insights import Way;"
        "way = Way('InstrumentationKey=11111111-1111-1111-1111-111111111111', 30);"
        "print([thread.name for thread in threading.enumerate()]); way.close()"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, check=True)

    assert done.stdout.decode().strip() == "['MainThread', 'AzureMonitorMetricExporter Storage']"


async def test_each_sending_holds_what_came_since_the_last(azure: Emulator, way: Insights) -> None:
    await send(way)
    await send(way)
    await asyncio.to_thread(way.send)

    assert [point.value for point in azure.ingestion.points(PASSES)] == [1, 1]
    assert azure.ingestion.calls == 2


async def test_what_is_not_taken_comes_again_and_is_told_once(
    azure: Emulator, way: Insights, caplog: pytest.LogCaptureFixture
) -> None:
    azure.ingestion.fail(503, 3)
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            await send(way)
        assert azure.ingestion.total(PASSES) == 0
        await send(way)
        await send(way)

    assert azure.ingestion.total(PASSES) == 5
    assert told(caplog) == ["metrics not taken", "metrics taken again"]


async def test_a_throttled_sending_waits_as_it_was_told_and_disturbs_nothing(
    azure: Emulator, way: Insights, caplog: pytest.LogCaptureFixture
) -> None:
    azure.ingestion.fail(429, 1, retry_after=3600)
    await send(way)
    await send(way)

    assert azure.ingestion.total(PASSES) == 1
    assert azure.ingestion.calls == 2
    assert "throttled" in caplog.text


async def test_of_a_batch_that_was_taken_in_part_only_the_rest_is_left(azure: Emulator, way: Insights) -> None:
    azure.ingestion.fail(206)
    await send(way)
    await send(way)

    # The first of two items was not taken, and came again by itself.
    assert [item.data.base_data.metrics[0].value for item in azure.ingestion.items] == [1, 1, 1, 1]
    assert azure.ingestion.total(PASSES) == 2


async def test_without_a_token_nothing_is_taken_and_the_log_says_why(
    azure: Emulator, way: Insights, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("APPLICATIONINSIGHTS_AUTHENTICATION_STRING")
    await send(way)

    assert azure.ingestion.items == []
    assert "entra ID authentication" in caplog.text


async def test_a_connection_string_that_names_nothing_is_told_and_passes_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    way = Insights("InstrumentationKey=nonsense", every=3600, loaded_after=3600)
    await send(way)
    await send(way)
    await ended(way)

    assert told(caplog) == ["metrics not taken"]
    assert "Invalid instrumentation key" in caplog.text


async def test_the_thread_loads_what_sends_and_sends_by_itself(azure: Emulator) -> None:
    way = Insights(azure.telemetry["APPLICATIONINSIGHTS_CONNECTION_STRING"], every=0.01, loaded_after=0)
    way.note("pass", {"trigger": "event", "verdict": "Compliant"})

    async with asyncio.timeout(20):
        while not azure.ingestion.items:  # noqa: ASYNC110 - another thread sends them
            await asyncio.sleep(0.01)
    await ended(way)

    assert azure.ingestion.total(PASSES) == 1


async def test_the_stand_in_takes_only_what_microsoft_describes(azure: Emulator) -> None:
    token, _ = azure.tokens.issue(azure.principal, "https://monitor.azure.com/")
    foreign, _ = azure.tokens.issue(azure.principal, "https://management.azure.com")
    point = {"name": "x", "value": 1}
    data = {"baseType": "MetricData", "baseData": {"ver": 2, "metrics": [point]}}
    good = {
        "name": "Microsoft.ApplicationInsights.Metric",
        "time": "2026-11-28T00:00:00Z",
        "iKey": azure.ingestion.key,
        "data": data,
    }
    wrong = [
        {**good, "iKey": "other"},
        {**good, "time": "yesterday"},
        {**good, "data": {**data, "baseType": "EventData"}},
    ]
    async with azure.trusting_session() as session:

        async def post(body: object, bearer: str) -> tuple[int, list[int]]:
            headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}
            url = f"{azure.arm_url}/v2.1/track"
            async with session.post(url, data=json.dumps(body), headers=headers) as answer:
                told = await answer.json()
                return answer.status, [error["index"] for error in told["errors"]]

        assert await post([good], token) == (200, [])
        assert await post([good, *wrong], token) == (206, [1, 2, 3])
        assert await post(wrong, token) == (400, [0, 1, 2])
        assert await post([good], foreign) == (401, [0])
    assert len(azure.ingestion.items) == 2


async def test_a_line_says_what_its_metric_counts(
    azure: Emulator, way: Insights, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.insights.insights", lambda: way)
    Log("x").info("event ignored", reason="FOREIGN", because="words", event="1")
    await asyncio.to_thread(way.send)

    assert azure.ingestion.total("drawbridge.events", {"outcome": "ignored", "reason": "FOREIGN"}) == 1
