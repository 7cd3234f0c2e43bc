#!/usr/bin/env python3
"""Bring subscriptions under Drawbridge, or let go of them: providers, events, the role for caches, and a check.

    ./dev watch [--dry-run | --undo] SUBSCRIPTION ...
    ./dev watch --management-group NAME
    ./dev watch --watched                           every subscription whose events come to the deployment already
    ./dev watch --events-only SUBSCRIPTION ...      what azd does after a deployment

It runs on Python's standard library and calls nothing but `az`, as whoever is logged in there. Each subscription is
read first, and what is not as it should be is made: a second run does nothing. What one subscription refuses does not
stop the others; run it again once that is mended.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Event, Lock
from typing import Any
from urllib.parse import quote

INFRA = Path(__file__).resolve().parent
PROVIDERS = ("Microsoft.EventGrid", "Microsoft.Cache", "Microsoft.Insights")
"""Of system topics, of caches, and of the metrics in which deliveries are counted."""
MARK = {"managed-by": "drawbridge"}
"""On a topic and a resource group that were made here, and that --undo may therefore take away."""

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_RESOURCE = r"/subscriptions/{guid}/resourcegroups/[\w().-]{{0,89}}[\w()-]/providers/{type}/[\w-]{{2,60}}"
_API_EVENTS = "2025-02-15"
_API_ROLES = "2022-04-01"
_API_PROVIDERS = "2021-04-01"
_API_DESCENDANTS = "2020-05-01"
_API_GRAPH = "2022-10-01"
_API_METRICS = "2023-10-01"
_SUBSCRIPTION_TOPIC = "microsoft.resources.subscriptions"
_A_DAY = timedelta(days=1)
_BETWEEN_LOOKS = 15.0
_BETWEEN_TAGS = 60.0
_PATIENCE = 1800
_INTERRUPTED = 130
_TO_DO = 3


@dataclass(frozen=True, slots=True)
class Clock:
    """What tells the time, and lets it pass."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class AzError(Exception):
    """What `az` said when it failed."""


class InvalidError(ValueError):
    """Something given is not what it has to be; the message names it and says what would be right."""


# ── what is given ────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class App:
    """The deployment of Drawbridge that shall hear of changes: outputs of main.bicep."""

    id: str
    storage: str
    principal: str
    delivery: str
    location: str
    event_subscription: str
    topic_group: str = "rg-drawbridge-events"
    """Where a system topic is made."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """On what is made for it, beside MARK."""

    @property
    def name(self) -> str:
        return self.id.rpartition("/")[2]

    @property
    def destination(self) -> str:
        return self._destinations[self.delivery]

    def hears_through(self, one: Subscribed) -> bool:
        """Tell whether an event subscription is this deployment's, whichever way it was to deliver before."""
        return one.destination.lower() in {each.lower() for each in self._destinations.values()}

    @property
    def _destinations(self) -> dict[str, str]:
        return {"function": f"{self.id}/functions/on_event", "queue": f"{self.storage}#events"}


@dataclass(frozen=True, slots=True)
class Manner:
    """How a run goes about it."""

    dry_run: bool = False
    undo: bool = False
    events_only: bool = False
    """Providers and events, and nothing about roles: the deployment that has just been made gave those, or did not."""
    patience: float = 300.0
    at_once: int = 8


@dataclass(frozen=True, slots=True)
class Shipped:
    """What lies beside this file as data: what events are filtered by, how retried, and the role for caches."""

    event_types: frozenset[str]
    operations: frozenset[str]
    retry: Mapping[str, int]
    role: str
    description: str
    actions: tuple[str, ...]


def shipped() -> Shipped:
    events = json.loads((INFRA / "events" / "filter.json").read_text("utf-8"))
    role = json.loads((INFRA / "roles" / "caches.json").read_text("utf-8"))
    return Shipped(
        _lower(events["eventTypes"]),
        _lower(events["operations"]),
        json.loads((INFRA / "events" / "retry.json").read_text("utf-8")),
        role["name"],
        role["description"],
        tuple(each["action"] for each in role["actions"]),
    )


def guid(text: str, what: str) -> str:
    """Give a GUID in lower case; raises InvalidError for anything else."""
    if not _GUID.fullmatch(text.lower()):
        raise InvalidError(f"{what}: {text[:100]!r} is not a GUID such as 11111111-2222-3333-4444-555555555555")
    return text.lower()


def resource(text: str, type_: str, what: str) -> str:
    """Give a resource's id as it was written; raises InvalidError unless it is one of that type."""
    pattern = _RESOURCE.format(guid=_GUID.pattern, type=re.escape(type_.lower()))
    if not re.fullmatch(pattern, text.lower()):
        raise InvalidError(f"{what}: {text[:200]!r} is not the resource id of a {type_}")
    return text


def word(text: str, pattern: str, what: str) -> str:
    """Give a text that a pattern matches; raises InvalidError otherwise."""
    if not re.fullmatch(pattern, text):
        raise InvalidError(f"{what}: {text[:100]!r} is not of the form {pattern}")
    return text


