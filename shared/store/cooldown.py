"""Until when Azure is left alone, and how many caches were closed in an hour: both shared by all workers."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from shared.store.account import Account, Query, Table
from shared.store.encoding import Key, joined
from shared.store.errors import ConflictError, StoreUnavailableError

_BELIEVED_FOR = 5.0
"""Seconds that one process believes what it read."""
_ATTEMPTS = 100


class Cooldowns:
    """The table ``cooldown``: partition = subscription, key = resource provider in lower case."""

    def __init__(self, account: Account, monotonic: Callable[[], float]) -> None:
        self.table = Table(account, "cooldown")
        self._monotonic = monotonic
        self._known: dict[str, tuple[float, Mapping[str, datetime]]] = {}

    async def until(self, subscription: str) -> Mapping[str, datetime]:
        """Give provider → not before, past ones included; one call at most every five seconds."""
        read_at, known = self._known.get(subscription, (float("-inf"), {}))
        if self._monotonic() - read_at < _BELIEVED_FOR:
            return known
        rows = {row.key.row: row.values["until"] async for row in self.table.rows(Query.partition(subscription))}
        return self._believe(subscription, rows)

    async def set(self, subscription: str, provider: str, until: datetime) -> datetime:
        """Ask everybody to wait, and give the time that now holds: a later one that was there already stays.

        This process knows it before storage does: whoever is about to call waits at once.
        """
        key = Key(subscription, joined(provider.lower()))
        self._note(key, until)
        for attempt in range(_ATTEMPTS):
            try:
                stands = await self._extend(key, until)
            except ConflictError:
                await _step_aside(attempt)
                continue
            self._note(key, stands)
            return stands
        raise StoreUnavailableError(f"the cooldown of {subscription} changes faster than it can be written")

    async def _extend(self, key: Key, until: datetime) -> datetime:
        row = (await self.table.get(key)).row
        if row is None:
            await self.table.insert(key, {"until": until})
        elif row.values["until"] >= until:
            stands: datetime = row.values["until"]
            return stands
        else:
            await self.table.replace(key, {"until": until}, row.etag)
        return until

    def _note(self, key: Key, until: datetime) -> None:
        _, known = self._known.get(key.partition, (0.0, {}))
        self._believe(key.partition, {**known, key.row: max(until, known.get(key.row, until))})

    def _believe(self, subscription: str, known: Mapping[str, datetime]) -> Mapping[str, datetime]:
        frozen = MappingProxyType(dict(known))
        self._known[subscription] = (self._monotonic(), frozen)
        return frozen


class Closures:
    """The table ``closures``: one row per subscription that counts the tickets of one hour."""

    def __init__(self, account: Account) -> None:
        self.table = Table(account, "closures")

    async def take(self, subscription: str, limit: int, now: datetime) -> bool:
        """Take one of ``limit`` tickets for the hour that ``now`` is in; never more are given, whoever asks.

        A clock that is behind takes from the latest hour that anybody has asked for.
        """
        key = Key(subscription, "hour")
        asked = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        for attempt in range(_ATTEMPTS):
            try:
                return await self._take(key, limit, asked)
            except ConflictError:
                await _step_aside(attempt)
        raise StoreUnavailableError(f"the closures of {subscription} change faster than they can be counted")

    async def _take(self, key: Key, limit: int, asked: datetime) -> bool:
        row = (await self.table.get(key)).row
        hour = max(asked, row.values["hour"]) if row else asked
        taken = int(row.values["taken"]) if row and row.values["hour"] == hour else 0
        if taken >= limit:
            return False
        counted = {"hour": hour, "taken": taken + 1}
        if row is None:
            await self.table.insert(key, counted)
        else:
            await self.table.replace(key, counted, row.etag)
        return True


async def _step_aside(attempt: int) -> None:
    """Let the others go first, for a random while: those who collided once must not do so in step again."""
    await asyncio.sleep(random.uniform(0, 0.02 * min(attempt + 1, 10)))  # noqa: S311 - no secret
