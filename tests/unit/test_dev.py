"""The workbench, run as its user runs it: a process of its own, in a copy of the repository's few files."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Dev = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Give a fresh checkout, as far as ./dev cares, in a folder with a space in its name."""
    place = tmp_path / "my work"
    place.mkdir()
    for name in ["dev", "requirements-dev.lock", "requirements-worker.lock", "package-lock.json"]:
        shutil.copy(ROOT / name, place)
    return place


@pytest.fixture
def dev(place: Path) -> Dev:
    def run(*arguments: str, cwd: Path = place, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(place / "dev"), *arguments]
        # An index that is nowhere: what is not made already cannot be made.
        env = {
            **os.environ,
            "PATH": path,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(place),
            "PIP_CONFIG_FILE": os.devnull,
            "DRAWBRIDGE_REFERENCE": str(place / "nowhere"),
        }
        return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=120, check=False)

    return run


def made(place: Path) -> None:
    """Make .venv look installed: an interpreter, and the stamp that says it holds what the locks say."""
    locks = (place / "requirements-dev.lock").read_bytes() + (place / "requirements-worker.lock").read_bytes()
    (place / ".venv" / "bin").mkdir(parents=True)
    (place / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (place / ".venv" / "drawbridge.stamp").write_text(hashlib.sha256(locks).hexdigest())


def local_that_repeats(place: Path) -> None:
    (place / "local").mkdir()
    (place / "local" / "__main__.py").write_text("import sys; print(sys.argv[1:]); sys.exit(7)")


def test_dev_alone_says_what_there_is_and_makes_nothing(dev: Dev, place: Path) -> None:
    done = dev()
    first = [
        "demo",
        "up",
        "test",
        "check",
        "policy check",
        "bench",
        "azure",
        "fuzz",
        "azcli",
        "stories",
        "host",
        "specs",
    ]
    for task in [*first, "format", "lock", "package", "watch"]:
        assert f"./dev {task}" in done.stdout
    assert (done.returncode, (place / ".venv").exists()) == (0, False)


def test_an_unknown_task_is_named_and_fails(dev: Dev) -> None:
    done = dev("dmeo")
    assert (done.returncode, done.stdout) == (1, "")
    assert "'dmeo'" in done.stderr


def test_a_failed_installation_says_so_in_words_and_is_tried_again(dev: Dev, place: Path) -> None:
    done = dev("check")
    assert done.returncode == 1
    assert "could not be installed. pip said:" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (place / ".venv" / "drawbridge.stamp").exists()
    assert "could not be installed" in dev("check").stderr


def test_a_task_runs_at_once_where_everything_is_made(dev: Dev, place: Path) -> None:
    made(place)
    local_that_repeats(place)
    done = dev("azure", "--port", "1")
    assert (done.stdout, done.stderr, done.returncode) == ("['azure', '--port', '1']\n", "", 7)


def test_a_policy_is_found_from_where_the_user_stands(dev: Dev, place: Path) -> None:
    made(place)
    local_that_repeats(place)
    below = place / "docs"
    below.mkdir()
    assert dev("policy", "check", "mine.yaml", cwd=below).stdout == f"{['policy', 'check', str(below / 'mine.yaml')]}\n"
    assert dev("policy", "check", "mine.yaml").stdout == "['policy', 'check', 'mine.yaml']\n"


def test_a_changed_lock_is_installed_before_anything_runs(dev: Dev, place: Path) -> None:
    made(place)
    local_that_repeats(place)
    with (place / "requirements-dev.lock").open("a") as lock:
        lock.write("# another\n")
    done = dev("azure")
    assert (done.returncode, done.stdout) == (1, "")


def test_a_task_with_azurite_asks_for_node_where_there_is_none(dev: Dev, place: Path) -> None:
    made(place)
    local_that_repeats(place)
    done = dev("demo", path="/nowhere")
    assert (done.returncode, done.stdout) == (1, "")
    assert "needs Node 20 or later" in done.stderr


def test_tasks_that_need_no_storage_need_no_node(dev: Dev, place: Path) -> None:
    made(place)
    local_that_repeats(place)
    assert dev("policy", "check", "mine.yaml", path="/nowhere").returncode == 7


def test_specifications_are_skipped_with_a_reason_where_there_are_none(dev: Dev) -> None:
    done = dev("specs")
    assert done.returncode == 0
    assert "Skipped: no OpenAPI documents in " in done.stderr


def test_traffic_is_looked_for_in_one_folder(dev: Dev) -> None:
    done = dev("specs", "one", "two")
    assert done.returncode == 1
    assert "one folder" in done.stderr
