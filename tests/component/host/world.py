"""What tests of the host look at: the sample app's own record, and the queues themselves."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from azure.storage.queue.aio import QueueClient

HOST_JSON: Mapping[str, Any] = {
    "version": "2.0",
    "extensions": {"queues": {"maxDequeueCount": 2, "messageEncoding": "none", "visibilityTimeout": "00:00:00"}},
}


def write_app(directory: Path, source: str, host_json: Mapping[str, Any] = HOST_JSON) -> Path:
    directory.mkdir(exist_ok=True)
    (directory / "function_app.py").write_text(source)
    (directory / "host.json").write_text(json.dumps(host_json))
    return directory


class World:
    """One test's settings, storage account and record of what the sample app saw."""

    def __init__(self, directory: Path, storage: str) -> None:
        self._seen = directory / "seen.jsonl"
        self._gate = directory / "gate"
        self._storage = storage
        self.settings = {
            "SEEN": str(self._seen),
            "GATE": str(self._gate),
            "WORK_QUEUE": "work",
            "SCHEDULE": "0 0 3 * * *",
            "WorkStorage": storage,
        }

    def seen(self, function: str) -> list[dict[str, Any]]:
        lines = self._seen.read_text().splitlines() if self._seen.exists() else []
        return [line for line in map(json.loads, lines) if line["function"] == function]

    def open_gate(self) -> None:
        self._gate.touch()

    async def put(self, text: str, queue: str = "work") -> None:
        async with self._queue(queue) as client:
            await client.send_message(text)

    async def messages(self, queue: str) -> list[str]:
        """Look at the visible messages, without taking them."""
        async with self._queue(queue) as client:
            return [message.content for message in await client.peek_messages(max_messages=32)]

    async def depth(self, queue: str) -> int:
        """Count all messages, hidden ones too."""
        async with self._queue(queue) as client:
            return (await client.get_queue_properties()).approximate_message_count or 0

    def _queue(self, name: str) -> QueueClient:
        return QueueClient.from_connection_string(self._storage, name)


class HandClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._moved = asyncio.Condition()

    def now(self) -> datetime:
        return self._now

    async def sleep_until(self, moment: datetime) -> None:
        async with self._moved:
            await self._moved.wait_for(lambda: self._now >= moment)

    async def move_to(self, moment: datetime) -> None:
        async with self._moved:
            self._now = moment.astimezone(UTC)
            self._moved.notify_all()


async def eventually(condition: Callable[[], bool | Awaitable[bool]], limit: float = 15) -> None:
    """Wait until the condition holds; raises TimeoutError when it does not."""
    async with asyncio.timeout(limit):
        while True:
            holds = condition()
            if holds if isinstance(holds, bool) else await holds:
                return
            await asyncio.sleep(0.02)


def base64_text(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
