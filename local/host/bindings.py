"""The bindings of an indexed function as values, with `%SETTING%` placeholders resolved."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from local.host.worker_library import IndexedFunction, IndexingError


class AuthLevel(StrEnum):
    """Which key a caller must show."""

    ANONYMOUS = "anonymous"
    FUNCTION = "function"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class HttpTrigger:
    """`methods` empty means any method."""

    name: str
    route: str
    methods: frozenset[str]
    auth_level: AuthLevel


@dataclass(frozen=True, slots=True)
class EventGridTrigger:
    name: str


@dataclass(frozen=True, slots=True)
class QueueTrigger:
    name: str
    queue: str
    connection: str


@dataclass(frozen=True, slots=True)
class TimerTrigger:
    name: str
    schedule: str
    run_on_startup: bool


@dataclass(frozen=True, slots=True)
class QueueOutput:
    name: str
    queue: str
    connection: str


Trigger = HttpTrigger | EventGridTrigger | QueueTrigger | TimerTrigger


@dataclass(frozen=True, slots=True)
class Function:
    """One function that the host serves."""

    name: str
    function_id: str
    trigger: Trigger
    queue_outputs: tuple[QueueOutput, ...] = ()


def function_of(indexed: IndexedFunction, settings: Mapping[str, str]) -> Function:
    """Read an indexed function's bindings.

    Raises IndexingError for a binding that this host does not serve or a setting that is not there.
    """
    bindings = [_resolved(json.loads(raw), indexed.name, settings) for raw in indexed.raw_bindings]
    triggers = [binding for binding in bindings if str(binding["type"]).endswith("Trigger")]
    outputs = [binding for binding in bindings if binding not in triggers]
    return Function(
        name=indexed.name,
        function_id=indexed.function_id,
        trigger=_trigger(indexed.name, triggers[0]),
        queue_outputs=tuple(
            QueueOutput(out["name"], out["queueName"], out["connection"])
            for out in outputs
            if _is_queue(indexed.name, out)
        ),
    )


def _trigger(function: str, binding: Mapping[str, Any]) -> Trigger:
    name = str(binding["name"])
    match binding["type"]:
        case "httpTrigger":
            return _http_trigger(function, binding)
        case "eventGridTrigger":
            return EventGridTrigger(name)
        case "queueTrigger":
            return QueueTrigger(name, binding["queueName"], binding["connection"])
        case "timerTrigger":
            return TimerTrigger(name, binding["schedule"], bool(binding.get("runOnStartup")))
        case other:
            raise IndexingError(f"{function}: this host has no listener for {other!r}")


def _http_trigger(function: str, binding: Mapping[str, Any]) -> HttpTrigger:
    return HttpTrigger(
        name=str(binding["name"]),
        route=str(binding.get("route") or function).strip("/"),
        methods=frozenset(str(method).upper() for method in binding.get("methods") or ()),
        auth_level=AuthLevel(str(binding.get("authLevel") or "function").lower()),
    )


def _is_queue(function: str, binding: Mapping[str, Any]) -> bool:
    match binding["type"]:
        case "queue":
            return True
        case "http":
            return False
        case other:
            raise IndexingError(f"{function}: this host cannot serve the binding {other!r}")


def _resolved(binding: Mapping[str, Any], function: str, settings: Mapping[str, str]) -> dict[str, Any]:
    def setting(found: re.Match[str]) -> str:
        if found[1] not in settings:
            raise IndexingError(f"{function}: '%{found[1]}%' does not resolve to a value: set {found[1]}.")
        return settings[found[1]]

    return {
        key: re.sub(r"%([^%\s]+)%", setting, value) if isinstance(value, str) else value
        for key, value in binding.items()
    }
