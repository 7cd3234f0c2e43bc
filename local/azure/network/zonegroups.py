"""A zone group writes an endpoint's names into private DNS zones, and takes them out again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from local.azure import errors
from local.azure.callers import POLICY
from local.azure.calls import Answer, Call, Json
from local.azure.dnsrecords import put_record, remove_record
from local.azure.network import endpoints
from local.azure.network.common import VERSIONS, accepted, begin_delete, etag, work
from local.azure.network.endpoints import PrivateEndpoint
from local.azure.privatedns import Zone
from local.azure.reading import found, listed, require_group
from local.azure.routes import PAGED, Route
from local.azure.store import Resource

if TYPE_CHECKING:
    from local.azure.errors import ArmError
    from local.azure.world import World

TYPE = "Microsoft.Network/privateEndpoints/privateDnsZoneGroups"
_JOIN = "Microsoft.Network/privateDnsZones/join/action"
# What Azure's built-in policy calls the zone group that it makes.
BY_POLICY = "deployedByPolicy"
_TTL = 10


@dataclass(frozen=True, slots=True)
class ZoneConfig:
    name: str
    zone_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneGroup(Resource):
    """``records`` are record set ids with their addresses, as they stand in the zones."""

    type: str = TYPE
    etag: str
    configs: tuple[ZoneConfig, ...]
    state: str = "Succeeded"
    records: tuple[tuple[str, str], ...] = ()

    def render(self) -> Json:
        return {
            "name": self.name,
            "id": self.id,
            "etag": self.etag,
            "type": TYPE,
            "properties": {
                "provisioningState": self.state,
                "privateDnsZoneConfigs": [self._config(config) for config in self.configs],
            },
        }

    def _config(self, config: ZoneConfig) -> Json:
        return {
            "name": config.name,
            "id": f"{self.id}/privateDnsZoneConfigs/{config.name}",
            "etag": self.etag,
            "type": f"{TYPE}/privateDnsZoneConfigs",
            "properties": {
                "provisioningState": self.state,
                "privateDnsZoneId": config.zone_id,
                "recordSets": [
                    self._record(config, record_id, address)
                    for record_id, address in self.records
                    if record_id.lower().startswith(config.zone_id.lower() + "/")
                ],
            },
        }

    def _record(self, config: ZoneConfig, record_id: str, address: str) -> Json:
        name = record_id.rsplit("/", 1)[-1]
        return {
            "recordType": "A",
            "recordSetName": name,
            "fqdn": f"{name}.{config.zone_id.rsplit('/', 1)[-1]}",
            "ttl": _TTL,
            "provisioningState": self.state,
            "ipAddresses": [address],
        }

    @property
    def endpoint_id(self) -> str:
        return self.id.rsplit("/", 2)[0]


def put(world: World, call: Call) -> Answer:
    endpoint = endpoints.find(world, call.path.parent)
    if endpoint is None:
        require_group(world, call)
        raise errors.parent_not_found("privateEndpoints/privateDnsZoneGroups", call.path.parent)
    if endpoint.state != "Succeeded":
        raise errors.retryable(endpoint.id, call.path.text, "PutPrivateEndpointOperation", endpoint.state)
    before = world.store.find(call.path.text, ZoneGroup)
    _refuse_second(world, endpoint, call)
    configs = _configs(world, call)
    status = HTTPStatus.OK if before else HTTPStatus.CREATED
    group_id = before.id if before else f"{endpoint.id}/privateDnsZoneGroups/{call.path.name}"
    group = _written(world, endpoint, group_id, configs)
    seconds = world.lasting(world.options.durations.zone_group_write)
    job = replace(
        work(endpoint.region, seconds, f"{TYPE}/write", group.id),
        finish=partial(_finish, world, group.id, before.records if before else ()),
        fail=partial(_failed, world, group.id),
        created=before is None,
    )
    operation = world.begin(call, job)
    return Answer(status, group.render(), accepted(world, call, operation, 10))


def _written(world: World, endpoint: PrivateEndpoint, group_id: str, configs: tuple[ZoneConfig, ...]) -> ZoneGroup:
    records = tuple(
        (f"{config.zone_id}/A/{name.record}", endpoint.address)
        for config in configs
        for name in endpoint.names
        if config.zone_id.lower().endswith(f"/{name.zone}") and endpoint.status == "Approved"
    )
    group = ZoneGroup(id=group_id, etag=etag(world), configs=configs, state="Updating", records=records)
    world.put(group)
    return group


def _finish(world: World, group_id: str, old: tuple[tuple[str, str], ...]) -> None:
    group = world.store.find(group_id, ZoneGroup)
    endpoint = endpoints.find(world, group.endpoint_id) if group else None
    if group is None or endpoint is None:
        return
    for record_id, _ in old:
        if record_id not in dict(group.records):
            remove_record(world, record_id)
    for record_id, address in group.records:
        put_record(world, record_id, address, _TTL)
    world.put(replace(group, state="Succeeded", etag=etag(world)))
    world.put(replace(endpoint, zone_group_id=group.id, etag=etag(world)))


def refresh(world: World, endpoint: PrivateEndpoint) -> None:
    """Write the records of a zone group that was made before its connection was approved."""
    for group in world.store.children(endpoint.id):
        if isinstance(group, ZoneGroup) and group.state == "Succeeded":
            _written(world, endpoint, group.id, group.configs)
            _finish(world, group.id, group.records)


def _failed(world: World, group_id: str, _: ArmError) -> None:
    group = world.store.find(group_id, ZoneGroup)
    if group is not None:
        world.put(replace(group, state="Failed", records=(), etag=etag(world)))


def _refuse_second(world: World, endpoint: PrivateEndpoint, call: Call) -> None:
    for group in world.store.children(endpoint.id):
        if isinstance(group, ZoneGroup) and group.key != call.path.key:
            raise errors.network_refusal(
                "MoreThanOnePrivateDnsZoneGroupPerPrivateEndpointNotAllowed",
                f"Only one private DNS zone group is allowed for private endpoint {endpoint.id}; it has {group.id}.",
            )


def _configs(world: World, call: Call) -> tuple[ZoneConfig, ...]:
    configs = []
    for item in call.properties.get("privateDnsZoneConfigs") or ():
        zone_id = str((item.get("properties") or {}).get("privateDnsZoneId") or "")
        world.access.require_linked(call, f"{TYPE}/write", _JOIN, zone_id)
        zone = world.store.find(zone_id, Zone)
        if zone is None:
            raise errors.bad_reference(zone_id, call.path.text)
        configs.append(ZoneConfig(str(item.get("name") or zone.name), zone.id))
    if not configs:
        raise errors.network_refusal(
            "InvalidRequestFormat", "Cannot parse the request: properties.privateDnsZoneConfigs must not be empty."
        )
    return tuple(configs)


def delete(world: World, call: Call) -> Answer:
    group = world.store.find(call.path.text, ZoneGroup)
    endpoint = endpoints.find(world, call.path.parent)
    if endpoint is None:
        raise errors.not_found(call.path.parent)
    if group is None:
        return Answer(HTTPStatus.NO_CONTENT)
    world.put(replace(group, state="Deleting", etag=etag(world)))
    seconds = world.lasting(world.options.durations.zone_group_delete)
    job = replace(work(endpoint.region, seconds, f"{TYPE}/delete", group.id), finish=partial(_removed, world, group))
    return begin_delete(world, call, job)


def _removed(world: World, group: ZoneGroup) -> None:
    remove_records(world, group)
    world.remove(group.id)
    endpoint = endpoints.find(world, group.endpoint_id)
    if endpoint is not None:
        world.put(replace(endpoint, zone_group_id="", etag=etag(world)))


def remove_records(world: World, group: Resource) -> None:
    """Take a zone group's records out, even where another endpoint has since written the same name: the known trap."""
    if isinstance(group, ZoneGroup):
        for record_id, _ in group.records:
            remove_record(world, record_id)


