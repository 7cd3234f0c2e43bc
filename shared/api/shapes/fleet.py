"""All caches that Drawbridge knows."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from shared.api.shapes import Given
from shared.api.shapes.common import Moment, Said


class FleetEntry(Given, frozen=True):
    """One cache as the last pass over it left it."""

    id: str
    kind: str
    region: str
    public_network_access: Annotated[str, Meta(description="As the last pass saw it.")]
    verdict: Said
    since: Annotated[Moment | None, Meta(description="Since when the verdict has been this one.")]
    last_pass: Annotated[Moment | None, Meta(description="When the last pass began.")]
    placements: Annotated[tuple[str, ...], Meta(description="Where endpoints of it are wanted.")]
    tags: dict[str, str]


class FleetPage(Given, frozen=True):
    """Caches by subscription, resource group and name."""

    value: tuple[FleetEntry, ...]
    next_link: Annotated[str, Meta(description="Where the next page is; left out on the last.")] = ""
    counts: Annotated[
        dict[str, int] | None,
        Meta(description="Verdict: how many caches of the whole answer have it; with `counts=true`."),
    ] = None
    counts_by_kind: Annotated[
        dict[str, int] | None,
        Meta(description="Kind: how many caches of the whole answer are of it; with `counts=true`."),
    ] = None
    counts_by_reason: Annotated[
        dict[str, int] | None,
        Meta(description="Reason: how many caches of the whole answer are Blocked for it; with `counts=true`."),
    ] = None
