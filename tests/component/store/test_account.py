import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from azure.core.exceptions import AzureError
from azure.data.tables.aio import TableServiceClient
from azure.storage.queue.aio import QueueServiceClient

from shared.model import Trigger, WakeUp
from shared.store import Store, StoreSettings
from shared.store.errors import (
    ClaimLostError,
    ConflictError,
    StoreDeniedError,
    StoredValueError,
    StoreError,
    StoreRefusedError,
    StoreUnavailableError,
)
from shared.store.settings import InvalidSettingsError
from tests.component.store.conftest import SUBSCRIPTION, cache

KEPT = {"caches", "links", "cooldown", "closures", "history", "turns"}
TABLES = KEPT | {"requests", "networks", "sweeps", "subscriptions"}
NOBODY = (
    "DefaultEndpointsProtocol=http;AccountName=account0001;AccountKey=a2V5;"
    "QueueEndpoint=http://{0}/account0001;TableEndpoint=http://{0}/account0001;"
)
ERRORS = [ClaimLostError, ConflictError, StoreDeniedError, StoredValueError, StoreRefusedError, StoreUnavailableError]


async def test_what_is_missing_is_made_and_made_again(store: Store, storage: str) -> None:
    await store.ensure()
    await store.ensure()

    async with TableServiceClient.from_connection_string(storage) as tables:
        assert {table.name async for table in tables.list_tables()} == TABLES
    async with QueueServiceClient.from_connection_string(storage) as queues:
        assert {queue.name async for queue in queues.list_queues()} == {"reconcile", "sweep"}


async def test_what_is_missing_is_made_by_the_first_call_that_needs_it(store: Store) -> None:
    assert await store.caches.read(cache()) is None
    assert await store.closures.take(SUBSCRIPTION, 1, datetime.now(UTC))
    assert await store.links.of_cache(cache()) == []
    await store.queue.put(WakeUp(cache(), Trigger.EVENT))
    await store.links.refresh([])
    await store.sweeps.set_scope([SUBSCRIPTION])


async def test_a_prefix_keeps_two_deployments_in_one_account_apart(store: Store, storage: str) -> None:
    await store.closures.take(SUBSCRIPTION, 1, datetime.now(UTC))
    other = Store.open(StoreSettings(storage, prefix="blue"))

    assert await other.closures.take(SUBSCRIPTION, 1, datetime.now(UTC))

    await other.close()


async def test_the_time_is_the_storage_services(store: Store) -> None:
    now = await store.now()

    assert abs(datetime.now(UTC) - now) < timedelta(seconds=5)
    assert (now.utcoffset(), now.microsecond) == (timedelta(), 0)


async def test_a_closed_store_opens_again_by_itself(store: Store) -> None:
    await store.now()
    await store.close()

    assert await store.now() > datetime(2026, 1, 1, tzinfo=UTC)


Call = Callable[[Store], Awaitable[object]]
CALLS: dict[str, Call] = {
    "reading": lambda store: store.caches.read(cache()),
    "listing": lambda store: store.caches.of_subscription(SUBSCRIPTION),
    "writing": lambda store: store.sweeps.start("s", [SUBSCRIPTION], "d"),
    "queueing": lambda store: store.queue.put(WakeUp(cache(), Trigger.EVENT)),
    "queueing many": lambda store: store.queue.put_all([WakeUp(cache(), Trigger.EVENT)] * 3),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_storage_that_refuses_connections_is_said_to_be_unavailable_within_ten_seconds(call: Call) -> None:
    assert await seconds_until_unavailable("127.0.0.1:9", call) < 10


@pytest.mark.slow
@pytest.mark.parametrize("call", [CALLS["reading"], CALLS["queueing"]], ids=["reading", "queueing"])
async def test_storage_that_never_answers_is_said_to_be_unavailable_within_ten_seconds(call: Call) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        assert await seconds_until_unavailable(f"127.0.0.1:{mute.getsockname()[1]}", call) < 10


async def seconds_until_unavailable(address: str, call: Call) -> float:
    nowhere = Store.open(StoreSettings(NOBODY.format(address)))
    began = time.monotonic()
    try:
        with pytest.raises(StoreUnavailableError) as raised:
            await call(nowhere)
    finally:
        await nowhere.close()
    assert isinstance(raised.value.__cause__, AzureError | TimeoutError | BaseExceptionGroup)
    return time.monotonic() - began


class Stranger(BaseHTTPRequestHandler):
    """A web server that knows nothing of tables."""

    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class calls it so)
        """Keep quiet."""


