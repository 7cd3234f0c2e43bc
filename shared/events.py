"""Name the cache that a subscription event is about, or say why there is none. Pure; calls nothing.

What happened is deliberately ignored: the pass reads the world itself, so a late, repeated, reordered or
forged event can do no harm. Operations are those of Azure's role-based access control list, compared
without case; the subject's casing varies in Azure's own samples.
"""

from __future__ import annotations

import base64
import binascii
import json
from codecs import BOM_UTF8
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from shared.ids import CacheId, GroupId, InvalidIdError, NetworkId, endpoint_id, subscription_id
from shared.model import Look, Trigger, WakeUp

LARGEST = 256 * 1024
"""Characters of JSON; Azure's own are about 3,000, and Event Grid takes up to 1 MB."""
_OBJECT_ID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
_UPN = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"
_LONGEST_CALLER = 120
_LONGEST_ID = 100
OWN_NAME = "Drawbridge"

_ABOUT_A_CACHE = frozenset(
    f"microsoft.cache/{kind}/{operation}"
    for kind in ("redis", "redisenterprise")
    for operation in (
        "write",
        "delete",
        "privateendpointconnections/write",
        "privateendpointconnections/delete",
        "privateendpointconnectionproxies/write",
        "privateendpointconnectionproxies/delete",
        "privateendpointconnectionproxies/validate/action",
    )
) | {"microsoft.resources/tags/write", "microsoft.resources/tags/delete"}
_ABOUT_AN_ENDPOINT = frozenset(
    f"microsoft.network/privateendpoints/{operation}"
    for operation in ("write", "delete", "privatednszonegroups/write", "privatednszonegroups/delete")
)
_ENDPOINT_DELETED = "microsoft.network/privateendpoints/delete"
_GROUP_DELETED = "microsoft.resources/subscriptions/resourcegroups/delete"
_SUCCESSES = frozenset(f"microsoft.resources.resource{what}success" for what in ("write", "delete", "action"))


class Unheeded(StrEnum):
    """Why an event is acknowledged and leads to nothing."""

    UNKNOWN = "its operation is none of those that can concern a cache"
    NOT_A_SUCCESS = "what it tells of was not carried out"
    MALFORMED = "it is not of the form of a subscription event"
    FOREIGN = "its subject is not in the subscription it comes from"
    NOT_A_CACHE = "its subject is not a cache"
    OUT_OF_SCOPE = "its subject is out of the policy's scope"
    OVERSIZED = "it is larger than any event of Azure's"
    UNLINKED = "no cache is known for this endpoint"


@dataclass(frozen=True, slots=True)
class Event:
    """One event, from either schema: the fields that both have, not yet believed."""

    type: object
    source: object
    """The Event Grid schema's ``topic``, CloudEvents' ``source``."""
    subject: object
    data: object
    size: int = 0
    """Characters of its JSON."""


class InvalidEventError(ValueError):
    """A text that holds no events; the message says what it is instead."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """One event out of a text, with its id for the log."""

    event: Event
    id: str


def delivered(text: str | bytes) -> tuple[Delivered, ...]:
    """Read what Event Grid has put on a queue or among its dead letters: one event or a list, of either schema.

    A queue message may come as it is or in Base64, a dead letter with fields of its own beside the event's; either
    with a byte order mark. Raises InvalidEventError.
    """
    raw = (text.encode() if isinstance(text, str) else text).removeprefix(BOM_UTF8)
    try:
        read = json.loads(raw if raw.lstrip()[:1] in {b"{", b"["} else base64.b64decode(raw, validate=True))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise InvalidEventError(f"{raw[:80]!r} … is neither JSON nor Base64 of it") from error
    found = read if isinstance(read, list) else [read]
    return tuple(_delivered(each) for each in found)


def _delivered(raw: object) -> Delivered:
    if not isinstance(raw, Mapping):
        raise InvalidEventError(f"{raw!r:.80} is no event: it would have to be an object")
    of_cloud = "specversion" in raw
    type_, source = ("type", "source") if of_cloud else ("eventType", "topic")
    subject, data = raw.get("subject"), raw.get("data")
    event = Event(raw.get(type_), raw.get(source), subject, data, size_of(subject, data))
    return Delivered(event, str(raw.get("id") or "")[:_LONGEST_ID])


def size_of(subject: object, data: object) -> int:
    """Measure an event by what can make it large."""
    return len(json.dumps(data, default=str)) + len(str(subject))


@dataclass(frozen=True, slots=True)
class OfCache:
    """An event about a cache, or about something inside one."""

    wake: WakeUp

    @property
    def group(self) -> GroupId:
        """Where to hold it against the scope."""
        return self.wake.cache.group_id


@dataclass(frozen=True, slots=True)
class OfEndpoint:
    """An event about a private endpoint, whose cache it does not name."""

    endpoint: NetworkId
    deleted: bool
    operation: str
    caller: str
    own: bool

    @property
    def group(self) -> GroupId:
        """Where the endpoint is, which can be another subscription than its cache's."""
        return self.endpoint.group_id


