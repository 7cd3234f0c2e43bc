"""Azure Resource Graph, for one question: which caches are there. Every other query is refused aloud.

Results lag writes, come in pages that go on by ``$skipToken``, and are counted against a quota of their own.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from bisect import bisect_left, insort
from collections import defaultdict, deque
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from local.azure import errors
from local.azure.calls import Answer, Call, Json
from local.azure.errors import ArmError
from local.azure.routes import Route
from local.azure.store import ALWAYS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.azure.store import Resource
    from local.azure.world import World

TYPE = "Microsoft.ResourceGraph/resources"
CACHES = """
resources
| where type in~ ('microsoft.cache/redis', 'microsoft.cache/redisenterprise')
| project id, name, type, location, resourceGroup, subscriptionId, tags, sku, properties
| order by id asc
"""
"""The query that is answered: every cache, of either type. Case and white space do not matter."""
_TYPES = frozenset({"microsoft.cache/redis", "microsoft.cache/redisenterprise"})
_MOST_ROWS = 1000
# What is not known to be in the rows of Azure.
_LEFT_OUT = frozenset({"accessKeys", "instances", "privateEndpointConnections"})


@dataclass(frozen=True, slots=True)
class GraphOptions:
    """So many queries in so many wall seconds for each caller; results are late by ``lag`` world seconds."""

    quota: int = 15
    window: float = 5.0
    lag: float = 30.0
    enforced: bool = True


@dataclass(slots=True)
class _Window:
    ends: float
    left: int


@dataclass(slots=True)
class Graph:
    """What Resource Graph knows: the caches of a while ago, sorted by id within their subscription."""

    options: GraphOptions = GraphOptions()
    _rows: dict[str, Resource] = field(default_factory=dict)
    _keys: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    _coming: deque[tuple[float, str, Resource | None]] = field(default_factory=deque)
    _windows: dict[str, _Window] = field(default_factory=dict)

    def written(self, key: str, resource: Resource | None, moment: float) -> None:
        """Hear of a write, or of a deletion (None), that shows when the lag has passed."""
        if not _is_cache(key):
            return
        if moment == ALWAYS:
            self._show(key, resource)
            return
        self.catch_up(moment)
        self._coming.append((moment + self.options.lag, key, resource))

    def catch_up(self, now: float) -> None:
        """Let show what is due."""
        while self._coming and self._coming[0][0] <= now:
            _, key, resource = self._coming.popleft()
            self._show(key, resource)

    def _show(self, key: str, resource: Resource | None) -> None:
        keys = self._keys[key.split("/", 3)[2]]
        if resource is None:
            if self._rows.pop(key, None) is not None:
                del keys[bisect_left(keys, key)]
            return
        if key not in self._rows:
            insort(keys, key)
        self._rows[key] = resource

    def count(self, subscriptions: list[str]) -> int:
        return sum(len(self._keys.get(each, ())) for each in subscriptions)

    def after(self, subscriptions: list[str], last: str) -> Iterator[Resource]:
        """Give the rows of these (sorted) subscriptions whose ids come after one: no more are looked at than taken."""
        for each in subscriptions:
            keys = self._keys.get(each, ())
            start = bisect_left(keys, f"{last}\0") if last else 0
            for index in range(start, len(keys)):
                yield self._rows[keys[index]]

    def take(self, caller: str, now: float) -> tuple[int, float]:
        """Take one query of a caller's quota; gives how many are left, -1 where none was, and when it starts anew."""
        window = self._windows.get(caller)
        if window is None or now >= window.ends:
            window = self._windows[caller] = _Window(now + self.options.window, self.options.quota)
        if self.options.enforced and window.left <= 0:
            return -1, window.ends - now
        window.left = max(0, window.left - 1)
        return window.left, window.ends - now


def _is_cache(key: str) -> bool:
    parts = key.split("/", 9)
    return len(parts) == 9 and f"{parts[6]}/{parts[7]}" in _TYPES  # noqa: PLR2004 - segments of a resource in a group