async def test_an_address_that_is_no_storage_account_is_refused_and_not_taken_for_an_empty_one() -> None:
    stranger = HTTPServer(("127.0.0.1", 0), Stranger)
    threading.Thread(target=stranger.serve_forever, daemon=True).start()
    store = Store.open(StoreSettings(NOBODY.format(f"127.0.0.1:{stranger.server_port}")))
    try:
        with pytest.raises(StoreRefusedError, match=r"reading from table caches: .* 404 .* is this address a storage"):
            await store.caches.read(cache())
    finally:
        await store.close()
        stranger.shutdown()
        stranger.server_close()


async def test_a_wrong_key_is_said_to_be_denied_and_is_not_shown(storage: str) -> None:
    key = "AccountKey=" + "c2VjcmV0" * 4
    wrong = StoreSettings(";".join(key if part.startswith("AccountKey") else part for part in storage.split(";")))
    denied = Store.open(wrong)

    with pytest.raises(StoreDeniedError, match=r"reading from table caches: .* 403 ") as on_table:
        await denied.caches.read(cache())
    with pytest.raises(StoreDeniedError, match=r"queue reconcile: .* 403 ") as on_queue:
        await denied.queue.put(WakeUp(cache(), Trigger.EVENT))

    assert "c2VjcmV0" not in f"{wrong} {on_table.value} {on_queue.value}"
    await denied.close()


@pytest.mark.parametrize("error", ERRORS)
def test_no_error_of_the_sdk_leaves_the_store(error: type[StoreError]) -> None:
    assert issubclass(error, StoreError)
    assert not issubclass(error, AzureError)


def test_a_store_is_made_without_loading_any_sdk() -> None:
    program = (
        "import sys; from shared.store import Store, StoreSettings; Store.open(StoreSettings('x=y'));"
        "print(*[name for name in sys.modules if name.split('.')[0] in {'azure', 'aiohttp'}])"
    )

    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ)

    assert shown.stdout.strip() == ""


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        pytest.param({"AzureWebJobsStorage": "c"}, StoreSettings("c"), id="connection string"),
        pytest.param(
            {"AzureWebJobsStorage__accountName": "acc", "AzureWebJobsStorage__clientId": "id"},
            StoreSettings(
                queue_url="https://acc.queue.core.windows.net",
                table_url="https://acc.table.core.windows.net",
                blob_url="https://acc.blob.core.windows.net",
                client_id="id",
            ),
            id="account name",
        ),
        pytest.param(
            {
                "AzureWebJobsStorage__queueServiceUri": "https://q.example/",
                "AzureWebJobsStorage__tableServiceUri": "https://t.example",
            },
            StoreSettings(queue_url="https://q.example", table_url="https://t.example"),
            id="addresses",
        ),
        pytest.param(
            {
                "AzureWebJobsStorage__blobServiceUri": "https://b.example/",
                "AzureWebJobsStorage__queueServiceUri": "https://q.example/",
                "AzureWebJobsStorage__tableServiceUri": "https://t.example/",
            },
            StoreSettings(queue_url="https://q.example", table_url="https://t.example", blob_url="https://b.example"),
            id="addresses, blobs too",
        ),
    ],
)
def test_settings_are_those_of_the_functions_host(env: dict[str, str], expected: StoreSettings) -> None:
    assert StoreSettings.from_environment(env) == expected


@pytest.mark.parametrize(
    ("env", "complaint"),
    [
        pytest.param({}, "AzureWebJobsStorage__queueServiceUri is not set", id="nothing"),
        pytest.param(
            {"AzureWebJobsStorage__queueServiceUri": "https://q.example"},
            "AzureWebJobsStorage__tableServiceUri is not set",
            id="one address of two",
        ),
        pytest.param(
            {"AzureWebJobsStorage__accountName": "Not An Account"},
            "AzureWebJobsStorage__accountName is 'Not An Account'",
            id="no account's name",
        ),
    ],
)
def test_settings_that_cannot_work_are_named(env: dict[str, str], complaint: str) -> None:
    with pytest.raises(InvalidSettingsError, match=complaint):
        StoreSettings.from_environment(env)
