"""Say in words what a policy will do, and what in it deserves a second thought. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, assert_never

from shared.model import DnsMode, LastEndpoint, Mode
from shared.policy import Close, Enrol, FreePlacement, OptOut

if TYPE_CHECKING:
    from shared.policy import MatchSpec, PlacementRule, Policy, RuleSpec


def explained(policy: Policy) -> list[str]:
    """Give the sentences, in the order in which a reader asks: what, where, for whom, how far."""
    lines = [_mode(policy), _scope(policy)]
    for number, rule in enumerate(policy.spec.rules, 1):
        lines.append(f"Rule {number}: {_rule(policy, rule)}")
    lines += [_placement(rule) for rule in policy.placements.values()]
    lines += [_networks(policy)] if policy.networks.allow else []
    return [*lines, _brakes(policy), _exemptions(policy)]


def _mode(policy: Policy) -> str:
    if policy.spec.mode is Mode.ENFORCE:
        return "Mode enforce: Drawbridge acts, except where a rule says audit."
    if any(rule.mode is Mode.ENFORCE for rule in policy.spec.rules):
        return "Mode audit: Drawbridge only reports, except where a rule says enforce."
    return "Mode audit: Drawbridge looks and reports, and changes nothing in Azure."


def _scope(policy: Policy) -> str:
    scope = policy.scope
    parts = ["every subscription that its identity can read"] if scope.everything else []
    parts += [f"{len(scope.subscriptions)} subscription(s) by id"] if scope.subscriptions else []
    parts += [f"all below {name}" for name in scope.management_groups]
    but = [f"{len(scope.excluded)} excluded subscription(s)"] if scope.excluded else []
    but += [f"resource groups named {pattern}" for pattern in scope.excluded_groups]
    return f"In scope: {', '.join(parts)}{', but for ' + ', '.join(but) if but else ''}."


def _rule(policy: Policy, rule: RuleSpec) -> str:
    acts = "" if rule.mode is None or rule.mode is policy.spec.mode else f" This rule's mode is {rule.mode.value}."
    more = f"{_opts_out(policy, rule)}{_frees(rule)}"
    return f"{_whom(rule.match)}, {_enrols(policy, rule)} {_closes(rule)} {_loses(rule)}{more}{acts}"


def _whom(match: MatchSpec) -> str:
    kinds = "/".join(kind.value for kind in match.kinds)
    parts = [f"kind {kinds}"] if kinds else []
    parts += [f"in region {', '.join(match.regions)}"] if match.regions else []
    parts += [f"in subscription {', '.join(match.subscriptions)}"] if match.subscriptions else []
    parts += [f"in resource groups named {', '.join(match.resource_groups)}"] if match.resource_groups else []
    parts += [f"tagged {name} = {value}" for name, value in match.tags.items()]
    return f"for caches {' and '.join(parts)}" if parts else "for every cache"


def _enrols(policy: Policy, rule: RuleSpec) -> str:
    match rule.enrol:
        case Enrol.TAGGED:
            return f"one that is tagged {policy.spec.tags.enrol} = private, or asked for over HTTP, gets an endpoint;"
        case Enrol.ALL:
            return "each gets an endpoint;"
        case Enrol.NONE:
            return "none gets an endpoint;"
        case other:
            assert_never(other)


def _closes(rule: RuleSpec) -> str:
    match rule.close_public_access:
        case Close.ENROLLED:
            return "public access is Disabled on those, once their endpoint works."
        case Close.ALL:
            return "public access is Disabled on all that have a working endpoint."
        case Close.NONE:
            return "public access is left as it is."
        case other:
            assert_never(other)


def _loses(rule: RuleSpec) -> str:
    match rule.last_endpoint:
        case LastEndpoint.REATTACH:
            return "One that loses its last endpoint is closed at once, and attached again."
        case LastEndpoint.LOCKDOWN:
            return "One that loses its last endpoint is closed at once, and stays closed until somebody asks."
        case LastEndpoint.OPEN:
            return "One that loses its last endpoint is OPENED to the public, so that it stays reachable."
        case other:
            assert_never(other)


def _opts_out(policy: Policy, rule: RuleSpec) -> str:
    return f" A tag {policy.spec.tags.enrol} = ignore takes a cache out." if rule.opt_out is OptOut.ALLOWED else ""


def _frees(rule: RuleSpec) -> str:
    allowed = rule.free_placement is FreePlacement.ALLOWED
    return " A caller of the API may choose any subnet in scope." if allowed else ""


def _placement(rule: PlacementRule) -> str:
    placement = rule.placement
    match placement.dns:
        case DnsMode.ZONES:
            dns = f"names go into the zones {', '.join(placement.zones)}"
        case DnsMode.CREATE:
            dns = "Drawbridge makes the private DNS zone beside the network"
        case DnsMode.EXTERNAL:
            dns = "somebody else makes the DNS zone group, and Drawbridge waits for it"
        case other:
            assert_never(other)
    whom = "for some caches only" if rule.particular else "for every cache"
    subnet = f"{placement.subnet.network.name}/{placement.subnet.name}"
    return f"Placement {placement.name}: subnet {subnet} in {placement.region}, {whom}; {dns}."


def _networks(policy: Policy) -> str:
    where = ", ".join(policy.networks.allow)
    zones = ", ".join(policy.networks.zones) or "none but those of the placements"
    return f"Networks may be made and completed over HTTP in {where}; zones of a hub to link them to: {zones}."


def _brakes(policy: Policy) -> str:
    guards = policy.spec.safeguards
    return (
        f"At most {guards.closures_per_hour} caches of a subscription are closed for the first time in an hour; after "
        f"{guards.reattach_limit} repairs of one cache within {guards.window} it counts as contested."
    )


def _exemptions(policy: Policy) -> str:
    bounds = policy.spec.exemptions
    if not bounds.max_days:
        return "No tag and no Admin can exempt a cache for longer than today."
    reason = ", with a reason" if bounds.require_reason else ""
    days = f"{bounds.max_days} days{reason}"
    return f"A tag, or an Admin through the API, can exempt a cache from being closed for up to {days}."


def warnings(policy: Policy) -> list[str]:
    """Give what is valid, and perhaps not what was meant."""
    return list(_warnings(policy))


def _warnings(policy: Policy) -> Iterator[str]:
    rules = policy.spec.rules
    if not policy.placements and any(rule.enrol is not Enrol.NONE for rule in rules):
        yield "There is no placement: a cache that is enrolled will be Blocked(PlacementMissing)."
    for number, rule in enumerate(rules, 1):
        if rule.close_public_access is Close.ALL and rule.enrol is not Enrol.ALL:
            yield (
                f"Rule {number} closes caches that it does not enrol: one without an endpoint of its own will be "
                "Blocked(NoPrivateWay), and stays open."
            )
        if rule.last_endpoint is LastEndpoint.OPEN:
            yield f"Rule {number} opens a cache to the public when its last endpoint is deleted, by whomever."
    if not policy.safeguards.closures_per_hour and _acts(policy):
        yield "safeguards.closuresPerHour is 0: no cache that was never closed will ever be closed or attached."
    for alias, placement in policy.placements.items():
        if placement.placement.dns is DnsMode.ZONES and not placement.placement.zones:
            yield f"Placement {alias} names no zone."


def _acts(policy: Policy) -> bool:
    return policy.spec.mode is Mode.ENFORCE or any(rule.mode is Mode.ENFORCE for rule in policy.spec.rules)
