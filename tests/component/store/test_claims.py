import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from azure.storage.queue.aio import QueueClient

from shared.ids import endpoint_id
from shared.model import Memory, Reason, Step, Trigger, Verdict, VerdictKind, WakeUp
from shared.store import Store
from shared.store.caches import CacheRow, Claim, Covered, FleetFilter, Intent, Taken
from shared.store.encoding import cache_key
from shared.store.errors import ClaimLostError
from tests.component.store.conftest import NOON, OTHER_SUBSCRIPTION, SUBSCRIPTION, Calls, cache, new_pass

CACHE = cache()
HOLD = timedelta(minutes=5)
SECOND = timedelta(seconds=1)
COMPLIANT = Verdict(VerdictKind.COMPLIANT)
FAILED = Verdict(VerdictKind.BLOCKED, Reason.FAILED, "the message came back five times")
ENDPOINT = endpoint_id(f"{CACHE.group_id}/providers/Microsoft.Network/privateEndpoints/pe-1")
MEMORY = Memory(
    protected=True,
    made=(ENDPOINT,),
    lost_at=NOON,
    fights=(NOON, NOON + SECOND),
    begun={"attach": NOON},
)


async def claimed(store: Store, woken_at: datetime | None = None, hold: timedelta = HOLD) -> Claim:
    outcome = await store.caches.claim(CACHE, woken_at=woken_at or await store.now(), pass_id=new_pass(), hold=hold)
    assert isinstance(outcome, Claim)
    return outcome


async def attempt(store: Store, woken_at: datetime, hold: timedelta = HOLD) -> Claim | Covered | Taken:
    return await store.caches.claim(CACHE, woken_at=woken_at, pass_id=new_pass(), hold=hold)


async def passed(store: Store) -> Claim:
    """Make one whole pass that finds nothing to do."""
    claim = await claimed(store)
    return await store.caches.record(claim, replace(claim.row, verdict=COMPLIANT))


async def etag(store: Store) -> str:
    row = (await store.caches.table.get(cache_key(CACHE))).row
    assert row
    return row.etag


@pytest.fixture
async def reconcile_queue(storage: str) -> AsyncIterator[QueueClient]:
    async with QueueClient.from_connection_string(storage, "reconcile") as client:
        yield client


@pytest.mark.parametrize("known", [False, True], ids=["a cache never seen", "a cache seen before"])
async def test_of_eight_passes_that_claim_at_once_one_owns_the_cache(
    store: Store, another: Callable[[], Store], known: bool
) -> None:
    await store.ensure()
    if known:
        await store.caches.release(await claimed(store))
    now = await store.now()
    stores = [another() for _ in range(8)]

    outcomes = await asyncio.gather(*(attempt(one, now + SECOND) for one in stores))

    owners = [one for one in outcomes if isinstance(one, Claim)]
    assert len(owners) == 1
    assert [type(one) for one in outcomes].count(Taken) == 7
    assert {one.until for one in outcomes if isinstance(one, Taken)} == {owners[0].until}


async def test_a_wake_up_during_a_pass_finds_it_taken_and_afterwards_is_not_covered_by_it(
    store: Store, reconcile_queue: QueueClient
) -> None:
    claim = await claimed(store)
    await store.queue.put(WakeUp(CACHE, Trigger.EVENT))
    (message,) = await reconcile_queue.peek_messages()
    inserted = message.inserted_on
    assert inserted

    assert isinstance(await attempt(store, inserted), Taken)
    await store.caches.record(claim, replace(claim.row, verdict=COMPLIANT))
    assert isinstance(await attempt(store, inserted), Claim)


async def test_an_older_wake_up_is_covered_and_nothing_is_written(store: Store) -> None:
    recorded = await passed(store)
    before = await etag(store)

    outcome = await attempt(store, recorded.started - SECOND)

    assert isinstance(outcome, Covered)
    assert outcome.row.verdict == COMPLIANT
    assert await etag(store) == before


async def test_a_wake_up_of_the_very_second_in_which_a_pass_began_is_not_covered(store: Store) -> None:
    recorded = await passed(store)

    assert recorded.started.microsecond == 0
    assert isinstance(await attempt(store, recorded.started), Claim)


async def test_a_pass_given_back_unfinished_covers_nothing(store: Store) -> None:
    recorded = await passed(store)
    later = await claimed(store, recorded.started + HOLD)
    await store.caches.release(later, problem="TimeoutError: the network is gone")

    row = await store.caches.read(CACHE)

    assert row
    assert (row.last_started, row.problem) == (recorded.started, "TimeoutError: the network is gone")


async def test_a_dead_workers_claim_is_taken_over_once_its_hold_is_over_and_the_dead_can_record_no_more(
    store: Store,
) -> None:
    dead = await claimed(store, hold=2 * SECOND)
    assert isinstance(await attempt(store, dead.started), Taken)

    successor = await _taken_over(store)

    assert successor.started >= dead.until
    with pytest.raises(ClaimLostError, match="another pass has taken"):
        await store.caches.record(dead, replace(dead.row, verdict=FAILED))
    with pytest.raises(ClaimLostError):
        await store.caches.forget(dead)
    await store.caches.release(dead)
    assert isinstance(await attempt(store, dead.started), Taken)
    await store.caches.record(successor, replace(successor.row, verdict=COMPLIANT))
    with pytest.raises(ClaimLostError):
        await store.caches.record(dead, replace(dead.row, verdict=FAILED))
    assert (await store.caches.read(CACHE) or CacheRow(CACHE)).verdict == COMPLIANT


