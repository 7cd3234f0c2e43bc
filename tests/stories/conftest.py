"""What every story may rely on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import REFERENCE
from tests.specs.check import Specification
from tests.specs.library import Library
from tests.specs.tally import exchange_of, read, tally


@pytest.fixture(autouse=True)
def answers_as_specified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hold the answers against Microsoft's documents, but not what clients of others ask: az sends whole objects."""
    folder = tmp_path / "traffic"
    folder.mkdir()
    monkeypatch.setenv("DRAWBRIDGE_TRAFFIC", str(folder))
    yield
    if REFERENCE.is_dir():
        counted = tally(Specification(Library(REFERENCE)), map(exchange_of, read(folder)))
        assert [text for text in counted.errors if ": request " not in text] == []
