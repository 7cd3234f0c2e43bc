"""Which caches the API was asked to make: part of what cannot be derived, so nothing is overwritten blindly."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from shared.ids import CacheId
from shared.model import Creation, NewCache
from shared.store.account import Account, Query, Row, Table
from shared.store.encoding import (
    SEPARATOR,
    Key,
    bounded,
    cache_key,
    cache_of_key,
    from_json,
    to_json,
)
from shared.store.errors import ConflictError

if TYPE_CHECKING:
    from datetime import datetime

_KIND = "creation"
_NAME_LIMIT = 256


@dataclass(frozen=True, slots=True)
class CreationRequest:
    """A caller's wish for a cache."""

    cache: CacheId
    creation: Creation
    withdrawn: bool = False
    etag: str = field(default="", compare=False)
    """Names this state of the request; changes with every write."""


class Creations:
    """Rows of the table ``requests``: partition = subscription, key = the cache's key and ``creation``.

    A cache has one such row at most. What it is to be made with is one JSON property, as later versions may add to it.
    """

    def __init__(self, account: Account) -> None:
        self.table = Table(account, "requests")

    async def get(self, cache: CacheId) -> CreationRequest | None:
        """Read the request for a cache, withdrawn or not."""
        read = await self.table.get(_key(cache))
        return _decoded(read.row) if read.row else None

    async def put(self, request: CreationRequest, etag: str = "") -> CreationRequest:
        """Store a request: a new one, or in the place of one that is still in the state of ``etag``.

        Raises ConflictError where somebody else was faster.
        """
        key, row = _key(request.cache), _encoded(request)
        written = await (self.table.replace(key, row, etag) if etag else self.table.insert(key, row))
        return replace(request, etag=written.etag)

    async def fulfil(self, cache: CacheId) -> None:
        """Note that the cache has been there, finished; a request that is renewed just now is left to its pass."""
        there = await self.get(cache)
        if there is None or there.withdrawn or there.creation.fulfilled:
            return
        try:
            await self.put(replace(there, creation=replace(there.creation, fulfilled=True)), there.etag)
        except ConflictError:
            return

    async def withdraw(self, request: CreationRequest, by: str, at: datetime) -> CreationRequest:
        """Mark a request as withdrawn, provided that it is still as it was read; raises ConflictError."""
        withdrawn = replace(request, withdrawn=True, creation=replace(request.creation, by=by, at=at))
        return await self.put(withdrawn, request.etag)

    async def open_in(self, subscription: str) -> list[CreationRequest]:
        """Read the requests for caches of a subscription that are neither withdrawn nor fulfilled."""
        query = Query("PartitionKey eq @partition and fulfilled eq false", {"partition": subscription})
        found = [request async for row in self.table.rows(query) if (request := creation_of(row))]
        return [request for request in found if not request.withdrawn]


def _key(cache: CacheId) -> Key:
    partition, row = cache_key(cache)
    return Key(partition, SEPARATOR.join((row, _KIND)))


def creation_of(row: Row) -> CreationRequest | None:
    """Read a row of the table ``requests``; None where it asks for something else than the cache itself."""
    return _decoded(row) if row.key.row.endswith(f"{SEPARATOR}{_KIND}") else None


def _encoded(request: CreationRequest) -> dict[str, object]:
    creation = request.creation
    return {
        "settings": to_json(creation.settings),
        "requested_by": bounded(creation.by, _NAME_LIMIT),
        "requested_at": creation.at,
        "fulfilled": creation.fulfilled,
        "withdrawn": request.withdrawn,
    }


def _decoded(row: Row) -> CreationRequest:
    values = row.values
    settings = from_json(values["settings"], NewCache)
    creation = Creation(settings, values["requested_by"], values["requested_at"], values["fulfilled"])
    return CreationRequest(cache_of_key(row.key), creation, values["withdrawn"], row.etag)
