"""Recorded traffic of real Azure is sent again to the stand-in, and the answers are compared in shape."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from local.azure.callers import OPERATOR
from local.azure.calls import BASE_URL, Answer, Json
from local.azure.clock import ManualClock
from local.azure.redis import Cache, build
from local.azure.regions import short_name
from local.azure.resources import Group
from local.azure.subscriptions import Subscription
from local.azure.world import Wire, World

# Headers of Azure's own plumbing, or that aiohttp adds by itself.
_NOISE = re.compile(
    r"date|expires|pragma|content-length|content-type|vary|x-cache|x-msedge-ref|x-rp-server-mvid|connection|server"
    r"|x-ms-operation-identifier|x-ms-arm-service-request-id|x-ms-private-dns-etag|x-aspnet-version|x-powered-by"
    r"|x-ms-original-request-ids|x-ms-ratelimit-remaining-subscription-resource-.*|x-ms-ratelimit-remaining-tenant-.*|transfer-encoding"
)
# What has to be equal in value, and not only in type.
_EQUAL = frozenset(
    {"type", "provisioningState", "publicNetworkAccess", "status", "code", "groupId", "location", "state", "ttl"}
    | {"virtualNetworkLinkState", "recordType", "operation", "message", "fqdn"}
)
# Where the recording replaced a value, or where it holds ids that were made up.
_FREE = frozenset({"etag", "resourceGuid"})
_POLL = re.compile(r"/(asyncOperations|operationresults|operations|privateDnsOperation\w+)/", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One recorded call with its answer."""

    method: str
    url: str
    request: Json | None
    headers: dict[str, str]
    status: int
    answer_headers: dict[str, str]
    answer: Json | None

    @property
    def is_poll(self) -> bool:
        return bool(_POLL.search(self.url))

    @property
    def is_over(self) -> bool:
        """Say whether the recorded answer is one that comes after waiting."""
        body = self.answer or {}
        state = body.get("status") or (body.get("properties") or {}).get("provisioningState")
        return self.method == "GET" and self.status != 202 and state in {None, "Succeeded", "Failed"}


# Types that are not emulated, and what stands for them: what is compared does not depend on the type.
_STANDS_FOR = (
    ("Microsoft.Storage/storageAccounts", "Microsoft.Cache/Redis"),
    ("Microsoft.RecoveryServices/vaults", "Microsoft.Cache/Redis"),
    ('"blob"', '"redisCache"'),
    ("blob.core.windows.net", "redis.cache.windows.net"),
)
_LEFT_OUT = re.compile(r"/(storageAccounts|vaults)/[^/?]+(\?|$)|/CNAME/", re.IGNORECASE)


def read(file: Path) -> list[Exchange]:
    """Read a curated recording, without the calls to types that are not emulated."""
    if file.suffix == ".yaml":
        return _read_cassette(file)
    items = json.loads(file.read_text())["exchanges"]
    kept = [item for item in items if not _is_left_out(item)]
    text = json.dumps(kept)
    for theirs, ours in _STANDS_FOR:
        text = text.replace(theirs, ours).replace(theirs.replace('"', '\\"'), ours.replace('"', '\\"'))
    return _with_conditions([_exchange(item) for item in json.loads(text)])


# What is emulated, of what azure-cli's cassettes call.
_EMULATED = re.compile(
    r"/(redis(/[^/?]+(/privateEndpointConnections(/[^/?]+)?|/privateLinkResources)?)?|privateEndpoints/.*"
    r"|privateDnsZones(/[^/?]+(/(virtualNetworkLinks|A)(/[^/?]+)?)?)?|virtualNetworks/.*|tags/default"
    r"|asyncOperations/.*|operationresults/.*|operations/.*|privateDnsOperation.*)(\?|$)",
    re.IGNORECASE,
)
_CONDITIONS = frozenset({"if-none-match", "if-match"})


