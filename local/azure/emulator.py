"""The running stand-in: listeners around one world, a driver that keeps its time, and delivery of its events."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from aiohttp import web

from local.azure import metadata
from local.azure.callers import APP, OPERATOR
from local.azure.calls import Answer, Caller, Json
from local.azure.clock import WallClock
from local.azure.control import Control
from local.azure.delivery import Delivery, DeliveryOptions
from local.azure.durations import Durations
from local.azure.entra import Entra
from local.azure.eventsubscriptions import EventSubscription, Schema, Selection, Webhook
from local.azure.faultplan import FaultPlan
from local.azure.faults import Faults
from local.azure.http import ArmListener, application
from local.azure.identity import APP_SERVICE_PATH, Identity
from local.azure.ingestion import PATH as INGESTION_PATH
from local.azure.ingestion import Ingestion
from local.azure.proxy import ConnectProxy
from local.azure.resourcegraph import GraphOptions
from local.azure.throttle import Buckets
from local.azure.tls import Authority, make_authority, trust_in_process
from local.azure.tokens import Tokens
from local.azure.topic import PATH as TOPIC_PATH
from local.azure.topic import Topic
from local.azure.traffic import FOLDER, writing
from local.azure.world import PolicyZoneGroups, World, WorldOptions

# How long the driver sleeps at most, in wall seconds, so that a stop is noticed.
_LONGEST_SLEEP = 3600.0
# How often a condition is looked at, in wall seconds.
_LOOK_AGAIN = 0.01
_DURATIONS = Durations()
_BUCKETS = Buckets()
_GRAPH = GraphOptions()
_DELIVERY = DeliveryOptions()
_EVERYTHING = Selection()


@dataclass(frozen=True, slots=True)
class EmulatorOptions:
    """How to run it. Port 0 takes a free one; ``folder`` holds the certificates (a temporary one by default).

    ``proxy_port`` starts a proxy that leads Azure's own names here; None starts none.

    ``time_scale`` is world seconds per wall second; ``faults`` come in force at the start. ``traffic`` is a folder that
    every call and answer is written into; without it, DRAWBRIDGE_TRAFFIC names one, so that what others start is
    written down too. ``trust`` lets aiohttp of this very process trust the CA, for tests that use the SDKs in the same
    process.
    """

    time_scale: float = 1.0
    seed: int = 1
    host: str = "127.0.0.1"
    port: int = 0
    identity_port: int = 0
    proxy_port: int | None = None
    folder: Path | None = None
    page_size: int = 1000
    durations: Durations = _DURATIONS
    buckets: Buckets = _BUCKETS
    throttle_scaled: bool = True
    delivery: DeliveryOptions = _DELIVERY
    policy_zone_groups: PolicyZoneGroups | None = None
    group_delete_events: bool = False
    fresh_cache_wait: float = 0.0
    last_endpoint_opens: bool = False
    graph: GraphOptions = _GRAPH
    faults: FaultPlan | None = None
    principal: Caller = APP
    traffic: Path | None = None
    trust: bool = True

    def world(self) -> WorldOptions:
        return WorldOptions(
            self.seed,
            self.page_size,
            self.durations,
            self.buckets,
            self.throttle_scaled,
            self.group_delete_events,
            self.policy_zone_groups,
            self.fresh_cache_wait,
            self.last_endpoint_opens,
            graph=self.graph,
        )


@dataclass(slots=True)
class Emulator:
    """A running stand-in; make it by ``async with Emulator.start(options) as azure``."""

    options: EmulatorOptions
    world: World
    tokens: Tokens
    identity: Identity
    entra: Entra
    topic: Topic
    ingestion: Ingestion
    delivery: Delivery
    authority: Authority
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _ports: tuple[int, int] = (0, 0)
    _proxy: ConnectProxy | None = None
    _proxy_port: int = 0
    _failures: list[Exception] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def start(cls, options: EmulatorOptions = EmulatorOptions()) -> AsyncIterator[Emulator]:
        """Run until the block is left."""
        with (
            tempfile.TemporaryDirectory(prefix="drawbridge-azure-") as temporary,
            writing(options.traffic or _named_folder()) as traffic,
        ):
            emulator = cls._make(options, options.folder or Path(temporary))
            emulator.world.witnesses.extend(traffic)
            async with emulator.running():
                yield emulator

    @classmethod
    def _make(cls, options: EmulatorOptions, folder: Path) -> Emulator:
        world = World(WallClock(options.time_scale), options.world())
        tokens = Tokens()
        delivery = Delivery(world.clock, world.faults, world.random, options.delivery)
        identity = Identity(tokens, options.principal)
        takers = (Topic(tokens), Ingestion(tokens))
        emulator = cls(options, world, tokens, identity, Entra(tokens), *takers, delivery, make_authority(folder))
        if options.faults is not None:
            options.faults.begin(world.faults)
        world.listeners.append(delivery.publish)
        world.wakers.append(emulator._wake.set)
        return emulator

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        if self.options.trust:
            trust_in_process(self.authority)
        await self.delivery.start()
        arm, identity = await self._listen()
        await self._lead_here()
        driver = asyncio.create_task(self._drive())
        try:
            yield
        finally:
            driver.cancel()
            await asyncio.gather(driver, return_exceptions=True)
            await self.delivery.stop()
            if self._proxy is not None:
                await self._proxy.stop()
            await arm.cleanup()
            await identity.cleanup()
        failures = [*self._failures, *self.delivery.failures]
        if failures:
            raise ExceptionGroup("the stand-in for Azure failed", failures)

    async def _listen(self) -> tuple[web.AppRunner, web.AppRunner]:
        arm = application()
        arm.add_routes(Control(self).routes())
        arm.router.add_post(f"{TOPIC_PATH}/api/events", self.topic.handle)
        # Connection strings end with a slash, and Microsoft's exporter adds its own.
        arm.router.add_post(f"/{INGESTION_PATH}", self.ingestion.handle)
        arm.router.add_post(INGESTION_PATH, self.ingestion.handle)
        arm.router.add_get(metadata.PATH, metadata.answer)
        arm.add_routes(self.entra.routes())
        arm.router.add_route("*", "/{path:.*}", ArmListener(self.world, self.tokens).handle)
        plain = application()
        plain.add_routes(self.identity.routes())
        arm_runner, arm_port = await self._serve(arm, self.options.port, tls=True)
        identity_runner, identity_port = await self._serve(plain, self.options.identity_port, tls=False)
        self._ports = (arm_port, identity_port)
        return arm_runner, identity_runner

    async def _lead_here(self) -> None:
        if self.options.proxy_port is not None:
            self._proxy = ConnectProxy((self.options.host, self._ports[0]))
            self._proxy_port = await self._proxy.start(self.options.host, self.options.proxy_port)

    async def _serve(self, app: web.Application, port: int, *, tls: bool) -> tuple[web.AppRunner, int]:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        context = self.authority.server_context() if tls else None
        site = web.TCPSite(runner, self.options.host, port, ssl_context=context)
        await site.start()
        return runner, int(runner.addresses[0][1])

    async def _drive(self) -> None:
        while True:
            self._wake.clear()
            try:
                self.world.settle()
            except Exception as error:  # noqa: BLE001 - raised when the block ends; until then Azure goes on
                self._failures.append(error)
            due = self.world.next_due
            wait = _LONGEST_SLEEP if due is None else (due - self.world.now) / self.options.time_scale
            try:
                await asyncio.wait_for(self._wake.wait(), max(wait, 0.001))
            except TimeoutError:
                continue

    # For tests and demo

    @property
    def arm_url(self) -> str:
        return f"https://localhost:{self._ports[0]}"

    @property
    def identity_url(self) -> str:
        return f"http://127.0.0.1:{self._ports[1]}{APP_SERVICE_PATH}"

    @property
    def imds_url(self) -> str:
        """What AZURE_POD_IDENTITY_AUTHORITY_HOST has to be for the IMDS form."""
        return f"http://127.0.0.1:{self._ports[1]}"

    @property
    def proxy_url(self) -> str:
        """What HTTPS_PROXY has to be for clients that know Azure by its own names; empty where no proxy runs."""
        return f"http://127.0.0.1:{self._proxy_port}" if self._proxy_port else ""

    @property
    def topic_url(self) -> str:
        return f"{self.arm_url}{TOPIC_PATH}/api/events"

    @property
    def ca_file(self) -> Path:
        return self.authority.ca_file

    @property
    def faults(self) -> Faults:
        return self.world.faults

    @property
    def principal(self) -> Caller:
        """Who the app's managed identity is."""
        return self.options.principal

    @property
    def environment(self) -> dict[str, str]:
        """Give the variables that point an app and its SDKs here."""
        return {
            "IDENTITY_ENDPOINT": self.identity_url,
            "IDENTITY_HEADER": self.identity.header,
            "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
            "SSL_CERT_FILE": str(self.ca_file),
            "REQUESTS_CA_BUNDLE": str(self.ca_file),
            "DRAWBRIDGE_ARM_ENDPOINT": self.arm_url,
            "DRAWBRIDGE_TOPIC_ENDPOINT": self.topic_url,
            "DRAWBRIDGE_PRINCIPAL_ID": self.principal.object_id,
        }

    @property
    def telemetry(self) -> dict[str, str]:
        """Give the variables that have an app send its metrics here, as its managed identity."""
        return {
            "APPLICATIONINSIGHTS_CONNECTION_STRING": (
                f"InstrumentationKey={self.ingestion.key};IngestionEndpoint={self.arm_url}/"
            ),
            "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": "Authorization=AAD",
        }

    async def subscribe_events(
        self,
        url: str,
        schema: Schema | str = Schema.EVENT_GRID,
        selection: Selection = _EVERYTHING,
    ) -> EventSubscription:
        """Deliver subscription events to a webhook; raises HandshakeError where it does not agree."""
        return await self.delivery.subscribe(EventSubscription(Webhook(url), Schema(schema), selection))

    def request(self, method: str, url: str, body: Json | None = None, caller: Caller = OPERATOR) -> Answer:
        """Do what somebody else does to Azure, by the same path as over HTTP."""
        return self.world.request(method, url, body, caller)

    async def until(self, holds: Callable[[World], object], seconds: float = 20.0) -> None:
        """Wait until something holds in the world; raises TimeoutError after so many wall seconds."""
        async with asyncio.timeout(seconds):
            while not self._holds(holds):  # noqa: ASYNC110 - the condition is any, and nothing announces it
                await asyncio.sleep(_LOOK_AGAIN)

    def _holds(self, holds: Callable[[World], object]) -> bool:
        self.world.settle()
        return bool(holds(self.world))

    async def quiet(self, seconds: float = 20.0) -> None:
        """Wait until nothing more happens by itself and no event is on its way; raises TimeoutError."""
        await self.until(lambda world: world.next_due is None and not self.delivery.in_flight, seconds)

    def reset(self) -> None:
        """Forget the world, what was delivered and what was published; listeners and destinations stay."""
        self.world.reset()
        self.topic.published.clear()
        self.topic.outages.clear()
        self.ingestion.items.clear()
        self.ingestion.outages.clear()
        self.delivery.attempts.clear()
        self.delivery.dropped.clear()

    def trusting_session(self) -> aiohttp.ClientSession:
        """Make an aiohttp session that trusts the CA; whoever asks closes it."""
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=self.authority.client_context()))


def _named_folder() -> Path | None:
    name = os.environ.get(FOLDER)
    return Path(name) if name else None


__all__ = ["Emulator", "EmulatorOptions"]
