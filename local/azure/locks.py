"""Management locks are resources on what they lock: Access holds calls back for as long as they stand."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from local.azure import errors
from local.azure.calls import Answer, Call, Json
from local.azure.paths import parse
from local.azure.routes import Route
from local.azure.store import Resource, Store

if TYPE_CHECKING:
    from local.azure.world import World

TYPE = "Microsoft.Authorization/locks"
VERSIONS = frozenset({"2020-05-01", "2017-04-01", "2016-09-01", "2015-01-01"})
_LEVELS = ("CanNotDelete", "ReadOnly")


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagementLock(Resource):
    """One lock. Its id is spelt as whoever made it spelt it, as recorded."""

    type: str = TYPE
    level: str
    notes: str | None = None
    owners: tuple[Json, ...] = ()

    @property
    def scope(self) -> str:
        return parse(self.id).scope

    def render(self) -> Json:
        properties: Json = {"level": self.level}
        if self.notes is not None:
            properties["notes"] = self.notes
        if self.owners:
            properties["owners"] = list(self.owners)
        return {"properties": properties, "id": self.id, "type": TYPE, "name": self.name}


def in_subscription(store: Store, subscription: str) -> list[ManagementLock]:
    """Give the locks that stand anywhere in a subscription, in the order in which they were made."""
    items = store.page(f"/subscriptions/{subscription.lower()}", TYPE.lower(), 0, len(store))
    return [item for item in items if isinstance(item, ManagementLock)]


def put(world: World, call: Call) -> Answer:
    _require_scope(world, call)
    level = str(call.properties.get("level"))
    if level not in _LEVELS:
        raise errors.bad_request(
            f"The lock level '{level}' is not valid. Valid values: {', '.join(_LEVELS)}.", "InvalidLockLevel"
        )
    before = world.store.find(call.path.text, ManagementLock)
    lock = ManagementLock(
        id=before.id if before else call.path.text,
        level=level,
        notes=call.properties.get("notes"),
        owners=tuple(call.properties.get("owners") or ()),
    )
    world.put(lock)
    status = HTTPStatus.OK if before else HTTPStatus.CREATED
    world.emit(call, f"{TYPE}/write", lock.id, status=status)
    return Answer(status, lock.render())


def get(world: World, call: Call) -> Answer:
    lock = world.seen(call, call.path.text)
    if lock is None:
        raise errors.ArmError(
            HTTPStatus.NOT_FOUND, "LockNotFound", f"The lock '{call.path.name}' could not be found.", errors.GATEWAY
        )
    return Answer(HTTPStatus.OK, lock.render())


def list_locks(world: World, call: Call) -> Answer:
    """List the locks at a scope and below it."""
    _require_scope(world, call)
    within = f"{call.path.scope.lower()}/"
    locks = in_subscription(world.store, call.path.subscription)
    return Answer(HTTPStatus.OK, {"value": [lock.render() for lock in locks if lock.key.startswith(within)]})


def delete(world: World, call: Call) -> Answer:
    if world.remove(call.path.text) is None:
        return Answer(HTTPStatus.NO_CONTENT)
    world.emit(call, f"{TYPE}/delete", call.path.text)
    return Answer(HTTPStatus.OK)


def _require_scope(world: World, call: Call) -> None:
    """Refuse a scope that is not there; the subscription was looked at before."""
    scope = call.path.scope
    if call.path.group and world.store.get(call.path.group_id) is None:
        raise errors.group_not_found(call.path.group)
    if "/providers/" in scope and world.store.get(scope) is None:
        raise errors.not_found(scope)


ROUTES = (Route(TYPE, TYPE, VERSIONS, {"GET": get, "LIST": list_locks, "PUT": put, "DELETE": delete}),)
