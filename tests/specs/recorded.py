"""What real Azure was asked and answered, as recorded, against the same documents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import yaml

from tests.specs.check import Exchange

_HOST = "https://management.azure.com"


def recorded(reference: Path) -> Iterator[Exchange]:
    """Read every recorded exchange with Azure Resource Manager."""
    for file in sorted((reference / "recordings").rglob("*.yaml")):
        for item in yaml.load(file.read_text("utf-8"), Loader=yaml.CSafeLoader)["interactions"]:
            asked, answered = item["request"], item["response"]
            if asked["uri"].startswith(_HOST):
                body = answered["body"]["string"]
                yield _exchange(asked["method"], asked["uri"], asked["body"], answered["status"]["code"], body)
    for file in sorted((reference / "recordings" / "curated").glob("*.json")):
        for item in json.loads(file.read_text("utf-8")).get("exchanges", ()):
            asked, answered = item["request"], item["response"]
            yield _exchange(asked["method"], asked["url"], asked.get("body"), answered["status"], answered["body"])


def _exchange(method: str, url: str, request: object, status: int, answer: object) -> Exchange:
    return Exchange(method, url.removeprefix(_HOST), _json(request), status, _json(answer))


def _json(body: object) -> object:
    if not isinstance(body, str | bytes):
        return body
    try:
        return json.loads(body) if body else None
    except ValueError:
        return None
