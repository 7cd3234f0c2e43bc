"""Queue triggers: batches, visibility and poison as version 5 of the storage extension handles them.

Source: azure-sdk-for-net, Microsoft.Azure.WebJobs.Extensions.Storage.Queues (QueueListener, QueueProcessor). One
difference: a trigger's queue that is missing is made, where Azure waits for somebody to make it.
"""

import asyncio
import json
import logging
import random
from datetime import datetime

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from local.host.bindings import Function, QueueTrigger
from local.host.host_json import QueueSettings
from local.host.invocations import Invocations
from local.host.options import HostOptions
from local.host.queue_storage import QueueStorage, UndecodableMessageError, create_if_missing
from local.host.worker_library import Datum

_log = logging.getLogger("local.host")
_SHORTEST_POLL = 0.1


class QueueListener:
    """Takes messages of one queue and runs one function with each."""

    def __init__(
        self,
        function: Function,
        trigger: QueueTrigger,
        invocations: Invocations,
        storage: QueueStorage,
    ) -> None:
        self._function = function
        self._trigger = trigger
        self._invocations = invocations
        self._storage = storage
        self._client = storage.client(trigger.connection, trigger.queue)
        self._wake = storage.written(trigger.connection, trigger.queue)
        self._in_flight: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._receiving = False

    @property
    def in_flight(self) -> int:
        return len(self._in_flight)

    @property
    def busy(self) -> bool:
        """Whether it handles a message, or asks for some: an answer on its way may hold one that is hidden already."""
        return self._receiving or bool(self._in_flight)

    async def has_visible_messages(self) -> bool:
        try:
            return bool(await self._client.peek_messages(max_messages=1))
        except ResourceNotFoundError:
            return False

    async def prepare(self) -> None:
        await create_if_missing(self._client)

    async def run(self, queues: QueueSettings, options: HostOptions) -> None:
        """Listen until `stop`."""
        poll = _Backoff(min(queues.max_polling_interval, options.longest_poll).total_seconds())
        while not self._stopping:
            self._receiving = True
            batch = await self._receive(queues, options)
            for message in batch:
                self._take(_Message(message, self._client, self._function), queues, options)
            self._receiving = False
            await self._room(queues.new_batch_threshold)
            await self._pause(poll.after(found=bool(batch)))
        while self._in_flight:
            await asyncio.wait(self._in_flight)

    def stop(self) -> None:
        """Take nothing more: `run` ends once what was taken is settled."""
        self._stopping = True
        self._wake.set()

    async def kill(self) -> None:
        for task in self._in_flight:
            task.cancel()
        if self._in_flight:
            await asyncio.wait(self._in_flight)

    async def _receive(self, queues: QueueSettings, options: HostOptions) -> list[QueueMessage]:
        pages = self._client.receive_messages(
            messages_per_page=queues.batch_size,
            max_messages=queues.batch_size,
            visibility_timeout=max(1, int(options.in_flight_visibility.total_seconds())),
        ).by_page()
        try:
            async for page in pages:
                return [message async for message in page]
        except ResourceNotFoundError:
            await self.prepare()
        except AzureError as error:
            _log.warning("Queue not readable", extra={"queue": self._trigger.queue, "error": repr(error)})
        return []

    def _take(self, message: "_Message", queues: QueueSettings, options: HostOptions) -> None:
        task = asyncio.create_task(self._handle(message, queues, options))
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)

    async def _room(self, threshold: int) -> None:
        """Another batch is fetched once no more than newBatchThreshold messages are being handled."""
        while len(self._in_flight) > threshold:
            await asyncio.wait(self._in_flight, return_when=asyncio.FIRST_COMPLETED)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    async def _handle(self, message: "_Message", queues: QueueSettings, options: HostOptions) -> None:
        try:
            await self._handle_or_raise(message, queues, options)
        except AzureError as error:
            # Somebody else holds the message by now, or storage is away: it becomes visible again by itself.
            _log.warning("Message not settled", extra={"queue": self._trigger.queue, "error": repr(error)})

    async def _handle_or_raise(self, message: "_Message", queues: QueueSettings, options: HostOptions) -> None:
        if message.dequeue_count > queues.max_dequeue_count:
            return await self._poison(message)
        try:
            body = self._storage.decoded(message.raw)
        except UndecodableMessageError as error:
            _log.warning("Message not decodable", extra={"queue": self._trigger.queue, "error": str(error)})
            return await self._poison(message)
        if await self._invoke(message, body, options):
            return await message.delete()
        if message.dequeue_count >= queues.max_dequeue_count:
            return await self._poison(message)
        if self._has_poison_queue:
            await message.hide(int(queues.visibility_timeout.total_seconds()))
        return None

    async def _invoke(self, message: "_Message", body: str | bytes, options: HostOptions) -> bool:
        visibility = max(1, int(options.in_flight_visibility.total_seconds()))
        keeping = asyncio.create_task(message.keep_hidden(visibility))
        invocation = self._invocations.begin(
            self._function, {self._trigger.name: body_datum(body)}, message_metadata(message.received, body)
        )
        try:
            return (await invocation).ok
        finally:
            keeping.cancel()
            await asyncio.wait([keeping])

    async def _poison(self, message: "_Message") -> None:
        """Move the message aside; one of a poison queue stays, hidden for as long as it was taken for."""
        if not self._has_poison_queue:
            return
        await self._storage.copy_to_poison(self._trigger.connection, self._trigger.queue, message.raw)
        _log.error("Message moved to the poison queue", extra={"queue": self._trigger.queue})
        await message.delete()

    @property
    def _has_poison_queue(self) -> bool:
        return not self._trigger.queue.endswith("-poison")


