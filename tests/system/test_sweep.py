"""The sweep goes through every subscription, page by page, and says which it could not read; no event arrives here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from local import fleet
from local.azure.callers import APP
from local.azure.faults import Denied, Match, Respond, Throttle
from local.azure.seeds import CacheSeed
from local.azurite import Azurite
from local.host import HostOptions, HostProcess
from local.stage import APP as APP_FOLDER
from local.stage import StageOptions, eventually
from shared.ids import endpoint_id
from shared.store.sweeps import SubscriptionSweep, Sweep, SweepStatus
from tests.system.scene import Scene, playing, scene

pytestmark = [pytest.mark.emulator_only, pytest.mark.asyncio(loop_scope="module")]

ENROLLED = {"drawbridge": "private"}
UNSEEN = "55555555-6666-7777-8888-999999999999"
SHOP = [fleet.cache_id(f"shop-{number}") for number in range(5)]
HUBS = [fleet.cache_id(f"hub-{number}", "rg-hub-caches", fleet.HUB) for number in range(3)]
SMALL = "66666666-7777-8888-9999-000000000000"
DOOMED = fleet.cache_id("doomed", "rg-small", SMALL)
LATE = fleet.cache_id("late")
PAGE = 2


def seed_of(cache: str, tags: dict[str, str]) -> CacheSeed:
    parts = cache.split("/")
    return CacheSeed(parts[2], parts[4], parts[-1], tags=tags)


def options(azurite: Azurite) -> StageOptions:
    seeds = [seed_of(cache, ENROLLED) for cache in (*SHOP, *HUBS, DOOMED)]
    policy = fleet.policy().replace('["*"]', f"[{fleet.APPS}, {fleet.HUB}, {SMALL}, {UNSEEN}]")
    chosen = playing(azurite, *seeds, seed_of(LATE, {}), policy=policy)
    return replace(chosen, emulator=replace(chosen.emulator, page_size=PAGE))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def swept(azurite: Azurite) -> AsyncIterator[tuple[Scene, Sweep]]:
    """Give a fleet that was swept once, and what that came to."""
    async with scene(options(azurite), "silence") as at:
        long_ago = datetime.now(UTC) - timedelta(days=2)
        await at.stage.store.subscriptions.set_scope([fleet.APPS, fleet.HUB, UNSEEN], long_ago, long_ago)
        await at.stage.store.subscriptions.hear(fleet.HUB, long_ago)
        yield at, await at.swept()


def part(sweep: Sweep, subscription: str) -> SubscriptionSweep:
    return next(each for each in sweep.subscriptions if each.subscription == subscription)


async def test_every_page_of_every_subscription_is_looked_through(swept: tuple[Scene, Sweep]) -> None:
    at, first = swept
    for cache in (*SHOP, *HUBS):
        await at.until_private(cache)

    apps, hub = part(first, fleet.APPS), part(first, fleet.HUB)
    assert (apps.status, apps.seen, apps.drifted, apps.pages) == (SweepStatus.DONE, 6, 5, 4)
    assert (hub.status, hub.seen, hub.drifted, hub.pages) == (SweepStatus.DONE, 3, 3, 3)


async def test_a_subscription_that_the_identity_does_not_see_is_reported(swept: tuple[Scene, Sweep]) -> None:
    _, first = swept

    unseen = part(first, UNSEEN)
    assert (unseen.status, unseen.error_code) == (SweepStatus.FAILED, "NotListed")
    assert "assign it the role" in unseen.error_message


async def test_a_sweep_tells_its_end_to_the_world(swept: tuple[Scene, Sweep]) -> None:
    at, first = swept
    await eventually(lambda: _announced(at, first), 20, "the announcement")

    (event,) = [e for e in at.stage.azure.topic.events if e["id"] == first.id]
    assert (event["type"], event["subject"]) == ("Drawbridge.Sweep.Completed", f"sweeps/{first.id}")
    assert event["data"]["subscriptions"] == 4
    assert (event["data"]["caches"], event["data"]["drifted"]) == (10, 9)
    assert list(event["data"]["unreadable"]) == [UNSEEN]
    assert event["data"]["silent"] == [fleet.APPS]


async def test_callers_are_told_what_is_the_matter_with_which_subscription(swept: tuple[Scene, Sweep]) -> None:
    at, first = swept
    status, shown = await at.stage.call("GET", "subscriptions")
    _, followed = await at.stage.call("GET", f"sweeps/{first.id}")

    told = {each["subscription"]: [p["code"] for p in each["problems"]] for each in shown["value"]}
    assert (status, told) == (200, {fleet.APPS: ["NoEvents"], fleet.HUB: [], SMALL: [], UNSEEN: ["NotListed"]})
    mended = {each["subscription"] for each in followed["subscriptions"] if "help" in each}
    assert mended == {fleet.APPS, UNSEEN}


async def _announced(at: Scene, sweep: Sweep) -> bool:
    return any(event["id"] == sweep.id for event in at.stage.azure.topic.events)


async def test_a_sweep_that_finds_nothing_wakes_nobody(swept: tuple[Scene, Sweep]) -> None:
    at, _ = swept
    for cache in (*SHOP, *HUBS, DOOMED):
        await at.until_private(cache)
    await at.until_at_rest()
    since = at.now

    quiet = await at.swept()
    await at.until_at_rest()

    assert sum(each.queued for each in quiet.subscriptions) == 0
    asked = [e.resource for e in at.stage.azure.world.journal.entries(caller=APP.object_id, since=since)]
    assert [
        each
        for each in asked
        if not each.endswith(("/subscriptions", "/microsoft.cache/redis", "/microsoft.cache/redisenterprise"))
    ] == []


async def test_a_subscription_that_cannot_be_read_is_reported_and_the_others_are_swept(
    swept: tuple[Scene, Sweep],
) -> None:
    at, _ = swept
    await at.until_private(SHOP[0])
    at.leave_open(SHOP[0])
    fault = at.stage.azure.faults.add(Denied("Microsoft.Cache/redis/read", f"/subscriptions/{fleet.HUB}"))

    found = await at.swept()
    at.stage.azure.faults.clear(fault)

    hub = part(found, fleet.HUB)
    assert (hub.status, hub.error_code) == (SweepStatus.FAILED, "AuthorizationFailed")
    await eventually(lambda: _announced(at, found), 20, "the announcement")
    (event,) = [e for e in at.stage.azure.topic.events if e["id"] == found.id]
    assert event["data"]["unreadable"][fleet.HUB].startswith("AuthorizationFailed: ")
    await at.until_private(SHOP[0])


async def test_a_page_that_azure_puts_off_is_read_later_in_the_same_sweep(swept: tuple[Scene, Sweep]) -> None:
    at, _ = swept
    every = f"subscriptions/{fleet.HUB}/providers/Microsoft.Cache/redis"
    at.stage.azure.faults.add(Throttle(retry_after=1), Match("GET", every, count=1))
    at.stage.azure.faults.add(Respond(504, "GatewayTimeout", "Nobody answered."), Match("GET", every, count=1, after=1))

    found = await at.swept()

    hub = part(found, fleet.HUB)
    assert (hub.status, hub.seen) == (SweepStatus.DONE, 3)


async def test_links_that_were_lost_are_found_again(swept: tuple[Scene, Sweep]) -> None:
    at, _ = swept
    await at.until_private(SHOP[1])
    endpoint = endpoint_id(at.endpoints(SHOP[1])[0].id)
    await at.stage.store.links.drop(endpoint)
    assert await at.stage.store.links.cache_of(endpoint) is None

    await at.swept()

    found = await at.stage.store.links.cache_of(endpoint)
    assert str(found) == SHOP[1]


async def test_what_the_app_made_for_a_cache_that_is_gone_is_deleted_and_nothing_else(
    swept: tuple[Scene, Sweep],
) -> None:
    at, _ = swept
    await at.until_private(DOOMED)
    (ours,) = at.endpoints(DOOMED)
    theirs = at.endpoint_by_hand(DOOMED, "pe-by-hand", fleet.subnet_id("eus"))
    await at.until_working(theirs)
    assert len(at.cache(DOOMED).approved) == 2

    at.stage.outside("DELETE", DOOMED)
    await at.stage.azure.until(lambda world: world.show(DOOMED) is None)
    await at.swept()

    await eventually(lambda: _gone(at, ours.id), 30, "the orphaned endpoint to be deleted")
    await at.swept()
    await eventually(lambda: _forgotten(at, DOOMED), 20, "the cache to be forgotten")
    assert at.stage.azure.world.show(theirs) is not None


async def test_a_cache_that_is_gone_from_a_list_of_many_pages_is_noticed_by_the_next_sweep(azurite: Azurite) -> None:
    chosen = playing(azurite, *(seed_of(cache, ENROLLED) for cache in SHOP))
    async with scene(replace(chosen, emulator=replace(chosen.emulator, page_size=PAGE)), "silence") as at:
        await at.swept()
        for cache in SHOP:
            await at.until_private(cache)
        await at.until_at_rest()
        (ours,) = at.endpoints(SHOP[0])
        since = at.now

        at.stage.outside("DELETE", SHOP[0])
        await at.stage.azure.until(lambda world: world.show(SHOP[0]) is None)
        found = await at.swept()

        assert part(found, fleet.APPS).queued == 1
        await eventually(lambda: _gone(at, ours.id), 30, "the orphaned endpoint to be deleted")
        assert all(at.calls(cache, since) == [] for cache in SHOP[1:])


async def _gone(at: Scene, resource: str) -> bool:
    return at.stage.azure.world.show(resource) is None


async def _forgotten(at: Scene, cache: str) -> bool:
    return await at.stage.row(cache) is None


@pytest.fixture
def wider(tmp_path: Path) -> Path:
    """Give the file of a policy that enrols every cache."""
    file = tmp_path / "policy.yaml"
    file.write_text(fleet.policy(enrol="all"), "utf-8")
    return file


async def test_after_a_change_of_policy_the_first_sweep_looks_at_every_cache(azurite: Azurite, wider: Path) -> None:
    chosen = playing(azurite, *(seed_of(cache, ENROLLED) for cache in SHOP), seed_of(LATE, {}))
    async with scene(chosen, "silence") as at:
        await at.swept()
        for cache in SHOP:
            await at.until_private(cache)
        await at.until_at_rest()
        since = at.now

        async with redeployed(at, chosen, wider):
            await at.swept()

            await at.until_private(LATE)
            await at.until_at_rest()
            assert all(at.calls(cache, since) for cache in SHOP)
            assert not any(at.writes(cache, since) for cache in SHOP)


@asynccontextmanager
async def redeployed(at: Scene, options: StageOptions, policy: Path) -> AsyncIterator[None]:
    """Start the app anew with another policy, on the same storage and the same Azure."""
    await at.stage.app.stop()
    settings = {
        "AzureWebJobsStorage": options.connection_string,
        "DRAWBRIDGE_POLICY": str(policy),
        "DRAWBRIDGE_SWEEP_SCHEDULE": options.sweep_schedule,
    }
    prompt = HostOptions(longest_poll=timedelta(seconds=0.2))
    async with HostProcess.running(APP_FOLDER, {**at.stage.azure.environment, **settings}, prompt) as host:
        at.stage.hosts[0] = host
        yield
