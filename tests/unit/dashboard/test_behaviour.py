"""What the dashboard does in a browser: each claim of behaviour.mjs, on the page as it is served."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from shared.dashboard import page

HERE = Path(__file__).parent
JSDOM = HERE.parents[2] / ".dev" / "tools" / "jsdom"
CLAIMS = re.findall(r'^claim\("([^"]+)"', (HERE / "behaviour.mjs").read_text("utf-8"), re.MULTILINE)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Play all claims in one process: claim → what went wrong, or nothing."""
    node = shutil.which("node")
    if node is None or not (JSDOM / "node_modules").is_dir():
        pytest.skip("jsdom is not installed: ./dev test sees to that")
    file = tmp_path_factory.mktemp("dashboard") / "page.html"
    file.write_text(page().text, "utf-8")
    done = subprocess.run(
        [node, str(HERE / "behaviour.mjs")],
        env={**os.environ, "DASHBOARD": str(file), "JSDOM": str(JSDOM), "TZ": "America/New_York"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("claim", CLAIMS)
def test_the_dashboard_keeps_its_word(claim: str, results: dict[str, str]) -> None:
    assert results[claim] == ""


def test_every_claim_is_a_test(results: dict[str, str]) -> None:
    assert list(results) == CLAIMS
