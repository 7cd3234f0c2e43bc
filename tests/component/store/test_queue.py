import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient
from hypothesis import given
from hypothesis import strategies as st

from shared.ids import CacheType
from shared.model import Look, Trigger, WakeUp
from shared.store import Store
from shared.store.queue import (
    InvalidMessageError,
    Message,
    SweepPage,
    decode,
    decode_sweep,
    encode,
    encode_sweep,
)
from tests.component.store.conftest import NOON, SUBSCRIPTION, cache

WAKE = WakeUp(cache(), Trigger.EVENT, Look.FULL, "Microsoft.Cache/redis/write", "Zoë <zoe@example.org> & co", own=True)
PAGE = SweepPage("2026-11-24T12", SUBSCRIPTION, 3, "$skiptoken=abc", every=True)


@pytest.fixture
async def reconcile(storage: str) -> AsyncIterator[QueueClient]:
    async with QueueClient.from_connection_string(storage, "reconcile") as client:
        yield client


async def received(client: QueueClient) -> list[QueueMessage]:
    return [message async for message in client.receive_messages(messages_per_page=32)]


async def test_a_wake_up_comes_out_of_the_queue_as_it_went_in(store: Store, reconcile: QueueClient) -> None:
    await store.queue.put(WAKE)

    (message,) = await received(reconcile)

    assert decode(message.content).wake == WAKE
    assert json.loads(message.content)["cache"] == str(WAKE.cache)


async def test_a_delayed_wake_up_is_hidden_until_its_time_and_says_how_long_it_was(
    store: Store, reconcile: QueueClient, storage: str
) -> None:
    await store.queue.put(WakeUp(cache(), Trigger.SETTLE), timedelta(seconds=1.2))
    asked = await store.now()
    assert await received(reconcile) == []

    while not (messages := await received(reconcile)):
        assert await store.now() < asked + timedelta(seconds=20)

    assert decode(messages[0].content).delay == timedelta(seconds=2)
    assert storage


async def test_a_delay_of_more_than_seven_days_is_cut_to_seven(store: Store, storage: str) -> None:
    async with QueueClient.from_connection_string(storage, "reconcile") as client:
        await store.queue.put(WAKE, timedelta(days=400))
        await store.queue.put(WAKE, timedelta(days=-1))
        seen = await received(client)
        properties = await client.get_queue_properties()

    assert len(seen) == 1
    assert properties.approximate_message_count == 2


async def test_many_are_queued_and_none_is_lost(store: Store, reconcile: QueueClient) -> None:
    wakes = [WakeUp(cache(f"c{n}"), Trigger.SWEEP) for n in range(50)]

    await store.queue.put_all(wakes)

    found = [decode(m.content).wake for m in [*await received(reconcile)]]
    assert sorted(wake.cache.name for wake in found) == sorted(wake.cache.name for wake in wakes)


async def test_a_page_of_a_sweep_comes_out_of_its_own_queue(store: Store, storage: str) -> None:
    await store.queue.put_sweep(PAGE)
    await store.queue.put_sweeps([PAGE])

    async with QueueClient.from_connection_string(storage, "sweep") as client:
        assert [decode_sweep(message.content) for message in await received(client)] == [PAGE, PAGE]


@given(caller=st.text(max_size=300), operation=st.text(max_size=300))
def test_whatever_a_caller_is_called_the_message_is_ascii_and_can_be_read(caller: str, operation: str) -> None:
    text = encode(Message(WakeUp(cache(), Trigger.EVENT, operation=operation, caller=caller)))

    assert text.isascii()
    assert len(decode(text).wake.caller) <= 256


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        pytest.param({"v": 2}, r"v is 2 .* must be 1", id="another version"),
        pytest.param({"v": None}, r"v is None .* must be 1", id="no version"),
        pytest.param({"v": True}, r"v is True .* must be 1", id="a version that is not a number"),
        pytest.param({"cache": "/subscriptions/x"}, r"cache: '/subscriptions/x' is not a cache's id", id="no cache"),
        pytest.param({"trigger": "whim"}, r"trigger is 'whim'", id="an unknown trigger"),
        pytest.param({"look": 7}, r"look is 7", id="a field of another type"),
        pytest.param({"colour": "red"}, r"unknown field `colour`", id="an unknown field"),
    ],
)
def test_a_message_that_is_not_ours_is_refused_and_says_why(change: dict[str, object], complaint: str) -> None:
    text = json.dumps({**json.loads(encode(Message(WAKE))), **change})

    with pytest.raises(InvalidMessageError, match=complaint):
        decode(text)


@pytest.mark.parametrize("text", ["", "cache", "[]", "null", '"x"', b"\xff"])
def test_what_is_no_message_at_all_is_refused(text: str | bytes) -> None:
    with pytest.raises(InvalidMessageError):
        decode(text)
    with pytest.raises(InvalidMessageError):
        decode_sweep(text)


@pytest.mark.parametrize("type_", CacheType)
def test_a_page_of_a_sweep_says_which_type_of_cache_it_lists(type_: CacheType) -> None:
    page = replace(PAGE, type=type_)

    assert decode_sweep(encode_sweep(page)) == page


def test_a_page_that_names_no_type_is_one_of_classic_caches() -> None:
    text = json.dumps({"v": 1, "sweep": "s", "subscription": SUBSCRIPTION, "page": 3, "continuation": "c"})

    assert decode_sweep(text) == SweepPage("s", SUBSCRIPTION, 3, "c", type=CacheType.REDIS)


def test_a_page_of_an_unknown_type_is_refused() -> None:
    text = json.dumps({"v": 1, "sweep": "s", "subscription": SUBSCRIPTION, "type": "Microsoft.Cache/other"})

    with pytest.raises(InvalidMessageError, match=r"type is 'Microsoft\.Cache/other'"):
        decode_sweep(text)


def test_a_sweep_of_something_that_is_no_subscription_is_refused() -> None:
    with pytest.raises(InvalidMessageError, match="subscription: 'x' is not"):
        decode_sweep(encode_sweep(SweepPage("s", "x")))


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        pytest.param(Message(WAKE), NOON, id="an event: when it was queued"),
        pytest.param(
            Message(WakeUp(cache(), Trigger.AGAIN), timedelta(seconds=60)),
            NOON,
            id="another look: a pass since it was queued has made its own",
        ),
        pytest.param(
            Message(WakeUp(cache(), Trigger.SETTLE), timedelta(seconds=60)),
            NOON + timedelta(seconds=60),
            id="a settled look: a pass before its time is no substitute",
        ),
        pytest.param(
            Message(WAKE, timedelta(seconds=2), datetime(2026, 11, 24, 11, tzinfo=UTC)),
            datetime(2026, 11, 24, 11, tzinfo=UTC),
            id="put off: when the first was queued",
        ),
    ],
)
def test_which_passes_cover_a_wake_up(message: Message, expected: datetime) -> None:
    assert decode(encode(message)).woken_at(NOON) == expected


def test_messages_are_plain_text_as_host_json_says() -> None:
    host = Path(__file__).parents[3] / "host.json"
    if not host.exists():
        pytest.skip("there is no host.json yet")

    assert json.loads(host.read_text())["extensions"]["queues"]["messageEncoding"] == "none"
