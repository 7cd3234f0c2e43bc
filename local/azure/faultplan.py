"""Read ``faults.yaml``: which trouble comes when, as data that plays the same way again. Pure.

Every mistake is named with its line, key, value and what would be right.
"""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

import msgspec
import yaml

from local.azure.callers import APP, OPERATOR, POLICY
from local.azure.faults import (
    EVENT_KINDS,
    Effect,
    EventFault,
    Fault,
    Faults,
    InvalidFaultError,
    Match,
    Standing,
    When,
)

Path = tuple[str | int, ...]
Data = Any
"""What YAML may hold; nothing more is known of it before it is read."""
_TIME = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|)")
_UNITS = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0}
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_CALLERS = {"app": APP.object_id, "operator": OPERATOR.object_id, "policy": POLICY.object_id}
_VERBS = ("GET", "HEAD", "PUT", "PATCH", "POST", "DELETE")
_LEVELS = ("ReadOnly", "CanNotDelete")
_EFFECTS: Mapping[str, type[msgspec.Struct]] = {str(kind.__struct_config__.tag): kind for kind in get_args(Effect)}
_WHEN = ("probability", "from", "until", "times", "after")
_MATCH = ("method", "path", "type", "subscription", "caller")
_DEEPEST = 8
_MOST_CHARACTERS = 1_000_000


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake; ``line`` is 1-based."""

    line: int
    key: str
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.key}: {self.message}" if self.key else f"line {self.line}: {self.message}"


class FaultPlanError(InvalidFaultError):
    """A plan that cannot be used; ``problems`` has every mistake, in the order of the file."""

    def __init__(self, source: str, problems: list[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(f"{source}: {problem}" for problem in self.problems))


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """Faults of calls and of events, and the seed that their lots are drawn from; None: the world's own."""

    seed: int | None = None
    faults: tuple[Fault | EventFault, ...] = ()

    def begin(self, faults: Faults) -> tuple[int, ...]:
        """Put everything in force now; gives the numbers to clear it by."""
        seed = faults.seed if self.seed is None else self.seed
        return tuple(faults.add(fault, salt=f"plan {seed}/{n}") for n, fault in enumerate(self.faults))


def load(text: str, source: str = "faults.yaml") -> FaultPlan:
    """Read a plan, or raise FaultPlanError with everything that is wrong with it."""
    if len(text) > _MOST_CHARACTERS:
        raise FaultPlanError(source, [Problem(1, "", f"a plan holds at most {_MOST_CHARACTERS:,} characters")])
    reader = _Reader()
    try:
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise FaultPlanError(source, [Problem(line, "", f"this is not YAML: {error.problem}")]) from error
    plan = reader.plan({} if root is None else reader.value(root, ()))
    if reader.problems:
        raise FaultPlanError(source, reader.problems)
    return plan


class _WrongError(ValueError):
    """A value that is not right; the message says what would be."""


