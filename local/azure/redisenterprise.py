"""Microsoft.Cache/redisEnterprise, Managed Redis and Enterprise: no endpoint shuts its public door, a flag may."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from math import isfinite
from typing import TYPE_CHECKING

from local.azure import errors, operations
from local.azure.calls import Answer, Call, Json
from local.azure.links import Connection, DnsName
from local.azure.operations import Operation, Status, Style, Work
from local.azure.reading import found, listed, require_group
from local.azure.regions import display_name, has_zones
from local.azure.routes import PAGED, SIGNED, Route
from local.azure.store import Resource

if TYPE_CHECKING:
    from local.azure.durations import Spread
    from local.azure.errors import ArmError
    from local.azure.world import World

TYPE = "Microsoft.Cache/redisEnterprise"
CONNECTIONS = f"{TYPE}/privateEndpointConnections"
GROUP_ID = "redisEnterprise"
MANAGED_ZONE = "privatelink.redis.azure.net"
ENTERPRISE_ZONE = "privatelink.redisenterprise.cache.azure.net"
# From this version on clusters have publicNetworkAccess, and have to be given one when they are made.
FLAG_SINCE = "2025-07-01"
VERSIONS = frozenset(
    {FLAG_SINCE, "2025-05-01-preview", "2025-04-01", "2024-10-01", "2024-02-01", "2023-11-01", "2022-01-01"}
)
_NAME = re.compile(r"(?=.{1,60}$)[A-Za-z0-9]+(-[A-Za-z0-9]+)*")
_MANAGED = re.compile(r"(Balanced_B|MemoryOptimized_M|ComputeOptimized_X|FlashOptimized_A)\d+", re.IGNORECASE)
_ENTERPRISE = re.compile(r"(Enterprise_E|EnterpriseFlash_F)\d+", re.IGNORECASE)
_MOST_CONNECTIONS = 84
_DOOR = "properties.publicNetworkAccess"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster(Resource):
    """One cluster. ``public`` is None for one that was made before publicNetworkAccess existed.

    ``moving`` holds the provisioning states of connections that are being changed, by name. ``extra`` are further
    properties, as on the wire.
    """

    type: str = TYPE
    region: str
    sku: Json
    state: str = "Succeeded"
    resource_state: str = "Running"
    public: str | None = "Enabled"
    connections: tuple[Connection, ...] = ()
    moving: Mapping[str, str] = field(default_factory=dict)
    extra: Json = field(default_factory=dict)
    identity: Json | None = None
    zones: tuple[str, ...] = ()
    ready_at: float = 0.0

    @property
    def is_managed(self) -> bool:
        """Whether it is Azure Managed Redis, and not of an older Enterprise tier."""
        return _MANAGED.fullmatch(str(self.sku["name"])) is not None

    @property
    def host(self) -> str:
        suffix = "redis.azure.net" if self.is_managed else "redisenterprise.cache.azure.net"
        return f"{self.name}.{self.region}.{suffix}"

    @property
    def zone(self) -> str:
        """The private DNS zone that its endpoints need."""
        return MANAGED_ZONE if self.is_managed else ENTERPRISE_ZONE

    @property
    def approved(self) -> tuple[Connection, ...]:
        return tuple(connection for connection in self.connections if connection.is_approved)

    @property
    def reachable_in_public(self) -> bool:
        """Whether the internet reaches it: what the flag says; without a flag, unless an endpoint is approved."""
        if self.public is None:
            return not self.approved
        return self.public == "Enabled"

    def render(self) -> Json:
        body: Json = {
            "location": display_name(self.region),
            "name": self.name,
            "id": self.id,
            "type": TYPE,
            "kind": "v2" if self.is_managed else "v1",
            "tags": dict(self.tags),
            "sku": dict(self.sku),
            "properties": self._properties(),
            "identity": self.identity or {"type": "None"},
        }
        if self.zones:
            body["zones"] = list(self.zones)
        return body

    def _properties(self) -> Json:
        shown = dict(self.extra)
        return {
            "minimumTlsVersion": shown.pop("minimumTlsVersion"),
            "hostName": self.host,
            "provisioningState": self.state,
            "resourceState": self.resource_state,
            "privateEndpointConnections": [
                connection.render(self.id, TYPE, embedded=True) for connection in self.connections
            ],
            **shown,
            "redundancyMode": self._redundancy(),
            "publicNetworkAccess": self.public,
        }

    def _redundancy(self) -> str:
        if self.extra["highAvailability"] == "Disabled":
            return "None"
        return "ZR" if has_zones(self.region) else "LR"

    def connection(self, connection: Connection) -> Json:
        """Give the JSON of one of its connections."""
        body = connection.render(self.id, TYPE)
        body["properties"]["provisioningState"] = self.moving.get(connection.name, "Succeeded")
        return body

    def with_connection(self, after: Connection) -> Cluster:
        """Give the cluster with one connection changed."""
        return replace(self, connections=tuple(after if c.name == after.name else c for c in self.connections))


def build(resource_id: str, region: str, sku: Json, properties: Mapping[str, object] | None = None) -> Cluster:
    """Make a cluster of properties as on the wire, with Azure's defaults for the rest."""
    given = {name: value for name, value in (properties or {}).items() if value is not None}
    name = str(sku["name"])
    public = given.pop("publicNetworkAccess", None)
    extra: Json = {"minimumTlsVersion": "1.2", "highAvailability": "Enabled", **given}
    capacity: Json = {}
    if not _MANAGED.fullmatch(name):
        capacity = {"capacity": sku.get("capacity") or (3 if name.lower().startswith("enterpriseflash") else 2)}
    return Cluster(
        id=resource_id,
        region=region,
        sku={"name": name, **capacity},
        public=None if public is None else str(public),
        extra=extra,
    )


