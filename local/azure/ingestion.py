"""Where Application Insights takes telemetry, as far as metrics go: ``/v2.1/track``, for an identity's token.

It keeps what it takes, and takes nothing that Microsoft's description of the protocol would refuse.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

import msgspec
from aiohttp import web

from local.azure.calls import Json
from local.azure.errors import ArmError
from local.azure.outages import next_of
from local.azure.tokens import Tokens

PATH = "/v2.1/track"
AUDIENCE = "https://monitor.azure.com"
_MOST_BYTES = 10 * 1024 * 1024
_FORMAT = "Microsoft.ApplicationInsights.Metric"

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
_Property = Annotated[str, msgspec.Meta(max_length=8192)]


class Point(msgspec.Struct, forbid_unknown_fields=True):
    """One measurement, or many that have come together."""

    name: _Name
    value: float
    ns: Annotated[str, msgspec.Meta(max_length=256)] | None = None
    kind: str | None = None
    count: int | None = None
    min: float | None = None
    max: float | None = None
    stdDev: float | None = None  # noqa: N815 - the protocol's spelling


class MetricData(msgspec.Struct, forbid_unknown_fields=True):
    """Of the points of one item only the first would count, so that no more are taken."""

    ver: int
    metrics: Annotated[list[Point], msgspec.Meta(min_length=1, max_length=1)]
    properties: dict[str, _Property] = {}


class Data(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """What an item is about."""

    base_type: str
    base_data: MetricData


class Item(msgspec.Struct, rename="camel"):
    """One item of telemetry."""

    name: _Name
    time: datetime
    i_key: str
    data: Data
    tags: dict[str, str] = {}


@dataclass(slots=True)
class Outage:
    """The next ``count`` calls are answered with ``status``; with 206, the first item of each is not taken."""

    status: int = 503
    count: int = 1
    retry_after: int | None = None


@dataclass(slots=True)
class Ingestion:
    """One Application Insights resource; ``items`` is everything that it took, doubles included."""

    tokens: Tokens
    key: str = field(default_factory=lambda: str(uuid.uuid4()))
    items: list[Item] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
    calls: int = 0

    def fail(self, status: int = 503, count: int = 1, retry_after: int | None = None) -> None:
        """Let the next calls fail."""
        self.outages.append(Outage(status, count, retry_after))

    def points(self, name: str, split: Mapping[str, str] | None = None) -> list[Point]:
        """Give what was taken of one metric, where it is split so."""
        wanted = (split or {}).items()
        found = (item.data.base_data for item in self.items)
        return [d.metrics[0] for d in found if d.metrics[0].name == name and wanted <= d.properties.items()]

    def total(self, name: str, split: Mapping[str, str] | None = None) -> float:
        """Add up what was taken of one metric, where it is split so."""
        return sum(point.value for point in self.points(name, split))

    def shown(self) -> list[Json]:
        """Give every series that was taken, added up."""
        series: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
        for item in self.items:
            data = item.data.base_data
            key = (data.metrics[0].name, tuple(sorted(data.properties.items())))
            series[key] = series.get(key, 0) + data.metrics[0].value
        return [
            {"metric": name, "split": dict(split), "total": total} for (name, split), total in sorted(series.items())
        ]

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one call."""
        self.calls += 1
        raw = await request.read()
        try:
            self.tokens.read(request.headers.get("Authorization"), AUDIENCE)
        except ArmError as error:
            return _answer(HTTPStatus.UNAUTHORIZED, 0, [(0, HTTPStatus.UNAUTHORIZED, error.message)])
        if len(raw) > _MOST_BYTES:
            return _answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, 0, [(0, 413, "The body is too large")])
        outage = next_of(self.outages)
        if outage is not None and outage.status != HTTPStatus.PARTIAL_CONTENT:
            about = {"Retry-After": str(outage.retry_after)} if outage.retry_after is not None else {}
            return _answer(outage.status, 0, [(0, outage.status, "The service cannot take it now")], about)
        return self._take(raw, refuse_first=outage is not None)

    def _take(self, raw: bytes, *, refuse_first: bool) -> web.Response:
        try:
            found = msgspec.json.decode(raw, type=list[msgspec.Raw])
        except msgspec.MsgspecError as error:
            return _answer(HTTPStatus.BAD_REQUEST, 0, [(0, 400, f"Invalid JSON: {error}")])
        taken: list[Item] = []
        errors: list[tuple[int, int, str]] = [(0, 500, "Internal error")] if refuse_first else []
        for index, each in enumerate(found):
            if refuse_first and index == 0:
                continue
            try:
                taken.append(self._read(each))
            except (msgspec.ValidationError, ValueError) as error:
                errors.append((index, 400, str(error)))
        self.items.extend(taken)
        status = HTTPStatus.OK if not errors else HTTPStatus.PARTIAL_CONTENT if taken else HTTPStatus.BAD_REQUEST
        return _answer(status, len(found), errors)

    def _read(self, raw: msgspec.Raw) -> Item:
        item = msgspec.json.decode(raw, type=Item)
        if item.i_key != self.key:
            raise ValueError("Invalid instrumentation key")
        if (item.name, item.data.base_type) != (_FORMAT, "MetricData"):
            raise ValueError(f"{item.name} with {item.data.base_type} is not emulated: metrics are")
        return item


def _answer(
    status: int, received: int, errors: list[tuple[int, int, str]], headers: Mapping[str, str] | None = None
) -> web.Response:
    told = [{"index": index, "statusCode": int(code), "message": said} for index, code, said in errors]
    body = {"itemsReceived": received, "itemsAccepted": max(received - len(errors), 0), "errors": told}
    return web.json_response(body, status=int(status), headers=dict(headers or {}))
