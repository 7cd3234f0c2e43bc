from dataclasses import replace
from datetime import timedelta

import pytest

from shared.model import Creation, Kind, NewCache
from shared.store import Store
from shared.store.creations import CreationRequest
from shared.store.errors import ConflictError
from shared.store.requests import StoredRequest
from tests.component.store.conftest import NOON, SUBSCRIPTION, cache

NEW = NewCache(Kind.CLASSIC, "westeurope", "Premium_P1", shards=2, zones=("1", "2"), tags={"a": "b"})
ASKED = CreationRequest(cache(), Creation(NEW, "pipeline", NOON))


async def test_a_request_is_read_as_it_was_written(store: Store) -> None:
    stored = await store.creations.put(ASKED)

    assert await store.creations.get(cache()) == stored == ASKED
    assert await store.creations.get(cache("another")) is None


async def test_of_two_writers_the_second_is_told(store: Store) -> None:
    await store.creations.put(ASKED)

    with pytest.raises(ConflictError):
        await store.creations.put(ASKED)
    with pytest.raises(ConflictError):
        await store.creations.put(ASKED, "W/\"datetime'2026-01-01T00%3A00%3A00.0000000Z'\"")


async def test_a_cache_that_has_been_made_is_not_wanted_any_more(store: Store) -> None:
    await store.creations.put(ASKED)
    await store.creations.put(replace(ASKED, cache=cache("waiting")))

    await store.creations.fulfil(cache())

    fulfilled = await store.creations.get(cache())
    assert fulfilled is not None
    assert fulfilled.creation.fulfilled
    assert [each.cache for each in await store.creations.open_in(SUBSCRIPTION)] == [cache("waiting")]


async def test_a_request_that_was_withdrawn_is_not_fulfilled(store: Store) -> None:
    stored = await store.creations.put(ASKED)
    await store.creations.withdraw(stored, "somebody", NOON + timedelta(hours=1))

    await store.creations.fulfil(cache())

    withdrawn = await store.creations.get(cache())
    assert withdrawn is not None
    assert (withdrawn.withdrawn, withdrawn.creation.fulfilled) == (True, False)
    assert await store.creations.open_in(SUBSCRIPTION) == []


async def test_requests_for_caches_and_for_endpoints_share_a_table_and_are_not_mixed_up(store: Store) -> None:
    endpoint = StoredRequest(cache(), "weu-prod", "pipeline", NOON)
    await store.creations.put(ASKED)
    await store.requests.put(endpoint)

    assert await store.requests.of_cache(cache()) == [endpoint]
    assert await store.requests.of_subscription(SUBSCRIPTION) == [endpoint]
    assert await store.creations.open_in(SUBSCRIPTION) == [ASKED]
