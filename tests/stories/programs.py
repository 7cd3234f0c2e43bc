"""The programs of others that these tests run, each as it was published, and told only where Azure is."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.azcli import AzureCli
from local.connection import Connection

ROOT = Path(__file__).parents[2]


def python_of(name: str) -> Path:
    """Give the interpreter that a program is installed for; skips where it is not."""
    found = ROOT / ".dev" / "tools" / name / "bin" / "python"
    if not found.exists():
        pytest.skip(f"{name} is not installed; ./dev stories installs what these tests need")
    return found


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended, and what it said."""

    status: int
    out: str
    err: str


@asynccontextmanager
async def running(command: Sequence[str], environment: Mapping[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program while the block lasts; at its end it is stopped, if it has not ended."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=pipe, stderr=pipe)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def ended(command: Sequence[str], environment: Mapping[str, str]) -> Ended:
    """Run a program to its end."""
    async with running(command, environment) as process:
        out, err = await process.communicate()
        return Ended(process.returncode or 0, out.decode(), err.decode())


@dataclass(frozen=True, slots=True)
class Az:
    """Microsoft's Azure CLI, logged in; what it is asked and how long it took is printed."""

    cli: AzureCli

    @classmethod
    async def logged_in(cls, connection: Connection, folder: Path, who: str = "pipeline") -> Az:
        cli = AzureCli(python_of("azcli"), connection, folder, who)
        await asyncio.to_thread(cli.ready)
        return cls(cli)

    async def __call__(self, line: str) -> Any:  # noqa: ANN401 - JSON
        """Run a command and give what it answers; fails with az's own words."""
        begun = time.monotonic()
        done = await ended(self._command(line), self.cli.environment)
        print(f"$ az {_short(line)}   [{time.monotonic() - begun:.1f} s]", flush=True)
        assert done.status == 0, f"az {line} ended with {done.status}:\n{done.err}"
        return json.loads(done.out) if done.out.strip() else None

    async def refused(self, line: str) -> str:
        """Run a command that has to fail, and give its error."""
        done = await ended(self._command(line), self.cli.environment)
        print(f"$ az {_short(line)}   [refused]", flush=True)
        assert done.status != 0, f"az {line} was done: {done.out}"
        return done.err

    def begun(self, line: str) -> Any:  # noqa: ANN401 - the context manager of running
        """Begin a command that does not end soon; it is stopped at the end of the block."""
        print(f"$ az {_short(line)}   [in the background]", flush=True)
        return running(self._command(line), self.cli.environment)

    def _command(self, line: str) -> list[str]:
        return self.cli.command([*shlex.split(line), "--output", "json", "--only-show-errors"])


def _short(line: str) -> str:
    """Leave out of an id what is the same in all of them."""
    return line.replace("/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups", "…")


@dataclass(frozen=True, slots=True)
class Custodian:
    """Cloud Custodian behind the proxy that leads Azure's own names to the stand-in, since it knows no other cloud."""

    connection: Connection
    subscription: str

    @property
    def environment(self) -> dict[str, str]:
        there = self.connection
        kept = {name: value for name, value in os.environ.items() if not name.upper().endswith("_PROXY")}
        return kept | {
            "HTTPS_PROXY": there.proxy_url,
            "REQUESTS_CA_BUNDLE": there.ca_file,
            "SSL_CERT_FILE": there.ca_file,
            "AZURE_TENANT_ID": there.tenant,
            "AZURE_CLIENT_ID": there.client_id,
            "AZURE_CLIENT_SECRET": there.client_secret,
            "AZURE_SUBSCRIPTION_ID": self.subscription,
        }

    async def run(self, policies: Path, output: Path) -> Mapping[str, list[Any]]:
        """Run every policy of a file; gives the resources that each found."""
        arguments = ["run", "--cache-period", "0", "--output-dir", str(output), str(policies)]
        done = await ended([str(python_of("custodian")), "-m", "c7n.cli", *arguments], self.environment)
        print(f"$ custodian run {policies.name}\n{done.err}", flush=True)
        # It ends with 0 whatever happened: what went wrong is said in its log only.
        assert done.status == 0, done.err
        assert "ERROR" not in done.err, done.err
        found = await asyncio.to_thread(_resources, output)
        return {name: json.loads(text) for name, text in found.items()}


def _resources(output: Path) -> dict[str, str]:
    return {file.parent.name: file.read_text("utf-8") for file in sorted(output.glob("*/resources.json"))}