@dataclass(frozen=True, slots=True)
class OfGroup:
    """A resource group was deleted: the events of what was in it may never come."""

    group: GroupId
    operation: str
    caller: str
    own: bool


def concerns(event: Event, principal: str = "") -> OfCache | OfEndpoint | OfGroup | Unheeded:
    """Say what an event is about. ``principal`` is the object id of this app's own identity."""
    if event.size > LARGEST:
        return Unheeded.OVERSIZED
    if not isinstance(event.data, Mapping) or not isinstance(event.type, str) or not isinstance(event.subject, str):
        return Unheeded.MALFORMED
    operation = event.data.get("operationName")
    if not isinstance(operation, str):
        return Unheeded.MALFORMED
    if operation.lower() not in _ABOUT_A_CACHE | _ABOUT_AN_ENDPOINT | {_GROUP_DELETED}:
        return Unheeded.UNKNOWN
    if event.type.lower() not in _SUCCESSES:
        return Unheeded.NOT_A_SUCCESS
    return _native(event, _named(event.subject, operation.lower(), *_caller(event.data, principal)))


def _native(
    event: Event, named: OfCache | OfEndpoint | OfGroup | Unheeded
) -> OfCache | OfEndpoint | OfGroup | Unheeded:
    """Refuse a subject that is not in the subscription that the event comes from."""
    if isinstance(named, Unheeded):
        return named
    return named if _inside(event.source) == named.group.subscription else Unheeded.FOREIGN


def home(event: Event) -> str:
    """Name the subscription that an event comes from and tells of, whatever it tells; "" where it is none of Azure's.

    That is evidence that Azure delivers the events of that subscription. Anybody who may send can forge it.
    """
    if event.size > LARGEST or not isinstance(event.data, Mapping) or not event.data.get("operationName"):
        return ""
    source = _inside(event.source)
    return source if source == _inside(event.subject) else ""


def _inside(id_: object) -> str:
    """Name the subscription that an id begins with; "" where it begins with none."""
    match str(id_).strip("/").split("/", 2):
        case [prefix, subscription, *_] if prefix.lower() == "subscriptions":
            try:
                return subscription_id(subscription)
            except InvalidIdError:
                return ""
        case _:
            return ""


def _named(subject: str, operation: str, caller: str, own: bool) -> OfCache | OfEndpoint | OfGroup | Unheeded:  # noqa: FBT001
    try:
        if operation == _GROUP_DELETED:
            return OfGroup(GroupId.parse(subject), operation, caller, own)
        if operation in _ABOUT_AN_ENDPOINT:
            endpoint = endpoint_id(subject.lower().partition("/privatednszonegroups/")[0])
            return OfEndpoint(endpoint, operation == _ENDPOINT_DELETED, operation, caller, own)
        cache, _ = CacheId.split(subject)
    except InvalidIdError:
        return Unheeded.NOT_A_CACHE
    return OfCache(WakeUp(cache, Trigger.EVENT, operation=operation, caller=caller, own=own))


def _caller(data: Mapping[str, object], principal: str) -> tuple[str, bool]:
    claims = data.get("claims")
    if not isinstance(claims, Mapping):
        return "", False
    object_id = _word(claims.get(_OBJECT_ID))
    if principal and object_id.lower() == principal.lower():
        return OWN_NAME, True
    named = (_word(claims.get(claim)) for claim in (_UPN, "name", "appid"))
    return next(filter(None, named), object_id), False


def _word(claim: object) -> str:
    """Give a claim as one printable line: it ends in logs, messages and the history, and anybody can have sent it."""
    text = claim[: 2 * _LONGEST_CALLER] if isinstance(claim, str) else ""
    return "".join(c if c.isprintable() else " " for c in text).strip()[:_LONGEST_CALLER]


def about_endpoint(cache: CacheId, event: OfEndpoint) -> WakeUp:
    """Wake the cache of an endpoint, for a full look: the cache itself shows little of what changed there."""
    look = Look.QUICK if event.own else Look.FULL
    return WakeUp(cache, Trigger.EVENT, look, operation=event.operation, caller=event.caller, own=event.own)


def about_group(cache: CacheId, event: OfGroup) -> WakeUp:
    """Wake a cache that was in a deleted resource group, or whose endpoint was."""
    return WakeUp(cache, Trigger.EVENT, Look.FULL, event.operation, event.caller, event.own)
