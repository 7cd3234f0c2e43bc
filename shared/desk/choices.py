"""What a caller chooses about an endpoint: held to Azure's rules and to the policy before anything is stored."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from shared.api.errors import RefusedError
from shared.ids import InvalidIdError, NetworkId, SubnetId
from shared.model import EndpointOptions
from shared.policy import FreePlacement
from shared.wishes import stored

if TYPE_CHECKING:
    from shared.api.shapes.endpoints import EndpointWish
    from shared.desk.desk import Desk
    from shared.model import Cache
    from shared.policy import Policy

_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


async def chosen(desk: Desk, cache: Cache, alias: str, wish: EndpointWish) -> dict[str, str]:
    """Give what is to be stored of a wish; raises RefusedError and ArmError."""
    options = _options(wish)
    rule = desk.reconciler.policy.placements.get(alias)
    if rule is None:
        subnet, region = await _free(desk, cache, alias, wish)
        return stored(options, subnet, region)
    if not rule.open_to(cache.id):
        raise RefusedError(f"placement '{alias}' is not for this cache's subscription or group", "placement")
    if wish.subnet and _subnet(wish.subnet) != rule.placement.subnet:
        raise RefusedError(f"placement '{alias}' of the policy is another subnet: {rule.placement.subnet}", "subnet")
    return stored(options)


def _options(wish: EndpointWish) -> EndpointOptions:
    if wish.request_message and not wish.manual_approval:
        raise RefusedError("requestMessage is for the one who approves: it needs manualApproval", "requestMessage")
    groups = tuple(str(_security_group(text, n)) for n, text in enumerate(wish.application_security_groups))
    return EndpointOptions(
        name=wish.endpoint_name.lower(),
        nic=wish.network_interface_name,
        address=_address(wish.ip_address),
        security_groups=groups,
        manual=wish.manual_approval,
        message=wish.request_message,
    )


def _address(text: str) -> str:
    if not text:
        return ""
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError as error:
        raise RefusedError(f"ipAddress is '{text}'; it would have to look like 10.1.2.3", "ipAddress") from error
    if not address.is_private or address.is_loopback or address.is_link_local or address.is_unspecified:
        raise RefusedError(f"ipAddress is '{text}', which is no private address", "ipAddress")
    return str(address)


def _security_group(text: str, index: int) -> NetworkId:
    try:
        return NetworkId.parse(text, "applicationSecurityGroups")
    except InvalidIdError as error:
        raise RefusedError(str(error), f"applicationSecurityGroups[{index}]") from error


async def _free(desk: Desk, cache: Cache, alias: str, wish: EndpointWish) -> tuple[SubnetId, str]:
    """Check a subnet that the policy has no placement for, and say in which region it is."""
    policy = desk.reconciler.policy
    if not wish.subnet:
        raise _unknown(policy, alias)
    if not _ALIAS.fullmatch(alias):
        raise RefusedError(f"'{alias[:63]}' is no placement's name: 1–63 letters, digits and - _ .", "placement")
    if twin := next((each for each in policy.placements if each.lower() == alias.lower()), None):
        raise RefusedError(f"'{alias}' differs in case alone from placement '{twin}' of the policy", "placement")
    rule = policy.rule_for(cache)
    if rule is None or rule.free_placement is FreePlacement.DENIED:
        raise RefusedError("the policy's rule for this cache does not let callers choose a subnet", "subnet")
    subnet = _subnet(wish.subnet)
    in_scope = policy.scope.admits_group(subnet.network.group_id, await desk.reconciler.found())
    region = await desk.reconciler.arm.network.region_of(subnet) if in_scope else None
    if region is None:
        raise RefusedError(f"subnet {subnet} was not found, or is out of scope", "subnet")
    return subnet, region


def _subnet(text: str) -> SubnetId:
    try:
        return SubnetId.parse(text)
    except InvalidIdError as error:
        raise RefusedError(str(error), "subnet") from error


def _unknown(policy: Policy, alias: str) -> RefusedError:
    known = ", ".join(policy.placements) or "none"
    return RefusedError(f"'{alias[:63]}' is not a placement of the policy, which has: {known}", "placement")