# ── what is there ────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Subscribed:
    """One event subscription of a topic."""

    id: str
    destination: str
    differs: str = ""
    """In what it does not filter, retry or keep dead letters as the template says; or Azure is not done with it."""

    @property
    def name(self) -> str:
        return self.id.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Topic:
    """The system topic of a subscription: Azure allows one."""

    id: str
    principal: str
    """Of its system-assigned identity; empty where it has none."""
    ours: bool
    subscribed: tuple[Subscribed, ...] = ()
    shared_identities: bool = False
    """It has user-assigned ones, by which somebody else's event subscriptions may deliver."""

    @property
    def name(self) -> str:
        return self.id.rpartition("/")[2]

    @property
    def group(self) -> str:
        return self.id.split("/")[4]


@dataclass(frozen=True, slots=True)
class Seen:
    """All that is decided by, of one subscription."""

    subscription: str
    unregistered: tuple[str, ...] = ()
    topic: Topic | None = None
    missing_actions: tuple[str, ...] = ()
    """What the role for caches grants, and the app's identity may not do here."""
    outgrown: str = ""
    """A management group at which a role for caches is assigned that is of another version; empty where none is."""
    own_role: str = ""
    """Id of the role definition that an earlier run has made here; empty where there is none."""
    own_assignments: tuple[str, ...] = ()
    """Assignments of that role here."""
    topic_assignments: tuple[str, ...] = ()
    """What lets the topic's identity write into the app's storage."""
    group_to_delete: str = ""
    """The resource group of the topic, where it was made for it and holds nothing else."""


# ── what is to be done ───────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the table: what is looked after, and how it comes to be so."""

    name: str
    result: str
    """Told once it is done, or at once where there is nothing to do."""
    command: tuple[str, ...] = ()
    """Arguments of `az`; none where it is so already."""
    because: str = ""
    """What is not as it should be, where the command does not say it."""
    problem: str = ""
    """Why nothing can be done, and what would help."""


def plan(seen: Seen, app: App, data: Shipped, manner: Manner) -> list[Step]:
    """Choose what brings a subscription under Drawbridge, in the order in which it has to happen."""
    roles = () if manner.events_only else (_granted_role(seen, app, data), _assigned_role(seen, app))
    return [*_registered(seen), *roles, _events(seen, app)]


def _registered(seen: Seen) -> Iterator[Step]:
    for provider in PROVIDERS:
        step = Step(f"provider {provider}", "is registered")
        if provider in seen.unregistered:
            register = ("provider", "register", "--namespace", provider, "--subscription", seen.subscription, "--wait")
            step = Step(step.name, "registered", register, "it is not registered")
        yield step


def own_role_id(subscription: str, app: App) -> str:
    """Give the id of the role that a run makes here for an app: always the same one."""
    name = uuid.uuid5(uuid.NAMESPACE_URL, f"drawbridge:caches:{subscription}:{app.id.lower()}")
    return f"/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{name}"


def _granted_role(seen: Seen, app: App, data: Shipped) -> Step:
    """Define the role here, unless one that is assigned grants what it holds: that of a management group does."""
    if not seen.missing_actions:
        return Step("role for caches", "is there")
    if seen.outgrown:
        return Step("role for caches", "", problem=_OUTGROWN.format(seen.outgrown, ", ".join(seen.missing_actions)))
    scope = f"/subscriptions/{seen.subscription}"
    properties = {
        "roleName": f"{data.role} {app.name} {seen.subscription}",
        "description": data.description,
        "type": "CustomRole",
        "permissions": [{"actions": data.actions, "notActions": [], "dataActions": [], "notDataActions": []}],
        "assignableScopes": [scope],
    }
    url = f"{own_role_id(seen.subscription, app)}?api-version={_API_ROLES}"
    because = f"the app may not {', '.join(seen.missing_actions)}"
    return Step("role for caches", "defined", rest("put", url, {"properties": properties}), because)


_OUTGROWN = (
    "the role that is assigned at management group {} is of another version and lacks {}: "
    "run the az deployment mg create of docs/deploy.md first, as it mends all subscriptions at once"
)


def _assigned_role(seen: Seen, app: App) -> Step:
    # With the role mended, an assignment of it that is there already is enough.
    if not seen.missing_actions or seen.own_assignments or seen.outgrown:
        return Step("role assignment", "is there")
    values = {"roleDefinitionId": own_role_id(seen.subscription, app), "principalId": app.principal}
    command = deployment(seen.subscription, app, "drawbridge-role", "roles/at-subscription.bicep", values)
    return Step("role assignment", "assigned", command)


