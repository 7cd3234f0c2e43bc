"""The storage account that Event Grid writes to, by signatures that allow no more than its roles would.

Azurite knows no managed identities. What the identity of a system topic may do is signed for one minute instead:
add messages to the queue (Storage Queue Data Message Sender), or write blobs (Storage Blob Data Contributor).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Self
from urllib.parse import quote

from azure.storage.queue import (
    AccountSasPermissions,
    QueueSasPermissions,
    ResourceTypes,
    Services,
    generate_account_sas,
    generate_queue_sas,
)

_VALID = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class StorageAccount:
    """Addresses of its queues and blobs, without a slash at the end, and its key."""

    name: str
    key: str = field(repr=False)
    queues: str
    blobs: str

    @classmethod
    def of(cls, connection_string: str) -> Self:
        """Read a connection string with endpoints, as Azurite's are; raises ValueError naming what it lacks."""
        pairs = (part.partition("=") for part in connection_string.split(";") if part)
        parts = {name.strip(): value.strip() for name, _, value in pairs}
        wanted = ("AccountName", "AccountKey", "QueueEndpoint", "BlobEndpoint")
        if absent := [name for name in wanted if not parts.get(name)]:
            raise ValueError(f"the connection string of the storage account lacks {', '.join(absent)}")
        name, key, queues, blobs = (parts[each] for each in wanted)
        return cls(name, key, queues.rstrip("/"), blobs.rstrip("/"))

    def messages(self, queue: str, seconds: int) -> str:
        """Give the URL that adds a message to a queue, to be kept for so many seconds."""
        may = QueueSasPermissions(add=True)
        signature = generate_queue_sas(self.name, queue, self.key, permission=may, expiry=_soon())
        return f"{self.queues}/{queue}/messages?messagettl={seconds}&{signature}"

    def blob(self, container: str, name: str) -> str:
        """Give the URL that writes a blob."""
        may = AccountSasPermissions(write=True, create=True)
        return f"{self.blobs}/{container}/{quote(name)}?{self._signed(ResourceTypes(object=True), may)}"

    def container(self, name: str) -> str:
        """Give the URL that makes a container."""
        may = AccountSasPermissions(create=True)
        return f"{self.blobs}/{name}?restype=container&{self._signed(ResourceTypes(container=True), may)}"

    def _signed(self, kinds: ResourceTypes, may: AccountSasPermissions) -> str:
        return generate_account_sas(self.name, self.key, kinds, may, _soon(), services=Services(blob=True))


def _soon() -> datetime:
    return datetime.now(UTC) + _VALID
