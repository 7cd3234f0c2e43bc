"""Microsoft.Resources and the tenant: subscriptions, groups, tags, registration, and management groups."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from local.azure import errors, operations
from local.azure.calls import Answer, Call, Json
from local.azure.clock import retry_after
from local.azure.operations import Style, Work
from local.azure.reading import listed, next_link
from local.azure.regions import display_name, known
from local.azure.routes import PAGED, Route
from local.azure.store import Resource
from local.azure.subscriptions import ManagementGroup, Subscription

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.azure.world import World

GROUP = "Microsoft.Resources/resourceGroups"
_GROUP_OPERATION = "Microsoft.Resources/subscriptions/resourceGroups"
VERSIONS = frozenset(
    {"2025-04-01", "2025-03-01", "2024-11-01", "2024-07-01", "2022-09-01", "2021-04-01", "2020-10-01", "2020-06-01"}
)
SUBSCRIPTION_VERSIONS = VERSIONS | {
    "2022-12-01",
    "2022-01-01",
    "2021-01-01",
    "2020-01-01",
    "2019-06-01",
    "2016-06-01",
}
# azure-mgmt-core registers a provider by itself with this one, after a 409 MissingSubscriptionRegistration.
_PROVIDER_VERSIONS = VERSIONS | {"2016-02-01"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Group(Resource):
    type: str = GROUP
    region: str
    state: str = "Succeeded"
    managed_by: str = ""

    def render(self) -> Json:
        body: Json = {"id": self.id, "name": self.name, "type": GROUP, "location": self.region}
        if self.managed_by:
            body["managedBy"] = self.managed_by
        if self.tags:
            body["tags"] = dict(self.tags)
        return body | {"properties": {"provisioningState": self.state}}


# Groups


def put_group(world: World, call: Call) -> Answer:
    before = world.store.find(call.path.text, Group)
    if before is not None and before.state == "Deleting":
        raise errors.group_deleting(before.name)
    if not call.region:
        raise errors.bad_request("The location property is required for this definition.", "LocationRequired")
    if before is not None and before.region != call.region:
        raise errors.ArmError(
            HTTPStatus.CONFLICT,
            "InvalidResourceGroupLocation",
            f"Invalid resource group location '{call.region}'. The Resource group already exists in location "
            f"'{before.region}'.",
        )
    group_id = before.id if before else call.path.group_id
    managed_by = str((call.body or {}).get("managedBy") or "")
    group = Group(id=group_id, region=call.region, tags=call.tags, managed_by=managed_by)
    world.put(group)
    status = HTTPStatus.OK if before else HTTPStatus.CREATED
    world.emit(call, f"{_GROUP_OPERATION}/write", group.id, status=status)
    return Answer(status, group.render())


def get_group(world: World, call: Call) -> Answer:
    group = world.seen(call, call.path.text)
    if group is None:
        raise errors.group_not_found(call.path.name)
    return Answer(HTTPStatus.OK, group.render())


def head_group(world: World, call: Call) -> Answer:
    exists = world.store.get(call.path.text) is not None
    return Answer(HTTPStatus.NO_CONTENT) if exists else Answer(HTTPStatus.NOT_FOUND, None, errors.GATEWAY)


def patch_group(world: World, call: Call) -> Answer:
    """Change tags, which replace those that are there; nothing else of a group can change."""
    group = world.store.find(call.path.text, Group)
    if group is None:
        raise errors.group_not_found(call.path.name)
    if group.state == "Deleting":
        raise errors.group_deleting(group.name)
    given = (call.body or {}).get("tags")
    after = group if given is None else replace(group, tags=dict(given))
    world.put(after)
    world.emit(call, f"{_GROUP_OPERATION}/write", group.id)
    return Answer(HTTPStatus.OK, after.render())


def delete_group(world: World, call: Call) -> Answer:
    group = world.store.find(call.path.text, Group)
    if group is None:
        raise errors.group_not_found(call.path.name)
    world.put(replace(group, state="Deleting"))
    subject = group.id.replace("/resourceGroups/", "/resourcegroups/")
    work = Work(
        Style.JOB,
        world.lasting(world.options.durations.group_delete),
        group.region,
        f"{_GROUP_OPERATION.replace('Groups', 'groups')}/delete",
        subject,
        partial(_empty_group, world, call, group),
    )
    operation = world.begin(call, work)
    headers = {
        "Location": operations.url(operation, call.base_url),
        "Retry-After": retry_after(15, world.clock.scale),
    }
    return Answer(HTTPStatus.ACCEPTED, None, headers)


def _empty_group(world: World, call: Call, group: Group) -> None:
    """Delete what is in a group with all that follows, endpoints first; whether that raises events is an option."""
    from local.azure.network import endpoints  # noqa: PLC0415 - providers know each other only where they meet
    from local.azure.redis import Cache  # noqa: PLC0415 - as above
    from local.azure.redis import vanish as remove_cache  # noqa: PLC0415 - as above
    from local.azure.redisenterprise import Cluster  # noqa: PLC0415 - as above
    from local.azure.redisenterprise import vanish as remove_cluster  # noqa: PLC0415 - as above

    items = world.store.within(group.id)
    for item in sorted(items, key=lambda item: not isinstance(item, endpoints.PrivateEndpoint)):
        if world.store.get(item.id) is None:
            continue
        if isinstance(item, endpoints.PrivateEndpoint):
            endpoints.vanish(world, item.id, call if world.options.group_delete_events else None)
        elif isinstance(item, Cache):
            remove_cache(world, item.id)
        elif isinstance(item, Cluster):
            remove_cluster(world, item.id)
        else:
            world.remove(item.id)
        if world.options.group_delete_events and item.type.count("/") == 1:
            world.emit(call, f"{item.type}/delete", item.id)
    world.remove(group.id)


def poll_job(world: World, call: Call) -> Answer:
    operation = world.operations.get(call.path.name)
    if operation is None:
        raise errors.ArmError(HTTPStatus.NOT_FOUND, "JobNotFound", "The job was not found.", errors.GATEWAY)
    return operations.poll(operation, call, world.clock.scale)


# Subscriptions


def _subscription(subscription: Subscription, tenant: str) -> Json:
    body: Json = {
        "id": f"/subscriptions/{subscription.id}",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": subscription.id,
        "tenantId": tenant,
        "displayName": subscription.name,
        "state": subscription.state,
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "PayAsYouGo_2014-09-01",
            "spendingLimit": "Off",
        },
    }
    if subscription.tags:
        body["tags"] = dict(subscription.tags)
    return body


def list_subscriptions(world: World, call: Call) -> Answer:
    visible = [
        subscription
        for subscription in world.directory.subscriptions.values()
        if world.access.visible(call.caller, subscription.id)
    ]
    tenant = call.caller.tenant_id
    size, start = world.options.page_size, _start(call)
    body: Json = {
        "value": [_subscription(subscription, tenant) for subscription in visible[start : start + size]],
        "count": {"type": "Total", "value": len(visible)},
    }
    if start + size < len(visible):
        body["nextLink"] = next_link(call, str(start + size))
    return Answer(HTTPStatus.OK, body)


def get_subscription(world: World, call: Call) -> Answer:
    subscription = world.directory.subscriptions[call.path.subscription.lower()]
    return Answer(HTTPStatus.OK, _subscription(subscription, call.caller.tenant_id))


def _start(call: Call) -> int:
    token = call.query.get("$skiptoken", "0")
    if not token.isdigit():
        raise errors.bad_request(f"The skip token '{token}' is not valid.", "InvalidSkipToken")
    return int(token)


# Providers

_SPELLED = {
    "microsoft.cache": "Microsoft.Cache",
    "microsoft.network": "Microsoft.Network",
    "microsoft.resources": "Microsoft.Resources",
    "microsoft.eventgrid": "Microsoft.EventGrid",
}


def _provider(world: World, subscription: Subscription, namespace: str, state: str = "") -> Json:
    registered = namespace.lower() in subscription.registered
    return {
        "id": f"/subscriptions/{subscription.id}/providers/{_SPELLED.get(namespace.lower(), namespace)}",
        "namespace": _SPELLED.get(namespace.lower(), namespace),
        "resourceTypes": [_resource_type(route) for route in world.routes.of(namespace)],
        "registrationState": state or ("Registered" if registered else "NotRegistered"),
        "registrationPolicy": "RegistrationRequired",
    }


def _resource_type(route: Route) -> Json:
    return {
        "resourceType": route.type.partition("/")[2],
        "locations": [display_name(region) for region in known()],
        "apiVersions": sorted(route.versions, reverse=True),
        "capabilities": "None",
    }


def get_provider(world: World, call: Call) -> Answer:
    subscription = world.directory.subscriptions[call.path.subscription.lower()]
    return Answer(HTTPStatus.OK, _provider(world, subscription, call.path.name))


def list_providers(world: World, call: Call) -> Answer:
    subscription = world.directory.subscriptions[call.path.subscription.lower()]
    return Answer(HTTPStatus.OK, {"value": [_provider(world, subscription, name) for name in _SPELLED]})


def register(world: World, call: Call) -> Answer:
    subscription = world.directory.subscriptions[call.path.subscription.lower()]
    name = call.path.name.lower()
    if name in subscription.registered:
        return Answer(HTTPStatus.OK, _provider(world, subscription, name))

    def finish() -> None:
        current = world.directory.subscriptions[subscription.id.lower()]
        world.directory.add(replace(current, registered=current.registered | {name}))
        world.emit(call, f"{_SPELLED.get(name, name)}/register/action", f"/subscriptions/{subscription.id}")

    world.after(world.lasting(world.options.durations.registration), finish)
    return Answer(HTTPStatus.OK, _provider(world, subscription, name, "Registering"))


def unregister(world: World, call: Call) -> Answer:
    subscription = world.directory.subscriptions[call.path.subscription.lower()]
    after = replace(subscription, registered=subscription.registered - {call.path.name.lower()})
    world.directory.add(after)
    return Answer(HTTPStatus.OK, _provider(world, after, call.path.name))


# Management groups

_ROOT = "/providers/Microsoft.Management/managementGroups"


def list_descendants(world: World, call: Call) -> Answer:
    """List groups and subscriptions below a group, at every depth, page by page."""
    group = world.directory.groups.get(call.path.names[0].lower())
    if group is None:
        raise errors.ArmError(
            HTTPStatus.NOT_FOUND,
            "ManagementGroupNotFound",
            f"'/providers/Microsoft.Management/managementGroups/{call.path.names[0]}' not found",
        )
    everything = list(_descendants(world, group))
    size, start = world.options.page_size, _start(call)
    body: Json = {"value": everything[start : start + size]}
    if start + size < len(everything):
        body["nextLink"] = next_link(call, str(start + size))
    return Answer(HTTPStatus.OK, body)


def _descendants(world: World, group: ManagementGroup) -> Iterator[Json]:
    parent = {"id": f"{_ROOT}/{group.name}"}
    for child in group.children:
        below = world.directory.groups.get(child.lower())
        if below is not None:
            properties: Json = {"displayName": below.display_name, "parent": parent}
            kind = "Microsoft.Management/managementGroups"
            yield {"id": f"{_ROOT}/{below.name}", "type": kind, "name": below.name, "properties": properties}
            yield from _descendants(world, below)
            continue
        subscription = world.directory.subscriptions.get(child.lower())
        name = subscription.name if subscription else child
        properties = {"displayName": name, "parent": parent}
        yield {"id": f"/subscriptions/{child}", "type": "/subscriptions", "name": child, "properties": properties}


ROUTES = (
    Route(
        GROUP,
        _GROUP_OPERATION,
        VERSIONS,
        {
            "GET": get_group,
            "HEAD": head_group,
            "LIST": listed,
            "PUT": put_group,
            "PATCH": patch_group,
            "DELETE": delete_group,
        },
        PAGED,
    ),
    Route(
        "Microsoft.Resources/subscriptions",
        "Microsoft.Resources/subscriptions",
        SUBSCRIPTION_VERSIONS,
        {"GET": get_subscription, "LIST": list_subscriptions},
        PAGED,
    ),
    Route(
        "Microsoft.Resources/providers",
        "Microsoft.Resources/subscriptions/providers",
        _PROVIDER_VERSIONS,
        {"GET": get_provider, "LIST": list_providers, "POST:register": register, "POST:unregister": unregister},
        frozenset({"api-version"}),
    ),
    Route("Microsoft.Resources/operationresults", "Microsoft.Resources/operationresults", VERSIONS, {"GET": poll_job}),
    Route(
        "Microsoft.Management/managementGroups/descendants",
        "Microsoft.Management/managementGroups/descendants",
        frozenset({"2020-05-01", "2021-04-01"}),
        {"LIST": list_descendants},
        PAGED,
    ),
)
