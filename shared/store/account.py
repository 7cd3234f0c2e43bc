"""The storage account and its tables: the only module that holds a client of the storage SDKs.

Retries: storage is not Azure Resource Manager, so here the SDKs' own retries stay on, cut down to two repeats
within a few seconds; a longer trouble is the queue's to wait out. A repeat can follow a write that did succeed,
so every guarded write above this module recognises its own hand when it is told of a conflict.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Container, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import urlencode

from shared.store.encoding import Key, KeyRange
from shared.store.errors import StoreUnavailableError, is_missing_container, store_errors

if TYPE_CHECKING:
    from azure.core import AsyncPipelineClient
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.core.rest import AsyncHttpResponse, HttpRequest
    from azure.data.tables.aio import TableClient, TableServiceClient
    from azure.storage.queue.aio import QueueClient, QueueServiceClient

    from shared.store.settings import StoreSettings

T = TypeVar("T")

_PATIENCE: dict[str, Any] = {
    "retry_total": 2,
    "connection_timeout": 3,
    "read_timeout": 5,
    "logging_enable": False,
}
_AUDIENCE = "https://storage.azure.com/.default"
_BLOB_VERSION = "2023-11-03"
_BATCH = 100
"""As many rows as one table transaction may hold."""


class InvalidContinuationError(ValueError):
    """A continuation that no page of this table has given."""


@dataclass(frozen=True, slots=True)
class Row:
    """One stored row; times are plain UTC datetimes."""

    key: Key
    values: Mapping[str, Any]
    etag: str


@dataclass(frozen=True, slots=True)
class Read:
    """What a point read found, and when, by the storage service's clock (whole seconds, rounded down)."""

    row: Row | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Written:
    """The row's new ETag, and when it was written, by the storage service's clock (rounded down)."""

    etag: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a listing; ``continuation`` asks for the next and is "" on the last."""

    items: tuple[T, ...]
    continuation: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """An OData filter whose ``@names`` are filled in, quoted, from ``parameters``."""

    filter: str
    parameters: Mapping[str, Any]
    columns: tuple[str, ...] = ()
    """What is wanted of each row beside its key; (): all that there is."""

    @classmethod
    def partition(cls, partition: str) -> Query:
        """All rows of one partition."""
        return cls("PartitionKey eq @partition", {"partition": partition})

    @classmethod
    def within(cls, keys: KeyRange) -> Query:
        """Rows of a partition between two keys."""
        return cls(
            "PartitionKey eq @partition and RowKey ge @first and RowKey lt @beyond",
            {"partition": keys.partition, "first": keys.first, "beyond": keys.beyond},
        )


class Account:
    """The two service clients, made when first used."""

    def __init__(self, settings: StoreSettings, credential: Callable[[], AsyncTokenCredential] | None) -> None:
        self.prefix = settings.prefix
        self._settings = settings
        self._make_credential = credential
        self._credential: AsyncTokenCredential | None = None
        self._tables: TableServiceClient | None = None
        self._queues: QueueServiceClient | None = None
        self._blobs: Blobs | None = None

    def table(self, name: str) -> TableClient:
        """Give the client of one table; nothing is sent."""
        if self._tables is None:
            self._tables = self._table_service()
        return self._tables.get_table_client(self.prefix + name)

    def queue(self, name: str) -> QueueClient:
        """Give the client of one queue; nothing is sent. Messages are plain text: host.json says so too."""
        if self._queues is None:
            self._queues = self._queue_service()
        return self._queues.get_queue_client(self.prefix + name)

    def blobs(self) -> Blobs | None:
        """Give the door to blobs; None where the settings do not say where they are. Nothing is sent."""
        address = self._settings.blob_address
        if address is None:
            return None
        if self._blobs is None:
            self._blobs = Blobs(address, self._blob_client(address), self._settings.shared_key)
        return self._blobs

    async def close(self) -> None:
        """End the connections; the account can be used again afterwards."""
        opened = (self._tables, self._queues, self._blobs, self._credential)
        self._tables = self._queues = self._blobs = self._credential = None
        for resource in opened:
            if resource is not None:
                await resource.close()

    def _table_service(self) -> TableServiceClient:
        from azure.data.tables.aio import TableServiceClient

        patience = {**_PATIENCE, "retry_backoff_factor": 0.4}
        if self._settings.connection_string:
            return TableServiceClient.from_connection_string(self._settings.connection_string, **patience)
        return TableServiceClient(self._settings.table_url or "", credential=self._identity(), **patience)

    def _queue_service(self) -> QueueServiceClient:
        from azure.storage.queue.aio import QueueServiceClient

        # The SDK's own first pause is 15 s, longer than any caller here waits.
        patience = {**_PATIENCE, "initial_backoff": 0, "increment_base": 1, "random_jitter_range": 1}
        if self._settings.connection_string:
            return QueueServiceClient.from_connection_string(self._settings.connection_string, **patience)
        return QueueServiceClient(self._settings.queue_url or "", credential=self._identity(), **patience)

    def _blob_client(self, address: str) -> AsyncPipelineClient[HttpRequest, AsyncHttpResponse]:
        from azure.core import AsyncPipelineClient
        from azure.core.pipeline.policies import AsyncBearerTokenCredentialPolicy, AsyncRetryPolicy

        policies: list[Any] = [AsyncRetryPolicy(retry_total=2, retry_backoff_factor=0.4)]
        if not self._settings.connection_string:
            policies.append(AsyncBearerTokenCredentialPolicy(self._identity(), _AUDIENCE))
        return AsyncPipelineClient(address, policies=policies)

    def _identity(self) -> AsyncTokenCredential:
        if self._credential is None:
            if self._make_credential is None:
                raise ValueError("a storage account without a connection string needs a credential")
            self._credential = self._make_credential()
        return self._credential


@dataclass(frozen=True, slots=True)
class Blobs:
    """Storage's own HTTP for blobs: three calls of one timer do not earn a package, nor its import."""

    address: str
    client: AsyncPipelineClient[HttpRequest, AsyncHttpResponse]
    key: tuple[str, str] | None = field(default=None, repr=False)
    """Account and key, on a laptop; with an identity, the client brings a token along."""

    async def call(self, method: str, path: str, expected: Container[int], **asked: str) -> AsyncHttpResponse:
        """Make one call; raises HttpResponseError for a status that is not expected."""
        from azure.core.exceptions import HttpResponseError
        from azure.core.rest import HttpRequest

        query = urlencode(asked) + ("&" if asked and self.key else "") + self._signature()
        request = HttpRequest(method, f"{self.address}/{path}?{query}", headers={"x-ms-version": _BLOB_VERSION})
        answer = await self.client.send_request(request, connection_timeout=3, read_timeout=5)
        if answer.status_code not in expected:
            raise HttpResponseError(response=answer)
        return answer

    async def close(self) -> None:
        """End the connections."""
        await self.client.close()

    def _signature(self) -> str:
        if self.key is None:
            return ""
        from azure.storage.queue import AccountSasPermissions, ResourceTypes, Services, generate_account_sas

        kinds, may = (
            ResourceTypes(container=True, object=True),
            AccountSasPermissions(read=True, list=True, delete=True),
        )
        until = datetime.now(UTC) + timedelta(minutes=5)
        return generate_account_sas(*self.key, kinds, may, until, services=Services(blob=True))


