"""A host in a process of its own: a worker that can be killed, and several of them beside each other.

The child watches its standard input, which only this process holds open: it ends with its parent, however
the parent ends.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO
from urllib.parse import urlencode

from local.host.options import HostKeys, HostOptions

KEYS_VARIABLE = "LOCAL_HOST_KEYS"
_ROOT = Path(__file__).resolve().parents[2]
_START_LIMIT = 60
_STOP_LIMIT = 60


class HostProcess:
    """A running `python -m local.host`: made by `start`."""

    def __init__(self, process: asyncio.subprocess.Process, url: str, keys: HostKeys) -> None:
        self.url = url
        self.keys = keys
        self._process = process

    @classmethod
    async def start(
        cls,
        app_dir: Path,
        env: Mapping[str, str],
        port: int = 0,
        options: HostOptions | None = None,
        log: IO[bytes] | None = None,
    ) -> "HostProcess":
        """Start a worker with this process's environment and `env`, and wait until it serves.

        Of the options, the clock and the HTTP limit stay behind. `log` takes what the worker writes to standard
        error (default: this process's). Raises RuntimeError when the worker ends before it is ready.
        """
        chosen = options or HostOptions()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *_arguments(app_dir, port or chosen.port, chosen),
            env={**os.environ, **env, KEYS_VARIABLE: _keys_text(chosen.keys)},
            cwd=_ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            # Ctrl-C in a terminal is for the parent, which then ends its children in order.
            start_new_session=True,
        )
        try:
            return cls(process, await _url(process), chosen.keys)
        except BaseException:
            await cls(process, "", chosen.keys).kill()
            raise

    @classmethod
    @asynccontextmanager
    async def running(
        cls, app_dir: Path, env: Mapping[str, str], options: HostOptions | None = None
    ) -> AsyncIterator["HostProcess"]:
        """`start`, and `stop` at the end of the block."""
        host = await cls.start(app_dir, env, options=options)
        try:
            yield host
        finally:
            await host.stop()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def function_key(self) -> str:
        return self.keys.function

    @property
    def admin_key(self) -> str:
        return self.keys.admin

    def event_grid_url(self, function: str) -> str:
        """Name the webhook that an event subscription delivers to, key included."""
        query = urlencode({"functionName": function, "code": self.keys.event_grid})
        return f"{self.url}/runtime/webhooks/EventGrid?{query}"

    async def stop(self) -> int:
        """End it as `FunctionsHost.stop` does; the exit status.

        Raises TimeoutError, having killed it, when a function still runs after a minute.
        """
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(_STOP_LIMIT):
                return await self._process.wait()
        except TimeoutError:
            await self.kill()
            raise

    async def kill(self) -> None:
        """SIGKILL: whatever it was doing ends between two instructions."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()


def _arguments(app_dir: Path, port: int, options: HostOptions) -> list[str]:
    arguments = [
        "-m",
        "local.host",
        f"--app={app_dir.resolve()}",
        f"--port={port}",
        f"--in-flight-visibility={options.in_flight_visibility.total_seconds()}",
        f"--longest-poll={options.longest_poll.total_seconds()}",
        "--until-stdin-closes",
    ]
    return arguments if options.timers else [*arguments, "--no-timers"]


def _keys_text(keys: HostKeys) -> str:
    return json.dumps({"function": keys.function, "admin": keys.admin, "event_grid": keys.event_grid})


async def _url(process: asyncio.subprocess.Process) -> str:
    """Read the address from the ready line."""
    if process.stdout is None:
        raise RuntimeError("the worker's output is not piped")
    async with asyncio.timeout(_START_LIMIT):
        line = await process.stdout.readline()
    if not line:
        raise RuntimeError(f"the worker ended with status {await process.wait()} before it was ready")
    return str(json.loads(line)["url"])
