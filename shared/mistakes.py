"""Say what is wrong with data, field by field, from the very types that it is converted to. Pure.

Used for ``policy.yaml`` and for what callers of the API send: both are told of their mistakes in the same words.
"""

from __future__ import annotations

import difflib
from enum import Enum
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

Data = Any
"""What YAML or JSON may hold; nothing more is known of it before it is converted."""
Type = Any
"""A type as the fields of a struct are annotated with it."""
Path = tuple[str | int, ...]
_LONGEST_SHOWN = 200


def dotted(path: Path) -> str:
    """Write a path as people do: ``rules[0].match.kinds``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def mistakes(kind: Type, value: Data, path: Path) -> Iterator[tuple[Path, str]]:
    """Walk a type and a value together: msgspec names the first mistake only, and no key of a mapping."""
    inside = list(_inside(_meant(kind, value), value, path))
    yield from inside
    if inside:
        return
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        yield path, f"{_shown(value)} is not right here; {_expected(str(error), kind)}"


def _inside(kind: Type, value: Data, path: Path) -> Iterator[tuple[Path, str]]:
    origin: Type = get_origin(kind)
    if _is_spec(kind) and isinstance(value, dict):
        yield from _of_spec(kind, value, path)
    elif origin is dict and isinstance(value, dict):
        for key, each in value.items():
            yield from mistakes(get_args(kind)[1], each, (*path, key))
    elif origin is tuple and isinstance(value, list):
        for index, each in enumerate(value):
            yield from mistakes(get_args(kind)[0], each, (*path, index))


def _of_spec(spec: Type, value: Data, path: Path) -> Iterator[tuple[Path, str]]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(spec)}
    for key in value:
        if key not in fields:
            yield (*path, key), _unknown_key(key, tuple(fields))
    for name, field in fields.items():
        if name in value:
            yield from mistakes(field.type, value[name], (*path, name))
        elif field.required:
            yield path, f"the key '{name}' is missing here"


def _unknown_key(key: str, known: tuple[str, ...]) -> str:
    key = _bounded(key)
    near = difflib.get_close_matches(key, known, n=1)
    meant = f"; did you mean '{near[0]}'?" if near else ""
    return f"there is no such key here{meant or '.'} " + (
        f"The keys are: {', '.join(known)}." if known else "It has none."
    )


def _shown(value: Data) -> str:
    match value:
        case None:
            return "nothing"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case _:
            return _bounded(repr(value))


def _expected(text: str, kind: Type) -> str:
    """Say what would be right, from the type; msgspec's own words where it has no better ones."""
    for member in _members(kind):
        if isinstance(member, type) and issubclass(member, Enum):
            return "it would have to be one of: " + ", ".join(each.value for each in member)
    if examples := [example for meta in getattr(kind, "__metadata__", ()) for example in meta.examples or ()]:
        return "it would have to look like " + " or ".join(map(str, examples))
    return text[:1].lower() + text[1:].replace("`", "'")


def _meant(kind: Type, value: Data) -> Type:
    """Choose the member of a union that a value is meant for, by its shape."""
    members = _members(kind)
    return next((m for m in members if _is_spec(m) and isinstance(value, dict)), members[0])


def _members(kind: Type) -> tuple[Type, ...]:
    """Take a type out of its annotation, and a union apart."""
    origin: Type = get_origin(kind)
    if origin is Annotated:
        return _members(get_args(kind)[0])
    if origin in {Union, UnionType}:
        return tuple(each for member in get_args(kind) for each in _members(member))
    return (kind,)


def _is_spec(kind: Type) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _bounded(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"
