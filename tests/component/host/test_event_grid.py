import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from local.host import FunctionsHost
from tests.component.host.world import World


def event(number: int, subject: str | None = None) -> dict[str, Any]:
    return {
        "id": str(number),
        "topic": "/subscriptions/s",
        "subject": subject,
        "eventType": "Microsoft.Resources.ResourceWriteSuccess",
        "eventTime": "2026-11-23T10:00:00Z",
        "data": {},
        "dataVersion": "2",
    }


def cloud_event(number: int, subject: str | None = None) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": str(number),
        "source": "/subscriptions/s",
        "subject": subject,
        "type": "Microsoft.Resources.ResourceWriteSuccess",
        "time": "2026-11-23T10:00:00Z",
        "data": {},
    }


@pytest.mark.parametrize(
    ("content_type", "body", "seen"),
    [
        ("application/json", [event(1), event(2)], [("1", "EventGridEvent"), ("2", "EventGridEvent")]),
        ("application/cloudevents+json", cloud_event(1), [("1", "CloudEvent")]),
        (
            "application/cloudevents-batch+json",
            [cloud_event(1), cloud_event(2)],
            [("1", "CloudEvent"), ("2", "CloudEvent")],
        ),
    ],
)
async def test_each_event_is_one_invocation(
    content_type: str,
    body: object,
    seen: list[tuple[str, str]],
    app_dir: Path,
    world: World,
    client: aiohttp.ClientSession,
) -> None:
    headers = {"Content-Type": content_type, "aeg-event-type": "Notification"}
    async with (
        FunctionsHost.start(app_dir, world.settings) as host,
        client.post(host.event_grid_url("on_event"), data=json.dumps(body), headers=headers) as answer,
    ):
        assert answer.status == 202

    assert [(event["id"], event["kind"]) for event in world.seen("on_event")] == seen


async def test_one_failed_event_fails_the_request_so_that_all_are_redelivered(
    app_dir: Path, world: World, client: aiohttp.ClientSession
) -> None:
    async with (
        FunctionsHost.start(app_dir, world.settings) as host,
        client.post(host.event_grid_url("on_event"), json=[event(1), event(2, "fail")]) as answer,
    ):
        assert answer.status == 500
        assert "failed on purpose" in await answer.text()


async def test_a_list_set_as_output_becomes_one_message_each(
    app_dir: Path, world: World, client: aiohttp.ClientSession
) -> None:
    async with FunctionsHost.start(app_dir, world.settings) as host:
        async with client.post(host.event_grid_url("on_event"), json=[event(1, "a+b+c")]) as answer:
            assert answer.status == 202
        await host.idle(5)

    assert sorted(message["body"] for message in world.seen("on_work")) == ["a", "b", "c"]


async def test_an_output_that_cannot_be_written_fails_the_event(
    app_dir: Path, world: World, client: aiohttp.ClientSession
) -> None:
    too_big = "x" * 70_000
    async with FunctionsHost.start(app_dir, world.settings) as host:
        async with client.post(host.event_grid_url("on_event"), json=[event(1, too_big)]) as answer:
            assert answer.status == 500
        await host.idle(5)

        (run,) = host.invocations
        assert not run.ok
        assert "RequestBodyTooLarge" in (run.error or "")


async def test_a_subscription_in_event_grid_schema_is_validated_by_its_code(
    app_dir: Path, world: World, client: aiohttp.ClientSession
) -> None:
    handshake = {
        **event(1),
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "data": {"validationCode": "512d38b6", "validationUrl": "https://example.invalid"},
    }
    headers = {"aeg-event-type": "SubscriptionValidation"}
    async with (
        FunctionsHost.start(app_dir, world.settings) as host,
        client.post(host.event_grid_url("on_event"), json=[handshake], headers=headers) as answer,
    ):
        assert answer.status == 200
        assert await answer.json() == {"validationResponse": "512d38b6"}

    assert world.seen("on_event") == []


async def test_a_subscription_in_cloudevents_schema_is_validated_by_its_origin(
    app_dir: Path, world: World, client: aiohttp.ClientSession
) -> None:
    headers = {"WebHook-Request-Origin": "eventgrid.azure.net"}
    async with (
        FunctionsHost.start(app_dir, world.settings) as host,
        client.options(host.event_grid_url("on_event"), headers=headers) as answer,
    ):
        assert answer.status == 200
        assert answer.headers["WebHook-Allowed-Origin"] == "eventgrid.azure.net"
        assert answer.headers["WebHook-Allowed-Rate"] == "*"


@pytest.mark.parametrize(
    ("query", "body", "status"),
    [
        ({"functionName": "on_event"}, [event(1)], 401),
        ({"functionName": "on_event", "code": "wrong"}, [event(1)], 401),
        ({"functionName": "nothing", "code": "{key}"}, [event(1)], 404),
        ({"functionName": "ON_EVENT", "code": "{key}"}, [event(1)], 202),
        ({"functionName": "on_event", "code": "{key}"}, ["text"], 400),
        ({"functionName": "on_event", "code": "{key}"}, [], 202),
    ],
)
async def test_who_may_deliver_what(
    query: Mapping[str, str],
    body: object,
    status: int,
    app_dir: Path,
    world: World,
    client: aiohttp.ClientSession,
) -> None:
    async with FunctionsHost.start(app_dir, world.settings) as host:
        filled = {name: value.format(key=host.options.keys.event_grid) for name, value in query.items()}
        async with client.post(f"{host.url}/runtime/webhooks/eventgrid", params=filled, json=body) as answer:
            assert answer.status == status