def canonical_id(group_id: str, name: str) -> str:
    return f"{group_id}/providers/{TYPE}/{name}"


# Read


def get(world: World, call: Call) -> Answer:
    return Answer(HTTPStatus.OK, _shown(call, found(world, call).render()))


def list_clusters(world: World, call: Call) -> Answer:
    answer = listed(world, call)
    for item in (answer.body or {}).get("value", ()):
        _shown(call, item)
    return answer


def _shown(call: Call, body: Json) -> Json:
    """Leave out what the call's api-version does not know."""
    if call.api_version < FLAG_SINCE:
        del body["properties"]["publicNetworkAccess"]
    return body


# Create


def put(world: World, call: Call) -> Answer:
    require_group(world, call)
    before = world.store.find(call.path.text, Cluster)
    _check_flag(call)
    if before is not None:
        return _update(world, call, before)
    _check_new(world, call)
    group = world.store.get(call.path.group_id)
    body = call.body or {}
    resource_id = canonical_id(group.id if group else call.path.group_id, call.path.name)
    cluster = replace(
        build(resource_id, call.region, body["sku"], call.properties),
        state="Creating",
        resource_state="Creating",
        tags=call.tags,
        identity=body.get("identity"),
        zones=tuple(body.get("zones") or ()),
    )
    world.put(cluster)
    job = work(world, cluster, "write", world.options.durations.enterprise_create)
    job = replace(job, finish=partial(_created, world, cluster.id), fail=partial(_failed, world, cluster.id, "Create"))
    headers = begin(world, call, replace(job, created=True))
    # Recorded: only the very first answer says null where no tags were given.
    return Answer(HTTPStatus.CREATED, _shown(call, cluster.render() | {"tags": body.get("tags")}), headers)


def _created(world: World, cluster_id: str) -> None:
    cluster = world.store.find(cluster_id, Cluster)
    if cluster is not None and cluster.state == "Creating":
        ready_at = world.now + world.options.fresh_cache_wait
        world.put(replace(cluster, state="Succeeded", resource_state="Running", ready_at=ready_at))


def _failed(world: World, cluster_id: str, what: str, _: ArmError) -> None:
    cluster = world.store.find(cluster_id, Cluster)
    if cluster is not None:
        world.put(replace(cluster, state="Failed", resource_state=f"{what}Failed"))


def _check_flag(call: Call) -> None:
    """Refuse a flag that the api-version does not know, or a value that nobody knows."""
    flag = call.properties.get("publicNetworkAccess")
    if flag is None:
        return
    if call.api_version < FLAG_SINCE:
        raise errors.bad_request(
            f"The property 'publicNetworkAccess' is not known in api-version '{call.api_version}'.",
            "InvalidRequestBody",
        )
    if flag not in {"Enabled", "Disabled"}:
        raise errors.bad_request(f"The value '{flag}' of 'publicNetworkAccess' is not valid.", "InvalidRequestBody")