async def _taken_over(store: Store) -> Claim:
    async with asyncio.timeout(20):
        while True:
            outcome = await attempt(store, await store.now())
            if isinstance(outcome, Claim):
                return outcome
            await asyncio.sleep(0.1)


async def test_a_claim_whose_hold_is_over_still_records_when_nobody_took_over(store: Store) -> None:
    claim = await claimed(store, hold=timedelta())

    await store.caches.record(claim, replace(claim.row, verdict=COMPLIANT))

    assert (await store.caches.read(CACHE) or CacheRow(CACHE)).verdict == COMPLIANT


async def test_a_write_repeated_after_its_answer_was_lost_is_recognised_as_ones_own(store: Store) -> None:
    pass_id = new_pass()
    first = await store.caches.claim(CACHE, woken_at=await store.now(), pass_id=pass_id, hold=HOLD)
    again = await store.caches.claim(CACHE, woken_at=await store.now(), pass_id=pass_id, hold=HOLD)
    assert isinstance(first, Claim)
    assert isinstance(again, Claim)

    recorded = await store.caches.record(again, replace(again.row, verdict=COMPLIANT))
    repeated = await store.caches.record(again, replace(again.row, verdict=COMPLIANT))

    assert repeated.etag == recorded.etag


async def test_a_row_comes_back_as_it_was_recorded(store: Store) -> None:
    claim = await claimed(store)
    row = CacheRow(
        CACHE,
        verdict=Verdict(
            VerdictKind.CONVERGING, message="…", step=Step.ATTACHING, look_after=timedelta(seconds=90), until=NOON
        ),
        since=NOON + timedelta(microseconds=123456),
        memory=MEMORY,
        verified="v",
        verified_at=NOON,
        revision=7,
        unannounced=("a-6", "a-7"),
        retry_at=NOON,
        digest="d",
        seen="s",
        kind="classic",
        region="westeurope",
        public_access="Disabled",
    )

    recorded = await store.caches.record(claim, row)

    expected = replace(row, last_started=claim.started, last_pass=claim.pass_id)
    assert recorded.row == expected
    assert await store.caches.read(CACHE) == expected


async def test_a_property_that_a_newer_version_wrote_counts_as_lost_and_the_rest_is_read(store: Store) -> None:
    await passed(store)
    await store.caches.table.merge(cache_key(CACHE), {"verdict": '{"kind":"Sublime"}', "memory": "{"}, None)

    row = await store.caches.read(CACHE)

    assert row
    assert (row.verdict, row.memory) == (None, Memory())
    assert row.last_started is not None


async def test_a_pass_costs_three_storage_calls_and_a_covered_wake_up_one(store: Store, calls: Calls) -> None:
    await passed(store)
    now = await store.now() + HOLD
    calls()

    claim = await claimed(store, now)
    assert calls() == ["GET", "PATCH"]
    recorded = await store.caches.record(claim, replace(claim.row, verdict=COMPLIANT))
    assert calls() == ["PUT"]
    assert isinstance(await attempt(store, recorded.started - SECOND), Covered)
    assert calls() == ["GET"]


async def test_a_forgotten_cache_has_no_row(store: Store) -> None:
    await store.caches.forget(await claimed(store))

    assert await store.caches.read(CACHE) is None


async def test_what_a_pass_sets_out_to_do_is_there_until_it_records(store: Store) -> None:
    claim = await claimed(store)
    intent = Intent(claim.pass_id, Memory(protected=True), "Enabled", ("make endpoint pe-orders",))

    begun = await store.caches.intend(claim, intent)
    died = await store.caches.read(CACHE)
    await store.caches.record(begun, replace(begun.row, verdict=COMPLIANT))
    lived = await store.caches.read(CACHE)

    assert died
    assert (died.intents, died.known, died.unfinished) == ((intent,), intent.memory, True)
    assert lived
    assert (lived.intents, lived.known, lived.unfinished) == ((), lived.memory, False)


async def test_nothing_is_set_out_to_be_done_under_a_claim_that_was_lost(store: Store) -> None:
    claim = await claimed(store, hold=timedelta())
    await claimed(store)

    with pytest.raises(ClaimLostError):
        await store.caches.intend(claim, Intent(claim.pass_id, Memory(), ""))


async def test_a_pass_given_back_with_a_problem_leaves_its_name_on_a_claim_that_anybody_can_take(store: Store) -> None:
    claim = await claimed(store)
    await store.caches.release(claim, problem="ValueError: boom")

    taken = await claimed(store)

    assert (taken.row.claimed_by, taken.row.unfinished) == (claim.pass_id, True)


