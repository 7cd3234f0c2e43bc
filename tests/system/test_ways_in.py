"""Events reach the app where nothing can be pushed to it: by a queue, and as dead letters."""

from __future__ import annotations

import base64
import json

import pytest
from azure.storage.queue.aio import QueueClient

from local import fleet
from local.azure.emulator import EmulatorOptions
from local.azure.seeds import CacheSeed
from local.stage import Stage, StageOptions, eventually, stage
from tests.fixtures.letters import dead, write

CACHE = fleet.cache_id("shop-weu")


def options(storage: str) -> StageOptions:
    seed = fleet.seed(CacheSeed(fleet.APPS, "rg-shop", "shop-weu", tags={"drawbridge": "private"}))
    emulator = EmulatorOptions(time_scale=200, seed=3)
    return StageOptions(fleet.policy(), emulator, seed, connection_string=storage, deliver=False)


def event(schema: str) -> dict[str, object]:
    home = "/".join(CACHE.split("/")[:3])
    common: dict[str, object] = {
        "id": "e-1",
        "subject": CACHE,
        "data": {"operationName": "Microsoft.Cache/redis/write"},
    }
    type_ = "Microsoft.Resources.ResourceWriteSuccess"
    if schema == "cloudevents":
        return common | {"specversion": "1.0", "source": home, "type": type_}
    return common | {"topic": home, "eventType": type_}


async def on_the_queue(storage: str, text: str, queue: str = "events") -> None:
    async with QueueClient.from_connection_string(storage, queue) as client:
        await client.send_message(text)


async def emptied(storage: str, queue: str) -> bool:
    async with QueueClient.from_connection_string(storage, queue) as client:
        return (await client.get_queue_properties()).approximate_message_count == 0


@pytest.mark.parametrize("schema", ["eventgrid", "cloudevents"])
@pytest.mark.parametrize("encoded", [True, False], ids=["base64", "plain"])
async def test_an_event_on_the_queue_makes_a_cache_private(storage: str, schema: str, encoded: bool) -> None:
    text = json.dumps(event(schema))
    async with stage(options(storage)) as playing:
        await on_the_queue(storage, base64.b64encode(text.encode()).decode() if encoded else text)
        await playing.until_verdict(CACHE, "Compliant", 40)


async def test_a_dead_letter_makes_a_cache_private_and_goes_away(storage: str) -> None:
    async with stage(options(storage)) as playing:
        await write(storage, "TOPIC/SUB/2026/11/28/8/one.json", [dead(event("eventgrid"))])
        await playing.fire("dead_letters")
        await playing.until_verdict(CACHE, "Compliant", 40)

        assert [name async for name in playing.store.dead_letters.names()] == []


@pytest.mark.parametrize("queue", ["events", "events-poison"])
async def test_what_is_no_event_and_what_was_given_up_harm_nothing(storage: str, queue: str) -> None:
    async with stage(options(storage)) as playing:
        await on_the_queue(storage, "no event", queue)
        await on_the_queue(storage, json.dumps(event("eventgrid")), "events-poison")

        async def gone() -> bool:
            return await emptied(storage, queue) and await emptied(storage, "events-poison")

        await eventually(gone, 30, "both queues to be empty")
        await settled(playing)


async def settled(playing: Stage) -> None:
    assert await playing.verdict(CACHE) == ""
