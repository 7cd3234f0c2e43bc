"""Which exchanges count: those about types that Drawbridge, or who works beside it, reads or writes.

The rule is by type alone, so that nothing is chosen for how it goes; docs/emulator.md says it in words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tests.component.azure.recordings.cassettes import ANNOUNCING, Exchange, arm_path

_TOUCHED = re.compile(
    r"microsoft\.cache/(redis|redisenterprise)(/.*)?"
    r"|microsoft\.network/(privateendpoints|virtualnetworks|privatednszones|networkinterfaces)(/.*)?"
    r"|microsoft\.network/applicationsecuritygroups"
    r"|microsoft\.resources/(subscriptions(/(tagnames.*|resources))?|resourcegroups|tags)"
    r"|microsoft\.authorization/locks"
)
_OPERATION = re.compile(
    r"microsoft\.cache/locations/(asyncoperations|operationresults|operationsstatus)"
    r"|microsoft\.network/(locations/(operations|operationresults)|privatednsoperation(statuses|results))"
    r"|microsoft\.resources/operationresults"
)


def reasons(exchanges: Sequence[Exchange]) -> list[str]:
    """Say for each exchange of a recording why it does not count; nothing for one that does."""
    begun: dict[str, str] = {}
    said = []
    for exchange in exchanges:
        reason = _reason(exchange, begun)
        for name in ANNOUNCING:
            place = arm_path(exchange.headers.get(name, ""))
            if place is not None and place.key != exchange.key:
                begun.setdefault(place.key, reason)
        said.append(reason)
    return said


def is_poll(exchange: Exchange) -> bool:
    """Say whether a call asks how an operation is going."""
    return exchange.path is not None and _OPERATION.fullmatch(exchange.path.type) is not None


def _reason(exchange: Exchange, begun: dict[str, str]) -> str:
    if exchange.path is None:
        return "no call to a resource of Azure Resource Manager"
    kind = exchange.path.type
    if _OPERATION.fullmatch(kind):
        return begun.get(exchange.key, "the operation of a call that was not recorded")
    if _TOUCHED.fullmatch(kind):
        return ""
    return f"type {'/'.join(kind.split('/')[:2])}"
