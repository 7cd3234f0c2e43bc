"""How an answer differs from a recorded one: status, names of headers, keys, types, and nearly every value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from local.azure.calls import BASE_URL, Answer, Json
from tests.component.azure.recordings.cassettes import ANNOUNCING, Exchange

# Headers of Azure's own plumbing, of its web servers, or that aiohttp adds by itself.
_PLUMBING = re.compile(
    r"date|expires|pragma|content-length|content-type|vary|x-cache|x-msedge-ref|x-rp-server-mvid|connection|server"
    r"|x-ms-operation-identifier|x-ms-arm-service-request-id|x-aspnet-version|x-powered-by|x-ms-original-request-ids"
    r"|transfer-encoding|x-ms-private-dns-etag|x-ms-(request-id|correlation-request-id|routing-request-id)"
    r"|x-ms-ratelimit-remaining-(subscription-resource|tenant)-.*"
    # What is left of a quota is told by some providers, by one name or two.
    r"|x-ms-ratelimit-remaining-subscription-(global-)?(reads|writes|deletes)"
)
# Of one call only, or not ours to know: times, keys, which node leads.
_FREE = frozenset(
    {"startTime", "endTime", "createdAt", "lastModifiedAt", "traceId", "primaryKey", "secondaryKey"}
    | {"isMaster", "isPrimary", "internalId"}
)
_OPERATION_ID = re.compile(
    r"(/(?:asyncOperations|operationresults|operationsStatus|operations|privateDnsOperation\w+))/[^/]+$", re.IGNORECASE
)
_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_UNLIKE = re.compile(r"\d{1,2}/\d{1,2}/\d{4}[^\"]*|\"[^\"]*\"")


def differences(exchange: Exchange, answer: Answer) -> list[str]:
    """Tell how an answer differs from the recorded one; nothing where it does not."""
    found = []
    if answer.status != exchange.status:
        found.append(f"status {int(answer.status)}, recorded {exchange.status}: {answer.error_code}")
        return found
    headers = {name.lower(): value for name, value in answer.headers.items()}
    found += _of_headers(exchange, set(headers))
    found += _of_places(exchange, headers)
    return found + list(_of_values("body", exchange.answer, answer.body))


def _of_places(exchange: Exchange, ours: Mapping[str, str]) -> Iterator[str]:
    """Compare where an answer says that its operation can be watched; the api-version there is of the region's own."""
    for name in ANNOUNCING:
        if name in ours and name in exchange.headers:
            place, recorded = _place(ours[name]), _place(exchange.headers[name])
            if place != recorded:
                yield f"header {name} is {place}, recorded {recorded}"


def _place(url: str) -> str:
    return _OPERATION_ID.sub(r"\1/<id>", url.removeprefix(BASE_URL).split("?")[0])


def _of_headers(exchange: Exchange, ours: set[str]) -> Iterator[str]:
    for name in sorted(ours ^ exchange.headers.keys()):
        if _PLUMBING.fullmatch(name) or (name == "retry-after" and not exchange.waits_kept):
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
    elif where.rsplit(".", 1)[-1] not in _FREE and _plain(recorded) != _plain(ours):
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


def _plain(value: object) -> object:
    """Leave out of a text what is of one call only: made-up ids, times."""
    return re.sub(_UNLIKE, "<>", re.sub(_GUID, "<guid>", value)) if isinstance(value, str) else value
