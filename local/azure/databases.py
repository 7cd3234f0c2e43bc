"""A cluster has a database, which may be linked with those of other clusters: active geo-replication."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from local.azure import errors, operations
from local.azure.calls import Answer, Call, Json
from local.azure.redisenterprise import FLAG_SINCE, VERSIONS, begin, parent, work
from local.azure.redisenterprise import TYPE as CLUSTER
from local.azure.routes import PAGED, Route
from local.azure.store import Resource

if TYPE_CHECKING:
    from local.azure.errors import ArmError
    from local.azure.operations import Work
    from local.azure.redisenterprise import Cluster
    from local.azure.world import World

TYPE = f"{CLUSTER}/databases"
PORT = 10000
# Only this api-version shows what clients are told of changes to keys.
_NOTIFIES = "2025-05-01-preview"
# Each with the version that is named while the database is made, and the one that it has then.
_MODULES = {
    "RedisBloom": ("2.2.4", "2.8.6"),
    "RedisTimeSeries": ("1.4.8", "1.12.5"),
    "RediSearch": ("2.0.6", "2.10.13"),
    "RedisJSON": ("1.0.8", "2.8.8"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Database(Resource):
    """One database. ``linked`` are the ids of all databases of its geo-replication group ``nickname``, its own too.

    ``unlinking`` are those that are being thrown out of the group. ``secret`` are its keys, once somebody listed them.
    """

    type: str = TYPE
    state: str = "Succeeded"
    resource_state: str = "Running"
    nickname: str = ""
    linked: tuple[str, ...] = ()
    unlinking: frozenset[str] = frozenset()
    secret: Json | None = None
    extra: Json = field(default_factory=dict)

    def render(self) -> Json:
        properties: Json = {
            "clientProtocol": "Encrypted",
            "port": PORT,
            "provisioningState": self.state,
            "resourceState": self.resource_state,
            "clusteringPolicy": "OSSCluster",
            "evictionPolicy": "VolatileLRU",
        }
        if self.nickname:
            links = [{"id": linked, "state": self._link_state(linked)} for linked in self.linked]
            properties["geoReplication"] = {"linkedDatabases": links, "groupNickname": self.nickname}
        properties |= {"deferUpgrade": "NotDeferred", "redisVersion": "7.4", "accessKeysAuthentication": "Disabled"}
        properties |= self.extra
        if "modules" in properties:
            properties["modules"] = [self._module(module) for module in properties["modules"]]
        return {"name": self.name, "id": self.id, "type": TYPE, "properties": properties}

    def _module(self, module: Json) -> Json:
        made, running = _MODULES[module["name"]]
        return {**module, "version": made if self.state == "Creating" else running}

    def _link_state(self, linked: str) -> str:
        if linked.lower() in self.unlinking:
            return "Unlinking"
        return "Linking" if self.state == "Creating" else "Linked"


def put(world: World, call: Call) -> Answer:
    """Make the database, or change it; a new one that names others is linked with them at the end."""
    cluster = parent(world, call)
    if cluster.state != "Succeeded":
        raise errors.busy(cluster.id)
    before = world.store.find(call.path.text, Database)
    if before is not None and before.state != "Succeeded":
        raise errors.busy(before.id)
    what = "Updating" if before else "Creating"
    during = replace(_wanted(call, cluster, before), state=what, resource_state=what)
    world.put(during)
    job = _job(world, call, cluster, during)
    job = replace(job, finish=partial(_written, world, during.id), fail=partial(_failed, world, during.id, what))
    headers = begin(world, call, replace(job, created=before is None))
    return Answer(HTTPStatus.OK if before else HTTPStatus.CREATED, _shown(call, during), headers)


def _shown(call: Call, database: Resource) -> Json:
    """Give the JSON in the call's api-version."""
    body = database.render()
    if call.api_version == _NOTIFIES:
        body["properties"].setdefault("keySpaceNotification", "")
    return body


def _job(world: World, call: Call, cluster: Cluster, database: Database) -> Work:
    verb = "delete" if call.method == "DELETE" else "write"
    durations = world.options.durations
    spread = durations.database_delete if verb == "delete" else durations.database_write
    return replace(work(world, cluster, f"databases/{verb}", spread), subject=database.id)


def _wanted(call: Call, cluster: Cluster, before: Database | None) -> Database:
    given = {name: value for name, value in call.properties.items() if value is not None}
    geo = given.pop("geoReplication", None) or {}
    if "modules" in given:
        given["modules"] = [_module(module) for module in given["modules"]]
    # Recorded: until 2025-07-01 keys were in use unless somebody said otherwise.
    keys = {"accessKeysAuthentication": "Enabled"} if call.api_version < FLAG_SINCE else {}
    held = before or Database(id=f"{cluster.id}/databases/{call.path.name}", extra=keys)
    return replace(
        held,
        extra={**held.extra, **given},
        nickname=str(geo.get("groupNickname") or held.nickname),
        linked=tuple(str(link["id"]) for link in geo.get("linkedDatabases") or ()) or held.linked,
    )


