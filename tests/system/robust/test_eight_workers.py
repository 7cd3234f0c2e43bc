"""Eight workers on one cache: passes never overlap, nothing that happens meanwhile is lost, and a crowd is cheap."""

from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
import pytest_asyncio

from local.azurite import Azurite
from shared.ids import CacheId
from shared.model import Trigger, WakeUp
from shared.store.caches import Claim
from shared.store.queue import Message, encode
from tests.system.robust.runners import Ran, Runners, runners
from tests.system.robust.town import Town, tagged, town
from tests.system.scene import OPEN

pytestmark = [pytest.mark.emulator_only, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def place(azurite: Azurite) -> AsyncIterator[Town]:
    async with town(azurite) as built:
        yield built


def message(cache: CacheId, trigger: Trigger = Trigger.EVENT, caller: str = "ops@contoso.example") -> str:
    return encode(Message(WakeUp(cache, trigger, operation="Microsoft.Cache/redis/write", caller=caller)))


def overlapping(ran: list[Ran]) -> list[tuple[Ran, Ran]]:
    """Find passes that spoke with Azure while another one on the same cache did."""
    spans = sorted(ran, key=lambda one: one.azure[0].began)
    return [(a, b) for a, b in pairwise(spans) if b.azure[0].began < a.azure[-1].ended]


async def settled(on: Runners, cache: CacheId) -> None:
    await on.town.azure.quiet()
    await on.at_rest()
    assert on.town.scene.private(str(cache))


async def test_of_eight_workers_one_at_a_time_works_on_a_cache(place: Town) -> None:
    (cache,) = place.add("crowded")
    async with runners(place, 8) as on:
        for crowd in range(1, 6):
            await on.put(*[message(cache)] * 16)
            await on.handled(crowd * 12)
        await settled(on, cache)

    passes = on.of(cache)
    assert len({one.worker for one in passes}) > 1, "one worker did it all: nothing was shown"
    assert overlapping(passes) == []
    assert sorted(place.scene.story(str(cache))) == ["PUT endpoint", "PUT zone group"]


async def test_what_happens_during_a_pass_is_not_lost(place: Town) -> None:
    (cache,) = place.add("busy")
    async with runners(place, 8) as on:
        await on.put(encode(Message(tagged(cache))))
        await settled(on, cache)

        # A pass that has read the cache and found it in order is held up before it records.
        slow = await place.store.caches.claim(
            cache, woken_at=await place.store.now(), pass_id="slow", hold=on.workers[0].hold
        )
        assert isinstance(slow, Claim)
        place.scene.update(str(cache), OPEN)
        # The door opens when Azure's own operation ends; nobody may shut it while the claim is held.
        await on.town.azure.quiet()
        assert place.scene.cache(str(cache)).public == "Enabled"
        handled = len(on.ran)
        await on.put(message(cache))
        await on.handled(handled + 1)
        assert on.town.scene.cache(str(cache)).public != "Disabled", "somebody worked beside a claim"
        await place.store.caches.record(slow, slow.row)
        await settled(on, cache)

    assert overlapping(on.of(cache)) == []


async def test_a_stampede_costs_as_many_looks_as_it_lasts_seconds(place: Town) -> None:
    (cache,) = place.add("trampled")
    async with runners(place, 8) as on:
        await on.put(encode(Message(tagged(cache))))
        await settled(on, cache)
        before = len(place.azure.world.journal)

        await on.put(*[message(cache)] * 100)
        await settled(on, cache)

    calls = place.scene.calls(str(cache), before)
    assert all(call.is_read for call in calls)
    # One for each second in which messages arrived, and one settled look after the last of them.
    assert 0 < len(calls) <= 8, [call.resource for call in calls]
