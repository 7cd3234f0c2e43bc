from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local.host import FunctionsHost, HostOptions
from tests.component.host.conftest import SAMPLE
from tests.component.host.world import World, base64_text, eventually, write_app

SOON = HostOptions(in_flight_visibility=timedelta(seconds=2), longest_poll=timedelta(seconds=0.2))


def queues(**settings: object) -> Mapping[str, Any]:
    return {"version": "2.0", "extensions": {"queues": {"messageEncoding": "none", **settings}}}


async def test_a_message_reaches_the_function_with_its_metadata_and_is_deleted(app_dir: Path, world: World) -> None:
    async with FunctionsHost.start(app_dir, world.settings, SOON) as host:
        await world.put("äpfel")
        await host.idle(10)
        await eventually(lambda: bool(host.invocations))

    (message,) = world.seen("on_work")
    inserted, expires, visible = (datetime.fromisoformat(message[key]) for key in ("inserted", "expires", "visible"))
    assert (message["body"], message["count"], message["receipt"]) == ("äpfel", 1, True)
    assert expires - inserted == timedelta(days=7)
    assert timedelta(0) < visible - inserted <= timedelta(seconds=10)
    assert await world.depth("work") == 0


async def test_a_message_that_keeps_failing_ends_in_the_poison_queue_after_max_dequeue_count(
    app_dir: Path, world: World
) -> None:
    async with FunctionsHost.start(app_dir, world.settings, SOON) as host:
        await world.put("fail")
        await eventually(lambda: len(host.invocations) == 2)
        await host.idle(10)

    assert [message["count"] for message in world.seen("on_work")] == [1, 2]
    assert await world.depth("work") == 0
    assert await world.messages("work-poison") == ["fail"]


async def test_a_message_that_fails_in_a_poison_queue_is_never_lost(app_dir: Path, world: World) -> None:
    settings = {**world.settings, "WORK_QUEUE": "work-poison"}
    async with FunctionsHost.start(app_dir, settings, SOON) as host:
        await world.put("fail", "work-poison")
        await eventually(lambda: len(host.invocations) == 2)
        await host.idle(10)

    assert await world.depth("work-poison") == 1


async def test_a_failed_message_stays_hidden_for_the_visibility_timeout(tmp_path: Path, world: World) -> None:
    app = write_app(tmp_path / "app", SAMPLE.read_text(), queues(visibilityTimeout="01:00:00"))
    async with FunctionsHost.start(app, world.settings, SOON) as host:
        await world.put("fail")
        await eventually(lambda: len(host.invocations) == 1)
        await host.idle(10)

    assert await world.messages("work") == []
    assert await world.depth("work") == 1


async def test_a_running_function_keeps_its_message_hidden(app_dir: Path, world: World) -> None:
    options = HostOptions(in_flight_visibility=timedelta(seconds=1), longest_poll=timedelta(seconds=0.2))
    async with FunctionsHost.start(app_dir, world.settings, options) as host:
        await world.put("slow")
        await eventually(lambda: bool(world.seen("on_work")))
        first = datetime.fromisoformat(world.seen("on_work")[0]["visible"])
        await eventually(lambda: datetime.now(first.tzinfo) > first + timedelta(seconds=1.5))
        world.open_gate()
        await host.idle(10)

    assert [message["count"] for message in world.seen("on_work")] == [1]
    assert await world.depth("work") == 0


async def test_the_message_of_a_killed_worker_comes_back(app_dir: Path, world: World) -> None:
    async with FunctionsHost.start(app_dir, world.settings, SOON) as host:
        await world.put("slow")
        await eventually(lambda: bool(world.seen("on_work")))
        await host.kill()
        assert [run.error for run in host.invocations] == ["killed with its worker"]
    assert await world.depth("work") == 1

    world.open_gate()
    async with FunctionsHost.start(app_dir, world.settings, SOON) as host:
        await eventually(lambda: bool(world.seen("done")))
        await host.idle(10)

    assert [message["count"] for message in world.seen("on_work")] == [1, 2]
    assert await world.depth("work") == 0


async def test_a_stopped_host_finishes_what_it_took(app_dir: Path, world: World) -> None:
    async with FunctionsHost.start(app_dir, world.settings, SOON):
        await world.put("slow")
        await eventually(lambda: bool(world.seen("on_work")))
        world.open_gate()

    assert len(world.seen("done")) == 1
    assert await world.depth("work") == 0


async def test_no_more_than_batch_size_and_threshold_messages_run_at_once(tmp_path: Path, world: World) -> None:
    app = write_app(tmp_path / "app", SAMPLE.read_text(), queues(batchSize=2, newBatchThreshold=1))
    async with FunctionsHost.start(app, world.settings, SOON) as host:
        for number in range(6):
            await world.put(f"slow {number}")
        await eventually(lambda: len(world.seen("on_work")) >= 2)
        started = len(world.seen("on_work"))
        world.open_gate()
        await eventually(lambda: len(world.seen("done")) == 6)
        await host.idle(10)

    assert started <= 3


async def test_messages_in_base64_are_decoded_and_others_are_poison(tmp_path: Path, world: World) -> None:
    app = write_app(tmp_path / "app", SAMPLE.read_text(), queues(messageEncoding="base64"))
    async with FunctionsHost.start(app, world.settings, SOON) as host:
        await world.put("plain!")
        await world.put(base64_text("encoded"))
        await eventually(lambda: len(world.seen("on_work")) == 1)
        await host.idle(10)

    assert [message["body"] for message in world.seen("on_work")] == ["encoded"]
    assert await world.messages("work-poison") == ["plain!"]


async def test_idle_names_what_is_still_to_do(app_dir: Path, world: World) -> None:
    async with FunctionsHost.start(app_dir, world.settings, SOON) as host:
        await world.put("slow")
        await eventually(lambda: bool(world.seen("on_work")))
        with pytest.raises(TimeoutError, match="1 invocations running, 1 messages in flight"):
            await host.idle(0.2)
        world.open_gate()


async def test_a_connection_that_is_not_set_is_named_at_the_start(app_dir: Path, world: World) -> None:
    settings = {name: value for name, value in world.settings.items() if name != "WorkStorage"}
    with pytest.raises(ValueError, match="setting WorkStorage holds no connection string"):
        async with FunctionsHost.start(app_dir, settings):
            pass
