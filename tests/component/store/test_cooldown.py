import asyncio
from collections.abc import Callable
from datetime import timedelta

from shared.store import Store
from tests.component.store.conftest import NOON, OTHER_SUBSCRIPTION, SUBSCRIPTION, Monotonic

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


async def test_a_cooldown_holds_for_all_workers_one_subscription_and_one_provider(
    store: Store, another: Callable[[], Store]
) -> None:
    await store.cooldown.set(SUBSCRIPTION, "Microsoft.Cache", NOON)
    await store.cooldown.set(SUBSCRIPTION, "Microsoft.Network", NOON + MINUTE)

    assert await another().cooldown.until(SUBSCRIPTION) == {"microsoft.cache": NOON, "microsoft.network": NOON + MINUTE}
    assert await another().cooldown.until(OTHER_SUBSCRIPTION) == {}


async def test_a_cooldown_is_never_shortened(store: Store, another: Callable[[], Store]) -> None:
    await store.cooldown.set(SUBSCRIPTION, "Microsoft.Cache", NOON + MINUTE)

    assert await store.cooldown.set(SUBSCRIPTION, "microsoft.cache", NOON) == NOON + MINUTE
    assert await another().cooldown.until(SUBSCRIPTION) == {"microsoft.cache": NOON + MINUTE}


async def test_of_many_cooldowns_at_once_the_latest_holds(store: Store, another: Callable[[], Store]) -> None:
    await store.ensure()

    await asyncio.gather(*(another().cooldown.set(SUBSCRIPTION, "p", NOON + n * MINUTE) for n in range(8)))

    assert await store.cooldown.until(SUBSCRIPTION) == {"p": NOON + 7 * MINUTE}


async def test_what_was_read_is_believed_for_five_seconds(
    store: Store, another: Callable[[], Store], monotonic: Monotonic
) -> None:
    assert await store.cooldown.until(SUBSCRIPTION) == {}
    await another().cooldown.set(SUBSCRIPTION, "p", NOON)

    monotonic.now += 4.9
    assert await store.cooldown.until(SUBSCRIPTION) == {}
    monotonic.now += 0.2
    assert await store.cooldown.until(SUBSCRIPTION) == {"p": NOON}


async def test_ones_own_cooldown_is_known_at_once(store: Store) -> None:
    assert await store.cooldown.until(SUBSCRIPTION) == {}
    await store.cooldown.set(SUBSCRIPTION, "p", NOON)

    assert await store.cooldown.until(SUBSCRIPTION) == {"p": NOON}


async def test_twenty_takers_get_no_more_closures_than_the_limit(store: Store, another: Callable[[], Store]) -> None:
    await store.ensure()
    workers = [another() for _ in range(4)]

    taken = await asyncio.gather(*(workers[n % 4].closures.take(SUBSCRIPTION, 7, NOON) for n in range(20)))

    assert sum(taken) == 7


async def test_every_hour_and_every_subscription_has_closures_of_its_own(store: Store) -> None:
    take = store.closures.take
    assert [await take(SUBSCRIPTION, 2, NOON + n * 20 * MINUTE) for n in range(3)] == [True, True, False]

    assert await take(SUBSCRIPTION, 2, NOON + HOUR)
    assert await take(OTHER_SUBSCRIPTION, 2, NOON)


async def test_a_clock_that_is_behind_cannot_open_a_finished_hour_again(store: Store) -> None:
    take = store.closures.take
    assert await take(SUBSCRIPTION, 1, NOON + HOUR)

    assert not await take(SUBSCRIPTION, 1, NOON)
    assert not await take(SUBSCRIPTION, 1, NOON + HOUR)


async def test_a_limit_of_none_gives_none(store: Store) -> None:
    assert not await store.closures.take(SUBSCRIPTION, 0, NOON)