def _events(seen: Seen, app: App) -> Step:
    topic = seen.topic
    values = {"functionAppId": app.id, "storageAccountId": app.storage, "delivery": app.delivery}
    values["eventSubscriptionName"] = app.event_subscription
    if topic is None:
        values["topicResourceGroup"] = app.topic_group
        values["tags"] = json.dumps({**app.tags, **MARK}, separators=(",", ":"))
        command = deployment(seen.subscription, app, "drawbridge-events", "events/main.bicep", values)
        return Step("events", "system topic and event subscription made", command, "there is no system topic")
    if problem := _in_the_way(topic, app):
        return Step("events", "", problem=problem)
    because = _outdated(topic, app)
    if not because:
        return Step("events", f"come through topic {topic.name}")
    values |= {"existingTopicName": topic.name, "topicResourceGroup": topic.group}
    command = deployment(seen.subscription, app, "drawbridge-events", "events/main.bicep", values)
    return Step("events", f"event subscription made in topic {topic.name}, which was there", command, because)


def _outdated(topic: Topic, app: App) -> str:
    """Say why the event subscription has to be made or mended; empty where it is as it should be."""
    own = _own(topic, app)
    if not own:
        return "there is no event subscription"
    if own[0].destination.lower() != app.destination.lower():
        other = {"function": "queue", "queue": "function"}[app.delivery]
        return f"it delivers to the {other}, and the deployment takes events by its {app.delivery}"
    return own[0].differs


def _own(topic: Topic, app: App) -> list[Subscribed]:
    return [one for one in topic.subscribed if one.name.lower() == app.event_subscription.lower()]


def _in_the_way(topic: Topic, app: App) -> str:
    """Say why the topic cannot be used as it is; it may be somebody else's, so it is not changed."""
    for one in _own(topic, app):
        if not app.hears_through(one):
            return (
                f"the event subscription {one.name} delivers elsewhere ({one.destination or 'nowhere known'}): "
                "give this deployment another name with --event-subscription"
            )
    if not topic.principal and topic.shared_identities:
        # No command: one that names a kind of identity may put it in the place of those that are there.
        return (
            f"topic {topic.name} has user-assigned identities and no system-assigned one: "
            "have its owner add that beside them, as others may deliver by those that are there"
        )
    if not topic.principal:
        return (
            f"topic {topic.name} has no system-assigned identity: az eventgrid system-topic update "
            f"--subscription {topic.id.split('/')[2]} -g {topic.group} -n {topic.name} --identity systemassigned"
        )
    return ""


def undoing(seen: Seen, app: App, manner: Manner) -> list[Step]:
    """Choose what takes back what runs have made: nothing that was there before, nothing that others use."""
    return [*_events_undone(seen, app), *(() if manner.events_only else _role_undone(seen))]


def _events_undone(seen: Seen, app: App) -> Iterator[Step]:
    own = [one for one in _own(seen.topic, app) if app.hears_through(one)] if seen.topic else []
    yield from (_deleted("event subscription", one.id, _API_EVENTS) for one in own)
    if not own:
        yield Step("event subscription", "is not there")
    yield from (_deleted("topic's right to storage", one, _API_ROLES) for one in seen.topic_assignments)
    topic = seen.topic
    if topic is None:
        return
    if not topic.ours:
        yield Step("system topic", f"{topic.name} stays: it was not made here")
    elif len(topic.subscribed) > len(own):
        yield Step("system topic", f"{topic.name} stays: others have event subscriptions in it")
    else:
        yield _deleted("system topic", topic.id, _API_EVENTS)
        if seen.group_to_delete:
            where = ("--name", seen.group_to_delete, "--subscription", seen.subscription, "--yes")
            yield Step("resource group", "deleted", ("group", "delete", *where))


def _role_undone(seen: Seen) -> Iterator[Step]:
    yield from (_deleted("role assignment", one, _API_ROLES) for one in seen.own_assignments)
    if seen.own_role:
        yield _deleted("role for caches", seen.own_role, _API_ROLES)
    else:
        yield Step("role for caches", "none was made here")


def _deleted(name: str, id_: str, api: str) -> Step:
    return Step(name, "deleted", rest("delete", f"{id_}?api-version={api}"))


def rest(method: str, url: str, body: Mapping[str, object] | None = None) -> tuple[str, ...]:
    """Give the arguments of `az` for one call of Azure Resource Manager."""
    given = ("--body", json.dumps(body, separators=(",", ":"))) if body is not None else ()
    return ("rest", "--method", method, "--url", url, *given)


def deployment(subscription: str, app: App, name: str, template: str, values: Mapping[str, str]) -> tuple[str, ...]:
    """Give the arguments of `az` that deploy one of the templates beside this file."""
    # A deployment belongs to the region of its first run, so the region is in its name.
    where = ("--name", f"{name}-{app.location}", "--subscription", subscription, "--location", app.location)
    parameters = (f"{key}={value}" for key, value in values.items())
    return (
        "deployment",
        "sub",
        "create",
        *where,
        "--template-file",
        str(INFRA / template),
        "--parameters",
        *parameters,
    )


# ── az ───────────────────────────────────────────────────────────────────────────────────────────


