"""Events reach an app that nothing can be pushed to, and what could not reach it for days is made good: by no sweep."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from azure.storage.queue.aio import QueueClient

from local import fleet
from local.azurite import Azurite
from local.stage import StageOptions, eventually
from tests.system.robust.processes import crew, named
from tests.system.scene import CLOSE, Scene, playing, scene

pytestmark = [pytest.mark.emulator_only, pytest.mark.asyncio(loop_scope="module")]

ENROLLED = {"drawbridge": "private"}
SHOP = fleet.cache_id("shop")
CART = fleet.cache_id("cart")
BYSTANDER = fleet.cache_id("bystander")
DAYS_PASS = 50_000
"""World seconds in a wall second: Event Grid gives up after some 35 hours, when the attempt after a day is due."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def closed(azurite: Azurite) -> AsyncIterator[Scene]:
    """Give the world in which the app has no public address: events come by the queue, in the schema deployed."""
    options = playing(azurite, *named("shop", "bystander"))
    async with scene(replace(options, delivery="queue")) as at:
        yield at


async def test_a_tagged_cache_becomes_private_and_is_shut_and_attached_again_after_a_loss(closed: Scene) -> None:
    closed.tag(SHOP, ENROLLED)
    await closed.until_private(SHOP)
    since = closed.now

    closed.lose_endpoint(SHOP)
    await eventually(lambda: _written(closed, since), 20, "the loss to be noticed")
    await closed.until_private(SHOP)

    assert closed.writes(SHOP, since)[0].body == CLOSE
    assert closed.story(SHOP, since)[1:] == ["PUT endpoint", "PUT zone group"]
    assert ways_in(closed) == {"events"}
    await eventually(lambda: _heard_of(closed, fleet.APPS), 20, "it to be remembered that events come")
    assert await closed.stage.store.sweeps.latest() is None


async def _written(at: Scene, since: int) -> bool:
    return bool(at.writes(SHOP, since))


async def _heard_of(at: Scene, subscription: str) -> bool:
    return subscription in await at.stage.store.subscriptions.heard()


def ways_in(at: Scene) -> set[str]:
    """Give the last part of every address that events were delivered to."""
    return {attempt.destination.rpartition("/")[2] for attempt in at.stage.azure.delivery.attempts}


async def test_what_is_no_event_is_taken_off_the_queue_and_leads_to_nothing(closed: Scene) -> None:
    storage = closed.stage.workers.environment["AzureWebJobsStorage"]
    queues = [QueueClient.from_connection_string(storage, name) for name in ("events", "events-poison")]
    for queue in queues:
        await queue.send_message("no event")

    async def emptied() -> bool:
        counts = [(await queue.get_queue_properties()).approximate_message_count for queue in queues]
        return counts == [0, 0]

    await eventually(emptied, 20, "both queues to be empty")
    for queue in queues:
        await queue.close()
    assert await closed.stage.verdict(BYSTANDER) == ""


async def test_what_happened_while_the_app_was_away_for_days_is_made_good_by_the_dead_letters(
    azurite: Azurite, tmp_path: Path
) -> None:
    emulator = replace(StageOptions("").emulator, time_scale=DAYS_PASS, seed=3)
    async with crew(azurite, tmp_path, named("shop", "cart"), StageOptions("", emulator)) as playing_:
        at, azure = playing_.at, playing_.at.stage.azure
        at.tag(SHOP, ENROLLED)
        await at.until_private(SHOP)

        await at.stage.app.stop()
        at.lose_endpoint(SHOP)
        at.tag(CART, ENROLLED)
        await azure.quiet()
        assert azure.delivery.dropped == []
        assert [name async for name in at.stage.store.dead_letters.names()] != []

        await playing_.replace_worker(0)
        await at.stage.fire("dead_letters")
        for cache in (SHOP, CART):
            await at.until_private(cache)
        assert [name async for name in at.stage.store.dead_letters.names()] == []
        assert await at.stage.store.sweeps.latest() is None
