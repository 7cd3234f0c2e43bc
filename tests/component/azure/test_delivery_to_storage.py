"""Events end on storage queues or among dead letters, as Event Grid writes them, and the app reads both."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from local import deployed
from local.azure.callers import OPERATOR
from local.azure.calls import Json
from local.azure.deadletters import blob_name
from local.azure.emulator import Emulator, EmulatorOptions
from local.azure.events import ResourceEvent
from local.azure.eventsubscriptions import Container, EventSubscription, Filter, Queue, Retry, Schema, Webhook
from local.azure.storageaccount import StorageAccount
from shared.events import concerns, delivered
from shared.store import Store, StoreSettings
from shared.store.deadletters import CONTAINER
from tests.component.azure.fleet import CACHE, SEED, SUBSCRIPTION, cache_id
from tests.component.azure.test_delivery import Webhook as Hook
from tests.component.azure.test_delivery import tag, webhook
from tests.fixtures.letters import write

__all__ = ["webhook"]

HURRIED = 100_000
"""World seconds in a wall second: a day and a half takes little more than one."""
ONCE = Retry(attempts=1)


@pytest.fixture
async def hurried() -> AsyncIterator[Emulator]:
    async with Emulator.start(EmulatorOptions(time_scale=HURRIED, seed=7)) as emulator:
        emulator.world.seed(SEED)
        yield emulator


@pytest.fixture
async def queue(storage: str) -> AsyncIterator[QueueClient]:
    async with QueueClient.from_connection_string(storage, "events") as client:
        await client.create_queue()
        yield client


@pytest.fixture
async def letters(storage: str) -> AsyncIterator[Store]:
    """Give storage with an empty container of dead letters."""
    await write(storage, "made", "")
    store = Store.open(StoreSettings(storage))
    await store.dead_letters.delete("made")
    yield store
    await store.close()


def onto(storage: str, **more: object) -> EventSubscription:
    """Subscribe as is deployed in the closed world, or otherwise."""
    account = StorageAccount.of(storage)
    return replace(deployed.subscribed(deployed.queue(account), "eventgrid", account), **more)  # type: ignore[arg-type]


async def given(queue: QueueClient) -> list[QueueMessage]:
    return [message async for message in queue.receive_messages(messages_per_page=32)]


def away(webhook: Hook) -> Webhook:
    """Give a function that agreed to be delivered to, and is not found any more."""
    webhook.answers = [404] * 40
    return Webhook(webhook.url, function=True)


async def read(letters: Store) -> dict[str, list[Json]]:
    """Read every blob of dead letters, by its name."""
    texts = {name: await letters.dead_letters.read(name) async for name in letters.dead_letters.names()}
    return {name: json.loads(text or b"[]") for name, text in texts.items()}


# ── onto a queue ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("schema", list(Schema))
async def test_a_message_is_one_event_in_base64_kept_for_a_day(
    azure: Emulator, storage: str, queue: QueueClient, schema: Schema
) -> None:
    await azure.delivery.subscribe(onto(storage, schema=schema))
    tag(azure)
    await azure.quiet()

    (message,) = await given(queue)
    (event,) = azure.world.events
    wanted = event.event_grid() if schema is Schema.EVENT_GRID else event.cloud_event()
    assert json.loads(base64.b64decode(message.content)) == wanted
    assert message.expires_on is not None
    assert message.inserted_on is not None
    assert (message.expires_on - message.inserted_on).total_seconds() == round(86400 / azure.options.time_scale)


@pytest.mark.parametrize("schema", list(Schema))
@pytest.mark.parametrize("encoded", [True, False], ids=["base64", "plain"])
async def test_the_app_reads_what_is_on_the_queue(
    azure: Emulator, storage: str, queue: QueueClient, schema: Schema, encoded: bool
) -> None:
    to = replace(deployed.queue(StorageAccount.of(storage)), encoded=encoded)
    await azure.delivery.subscribe(onto(storage, to=to, schema=schema))
    azure.delivery.publish(made_up("<a> & b"))
    await azure.quiet()

    (message,) = await given(queue)
    (found,) = delivered(message.content)
    assert found.id == "event-1"
    assert getattr(concerns(found.event), "wake").cache.name == "cache-a"  # noqa: B009


async def test_an_event_too_large_for_a_queue_is_given_up_at_once(
    azure: Emulator, storage: str, queue: QueueClient, letters: Store
) -> None:
    await azure.delivery.subscribe(onto(storage))
    azure.delivery.publish(made_up("x" * 50_000))
    await azure.quiet()

    assert await given(queue) == []
    ((letter,),) = (await read(letters)).values()
    assert (letter["deliveryAttempts"], letter["lastDeliveryOutcome"]) == (1, "PayloadTooLarge")


def made_up(correlation: str) -> ResourceEvent:
    told = ("Write", "Succeeded", CACHE, "Microsoft.Cache/redis/write", SUBSCRIPTION)
    return ResourceEvent("event-1", 1.8e9, *told, OPERATOR, correlation)


async def test_a_queue_that_is_made_later_gets_what_waits_for_it(azure: Emulator, storage: str) -> None:
    await azure.delivery.subscribe(onto(storage))
    tag(azure)
    await azure.until(lambda _: len(azure.delivery.attempts) > 1)
    async with QueueClient.from_connection_string(storage, "events") as queue:
        await queue.create_queue()
        await azure.quiet()

        assert len(await given(queue)) == 1
    assert {attempt.status for attempt in azure.delivery.attempts} == {404, 201}


# ── what is deployed ────────────────────────────────────────────────────────────────────────────


async def test_the_filter_that_is_deployed_drops_what_concerns_no_cache(
    azure: Emulator, storage: str, queue: QueueClient
) -> None:
    await azure.delivery.subscribe(onto(storage))
    azure.request("PUT", f"/subscriptions/{SUBSCRIPTION}/resourceGroups/new?api-version=2025-04-01", {"location": "x"})
    await azure.quiet()

    assert len(azure.world.events) == 1
    assert (azure.delivery.attempts, await given(queue)) == ([], [])


def test_a_filter_knows_no_case() -> None:
    event = made_up("c")

    assert Filter.of([event.type.upper()], [event.operation.lower()]).takes(event)
    assert not Filter.of([event.type], ["Microsoft.Cache/redis/delete"]).takes(event)
    assert not Filter.of(["Microsoft.Resources.ResourceDeleteSuccess"], [event.operation]).takes(event)


# ── among the dead letters ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("schema", list(Schema))
async def test_a_dead_letter_is_the_event_with_what_became_of_it(
    hurried: Emulator, webhook: Hook, storage: str, letters: Store, reference: Path, schema: Schema
) -> None:
    documented = json.loads((reference / "events" / "dead_letter_examples.json").read_text("utf-8"))
    added = "event_grid_schema_added_fields" if schema is Schema.EVENT_GRID else "cloudevents_added_fields"
    await hurried.delivery.subscribe(onto(storage, to=away(webhook), schema=schema, retry=ONCE))
    tag(hurried)
    await hurried.quiet()

    ((letter,),) = (await read(letters)).values()
    (event,) = hurried.world.events
    plain = event.event_grid() if schema is Schema.EVENT_GRID else event.cloud_event()
    assert {key: letter[key] for key in plain} == plain
    assert letter.keys() - plain.keys() == set(documented[added])
    (found,) = delivered(json.dumps([letter]))
    assert (found.id, getattr(concerns(found.event), "wake").cache.name) == (event.id, "cache-a")  # noqa: B009


async def test_an_event_is_given_up_when_an_attempt_is_due_after_a_day(
    hurried: Emulator, webhook: Hook, storage: str, letters: Store
) -> None:
    await hurried.delivery.subscribe(onto(storage, to=away(webhook)))
    tag(hurried)
    began = hurried.world.now
    await hurried.quiet()

    ((letter,),) = (await read(letters)).values()
    assert letter["deadLetterReason"] == "TimeToLiveExceeded"
    # Eleven fit into a day; fewer where this machine is busy.
    assert 1 < letter["deliveryAttempts"] <= 11
    assert hurried.world.now - began > 24 * 3600


@pytest.mark.parametrize(
    ("answers", "function", "retry", "told"),
    [
        ([400], False, Retry(), ("UndeliverableDueToHttpBadRequest", 1, "BadRequest")),
        ([403], True, Retry(), ("UndeliverableDueToHttpForbidden", 1, "Forbidden")),
        ([401], False, Retry(), ("UndeliverableDueToHttpUnauthorized", 1, "Unauthorized")),
        ([500, 503], False, Retry(attempts=2), ("MaxDeliveryAttemptsExceeded", 2, "Busy")),
        ([404, 404], True, Retry(minutes=1), ("TimeToLiveExceeded", 1, "NotFound")),
        ([401, 200], True, Retry(), None),
    ],
    ids=["bad", "stopped", "webhook's key", "attempts", "age", "function's key"],
)
async def test_what_is_given_up_and_why(
    hurried: Emulator,
    webhook: Hook,
    storage: str,
    letters: Store,
    answers: list[int],
    function: bool,
    retry: Retry,
    told: tuple[str, int, str] | None,
) -> None:
    webhook.answers = list(answers)
    await hurried.delivery.subscribe(onto(storage, to=Webhook(webhook.url, function), retry=retry))
    tag(hurried)
    await hurried.quiet()

    found = [letter for blob in (await read(letters)).values() for letter in blob]
    fields = ("deadLetterReason", "deliveryAttempts", "lastDeliveryOutcome")
    assert [tuple(letter[name] for name in fields) for letter in found] == ([told] if told else [])
    assert hurried.delivery.dropped == []


async def test_events_given_up_within_five_minutes_share_a_blob(
    hurried: Emulator, webhook: Hook, storage: str, letters: Store
) -> None:
    await hurried.delivery.subscribe(onto(storage, to=away(webhook), retry=ONCE))
    tag(hurried, "cache-a")
    tag(hurried, "cache-b")
    await hurried.quiet()

    ((first, second),) = (await read(letters)).values()
    assert {first["subject"], second["subject"]} == {CACHE, cache_id("cache-b")}


async def test_dead_letters_that_cannot_be_written_for_four_hours_are_dropped(
    hurried: Emulator, webhook: Hook, storage: str
) -> None:
    await hurried.delivery.subscribe(onto(storage, to=away(webhook), retry=ONCE))
    tag(hurried)
    await hurried.quiet()

    assert hurried.delivery.dropped == hurried.world.events


async def test_dead_letters_wait_for_a_container_that_is_made_later(
    azure: Emulator, webhook: Hook, storage: str
) -> None:
    await azure.delivery.subscribe(onto(storage, to=away(webhook), retry=ONCE))
    tag(azure)
    began = azure.world.now
    # They could not be written after five minutes, and are tried again after ten.
    await azure.until(lambda world: world.now - began > 450)
    await write(storage, "made", "[]")
    await azure.quiet()

    store = Store.open(StoreSettings(storage))
    found = await read(store)
    await store.close()
    assert sorted(len(blob) for blob in found.values()) == [0, 1]
    assert azure.delivery.dropped == []


def test_a_blob_is_named_in_capitals_and_without_zeros_in_front() -> None:
    name = blob_name("my-events", datetime(2026, 3, 4, 5, 6, tzinfo=UTC).timestamp())

    assert re.fullmatch(r"MY-EVENTS/2026/3/4/5/[0-9a-f-]{36}\.json", name)


# ── changed on the way ──────────────────────────────────────────────────────────────────────────


async def test_an_event_on_its_way_goes_where_the_subscription_leads_by_then(
    azure: Emulator, webhook: Hook, storage: str, queue: QueueClient
) -> None:
    await azure.delivery.subscribe(onto(storage, to=away(webhook)))
    tag(azure)
    await azure.until(lambda _: bool(azure.delivery.attempts))
    await azure.delivery.subscribe(onto(storage))
    await azure.quiet()

    assert len(await given(queue)) == 1


async def test_the_outside_hand_subscribes_a_queue(azure: Emulator, storage: str, queue: QueueClient) -> None:
    body = {
        "queue": {"storage": storage, "name": "events", "plain": True},
        "schema": "cloudevents",
        "filter": {"eventTypes": ["Microsoft.Resources.ResourceWriteSuccess"], "operations": []},
        "retry": {"attempts": 3, "minutes": 10},
        "deadLetters": {"storage": storage, "container": CONTAINER},
    }
    async with azure.trusting_session() as session:
        async with session.post(f"{azure.arm_url}/_emulator/destinations", json=body) as answer:
            shown = await answer.json()
        async with session.post(f"{azure.arm_url}/_emulator/destinations", json={"qeue": {}}) as refused:
            problem = await refused.text()
    tag(azure)
    await azure.quiet()

    account = StorageAccount.of(storage)
    (subscription,) = azure.delivery.subscriptions.values()
    assert shown["to"] == f"{account.queues}/events"
    assert (subscription.retry, subscription.dead_letters) == (Retry(3, 10), Container(account, CONTAINER))
    assert subscription.to == Queue(account, "events", encoded=False)
    assert account.key not in json.dumps(shown)
    assert json.loads((await given(queue))[0].content)["specversion"] == "1.0"
    assert "qeue" in problem
