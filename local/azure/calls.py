"""What goes into the world and what comes out of it: callers, calls and answers, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.azure.paths import ArmPath

Json = dict[str, Any]

BASE_URL = "https://management.azure.com"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, as the token says: a person has a ``upn``, an application has none."""

    object_id: str
    app_id: str
    tenant_id: str
    upn: str = ""
    name: str = ""

    @property
    def shown(self) -> str:
        """How ARM's messages name it."""
        return self.upn or self.app_id


@dataclass(frozen=True, slots=True)
class Call:
    """One request to ARM, taken apart.

    ``headers`` have lower-case names; ``body`` is the parsed JSON or None; ``effects`` are the faults that it meets.
    """

    method: str
    path: ArmPath
    query: Mapping[str, str]
    body: Json | None
    caller: Caller
    headers: Mapping[str, str] = field(default_factory=dict)
    base_url: str = BASE_URL
    correlation_id: str = ""
    effects: tuple[object, ...] = ()

    @property
    def api_version(self) -> str:
        return self.query.get("api-version", "")

    @property
    def properties(self) -> Json:
        """The body's properties; empty where it has none."""
        found = (self.body or {}).get("properties")
        return found if isinstance(found, dict) else {}

    @property
    def tags(self) -> dict[str, str]:
        return dict((self.body or {}).get("tags") or {})

    @property
    def region(self) -> str:
        """The body's location in its short form; empty where it has none."""
        return str((self.body or {}).get("location") or "").replace(" ", "").lower()


@dataclass(frozen=True, slots=True)
class Answer:
    """What ARM answers; ``delay`` is wall seconds to hold it back, ``cut`` says that the connection ends instead."""

    status: int
    body: Json | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    cut: bool = False

    @property
    def error_code(self) -> str:
        """ARM's error code, with or without the envelope; empty for a success."""
        if self.body is None:
            return ""
        error = self.body.get("error", self.body)
        return str(error.get("code") or "") if isinstance(error, dict) else ""
