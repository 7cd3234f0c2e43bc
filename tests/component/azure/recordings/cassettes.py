"""Recorded traffic of real Azure, read as values: one exchange is one call with its answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from local.azure.calls import BASE_URL, Json
from local.azure.paths import ArmPath, NotAnArmPathError, parse

FOLDERS = (
    "azure-cli/network",
    "azure-cli/privatedns",
    "azure-cli/redis",
    "azure-cli/resource",
    "azure-cli-extensions",
    "curated",
)
ANNOUNCING = ("azure-asyncoperation", "location")
_CONDITIONS = frozenset({"if-none-match", "if-match"})


@dataclass(frozen=True, slots=True)
class Exchange:
    """One recorded call with its answer.

    ``number`` counts from 0 in its recording. ``conditions`` are the call's own headers, and ``headers`` the answer's,
    in lower case. ``path`` is None for what is no path of ARM, or goes to another host. ``waits_kept`` says that the
    recorder kept Retry-After, which azure-cli's leaves out so that replaying does not wait.
    """

    number: int
    method: str
    url: str
    path: ArmPath | None
    request: Json | None
    conditions: dict[str, str]
    status: int
    headers: dict[str, str]
    answer: Json | None
    waits_kept: bool = False

    @property
    def key(self) -> str:
        """The path in lower case, or the whole URL of what is no path of ARM."""
        return self.path.key if self.path else self.url.lower()

    @property
    def error_code(self) -> str:
        """ARM's error code; empty where there is none."""
        error = (self.answer or {}).get("error")
        return str(error.get("code") or "") if isinstance(error, dict) else ""

    @property
    def call(self) -> str:
        """How it is counted and listed: verb and type, and the action where there is one."""
        if self.path is None:
            return f"{self.method} {self.url.removeprefix(BASE_URL).split('?')[0]}"
        return f"{self.method} {self.path.type}{'[]' if self.path.is_list else ''}"


def recordings(reference: Path) -> list[Path]:
    """Give every recording, in order."""
    folders = [reference / "recordings" / name for name in FOLDERS]
    return sorted(file for folder in folders for file in folder.iterdir() if file.suffix in {".json", ".yaml"})


def read(file: Path) -> list[Exchange]:
    """Read a recording."""
    if file.suffix == ".yaml":
        return [_exchange(number, item) for number, item in enumerate(_cassette(file))]
    kept = _source(file).startswith("azure-service-operator/")
    return _with_conditions(
        [replace(_exchange(number, item), waits_kept=kept) for number, item in enumerate(_curated(file))]
    )


def is_extract(file: Path) -> bool:
    """Say whether a recording only repeats a part of another that is here."""
    return file.suffix == ".json" and (file.parents[1] / _source(file)).exists()


def _source(file: Path) -> str:
    return str(json.loads(file.read_text())["file"])


def _with_conditions(exchanges: list[Exchange]) -> list[Exchange]:
    """Put back the If-None-Match that the extracts of private DNS leave out: on a PUT that failed for it."""
    failed = {exchange.key for exchange in exchanges if exchange.error_code == "PreconditionFailed"}
    return [
        replace(exchange, conditions={"if-none-match": "*"})
        if exchange.status == 412 or failed & announced(exchange)
        else exchange
        for exchange in exchanges
    ]


def announced(exchange: Exchange) -> set[str]:
    """Give the paths that an answer said its operation can be watched at, in lower case."""
    paths = [arm_path(exchange.headers[name]) for name in ANNOUNCING if name in exchange.headers]
    return {path.key for path in paths if path is not None}


def _curated(file: Path) -> Iterator[Json]:
    for item in json.loads(file.read_text())["exchanges"]:
        asked, answered = item["request"], item["response"]
        yield {
            "method": asked["method"],
            "url": asked["url"],
            "request": asked.get("body"),
            "asked": asked.get("headers") or {},
            "status": answered["status"],
            "headers": answered["headers"],
            "answer": answered["body"],
        }


def _cassette(file: Path) -> Iterator[Json]:
    for item in yaml.load(file.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))["interactions"]:
        asked, answered = item["request"], item["response"]
        yield {
            "method": asked["method"],
            "url": asked["uri"],
            "request": _json(asked["body"]),
            "asked": asked["headers"],
            "status": answered["status"]["code"],
            "headers": answered["headers"],
            "answer": _json(answered["body"]["string"]),
        }


def _json(text: str | bytes | None) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None


def _exchange(number: int, item: Json) -> Exchange:
    asked = _plain(item["asked"])
    conditions = {name: value for name, value in asked.items() if name in _CONDITIONS}
    url = item["url"].split("&t=")[0]
    return Exchange(
        number,
        item["method"],
        url,
        arm_path(url),
        item["request"],
        conditions,
        item["status"],
        _plain(item["headers"]),
        item["answer"],
    )


def arm_path(url: str) -> ArmPath | None:
    """Read the path of a URL of ARM; None for any other."""
    if not url.startswith((BASE_URL, "/")):
        return None
    try:
        return parse(url.removeprefix(BASE_URL).split("?")[0])
    except NotAnArmPathError:
        return None


def _plain(headers: Json) -> dict[str, str]:
    return {name.lower(): value[0] if isinstance(value, list) else value for name, value in headers.items()}
