"""What a caller has chosen about something asked for, as it is stored: texts by name. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.ids import InvalidIdError, NetworkId, SubnetId
from shared.model import DnsMode, EndpointOptions, Placement
from shared.policy import FreePlacement

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.model import Cache
    from shared.policy import PlacementRule, Policy, Request, RuleSpec

# Of an endpoint.
SUBNET, REGION = "subnet", "region"
_NAME, _NIC, _ADDRESS, _GROUPS, _MANUAL, _MESSAGE = "name", "nic", "address", "securityGroups", "manual", "message"
_LAST = "last"
# Of an exemption.
UNTIL, REASON, OWNER = "until", "reason", "owner"
# Of public access.
ACCESS = "publicNetworkAccess"
STATUS, DESCRIPTION, CONNECTED, SETTLED = "status", "description", "endpoint", "settled"
"""What is kept of a decision about a connection."""
_YES = "yes"
_BETWEEN = ","


def stored(options: EndpointOptions, subnet: SubnetId | None = None, region: str = "") -> dict[str, str]:
    """Write what a caller has chosen about an endpoint."""
    given = {
        SUBNET: str(subnet) if subnet else "",
        REGION: region,
        _NAME: options.name,
        _NIC: options.nic,
        _ADDRESS: options.address,
        _GROUPS: _BETWEEN.join(options.security_groups),
        _MANUAL: _YES if options.manual else "",
        _MESSAGE: options.message,
    }
    return {name: value for name, value in given.items() if value}


def options_of(given: Mapping[str, str]) -> EndpointOptions:
    """Undo ``stored``, but for the subnet."""
    groups = given.get(_GROUPS, "")
    return EndpointOptions(
        name=given.get(_NAME, ""),
        nic=given.get(_NIC, ""),
        address=given.get(_ADDRESS, ""),
        security_groups=tuple(groups.split(_BETWEEN)) if groups else (),
        manual=_MANUAL in given,
        message=given.get(_MESSAGE, ""),
    )


def withdrawing(given: Mapping[str, str], *, last: bool) -> dict[str, str]:
    """Add to what was chosen whether the endpoint may be the last one when it goes."""
    kept = {name: value for name, value in given.items() if name != _LAST}
    return kept | ({_LAST: _YES} if last else {})


def last_allowed(given: Mapping[str, str]) -> bool:
    """Tell whether the endpoint may be the last one when it goes."""
    return _LAST in given


def free_endpoint(given: Mapping[str, str], name: str) -> NetworkId | None:
    """Give the id of an endpoint in a subnet that a caller chose: it is beside the network."""
    subnet = _subnet(given)
    if subnet is None:
        return None
    group = subnet.network.group_id
    return NetworkId(group.subscription, group.group, "privateEndpoints", name)


def _subnet(given: Mapping[str, str]) -> SubnetId | None:
    try:
        return SubnetId.parse(given.get(SUBNET, ""))
    except InvalidIdError:
        return None


def free_placement(
    policy: Policy, rule: RuleSpec, cache: Cache, request: Request, found: frozenset[str]
) -> Placement | None:
    """Give the placement that a caller has made up of a subnet; None where the policy does not allow it (any more).

    The endpoint is made beside the network. Its names go where the policy's own placement for that region, or else for
    the cache's, has them go; where there is none, into a zone beside the network.
    """
    subnet = _subnet(request.options)
    if subnet is None:
        return None
    group = subnet.network.group_id
    if rule.free_placement is FreePlacement.DENIED or not policy.scope.admits_group(group, found):
        return None
    region = request.options.get(REGION, "")
    model = _nearest(policy, cache, region)
    dns = model.placement.dns if model else DnsMode.CREATE
    zones = model.placement.zones if model else {}
    return Placement(request.placement, region, subnet, group, dns, zones, options_of(request.options))


def _nearest(policy: Policy, cache: Cache, region: str) -> PlacementRule | None:
    fitting = [each for each in policy.placements.values() if each.open_to(cache.id)]
    for wanted in (region, cache.region):
        for each in fitting:
            if each.placement.region == wanted:
                return each
    return None