def _check_new(world: World, call: Call) -> None:
    sku = (call.body or {}).get("sku")
    name = str(sku.get("name") or "") if isinstance(sku, dict) else ""
    if not (_MANAGED.fullmatch(name) or _ENTERPRISE.fullmatch(name)):
        raise errors.bad_request(f"The value '{name}' of 'sku.name' is not valid.", "InvalidRequestBody")
    if not call.region:
        raise errors.bad_request("The location property is required for this definition.", "LocationRequired")
    if not _NAME.fullmatch(call.path.name):
        raise errors.bad_request(f"The name '{call.path.name}' is not a valid name of a cluster.", "InvalidName")
    if call.api_version >= FLAG_SINCE and call.properties.get("publicNetworkAccess") is None:
        raise errors.bad_request(
            "The property 'properties.publicNetworkAccess' is required to create a cluster. "
            "Valid values: 'Enabled', 'Disabled'.",
            "InvalidRequestBody",
        )
    if any(cluster.region == call.region for cluster in world.store.named(Cluster, call.path.name)):
        raise errors.ArmError(
            HTTPStatus.CONFLICT, "NameNotAvailable", f"The name '{call.path.name}' is taken in '{call.region}'."
        )


# Update


def patch(world: World, call: Call) -> Answer:
    _check_flag(call)
    cluster = world.store.find(found(world, call).id, Cluster)
    if cluster is None:
        raise errors.not_found(call.path.text)
    return _update(world, call, cluster)


def _update(world: World, call: Call, cluster: Cluster) -> Answer:
    changed = _changed(cluster, call.body or {})
    _check_update(call, cluster, changed)
    slow = {name: value for name, value in changed.items() if name != "tags"}
    after = replace(cluster, tags=dict(changed["tags"])) if "tags" in changed else cluster
    if not slow:
        world.put(after)
        world.emit(call, f"{TYPE}/write", cluster.id)
        return Answer(HTTPStatus.OK, _shown(call, after.render()))
    return _begin_update(world, call, after, slow)


def _begin_update(world: World, call: Call, cluster: Cluster, changed: Json) -> Answer:
    what = "Scaling" if "sku" in changed else "Updating"
    durations = world.options.durations
    spread = durations.enterprise_scale if what == "Scaling" else durations.enterprise_update
    during = replace(cluster, state="Updating", resource_state=what)
    world.put(during)

    def finish() -> None:
        current = world.store.find(cluster.id, Cluster)
        if current is not None and current.state == "Updating":
            world.put(replace(_applied(current, changed), state="Succeeded", resource_state="Running"))

    failed = "Scaling" if what == "Scaling" else "Update"
    job = replace(
        work(world, cluster, "write", spread), finish=finish, fail=partial(_failed, world, cluster.id, failed)
    )
    headers = begin(world, call, job)
    status = HTTPStatus.OK if call.method == "PUT" else HTTPStatus.ACCEPTED
    return Answer(status, _shown(call, during.render()), headers)


def _changed(cluster: Cluster, body: Json) -> Json:
    """Give what the body would change; null says nothing."""
    changed: Json = {}
    if body.get("tags") is not None and body["tags"] != cluster.tags:
        changed["tags"] = body["tags"]
    identity = body.get("identity")
    if identity is not None and identity.get("type") != (cluster.identity or {}).get("type", "None"):
        changed["identity"] = identity
    if body.get("sku") is not None and {**cluster.sku, **body["sku"]} != cluster.sku:
        changed["sku"] = body["sku"]
    held = {**cluster.extra, "publicNetworkAccess": cluster.public}
    for name, value in (body.get("properties") or {}).items():
        if value is not None and value != held.get(name):
            changed[f"properties.{name}"] = value
    return changed


def _check_update(call: Call, cluster: Cluster, changed: Json) -> None:
    if call.region and call.region != cluster.region:
        raise errors.ArmError(
            HTTPStatus.CONFLICT,
            "InvalidResourceLocation",
            f"The resource '{cluster.name}' already exists in location '{cluster.region}' in resource group "
            f"'{call.path.group}'. A resource with the same name cannot be created in location '{call.region}'.",
        )
    if _DOOR in changed and cluster.public is None:
        raise errors.bad_request(
            f"The property '{_DOOR}' cannot be set: the cluster '{cluster.name}' was created with an api-version "
            f"before {FLAG_SINCE}, which does not have it."
        )
    _check_ready(cluster)


def _check_ready(cluster: Cluster) -> None:
    """Refuse what a cluster cannot take now (409), or never because it was never made (400)."""
    if cluster.resource_state == "CreateFailed":
        raise errors.bad_request(f"The cluster '{cluster.id}' is in state Failed: it can only be deleted.")
    if cluster.state not in {"Succeeded", "Failed"}:
        raise errors.busy(cluster.id)


