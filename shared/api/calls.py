"""One call of the API: as it came, as it is understood, and as it is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from shared.api.errors import ChangedError

if TYPE_CHECKING:
    from shared.api.callers import Caller
    from shared.api.operation import Operation

T = TypeVar("T", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Request:
    """A call as it came, free of whoever serves it."""

    method: str
    url: str
    parts: Mapping[str, str]
    """The parameters of the route."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Keyed in lower case."""
    body: bytes = b""

    @property
    def path(self) -> str:
        """The path that was asked for, without the query, which can hold a key."""
        _, _, behind = self.url.partition("://")
        return "/" + (behind.partition("/")[2] if behind else self.url.lstrip("/")).partition("?")[0]


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a caller takes to be there: If-Match and If-None-Match."""

    matching: tuple[str, ...] = ()
    absent: bool = False
    """``If-None-Match: *``"""

    def insist_on(self, there: str) -> None:
        """Raise ChangedError unless what is there is what the caller takes it to be; ``there`` is "" for nothing."""
        if self.absent and there:
            raise ChangedError(f"it is there already, as {there}", "If-None-Match")
        if self.matching and not there:
            raise ChangedError("there is nothing that could match", "If-Match")
        if self.matching and "*" not in self.matching and there not in self.matching:
            raise ChangedError(f"it is {there} by now; read it again", "If-Match")

    @property
    def given(self) -> bool:
        """Whether there is any: then a race that is lost is told, and not tried again."""
        return bool(self.matching) or self.absent


@dataclass(frozen=True, slots=True)
class Call:
    """A call that has passed every check that needs no look at the world."""

    operation: Operation
    request_id: str
    caller: Caller
    parts: Mapping[str, str]
    query: Mapping[str, Any]
    """Parsed, with defaults; a parameter that is not given and has none is not in it."""
    conditions: Conditions
    body: msgspec.Struct

    def part(self, name: str) -> str:
        """Give a parameter of the route."""
        return self.parts[name]

    def given(self, shape: type[T]) -> T:
        """Give the body; raises TypeError unless it is of the shape that the operation takes."""
        if not isinstance(self.body, shape):
            raise TypeError(f"operation {self.operation.name} takes {self.operation.takes}, and not {shape.__name__}")
        return self.body

    def link_to(self, page_token: str) -> str:
        """Give the link to the next page of this list; "" where there is none. It holds no key."""
        if not page_token:
            return ""
        given = {name: value for name, value in self.query.items() if value not in {False, ""}}
        words = {name: str(value).lower() if value is True else str(value) for name, value in given.items()}
        path = self.operation.path.format(**{name: quote(part, safe="") for name, part in self.parts.items()})
        return f"/api/{path}?{urlencode({**words, 'pageToken': page_token})}"

    @property
    def kind(self) -> str:
        """Which of two caches of one name is meant; "" for whichever there is."""
        return str(self.query.get("kind", ""))

    @property
    def wait(self) -> float:
        """For how many seconds the answer may be held."""
        return float(self.query.get("wait", 0))

    @property
    def dry_run(self) -> bool:
        """Whether nothing may be changed."""
        return bool(self.query.get("dryRun", False))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call is answered: ``body`` is a shape, or a text where the operation says what it is."""

    body: msgspec.Struct | Mapping[str, object] | str
    status: int = 200
    etag: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Response:
    """An answer as it leaves."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    media: str = "application/json"
