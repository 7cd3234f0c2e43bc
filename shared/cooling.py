"""Throttling is shared: what Azure has told one call, no other call asks again, in whichever process.

Kept for each subscription and resource provider, where Azure keeps its token buckets.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.store.cooldown import Cooldowns

LEAST = timedelta(seconds=10)
"""ARM refills an empty bucket in 10 s (reads) to 20 s (writes). Whoever comes back after the one second that it asks
for finds a tenth of that, and is turned away again; waiting longer than asked loses nothing that is not refilled."""
_SAME = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Cooling:
    """The ``shared.arm.Cooldown`` that is kept in storage."""

    cooldowns: Callable[[], Cooldowns]
    clock: Callable[[], datetime]
    least: Callable[[], timedelta] = lambda: LEAST

    async def left(self, subscription: str, provider: str) -> timedelta:
        """Say how long calls are to wait; nothing or less means that they need not."""
        until = (await self.cooldowns().until(subscription)).get(provider.lower())
        return until - self.clock() if until else timedelta()

    async def begin(self, subscription: str, provider: str, asked: timedelta | None) -> None:
        """Let calls wait for as long as Azure has asked, and long enough to be worth while."""
        wait = max(asked or timedelta(), self.least())
        if await self.left(subscription, provider) > wait - _SAME:
            # Others of this process were turned away in the same moment, and one of them has said so.
            return
        await self.cooldowns().set(subscription, provider, self.clock() + wait)
