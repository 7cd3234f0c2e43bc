"""A cluster has a database, which may be linked with those of other clusters: active geo-replication."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from local.azure import errors
from local.azure.calls import Answer, Call, Json
from local.azure.redisenterprise import TYPE as CLUSTER
from local.azure.redisenterprise import VERSIONS, begin, parent, work
from local.azure.routes import PAGED, Route
from local.azure.store import Resource

if TYPE_CHECKING:
    from local.azure.errors import ArmError
    from local.azure.operations import Work
    from local.azure.redisenterprise import Cluster
    from local.azure.world import World

TYPE = f"{CLUSTER}/databases"
PORT = 10000


@dataclass(frozen=True, slots=True, kw_only=True)
class Database(Resource):
    """One database. ``linked`` are the ids of all databases of its geo-replication group ``nickname``, its own too."""

    type: str = TYPE
    state: str = "Succeeded"
    resource_state: str = "Running"
    nickname: str = ""
    linked: tuple[str, ...] = ()
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
            state = "Linking" if self.state == "Creating" else "Linked"
            links = [{"id": linked, "state": state} for linked in self.linked]
            properties["geoReplication"] = {"linkedDatabases": links, "groupNickname": self.nickname}
        properties |= {"deferUpgrade": "NotDeferred", "redisVersion": "7.4", "accessKeysAuthentication": "Disabled"}
        return {"name": self.name, "id": self.id, "type": TYPE, "properties": {**properties, **self.extra}}


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
    return Answer(HTTPStatus.OK if before else HTTPStatus.CREATED, during.render(), headers)


def _job(world: World, call: Call, cluster: Cluster, database: Database) -> Work:
    verb = "delete" if call.method == "DELETE" else "write"
    durations = world.options.durations
    spread = durations.database_delete if verb == "delete" else durations.database_write
    return replace(work(world, cluster, f"databases/{verb}", spread), subject=database.id)


def _wanted(call: Call, cluster: Cluster, before: Database | None) -> Database:
    given = {name: value for name, value in call.properties.items() if value is not None}
    geo = given.pop("geoReplication", None) or {}
    held = before or Database(id=f"{cluster.id}/databases/{call.path.name}")
    return replace(
        held,
        extra={**held.extra, **given},
        nickname=str(geo.get("groupNickname") or held.nickname),
        linked=tuple(str(link["id"]) for link in geo.get("linkedDatabases") or ()) or held.linked,
    )


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
    return Answer(HTTPStatus.OK, database.render())


def list_databases(world: World, call: Call) -> Answer:
    cluster = parent(world, call)
    value = [item.render() for item in world.store.within(f"{cluster.id}/databases")]
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
    return Answer(HTTPStatus.ACCEPTED, leaving.render(), begin(world, call, job))


def _vanish(world: World, database_id: str) -> None:
    world.remove(database_id)
    unlink(world, database_id)


def unlink(world: World, database_id: str) -> None:
    """Take a database that is gone out of its group: the others go on among themselves."""
    gone = database_id.lower()
    for other in world.store.of(Database):
        left = tuple(linked for linked in other.linked if linked.lower() != gone)
        if left != other.linked:
            world.put(replace(other, linked=left))


def get_assignment(_: World, call: Call) -> Answer:
    """Answer as recorded for an access policy assignment that is absent, as all are here."""
    return errors.problem(call.correlation_id, HTTPStatus.NOT_FOUND)


def list_assignments(_: World, __: Call) -> Answer:
    return Answer(HTTPStatus.OK, {"value": []})


_ASSIGNMENTS = f"{TYPE}/accessPolicyAssignments"
ROUTES = (
    Route(TYPE, TYPE, VERSIONS, {"GET": get, "LIST": list_databases, "PUT": put, "DELETE": delete}, PAGED),
    Route(_ASSIGNMENTS, _ASSIGNMENTS, VERSIONS, {"GET": get_assignment, "LIST": list_assignments}, PAGED),
)
