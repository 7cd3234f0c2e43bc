"""Events reach a webhook at least once, in either schema, and misbehave on request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from local.azure.calls import Json
from local.azure.emulator import Emulator
from local.azure.eventsubscriptions import Schema, Selection
from local.azure.faults import EventFault
from local.azure.post import HandshakeError
from tests.component.azure.fleet import CACHE, cache_id

ORIGIN = {"WebHook-Allowed-Origin": "eventgrid.azure.net", "WebHook-Allowed-Rate": "*"}


@dataclass(slots=True)
class Webhook:
    """A subscriber. ``answers`` are the statuses of the next deliveries, then 200; ``agrees`` is the handshake."""

    url: str = ""
    agrees: bool = True
    answers: list[int] = field(default_factory=list)
    received: list[Json] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    async def post(self, request: web.Request) -> web.Response:
        body: Any = await request.json()
        if request.headers.get("aeg-event-type") == "SubscriptionValidation":
            code = body[0]["data"]["validationCode"] if self.agrees else "wrong"
            return web.json_response({"validationResponse": code})
        self.headers.append(dict(request.headers))
        status = self.answers.pop(0) if self.answers else 200
        if status == 200:
            self.received += body if isinstance(body, list) else [body]
        return web.Response(status=status)

    async def options(self, request: web.Request) -> web.Response:
        assert request.headers["WebHook-Request-Origin"] == "eventgrid.azure.net"
        return web.Response(headers=ORIGIN if self.agrees else {})

    def subjects(self) -> list[str]:
        return [str(event["subject"]).rsplit("/", 1)[-1] for event in self.received]


@pytest.fixture
async def webhook() -> AsyncIterator[Webhook]:
    hook = Webhook()
    app = web.Application()
    app.router.add_post("/hook", hook.post)
    app.router.add_route("OPTIONS", "/hook", hook.options)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    hook.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield hook
    await runner.cleanup()


def tag(azure: Emulator, name: str = "cache-a", value: str = "x") -> None:
    azure.request("PATCH", f"{cache_id(name)}?api-version=2024-11-01", {"tags": {"a": value}})


async def test_events_come_in_the_event_grid_schema_one_to_an_array(azure: Emulator, webhook: Webhook) -> None:
    await azure.subscribe_events(webhook.url)
    tag(azure)
    await azure.quiet()
    (event,) = webhook.received
    assert (event["eventType"], event["subject"]) == ("Microsoft.Resources.ResourceWriteSuccess", CACHE)
    (headers,) = webhook.headers
    assert headers["aeg-event-type"] == "Notification"
    assert headers["aeg-delivery-count"] == "0"


async def test_events_come_as_cloud_events(azure: Emulator, webhook: Webhook) -> None:
    await azure.subscribe_events(webhook.url, Schema.CLOUD_EVENTS)
    tag(azure)
    await azure.quiet()
    assert webhook.received[0]["specversion"] == "1.0"
    assert webhook.headers[0]["Content-Type"].startswith("application/cloudevents+json")


@pytest.mark.parametrize("schema", list(Schema))
async def test_a_webhook_that_does_not_agree_gets_nothing(azure: Emulator, webhook: Webhook, schema: Schema) -> None:
    webhook.agrees = False
    with pytest.raises(HandshakeError):
        await azure.subscribe_events(webhook.url, schema)
    assert azure.delivery.subscriptions == {}


async def test_a_subscription_takes_what_it_selects(azure: Emulator, webhook: Webhook) -> None:
    await azure.subscribe_events(webhook.url, selection=Selection(subject="cache-b$"))
    tag(azure, "cache-a")
    tag(azure, "cache-b")
    await azure.quiet()
    assert webhook.subjects() == ["cache-b"]


async def test_a_refused_delivery_is_tried_again(azure: Emulator, webhook: Webhook) -> None:
    await azure.subscribe_events(webhook.url)
    webhook.answers = [500, 503]
    tag(azure)
    await azure.quiet()
    assert [headers["aeg-delivery-count"] for headers in webhook.headers] == ["0", "1", "2"]
    assert [attempt.status for attempt in azure.delivery.attempts] == [500, 503, 200]


@pytest.mark.parametrize("status", [400, 401, 403, 413])
async def test_a_final_refusal_drops_the_event(azure: Emulator, webhook: Webhook, status: int) -> None:
    await azure.subscribe_events(webhook.url)
    webhook.answers = [status]
    tag(azure)
    await azure.quiet()
    assert webhook.received == []
    assert len(azure.delivery.dropped) == 1


async def test_an_event_can_come_twice(azure: Emulator, webhook: Webhook) -> None:
    await azure.subscribe_events(webhook.url)
    azure.faults.add(EventFault("duplicate", count=1))
    tag(azure)
    await azure.quiet()
    first, second = webhook.received
    assert first == second


async def test_an_event_can_be_lost(azure: Emulator, webhook: Webhook) -> None:
    await azure.subscribe_events(webhook.url)
    azure.faults.add(EventFault("drop", operation="redis/write", count=1))
    tag(azure, "cache-a")
    tag(azure, "cache-b")
    await azure.quiet()
    assert webhook.subjects() == ["cache-b"]


async def test_an_event_can_be_late(azure: Emulator, webhook: Webhook) -> None:
    await azure.subscribe_events(webhook.url)
    azure.faults.add(EventFault("delay", subject="cache-a", seconds=200))
    tag(azure, "cache-a")
    tag(azure, "cache-b")
    await azure.quiet()
    assert webhook.subjects() == ["cache-b", "cache-a"]


async def test_events_can_come_in_another_order(azure: Emulator, webhook: Webhook) -> None:
    await azure.subscribe_events(webhook.url)
    azure.faults.add(EventFault("reorder", count=1))
    tag(azure, "cache-a")
    tag(azure, "cache-b")
    await azure.quiet()
    assert webhook.subjects() == ["cache-b", "cache-a"]