def az(*arguments: str) -> Any:  # noqa: ANN401 - JSON, of as many shapes as there are commands
    """Run `az` and give what it answers; raises AzError with its own words."""
    text = run(*arguments)
    try:
        return json.loads(text) if text.strip() else None
    except ValueError as error:
        raise AzError(f"az {' '.join(arguments[:3])} did not answer in JSON: {text[:200]!r}") from error


def run(*arguments: str) -> str:
    """Run `az` and give what it prints; raises AzError with its own words. The one door to the world."""
    program = shutil.which("az")
    if program is None:
        raise AzError("there is no `az` on the PATH: https://aka.ms/install-azure-cli")
    command = [*started(Path(program)), *arguments, "--only-show-errors", "--output", "json"]
    try:
        done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, timeout=_PATIENCE)
    except subprocess.TimeoutExpired as error:
        raise AzError(f"az {' '.join(arguments[:3])} took longer than {_PATIENCE} s") from error
    if done.returncode:
        raise AzError(done.stderr.strip() or f"az {' '.join(arguments[:3])} ended with {done.returncode}")
    return done.stdout


def started(program: Path) -> tuple[str, ...]:
    """Give the words that start `az`.

    On Windows it is a batch file, and cmd.exe would take an & in a URL, and quotes in JSON, for its own: so what the
    batch file starts is started here.
    """
    python = program.parent.parent / "python.exe"
    if program.suffix.lower() in {".cmd", ".bat"} and python.exists():
        return (str(python), "-IBm", "azure.cli")
    return (str(program),)


def pages(url: str) -> Iterator[dict[str, Any]]:
    """Read a list to its end."""
    while url:
        page = az(*rest("get", url))
        yield from page["value"]
        url = page.get("nextLink") or ""


def below(management_group: str) -> list[str]:
    """Name every subscription below a management group, at any depth."""
    group = f"/providers/Microsoft.Management/managementGroups/{management_group}"
    items = pages(f"{group}/descendants?api-version={_API_DESCENDANTS}")
    return sorted(guid(i["name"], "subscription") for i in items if i["type"].lower().endswith("/subscriptions"))


def watched(app: App, at_once: int) -> list[str]:
    """Name every subscription whose events come to a deployment, among those that whoever is logged in may read."""
    data = shipped()
    found = sorted({guid(row["subscriptionId"], "subscription") for row in _rows(_TOPICS)})
    with ThreadPoolExecutor(at_once) as pool:
        heard = list(pool.map(lambda one: _is_watched(one, app, data), found))
    return [one for one, here in zip(found, heard, strict=True) if here]


def _is_watched(subscription: str, app: App, data: Shipped) -> bool:
    try:
        topic = _topic(subscription, app, data)
    except AzError:
        # It may be; whoever goes through it is told what Azure says, and the others are not held up.
        return True
    return topic is not None and any(app.hears_through(one) for one in _own(topic, app))


_TOPICS = (
    "resources | where type =~ 'microsoft.eventgrid/systemtopics' "
    f"and tostring(properties.topicType) =~ '{_SUBSCRIPTION_TOPIC}' | project id, subscriptionId | order by id asc"
)


def _rows(query: str) -> Iterator[dict[str, Any]]:
    """Ask Azure Resource Graph, to the end of its answer."""
    options: dict[str, str] = {"resultFormat": "objectArray"}
    while True:
        url = f"/providers/Microsoft.ResourceGraph/resources?api-version={_API_GRAPH}"
        answer = az(*rest("post", url, {"query": query, "options": options}))
        yield from answer["data"]
        if not (token := answer.get("$skipToken")):
            return
        options["$skipToken"] = token


def observe(subscription: str, app: App, data: Shipped, manner: Manner) -> Seen:
    """Read what is decided by, and no more, as each call takes `az` a second or so; changes nothing."""
    unregistered = tuple(name for name in PROVIDERS if _state(subscription, name) != "Registered")
    # Azure does not list topics where their provider is not registered, and none can be there.
    topic = None if PROVIDERS[0] in unregistered else _topic(subscription, app, data)
    seen = Seen(subscription, unregistered, topic)
    if not manner.events_only:
        seen = _with_roles(seen, app, data)
    return _with_what_was_made(seen, app) if manner.undo else seen


def _with_roles(seen: Seen, app: App, data: Shipped) -> Seen:
    scope, role = f"/subscriptions/{seen.subscription}", own_role_id(seen.subscription, app).lower()
    assigned = [each["properties"] | {"id": each["id"]} for each in _assignments(scope, app)]
    definitions = _definitions(assigned)
    return replace(
        seen,
        missing_actions=_missing(data.actions, definitions.values()),
        outgrown=_outgrown(assigned, definitions, data),
        own_assignments=tuple(each["id"] for each in assigned if each["roleDefinitionId"].lower() == role),
    )