@dataclass(slots=True)
class _Reader:
    """Reads values with their lines, and notes every mistake."""

    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    # The text

    def value(self, node: yaml.Node, path: Path) -> Data:
        """Give a node's value, remembering where it stands."""
        self.lines.setdefault(path, node.start_mark.line + 1)
        if len(path) > _DEEPEST:
            self._note(path, "lists and mappings stand in one another too deeply")
            return None
        if isinstance(node, yaml.MappingNode):
            return dict(self._entries(node, path))
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        return _scalar(node)

    def _entries(self, node: yaml.MappingNode, path: Path) -> Iterator[tuple[str, Data]]:
        seen: set[str] = set()
        for key_node, value_node in node.value:
            key = str(key_node.value)
            here = (*path, key)
            self.lines[here] = key_node.start_mark.line + 1
            if key in seen:
                self._note(here, "this key stands here twice; keep one of them")
            seen.add(key)
            yield key, self.value(value_node, here)

    def _note(self, path: Path, message: str) -> None:
        shown = path
        while path and path not in self.lines:
            path = path[:-1]
        self.problems.append(Problem(self.lines.get(path, 1), _dotted(shown), message))

    # The plan

    def plan(self, data: Data) -> FaultPlan:
        if not isinstance(data, dict):
            self._note((), "a plan is a mapping with the keys seed, faults and events")
            return FaultPlan()
        self._known((), data, ("seed", "faults", "events"))
        seed = self._read((), data, "seed", _whole, None)
        faults = [self._fault(path, entry) for path, entry in self._listed(data, "faults")]
        events = [self._event(path, entry) for path, entry in self._listed(data, "events")]
        return FaultPlan(seed, tuple(fault for fault in (*faults, *events) if fault is not None))

    def _listed(self, data: Data, key: str) -> Iterator[tuple[Path, dict[str, Data]]]:
        entries = data.get(key) or []
        if not isinstance(entries, list):
            self._note((key,), f"{_shown(entries)} is not right here; it has to be a list")
            return
        for index, entry in enumerate(entries):
            if isinstance(entry, dict):
                yield (key, index), entry
            else:
                self._note((key, index), f"{_shown(entry)} is not right here; it has to be a mapping of keys")

    def _fault(self, path: Path, entry: dict[str, Data]) -> Fault | None:
        name = entry.get("effect")
        kind = _EFFECTS.get(str(name))
        if kind is None:
            self._note((*path, "effect"), _one_of(name, tuple(_EFFECTS)))
            return None
        fields = {each.encode_name: each for each in msgspec.structs.fields(kind)}
        self._known(path, entry, ("effect", "match", *_WHEN, *fields))
        if issubclass(kind, Standing):
            self._stands(path, entry, str(name))
        given: dict[str, Data] = {}
        for key, each in fields.items():
            if key in entry:
                given[each.name] = self._read(path, entry, key, _right(key, each.type), None)
            elif each.required:
                self._note(path, f"the key '{key}' is missing here")
        match = self._match(path, entry)
        when = self._when(path, entry)
        return None if self.problems else Fault(kind(**given), match, when)  # type: ignore[arg-type]

    def _stands(self, path: Path, entry: dict[str, Data], name: str) -> None:
        for key in ("probability", "times", "after"):
            if key in entry:
                self._note((*path, key), f"'{name}' stands for as long as it is in force: only from and until fit it")

    def _match(self, path: Path, entry: dict[str, Data]) -> Match:
        path = (*path, "match")
        data = entry.get("match") or {}
        if not isinstance(data, dict):
            self._note(path, f"{_shown(data)} is not right here; it has to be a mapping of keys")
            data = {}
        self._known(path, data, _MATCH)
        return Match(
            method=self._read(path, data, "method", _verbs, ""),
            path=self._read(path, data, "path", _glob, ""),
            type=self._read(path, data, "type", _type, ""),
            subscription=self._read(path, data, "subscription", _subscription, ""),
            caller=self._read(path, data, "caller", _caller, ""),
            count=self._read(path[:-1], entry, "times", _whole, None),
            after=self._read(path[:-1], entry, "after", _whole, 0),
        )

    def _event(self, path: Path, entry: dict[str, Data]) -> EventFault | None:
        if entry.get("kind") not in EVENT_KINDS:
            self._note((*path, "kind"), _one_of(entry.get("kind"), EVENT_KINDS))
            return None
        self._known(path, entry, ("kind", "operation", "subject", "seconds", *_WHEN))
        return EventFault(
            kind=entry["kind"],
            operation=self._read(path, entry, "operation", _glob, ""),
            subject=self._read(path, entry, "subject", _glob, ""),
            count=self._read(path, entry, "times", _whole, None),
            after=self._read(path, entry, "after", _whole, 0),
            seconds=self._read(path, entry, "seconds", _seconds, 60.0),
            when=self._when(path, entry),
        )

    def _when(self, path: Path, entry: dict[str, Data]) -> When:
        start = self._read(path, entry, "from", _seconds, 0.0)
        end = self._read(path, entry, "until", _seconds, None)
        if end is not None and end <= start:
            self._note((*path, "until"), f"{_shown(entry['until'])} is not right here; it has to be later than 'from'")
        return When(self._read(path, entry, "probability", _share, 1.0), start, end)

    def _known(self, path: Path, entry: dict[str, Data], known: tuple[str, ...]) -> None:
        for key in entry:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                meant = f"; did you mean '{near[0]}'?" if near else "."
                self._note((*path, key), f"there is no such key here{meant} The keys are: {', '.join(known)}.")

    def _read(self, path: Path, entry: dict[str, Data], key: str, right: Callable[[Data], Any], absent: Data) -> Any:  # noqa: ANN401 - of whatever type ``right`` gives
        if key not in entry:
            return absent
        try:
            return right(entry[key])
        except _WrongError as error:
            self._note((*path, key), f"{_shown(entry[key])} is not right here; it has to be {error}")
            return absent


