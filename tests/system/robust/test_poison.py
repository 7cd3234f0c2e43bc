"""What cannot be done is said, and heals: passes that raise, rows that cannot be read, messages of another version."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from azure.storage.queue.aio import QueueClient

from local import fleet
from local.azure.faults import Match, Respond
from local.azurite import Azurite
from local.stage import eventually
from shared.ids import CacheId
from shared.store.account import Query
from shared.store.encoding import cache_key
from shared.store.history import history_id
from tests.system.robust.processes import Crew, busy, crew, named
from tests.system.scene import OPEN

pytestmark = [pytest.mark.emulator_only, pytest.mark.asyncio(loop_scope="module")]

ENROLLED = {"drawbridge": "private"}
BROKEN = fleet.cache_id("broken")
CORRUPT = fleet.cache_id("corrupt")
ROLLED = fleet.cache_id("rolled-back")
BYSTANDER = fleet.cache_id("bystander")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def on(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Crew]:
    names = ("broken", "corrupt", "rolled-back", "bystander")
    async with crew(azurite, tmp_path_factory.mktemp("poison"), named(*names), busy(1)) as started:
        yield started


async def put(on: Crew, text: str) -> None:
    async with QueueClient.from_connection_string(on.at.stage.workers.options.connection_string, "reconcile") as queue:
        await queue.send_message(text)


async def poisoned(on: Crew) -> int:
    name = "reconcile-poison"
    async with QueueClient.from_connection_string(on.at.stage.workers.options.connection_string, name) as queue:
        return (await queue.get_queue_properties()).approximate_message_count or 0


async def test_a_pass_that_raises_again_and_again_becomes_a_verdict_with_its_error_and_the_sweep_heals_it(
    on: Crew,
) -> None:
    # A cache's body without what every cache has: nobody foresaw that.
    number = on.at.stage.azure.faults.add(Respond(200, "Strange", "Not a cache."), Match("GET", r"/redis/broken$"))
    on.at.tag(BROKEN, ENROLLED)

    message = await on.at.until_blocked(BROKEN, "Failed")

    assert "KeyError" in message or "InvalidIdError" in message, message
    await eventually(lambda: _settled(on), 20, "the given-up message to be dealt with")
    told = [e["data"]["reason"] for e in on.at.stage.azure.topic.events if e["subject"].lower() == BROKEN.lower()]
    assert told == ["Failed"]

    on.at.stage.azure.faults.clear(number)
    await on.at.stage.sweep()
    await on.at.until_private(BROKEN)
    row = await on.at.stage.row(BROKEN)
    assert row
    assert (row.problem, row.unfinished, row.unannounced) == ("", False, ())


async def _settled(on: Crew) -> bool:
    return await poisoned(on) == 0


async def test_a_row_that_holds_nonsense_counts_as_lost_and_the_cache_is_judged_anew(on: Crew) -> None:
    on.at.tag(CORRUPT, ENROLLED)
    await on.at.until_private(CORRUPT)
    since = on.at.now
    nonsense = {"verdict": "{", "memory": '{"protected":"perhaps"}', "unannounced": "7", "intents": "[1]"}
    await on.at.stage.store.caches.table.merge(cache_key(CacheId.parse(CORRUPT)), nonsense, None)

    on.at.update(CORRUPT, OPEN)

    await on.at.stage.azure.until(lambda world: world.cache(CORRUPT).public == "Enabled")
    await eventually(lambda: on.at.shut(CORRUPT), 30, "the door to be shut")
    await on.at.until_private(CORRUPT)
    assert on.at.story(CORRUPT, since) == ["PATCH cache"]


async def test_after_a_roll_back_what_a_newer_version_wrote_keeps_no_cache_from_being_looked_after(on: Crew) -> None:
    on.at.tag(ROLLED, ENROLLED)
    await on.at.until_private(ROLLED)
    cache = CacheId.parse(ROLLED)
    row = await on.at.stage.row(ROLLED)
    assert row
    newest = history_id(cache, row.revision)
    everything = Query.partition(newest.rpartition("-")[0])
    record = (await on.at.stage.store.history.table.page(everything, 1)).items[0]
    newer = {"after": '{"kind":"Sublime"}', "announcements": '["Drawbridge.Cache.Sublime"]'}
    await on.at.stage.store.history.table.merge(record.key, newer, None)
    pending = {"unannounced": json.dumps([newest])}
    await on.at.stage.store.caches.table.merge(cache_key(cache), pending, None)

    on.at.update(ROLLED, OPEN)

    await on.at.stage.azure.until(lambda world: world.cache(ROLLED).public == "Enabled")
    await eventually(lambda: on.at.shut(ROLLED), 30, "the door to be shut")
    await on.at.until_private(ROLLED)
    assert ((await on.at.stage.row(ROLLED)) or row).unannounced == ()


NOT_OURS = {
    "of a newer version": json.dumps({"v": 2, "cache": BYSTANDER, "trigger": "event"}),
    "with an unknown field": json.dumps({"v": 1, "cache": BYSTANDER, "trigger": "event", "spell": 1}),
    "with an unknown trigger": json.dumps({"v": 1, "cache": BYSTANDER, "trigger": "omen"}),
    "with too long an id": json.dumps({"v": 1, "cache": BYSTANDER + "/x/y/z", "trigger": "event"}),
    "not JSON": "not JSON",
}


async def test_a_message_that_is_not_understood_wholly_is_not_half_obeyed(on: Crew) -> None:
    since = on.at.now
    for text in NOT_OURS.values():
        await put(on, text)

    async def dropped() -> bool:
        return on.log.read_text("utf-8").count("message dropped") == len(NOT_OURS)

    await eventually(dropped, 30, "the messages to be given up")
    assert on.at.calls(BYSTANDER, since) == []
    assert await on.at.stage.row(BYSTANDER) is None
