"""The public network access of a cache."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from shared.api.shapes import Given, Taken
from shared.api.shapes.common import Moment, Said, State
from shared.model import PublicAccess


class Access(StrEnum):
    """What can be asked for."""

    ENABLED = "Enabled"
    DISABLED = "Disabled"


class AccessWish(Taken, frozen=True):
    """How public network access shall be."""

    public_network_access: Annotated[Access, Meta(description="`Enabled` is an Admin's to ask for.")]


class AccessStanding(Given, frozen=True):
    """How public network access is, how it shall be, and where that stands."""

    id: Annotated[str, Meta(description="The cache's id.")]
    state: State
    public_network_access: Annotated[
        PublicAccess, Meta(description="As it is. `Absent`: a cluster that is too old to have it.")
    ]
    wanted: Annotated[
        Access | None, Meta(description="As it shall be, by request or by policy; null: nothing is asked of it.")
    ]
    requested_by: Annotated[str, Meta(description="Who asked for it through the API, and was not done yet.")] = ""
    verdict: Annotated[Said | None, Meta(description="Of the last pass.")] = None
    since: Moment | None = None
