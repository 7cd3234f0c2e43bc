"""All of it on one machine: the emulated Azure, Azurite, and the function app in its host, wired as Azure wires them.

The demo, `up`, the benchmark and the system tests stand on it. The app runs in processes of its own, with
nothing but environment variables to tell it that this is not Azure.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

import aiohttp

from local import deployed
from local.azure import seeds
from local.azure.emulator import Emulator, EmulatorOptions
from local.azure.eventsubscriptions import Webhook
from local.azure.storageaccount import StorageAccount
from local.azurite import Azurite
from local.host import HostOptions, HostProcess
from shared.ids import CacheId
from shared.store import Store, StoreSettings
from shared.store.deadletters import CONTAINER

if TYPE_CHECKING:
    from local.azure.calls import Answer
    from shared.store.caches import CacheRow

APP = Path(__file__).resolve().parents[1]
Way = Literal["function", "queue", "none"]
_PATIENCE = 60.0
_LOOK = 0.05


class NotAsPromisedError(AssertionError):
    """The world has not become what was waited for; the message says what, and what it is instead."""


@dataclass(frozen=True, slots=True)
class StageOptions:
    """What to play with."""

    policy: str
    """The text of policy.yaml."""
    emulator: EmulatorOptions = field(default_factory=EmulatorOptions)
    seed: seeds.Seed = field(default_factory=seeds.Seed)
    workers: int = 1
    events: str = "eventgrid"
    """The schema that subscription events arrive in: eventgrid or cloudevents."""
    delivery: Way = "function"
    """As in infra/events: pushed to the function, or put on the queue; none: only sweeps find anything."""
    sweep_schedule: str = "0 0 3 1 1 *"
    """NCRONTAB; the default is once a year, so that sweeps are started by hand."""
    in_flight_visibility: timedelta = timedelta(seconds=5)
    connection_string: str = ""
    """A storage account to use; "" starts an Azurite."""
    settings: Mapping[str, str] = field(default_factory=dict)
    log: IO[bytes] | None = None
    topic: bool = True
    metrics: bool = False
    """The app sends what it measures to the emulated Application Insights, once a minute and when it stops."""


@dataclass(slots=True)
class Workers:
    """The processes that the app runs in."""

    options: StageOptions
    environment: Mapping[str, str]
    azure: Emulator
    running: list[HostProcess] = field(default_factory=list)

    async def start(self, settings: Mapping[str, str] | None = None, log: IO[bytes] | None = None) -> None:
        """Start as many as the options say, and have events delivered: by the queue, or to the first."""
        for number in range(self.options.workers):
            chosen = HostOptions(
                in_flight_visibility=self.options.in_flight_visibility,
                longest_poll=timedelta(seconds=0.2),
                timers=number == 0,
            )
            environment = {**self.environment, **(settings or {})}
            host = await HostProcess.start(APP, environment, options=chosen, log=log or self.options.log)
            self.running.append(host)
        if self.options.delivery != "none":
            await self._subscribe()

    async def _subscribe(self) -> None:
        """Subscribe as infra/events does: with its filters, retries and dead letters."""
        account = StorageAccount.of(self.environment["AzureWebJobsStorage"])
        pushed = Webhook(self.running[0].event_grid_url("on_event"), function=True)
        to = deployed.queue(account) if self.options.delivery == "queue" else pushed
        await self.azure.delivery.subscribe(deployed.subscribed(to, self.options.events, account))

    async def stop(self) -> None:
        """End all, each in its own time; nobody takes events then."""
        self.azure.delivery.subscriptions.clear()
        while self.running:
            await self.running.pop().stop()


class Stage:
    """Everything running; made by ``stage``."""

    def __init__(self, azure: Emulator, workers: Workers, store: Store, session: aiohttp.ClientSession) -> None:
        self.azure = azure
        self.workers = workers
        self.store = store
        self._session = session

    @property
    def hosts(self) -> list[HostProcess]:
        """The workers that are running."""
        return self.workers.running

    @property
    def app(self) -> HostProcess:
        """The worker that outside calls go to."""
        return self.hosts[0]

    def outside(self, method: str, path: str, body: Mapping[str, Any] | None = None, version: str = "") -> Answer:
        """Do as a person or pipeline does: one ARM call as the operator, not as the app."""
        url = f"{path}?api-version={version or api_version(path)}"
        answer = self.azure.world.request(method, url, dict(body) if body is not None else None)
        if answer.status >= 400:  # noqa: PLR2004
            raise NotAsPromisedError(f"{method} {path} was answered {answer.status}: {answer.body}")
        return answer

    async def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Call the app's HTTP API with its function key; gives the status and the JSON."""
        headers = {"x-functions-key": self.app.function_key}
        async with self._session.request(method, f"{self.app.url}/api/{path}", json=body, headers=headers) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text else None

    async def sweep(self) -> None:
        """Fire the timer of sweeps."""
        await self.fire("sweep")

    async def fire(self, timer: str) -> None:
        """Fire a timer now, as an operator can on Azure."""
        url = f"{self.app.url}/admin/functions/{timer}"
        async with self._session.post(url, json={}, headers={"x-functions-key": self.app.admin_key}) as answer:
            if answer.status != 202:  # noqa: PLR2004
                raise NotAsPromisedError(f"{timer} could not be started: {answer.status} {await answer.text()}")

    async def row(self, cache: str) -> CacheRow | None:
        """Read what the app has recorded of a cache."""
        return await self.store.caches.read(CacheId.parse(cache))

    async def verdict(self, cache: str) -> str:
        """Give the last verdict: ``Compliant``, ``Blocked(SubnetFull)``, … or "" where there is none."""
        row = await self.row(cache)
        if row is None or row.verdict is None:
            return ""
        reason = row.verdict.reason
        return f"{row.verdict.kind.value}({reason.value})" if reason else row.verdict.kind.value

    async def until_verdict(self, cache: str, wanted: str, seconds: float = _PATIENCE) -> None:
        """Wait for a verdict."""

        async def reached() -> bool:
            return await self.verdict(cache) == wanted

        await eventually(reached, seconds, f"{cache.rpartition('/')[2]} {wanted}", lambda: self.verdict(cache))


