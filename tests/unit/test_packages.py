"""What is pinned: the lock is the truth, and what is deployed is cut from it."""

import re
import tomllib
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
TOOLS = ["azcli", "custodian", "fuzz", "infra"]
LOCKS = [
    "requirements-dev.lock",
    "requirements-worker.lock",
    "requirements.txt",
    *(f"locks/{name}.lock" for name in TOOLS),
]


@dataclass(frozen=True, slots=True)
class Pin:
    name: str
    version: str
    marker: str
    hashes: frozenset[str]


def pins(file: str) -> frozenset[Pin]:
    """Read the pins of a lock file; a line that is no pin, hash or comment fails the reading."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / file).read_text("utf-8"), flags=re.MULTILINE)
    return frozenset(pin(line) for line in text.replace("\\\n", " ").splitlines())


def pin(line: str) -> Pin:
    requirement, *hashes = re.split(r"\s+--hash=sha256:", line.strip())
    read = Requirement(requirement)
    version = re.fullmatch(r"==([\w.+!]+)", str(read.specifier))
    assert version, f"{line[:60]!r} is no exact pin"
    return Pin(canonicalize_name(read.name), version[1], str(read.marker or ""), frozenset(hashes))


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def wanted(section: str) -> list[Requirement]:
    read = pyproject()
    lines = read["project"]["dependencies"] if section == "runtime" else read["dependency-groups"][section]
    return [Requirement(line) for line in lines]


def needed_by(roots: list[Requirement]) -> set[str]:
    """Every package that these need here and now, found by walking what the installed ones declare."""
    needed: set[str] = set()
    todo = list(roots)
    while todo:
        requirement = todo.pop()
        name = canonicalize_name(requirement.name)
        if not applies(requirement) or (name in needed and not requirement.extras):
            continue
        needed.add(name)
        todo += [one for one in declared(name) if applies(one, requirement.extras)]
    return needed


def declared(name: str) -> list[Requirement]:
    return [Requirement(line) for line in metadata.distribution(name).requires or []]


def applies(requirement: Requirement, extras: set[str] | None = None) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in {"", *(extras or ())})


def applies_here(one: Pin) -> bool:
    return not one.marker or Marker(one.marker).evaluate()


def test_what_is_deployed_is_pinned_as_in_the_lock() -> None:
    assert pins("requirements.txt") <= pins("requirements-dev.lock")


def test_what_is_deployed_is_what_the_app_needs_and_nothing_else() -> None:
    here = {one.name for one in pins("requirements.txt") if applies_here(one)}
    assert here == needed_by(wanted("runtime"))


@pytest.mark.parametrize(
    ("section", "lock"),
    [
        ("runtime", "requirements.txt"),
        ("runtime", "requirements-dev.lock"),
        ("dev", "requirements-dev.lock"),
        ("worker", "requirements-worker.lock"),
        *((name, f"locks/{name}.lock") for name in TOOLS),
    ],
)
def test_the_lock_satisfies_every_range_in_pyproject(section: str, lock: str) -> None:
    locked = {(one.name, one.marker.replace("python_full_version", "python_version")): one for one in pins(lock)}
    for requirement in wanted(section):
        found = locked[canonicalize_name(requirement.name), str(requirement.marker or "")]
        assert found.version in requirement.specifier


@pytest.mark.parametrize("file", LOCKS)
def test_every_pin_carries_the_hashes_of_its_files(file: str) -> None:
    assert [one.name for one in pins(file) if not all(re.fullmatch("[0-9a-f]{64}", h) for h in one.hashes)] == []
    assert [one.name for one in pins(file) if not one.hashes] == []


@pytest.mark.parametrize(
    "file", [*LOCKS, "package-lock.json", "local/jsdom/package-lock.json", "local/oav/package-lock.json"]
)
def test_no_lock_says_where_packages_come_from(file: str) -> None:
    text = (ROOT / file).read_text("utf-8")
    assert re.findall(r'--\S*(?:index|find-links)\S*|"resolved"|^\w+ @ ', text, re.MULTILINE) == []


def test_what_is_installed_here_is_what_the_locks_say() -> None:
    expected = {one.name: one.version for file in LOCKS[:2] for one in pins(file) if applies_here(one)}
    assert {name: metadata.version(name) for name in expected} == expected