class _Message:
    """A message that this worker holds, with the pop receipt that is valid now."""

    def __init__(self, message: QueueMessage, client: QueueClient, function: Function) -> None:
        self.received = message
        self._client = client
        self._function = function
        self._pop_receipt = message.pop_receipt
        # A renewal under way when the function ends must finish first: it changes the pop receipt.
        self._settling = asyncio.Lock()

    @property
    def raw(self) -> str:
        return str(self.received.content)

    @property
    def dequeue_count(self) -> int:
        return self.received.dequeue_count or 0

    async def delete(self) -> None:
        async with self._settling:
            await self._client.delete_message(self.received.id, self._pop_receipt)

    async def hide(self, seconds: int) -> None:
        async with self._settling:
            hidden = await self._client.update_message(
                self.received.id, self._pop_receipt, content=self.received.content, visibility_timeout=seconds
            )
            self._pop_receipt = hidden.pop_receipt

    async def keep_hidden(self, seconds: int) -> None:
        """Extend at half-time, again and again, until cancelled."""
        while True:
            await asyncio.sleep(seconds / 2)
            try:
                # Cut off half-way, a renewal would leave a pop receipt that is no longer valid.
                await asyncio.shield(self.hide(seconds))
            except AzureError as error:
                _log.warning("Message not kept hidden", extra={"function": self._function.name, "error": repr(error)})


class _Backoff:
    """Randomised and exponential, from 0.1 s up to a ceiling; a message found starts it afresh."""

    def __init__(self, longest: float) -> None:
        self._longest = max(longest, _SHORTEST_POLL)
        self._current = _SHORTEST_POLL

    def after(self, *, found: bool) -> float:
        if found:
            self._current = _SHORTEST_POLL
            return 0
        pause = self._current
        self._current = min(self._longest, self._current * random.uniform(1.2, 1.8))
        return pause


def body_datum(body: str | bytes) -> Datum:
    return Datum(body, "string" if isinstance(body, str) else "bytes")


def message_metadata(message: QueueMessage, body: str | bytes) -> dict[str, Datum]:
    """Write trigger metadata in the forms that Azure's host sends: whatever is not text goes as JSON."""
    return {
        "Id": Datum(message.id, "string"),
        "DequeueCount": Datum(str(message.dequeue_count), "json"),
        "InsertionTime": _json(message.inserted_on),
        "ExpirationTime": _json(message.expires_on),
        "NextVisibleTime": _json(message.next_visible_on),
        "PopReceipt": Datum(message.pop_receipt, "string"),
        "QueueTrigger": body_datum(body),
    }


def _json(moment: datetime | None) -> Datum:
    return Datum(json.dumps(moment.isoformat() if moment else None), "json")
