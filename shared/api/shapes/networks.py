"""Virtual networks that callers ask for."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from shared.api.shapes import Given, Taken
from shared.api.shapes.common import Moment, State, Words
from shared.api.shapes.creations import Location
from shared.model import Reason, VerdictKind
from shared.networking import NetworkPolicies

Prefix = Annotated[str, Meta(max_length=40, examples=["10.1.0.0/16"])]
ZONES = ("privatelink.redis.cache.windows.net", "privatelink.redis.azure.net")
"""Of classic caches and of Azure Managed Redis, in the public cloud."""


class SubnetWish(Taken, frozen=True):
    """The subnet that endpoints go into."""

    name: Annotated[str, Meta(min_length=1, max_length=80)]
    prefix: Prefix
    network_policies: Annotated[
        NetworkPolicies, Meta(description="Whether security groups and routes hold for endpoints.")
    ] = NetworkPolicies.DISABLED
    endpoints: Annotated[int, Meta(description="How many endpoints it must have room for.", ge=1, le=1000)] = 1


class NetworkWish(Taken, frozen=True):
    """A network that shall be there, with a subnet for endpoints and private DNS zones linked to it."""

    location: Location
    address_space: Annotated[tuple[Prefix, ...], Meta(min_length=1, max_length=100)]
    subnet: SubnetWish
    zones: Annotated[
        tuple[Annotated[str, Meta(max_length=253)], ...],
        Meta(
            description="The private DNS zones that machines in it look names up in; those of classic caches and of "
            "Azure Managed Redis unless it is said otherwise.",
            min_length=1,
            max_length=10,
        ),
    ] = ZONES


class NetworkStanding(Given, frozen=True):
    """Where a network that was asked for stands."""

    id: Annotated[str, Meta(description="The network's id.")]
    subnet: Annotated[str, Meta(description="The id of its subnet for endpoints.")]
    state: State
    zones: Annotated[dict[str, str], Meta(description="Zone name: the id of the zone that is used.")] = msgspec.field(
        default_factory=dict
    )
    verdict: VerdictKind | None = None
    reason: Annotated[Reason | None, Meta(description="Why it is Blocked.")] = None
    message: Words = ""
    step: Annotated[str, Meta(description="What is under way.")] = ""
    since: Annotated[Moment | None, Meta(description="Since when the verdict has been this one.")] = None
    look_again_after_seconds: Annotated[float | None, Meta(description="When it will be looked at next.")] = None
    help: Annotated[str, Meta(description="Where to read on.")] = ""
