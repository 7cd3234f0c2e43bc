"""Caches that callers ask for."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from shared.api.shapes import Given, Taken
from shared.api.shapes.common import Moment, State, Words
from shared.model import Kind, Reason, VerdictKind

Location = Annotated[str, Meta(description="The region, in its short form.", max_length=60, examples=["westeurope"])]
Sku = Annotated[
    str,
    Meta(
        description="Tier and size: `Basic_C0` … `Premium_P5` for a classic cache, `Balanced_B5` and its like for "
        "Azure Managed Redis.",
        max_length=60,
        examples=["Balanced_B5"],
    ),
]
PlacementNames = Annotated[
    tuple[Annotated[str, Meta(max_length=63)], ...],
    Meta(description="Placements of the policy, by alias; none: the one that fits its region.", max_length=84),
]


class CacheWish(Taken, frozen=True):
    """A cache that shall be there, closed to the public from its first second, with its endpoints."""

    kind: Annotated[Kind, Meta(description="`classic` or `managed`: Azure takes no new `enterprise` ones.")]
    location: Location
    sku: Sku
    shards: Annotated[int, Meta(description="Of a clustered Premium cache.", ge=0, le=10)] = 0
    zones: Annotated[
        tuple[Annotated[str, Meta(pattern="^[123]$")], ...],
        Meta(description="Availability zones of a Premium cache; Azure chooses where there are none.", max_length=3),
    ] = ()
    minimum_tls_version: Annotated[str, Meta(description="`1.2`.", max_length=8)] = "1.2"
    access_keys: Annotated[bool, Meta(description="Clients may use access keys; else only Microsoft Entra ID.")] = False
    high_availability: Annotated[bool, Meta(description="Of Azure Managed Redis: data is held twice.")] = True
    tags: Annotated[dict[str, str], Meta(max_length=49)] = msgspec.field(default_factory=dict)
    endpoints: PlacementNames = ()


class CacheStanding(Given, frozen=True):
    """Where a cache that was asked for stands."""

    id: Annotated[str, Meta(description="The cache's id.")]
    kind: Kind
    state: State
    endpoints: Annotated[tuple[str, ...], Meta(description="The placements that it has, or will have, endpoints in.")]
    verdict: VerdictKind | None = None
    reason: Annotated[Reason | None, Meta(description="Why it is Blocked.")] = None
    message: Words = ""
    step: Annotated[str, Meta(description="What is under way.")] = ""
    since: Annotated[Moment | None, Meta(description="Since when the verdict has been this one.")] = None
    until: Annotated[Moment | None, Meta(description="When an exemption ends.")] = None
    look_again_after_seconds: Annotated[float | None, Meta(description="When it will be looked at next.")] = None
    help: Annotated[str, Meta(description="Where to read on.")] = ""


class CacheWithdrawn(Given, frozen=True):
    """A cache is not wanted any more. None is ever deleted."""

    id: Annotated[str, Meta(description="The id that it would have had.")]
    message: Words
