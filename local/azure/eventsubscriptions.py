"""Event subscriptions as values: what is taken, where it goes, how often that is tried, where it ends otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from local.azure.calls import Json
from local.azure.events import ResourceEvent
from local.azure.storageaccount import StorageAccount


class Schema(StrEnum):
    EVENT_GRID = "eventgrid"
    CLOUD_EVENTS = "cloudevents"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which events a subscription takes: regular expressions without case, searched in operation name and subject."""

    operation: str = ""
    subject: str = ""
    subscription: str = ""

    def takes(self, event: ResourceEvent) -> bool:
        return (
            bool(re.search(self.operation, event.operation, re.IGNORECASE))
            and bool(re.search(self.subject, event.subject, re.IGNORECASE))
            and (not self.subscription or self.subscription.lower() == event.subscription.lower())
        )


@dataclass(frozen=True, slots=True)
class Filter:
    """Azure's own filters, both without case: ``includedEventTypes``, and StringIn on ``data.operationName``.

    Empty takes everything.
    """

    event_types: frozenset[str] = frozenset()
    operations: frozenset[str] = frozenset()

    @classmethod
    def of(cls, event_types: Iterable[str], operations: Iterable[str]) -> Self:
        """Take what these lists name, in whatever case."""
        return cls(frozenset(map(str.lower, event_types)), frozenset(map(str.lower, operations)))

    def takes(self, event: ResourceEvent) -> bool:
        return (not self.event_types or event.type.lower() in self.event_types) and (
            not self.operations or event.operation.lower() in self.operations
        )


@dataclass(frozen=True, slots=True)
class Retry:
    """When trying ends: after so many attempts, or at the first attempt that is due when the event is too old."""

    attempts: int = 30
    minutes: float = 1440


@dataclass(frozen=True, slots=True)
class Webhook:
    """An HTTP endpoint; ``function`` is one of Azure Functions, which Event Grid treats as a resource of Azure."""

    url: str
    function: bool = False

    @property
    def final(self) -> frozenset[int]:
        """Statuses after which there is no other attempt."""
        return frozenset({400, 403, 413} if self.function else {400, 401, 403, 413})

    @property
    def shown(self) -> str:
        return self.url


@dataclass(frozen=True, slots=True)
class Queue:
    """A storage queue. Event Grid has been seen to write Base64, and in 2021 plain text; see DIFFERENCES.md."""

    account: StorageAccount
    name: str
    seconds: float = 7 * 86400
    """How long a message is kept, in seconds of the world."""
    encoded: bool = True

    final = frozenset({400, 403, 413})

    @property
    def shown(self) -> str:
        return f"{self.account.queues}/{self.name}"


@dataclass(frozen=True, slots=True)
class Container:
    """Where dead letters go."""

    account: StorageAccount
    name: str


@dataclass(frozen=True, slots=True)
class EventSubscription:
    """One event subscription; a later one of the same name takes its place."""

    to: Webhook | Queue
    schema: Schema = Schema.EVENT_GRID
    selection: Selection = Selection()
    filter: Filter = Filter()
    retry: Retry = Retry()
    dead_letters: Container | None = None
    name: str = "DRAWBRIDGE"

    def takes(self, event: ResourceEvent) -> bool:
        return self.selection.takes(event) and self.filter.takes(event)

    def rendered(self, event: ResourceEvent) -> Json:
        """Write an event in this subscription's schema."""
        return event.event_grid() if self.schema is Schema.EVENT_GRID else event.cloud_event()

    def shown(self) -> Json:
        """Describe it without the key to its storage."""
        letters = self.dead_letters
        return {
            "name": self.name,
            "to": self.to.shown,
            "schema": self.schema.value,
            "deadLetters": f"{letters.account.blobs}/{letters.name}" if letters else None,
        }
