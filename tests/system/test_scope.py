"""What is out of scope is never asked about: not for an event, not for a caller, not in a sweep."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from local import fleet
from local.azure.callers import APP
from local.azure.faults import EventFault
from local.azure.seeds import CacheSeed
from local.azurite import Azurite
from tests.system.scene import CLOSE, Scene, playing, scene

pytestmark = [pytest.mark.emulator_only, pytest.mark.asyncio(loop_scope="module")]

ENROLLED = {"drawbridge": "private"}
INSIDE = fleet.cache_id("inside")
FOREIGN = fleet.cache_id("foreign", "rg-shop", fleet.HUB)
EXCLUDED = fleet.cache_id("excluded", "MC_nodes_weu")
OUTSIDE = pytest.mark.parametrize("cache", [pytest.param(FOREIGN, id="foreign"), pytest.param(EXCLUDED, id="excluded")])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fenced(azurite: Azurite) -> AsyncIterator[Scene]:
    """Give an app that looks after one of two subscriptions that it can read, and has heard of, and swept, both."""
    seeds = [
        CacheSeed(each.split("/")[2], each.split("/")[4], each.split("/")[-1]) for each in (INSIDE, FOREIGN, EXCLUDED)
    ]
    policy = fleet.policy().replace('subscriptions: ["*"]', f"subscriptions: [{fleet.APPS}]")
    async with scene(playing(azurite, *seeds, policy=policy)) as at:
        for cache in (FOREIGN, EXCLUDED, INSIDE):
            at.tag(cache, ENROLLED)
        await at.until_private(INSIDE)
        await at.swept()
        yield at


@OUTSIDE
async def test_neither_an_event_nor_a_sweep_leads_there(fenced: Scene, cache: str) -> None:
    assert fenced.calls(cache) == []
    assert await fenced.stage.row(cache) is None
    assert (fenced.cache(cache).public, fenced.endpoints(cache)) == ("Enabled", [])


@OUTSIDE
@pytest.mark.parametrize(
    ("method", "suffix"), [("GET", ""), ("PUT", "/endpoints/weu-prod"), ("GET", "/endpoints/weu-prod")]
)
async def test_a_caller_is_told_that_it_is_not_there(fenced: Scene, cache: str, method: str, suffix: str) -> None:
    parts = cache.split("/")
    status, answer = await fenced.stage.call(method, f"caches/{parts[2]}/{parts[4]}/{parts[-1]}{suffix}")

    assert (status, answer["error"]["code"]) == (404, "ResourceNotFound")
    assert fenced.calls(cache) == []


async def test_a_subscription_out_of_scope_is_not_even_listed(fenced: Scene) -> None:
    listed = [
        e.resource for e in fenced.stage.azure.world.journal.entries(caller=APP.object_id) if e.path.endswith("edis")
    ]

    assert listed == [f"/subscriptions/{fleet.APPS}/providers/microsoft.cache/redis"]


async def test_the_loss_of_an_endpoint_in_a_subscription_out_of_scope_is_heard_of_all_the_same(fenced: Scene) -> None:
    (endpoint,) = fenced.endpoints(INSIDE)
    assert endpoint.subscription == fleet.HUB
    fenced.stage.azure.faults.add(EventFault("drop", operation="privateEndpointConnectionProxies"))
    since = fenced.now

    fenced.lose_endpoint(INSIDE)
    await fenced.stage.azure.until(lambda world: not world.cache(INSIDE).approved)

    await fenced.until_private(INSIDE)
    assert fenced.writes(INSIDE, since)[0].body == CLOSE