def _read_cassette(file: Path) -> list[Exchange]:
    """Read a cassette of azure-cli, without the calls to what is not emulated."""
    interactions = yaml.load(file.read_text(), Loader=yaml.CSafeLoader)["interactions"]
    exchanges = []
    for item in interactions:
        asked, answered = item["request"], item["response"]
        url = asked["uri"].split("&t=")[0]
        if not _EMULATED.search(url):
            continue
        conditions = {name: value for name, value in _plain_headers(asked["headers"]).items() if name in _CONDITIONS}
        text = answered["body"]["string"]
        exchanges.append(
            Exchange(
                asked["method"],
                url,
                json.loads(asked["body"]) if asked["body"] else None,
                conditions,
                answered["status"]["code"],
                _plain_headers(answered["headers"]),
                json.loads(text) if text else None,
            )
        )
    return exchanges


def _plain_headers(headers: dict[str, Any]) -> dict[str, str]:
    return {name.lower(): value[0] if isinstance(value, list) else value for name, value in headers.items()}


def _is_left_out(item: Json) -> bool:
    """Leave out what is not emulated, and clean-up after a group was deleted by a call that was not recorded."""
    too_late = item["request"]["method"] == "DELETE" and item["response"]["status"] == 404
    return too_late or bool(_LEFT_OUT.search(item["request"]["url"]))


def _exchange(item: Json) -> Exchange:
    return Exchange(
        item["request"]["method"],
        item["request"]["url"],
        item["request"].get("body"),
        {},
        item["response"]["status"],
        {name.lower(): value for name, value in item["response"]["headers"].items()},
        item["response"]["body"],
    )


def _with_conditions(exchanges: list[Exchange]) -> list[Exchange]:
    """Put back the If-None-Match that the recordings of private DNS leave out: on a PUT that repeats a creation."""
    seen: set[str] = set()
    result = []
    for exchange in exchanges:
        body = exchange.request or {}
        repeats = exchange.method == "PUT" and exchange.url in seen and "/privateDnsZones/" in exchange.url
        if repeats and "etag" not in body and "tags" not in body:
            exchange = replace(exchange, headers={"if-none-match": "*"})  # noqa: PLW2901 - the one with its header
        if exchange.method == "PUT":
            seen.add(exchange.url)
        result.append(exchange)
    return result