def _with_what_was_made(seen: Seen, app: App) -> Seen:
    role = own_role_id(seen.subscription, app)
    custom = pages(f"/subscriptions/{seen.subscription}{_ROLES}?api-version={_API_ROLES}&$filter={quote(_CUSTOM)}")
    return replace(
        seen,
        own_role=role if any(each["id"].lower() == role.lower() for each in custom) else "",
        topic_assignments=tuple(_rights_of(seen.topic, app)) if seen.topic else (),
        group_to_delete=_group_to_delete(seen.topic) if seen.topic else "",
    )


_ROLES = "/providers/Microsoft.Authorization/roleDefinitions"
_CUSTOM = "type eq 'CustomRole'"


def _state(subscription: str, provider: str) -> str:
    answer = az(*rest("get", f"/subscriptions/{subscription}/providers/{provider}?api-version={_API_PROVIDERS}"))
    return str(answer["registrationState"])


def _topic(subscription: str, app: App, data: Shipped) -> Topic | None:
    listed = pages(
        f"/subscriptions/{subscription}/providers/Microsoft.EventGrid/systemTopics?api-version={_API_EVENTS}"
    )
    source = f"/subscriptions/{subscription}"
    for each in listed:
        properties = each["properties"]
        if (properties["source"].lower(), properties["topicType"].lower()) != (source, _SUBSCRIPTION_TOPIC):
            continue
        subscribed = pages(f"{each['id']}/eventSubscriptions?api-version={_API_EVENTS}")
        identity = each.get("identity") or {}
        ours = MARK.items() <= (each.get("tags") or {}).items()
        found = tuple(subscribed_as(one, app, data) for one in subscribed)
        shared = "userassigned" in str(identity.get("type")).lower()
        return Topic(each["id"], identity.get("principalId") or "", ours, found, shared)
    return None


def subscribed_as(answer: Mapping[str, Any], app: App, data: Shipped) -> Subscribed:
    """Read an event subscription from Azure's answer."""
    p = answer["properties"]
    letters = (p.get("deadLetterWithResourceIdentity") or {}).get("deadLetterDestination") or {}
    kept = letters.get("properties") or {}
    in_store = str(kept.get("resourceId")).lower(), kept.get("blobContainerName")
    state, filters = p.get("provisioningState"), _filter_of(p.get("filter") or {})
    wanted = {
        f"Azure is not done with it ({state})": state == "Succeeded",
        "its filter is not that of this version": filters == (data.event_types, data.operations),
        "its retry policy is not that of this version": (p.get("retryPolicy") or {}).items() >= data.retry.items(),
        "its dead letters go elsewhere": in_store == (app.storage.lower(), "dead-letters"),
    }
    return Subscribed(answer["id"], _destination(p), ", ".join(text for text, so in wanted.items() if not so))


def _destination(properties: Mapping[str, Any]) -> str:
    by_identity = (properties.get("deliveryWithResourceIdentity") or {}).get("destination")
    values = ((by_identity or properties.get("destination") or {}).get("properties")) or {}
    queue = values.get("queueName")
    return f"{values.get('resourceId', '')}#{queue}" if queue else str(values.get("resourceId", ""))


def _filter_of(given: Mapping[str, Any]) -> tuple[frozenset[str], frozenset[str]]:
    advanced = given.get("advancedFilters") or []
    named = [f for f in advanced if f.get("key") == "data.operationName" and f.get("operatorType") == "StringIn"]
    values = named[0]["values"] if len(advanced) == len(named) == 1 else ()
    return _lower(given.get("includedEventTypes") or ()), _lower(values)


