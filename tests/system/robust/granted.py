"""What a deployment lets the app do: each role at the scopes at which infra/main.bicep assigns it, and no further."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence

from local import fleet
from local.azure.access import Grant
from tests.unit.infra.bicep import INFRA, Declaration, read

Right = tuple[str, str]
"""A role's id, and one of its actions."""
ROLES = {path.stem: path for path in sorted((INFRA / "roles").glob("*.json"))}
HUBS = [f"/subscriptions/{fleet.HUB}/resourceGroups/rg-hub-{short}" for short in fleet.REGIONS]
FLEET: dict[str, Sequence[str]] = {
    "watchedSubscriptions": [fleet.APPS],
    "endpointResourceGroups": HUBS,
    "subnets": [fleet.subnet_id(short) for short in fleet.REGIONS],
    "dnsZones": [fleet.zone_id(zone) for zone in fleet.ZONES],
}
"""Parameters of main.bicep for the fleet's caches and its placements."""


def rights(roles: Iterable[str]) -> list[Right]:
    """Give every action of these roles."""
    return [(role, action) for role in roles for action in _actions(role)]


def deployed(parameters: dict[str, Sequence[str]], without: Right | None = None) -> tuple[Grant, ...]:
    """Give what a deployment with these parameters of main.bicep grants, but for one action of one role."""
    return tuple(
        Grant(frozenset(_actions(role)) - ({without[1]} if without and without[0] == role else set()), scope)
        for role, scope in assigned(parameters)
    )


def assigned(parameters: dict[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    """Give which role is assigned at which scope, as main.bicep has it."""
    unknown = set(parameters)
    for module in read(INFRA / "main.bicep").of("module"):
        if module.type.startswith("roles/at-"):
            loop, role = _loop(module), _role(module)
            unknown.discard(loop)
            prefix = "/subscriptions/" if module.type == "roles/at-subscription.bicep" else ""
            yield from ((role, f"{prefix}{each}") for each in parameters.get(loop, ()))
    assert not unknown, f"no role of main.bicep is assigned by {unknown}"


def _loop(module: Declaration) -> str:
    found = re.match(r"for id in (\w+) ", module.modifier)
    assert found, module
    return {"watched": "watchedSubscriptions"}.get(found[1], found[1])


def _role(module: Declaration) -> str:
    found = re.search(r"roles\.outputs\.(\w+)", module.value["params"]["roleDefinitionId"])
    assert found, module
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", found[1]).lower()


def _actions(role: str) -> list[str]:
    return [each["action"] for each in json.loads(ROLES[role].read_text("utf-8"))["actions"]]
