"""Endpoints of a cache in placements of the policy."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from shared.api.shapes import Given, Taken
from shared.api.shapes.common import Moment, State, Words
from shared.model import Reason, VerdictKind


class EndpointWish(Taken, frozen=True):
    """An endpoint that shall be: where the path says."""


class EndpointStanding(Given, frozen=True):
    """Where an endpoint that was asked for stands. The state is that of the whole cache."""

    id: Annotated[str, Meta(description="The cache's id.")]
    placement: str
    state: State
    endpoint: Annotated[str, Meta(description="The id that the endpoint has, or will have, when Drawbridge makes it.")]
    verdict: VerdictKind | None = None
    reason: Annotated[Reason | None, Meta(description="Why it is Blocked.")] = None
    message: Words = ""
    step: Annotated[str, Meta(description="What is under way.")] = ""
    since: Annotated[Moment | None, Meta(description="Since when the verdict has been this one.")] = None
    until: Annotated[Moment | None, Meta(description="When an exemption ends.")] = None
    look_again_after_seconds: Annotated[float | None, Meta(description="When it will be looked at next.")] = None
    help: Annotated[str, Meta(description="Where to read on.")] = ""
