"""A worker may die between any two of its steps: the message comes back, and the world ends as promised.

The story is played once undisturbed, and then again and again with other caches: the worker dies at its first call,
at its second, and so on to the last one. Nothing of the app is replaced: what ends is a task, at a real call.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from local.azurite import Azurite
from tests.system.robust.endings import after_each_death, attached
from tests.system.robust.town import Town, town
from tests.system.robust.wire import Cut

pytestmark = [pytest.mark.emulator_only, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module")
async def place(azurite: Azurite) -> AsyncIterator[Town]:
    async with town(azurite) as built:
        yield built


async def test_a_tagged_cache_ends_private_told_and_written_once_though_a_request_was_never_sent(place: Town) -> None:
    assert not await after_each_death(place, attached, Cut.BEFORE, at_once=False, prepared=False)


async def test_a_tagged_cache_ends_private_told_and_written_once_though_an_answer_was_never_seen(place: Town) -> None:
    assert not await after_each_death(place, attached, Cut.AFTER, at_once=True, prepared=False)


@pytest.mark.soak
@pytest.mark.parametrize(("side", "at_once"), [(Cut.BEFORE, True), (Cut.AFTER, False)])
async def test_a_tagged_cache_ends_so_whenever_the_message_comes_back(place: Town, side: Cut, at_once: bool) -> None:
    assert not await after_each_death(place, attached, side, at_once=at_once, prepared=False)
