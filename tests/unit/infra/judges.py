"""The programs that judge infra/ besides our own rules, each where it can be had, and what they say."""

from __future__ import annotations

import functools
import importlib.machinery
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.unit.infra.bicep import ROOT

_PATIENCE = 240
BICEP_CHECK = Path(os.environ.get("DRAWBRIDGE_BICEP_CHECK") or ROOT.parent / "shared" / "tools" / "bicep-check")
# checkov finding → why it stays. What is not listed fails; so does what is listed and no longer found.
ACCEPTED = {
    (
        "CKV_AZURE_35",
        "account",
    ): "Deny where the app is in a network, which is the default; without one nobody gets in but identities",
    (
        "CKV_AZURE_59",
        "account",
    ): "Event Grid comes in as a trusted service, which a disabled public access would keep out",
    ("CKV_AZURE_206", "account"): "a parameter; its default keeps copies in three zones",
    ("CKV_AZURE_225", "plan"): "an app that has been away misses nothing: queues and sweeps wait for it",
    ("CKV_AZURE_212", "app"): "Flex Consumption starts instances when there is work",
    ("CKV_AZURE_213", "app"): "Flex Consumption has no health checks",
    (
        "CKV_AZURE_222",
        "app",
    ): "Event Grid pushes to a public address, narrowed to its service tag; inbound: closed has none",
    ("CKV_AZURE_17", "app"): "Event Grid has no client certificate",
}


ACCEPTED |= {
    (f"CKV_AZURE_{number}", name): "settings of a site, taken for a site"
    for number in (13, 63, 65, 66, 80, 88, 222)
    for name in ("settings", "signIn")
}


@dataclass(frozen=True, slots=True)
class Report:
    """What checkov has said."""

    failed: frozenset[tuple[str, str]]
    unparsed: tuple[str, ...]
    scanned: int


@functools.cache
def bicep_check() -> list[str]:
    """Give the command that checks Bicep against Azure's own types; skips the test where it cannot be had."""
    script = BICEP_CHECK / "bicep_check.py"
    if not script.exists():
        pytest.skip(f"no bicep-check in {BICEP_CHECK} (DRAWBRIDGE_BICEP_CHECK names another place)")
    folder = ROOT / ".dev" / "tools" / "bicep-check"
    python = folder / "bin" / "python"
    if not python.exists():
        _run([sys.executable, "-m", "venv", str(folder)])
    if _run([str(python), "-c", "import tree_sitter_bicep"]).returncode:
        done = _run([str(python), "-m", "pip", "install", "--quiet", "-r", str(BICEP_CHECK / "requirements.txt")])
        if done.returncode:
            pytest.skip(f"bicep-check needs packages that cannot be had here: {done.stdout[-200:]}")
    return [str(python), str(script)]


def findings(root: Path) -> list[str]:
    """Give what bicep-check finds in a folder of templates."""
    files = sorted(str(path.relative_to(root)) for path in root.rglob("*.bicep"))
    done = _run([*bicep_check(), *files], cwd=root)
    lines = done.stdout.splitlines()
    if not re.fullmatch(r"\d+ file\(s\), \d+ problem\(s\)", lines[-1] if lines else ""):
        return [f"bicep-check broke: {done.stdout[-300:]}"]
    return lines[:-1]


def self_test() -> subprocess.CompletedProcess[str]:
    """Have bicep-check show that it passes what is right and fails what is wrong."""
    python, script = bicep_check()
    return _run([str(Path(script).with_name("selftest.sh"))], environment={"PYTHON": python})


@functools.cache
def _checkov() -> str:
    loader = importlib.machinery.SourceFileLoader("dev", str(ROOT / "dev"))
    spec = importlib.util.spec_from_loader("dev", loader)
    assert spec
    dev = importlib.util.module_from_spec(spec)
    loader.exec_module(dev)
    try:
        return str(dev.make_tool("infra") / "checkov")
    except SystemExit:
        pytest.skip("checkov cannot be installed here: no package index was reached")


def checkov(root: Path, into: Path) -> Report:
    """Scan a copy of a folder: checkov's parser knows neither typed arrays nor conditions in loops."""
    shutil.copytree(root, into)
    for path in into.rglob("*.bicep"):
        text = path.read_text("utf-8").replace("string[]", "array")
        path.write_text(re.sub(r"(\[for .*?: )if \(.*\) \{", r"\1{", text), "utf-8")
    # Without the variable, a file that cannot be read is passed over and the scan succeeds.
    done = _run(
        [_checkov(), "--skip-download", "--framework", "bicep", "--directory", str(into), "--output", "json"],
        environment={"CKV_PARSE_ERROR_FAIL": "true", "LOG_LEVEL": "ERROR"},
        cwd=into,
    )
    start = done.stdout.find("{")
    try:
        said: dict[str, Any] = json.loads(done.stdout[start:])
    except ValueError:
        return Report(frozenset(), (f"checkov broke: {done.stdout[-300:]}",), 0)
    if "results" not in said:
        return Report(frozenset(), (), 0)
    failed = {(one["check_id"], one["resource"].rpartition(".")[2]) for one in said["results"]["failed_checks"]}
    return Report(frozenset(failed), tuple(said["results"]["parsing_errors"]), said["summary"]["resource_count"])


def compiler() -> str:
    """Give the real Bicep compiler; skips the test where it is not on the PATH."""
    found = shutil.which("bicep")
    if not found:
        pytest.skip("bicep is not on the PATH here; the workflows run it")
    return found


def _run(
    command: list[str], environment: dict[str, str] | None = None, cwd: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )
