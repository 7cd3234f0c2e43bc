"""Sweeps: looks at every cache of a scope."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from shared.api.shapes import Given, Taken
from shared.api.shapes.common import Moment, State


class SweepWish(Taken, frozen=True):
    """What to look at."""

    subscription: Annotated[
        str,
        Meta(
            max_length=36,
            description="One subscription's id; left out: every subscription in scope.",
            examples=["11111111-2222-3333-4444-555555555555"],
        ),
    ] = ""


class SweepPart(Given, frozen=True):
    """One subscription's part."""

    subscription: str
    status: Annotated[str, Meta(description="pending, running, done or failed.")]
    seen: Annotated[int, Meta(description="How many caches were seen so far.")]
    drifted: Annotated[int, Meta(description="How many of them were put on the queue.")]
    error: Annotated[str, Meta(description="Why it could not be read, where it could not.")] = ""
    last_event: Annotated[
        Moment | None, Meta(description="When Azure last sent an event of it, to within an hour; left out: never yet.")
    ] = None
    help: Annotated[
        str, Meta(description="The command that mends it, where a permission is missing or no event ever came.")
    ] = ""


class SweepShown(Given, frozen=True):
    """How far a sweep has come. What it has put on the queue can take longer."""

    id: str
    state: Annotated[State, Meta(description="`Converging` while it goes on, `Ready` at its end.")]
    started: Moment
    seen: int
    drifted: int
    subscriptions: tuple[SweepPart, ...]


class SweepListed(Given, frozen=True):
    """A sweep, in short."""

    id: str
    state: State
    started: Moment


class SweepList(Given, frozen=True):
    """The latest sweeps, newest first; they are kept for a week."""

    value: tuple[SweepListed, ...]
