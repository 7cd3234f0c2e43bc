"""Read ``policy.yaml``, naming every mistake with its line, key, value and what would be right. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import msgspec
import yaml

from shared.ids import GroupId, InvalidIdError, SubnetId, subscription_id, zone_id
from shared.ids import region as short_region
from shared.mistakes import Data, Path, dotted, mistakes
from shared.model import DnsMode, Placement
from shared.policy import (
    EVERYTHING,
    DnsChoice,
    NetworkRules,
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
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from shared.ids import NetworkId

T = TypeVar("T")
_MOST_VALUES = 20_000
"""Aliases can make a short text hold more than a machine does."""
_DEEPEST = 20
"""How many keys lead to a value at most; those of a policy are 5."""
_GROUP_PATTERN = re.compile(r"/subscriptions/(?:\*|[0-9a-f-]{36})/resourceGroups/[\w().*-]{1,90}", re.IGNORECASE)
_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


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
        self.size = 0
        self.data: Data = None

    @classmethod
    def parse(cls, text: str, source: str) -> _Document:
        document = cls(source)
        try:
            document._insist_on_flatness(text)
            root = yaml.compose(text, Loader=yaml.CSafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            said = Problem(mark.line + 1 if mark else 0, "", f"this is not YAML: {error.problem or error.context}")
            raise PolicyError(source, [said]) from error
        except (yaml.YAMLError, UnicodeEncodeError) as error:
            raise PolicyError(source, [Problem(0, "", f"this is not YAML: {error}")]) from error
        document.data = document._value(root, ()) if root else {}
        return document

    def _insist_on_flatness(self, text: str) -> None:
        """Refuse what is nested too deeply before it is composed, as composing it can exhaust the stack."""
        depth = 0
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                raise self._too_deep(event.start_mark.line + 1 if event.start_mark else 0)

    def _too_deep(self, line: int) -> PolicyError:
        return PolicyError(self.source, [Problem(line, "", "lists and mappings stand in one another too deeply")])

    def _value(self, node: yaml.Node, path: Path) -> Data:
        line = self.lines.setdefault(path, node.start_mark.line + 1)
        if len(path) > _DEEPEST:
            # An alias can stand inside what it stands for: then there is no end to follow.
            raise self._too_deep(line)
        self.size += 1
        if self.size > _MOST_VALUES:
            raise PolicyError(self.source, [Problem(line, "", f"a policy holds at most {_MOST_VALUES:,} values")])
        if isinstance(node, yaml.MappingNode):
            return dict(self._entries(node, path))
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, (*path, index)) for index, item in enumerate(node.value)]
        return _scalar(node)

    def _entries(self, node: yaml.MappingNode, path: Path) -> Iterator[tuple[str, Data]]:
        seen: set[str] = set()
        for key_node, value_node in node.value:
            key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "a list or mapping"
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


# ── from data to specs ──────────────────────────────────────────────────────────────────────────


def _convert(document: _Document) -> PolicySpec:
    """Convert, or say everything that is in the way of it."""
    if not isinstance(document.data, dict):
        raise PolicyError(document.source, [Problem(1, "", "a policy is a mapping of keys, such as 'mode: audit'")])
    if not document.data:
        raise PolicyError(document.source, [Problem(0, "", "the policy is empty; it needs at least 'scope'")])
    document.problems += [document.problem(path, said) for path, said in mistakes(PolicySpec, document.data, ())]
    if document.problems:
        raise PolicyError(document.source, document.problems)
    return msgspec.convert(document.data, PolicySpec)


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
        networks = self._networks()
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
            networks=networks,
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
            if twin := next((other for other in found if other.lower() == alias.lower()), None):
                self._note(
                    path, f"differs from '{twin}' in case alone, and names of Azure do not: choose another alias"
                )
            if placement := self._placement(path, alias, spec):
                subscriptions = self._ids((*path, "for", "subscriptions"), spec.for_.subscriptions)
                found[alias] = PlacementRule(placement, subscriptions, spec.for_.resource_groups)
        return found

    def _placement(self, path: Path, alias: str, spec: PlacementSpec) -> Placement | None:
        subnet = self._parse((*path, "subnet"), spec.subnet, SubnetId.parse)
        group = self._parse((*path, "endpointResourceGroup"), spec.endpoint_resource_group, GroupId.parse)
        zones = {} if isinstance(spec.dns, DnsChoice) else self._zones((*path, "dns", "zones"), spec.dns.zones)
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

    def _networks(self) -> NetworkRules:
        spec = self._spec.networks
        for index, text in enumerate(spec.allow):
            if not _GROUP_PATTERN.fullmatch(text):
                right = "'/subscriptions/<guid or *>/resourceGroups/<name or pattern>'"
                self._note(("networks", "allow", index), f"'{text[:200]}' is not of the form {right}")
        return NetworkRules(spec.allow, self._zones(("networks", "zones"), spec.zones))

    def _zones(self, path: Path, spec: Mapping[str, str]) -> dict[str, NetworkId]:
        zones: dict[str, NetworkId] = {}
        for name, text in spec.items():
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
