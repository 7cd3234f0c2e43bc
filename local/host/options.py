"""What whoever starts a host may choose; everything else is the app's own host.json and settings."""

import asyncio
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """The time that timer triggers follow."""

    def now(self) -> datetime: ...

    async def sleep_until(self, moment: datetime) -> None: ...


class WallClock:
    """Real time, in UTC."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep_until(self, moment: datetime) -> None:
        """Sleeps in short steps, since a laptop may be suspended meanwhile."""
        while (left := (moment - self.now()).total_seconds()) > 0:  # noqa: ASYNC110 — no event tells the time
            await asyncio.sleep(min(left, 30))


def _fresh_key() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class HostKeys:
    """The keys of one host: Azure's default host key, master key and the Event Grid extension's system key."""

    function: str = field(default_factory=_fresh_key, repr=False)
    admin: str = field(default_factory=_fresh_key, repr=False)
    event_grid: str = field(default_factory=_fresh_key, repr=False)


@dataclass(frozen=True, slots=True)
class HostOptions:
    """`port` 0 takes a free one.

    `in_flight_visibility` is for how long a message stays hidden after the worker that took it died: 10 minutes
    on Azure; a living worker extends it at half-time. `longest_poll` caps host.json's maxPollingInterval, as
    Core Tools does on a laptop. `timers` off: on Azure a timer fires in one worker of all, so start the other
    workers without. `http_limit` is Azure's load balancer's. `reimport`: see `worker_library`.
    """

    port: int = 0
    keys: HostKeys = field(default_factory=HostKeys)
    in_flight_visibility: timedelta = timedelta(minutes=10)
    longest_poll: timedelta = timedelta(seconds=2)
    http_limit: timedelta = timedelta(seconds=230)
    timers: bool = True
    clock: Clock = field(default_factory=WallClock)
    reimport: tuple[str, ...] = ()
