"""What a caller chooses about an endpoint: held to Azure's rules and to the policy before anything is stored."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from shared.api.errors import RefusedError
from shared.arm.errors import ArmError
from shared.ids import InvalidIdError, NetworkId, SubnetId
from shared.model import EndpointOptions, Reason
from shared.policy import FreePlacement
from shared.wishes import stored

if TYPE_CHECKING:
    from shared.api.calls import Call
    from shared.api.shapes.endpoints import EndpointWish
    from shared.desk.desk import Desk
    from shared.model import Cache
    from shared.networking import NetworkSeen
    from shared.policy import Policy

_KEPT = 4
_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


def placement_of(call: Call) -> str:
    """Read the placement that a path names, known or not; raises RefusedError for what can be none's name."""
    alias = call.part("placement")
    if not _ALIAS.fullmatch(alias):
        raise RefusedError(f"'{alias[:63]}' is no placement's name: 1–63 letters, digits and - _ .", "placement")
    return alias


async def chosen(desk: Desk, cache: Cache, alias: str, wish: EndpointWish) -> dict[str, str]:
    """Give what is to be stored of a wish; raises RefusedError and ArmError."""
    options = _options(wish)
    rule = desk.reconciler.policy.placements.get(alias)
    if rule is None:
        subnet, network = await _free(desk, cache, alias, wish)
        if options.address:
            _insist_on_room(options.address, network, subnet)
        return stored(options, subnet, network.region)
    if not rule.open_to(cache.id):
        raise RefusedError(f"placement '{alias}' is not for this cache's subscription or group", "placement")
    if wish.subnet and _subnet(wish.subnet) != rule.placement.subnet:
        raise RefusedError(f"placement '{alias}' of the policy is another subnet: {rule.placement.subnet}", "subnet")
    if options.address:
        _insist_on_room(options.address, await _network(desk, rule.placement.subnet), rule.placement.subnet)
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


async def _network(desk: Desk, subnet: SubnetId) -> NetworkSeen | None:
    """Read the network of the policy's own subnet; None where that is not ours to read, or it is gone."""
    try:
        return await desk.reconciler.arm.networks.get(subnet.network)
    except ArmError as error:
        if error.reason is Reason.PERMISSION_DENIED:
            return None
        raise


def _insist_on_room(text: str, network: NetworkSeen | None, subnet: SubnetId) -> None:
    """Refuse an address that the subnet does not have, or that Azure keeps: the first four of a prefix and its last."""
    seen = network.subnet(subnet.name) if network else None
    if seen is None:
        return
    address = ipaddress.IPv4Address(text)
    for prefix in seen.prefixes:
        whole = ipaddress.ip_network(prefix, strict=False)
        if isinstance(whole, ipaddress.IPv4Network) and whole[0] + _KEPT <= address < whole[-1]:
            return
    raise RefusedError(f"ipAddress is '{text}', which is none of subnet {', '.join(seen.prefixes)}", "ipAddress")


async def _free(desk: Desk, cache: Cache, alias: str, wish: EndpointWish) -> tuple[SubnetId, NetworkSeen]:
    """Check a subnet that the policy has no placement for, and give its network."""
    policy = desk.reconciler.policy
    if not wish.subnet:
        raise _unknown(policy, alias)
    if twin := next((each for each in policy.placements if each.lower() == alias.lower()), None):
        raise RefusedError(f"'{alias}' differs in case alone from placement '{twin}' of the policy", "placement")
    rule = policy.rule_for(cache)
    if rule is None or rule.free_placement is FreePlacement.DENIED:
        raise RefusedError("the policy's rule for this cache does not let callers choose a subnet", "subnet")
    subnet = _subnet(wish.subnet)
    in_scope = policy.scope.admits_group(subnet.network.group_id, await desk.reconciler.found())
    network = await desk.reconciler.arm.networks.get(subnet.network) if in_scope else None
    if network is None or network.subnet(subnet.name) is None:
        raise RefusedError(f"subnet {subnet} was not found, or is out of scope", "subnet")
    return subnet, network


def _subnet(text: str) -> SubnetId:
    try:
        return SubnetId.parse(text)
    except InvalidIdError as error:
        raise RefusedError(str(error), "subnet") from error


def _unknown(policy: Policy, alias: str) -> RefusedError:
    known = ", ".join(policy.placements) or "none"
    return RefusedError(f"'{alias[:63]}' is not a placement of the policy, which has: {known}", "placement")
