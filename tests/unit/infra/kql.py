"""As much of Kusto's language as the alerts are written in, so that their queries can be put to lines of a log.

What is not known here is a ValueError: no query passes because a part of it was passed over. It follows Kusto's
documentation, and was never held against Kusto itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cmp_to_key
from typing import Any

Row = dict[str, Any]
_STRING = r'"[^"]*"'


@dataclass(frozen=True, slots=True)
class Line:
    """One row of AppTraces; ``at`` is in minutes."""

    at: int
    message: str


@dataclass(frozen=True, slots=True)
class _Bag:
    """A dynamic value: what it does not hold is null."""

    values: Row

    def __getattr__(self, name: str) -> object:
        return self.values.get(name)


def answered(query: str, lines: Sequence[Line]) -> list[Row]:
    """Give the rows that a query finds."""
    source, *steps = [
        part.strip() for part in re.split(r"^\|", re.sub(r"^//.*", "", query, flags=re.MULTILINE), flags=re.MULTILINE)
    ]
    if source != "AppTraces":
        raise ValueError(f"the table {source} is not known here")
    rows: list[Row] = [{"TimeGenerated": line.at, "Message": line.message} for line in lines]
    for step in steps:
        operator, _, rest = step.partition(" ")
        if operator not in _OPERATORS:
            raise ValueError(f"the operator {operator} is not known here")
        rows = _OPERATORS[operator](rows, rest)
    return rows


def _where(rows: list[Row], rest: str) -> list[Row]:
    return [row for row, holds in zip(rows, _values(rows, rest), strict=True) if holds is True]


def _extend(rows: list[Row], rest: str) -> list[Row]:
    for part in _parts(rest):
        name, expression = _named(part)
        rows = [{**row, name: value} for row, value in zip(rows, _values(rows, expression), strict=True)]
    return rows


def _project(rows: list[Row], rest: str) -> list[Row]:
    names = _parts(rest)
    return [{name: row[name] for name in names} for row in rows]


def _sort(rows: list[Row], rest: str) -> list[Row]:
    by = [part.split() for part in _parts(rest.removeprefix("by "))]

    def compare(one: Row, other: Row) -> int:
        for name, order in by:
            if one[name] != other[name]:
                return (1 if one[name] > other[name] else -1) * {"asc": 1, "desc": -1}[order]
        return 0

    return sorted(rows, key=cmp_to_key(compare))


def _summarize(rows: list[Row], rest: str) -> list[Row]:
    what, _, by = rest.partition(" by ")
    names = _parts(by)
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in names), []).append(row)
    return [
        dict(zip(names, key, strict=True)) | {k: v for part in _parts(what) for k, v in _aggregate(part, group)}
        for key, group in groups.items()
    ]


def _aggregate(part: str, group: list[Row]) -> Iterator[tuple[str, object]]:
    found = re.fullmatch(r"(?:(\w+) = )?(count|min|max|arg_max)\(([\w, ]*)\)", part)
    if not found:
        raise ValueError(f"the aggregation {part} is not known here")
    name, function, columns = found[1], found[2], _parts(found[3])
    match function, columns:
        case "count", []:
            yield name, len(group)
        case "min" | "max", [column]:
            # Kusto leaves out what is null.
            known = [row[column] for row in group if row[column] is not None]
            yield name, (min(known) if function == "min" else max(known)) if known else None
        case "arg_max", [key, *others]:
            best = max(group, key=lambda row: row[key])
            yield from ((column, best[column]) for column in (key, *others))
        case _:
            raise ValueError(f"the aggregation {part} is not known here")


_OPERATORS: dict[str, Callable[[list[Row], str], list[Row]]] = {
    "where": _where,
    "extend": _extend,
    "project": _project,
    "sort": _sort,
    "summarize": _summarize,
}


def _values(rows: list[Row], expression: str) -> list[Any]:
    """Work an expression out for each row; it is close enough to Python's to be made one."""
    python = re.sub(rf"(\w+) startswith ({_STRING})", r"startswith(\1, \2)", expression)
    code = compile(re.sub(r"\bprev\((\w+)\)", r'prev("\1")', python), "<query>", "eval")
    found: list[Any] = []
    for number, row in enumerate(rows):
        before = rows[number - 1] if number else {}
        serial = {"prev": before.get, "row_number": lambda first, anew: first if anew or not found else found[-1] + 1}
        try:
            found.append(eval(code, {"__builtins__": {}}, {**_FUNCTIONS, **serial, **row}))
        except NameError as error:
            raise ValueError(f"{expression}: {error}") from error
    return found


def _parse_json(text: str) -> _Bag:
    try:
        return _Bag(json.loads(text))
    except json.JSONDecodeError:
        return _Bag({})


def _toreal(value: object) -> float | None:
    try:
        return float(str(value))
    except ValueError:
        return None


_FUNCTIONS: Row = {
    "startswith": lambda text, start: text.lower().startswith(start.lower()),
    "parse_json": _parse_json,
    "substring": lambda text, start: text[start:],
    "indexof": lambda text, part: text.find(part),
    "tostring": lambda value: "" if value is None else str(value),
    "toreal": _toreal,
    "isempty": lambda value: not value,
}


def _named(part: str) -> tuple[str, str]:
    name, _, expression = part.partition(" = ")
    return name, expression


def _parts(text: str) -> list[str]:
    """Split at the commas that stand in no parentheses and no string."""
    found = re.findall(rf"(?:[^,()\"]|{_STRING}|\((?:[^()\"]|{_STRING}|\([^()]*(?:\([^()]*\)[^()]*)*\))*\))+", text)
    return [part.strip() for part in found if part.strip()]
