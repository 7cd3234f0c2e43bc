"""A store for each test, in a storage account of real Azurite that nothing has touched."""

import logging
import re
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from shared.ids import CacheId, GroupId
from shared.store import Store, StoreSettings
from tests.fixtures.azurite import azurite, storage

__all__ = ["azurite", "storage"]

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
OTHER_SUBSCRIPTION = "99999999-2222-3333-4444-555555555555"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
Calls = Callable[[], list[str]]


@dataclass
class Monotonic:
    """A clock that moves only when told to."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def cache(name: str = "sessions", group: str = "shop", subscription: str = SUBSCRIPTION) -> CacheId:
    return CacheId.of(GroupId.of(subscription, group), "redis", name)


def new_pass() -> str:
    return uuid.uuid4().hex


@pytest.fixture
def monotonic() -> Monotonic:
    return Monotonic()


@pytest.fixture
async def store(storage: str, monotonic: Monotonic) -> AsyncIterator[Store]:
    opened = Store.open(StoreSettings(storage), monotonic=monotonic)
    yield opened
    await opened.close()


@pytest.fixture
def calls(caplog: pytest.LogCaptureFixture) -> Calls:
    """Give the methods of the calls to storage since it was last asked, as the SDKs log them."""
    caplog.set_level(logging.INFO, "azure.core.pipeline.policies.http_logging_policy")

    def since() -> list[str]:
        asked = re.findall(r"Request method: '(\w+)'", caplog.text)
        caplog.clear()
        return asked

    return since


@pytest.fixture
async def another(storage: str) -> AsyncIterator[Callable[[], Store]]:
    """Make further stores on the same account, as other workers do."""
    opened: list[Store] = []

    def make() -> Store:
        opened.append(Store.open(StoreSettings(storage)))
        return opened[-1]

    yield make
    for one in opened:
        await one.close()
