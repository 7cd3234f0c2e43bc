"""Reads are the same for every type: one resource, or a page of a collection."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

from local.azure import errors
from local.azure.calls import Answer, Call, Json
from local.azure.errors import ArmError
from local.azure.paths import GROUP
from local.azure.store import Resource

if TYPE_CHECKING:
    from local.azure.world import World


def found(world: World, call: Call) -> Resource:
    """Find what the call names; raises ArmError as the gateway would for an absent group or resource."""
    resource = world.seen(call, call.path.text)
    if resource is None:
        raise missing(world, call)
    return resource


def missing(world: World, call: Call) -> ArmError:
    """Say what is not there: the group, the parent, or the resource itself."""
    if world.store.get(call.path.group_id) is None:
        return errors.group_not_found(call.path.group)
    # Recorded: of private DNS the gateway names the child, of other types the parent.
    nested = call.path.type.count("/") > 1 and not call.path.type.startswith("microsoft.network/privatednszones/")
    if nested and world.store.get(call.path.parent) is None:
        return errors.not_found(call.path.parent)
    return errors.not_found(call.path.text)


def require_group(world: World, call: Call) -> None:
    """Refuse a write below a group that is absent or on its way out."""
    group = world.store.get(call.path.group_id)
    if group is None:
        raise errors.group_not_found(call.path.group)
    if getattr(group, "state", "") == "Deleting":
        raise errors.group_deleting(group.name)


def get(world: World, call: Call) -> Answer:
    resource = found(world, call)
    body = resource.render()
    etag = body.get("etag")
    return Answer(HTTPStatus.OK, body, {"ETag": etag} if etag else {})


def listed(world: World, call: Call) -> Answer:
    """Answer a collection, page by page."""
    _require_scope(world, call)
    scope = _scope(call)
    token = call.query.get("$skiptoken", "0")
    if not token.isdigit():
        raise errors.bad_request(f"The skip token '{token}' is not valid.", "InvalidSkipToken")
    size = world.options.page_size
    items = world.store.page(scope, call.path.type, int(token), size + 1)
    shown = [world.seen(call, item.id) for item in items[:size]] if call.effects else items[:size]
    body: Json = {"value": [item.nested() for item in shown if item is not None]}
    if len(items) > size:
        body["nextLink"] = next_link(call, str(items[size - 1].serial))
    return Answer(HTTPStatus.OK, body)


def _scope(call: Call) -> str:
    """Give the id of what a collection is in, in lower case."""
    if call.path.type == GROUP or call.path.type.count("/") > 1:
        return call.path.parent.lower()
    return call.path.text.lower().split("/providers/", 1)[0]


def next_link(call: Call, token: str) -> str:
    """Give the absolute URL of the next page."""
    return f"{call.base_url}{quote(call.path.text)}?api-version={call.api_version}&$skipToken={token}"


def _require_scope(world: World, call: Call) -> None:
    if call.path.group and world.store.get(call.path.group_id) is None:
        raise errors.group_not_found(call.path.group)
    if call.path.type.count("/") > 1 and world.store.get(call.path.parent) is None:
        raise errors.not_found(call.path.parent)
