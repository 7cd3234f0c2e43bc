"""What is the matter with a subscription in scope: it cannot be read, or no event of it ever came. Pure.

A subscription without events is looked after by sweeps alone: nothing fails there, and everything takes longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.store.subscriptions import Heard
from shared.store.sweeps import SubscriptionSweep, SweepStatus

NO_EVENTS = "NoEvents"
_GRACE = timedelta(days=1)
"""So long a subscription may be in scope without an event: where nobody changes anything, Azure has nothing to send."""
_NOT_PERMITTED = frozenset({"AuthorizationFailed", "NotListed", "SubscriptionNotFound"})
"""What Azure or the sweep says of a subscription that the app's identity has no role in."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What somebody has to mend in a subscription."""

    code: str
    message: str
    help: str = ""
    """The command that mends it; "" where none does."""


def problems(part: SubscriptionSweep, heard: Heard, now: datetime) -> tuple[Problem, ...]:
    """Say what is the matter with a subscription, by its part of a sweep; () where all is well or too young to say."""
    command = mending(part.subscription)
    if part.error_code:
        mends = part.error_code in _NOT_PERMITTED
        return (Problem(part.error_code, part.error_message, command if mends else ""),)
    if is_silent(part, heard, now) and heard.since:
        said = f"No event of it has come since {heard.since:%Y-%m-%d %H:%M} UTC: sweeps alone find what changes there."
        return (Problem(NO_EVENTS, said, command),)
    return ()


def mending(subscription: str) -> str:
    """Give the command that brings a subscription's events and the role for its caches."""
    return f"./dev watch {subscription}"


def is_silent(part: SubscriptionSweep, heard: Heard, now: datetime) -> bool:
    """Tell whether a subscription should have sent an event by now, and has not.

    Not one that could not be read, since that is mended first; nor one without caches, which has nothing to lose:
    both are told of once there is something to see.
    """
    if part.status is not SweepStatus.DONE or not part.seen:
        return False
    return heard.last_event is None and heard.since is not None and now - heard.since >= _GRACE
