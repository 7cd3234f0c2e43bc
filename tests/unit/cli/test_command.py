"""The command as its user meets it before any app is reached: help, mistakes, completion, and what it is made of."""

import ast
import json
import re
import tomllib
from pathlib import Path

import pytest

from drawbridge_cli import __version__
from drawbridge_cli.__main__ import run
from drawbridge_cli.commands import drawbridge
from drawbridge_cli.exits import Exit, of_state, of_verdict
from shared.api.operations.subscriptions import LIST_SUBSCRIPTIONS
from shared.api.shapes.common import State
from shared.model import VerdictKind
from tests.unit.cli.test_client import front

CLI = Path(__file__).parents[3] / "cli"
COMMANDS = sorted(drawbridge.commands)


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DRAWBRIDGE_URL", "DRAWBRIDGE_KEY", "DRAWBRIDGE_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_shows_examples_in_its_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "--help"]) == Exit.READY
    assert f"  drawbridge {command}" in capsys.readouterr().out


def test_the_exit_codes_are_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    run(["--help"])

    told = capsys.readouterr().out
    assert all(f"  {code.value}  " in told for code in Exit)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["attach", "a/b/c"], "--placement"),
        (["attach", "shop", "-p", "weu"], "SUBSCRIPTION/GROUP/NAME"),
        (["attach", "a/b/c", "-p", "we/u"], "no placement"),
        (["wait", "a/b/c", "--timeout", "soon"], "90s, 15m or 1h"),
        (["exempt", "a/b/c", "--end", "--until", "2026-12-31"], "contradict"),
        (["exempt", "a/b/c", "--reason", "because"], "go together"),
        (["exempt", "a/b/c", "--until", "2026-12-31"], "go together"),
        (["fleet", "--verdict", "Fine"], "Compliant"),
        (["atach"], "atach"),
        (["status", "a/b/c"], "DRAWBRIDGE_URL"),
        (["--url", "http://elsewhere", "status", "a/b/c"], "https only"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_ends_with_1_and_says_what_is_wrong(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if words not in {"DRAWBRIDGE_URL", "https only"}:
        monkeypatch.setenv("DRAWBRIDGE_URL", "http://127.0.0.1:9")

    assert run(arguments) == Exit.ERROR
    assert words in capsys.readouterr().err.replace("\n", " ")


@pytest.mark.parametrize(("only", "told"), [((), ["11111111", "22222222"]), (("--problems",), ["22222222"])])
def test_subscriptions_are_listed_with_what_is_the_matter_and_what_mends_it(
    only: tuple[str, ...], told: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with front(200, json.dumps(LIST_SUBSCRIPTIONS.shown).encode()) as at:
        monkeypatch.setenv("DRAWBRIDGE_URL", at.url)
        monkeypatch.setenv("DRAWBRIDGE_KEY", "key")
        assert run(["subscriptions", *only]) == Exit.READY

    assert [path for _, path, _ in at.asked] == ["/api/subscriptions"]
    _, *rows, summary = capsys.readouterr().out.splitlines()
    assert [row[:8] for row in rows] == told
    assert re.search(r"done +3 +never +NoEvents +\./dev watch 22222222-3333-4444-5555-666666666666", rows[-1])
    assert summary == "2 subscriptions, 1 with problems"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_completion(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", shell]) == Exit.READY
    assert "_DRAWBRIDGE_COMPLETE" in capsys.readouterr().out


def test_every_state_and_verdict_of_the_app_has_its_exit_code() -> None:
    assert {state.value: of_state(state) for state in State} == {"Ready": 0, "Converging": 3, "Blocked": 2}
    assert {verdict: of_verdict(verdict) for verdict in VerdictKind} == {
        VerdictKind.COMPLIANT: 0,
        VerdictKind.EXEMPT: 0,
        VerdictKind.CONVERGING: 3,
        VerdictKind.BLOCKED: 2,
        VerdictKind.AUDIT_ONLY: 2,
        VerdictKind.OUT_OF_SCOPE: 2,
    }


def test_a_state_that_nobody_knows_is_no_success() -> None:
    assert of_state("Splendid") == Exit.ERROR


def test_the_command_needs_two_packages_and_nothing_of_the_app() -> None:
    pieces = [node for path in CLI.rglob("*.py") for node in ast.walk(ast.parse(path.read_text("utf-8")))]
    imported = {n.module or "" for n in pieces if isinstance(n, ast.ImportFrom)}
    imported |= {alias.name for n in pieces if isinstance(n, ast.Import) for alias in n.names}

    roots = {name.partition(".")[0] for name in imported}
    assert not roots & {"shared", "functions", "local", "azure", "aiohttp", "msgspec"}
    assert {"click", "rich"} <= roots


def test_the_package_says_the_same_version_as_the_command() -> None:
    assert tomllib.loads((CLI / "pyproject.toml").read_text("utf-8"))["project"]["version"] == __version__


def test_the_pipelines_in_the_docs_take_their_secrets_from_where_secrets_are_kept() -> None:
    page = (CLI.parent / "docs" / "pipelines.md").read_text("utf-8")
    keys = re.findall(r"DRAWBRIDGE_KEY: (.*?)(?: *#.*)?$", page, re.MULTILINE)

    assert keys == ["${{ secrets.DRAWBRIDGE_KEY }}", "$(DRAWBRIDGE_KEY)"]
