"""Subscriptions in scope, and what is the matter with them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from shared.api.shapes import Given
from shared.api.shapes.common import Moment, Words

Code = Annotated[
    str,
    Meta(
        description="`NoEvents`, or why it could not be read: `NotListed`, `GaveUp`, `OutOfScope` or Azure's own.",
        examples=["NoEvents"],
    ),
]


class SubscriptionProblem(Given, frozen=True):
    """Something that has to be mended in a subscription."""

    code: Code
    message: Words
    help: Annotated[str, Meta(description="The command that mends it; left out where none does.")] = ""


class SubscriptionEntry(Given, frozen=True):
    """One subscription in scope, as the sweep left it."""

    subscription: str
    status: Annotated[str, Meta(description="pending, running, done or failed.")]
    caches: Annotated[int, Meta(description="How many caches the sweep saw there.")]
    drifted: Annotated[int, Meta(description="How many of them it put on the queue.")]
    last_event: Annotated[
        Moment | None, Meta(description="When Azure last sent an event of it, to within an hour; null: never yet.")
    ]
    problems: Annotated[tuple[SubscriptionProblem, ...], Meta(description="Empty where all is well.")]


class SubscriptionList(Given, frozen=True):
    """Every subscription in scope, by id."""

    value: tuple[SubscriptionEntry, ...]
    sweep: Annotated[
        str,
        Meta(
            description="The sweep of the whole scope that ended last, or the first, while it goes on; "
            "left out before there is one."
        ),
    ] = ""
