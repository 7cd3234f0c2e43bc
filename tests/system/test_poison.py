"""A message that was given up is seen: in the verdict, in the history, on the topic; and the sweep heals the cache."""

from __future__ import annotations

from azure.storage.queue.aio import QueueClient

from local import fleet
from local.azure.emulator import EmulatorOptions
from local.azure.seeds import CacheSeed
from local.stage import Stage, StageOptions, eventually, stage
from shared.ids import CacheId
from shared.model import Trigger, WakeUp
from shared.store.queue import Message, encode

CACHE = fleet.cache_id("shop-weu")
POISON = "reconcile-poison"


def options(storage: str) -> StageOptions:
    seed = fleet.seed(CacheSeed(fleet.APPS, "rg-shop", "shop-weu", tags={"drawbridge": "private"}))
    return StageOptions(fleet.policy(), EmulatorOptions(time_scale=200, seed=3), seed, connection_string=storage)


async def given_up(storage: str, text: str) -> None:
    """Put a message where the host puts what has failed too often."""
    async with QueueClient.from_connection_string(storage, POISON) as queue:
        await queue.send_message(text)


def told(playing: Stage) -> list[str]:
    return [event["type"] for event in playing.azure.topic.events if event["data"].get("reason") == "Failed"]


async def test_a_message_that_was_given_up_becomes_a_verdict_that_is_told_and_the_sweep_heals(storage: str) -> None:
    async with stage(options(storage)) as playing:
        cache = CacheId.parse(CACHE)
        await given_up(storage, encode(Message(WakeUp(cache, Trigger.EVENT, caller="ops@contoso.example"))))
        await playing.until_verdict(CACHE, "Blocked(Failed)", 20)

        async def announced() -> bool:
            return told(playing) == ["Drawbridge.Cache.Blocked"]

        await eventually(announced, 20, "the failure to be told")
        (record, *_) = (await playing.store.history.page(cache)).items
        assert (record.after.reason, record.caller) == ("Failed", "ops@contoso.example")

        await playing.sweep()
        await playing.until_verdict(CACHE, "Compliant", 40)


async def test_a_given_up_message_that_cannot_be_read_harms_nothing(storage: str) -> None:
    async with stage(options(storage)) as playing:
        await given_up(storage, '{"v": 99}')
        await playing.sweep()
        await playing.until_verdict(CACHE, "Compliant", 40)
