"""One cache: what is seen of it, wanted, planned and said."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from shared.api.shapes import Given
from shared.api.shapes.common import Moment, Planned, Said, State
from shared.model import Kind, LastEndpoint, Mode, PublicAccess, Readiness, Status


class ConnectionSeen(Given, frozen=True):
    """One entry of the cache's own list of connections."""

    name: str
    endpoint: str | None
    status: Status


class ZoneGroupSeen(Given, frozen=True):
    """The DNS zone group of an endpoint."""

    name: str
    state: Readiness
    zones: tuple[str, ...]


class RecordSeen(Given, frozen=True):
    """One record that Azure says it wrote."""

    name: str
    addresses: tuple[str, ...]


class EndpointSeen(Given, frozen=True):
    """A private endpoint that could be read."""

    id: str
    state: Readiness
    status: Status
    subnet: str | None
    zone_groups: tuple[ZoneGroupSeen, ...]
    records: tuple[RecordSeen, ...]


class CacheSeen(Given, frozen=True):
    """The cache and what leads to it, as Azure shows them."""

    kind: Kind
    region: str
    state: str
    public_network_access: PublicAccess
    tags: dict[str, str]
    connections: tuple[ConnectionSeen, ...]
    endpoints: tuple[EndpointSeen, ...]
    unreadable: Annotated[tuple[str, ...], Meta(description="Endpoints that Drawbridge's identity may not read.")]


class CacheWanted(Given, frozen=True):
    """What policy, tags and requests ask of it."""

    mode: Mode
    enrolled: bool
    ignored: bool
    placements: tuple[str, ...]
    unknown_placements: tuple[str, ...]
    public_access_disabled: bool
    last_endpoint: LastEndpoint
    exempt_until: str | None
    notes: Annotated[tuple[str, ...], Meta(description="What was asked for and not granted, in words.")]


class CacheShown(Given, frozen=True):
    """What is seen, what is wanted, what would be done now, and what was last said."""

    id: str
    observed: Annotated[CacheSeen | None, Meta(description="Null while a cache that was asked for is not there.")]
    desired: CacheWanted
    plan: Planned
    verdict: Annotated[Said | None, Meta(description="Of the last pass; null before the first.")]
    since: Moment | None
    state: Annotated[State | None, Meta(description="Where it stands, if it was asked for with PUT.")] = None
