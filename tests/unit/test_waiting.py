"""Holding answers: one read for all who wait for the same thing, and nobody spoils it for the others."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from shared.waiting import Waiting


@dataclass
class Thing:
    """Something that is looked at, and how often it was."""

    value: str = "coming"
    reads: int = 0
    failure: Exception | None = None
    last: asyncio.Event = field(default_factory=asyncio.Event)

    async def read_times(self, wanted: int) -> None:
        """Wait until it has been read so often."""
        while self.reads < wanted:
            self.last.clear()
            await self.last.wait()

    async def read(self) -> str:
        self.reads += 1
        self.last.set()
        if self.failure:
            raise self.failure
        return self.value


async def wait_for(waiting: Waiting, thing: Thing, seconds: float = 30, name: str = "thing") -> str:
    return await waiting.until(name, thing.read, str.upper, lambda found: found == "HERE", seconds)


def running() -> set[asyncio.Task[object]]:
    return {task for task in asyncio.all_tasks() if task.get_name().startswith("watching")}


async def test_what_is_final_is_answered_at_once() -> None:
    thing = Thing("here")

    assert await wait_for(Waiting(), thing) == "HERE"
    assert thing.reads == 1
    assert running() == set()


async def test_who_does_not_wait_is_told_what_there_is() -> None:
    thing = Thing()

    assert await wait_for(Waiting(), thing, 0) == "COMING"
    assert thing.reads == 1


async def test_many_who_wait_for_one_thing_make_one_read_at_a_time_together() -> None:
    waiting, thing = Waiting(0.01, 0.02), Thing()
    everybody = [asyncio.create_task(wait_for(waiting, thing)) for _ in range(200)]
    await thing.read_times(200)
    await thing.read_times(205)
    thing.value = "here"

    assert await asyncio.gather(*everybody) == ["HERE"] * 200
    assert thing.reads <= 200 + 5 + 2
    assert running() == set()


async def test_things_do_not_wait_for_one_another() -> None:
    waiting, one, other = Waiting(0.01, 0.01), Thing(), Thing()
    first = asyncio.create_task(wait_for(waiting, one, name="one"))
    second = asyncio.create_task(wait_for(waiting, other, name="other"))
    one.value = "here"

    assert await first == "HERE"
    assert not second.done()
    other.value = "here"
    assert await second == "HERE"


async def test_pauses_grow() -> None:
    waiting, thing = Waiting(0.01, 0.05), Thing()

    assert await wait_for(waiting, thing, 0.3) == "COMING"
    assert thing.reads < 12


async def test_when_the_time_is_up_the_last_is_told_and_nothing_goes_on() -> None:
    waiting, thing = Waiting(0.01, 0.01), Thing()

    assert await wait_for(waiting, thing, 0.05) == "COMING"
    await asyncio.sleep(0)
    assert running() == set()


async def test_one_who_gives_up_takes_nothing_away_from_the_others() -> None:
    waiting, thing = Waiting(0.01, 0.01), Thing()
    gone, stays = [asyncio.create_task(wait_for(waiting, thing)) for _ in range(2)]
    await thing.read_times(3)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    thing.value = "here"

    assert await stays == "HERE"
    assert running() == set()


async def test_when_all_give_up_nothing_goes_on() -> None:
    waiting, thing = Waiting(0.01, 0.01), Thing()
    all_of_them = [asyncio.create_task(wait_for(waiting, thing)) for _ in range(3)]
    await thing.read_times(5)
    for each in all_of_them:
        each.cancel()
    await asyncio.gather(*all_of_them, return_exceptions=True)
    await asyncio.sleep(0)

    assert running() == set()
    assert not waiting._watches


async def test_a_failing_read_is_told_to_all_and_the_next_who_waits_begins_anew() -> None:
    waiting, thing = Waiting(0.01, 0.01), Thing()
    all_of_them = [asyncio.create_task(wait_for(waiting, thing)) for _ in range(3)]
    await thing.read_times(4)
    thing.failure = LookupError("gone")

    assert {str(each) for each in await asyncio.gather(*all_of_them, return_exceptions=True)} == {"gone"}
    thing.failure = None
    again = asyncio.create_task(wait_for(waiting, thing))
    await asyncio.sleep(0.02)
    thing.value = "here"
    assert await again == "HERE"
