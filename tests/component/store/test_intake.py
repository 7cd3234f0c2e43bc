"""That events of a subscription come is noted, whatever they tell and however they come, and nothing waits for it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Coroutine
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.events import Event, delivered
from shared.intake import Intake, Messages
from shared.letters import Letters
from shared.policy import Policy
from shared.policy_text import load
from shared.store import Store, StoreSettings
from shared.store.queue import decode
from shared.store.subscriptions import Heard
from tests.component.store.conftest import NOON, OTHER_SUBSCRIPTION, SUBSCRIPTION, Calls, Monotonic, cache
from tests.fixtures.letters import dead, write

EVERYTHING = load('scope: {subscriptions: ["*"]}')
HOME = f"/subscriptions/{SUBSCRIPTION}"
TOPIC = f"{HOME}/resourceGroups/rg-drawbridge-events/providers/Microsoft.EventGrid/systemTopics/drawbridge"
WRITTEN = "Microsoft.Resources.ResourceWriteSuccess"
CACHE_WRITTEN = Event(WRITTEN, HOME, str(cache()), {"operationName": "Microsoft.Cache/redis/write"})
TOPIC_TAGGED = Event(WRITTEN, HOME, TOPIC, {"operationName": "Microsoft.Resources/tags/write"})
HEARD = {SUBSCRIPTION: Heard(None, NOON)}


def intake(store: Store, policy: Policy = EVERYTHING) -> Intake:
    return Intake(store, policy, "", lambda: NOON)


def raw(event: Event) -> dict[str, Any]:
    """Write an event as the Event Grid schema has it."""
    return {"id": "e-1", "topic": event.source, "subject": event.subject, "eventType": event.type, "data": event.data}


def at_once(work: Coroutine[None, None, Messages]) -> Messages:
    """Give what work comes to that waits for nothing: it ends before anything else has its turn."""
    with pytest.raises(StopIteration) as ended:
        work.send(None)
    messages: Messages = ended.value.value
    return messages


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(CACHE_WRITTEN, id="of a cache"),
        pytest.param(TOPIC_TAGGED, id="of bringing the subscription in"),
        pytest.param(replace(CACHE_WRITTEN, type="Microsoft.Resources.ResourceWriteFailure"), id="of a failure"),
        pytest.param(replace(CACHE_WRITTEN, data={"operationName": "Microsoft.Web/sites/write"}), id="of anything"),
    ],
)
async def test_an_event_is_noted_whatever_it_tells(store: Store, event: Event) -> None:
    at = intake(store)
    await at.take(event, "e-1")
    await at.noted()

    assert await store.subscriptions.heard() == HEARD


async def test_events_off_the_queue_are_noted(store: Store) -> None:
    at = intake(store)
    await at.take_all(delivered(json.dumps([raw(TOPIC_TAGGED), raw(CACHE_WRITTEN)])))
    await at.noted()

    assert await store.subscriptions.heard() == HEARD


async def test_dead_letters_are_noted_before_their_timer_ends(store: Store, storage: str) -> None:
    await write(storage, "a.json", [dead(TOPIC, operation="Microsoft.Resources/tags/write")])
    await Letters(store, intake(store), lambda: NOON).take_up()

    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert await store.subscriptions.heard() == HEARD


@pytest.mark.parametrize(
    ("policy", "event"),
    [
        pytest.param(f"subscriptions: [{OTHER_SUBSCRIPTION}]", CACHE_WRITTEN, id="not in scope"),
        pytest.param(f'subscriptions: ["*"], excludeSubscriptions: [{SUBSCRIPTION}]', CACHE_WRITTEN, id="excluded"),
        pytest.param('subscriptions: ["*"]', replace(CACHE_WRITTEN, source="/subscriptions/mine"), id="no GUID"),
        pytest.param('subscriptions: ["*"]', Event(None, None, None, None), id="nothing"),
    ],
)
async def test_what_is_out_of_scope_or_no_event_leaves_no_trace(
    store: Store, policy: str, event: Event, calls: Calls
) -> None:
    at = intake(store, load(f"scope: {{{policy}}}"))
    await at.take(event, "e-1")
    await at.noted()

    assert calls() == []


async def test_a_subscription_is_noted_though_the_groups_of_its_events_are_out_of_scope(store: Store) -> None:
    at = intake(store, load('scope: {subscriptions: ["*"], excludeResourceGroups: ["rg-drawbridge-*", "shop"]}'))
    for event in (TOPIC_TAGGED, CACHE_WRITTEN):
        assert (await at.take(event, "e-1")).work == []
    await at.noted()

    assert await store.subscriptions.heard() == HEARD


async def test_an_event_costs_no_storage_call_but_for_one_an_hour(
    store: Store, monotonic: Monotonic, calls: Calls
) -> None:
    await store.subscriptions.table.ensure()
    at = intake(store)

    async def cost_of_two() -> list[str]:
        calls()
        for _ in range(2):
            await at.take(CACHE_WRITTEN, "e-1")
        await at.noted()
        return calls()

    assert await cost_of_two() == ["PATCH"]
    assert await cost_of_two() == []
    monotonic.now += timedelta(hours=1).total_seconds()
    assert await cost_of_two() == ["PATCH"]


async def test_an_event_does_its_work_at_once_where_it_cannot_be_noted_and_the_next_one_tries_again(
    store: Store, storage: str, caplog: pytest.LogCaptureFixture
) -> None:
    parts = storage.split(";")
    nowhere = ";".join("TableEndpoint=http://127.0.0.1:9/account0001" if p.startswith("TableE") else p for p in parts)
    away = Store.open(StoreSettings(nowhere))
    at = intake(away)
    try:
        for _ in range(2):
            caplog.clear()
            (message,) = at_once(at.take(CACHE_WRITTEN, "e-1")).work
            assert decode(message).wake.cache == cache()
            with caplog.at_level(logging.WARNING):
                await at.noted()
            assert f'event not noted {{"subscription": "{SUBSCRIPTION}", "because": ' in caplog.text
    finally:
        await away.close()

    assert await store.subscriptions.heard() == {}
