"""host.json, as far as the laptop's host follows it: queues, the HTTP route prefix and the function timeout.

As on Azure, a setting such as AzureFunctionsJobHost__extensions__queues__batchSize stands above the file.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

# Azure Storage hands out at most 32 messages in one answer.
_LARGEST_BATCH = 32
_SETTING = "azurefunctionsjobhost__"


class MessageEncoding(StrEnum):
    NONE = "none"
    BASE64 = "base64"


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """`extensions.queues`, with the defaults of version 5 of the storage extension."""

    batch_size: int = 16
    new_batch_threshold: int = 8
    visibility_timeout: timedelta = timedelta(0)
    max_dequeue_count: int = 5
    max_polling_interval: timedelta = timedelta(minutes=1)
    message_encoding: MessageEncoding = MessageEncoding.BASE64


@dataclass(frozen=True, slots=True)
class HostJson:
    queues: QueueSettings = field(default_factory=QueueSettings)
    route_prefix: str = "api"
    # A Consumption plan's default; other plans default to 30 minutes.
    function_timeout: timedelta | None = timedelta(minutes=5)


def read_host_json(app_dir: Path, settings: Mapping[str, str] = os.environ) -> HostJson:
    """Read the app's host.json; raises ValueError naming the file, the key and the value that cannot be read."""
    path = app_dir / "host.json"
    if not path.is_file():
        return HostJson()
    try:
        return _parse(_overridden(json.loads(path.read_text(encoding="utf-8")), settings))
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: {error}") from error


def _overridden(document: dict[str, Any], settings: Mapping[str, str]) -> dict[str, Any]:
    """Lay settings over the file; keys are compared without case, and whole numbers are numbers."""
    for name, value in settings.items():
        if not name.lower().startswith(_SETTING):
            continue
        *parents, last = name[len(_SETTING) :].split("__")
        section = document
        for parent in parents:
            section = section.setdefault(_spelled(section, parent), {})
        section[_spelled(section, last)] = int(value) if value.isdecimal() else value
    return document


def _spelled(section: Mapping[str, Any], key: str) -> str:
    return next((known for known in section if known.lower() == key.lower()), key)


def _parse(document: Mapping[str, Any]) -> HostJson:
    if document.get("version") != "2.0":
        raise ValueError(f'version is {document.get("version")!r}: write "2.0"')
    extensions = document.get("extensions", {})
    timeout = document.get("functionTimeout", "00:05:00")
    return HostJson(
        queues=_queues(extensions.get("queues", {})),
        route_prefix=str(extensions.get("http", {}).get("routePrefix", "api")).strip("/"),
        function_timeout=None if timeout in (None, "-1") else _span("functionTimeout", timeout),
    )


def _queues(section: Mapping[str, Any]) -> QueueSettings:
    batch = _count(section, "batchSize", 16)
    if not 1 <= batch <= _LARGEST_BATCH:
        raise ValueError(f"extensions.queues.batchSize is {batch}: write 1 to {_LARGEST_BATCH}")
    return QueueSettings(
        batch_size=batch,
        new_batch_threshold=_count(section, "newBatchThreshold", batch // 2),
        visibility_timeout=_span("visibilityTimeout", section.get("visibilityTimeout", "00:00:00")),
        max_dequeue_count=_count(section, "maxDequeueCount", 5),
        max_polling_interval=_span("maxPollingInterval", section.get("maxPollingInterval", "00:01:00")),
        message_encoding=MessageEncoding(str(section.get("messageEncoding", "base64")).lower()),
    )


def _count(section: Mapping[str, Any], key: str, default: int) -> int:
    value = section.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"extensions.queues.{key} is {value!r}: write a whole number")
    return value


def _span(key: str, text: object) -> timedelta:
    """Read a .NET TimeSpan: `hh:mm:ss`, with optional days before it (`d.hh:mm:ss`) and fractions after it."""
    try:
        hours, minutes, seconds = str(text).split(":")
        days, _, hours = hours.rpartition(".")
        return timedelta(days=int(days or 0), hours=int(hours), minutes=int(minutes), seconds=float(seconds))
    except ValueError as error:
        raise ValueError(f"{key} is {text!r}: write hh:mm:ss") from error