def _applied(cluster: Cluster, changed: Json) -> Cluster:
    extra = dict(cluster.extra)
    fields: Json = {}
    for name, value in changed.items():
        match name.removeprefix("properties."):
            case "identity":
                fields["identity"] = None if value.get("type") == "None" else value
            case "sku":
                fields["sku"] = {**cluster.sku, **value}
            case "publicNetworkAccess":
                fields["public"] = value
            case other:
                extra[other] = value
    return replace(cluster, extra=extra, **fields)


# Delete


def delete(world: World, call: Call) -> Answer:
    """Begin to delete: 202, and the body shows the cluster on its way out."""
    cluster = world.store.find(call.path.text, Cluster)
    if cluster is None:
        if world.store.get(call.path.group_id) is None:
            raise errors.group_not_found(call.path.group)
        return Answer(HTTPStatus.NO_CONTENT)
    if cluster.state not in {"Succeeded", "Failed", "Deleting"}:
        raise errors.busy(cluster.id)
    leaving = replace(cluster, state="Deleting", resource_state="Deleting")
    world.put(leaving)
    job = work(world, cluster, "delete", world.options.durations.enterprise_delete)
    job = replace(job, finish=partial(vanish, world, cluster.id), fail=partial(_failed, world, cluster.id, "Delete"))
    return Answer(HTTPStatus.ACCEPTED, _shown(call, leaving.render()), begin(world, call, job))


def vanish(world: World, cluster_id: str) -> None:
    """Take a cluster away with its databases; its endpoints stay behind, disconnected."""
    from local.azure.databases import unlink  # noqa: PLC0415 - databases are inside clusters
    from local.azure.network.endpoints import disconnected  # noqa: PLC0415 - endpoints attach to clusters

    for child in world.store.within(cluster_id):
        world.remove(child.id)
        unlink(world, child.id)
    gone = world.remove(cluster_id)
    if isinstance(gone, Cluster):
        for connection in gone.connections:
            disconnected(world, connection.endpoint_id)


# Connections


def list_connections(world: World, call: Call) -> Answer:
    cluster = parent(world, call)
    return Answer(HTTPStatus.OK, {"value": [cluster.connection(held) for held in cluster.connections]})


def get_connection(world: World, call: Call) -> Answer:
    cluster = parent(world, call)
    return Answer(HTTPStatus.OK, cluster.connection(_connection(world, cluster, call)))


def put_connection(world: World, call: Call) -> Answer:
    """Approve or reject: 201, and done when the operation is."""
    cluster = parent(world, call)
    connection = _connection(world, cluster, call)
    wanted = call.properties.get("privateLinkServiceConnectionState") or {}
    status = str(wanted.get("status"))
    if status not in {"Approved", "Rejected", "Pending"}:
        raise errors.bad_request(f"The connection status '{status}' is not valid.", "InvalidRequestBody")
    if status == "Approved":
        world.access.require_linked(call, f"{CONNECTIONS}/write", EnterpriseLinks.approval, cluster.id)
    _check_still(cluster, connection)
    after = connection.with_state(status, str(wanted.get("description") or ""))
    during = _moving(world, cluster, connection, "Creating")
    seconds = world.options.durations.enterprise_connection_write
    job = replace(
        work(world, cluster, "privateEndpointConnections/write", seconds),
        subject=f"{cluster.id}/privateEndpointConnections/{connection.name}",
        finish=partial(_decide, world, cluster.id, after),
        fail=partial(_settle, world, cluster.id, connection.name),
    )
    return Answer(HTTPStatus.CREATED, during.connection(after), begin(world, call, job))


def _decide(world: World, cluster_id: str, after: Connection) -> None:
    from local.azure.network.endpoints import decided  # noqa: PLC0415 - endpoints attach to clusters

    _settle(world, cluster_id, after.name)
    cluster = world.store.find(cluster_id, Cluster)
    if cluster is not None and any(held.name == after.name for held in cluster.connections):
        world.put(_without_protection(world, cluster, cluster.with_connection(after)))
        decided(world, after)