def deploy_by_policy(world: World, endpoint_id: str) -> None:
    """Do what the built-in policy does some time after an endpoint succeeded: make a zone group, if there is none."""
    endpoint = endpoints.find(world, endpoint_id)
    policy = world.options.policy_zone_groups
    if endpoint is None or policy is None or endpoint.state != "Succeeded":
        return
    if any(isinstance(child, ZoneGroup) for child in world.store.children(endpoint_id)):
        return
    zone_ids = [policy.zones[name.zone] for name in endpoint.names if name.zone in policy.zones]
    configs = [
        {"name": f"config{number}", "properties": {"privateDnsZoneId": zone_id}}
        for number, zone_id in enumerate(zone_ids)
    ]
    if configs:
        url = f"{endpoint_id}/privateDnsZoneGroups/{BY_POLICY}?api-version={max(VERSIONS)}"
        world.after(0, lambda: _as_policy(world, url, configs))


def _as_policy(world: World, url: str, configs: list[Json]) -> None:
    world.request("PUT", url, {"properties": {"privateDnsZoneConfigs": configs}}, POLICY)


def get(world: World, call: Call) -> Answer:
    if endpoints.find(world, call.path.parent) is not None and world.seen(call, call.path.text) is None:
        raise errors.network_child_not_found(call.path.text)
    body = found(world, call).render()
    return Answer(HTTPStatus.OK, body, {"ETag": body["etag"]})


ROUTES = (Route(TYPE, TYPE, VERSIONS, {"GET": get, "LIST": listed, "PUT": put, "DELETE": delete}, PAGED),)
