"""The messages of the two queues, as text. Pure, and free of any SDK: the event path pays for every import.

A message names what to look at, and carries no news. Unknown fields are refused: a message of a newer
version must not be half understood.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from shared.ids import CacheId, InvalidIdError, subscription_id
from shared.model import Look, Trigger, WakeUp

if TYPE_CHECKING:
    from enum import StrEnum

VERSION = 1
RECONCILE = "reconcile"
SWEEP = "sweep"
E_ = TypeVar("E_", bound="StrEnum")


class InvalidMessageError(ValueError):
    """A message that no version of this program wrote; it names the field and the value."""


@dataclass(frozen=True, slots=True)
class SweepPage:
    """A message of the queue ``sweep``: one page of one subscription's caches is to be looked through."""

    subscription: str
    sweep: str = ""
    """The run it belongs to; "" for a look at one subscription outside of any run."""
    continuation: str = ""
    """Where the list goes on; "" for its first page."""
    page: int = 1


def encode_wake(wake: WakeUp) -> str:
    """Write a wake-up as a message."""
    fields = {
        "v": VERSION,
        "cache": str(wake.cache),
        "trigger": wake.trigger.value,
        "look": wake.look.value,
        "operation": wake.operation,
        "caller": wake.caller,
        "own": wake.own,
    }
    return json.dumps(fields)


def decode_wake(text: str) -> WakeUp:
    """Read a wake-up; raises InvalidMessageError."""
    fields = _fields(text, {"cache": "", "trigger": "", "look": "quick", "operation": "", "caller": "", "own": False})
    try:
        cache = CacheId.parse(str(fields["cache"]))
    except InvalidIdError as error:
        raise InvalidMessageError(f"field 'cache': {error}") from error
    return WakeUp(
        cache,
        _choice(Trigger, "trigger", fields["trigger"]),
        _choice(Look, "look", fields["look"]),
        operation=str(fields["operation"]),
        caller=str(fields["caller"]),
        own=fields["own"] is True,
    )


def encode_sweep(page: SweepPage) -> str:
    """Write a page to sweep as a message."""
    fields = {
        "v": VERSION,
        "subscription": page.subscription,
        "sweep": page.sweep,
        "continuation": page.continuation,
        "page": page.page,
    }
    return json.dumps(fields)


def decode_sweep(text: str) -> SweepPage:
    """Read a page to sweep; raises InvalidMessageError."""
    fields = _fields(text, {"subscription": "", "sweep": "", "continuation": "", "page": 1})
    try:
        subscription = subscription_id(str(fields["subscription"]))
    except InvalidIdError as error:
        raise InvalidMessageError(f"field 'subscription': {error}") from error
    page = fields["page"]
    if not isinstance(page, int) or page < 1:
        raise InvalidMessageError(f"field 'page': {page!r} is not a page number")
    return SweepPage(subscription, str(fields["sweep"]), str(fields["continuation"]), page)


def _fields(text: str, known: dict[str, object]) -> dict[str, object]:
    try:
        given = json.loads(text)
    except ValueError as error:
        raise InvalidMessageError(f"{text[:100]!r} is not JSON") from error
    if not isinstance(given, dict):
        raise InvalidMessageError(f"{text[:100]!r} is not a JSON object")
    if given.pop("v", None) != VERSION:
        raise InvalidMessageError(f"field 'v': only version {VERSION} is understood")
    if unknown := sorted(set(given) - set(known)):
        raise InvalidMessageError(f"field {unknown[0]!r} is not known")
    return {**known, **given}


def _choice(kind: type[E_], field: str, value: object) -> E_:
    try:
        return kind(str(value))
    except ValueError as error:
        raise InvalidMessageError(f"field '{field}': {value!r} is none of {', '.join(kind)}") from error