def delete_connection(world: World, call: Call) -> Answer:
    """Begin to delete the cluster's side: at the end of it the endpoint is left, disconnected."""
    cluster = parent(world, call)
    connection = next((held for held in cluster.connections if held.name.lower() == call.path.name.lower()), None)
    if connection is None:
        return Answer(HTTPStatus.NO_CONTENT)
    _check_still(cluster, connection)
    _moving(world, cluster, connection, "Deleting")
    seconds = world.options.durations.enterprise_connection_delete
    job = replace(
        work(world, cluster, "privateEndpointConnections/delete", seconds),
        subject=f"{cluster.id}/privateEndpointConnections/{connection.name}",
        finish=partial(_let_go, world, cluster.id, connection),
        fail=partial(_settle, world, cluster.id, connection.name),
    )
    return Answer(HTTPStatus.ACCEPTED, None, begin(world, call, job))


def _let_go(world: World, cluster_id: str, connection: Connection) -> None:
    from local.azure.network.endpoints import disconnected  # noqa: PLC0415 - endpoints attach to clusters

    EnterpriseLinks().disconnect(world, cluster_id, connection.name)
    disconnected(world, connection.endpoint_id)


def _check_still(cluster: Cluster, connection: Connection) -> None:
    _check_ready(cluster)
    if connection.name in cluster.moving:
        raise errors.busy(f"{cluster.id}/privateEndpointConnections/{connection.name}")


def _moving(world: World, cluster: Cluster, connection: Connection, state: str) -> Cluster:
    during = replace(cluster, moving={**cluster.moving, connection.name: state})
    world.put(during)
    return during


def _settle(world: World, cluster_id: str, name: str, _: ArmError | None = None) -> None:
    cluster = world.store.find(cluster_id, Cluster)
    if cluster is not None:
        world.put(replace(cluster, moving={held: state for held, state in cluster.moving.items() if held != name}))


def _without_protection(world: World, before: Cluster, after: Cluster) -> Cluster:
    """Open a Disabled cluster that lost its last endpoint, where the world is asked to be that unkind."""
    lost = before.approved and not after.approved
    opens = world.options.last_endpoint_opens and after.public == "Disabled"
    return replace(after, public="Enabled") if lost and opens else after


def parent(world: World, call: Call) -> Cluster:
    """Find the cluster that the call's path is in; raises ArmError where there is none."""
    cluster = world.seen(call, call.path.parent)
    if isinstance(cluster, Cluster):
        return cluster
    if world.store.get(call.path.group_id) is None:
        raise errors.group_not_found(call.path.group)
    raise errors.not_found(call.path.parent)


def _connection(world: World, cluster: Cluster, call: Call) -> Connection:
    for connection in cluster.connections:
        if connection.name.lower() == call.path.name.lower():
            return connection
    raise errors.enterprise_child_not_found(call.correlation_id, world.wall)


def list_link_resources(world: World, call: Call) -> Answer:
    cluster = parent(world, call)
    item = {
        "id": f"{cluster.id}/privateLinkResources/{GROUP_ID}",
        "name": GROUP_ID,
        "type": f"{TYPE}/privateLinkResources",
        "properties": {"groupId": GROUP_ID, "requiredMembers": [GROUP_ID], "requiredZoneNames": [cluster.zone]},
    }
    return Answer(HTTPStatus.OK, {"value": [item]})


class EnterpriseLinks:
    """How private endpoints attach to a cluster."""

    approval = f"{TYPE}/privateEndpointConnectionsApproval/action"
    proxies = f"{TYPE}/privateEndpointConnectionProxies"

    def refuse(self, world: World, call: Call, target: Resource, group_ids: tuple[str, ...]) -> None:
        """Raise ArmError for a cluster that no endpoint can be attached to, now or ever."""
        cluster = world.store.find(target.id, Cluster)
        if cluster is None:
            raise errors.not_found(target.id)
        if not group_ids:
            raise errors.network_refusal(
                "PrivateLinkServiceConnectionGroupIdsMissing",
                f"Private link service connection of {call.path.text} to {cluster.id} must have group ids.",
            )
        wrong = [group for group in group_ids if group.lower() != GROUP_ID.lower()]
        if wrong:
            raise errors.network_refusal(
                "InvalidGroupId",
                f"Call to {TYPE} failed. Error message: The group id '{wrong[0]}' is not valid for {cluster.id}. "
                f"Valid group ids: {GROUP_ID}.",
            )
        if len(cluster.connections) >= _MOST_CONNECTIONS:
            raise errors.bad_request(
                f"Call to {TYPE} failed. Error message: A cluster supports at most {_MOST_CONNECTIONS} private "
                "endpoint connections."
            )
        _check_ready(cluster)
        if world.now < cluster.ready_at:
            raise errors.busy(cluster.id)

    def connect(self, world: World, target_id: str, connection: Connection) -> None:
        """Show the connection; public access stays as it is, also at the first."""
        cluster = world.store.find(target_id, Cluster)
        if cluster is None or any(held.name == connection.name for held in cluster.connections):
            return
        world.put(replace(cluster, connections=(*cluster.connections, connection)))

    def disconnect(self, world: World, target_id: str, name: str) -> None:
        """Take the connection away; a cluster without a flag is public once none is left."""
        _settle(world, target_id, name)
        cluster = world.store.find(target_id, Cluster)
        if cluster is not None:
            left = tuple(held for held in cluster.connections if held.name != name)
            world.put(_without_protection(world, cluster, replace(cluster, connections=left)))

    def names(self, target: Resource) -> tuple[DnsName, ...]:
        """One name: the cluster's own, with its region, in the zone of its kind."""
        if not isinstance(target, Cluster):
            return ()
        return (DnsName(target.host, target.zone, f"{target.name}.{target.region}"),)


