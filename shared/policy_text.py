"""Read ``policy.yaml``, naming every mistake with its line, key, value and what would be right. Pure."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import yaml

from shared.ids import GroupId, InvalidIdError, SubnetId, subscription_id, zone_id
from shared.ids import region as short_region
from shared.model import DnsMode, Placement
from shared.policy import (
    EVERYTHING,
    DnsChoice,
    PlacementRule,
    PlacementSpec,
    Policy,
    PolicySpec,
    Scope,
    digest,
    safeguards_of,
    timing_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from shared.ids import NetworkId

T = TypeVar("T")
Data = Any
"""What YAML may hold; nothing more is known of it before it is converted."""
Type = Any
"""A type of ``msgspec.inspect``, or a type to inspect."""
Path = tuple[str | int, ...]
_MOST_PROBLEMS = 100
_DEEPEST = 20
"""How many keys lead to a value at most; those of a policy are 5."""
_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_PATH_PART = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake in a policy."""

    line: int
    """1-based; 0 where the file as a whole is meant."""
    key: str
    message: str

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        return f"{where}{self.key}: {self.message}" if self.key else f"{where}{self.message}"


class PolicyError(ValueError):
    """A policy that cannot be used; ``problems`` has every mistake found, in the order of the file."""

    def __init__(self, source: str, problems: Iterable[Problem]) -> None:
        self.source = source
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(f"{source}: {problem}" for problem in self.problems))


def load(text: str, source: str = "policy.yaml") -> Policy:
    """Read a policy, or raise PolicyError with everything that is wrong with it."""
    document = _Document.parse(text, source)
    spec = _convert(document)
    return _Reader(document, spec).policy()


# ── the text, with lines ────────────────────────────────────────────────────────────────────────


class _Document:
    """A YAML document that knows on which line each of its values stands."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.lines: dict[Path, int] = {}
        self.problems: list[Problem] = []
        self.data: Data = None

    @classmethod
    def parse(cls, text: str, source: str) -> _Document:
        document = cls(source)
        try:
            root = yaml.compose(text, Loader=yaml.CSafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            said = Problem(mark.line + 1 if mark else 0, "", f"this is not YAML: {error.problem or error.context}")
            raise PolicyError(source, [said]) from error
        except (yaml.YAMLError, UnicodeEncodeError) as error:
            raise PolicyError(source, [Problem(0, "", f"this is not YAML: {error}")]) from error
        document.data = document._value(root, ()) if root else {}
        return document

    def _value(self, node: yaml.Node, path: Path) -> Data:
        line = self.lines.setdefault(path, node.start_mark.line + 1)
        if len(path) > _DEEPEST:
            # An alias can stand inside what it stands for: then there is no end to follow.
            raise PolicyError(self.source, [Problem(line, "", "lists and mappings stand in one another too deeply")])
        if isinstance(node, yaml.MappingNode):
            return dict(self._entries(node, path))
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, (*path, index)) for index, item in enumerate(node.value)]
        return _scalar(node)

    def _entries(self, node: yaml.MappingNode, path: Path) -> Iterator[tuple[str, Data]]:
        seen: set[str] = set()
        for key_node, value_node in node.value:
            key = str(key_node.value)
            here = (*path, key)
            if key in seen:
                line = key_node.start_mark.line + 1
                self.problems.append(Problem(line, dotted(here), "this key stands here twice; keep one of them"))
            seen.add(key)
            self.lines[here] = key_node.start_mark.line + 1
            yield key, self._value(value_node, here)

    def line(self, path: Path) -> int:
        """Find the line of a value, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 0)

    def problem(self, path: Path, message: str) -> Problem:
        return Problem(self.line(path), dotted(path), message)

    def at(self, path: Path) -> Data:
        value = self.data
        for part in path:
            value = value[part]
        return value


def _scalar(node: yaml.Node) -> Data:
    """Read a scalar as JSON would: a date stays text, and YAML 1.1's ``on`` and ``no`` are no booleans."""
    tag, text = node.tag, str(node.value)
    if tag == "tag:yaml.org,2002:bool" and text.lower() in {"true", "false"}:
        return text.lower() == "true"
    if tag == "tag:yaml.org,2002:int" and re.fullmatch(r"-?\d{1,15}", text):
        return int(text)
    if tag == "tag:yaml.org,2002:null":
        return None
    return text


