"""The second promise: when a cache loses its last way in, its door is shut first, whatever the route of the loss."""

from collections.abc import AsyncIterator, Callable, Mapping
from types import MappingProxyType

import pytest
import pytest_asyncio

from local import fleet
from local.azure.seeds import CacheSeed
from local.azurite import Azurite
from local.stage import eventually
from tests.system.scene import ARRIVALS, CLOSE, OPEN, Scene, playing, scene, with_rules

pytestmark = [pytest.mark.emulator_only, pytest.mark.asyncio(loop_scope="module")]

ROUTES: Mapping[str, Callable[[Scene, str], None]] = MappingProxyType(
    {
        "endpoint-deleted": Scene.lose_endpoint,
        "connection-deleted": Scene.lose_connection,
        "connection-rejected": Scene.reject_connection,
    }
)
# What is asked, in what state Azure leaves the door at the loss: the resource group says the first, the name both.
WISHES = ("reattach", "reattach-open", "lockdown", "lockdown-open", "open")
RULES = (
    "{match: {resourceGroups: [rg-lockdown]}, lastEndpoint: lockdown}",
    "{match: {resourceGroups: [rg-open]}, lastEndpoint: open}",
)
TWICE = fleet.cache_id("twice", "rg-reattach")
ASKED = fleet.cache_id("asked", "rg-lockdown")


def cache(route: str, wish: str) -> str:
    return fleet.cache_id(f"{wish}-{route}", f"rg-{wish.removesuffix('-open')}")


def seeds() -> list[CacheSeed]:
    enrolled = {"drawbridge": "private"}
    both = {**enrolled, "drawbridge-placement": "weu-prod, neu-prod"}
    ids = [cache(route, wish) for route in ROUTES for wish in WISHES] + [ASKED]
    seeds = [CacheSeed(fleet.APPS, each.split("/")[4], each.split("/")[-1], tags=enrolled) for each in ids]
    return [*seeds, CacheSeed(fleet.APPS, "rg-reattach", "twice", tags=both)]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=ARRIVALS)
async def lost(azurite: Azurite, request: pytest.FixtureRequest) -> AsyncIterator[tuple[Scene, Mapping[str, int]]]:
    """Give a fleet that was private until a moment ago, and for each cache where its loss stands in the journal."""
    policy = with_rules(fleet.policy(), *RULES)
    async with scene(playing(azurite, *seeds(), policy=policy), request.param) as at:
        await at.stage.sweep()
        for seed in seeds():
            await at.until_private(seed.id)
        marks = {}
        for route, lose in ROUTES.items():
            for wish in WISHES:
                marks[cache(route, wish)] = at.now
                if wish.endswith("-open"):
                    at.leave_open(cache(route, wish))
                lose(at, cache(route, wish))
        at.lose_endpoint(ASKED)
        await at.stage.azure.until(lambda world: all(not world.cache(each).approved for each in (*marks, ASKED)))
        await at.noticed()
        yield at, marks


@pytest.mark.parametrize("wish", ["reattach", "reattach-open"])
@pytest.mark.parametrize("route", ROUTES)
async def test_the_door_is_shut_first_and_then_the_endpoint_comes_back(
    lost: tuple[Scene, Mapping[str, int]], route: str, wish: str
) -> None:
    at, marks = lost
    await at.until_private(cache(route, wish))

    first, *further = at.writes(cache(route, wish), marks[cache(route, wish)])
    assert (first.method, first.body) == ("PATCH", CLOSE)
    left_behind = [] if route == "endpoint-deleted" else ["DELETE endpoint"]
    assert at.story(cache(route, wish), marks[cache(route, wish)]) == [
        "PATCH cache",
        *left_behind,
        "PUT endpoint",
        "PUT zone group",
    ]
    assert all(entry.status < 300 for entry in further)


@pytest.mark.parametrize("wish", ["lockdown", "lockdown-open"])
@pytest.mark.parametrize("route", ROUTES)
async def test_a_lockdown_shuts_the_door_and_leaves_it_at_that(
    lost: tuple[Scene, Mapping[str, int]], route: str, wish: str
) -> None:
    at, marks = lost
    message = await at.until_blocked(cache(route, wish), "LockedDown")
    await eventually(lambda: _public(at, cache(route, wish), "Disabled"), 20, "the door to be shut")

    assert [entry.body for entry in at.writes(cache(route, wish), marks[cache(route, wish)])] == [CLOSE]
    assert "until asked for" in message


@pytest.mark.parametrize("route", ROUTES)
async def test_a_policy_that_says_open_keeps_the_cache_reachable(
    lost: tuple[Scene, Mapping[str, int]], route: str
) -> None:
    at, marks = lost
    await eventually(lambda: _public(at, cache(route, "open"), "Enabled"), 20, "the door to be opened")
    await at.stage.until_verdict(cache(route, "open"), "Compliant")

    assert [entry.body for entry in at.writes(cache(route, "open"), marks[cache(route, "open")])] == [OPEN]
    assert "stays reachable" in await at.message(cache(route, "open"))


async def test_a_caller_who_asks_for_an_endpoint_ends_a_lockdown(lost: tuple[Scene, Mapping[str, int]]) -> None:
    at, _ = lost
    await at.until_blocked(ASKED, "LockedDown")

    status, answer = await at.stage.call("PUT", f"caches/{fleet.APPS}/rg-lockdown/asked/endpoints/weu-prod")

    assert (status, answer["state"]) == (202, "Converging")
    await at.until_private(ASKED)


async def test_losing_one_of_two_endpoints_is_no_loss_of_protection(lost: tuple[Scene, Mapping[str, int]]) -> None:
    at, _ = lost
    northern = next(e for e in at.endpoints(TWICE) if e.region == "northeurope")
    since = at.now

    at.stage.outside("DELETE", northern.id)
    await at.stage.azure.until(lambda world: world.show(northern.id) is None)
    await at.noticed()

    await eventually(lambda: _both(at), 30, "both endpoints to be there")
    await at.stage.until_verdict(TWICE, "Compliant")
    assert "PATCH cache" not in at.story(TWICE, since)
    assert at.cache(TWICE).public == "Disabled"


async def _public(at: Scene, cache_id: str, wanted: str) -> bool:
    return at.cache(cache_id).public == wanted


async def _both(at: Scene) -> bool:
    return {e.region for e in at.endpoints(TWICE) if e.state == "Succeeded"} == {"westeurope", "northeurope"}
