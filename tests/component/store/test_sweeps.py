import asyncio
from dataclasses import replace
from datetime import timedelta

from shared.ids import CacheType
from shared.store import Store
from shared.store.queue import SweepPage
from shared.store.sweeps import PageReport, SubscriptionSweep, SweepStatus
from tests.component.store.conftest import OTHER_SUBSCRIPTION, SUBSCRIPTION, Monotonic, cache

BOTH = (SUBSCRIPTION, OTHER_SUBSCRIPTION)


async def test_a_sweep_tells_of_every_subscription_also_of_those_that_cannot_be_read(store: Store) -> None:
    await store.sweeps.start("s1", BOTH, "d1")
    await store.sweeps.report("s1", SUBSCRIPTION, PageReport(0, seen=10, drifted=2, queued=2))
    refused = PageReport(0, last=True, error_code="AuthorizationFailed", error_message="may not read")
    await store.sweeps.report("s1", OTHER_SUBSCRIPTION, refused)

    sweep = await store.sweeps.summary("s1")

    assert sweep
    assert sweep.subscriptions == (
        SubscriptionSweep(SUBSCRIPTION, SweepStatus.RUNNING, 10, 2, 2, 1),
        SubscriptionSweep(OTHER_SUBSCRIPTION, SweepStatus.FAILED, 0, 0, 0, 1, "AuthorizationFailed", "may not read"),
    )
    assert (sweep.finished, [one.subscription for one in sweep.failed]) == (False, [OTHER_SUBSCRIPTION])


async def test_a_run_over_one_subscription_is_told_from_one_over_all(store: Store) -> None:
    await store.sweeps.start("s1", BOTH, "d1")
    await store.sweeps.start("s2", [SUBSCRIPTION], "d1", whole=False)

    runs = [await store.sweeps.summary(run) for run in ("s1", "s2")]
    listed = {run.id: run.whole for run in await store.sweeps.latest_runs(9)}

    assert [run and run.whole for run in runs] == [True, False]
    assert listed == {"s1": True, "s2": False}


async def test_a_page_reported_twice_counts_once(store: Store) -> None:
    await store.sweeps.start("s1", [SUBSCRIPTION], "d1")
    assert await store.sweeps.report("s1", SUBSCRIPTION, PageReport(0, seen=10))

    assert not await store.sweeps.report("s1", SUBSCRIPTION, PageReport(0, seen=10))
    assert await store.sweeps.report("s1", SUBSCRIPTION, PageReport(1, seen=3, last=True))

    sweep = await store.sweeps.summary("s1")
    assert sweep
    assert (sweep.finished, sweep.subscriptions[0].seen, sweep.subscriptions[0].pages) == (True, 13, 2)


async def test_what_the_pages_of_a_list_have_shown_is_known_at_its_end(store: Store) -> None:
    await store.sweeps.start("s1", BOTH, "d1")
    first, second = (SweepPage("s1", SUBSCRIPTION, page=number) for number in (0, 1))
    one, two, three = cache("one"), cache("two"), cache("three")
    for page, listed in ((first, [one, two]), (first, [two, one]), (second, [three])):
        await store.sweeps.note("s1", page, listed)
    await store.sweeps.note("s1", SweepPage("s1", SUBSCRIPTION, page=2, type=CacheType.ENTERPRISE), [])

    assert await store.sweeps.listed("s1", second) == {each.short_hash for each in (one, two, three)}
    assert await store.sweeps.listed("s1", replace(second, type=CacheType.ENTERPRISE)) == set()
    assert await store.sweeps.listed("s1", replace(second, subscription=OTHER_SUBSCRIPTION)) == set()
    assert await store.sweeps.listed("s2", second) == set()


async def test_what_a_page_has_shown_is_no_part_of_a_sweeps_summary(store: Store) -> None:
    await store.sweeps.start("s1", [SUBSCRIPTION], "d1")
    await store.sweeps.note("s1", SweepPage("s1", SUBSCRIPTION), [cache("one")])

    sweep = await store.sweeps.summary("s1")
    assert sweep
    assert [each.subscription for each in sweep.subscriptions] == [SUBSCRIPTION]


async def test_one_list_that_cannot_be_read_fails_its_subscription_once_the_others_are_read(store: Store) -> None:
    await store.sweeps.start("s1", [SUBSCRIPTION], "d1")
    refused = PageReport(0, error_code="AuthorizationFailed", error_message="Microsoft.Cache/Redis: may not read")
    await store.sweeps.report("s1", SUBSCRIPTION, refused)
    between = await store.sweeps.summary("s1")
    await store.sweeps.report("s1", SUBSCRIPTION, PageReport(1, seen=4, drifted=1, queued=1, last=True))
    after = await store.sweeps.summary("s1")

    assert between
    assert after
    assert not between.finished
    assert after.subscriptions == (
        SubscriptionSweep(
            SUBSCRIPTION, SweepStatus.FAILED, 4, 1, 1, 2, "AuthorizationFailed", "Microsoft.Cache/Redis: may not read"
        ),
    )


