"""What becomes of events that could not be delivered: a blob with an array of them, or nothing.

Source: Microsoft's pages "Event Grid message delivery and retry" and "Set dead-letter location and retry policy".
Event Grid writes five minutes after the last attempt, so that several events share a blob, and drops what it cannot
write for four hours.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus

from local.azure.calls import Json
from local.azure.clock import Clock, iso
from local.azure.events import ResourceEvent
from local.azure.eventsubscriptions import Container, EventSubscription, Schema
from local.azure.post import Post

_AFTER = 300.0
_AGAIN = 300.0
_FOR = 4 * 3600.0
_OUTCOMES = {
    0: "SocketError",
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    408: "TimedOut",
    413: "PayloadTooLarge",
    503: "Busy",
}
# Reasons: DIFFERENCES.md says which are documented, which reported, and which are guesses.
TRIED_OFTEN = "MaxDeliveryAttemptsExceeded"
TRIED_LONG = "TimeToLiveExceeded"


@dataclass(frozen=True, slots=True)
class GivenUp:
    """One event after its last attempt; times are the wall's."""

    event: ResourceEvent
    reason: str
    attempts: int
    status: int
    published: float
    attempted: float

    def written(self, subscription: EventSubscription) -> Json:
        """Write it as a dead letter: the event with what became of it.

        CloudEvents name that in small letters, and do not tell when the last attempt was.
        """
        told: Json = {
            "deadLetterReason": self.reason,
            "deliveryAttempts": self.attempts,
            "lastDeliveryOutcome": _OUTCOMES.get(self.status, "Aborted"),
            "publishTime": iso(self.published),
        }
        if subscription.schema is Schema.CLOUD_EVENTS:
            told = {name.lower(): value for name, value in told.items()}
        else:
            told["lastDeliveryAttemptTime"] = iso(self.attempted)
        return subscription.rendered(self.event) | told


def undeliverable(status: int) -> str:
    """Give the reason of what is given up at once."""
    return f"UndeliverableDueToHttp{_OUTCOMES[status]}"


@dataclass(slots=True)
class DeadLetters:
    """Gathers what was given up, and writes it."""

    clock: Clock
    dropped: list[ResourceEvent] = field(default_factory=list)
    _waiting: dict[str, list[GivenUp]] = field(default_factory=dict)

    def gather(self, subscription: EventSubscription, given_up: GivenUp) -> bool:
        """Put it with others of its subscription, or drop it; True where somebody has to ``write`` them."""
        if subscription.dead_letters is None:
            self.dropped.append(given_up.event)
            return False
        others = self._waiting.setdefault(subscription.name, [])
        others.append(given_up)
        return len(others) == 1

    async def write(self, subscription: EventSubscription, post: Post) -> None:
        """Wait as long as Event Grid does, and write all that were gathered since."""
        await self._wait(_AFTER)
        letters = self._waiting.pop(subscription.name)
        began = self.clock.now()
        while not await self._written(subscription, letters, post):
            if self.clock.now() - began >= _FOR:
                self.dropped += [letter.event for letter in letters]
                return
            await self._wait(_AGAIN)

    async def _written(self, subscription: EventSubscription, letters: list[GivenUp], post: Post) -> bool:
        container: Container | None = subscription.dead_letters
        if container is None:
            return False
        name = blob_name(subscription.name, self.clock.wall(self.clock.now()))
        status = await post.keep(container, name, [letter.written(subscription) for letter in letters])
        return status == HTTPStatus.CREATED

    async def _wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.clock.scale)


def blob_name(subscription: str, moment: float) -> str:
    """Name a blob: the subscription in capitals, then date and hour without zeros in front."""
    at = datetime.fromtimestamp(moment, UTC)
    return f"{subscription.upper()}/{at.year}/{at.month}/{at.day}/{at.hour}/{uuid.uuid4()}.json"
