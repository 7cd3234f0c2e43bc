"""The policy's types. Pure: no clock, file or environment.

Two layers: the specs are the shape of ``policy.yaml``, key for key, and give the JSON schema for editors;
``Policy`` is the same with every id parsed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from shared.model import Cache, Kind, LastEndpoint, Mode, Placement, Safeguards, Subject, Timing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.ids import CacheId, GroupId, NetworkId

EVERYTHING = "*"

# ── the file's own shape ────────────────────────────────────────────────────────────────────────

# Neither nothing, which would be looked at again without a pause, nor more than a calendar holds.
_DURATION = r"^([1-9][0-9]{0,5}[smh]|[1-9][0-9]{0,3}d)$"
Duration = Annotated[str, Meta(pattern=_DURATION, examples=["90s", "15m", "1h", "7d"])]
TagName = Annotated[str, Meta(min_length=1, max_length=512, examples=["drawbridge"])]


class Enrol(StrEnum):
    """Which caches of a rule get endpoints."""

    TAGGED = "tagged"
    ALL = "all"
    NONE = "none"


class Close(StrEnum):
    """Which caches of a rule must have public access Disabled."""

    ENROLLED = "enrolled"
    ALL = "all"
    NONE = "none"


class OptOut(StrEnum):
    """Whether the tag value ``ignore`` is honoured."""

    ALLOWED = "allowed"
    DENIED = "denied"


class FreePlacement(StrEnum):
    """Whether a caller of the API may choose a subnet that is no placement of the policy."""

    ALLOWED = "allowed"
    DENIED = "denied"


class DnsChoice(StrEnum):
    """DNS choices that need no zone ids."""

    CREATE = "create"
    EXTERNAL = "external"


class _Spec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """One mapping of the file: unknown keys are errors."""


class ScopeSpec(_Spec, frozen=True):
    """Where Drawbridge may look and act; nothing outside is ever touched."""

    subscriptions: Annotated[
        tuple[str, ...], Meta(description='Subscription ids, or ["*"] for all that the identity can read.')
    ] = ()
    management_groups: Annotated[
        tuple[str, ...], Meta(description="Management groups; every subscription below them is in scope.")
    ] = ()
    exclude_subscriptions: Annotated[tuple[str, ...], Meta(description="Subscription ids that are never touched.")] = ()
    exclude_resource_groups: Annotated[
        tuple[str, ...],
        Meta(description='Resource group names that are never touched; "*" stands for any text.'),
    ] = ()


class MatchSpec(_Spec, frozen=True):
    """Which caches a rule is for; what is left out matches every cache."""

    subscriptions: tuple[str, ...] = ()
    resource_groups: Annotated[tuple[str, ...], Meta(description='Names; "*" stands for any text.')] = ()
    regions: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()
    tags: Annotated[dict[str, str], Meta(description="Every tag listed must have this value.")] = {}


class RuleSpec(_Spec, frozen=True):
    """What is asked of the caches that match; the first rule that matches a cache decides."""

    match: MatchSpec = MatchSpec()
    enrol: Annotated[Enrol, Meta(description="Which caches get an endpoint.")] = Enrol.TAGGED
    close_public_access: Annotated[Close, Meta(description="Which caches must be Disabled.")] = Close.ENROLLED
    last_endpoint: Annotated[
        LastEndpoint, Meta(description="What follows when the last approved endpoint is gone.")
    ] = LastEndpoint.REATTACH
    opt_out: Annotated[OptOut, Meta(description="Whether a tag may say ignore.")] = OptOut.DENIED
    free_placement: Annotated[
        FreePlacement, Meta(description="Whether a caller of the API may choose a subnet within scope.")
    ] = FreePlacement.DENIED
    mode: Annotated[Mode | None, Meta(description="Overrides the mode of the whole policy.")] = None


class DnsSpec(_Spec, frozen=True):
    """Private DNS zones by name and id."""

    zones: Annotated[dict[str, str], Meta(min_length=1, description="Zone name: zone id.")]


class ForSpec(_Spec, frozen=True):
    """Which caches may use a placement; what is left out matches every cache."""

    subscriptions: tuple[str, ...] = ()
    resource_groups: tuple[str, ...] = ()


class PlacementSpec(_Spec, frozen=True):
    """One place where endpoints may be."""

    region: Annotated[str, Meta(description="The region of the virtual network.", examples=["westeurope"])]
    subnet: Annotated[str, Meta(description="The subnet's id.")]
    endpoint_resource_group: Annotated[str, Meta(description="The id of the resource group endpoints are made in.")]
    dns: Annotated[
        DnsSpec | DnsChoice,
        Meta(description="zones: {name: id}, or create (zone beside the network), or external (Azure Policy does it)."),
    ]
    for_: Annotated[ForSpec, Meta(description="Which caches may use it.")] = msgspec.field(
        name="for", default=ForSpec()
    )


class ExemptionsSpec(_Spec, frozen=True):
    """How far a tag may put off enforcement."""

    max_days: Annotated[int, Meta(ge=0, le=3650)] = 90
    require_reason: bool = True
    remind_days: Annotated[int, Meta(ge=0, le=365, description="How long before its end it is announced.")] = 3


class SafeguardsSpec(_Spec, frozen=True):
    """Bounds on what Drawbridge does by itself."""

    reattach_limit: Annotated[int, Meta(ge=1, le=1000)] = 3
    window: Duration = "1h"
    closures_per_hour: Annotated[int, Meta(ge=0, le=100_000)] = 50


class TagsSpec(_Spec, frozen=True):
    """The names of the tags that people set on caches."""

    enrol: TagName = "drawbridge"
    placement: TagName = "drawbridge-placement"
    exempt_until: TagName = "drawbridge-exempt-until"
    exempt_reason: TagName = "drawbridge-exempt-reason"


class TimingSpec(_Spec, frozen=True):
    """How long to wait before looking again; the defaults follow what Azure has been measured to take."""

    settle: Duration = "60s"
    endpoint: Duration = "75s"
    zone_group: Duration = "5s"
    cache: Duration = "30s"
    busy: Duration = "60s"
    thorough: Duration = "24h"


class NetworksSpec(_Spec, frozen=True):
    """Where the API may make and complete virtual networks: nowhere, unless it is said here."""

    allow: Annotated[
        tuple[str, ...],
        Meta(
            description='Ids of resource groups; "*" stands for any text.',
            examples=["/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-net-*"],
        ),
    ] = ()
    zones: Annotated[dict[str, str], Meta(description="Zone name: id of the zone of a hub to link networks to.")] = {}


class PolicySpec(_Spec, frozen=True):
    """The whole file."""

    scope: ScopeSpec
    mode: Annotated[Mode, Meta(description="audit plans and reports; enforce acts.")] = Mode.AUDIT
    rules: tuple[RuleSpec, ...] = (RuleSpec(),)
    placements: dict[str, PlacementSpec] = {}
    exemptions: ExemptionsSpec = ExemptionsSpec()
    safeguards: SafeguardsSpec = SafeguardsSpec()
    networks: NetworksSpec = NetworksSpec()
    tags: TagsSpec = TagsSpec()
    timing: TimingSpec = TimingSpec()


def json_schema() -> dict[str, object]:
    """Give the JSON schema of ``policy.yaml``, for editors."""
    schema = msgspec.json.schema(PolicySpec)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Drawbridge policy", **schema}


# ── the policy, parsed ──────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Scope:
    """Where Drawbridge may look and act."""

    everything: bool
    subscriptions: frozenset[str]
    management_groups: tuple[str, ...]
    excluded: frozenset[str]
    excluded_groups: tuple[str, ...]

    def admits(self, subscription: str, found: frozenset[str] = frozenset()) -> bool:
        """Tell whether a subscription is in scope.

        ``found`` are the subscriptions that the last sweep found to be in scope; empty before the first one.
        """
        if subscription in self.excluded:
            return False
        if subscription in self.subscriptions:
            return True
        if self.everything:
            return not found or subscription in found
        return bool(self.management_groups) and subscription in found

    def may_admit(self, group: GroupId) -> bool:
        """Tell whether a group can be in scope, where it is not known what is below the management groups."""
        return self.may_hold(group.subscription) and not _matches_any(group.group, self.excluded_groups)

    def may_hold(self, subscription: str) -> bool:
        """Tell whether a subscription can be in scope, where it is not known what is below the management groups."""
        if subscription in self.excluded:
            return False
        return self.everything or bool(self.management_groups) or subscription in self.subscriptions

    def admits_group(self, group: GroupId, found: frozenset[str] = frozenset()) -> bool:
        """Tell whether a resource group is in scope; ``found`` as for ``admits``."""
        return self.admits(group.subscription, found) and not _matches_any(group.group, self.excluded_groups)


@dataclass(frozen=True, slots=True)
class PlacementRule:
    """A placement, and which caches may use it."""

    placement: Placement
    subscriptions: frozenset[str]
    groups: tuple[str, ...]

    def open_to(self, cache: CacheId) -> bool:
        """Tell whether a cache may have an endpoint here."""
        by_subscription = not self.subscriptions or cache.subscription in self.subscriptions
        return by_subscription and (not self.groups or _matches_any(cache.group, self.groups))

    @property
    def particular(self) -> bool:
        """Whether it names whom it is for: such a placement is preferred to one that is for everybody."""
        return bool(self.subscriptions or self.groups)


@dataclass(frozen=True, slots=True)
class NetworkRules:
    """Where networks may be made, and which zones they are linked to."""

    allow: tuple[str, ...] = ()
    zones: Mapping[str, NetworkId] = field(default_factory=dict)

    def admit(self, group: GroupId) -> bool:
        """Tell whether a network may be made or completed in a resource group."""
        return _matches_any(str(group), self.allow)


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy that has been checked."""

    spec: PolicySpec
    scope: Scope
    placements: Mapping[str, PlacementRule]
    safeguards: Safeguards
    timing: Timing
    digest: str
    networks: NetworkRules = NetworkRules()

    def rule_for(self, cache: Cache) -> RuleSpec | None:
        """Find the first rule that matches; None means that nothing is asked of the cache."""
        return next((rule for rule in self.spec.rules if _rule_matches(rule.match, cache)), None)


