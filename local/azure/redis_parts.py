"""What is inside a classic cache: access policies, firewall rules, the patch schedule, linked servers, its keys."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from local.azure import errors, operations
from local.azure.calls import Answer, Call, Json
from local.azure.operations import Style, Work
from local.azure.redis import HANDLERS, OPERATION, TYPE, VERSIONS, Cache, parent
from local.azure.regions import display_name
from local.azure.routes import PAGED, Route
from local.azure.store import Resource

if TYPE_CHECKING:
    from local.azure.durations import Spread
    from local.azure.errors import ArmError
    from local.azure.world import World

POLICIES = f"{TYPE}/accessPolicies"
ASSIGNMENTS = f"{TYPE}/accessPolicyAssignments"
RULES = f"{TYPE}/firewallRules"
SCHEDULES = f"{TYPE}/patchSchedules"
SERVERS = f"{TYPE}/linkedServers"
_BUILT_IN = {
    "Data Owner": "+@all allkeys",
    "Data Contributor": "+@all -@dangerous +cluster|info +cluster|nodes +cluster|slots allkeys",
    "Data Reader": "+@read +@connection +cluster|info +cluster|nodes +cluster|slots allkeys",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part(Resource):
    """One of them; ``properties`` are as on the wire, and ``state`` is empty for a type that shows none."""

    properties: Json = field(default_factory=dict)
    state: str = ""

    def render(self) -> Json:
        shown = {"provisioningState": self.state} if self.state else {}
        return {"id": self.id, "name": self.name, "type": self.type, "properties": {**self.properties, **shown}}


def _of(world: World, cache: Cache, kind: str) -> list[Part]:
    children = [item for item in world.store.children(cache.id) if isinstance(item, Part)]
    return [item for item in children if item.type == kind]


def _find(world: World, call: Call) -> tuple[Cache, Part]:
    cache = parent(world, call)
    part = world.seen(call, call.path.text)
    if isinstance(part, Part):
        return cache, part
    raise errors.ArmError(
        HTTPStatus.NOT_FOUND,
        "ResourceNotFound",
        f"The resource '{call.path.text}' was not found.\r\nRequestID={call.correlation_id}",
        extra={"target": None},
    )


def _part_id(cache: Cache, call: Call, kind: str) -> str:
    return f"{cache.id}/{kind.rsplit('/', 1)[-1]}/{call.path.name}"


def get(world: World, call: Call) -> Answer:
    return Answer(HTTPStatus.OK, _find(world, call)[1].render())


def _lister(kind: str) -> Callable[[World, Call], Answer]:
    def listed(world: World, call: Call) -> Answer:
        cache = parent(world, call)
        return Answer(HTTPStatus.OK, {"value": [part.render() for part in _of(world, cache, kind)]})

    return listed


# Access policies and their assignments: a moment of Updating, then there, or gone.


def list_policies(world: World, call: Call) -> Answer:
    """List the three that every cache has, then those that were made."""
    cache = parent(world, call)
    built_in = [
        Part(
            id=f"{cache.id}/accessPolicies/{name}",
            type=POLICIES,
            properties={"permissions": permissions, "type": "BuiltIn"},
            state="Succeeded",
        )
        for name, permissions in _BUILT_IN.items()
    ]
    return Answer(HTTPStatus.OK, {"value": [part.render() for part in (*built_in, *_of(world, cache, POLICIES))]})


def put_policy(world: World, call: Call) -> Answer:
    permissions = str(call.properties.get("permissions") or "")
    if not permissions:
        raise errors.bad_request("The value of the parameter 'properties.permissions' is invalid.")
    keyed = "allkeys" in permissions or "~" in permissions
    wanted = permissions if keyed else f"{permissions} allkeys"
    return _write(world, call, POLICIES, {"permissions": wanted, "type": "Custom"})


def put_assignment(world: World, call: Call) -> Answer:
    names = ("accessPolicyName", "objectId", "objectIdAlias")
    absent = [name for name in names if not call.properties.get(name)]
    if absent:
        raise errors.bad_request(f"The value of the parameter 'properties.{absent[0]}' is invalid.")
    return _write(world, call, ASSIGNMENTS, {name: call.properties[name] for name in names})


def _write(world: World, call: Call, kind: str, properties: Json) -> Answer:
    cache = _idle(world, call)
    before = world.store.find(call.path.text, Part)
    held = before or Part(id=_part_id(cache, call, kind), type=kind)
    during = replace(held, properties=properties, state="Updating")
    world.put(during)

    def settle(_: ArmError | None = None) -> None:
        current = world.store.find(during.id, Part)
        if current is not None and current.state == "Updating":
            world.put(replace(current, state="Succeeded"))

    spread = world.options.durations.redis_part_write
    job = replace(_work(world, cache, during.id, "write", spread), finish=settle, fail=settle, created=before is None)
    where = operations.url(world.begin(call, job), call.base_url)
    return Answer(HTTPStatus.CREATED, during.render(), {"Azure-AsyncOperation": where, "Location": where})


def delete(world: World, call: Call) -> Answer:
    cache = _idle(world, call)
    part = world.store.find(call.path.text, Part)
    if part is None:
        return Answer(HTTPStatus.NO_CONTENT)
    spread = world.options.durations.redis_part_write
    job = replace(_work(world, cache, part.id, "delete", spread), finish=partial(_remove, world, part.id))
    where = operations.url(world.begin(call, job), call.base_url)
    return Answer(HTTPStatus.ACCEPTED, None, {"Azure-AsyncOperation": where, "Location": where})


def _remove(world: World, part_id: str) -> None:
    world.remove(part_id)


def _idle(world: World, call: Call) -> Cache:
    cache = parent(world, call)
    if cache.state != "Succeeded":
        raise errors.busy(cache.id)
    return cache


def _work(world: World, cache: Cache, subject: str, verb: str, spread: Spread) -> Work:
    action = subject.removeprefix(f"{cache.id}/").split("/", 1)[0]
    name = f"{OPERATION}/{verb}" if subject == cache.id else f"{OPERATION}/{action}/{verb}"
    return Work(Style.REDIS, world.lasting(spread), display_name(cache.region), name, subject)


# Firewall rules and the patch schedule: at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Named(Part):
    """One whose name is shown behind that of its cache."""

    shown_type: str = ""
    location: str = ""

    def render(self) -> Json:
        body = {**Part.render(self), "name": f"{self.id.split('/')[8]}/{self.name}", "type": self.shown_type}
        return {**body, "location": self.location} if self.location else body


def put_rule(world: World, call: Call) -> Answer:
    cache = _idle(world, call)
    before = world.store.find(call.path.text, Part)
    addresses = {name: call.properties.get(name) for name in ("startIP", "endIP")}
    absent = [name for name, value in addresses.items() if not value]
    if absent:
        raise errors.bad_request(f"The value of the parameter 'properties.{absent[0]}' is invalid.")
    rule = Named(id=_part_id(cache, call, RULES), type=RULES, shown_type=RULES, properties=addresses)
    world.put(rule)
    status = HTTPStatus.OK if before else HTTPStatus.CREATED
    world.emit(call, f"{OPERATION}/firewallRules/write", rule.id, status=status)
    # Recorded: only the answer to a PUT spells the cache's type with a small letter.
    small = {name: str(rule.render()[name]).replace(TYPE, OPERATION) for name in ("id", "type")}
    headers = {} if before else {"Location": operations.plain_url(call)}
    return Answer(status, {**rule.render(), **small}, headers)


def put_schedule(world: World, call: Call) -> Answer:
    cache = _idle(world, call)
    entries = call.properties.get("scheduleEntries")
    if not isinstance(entries, list) or not entries:
        raise errors.bad_request("The value of the parameter 'properties.scheduleEntries' is invalid.")
    schedule = Named(
        id=_part_id(cache, call, SCHEDULES),
        type=SCHEDULES,
        shown_type=f"{TYPE}/PatchSchedules",
        location=display_name(cache.region),
        properties={"scheduleEntries": [{"maintenanceWindow": "PT5H", **entry} for entry in entries]},
    )
    world.put(schedule)
    world.emit(call, f"{OPERATION}/patchSchedules/write", schedule.id)
    return Answer(HTTPStatus.OK, schedule.render())


def delete_at_once(world: World, call: Call) -> Answer:
    cache = _idle(world, call)
    part = world.remove(call.path.text)
    if part is None:
        return Answer(HTTPStatus.NO_CONTENT)
    world.emit(call, f"{OPERATION}/{part.id.removeprefix(cache.id).split('/')[1]}/delete", part.id)
    return Answer(HTTPStatus.OK)


# Linked servers: the primary's side, and the secondary's that mirrors it


def list_servers(world: World, call: Call) -> Answer:
    """List the links that were made, and those that stood from the beginning."""
    cache = parent(world, call)
    made = [part.render() for part in _of(world, cache, SERVERS)]
    names = {item["name"].lower() for item in made}
    stood = [linked for linked in cache.linked_servers if linked.rsplit("/", 1)[-1].lower() not in names]
    plain = [_server(world, cache, linked, "Secondary", "Succeeded").render() for linked in stood]
    return Answer(HTTPStatus.OK, {"value": made + plain})


def _server(world: World, cache: Cache, linked_id: str, role: str, state: str) -> Part:
    linked, name = world.store.find(linked_id, Cache), linked_id.rsplit("/", 1)[-1]
    primary = linked_id.rsplit("/", 1)[-1] if role == "Primary" else cache.name
    secondary = cache.name if role == "Primary" else name
    properties: Json = {
        "linkedRedisCacheId": linked_id,
        "linkedRedisCacheLocation": display_name((linked or cache).region),
        "serverRole": role,
        "geoReplicatedPrimaryHostName": f"{secondary}.geo.redis.cache.windows.net",
        "primaryHostName": f"{primary}.redis.cache.windows.net",
    }
    return Part(id=f"{cache.id}/linkedServers/{name}", type=SERVERS, properties=properties, state=state)


def put_server(world: World, call: Call) -> Answer:
    cache = _idle(world, call)
    linked_id = str(call.properties.get("linkedRedisCacheId") or "")
    linked = world.store.find(linked_id, Cache)
    if linked is None or linked.name.lower() != call.path.name.lower():
        raise errors.bad_request(f"The linked cache '{linked_id}' was not found, or is not called '{call.path.name}'.")
    if linked.state != "Succeeded":
        raise errors.busy(linked.id)
    for one in (cache, linked):
        if one.sku["name"] != "Premium":
            raise errors.bad_request(f"'{one.name}' cannot be linked: it has to be Premium.")
    role = str(call.properties.get("serverRole") or "Secondary")
    other = "Primary" if role == "Secondary" else "Secondary"
    before = world.store.find(call.path.text, Part)
    during = _server(world, cache, linked.id, role, "Creating")
    world.put(during)

    def finish() -> None:
        for one, peer, its_role in ((cache, linked, role), (linked, cache, other)):
            world.put(_server(world, one, peer.id, its_role, "Succeeded"))
            _set_linked(world, one.id, peer.id, linked=True)

    spread = world.options.durations.linked_server_write
    job = replace(_work(world, cache, during.id, "write", spread), finish=finish, created=before is None)
    headers = {"Azure-AsyncOperation": operations.url(world.begin(call, job), call.base_url)}
    return Answer(HTTPStatus.CREATED, during.render(), headers)


def delete_server(world: World, call: Call) -> Answer:
    cache = _idle(world, call)
    name = call.path.name.lower()
    part = world.store.find(call.path.text, Part)
    peer = next((linked for linked in cache.linked_servers if linked.rsplit("/", 1)[-1].lower() == name), None)
    if part is None and peer is None:
        return Answer(HTTPStatus.NO_CONTENT)
    peer_id = peer or str(part.properties["linkedRedisCacheId"] if part else "")

    def finish() -> None:
        for one, other in ((cache.id, peer_id), (peer_id, cache.id)):
            world.remove(f"{one}/linkedServers/{other.rsplit('/', 1)[-1]}")
            _set_linked(world, one, other, linked=False)

    subject = f"{cache.id}/linkedServers/{call.path.name}"
    spread = world.options.durations.linked_server_delete
    job = replace(_work(world, cache, subject, "delete", spread), finish=finish)
    where = operations.url(world.begin(call, job), call.base_url)
    return Answer(HTTPStatus.ACCEPTED, None, {"Azure-AsyncOperation": where, "Location": where})


def _set_linked(world: World, cache_id: str, peer_id: str, *, linked: bool) -> None:
    cache = world.store.find(cache_id, Cache)
    if cache is None:
        return
    others = tuple(held for held in cache.linked_servers if held.lower() != peer_id.lower())
    world.put(replace(cache, linked_servers=(*others, peer_id) if linked else others))


# Actions


def list_keys(world: World, call: Call) -> Answer:
    return Answer(HTTPStatus.OK, _keys(world, parent(world, _at_cache(call))))


def regenerate_key(world: World, call: Call) -> Answer:
    cache = _idle(world, _at_cache(call))
    kind = str((call.body or {}).get("keyType"))
    if kind not in {"Primary", "Secondary"}:
        raise errors.bad_request(f"The value '{kind}' of 'keyType' is not valid. Valid values: 'Primary', 'Secondary'.")
    keys = {**_keys(world, cache), f"{kind.lower()}Key": secrets.token_urlsafe(32)}
    world.put(replace(cache, secret=keys))
    world.emit(call, f"{OPERATION}/regenerateKey/action", cache.id)
    return Answer(HTTPStatus.OK, keys)


def _keys(world: World, cache: Cache) -> Json:
    """Give the keys of a cache, made up when somebody asks first; they open nothing."""
    if cache.secret is not None:
        return dict(cache.secret)
    keys = {name: secrets.token_urlsafe(32) for name in ("primaryKey", "secondaryKey")}
    world.put(replace(cache, secret=keys))
    return keys


def force_reboot(world: World, call: Call) -> Answer:
    cache = _idle(world, _at_cache(call))
    kind = str((call.body or {}).get("rebootType"))
    if kind not in {"AllNodes", "PrimaryNode", "SecondaryNode"}:
        raise errors.bad_request(f"The value '{kind}' of 'rebootType' is not valid.")
    world.emit(call, f"{OPERATION}/forceReboot/action", cache.id)
    # Recorded with this very 'Value'.
    message = (
        "The requested reboot operation for 'Value' has been successfully scheduled and should be executed shortly."
    )
    return Answer(HTTPStatus.OK, {"message": message})


def flush(world: World, call: Call) -> Answer:
    where = _begin_action(world, call, "flush")
    return Answer(HTTPStatus.ACCEPTED, None, {"Azure-AsyncOperation": where, "Location": where})


def export(world: World, call: Call) -> Answer:
    return _move_data(world, call, ("prefix", "container"))


def import_data(world: World, call: Call) -> Answer:
    return _move_data(world, call, ("files",))


def _move_data(world: World, call: Call, required: tuple[str, ...]) -> Answer:
    cache = parent(world, _at_cache(call))
    if cache.sku["name"] != "Premium":
        raise errors.bad_request(f"The cache '{cache.name}' has to be Premium to import or export.")
    absent = [name for name in required if not (call.body or {}).get(name)]
    if absent:
        raise errors.bad_request(f"The value of the parameter '{absent[0]}' is invalid.")
    return Answer(HTTPStatus.ACCEPTED, None, {"Location": _begin_action(world, call, call.path.action)})


def _begin_action(world: World, call: Call, action: str) -> str:
    cache = _idle(world, _at_cache(call))
    spread = world.options.durations.redis_action
    job = replace(_work(world, cache, cache.id, f"{action}/action", spread), style=Style.REDIS_DELETE)
    return operations.url(world.begin(call, job), call.base_url)


def _at_cache(call: Call) -> Call:
    """Give the call as one to something inside the cache, whose parent the cache is."""
    return replace(call, path=replace(call.path, text=f"{call.path.text}/actions/{call.path.action}"))


ACTIONS = {
    "POST:listkeys": list_keys,
    "POST:regeneratekey": regenerate_key,
    "POST:forcereboot": force_reboot,
    "POST:flush": flush,
    "POST:export": export,
    "POST:import": import_data,
}


def _child(name: str, handlers: dict[str, Callable[[World, Call], Answer]]) -> Route:
    return Route(f"{TYPE}/{name}", f"{OPERATION}/{name}", VERSIONS, handlers, PAGED)


ROUTES = (
    Route(TYPE, OPERATION, VERSIONS, {**HANDLERS, **ACTIONS}, PAGED),
    _child("accessPolicies", {"GET": get, "LIST": list_policies, "PUT": put_policy, "DELETE": delete}),
    _child(
        "accessPolicyAssignments",
        {"GET": get, "LIST": _lister(ASSIGNMENTS), "PUT": put_assignment, "DELETE": delete},
    ),
    _child("firewallRules", {"GET": get, "LIST": _lister(RULES), "PUT": put_rule, "DELETE": delete_at_once}),
    _child("patchSchedules", {"GET": get, "LIST": _lister(SCHEDULES), "PUT": put_schedule, "DELETE": delete_at_once}),
    _child("linkedServers", {"GET": get, "LIST": list_servers, "PUT": put_server, "DELETE": delete_server}),
)
