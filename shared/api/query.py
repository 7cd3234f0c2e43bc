"""Read the query of a request by the JSON schemas of its parameters. Pure.

A parameter that is not known is refused: ``dryrun`` for ``dryRun`` would change what was only to be looked at.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any

from shared.api.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from shared.api.operation import Parameter

_OF_THE_HOST = {"code", "clientId"}
"""The function key, and its name."""
_SHOWN = 100


def parsed(parameters: Iterable[Parameter], query: Mapping[str, str]) -> dict[str, Any]:
    """Give each parameter's value, or its default; raises RefusedError for one that is unknown or wrong."""
    known = {each.name: each for each in parameters}
    for name in query:
        if name not in known and name not in _OF_THE_HOST:
            raise _unknown(name, tuple(known))
    found: dict[str, Any] = {}
    for name, parameter in known.items():
        if name in query:
            found[name] = _value(parameter, query[name])
        elif "default" in parameter.schema:
            found[name] = parameter.schema["default"]
    return found


def _unknown(name: str, known: tuple[str, ...]) -> RefusedError:
    near = next((each for each in known if each.lower() == name.lower()), None)
    near = near or next(iter(difflib.get_close_matches(name[:_SHOWN], known, n=1)), None)
    meant = f"; did you mean '{near}'?" if near else ""
    takes = f"It takes: {', '.join(known)}." if known else "It takes none."
    return RefusedError(f"there is no parameter '{name[:_SHOWN]}' here{meant or '.'} {takes}", name[:_SHOWN])


def _value(parameter: Parameter, text: str) -> str | int | bool:
    schema: Mapping[str, Any] = parameter.schema
    match schema["type"]:
        case "boolean":
            if text.lower() not in {"true", "false"}:
                raise _wrong(parameter, text, "true or false")
            return text.lower() == "true"
        case "integer":
            return _integer(parameter, text)
        case _:
            return _text(parameter, text)


def _integer(parameter: Parameter, text: str) -> int:
    schema: Mapping[str, Any] = parameter.schema
    least, most = schema["minimum"], schema["maximum"]
    if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
        raise _wrong(parameter, text, f"a whole number from {least} to {most}")
    return int(text)


def _text(parameter: Parameter, text: str) -> str:
    schema: Mapping[str, Any] = parameter.schema
    if choices := schema.get("enum"):
        chosen = next((each for each in choices if each.lower() == text.lower()), None)
        if chosen is None:
            raise _wrong(parameter, text, f"one of {', '.join(choices)}, or be left out")
        return str(chosen)
    if len(text) < schema.get("minLength", 0):
        raise _wrong(parameter, text, "given, or be left out")
    if len(text) > schema.get("maxLength", 1024):
        raise _wrong(parameter, text, f"at most {schema.get('maxLength', 1024)} characters long")
    if not re.fullmatch(schema.get("pattern", ".*"), text, re.DOTALL):
        raise _wrong(parameter, text, f"of the form {schema['pattern']}")
    return text


def _wrong(parameter: Parameter, text: str, right: str) -> RefusedError:
    return RefusedError(f"{parameter.name} is '{text[:_SHOWN]}'; it must be {right}", parameter.name)
