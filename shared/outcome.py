"""What a pass comes to, once it is known which of its actions Azure took. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, assert_never

from shared.arm.errors import ArmError, Retry
from shared.model import (
    Action,
    CreateCache,
    CreateDatabase,
    CreateEndpoint,
    CreateZone,
    DeleteConnection,
    DeleteEndpoint,
    LinkZone,
    Memory,
    Plan,
    PutZoneGroup,
    Reason,
    SetConnection,
    SetPublicAccess,
    Step,
    Verdict,
    VerdictKind,
)
from shared.planner import memory_after

if TYPE_CHECKING:
    from shared.ids import CacheId
    from shared.model import Timing

GIVE_UP_AFTER = timedelta(hours=1)
"""How long an error that may pass is retried before the cache counts as Blocked."""
_HELD_BACK = timedelta(minutes=10)
_DAY = timedelta(days=1)
_EXPOSED_PAUSES = 10
_CACHES = "microsoft.cache"
ERROR = "error"
_CHANGING = frozenset(
    {
        Step.ATTACHING,
        Step.DETACHING,
        Step.CLOSING,
        Step.OPENING,
        Step.NAMING,
        Step.CACHE_BUSY,
        Step.BUSY,
        Step.THROTTLED,
        Step.IN_LINE,
    }
)


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a plan's actions."""

    done: tuple[Action, ...] = ()
    error: ArmError | None = None
    unread: bool = False
    """The error is about reading, so that nothing could be decided."""
    granted: bool = False
    """A ticket of ``closuresPerHour`` was taken."""
    held_back: bool = False
    """An action waits for such a ticket."""
    in_line: bool = False
    """An action waits until another member of the cache's geo-replication group has been changed."""
    peers: tuple[CacheId, ...] | None = None
    """The members of that group, as they are known now; None: nobody has asked."""


def outcome(decided: Plan, applied: Applied, now: datetime, timing: Timing) -> tuple[Verdict, Memory]:
    """Give the verdict and the memory after a plan was carried out, wholly or in part."""
    verdict, memory = _outcome(decided, applied, now, timing)
    return verdict, replace(memory, blocked=_blocked(verdict, memory.blocked))


def _blocked(verdict: Verdict, before: Reason | None) -> Reason | None:
    """Say for which reason the cache counts as Blocked: one that is only tried again, or put off, still does.

    What is urgent counts anew with each time, unless Azure has let nothing be found out meanwhile.
    """
    if verdict.kind is VerdictKind.BLOCKED:
        return verdict.reason
    put_off = verdict.step in {Step.THROTTLED, Step.BUSY}
    tried = verdict.kind is VerdictKind.CONVERGING and before not in {Reason.EXPOSED, Reason.CONTESTED}
    return before if put_off or tried else None


def _outcome(decided: Plan, applied: Applied, now: datetime, timing: Timing) -> tuple[Verdict, Memory]:
    memory = memory_after(decided, applied.done)
    peers = memory.peers if applied.peers is None else applied.peers
    memory = replace(memory, closure_granted=memory.closure_granted or applied.granted, peers=peers)
    if applied.error:
        verdict = _still_exposed(decided.verdict, applied.error, refused(applied.error, memory, now, timing), timing)
        caches = applied.error.provider.lower() == _CACHES
        if applied.unread and caches and verdict.reason is Reason.PERMISSION_DENIED:
            verdict = replace(verdict, reason=Reason.CACHE_UNREADABLE)
        since = memory.begun.get(ERROR, decided.noticed.begun.get(ERROR, now))
        return verdict, replace(memory, begun={**memory.begun, ERROR: since})
    if applied.held_back:
        return Verdict(VerdictKind.CONVERGING, step=Step.QUEUED_TO_CLOSE, look_after=_HELD_BACK), memory
    if applied.in_line:
        return Verdict(VerdictKind.CONVERGING, step=Step.IN_LINE, look_after=timing.cache), memory
    return decided.verdict, memory


def _still_exposed(decided: Verdict, error: ArmError, refusal: Verdict, timing: Timing) -> Verdict:
    """Keep saying Exposed when Azure refuses what would end it, and try again soon whatever it was."""
    if decided.reason is not Reason.EXPOSED:
        return refusal
    pause = error.after or timing.cache * (_EXPOSED_PAUSES if error.retry is Retry.NEVER else 1)
    message = f"{decided.message} Azure: {refusal.message}"
    return replace(decided, message=message, step=refusal.step, look_after=pause)


def refused(error: ArmError, memory: Memory, now: datetime, timing: Timing) -> Verdict:
    """Say what an error of Azure means for the cache: Blocked with a reason, or another look later."""
    if error.retry is Retry.NEVER:
        return Verdict(VerdictKind.BLOCKED, error.reason or Reason.UNEXPECTED, error.message)
    since = memory.begun.get(ERROR)
    if since and now - since > GIVE_UP_AFTER and not error.throttled:
        message = f"Azure has answered so for {now - since}: {error.message}"
        return Verdict(VerdictKind.BLOCKED, error.reason or Reason.UNEXPECTED, message)
    step = Step.THROTTLED if error.throttled else Step.BUSY
    return Verdict(VerdictKind.CONVERGING, message=error.message, step=step, look_after=error.after or timing.busy)


def first_closure(action: Action) -> bool:
    """Tell whether an action closes a cache that was never closed before."""
    return isinstance(action, CreateEndpoint | SetPublicAccess) and action.first


def takes_turns(action: Action, memory: Memory) -> bool:
    """Tell whether an action waits for its turn in a geo-replication group: what shuts out the public never does."""
    match action:
        case CreateEndpoint() | DeleteEndpoint():
            return memory.lost_at is None
        case SetPublicAccess(_, _, first):
            return first
        case PutZoneGroup() | CreateZone() | LinkZone() | CreateCache() | CreateDatabase():
            return False
        case SetConnection() | DeleteConnection():
            return False
        case other:
            assert_never(other)


def changes_cache(action: Action) -> bool:
    """Tell whether an action changes the cache itself, or its connections."""
    return isinstance(action, CreateEndpoint | DeleteEndpoint | SetPublicAccess)


def gives_turn_back(verdict: Verdict) -> bool:
    """Tell whether nothing of ours is under way at a cache, so that another of its group may be changed."""
    return verdict.step not in _CHANGING


def retry_at(verdict: Verdict, since: datetime, now: datetime) -> datetime | None:
    """Tell before when the sweep leaves a Blocked cache in peace: the longer it is blocked, the longer."""
    if verdict.kind is not VerdictKind.BLOCKED:
        return None
    blocked_for = now - since
    if blocked_for < timedelta(hours=1):
        return now + timedelta(minutes=10)
    return now + (timedelta(hours=1) if blocked_for < _DAY else timedelta(hours=6))