def _lower(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(text.lower() for text in texts)


def _assignments(scope: str, app: App) -> list[dict[str, Any]]:
    """List what the app's identity is given at a scope and above it, not below."""
    above = ("/", "/providers/microsoft.management/managementgroups/")
    found = ((each["properties"]["scope"].lower(), each) for each in _assigned_to(app.principal, scope))
    return [each for where, each in found if where in {scope, above[0]} or where.startswith(above[1])]


def _assigned_to(principal: str, scope: str) -> list[dict[str, Any]]:
    condition = quote(f"principalId eq '{principal}'")
    path = f"{scope}/providers/Microsoft.Authorization/roleAssignments"
    return list(pages(f"{path}?api-version={_API_ROLES}&$filter={condition}"))


def _definitions(assigned: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Read the roles that are assigned, by their ids."""
    roles = sorted({each["roleDefinitionId"] for each in assigned})
    return {role: az(*rest("get", f"{role}?api-version={_API_ROLES}"))["properties"] for role in roles}


def _missing(actions: Iterable[str], definitions: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    permissions = [one for definition in definitions for one in definition["permissions"]]
    return tuple(action for action in actions if not any(grants(one, action) for one in permissions))


def _outgrown(
    assigned: Iterable[Mapping[str, Any]], definitions: Mapping[str, Mapping[str, Any]], data: Shipped
) -> str:
    """Name the management group at which this deployment's role for caches is assigned and grants too little."""
    for each in assigned:
        definition, scope = definitions[each["roleDefinitionId"]], each["scope"]
        ours = str(definition.get("roleName")).startswith(f"{data.role} ") and "/managementgroups/" in scope.lower()
        if ours and _missing(data.actions, [definition]):
            return str(scope.rpartition("/")[2])
    return ""


def grants(permission: Mapping[str, Any], action: str) -> bool:
    """Tell whether one permission of a role allows an action: named, by wildcard, and not taken out again."""
    return _covered(permission.get("actions"), action) and not _covered(permission.get("notActions"), action)


def _covered(patterns: Iterable[str] | None, action: str) -> bool:
    return any(re.fullmatch(re.escape(p).replace(r"\*", ".*"), action, re.IGNORECASE) for p in patterns or ())


def _rights_of(topic: Topic, app: App) -> Iterator[str]:
    """Name what the topic's identity may do in the app's storage: the assignments below the account."""
    if topic.principal:
        for each in _assigned_to(topic.principal, app.storage):
            if each["properties"]["scope"].lower().startswith(f"{app.storage.lower()}/"):
                yield each["id"]


def _group_to_delete(topic: Topic) -> str:
    subscription = topic.id.split("/")[2]
    if not topic.ours:
        return ""
    group = az("group", "show", "--name", topic.group, "--subscription", subscription)
    if not MARK.items() <= (group.get("tags") or {}).items():
        return ""
    inside = az("resource", "list", "--resource-group", topic.group, "--subscription", subscription)
    return topic.group if {each["id"].lower() for each in inside} <= {topic.id.lower()} else ""


# ── does an event get through? ───────────────────────────────────────────────────────────────────


def delivered(topic: Topic, app: App, since: datetime) -> int:
    """Count the events that the app, or its queue, has taken since then, by Azure's own metric."""
    query = {
        "api-version": _API_METRICS,
        "metricnames": "DeliverySuccessCount",
        "aggregation": "Total",
        "interval": "PT1M",
        "timespan": f"{since:%Y-%m-%dT%H:%M:%SZ}/{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "$filter": f"EventSubscriptionName eq '{app.event_subscription}'",
    }
    text = "&".join(f"{key}={quote(value, safe='')}" for key, value in query.items())
    answer = az(*rest("get", f"{topic.id}/providers/Microsoft.Insights/metrics?{text}"))
    points = (p for metric in answer["value"] for series in metric["timeseries"] for p in series["data"])
    return int(sum(point.get("total") or 0 for point in points))


@dataclass(frozen=True, slots=True)
class Provoked:
    """An event that was caused here, and that is waited for once all subscriptions have been gone through."""

    subscription: str
    topic: Topic
    since: datetime


def check(subscription: str, app: App, *, fresh: bool) -> Step | Provoked:
    """See whether an event has got through; where none is known to have, tag the own topic, which makes one.

    What was delivered before a ``fresh`` event subscription says nothing about it.
    """
    topic = _topic(subscription, app, shipped())
    if topic is None:
        raise AzError("the system topic is not listed yet: run it again")
    try:
        if not fresh and (count := delivered(topic, app, datetime.now(UTC) - _A_DAY)):
            return Step("check", f"events delivered in the last day: {count}")
    except AzError as error:
        return Step("check", _unread(error))
    if not topic.ours:
        return Step("check", "not checked: no event yet, and somebody else's topic is not tagged; run it again later")
    begun = datetime.now(UTC).replace(second=0, microsecond=0)
    _tag(topic)
    return Provoked(subscription, topic, begun)


def _unread(error: AzError) -> str:
    """Say that deliveries cannot be counted, which is no sign that there are none."""
    return f"not checked: Azure does not tell how many events it has delivered: {error}"


TAGS = "/providers/Microsoft.Resources/tags/default"
"""Below a resource, where its tags are set by a call of their own."""


def _tag(topic: Topic) -> None:
    """Set and remove a tag that means nothing, through the API whose calls the filter lets through."""
    for operation in ("Merge", "Delete"):
        body = {"operation": operation, "properties": {"tags": {"drawbridge-check": "event"}}}
        az(*rest("patch", f"{topic.id}{TAGS}?api-version={_API_PROVIDERS}", body))


# ── the command ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table."""

    subscription: str
    step: str
    result: str
    failed: bool = False
    open: bool = False
    """Something would be done, were it no rehearsal."""


def bring(subscription: str, app: App, data: Shipped, manner: Manner) -> Iterator[Line | Provoked]:
    """Bring one subscription under Drawbridge, or let go of it; tells each step as it is done, up to one that fails."""
    step = "read"
    try:
        seen, fresh = observe(subscription, app, data, manner), False
        for each in undoing(seen, app, manner) if manner.undo else plan(seen, app, data, manner):
            step = each.name
            yield carried_out(subscription, each, manner)
            if each.problem:
                return
            # Events come last of the steps.
            fresh = bool(each.command)
        if not manner.undo and not manner.events_only:
            step = "check"
            yield _checked(subscription, app, manner, fresh=fresh)
    except AzError as error:
        yield Line(subscription, step, str(error), failed=True)
    except KeyError as error:
        yield Line(subscription, step, f"Azure's answer has no field {error}", failed=True)


def arrivals(
    caused: Iterable[Provoked], app: App, patience: float, pool: ThreadPoolExecutor, clock: Clock
) -> Iterator[Line]:
    """Wait for the events that were caused, all together; tells each that has come, and in the end those that have not.

    Tags are set again meanwhile: what happens before Azure has an event subscription at work everywhere is lost.
    """
    waiting, tagged = list(caused), clock.now()
    until = tagged + patience
    while waiting:
        now = clock.now()
        again, last = now - tagged >= _BETWEEN_TAGS, now >= until
        tagged = now if again else tagged
        found = list(pool.map(partial(looked_for, app=app, last=last, again=again), waiting))
        yield from (line for line in found if line)
        waiting = [event for event, line in zip(waiting, found, strict=True) if line is None]
        if waiting:
            clock.sleep(_BETWEEN_LOOKS)


def looked_for(event: Provoked, *, app: App, last: bool, again: bool) -> Line | None:
    """Tell whether an event has come that was caused; None where it may yet. It is caused ``again`` where asked."""
    why = "no event was delivered in time (--wait); metrics lag: run it again"
    late = Line(event.subscription, "check", why, failed=True)
    try:
        if delivered(event.topic, app, event.since):
            return Line(event.subscription, "check", "an event was delivered")
    except AzError as error:
        late = Line(event.subscription, "check", _unread(error))
    if last:
        return late
    try:
        if again:
            _tag(event.topic)
    except AzError as error:
        return Line(event.subscription, "check", str(error), failed=True)
    return None


def carried_out(subscription: str, step: Step, manner: Manner) -> Line:
    """Do a step, unless it is a rehearsal; raises AzError where Azure refuses."""
    if step.problem:
        return Line(subscription, step.name, step.problem, failed=True)
    if not step.command:
        return Line(subscription, step.name, step.result)
    if manner.dry_run:
        because = f"{step.because}; " if step.because else ""
        return Line(subscription, step.name, f"{because}would run: az {shlex.join(step.command)}", open=True)
    az(*step.command)
    return Line(subscription, step.name, step.result)


def _checked(subscription: str, app: App, manner: Manner, *, fresh: bool) -> Line | Provoked:
    if manner.dry_run:
        return Line(subscription, "check", "not checked: a dry run")
    found = check(subscription, app, fresh=fresh)
    return found if isinstance(found, Provoked) else carried_out(subscription, found, manner)


@dataclass(slots=True)
class Table:
    """The lines, told as they come, by whichever thread."""

    say: Callable[[str], None]
    failed: set[str] = field(default_factory=set)
    open: set[str] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    def tell(self, *lines: Line) -> None:
        """Tell lines that belong together, with none of others between them."""
        with self._lock:
            for line in lines:
                told = f"{line.subscription:<36}  {line.step:<28}  {'FAILED: ' if line.failed else ''}{line.result}"
                self.say(told)
            self.failed |= {line.subscription for line in lines if line.failed}
            self.open |= {line.subscription for line in lines if line.open}


@dataclass(frozen=True, slots=True)
class Round:
    """Goes through subscriptions, some at once."""

    app: App
    data: Shipped
    manner: Manner
    table: Table
    clock: Clock = field(default_factory=Clock)
    _stopped: Event = field(default_factory=Event)

    def over(self, subscriptions: Sequence[str]) -> None:
        """Go through all; events that were caused are waited for at the end, together.

        When interrupted it begins no further step, and comes back once those under way have ended.
        """
        at_once = min(self.manner.at_once, len(subscriptions))
        if at_once > 1 and not (self.manner.dry_run or self.manner.undo):
            # What compiles the templates is fetched at its first use, which several must not do at the same time.
            run("bicep", "install")
        with ThreadPoolExecutor(at_once) as pool:
            try:
                caused = [event for some in pool.map(self._brought, subscriptions) for event in some]
                for line in arrivals(caused, self.app, self.manner.patience, pool, self.clock):
                    self.table.tell(line)
            except KeyboardInterrupt:
                self._stopped.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _brought(self, subscription: str) -> list[Provoked]:
        """Go through one; its lines are told together, once there are all of them."""
        lines: list[Line] = []
        caused: list[Provoked] = []
        for each in bring(subscription, self.app, self.data, self.manner):
            if isinstance(each, Provoked):
                caused.append(each)
            else:
                lines.append(each)
            if self._stopped.is_set():
                break
        self.table.tell(*lines)
        return caused


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./dev watch",
        description="Bring subscriptions under Drawbridge: providers, events, the role for caches, and a check.",
        epilog="The options that describe the deployment are outputs of infra/main.bicep. "
        'Where azd has them: set -a; eval "$(azd env get-values)"; set +a',
    )
    parser.add_argument("subscriptions", nargs="*", metavar="SUBSCRIPTION", help="id of a subscription")
    parser.add_argument("--management-group", metavar="NAME", help="every subscription below it, at any depth")
    parser.add_argument("--watched", action="store_true", help="every one whose events come to the deployment already")
    parser.add_argument("--dry-run", action="store_true", help="read, say what would be done, and change nothing")
    parser.add_argument("--undo", action="store_true", help="take away what was made, and nothing else")
    parser.add_argument("--events-only", action="store_true", help="leave roles as they are, and wait for no event")
    parser.add_argument("--wait", type=float, default=300, metavar="SECONDS", help="for the check's event (300)")
    parser.add_argument("--at-once", type=int, default=8, metavar="N", help="how many subscriptions (8)")
    for name, (variable, default) in _FROM_ENVIRONMENT.items():
        parser.add_argument(f"--{name}", default=os.environ.get(variable, default), help=f"else from {variable}")
    return parser


# Option → the variable of azd that gives it, and what it is without one.
_FROM_ENVIRONMENT = {
    "app-id": ("APP_ID", ""),
    "storage-id": ("STORAGE_ID", ""),
    "principal-id": ("APP_PRINCIPAL_ID", ""),
    "delivery": ("EVENT_DELIVERY", "function"),
    "location": ("AZURE_LOCATION", ""),
    "event-subscription": ("DRAWBRIDGE_EVENT_SUBSCRIPTION", "drawbridge"),
    "topic-group": ("DRAWBRIDGE_TOPIC_GROUP", "rg-drawbridge-events"),
    "topic-tags": ("DRAWBRIDGE_TOPIC_TAGS", ""),
}


def app_from(given: argparse.Namespace) -> App:
    """Read the deployment from the command line; raises InvalidError."""
    return App(
        resource(given.app_id, "Microsoft.Web/sites", "--app-id"),
        resource(given.storage_id, "Microsoft.Storage/storageAccounts", "--storage-id"),
        guid(given.principal_id, "--principal-id"),
        word(given.delivery, "function|queue", "--delivery"),
        word(given.location, "[a-z0-9]{2,40}", "--location"),
        word(given.event_subscription, "[A-Za-z0-9-]{3,64}", "--event-subscription"),
        word(given.topic_group, r"[\w().-]{0,89}[\w()-]", "--topic-group"),
        tags_of(given.topic_tags),
    )


def tags_of(text: str) -> dict[str, str]:
    """Read tags that are written as name=value,name=value; raises InvalidError."""
    pairs = [pair.partition("=") for pair in text.split(",") if pair]
    for name, _, value in pairs:
        word(f"{name}={value}", r"[^<>%&\\?/=]{1,512}=[^=]{1,256}", "--topic-tags")
    return {name: value for name, _, value in pairs}


def subscriptions_of(given: argparse.Namespace, app: App, at_once: int) -> list[str]:
    """Name what is to be brought in, each once; raises InvalidError and AzError."""
    named = [guid(text, "subscription") for text in given.subscriptions]
    if given.watched:
        named += watched(app, at_once)
    if given.management_group is not None:
        named += below(word(given.management_group, r"[\w().-]{1,90}", "--management-group"))
    if not named:
        raise InvalidError("name subscriptions by their ids, or a --management-group that has some, or --watched ones")
    return list(dict.fromkeys(named))


def main(words: list[str], say: Callable[[str], None] = print) -> int:
    """Give the code to end with.

    0 where every step is done, 1 where something failed, 2 where something was not given as it has to be, 3 where a
    dry run has found something to do.
    """
    given = arguments().parse_args(words)
    manner = Manner(given.dry_run, given.undo, given.events_only, given.wait, max(1, given.at_once))
    try:
        app, data = app_from(given), shipped()
        subscriptions = subscriptions_of(given, app, manner.at_once)
    except InvalidError as error:
        say(f"{error}")
        return 2
    except AzError as error:
        say(f"{error}")
        return 1
    say(f"{'SUBSCRIPTION':<36}  {'STEP':<28}  RESULT")
    table = Table(say)
    try:
        Round(app, data, manner, table).over(subscriptions)
    except AzError as error:
        say(f"{error}")
        return 1
    except KeyboardInterrupt:
        say("\nInterrupted. Azure goes on with what was begun; the same command takes it up from there.")
        return _INTERRUPTED
    return outcome(table, len(subscriptions))


def outcome(table: Table, of: int) -> int:
    """Say in one line what is left to do, and give the code to end with."""
    if table.failed:
        table.say(f"\nNot done in {len(table.failed)} of {of} subscriptions; once mended, run the same again.")
        return 1
    if table.open:
        table.say(f"\nSomething is to be done in {len(table.open)} of {of} subscriptions.")
        return _TO_DO
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
