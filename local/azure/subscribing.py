"""An event subscription as the outside hand writes it in JSON; every mistake is told with the field's name."""

from __future__ import annotations

import re

import msgspec

from local.azure.calls import Json
from local.azure.eventsubscriptions import (
    Container,
    EventSubscription,
    Filter,
    Queue,
    Retry,
    Schema,
    Selection,
    Webhook,
)
from local.azure.storageaccount import StorageAccount


class _Given(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What every part is: a field that nobody knows is a mistake."""


class _Queue(_Given, frozen=True):
    storage: str
    name: str
    plain: bool = False


class _Letters(_Given, frozen=True):
    storage: str
    container: str


class _Filter(_Given, frozen=True):
    event_types: list[str]
    operations: list[str]


class _Subscription(_Given, frozen=True):
    """Either ``url`` or ``queue`` says where events go; ``storage`` is a connection string."""

    name: str = ""
    url: str | None = None
    queue: _Queue | None = None
    event_schema: Schema = msgspec.field(default=Schema.EVENT_GRID, name="schema")
    operation: str = ""
    subject: str = ""
    subscription: str = ""
    filter: _Filter = _Filter(event_types=[], operations=[])
    retry: Retry = Retry()
    dead_letters: _Letters | None = None


def read(body: Json, name: str) -> EventSubscription:
    """Read a subscription, by this name where it has none; raises ValueError."""
    given = msgspec.convert(body, _Subscription)
    letters = given.dead_letters
    return EventSubscription(
        _destination(given),
        given.event_schema,
        selection(given.operation, given.subject, given.subscription),
        Filter.of(given.filter.event_types, given.filter.operations),
        given.retry,
        Container(StorageAccount.of(letters.storage), letters.container) if letters else None,
        given.name or name,
    )


def selection(operation: str, subject: str, subscription: str) -> Selection:
    """Make a selection; raises ValueError for an expression that cannot be read."""
    for expression in (operation, subject):
        try:
            re.compile(expression)
        except re.error as error:
            raise ValueError(f"{expression!r} is not a regular expression: {error}") from error
    return Selection(operation, subject, subscription)


def _destination(given: _Subscription) -> Webhook | Queue:
    if given.url is not None:
        return Webhook(given.url)
    if given.queue is not None:
        return Queue(StorageAccount.of(given.queue.storage), given.queue.name, encoded=not given.queue.plain)
    raise ValueError("neither url nor queue is given: a webhook's address, or a queue's storage and name")
