"""Connections of a cache: the owner's side of Private Link."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from shared.api.shapes import Given, Taken
from shared.api.shapes.common import Moment, Said, State
from shared.model import Status


class Decided(StrEnum):
    """What can be decided about a connection."""

    APPROVED = "Approved"
    REJECTED = "Rejected"


class ConnectionWish(Taken, frozen=True):
    """What is decided about a connection, and why."""

    status: Decided
    description: Annotated[str, Meta(max_length=140, description="For whoever made the endpoint.")] = ""


class ConnectionStanding(Given, frozen=True):
    """How a connection is, and what was decided about it."""

    id: Annotated[str, Meta(description="The cache's id.")]
    connection: str
    state: State
    endpoint: str | None
    status: Annotated[Status, Meta(description="`Disconnected`: it is not among the cache's connections any more.")]
    wanted: Annotated[Status | None, Meta(description="As decided; null where nothing is.")]
    requested_by: str = ""
    verdict: Annotated[Said | None, Meta(description="On the cache, by a pass that knew of the decision.")] = None
    since: Moment | None = None
