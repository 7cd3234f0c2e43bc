"""The log says what each pass cost: as many calls of Azure Resource Manager as Azure has seen."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from local.azure.callers import APP
from local.azurite import Azurite
from tests.system.robust.town import Story, Town, tagged, town

pytestmark = [pytest.mark.emulator_only, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(azurite: Azurite) -> AsyncIterator[Town]:
    async with town(azurite) as built:
        yield built


async def test_the_lines_of_the_passes_add_up_to_the_calls_that_azure_saw(
    place: Town, caplog: pytest.LogCaptureFixture
) -> None:
    (cache,) = place.add("counted")
    with caplog.at_level("INFO", logger="shared.reconcile"):
        await Story(place, place.hire(), cache).play(tagged(cache))

    told = [json.loads(said.partition(" ")[2]) for said in caplog.messages if said.startswith("pass {")]
    seen = place.azure.world.journal.count(caller=APP.object_id)
    assert (sum(int(one["reads"]) for one in told), sum(int(one["writes"]) for one in told)) == (
        seen.reads,
        seen.writes,
    )
    assert seen.writes == 2
