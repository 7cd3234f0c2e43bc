"""What the API was asked for: it cannot be derived from anything, so nothing here is overwritten blindly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from shared.ids import CacheId
from shared.model import Subject
from shared.policy import Request
from shared.store.account import Account, Query, Row, Table
from shared.store.encoding import (
    SEPARATOR,
    Key,
    bounded,
    cache_key,
    cache_of_key,
    from_json,
    joined,
    keys_below,
    to_json,
)
from shared.store.errors import ConflictError

_NAME_LIMIT = 256
_KIND_AT = 3
"""Where a key says what is asked for: after the cache's group, type and name."""


@dataclass(frozen=True, slots=True)
class StoredRequest:
    """A caller's wish for a cache: an endpoint in one placement, or what else ``subject`` says."""

    cache: CacheId
    placement: str
    """"" unless it is about an endpoint."""
    requested_by: str
    requested_at: datetime
    withdrawn: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    subject: Subject = Subject.ENDPOINT
    etag: str = field(default="", compare=False)
    """Names this state of the request; changes with every write."""

    @property
    def wish(self) -> Request:
        """The request as decisions see it."""
        by, at = self.requested_by, self.requested_at
        return Request(self.placement, at, by, self.subject, self.withdrawn, self.options)

    def asks_the_same(self, other: StoredRequest) -> bool:
        """Tell whether two requests differ in nothing but who asked, and when."""
        return (self.withdrawn, dict(self.options)) == (other.withdrawn, dict(other.options))


class Requests:
    """The table ``requests``: partition = subscription, key = the cache's key, subject, placement."""

    def __init__(self, account: Account) -> None:
        self.table = Table(account, "requests")

    async def put(self, request: StoredRequest, etag: str | None = None) -> StoredRequest:
        """Store a request and give it as stored.

        Without an ETag it is created; where one is there that asks the same, that one stays and is given; and
        one that asks something else is replaced, provided that nobody changes it meanwhile. ``"*"`` demands that
        one is there, any other ETag that it is still in that state. Raises ConflictError otherwise.
        """
        if etag is None:
            return await self._create(request)
        if etag == "*":
            return await self._replace(request, (await self._present(request)).etag)
        return await self._replace(request, etag)

    async def add(self, request: StoredRequest) -> StoredRequest:
        """Store a request where there is none yet, and give it as stored; raises ConflictError where there is one."""
        try:
            written = await self.table.insert(_key(request), _encoded(request))
        except ConflictError:
            # A write whose answer was lost is repeated by the SDK, and then stumbles over itself.
            there = await self._again(request)
            if there is None or there != request:
                raise
            return there
        return replace(request, etag=written.etag)

    async def _create(self, request: StoredRequest) -> StoredRequest:
        try:
            written = await self.table.insert(_key(request), _encoded(request))
        except ConflictError:
            there = await self._present(request)
            return there if there.asks_the_same(request) else await self._replace(request, there.etag)
        return replace(request, etag=written.etag)

    async def _replace(self, request: StoredRequest, etag: str) -> StoredRequest:
        try:
            written = await self.table.replace(_key(request), _encoded(request), etag)
        except ConflictError:
            # A write whose answer was lost is repeated by the SDK, and then stumbles over itself.
            there = await self._again(request)
            if there is None or there != request:
                raise
            return there
        return replace(request, etag=written.etag)

    async def _again(self, request: StoredRequest) -> StoredRequest | None:
        return await self.get(request.cache, request.placement, request.subject)

    async def _present(self, request: StoredRequest) -> StoredRequest:
        there = await self._again(request)
        if there is None:
            raise ConflictError(f"no {request.subject} of {request.cache} {request.placement!r} has been requested")
        return there

    async def get(
        self, cache: CacheId, placement: str = "", subject: Subject = Subject.ENDPOINT
    ) -> StoredRequest | None:
        """Read one request, withdrawn or not."""
        read = await self.table.get(_key_of(cache, placement, subject))
        return _decoded(cache, read.row) if read.row else None

    async def of_cache(self, cache: CacheId) -> list[StoredRequest]:
        """Read all requests for a cache, the withdrawn ones too: one range of keys."""
        return [found for row in await self.rows_of(cache) if (found := request_of(cache, row))]

    async def rows_of(self, cache: CacheId) -> list[Row]:
        """Read whatever the table holds of a cache, what is read elsewhere included."""
        key = cache_key(cache)
        query = Query.within(keys_below(key.partition, *key.row.split(SEPARATOR)))
        return [row async for row in self.table.rows(query)]

    async def of_subscription(self, subscription: str) -> list[StoredRequest]:
        """Read all requests for the caches of a subscription, the withdrawn ones too."""
        rows = self.table.rows(Query.partition(subscription))
        return [_decoded(_cache_of(row), row) async for row in rows if _is_known(row)]

    async def withdraw(
        self, request: StoredRequest, by: str, at: datetime, options: Mapping[str, str] | None = None
    ) -> StoredRequest:
        """Mark a request as withdrawn, provided that it is still as it was read; raises ConflictError."""
        given = request.options if options is None else options
        withdrawn = replace(request, withdrawn=True, requested_by=by, requested_at=at, options=given)
        return await self._replace(withdrawn, request.etag)

    async def remove(self, request: StoredRequest) -> None:
        """Delete a withdrawn request once nothing is left to do for it; raises ConflictError."""
        await self.table.delete(_key(request), request.etag)


def _key(request: StoredRequest) -> Key:
    return _key_of(request.cache, request.placement, request.subject)


def _key_of(cache: CacheId, placement: str, subject: Subject) -> Key:
    partition, row = cache_key(cache)
    return Key(partition, SEPARATOR.join((row, subject.value, joined(placement))))


def request_of(cache: CacheId, row: Row) -> StoredRequest | None:
    """Read a row of the table ``requests``; None where it is none of these requests."""
    return _decoded(cache, row) if _is_known(row) else None


def _is_known(row: Row) -> bool:
    """Tell what is read here from other kinds of request in the same table, also those of a newer version."""
    return row.key.row.split(SEPARATOR)[_KIND_AT] in set(Subject)


def _cache_of(row: Row) -> CacheId:
    return cache_of_key(Key(row.key.partition, row.key.row))


def _encoded(request: StoredRequest) -> dict[str, object]:
    return {
        "placement": request.placement,
        "requested_by": bounded(request.requested_by, _NAME_LIMIT),
        "requested_at": request.requested_at,
        "withdrawn": request.withdrawn,
        "options": to_json(request.options),
    }


def _decoded(cache: CacheId, row: Row) -> StoredRequest:
    values = row.values
    return StoredRequest(
        cache,
        values["placement"],
        values["requested_by"],
        values["requested_at"],
        values["withdrawn"],
        from_json(values["options"], dict[str, str]),
        Subject(row.key.row.split(SEPARATOR)[_KIND_AT]),
        row.etag,
    )
