"""How queues stand is told of what is due: of messages that nobody takes, and not of those that wait for their time."""

import json
import logging
import re
from datetime import timedelta

import pytest
from azure.storage.queue.aio import QueueClient

from shared import standing
from shared.model import Trigger, WakeUp
from shared.store import Store, StoreSettings
from shared.store.queue import QUEUES, RECONCILE, SWEEP, Message, Standing, SweepPage, encode
from tests.component.store.conftest import SUBSCRIPTION, Calls, cache

HOUR = timedelta(hours=1)
WAKE = WakeUp(cache(), Trigger.EVENT)


async def told(store: Store, caplog: pytest.LogCaptureFixture) -> dict[str, dict[str, str]]:
    """Let the queues be told of; gives the lines by their queue."""
    with caplog.at_level(logging.INFO, "shared.standing"):
        await standing.tell(store.queue)
    lines = [re.fullmatch(r"(.*?) (\{.*\})", each.getMessage()) for each in caplog.records]
    found = [(each[1], json.loads(each[2])) for each in lines if each]
    return {fields["queue"]: {"line": message, **fields} for message, fields in found}


async def aged(store: Store, name: str, least: timedelta) -> Standing:
    """Look at a queue until its oldest message is as old as that."""
    until = await store.now() + least + timedelta(seconds=20)
    while not (found := await store.queue.standing(name)) or found.oldest < least:
        assert await store.now() < until
    return found


async def test_a_message_that_nobody_takes_grows_older(store: Store) -> None:
    await store.queue.put_sweep(SweepPage("s1", SUBSCRIPTION))

    found = await aged(store, SWEEP, timedelta(seconds=1))

    assert found.messages == 1


async def test_messages_that_wait_for_their_time_are_counted_and_are_not_old(store: Store) -> None:
    await store.queue.put(WAKE, HOUR)

    assert await store.queue.standing(RECONCILE) == Standing(messages=1, oldest=timedelta())


async def test_a_message_is_as_old_as_it_has_been_due_and_not_as_it_was_hidden(store: Store, storage: str) -> None:
    await store.queue.ensure()
    async with QueueClient.from_connection_string(storage, RECONCILE) as client:
        # As seen once its hour is over: storage shows it, with the insertion of an hour ago.
        await client.send_message(encode(Message(WAKE, HOUR)))

    found = await store.queue.standing(RECONCILE)

    assert found == Standing(messages=1, oldest=timedelta())


async def test_the_oldest_is_found_behind_younger_ones_and_beside_what_is_no_message_of_ours(
    store: Store, storage: str
) -> None:
    await store.queue.ensure()
    async with QueueClient.from_connection_string(storage, RECONCILE) as client:
        await client.send_message(encode(Message(WAKE, HOUR)))
        await client.send_message("not ours")

    found = await aged(store, RECONCILE, timedelta(seconds=1))

    assert found.messages == 2


async def test_to_look_at_a_queue_takes_nothing_and_costs_two_calls(store: Store, calls: Calls, storage: str) -> None:
    await store.queue.put(WAKE)
    assert calls()

    await store.queue.standing(RECONCILE)

    assert calls() == ["GET", "GET"]
    async with QueueClient.from_connection_string(storage, RECONCILE) as client:
        assert [each.dequeue_count async for each in client.receive_messages()] == [1]


async def test_each_queue_that_is_there_is_told_of_and_no_other(
    store: Store, storage: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with QueueClient.from_connection_string(storage, "sweep-poison") as client:
        await client.create_queue()
        await client.send_message("given up")
    await store.queue.put(WAKE, HOUR)
    await aged(store, "sweep-poison", timedelta(seconds=1))

    lines = await told(store, caplog)

    assert lines[RECONCILE] == {"line": "queue", "queue": RECONCILE, "messages": "1", "oldest": "0.0"}
    assert (lines["sweep-poison"]["line"], lines["sweep-poison"]["messages"]) == ("queue", "1")
    assert float(lines["sweep-poison"]["oldest"]) >= 1
    assert sorted(lines) == [RECONCILE, "sweep-poison"]


async def test_a_queue_that_may_not_be_looked_at_is_named_and_nothing_else_fails(
    storage: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store.open(StoreSettings(re.sub(r"AccountKey=[^;]*", "AccountKey=eA==", storage)))
    try:
        lines = await told(store, caplog)
    finally:
        await store.close()

    assert {name: fields["line"] for name, fields in lines.items()} == dict.fromkeys(QUEUES, "queue not looked at")
    assert all("403" in fields["because"] for fields in lines.values())