def dotted(path: Path) -> str:
    """Write a path as people do: ``rules[0].match.kinds``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


# ── from data to specs ──────────────────────────────────────────────────────────────────────────


def _convert(document: _Document) -> PolicySpec:
    """Convert, and on a mistake note it, take the offending value out and go on, so that all are found."""
    if not isinstance(document.data, dict):
        raise PolicyError(document.source, [Problem(1, "", "a policy is a mapping of keys, such as 'mode: audit'")])
    if not document.data:
        raise PolicyError(document.source, [Problem(0, "", "the policy is empty; it needs at least 'scope'")])
    _convert_placements(document)
    while len(document.problems) < _MOST_PROBLEMS:
        try:
            spec = msgspec.convert(document.data, PolicySpec)
        except msgspec.ValidationError as error:
            if not _note(document, (), str(error), PolicySpec):
                break
            continue
        if document.problems:
            break
        return spec
    raise PolicyError(document.source, document.problems)


def _convert_placements(document: _Document) -> None:
    """Convert placements one by one: msgspec does not say under which key of a mapping it met a mistake."""
    placements = document.data.get("placements")
    if not isinstance(placements, dict):
        return
    for alias in list(placements):
        while alias in placements:
            try:
                msgspec.convert(placements[alias], PlacementSpec)
                break
            except msgspec.ValidationError as error:
                if not _note(document, ("placements", alias), str(error), PlacementSpec):
                    del placements[alias]


def _note(document: _Document, base: Path, message: str, kind: Type) -> bool:
    """Record one mistake and remove its value; False when nothing could be removed, and converting must end."""
    text, _, where = message.partition(" - at `$")
    path = (*base, *_path(where.rstrip("`")))
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", text, re.DOTALL):
        key = unknown[1]
        known = tuple(_fields(kind, path[len(base) :]))
        document.problems.append(document.problem((*path, key), _unknown_key(key, known)))
        del document.at(path)[key]
        return True
    if missing := re.fullmatch(r"Object missing required field `(.+)`", text):
        if not any(problem.key == dotted((*path, missing[1])) for problem in document.problems):
            document.problems.append(document.problem(path, f"the key '{missing[1]}' is missing here"))
        return False
    document.problems.append(document.problem(path, _wrong_value(document, path, text, kind, base)))
    return _remove(document, path, base)


def _remove(document: _Document, path: Path, base: Path) -> bool:
    if path == base:
        return False
    owner = document.at(path[:-1])
    if isinstance(owner, dict) and path[-1] in owner:
        del owner[path[-1]]
        return True
    if isinstance(owner, list) and isinstance(path[-1], int):
        return _remove(document, path[:-1], base)
    return False


def _path(text: str) -> Path:
    parts: list[str | int] = []
    for name, index in _PATH_PART.findall(text):
        if name:
            parts.append(name)
        elif index != "...":
            parts.append(int(index))
        else:
            break
    return tuple(parts)


def _unknown_key(key: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    meant = f"; did you mean '{near[0]}'?" if near else ""
    return f"there is no such key here{meant or '.'} The keys are: {', '.join(known)}."


def _wrong_value(document: _Document, path: Path, text: str, kind: Type, base: Path) -> str:
    value = document.at(path)
    shown = (
        "nothing"
        if value is None
        else repr(value)
        if not isinstance(value, dict | list)
        else "a " + ("mapping" if isinstance(value, dict) else "list")
    )
    return f"{shown} is not right here; {_expected(text, kind, path[len(base) :])}"


def _expected(text: str, kind: Type, path: Path) -> str:
    """Say what would be right, from the type that stands at the path."""
    for found in _types_at(msgspec.inspect.type_info(kind), path):
        if isinstance(found, msgspec.inspect.EnumType):
            return "it would have to be one of: " + ", ".join(member.value for member in found.cls)
        if isinstance(found, msgspec.inspect.Metadata):
            examples = (found.extra_json_schema or {}).get("examples")
            if examples:
                return "it would have to look like " + " or ".join(map(str, examples))
    return text[:1].lower() + text[1:].replace("`", "'")


def _types_at(info: Type, path: Path) -> list[Type]:
    """Walk the types of a spec along a path, unwrapping metadata and unions; empty when it leads nowhere."""
    flat = _flat(info)
    if not path:
        return flat
    for found in flat:
        inner = _inner(found, path[0])
        if inner is not None and (types := _types_at(inner, path[1:])):
            return types
    return []


def _flat(info: Type) -> list[Type]:
    match info:
        case msgspec.inspect.Metadata():
            return [*_flat(info.type), info]
        case msgspec.inspect.UnionType():
            return [each for member in info.types for each in _flat(member)]
        case _:
            return [info]


def _inner(info: Type, part: str | int) -> Type:
    match info:
        case msgspec.inspect.StructType():
            return next((field.type for field in info.fields if field.encode_name == part), None)
        case msgspec.inspect.DictType():
            return info.value_type
        case msgspec.inspect.VarTupleType() | msgspec.inspect.ListType():
            return info.item_type
        case _:
            return None


def _fields(kind: Type, path: Path) -> list[str]:
    for found in _types_at(msgspec.inspect.type_info(kind), path):
        if isinstance(found, msgspec.inspect.StructType):
            return [field.encode_name for field in found.fields]
    return []


# ── from specs to the policy ────────────────────────────────────────────────────────────────────


class _Reader:
    """Parse every id of a spec, noting each that is not of its form."""

    def __init__(self, document: _Document, spec: PolicySpec) -> None:
        self._document = document
        self._spec = spec
        self._problems = document.problems

    def policy(self) -> Policy:
        scope = self._scope()
        placements = self._placements()
        self._rules()
        if self._problems:
            raise PolicyError(self._document.source, self._problems)
        return Policy(
            spec=self._spec,
            scope=scope,
            placements=placements,
            safeguards=safeguards_of(self._spec.safeguards),
            timing=timing_of(self._spec.timing),
            digest=digest(self._spec),
        )

    def _note(self, path: Path, message: str) -> None:
        self._problems.append(self._document.problem(path, message))

    def _parse(self, path: Path, text: str, parse: Callable[[str], T]) -> T | None:
        try:
            return parse(text)
        except InvalidIdError as error:
            self._note(path, str(error))
            return None

    def _ids(self, path: Path, texts: tuple[str, ...]) -> frozenset[str]:
        parsed = (self._parse((*path, index), text, subscription_id) for index, text in enumerate(texts))
        return frozenset(each for each in parsed if each)

    def _scope(self) -> Scope:
        spec = self._spec.scope
        everything = EVERYTHING in spec.subscriptions
        named = tuple(text for text in spec.subscriptions if text != EVERYTHING)
        if everything and named:
            self._note(("scope", "subscriptions"), "'*' is every subscription, so no id may stand beside it")
        if not everything and not named and not spec.management_groups:
            self._note(("scope",), "names neither subscriptions nor managementGroups; ['*'] is all that can be read")
        return Scope(
            everything=everything,
            subscriptions=frozenset() if everything else self._ids(("scope", "subscriptions"), named),
            management_groups=spec.management_groups,
            excluded=self._ids(("scope", "excludeSubscriptions"), spec.exclude_subscriptions),
            excluded_groups=spec.exclude_resource_groups,
        )

    def _placements(self) -> dict[str, PlacementRule]:
        found: dict[str, PlacementRule] = {}
        for alias, spec in self._spec.placements.items():
            path: Path = ("placements", alias)
            if not _ALIAS.fullmatch(alias):
                self._note(path, "an alias is 1–63 letters, digits and - _ . , as it has to fit into a tag")
            if placement := self._placement(path, alias, spec):
                subscriptions = self._ids((*path, "for", "subscriptions"), spec.for_.subscriptions)
                found[alias] = PlacementRule(placement, subscriptions, spec.for_.resource_groups)
        return found

    def _placement(self, path: Path, alias: str, spec: PlacementSpec) -> Placement | None:
        subnet = self._parse((*path, "subnet"), spec.subnet, SubnetId.parse)
        group = self._parse((*path, "endpointResourceGroup"), spec.endpoint_resource_group, GroupId.parse)
        zones = self._zones((*path, "dns", "zones"), spec)
        if subnet is None or group is None:
            return None
        match spec.dns:
            case DnsChoice.CREATE:
                mode = DnsMode.CREATE
            case DnsChoice.EXTERNAL:
                mode = DnsMode.EXTERNAL
            case _:
                mode = DnsMode.ZONES
        return Placement(alias, short_region(spec.region), subnet, group, mode, zones)

    def _zones(self, path: Path, spec: PlacementSpec) -> dict[str, NetworkId]:
        if isinstance(spec.dns, DnsChoice):
            return {}
        zones: dict[str, NetworkId] = {}
        for name, text in spec.dns.zones.items():
            zone = self._parse((*path, name), text, zone_id)
            if zone and zone.name != name.lower():
                self._note((*path, name), f"the id is that of the zone '{zone.name}', not of '{name}'")
            elif zone:
                zones[zone.name] = zone
        return zones

    def _rules(self) -> None:
        for index, rule in enumerate(self._spec.rules):
            path: Path = ("rules", index, "match")
            self._ids((*path, "subscriptions"), rule.match.subscriptions)
            if index and self._spec.rules[index - 1].match == type(rule.match)():
                self._note(("rules", index), "is never reached: the rule before it matches every cache")
