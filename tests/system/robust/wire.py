"""Where a test stands between the SDKs and the network: it sees each request, and can end a pass there.

The hook is azure-core's transport, below every client of the app: storage, Azure Resource Manager, the topic and
the identity service. Requests go out for real; a test that cuts lets the task die as a killed worker does, either
with the request not yet sent or with its answer not yet seen.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit
from xml.sax.saxutils import unescape

import pytest
from azure.core.exceptions import ServiceRequestError
from azure.core.pipeline.transport import AioHttpTransport

from local.azurite import AzuriteEndpoints

_storage: dict[str, To] = {}
"""Host and port of Azurite's services."""
_current: ContextVar[Wire | None] = ContextVar("wire", default=None)
_TEXT = re.compile(r"<MessageText>(.*)</MessageText>", re.DOTALL)
_WRITES = frozenset({"PUT", "PATCH", "DELETE", "POST"})


class To(StrEnum):
    """Whom a request is for."""

    AZURE = "azure"
    TABLES = "tables"
    QUEUES = "queues"
    TOPIC = "topic"
    IDENTITY = "identity"


class Cut(StrEnum):
    """Where the worker dies."""

    BEFORE = "with the request not yet sent"
    AFTER = "with the answer not yet seen"


@dataclass(slots=True)
class Sent:
    """One request; ``status`` is 0 while there is no answer. Times are of the monotonic clock."""

    number: int
    to: To
    method: str
    path: str
    began: float
    ended: float = 0.0
    status: int = 0

    @property
    def writes_azure(self) -> bool:
        return self.to is To.AZURE and self.method in _WRITES

    def __str__(self) -> str:
        return f"call {self.number}: {self.method} {self.to} {self.path[-90:]}"


@dataclass(frozen=True, slots=True)
class Queued:
    """A message that the storage service has taken, and when, by its own clock."""

    queue: str
    text: str
    inserted: datetime


@dataclass(slots=True)
class Wire:
    """What one task and its children send, from ``tapped`` on; identity's requests are not counted."""

    cut: tuple[int, Cut] | None = None
    down: frozenset[To] = frozenset()
    """Whoever is named here cannot be reached, from call ``down_from`` on."""
    down_from: int = 0
    sent: list[Sent] = field(default_factory=list)
    queued: list[Queued] = field(default_factory=list)
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    """The call to be cut is waiting."""

    @contextmanager
    def tapped(self) -> Iterator[Wire]:
        """Let the requests of this task, and of the tasks that it starts, pass here."""
        token = _current.set(self)
        try:
            yield self
        finally:
            _current.reset(token)

    async def carry(self, request: Any, send: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401 - azure-core's own
        """Send one request, unless this is where it ends."""
        split = urlsplit(request.url)
        to = _whom(request.url, _storage)
        if to is To.IDENTITY:
            return await send()
        if self.reached.is_set():
            raise AssertionError(f"a dead worker sends {request.method} {split.path}")
        call = Sent(len(self.sent), to, request.method, split.path, time.monotonic())
        self.sent.append(call)
        await self._die_at(call, Cut.BEFORE)
        if to in self.down and call.number >= self.down_from:
            raise ServiceRequestError(f"{to} cannot be reached")
        response = await send()
        call.status, call.ended = response.status_code, time.monotonic()
        self._note(call, request, response)
        await self._die_at(call, Cut.AFTER)
        return response

    async def _die_at(self, call: Sent, side: Cut) -> None:
        if self.cut == (call.number, side):
            self.reached.set()
            await asyncio.Event().wait()

    def _note(self, call: Sent, request: Any, response: Any) -> None:  # noqa: ANN401
        if call.to is To.QUEUES and call.method == "POST" and response.status_code == 201:
            body = request.data if isinstance(request.data, str) else request.data.decode()
            found = _TEXT.search(body)
            queue = call.path.split("/")[-2]
            inserted = parsedate_to_datetime(response.headers["Date"])
            self.queued.append(Queued(queue, unescape(found[1], {"&quot;": '"'}) if found else "", inserted))


def _whom(url: str, storage: Mapping[str, To]) -> To:
    split = urlsplit(url)
    if known := storage.get(split.netloc):
        return known
    if split.path.startswith("/topics/"):
        return To.TOPIC
    return To.AZURE if split.scheme == "https" else To.IDENTITY


@contextmanager
def installed(storage: AzuriteEndpoints) -> Iterator[None]:
    """Put the hook in, for as long as the block lasts; tasks that no wire is tapped for are let through."""
    _storage.update({urlsplit(storage.queue).netloc: To.QUEUES, urlsplit(storage.table).netloc: To.TABLES})
    send = AioHttpTransport.send

    async def hooked(transport: AioHttpTransport, request: Any, **options: Any) -> Any:  # noqa: ANN401
        wire = _current.get()
        if wire is None:
            return await send(transport, request, **options)
        return await wire.carry(request, lambda: send(transport, request, **options))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AioHttpTransport, "send", hooked)
        yield
