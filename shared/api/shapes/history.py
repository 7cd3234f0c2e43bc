"""What happened to a cache."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from shared.api.shapes import Given
from shared.api.shapes.common import Moment, Said
from shared.model import Trigger


class ValuesShown(Given, frozen=True):
    """How the cache was, as Drawbridge saw it."""

    public_network_access: str
    endpoints: Annotated[tuple[str, ...], Meta(description="The ids of the endpoints that led to it.")]
    placements: Annotated[tuple[str, ...], Meta(description="Where endpoints of it were wanted.")]


class HistoryEntry(Given, frozen=True):
    """What one pass saw and did, or what one caller asked for."""

    id: Annotated[str, Meta(description="Also the id of the CloudEvent that was published from it.")]
    at: Moment
    trigger: Annotated[Trigger, Meta(description="What made Drawbridge look.")]
    operation: Annotated[str, Meta(description="The event's or the call's operation.")]
    caller: Annotated[str, Meta(description="Who caused it, where an event or a call names them.")]
    before: Annotated[Said | None, Meta(description="The verdict before; null where there was none.")]
    after: Said
    was: ValuesShown
    became: ValuesShown
    done: Annotated[tuple[str, ...], Meta(description="What was asked for or written in Azure, and why, in words.")]
    announced: Annotated[tuple[str, ...], Meta(description="The types of CloudEvent that were published of it.")]


class HistoryPage(Given, frozen=True):
    """Entries, the newest first."""

    value: tuple[HistoryEntry, ...]
    next_link: Annotated[str, Meta(description="Where the next page is; left out on the last.")] = ""
