"""Say where something stands: verdicts as callers see them, and the state that a pipeline branches on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.api.shapes.common import Planned, Said, State
from shared.model import VerdictKind
from shared.planner import in_words

if TYPE_CHECKING:
    from shared.model import Plan, Verdict

STATUS = {State.READY: 200, State.CONVERGING: 202, State.BLOCKED: 409}


def state_of(verdict: Verdict | None) -> State:
    """Reduce a verdict to what a pipeline branches on."""
    if verdict is None:
        return State.CONVERGING
    match verdict.kind:
        case VerdictKind.COMPLIANT | VerdictKind.EXEMPT:
            return State.READY
        case VerdictKind.CONVERGING:
            return State.CONVERGING
        case VerdictKind.BLOCKED if verdict.step:
            # Exposed, and an endpoint is on its way.
            return State.CONVERGING
        case _:
            return State.BLOCKED


def said(verdict: Verdict) -> Said:
    """Write a verdict for a caller."""
    return Said(
        verdict=verdict.kind,
        reason=verdict.reason,
        message=verdict.message,
        step=verdict.step,
        until=verdict.until.isoformat() if verdict.until else None,
        look_again_after_seconds=verdict.look_after.total_seconds() if verdict.look_after else None,
        help=f"docs/reasons.md#{verdict.reason.value.lower()}" if verdict.reason else "",
    )


def planned(decided: Plan) -> Planned:
    """Write a plan for a caller."""
    return Planned(actions=tuple(in_words(action) for action in decided.actions), verdict=said(decided.verdict))
