"""Dead letters: read as Event Grid writes them, turned into messages, and removed once those are on the queue."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest

from local.azure.calls import Json
from local.azure.eventsubscriptions import Schema
from shared.intake import Intake
from shared.letters import Letters
from shared.policy_text import load
from shared.store import Store, StoreSettings
from shared.store.errors import StoreUnavailableError
from shared.store.queue import decode
from tests.component.store.conftest import SUBSCRIPTION, cache
from tests.fixtures.letters import dead, write

POLICY = load('scope: {subscriptions: ["*"]}')
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/shop"


def of_cache(number: int = 1, schema: Schema = Schema.EVENT_GRID) -> Json:
    return dead(str(cache(f"cache-{number}")), number, schema=schema)


def letters(store: Store, clock: list[datetime] | None = None) -> Letters:
    times = iter(clock or [])
    return Letters(
        store,
        Intake(store, POLICY, "", lambda: datetime(2026, 11, 28, tzinfo=UTC)),
        lambda: next(times, datetime(2026, 11, 28, tzinfo=UTC)),
    )


async def left(store: Store) -> list[str]:
    return [name async for name in store.dead_letters.names()]


async def queued(store: Store) -> list[str]:
    client = store._account.queue("reconcile")
    found = [message.content async for message in client.receive_messages(messages_per_page=32)]
    return sorted(decode(text).wake.cache.name for text in found)


async def test_where_there_is_no_container_nothing_is_of_cache(store: Store) -> None:
    assert await letters(store).take_up() == 0


async def test_where_the_settings_name_no_blobs_nothing_is_of_cache() -> None:
    elsewhere = Store.open(StoreSettings(queue_url="https://q.example", table_url="https://t.example"))

    assert await left(elsewhere) == []


async def test_events_of_either_schema_come_to_the_queue_and_their_letters_are_removed(
    store: Store, storage: str, caplog: pytest.LogCaptureFixture
) -> None:
    await write(storage, "TOPIC/SUB/2026/11/28/8/a b.json", [of_cache(1), of_cache(2, Schema.CLOUD_EVENTS)])
    await write(storage, "TOPIC/SUB/2026/11/28/9/b.json", [of_cache(3)])

    with caplog.at_level(logging.WARNING):
        assert await letters(store).take_up() == 3

    assert await queued(store) == ["cache-1", "cache-2", "cache-3"]
    assert await left(store) == []
    assert 'dead letters taken up {"letters": "2", "events": "3"}' in caplog.text


async def test_an_event_that_leads_to_nothing_is_removed_all_the_same(store: Store, storage: str) -> None:
    await write(storage, "a.json", [dead(GROUP)])
    await letters(store).take_up()

    assert await left(store) == []


async def test_a_letter_that_cannot_be_read_stays_and_is_told_of_and_keeps_nothing_up(
    store: Store, storage: str, caplog: pytest.LogCaptureFixture
) -> None:
    await write(storage, "a.json", "no event")
    await write(storage, "b.json", [of_cache(2)])
    await letters(store).take_up()

    assert await left(store) == ["a.json"]
    assert await queued(store) == ["cache-2"]
    assert 'dead letter not readable {"letter": "a.json"' in caplog.text


async def test_what_does_not_fit_into_a_run_is_left_for_the_next(store: Store, storage: str) -> None:
    for number in (1, 2, 3):
        await write(storage, f"{number}.json", [of_cache(number)])
    noon = datetime(2026, 11, 28, 12, tzinfo=UTC)

    assert await letters(store, [noon, noon, noon + timedelta(minutes=4)]).take_up() == 1
    assert await left(store) == ["2.json", "3.json"]


async def test_a_letter_outlives_a_queue_that_cannot_be_written(store: Store, storage: str) -> None:
    await write(storage, "a.json", [of_cache()])
    blocked = Store.open(
        StoreSettings(storage.replace("QueueEndpoint=http://127.0.0.1:", "QueueEndpoint=http://127.0.0.2:1"))
    )
    try:
        with pytest.raises(StoreUnavailableError):
            await letters(blocked).take_up()
    finally:
        await blocked.close()

    assert await left(store) == ["a.json"]


async def test_more_letters_than_a_page_holds_are_all_found(
    store: Store, storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.store.deadletters._PAGE", "2")
    for number in range(5):
        await write(storage, f"{number}.json", [of_cache(number)])

    assert await left(store) == [f"{number}.json" for number in range(5)]
    assert await letters(store).take_up() == 5
    assert await left(store) == []
