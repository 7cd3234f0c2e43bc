"""How the command ends: a pipeline branches on these, so they never change their meaning."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes. A wrong option is an ERROR too: 2 always means that the cache is Blocked."""

    READY = 0
    ERROR = 1
    BLOCKED = 2
    NOT_YET = 3


_OF_STATE = {"Ready": Exit.READY, "Converging": Exit.NOT_YET, "Blocked": Exit.BLOCKED}
_OF_VERDICT = {"Compliant": Exit.READY, "Exempt": Exit.READY, "Converging": Exit.NOT_YET}


def of_state(state: str) -> Exit:
    """Give the exit code of a state; one that this version does not know is an error, never a success."""
    return _OF_STATE.get(state, Exit.ERROR)


def of_verdict(verdict: str) -> Exit:
    """Give the exit code of a verdict: whatever is not in order, and will not be by itself, is BLOCKED."""
    return _OF_VERDICT.get(verdict, Exit.BLOCKED)