@dataclass(slots=True)
class Replay:
    """A world that recorded calls are sent to; ``urls`` and ``guids`` are what was recorded and ours for it."""

    clock: ManualClock = field(default_factory=ManualClock)
    world: World = field(init=False)
    urls: dict[str, str] = field(default_factory=dict)
    guids: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.world = World(self.clock)

    def prepare(self, exchanges: list[Exchange]) -> None:
        """Let stand what the recording takes for granted: subscriptions, groups, caches and an endpoint."""
        for exchange in exchanges:
            body = exchange.answer or {}
            if body.get("type") == "Microsoft.Resources/resourceGroups" and self.world.store.get(body["id"]) is None:
                self.world.directory.add(Subscription(body["id"].split("/")[2], "recorded"))
                self.world.put(Group(id=body["id"], region=body["location"], tags=body.get("tags") or {}))
        for exchange in exchanges:
            self._place(exchange.url)
        made = {_path(exchange.url).lower() for exchange in exchanges if exchange.method == "PUT"}
        self._networks(exchanges, made)
        for exchange in exchanges:
            for path in re.findall(_CACHE_ID, f"{_path(exchange.url)} {json.dumps(exchange.request)}"):
                if path.lower() not in made and self.world.store.get(path) is None:
                    self._cache(path, exchanges)
        if any("/privateDnsZoneGroups/" in exchange.url for exchange in exchanges):
            self._endpoint(exchanges, made)

    def _place(self, url: str) -> None:
        match = re.match(r".*/subscriptions/([^/?]+)(?:/resource[gG]roups/([^/?]+))?", url)
        if match is None:
            return
        self.world.directory.add(Subscription(match[1], "recorded"))
        group = f"/subscriptions/{match[1]}/resourceGroups/{match[2]}"
        if match[2] and self.world.store.get(group) is None:
            self.world.put(Group(id=group, region="westus"))

    def _cache(self, path: str, exchanges: list[Exchange]) -> None:
        """Let a cache stand as it was first read, or a plain one where it never was."""
        first = next(
            (
                exchange.answer
                for exchange in exchanges
                if _path(exchange.url).lower() == path.lower() and exchange.method in {"GET", "PATCH"}
            ),
            None,
        )
        plain = {"id": path, "location": "westus", "properties": {"sku": {"name": "Standard"}}}
        recorded = first if first and first.get("type") == "Microsoft.Cache/Redis" else plain
        recorded = {**recorded, "id": path.replace("/redis/", "/Redis/")}
        self.world.put(_cache_of(recorded))

    def _networks(self, exchanges: list[Exchange], made: set[str]) -> None:
        for exchange in exchanges:
            for path in re.findall(_VNET_ID, json.dumps(exchange.request)):
                if path.lower() in made or self.world.store.get(path) is not None:
                    continue
                subscription, group, name = path.split("/")[2], path.split("/")[4], path.split("/")[8]
                network = {"subscription": subscription, "group": group, "name": name, "region": "westus"}
                self.world.seed({"networks": [network]})

    def _endpoint(self, exchanges: list[Exchange], made: set[str]) -> None:
        """Let the endpoint of a zone group stand, where the recording did not make it."""
        url = next(_path(item.url) for item in exchanges if "/privateDnsZoneGroups/" in item.url)
        path = url.split("/privateDnsZoneGroups/", maxsplit=1)[0]
        if path.lower() in made:
            return
        group = path.split("/providers/", maxsplit=1)[0]
        subscription, name = group.split("/")[2], group.split("/")[4]
        subnets = [{"name": "s", "prefix": "10.0.0.0/24"}]
        network = {"subscription": subscription, "group": name, "name": "v", "region": "westus", "subnets": subnets}
        held = {"subscription": subscription, "group": name, "name": "unlike-any-zone", "region": "westus"}
        seed = self.world.seed({"networks": [network], "caches": [held]})
        link = {"privateLinkServiceId": seed.caches[0].id, "groupIds": ["redisCache"]}
        subnet = {"id": f"{group}/providers/Microsoft.Network/virtualNetworks/v/subnets/s"}
        links = [{"name": "link", "properties": link}]
        body = {"location": "westus", "properties": {"subnet": subnet, "privateLinkServiceConnections": links}}
        self.world.act("PUT", path, body)
        self.clock.advance(4000)

    def send(self, exchange: Exchange) -> Answer:
        """Send a recorded call, waiting first as long as its caller must have waited."""
        if exchange.method == "GET" and exchange.is_over:
            self.clock.advance(4000)
        url = self.urls.get(_path(exchange.url), exchange.url.split("&t=")[0])
        body = json.loads(self._ours(json.dumps(exchange.request)))
        wire = Wire({name: self._ours(value) for name, value in exchange.headers.items()}, BASE_URL)
        answer = self.world.request(exchange.method, self._ours(url), body, OPERATOR, wire)
        self._learn(exchange.answer, answer.body)
        for name in ("azure-asyncoperation", "location"):
            ours = {key.lower(): value for key, value in answer.headers.items()}.get(name)
            if ours and name in exchange.answer_headers:
                self.urls[_path(exchange.answer_headers[name])] = ours
        return answer

    def _ours(self, text: str) -> str:
        for recorded, ours in self.guids.items():
            text = text.replace(recorded, ours)
        return text

    def _learn(self, recorded: object, ours: object) -> None:
        """Note which made-up id of ours stands for which recorded one."""
        match recorded, ours:
            case dict(), dict():
                for name in recorded.keys() & ours.keys():
                    self._learn(recorded[name], ours[name])
            case list(), list():
                for one, other in zip(recorded, ours, strict=False):
                    self._learn(one, other)
            case str(), str():
                pairs = zip(_GUID.findall(recorded), _GUID.findall(ours), strict=False)
                self.guids |= {one: other for one, other in pairs if one != other}
            case _:
                pass


