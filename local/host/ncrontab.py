"""Schedules as timer triggers write them: NCRONTAB, six fields with seconds first, in UTC.

`{second} {minute} {hour} {day} {month} {day-of-week}`; five fields leave the seconds out. Unlike in Unix cron, a
date must suit both day fields (NCrontab's rule, used by Azure Functions).
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS_WITH_SECONDS = 6
_FIELDS_WITHOUT_SECONDS = 5
# A leap day on a given weekday comes back after at most 40 years (around a century's missing leap year).
_HORIZON_DAYS = 40 * 366


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def values(self, text: str) -> frozenset[int]:
        return frozenset(value for part in text.split(",") for value in self._part(part))

    def _part(self, part: str) -> range:
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        if span == "*":
            low, high = self.low, self.high
        else:
            low = self._number(first)
            high = self._number(last) if dash else (self.high if slash else low)
        if low > high or (slash and not (step.isdecimal() and int(step))):
            raise ValueError(f"{self.name}: {part!r} is not a range or a step")
        return range(low, high + 1, int(step) if slash else 1)

    def _number(self, text: str) -> int:
        if text.lower()[:3] in self.names:
            return self.names.index(text.lower()[:3]) + self.low
        if not text.isdecimal() or not self.low <= int(text) <= self.high:
            raise ValueError(f"{self.name}: {text!r} is not within {self.low}-{self.high}")
        return int(text)


_FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day-of-week", 0, 6, _DAYS),
)


@dataclass(frozen=True, slots=True)
class Schedule:
    """The instants at which a timer is due."""

    text: str
    fields: tuple[frozenset[int], ...]

    @classmethod
    def parse(cls, text: str) -> "Schedule":
        """Read a schedule; raises ValueError that names the field and the value."""
        parts = text.split()
        if len(parts) == _FIELDS_WITHOUT_SECONDS:
            parts.insert(0, "0")
        if len(parts) != _FIELDS_WITH_SECONDS:
            raise ValueError(
                f"schedule {text!r}: write six fields (second minute hour day month day-of-week) or five (no second)"
            )
        try:
            return cls(text, tuple(field.values(part) for field, part in zip(_FIELDS, parts, strict=True)))
        except ValueError as error:
            raise ValueError(f"schedule {text!r}: {error}") from error

    def next_after(self, moment: datetime) -> datetime:
        """Find the first due instant later than `moment`; raises ValueError when there is none (30 February)."""
        start = moment.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
        for offset in range(_HORIZON_DAYS):
            day = start + timedelta(days=offset)
            if self._suits(day) and (found := self._first_on(day, start)):
                return found
        raise ValueError(f"schedule {self.text!r} is never due")

    def _suits(self, day: datetime) -> bool:
        _, _, _, days, months, weekdays = self.fields
        return day.month in months and day.day in days and day.isoweekday() % 7 in weekdays

    def _first_on(self, day: datetime, start: datetime) -> datetime | None:
        seconds, minutes, hours, *_ = self.fields
        earliest = start if day.date() == start.date() else day.replace(hour=0, minute=0, second=0)
        for hour in sorted(value for value in hours if value >= earliest.hour):
            for minute in sorted(minutes):
                for second in sorted(seconds):
                    found = day.replace(hour=hour, minute=minute, second=second)
                    if found >= earliest:
                        return found
        return None
