"""Migrations of caches that are inside a virtual network."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from shared.api.shapes import Given, Taken
from shared.api.shapes.common import State, Words
from shared.api.shapes.creations import CacheStanding, PlacementNames, Sku
from shared.model import Kind


class MigrationWish(Taken, frozen=True):
    """The cache that shall take the place of the old one; what is left out is as proposed."""

    name: Annotated[str, Meta(description="Of the new cache, in the old one's resource group.", max_length=63)]
    kind: Kind = Kind.MANAGED
    sku: Sku | None = None
    access_keys: Annotated[bool | None, Meta(description="As the old cache has it, unless it is said.")] = None
    endpoints: PlacementNames = ()


class ProposalShown(Given, frozen=True):
    """A cache that could take the place of the old one."""

    kind: Kind
    location: str
    sku: str
    shards: int
    access_keys: bool
    note: Words


class MigrationShown(Given, frozen=True):
    """What would take the place of a cache, what cannot come along, and in which order; and how far it has come."""

    id: Annotated[str, Meta(description="The old cache's id. It is never deleted.")]
    proposals: tuple[ProposalShown, ...]
    not_carried_over: tuple[Words, ...]
    steps: tuple[Words, ...]
    state: Annotated[State | None, Meta(description="Of the new cache, once it was asked for.")] = None
    target: Annotated[CacheStanding | None, Meta(description="The new cache, once it was asked for.")] = None
