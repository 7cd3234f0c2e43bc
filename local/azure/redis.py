"""Microsoft.Cache/Redis as recorded: what a PATCH may change, how long it takes, and what an endpoint does to it."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from local.azure import errors, operations
from local.azure.calls import Answer, Call, Json
from local.azure.links import Connection, DnsName
from local.azure.operations import Style, Work
from local.azure.reading import found, get, listed, require_group
from local.azure.regions import display_name, has_zones
from local.azure.routes import SIGNED, Handler, Route
from local.azure.store import Resource

if TYPE_CHECKING:
    from local.azure.errors import ArmError
    from local.azure.world import World

TYPE = "Microsoft.Cache/Redis"
OPERATION = "Microsoft.Cache/redis"
GROUP_ID = "redisCache"
ZONE = "privatelink.redis.cache.windows.net"
# What az, the SDKs in use and the policies of Azure send; 2019-07-01 only in the URLs of operations.
VERSIONS = frozenset({"2024-11-01", "2024-03-01", "2023-08-01", "2023-04-01", "2022-06-01", "2021-06-01", "2020-06-01"})
_NAME = re.compile(r"[A-Za-z0-9](?:-?[A-Za-z0-9]){0,62}")
_MOST_CONNECTIONS = 100
# How far through its creation an endpoint appears on the cache; not recorded, somewhere between start and end.
CONNECT_AT = 0.6
_MEMORY = {"Basic": "30", "Standard": "125", "Premium": "642"}
_ZONES = {"Standard": "NoZones", "Premium": "Automatic"}
# What a PUT may call a version, and how it is shown then.
_VERSION_NAMES = {"4": "4.0", "6": "6.0", "latest": "6.0"}
_CLIENTS = {"Basic": "256", "Standard": "1000", "Premium": "7500"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache(Resource):
    """One cache. ``extra`` are further properties, as on the wire; ``subnet_id`` marks a VNet-injected one.

    ``keys`` are shown, ``secret`` are the same for whoever lists them.
    """

    type: str = TYPE
    region: str
    sku: Json
    state: str = "Succeeded"
    public: str = "Enabled"
    connections: tuple[Connection, ...] = ()
    linked_servers: tuple[str, ...] = ()
    shard_count: int = 0
    subnet_id: str = ""
    extra: Json = field(default_factory=dict)
    identity: Json | None = None
    zones: tuple[str, ...] = ()
    keys: Json | None = None
    secret: Json | None = None
    ready_at: float = 0.0

    @property
    def public_network_access(self) -> str:
        return self.public

    @property
    def host(self) -> str:
        return f"{self.name}.redis.cache.windows.net"

    @property
    def approved(self) -> tuple[Connection, ...]:
        return tuple(connection for connection in self.connections if connection.is_approved)

    @property
    def is_clustered(self) -> bool:
        return self.shard_count > 0

    @property
    def has_replicas(self) -> bool:
        """Whether its nodes are shown as a shard's: of a Premium cache that is clustered or lies in zones."""
        zonal = self.extra.get("zonalAllocationPolicy") in {"Automatic", "UserDefined"}
        return self.sku["name"] == "Premium" and (self.is_clustered or zonal)

    def render(self) -> Json:
        body: Json = {
            "id": self.id,
            "location": display_name(self.region),
            "name": self.name,
            "type": TYPE,
            "tags": dict(self.tags),
            "properties": self._properties(),
        }
        if self.identity is not None:
            body["identity"] = self.identity
        if self.zones:
            body["zones"] = list(self.zones)
        return body

    def _properties(self) -> Json:
        shown = dict(self.extra)
        properties: Json = {
            "provisioningState": self.state,
            "redisVersion": shown.pop("redisVersion"),
            "sku": dict(self.sku),
            "enableNonSslPort": shown.pop("enableNonSslPort"),
            "instances": self._instances(),
            "publicNetworkAccess": self.public,
            "tenantSettings": shown.pop("tenantSettings"),
        }
        if self.shard_count:
            properties["shardCount"] = self.shard_count
        if self.has_replicas:
            properties |= {"replicasPerMaster": 1, "replicasPerPrimary": 1}
        if self.subnet_id:
            properties["subnetId"] = self.subnet_id
        if self.connections:
            properties["privateEndpointConnections"] = [
                connection.render(self.id, TYPE, embedded=True) for connection in self.connections
            ]
        return properties | {
            "redisConfiguration": shown.pop("redisConfiguration") | self._topology(),
            "accessKeys": self.keys,
            "hostName": self.host,
            "port": 6379,
            "sslPort": 6380,
            "linkedServers": [{"id": linked} for linked in self.linked_servers],
            **shown,
        }

    def _instances(self) -> list[Json]:
        nodes = 1 if self.sku["name"] == "Basic" else 2 * max(1, self.shard_count)
        ready = self.state != "Creating"
        return [
            {"sslPort": 15000 + node}
            | ({"zone": self.zones[node % len(self.zones)]} if ready and self.zones else {})
            | ({"shardId": node // 2} if ready and self.has_replicas else {})
            | {"isMaster": ready and node % 2 == 0, "isPrimary": ready and node % 2 == 0}
            for node in range(nodes)
        ]

    def _topology(self) -> Json:
        """Give the entry of the configuration that tells which node lies in which zone."""
        if not self.zones or self.state == "Creating":
            return {}
        nodes = {zone: [str(number)] for number, zone in enumerate(self.zones)}
        topology = {"preferredPrimaryZoneId": self.zones[-1], "zoneNodeTopology": nodes}
        return {"zonal-configuration": json.dumps(topology, indent=2).replace("\n", "\r\n")}


def build(resource_id: str, region: str, sku: Json, properties: Mapping[str, object] | None = None) -> Cache:
    """Make a cache of properties as on the wire, with Azure's defaults for the rest."""
    given = dict(properties or {})
    name = str(sku["name"])
    configuration = {
        "maxclients": _CLIENTS.get(name, "1000"),
        "maxmemory-reserved": _MEMORY.get(name, "125"),
        "maxfragmentationmemory-reserved": _MEMORY.get(name, "125"),
        "maxmemory-delta": _MEMORY.get(name, "125"),
    }
    given_configuration = given.pop("redisConfiguration", None)
    if isinstance(given_configuration, dict):
        configuration |= given_configuration
    given["redisVersion"] = _VERSION_NAMES.get(str(given.get("redisVersion") or "6"), given.get("redisVersion"))
    extra: Json = {
        "redisVersion": "6.0",
        "enableNonSslPort": False,
        "tenantSettings": {},
        "redisConfiguration": configuration,
        "updateChannel": "Stable",
        "disableAccessKeyAuthentication": False,
    }
    if name in _ZONES:
        extra["zonalAllocationPolicy"] = _ZONES[name] if has_zones(region) else "NoZones"
    known = {"sku", "publicNetworkAccess", "shardCount", "subnetId", "replicasPerMaster", "replicasPerPrimary"}
    return Cache(
        id=resource_id,
        region=region,
        sku={"name": name, "family": str(sku.get("family") or name[0]).upper(), "capacity": sku.get("capacity", 1)},
        public=str(given.get("publicNetworkAccess") or "Enabled"),
        shard_count=int(str(given.get("shardCount") or 0)),
        subnet_id=str(given.get("subnetId") or ""),
        extra=extra | {name: value for name, value in given.items() if name not in known and value is not None},
    )


def canonical_id(group_id: str, name: str) -> str:
    return f"{group_id}/providers/{TYPE}/{name}"


# Create


def put(world: World, call: Call) -> Answer:
    require_group(world, call)
    if world.store.find(call.path.text, Cache) is not None:
        return _update(world, call, found(world, call))
    _check_new(world, call)
    group = world.store.get(call.path.group_id)
    resource_id = canonical_id(group.id if group else call.path.group_id, call.path.name)
    cache = build(resource_id, call.region, call.properties["sku"], call.properties)
    keys = {"primaryKey": secrets.token_urlsafe(32), "secondaryKey": secrets.token_urlsafe(32)}
    world.keys += keys.values()
    body = call.body or {}
    # Recorded in 2025: a new cache has it although nobody asked; caches made earlier do not show it.
    extra = {"minimumTlsVersion": "1.2", **cache.extra} if world.options.minimum_tls_shown else cache.extra
    zones = tuple(str(zone) for zone in body.get("zones") or ())
    if zones:
        extra = {**extra, "zonalAllocationPolicy": "UserDefined"}
    identity = _with_principals(world, call, None, body.get("identity"))
    cache = replace(cache, state="Creating", tags=call.tags, identity=identity, keys=keys, secret=keys, extra=extra)
    cache = replace(cache, zones=zones)
    answer = cache.render()
    if not zones:
        # Recorded: the first answer does not know yet how many there will be.
        answer["properties"] = {k: v for k, v in answer["properties"].items() if not k.startswith("replicasPer")}
    world.put(replace(cache, keys=None))
    operation = world.begin(
        call,
        _work(world, cache, "redis_create", finish=lambda: _created(world, cache.id), created=True),
    )
    headers = {
        "Azure-AsyncOperation": operations.url(operation, call.base_url),
        "Location": f"{call.base_url}{call.path.text}?api-version={call.api_version}",
    }
    return Answer(HTTPStatus.CREATED, answer, headers)


def _created(world: World, cache_id: str) -> None:
    cache = world.store.find(cache_id, Cache)
    if cache is not None:
        world.put(replace(cache, state="Succeeded", ready_at=world.now + world.options.fresh_cache_wait))


def _check_new(world: World, call: Call) -> None:
    sku = call.properties.get("sku")
    if not isinstance(sku, dict) or not {"name", "family", "capacity"} <= set(sku):
        raise errors.bad_request("The value of the parameter 'properties.sku' is invalid.", "InvalidRequestBody")
    if not call.region:
        raise errors.bad_request("The location property is required for this definition.", "LocationRequired")
    if not _NAME.fullmatch(call.path.name):
        raise errors.bad_request(f"The name '{call.path.name}' is not a valid name of a Redis cache.", "InvalidName")
    if world.store.named(Cache, call.path.name):
        raise errors.ArmError(
            HTTPStatus.CONFLICT,
            "NameNotAvailable",
            "An error occurred when trying to reserve the DNS name for the cache. "
            "This may be a transient issue. You may also want to try a different name.",
        )


# Update

_SPECIAL = frozenset({"sku", "publicNetworkAccess", "shardCount", "subnetId", "staticIP", "redisConfiguration"})


# Recorded: these are so at once.
_AT_ONCE = frozenset({"tags", "properties.updateChannel", "properties.disableAccessKeyAuthentication"})


def patch(world: World, call: Call) -> Answer:
    cache = found(world, call)
    return _update(world, call, cache)


def _update(world: World, call: Call, resource: Resource) -> Answer:
    cache = world.store.find(resource.id, Cache)
    if cache is None:
        raise errors.not_found(resource.id)
    changed = _changed(cache, call.body or {})
    if cache.state != "Succeeded":
        raise errors.busy(cache.id)
    _check_update(cache, changed)
    if "identity" in changed:
        changed["identity"] = _with_principals(world, call, cache.identity, changed["identity"])
    slow = {name: value for name, value in changed.items() if name not in _AT_ONCE}
    quick = {name: value for name, value in changed.items() if name not in slow}
    after = _applied(cache, quick)
    if quick:
        world.put(after)
    if not slow:
        world.emit(call, f"{OPERATION}/write", cache.id)
        return Answer(HTTPStatus.OK, after.render())
    return _begin_update(world, call, after, slow)


def _begin_update(world: World, call: Call, cache: Cache, changed: Json) -> Answer:
    state, spread = _phase(changed)
    if "identity" in changed:
        # Recorded: shown from the first answer on.
        cache = _applied(cache, {"identity": changed["identity"]})
    world.put(replace(cache, state=state))

    def finish() -> None:
        current = world.store.find(cache.id, Cache)
        if current is not None and current.state == state:
            world.put(replace(_applied(current, changed), state="Succeeded"))

    operation = world.begin(call, _work(world, cache, spread, finish=finish))
    where = operations.url(operation, call.base_url)
    body = replace(cache, state=state).render()
    return Answer(HTTPStatus.ACCEPTED, body, {"Azure-AsyncOperation": where, "Location": where})


def _phase(changed: Json) -> tuple[str, str]:
    """Choose the provisioning state shown meanwhile and the duration, as recorded."""
    if {"properties.sku", "properties.shardCount", "properties.zonalAllocationPolicy"} & set(changed):
        return "Scaling", "redis_scale"
    if "identity" in changed:
        return "UpdatingManagedIdentity", "redis_identity"
    configuration = changed.get("properties.redisConfiguration")
    if isinstance(configuration, dict) and "aad-enabled" in configuration:
        return "ConfiguringAAD", "redis_entra"
    return "Updating", "redis_update"


def _changed(cache: Cache, body: Json) -> Json:
    """Give what the body would change; every field on the wire counts, and null says nothing."""
    changed: Json = {}
    if body.get("tags") is not None and body["tags"] != cache.tags:
        changed["tags"] = body["tags"]
    if body.get("identity") is not None and _identity(body["identity"]) != _identity(cache.identity):
        changed["identity"] = body["identity"]
    for name, value in (body.get("properties") or {}).items():
        if value is not None and not _same(cache, name, value):
            changed[f"properties.{name}"] = value
    return changed


def _same(cache: Cache, name: str, value: object) -> bool:
    match name:
        case "sku":
            return isinstance(value, dict) and _sku(value) == _sku(cache.sku)
        case "publicNetworkAccess":
            return value == cache.public
        case "shardCount":
            return value == cache.shard_count
        case "subnetId":
            return str(value).lower() == cache.subnet_id.lower()
        case "redisConfiguration":
            return isinstance(value, dict) and value.items() <= cache.extra["redisConfiguration"].items()
        case _:
            return value == cache.extra.get(name)


def _identity(identity: Json | None) -> tuple[str, frozenset[str]]:
    """Give what an identity is by: its type, and the ids of those that users assigned."""
    held = identity or {}
    assigned = frozenset(name.lower() for name in held.get("userAssignedIdentities") or {})
    return str(held.get("type") or "None").replace(" ", "").lower(), assigned


def _with_principals(world: World, call: Call, before: Json | None, wanted: Json | None) -> Json | None:
    """Give an identity with the ids that Entra ID has for it: its own is new, unless it had one."""
    if wanted is None:
        return None
    identity: Json = {"type": wanted.get("type")}
    if "systemassigned" in str(wanted.get("type")).lower():
        held = (before or {}).get("principalId")
        identity |= {"principalId": held or world.uuid(), "tenantId": call.caller.tenant_id}
    assigned = wanted.get("userAssignedIdentities")
    if assigned:
        known = (before or {}).get("userAssignedIdentities") or {}
        identity["userAssignedIdentities"] = {
            name: known.get(name) or {"principalId": world.uuid(), "clientId": world.uuid()} for name in assigned
        }
    return identity


def _sku(sku: Mapping[str, object]) -> tuple[str, str, str]:
    return str(sku.get("name")).lower(), str(sku.get("family")).lower(), str(sku.get("capacity"))


def _check_update(cache: Cache, changed: Json) -> None:
    door = "properties.publicNetworkAccess"
    if door not in changed:
        return
    others = [name for name in changed if name not in {door, "tags"}]
    if others:
        names = ",".join([door, *(name for name in others)])
        raise errors.bad_request(
            "The following updates can't be processed in one single request, please send seperate request to update "
            f"them: '{names}'.\n\nRequestID={cache.serial:08x}-0000-4000-8000-000000000000"
        )
    if changed[door] not in {"Enabled", "Disabled"}:
        raise errors.bad_request(f"The value '{changed[door]}' of 'publicNetworkAccess' is not valid.")
    if cache.subnet_id:
        raise errors.bad_request(
            "The value of the parameter 'properties.publicNetworkAccess' is invalid: public network access cannot be "
            "changed for a cache that is injected into a virtual network.",
            "InvalidRequestBody",
        )


def _applied(cache: Cache, changed: Json) -> Cache:
    extra = dict(cache.extra)
    fields: Json = {}
    for name, value in changed.items():
        match name.removeprefix("properties."):
            case "tags":
                fields["tags"] = dict(value)
            case "identity":
                fields["identity"] = None if value.get("type") == "None" else value
            case "publicNetworkAccess":
                fields["public"] = value
            case "sku":
                fields["sku"] = {**cache.sku, **value}
            case "shardCount":
                fields["shard_count"] = value
            case "zonalAllocationPolicy":
                extra["zonalAllocationPolicy"] = value
                fields["zones"] = cache.zones if value == "UserDefined" else ()
            case "redisConfiguration":
                extra["redisConfiguration"] = {**extra["redisConfiguration"], **value}
            case other:
                extra[other] = value
    return replace(cache, extra=extra, **fields)


def _work(world: World, cache: Cache, spread: str, *, finish: object, created: bool = False) -> Work:
    def fail(_: ArmError) -> None:
        current = world.store.find(cache.id, Cache)
        if current is not None:
            world.put(replace(current, state="Failed" if created else "Succeeded"))

    return Work(
        Style.REDIS,
        world.lasting(getattr(world.options.durations, spread)),
        display_name(cache.region),
        f"{OPERATION}/write",
        cache.id,
        finish if callable(finish) else (lambda: None),
        fail,
        created=created,
    )


# Delete


def delete(world: World, call: Call) -> Answer:
    cache = world.store.find(call.path.text, Cache)
    if cache is None:
        if world.store.get(call.path.group_id) is None:
            raise errors.group_not_found(call.path.group)
        return Answer(HTTPStatus.NO_CONTENT)
    if cache.linked_servers:
        raise errors.bad_request(
            f"Cannot delete '{cache.name}' since it has linked servers associated with it. "
            f"Please delete the links first.\r\nRequestID={call.correlation_id}"
        )
    if cache.state not in {"Succeeded", "Failed", "Deleting"}:
        raise errors.busy(cache.id)
    world.put(replace(cache, state="Deleting"))
    work = Work(
        Style.REDIS_DELETE,
        world.lasting(world.options.durations.redis_delete),
        display_name(cache.region),
        f"{OPERATION}/delete",
        cache.id,
        lambda: vanish(world, cache.id),
    )
    operation = world.begin(call, work)
    return Answer(HTTPStatus.ACCEPTED, None, {"Location": operations.url(operation, call.base_url)})


def vanish(world: World, cache_id: str) -> None:
    """Take a cache away; its endpoints stay behind, disconnected."""
    from local.azure.network.endpoints import disconnected  # noqa: PLC0415 - endpoints attach to caches

    for part in world.store.children(cache_id):
        world.remove(part.id)
    gone = world.remove(cache_id)
    if isinstance(gone, Cache):
        for connection in gone.connections:
            disconnected(world, connection.endpoint_id)


# Connections


def list_connections(world: World, call: Call) -> Answer:
    cache = parent(world, call)
    value = [connection.render(cache.id, TYPE) for connection in cache.connections]
    return Answer(HTTPStatus.OK, {"value": value})


def get_connection(world: World, call: Call) -> Answer:
    cache = parent(world, call)
    return Answer(HTTPStatus.OK, _connection(cache, call).render(cache.id, TYPE))


def put_connection(world: World, call: Call) -> Answer:
    """Approve or reject: 201 and an operation, although the answer already shows the new state."""
    from local.azure.network.endpoints import decided  # noqa: PLC0415 - endpoints attach to caches

    cache = parent(world, call)
    connection = _connection(cache, call)
    wanted = call.properties.get("privateLinkServiceConnectionState") or {}
    status = str(wanted.get("status"))
    if status not in {"Approved", "Rejected", "Pending"}:
        raise errors.bad_request(f"The connection status '{status}' is not valid.", "InvalidRequestBody")
    if status == "Approved":
        world.access.require_linked(
            call, f"{OPERATION}/privateEndpointConnections/write", RedisLinks.approval, cache.id
        )
    if cache.state != "Succeeded":
        raise errors.busy(cache.id)
    after = connection.with_state(status, str(wanted.get("description") or ""))
    _replace(world, cache, connection, after)
    decided(world, after)
    region = display_name(cache.region)
    seconds = world.lasting(world.options.durations.connection_write)
    subject = f"{cache.id}/privateEndpointConnections/{after.name}"
    action = f"{OPERATION}/privateEndpointConnections/write"
    # Recorded: the URL is of 2019-07-01, whatever the call said.
    operation = world.begin(
        replace(call, query={**call.query, "api-version": "2019-07-01"}),
        Work(Style.REDIS, seconds, region, action, subject),
    )
    where = operations.url(operation, call.base_url)
    headers = {"Azure-AsyncOperation": where, "Location": where}
    return Answer(HTTPStatus.CREATED, after.render(cache.id, TYPE), headers)


def delete_connection(world: World, call: Call) -> Answer:
    """Delete the target's side: synchronous, and the endpoint stays, disconnected."""
    from local.azure.network.endpoints import disconnected  # noqa: PLC0415 - endpoints attach to caches

    cache = parent(world, call)
    connection = next((c for c in cache.connections if c.name.lower() == call.path.name.lower()), None)
    if connection is None:
        return Answer(HTTPStatus.NO_CONTENT)
    if cache.state != "Succeeded":
        raise errors.busy(cache.id)
    RedisLinks().disconnect(world, cache.id, connection.name)
    disconnected(world, connection.endpoint_id)
    subject = f"{cache.id}/privateEndpointConnections/{connection.name}"
    world.emit(call, f"{OPERATION}/privateEndpointConnections/delete", subject)
    return Answer(HTTPStatus.OK)


def parent(world: World, call: Call) -> Cache:
    parent = world.seen(call, call.path.parent)
    if isinstance(parent, Cache):
        return parent
    if world.store.get(call.path.group_id) is None:
        raise errors.group_not_found(call.path.group)
    raise errors.not_found(call.path.parent)


def _connection(cache: Cache, call: Call) -> Connection:
    for connection in cache.connections:
        if connection.name.lower() == call.path.name.lower():
            return connection
    raise errors.ArmError(
        HTTPStatus.NOT_FOUND,
        "ResourceNotFound",
        f"The resource '{call.path.text}' was not found.\r\nRequestID={call.correlation_id}",
        extra={"target": None},
    )


def _replace(world: World, cache: Cache, old: Connection, new: Connection) -> None:
    connections = tuple(new if connection.name == old.name else connection for connection in cache.connections)
    closes = new.is_approved and not cache.approved
    world.put(replace(cache, connections=connections, public="Disabled" if closes else cache.public))


def list_link_resources(world: World, call: Call) -> Answer:
    cache = parent(world, call)
    item = {
        "id": f"{cache.id.replace(TYPE, 'Microsoft.Cache/redis')}/privateLinkResources/{GROUP_ID}",
        "name": GROUP_ID,
        "type": f"{TYPE}/privateLinkResources",
        "properties": {"groupId": GROUP_ID, "requiredMembers": [GROUP_ID], "requiredZoneNames": [ZONE]},
    }
    return Answer(HTTPStatus.OK, {"value": [item]})


class RedisLinks:
    """How private endpoints attach to a classic cache."""

    approval = f"{OPERATION}/privateEndpointConnectionsApproval/action"
    proxies = f"{OPERATION}/privateEndpointConnectionProxies"

    def refuse(self, world: World, call: Call, target: Resource, group_ids: tuple[str, ...]) -> None:
        """Raise ArmError for a cache that no endpoint can be attached to, now or ever."""
        cache = world.store.find(target.id, Cache)
        if cache is None:
            raise errors.not_found(target.id)
        if not group_ids:
            raise errors.network_refusal(
                "PrivateLinkServiceConnectionGroupIdsMissing",
                f"Private link service connection of {call.path.text} to {cache.id} must have group ids.",
            )
        wrong = [group for group in group_ids if group.lower() != GROUP_ID.lower()]
        if wrong:
            raise errors.network_refusal(
                "InvalidGroupId",
                f"Call to Microsoft.Cache/redis failed. Error message: The group id '{wrong[0]}' is not valid for "
                f"{cache.id}. Valid group ids: {GROUP_ID}.",
            )
        _refuse_kind(cache)
        if cache.state != "Succeeded" or world.now < cache.ready_at:
            raise errors.busy(cache.id)

    def connect(self, world: World, target_id: str, connection: Connection) -> None:
        """Show the connection; the first approved one closes public access by itself, as recorded."""
        cache = world.store.find(target_id, Cache)
        if cache is None or any(held.name == connection.name for held in cache.connections):
            return
        closes = connection.is_approved and not cache.approved
        public = "Disabled" if closes else cache.public
        world.put(replace(cache, connections=(*cache.connections, connection), public=public))

    def disconnect(self, world: World, target_id: str, name: str) -> None:
        """Take the connection away; public access stays as it is."""
        cache = world.store.find(target_id, Cache)
        if cache is not None:
            left = tuple(held for held in cache.connections if held.name != name)
            world.put(replace(cache, connections=left))

    def names(self, target: Resource) -> tuple[DnsName, ...]:
        """One name: the cache's own."""
        return (DnsName(f"{target.name}.redis.cache.windows.net", ZONE, target.name),)


def _refuse_kind(cache: Cache) -> None:
    reason = ""
    if cache.subnet_id:
        reason = "Private endpoint connections are not supported for a cache that is injected into a virtual network."
    elif cache.linked_servers:
        reason = "Private endpoint connections cannot be added to a cache that has linked servers. Unlink it first."
    elif cache.is_clustered and cache.connections:
        reason = "A clustered cache supports at most 1 private endpoint connection."
    elif len(cache.connections) >= _MOST_CONNECTIONS:
        reason = f"A cache supports at most {_MOST_CONNECTIONS} private endpoint connections."
    if reason:
        raise errors.bad_request(f"Call to Microsoft.Cache/redis failed. Error message: {reason}", "BadRequest")


# Operations


def poll(world: World, call: Call) -> Answer:
    operation = world.operations.get(call.path.name)
    if operation is None:
        raise errors.ArmError(HTTPStatus.NOT_FOUND, "ResourceNotFound", "The operation was not found.")
    return operations.poll(operation, call, world.clock.scale)


def _child(name: str, handlers: Mapping[str, object], operation: str = "") -> Route:
    return Route(f"{TYPE}/{name}", operation or f"{OPERATION}/{name}", VERSIONS, handlers)  # type: ignore[arg-type]


_POLL_VERSIONS = VERSIONS | {"2019-07-01"}
HANDLERS: Mapping[str, Handler] = {"GET": get, "LIST": listed, "PUT": put, "PATCH": patch, "DELETE": delete}
ROUTES = (
    _child(
        "privateEndpointConnections",
        {
            "GET": get_connection,
            "LIST": list_connections,
            "PUT": put_connection,
            "DELETE": delete_connection,
        },
    ),
    _child("privateLinkResources", {"LIST": list_link_resources}),
    Route(
        "Microsoft.Cache/locations/asyncOperations",
        "Microsoft.Cache/locations/asyncOperations",
        _POLL_VERSIONS,
        {"GET": poll},
        SIGNED,
    ),
    Route(
        "Microsoft.Cache/locations/operationresults",
        "Microsoft.Cache/locations/operationresults",
        _POLL_VERSIONS,
        {"GET": poll},
        SIGNED,
    ),
)
