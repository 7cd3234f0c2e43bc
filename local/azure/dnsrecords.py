"""The record sets of private zones: one for each name and type, and the SOA that every zone has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

from local.azure import errors
from local.azure.calls import Answer, Call, Json
from local.azure.privatedns import VERSIONS, ZONE, Zone, absent, count
from local.azure.reading import missing, require_group
from local.azure.routes import PAGED, Route
from local.azure.store import Resource

if TYPE_CHECKING:
    from local.azure.world import World

# Each type of record set, and the property that holds its records; those of two types are one record and no list.
_KINDS = {
    "A": "aRecords",
    "AAAA": "aaaaRecords",
    "CNAME": "cnameRecord",
    "MX": "mxRecords",
    "PTR": "ptrRecords",
    "SOA": "soaRecord",
    "SRV": "srvRecords",
    "TXT": "txtRecords",
}
_SINGLE = frozenset({"CNAME", "SOA"})
_APEX = "@"
_SOA: Json = {
    "email": "azureprivatedns-host.microsoft.com",
    "expireTime": 2419200,
    "host": "azureprivatedns.net",
    "minimumTtl": 10,
    "refreshTime": 3600,
    "retryTime": 300,
    "serialNumber": 1,
}
_TTL = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSet(Resource):
    """All records of one name and type; ``records`` is what the type's property holds."""

    type: str = f"{ZONE}/A"
    etag: str
    ttl: int
    records: list[Json] | Json
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def zone_id(self) -> str:
        return self.id.rsplit("/", 2)[0]

    @property
    def kind(self) -> str:
        return self.type.rsplit("/", 1)[-1]

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses that an A record set leads to."""
        return tuple(str(record["ipv4Address"]) for record in self.records if isinstance(record, dict))

    def render(self) -> Json:
        zone = self.zone_id.rsplit("/", 1)[-1]
        return {
            "id": self.id,
            "name": self.name,
            "type": self.type,
            "etag": self.etag,
            "properties": {
                **({"metadata": dict(self.metadata)} if self.metadata else {}),
                "fqdn": f"{zone}." if self.name == _APEX else f"{self.name}.{zone}.",
                "ttl": self.ttl,
                _KINDS[self.kind]: self.records,
                "isAutoRegistered": False,
            },
        }


# What zone groups write


def put_record(world: World, record_id: str, address: str, ttl: int) -> None:
    """Write an A record of one address over whatever was there; raises ArmError where the zone is gone."""
    zone_id = record_id.rsplit("/", 2)[0]
    if world.store.find(zone_id, Zone) is None:
        raise errors.not_found(zone_id)
    world.put(RecordSet(id=record_id, etag=world.uuid(), ttl=ttl, records=[{"ipv4Address": address}]))
    count(world, zone_id)


def remove_record(world: World, record_id: str) -> None:
    if world.remove(record_id) is not None:
        count(world, record_id.rsplit("/", 2)[0])


# What people write


def _kind(call: Call) -> str:
    return call.path.type.rsplit("/", 1)[-1].upper()


def put(world: World, call: Call) -> Answer:
    zone, kind = world.store.find(call.path.parent, Zone), _kind(call)
    if zone is None:
        require_group(world, call)
        raise errors.parent_not_found(f"privateDnsZones/{kind}", call.path.parent)
    before = _found(world, zone, call)
    if before is not None and call.headers.get("if-none-match") == "*":
        return _precondition_failed(
            f"The Record set {call.path.name} exists already and hence cannot be created again."
        )
    if call.headers.get("if-match") and (before is None or call.headers["if-match"] != before.etag):
        return _precondition_failed(f"The Record set {call.path.name} has been modified (etag mismatch).")
    _refuse_beside_alias(world, zone, call)
    record = RecordSet(
        id=before.id if before else f"{zone.id}/{kind}/{call.path.name}",
        type=f"{ZONE}/{kind}",
        etag=world.uuid(),
        ttl=int(call.properties.get("ttl") or _TTL),
        records=_given(call, kind),
        metadata=dict(call.properties.get("metadata") or {}),
    )
    world.put(record)
    count(world, zone.id)
    status = HTTPStatus.OK if before else HTTPStatus.CREATED
    world.emit(call, f"{record.type}/write", record.id, status=status)
    return Answer(status, record.render(), {"ETag": record.etag})


def _given(call: Call, kind: str) -> list[Json] | Json:
    given = call.properties.get(_KINDS[kind])
    if kind == "SOA":
        if call.path.name != _APEX:
            raise _refused(f"A record set of type SOA has the name '{_APEX}' and no other.")
        # The name server is the zone's own and is not changed by what a body says.
        return {**_SOA, **(given or {}), "host": _SOA["host"]}
    if kind not in _SINGLE:
        return list(given or [])
    if not given:
        raise _refused(f"A record set of type {kind} needs the property '{_KINDS[kind]}'.")
    return dict(given)


def _refuse_beside_alias(world: World, zone: Zone, call: Call) -> None:
    """Refuse an alias beside other records of its name, and others beside an alias, as DNS itself does."""
    kind = _kind(call)
    for other in world.store.children(zone.id):
        if not isinstance(other, RecordSet) or other.name.lower() != call.path.name.lower() or other.kind == kind:
            continue
        if "CNAME" in {kind, other.kind}:
            raise _refused(
                f"The record could not be created because a CNAME record set is alone at its name: '{call.path.name}' "
                f"has a record set of type {other.kind}."
            )


def _refused(message: str) -> errors.ArmError:
    error = errors.bad_request(message)
    error.answer = Answer(HTTPStatus.BAD_REQUEST, error.as_error())
    return error


def _precondition_failed(message: str) -> Answer:
    # Recorded: no envelope.
    return Answer(HTTPStatus.PRECONDITION_FAILED, {"code": "PreconditionFailed", "message": message})


def _found(world: World, zone: Zone, call: Call) -> RecordSet | None:
    """Find a record set; the SOA is there from the start."""
    record = world.seen(call, call.path.text)
    if isinstance(record, RecordSet):
        return record
    return _soa(zone) if _kind(call) == "SOA" and call.path.name == _APEX else None


def _soa(zone: Zone) -> RecordSet:
    return RecordSet(id=f"{zone.id}/SOA/{_APEX}", type=f"{ZONE}/SOA", etag=zone.etag, ttl=_TTL, records=dict(_SOA))


def get(world: World, call: Call) -> Answer:
    zone = world.store.find(call.path.parent, Zone)
    if zone is None:
        raise missing(world, call)
    record = _found(world, zone, call)
    if record is None:
        raise errors.dns_child_not_found(call.path.name)
    return Answer(HTTPStatus.OK, record.render(), {"ETag": record.etag})


def listed(world: World, call: Call) -> Answer:
    """List the record sets of one type, or of all, the SOA first."""
    zone = world.store.find(call.path.parent, Zone)
    if zone is None:
        raise missing(world, call)
    kind = _kind(call)
    held = [item for item in world.store.children(zone.id) if isinstance(item, RecordSet)]
    if not any(record.kind == "SOA" for record in held):
        held.insert(0, _soa(zone))
    return Answer(HTTPStatus.OK, {"value": [item.render() for item in held if kind in {"ALL", item.kind}]})


def delete(world: World, call: Call) -> Answer:
    record = world.store.find(call.path.text, RecordSet)
    if _kind(call) == "SOA":
        raise _refused("The SOA record set of a zone cannot be deleted.")
    if record is None:
        return absent(world, call)
    remove_record(world, record.id)
    world.emit(call, f"{record.type}/delete", record.id)
    return Answer(HTTPStatus.OK)


def _route(kind: str) -> Route:
    handlers = {"GET": get, "LIST": listed, "PUT": put, "DELETE": delete}
    return Route(f"{ZONE}/{kind}", f"{ZONE}/{kind}", VERSIONS, handlers, PAGED)


ROUTES = (
    *map(_route, _KINDS),
    Route(f"{ZONE}/ALL", f"{ZONE}/ALL", VERSIONS, {"LIST": listed}, PAGED),
)