def _module(given: Json) -> Json:
    name = str(given.get("name"))
    if name not in _MODULES:
        raise errors.bad_request(f"The module '{name}' is not valid. Valid modules: {', '.join(_MODULES)}.")
    return {"name": name, "args": given.get("args") or ""}


def _written(world: World, database_id: str) -> None:
    database = world.store.find(database_id, Database)
    if database is None:
        return
    world.put(replace(database, state="Succeeded", resource_state="Running"))
    for linked in database.linked:
        other = world.store.find(linked, Database)
        if other is not None:
            world.put(replace(other, nickname=database.nickname, linked=database.linked))


def _failed(world: World, database_id: str, what: str, _: ArmError) -> None:
    database = world.store.find(database_id, Database)
    failed = {"Creating": "CreateFailed", "Updating": "UpdateFailed", "Deleting": "DeleteFailed"}[what]
    if database is not None:
        world.put(replace(database, state="Failed", resource_state=failed))


def get(world: World, call: Call) -> Answer:
    parent(world, call)
    database = world.seen(call, call.path.text)
    if database is None:
        raise errors.enterprise_child_not_found(call.correlation_id, world.wall)
    return Answer(HTTPStatus.OK, _shown(call, database))


def list_databases(world: World, call: Call) -> Answer:
    cluster = parent(world, call)
    value = [_shown(call, item) for item in world.store.children(cluster.id) if isinstance(item, Database)]
    return Answer(HTTPStatus.OK, {"value": value})


def delete(world: World, call: Call) -> Answer:
    cluster = parent(world, call)
    database = world.store.find(call.path.text, Database)
    if database is None:
        return Answer(HTTPStatus.NO_CONTENT)
    leaving = replace(database, state="Deleting", resource_state="Deleting")
    world.put(leaving)
    job = _job(world, call, cluster, database)
    job = replace(
        job, finish=partial(_vanish, world, database.id), fail=partial(_failed, world, database.id, "Deleting")
    )
    return Answer(HTTPStatus.ACCEPTED, _shown(call, leaving), begin(world, call, job))


def _vanish(world: World, database_id: str) -> None:
    for assignment in world.store.children(database_id):
        world.remove(assignment.id)
    world.remove(database_id)
    unlink(world, database_id)


def unlink(world: World, database_id: str) -> None:
    """Take a database that is gone out of its group: the others go on among themselves."""
    gone = database_id.lower()
    for other in world.store.of(Database):
        left = tuple(linked for linked in other.linked if linked.lower() != gone)
        if left != other.linked:
            world.put(replace(other, linked=left))


# Actions


def _acted_on(world: World, call: Call) -> Database:
    """Find the database that an action is on, ready for it."""
    parent(world, call)
    database = world.store.find(call.path.text, Database)
    if database is None:
        raise errors.enterprise_child_not_found(call.correlation_id, world.wall)
    if database.state != "Succeeded":
        raise errors.busy(database.id)
    return database


def list_keys(world: World, call: Call) -> Answer:
    return Answer(HTTPStatus.OK, _keys(world, _acted_on(world, call)))


def regenerate_key(world: World, call: Call) -> Answer:
    database = _acted_on(world, call)
    kind = str((call.body or {}).get("keyType"))
    if kind not in {"Primary", "Secondary"}:
        raise errors.bad_request(f"The value '{kind}' of 'keyType' is not valid. Valid values: 'Primary', 'Secondary'.")
    keys = {**_keys(world, database), f"{kind.lower()}Key": secrets.token_urlsafe(32)}
    world.put(replace(database, secret=keys))
    world.emit(call, f"{TYPE}/regenerateKey/action", database.id)
    return Answer(HTTPStatus.OK, keys)


def _keys(world: World, database: Database) -> Json:
    """Give the keys of a database, made up when somebody asks first; they open nothing."""
    if database.secret is not None:
        return dict(database.secret)
    keys = {name: secrets.token_urlsafe(32) for name in ("primaryKey", "secondaryKey")}
    world.put(replace(database, secret=keys))
    return keys


def force_unlink(world: World, call: Call) -> Answer:
    """Throw databases out of the group: they are Unlinking until it is done, and the others go on."""
    database = _acted_on(world, call)
    gone = frozenset(str(linked).lower() for linked in (call.body or {}).get("ids") or ())
    strange = gone - {linked.lower() for linked in database.linked}
    if strange or not gone:
        raise errors.bad_request(f"The databases '{', '.join(sorted(strange))}' are not linked with '{database.id}'.")
    during = replace(database, unlinking=gone)
    world.put(during)

    def finish() -> None:
        for linked in gone:
            unlink(world, linked)
            out = world.store.find(linked, Database)
            if out is not None:
                world.put(replace(out, nickname="", linked=()))
        current = world.store.find(database.id, Database)
        if current is not None:
            world.put(replace(current, unlinking=frozenset()))

    job = replace(_job(world, call, parent(world, call), during), finish=finish, action=f"{TYPE}/forceUnlink/action")
    return Answer(HTTPStatus.ACCEPTED, _shown(call, during), begin(world, call, job))


