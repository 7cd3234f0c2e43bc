"""The queues: names of caches to look at, and pages of sweeps. Texts are JSON, and strict when read back."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from shared.ids import CacheId, CacheType, InvalidIdError, NetworkId, network_id, subscription_id
from shared.model import Look, Trigger, WakeUp
from shared.store.account import Account, latest_date, note_date
from shared.store.encoding import bounded
from shared.store.errors import StoreUnavailableError, is_missing_container, store_errors

if TYPE_CHECKING:
    from azure.storage.queue import QueueMessage

T = TypeVar("T")

RECONCILE = "reconcile"
SWEEP = "sweep"
QUEUES = (RECONCILE, SWEEP, "events", "reconcile-poison", "sweep-poison", "events-poison")
"""All that the app takes messages from: Event Grid fills ``events``, and the host those of what failed too often."""
VERSION = 1
LONGEST_DELAY = timedelta(days=7)
"""Azure Storage hides a message for no longer."""
_AT_ONCE = 16
_SHOWN_AT_ONCE = 32
"""Azure Storage shows no more messages in one answer."""
_TEXT_LIMIT = 256
_CONTINUATION_LIMIT = 8192
_NEVER_EXPIRES = -1
_NOW = timedelta()


class InvalidMessageError(ValueError):
    """A message that this program did not write; the message names field and value and says what would be right."""


@dataclass(frozen=True, slots=True)
class SweepPage:
    """A message of the queue ``sweep``: one page of one subscription's caches of one type."""

    sweep: str
    """The run it belongs to; "" for a look at one subscription outside of any run."""
    subscription: str
    page: int = 0
    """From 0, over all types: the first type's pages, then the next one's."""
    continuation: str = ""
    """Where the page starts, as the page before it said; "" for the first one of its type."""
    every: bool = False
    """Every cache is queued, not only those that are not as they should be."""
    type: CacheType = CacheType.REDIS


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the queue ``reconcile``, read."""

    wake: WakeUp
    delay: timedelta = _NOW
    first_woken: datetime | None = None

    def woken_at(self, inserted: datetime) -> datetime:
        """Say since when (storage service's clock) a pass must have started to have covered this wake-up.

        That is its insertion; for a wake-up that was put off, the first one's insertion; for a look after
        things have settled, the moment it was to be made, since a pass before that is not what it asks for.
        """
        due = inserted + self.delay if self.wake.trigger is Trigger.SETTLE else inserted
        return self.first_woken or due


@dataclass(frozen=True, slots=True)
class Standing:
    """How a queue stands at one moment, by the storage service's clock."""

    messages: int
    """About how many it holds, with those that are hidden until their time, or while somebody works on them."""
    oldest: timedelta
    """How long the one that has been due longest waits, of those at the queue's head; zero where none is due."""


class _WakeUpText(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    v: int
    cache: str
    trigger: Trigger
    look: Look = Look.QUICK
    operation: str = ""
    caller: str = ""
    own: bool = False
    after: str = ""
    delay: int = 0
    woken: datetime | None = None


@dataclass(frozen=True, slots=True)
class NetworkWake:
    """A message of the queue ``reconcile`` that names a network instead of a cache."""

    network: NetworkId
    caller: str = ""
    """Who asked for it; "" for a look that Drawbridge itself asks for."""


class _NetworkText(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    v: int
    network: str
    caller: str = ""


class _SweepText(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    v: int
    sweep: str
    subscription: str
    page: int = 0
    continuation: str = ""
    every: bool = False
    # Left out for the first type, as by every release that knew one type only: its messages mean what they meant.
    type: CacheType = CacheType.REDIS


def encode(message: Message) -> str:
    """Write a wake-up as the text of a message; ``operation`` and ``caller`` are cut to 256 characters."""
    wake = message.wake
    return _text(
        _WakeUpText(
            v=VERSION,
            cache=str(wake.cache),
            trigger=wake.trigger,
            look=wake.look,
            operation=bounded(wake.operation, _TEXT_LIMIT),
            caller=bounded(wake.caller, _TEXT_LIMIT),
            own=wake.own,
            after=wake.after,
            delay=_seconds(message.delay),
            woken=message.first_woken,
        )
    )


def decode(text: str | bytes) -> Message:
    """Read what ``encode`` wrote; raises InvalidMessageError."""
    read = _read(text, _WakeUpText)
    try:
        cache = CacheId.parse(read.cache)
    except InvalidIdError as error:
        raise InvalidMessageError(f"cache: {error}") from error
    wake = WakeUp(cache, read.trigger, read.look, read.operation, read.caller, read.own, read.after)
    return Message(wake, timedelta(seconds=read.delay), read.woken)


def encode_network(wake: NetworkWake) -> str:
    """Write a wake-up of a network as the text of a message."""
    return _text(_NetworkText(VERSION, str(wake.network), bounded(wake.caller, _TEXT_LIMIT)))


def decode_any(text: str | bytes) -> Message | NetworkWake:
    """Read a message of the queue ``reconcile``, whatever it names; raises InvalidMessageError."""
    if not _names_network(text):
        return decode(text)
    read = _read(text, _NetworkText)
    try:
        return NetworkWake(network_id(read.network), read.caller)
    except InvalidIdError as error:
        raise InvalidMessageError(f"network: {error}") from error


def _names_network(text: str | bytes) -> bool:
    try:
        raw = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return isinstance(raw, dict) and "network" in raw


def encode_sweep(page: SweepPage) -> str:
    """Write a sweep's page as the text of a message; raises InvalidMessageError for one that is too long."""
    if len(page.continuation) > _CONTINUATION_LIMIT:
        raise InvalidMessageError(
            f"continuation has {len(page.continuation)} characters: {_CONTINUATION_LIMIT} at most"
        )
    return _text(
        _SweepText(VERSION, page.sweep, page.subscription, page.page, page.continuation, page.every, page.type),
    )


def decode_sweep(text: str | bytes) -> SweepPage:
    """Read what ``encode_sweep`` wrote; raises InvalidMessageError."""
    read = _read(text, _SweepText)
    try:
        subscription = subscription_id(read.subscription)
    except InvalidIdError as error:
        raise InvalidMessageError(f"subscription: {error}") from error
    return SweepPage(read.sweep, subscription, read.page, read.continuation, read.every, read.type)


class WorkQueue:
    """Puts messages; the Functions host takes them. A queue that is missing is made."""

    def __init__(self, account: Account) -> None:
        self._account = account

    async def ensure(self) -> None:
        """Make the queues that are missing."""
        for name in (RECONCILE, SWEEP):
            async with store_errors(f"making queue {name}"):
                await self._create(name)

    async def put(self, wake: WakeUp, delay: timedelta = _NOW, *, woken_at: datetime | None = None) -> None:
        """Queue one cache, to be seen after ``delay`` (whole seconds, rounded up; 7 days at most).

        ``woken_at`` is given when a wake-up is put off: a pass that covers the first covers this one too.
        """
        await self._send(RECONCILE, encode(Message(wake, _capped(delay), woken_at)), delay)

    async def put_network(self, wake: NetworkWake, delay: timedelta = _NOW) -> None:
        """Queue one network, to be seen after ``delay``."""
        await self._send(RECONCILE, encode_network(wake), delay)

    async def put_all(self, wakes: Iterable[WakeUp], delay: timedelta = _NOW) -> None:
        """Queue many caches, sixteen at a time; raises the first error, and then some may be queued."""
        await _side_by_side(lambda wake: self.put(wake, delay), wakes)

    async def put_sweep(self, page: SweepPage, delay: timedelta = _NOW) -> None:
        """Queue one page of a sweep."""
        await self._send(SWEEP, encode_sweep(page), delay)

    async def put_sweeps(self, pages: Iterable[SweepPage], delay: timedelta = _NOW) -> None:
        """Queue many pages, as ``put_all`` does."""
        await _side_by_side(lambda page: self.put_sweep(page, delay), pages)

    async def put_texts(self, work: Iterable[str], looks: Iterable[str]) -> None:
        """Queue messages that were encoded before: names of caches, and pages of sweeps."""
        await _side_by_side(lambda text: self._send(RECONCILE, text, _NOW), work)
        await _side_by_side(lambda text: self._send(SWEEP, text, _NOW), looks)

    async def standing(self, name: str) -> Standing | None:
        """Look at a queue, and take nothing from it: two calls. None where there is no such queue."""
        from azure.core.exceptions import HttpResponseError

        client, dates = self._account.queue(name), list[datetime]()
        async with store_errors(f"looking at queue {name}"):
            try:
                properties = await client.get_queue_properties()
                shown = await client.peek_messages(_SHOWN_AT_ONCE, raw_response_hook=lambda r: note_date(r, dates))
            except HttpResponseError as error:
                if not is_missing_container(error):
                    raise
                return None
        waits = (latest_date(dates) - _due(name, message) for message in shown)
        return Standing(properties.approximate_message_count or 0, max((_NOW, *waits)))

    async def _send(self, name: str, text: str, delay: timedelta) -> None:
        from azure.core.exceptions import HttpResponseError

        client = self._account.queue(name)
        timing: dict[str, Any] = {"visibility_timeout": _seconds(_capped(delay)), "time_to_live": _NEVER_EXPIRES}
        async with store_errors(f"putting a message on queue {name}"):
            try:
                await client.send_message(text, **timing)
            except HttpResponseError as error:
                if not is_missing_container(error):
                    raise
                await self._create(name)
                await client.send_message(text, **timing)

    async def _create(self, name: str) -> None:
        from azure.core.exceptions import ResourceExistsError

        try:
            await self._account.queue(name).create_queue()
        except ResourceExistsError as error:
            # 204 is storage's way to say that the very same queue is there already; 409 means another thing.
            if error.status_code == 409 and "AlreadyExists" not in str(error):  # noqa: PLR2004
                raise


async def _side_by_side(put: Callable[[T], Awaitable[None]], items: Iterable[T]) -> None:
    """Take the items to storage with bounded parallelism: sixteen lines at one counter."""
    waiting = iter(items)

    async def line() -> None:
        for item in waiting:
            await put(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(line())
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from errors


def _due(name: str, message: QueueMessage) -> datetime:
    """Say since when a message can be taken: it shows its insertion, and only its text how long it was hidden then."""
    inserted = message.inserted_on
    if not isinstance(inserted, datetime):
        raise StoreUnavailableError(f"queue {name} shows a message without its insertion time")
    if name != RECONCILE:
        return inserted
    try:
        read = decode_any(message.content)
    except InvalidMessageError:
        return inserted
    return inserted + read.delay if isinstance(read, Message) else inserted


def _capped(delay: timedelta) -> timedelta:
    return max(_NOW, min(delay, LONGEST_DELAY))


def _seconds(delay: timedelta) -> int:
    return math.ceil(delay.total_seconds())


def _text(value: msgspec.Struct) -> str:
    # ASCII only: a message travels as XML, which cannot hold every character that a caller's name can.
    return json.dumps(msgspec.to_builtins(value), separators=(",", ":"))


def _read(text: str | bytes, wanted: type[T]) -> T:
    try:
        raw = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidMessageError(f"the message {_shown(text)} is not JSON: {error}") from error
    version = raw.get("v") if isinstance(raw, dict) else None
    if version != VERSION or isinstance(version, bool):
        raise InvalidMessageError(f"v is {_shown(version)} in the message {_shown(text)}: it must be {VERSION}")
    try:
        return msgspec.convert(raw, wanted)
    except msgspec.ValidationError as error:
        raise InvalidMessageError(_said(error, raw)) from error


def _said(error: msgspec.ValidationError, raw: dict[str, Any]) -> str:
    """Name field and value: msgspec says the path only, as in "Expected `int`, got `str` - at `$.page`"."""
    what, _, path = str(error).partition(" - at `$.")
    field = path.rstrip("`")
    return f"{field} is {_shown(raw.get(field))}: {what}" if field else f"{what} in the message {_shown(raw)}"


def _shown(value: object) -> str:
    return bounded(repr(value), 200)
