"""How many calls to Azure Resource Manager things cost: exact counts, and upper bounds where Azure's pace decides."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from local import fleet
from local.azure.callers import APP, OPERATOR
from local.azure.calls import Caller
from local.azure.events import ResourceEvent
from local.azure.faults import Lasting, Match, Throttle
from local.azure.journal import Entry
from local.azure.seeds import CacheSeed
from local.azurite import Azurite
from local.stage import eventually
from shared.ids import CacheId
from shared.model import Trigger, WakeUp
from shared.store.caches import Claim
from tests.system.scene import Scene, playing, scene

pytestmark = [pytest.mark.emulator_only, pytest.mark.asyncio(loop_scope="module")]

ENROLLED = {"drawbridge": "private"}
CALM = fleet.cache_id("calm")
LISTS = [
    f"/subscriptions/{each}/providers/microsoft.cache/{type_}"
    for each in (fleet.APPS, fleet.HUB)
    for type_ in ("redis", "redisenterprise")
]
SCALE = 15.0
# The defaults of the policy divided by the scale, in whole seconds as a policy has them.
TIMING = "timing: {settle: 4s, endpoint: 5s, zoneGroup: 1s, cache: 2s, busy: 4s, thorough: 24h}"
# World seconds that an endpoint takes: the least and the most recorded for Redis, and half as much again.
PACES = {"quick": 51.0, "slow": 73.0, "slower": 110.0}


def policy() -> str:
    lines = fleet.policy().splitlines()
    return "\n".join(TIMING if line.startswith("timing:") else line for line in lines) + "\n"


def app_calls(at: Scene, since: int = 0) -> list[Entry]:
    """Give every call of the app to Azure Resource Manager, whatever it is about."""
    return at.stage.azure.world.journal.entries(caller=APP.object_id, since=since)


async def at_rest(at: Scene) -> int:
    """Wait until the app has nothing more to do, and mark this moment."""

    async def drained() -> bool:
        return await at.waiting() == 0

    await eventually(drained, 40, "the queues to be empty", at.waiting)
    return at.now


# ── attaching ───────────────────────────────────────────────────────────────────────────────────


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["pushed", "silence"])
async def attaching(azurite: Azurite, request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    """Give a fleet that has just been tagged; Azure and the waits of the policy are faster by the same factor."""
    seeds = [CacheSeed(fleet.APPS, "rg-shop", pace) for pace in PACES]
    async with scene(playing(azurite, *seeds, policy=policy(), scale=SCALE), request.param) as at:
        for pace, seconds in PACES.items():
            at.stage.azure.faults.add(Lasting(seconds), Match("PUT", f"/pe-{pace}-[0-9a-f]+$"))
            at.tag(fleet.cache_id(pace), ENROLLED)
        await at.noticed()
        yield at


@pytest.mark.parametrize("pace", PACES)
async def test_attaching_one_cache_with_dns_takes_two_writes_and_at_most_twelve_calls(
    attaching: Scene, pace: str
) -> None:
    cache = fleet.cache_id(pace)
    await attaching.until_private(cache)
    await at_rest(attaching)

    assert attaching.story(cache) == ["PUT endpoint", "PUT zone group"]
    # With the look for the zone, which the next test counts.
    assert len(attaching.calls(cache)) + 1 <= 12, [f"{e.method} {e.resource}" for e in attaching.calls(cache)]


async def test_no_call_is_made_beside_those_and_no_operation_is_polled(attaching: Scene) -> None:
    await at_rest(attaching)

    counted = [entry for pace in PACES for entry in attaching.calls(fleet.cache_id(pace))]
    others = [entry.resource for entry in app_calls(attaching) if entry not in counted]
    zones = [fleet.ZONE_ID.lower()] * len(PACES)
    assert sorted(others) == sorted(zones if attaching.hears else ["/subscriptions", *LISTS, *zones])


# ── a cache that is as it should be ─────────────────────────────────────────────────────────────


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def calm(azurite: Azurite) -> AsyncIterator[Scene]:
    """Give a private cache that nothing happens to."""
    async with scene(playing(azurite, CacheSeed(fleet.APPS, "rg-shop", "calm"))) as at:
        at.tag(CALM, ENROLLED)
        await at.until_private(CALM)
        yield at


async def post(at: Scene, caller: Caller, number: int = 1) -> None:
    """Deliver events of the calm cache, as Event Grid does."""
    operation = "Microsoft.Cache/redis/write"
    told = ResourceEvent("event", 1.8e9, "Write", "Succeeded", CALM, operation, fleet.APPS, caller, "correlation")
    body: list[dict[str, Any]] = [told.event_grid()] * number
    async with (
        aiohttp.ClientSession() as session,
        session.post(at.stage.app.event_grid_url("on_event"), json=body) as answer,
    ):
        assert answer.status == 202


async def test_an_event_of_somebody_else_costs_one_read_and_one_more_when_things_have_settled(calm: Scene) -> None:
    since = await at_rest(calm)

    await post(calm, OPERATOR)
    await at_rest(calm)

    assert [(e.method, e.resource) for e in app_calls(calm, since)] == [("GET", CALM.lower())] * 2


async def test_an_echo_of_an_own_write_costs_one_read_and_earns_no_second_look(calm: Scene) -> None:
    since = await at_rest(calm)

    await post(calm, APP)
    await at_rest(calm)

    assert [(e.method, e.resource) for e in app_calls(calm, since)] == [("GET", CALM.lower())]


async def test_an_event_that_a_pass_has_already_covered_costs_nothing(calm: Scene) -> None:
    since = await at_rest(calm)
    row = await calm.stage.row(CALM)
    assert row is not None
    assert row.last_started is not None

    wake = WakeUp(CacheId.parse(CALM), Trigger.EVENT)
    await calm.stage.store.queue.put(wake, woken_at=row.last_started - timedelta(seconds=2))
    await at_rest(calm)

    assert app_calls(calm, since) == []


async def test_the_way_from_an_event_to_the_queue_costs_nothing(calm: Scene) -> None:
    since = await at_rest(calm)
    # Whoever holds the cache keeps every pass from it, so all that is left of an event is its way to the queue.
    now = await calm.stage.store.now()
    claim = await calm.stage.store.caches.claim(
        CacheId.parse(CALM), woken_at=now + timedelta(hours=1), pass_id="a-test", hold=timedelta(minutes=5)
    )
    assert isinstance(claim, Claim)

    await post(calm, OPERATOR, 20)
    assert await calm.waiting() > 0
    assert app_calls(calm, since) == []

    await calm.stage.store.caches.release(claim)
    await at_rest(calm)
    assert calm.writes(CALM, since) == []


async def test_while_azure_asks_for_fewer_requests_nobody_asks_anything(calm: Scene) -> None:
    since = await at_rest(calm)
    calm.stage.azure.faults.add(Throttle(retry_after=3), Match("GET", "/redis/calm$", count=1))
    await post(calm, OPERATOR)
    await eventually(lambda: _asked(calm, since), 20, "the first call")
    await post(calm, OPERATOR, 20)
    await at_rest(calm)

    throttled, *later = app_calls(calm, since)
    assert throttled.status == 429
    assert later
    assert all(entry.time >= throttled.time + 3 for entry in later)


async def _asked(at: Scene, since: int) -> bool:
    return bool(app_calls(at, since))


async def test_a_sweep_of_what_is_as_it_should_be_costs_one_list_for_each_type_and_subscription_and_one_for_all(
    calm: Scene,
) -> None:
    since = await at_rest(calm)

    await calm.swept()
    await at_rest(calm)

    assert sorted(entry.resource for entry in app_calls(calm, since)) == sorted(["/subscriptions", *LISTS])
