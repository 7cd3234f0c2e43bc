"""Runs functions: each invocation is a task of the host's one event loop, timed, logged and kept in the journal."""

import asyncio
import logging
import time
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from azure.core.exceptions import AzureError

from local.host import worker_library
from local.host.bindings import Function
from local.host.queue_storage import QueueStorage
from local.host.worker_library import Datum, Outcome

_log = logging.getLogger("local.host")
_JOURNAL_LENGTH = 100_000


@dataclass(frozen=True, slots=True)
class Invocation:
    """One ended invocation: `error` is the exception's repr when it failed."""

    function: str
    invocation_id: str
    started: datetime
    seconds: float
    ok: bool
    error: str | None


class Invocations:
    """What runs now, and what ran."""

    def __init__(self, storage: QueueStorage, timeout: timedelta | None) -> None:
        self._storage = storage
        self._timeout = timeout
        self._running: set[asyncio.Task[Outcome]] = set()
        self.begun = 0
        self.journal: deque[Invocation] = deque(maxlen=_JOURNAL_LENGTH)

    @property
    def running(self) -> int:
        return len(self._running)

    def begin(
        self, function: Function, inputs: Mapping[str, Datum], metadata: Mapping[str, Datum] | None = None
    ) -> asyncio.Task[Outcome]:
        """Start one invocation. Whoever awaits the task may give up without the function noticing."""
        task = asyncio.create_task(self._run(function, inputs, metadata or {}), name=function.name)
        self._running.add(task)
        self.begun += 1
        task.add_done_callback(self._running.discard)
        return task

    async def ended(self, invocation: asyncio.Task[Outcome], limit: timedelta | None = None) -> bool:
        """Wait for an invocation without ever cancelling it; False when `limit` passes first."""
        done, _ = await asyncio.wait([invocation], timeout=limit.total_seconds() if limit else None)
        return bool(done)

    async def drain(self) -> None:
        while self._running:
            await asyncio.wait(self._running)

    async def kill(self) -> None:
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)

    async def _run(self, function: Function, inputs: Mapping[str, Datum], metadata: Mapping[str, Datum]) -> Outcome:
        invocation_id, started, begun = str(uuid.uuid4()), datetime.now(UTC), time.perf_counter()
        fields = {"function": function.name, "invocation_id": invocation_id}
        _log.info("Executing function", extra=fields)
        error: str | None = None
        try:
            outcome = await self._within_timeout(function, invocation_id, inputs, metadata)
            error = outcome.error
        except BaseException as reason:
            error = "killed with its worker" if isinstance(reason, asyncio.CancelledError) else repr(reason)
            raise
        finally:
            seconds = time.perf_counter() - begun
            invocation = Invocation(function.name, invocation_id, started, seconds, error is None, error)
            self.journal.append(invocation)
            level = logging.INFO if invocation.ok else logging.ERROR
            _log.log(level, "Executed function", extra={**fields, "seconds": round(seconds, 3), "error": error})
        return outcome

    async def _within_timeout(
        self,
        function: Function,
        invocation_id: str,
        inputs: Mapping[str, Datum],
        metadata: Mapping[str, Datum],
    ) -> Outcome:
        limit = self._timeout.total_seconds() if self._timeout else None
        try:
            async with asyncio.timeout(limit):
                outcome = await worker_library.invoke(function.function_id, invocation_id, inputs, metadata)
                return await self._with_outputs_written(function, outcome) if outcome.ok else outcome
        except TimeoutError:
            # On Azure the host then ends the worker process; here the invocation alone is ended.
            return _failed(f"Timeout value of {self._timeout} was exceeded by function: {function.name}")

    async def _with_outputs_written(self, function: Function, outcome: Outcome) -> Outcome:
        """Let an output that cannot be written fail the invocation, as on Azure."""
        values = {**dict(outcome.outputs), "$return": outcome.returned}
        try:
            for output in function.queue_outputs:
                if (value := values.get(output.name)) is not None and value.type is not None:
                    await self._storage.write(output, value)
        except (AzureError, ValueError) as error:
            _log.exception("Output not written", extra={"function": function.name})
            return _failed(repr(error))
        return outcome


def _failed(error: str) -> Outcome:
    return Outcome(ok=False, returned=None, outputs=(), error=error, traceback=None)
