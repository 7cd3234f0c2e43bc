"""The Functions host for the laptop: listeners and bindings around the app that is deployed.

One host at a time in one process (`worker_library` says why); several workers are several processes (`process`).
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from local.host import worker_library
from local.host.admin_listener import AdminListener
from local.host.bindings import (
    EventGridTrigger,
    Function,
    HttpTrigger,
    QueueTrigger,
    TimerTrigger,
    function_of,
)
from local.host.event_grid_listener import EventGridListener
from local.host.host_json import HostJson, read_host_json
from local.host.http_listener import HttpListener
from local.host.invocations import Invocation, Invocations
from local.host.options import HostOptions
from local.host.queue_listener import QueueListener
from local.host.queue_storage import QueueStorage
from local.host.timer_listener import TimerListener
from local.host.worker_library import IndexingError

_log = logging.getLogger("local.host")
# What Azure accepts as the body of a request.
_LARGEST_BODY = 100 * 1024 * 1024


class FunctionsHost:
    """A running host: made by `start`, never by hand."""

    def __init__(self, functions: Sequence[Function], settings: Mapping[str, str], options: HostOptions) -> None:
        self.functions = tuple(functions)
        self.options = options
        self.url = ""
        self._settings = settings
        self._queues: list[QueueListener] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._timers: list[asyncio.Task[None]] = []
        self._runner: web.AppRunner | None = None
        self._ended = False

    @staticmethod
    async def index(app_dir: Path, settings: Mapping[str, str] | None = None) -> tuple[Function, ...]:
        """List the functions of an app with their bindings; raises IndexingError with Azure's own message.

        `settings` (default: the environment) resolve `%SETTING%` placeholders.
        """
        indexed = await worker_library.index_app(app_dir)
        if not indexed:
            raise IndexingError(f"{app_dir} has no functions")
        known = os.environ if settings is None else settings
        return tuple(function_of(function, known) for function in indexed)

    @classmethod
    @asynccontextmanager
    async def start(
        cls, app_dir: Path, settings: Mapping[str, str], options: HostOptions | None = None
    ) -> AsyncIterator["FunctionsHost"]:
        """Serve an app until the block ends; `settings` are its environment meanwhile.

        Raises IndexingError, or ValueError for a host.json, schedule, route or connection that cannot be read.
        """
        chosen = options or HostOptions()
        with _only_one(), _environment(settings):
            host_json = read_host_json(app_dir)
            indexed = await worker_library.index_app(app_dir, chosen.reimport)
            functions = [function_of(function, os.environ) for function in indexed]
            host = cls(functions, dict(os.environ), chosen)
            try:
                await host._begin(host_json)
                yield host
            finally:
                await host.stop()

    @property
    def function_key(self) -> str:
        return self.options.keys.function

    @property
    def admin_key(self) -> str:
        return self.options.keys.admin

    @property
    def invocations(self) -> tuple[Invocation, ...]:
        """The journal: every ended invocation, oldest first."""
        return tuple(self._invocations.journal)

    def event_grid_url(self, function: str) -> str:
        """Name the webhook that an event subscription delivers to, key included."""
        query = urlencode({"functionName": function, "code": self.options.keys.event_grid})
        return f"{self.url}/runtime/webhooks/EventGrid?{query}"

    async def idle(self, timeout: float) -> None:  # noqa: ASYNC109 — the caller's patience, told in the error
        """Wait until nothing runs and no queue has a visible message; messages hidden by a delay do not count.

        Raises TimeoutError naming what is still to do.
        """
        try:
            async with asyncio.timeout(timeout):
                while not await self._is_idle():  # noqa: ASYNC110 — other processes write to the queues too
                    await asyncio.sleep(0.03)
        except TimeoutError:
            raise TimeoutError(f"after {timeout} s still busy: {self._work()}") from None

    async def stop(self) -> None:
        """Take nothing new, finish what runs, settle every message, then close."""
        if self._ended:
            return
        self._ended = True
        await _cancelled(self._timers)
        for queue in self._queues:
            queue.stop()
        if self._runner is not None:
            for site in list(self._runner.sites):
                await site.stop()
        await asyncio.gather(*self._tasks)
        await self._invocations.drain()
        await self._close()
        worker_library.stop_threadpool_executor()

    async def kill(self) -> None:
        """End as a worker that dies: what runs is cut off and nothing is acknowledged.

        A synchronous function's thread cannot be cut off: it runs on, unheard. SIGKILL of a HostProcess can.
        """
        if self._ended:
            return
        self._ended = True
        await _cancelled([*self._timers, *self._tasks])
        for queue in self._queues:
            await queue.kill()
        await self._invocations.kill()
        await self._close()

    async def _begin(self, host_json: HostJson) -> None:
        worker_library.start_threadpool_executor()
        self._storage = QueueStorage(self._settings, host_json.queues.message_encoding)
        self._invocations = Invocations(self._storage, host_json.function_timeout)
        listeners = self._listeners(host_json)
        for queue in self._queues:
            await queue.prepare()
        await self._listen(listeners)
        self._tasks += [_background(queue.run(host_json.queues, self.options), "queue") for queue in self._queues]
        _log.info("Host started", extra={"url": self.url, "functions": len(self.functions)})

    def _listeners(self, host_json: HostJson) -> web.Application:
        keys, invocations = self.options.keys, self._invocations
        http = HttpListener(host_json.route_prefix, keys, self.options.http_limit, invocations)
        event_grid = EventGridListener(keys, invocations)
        timers: list[TimerListener] = []
        for function in self.functions:
            for output in function.queue_outputs:
                # A missing connection is told now, not when something is to be written.
                self._storage.client(output.connection, output.queue)
            match function.trigger:
                case HttpTrigger() as trigger:
                    http.add(function, trigger)
                case EventGridTrigger() as trigger:
                    event_grid.add(function, trigger)
                case QueueTrigger() as trigger:
                    self._queues.append(QueueListener(function, trigger, invocations, self._storage))
                case TimerTrigger() as trigger:
                    timers.append(TimerListener(function, trigger, invocations, self.options.clock))
        if self.options.timers:
            self._timers += [_background(timer.run(), "timer") for timer in timers]
        return _application(http, event_grid, AdminListener(self.functions, keys, invocations))

    async def _listen(self, application: web.Application) -> None:
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.options.port)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}"

    async def _close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        await self._storage.close()

    async def _is_idle(self) -> bool:
        """Look at the queues between two looks at the host: nothing may have begun meanwhile."""
        begun = self._invocations.begun
        if self._busy() or any([await queue.has_visible_messages() for queue in self._queues]):
            return False
        return not self._busy() and self._invocations.begun == begun

    def _busy(self) -> bool:
        return bool(self._invocations.running) or any(queue.busy for queue in self._queues)

    def _work(self) -> str:
        in_flight = sum(queue.in_flight for queue in self._queues)
        return f"{self._invocations.running} invocations running, {in_flight} messages in flight, or messages waiting"


def _application(http: HttpListener, event_grid: EventGridListener, admin: AdminListener) -> web.Application:
    application = web.Application(client_max_size=_LARGEST_BODY)
    application.router.add_route("*", "/runtime/webhooks/{extension:(?i:eventgrid)}", event_grid.handle)
    application.router.add_get("/admin/host/status", admin.state)
    application.router.add_get("/admin/functions", admin.functions)
    application.router.add_post("/admin/functions/{name}", admin.run)
    application.router.add_route("*", "/{path:(?s:.*)}", http.handle)
    return application


def _background(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    task = asyncio.create_task(work, name=f"{name} listener")
    task.add_done_callback(_tell_if_broken)
    return task


def _tell_if_broken(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("Listener ended", extra={"listener": task.get_name()}, exc_info=error)


async def _cancelled(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)


@contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _only_one() -> Iterator[None]:
    if _RUNNING:
        raise RuntimeError("a host runs in this process already: start another one as a HostProcess")
    _RUNNING.append(True)
    try:
        yield
    finally:
        _RUNNING.clear()


# The worker library has one registry for each process.
_RUNNING: list[bool] = []
