"""What every test may rely on, whichever room it is in."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]

# A deadline would fail a property for the machine's load. In CI the same examples are tried each time, so that a
# red build is a change's own doing; on a laptop every run tries new ones, and failures are kept in .hypothesis.
settings.register_profile("laptop", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "laptop")


@pytest.fixture(scope="session")
def reference() -> Path:
    """Give the folder of recordings of real Azure; it is no part of the repository, and tests skip without it."""
    folder = Path(os.environ.get("DRAWBRIDGE_REFERENCE") or ROOT.parent / "shared" / "azure-reference")
    if not folder.is_dir():
        pytest.skip(f"no recordings of Azure in {folder} (DRAWBRIDGE_REFERENCE names another place)")
    return folder
