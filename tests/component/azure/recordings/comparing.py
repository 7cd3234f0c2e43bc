"""How an answer differs from a recorded one: status, names of headers, keys, types, spelling of ids, states."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from local.azure.calls import Answer, Json
from tests.component.azure.recordings.cassettes import Exchange

# Headers of Azure's own plumbing, of its web servers, or that aiohttp adds by itself.
_PLUMBING = re.compile(
    r"date|expires|pragma|content-length|content-type|vary|x-cache|x-msedge-ref|x-rp-server-mvid|connection|server"
    r"|x-ms-operation-identifier|x-ms-arm-service-request-id|x-aspnet-version|x-powered-by|x-ms-original-request-ids"
    r"|transfer-encoding|x-ms-private-dns-etag|x-ms-(request-id|correlation-request-id|routing-request-id)"
    r"|x-ms-ratelimit-remaining-(subscription-resource|tenant)-.*"
    # Which of the two names tells what is left changed in 2024.
    r"|x-ms-ratelimit-remaining-subscription-(global-)?(reads|writes|deletes)"
)
# Recorders leave this one out, so that replaying does not wait.
_RECORDERS_LEAVE_OUT = frozenset({"retry-after"})
# What has to be equal in value, and not only in type; strings that are ids have to, whatever they are called.
_EQUAL = frozenset(
    {"name", "type", "kind", "provisioningState", "resourceState", "publicNetworkAccess", "status", "code", "groupId"}
    | {"location", "state", "ttl", "virtualNetworkLinkState", "recordType", "operation", "message", "fqdn", "level"}
    | {"requiredMembers", "requiredZoneNames", "groupIds", "hostName", "port", "sslPort", "redisVersion", "tags"}
)
_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_UNLIKE = re.compile(r"\d{1,2}/\d{1,2}/\d{4}[^\"]*|[A-Za-z0-9+/=_-]{60,}|\"[^\"]*\"")


def differences(exchange: Exchange, answer: Answer) -> list[str]:
    """Tell how an answer differs from the recorded one; nothing where it does not."""
    found = []
    if answer.status != exchange.status:
        found.append(f"status {int(answer.status)}, recorded {exchange.status}: {answer.error_code}")
        return found
    found += _of_headers(exchange, {name.lower() for name in answer.headers})
    return found + list(_of_values("body", exchange.answer, answer.body))


def _of_headers(exchange: Exchange, ours: set[str]) -> Iterator[str]:
    for name in sorted(ours ^ exchange.headers.keys()):
        if _PLUMBING.fullmatch(name) or (name in _RECORDERS_LEAVE_OUT and name in ours):
            continue
        yield f"header {name} {'was not recorded' if name in ours else 'is absent'}"


def _of_values(where: str, recorded: Any, ours: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    if type(recorded) is not type(ours):
        yield f"{where} is a {type(ours).__name__}, recorded a {type(recorded).__name__}"
    elif isinstance(recorded, dict):
        yield from _of_keys(where, recorded, ours)
    elif isinstance(recorded, list):
        if len(recorded) != len(ours):
            yield f"{where} has {len(ours)} items, recorded {len(recorded)}"
        for one, other in zip(_ordered(recorded), _ordered(ours), strict=False):
            yield from _of_values(f"{where}[]", one, other)
    elif _has_to_be_equal(where, recorded) and _plain(recorded) != _plain(ours):
        yield f"{where} is {ours!r}, recorded {recorded!r}"


def _ordered(items: list[Any]) -> list[Any]:
    """Put resources into the order of their ids: Azure promises none for its lists."""
    ids = [str(item["id"]).lower() for item in items if isinstance(item, dict) and "id" in item]
    if len(ids) < len(items):
        return items
    return [item for _, item in sorted(zip(ids, items, strict=True), key=lambda pair: str(_plain(pair[0])))]


def _of_keys(where: str, recorded: Json, ours: Json) -> Iterator[str]:
    for name in sorted(recorded.keys() ^ ours.keys()):
        yield f"{where}.{name} {'is absent' if name in recorded else 'was not recorded'}"
    for name in sorted(recorded.keys() & ours.keys()):
        yield from _of_values(f"{where}.{name}", recorded[name], ours[name])


def _has_to_be_equal(where: str, recorded: object) -> bool:
    names = where.replace("[]", "").split(".")
    is_id = isinstance(recorded, str) and recorded.startswith("/subscriptions/")
    return is_id or names[-1] in _EQUAL or "tags" in names


def _plain(value: object) -> object:
    """Leave out of a text what is of one call only: made-up ids, times."""
    return re.sub(_UNLIKE, "<>", re.sub(_GUID, "<guid>", value)) if isinstance(value, str) else value
