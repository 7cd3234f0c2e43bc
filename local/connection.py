"""How a command of its own finds what `up` or `azure` runs: a small file that stands as long as they do."""

from __future__ import annotations

import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from local.azure.emulator import Emulator

FILE = Path(__file__).resolve().parents[1] / ".local" / "up.json"
_START = "Start it in another terminal: ./dev up (everything) or ./dev azure (the stand-in for Azure alone)."
_PATIENCE = 5.0


class NothingRunningError(Exception):
    """There is nothing to connect to; the message says why, and what to do."""


class Connection(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Where a running stand-in for Azure is, and who may log in.

    The client id and its secret are those of a service principal, the identity's URL and header those of the app.
    """

    pid: int
    arm_url: str
    ca_file: str
    proxy_url: str
    tenant: str
    client_id: str
    client_secret: str
    identity_url: str
    identity_header: str

    @classmethod
    def to(cls, azure: Emulator) -> Connection:
        """Give the connection to a stand-in that runs in this process."""
        pipeline = azure.entra.pipeline
        return cls(
            pid=os.getpid(),
            arm_url=azure.arm_url,
            ca_file=str(azure.ca_file),
            proxy_url=azure.proxy_url,
            tenant=pipeline.caller.tenant_id,
            client_id=pipeline.caller.app_id,
            client_secret=pipeline.secret,
            identity_url=azure.identity_url,
            identity_header=azure.identity.header,
        )


@contextmanager
def published(connection: Connection, file: Path = FILE) -> Iterator[None]:
    """Let other commands find it until the block is left; the latest of several wins."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(f".{connection.pid}")
    fresh.touch(mode=0o600)
    fresh.write_bytes(msgspec.json.format(msgspec.json.encode(connection)))
    fresh.replace(file)
    try:
        yield
    finally:
        if file.exists() and _read(file).pid == connection.pid:
            file.unlink()


def current(file: Path = FILE) -> Connection:
    """Find what runs; raises NothingRunningError where nothing does, or where a file was left by a run that died."""
    if not file.exists():
        raise NothingRunningError(f"Nothing is running here (there is no {file}). {_START}")
    connection = _read(file)
    if not _alive(connection.pid):
        raise NothingRunningError(f"{file} was left by process {connection.pid}, which has ended. {_START}")
    _greet(connection, file)
    return connection


def _read(file: Path) -> Connection:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Connection)
    except msgspec.DecodeError as error:
        raise NothingRunningError(f"{file} cannot be read: {error}. Delete it. {_START}") from error


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _greet(connection: Connection, file: Path) -> None:
    """See that it answers: with its own certificate, so that another process on the same port is noticed."""
    url = f"{connection.arm_url}/_emulator/time"
    try:
        context = ssl.create_default_context(cafile=connection.ca_file)
        direct = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        with direct.open(url, timeout=_PATIENCE) as answer:
            answer.read()
    except (OSError, urllib.error.URLError) as error:
        message = f"{file} names {connection.arm_url}, which does not answer as it should: {error}. {_START}"
        raise NothingRunningError(message) from error
