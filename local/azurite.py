"""Azurite, Microsoft's emulator of Azure Storage, as a child of this process.

It listens on free ports, keeps everything in memory unless told where to keep it, and ends with its parent
however the parent ends: it watches its standard input, which only this process holds open.
"""

import base64
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_ROOT = Path(__file__).resolve().parents[1]
_SCRIPT = Path("node_modules", "azurite", "dist", "src", "azurite.js")
_LISTENING = re.compile(r"Azurite (Blob|Queue|Table) service is successfully listening at (\S+)")
_SERVICES = 3
_END_WITH_PARENT = 'data:text/javascript,process.stdin.resume();process.stdin.on("close",()=>process.exit(0))'
_STOP_LIMIT = 10
# Not a secret: anybody may know the key of a laptop's emulator.
_KEY = base64.b64encode(b"a key for a laptop, known to all").decode()


@dataclass(frozen=True, slots=True)
class AzuriteEndpoints:
    """Where the three services listen, as `http://127.0.0.1:PORT`."""

    blob: str
    queue: str
    table: str

    def connection_string(self, account: str = "devstoreaccount1") -> str:
        """Say where an account is, as the storage SDKs and a Functions setting take it."""
        return (
            f"DefaultEndpointsProtocol=http;AccountName={account};AccountKey={_KEY};"
            f"BlobEndpoint={self.blob}/{account};QueueEndpoint={self.queue}/{account};"
            f"TableEndpoint={self.table}/{account};"
        )


class Azurite:
    """A running Azurite: made by `start`.

    It serves `devstoreaccount1` and as many other accounts as asked for, each as empty and as apart from the others
    as a storage account is.
    """

    def __init__(self, process: subprocess.Popen[bytes], endpoints: AzuriteEndpoints, accounts: int) -> None:
        self.endpoints = endpoints
        self.accounts = tuple(_accounts(accounts))
        self._process = process

    @classmethod
    def start(cls, data_dir: Path | None = None, accounts: int = 0) -> "Azurite":
        """Start it and wait until it listens (about three seconds).

        `data_dir` keeps the data there. Raises FileNotFoundError when it is not installed and RuntimeError
        with its own words when it ends before it listens.
        """
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                _command(data_dir),
                env={**os.environ, "AZURITE_ACCOUNTS": _account_list(accounts)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                # Ctrl-C in a terminal is for the parent: whoever uses the storage ends first.
                start_new_session=True,
            )
            try:
                return cls(process, _endpoints(process, errors), accounts)
            except BaseException:
                _end(process)
                raise

    @classmethod
    @contextmanager
    def running(cls, data_dir: Path | None = None, accounts: int = 0) -> Iterator["Azurite"]:
        """`start`, and `stop` at the end of the block."""
        azurite = cls.start(data_dir, accounts)
        try:
            yield azurite
        finally:
            azurite.stop()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def connection_string(self) -> str:
        return self.endpoints.connection_string()

    def stop(self) -> None:
        _end(self._process)


def _end(process: subprocess.Popen[bytes]) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
    try:
        process.wait(_STOP_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _command(data_dir: Path | None) -> list[str]:
    script = _ROOT / _SCRIPT
    if not script.is_file():
        raise FileNotFoundError(f"{script} is missing: run `npm ci` in {_ROOT}")
    kept = ["--inMemoryPersistence"] if data_dir is None else ["--location", str(data_dir)]
    ports = ["--blobPort", "0", "--queuePort", "0", "--tablePort", "0"]
    # Today's storage SDKs send a newer API version than Azurite knows, hence skipApiVersionCheck.
    quiet = ["--skipApiVersionCheck", "--silent", "--loose", "--disableTelemetry"]
    return ["node", "--import", _END_WITH_PARENT, str(script), *ports, *kept, *quiet]


def _accounts(count: int) -> Iterator[str]:
    return (f"account{number:04}" for number in range(count))


def _account_list(count: int) -> str:
    return ";".join(f"{name}:{_KEY}" for name in ["devstoreaccount1", *_accounts(count)])


def _endpoints(process: subprocess.Popen[bytes], errors: IO[bytes]) -> AzuriteEndpoints:
    found: dict[str, str] = {}
    for line in process.stdout or ():
        if listening := _LISTENING.search(line.decode()):
            found[listening[1]] = listening[2]
        if len(found) == _SERVICES:
            return AzuriteEndpoints(found["Blob"], found["Queue"], found["Table"])
    errors.seek(0)
    raise RuntimeError(f"Azurite ended before it listened: {errors.read().decode().strip()}")
