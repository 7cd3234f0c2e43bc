"""Where the storage account is, read from the very settings that the Functions host uses."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

CONNECTION = "AzureWebJobsStorage"
_PREFIX = re.compile(r"(?:[a-z][a-z0-9]{0,19})?")
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")


class InvalidSettingsError(ValueError):
    """A setting is missing or wrong; the message names it and says what would be right."""


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Either a connection string, or the two addresses for use with an identity."""

    connection_string: str | None = field(default=None, repr=False)
    """Holds the account's key, so it is never shown."""
    queue_url: str | None = None
    table_url: str | None = None
    blob_url: str | None = None
    """Where dead letters are; without it there are none."""
    client_id: str | None = None
    """The user-assigned identity to use, where the settings name one."""
    prefix: str = ""
    """In front of every table's and queue's name, for several deployments in one account."""

    def __post_init__(self) -> None:
        """Refuse settings that cannot work."""
        if not self.connection_string and not (self.queue_url and self.table_url):
            message = "a storage account needs a connection string, or both queue_url and table_url"
            raise InvalidSettingsError(message)
        if not _PREFIX.fullmatch(self.prefix):
            message = f"prefix is {self.prefix!r}: it must be empty or up to 20 lower-case letters and digits"
            raise InvalidSettingsError(message)

    @property
    def blob_address(self) -> str | None:
        """Where blobs are, without a slash at the end."""
        parts = self._parts
        if not parts:
            return self.blob_url
        default = "{DefaultEndpointsProtocol}://{AccountName}.blob.{EndpointSuffix}"
        fallback = {"DefaultEndpointsProtocol": "https", "AccountName": "", "EndpointSuffix": "core.windows.net"}
        return (parts.get("BlobEndpoint") or default.format_map(fallback | parts)).rstrip("/")

    @property
    def shared_key(self) -> tuple[str, str] | None:
        """Account and key out of a connection string."""
        parts = self._parts
        return (parts.get("AccountName", ""), parts.get("AccountKey", "")) if parts else None

    @property
    def _parts(self) -> dict[str, str]:
        pairs = (part.partition("=") for part in (self.connection_string or "").split(";") if part)
        return {name.strip(): value for name, _, value in pairs}

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> Self:
        """Read ``AzureWebJobsStorage`` in any of the three forms that the Functions host knows.

        These are a connection string; ``__queueServiceUri`` with ``__tableServiceUri``; and ``__accountName``,
        which stands for the addresses in the public cloud.
        """
        if connection := env.get(CONNECTION):
            return cls(connection_string=connection)
        queue, table = _address(env, "queue"), _address(env, "table")
        for service, address in (("queue", queue), ("table", table)):
            if not address:
                raise InvalidSettingsError(_missing(service))
        blob = _address(env, "blob")
        return cls(
            queue_url=queue, table_url=table, blob_url=blob, client_id=env.get(f"{CONNECTION}__clientId") or None
        )


def _address(env: Mapping[str, str], service: str) -> str | None:
    if given := env.get(f"{CONNECTION}__{service}ServiceUri"):
        return given.rstrip("/")
    name = env.get(f"{CONNECTION}__accountName")
    if not name:
        return None
    if not _ACCOUNT.fullmatch(name):
        message = f"{CONNECTION}__accountName is {name!r}: it must be 3–24 lower-case letters and digits"
        raise InvalidSettingsError(message)
    return f"https://{name}.{service}.core.windows.net"


def _missing(service: str) -> str:
    return (
        f"{CONNECTION}__{service}ServiceUri is not set: set {CONNECTION} to a connection string, or "
        f"{CONNECTION}__accountName, or both {CONNECTION}__queueServiceUri and {CONNECTION}__tableServiceUri"
    )
