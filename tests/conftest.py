"""What every test may rely on, whichever room it is in."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.specs.check import Specification
from tests.specs.library import Library
from tests.specs.tally import Tally, exchange_of, read, tally

ROOT = Path(__file__).parents[1]
# A folder of recordings and specifications of real Azure: no part of the repository.
REFERENCE = Path(os.environ.get("DRAWBRIDGE_REFERENCE") or ROOT.parent / "shared" / "azure-reference")
COUNTED = pytest.StashKey[Tally]()

# A deadline would fail a property for the machine's load. In CI the same examples are tried each time, so that a
# red build is a change's own doing; on a laptop every run tries new ones, and failures are kept in .hypothesis.
settings.register_profile("laptop", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "laptop")


@pytest.fixture(scope="session")
def reference() -> Path:
    """Give the folder of recordings of real Azure; tests skip without it."""
    if not REFERENCE.is_dir():
        pytest.skip(f"no recordings of Azure in {REFERENCE} (DRAWBRIDGE_REFERENCE names another place)")
    return REFERENCE


@pytest.fixture(scope="session", autouse=True)
def traffic_as_specified(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Hold what the stand-in for Azure was asked and answered in this session against Microsoft's documents."""
    if not REFERENCE.is_dir():
        yield
        return
    given, process = os.environ.get("DRAWBRIDGE_TRAFFIC"), os.environ.get("PYTEST_XDIST_WORKER", "alone")
    folder = Path(given) / process if given else tmp_path_factory.mktemp("traffic")
    folder.mkdir(parents=True, exist_ok=True)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DRAWBRIDGE_TRAFFIC", str(folder))
        yield
    if not any(folder.iterdir()):
        return
    counted = tally(Specification(Library(REFERENCE)), map(exchange_of, read(folder)))
    pytestconfig.stash[COUNTED] = counted
    if hasattr(pytestconfig, "workeroutput"):
        pytestconfig.workeroutput["traffic"] = counted.shown()
    assert not counted.errors, "\n".join(counted.lines())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files of the whole app, which mostly wait, evenly between those that compute: no processor is idle then."""
    files = list(dict.fromkeys(item.path for item in items))
    waits = [(ROOT / "tests" / "system") in file.parents for file in files]
    place: dict[Path, float] = {}
    for kind in (True, False):
        those = [file for file, waiting in zip(files, waits, strict=True) if waiting is kind]
        place |= {file: number / len(those) for number, file in enumerate(those)}
    items.sort(key=lambda item: place[item.path])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """Add up what processes of a parallel run have counted."""
    shown = getattr(node, "workeroutput", {}).get("traffic")
    config = getattr(node, "config", None)
    if shown and isinstance(config, pytest.Config):
        config.stash.setdefault(COUNTED, Tally()).merge(shown)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was held against the documents."""
    counted = config.stash.get(COUNTED, None)
    if counted is not None:
        terminalreporter.section("the stand-in's traffic against Microsoft's OpenAPI documents")
        for line in counted.lines():
            terminalreporter.write_line(line)
