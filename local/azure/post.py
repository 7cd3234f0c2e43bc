"""How events leave: as requests to webhooks, as messages on storage queues, and as blobs of dead letters.

Sources: Microsoft's pages "Event Grid message delivery and retry", "Set dead-letter location and retry policy",
"Webhook event delivery" and "CloudEvents v1.0 schema". For the form of queue messages: issues 69702 (2021: plain text,
as Microsoft's quickstart said then) and 102923 (2022: Base64, and the quickstart outdated) of MicrosoftDocs/azure-docs,
and 232 of dapr/components-contrib (2020: Base64 of one event, no array).
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import assert_never
from xml.sax.saxutils import escape

import aiohttp

from local.azure.calls import Json
from local.azure.events import ResourceEvent
from local.azure.eventsubscriptions import Container, EventSubscription, Queue, Schema, Webhook

ORIGIN = "eventgrid.azure.net"
_STORAGE = "2023-11-03"


class HandshakeError(Exception):
    """The destination did not prove that it wants the events; the message says what it answered."""


@dataclass(slots=True)
class Post:
    """Carries events out; needs a running loop."""

    session: aiohttp.ClientSession
    scale: float

    async def greet(self, subscription: EventSubscription) -> None:
        """Ask a webhook whether it wants the events; raises HandshakeError where it does not agree."""
        match subscription.to, subscription.schema:
            case Webhook(url), Schema.EVENT_GRID:
                await self._validate(url, subscription.name)
            case Webhook(url), Schema.CLOUD_EVENTS:
                await self._ask(url)
            case _:
                pass

    async def put(self, subscription: EventSubscription, event: ResourceEvent, number: int) -> int:
        """Try to deliver one event, for the ``number``-th time from 0; gives the status, 0 for no answer."""
        match subscription.to:
            case Webhook(url):
                return await self._push(url, subscription, event, number)
            case Queue() as queue:
                return await self._enqueue(queue, subscription.rendered(event))
            case other:
                assert_never(other)

    async def keep(self, container: Container, name: str, letters: Sequence[Json]) -> int:
        """Write dead letters as one blob; gives the status."""
        url = container.account.blob(container.name, name)
        headers = {"x-ms-version": _STORAGE, "x-ms-blob-type": "BlockBlob"}
        status, _, _ = await self._call("PUT", url, headers, json.dumps(letters))
        return status

    async def _push(self, url: str, subscription: EventSubscription, event: ResourceEvent, number: int) -> int:
        headers = {"aeg-subscription-name": subscription.name, "aeg-delivery-count": str(number)}
        rendered = subscription.rendered(event)
        body: Json | list[Json] = rendered
        if subscription.schema is Schema.EVENT_GRID:
            headers |= {
                "aeg-event-type": "Notification",
                "aeg-data-version": "2",
                "aeg-metadata-version": "1",
                "Content-Type": "application/json; charset=utf-8",
            }
            body = [rendered]
        else:
            headers |= {
                "WebHook-Request-Origin": ORIGIN,
                "Content-Type": "application/cloudevents+json; charset=utf-8",
            }
        status, _, _ = await self._call("POST", url, headers, json.dumps(body))
        return status

    async def _enqueue(self, queue: Queue, event: Json) -> int:
        """Put one event; storage refuses more than 64 KB of text with 413."""
        text = json.dumps(event)
        held = base64.b64encode(text.encode()).decode() if queue.encoded else escape(text)
        message = f"<QueueMessage><MessageText>{held}</MessageText></QueueMessage>"
        url = queue.account.messages(queue.name, max(1, round(queue.seconds / self.scale)))
        headers = {"x-ms-version": _STORAGE, "Content-Type": "application/xml"}
        status, _, _ = await self._call("POST", url, headers, message)
        return status

    async def _validate(self, url: str, name: str) -> None:
        code = str(uuid.uuid4())
        event = {
            "id": str(uuid.uuid4()),
            "topic": "/subscriptions/00000000-0000-0000-0000-000000000000",
            "subject": "",
            "data": {"validationCode": code, "validationUrl": "https://localhost/not-served"},
            "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
            "eventTime": "2026-01-01T00:00:00.0000000Z",
            "metadataVersion": "1",
            "dataVersion": "1",
        }
        headers = {
            "aeg-event-type": "SubscriptionValidation",
            "aeg-subscription-name": name,
            "aeg-delivery-count": "0",
            "aeg-data-version": "1",
            "aeg-metadata-version": "1",
            "Content-Type": "application/json; charset=utf-8",
        }
        status, _, text = await self._call("POST", url, headers, json.dumps([event]))
        if status != HTTPStatus.OK or _validation_response(text) != code:
            raise HandshakeError(f"{url} answered {status} to the validation event: {text[:200]!r}")

    async def _ask(self, url: str) -> None:
        headers = {"WebHook-Request-Origin": ORIGIN, "WebHook-Request-Rate": "120"}
        status, answered, _ = await self._call("OPTIONS", url, headers, None)
        allowed = answered.get("WebHook-Allowed-Origin", "")
        if status != HTTPStatus.OK or allowed not in {ORIGIN, "*"} or "WebHook-Allowed-Rate" not in answered:
            raise HandshakeError(f"{url} answered {status} to OPTIONS, allowing {allowed!r}")

    async def _call(
        self, method: str, url: str, headers: dict[str, str], body: str | None
    ) -> tuple[int, Mapping[str, str], str]:
        try:
            async with self.session.request(method, url, headers=headers, data=body) as answer:
                return answer.status, answer.headers, await answer.text()
        except (aiohttp.ClientError, TimeoutError):
            return 0, {}, ""


def _validation_response(text: str) -> object:
    try:
        body = json.loads(text)
    except ValueError:
        return None
    return body.get("validationResponse") if isinstance(body, dict) else None
