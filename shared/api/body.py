"""Read the body of a request, in one place: JSON, bounded in size and depth, of the shape that is asked for. Pure."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NoReturn, TypeVar

import msgspec

from shared.api.errors import Detail, RefusedError, TooLargeError, WrongTypeError
from shared.mistakes import dotted, mistakes

if TYPE_CHECKING:
    from shared.mistakes import Data

T = TypeVar("T", bound=msgspec.Struct)

LARGEST = 64 * 1024
_DEEPEST = 20
_TYPES = re.compile(r"application/(?:[\w.-]+\+)?json|text/(?:json|plain)|application/octet-stream")
_CURLS_OWN = "application/x-www-form-urlencoded"
"""What ``curl -d`` says unless it is told better: JSON in it is taken for JSON."""
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|([\[\]{}])', re.DOTALL)
"""A whole string, closed or not, or a bracket outside of strings: one pass, whatever is sent."""


def read(body: bytes, content_type: str, shape: type[T]) -> T:
    """Decode a body, or raise what is wrong with it; an empty one is ``{}``."""
    if len(body) > LARGEST:
        raise TooLargeError(f"the body has {len(body)} bytes; {LARGEST} are allowed", "body")
    if body.strip():
        _insist_on_json(content_type)
    data = _parsed(body)
    if not isinstance(data, dict):
        raise RefusedError("the body would have to be a JSON object, or empty", "body")
    found = [Detail("InvalidRequest", said, dotted(path)) for path, said in mistakes(shape, data, ())]
    if found:
        raise _of(found)
    return msgspec.convert(data, shape)


def _insist_on_json(content_type: str) -> None:
    kind, _, parameters = content_type.lower().partition(";")
    if kind.strip() and not _TYPES.fullmatch(kind.strip()) and kind.strip() != _CURLS_OWN:
        raise WrongTypeError(
            f"the body is '{content_type[:100]}'; it would have to be application/json", "Content-Type"
        )
    charset = re.search(r"charset\s*=\s*\"?([\w-]+)", parameters)
    if charset and charset[1] not in {"utf-8", "utf8", "us-ascii"}:
        raise WrongTypeError(f"the body's charset is '{charset[1]}'; it would have to be utf-8", "Content-Type")


def _parsed(body: bytes) -> Data:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RefusedError(f"the body is not UTF-8: byte {error.start} cannot stand there", "body") from error
    _insist_on_flatness(text)
    try:
        data = json.loads(text.strip() or "{}", object_pairs_hook=_object, parse_constant=_no_number)
        # A lone half of a surrogate pair is JSON, and nothing that could be stored or answered.
        json.dumps(data, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise RefusedError(f"the body is not JSON: {error.msg}, {where}", "body") from error
    except UnicodeEncodeError as error:
        raise RefusedError("the body holds half a character (a lone surrogate)", "body") from error
    except ValueError as error:
        if isinstance(error, RefusedError):
            raise
        raise RefusedError(f"the body is not JSON: {error}", "body") from error
    return data


def _insist_on_flatness(text: str) -> None:
    """Refuse what is nested too deeply before it is parsed, as parsing it can exhaust the stack."""
    depth = 0
    for mark in _BRACKETS.findall(text):
        depth += (mark in {"[", "{"}) - (mark in {"]", "}"})
        if depth > _DEEPEST:
            raise RefusedError(f"lists and objects stand in one another more than {_DEEPEST} deep", "body")


def _object(pairs: list[tuple[str, Data]]) -> dict[str, Data]:
    found: dict[str, Data] = {}
    for name, value in pairs:
        if name in found:
            raise RefusedError(f"the field '{name[:100]}' stands there twice; keep one of them", name[:100])
        found[name] = value
    return found


def _no_number(name: str) -> NoReturn:
    raise RefusedError(f"{name} is no JSON number", "body")


def _of(found: list[Detail]) -> RefusedError:
    """Tell the first mistake, and all of them as details where there are several."""
    first = found[0]
    message = f"{first.target}: {first.message}" if first.target else first.message
    more = f" (and {len(found) - 1} more, see details)" if len(found) > 1 else ""
    return RefusedError(message + more, first.target or "body", details=tuple(found) if len(found) > 1 else ())
