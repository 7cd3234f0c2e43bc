"""What Microsoft.Network's types share: versions, ETags, and how its operations are announced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from local.azure import errors, operations
from local.azure.calls import Answer, Call, Json
from local.azure.clock import retry_after
from local.azure.operations import Operation, Style, Work
from local.azure.routes import Handler

if TYPE_CHECKING:
    from local.azure.world import World

# What the SDK sends (2026-03-01), and what az and older clients send.
VERSIONS = frozenset(
    {
        "2026-03-01",
        "2026-01-01",
        "2025-09-01",
        "2025-07-01",
        "2025-05-01",
        "2025-03-01",
        "2025-01-01",
        "2024-10-01",
        "2024-07-01",
        "2024-05-01",
        "2024-03-01",
        "2024-01-01",
        "2023-11-01",
        "2022-01-01",
        "2021-08-01",
        "2021-05-01",
        "2020-11-01",
        "2020-05-01",
    }
)

# Properties that answers in an older api-version leave out: the first one that is known to show them.
_SINCE = {"ipVersionType": "2025-03-01", "privateEndpointVNetPolicies": "2024-01-01", "internalId": "2020-06-01"}


def shown(handlers: Mapping[str, Handler]) -> Mapping[str, Handler]:
    """Let answers show what the call's api-version knows."""
    return {verb: _in_version(handler) for verb, handler in handlers.items()}


def _in_version(handler: Handler) -> Handler:
    def answer(world: World, call: Call) -> Answer:
        given = handler(world, call)
        strange = {name for name, since in _SINCE.items() if call.api_version < since}
        return replace(given, body=_without(given.body, strange)) if strange and given.body else given

    return answer


def _without(body: Json, strange: set[str]) -> Json:
    if "value" in body:
        return body | {"value": [_without(item, strange) for item in body["value"]]}
    properties = body.get("properties")
    if not isinstance(properties, dict):
        return body
    return body | {"properties": {name: value for name, value in properties.items() if name not in strange}}


def etag(world: World) -> str:
    return f'W/"{world.uuid()}"'


def accepted(world: World, call: Call, operation: Operation, wait: float) -> dict[str, str]:
    """Give the headers that announce an operation; ``wait`` in world seconds, 0 for no Retry-After."""
    headers = {
        "Azure-AsyncOperation": operations.url(operation, call.base_url),
        "Azure-AsyncNotification": "Enabled",
        "x-ms-arm-service-request-id": operation.id,
    }
    if call.method == "DELETE":
        headers["Location"] = operations.url(operation, call.base_url, result=True)
    if wait:
        headers["Retry-After"] = retry_after(wait, world.clock.scale)
    return headers


def begin_delete(world: World, call: Call, work: Work, wait: float = 10) -> Answer:
    """Answer a delete: 202, empty."""
    operation = world.begin(call, work)
    return Answer(HTTPStatus.ACCEPTED, None, accepted(world, call, operation, wait))


def work(region: str, seconds: float, action: str, subject: str) -> Work:
    """Give the work of an operation in Microsoft.Network's style; set ``finish`` and ``fail`` on a copy."""
    return Work(Style.NETWORK, seconds, region, action, subject)


def reference(call: Call, name: str) -> str:
    """Read ``properties.<name>.id`` of the body; raises ArmError where it is no id."""
    value = call.properties.get(name)
    found = value.get("id") if isinstance(value, dict) else None
    if not isinstance(found, str) or not found.lower().startswith("/subscriptions/"):
        raise errors.network_refusal(
            "InvalidRequestFormat", f"Cannot parse the request: properties.{name}.id has to be a resource id."
        )
    return found


def poll(world: World, call: Call) -> Answer:
    operation = _operation(world, call)
    return operations.poll(operation, call, world.clock.scale)


def poll_result(world: World, call: Call) -> Answer:
    operation = _operation(world, call)
    answer = operations.poll_result(operation, call, world.clock.scale)
    # Recorded: what announced the operation is said again at its end.
    again = {
        "Azure-AsyncOperation": operations.url(operation, call.base_url),
        "Azure-AsyncNotification": "Enabled",
        "Location": operations.url(operation, call.base_url, result=True),
    }
    return replace(answer, headers={**again, **answer.headers})


def _operation(world: World, call: Call) -> Operation:
    operation = world.operations.get(call.path.name)
    if operation is None:
        raise errors.ArmError(
            HTTPStatus.NOT_FOUND,
            "OperationNotFound",
            f"Operation {call.path.name} was not found.",
            extra=errors.NETWORK_DETAILS,
        )
    return operation


def tags_of(call: Call) -> Json:
    return {"tags": call.tags} if call.tags else {}
