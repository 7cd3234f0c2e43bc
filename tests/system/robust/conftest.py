"""Between the app and the network, for every test of this room."""

from collections.abc import Iterator

import pytest

from local.azurite import Azurite
from tests.system.robust import wire


@pytest.fixture(scope="session", autouse=True)
def _between_the_app_and_the_network(azurite: Azurite) -> Iterator[None]:
    with wire.installed(azurite.endpoints):
        yield