# Access policy assignments


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment(Resource):
    """One access policy assignment: who may use the database by which policy."""

    type: str = f"{TYPE}/accessPolicyAssignments"
    policy: str
    object_id: str
    state: str = "Succeeded"

    def render(self) -> Json:
        user = {"objectId": self.object_id}
        properties = {"accessPolicyName": self.policy, "user": user, "provisioningState": self.state}
        return {"properties": properties, "id": self.id, "name": self.name, "type": self.type}


def _database_of(world: World, call: Call) -> tuple[Cluster, Database]:
    cluster = parent(world, replace(call, path=replace(call.path, text=call.path.parent, is_list=False)))
    database = world.store.find(call.path.parent, Database)
    if database is None:
        raise errors.enterprise_child_not_found(call.correlation_id, world.wall)
    return cluster, database


def get_assignment(world: World, call: Call) -> Answer:
    _database_of(world, call)
    assignment = world.seen(call, call.path.text)
    if assignment is None:
        # Recorded: the one answer without an error code.
        return errors.problem(call.correlation_id, HTTPStatus.NOT_FOUND)
    return Answer(HTTPStatus.OK, assignment.render())


def list_assignments(world: World, call: Call) -> Answer:
    _, database = _database_of(world, call)
    return Answer(HTTPStatus.OK, {"value": [item.render() for item in world.store.children(database.id)]})


def put_assignment(world: World, call: Call) -> Answer:
    cluster, database = _database_of(world, call)
    policy = str(call.properties.get("accessPolicyName") or "")
    object_id = str((call.properties.get("user") or {}).get("objectId") or "")
    if policy != "default" or not object_id:
        raise errors.bad_request("An assignment needs the accessPolicyName 'default' and a user with an objectId.")
    during = Assignment(
        id=f"{database.id}/accessPolicyAssignments/{call.path.name}",
        policy=policy,
        object_id=object_id,
        state="Creating",
    )
    world.put(during)
    job = _assignment_job(world, cluster, during, "write")
    job = replace(job, finish=partial(_settle, world, during.id, "Succeeded"), created=True)
    job = replace(job, fail=lambda _: _settle(world, during.id, "Failed"))
    headers = {**begin(world, call, job), "Location": operations.plain_url(call)}
    return Answer(HTTPStatus.CREATED, during.render(), headers)


def delete_assignment(world: World, call: Call) -> Answer:
    cluster, _ = _database_of(world, call)
    assignment = world.store.find(call.path.text, Assignment)
    if assignment is None:
        return Answer(HTTPStatus.NO_CONTENT)
    leaving = replace(assignment, state="Deleting")
    world.put(leaving)
    job = replace(_assignment_job(world, cluster, leaving, "delete"), finish=partial(_remove, world, leaving.id))
    job = replace(job, fail=lambda _: _settle(world, leaving.id, "Failed"))
    headers = {**begin(world, call, job), "Location": operations.plain_url(call)}
    # Recorded: since 2025-07-01 without a body.
    return Answer(HTTPStatus.ACCEPTED, leaving.render() if call.api_version < FLAG_SINCE else None, headers)


def _assignment_job(world: World, cluster: Cluster, assignment: Assignment, verb: str) -> Work:
    spread = world.options.durations.database_assignment
    return replace(work(world, cluster, f"databases/accessPolicyAssignments/{verb}", spread), subject=assignment.id)


def _remove(world: World, assignment_id: str) -> None:
    world.remove(assignment_id)


def _settle(world: World, assignment_id: str, state: str) -> None:
    assignment = world.store.find(assignment_id, Assignment)
    if assignment is not None:
        world.put(replace(assignment, state=state))


_ASSIGNMENTS = f"{TYPE}/accessPolicyAssignments"
ROUTES = (
    Route(
        TYPE,
        TYPE,
        VERSIONS,
        {
            "GET": get,
            "LIST": list_databases,
            "PUT": put,
            "DELETE": delete,
            "POST:listkeys": list_keys,
            "POST:regeneratekey": regenerate_key,
            "POST:forceunlink": force_unlink,
        },
        PAGED,
    ),
    Route(
        _ASSIGNMENTS,
        _ASSIGNMENTS,
        VERSIONS,
        {"GET": get_assignment, "LIST": list_assignments, "PUT": put_assignment, "DELETE": delete_assignment},
        PAGED,
    ),
)
