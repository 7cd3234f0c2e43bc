"""What a pass comes to, once it is known which of its actions Azure took. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared.arm.errors import ArmError, Retry
from shared.model import Action, CreateEndpoint, Memory, Plan, Reason, SetPublicAccess, Step, Verdict, VerdictKind
from shared.planner import memory_after

if TYPE_CHECKING:
    from shared.model import Timing

GIVE_UP_AFTER = timedelta(hours=1)
"""How long an error that may pass is retried before the cache counts as Blocked."""
_HELD_BACK = timedelta(minutes=10)
_DAY = timedelta(days=1)
_EXPOSED_PAUSES = 10
ERROR = "error"


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a plan's actions."""

    done: tuple[Action, ...] = ()
    error: ArmError | None = None
    unread: bool = False
    """The error is about reading the cache itself, so that nothing could be decided."""
    granted: bool = False
    """A ticket of ``closuresPerHour`` was taken."""
    held_back: bool = False
    """An action waits for such a ticket."""


def outcome(decided: Plan, applied: Applied, now: datetime, timing: Timing) -> tuple[Verdict, Memory]:
    """Give the verdict and the memory after a plan was carried out, wholly or in part."""
    memory = memory_after(decided, applied.done)
    memory = replace(memory, closure_granted=memory.closure_granted or applied.granted)
    if applied.error:
        verdict = _still_exposed(decided.verdict, applied.error, refused(applied.error, memory, now, timing), timing)
        if applied.unread and verdict.reason is Reason.PERMISSION_DENIED:
            verdict = replace(verdict, reason=Reason.CACHE_UNREADABLE)
        since = memory.begun.get(ERROR, decided.noticed.begun.get(ERROR, now))
        return verdict, replace(memory, begun={**memory.begun, ERROR: since})
    if applied.held_back:
        return Verdict(VerdictKind.CONVERGING, step=Step.QUEUED_TO_CLOSE, look_after=_HELD_BACK), memory
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


def retry_at(verdict: Verdict, since: datetime, now: datetime) -> datetime | None:
    """Tell before when the sweep leaves a Blocked cache in peace: the longer it is blocked, the longer."""
    if verdict.kind is not VerdictKind.BLOCKED:
        return None
    blocked_for = now - since
    if blocked_for < timedelta(hours=1):
        return now + timedelta(minutes=10)
    return now + (timedelta(hours=1) if blocked_for < _DAY else timedelta(hours=6))
