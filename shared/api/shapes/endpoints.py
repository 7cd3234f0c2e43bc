"""Endpoints of a cache in placements of the policy, or in subnets that callers choose."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from shared.api.shapes import Given, Taken
from shared.api.shapes.common import Moment, State, Words
from shared.model import Reason, VerdictKind

_ENDPOINT = r"^([A-Za-z0-9][A-Za-z0-9_.-]{0,62}[A-Za-z0-9_])?$"
_INTERFACE = r"^([A-Za-z0-9]([A-Za-z0-9_.-]{0,78}[A-Za-z0-9_])?)?$"
_NETWORKS = "/subscriptions/22222222-3333-4444-5555-666666666666/resourceGroups/rg-net/providers/Microsoft.Network"


class EndpointWish(Taken, frozen=True):
    """An endpoint that shall be, and what its caller chooses about it; what is left out is Drawbridge's and Azure's."""

    subnet: Annotated[
        str,
        Meta(
            max_length=2048,
            description="The subnet's id, for a placement that the policy does not have: where its rule says "
            "`freePlacement: allowed`.",
            examples=[f"{_NETWORKS}/virtualNetworks/vnet-weu/subnets/endpoints"],
        ),
    ] = ""
    endpoint_name: Annotated[
        str, Meta(pattern=_ENDPOINT, description="The endpoint's name, 2–64 characters.", examples=["pe-shop-weu"])
    ] = ""
    network_interface_name: Annotated[
        str,
        Meta(pattern=_INTERFACE, description="The name of its network interface.", examples=["pe-shop-weu-nic"]),
    ] = ""
    ip_address: Annotated[
        str,
        Meta(max_length=15, description="Its static address, a private IPv4 one of the subnet.", examples=["10.1.2.3"]),
    ] = ""
    application_security_groups: Annotated[
        tuple[str, ...],
        Meta(max_length=10, description="The ids of the application security groups that it shall be in."),
    ] = ()
    manual_approval: Annotated[
        bool, Meta(description="The cache's owner approves the connection by hand; until then it is Blocked.")
    ] = False
    request_message: Annotated[str, Meta(max_length=140, description="What the owner is told then.")] = ""


class EndpointStanding(Given, frozen=True):
    """Where an endpoint that was asked for stands. The state is that of the whole cache."""

    id: Annotated[str, Meta(description="The cache's id.")]
    placement: str
    state: State
    endpoint: Annotated[str, Meta(description="The id that the endpoint has, or will have, when Drawbridge makes it.")]
    withdrawn: Annotated[bool, Meta(description="It is not wanted any more, and not gone yet.")] = False
    verdict: VerdictKind | None = None
    reason: Annotated[Reason | None, Meta(description="Why it is Blocked.")] = None
    message: Words = ""
    step: Annotated[str, Meta(description="What is under way.")] = ""
    since: Annotated[Moment | None, Meta(description="Since when the verdict has been this one.")] = None
    until: Annotated[Moment | None, Meta(description="When an exemption ends.")] = None
    look_again_after_seconds: Annotated[float | None, Meta(description="When it will be looked at next.")] = None
    help: Annotated[str, Meta(description="Where to read on.")] = ""
