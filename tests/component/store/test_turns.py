import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from shared.ids import CacheId
from shared.store import Store
from tests.component.store.conftest import SUBSCRIPTION

HOUR = timedelta(hours=1)
ONE = CacheId.parse(f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Cache/redisEnterprise/one")
TWO, THREE = replace(ONE, name="two"), replace(ONE, name="three")
GROUP = (ONE, TWO, THREE)


async def test_one_member_of_a_group_has_the_turn_until_it_gives_it_back(
    store: Store, another: Callable[[], Store]
) -> None:
    assert await store.turns.take(GROUP, ONE, HOUR)
    assert not await another().turns.take(reversed(GROUP), TWO, HOUR)
    assert await another().turns.take(GROUP, ONE, HOUR)

    await another().turns.give_back(GROUP, ONE)
    assert await store.turns.take(GROUP, TWO, HOUR)


async def test_of_many_that_ask_at_once_at_most_one_gets_the_turn(store: Store, another: Callable[[], Store]) -> None:
    await store.ensure()

    taken = await asyncio.gather(*(another().turns.take(GROUP, member, HOUR) for member in GROUP))

    assert sum(taken) <= 1
    assert [await store.turns.take(GROUP, member, HOUR) for member in GROUP].count(True) == 1


async def test_a_turn_that_nobody_gives_back_runs_out(store: Store) -> None:
    assert await store.turns.take(GROUP, ONE, timedelta())

    assert await store.turns.take(GROUP, TWO, HOUR)


async def test_who_does_not_have_the_turn_cannot_give_it_back(store: Store) -> None:
    await store.turns.give_back(GROUP, TWO)
    assert await store.turns.take(GROUP, ONE, HOUR)
    await store.turns.give_back(GROUP, TWO)

    assert not await store.turns.take(GROUP, TWO, HOUR)


async def test_groups_do_not_wait_for_each_other(store: Store) -> None:
    assert await store.turns.take((ONE, TWO), ONE, HOUR)

    assert await store.turns.take((THREE, replace(ONE, name="zero")), THREE, HOUR)
