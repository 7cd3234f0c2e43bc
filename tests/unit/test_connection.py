"""A command finds what runs, and says clearly when nothing does."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from local.azure.emulator import Emulator
from local.connection import Connection, NothingRunningError, current, published

SOME = Connection(
    pid=os.getpid(),
    arm_url="https://localhost:1",
    ca_file="/nowhere/ca.pem",
    proxy_url="",
    tenant="",
    client_id="",
    client_secret="",
    identity_url="",
    identity_header="",
)


@pytest.fixture
async def azure() -> AsyncIterator[Emulator]:
    async with Emulator.start() as emulator:
        yield emulator


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "of its own" / "up.json"


def write(file: Path, connection: Connection) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(msgspec.json.encode(connection))


async def test_what_runs_is_found(azure: Emulator, file: Path) -> None:
    with published(Connection.to(azure), file):
        assert await asyncio.to_thread(current, file) == Connection.to(azure)


def test_the_file_stands_as_long_as_what_it_names_and_only_its_owner_reads_it(file: Path) -> None:
    with published(SOME, file):
        assert file.stat().st_mode & 0o077 == 0
    assert not file.exists()


def test_the_end_of_an_earlier_run_leaves_a_later_ones_file(file: Path) -> None:
    with published(SOME, file):
        write(file, msgspec.structs.replace(SOME, pid=1))
    assert file.exists()


def test_nothing_running_says_what_to_start(file: Path) -> None:
    with pytest.raises(NothingRunningError, match=r"Nothing is running here .*\./dev up"):
        current(file)


def test_a_file_of_a_run_that_died_is_told_from_one_that_lives(file: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    write(file, msgspec.structs.replace(SOME, pid=dead.pid))
    with pytest.raises(NothingRunningError, match=f"left by process {dead.pid}, which has ended"):
        current(file)


async def test_another_process_on_the_same_port_is_noticed(azure: Emulator, file: Path) -> None:
    async with Emulator.start() as other:
        write(file, msgspec.structs.replace(Connection.to(azure), ca_file=str(other.ca_file)))
        with pytest.raises(NothingRunningError, match="does not answer as it should"):
            await asyncio.to_thread(current, file)


def test_a_file_that_is_no_connection_is_named(file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.write_text(f'{{"pid": {os.getpid()}}}')
    with pytest.raises(NothingRunningError, match=r"cannot be read: .*armUrl.*Delete it"):
        current(file)