# ── what would be right ─────────────────────────────────────────────────────────────────────────


def _scalar(node: yaml.Node) -> Data:
    """Read a scalar as JSON would: a date stays text, and YAML 1.1's ``on`` and ``no`` are no booleans."""
    text = str(node.value)
    match node.tag.rpartition(":")[2]:
        case "bool" if text.lower() in {"true", "false"}:
            return text.lower() == "true"
        case "int" if re.fullmatch(r"-?\d{1,15}", text):
            return int(text)
        case "float" if re.fullmatch(r"-?\d{1,15}\.\d{1,15}", text):
            return float(text)
        case "null":
            return None
        case _:
            return text


def _shown(value: Data) -> str:
    match value:
        case None:
            return "nothing"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case _:
            return repr(value)


def _dotted(path: Path) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _one_of(value: Data, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(str(value), known, n=1)
    meant = f" did you mean '{near[0]}'?" if near else ""
    return f"{_shown(value)} is not right here;{meant} it has to be one of: {', '.join(known)}"


def _whole(value: Data) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _WrongError("a whole number, 0 or more")
    return value


def _share(value: Data) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise _WrongError("a number from 0 (never) to 1 (always), such as 0.2")
    return float(value)


def _seconds(value: Data) -> float:
    found = None if isinstance(value, bool) else _TIME.fullmatch(str(value))
    if found is None:
        raise _WrongError("a time such as 500ms, 30s, 5m or 1h")
    return float(found[1]) * _UNITS[found[2]]


def _text(value: Data) -> str:
    if not isinstance(value, str):
        raise _WrongError("text")
    return value


def _yes_or_no(value: Data) -> bool:
    if not isinstance(value, bool):
        raise _WrongError("true or false")
    return value


def _texts(value: Data) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise _WrongError("a mapping of names to texts")
    return value


def _status(value: Data) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 400 <= value <= 599:  # noqa: PLR2004 - errors of HTTP
        raise _WrongError("an HTTP status from 400 to 599")
    return value


def _level(value: Data) -> str:
    if value not in _LEVELS:
        raise _WrongError(f"one of: {', '.join(_LEVELS)}")
    return str(value)


def _scope(value: Data) -> str:
    if not isinstance(value, str) or not value.startswith("/"):
        raise _WrongError("the id of a resource, group or subscription, which begins with /")
    return value


def _pause(value: Data) -> int | None:
    if value is None:
        return None
    return max(1, round(_seconds(value)))


def _verbs(value: Data) -> str:
    verbs = [str(verb).upper() for verb in (value if isinstance(value, list) else [value])]
    if not verbs or not set(verbs) <= set(_VERBS):
        raise _WrongError(f"one of {', '.join(_VERBS)}, or a list of them")
    return "|".join(verbs)


def _glob(value: Data) -> str:
    """Turn a pattern of the whole text into the regular expression that faults are made of."""
    if not isinstance(value, str) or not value:
        raise _WrongError("a pattern of the whole text in which * is anything, such as '*/redis/*'")
    return f"^{fnmatch.translate(value)}"


def _type(value: Data) -> str:
    if not isinstance(value, str) or "/" not in value:
        raise _WrongError("a resource type such as Microsoft.Cache/Redis, in which * is anything")
    return value


def _subscription(value: Data) -> str:
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise _WrongError("the id of a subscription")
    return value


def _caller(value: Data) -> str:
    if isinstance(value, str) and value in _CALLERS:
        return _CALLERS[value]
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise _WrongError(f"one of {', '.join(_CALLERS)}, or an object id")
    return value


_BY_KEY: Mapping[str, Callable[[Data], Any]] = {
    "status": _status,
    "level": _level,
    "scope": _scope,
    "retryAfter": _pause,
}
_BY_TYPE: Mapping[object, Callable[[Data], Any]] = {
    "float": _seconds,
    "bool": _yes_or_no,
    "str": _text,
    "dict[str, str]": _texts,
}


def _right(key: str, kind: object) -> Callable[[Data], Any]:
    """Choose the check of an effect's field."""
    return _BY_KEY.get(key) or _BY_TYPE[kind.__name__ if isinstance(kind, type) and not get_args(kind) else str(kind)]
