"""The first and the third promise, kept by the whole app, whichever way it hears of what happened."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from local import fleet
from local.azure.seeds import CacheSeed
from local.azurite import Azurite
from local.stage import eventually
from shared.ids import CacheId
from shared.model import TAG_CACHE, TAG_MANAGED_BY
from shared.planner import endpoint_name
from tests.system.scene import ARRIVALS, CLOSE, OPEN, Scene, playing, scene

pytestmark = [pytest.mark.emulator_only, pytest.mark.asyncio(loop_scope="module")]

ENROLLED = {"drawbridge": "private"}
BY_TAGS = fleet.cache_id("by-tags")
BY_PROVIDER = fleet.cache_id("by-provider")
NORTHERN = fleet.cache_id("northern")
CHOOSY = fleet.cache_id("choosy")
ADOPTED = fleet.cache_id("adopted")
OPENED = fleet.cache_id("opened")
BYSTANDER = fleet.cache_id("bystander")
# Values that Azure's SDK would change beside the one that it is asked to change.
_ODD = {"enableNonSslPort": True, "disableAccessKeyAuthentication": True}

CACHES = (
    CacheSeed(fleet.APPS, "rg-shop", "by-tags"),
    CacheSeed(fleet.APPS, "rg-shop", "by-provider", tags={"owner": "shop"}),
    CacheSeed(fleet.APPS, "rg-shop", "northern", region="northeurope"),
    CacheSeed(fleet.APPS, "rg-shop", "choosy"),
    CacheSeed(fleet.APPS, "rg-shop", "adopted", sku="Premium", properties=_ODD),
    CacheSeed(fleet.APPS, "rg-shop", "opened", sku="Premium", tags=ENROLLED, properties=_ODD),
    CacheSeed(fleet.APPS, "rg-shop", "bystander"),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=ARRIVALS)
async def tagged(azurite: Azurite, request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    """Give a fleet in which each cache but one has just been tagged, and one has an endpoint that somebody made."""
    async with scene(playing(azurite, *CACHES), request.param) as at:
        await at.until_working(at.endpoint_by_hand(ADOPTED, "pe-by-terraform", fleet.subnet_id("weu")))
        at.leave_open(ADOPTED)
        for cache in (BY_TAGS, NORTHERN, ADOPTED):
            at.tag(cache, ENROLLED)
        at.tag(CHOOSY, {**ENROLLED, "drawbridge-placement": "eus-prod"})
        at.update(BY_PROVIDER, {"tags": {"owner": "shop", **ENROLLED}})
        await at.noticed()
        yield at


@pytest.mark.parametrize("cache", [BY_TAGS, BY_PROVIDER])
async def test_a_tagged_cache_gets_a_private_way_in_and_then_no_public_one(tagged: Scene, cache: str) -> None:
    await tagged.until_private(cache)

    (endpoint,) = tagged.endpoints(cache)
    assert endpoint.subnet_id == fleet.subnet_id("weu")
    assert tagged.resolved(cache) == (endpoint.address,)
    assert tagged.story(cache) == ["PUT endpoint", "PUT zone group"]


async def test_what_is_made_says_who_made_it_and_for_which_cache(tagged: Scene) -> None:
    await tagged.until_private(BY_TAGS)

    (endpoint,) = tagged.endpoints(BY_TAGS)
    cache = CacheId.parse(BY_TAGS)
    assert endpoint.name == endpoint_name(cache, "weu-prod")
    assert endpoint.tags == {TAG_MANAGED_BY: "drawbridge", TAG_CACHE: cache.short_hash}


async def test_the_endpoint_goes_where_the_cache_is(tagged: Scene) -> None:
    await tagged.until_private(NORTHERN)

    (endpoint,) = tagged.endpoints(NORTHERN)
    assert (endpoint.region, endpoint.subnet_id) == ("northeurope", fleet.subnet_id("neu"))


async def test_the_endpoint_goes_where_a_tag_says_even_to_another_region(tagged: Scene) -> None:
    await tagged.until_private(CHOOSY)

    (endpoint,) = tagged.endpoints(CHOOSY)
    assert (endpoint.region, endpoint.subnet_id) == ("eastus", fleet.subnet_id("eus"))


async def test_an_endpoint_that_somebody_made_is_adopted_and_the_door_closes_once_its_name_resolves(
    tagged: Scene,
) -> None:
    await tagged.until_private(ADOPTED)

    (endpoint,) = tagged.endpoints(ADOPTED)
    assert endpoint.name == "pe-by-terraform"
    group = f"{endpoint.id}/privateDnsZoneGroups/".lower()
    named = next(e for e in tagged.stage.azure.world.events if e.subject.lower().startswith(group))
    (closing,) = tagged.writes(ADOPTED)
    assert named.operation.endswith("/privateDnsZoneGroups/write")
    assert (closing.method, closing.body) == ("PATCH", CLOSE)
    assert closing.time >= named.time


async def test_closing_changes_nothing_else_on_the_cache(tagged: Scene) -> None:
    await tagged.until_private(ADOPTED)

    shown = tagged.cache(ADOPTED).render()["properties"]
    assert {name: shown[name] for name in _ODD} == _ODD


async def test_public_access_that_is_opened_by_hand_is_closed_again(tagged: Scene) -> None:
    if tagged.hears:
        # It was tagged before the app was there, and nothing has happened to it since.
        tagged.tag(OPENED, {"touched": "yes"})
    await tagged.until_private(OPENED)
    since = tagged.now

    tagged.update(OPENED, OPEN)
    await tagged.stage.azure.until(lambda world: world.cache(OPENED).public == "Enabled")
    await tagged.noticed()

    await eventually(lambda: _closed(tagged, OPENED), 30, "the door to be closed again")
    await tagged.until_private(OPENED)
    assert [entry.body for entry in tagged.writes(OPENED, since)] == [CLOSE]
    shown = tagged.cache(OPENED).render()["properties"]
    assert {name: shown[name] for name in _ODD} == _ODD


async def _closed(at: Scene, cache: str) -> bool:
    return at.cache(cache).public == "Disabled"


async def test_a_cache_that_nobody_tagged_is_left_as_it_is(tagged: Scene) -> None:
    for cache in (BY_TAGS, BY_PROVIDER, NORTHERN, CHOOSY, ADOPTED):
        await tagged.until_private(cache)

    assert tagged.cache(BYSTANDER).public == "Enabled"
    assert tagged.calls(BYSTANDER) == []


async def test_all_that_the_app_has_heard_came_by_the_one_way(tagged: Scene, request: pytest.FixtureRequest) -> None:
    way = request.node.callspec.params["tagged"]
    came = {urlsplit(attempt.destination).path for attempt in tagged.stage.azure.delivery.attempts}
    swept = await tagged.stage.store.sweeps.latest() is not None

    assert {path.rpartition("/")[2] for path in came} == {"pushed": {"EventGrid"}, "queued": {"events"}}.get(way, set())
    assert swept is (way == "silence")
