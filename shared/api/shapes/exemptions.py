"""Exemptions: public access tolerated for a while."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from msgspec import Meta

from shared.api.shapes import Given, Taken
from shared.api.shapes.common import Moment, Said, State

_LINE = r"^[^\x00-\x1f\x7f]*$"


class ExemptionWish(Taken, frozen=True):
    """Until when, why, and whom to ask."""

    until: Annotated[
        dt.date,
        Meta(description="The last day of it (UTC), within what the policy allows.", examples=["2026-12-31"]),
    ]
    owner: Annotated[
        str,
        Meta(min_length=1, max_length=200, pattern=_LINE, description="Whom to ask about it.", examples=["team-shop"]),
    ]
    reason: Annotated[
        str,
        Meta(max_length=1000, pattern=_LINE, description="Why; the policy mostly requires one.", examples=["a move"]),
    ] = ""


class ExemptionShown(Given, frozen=True):
    """An exemption that was granted through the API. One that a tag gives is not among these."""

    id: Annotated[str, Meta(description="The cache's id.")]
    state: Annotated[State, Meta(description="`Ready` while it is in force, `Blocked` after it has ended.")]
    until: dt.date
    reason: str
    owner: str
    granted_by: str
    granted_at: Moment
    remind_at: Annotated[Moment, Meta(description="When Drawbridge.Cache.ExemptionEnding is published.")]
    ends: Annotated[Moment, Meta(description="The first moment after it: the policy is enforced again.")]
    verdict: Annotated[Said | None, Meta(description="Of the last pass.")] = None
