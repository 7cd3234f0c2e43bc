"""As while attaching: a worker may die at any call after the last endpoint went, and protection comes back."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from local.azurite import Azurite
from tests.system.robust.endings import after_each_death, lost
from tests.system.robust.town import Town, town
from tests.system.robust.wire import Cut

pytestmark = [pytest.mark.emulator_only, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module")
async def place(azurite: Azurite) -> AsyncIterator[Town]:
    async with town(azurite) as built:
        yield built


async def test_lost_protection_comes_back_and_is_told_once_though_a_request_was_never_sent(place: Town) -> None:
    assert not await after_each_death(place, lost, Cut.BEFORE, at_once=False, prepared=True)


async def test_lost_protection_comes_back_and_is_told_once_though_an_answer_was_never_seen(place: Town) -> None:
    assert not await after_each_death(place, lost, Cut.AFTER, at_once=True, prepared=True)


@pytest.mark.soak
@pytest.mark.parametrize(("side", "at_once"), [(Cut.BEFORE, True), (Cut.AFTER, False)])
async def test_lost_protection_comes_back_whenever_the_message_does(place: Town, side: Cut, at_once: bool) -> None:
    assert not await after_each_death(place, lost, side, at_once=at_once, prepared=True)