_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CACHE_ID = r"(/subscriptions/[^/\" ]+/resourceGroups/[^/\" ]+/providers/Microsoft.Cache/[rR]edis/[^/?\" ]+)"
_VNET_ID = r'"(/subscriptions/[^/"]+/resourceGroups/[^/"]+/providers/Microsoft.Network/virtualNetworks/[^/"]+)'
_COMPUTED = frozenset(
    {"provisioningState", "instances", "accessKeys", "hostName", "port", "sslPort", "linkedServers"}
    | {"privateEndpointConnections", "publicNetworkAccess", "sku"}
)


def _cache_of(recorded: Json) -> Cache:
    given = recorded["properties"]
    properties = {name: value for name, value in given.items() if name not in _COMPUTED}
    return build(recorded["id"], short_name(recorded["location"]), given["sku"], properties)


def _path(url: str) -> str:
    return url.removeprefix(BASE_URL).split("?")[0]


def differences(exchange: Exchange, answer: Answer, more: frozenset[str] = frozenset()) -> list[str]:
    """Tell how an answer differs in shape from the recorded one; ``more`` are keys that may be there or not."""
    found = []
    early = exchange.is_poll and (exchange.answer or {}).get("status") == "InProgress"
    if early and (answer.body or {}).get("status") == "Succeeded":
        # Another operation's end moved the clock: recorded calls overlap, and ours are waited for one by one.
        return []
    if answer.status != exchange.status:
        found.append(f"status {int(answer.status)}, recorded {exchange.status}: {answer.body}")
    ours = {name.lower() for name in answer.headers}
    absent = {name for name in exchange.answer_headers if not _NOISE.fullmatch(name)} - ours
    found += [f"header {name} is absent" for name in sorted(absent)]
    announced = {"azure-asyncoperation", "location"} & (ours - set(exchange.answer_headers))
    found += [f"header {name} was not recorded" for name in sorted(announced)]
    return found + list(_compare("", exchange.answer, answer.body, more))


def _compare(where: str, recorded: Any, ours: Any, more: frozenset[str]) -> Iterator[str]:  # noqa: ANN401 - JSON
    if type(recorded) is not type(ours):
        yield f"{where or 'body'} is {ours!r:.80}, recorded {recorded!r:.80}"
    elif isinstance(recorded, dict):
        yield from _compare_keys(where, recorded, ours, more)
    elif isinstance(recorded, list):
        if len(recorded) != len(ours) and "instances" not in where:
            yield f"{where} has {len(ours)} items, recorded {len(recorded)}"
        for one, other in zip(recorded, ours, strict=False):
            yield from _compare(f"{where}[]", one, other, more)
    elif where.rsplit(".", 1)[-1] in _EQUAL and _plain(recorded) != _plain(ours):
        yield f"{where} is {ours!r}, recorded {recorded!r}"


def _compare_keys(where: str, recorded: Json, ours: Json, more: frozenset[str]) -> Iterator[str]:
    for name in sorted((recorded.keys() ^ ours.keys()) - more):
        yield f"{where}.{name} {'is absent' if name in recorded else 'was not recorded'}"
    for name in sorted(recorded.keys() & ours.keys()):
        if name not in _FREE and not (name == "tags" and where == ""):
            yield from _compare(f"{where}.{name}", recorded[name], ours[name], more)


def _plain(value: object) -> object:
    """Leave out of a message what is of one call only."""
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "<guid>", value) if isinstance(value, str) else value
