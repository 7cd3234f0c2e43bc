"""Storage queues as the host reaches them: one client for each queue, host.json's encoding on the way in and out."""

import asyncio
import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from typing import Any

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.queue.aio import QueueClient

from local.host.bindings import QueueOutput
from local.host.host_json import MessageEncoding
from local.host.worker_library import Datum

# Give up within seconds: a listener asks again anyway, and Event Grid waits 30 s at most for its answer.
_RETRIES: Mapping[str, Any] = {"retry_total": 2, "initial_backoff": 1, "increment_base": 1, "random_jitter_range": 0}


class UndecodableMessageError(ValueError):
    """A message's text is not what host.json's messageEncoding says."""


class QueueStorage:
    """The queues that triggers listen to and outputs write to."""

    def __init__(self, settings: Mapping[str, str], encoding: MessageEncoding) -> None:
        self._settings = settings
        self._encoding = encoding
        self._clients: dict[tuple[str, str], QueueClient] = {}
        self._written: dict[tuple[str, str], asyncio.Event] = {}

    def client(self, connection: str, queue: str) -> QueueClient:
        """Reach one queue; raises ValueError naming the setting when there is no connection string."""
        key = (connection, queue)
        if key not in self._clients:
            text = connection_string(self._settings, connection)
            self._clients[key] = QueueClient.from_connection_string(text, queue, **_RETRIES)
        return self._clients[key]

    def written(self, connection: str, queue: str) -> asyncio.Event:
        """Set when an output of this host wrote to the queue, so that its listener need not wait for a poll."""
        return self._written.setdefault((connection, queue), asyncio.Event())

    async def write(self, output: QueueOutput, value: Datum) -> None:
        """One message for each item; a queue that is missing is made, as Azure's binding does."""
        client = self.client(output.connection, output.queue)
        for text in _messages(value):
            await _send(client, self._encoded(text))
        self.written(output.connection, output.queue).set()

    async def copy_to_poison(self, connection: str, queue: str, raw: str) -> None:
        await _send(self.client(connection, f"{queue}-poison"), raw)

    def decoded(self, raw: str) -> str | bytes:
        """Undo host.json's encoding; bytes where it is not text. Raises UndecodableMessageError."""
        if self._encoding is MessageEncoding.NONE:
            return raw
        try:
            data = base64.b64decode(raw, validate=True)
        except (binascii.Error, ValueError) as error:
            raise UndecodableMessageError("the message is not base64, as messageEncoding says it is") from error
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            return data

    def _encoded(self, text: str) -> str:
        if self._encoding is MessageEncoding.NONE:
            return text
        return base64.b64encode(text.encode("utf-8")).decode("ascii")

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()


def connection_string(settings: Mapping[str, str], connection: str) -> str:
    """Find the connection that a binding names: `AzureWebJobs<name>` comes before `<name>`, as on Azure."""
    name = connection or "AzureWebJobsStorage"
    for candidate in (f"AzureWebJobs{name}", name):
        if settings.get(candidate):
            return settings[candidate]
    raise ValueError(f"setting {name} holds no connection string: on a laptop give it Azurite's")


async def create_if_missing(client: QueueClient) -> None:
    try:
        await client.create_queue()
    except ResourceExistsError:
        return


async def _send(client: QueueClient, text: str) -> None:
    try:
        await client.send_message(text)
    except ResourceNotFoundError:
        await create_if_missing(client)
        await client.send_message(text)


def _messages(value: Datum) -> Iterable[str]:
    if value.type == "string":
        return [str(value.value)]
    if value.type == "bytes":
        return [bytes(value.value).decode("utf-8")]
    items = json.loads(value.value)
    return [_text(item) for item in (items if isinstance(items, list) else [items])]


def _text(item: object) -> str:
    """Read an item of a list: a text, or a QueueMessage, which arrives as its id and body."""
    if isinstance(item, dict):
        return str(item["body"])
    return str(item)
