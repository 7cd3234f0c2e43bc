"""Answers that fail because somebody asked for it: so many, and then no more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar


class Counted(Protocol):
    """Something that happens ``count`` times."""

    count: int


C = TypeVar("C", bound=Counted)


def next_of(outages: Iterable[C]) -> C | None:
    """Give the outage whose turn it is, and count it; None where none is left."""
    for outage in outages:
        if outage.count > 0:
            outage.count -= 1
            return outage
    return None
