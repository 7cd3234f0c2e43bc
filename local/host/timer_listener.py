"""Timer triggers: NCRONTAB in UTC, never two runs of one timer at once.

Unlike on Azure the schedule's status is not stored: a restart neither knows the last run nor catches up on it.
"""

import json
from datetime import UTC, datetime, timedelta

from local.host.bindings import Function, TimerTrigger
from local.host.invocations import Invocations
from local.host.ncrontab import Schedule
from local.host.options import Clock
from local.host.worker_library import Datum

_LATE = timedelta(minutes=1)
# What Azure says of a timer that has not run yet.
_NEVER = datetime.min.replace(tzinfo=UTC)


class TimerListener:
    """Runs one function when its schedule is due."""

    def __init__(self, function: Function, trigger: TimerTrigger, invocations: Invocations, clock: Clock) -> None:
        """Serve a timer; raises ValueError for a schedule that cannot be read."""
        self._function = function
        self._trigger = trigger
        self._invocations = invocations
        self._clock = clock
        self._schedule = Schedule.parse(trigger.schedule)
        self._last: datetime | None = None

    async def run(self) -> None:
        """Wait and fire until cancelled; a run in progress is not cancelled with it."""
        if self._trigger.run_on_startup:
            await self._fire(past_due=False)
        while True:
            due = self._schedule.next_after(self._clock.now())
            await self._clock.sleep_until(due)
            await self._fire(past_due=self._clock.now() - due > _LATE)

    async def _fire(self, *, past_due: bool) -> None:
        last, self._last = self._last, self._clock.now()
        due = self._schedule.next_after(self._last)
        invocation = self._invocations.begin(
            self._function, {self._trigger.name: timer_datum(last, due, past_due=past_due)}
        )
        await self._invocations.ended(invocation)


def timer_datum(last: datetime | None, following: datetime, *, past_due: bool) -> Datum:
    """Write the JSON that azure.functions.TimerRequest is read from."""
    text = json.dumps(
        {
            "Schedule": {"AdjustForDST": True},
            "ScheduleStatus": {
                "Last": (last or _NEVER).isoformat(),
                "LastUpdated": (last or _NEVER).isoformat(),
                "Next": following.isoformat(),
            },
            "IsPastDue": past_due,
        }
    )
    return Datum(text, "json")
