"""What the templates in infra/ say of event subscriptions, read from the very files that they load."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.azure.eventsubscriptions import Container, EventSubscription, Filter, Queue, Retry, Schema, Webhook
from local.azure.storageaccount import StorageAccount
from shared.store.deadletters import CONTAINER

_EVENTS = Path(__file__).resolve().parents[1] / "infra" / "events"
_QUEUE = "events"


def subscribed(to: Webhook | Queue, schema: str, account: StorageAccount) -> EventSubscription:
    """Give the event subscription that is deployed, but for where it delivers to and in which schema."""
    filters = _read("filter.json")
    return EventSubscription(
        to,
        Schema(schema),
        filter=Filter.of(filters["eventTypes"], filters["operations"]),
        retry=_retry(),
        dead_letters=Container(account, CONTAINER),
    )


def queue(account: StorageAccount) -> Queue:
    """Give the queue that events are put on where the app has no public address."""
    return Queue(account, _QUEUE, _retry().minutes * 60)


def _retry() -> Retry:
    policy = _read("retry.json")
    return Retry(policy["maxDeliveryAttempts"], policy["eventTimeToLiveInMinutes"])


def _read(name: str) -> Mapping[str, Any]:
    read: Mapping[str, Any] = json.loads((_EVENTS / name).read_text("utf-8"))
    return read
