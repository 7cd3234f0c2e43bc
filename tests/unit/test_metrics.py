"""What is measured: the catalogue against the lines that the code says, and what one line comes to."""

import ast
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared import insights
from shared.insights import MOST_SERIES, Insights
from shared.logs import Log
from shared.metrics import METRICS, Metric, Series, Source, measurements
from shared.model import Reason, Trigger, VerdictKind

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "operate.md"
SAYING = {"info", "warning", "error", "failure", "measure"}
# Each has few values, that the code or Azure's verdicts name: nobody outside can add one.
SPLITS = {"kind", "of", "outcome", "queue", "reason", "trigger", "verdict"}
CACHE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Cache/Redis/shop"
SOURCES = [(metric, source) for metric in METRICS for source in metric.sources]


def said() -> Iterator[tuple[str, set[str]]]:
    """Every line that the deployed code can say: its message, and the names of its fields."""
    for path in (*(ROOT / "functions").rglob("*.py"), *(ROOT / "shared").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Call(ast.Attribute(ast.Name("log"), attr), [ast.Constant(str(message))], given) if (
                    attr in SAYING
                ):
                    yield message, {keyword.arg for keyword in given if keyword.arg}


LINES = list(said())


@pytest.mark.parametrize(("metric", "source"), SOURCES, ids=lambda value: getattr(value, "message", ""))
def test_each_source_is_a_line_that_is_said_with_the_fields_that_it_counts_on(metric: Metric, source: Source) -> None:
    needed = {*source.by, *filter(None, (source.value, source.having))}
    lines = [fields for message, fields in LINES if message == source.message]

    assert [fields for fields in lines if needed <= fields], (metric.name, source.message)
    if not source.having:
        assert [fields for fields in lines if not needed <= fields] == []


def test_what_is_given_up_is_of_something_known() -> None:
    known = {source.having for metric, source in SOURCES if source.message == "gave up"}

    assert [fields for message, fields in LINES if message == "gave up" and len(fields & known) != 1] == []


def test_nothing_is_split_by_what_has_many_values() -> None:
    assert {split for metric in METRICS for split in metric.splits} == SPLITS


def test_names_are_as_opentelemetry_wants_them() -> None:
    assert [metric.name for metric in METRICS if not re.fullmatch(r"drawbridge(\.[a-z_]+)+", metric.name)] == []
    assert [metric.name for metric in METRICS if not re.fullmatch(r"s|\{[a-z]+\}", metric.unit)] == []
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def test_the_page_shows_the_catalogue() -> None:
    rows = [
        f"| `{m.name}` | {m.kind} | {m.unit.strip('{}')} | {', '.join(f'`{s}`' for s in m.splits) or '–'} | {m.means} |"
        for m in METRICS
    ]
    chapter = PAGE.read_text("utf-8").partition("## Metrics\n")[2].partition("\n## ")[0]

    assert [line for line in chapter.splitlines() if line.startswith("| `drawbridge.")] == rows


@pytest.mark.parametrize(
    ("message", "fields", "expected"),
    [
        (
            "pass",
            {"cache": CACHE, "trigger": Trigger.EVENT, "verdict": VerdictKind.BLOCKED, "reason": Reason.SUBNET_FULL},
            {
                "drawbridge.passes": ({"trigger": "event"}, 1),
                "drawbridge.verdicts": ({"of": "cache", "verdict": "Blocked", "reason": "SubnetFull"}, 1),
            },
        ),
        (
            "network",
            {"verdict": VerdictKind.COMPLIANT, "reason": None},
            {"drawbridge.verdicts": ({"of": "network", "verdict": "Compliant"}, 1)},
        ),
        ("event", {"operation": "x", "caches": 3}, {"drawbridge.events": ({"outcome": "taken"}, 1)}),
        (
            "event ignored",
            {"reason": "FOREIGN", "because": "words"},
            {"drawbridge.events": ({"outcome": "ignored", "reason": "FOREIGN"}, 1)},
        ),
        ("gave up", {"cache": CACHE}, {"drawbridge.poison": ({"of": "cache"}, 1)}),
        ("gave up", {"subscription": "s"}, {"drawbridge.poison": ({"of": "sweep"}, 1)}),
        ("dead letters taken up", {"letters": 2, "events": 9}, {"drawbridge.dead_letters": ({"outcome": "taken"}, 2)}),
        ("asked azure", {"kind": "write"}, {"drawbridge.arm.requests": ({"kind": "write"}, 1)}),
        ("passed", {"took": 0.25}, {"drawbridge.pass.duration": ({}, 0.25)}),
        ("passed", {"took": "0.25"}, {}),
        ("passed", {"took": True}, {}),
        ("gone", {"cache": CACHE}, {}),
    ],
)
def test_what_a_line_comes_to(
    message: str, fields: dict[str, object], expected: dict[str, tuple[dict[str, str], float]]
) -> None:
    found = {series.metric: (dict(series.split), value) for series, value in measurements(message, fields)}

    assert found == expected


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[Insights]:
    """Measure into a place that sends nothing while the test lasts."""
    place = Insights("unused", loaded_after=3600)
    monkeypatch.setattr(insights, "insights", lambda: place)
    monkeypatch.setattr("atexit.register", lambda _: None)
    yield place
    place._ended.set()
    if place._thread:
        place._thread.join()


def test_a_line_is_measured_even_where_its_level_is_not_logged(kept: Insights, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger("quiet"), "level", logging.CRITICAL)

    Log("quiet").info("sweep completed", caches=40, drifted=1, unreadable=0, took=2.5)
    Log("quiet").info("sweep completed", caches=60, drifted=0, unreadable=0, took=1.5)

    tally = kept._tallies[Series("drawbridge.sweep.caches")]
    assert (tally.count, tally.total, tally.least, tally.most) == (2, 100, 40, 60)
    assert kept._tallies[Series("drawbridge.sweeps")].total == 2


def test_a_measure_reaches_no_line_of_the_log(kept: Insights, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        Log("quiet").measure("passed", took=1.0)

    assert caplog.records == []
    assert kept._tallies[Series("drawbridge.pass.duration")].total == 1


def test_memory_stays_bounded_whatever_comes(kept: Insights) -> None:
    for number in range(MOST_SERIES + 100):
        kept.note("event ignored", {"reason": f"made up {number}"})

    assert len(kept._tallies) == MOST_SERIES


@pytest.mark.parametrize(("connection", "threads"), [("", 1), ("InstrumentationKey=x", 2)])
def test_nothing_is_kept_or_loaded_where_metrics_go_nowhere_and_no_exporter_at_first_where_they_do(
    connection: str, threads: int
) -> None:
    program = (
        "import sys, threading, os; from shared.logs import Log; Log('x').measure('passed', took=1.0);"
        "print(threading.active_count(), [m for m in sys.modules if m.startswith(('opentelemetry', 'azure'))]);"
        "sys.stdout.flush(); os._exit(0)"
    )
    environment = {**os.environ, "APPLICATIONINSIGHTS_CONNECTION_STRING": connection}
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, check=True)

    assert done.stdout.decode().strip() == f"{threads} []"
