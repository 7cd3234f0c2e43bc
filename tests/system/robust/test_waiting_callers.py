"""Many who wait for one cache: what that costs, counted on the wire while passes go on beside them."""

from __future__ import annotations

import asyncio

from local import fleet
from local.azure.seeds import CacheSeed, Seed
from local.azurite import Azurite
from shared.ids import CacheId
from tests.system.office import office
from tests.system.robust.wire import To, Wire

CALLERS = 150
ARRIVING = 4
"""Reads of storage that each caller makes for itself: the requests of both types that the name can be, and two rows."""


async def test_a_hundred_and_fifty_who_wait_share_their_reads_ask_azure_nothing_and_hold_no_pass_up(
    azurite: Azurite,
) -> None:
    async with office(azurite) as at:
        at.town.azure.world.seed(Seed(caches=(CacheSeed(fleet.APPS, "rg-shop", "crowded"),)))
        cache = CacheId.parse(fleet.cache_id("crowded"))
        await at.ask("put_endpoint", cache)
        waiting, working = Wire(), Wire()

        with waiting.tapped():
            crowd = [asyncio.create_task(at.ask("get_endpoint", cache, query={"wait": "60"})) for _ in range(CALLERS)]
        while len(waiting.sent) < ARRIVING * CALLERS:
            await asyncio.wait(crowd, timeout=0.05)
        arrived = len(waiting.sent)
        with working.tapped():
            assert await at.settled(cache) == "Compliant"
        answers = await asyncio.gather(*crowd)

        looks = [call for call in waiting.sent[arrived:] if call.to is To.TABLES]
        passing = working.sent[-1].ended - working.sent[0].began
        assert {answer.status for answer in answers} == {200}
        assert [call for call in waiting.sent if call.to is not To.TABLES] == []
        # One look in each pause of a tenth of a second, and not one for each who waits.
        assert len(looks) <= passing / 0.1 + 3
        print(f"{CALLERS} callers: {arrived} reads to arrive, {len(looks)} shared looks in {passing:.1f} s of passes")
