"""Application security groups: names that rules give to the addresses of endpoints."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from local.azure import errors
from local.azure.calls import Answer, Call, Json
from local.azure.network.common import VERSIONS, accepted, begin_delete, etag, shown, work
from local.azure.network.vnets import already_absent, check_name
from local.azure.reading import get, listed, require_group
from local.azure.routes import PAGED, Route
from local.azure.store import Resource

if TYPE_CHECKING:
    from local.azure.world import World

TYPE = "Microsoft.Network/applicationSecurityGroups"
_LONGEST = 80
_JOIN = "Microsoft.Network/applicationSecurityGroups/joinIpConfiguration/action"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityGroup(Resource):
    """One group; ``users`` are the ids of the endpoints in it."""

    type: str = TYPE
    region: str
    etag: str
    state: str = "Succeeded"
    users: frozenset[str] = frozenset()

    def render(self) -> Json:
        body: Json = {"name": self.name, "id": self.id, "etag": self.etag, "type": TYPE, "location": self.region}
        if self.tags:
            body["tags"] = dict(self.tags)
        return body | {"properties": {"provisioningState": self.state}}


def asked(world: World, call: Call, region: str) -> tuple[str, ...]:
    """Read ``properties.applicationSecurityGroups`` of an endpoint; raises ArmError where one cannot be joined."""
    found = []
    for item in call.properties.get("applicationSecurityGroups") or ():
        group = world.store.find(str(item.get("id") or ""), SecurityGroup)
        if group is None or group.region != region:
            raise errors.bad_reference(str(item.get("id") or ""), call.path.text)
        world.access.require_linked(call, "Microsoft.Network/privateEndpoints/write", _JOIN, group.id)
        found.append(group.id)
    return tuple(found)


def move(world: World, endpoint_id: str, left: tuple[str, ...], joined: tuple[str, ...]) -> None:
    """Let an endpoint leave these groups and join those."""
    for group_id in {*left, *joined}:
        group = world.store.find(group_id, SecurityGroup)
        if group is not None:
            users = group.users | {endpoint_id} if group_id in joined else group.users - {endpoint_id}
            world.put(replace(group, users=users))


def put(world: World, call: Call) -> Answer:
    require_group(world, call)
    check_name(call, _LONGEST)
    before = world.store.find(call.path.text, SecurityGroup)
    if not call.region:
        raise errors.bad_request("The location property is required for this definition.", "LocationRequired")
    group_id = before.id if before else f"{call.path.group_id}/providers/{TYPE}/{call.path.name}"
    group = SecurityGroup(
        id=group_id,
        region=call.region,
        etag=etag(world),
        state="Updating",
        tags=call.tags,
        users=before.users if before else frozenset(),
    )
    world.put(group)
    seconds = world.lasting(world.options.durations.security_group_write)
    job = replace(
        work(group.region, seconds, f"{TYPE}/write", group.id),
        finish=partial(_settle, world, group.id),
        created=before is None,
    )
    operation = world.begin(call, job)
    status = HTTPStatus.OK if before else HTTPStatus.CREATED
    return Answer(status, group.render(), accepted(world, call, operation, 10))


def _settle(world: World, group_id: str) -> None:
    group = world.store.find(group_id, SecurityGroup)
    if group is not None:
        world.put(replace(group, state="Succeeded", etag=etag(world)))


def delete(world: World, call: Call) -> Answer:
    group = world.store.find(call.path.text, SecurityGroup)
    if group is None:
        return already_absent(world, call)
    if group.users:
        raise errors.network_refusal(
            "InUseApplicationSecurityGroupCannotBeDeleted",
            f"Application security group {group.id} cannot be deleted because it is in use by {min(group.users)}.",
        )
    seconds = world.lasting(world.options.durations.security_group_delete)
    job = replace(work(group.region, seconds, f"{TYPE}/delete", group.id), finish=partial(_remove, world, group.id))
    return begin_delete(world, call, job)


def _remove(world: World, group_id: str) -> None:
    world.remove(group_id)


ROUTES = (Route(TYPE, TYPE, VERSIONS, shown({"GET": get, "LIST": listed, "PUT": put, "DELETE": delete}), PAGED),)
