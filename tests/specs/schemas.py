"""OpenAPI schemas as strict JSON schemas: what is not named is not allowed."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from enum import StrEnum
from functools import cached_property

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from tests.specs.library import Json, Library

_KEPT = ("minimum", "maximum", "minLength", "maxLength", "pattern", "minItems", "maxItems")


class Direction(StrEnum):
    """A request may not hold what only Azure gives; in an answer, null says that there is no value."""

    REQUEST = "request"
    ANSWER = "answer"


class Schemas:
    """The schemas of one direction; each is made when first asked for."""

    def __init__(self, library: Library, direction: Direction) -> None:
        self._library = library
        self._direction = direction
        self._names: dict[tuple[str, str], str] = {}
        self._defs: dict[str, Json] = {}

    def validator(self, base: str, schema: Json) -> Draft202012Validator:
        """Make a validator for a schema that stands in the file ``base``."""
        closed = self._closed(base, schema)
        return Draft202012Validator({**closed, "$defs": self._defs})

    def resolve(self, base: str, schema: Json) -> tuple[str, Json]:
        """Follow a reference to the file and the object that it names."""
        while "$ref" in schema:
            base, schema = self._follow(base, schema["$ref"])
        return base, schema

    def _follow(self, base: str, reference: str) -> tuple[str, Json]:
        file, _, pointer = reference.partition("#")
        path = posixpath.normpath(posixpath.join(posixpath.dirname(base), file)) if file else base
        found = self._library.file(path)
        for step in pointer.strip("/").split("/"):
            found = found[step.replace("~1", "/").replace("~0", "~")]
        return path, found

    def _closed(self, base: str, schema: Json) -> Json:
        if "$ref" in schema:
            return {"$ref": f"#/$defs/{self._named(base, schema['$ref'])}"}
        if schema.get("type") == "array":
            return {"type": self._type("array"), "items": self._closed(base, schema.get("items", {}))}
        if "properties" in schema or "allOf" in schema or "additionalProperties" in schema:
            return self._object(base, schema)
        return self._plain(schema)

    def _named(self, base: str, reference: str) -> str:
        path, found = self._follow(base, reference)
        key = (path, reference.partition("#")[2])
        if key not in self._names:
            self._names[key] = f"d{len(self._names)}"
            self._defs[self._names[key]] = {}
            self._defs[self._names[key]] |= self._closed(path, found)
        return self._names[key]

    def _plain(self, schema: Json) -> Json:
        closed = {name: schema[name] for name in _KEPT if name in schema}
        # An object of which nothing is said stands for any JSON: Resource Graph's rows are a list under one.
        if schema.get("type") not in {None, "file", "object"}:
            closed["type"] = self._type(schema["type"])
        if "enum" in schema:
            nothing = [None] if self._direction is Direction.ANSWER else []
            closed["enum"] = [*schema["enum"], *nothing]
        return closed

    def _type(self, name: str) -> str | list[str]:
        return name if self._direction is Direction.REQUEST else [name, "null"]

    def _object(self, base: str, schema: Json) -> Json:
        properties: Json = {}
        required: set[str] = set()
        more: object = False
        for file, part in self._parts(base, schema):
            for name, value in part.get("properties", {}).items():
                if not self._forbidden(file, value):
                    properties[name] = self._closed(file, value)
            required |= set(part.get("required", ()))
            given = part.get("additionalProperties", False)
            if given:
                more = self._closed(file, given) if isinstance(given, dict) else True
        return {
            "type": self._type("object"),
            "properties": properties,
            "required": sorted(required & set(properties)),
            "additionalProperties": more,
        }

    def _forbidden(self, base: str, value: Json) -> bool:
        if self._direction is Direction.ANSWER:
            return False
        _, found = self.resolve(base, value)
        return bool(value.get("readOnly") or found.get("readOnly"))

    def _parts(self, base: str, schema: Json) -> Iterator[tuple[str, Json]]:
        for inherited in schema.get("allOf", ()):
            yield from self._parts(*self.resolve(base, inherited))
        yield base, schema


class Check:
    """One schema, and what it finds wrong with a body."""

    def __init__(self, schemas: Schemas, base: str, schema: Json) -> None:
        self._schemas, self._base, self._schema = schemas, base, schema

    @cached_property
    def _validator(self) -> Draft202012Validator:
        return self._schemas.validator(self._base, self._schema)

    def errors(self, body: object) -> list[str]:
        return [_words(error) for error in self._validator.iter_errors(body)]


def _words(error: ValidationError) -> str:
    deepest = best_match([error]) or error
    where = ".".join("[]" if isinstance(step, int) else str(step) for step in deepest.absolute_path)
    return f"{where or 'body'}: {deepest.message[:160]}"
