"""Every resource of a subscription or group in one list, whatever its type, as far as ARM itself knows it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

from local.azure import errors
from local.azure.calls import Answer, Call, Json
from local.azure.paths import RESOURCES
from local.azure.reading import next_link
from local.azure.resources import VERSIONS
from local.azure.routes import PAGED, Route
from local.azure.store import Resource

if TYPE_CHECKING:
    from local.azure.world import World

_NAME = "Microsoft.Resources/subscriptions/resources"
_TERM = re.compile(r"(\w+) eq '([^']*)'")
_SHOWN = ("sku", "kind", "identity", "zones", "managedBy", "systemData")
_EXPANDS = frozenset({"createdtime", "changedtime", "provisioningstate"})


def list_resources(world: World, call: Call) -> Answer:
    """List what the filter lets through, page by page; of what a tag was asked for, the tags are left out."""
    if call.path.group and world.store.get(call.path.group_id) is None:
        raise errors.group_not_found(call.path.group)
    wanted = _terms(call.query.get("$filter", ""))
    expanded = set(filter(None, call.query.get("$expand", "").lower().split(",")))
    if strange := expanded - _EXPANDS:
        raise errors.not_emulated(f"$expand={min(strange)} of a list of resources")
    scope = call.path.group_id if call.path.group else f"/subscriptions/{call.path.subscription}"
    after, size = _after(call), int(call.query.get("$top", world.options.page_size))
    items = [item for item in world.store.within(scope) if item.serial > after and _is_own(item)]
    found = [item for item in sorted(items, key=lambda item: item.serial) if _fits(item, wanted)]
    body: Json = {"value": [_brief(item, tags="tagname" not in wanted) for item in found[:size]]}
    if "provisioningstate" in expanded:
        body["value"] = [shown | _state(item) for item, shown in zip(found, body["value"], strict=False)]
    if len(found) > size:
        kept = "".join(f"&{name}={quote(call.query[name])}" for name in ("$filter", "$expand") if name in call.query)
        body["nextLink"] = next_link(call, str(found[size - 1].serial)) + kept
    return Answer(HTTPStatus.OK, body)


def _after(call: Call) -> int:
    token = call.query.get("$skiptoken", "0")
    if not token.isdigit():
        raise errors.bad_request(f"The skip token '{token}' is not valid.", "InvalidSkipToken")
    return int(token)


def _is_own(resource: Resource) -> bool:
    """Say whether ARM lists it: what is inside another resource, or locks one, is not."""
    return resource.type.count("/") == 1 and "/providers/" in resource.id and resource.id.count("/providers/") == 1


def _terms(text: str) -> Mapping[str, str]:
    """Read ``a eq 'x' and b eq 'y'``; raises ArmError (501) for anything else."""
    terms = {name.lower(): value for name, value in _TERM.findall(text)}
    known = " and ".join(f"{name} eq '{value}'" for name, value in _TERM.findall(text)) == text.strip()
    unknown = terms.keys() - _FILTERS.keys()
    if not known or unknown:
        raise errors.not_emulated(f'the filter "{text}" of a list of resources')
    return terms


_FILTERS: Mapping[str, Callable[[Resource], list[str]]] = {
    "resourcegroup": lambda item: [item.group_id.rsplit("/", 1)[-1]],
    "name": lambda item: [item.name],
    "resourcetype": lambda item: [item.type],
    "location": lambda item: [str(item.render().get("location", "")).replace(" ", "")],
    "tagname": lambda item: list(item.tags),
    "tagvalue": lambda item: list(item.tags.values()),
}


def _fits(item: Resource, wanted: Mapping[str, str]) -> bool:
    if "tagvalue" in wanted and "tagname" in wanted:
        named = {name.lower(): value for name, value in item.tags.items()}
        if named.get(wanted["tagname"].lower()) != wanted["tagvalue"]:
            return False
    return all(value.lower() in {held.lower() for held in _FILTERS[name](item)} for name, value in wanted.items())


def _brief(item: Resource, *, tags: bool) -> Json:
    shown = item.render()
    body: Json = {"id": item.id, "name": item.name, "type": item.type}
    body |= {name: shown[name] for name in _SHOWN if name in shown}
    if "location" in shown:
        body["location"] = str(shown["location"]).replace(" ", "").lower()
    return {**body, "tags": dict(item.tags)} if tags and "tags" in shown else body


def _state(item: Resource) -> Json:
    state = item.render().get("properties", {}).get("provisioningState")
    return {"provisioningState": state} if state else {}


ROUTES = (
    Route(
        RESOURCES,
        _NAME,
        VERSIONS | {"2015-11-01"},
        {"LIST": list_resources},
        PAGED | {"$filter", "$expand", "$top"},
    ),
)
