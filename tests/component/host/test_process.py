import asyncio
import json
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from local.azurite import Azurite
from local.host import HostKeys, HostOptions, HostProcess
from tests.component.host.world import World, eventually

ROOT = Path(__file__).resolve().parents[3]
SOON = HostOptions(in_flight_visibility=timedelta(seconds=2), longest_poll=timedelta(seconds=0.2))


async def test_the_message_of_a_worker_ended_by_sigkill_comes_back(app_dir: Path, world: World) -> None:
    worker = await HostProcess.start(app_dir, world.settings, options=SOON)
    await world.put("slow")
    await eventually(lambda: bool(world.seen("on_work")))
    await worker.kill()
    world.open_gate()

    async with HostProcess.running(app_dir, world.settings, SOON):
        await eventually(lambda: bool(world.seen("done")))

    assert [message["count"] for message in world.seen("on_work")] == [1, 2]
    assert await world.depth("work") == 0


async def test_a_worker_serves_with_the_keys_it_was_given(
    app_dir: Path, world: World, client: aiohttp.ClientSession
) -> None:
    options = HostOptions(keys=HostKeys(function="a known key"))
    async with (
        HostProcess.running(app_dir, world.settings, options) as worker,
        client.get(f"{worker.url}/api/keyed", params={"code": "a known key"}) as answer,
    ):
        assert await answer.text() == "with a key"


async def test_a_worker_that_cannot_index_does_not_start(tmp_path: Path, world: World) -> None:
    with (tmp_path / "log").open("wb") as log, pytest.raises(RuntimeError, match="ended with status 1"):
        await HostProcess.start(tmp_path, world.settings, log=log)

    assert f"There is no function_app.py in {tmp_path}" in (tmp_path / "log").read_text()


PARENT = """
import asyncio, json, sys
from pathlib import Path
from local.azurite import Azurite
from local.host import HostProcess

async def main() -> None:
    azurite = Azurite.start()
    worker = await HostProcess.start(Path(sys.argv[1]), json.loads(sys.argv[2]))
    print(azurite.pid, worker.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_children_end_with_their_parent_however_it_ends(app_dir: Path, world: World) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", PARENT, str(app_dir), json.dumps(world.settings)),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    assert parent.stdout is not None
    children = [int(pid) for pid in (await parent.stdout.readline()).split()]
    assert len(children) == 2
    parent.send_signal(signal.SIGKILL)
    await parent.wait()

    await eventually(lambda: not any(alive(pid) for pid in children))


def alive(pid: int) -> bool:
    """Whether the process exists and is more than a remnant that nobody has waited for."""
    status = Path(f"/proc/{pid}/stat")
    if status.parent.parent.joinpath("self").exists():
        return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_azurite_that_cannot_start_says_why(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()

    with pytest.raises(RuntimeError, match="Azurite ended before it listened"):
        Azurite.start(data_dir=blocked / "inside")