class Table:
    """One table, made when it is missing. Every error is one of ``shared.store.errors``."""

    def __init__(self, account: Account, name: str) -> None:
        self._account = account
        self.name = name

    async def ensure(self) -> None:
        """Make the table unless it is there."""
        async with store_errors(f"making table {self.name}"):
            await self._create()

    async def get(self, key: Key) -> Read:
        """Read one row."""
        dates: list[datetime] = []

        async def read() -> Row | None:
            from azure.core.exceptions import ResourceNotFoundError

            try:
                entity = await self._client.get_entity(*key, raw_response_hook=lambda r: note_date(r, dates))
            except ResourceNotFoundError as error:
                if is_missing_container(error):
                    raise
                return None
            return _row(entity)

        row = await self._call("reading from", read)
        return Read(row, latest_date(dates))

    async def insert(self, key: Key, values: Mapping[str, Any]) -> Written:
        """Add a row; raises ConflictError if its key is taken."""
        return _written(await self._call("adding to", lambda: self._client.create_entity(_entity(key, values))))

    async def replace(self, key: Key, values: Mapping[str, Any], etag: str | None) -> Written:
        """Write a row whole; with an ETag, raises ConflictError unless the row is as it was then."""
        return await self._update(key, values, etag, "replace")

    async def merge(self, key: Key, values: Mapping[str, Any], etag: str | None) -> Written:
        """Write these properties and leave the others; the ETag as for ``replace``."""
        return await self._update(key, values, etag, "merge")

    async def merge_all(self, partition: str, rows: Mapping[str, Mapping[str, Any]]) -> None:
        """Merge many rows of one partition, by RowKey, each made if missing: 100 in one call."""
        from azure.data.tables import UpdateMode

        entities = [_entity(Key(partition, row), values) for row, values in rows.items()]
        for start in range(0, len(entities), _BATCH):
            batch = [("upsert", entity, {"mode": UpdateMode.MERGE}) for entity in entities[start : start + _BATCH]]
            await self._call("writing to", lambda batch=batch: self._client.submit_transaction(batch))  # type: ignore[misc]

    async def delete(self, key: Key, etag: str | None = None) -> None:
        """Remove a row, if it is there; the ETag as for ``replace``."""
        from azure.core import MatchConditions

        guard: dict[str, Any] = {"etag": etag, "match_condition": MatchConditions.IfNotModified} if etag else {}
        await self._call("deleting from", lambda: self._client.delete_entity(key.partition, key.row, **guard))

    async def delete_all(self, keys: list[Key]) -> None:
        """Remove rows of one partition that are all there: 100 in one call."""
        for start in range(0, len(keys), _BATCH):
            batch = [("delete", _entity(key, {})) for key in keys[start : start + _BATCH]]
            await self._call("deleting from", lambda batch=batch: self._client.submit_transaction(batch))  # type: ignore[misc]

    async def page(self, query: Query, size: int, continuation: str = "") -> Page[Row]:
        """Give at most ``size`` (up to 1,000) rows in key order; raises InvalidContinuationError."""
        token = _opened(continuation)

        async def first() -> Page[Row]:
            wanted = ["PartitionKey", "RowKey", *query.columns] if query.columns else None
            found = self._client.query_entities(
                query.filter, parameters=dict(query.parameters), results_per_page=size, select=wanted
            ).by_page(token)
            rows = [_row(entity) async for entity in await anext(found)]
            return Page(tuple(rows), _closed(found.continuation_token))  # type: ignore[attr-defined]

        page = await self._call("listing", first)
        # Storage may answer an empty page before the last one: it stops where a partition or its patience ends.
        return page if page.items or not page.continuation else await self.page(query, size, page.continuation)

    async def rows(self, query: Query) -> AsyncIterator[Row]:
        """Give all rows in key order, read by the thousand."""
        continuation = ""
        while True:
            page = await self.page(query, 1000, continuation)
            for row in page.items:
                yield row
            if not (continuation := page.continuation):
                return

    @property
    def _client(self) -> TableClient:
        return self._account.table(self.name)

    async def _update(self, key: Key, values: Mapping[str, Any], etag: str | None, mode: str) -> Written:
        from azure.core import MatchConditions
        from azure.data.tables import UpdateMode

        entity, how = _entity(key, values), UpdateMode(mode)
        if etag is None:
            return _written(await self._call("writing to", lambda: self._client.upsert_entity(entity, mode=how)))
        guard: dict[str, Any] = {"etag": etag, "match_condition": MatchConditions.IfNotModified}
        return _written(await self._call("writing to", lambda: self._client.update_entity(entity, mode=how, **guard)))

    async def _call(self, doing: str, operation: Callable[[], Awaitable[T]]) -> T:
        from azure.core.exceptions import HttpResponseError

        async with store_errors(f"{doing} table {self.name}"):
            try:
                return await operation()
            except HttpResponseError as error:
                if not is_missing_container(error):
                    raise
            await self._create()
            return await operation()

    async def _create(self) -> None:
        from azure.core.exceptions import ResourceExistsError

        try:
            await self._client.create_table()
        except ResourceExistsError as error:  # another worker was faster
            if "BeingDeleted" in str(error):
                raise


