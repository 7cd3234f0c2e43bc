"""Say where something stands: verdicts as callers see them, and the state that a pipeline branches on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

from msgspec.structs import replace

from shared.api.calls import Answer
from shared.api.shapes import Given
from shared.api.shapes.common import Planned, Said, State
from shared.api.shapes.creations import CacheStanding
from shared.api.shapes.endpoints import EndpointStanding
from shared.api.shapes.networks import NetworkStanding
from shared.model import VerdictKind
from shared.planner import in_words

if TYPE_CHECKING:
    from datetime import datetime

    from shared.model import Plan, Verdict

RETRY_AFTER: Mapping[str, str] = {"Retry-After": "10"}
_STATUS = {State.READY: 200, State.CONVERGING: 202, State.BLOCKED: 409}


def answer(shown: Given, state: State, etag: str = "") -> Answer:
    """Answer with where something stands: the status says it too, and when to ask again."""
    return Answer(shown, _STATUS[state], etag=etag, headers=RETRY_AFTER if state is State.CONVERGING else {})


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


S = TypeVar("S", CacheStanding, EndpointStanding, NetworkStanding)


def with_verdict(bare: S, verdict: Verdict | None, since: datetime | None) -> S:
    """Say where something stands that was asked for; without a verdict, it waits for its first pass."""
    if verdict is None:
        return replace(bare, step="the request waits for its first pass")
    told = said(verdict)
    # Exemptions are of caches: what else stands somewhere has no such field.
    exempt = {"until": told.until} if told.until else {}
    return replace(
        bare,
        **exempt,
        verdict=told.verdict,
        reason=told.reason,
        message=told.message,
        step=told.step.value if told.step else "",
        since=since.isoformat() if since else None,
        look_again_after_seconds=told.look_again_after_seconds,
        help=told.help,
    )


def planned(decided: Plan) -> Planned:
    """Write a plan for a caller."""
    return Planned(actions=tuple(in_words(action) for action in decided.actions), verdict=said(decided.verdict))