@dataclass(frozen=True, slots=True)
class Request:
    """What a caller of the API has asked for: an endpoint in one placement, or what else ``subject`` says."""

    placement: str
    at: datetime
    by: str
    subject: Subject = Subject.ENDPOINT
    withdrawn: bool = False
    options: Mapping[str, str] = field(default_factory=dict)


def seconds(text: str) -> timedelta:
    """Read a duration such as ``90s``, ``15m``, ``1h`` or ``7d``."""
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[text[-1]]
    return timedelta(**{unit: int(text[:-1])})


def digest(spec: PolicySpec) -> str:
    """Give a short text that changes whenever the policy does."""
    return hashlib.sha256(msgspec.json.encode(spec)).hexdigest()[:16]


def safeguards_of(spec: SafeguardsSpec) -> Safeguards:
    """Read the safeguards."""
    return Safeguards(spec.reattach_limit, seconds(spec.window), spec.closures_per_hour)


def timing_of(spec: TimingSpec) -> Timing:
    """Read the timing."""
    return Timing(
        settle=seconds(spec.settle),
        endpoint=seconds(spec.endpoint),
        zone_group=seconds(spec.zone_group),
        cache=seconds(spec.cache),
        busy=seconds(spec.busy),
        thorough=seconds(spec.thorough),
    )


def _matches_any(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name.lower(), pattern.lower()) for pattern in patterns)


def _among(value: str, listed: tuple[str, ...]) -> bool:
    return not listed or value.lower() in {each.replace(" ", "").lower() for each in listed}


def _rule_matches(match: MatchSpec, cache: Cache) -> bool:
    tags = fold(cache.tags)
    return (
        _among(cache.id.subscription, match.subscriptions)
        and (not match.resource_groups or _matches_any(cache.id.group, match.resource_groups))
        and _among(cache.region, match.regions)
        and (not match.kinds or cache.kind in match.kinds)
        and all(tags.get(name.lower()) == value for name, value in match.tags.items())
    )


def fold(tags: Mapping[str, str]) -> dict[str, str]:
    """Key tags by lower-case name: Azure compares names without case, and values with it."""
    return {name.lower(): value for name, value in tags.items()}
