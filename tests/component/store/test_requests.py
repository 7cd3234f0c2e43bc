import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.model import Subject
from shared.store import Store
from shared.store.encoding import Key
from shared.store.errors import ConflictError
from shared.store.requests import StoredRequest
from tests.component.store.conftest import NOON, OTHER_SUBSCRIPTION, SUBSCRIPTION, cache

ASKED = StoredRequest(cache(), "weu-prod", "pipeline", NOON, options={"wait": "yes"})


async def test_asking_again_for_the_same_keeps_the_first_request(store: Store) -> None:
    first = await store.requests.put(ASKED)

    again = await store.requests.put(replace(ASKED, requested_by="somebody else", requested_at=NOON + timedelta(1)))

    assert (again, again.etag) == (ASKED, first.etag)


async def test_asking_for_something_else_replaces_what_was_read(store: Store) -> None:
    first = await store.requests.put(ASKED)
    changed = replace(ASKED, options={"wait": "no"})

    second = await store.requests.put(changed)

    assert await store.requests.get(cache(), "weu-prod") == changed
    assert second.etag != first.etag


async def test_a_request_changed_by_somebody_else_is_not_overwritten(store: Store) -> None:
    first = await store.requests.put(ASKED)
    theirs = await store.requests.put(replace(ASKED, options={"wait": "no"}), etag=first.etag)

    with pytest.raises(ConflictError):
        await store.requests.put(replace(ASKED, options={"wait": "perhaps"}), etag=first.etag)
    with pytest.raises(ConflictError):
        await store.requests.withdraw(first, "pipeline", NOON)
    with pytest.raises(ConflictError):
        await store.requests.remove(first)
    assert await store.requests.get(cache(), "weu-prod") == theirs


async def test_of_many_changes_to_one_state_exactly_one_takes_effect(store: Store) -> None:
    first = await store.requests.put(ASKED)
    changes = [replace(ASKED, options={"n": str(n)}) for n in range(8)]

    outcomes = await asyncio.gather(
        *(store.requests.put(one, etag=first.etag) for one in changes), return_exceptions=True
    )

    won = [one for one in outcomes if isinstance(one, StoredRequest)]
    assert len(won) == 1
    assert sum(isinstance(one, ConflictError) for one in outcomes) == 7
    assert await store.requests.get(cache(), "weu-prod") == won[0]


@pytest.mark.parametrize("etag", ["*", "W/\"datetime'2026-11-24T12%3A00%3A00.0000000Z'\""])
async def test_what_must_be_there_and_is_not_is_a_conflict(store: Store, etag: str) -> None:
    with pytest.raises(ConflictError):
        await store.requests.put(ASKED, etag=etag)


async def test_a_withdrawn_request_stays_on_file_and_can_be_made_again(store: Store) -> None:
    withdrawn = await store.requests.withdraw(await store.requests.put(ASKED), "zoe", NOON + timedelta(1))

    assert withdrawn.withdrawn
    assert await store.requests.of_cache(cache()) == [withdrawn]
    assert not (await store.requests.put(ASKED)).withdrawn


async def test_the_requests_of_a_subscription_name_their_caches(store: Store) -> None:
    asked = [ASKED, replace(ASKED, cache=cache("other", "größe")), replace(ASKED, placement="a|b")]
    for one in [*asked, replace(ASKED, cache=cache(subscription=OTHER_SUBSCRIPTION))]:
        await store.requests.put(one)

    found = await store.requests.of_subscription(SUBSCRIPTION)

    assert {(one.cache, one.placement) for one in found} == {(one.cache, one.placement) for one in asked}


async def test_a_cache_has_its_own_requests_only(store: Store) -> None:
    await store.requests.put(ASKED)
    await store.requests.put(replace(ASKED, placement="weu-2"))
    await store.requests.put(replace(ASKED, cache=cache("sessions-2")))

    assert [one.placement for one in await store.requests.of_cache(cache())] == ["weu-2", "weu-prod"]


async def test_of_two_who_add_the_same_the_second_is_told(store: Store) -> None:
    first = await store.requests.add(ASKED)

    with pytest.raises(ConflictError):
        await store.requests.add(replace(ASKED, requested_at=NOON + timedelta(seconds=1)))
    assert await store.requests.get(cache(), "weu-prod") == first


async def test_an_endpoint_an_exemption_and_public_access_are_requests_side_by_side(store: Store) -> None:
    asked = [ASKED, *(replace(ASKED, placement="", subject=each) for each in (Subject.EXEMPTION, Subject.ACCESS))]
    for one in asked:
        await store.requests.put(one)

    assert {one.subject for one in await store.requests.of_cache(cache())} == {one.subject for one in asked}
    assert {one.subject for one in await store.requests.of_subscription(SUBSCRIPTION)} == {one.subject for one in asked}
    assert await store.requests.get(cache(), subject=Subject.EXEMPTION) == asked[1]
    assert asked[1].wish.subject is Subject.EXEMPTION


async def test_a_request_that_only_a_newer_version_knows_is_passed_over(store: Store) -> None:
    await store.requests.put(ASKED)
    key = Key(SUBSCRIPTION, "shop|redis|sessions|teleport|")
    await store.requests.table.insert(key, {"to": "mars"})

    assert await store.requests.of_cache(cache()) == [ASKED]
    assert await store.requests.of_subscription(SUBSCRIPTION) == [ASKED]
