"""Virtual networks that callers ask for: what may be asked, and what is to be done about what is there. Pure.

A network that is there is completed and never narrowed: what it has, it keeps. Whatever stands against the wish is
told and left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import assert_never

from shared.ids import NetworkId
from shared.model import CreateZone, LinkZone, Mode, Readiness, Reason, Step, Timing, Verdict, VerdictKind

RESERVED = 5
"""Azure keeps the first four addresses of a subnet and the last."""
_SMALLEST = 29
_LARGEST = 8
_MOST_PREFIXES = 100
_LONGEST_NETWORK = 64
_LONGEST_SUBNET = 80
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?")
_ZONE = re.compile(r"privatelink(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?){2,8}")
_REGION = re.compile(r"[a-z][a-z0-9]{1,39}")
_FORBIDDEN = tuple(
    ip_network(each) for each in ("127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4")
)
"""Azure takes none of these into a virtual network."""
_BEGUN_FOR = timedelta(minutes=10)
"""How long something that was begun may stay unseen before it is begun again."""
_STUCK_AFTER = timedelta(hours=1)
_SLOWEST_LOOK = 10
_SUBNET, _NETWORK = "subnet", "network"
Problem = tuple[str, str]


class NetworkPolicies(StrEnum):
    """Whether security groups and routes hold for the endpoints of a subnet, as Azure spells it."""

    DISABLED = "Disabled"
    ENABLED = "Enabled"
    SECURITY_GROUPS = "NetworkSecurityGroupEnabled"
    ROUTES = "RouteTableEnabled"


@dataclass(frozen=True, slots=True)
class NetworkWish:
    """A network that shall be there, with a subnet for endpoints and zones that its machines look names up in."""

    region: str
    prefixes: tuple[str, ...]
    subnet: str
    subnet_prefix: str
    zones: tuple[str, ...]
    policies: NetworkPolicies = NetworkPolicies.DISABLED
    endpoints: int = 1
    """How many endpoints the subnet has to have room for."""


# ── what may be asked ───────────────────────────────────────────────────────────────────────────


def problems(name: str, wish: NetworkWish) -> tuple[Problem, ...]:
    """Say everything in which a wish breaks Azure's rules, or its own sense."""
    return tuple(_problems(name, wish))


def _problems(name: str, wish: NetworkWish) -> Iterator[Problem]:
    if not (2 <= len(name) <= _LONGEST_NETWORK and _NAME.fullmatch(name)):  # noqa: PLR2004 - Azure's own number
        rule = f"2–{_LONGEST_NETWORK} letters, digits, _ . -, a letter or digit first, and no . or - last"
        yield "name", f"is '{name[:80]}'; a network's is {rule}"
    if not _REGION.fullmatch(wish.region):
        yield "location", f"is '{wish.region[:60]}'; a region is named such as westeurope"
    if not (1 <= len(wish.subnet) <= _LONGEST_SUBNET and _NAME.fullmatch(wish.subnet)):
        rule = f"1–{_LONGEST_SUBNET} letters, digits, _ . -, a letter or digit first, and no . or - last"
        yield "subnet.name", f"is '{wish.subnet[:90]}'; a subnet's is {rule}"
    yield from _space(wish)
    for zone in wish.zones:
        if not _ZONE.fullmatch(zone):
            yield "zones", f"has '{zone[:80]}'; a zone of private links is such as privatelink.redis.azure.net"


def _space(wish: NetworkWish) -> Iterator[Problem]:
    space: list[IPv4Network] = []
    if not 1 <= len(wish.prefixes) <= _MOST_PREFIXES:
        yield "addressSpace", f"has {len(wish.prefixes)} prefixes; it needs 1 to {_MOST_PREFIXES}"
    for text in wish.prefixes:
        found = _prefix(text)
        if isinstance(found, str):
            yield "addressSpace", f"has '{text[:40]}', which {found}"
        elif other := next((each for each in space if each.overlaps(found)), None):
            yield "addressSpace", f"has {found} and {other}, which overlap"
        else:
            space.append(found)
    subnet = _prefix(wish.subnet_prefix)
    if isinstance(subnet, str):
        yield "subnet.prefix", f"is '{wish.subnet_prefix[:40]}', which {subnet}"
        return
    if space and not any(subnet.subnet_of(each) for each in space):
        yield "subnet.prefix", f"is {subnet}, which is not inside the address space ({', '.join(map(str, space))})"
    room = subnet.num_addresses - RESERVED
    if room < wish.endpoints:
        yield (
            "subnet.prefix",
            (
                f"is {subnet}, with room for {room} endpoints (Azure keeps {RESERVED} addresses), and {wish.endpoints} "
                "are asked for"
            ),
        )


