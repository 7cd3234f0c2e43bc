"""Calls and answers against the OpenAPI documents: which operation it was, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.specs.library import Document, Json, Library
from tests.specs.schemas import Check, Direction, Schemas

_METHODS = ("get", "put", "post", "patch", "delete", "head")
# Links to further pages are Azure's own and in no document.
_PAGES = frozenset({"$skiptoken"})


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call and its answer; bodies are JSON, or None where there is none.

    ``forced``: a fault was the answer. ``ours``: the app made the call, and no test that may be wrong on purpose.
    """

    method: str
    url: str
    request: object
    status: int
    answer: object
    forced: bool = False
    ours: bool = False

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.url).path)

    @property
    def query(self) -> dict[str, str]:
        return {name.lower(): value for name, value in parse_qsl(urlsplit(self.url).query, keep_blank_values=True)}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of an exchange: ``operation`` is empty where no document has it, and ``type`` says what it was."""

    type: str
    operation: str = ""
    origin: str = ""
    errors: tuple[str, ...] = ()


@dataclass(slots=True)
class Operation:
    """One operation of one document."""

    document: Document
    template: str
    id: str
    parameters: list[Json]
    request: Check | None
    answers: dict[str, Check | None] = field(default_factory=dict)

    @property
    def type(self) -> str:
        return resource_type(self.template)

    def errors(self, exchange: Exchange) -> Iterator[str]:
        yield from (f"request {text}" for text in self._request(exchange))
        yield from (f"answer {exchange.status} {text}" for text in self._answer(exchange))

    def _request(self, exchange: Exchange) -> Iterator[str]:
        if exchange.status >= 400 and not exchange.ours:
            return
        known = {item["name"].lower() for item in self.parameters if item["in"] == "query"} | _PAGES
        yield from (f"query: '{name}' is not known" for name in sorted(set(exchange.query) - known))
        if self.request is None and exchange.request is not None:
            yield "body: the operation takes none"
        if self.request is not None and exchange.request is not None:
            yield from self.request.errors(exchange.request)
        elif any(item["in"] == "body" and item.get("required") for item in self.parameters):
            yield "body: the operation needs one"

    def _answer(self, exchange: Exchange) -> Iterator[str]:
        key = str(exchange.status)
        if key not in self.answers and exchange.status < 400:
            yield "status: not among those of the operation"
            return
        check = self.answers.get(key, self.answers.get("default"))
        if check is None:
            if exchange.answer is not None and exchange.status < 400:
                yield "body: the operation answers none"
        elif exchange.answer is None:
            yield "body: the operation answers one"
        else:
            yield from check.errors(exchange.answer)


class Specification:
    """All operations of a library."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._requests = Schemas(library, Direction.REQUEST)
        self._answers = Schemas(library, Direction.ANSWER)
        found = [item for document in library.documents for item in self._operations(document)]
        # The path with most words of its own comes first: a record type can be any word.
        self._known = sorted(found, key=lambda item: _looseness(item[2].template))

    def find(self, method: str, path: str, version: str = "") -> Operation | None:
        """Find the operation of a call, in any api-version where none is given; None where no document has it."""
        for verb, pattern, operation in self._known:
            fits = version in {"", operation.document.version}
            if verb == method and fits and pattern.fullmatch(path):
                return operation
        return None

    def check(self, exchange: Exchange) -> Verdict:
        """Hold one exchange against its document."""
        version = exchange.query.get("api-version", "")
        operation = self.find(exchange.method, exchange.path, version)
        if operation is None:
            return Verdict(f"{resource_type(exchange.path)}@{version}")
        kind = f"{operation.type}@{version}"
        return Verdict(kind, operation.id, operation.document.origin, tuple(operation.errors(exchange)))

    def _operations(self, document: Document) -> Iterator[tuple[str, re.Pattern[str], Operation]]:
        for template, item in document.body["paths"].items():
            shared = item.get("parameters", [])
            for method in _METHODS:
                if method in item:
                    given = [*shared, *item[method].get("parameters", [])]
                    yield method.upper(), _pattern(template), self._operation(document, template, item[method], given)

    def _operation(self, document: Document, template: str, item: Json, given: list[Json]) -> Operation:
        resolved = [self._answers.resolve(document.path, parameter) for parameter in given]
        bodies = [(base, parameter["schema"]) for base, parameter in resolved if parameter["in"] == "body"]
        request = Check(self._requests, *bodies[0]) if bodies else None
        operation = Operation(document, template, item["operationId"], [found for _, found in resolved], request)
        for status, response in item["responses"].items():
            base, found = self._answers.resolve(document.path, response)
            operation.answers[status] = Check(self._answers, base, found["schema"]) if "schema" in found else None
        return operation


def resource_type(path: str) -> str:
    """Give the type that a path or a template names: namespace and every second segment."""
    _, found, below = path.rpartition("/providers/")
    namespace, *rest = below.split("/")
    if not found or "{" in namespace:
        return "/".join(path.strip("/").split("/")[0::2])
    return "/".join([namespace, *rest[0::2]])


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[^}]+\})", template)
    written = [_place(part) if part.startswith("{") else re.escape(part) for part in parts]
    return re.compile("".join(written).rstrip("/"), re.IGNORECASE)


def _place(part: str) -> str:
    # The scope of tags is an id, or part of one, and so holds slashes.
    return ".+" if part in {"{scope}", "{resourceScope}"} else "[^/]+"


def _looseness(template: str) -> tuple[int, int]:
    return template.count("{scope}"), template.count("{")
