from dataclasses import replace

import pytest

from shared.model import Reason, Trigger, Verdict, VerdictKind, WakeUp
from shared.store import Store
from shared.store.account import InvalidContinuationError
from shared.store.history import HistoryRecord, InvalidHistoryIdError, history_id
from tests.component.store.conftest import NOON, cache

RECORD = HistoryRecord.of(
    cache=cache(),
    revision=1,
    at=NOON,
    pass_id="p1",
    wake=WakeUp(cache(), Trigger.EVENT, operation="Microsoft.Cache/redis/write", caller="zoe@example.org"),
    before=None,
    after=Verdict(VerdictKind.BLOCKED, Reason.SUBNET_FULL, "there is no address left"),
    actions=["make endpoint pe-sessions, as …"],
    announcements=["Drawbridge.Cache.Blocked"],
)


async def test_a_record_is_read_back_by_its_id(store: Store) -> None:
    assert await store.history.insert(RECORD)

    assert await store.history.read(RECORD.id) == RECORD
    assert await store.history.read(history_id(cache(), 2)) is None
    assert await store.history.read(history_id(cache("other"), 1)) is None


async def test_a_record_that_an_earlier_pass_wrote_stays_and_the_next_one_comes_after(store: Store) -> None:
    await store.history.insert(RECORD)
    repeated = replace(RECORD, pass_id="p2", caller="somebody else")

    assert not await store.history.insert(repeated)
    assert await store.history.insert(repeated.later())

    assert await store.history.read(RECORD.id) == RECORD
    assert repeated.later().id == history_id(cache(), 2)


async def test_a_pass_that_writes_its_own_record_twice_is_not_told_of_a_stranger(store: Store) -> None:
    assert await store.history.insert(RECORD)
    assert await store.history.insert(RECORD)


async def test_pages_give_each_record_once_the_newest_first(store: Store) -> None:
    for revision in (1, 2, 9, 10, 11):
        await store.history.insert(replace(RECORD, revision=revision))
    await store.history.insert(replace(RECORD, cache=cache("other")))

    first = await store.history.page(cache(), 3)
    second = await store.history.page(cache(), 3, first.continuation)

    assert [one.revision for one in first.items] == [11, 10, 9]
    assert [one.revision for one in second.items] == [2, 1]
    assert second.continuation == ""


async def test_a_continuation_from_elsewhere_is_refused(store: Store) -> None:
    for text in ("x", "bnVsbA==", "WzEsMl0=", "é"):
        with pytest.raises(InvalidContinuationError):
            await store.history.page(cache(), 3, text)


async def test_texts_of_any_length_fit_in_the_row(store: Store) -> None:
    long = "€" * 70_000
    record = replace(
        RECORD,
        caller=long,
        operation=long,
        before=replace(RECORD.after, message=long),
        after=replace(RECORD.after, message=long),
        actions=(long,) * 200,
    )

    assert await store.history.insert(record)

    stored = await store.history.read(record.id)
    assert stored
    assert stored.after.message.endswith("…")
    assert stored.actions[-1].endswith("more")


@pytest.mark.parametrize("text", ["", "abc", f"{'0' * 32}-0", f"{'0' * 32}-01", f"{'0' * 32}/1", f"{'G' * 32}-1"])
async def test_what_cannot_be_an_id_is_refused(store: Store, text: str) -> None:
    with pytest.raises(InvalidHistoryIdError):
        await store.history.read(text)
