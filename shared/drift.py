"""Decide, from one line of a list and one row of ours, whether a cache is worth a pass. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from shared.model import Cache, Desired, PublicAccess, VerdictKind
from shared.planner import fingerprint

if TYPE_CHECKING:
    from shared.model import Verdict

STALLED_AFTER = timedelta(minutes=30)
"""A converging cache that no pass has come to for so long has lost its message."""


class Drift(StrEnum):
    """Why the sweep wakes a cache."""

    NEW = "never looked at"
    POLICY = "the policy has changed"
    CHANGED = "it is not as the last pass saw it"
    STALLED = "its last pass was to be followed by another, which has not come"
    RETRY = "it is Blocked, and worth another try"
    STALE = "its endpoints and DNS have not been read for long"
    GONE = "it is no longer listed"


def drift(  # noqa: PLR0913 - a table with one line for each way to drift
    cache: Cache,
    wanted: Desired,
    now: datetime,
    *,
    verdict: Verdict | None,
    seen: str,
    digest: str,
    looked_at: datetime | None,
    retry_at: datetime | None,
) -> Drift | None:
    """Say why a cache needs a pass; None means that it is as it should be, or waits as it should."""
    if not wanted.in_scope:
        return None
    if verdict is None or looked_at is None:
        return Drift.NEW if wanted.enrolled or wanted.close else None
    if digest != wanted.digest:
        return Drift.POLICY
    if seen != summary(cache, wanted):
        return Drift.CHANGED
    age = now - looked_at
    match verdict.kind:
        case VerdictKind.CONVERGING:
            return Drift.STALLED if age > STALLED_AFTER else None
        case VerdictKind.BLOCKED:
            return Drift.RETRY if retry_at is None or retry_at <= now else None
        case _:
            return Drift.STALE if wanted.timing and age > wanted.timing.thorough else None


def summary(cache: Cache, wanted: Desired) -> str:
    """Sum up what a list shows of a cache and what is asked of it, for comparison with the last pass."""
    exempt = wanted.exemption is not None and cache.public_access is not PublicAccess.DISABLED
    asked = [word for word, holds in (("exempt", exempt), ("close", wanted.close), ("ignore", wanted.ignored)) if holds]
    return f"{fingerprint(cache, wanted)}:{cache.public_access.value}:{wanted.mode.value}:{','.join(asked)}"