async def eventually(
    reached: Callable[[], Awaitable[bool]],
    seconds: float,
    what: str,
    instead: Callable[[], Awaitable[object]] | None = None,
) -> None:
    """Look until it is so; raises NotAsPromisedError when it is not in time."""
    try:
        async with asyncio.timeout(seconds):
            while not await reached():  # noqa: ASYNC110 - what is waited for is in another process
                await asyncio.sleep(_LOOK)
    except TimeoutError:
        found = await instead() if instead else "it is not so"
        raise NotAsPromisedError(f"waited {seconds:g} s for {what}: {found}") from None


def api_version(path: str) -> str:
    """Choose the api-version that the pinned SDKs send for a path."""
    lowered = path.lower()
    if "/providers/microsoft.resources/tags/" in lowered:
        return "2025-04-01"
    for part, version in (
        ("/microsoft.cache/redisenterprise", "2025-07-01"),
        ("/microsoft.cache/redis", "2024-11-01"),
        ("/privatednszones", "2024-06-01"),
        ("/microsoft.network/", "2026-03-01"),
    ):
        if part in lowered:
            return version
    return "2025-04-01"


@asynccontextmanager
async def stage(options: StageOptions) -> AsyncIterator[Stage]:
    """Start everything, and stop it in order at the end."""
    async with AsyncExitStack() as stack:
        connection = options.connection_string or stack.enter_context(Azurite.running()).connection_string
        azure = await stack.enter_async_context(Emulator.start(options.emulator))
        seeds.plant(azure.world, options.seed)
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="drawbridge-"))
        env = {**azure.environment, **_settings(options, connection, Path(folder)), **options.settings}
        if options.metrics:
            # What cannot be sent is kept in files, which go with the folder.
            env |= {**azure.telemetry, "TMPDIR": str(folder)}
        if not options.topic:
            env["DRAWBRIDGE_TOPIC_ENDPOINT"] = ""
        workers = Workers(options, env, azure)
        stack.push_async_callback(workers.stop)
        await workers.start()
        session = await stack.enter_async_context(aiohttp.ClientSession())
        await _make_container(session, connection)
        store = Store.open(StoreSettings(connection_string=connection))
        stack.push_async_callback(store.close)
        yield Stage(azure, workers, store, session)


async def _make_container(session: aiohttp.ClientSession, connection: str) -> None:
    """Make the container of dead letters, as infra/app/storage.bicep does; an account can have been used before."""
    url = StorageAccount.of(connection).container(CONTAINER)
    async with session.put(url, headers={"x-ms-version": "2023-11-03"}) as answer:
        if answer.status not in {201, 409}:
            raise NotAsPromisedError(f"the container {CONTAINER} could not be made: {await answer.text()}")


def _settings(options: StageOptions, connection: str, folder: Path) -> dict[str, str]:
    policy = folder / "policy.yaml"
    policy.write_text(options.policy, encoding="utf-8")
    return {
        "AzureWebJobsStorage": connection,
        "DRAWBRIDGE_POLICY": str(policy),
        "DRAWBRIDGE_SWEEP_SCHEDULE": options.sweep_schedule,
    }
