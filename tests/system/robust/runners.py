"""Workers in this process: each takes messages from the real queue, and runs passes as the Functions host would."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from shared.ids import CacheId
from shared.reconcile import HOLD, Reconciler
from shared.store.queue import RECONCILE, decode
from tests.system.robust.town import Town
from tests.system.robust.wire import Sent, To, Wire

_BATCH = 8
_HIDDEN = 30
"""Seconds: longer than any pass here takes."""


@dataclass(slots=True)
class Ran:
    """One message that was worked on, with what was sent meanwhile; times are of the monotonic clock."""

    worker: int
    cache: CacheId
    began: float
    wire: Wire
    ended: float = 0.0

    @property
    def azure(self) -> list[Sent]:
        return [call for call in self.wire.sent if call.to is To.AZURE]


@dataclass(slots=True)
class Runners:
    """Several workers on one queue, until the block ends."""

    town: Town
    workers: list[Reconciler]
    ran: list[Ran] = field(default_factory=list)
    running: int = 0

    async def put(self, *texts: str) -> None:
        """Put messages as the host's output binding does, sixteen at a time."""
        async with self._queue() as queue:
            waiting = iter(texts)

            async def line() -> None:
                for text in waiting:
                    await queue.send_message(text)

            await asyncio.gather(*(line() for _ in range(16)))

    async def at_rest(self, seconds: float = 60) -> None:
        """Wait until no message is left, not even a hidden one, and nobody works."""
        async with self._queue() as queue, asyncio.timeout(seconds):
            while self.running or (await queue.get_queue_properties()).approximate_message_count:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def handled(self, count: int, seconds: float = 30) -> None:
        """Wait until so many messages have been worked on since the start."""
        async with asyncio.timeout(seconds):
            while len(self.ran) < count:  # noqa: ASYNC110 - the workers are busy enough without telling
                await asyncio.sleep(0.01)

    def of(self, cache: CacheId) -> list[Ran]:
        """Give the messages about a cache that Azure was asked anything for, in order."""
        return sorted((one for one in self.ran if one.cache == cache and one.azure), key=lambda one: one.began)

    async def _listen(self, number: int) -> None:
        async with self._queue() as queue, asyncio.TaskGroup() as taken:
            while True:
                messages = [m async for m in queue.receive_messages(max_messages=_BATCH, visibility_timeout=_HIDDEN)]
                for message in messages:
                    taken.create_task(self._handle(number, queue, message))
                if not messages:
                    await asyncio.sleep(0.02)

    async def _handle(self, number: int, queue: QueueClient, message: QueueMessage) -> None:
        self.running += 1
        read = decode(message.content)
        one = Ran(number, read.wake.cache, time.monotonic(), Wire())
        try:
            with one.wire.tapped():
                await self.workers[number].run(read.wake, read.woken_at(_inserted(message)))
            one.ended = time.monotonic()
            self.ran.append(one)
            await queue.delete_message(message)
        finally:
            self.running -= 1

    def _queue(self) -> QueueClient:
        return QueueClient.from_connection_string(self.town.connection, RECONCILE)


def _inserted(message: QueueMessage) -> datetime:
    if message.inserted_on is None:
        raise TypeError("storage says when a message was inserted")
    return message.inserted_on


@asynccontextmanager
async def runners(town: Town, count: int) -> AsyncIterator[Runners]:
    """Let so many workers work; an exception in one of them ends the block."""
    crew = Runners(town, [town.hire(HOLD) for _ in range(count)])
    async with asyncio.TaskGroup() as group:
        listening = [group.create_task(crew._listen(number)) for number in range(count)]
        yield crew
        for task in listening:
            task.cancel()