# Operations


def work(world: World, cluster: Cluster, verb: str, spread: Spread) -> Work:
    """Give the work of an operation on a cluster; set ``finish`` and ``fail`` on a copy."""
    region = display_name(cluster.region)
    return Work(Style.ENTERPRISE, world.lasting(spread), region, f"{TYPE}/{verb}", cluster.id)


def begin(world: World, call: Call, job: Work) -> dict[str, str]:
    """Begin an operation, which waits a moment before it runs, and give the headers that announce it."""
    operation = world.begin(call, job)
    operation.status = Status.PENDING
    operation.began_at = operation.touched_at = world.wall
    lasts = operation.due - operation.begun
    pending = min(world.lasting(world.options.durations.enterprise_pending), lasts / 2)
    world.after(pending, partial(_touch, world, operation, Status.PENDING))
    if isfinite(lasts):
        world.after(lasts, partial(_touch, world, operation, Status.IN_PROGRESS))
    # Recorded: until the flag came, the answer to a PUT named the resource itself.
    itself = call.method == "PUT" and call.api_version < FLAG_SINCE
    return {
        "Azure-AsyncOperation": operations.url(operation, call.base_url),
        "Location": operations.plain_url(call) if itself else operations.result_url(operation, call),
    }


def _touch(world: World, operation: Operation, status: Status) -> None:
    if status is Status.PENDING and operation.status is Status.PENDING:
        operation.status = Status.IN_PROGRESS
    operation.touched_at = world.wall


def poll(world: World, call: Call) -> Answer:
    return operations.poll(_operation(world, call), call, world.clock.scale)


def poll_result(world: World, call: Call) -> Answer:
    """Answer a GET of an operation's Location: what it worked on, or nothing where that is gone."""
    operation = _operation(world, call)
    if operation.running:
        return Answer(HTTPStatus.ACCEPTED, None, {"Location": operations.result_url(operation, call, polled=True)})
    if operation.error is not None:
        return Answer(HTTPStatus.BAD_REQUEST, {"error": operation.error})
    resource = world.store.get(call.path.parent)
    if resource is None:
        return Answer(HTTPStatus.NO_CONTENT)
    return Answer(
        HTTPStatus.OK, _shown(call, resource.render()) if isinstance(resource, Cluster) else resource.render()
    )


def _operation(world: World, call: Call) -> Operation:
    operation = world.operations.get(call.path.name)
    if operation is None:
        raise errors.enterprise_child_not_found(call.correlation_id, world.wall)
    return operation


def _result(of: str) -> Route:
    name = f"{of}/operationresults"
    return Route(name, name, VERSIONS, {"GET": poll_result}, SIGNED)


def _child(name: str, handlers: Mapping[str, Callable[[World, Call], Answer]]) -> Route:
    return Route(f"{TYPE}/{name}", f"{TYPE}/{name}", VERSIONS, handlers)


ROUTES = (
    Route(
        TYPE, TYPE, VERSIONS, {"GET": get, "LIST": list_clusters, "PUT": put, "PATCH": patch, "DELETE": delete}, PAGED
    ),
    _child(
        "privateEndpointConnections",
        {"GET": get_connection, "LIST": list_connections, "PUT": put_connection, "DELETE": delete_connection},
    ),
    _child("privateLinkResources", {"LIST": list_link_resources}),
    _result(TYPE),
    _result(f"{TYPE}/databases"),
    _result(CONNECTIONS),
    Route(
        "Microsoft.Cache/locations/operationsStatus",
        "Microsoft.Cache/locations/operationsStatus",
        VERSIONS,
        {"GET": poll},
        SIGNED,
    ),
)