async def test_of_several_lists_that_cannot_be_read_each_is_told(store: Store) -> None:
    await store.sweeps.start("s1", [SUBSCRIPTION], "d1")
    for page, message in enumerate(("one", "two")):
        refused = PageReport(page, last=page == 1, error_code="AuthorizationFailed", error_message=message)
        await store.sweeps.report("s1", SUBSCRIPTION, refused)

    sweep = await store.sweeps.summary("s1")
    assert sweep
    assert [(one.status, one.error_message) for one in sweep.failed] == [(SweepStatus.FAILED, "one; two")]


async def test_a_sweep_started_again_keeps_what_was_reported(store: Store) -> None:
    await store.sweeps.start("s1", BOTH, "d1")
    await store.sweeps.report("s1", SUBSCRIPTION, PageReport(0, seen=10, last=True))

    await store.sweeps.start("s1", BOTH, "d1")

    sweep = await store.sweeps.summary("s1")
    assert sweep
    assert [one.status for one in sweep.subscriptions] == [SweepStatus.DONE, SweepStatus.PENDING]


async def test_the_latest_sweep_knows_the_policy_it_judged_by(store: Store) -> None:
    assert await store.sweeps.latest() is None
    await store.sweeps.start("s1", BOTH, "d1")
    await store.sweeps.start("s2", [], "d2")
    await store.sweeps.start("s1", BOTH, "d1")

    latest = await store.sweeps.latest()

    assert latest
    assert (latest.id, latest.digest, latest.finished) == ("s2", "d2", True)


async def test_of_all_that_see_a_sweep_end_one_tells_of_it(store: Store) -> None:
    await store.sweeps.start("s1", [], "d1")

    told = await asyncio.gather(*(store.sweeps.complete("s1") for _ in range(5)))

    assert sum(told) == 1
    assert not await store.sweeps.complete("unknown")
    sweep = await store.sweeps.summary("s1")
    assert sweep
    assert sweep.completed


async def test_old_sweeps_are_deleted_and_the_latest_is_kept(store: Store) -> None:
    for name in ("s1", "s2", "s3"):
        await store.sweeps.start(name, BOTH, "d")
    now = await store.now()

    assert await store.sweeps.prune(now - timedelta(days=1)) == 0
    assert await store.sweeps.prune(now + timedelta(days=1)) == 2

    assert [await store.sweeps.summary(name) is not None for name in ("s1", "s2", "s3")] == [False, False, True]


async def test_many_wishes_for_a_look_at_one_subscription_lead_to_one_look(store: Store) -> None:
    asked = await store.now()

    assert await store.sweeps.first_look(SUBSCRIPTION, asked)
    assert not await store.sweeps.first_look(SUBSCRIPTION, asked - timedelta(seconds=1))
    assert await store.sweeps.first_look(SUBSCRIPTION, asked + timedelta(hours=1))
    assert await store.sweeps.first_look(OTHER_SUBSCRIPTION, asked)


async def test_the_scope_is_what_was_last_resolved_whatever_its_size(
    storage: str, store: Store, monotonic: Monotonic
) -> None:
    many = [f"11111111-2222-3333-4444-{n:012d}" for n in range(1201)]
    assert await store.sweeps.scope() == ()
    await store.sweeps.set_scope(many)
    assert await store.sweeps.scope() == tuple(many)

    monotonic.now += 31
    assert await store.sweeps.scope() == tuple(many)
    await store.sweeps.set_scope(many[:3])
    monotonic.now += 31
    assert await store.sweeps.scope() == tuple(many[:3])
    assert storage


async def test_the_latest_runs_are_listed_newest_first(store: Store) -> None:
    for name in ("20261124120000-aaaaaa", "20261124130000-bbbbbb", "20261124140000-cccccc"):
        await store.sweeps.start(name, [SUBSCRIPTION], "digest")
    await store.sweeps.complete("20261124120000-aaaaaa")

    listed = await store.sweeps.latest_runs(2)

    assert [run.id for run in listed] == ["20261124140000-cccccc", "20261124130000-bbbbbb"]
    assert [run.completed for run in await store.sweeps.latest_runs(9)] == [False, False, True]


async def test_a_run_over_a_part_is_not_the_latest(store: Store) -> None:
    await store.sweeps.start("20261124120000-aaaaaa", [SUBSCRIPTION], "digest")
    await store.sweeps.start("20261124130000-bbbbbb", [SUBSCRIPTION], "digest", whole=False)

    latest = await store.sweeps.latest()
    assert latest
    assert latest.id == "20261124120000-aaaaaa"
