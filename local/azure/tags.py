"""The Tags API, on resources, groups and subscriptions; and the names of tags, counted in a subscription."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from local.azure import errors
from local.azure.calls import Answer, Call, Json
from local.azure.resources import VERSIONS
from local.azure.routes import PAGED, Route
from local.azure.store import Resource

if TYPE_CHECKING:
    from local.azure.world import World

TYPE = "Microsoft.Resources/tags"
_NAMES = "Microsoft.Resources/subscriptions/tagNames"
_VALUES = f"{_NAMES}/tagValues"
_MOST = 50
_LONGEST = 256


# Tags of something


def get(world: World, call: Call) -> Answer:
    _require(world, call)
    if _is_subscription(call):
        return Answer(HTTPStatus.OK, _shown(call.path.scope, _held(world, call)))
    seen = world.seen(call, call.path.scope)
    return Answer(HTTPStatus.OK, _shown(call.path.scope, dict(seen.tags) if seen else {}))


def put(world: World, call: Call) -> Answer:
    return _write(world, call, _given(call))


def patch(world: World, call: Call) -> Answer:
    """Merge, replace or delete; a Delete takes away only tags whose value is the given one."""
    operation = str((call.body or {}).get("operation") or "").lower()
    held = _held(world, call)
    match operation:
        case "merge":
            return _write(world, call, _merged(held, _given(call)))
        case "replace":
            return _write(world, call, _given(call))
        case "delete":
            given = {name.lower(): value for name, value in _given(call).items()}
            kept = {name: value for name, value in held.items() if given.get(name.lower()) != value}
            return _write(world, call, kept)
        case _:
            raise errors.bad_request(f"The value '{operation}' of 'operation' is not valid.", "InvalidRequestContent")


def delete(world: World, call: Call) -> Answer:
    _put(world, call, {})
    world.emit(call, f"{TYPE}/delete", call.path.scope)
    return Answer(HTTPStatus.OK)


def _write(world: World, call: Call, tags: dict[str, str]) -> Answer:
    _put(world, call, tags)
    world.emit(call, f"{TYPE}/write", call.path.scope)
    return Answer(HTTPStatus.OK, _shown(call.path.scope, tags))


def _is_subscription(call: Call) -> bool:
    return not call.path.group and "/providers/" not in call.path.scope


def _require(world: World, call: Call) -> Resource | None:
    """Find what is tagged; None for a subscription, which was looked at before. Raises ArmError where it is absent."""
    if _is_subscription(call):
        return None
    resource = world.store.get(call.path.scope)
    if resource is None:
        if call.path.group and world.store.get(call.path.group_id) is None:
            raise errors.group_not_found(call.path.group)
        raise errors.not_found(call.path.scope)
    return resource


def _held(world: World, call: Call) -> dict[str, str]:
    resource = _require(world, call)
    return dict(resource.tags if resource else world.directory.subscriptions[call.path.subscription.lower()].tags)


def _put(world: World, call: Call, tags: dict[str, str]) -> None:
    resource = _require(world, call)
    if resource is None:
        world.directory.add(replace(world.directory.subscriptions[call.path.subscription.lower()], tags=tags))
    else:
        world.put(replace(resource, tags=tags))


def _shown(scope: str, tags: Json) -> Json:
    return {"id": f"{scope}/providers/{TYPE}/default", "name": "default", "type": TYPE, "properties": {"tags": tags}}


def _merged(before: dict[str, str], given: dict[str, str]) -> dict[str, str]:
    """Names of tags are compared without case; the spelling that is there stays."""
    spelled = {name.lower(): name for name in before}
    return {**before, **{spelled.get(name.lower(), name): value for name, value in given.items()}}


def _given(call: Call) -> dict[str, str]:
    tags = call.properties.get("tags") or {}
    if len(tags) > _MOST:
        raise errors.bad_request(f"The number of tags must not exceed {_MOST}.", "InvalidTagCount")
    for name, value in tags.items():
        if len(str(value)) > _LONGEST:
            raise errors.bad_request(
                f"The value of tag '{name}' is too long. Maximum length is {_LONGEST}.", "InvalidTagValueLength"
            )
    return {str(name): str(value) for name, value in tags.items()}


# Names of tags


@dataclass(frozen=True, slots=True, kw_only=True)
class TagName(Resource):
    """A name that was made beforehand, with values; names that resources have need none."""

    type: str = _NAMES
    values: tuple[str, ...] = ()


def list_names(world: World, call: Call) -> Answer:
    """List the names of tags of a subscription: those that resources have, and those made beforehand."""
    subscription = f"/subscriptions/{call.path.subscription}"
    used: Counter[tuple[str, str]] = Counter(
        tag for resource in world.store.within(subscription) for tag in resource.tags.items()
    )
    made = [item for item in world.store.children(subscription) if isinstance(item, TagName)]
    known = dict.fromkeys([*used, *((item.name, value) for item in made for value in item.values)])
    names = dict.fromkeys([*(name for name, _ in used), *(item.name for item in made)])
    value = [
        _name(subscription, name, {text: used[name, text] for held, text in known if held == name}) for name in names
    ]
    return Answer(HTTPStatus.OK, {"value": value})


def _name(subscription: str, name: str, values: dict[str, int]) -> Json:
    name_id = f"{subscription}/tagNames/{name}"
    return {
        "id": name_id,
        "tagName": name,
        "count": {"type": "Total", "value": sum(values.values())},
        "values": [_value(name_id, text, count) for text, count in values.items()],
    }


def _value(name_id: str, text: str, count: int) -> Json:
    return {"id": f"{name_id}/tagValues/{text}", "tagValue": text, "count": {"type": "Total", "value": count}}


def put_name(world: World, call: Call) -> Answer:
    before = world.store.find(call.path.text, TagName)
    if before is None:
        world.put(TagName(id=call.path.text))
    values = dict.fromkeys(before.values if before else (), 0)
    body = _name(f"/subscriptions/{call.path.subscription}", call.path.name, values)
    return Answer(HTTPStatus.OK if before else HTTPStatus.CREATED, body)


def delete_name(world: World, call: Call) -> Answer:
    name = world.store.find(call.path.text, TagName)
    if name is None:
        return Answer(HTTPStatus.NO_CONTENT)
    if name.values:
        raise errors.ArmError(
            HTTPStatus.CONFLICT, "TagNameNotEmpty", f"The tag name '{name.name}' has values. Delete them first."
        )
    world.remove(name.id)
    return Answer(HTTPStatus.OK)


def put_value(world: World, call: Call) -> Answer:
    name = _of_value(world, call)
    before = call.path.name in name.values
    world.put(replace(name, values=tuple(dict.fromkeys((*name.values, call.path.name)))))
    return Answer(HTTPStatus.OK if before else HTTPStatus.CREATED, _value(name.id, call.path.name, 0))


def delete_value(world: World, call: Call) -> Answer:
    name = _of_value(world, call)
    if call.path.name not in name.values:
        return Answer(HTTPStatus.NO_CONTENT)
    world.put(replace(name, values=tuple(text for text in name.values if text != call.path.name)))
    return Answer(HTTPStatus.OK)


def _of_value(world: World, call: Call) -> TagName:
    name = world.store.find(call.path.parent, TagName)
    if name is None:
        raise errors.ArmError(
            HTTPStatus.NOT_FOUND, "TagNameNotFound", f"The tag name '{call.path.names[-2]}' could not be found."
        )
    return name


ROUTES = (
    Route(TYPE, TYPE, VERSIONS, {"GET": get, "PUT": put, "PATCH": patch, "DELETE": delete}),
    Route(_NAMES, _NAMES, VERSIONS, {"LIST": list_names, "PUT": put_name, "DELETE": delete_name}, PAGED),
    Route(_VALUES, _VALUES, VERSIONS, {"PUT": put_value, "DELETE": delete_value}),
)