def _entity(key: Key, values: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in values.items() if value is not None}
    return {"PartitionKey": key.partition, "RowKey": key.row, **given}


def _row(entity: Any) -> Row:  # noqa: ANN401  (the SDK's TableEntity, which mypy sees as a plain dict without metadata)
    values = {name: _plain(value) for name, value in entity.items() if name not in {"PartitionKey", "RowKey"}}
    return Row(Key(entity["PartitionKey"], entity["RowKey"]), values, entity.metadata["etag"])


def _plain(value: object) -> object:
    """Turn the SDK's own subclass of datetime into a datetime."""
    return datetime.combine(value.date(), value.time(), UTC) if isinstance(value, datetime) else value


def _written(answer: Mapping[str, Any]) -> Written:
    return Written(str(answer["etag"]), answer["date"])


def note_date(response: Any, into: list[datetime]) -> None:  # noqa: ANN401  (azure.core's PipelineResponse)
    """Keep the storage service's time of an answer."""
    if date := response.http_response.headers.get("Date"):
        into.append(parsedate_to_datetime(date))


def latest_date(dates: list[datetime]) -> datetime:
    """Give the time of the latest answer; raises StoreUnavailableError where none told it."""
    if not dates:
        raise StoreUnavailableError("Azure Storage answered without a Date header")
    return dates[-1]


def _closed(token: Any) -> str:  # noqa: ANN401  (opaque to everybody but the SDK)
    if not token:
        return ""
    text = json.dumps([token.get("PartitionKey"), token.get("RowKey")])
    return base64.urlsafe_b64encode(text.encode()).decode()


def _opened(continuation: str) -> Any:  # noqa: ANN401  (as _closed)
    if not continuation:
        return None
    refusal = InvalidContinuationError(f"{continuation[:80]!r} is not a continuation that a page has given")
    try:
        token = json.loads(base64.urlsafe_b64decode(continuation.encode()))
    except ValueError as error:
        raise refusal from error
    match token:
        case [str() as partition, (str() | None) as row]:
            return {"PartitionKey": partition, "RowKey": row}
        case _:
            raise refusal
