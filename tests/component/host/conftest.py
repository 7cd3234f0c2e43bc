from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.component.host.world import World, write_app
from tests.fixtures.azurite import azurite, storage

__all__ = ["app_dir", "azurite", "client", "storage", "world"]

SAMPLE = Path(__file__).with_name("sample_app.py.txt")


@pytest.fixture
def app_dir(tmp_path: Path) -> Path:
    """Give a directory with the sample app, as it would be deployed."""
    return write_app(tmp_path / "app", SAMPLE.read_text())


@pytest.fixture
def world(tmp_path: Path, storage: str) -> World:
    return World(tmp_path, storage)


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session
