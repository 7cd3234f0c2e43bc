"""Which changes are announced to the world, and in what shape. Pure.

Each announcement is a CloudEvent whose subject is the cache's id and whose id is the history row's, so that
a consumer can drop doubles.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from shared.model import PublicAccess, Reason, VerdictKind

if TYPE_CHECKING:
    from shared.model import Memory, Verdict


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


class CacheAnnouncement(msgspec.Struct, frozen=True, rename="camel"):
    """The ``data`` of every announcement about a cache."""

    verdict: str
    reason: str | None
    message: str
    done: tuple[str, ...]
    """What was written in Azure, in words."""
    caller: str
    """Who caused the change, where an event or a request names them."""
    history: str
    """The id of the history row; the path of the API that gives it is ``/api/caches/…/history``."""


class SweepAnnouncement(msgspec.Struct, frozen=True, rename="camel"):
    """The ``data`` of ``Drawbridge.Sweep.Completed``."""

    sweep: str
    subscriptions: int
    unreadable: Mapping[str, str]
    """Subscription → why it could not be read."""
    caches: int
    drifted: int


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
        Announcement.EXEMPTION_ENDED: _kind(change.before) is VerdictKind.EXEMPT
        and change.after.kind is not VerdictKind.EXEMPT,
    }


def _kind(verdict: Verdict | None) -> VerdictKind | None:
    return verdict.kind if verdict else None


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
    return change.before is None or change.before.reason is not change.after.reason
