import json
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from local.host import FunctionsHost, HostOptions
from tests.component.host.conftest import SAMPLE
from tests.component.host.world import World, eventually, write_app


async def test_a_request_reaches_the_function_whole(app_dir: Path, world: World, client: aiohttp.ClientSession) -> None:
    async with FunctionsHost.start(app_dir, world.settings) as host:
        url = f"{host.url}/API/Things/a%20b/7?q=1&q=2"
        async with client.put(url, headers={"X-Sent": "yes"}) as answer:
            assert answer.status == 200
            assert answer.content_type == "application/json"
            assert await answer.json() == {
                "method": "PUT",
                "route": {"name": "a b", "number": "7"},
                "query": {"q": "1,2"},
                "header": "yes",
            }


async def test_a_binary_body_goes_in_and_out_unchanged(
    app_dir: Path, world: World, client: aiohttp.ClientSession
) -> None:
    body = bytes(range(256))
    async with (
        FunctionsHost.start(app_dir, world.settings) as host,
        client.post(f"{host.url}/api/files/a/b.bin", data=body) as answer,
    ):
        assert answer.status == 201
        assert answer.headers["X-Path"] == "a/b.bin"
        assert answer.content_type == "application/octet-stream"
        assert await answer.read() == body[::-1]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/things/x", 200),
        ("GET", "/api/things/x/not-a-number", 404),
        ("POST", "/api/things/x", 404),
        ("GET", "/things/x", 404),
        ("GET", "/api/keyed", 401),
        ("GET", "/api/keyed?code=wrong", 401),
        ("GET", "/api/keyed?code={function}", 200),
        ("GET", "/api/keyed?code={admin}", 200),
        ("GET", "/api/administered?code={function}", 401),
        ("GET", "/api/administered?code={admin}", 200),
        ("GET", "/api/broken", 500),
        ("GET", "/admin/host/status", 401),
        ("GET", "/admin/host/status?code={admin}", 200),
        ("POST", "/admin/functions/nothing?code={admin}", 404),
    ],
)
async def test_what_a_caller_may(
    method: str, path: str, status: int, app_dir: Path, world: World, client: aiohttp.ClientSession
) -> None:
    async with FunctionsHost.start(app_dir, world.settings) as host:
        url = host.url + path.format(function=host.function_key, admin=host.admin_key)
        async with client.request(method, url) as answer:
            assert answer.status == status


async def test_a_line_break_in_a_path_is_a_letter_like_others(
    app_dir: Path, world: World, client: aiohttp.ClientSession
) -> None:
    async with (
        FunctionsHost.start(app_dir, world.settings) as host,
        client.put(URL(f"{host.url}/api/things/a%0D%0Ab/7", encoded=True)) as answer,
    ):
        assert (await answer.json())["route"]["name"] == "a\r\nb"


async def test_a_key_may_come_in_the_header(app_dir: Path, world: World, client: aiohttp.ClientSession) -> None:
    async with (
        FunctionsHost.start(app_dir, world.settings) as host,
        client.get(f"{host.url}/api/keyed", headers={"x-functions-key": host.function_key}) as answer,
    ):
        assert await answer.text() == "with a key"


async def test_the_more_literal_route_wins(app_dir: Path, world: World, client: aiohttp.ClientSession) -> None:
    async with (
        FunctionsHost.start(app_dir, world.settings) as host,
        client.get(f"{host.url}/api/things/special") as answer,
    ):
        assert await answer.text() == "special"


async def test_a_caller_is_let_go_after_the_limit_and_the_function_runs_on(
    app_dir: Path, world: World, client: aiohttp.ClientSession
) -> None:
    options = HostOptions(http_limit=timedelta(seconds=0.05))
    async with FunctionsHost.start(app_dir, world.settings, options) as host:
        async with client.get(f"{host.url}/api/slow") as answer:
            assert answer.status == 504
        world.open_gate()
        await eventually(lambda: [run.ok for run in host.invocations] == [True])


async def test_a_function_that_exceeds_function_timeout_fails(
    tmp_path: Path, world: World, client: aiohttp.ClientSession
) -> None:
    app = write_app(tmp_path / "app", SAMPLE.read_text(), {"version": "2.0", "functionTimeout": "00:00:00.1"})
    async with (
        FunctionsHost.start(app, world.settings) as host,
        client.get(f"{host.url}/api/slow") as answer,
    ):
        assert answer.status == 500
        assert [run.error for run in host.invocations] == [
            "Timeout value of 0:00:00.100000 was exceeded by function: slow"
        ]


async def test_the_journal_tells_what_ran_and_what_failed(
    app_dir: Path, world: World, client: aiohttp.ClientSession
) -> None:
    async with FunctionsHost.start(app_dir, world.settings) as host:
        for path in ("/api/things/x", "/api/broken"):
            async with client.get(host.url + path) as answer:
                await answer.read()

        fine, broken = host.invocations

    assert (fine.function, fine.ok, fine.error) == ("things", True, None)
    assert (broken.function, broken.ok, broken.error) == ("broken", False, "LookupError('broken on purpose')")


async def test_a_function_run_by_hand_is_accepted_and_runs(
    app_dir: Path, world: World, client: aiohttp.ClientSession
) -> None:
    async with FunctionsHost.start(app_dir, world.settings) as host:
        headers = {"x-functions-key": host.admin_key}
        for name, given in (("tick", None), ("on_work", "by hand"), ("on_event", json.dumps({"id": "by hand"}))):
            async with client.post(
                f"{host.url}/admin/functions/{name}", json={"input": given} if given else {}, headers=headers
            ) as answer:
                assert answer.status == 202
        await host.idle(5)

    assert len(world.seen("tick")) == 1
    assert [message["body"] for message in world.seen("on_work")] == ["by hand"]
    assert [event["id"] for event in world.seen("on_event")] == ["by hand"]