def _prefix(text: str) -> IPv4Network | str:
    """Read a prefix; or say in words what is wrong with it."""
    try:
        found: IPv4Network | IPv6Network = ip_network(text)
    except ValueError:
        return "is no prefix such as 10.1.0.0/16 (with no bits set behind its length)"
    if isinstance(found, IPv6Network):
        return "is IPv6; endpoints of Redis have IPv4 addresses"
    if not _LARGEST <= found.prefixlen <= _SMALLEST:
        return f"is a /{found.prefixlen}; Azure takes /{_LARGEST} to /{_SMALLEST}"
    if any(found.overlaps(each) for each in _FORBIDDEN if isinstance(each, IPv4Network)):
        return "overlaps addresses that Azure keeps for itself"
    return found


# ── what is seen ────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class SubnetSeen:
    """One subnet of a network."""

    name: str
    prefixes: tuple[str, ...]
    readiness: Readiness
    used: int = 0
    """Addresses that are taken, beside Azure's own."""
    delegated: bool = False
    policies: str = ""


@dataclass(frozen=True, slots=True)
class NetworkSeen:
    """A virtual network as Azure answers it."""

    id: NetworkId
    readiness: Readiness
    region: str
    prefixes: tuple[str, ...]
    subnets: tuple[SubnetSeen, ...] = ()

    def subnet(self, name: str) -> SubnetSeen | None:
        """Find a subnet: names are compared without case."""
        return next((each for each in self.subnets if each.name.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True)
class ZoneSeen:
    """The zone that was chosen for one of the wanted names."""

    zone: NetworkId
    exists: bool
    linked: bool


@dataclass(frozen=True, slots=True)
class NetworkObserved:
    """The world around one network."""

    id: NetworkId
    network: NetworkSeen | None
    zones: tuple[ZoneSeen, ...] = ()
    begun: Mapping[str, datetime] = field(default_factory=dict)
    """Step → when it was begun, for steps that are under way."""


# ── what is done ────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class CreateNetwork:
    """Begin a network with its subnet."""

    network: NetworkId
    wish: NetworkWish


@dataclass(frozen=True, slots=True)
class WidenNetwork:
    """Begin to add prefixes to the address space of a network."""

    network: NetworkId
    prefixes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CreateSubnet:
    """Begin the subnet for endpoints in a network that is there."""

    network: NetworkId
    wish: NetworkWish


NetworkAction = CreateNetwork | WidenNetwork | CreateSubnet | CreateZone | LinkZone


@dataclass(frozen=True, slots=True)
class NetworkPlan:
    """What one pass over a network does and says."""

    verdict: Verdict
    actions: tuple[NetworkAction, ...] = ()
    begun: Mapping[str, datetime] = field(default_factory=dict)


def plan(seen: NetworkObserved, wish: NetworkWish, *, mode: Mode, now: datetime, timing: Timing) -> NetworkPlan:
    """Choose what to do about one network: the network, its subnet, then zones that are there and linked to it."""
    case = _Case(seen, wish, now, timing)
    decided = _decided(case)
    if mode is Mode.ENFORCE or not decided.actions:
        return decided
    would = "; ".join(in_words(action) for action in decided.actions)
    said = f"In enforce mode, Drawbridge would now {would}."
    return NetworkPlan(Verdict(VerdictKind.AUDIT_ONLY, message=said), begun=seen.begun)


@dataclass(frozen=True, slots=True)
class _Case:
    seen: NetworkObserved
    wish: NetworkWish
    now: datetime
    timing: Timing

    def begun_lately(self, key: str) -> bool:
        since = self.seen.begun.get(key)
        return since is not None and self.now - since < _BEGUN_FOR

    def waiting(self, step: Step, *keys: str, actions: tuple[NetworkAction, ...] = ()) -> NetworkPlan:
        """Wait, longer and longer; what was begun and does not come for an hour is told as stuck."""
        begun = {key: self.seen.begun.get(key, self.now) for key in keys}
        waited = self.now - min(begun.values(), default=self.now)
        if waited > _STUCK_AFTER:
            message = f"It has been waited for since {min(begun.values()):%Y-%m-%d %H:%M} UTC: {step.value}."
            return NetworkPlan(Verdict(VerdictKind.BLOCKED, Reason.NETWORK_FAILED, message), begun=begun)
        base = self.timing.cache if step is Step.ZONING else self.timing.zone_group
        pause = min(max(base, waited / 2), base * _SLOWEST_LOOK)
        return NetworkPlan(Verdict(VerdictKind.CONVERGING, step=step, look_after=pause), actions, begun)

    def acting(self, step: Step, key: str, action: NetworkAction) -> NetworkPlan:
        """Begin something, unless it was begun so lately that a read may not show it yet."""
        return self.waiting(step, key, actions=() if self.begun_lately(key) else (action,))


def _decided(case: _Case) -> NetworkPlan:
    network = case.seen.network
    if network is None:
        return case.acting(Step.NETWORKING, _NETWORK, CreateNetwork(case.seen.id, case.wish))
    match network.readiness:
        case Readiness.READY:
            return _standing(case, network)
        case Readiness.BUSY | Readiness.DELETING:
            return case.waiting(Step.NETWORKING, _NETWORK)
        case Readiness.FAILED | Readiness.DISABLED:
            return _blocked(Reason.NETWORK_FAILED, "Azure says that the last operation on the network failed.")
        case other:
            assert_never(other)


def _standing(case: _Case, network: NetworkSeen) -> NetworkPlan:
    if network.region != case.wish.region:
        return _differs(f"The network is in {network.region}, and not in {case.wish.region}.")
    wanted = [ip_network(each) for each in case.wish.prefixes]
    space = [ip_network(each) for each in network.prefixes]
    missing = [each for each in wanted if not any(_inside(each, there) for there in space)]
    if clash := next(((each, s) for each in missing for s in space if each.overlaps(s)), None):
        return _differs(f"{clash[0]} is wider than {clash[1]}, which the network has: no prefix is taken back.")
    if missing:
        widening = WidenNetwork(network.id, tuple(map(str, missing)))
        return case.acting(Step.NETWORKING, "space", widening)
    return _with_subnet(case, network)


def _inside(one: IPv4Network | IPv6Network, other: IPv4Network | IPv6Network) -> bool:
    return isinstance(one, IPv4Network) and isinstance(other, IPv4Network) and one.subnet_of(other)


def _with_subnet(case: _Case, network: NetworkSeen) -> NetworkPlan:
    wish, subnet = case.wish, network.subnet(case.wish.subnet)
    wanted = ip_network(wish.subnet_prefix)
    if subnet is None:
        for other in network.subnets:
            if any(wanted.overlaps(ip_network(prefix)) for prefix in other.prefixes):
                return _differs(f"{wanted} overlaps subnet {other.name} ({', '.join(other.prefixes)}).")
        return case.acting(Step.NETWORKING, _SUBNET, CreateSubnet(network.id, wish))
    if wanted not in [ip_network(prefix) for prefix in subnet.prefixes]:
        return _differs(f"Subnet {subnet.name} is {', '.join(subnet.prefixes)}, and not {wanted}.")
    if subnet.delegated:
        return _blocked(Reason.SUBNET_DELEGATED, f"Subnet {subnet.name} is delegated to another service.")
    if subnet.readiness is not Readiness.READY:
        return case.waiting(Step.NETWORKING, _SUBNET)
    free = wanted.num_addresses - RESERVED - subnet.used
    if free < wish.endpoints and subnet.used < wish.endpoints:
        message = f"Subnet {subnet.name} has {free} free addresses, and {wish.endpoints} endpoints shall fit."
        return _blocked(Reason.SUBNET_FULL, message)
    return _with_zones(case, network, subnet)


def _with_zones(case: _Case, network: NetworkSeen, subnet: SubnetSeen) -> NetworkPlan:
    """Let every zone be there and linked before anything is attached: names must never lead nowhere."""
    parts = [_zone(case, network, each) for each in case.seen.zones]
    open_parts = [part for part in parts if part.verdict.kind is not VerdictKind.COMPLIANT]
    if not open_parts:
        return NetworkPlan(Verdict(VerdictKind.COMPLIANT, message=_comment(case, subnet)))
    blocked = next((part for part in open_parts if part.verdict.kind is VerdictKind.BLOCKED), open_parts[0])
    return NetworkPlan(
        blocked.verdict,
        tuple(action for part in open_parts for action in part.actions),
        {key: since for part in open_parts for key, since in part.begun.items()},
    )


def _zone(case: _Case, network: NetworkSeen, seen: ZoneSeen) -> NetworkPlan:
    if seen.exists and seen.linked:
        return NetworkPlan(Verdict(VerdictKind.COMPLIANT))
    if not seen.exists:
        return case.acting(Step.ZONING, f"zone:{seen.zone.name}", CreateZone(seen.zone))
    return case.acting(Step.ZONING, f"link:{seen.zone.name}", LinkZone(seen.zone, network.id))


def _comment(case: _Case, subnet: SubnetSeen) -> str:
    """Say what is there otherwise than asked for, and does no harm."""
    if not subnet.policies or subnet.policies.lower() == case.wish.policies.lower():
        return ""
    return f"Subnet {subnet.name} was there with network policies {subnet.policies}, and keeps them."


def _blocked(reason: Reason, message: str) -> NetworkPlan:
    return NetworkPlan(Verdict(VerdictKind.BLOCKED, reason, message))


def _differs(message: str) -> NetworkPlan:
    return _blocked(Reason.NETWORK_DIFFERS, message)


def in_words(action: NetworkAction) -> str:
    """Say what an action does, as the end of a sentence that begins with "Drawbridge would now"."""
    match action:
        case CreateNetwork(network, wish):
            return f"make network {network.name} ({', '.join(wish.prefixes)}) with subnet {wish.subnet}"
        case WidenNetwork(network, prefixes):
            return f"add {', '.join(prefixes)} to the address space of network {network.name}"
        case CreateSubnet(network, wish):
            return f"make subnet {wish.subnet} ({wish.subnet_prefix}) in network {network.name}"
        case CreateZone(zone):
            return f"make private DNS zone {zone.name} in resource group {zone.group}"
        case LinkZone(zone, network):
            return f"link {zone.name} in resource group {zone.group} to network {network.name}"
        case other:
            assert_never(other)
