from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from local.host import FunctionsHost, HostOptions
from local.host.ncrontab import Schedule
from tests.component.host.world import HandClock, World, eventually

MORNING = datetime(2026, 11, 23, 2, 59, tzinfo=UTC)


async def test_a_timer_fires_when_its_schedule_is_due_and_not_before(app_dir: Path, world: World) -> None:
    clock = HandClock(MORNING)
    async with FunctionsHost.start(app_dir, world.settings, HostOptions(clock=clock)) as host:
        await clock.move_to(MORNING + timedelta(seconds=59))
        assert world.seen("tick") == []

        await clock.move_to(MORNING + timedelta(seconds=60))
        await eventually(lambda: len(world.seen("tick")) == 1)
        await eventually(lambda: len(host.invocations) == 1)
        await clock.move_to(MORNING + timedelta(days=1, seconds=60))
        await eventually(lambda: len(world.seen("tick")) == 2)

    first, second = world.seen("tick")
    assert first["past_due"] is False
    assert first["status"]["Next"] == "2026-11-24T03:00:00+00:00"
    assert second["status"]["Last"] == "2026-11-23T03:00:00+00:00"


async def test_a_timer_woken_late_says_so(app_dir: Path, world: World) -> None:
    clock = HandClock(MORNING)
    async with FunctionsHost.start(app_dir, world.settings, HostOptions(clock=clock)):
        await clock.move_to(MORNING + timedelta(hours=5))
        await eventually(lambda: len(world.seen("tick")) == 1)

    assert world.seen("tick")[0]["past_due"] is True


async def test_a_worker_without_timers_fires_none(app_dir: Path, world: World) -> None:
    clock = HandClock(MORNING)
    async with FunctionsHost.start(app_dir, world.settings, HostOptions(clock=clock, timers=False)) as host:
        await clock.move_to(MORNING + timedelta(hours=5))
        await host.idle(5)

    assert world.seen("tick") == []


async def test_a_schedule_that_cannot_be_read_stops_the_start(app_dir: Path, world: World) -> None:
    with pytest.raises(ValueError, match="schedule 'often'"):
        async with FunctionsHost.start(app_dir, {**world.settings, "SCHEDULE": "often"}):
            pass


@pytest.mark.parametrize(
    ("schedule", "after", "due"),
    [
        ("0 */5 * * * *", "2026-11-23T10:00:00", "2026-11-23T10:05:00"),
        ("*/5 * * * *", "2026-11-23T10:02:00", "2026-11-23T10:05:00"),
        ("*/15 * * * * *", "2026-11-23T10:00:01.5", "2026-11-23T10:00:15"),
        ("0 30 9 * * 1-5", "2026-11-27T09:30:00", "2026-11-30T09:30:00"),
        ("0 30 9 * * Mon-Fri", "2026-11-27T09:30:00", "2026-11-30T09:30:00"),
        ("0 0 0 1 Jan *", "2026-11-23T10:00:00", "2027-01-01T00:00:00"),
        ("0 0 0 29 2 *", "2026-11-23T10:00:00", "2028-02-29T00:00:00"),
        ("0 0 0 13 * 5", "2026-11-23T10:00:00", "2027-08-13T00:00:00"),
        ("59 59 23 31 12 *", "2026-12-31T23:59:59", "2027-12-31T23:59:59"),
        ("0 10/20 * * * *", "2026-11-23T10:00:00", "2026-11-23T10:10:00"),
        ("0 0 1,13 * * *", "2026-11-23T10:00:00", "2026-11-23T13:00:00"),
    ],
)
def test_a_schedule_is_due_next(schedule: str, after: str, due: str) -> None:
    moment = datetime.fromisoformat(after).replace(tzinfo=UTC)

    assert Schedule.parse(schedule).next_after(moment) == datetime.fromisoformat(due).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "complaint"),
    [
        ("* * *", "six fields"),
        ("0 60 * * * *", "minute: '60' is not within 0-59"),
        ("0 0 0 * * 7", "day-of-week: '7' is not within 0-6"),
        ("0 5-1 * * * *", "minute: '5-1' is not a range or a step"),
        ("*/0 * * * * *", "second: '\\*/0' is not a range or a step"),
    ],
)
def test_a_wrong_schedule_names_field_and_value(schedule: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Schedule.parse(schedule)


def test_a_day_that_never_comes_is_refused() -> None:
    with pytest.raises(ValueError, match="never due"):
        Schedule.parse("0 0 0 30 2 *").next_after(MORNING)