async def test_failing_sets_the_verdict_of_a_cache_that_has_no_row(store: Store) -> None:
    await store.caches.fail(CACHE, FAILED, problem="boom")

    row = await store.caches.read(CACHE)

    assert row
    assert (row.verdict, row.problem) == (FAILED, "boom")
    assert row.since is not None


async def test_failing_clears_a_dead_claim_and_the_sign_that_all_was_well(store: Store) -> None:
    recorded = await passed(store)
    dead = await claimed(store, recorded.started + HOLD, hold=timedelta())

    row = await store.caches.fail(CACHE, FAILED)

    assert (row.claimed_by, row.verified, row.memory) == ("", "", dead.row.memory)
    assert await store.caches.read(CACHE) == row


async def test_failing_leaves_a_running_pass_its_claim(store: Store) -> None:
    running = await claimed(store)

    failed = await store.caches.fail(CACHE, FAILED)

    assert failed.claimed_by == running.pass_id
    assert isinstance(await attempt(store, running.started), Taken)
    await store.caches.record(running, replace(running.row, verdict=COMPLIANT))
    assert (await store.caches.read(CACHE) or CacheRow(CACHE)).verdict == COMPLIANT


async def test_failing_at_once_from_many_workers_loses_none(store: Store) -> None:
    await store.ensure()

    rows = await asyncio.gather(*(store.caches.fail(CACHE, FAILED) for _ in range(4)))

    assert {row.verdict for row in rows} == {FAILED}


async def test_a_group_holds_its_own_caches_and_not_those_of_groups_with_a_longer_or_shorter_name(store: Store) -> None:
    names = ["shop", "shop-2", "shop.2", "shop(x)", "sho", "größe"]
    caches = [cache("c1", group) for group in names] + [cache("c2", "shop"), cache("c1", "shop", OTHER_SUBSCRIPTION)]
    for one in caches:
        await store.caches.fail(one, FAILED)

    for group in names:
        found = [row.cache for row in await store.caches.of_group(cache("x", group).group_id)]
        assert found == [one for one in caches if (one.subscription, one.group) == (SUBSCRIPTION, group)]
    assert len(await store.caches.of_subscription(SUBSCRIPTION)) == 7


async def test_the_fleet_is_listed_page_by_page_and_each_cache_once(store: Store) -> None:
    everyone = [cache(f"c{n}", subscription=sub) for sub in (SUBSCRIPTION, OTHER_SUBSCRIPTION) for n in range(5)]
    for one in everyone:
        await store.caches.fail(one, FAILED)

    found, continuation = [], ""
    while True:
        page = await store.caches.fleet(FleetFilter(), size=3, continuation=continuation)
        assert len(page.items) <= 3
        found += [row.cache for row in page.items]
        if not (continuation := page.continuation):
            break

    assert found == everyone


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        pytest.param(FleetFilter(), ["a", "b", "c"], id="all"),
        pytest.param(FleetFilter(verdict="Blocked"), ["b", "c"], id="by verdict"),
        pytest.param(FleetFilter(reason="SubnetFull"), ["c"], id="by reason"),
        pytest.param(FleetFilter(region="westeurope", verdict="Blocked"), ["b"], id="by two things"),
        pytest.param(FleetFilter(subscription=SUBSCRIPTION, group="shop", kind="managed"), ["c"], id="in a group"),
        pytest.param(FleetFilter(subscription=OTHER_SUBSCRIPTION), [], id="another subscription"),
        pytest.param(FleetFilter(region="x' or PartitionKey ne '"), [], id="a value with quotes is only a value"),
    ],
)
async def test_the_fleet_is_filtered(store: Store, wanted: FleetFilter, names: list[str]) -> None:
    full = replace(FAILED, reason=Reason.SUBNET_FULL)
    rows = [
        ("a", COMPLIANT, "westeurope", "classic"),
        ("b", FAILED, "westeurope", "classic"),
        ("c", full, "eastus", "managed"),
    ]
    for name, verdict, region, kind in rows:
        claim = await store.caches.claim(cache(name), woken_at=NOON, pass_id=new_pass(), hold=HOLD)
        assert isinstance(claim, Claim)
        await store.caches.record(claim, replace(claim.row, verdict=verdict, region=region, kind=kind))

    page = await store.caches.fleet(wanted)

    assert [row.cache.name for row in page.items] == names
    tallies = [each async for each in store.caches.tallies(wanted, tags=False)]
    counted = [(row.cache, row.kind, row.verdict.kind, row.verdict.reason or "") for row in page.items if row.verdict]
    assert [(each.cache, each.kind, each.verdict, each.reason) for each in tallies] == counted


async def test_what_is_counted_of_a_cache_has_its_tags_where_they_are_wanted(store: Store) -> None:
    claim = await store.caches.claim(cache("a"), woken_at=NOON, pass_id=new_pass(), hold=HOLD)
    assert isinstance(claim, Claim)
    await store.caches.record(claim, replace(claim.row, verdict=COMPLIANT, tags={"Team": "shop"}))

    for tags, expected in ((True, {"Team": "shop"}), (False, {})):
        (found,) = [each async for each in store.caches.tallies(FleetFilter(), tags=tags)]
        assert found.tags == expected
