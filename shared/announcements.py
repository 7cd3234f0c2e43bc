"""Which changes are announced to the world, and in what shape. Pure.

Each announcement is a CloudEvent whose subject is the cache's id. The first one of a history row has the row's
id, further ones of the same row have ``.1``, ``.2`` behind it, whenever they are repeated: a consumer can drop
doubles.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from shared.model import PublicAccess, Reason, VerdictKind

if TYPE_CHECKING:
    from shared.model import Memory, Verdict


SOURCE = "/drawbridge"
"""The ``source`` of every announcement."""


class Announcement(StrEnum):
    """The types of CloudEvent that Drawbridge publishes."""

    ENDPOINT_ATTACHED = "Drawbridge.Cache.EndpointAttached"
    PROTECTION_LOST = "Drawbridge.Cache.ProtectionLost"
    PROTECTION_RESTORED = "Drawbridge.Cache.ProtectionRestored"
    PUBLIC_ACCESS_CLOSED = "Drawbridge.Cache.PublicAccessClosed"
    BLOCKED = "Drawbridge.Cache.Blocked"
    EXPOSED = "Drawbridge.Cache.Exposed"
    CONTESTED = "Drawbridge.Cache.Contested"
    EXEMPTION_ENDING = "Drawbridge.Cache.ExemptionEnding"
    EXEMPTION_ENDED = "Drawbridge.Cache.ExemptionEnded"
    SWEEP_COMPLETED = "Drawbridge.Sweep.Completed"


_VERDICTS = [kind.value for kind in VerdictKind]
_REASONS = [reason.value for reason in Reason]

Verdicts = Annotated[str, Meta(description="The verdict after the change.", extra_json_schema={"enum": _VERDICTS})]
Reasons = Annotated[
    str | None,
    Meta(description="Why the cache is Blocked; null otherwise.", extra_json_schema={"enum": [*_REASONS, None]}),
]


class CacheAnnouncement(msgspec.Struct, frozen=True, rename="camel"):
    """The ``data`` of every announcement about a cache."""

    verdict: Verdicts
    reason: Reasons
    message: Annotated[str, Meta(description="For a person: what is the matter. May be empty.")]
    done: Annotated[tuple[str, ...], Meta(description="What was written in Azure and why, in words.")]
    caller: Annotated[
        str, Meta(description="Who caused the change, where an event or a request names them; empty otherwise.")
    ]
    history: Annotated[str, Meta(description="The id of the row of the table history.")]


class SweepAnnouncement(msgspec.Struct, frozen=True, rename="camel"):
    """The ``data`` of ``Drawbridge.Sweep.Completed``."""

    sweep: Annotated[str, Meta(description="The id of the run.")]
    subscriptions: Annotated[int, Meta(description="How many subscriptions were in scope.")]
    unreadable: Annotated[
        Mapping[str, str], Meta(description="Subscription: why it could not be read. Nothing is known of its caches.")
    ]
    caches: Annotated[int, Meta(description="How many caches were seen.")]
    drifted: Annotated[int, Meta(description="How many of them were put on the queue.")]
    silent: Annotated[
        tuple[str, ...],
        Meta(
            description="Subscriptions with caches that have been in scope for a day or longer, and from which no "
            "event ever came: sweeps alone find what changes there."
        ),
    ]


def schemas() -> dict[Announcement, dict[str, object]]:
    """Give the JSON schema of each type of CloudEvent: its envelope, and its ``data``."""
    return {kind: _schema(kind) for kind in Announcement}


def _schema(kind: Announcement) -> dict[str, object]:
    of_sweep = kind is Announcement.SWEEP_COMPLETED
    data = SweepAnnouncement if of_sweep else CacheAnnouncement
    subject = "sweeps/ and the id of the run." if of_sweep else "The cache's id."
    again = "The same whenever the announcement is repeated: drop what you have seen."
    properties: dict[str, object] = {
        "specversion": {"const": "1.0"},
        "type": {"const": kind.value},
        "source": {"const": SOURCE},
        "id": {"type": "string", "description": again},
        "subject": {"type": "string", "description": subject},
        "time": {"type": "string", "format": "date-time", "description": "When it was published, UTC."},
        "data": {"$ref": f"#/$defs/{data.__name__}"},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind.value,
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "$defs": msgspec.json.schema(data)["$defs"],
    }


class Change(msgspec.Struct, frozen=True):
    """What one pass changed, reduced to what an announcement depends on."""

    before: Verdict | None
    after: Verdict
    memory_before: Memory
    memory_after: Memory
    settled_before: bool
    settled_after: bool
    access_before: str
    """"" where the cache was not known before."""
    access_after: str


def announcements(change: Change) -> tuple[Announcement, ...]:
    """Choose what to announce: each change that somebody may have to act on, and nothing twice."""
    return tuple(kind for kind, happened in _happenings(change).items() if happened)


def _happenings(change: Change) -> dict[Announcement, bool]:
    lost, was_lost = change.memory_after.lost_at is not None, change.memory_before.lost_at is not None
    return {
        Announcement.PROTECTION_LOST: lost and not was_lost,
        Announcement.PROTECTION_RESTORED: was_lost and not lost,
        Announcement.ENDPOINT_ATTACHED: change.settled_after and not change.settled_before,
        Announcement.PUBLIC_ACCESS_CLOSED: change.access_before == PublicAccess.ENABLED
        and change.access_after == PublicAccess.DISABLED,
        _blocked(change.after): _newly_blocked(change),
        Announcement.EXEMPTION_ENDING: change.memory_after.reminded and not change.memory_before.reminded,
        Announcement.EXEMPTION_ENDED: change.memory_before.exempt and not change.memory_after.exempt,
    }


def _blocked(verdict: Verdict) -> Announcement:
    match verdict.reason:
        case Reason.CONTESTED:
            return Announcement.CONTESTED
        case Reason.EXPOSED:
            return Announcement.EXPOSED
        case _:
            return Announcement.BLOCKED


def _newly_blocked(change: Change) -> bool:
    if change.after.kind is not VerdictKind.BLOCKED:
        return False
    known = {change.before.reason if change.before else None, change.memory_before.blocked}
    return change.after.reason not in known