def query(world: World, call: Call) -> Answer:
    """Answer one page of the one query; raises ArmError (501) for any other."""
    headers = _quota(world, call)
    body = call.body or {}
    _require_known(str(body.get("query") or ""))
    options: dict[str, Any] = body.get("options") or {}
    if options.get("resultFormat", "objectArray") != "objectArray":
        raise errors.not_emulated(f"the result format '{options['resultFormat']}' of Resource Graph")
    world.graph.catch_up(world.now)
    subscriptions = _subscriptions(world, call, body)
    last, size = _token(options.get("$skipToken"))
    size = int(options.get("$top") or size)
    if not 1 <= size <= _MOST_ROWS:
        raise errors.bad_request(f"The value of $top is {size}; it has to be from 1 to {_MOST_ROWS}.")
    rows = _first(world.graph.after(subscriptions, last), size + 1)
    answer: Json = {
        "totalRecords": world.graph.count(subscriptions),
        "count": len(rows[:size]),
        "data": [_row(resource) for resource in rows[:size]],
        "facets": [],
        "resultTruncated": "false",
    }
    if len(rows) > size:
        answer["$skipToken"] = base64.b64encode(f"{size} {rows[size - 1].key}".encode()).decode()
    return Answer(HTTPStatus.OK, answer, headers)


def _first(rows: Iterator[Resource], count: int) -> list[Resource]:
    return [row for row, _ in zip(rows, range(count), strict=False)]


def _quota(world: World, call: Call) -> dict[str, str]:
    left, seconds = world.graph.take(call.caller.object_id, world.wall)
    headers = {
        "x-ms-user-quota-remaining": str(max(0, left)),
        "x-ms-user-quota-resets-after": f"00:00:{math.ceil(seconds):02}",
    }
    if left < 0:
        message = "Client application has been throttled and should not attempt to repeat the request until an amount "
        raise ArmError(
            HTTPStatus.TOO_MANY_REQUESTS,
            "RateLimiting",
            f"{message}of time has elapsed. Please see https://aka.ms/resourcegraph-throttling for help.",
            {**headers, "Retry-After": str(max(1, math.ceil(seconds)))},
            {"details": []},
        )
    return headers


def _require_known(text: str) -> None:
    if not text.strip():
        raise errors.bad_request("Please provide below info when asking for support: the query is missing.")
    if _plain(text) != _plain(CACHES):
        raise errors.not_emulated(f"the Resource Graph query '{text.strip()}' (it answers one: '{_plain(CACHES)}')")


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace('"', "'")).strip().lower()


def _subscriptions(world: World, call: Call, body: Json) -> list[str]:
    """Give the subscriptions asked for, sorted: those that the caller sees, all of them where none is named."""
    named = {str(each).lower() for each in body.get("subscriptions") or ()}
    for group in body.get("managementGroups") or ():
        named |= _below(world, str(group))
    asked = named or set(world.directory.subscriptions)
    return sorted(each for each in asked if world.directory.knows(each) and world.access.visible(call.caller, each))


def _below(world: World, name: str) -> set[str]:
    group = world.directory.groups.get(name.lower())
    if group is None:
        raise errors.bad_request(f"The management group '{name}' was not found.", "ManagementGroupNotFound")
    below: set[str] = set()
    for child in group.children:
        below |= _below(world, child) if child.lower() in world.directory.groups else {child.lower()}
    return below


def _token(text: object) -> tuple[str, int]:
    """Read where a page begins, and how long it is where nothing else is said."""
    if not text:
        return "", _MOST_ROWS
    try:
        size, _, last = base64.b64decode(str(text), validate=True).decode().partition(" ")
        return last, int(size)
    except (binascii.Error, ValueError) as error:
        raise errors.bad_request(f"The skip token '{str(text)[:100]}' is not valid.", "InvalidSkipToken") from error


def _row(resource: Resource) -> Json:
    """Give one row: type, group and region are written small."""
    shown = resource.render()
    properties = {name: value for name, value in shown["properties"].items() if name not in _LEFT_OUT}
    return {
        "id": resource.id,
        "name": resource.name,
        "type": resource.type.lower(),
        "location": str(shown["location"]).replace(" ", "").lower(),
        "resourceGroup": resource.group_id.rpartition("/")[2].lower(),
        "subscriptionId": resource.subscription,
        "tags": shown.get("tags"),
        "sku": shown.get("sku"),
        "properties": properties,
    }


ROUTES = (Route(TYPE, TYPE, frozenset({"2021-03-01", "2022-10-01"}), {"POST:": query}),)
