"""Storage or the topic cannot be reached for a while: nothing is lost, and what was to be told is told later."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from local.azurite import Azurite
from shared.ids import CacheId
from shared.model import Trigger, WakeUp
from tests.system.robust.endings import after_each_outage, attached, lost, of_announcements
from tests.system.robust.town import Story, Town, endpoint_deleted, tagged, town
from tests.system.robust.wire import To

pytestmark = [pytest.mark.emulator_only, pytest.mark.asyncio(loop_scope="module")]

STORAGE = frozenset({To.TABLES, To.QUEUES})


@pytest_asyncio.fixture(loop_scope="module")
async def place(azurite: Azurite) -> AsyncIterator[Town]:
    async with town(azurite) as built:
        yield built


async def test_a_pass_in_which_storage_goes_down_is_made_good_by_the_next(place: Town) -> None:
    assert await after_each_outage(place, attached, STORAGE, prepared=False) == []


async def test_a_pass_in_which_only_the_queue_goes_down_is_made_good_by_the_next(place: Town) -> None:
    assert await after_each_outage(place, lost, frozenset({To.QUEUES}), prepared=True) == []


@pytest.mark.soak
async def test_lost_protection_comes_back_though_storage_goes_down(place: Town) -> None:
    assert await after_each_outage(place, lost, STORAGE, prepared=True) == []


# ── the topic ───────────────────────────────────────────────────────────────────────────────────


async def complaints(place: Town, cache: CacheId) -> list[str]:
    row = await place.row(cache)
    left = [f"not announced: {row.unannounced}"] if row.unannounced else []
    return [*left, *of_announcements(place.told(cache), await place.history(cache))]


@pytest.mark.parametrize("kept", [False, True], ids=["refused", "taken, and the answer lost"])
async def test_what_the_topic_does_not_confirm_is_published_later_under_the_same_id(place: Town, kept: bool) -> None:
    (cache,) = place.add("untold")
    place.azure.topic.fail(503, 5, kept=kept)
    played = Story(place, place.hire(), cache)

    await played.play(tagged(cache))

    assert await complaints(place, cache) == []
    assert {kind for kind, _ in place.told(cache)} == {
        "Drawbridge.Cache.PublicAccessClosed",
        "Drawbridge.Cache.EndpointAttached",
    }
    assert (len(place.told(cache)) > len(set(place.told(cache)))) is kept
    assert place.scene.private(str(cache))


async def test_a_topic_that_stays_away_costs_one_look_at_a_time_however_many_events_come(place: Town) -> None:
    (cache,) = place.add("silent")
    worker = place.hire()
    place.azure.topic.fail(503, 10_000)
    played = Story(place, worker, cache)
    await played.play_once(tagged(cache))
    await place.azure.quiet()

    for _ in range(10):
        await played.play_once(WakeUp(cache, Trigger.EVENT, operation="Microsoft.Cache/redis/write"))
    rounds = [await played.next_round() for _ in range(5)]

    assert rounds[-1] == 1, f"messages that led to a look at Azure, round by round: {rounds}"
    assert len(set((await place.row(cache)).unannounced)) == len((await place.row(cache)).unannounced) == 2


async def test_a_topic_that_never_answers_holds_no_pass_up_for_long(place: Town) -> None:
    (cache,) = place.add("hung-up")

    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hanging.append(writer)

    hanging: list[asyncio.StreamWriter] = []
    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        played = Story(place, place.hire(topic=f"https://localhost:{port}/api/events"), cache)
        await played.play_once(tagged(cache))
        await place.azure.quiet()
        began = time.monotonic()
        await played.next_round()
        took = time.monotonic() - began
        for writer in hanging:
            writer.close()

    assert hanging, "nobody rang"
    assert (await place.row(cache)).unannounced
    assert took < 15


async def test_without_a_topic_nothing_is_published_and_nothing_fails(place: Town) -> None:
    (cache,) = place.add("private-matter")

    await Story(place, place.hire(topic=""), cache).play(tagged(cache))

    row = await place.row(cache)
    assert place.scene.private(str(cache))
    assert (row.unannounced, place.told(cache)) == ((), [])


async def test_a_cache_that_is_gone_is_forgotten_when_all_is_told_and_another_of_its_name_has_a_history_of_its_own(
    place: Town,
) -> None:
    (cache,) = place.add("short-lived")
    worker = place.hire()
    played = Story(place, worker, cache)
    await played.play(tagged(cache))
    first = place.told(cache)
    place.scene.lose_endpoint(str(cache))
    await place.azure.quiet()
    place.azure.topic.fail(503, 3)
    await played.play_once(endpoint_deleted(cache))
    await place.azure.quiet()
    for endpoint in place.scene.endpoints(str(cache)):
        place.azure.world.remove(endpoint.id)
    place.azure.world.remove(str(cache))

    await played.play_on()
    assert await place.store.caches.read(cache) is None
    lost = place.told(cache)[len(first) :]
    assert [kind for kind, _ in lost] == ["Drawbridge.Cache.ProtectionLost"]

    place.add("short-lived")
    await Story(place, worker, cache).play(tagged(cache))

    anew = place.told(cache)[len(first) + len(lost) :]
    assert not set(anew) & set(first), "the past was told again"
    assert [record.revision for record in await place.history(cache)] == list(range(1, 8))
