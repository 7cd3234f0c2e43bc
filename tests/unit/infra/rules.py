"""What every reading of infra/ has to say, as questions to a folder: each gives what is wrong there, in words.

They are questions rather than tests so that they can be put to a copy with a fault in it: see test_mutants.py.
"""

from __future__ import annotations

import ast
import functools
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from shared import events
from shared.metrics import METRICS
from shared.model import Reason, Trigger
from tests.unit.infra import kql
from tests.unit.infra.bicep import ROOT, Declaration, Expression, Template, parse
from tests.unit.infra.stories import STORIES

Rule = Callable[[Path], Iterator[str]]
RULES: list[Rule] = []

BLOB_OWNER = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
QUEUE_CONTRIBUTOR = "974c5e8b-45b9-4653-ba55-5f855dd0fb88"
QUEUE_SENDER = "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a"
TABLE_CONTRIBUTOR = "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3"
METRICS_PUBLISHER = "3913510d-42f4-4e42-8a64-420c390055eb"
EVENT_SENDER = "d5a91429-5739-47e2-a06b-3470a27159e7"

ROLES = {
    "caches": {
        "Microsoft.Cache/redis/read",
        "Microsoft.Cache/redis/write",
        "Microsoft.Cache/redis/PrivateEndpointConnectionsApproval/action",
        "Microsoft.Cache/redisEnterprise/databases/read",
        "Microsoft.Cache/redis/privateEndpointConnections/write",
        "Microsoft.Cache/redis/privateEndpointConnections/delete",
        "Microsoft.Cache/redisEnterprise/privateEndpointConnections/write",
        "Microsoft.Cache/redisEnterprise/privateEndpointConnections/delete",
        "Microsoft.Cache/redisEnterprise/read",
        "Microsoft.Cache/redisEnterprise/write",
        "Microsoft.Cache/redisEnterprise/PrivateEndpointConnectionsApproval/action",
        "Microsoft.Resources/subscriptions/read",
    },
    "management-group": {"Microsoft.Management/managementGroups/descendants/read"},
    "endpoints": {
        "Microsoft.Network/privateEndpoints/read",
        "Microsoft.Network/privateEndpoints/write",
        "Microsoft.Network/privateEndpoints/delete",
        "Microsoft.Network/privateEndpoints/privateDnsZoneGroups/read",
        "Microsoft.Network/privateEndpoints/privateDnsZoneGroups/write",
    },
    "subnets": {"Microsoft.Network/virtualNetworks/subnets/join/action"},
    "zones": {
        "Microsoft.Network/privateDnsZones/join/action",
        "Microsoft.Network/privateDnsZones/read",
        "Microsoft.Network/privateDnsZones/A/read",
    },
    "zone-maker": {
        "Microsoft.Network/privateDnsZones/write",
        "Microsoft.Network/privateDnsZones/virtualNetworkLinks/read",
        "Microsoft.Network/privateDnsZones/virtualNetworkLinks/write",
        "Microsoft.Network/virtualNetworks/join/action",
    },
    "cache-maker": {"Microsoft.Cache/redisEnterprise/databases/write"},
    "network-maker": {
        "Microsoft.Network/virtualNetworks/read",
        "Microsoft.Network/virtualNetworks/write",
        "Microsoft.Network/virtualNetworks/subnets/write",
        "Microsoft.Network/virtualNetworks/join/action",
    },
    "subnet-choice": {
        "Microsoft.Network/virtualNetworks/read",
        "Microsoft.Network/virtualNetworks/subnets/join/action",
    },
    "security-groups": {"Microsoft.Network/applicationSecurityGroups/joinIpConfiguration/action"},
    "zone-links": {
        "Microsoft.Network/privateDnsZones/read",
        "Microsoft.Network/privateDnsZones/virtualNetworkLinks/read",
        "Microsoft.Network/privateDnsZones/virtualNetworkLinks/write",
    },
    "zone-search": {
        "Microsoft.Network/privateDnsZones/read",
        "Microsoft.Network/privateDnsZones/virtualNetworkLinks/read",
    },
}
# Azure asks for these beside what is called: for what an endpoint, a zone group or a link leads to.
LINKED = {
    "Microsoft.Cache/redis/PrivateEndpointConnectionsApproval/action",
    "Microsoft.Cache/redisEnterprise/PrivateEndpointConnectionsApproval/action",
    "Microsoft.Network/applicationSecurityGroups/joinIpConfiguration/action",
    "Microsoft.Network/privateDnsZones/join/action",
    "Microsoft.Network/virtualNetworks/join/action",
    "Microsoft.Network/virtualNetworks/subnets/join/action",
}
MAKERS = ["cache-maker", "network-maker", "subnet-choice", "security-groups", "zone-links", "zone-search"]
# What reads or spends secrets, loses data, or takes a cache away: in no role, whatever it is for.
NEVER = re.compile(
    r"\*|listkeys|regeneratekey|/flush|/import|/export|forcereboot|/stop|/start|redis(enterprise)?/delete"
    r"|firewallrules|authorization/|databases/delete|virtualnetworks/delete|subnets/delete",
    re.IGNORECASE,
)
SETTINGS = {
    "AzureWebJobsStorage__credential": "managedidentity",
    "AzureWebJobsStorage__clientId": Expression("identityClientId"),
    "AzureWebJobsStorage__blobServiceUri": Expression("blobEndpoint"),
    "AzureWebJobsStorage__queueServiceUri": Expression("queueEndpoint"),
    "AzureWebJobsStorage__tableServiceUri": Expression("tableEndpoint"),
    "APPLICATIONINSIGHTS_CONNECTION_STRING": Expression("insightsConnectionString"),
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": Expression("'ClientId=${identityClientId};Authorization=AAD'"),
    "AZURE_CLIENT_ID": Expression("identityClientId"),
    "DRAWBRIDGE_ARM_ENDPOINT": Expression("armEndpoint"),
    "DRAWBRIDGE_KEY_ROLE": Expression("keyRole"),
    "DRAWBRIDGE_PRINCIPAL_ID": Expression("identityPrincipalId"),
    "DRAWBRIDGE_SIGN_IN": Expression("empty(signInClientId) ? 'key' : 'entra'"),
    "DRAWBRIDGE_SWEEP_SCHEDULE": Expression("sweepSchedule"),
    "DRAWBRIDGE_TOPIC_ENDPOINT": Expression("topicEndpoint"),
}
# Flex Consumption refuses these, or takes them from functionAppConfig.
DEPRECATED = re.compile(
    r"FUNCTIONS_(WORKER_RUNTIME|EXTENSION_VERSION|WORKER_PROCESS_COUNT)|WEBSITE_(CONTENT|RUN_FROM|TIME_ZONE|MAX_DYNAMIC)"
    r"|SCM_DO_BUILD|ENABLE_ORYX|\b(linuxFxVersion|alwaysOn|functionAppScaleLimit|containerSize|preWarmedInstanceCount"
    r"|isReserved|javaVersion|powerShellVersion|netFrameworkVersion|minimumElasticInstanceCount)\b"
)
STORAGE = {
    "accessTier": "Hot",
    "allowBlobPublicAccess": False,
    "allowCrossTenantReplication": False,
    "allowSharedKeyAccess": False,
    "defaultToOAuthAuthentication": True,
    "isLocalUserEnabled": False,
    "minimumTlsVersion": "TLS1_2",
    "supportsHttpsTrafficOnly": True,
    "publicNetworkAccess": "Enabled",
    "networkAcls": {
        "bypass": "AzureServices",
        "defaultAction": Expression("private ? 'Deny' : 'Allow'"),
        "ipRules": [],
        "virtualNetworkRules": [],
    },
}
SITE = {
    "ftpsState": "Disabled",
    "http20Enabled": True,
    "minTlsVersion": "1.2",
    "scmMinTlsVersion": "1.2",
    "ipSecurityRestrictions": Expression("flatten([[eventGrid], callers])"),
    "ipSecurityRestrictionsDefaultAction": "Deny",
    "scmIpSecurityRestrictionsUseMain": False,
    "scmIpSecurityRestrictionsDefaultAction": "Allow",
}
SIGN_IN = {
    "parent": Expression("app"),
    "name": "authsettingsV2",
    "properties": {
        "platform": {"enabled": True},
        "globalValidation": {"requireAuthentication": False, "unauthenticatedClientAction": "AllowAnonymous"},
        "httpSettings": {"requireHttps": True},
        "identityProviders": {
            "azureActiveDirectory": {
                "enabled": True,
                "registration": {
                    "clientId": Expression("signInClientId"),
                    "openIdIssuer": Expression(
                        "'${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'"
                    ),
                },
                "validation": {
                    "allowedAudiences": [Expression("signInClientId"), Expression("'api://${signInClientId}'")]
                },
            }
        },
        "login": {"tokenStore": {"enabled": False}},
    },
}
FLEX = {
    "deployment": {
        "storage": {
            "type": "blobContainer",
            "value": Expression("'${blobEndpoint}${deploymentContainer}'"),
            "authentication": {
                "type": "UserAssignedIdentity",
                "userAssignedIdentityResourceId": Expression("identityId"),
            },
        }
    },
    "scaleAndConcurrency": {
        "instanceMemoryMB": Expression("instanceMemoryMB"),
        "maximumInstanceCount": Expression("maximumInstanceCount"),
    },
    "runtime": {"name": "python", "version": Expression("pythonVersion")},
}
RETRY = {"maxDeliveryAttempts": 30, "eventTimeToLiveInMinutes": 1440}
DEAD_LETTER = {
    "identity": {"type": "SystemAssigned"},
    "deadLetterDestination": {
        "endpointType": "StorageBlob",
        "properties": {"resourceId": Expression("storageAccountId"), "blobContainerName": "dead-letters"},
    },
}
FILTER = {
    "includedEventTypes": Expression("filter.eventTypes"),
    "enableAdvancedFilteringOnArrays": True,
    "advancedFilters": [
        {"operatorType": "StringIn", "key": "data.operationName", "values": Expression("filter.operations")}
    ],
}
MOST_VALUES = 25
"""Event Grid takes no more in all the filters of a subscription together."""
# Alert that counts rows → severity, how often it is asked, how far it looks back, and what it is split by.
ALERTS = {
    "poison": (2, "PT15M", "PT1H", []),
    "exposed": (1, "PT15M", Expression("longest"), Expression("perCache")),
    "contested": (1, "PT15M", Expression("longest"), Expression("perCache")),
    "dead-letters": (3, "PT1H", "P1D", []),
}
# The parameters of main.bicep with what they are where nobody says otherwise.
DEFAULTS: dict[str, Any] = {
    "extraTags": {},
    "watchedSubscriptions": [],
    "assignRoles": True,
    "endpointResourceGroups": [],
    "subnets": [],
    "dnsZones": [],
    "zoneMakerResourceGroups": [],
    "cacheMakerResourceGroups": [],
    "networkMakerResourceGroups": [],
    "subnetChoiceResourceGroups": [],
    "securityGroupResourceGroups": [],
    "linkedDnsZones": [],
    "zoneSearchSubscriptions": [],
    "sweepSchedule": "0 */15 * * * *",
    "announcementTopicId": "",
    "inbound": "restricted",
    "allowedCallers": [],
    "signInClientId": "",
    "keyRole": "Operator",
    "vnetEnabled": True,
    "vnetAddressPrefix": "10.71.0.0/24",
    "appSubnetId": "",
    "endpointSubnetId": "",
    "zones": "create",
    "zoneIds": {},
    "pythonVersion": "3.12",
    "instanceMemoryMB": 2048,
    "maximumInstanceCount": 40,
    "storageRedundancy": "Standard_ZRS",
    "deadLetterDays": 30,
    "logRetentionDays": 30,
    "logDailyQuotaGb": 5,
    "alertEmails": [],
    "alertActionGroups": [],
    "alertSweepHours": 2,
    "alertWaitingSeconds": 600,
}
GROUP_DEFAULTS: dict[str, Any] = {"principalId": None, "suffix": "main", "assignNetwork": False}
EVENT_DEFAULTS: dict[str, Any] = {
    "functionAppId": None,
    "storageAccountId": None,
    "delivery": "function",
    "existingTopicName": "",
    "topicResourceGroup": "rg-drawbridge-events",
    "location": Expression("deployment().location"),
    "topicName": "evgt-drawbridge",
    "eventSubscriptionName": "drawbridge",
    "tags": {},
}
# Which role the app's identity is given, where, and under which condition.
ASSIGNED = {
    "cacheRoles": ("roles/at-subscription.bicep", "watched", "subscription(id)", "caches"),
    "endpointRoles": ("roles/at-group.bicep", "endpointResourceGroups", "group", "endpoints"),
    "subnetRoles": ("roles/at-subnet.bicep", "subnets", "group", "subnets"),
    "zoneRoles": ("roles/at-zone.bicep", "dnsZones", "group", "zones"),
    "zoneMakerRoles": ("roles/at-group.bicep", "zoneMakerResourceGroups", "group", "zoneMaker"),
    "cacheMakerRoles": ("roles/at-group.bicep", "cacheMakerResourceGroups", "group", "cacheMaker"),
    "networkMakerRoles": ("roles/at-group.bicep", "networkMakerResourceGroups", "group", "networkMaker"),
    "subnetChoiceRoles": ("roles/at-group.bicep", "subnetChoiceResourceGroups", "group", "subnetChoice"),
    "securityGroupRoles": ("roles/at-group.bicep", "securityGroupResourceGroups", "group", "securityGroups"),
    "zoneLinkRoles": ("roles/at-zone.bicep", "linkedDnsZones", "group", "zoneLinks"),
    "zoneSearchRoles": (
        "roles/at-subscription.bicep",
        "zoneSearchSubscriptions",
        "subscription(id)",
        "zoneSearch",
    ),
    "createdZoneRoles": ("roles/at-group.bicep", "zoneMakerResourceGroups", "group", "zones"),
}
OUTPUTS = {
    "RESOURCE_GROUP": "group.name",
    "APP_ID": "app.outputs.id",
    "APP_NAME": "app.outputs.name",
    "APP_HOST": "app.outputs.hostName",
    "APP_PRINCIPAL_ID": "identity.outputs.principalId",
    "STORAGE_ID": "storage.outputs.id",
    "EVENT_DELIVERY": "inbound == 'closed' ? 'queue' : 'function'",
    "WATCHED_SUBSCRIPTIONS": "join(watched, ' ')",
    "PYTHON_VERSION": "pythonVersion",
    "WORKSPACE_ID": "monitoring.outputs.workspaceId",
}


# Every resource and module of every file.
MADE = {
    "app/alerts.bicep": [
        "mail",
        "seen",
        "waiting",
        "standing",
        "sweeps",
    ],
    "app/announcements.bicep": [
        "sender",
    ],
    "app/app.bicep": [
        "plan",
        "app",
        "settings",
        "signIn",
        "ftp",
        "scm",
    ],
    "app/identity.bicep": [
        "identity",
    ],
    "app/monitoring.bicep": [
        "workspace",
        "insights",
        "publisher",
    ],
    "app/network.bicep": [
        "closed",
        "network",
        "zones",
        "links",
    ],
    "app/private-endpoint.bicep": [
        "endpoint",
        "zoneGroup",
    ],
    "app/storage.bicep": [
        "account",
        "blobs",
        "packages",
        "deadLetters",
        "lifecycle",
        "queueService",
        "queues",
        "tableService",
        "tables",
        "access",
    ],
    "app/workbook.bicep": [
        "workbook",
    ],
    "events/access.bicep": [
        "writesDeadLetters",
        "sendsEvents",
    ],
    "events/main.bicep": [
        "group",
        "made",
        "found",
        "access",
        "subscribed",
    ],
    "events/subscription.bicep": [
        "toFunction",
        "toQueue",
    ],
    "events/topic.bicep": [
        "topic",
    ],
    "main.bicep": [
        "group",
        "identity",
        "storage",
        "monitoring",
        "network",
        "ways",
        "announcements",
        "app",
        "wayIn",
        "alerts",
        "workbook",
        "roles",
        "cacheRoles",
        "endpointRoles",
        "subnetRoles",
        "zoneRoles",
        "zoneMakerRoles",
        "createdZoneRoles",
        "cacheMakerRoles",
        "networkMakerRoles",
        "subnetChoiceRoles",
        "securityGroupRoles",
        "zoneLinkRoles",
        "zoneSearchRoles",
    ],
    "management-group/main.bicep": [
        "definitions",
        "assignments",
    ],
    "roles/at-group.bicep": [
        "assignment",
    ],
    "roles/at-subnet.bicep": [
        "assignment",
    ],
    "roles/at-subscription.bicep": [
        "assignment",
    ],
    "roles/at-zone.bicep": [
        "assignment",
    ],
    "roles/definitions.bicep": [
        "definitions",
    ],
}
# What Azure tags; the rest is part of something that is.
TAGGED = (
    "Microsoft.EventGrid/systemTopics",
    "Microsoft.Insights/actionGroups",
    "Microsoft.Insights/components",
    "Microsoft.Insights/scheduledQueryRules",
    "Microsoft.Insights/workbooks",
    "Microsoft.ManagedIdentity/userAssignedIdentities",
    "Microsoft.Network/networkSecurityGroups",
    "Microsoft.Network/privateDnsZones",
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks",
    "Microsoft.Network/privateEndpoints",
    "Microsoft.Network/virtualNetworks",
    "Microsoft.OperationalInsights/workspaces",
    "Microsoft.Resources/resourceGroups",
    "Microsoft.Storage/storageAccounts",
    "Microsoft.Web/serverfarms",
    "Microsoft.Web/sites",
)

NOWHERE = (
    "Microsoft.EventGrid/systemTopics",
    "Microsoft.Insights/actionGroups",
    "Microsoft.Network/privateDnsZones",
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks",
)


def rule(question: Rule) -> Rule:
    RULES.append(question)
    return question


@functools.lru_cache(maxsize=512)
def _read(name: str, text: str) -> Template:
    return parse(Path(name), text)


def template(path: Path) -> Template:
    return _read(path.name, path.read_text("utf-8"))


def made(root: Path, type_: str) -> list[Declaration]:
    """Every resource of a type that is made, in any file."""
    every = (one for path in sorted(root.rglob("*.bicep")) for one in template(path).of("resource"))
    return [one for one in every if one.type.partition("@")[0] == type_ and one.modifier != "existing"]


def data(root: Path, name: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads((root / name).read_text("utf-8"))


def differs(where: str, found: object, wanted: object) -> Iterator[str]:
    """Say where two values part."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        for key in sorted({*found, *wanted}):
            yield from differs(f"{where}.{key}", found.get(key), wanted.get(key))
    elif (found, type(found)) != (wanted, type(wanted)):
        yield f"{where} is {found!r}, not {wanted!r}"


# ── all of it ────────────────────────────────────────────────────────────────────────────────────


@rule
def everything_is_there_and_nothing_else(root: Path) -> Iterator[str]:
    for path in sorted(root.rglob("*.bicep")):
        name = path.relative_to(root).as_posix()
        declared = [*template(path).of("resource"), *template(path).of("module")]
        found = [one.name for one in declared if one.modifier != "existing"]
        yield from differs(name, sorted(found), sorted(MADE.get(name, [])))


@rule
def every_output_is_used_and_every_one_used_is_there(root: Path) -> Iterator[str]:
    for path in sorted(root.rglob("*.bicep")):
        text = path.read_text("utf-8")
        for module in template(path).of("module"):
            given = {one.name for one in template(path.parent / module.type).of("output")}
            used = set(re.findall(rf"\b{module.name}\.outputs\.(\w+)", text))
            yield from (f"{path.name}: {module.type} gives no {name}" for name in sorted(used - given))
            yield from (f"{module.type} gives {name}, which nobody takes" for name in sorted(given - used))


@rule
def what_a_condition_may_leave_out_is_asked_for_under_one(root: Path) -> Iterator[str]:
    for path in sorted(root.rglob("*.bicep")):
        for module in template(path).of("module"):
            asked = [line for line in path.read_text("utf-8").splitlines() if f" {module.name}.outputs." in line]
            if "if (" in module.modifier:
                yield from (f"{path.name}: {line.strip()}" for line in asked if " ? " not in line)


@rule
def the_parts_give_what_their_outputs_are_called(root: Path) -> Iterator[str]:
    for name, wanted in GIVEN.items():
        found = {one.name: str(one.value) for one in template(root / name).of("output")}
        yield from differs(f"{name}: outputs", found, wanted)


GIVEN = {
    "app/app.bicep": {"id": "app.id", "name": "app.name", "hostName": "app.properties.defaultHostName"},
    "app/identity.bicep": {
        "id": "identity.id",
        "clientId": "identity.properties.clientId",
        "principalId": "identity.properties.principalId",
    },
    "app/monitoring.bicep": {
        "connectionString": "insights.properties.ConnectionString",
        "workspaceId": "workspace.id",
    },
    "events/topic-identity.bicep": {"id": "topic.id", "principalId": "topic.identity.principalId"},
}


@rule
def scopes_and_choices_are_these(root: Path) -> Iterator[str]:
    for path in sorted(root.rglob("*.bicep")):
        name = path.relative_to(root).as_posix()
        yield from differs(f"{name}: scope", template(path).scope, TARGETS.get(name, "resourceGroup"))
        for one in template(path).of("param"):
            allowed = re.search(r"@allowed\(\[(.*?)\]\)", one.decorators, re.DOTALL)
            found = [each.strip(" '") for each in allowed[1].split(",")] if allowed else []
            if (name, one.name) not in CHOSEN_BEFORE:
                yield from differs(f"{one.where}: allowed", found, CHOICES.get(one.name, []))


TARGETS = {
    "main.bicep": "subscription",
    "events/main.bicep": "subscription",
    "management-group/main.bicep": "managementGroup",
    "roles/at-subscription.bicep": "subscription",
    "roles/definitions.bicep": "subscription",
}
_HOURS = ["1", "2", "6", "24"]
_COPIES = ["Standard_LRS", "Standard_ZRS", "Standard_GZRS"]
CHOSEN_BEFORE = {("app/app.bicep", "pythonVersion"), ("app/app.bicep", "instanceMemoryMB")}
# Parameter → what it may be, here and where it is handed on.
CHOICES = {
    "inbound": ["restricted", "closed"],
    "keyRole": ["Reader", "Operator", "Admin"],
    "delivery": ["function", "queue"],
    "zones": ["create", "existing", "policy"],
    "storageRedundancy": _COPIES,
    "redundancy": _COPIES,
    "alertSweepHours": _HOURS,
    "sweepHours": _HOURS,
    "instanceMemoryMB": ["512", "2048", "4096"],
    "pythonVersion": ["3.11", "3.12", "3.13"],
}


@rule
def everything_declared_is_used(root: Path) -> Iterator[str]:
    for path in sorted(root.rglob("*.bicep")):
        text = re.sub(r"^\s*//.*$|^@description\(.*\)$", "", path.read_text("utf-8"), flags=re.MULTILINE)
        declared = [one.name for kind in ("param", "var") for one in template(path).of(kind)]
        words = re.findall(r"\w+", text)
        yield from (f"{path.name}: nothing uses {name}" for name in declared if words.count(name) < 2)
        shadowed = {one.name for one in template(path).declarations if one.kind != "output"} & FUNCTIONS
        yield from (f"{path.name}: {name} hides a function of Bicep" for name in sorted(shadowed))


FUNCTIONS = {
    *("deployment", "empty", "environment", "guid", "join", "map", "range"),
    *("resourceGroup", "split", "subscription", "tenant", "union"),
}


@rule
def every_part_is_in_its_whole(root: Path) -> Iterator[str]:
    for path in sorted(root.rglob("*.bicep")):
        every = {one.name: one for one in template(path).of("resource")}
        for one in every.values():
            type_ = one.type.partition("@")[0]
            if type_.count("/") > 1:
                parent = every.get(str(one.value.get("parent", "")).partition("[")[0])
                if parent is None or parent.type.partition("@")[0] != type_.rpartition("/")[0]:
                    yield f"{one.where} is in {one.value.get('parent')!r}"


@rule
def everything_is_in_the_region_or_nowhere(root: Path) -> Iterator[str]:
    for path in sorted(root.rglob("*.bicep")):
        for one in template(path).of("resource"):
            type_ = one.type.partition("@")[0]
            if type_ in TAGGED and one.modifier != "existing":
                where = "global" if type_ in NOWHERE else Expression("location")
                yield from differs(f"{one.where}.location", one.value.get("location"), where)


@rule
def everything_that_can_be_tagged_is(root: Path) -> Iterator[str]:
    for type_ in TAGGED:
        for one in made(root, type_):
            if one.value.get("tags") not in {"tags", "union(tags, { 'azd-service-name': 'app' })"}:
                yield f"{one.where} has the tags {one.value.get('tags')!r}"


# ── roles ────────────────────────────────────────────────────────────────────────────────────────


@rule
def every_role_has_exactly_its_actions(root: Path) -> Iterator[str]:
    there = {path.stem: data(root, f"roles/{path.name}") for path in sorted((root / "roles").glob("*.json"))}
    yield from differs("roles", sorted(there), sorted(ROLES))
    for name, read_ in there.items():
        yield from differs(f"roles/{name}", sorted(read_), ["actions", "description", "id", "name"])
        actions = [each["action"] for each in read_["actions"]]
        yield from differs(f"roles/{name}.id", read_["id"], name)
        yield from differs(f"roles/{name}", sorted(actions), sorted(ROLES.get(name, ())))
        yield from (f"roles/{name} may {action}" for action in actions if NEVER.search(action))
        for each in read_["actions"]:
            if set(each) != {"action", "for", "without"} or not all(each.values()):
                yield f"roles/{name}: {each['action']} does not say what it is for and what breaks without it"


@rule
def the_roles_hold_what_the_app_calls_and_what_azure_links_to_it(root: Path) -> Iterator[str]:
    held = {
        each["action"]
        for path in (root / "roles").glob("*.json")
        for each in data(root, f"roles/{path.name}")["actions"]
    }
    yield from (f"{action} is called, and in no role" for action in sorted(called() - held))
    yield from (f"{action} is in a role, and never called" for action in sorted(held - LINKED - called()))


@functools.cache
def called() -> set[str]:
    """Every action that a call to Azure Resource Manager is named by."""
    texts = [path.read_text("utf-8") for path in (ROOT / "shared" / "arm").glob("*.py")]
    return {found for text in texts for found in re.findall(r'"(Microsoft\.\w+/[\w/]+)"', text)}


@rule
def every_role_is_defined_as_its_data_says(root: Path) -> Iterator[str]:
    defined = made(root, "Microsoft.Authorization/roleDefinitions")
    yield from differs("role definitions", len(defined), 2)
    scopes = {"definitions.bicep": Expression("assignableScopes"), "main.bicep": [Expression("here")]}
    for one in defined:
        properties = {
            "roleName": Expression("'${role.name} ${suffix}'"),
            "description": Expression("role.description"),
            "type": "CustomRole",
            "permissions": [
                {
                    "actions": Expression("map(role.actions, each => each.action)"),
                    "notActions": [],
                    "dataActions": [],
                    "notDataActions": [],
                }
            ],
            "assignableScopes": scopes[one.where.partition(":")[0]],
        }
        wanted = {"name": Expression("guid(here, suffix, role.id)"), "properties": properties}
        yield from differs(one.where, one.value, wanted)
    others = template(root / "roles/definitions.bicep").named("others").value
    # Azure takes no scope twice, and ids may be spelt in either case.
    yield from differs("others", others, Expression("[for id in otherSubscriptions: '/subscriptions/${toLower(id)}']"))
    for path, order in {
        "roles/definitions.bicep": ["caches", "endpoints", "subnets", "zones", "zone-maker", *MAKERS],
        "management-group/main.bicep": [
            "caches",
            "management-group",
            "endpoints",
            "subnets",
            "zones",
            "zone-maker",
            *MAKERS,
        ],
    }.items():
        yield from _ordered(template(root / path), order, path)


def _ordered(read_: Template, order: list[str], path: str) -> Iterator[str]:
    files = {
        one.name: re.search(r"loadJsonContent\('(?:.*/)?([\w-]+)\.json'\)", str(one.value)) for one in read_.of("var")
    }
    listed = [found[1] if (found := files[str(name)]) else name for name in read_.named("roles").value]
    yield from differs(f"{path}: roles", listed, order)
    told = [str(one.value) for one in read_.of("output")]
    yield from differs(f"{path}: outputs", told, [f"definitions[{index}].id" for index in range(len(order))])
    named = [one.name.lower().removeprefix("role_").replace("_", "") for one in read_.of("output")]
    yield from differs(f"{path}: outputs", named, [name.replace("-", "") for name in order])


@rule
def the_identity_gets_each_role_where_it_is_meant(root: Path) -> Iterator[str]:
    main = template(root / "main.bicep")
    for name, (file, loop, scope, role) in ASSIGNED.items():
        one = main.named(name)
        wanted = (
            "subscription(id)" if scope == "subscription(id)" else "resourceGroup(split(id, '/')[2], split(id, '/')[4])"
        )
        yield from differs(f"{name}.file", one.type, file)
        yield from differs(f"{name}.loop", one.modifier, f"for id in {loop} if (assignRoles)")
        yield from differs(f"{name}.scope", one.value.get("scope"), Expression(wanted))
        given = {k: v for k, v in one.value["params"].items() if k in {"roleDefinitionId", "principalId"}}
        expected = {
            "roleDefinitionId": Expression(f"assignRoles ? roles.outputs.{role} : ''"),
            "principalId": Expression("identity.outputs.principalId"),
        }
        yield from differs(f"{name}.params", given, expected)
    yield from differs(
        "assigned over the group",
        template(root / "management-group/main.bicep").named("assigned").value,
        Expression("assignNetwork ? 5 : 2"),
    )
    over = template(root / "management-group/main.bicep").named("assignments")
    assigned: dict[str, Any] = {
        "name": Expression("guid(here, suffix, principalId, roles[index].id)"),
        "properties": _assigned("definitions[index].id", "principalId"),
    }
    yield from differs("assigned over the group", over.value, assigned)
    where = {"at-subnet.bicep": "subnet", "at-zone.bicep": "zone"}
    for name in ("at-group", "at-subscription", "at-subnet", "at-zone"):
        assignment = template(root / f"roles/{name}.bicep").named("assignment").value
        yield from differs(
            f"{name}.scope",
            assignment.get("scope"),
            Expression(where[f"{name}.bicep"]) if f"{name}.bicep" in where else None,
        )
        yield from differs(f"{name}.properties", assignment["properties"], _assigned("roleDefinitionId", "principalId"))
        if not str(assignment["name"]).endswith("id, roleDefinitionId, principalId)"):
            yield f"{name} is named by {assignment['name']}"


def _assigned(role: str, principal: str) -> dict[str, Any]:
    return {
        "roleDefinitionId": Expression(role),
        "principalId": Expression(principal),
        "principalType": "ServicePrincipal",
    }


BUILT_IN = {
    "app/storage.bicep": {
        "blobOwner": BLOB_OWNER,
        "queueContributor": QUEUE_CONTRIBUTOR,
        "tableContributor": TABLE_CONTRIBUTOR,
    },
    "app/monitoring.bicep": {"metricsPublisher": METRICS_PUBLISHER},
    "app/announcements.bicep": {"dataSender": EVENT_SENDER},
    "events/access.bicep": {"blobContributor": BLOB_CONTRIBUTOR, "queueSender": QUEUE_SENDER},
}
SCOPES = {
    "access": ("account", "role"),
    "publisher": ("insights", "metricsPublisher"),
    "sender": ("topic", "dataSender"),
    "writesDeadLetters": ("deadLetters", "blobContributor"),
    "sendsEvents": ("events", "queueSender"),
}


@rule
def built_in_roles_are_these_and_reach_no_further_than_needed(root: Path) -> Iterator[str]:
    for file, roles in BUILT_IN.items():
        read_ = template(root / file)
        for name, role in roles.items():
            yield from differs(f"{file}: {name}", read_.named(name).value, role)
        for one in read_.of("resource"):
            if one.type.startswith("Microsoft.Authorization/roleAssignments"):
                scope, role = SCOPES[one.name]
                yield from differs(one.where, one.value["scope"], Expression(scope))
                # Azure lets nobody lead an assignment to another identity, such as that of a topic made anew.
                named = Expression(f"guid({scope}.id, principalId, {role})")
                yield from differs(f"{one.where}.name", one.value["name"], named)
                built_in = f"subscriptionResourceId('Microsoft.Authorization/roleDefinitions', {role})"
                yield from differs(one.where, one.value["properties"], _assigned(built_in, "principalId"))
    yield from differs(
        "storage.dataRoles",
        template(root / "app/storage.bicep").named("dataRoles").value,
        [Expression(r) for r in BUILT_IN["app/storage.bicep"]],
    )
    yield from differs(
        "access.sendsEvents", template(root / "events/access.bicep").named("sendsEvents").modifier, "if (queue)"
    )


# ── events ───────────────────────────────────────────────────────────────────────────────────────


@rule
def every_event_subscription_retries_for_a_day_and_keeps_what_it_cannot_deliver(root: Path) -> Iterator[str]:
    subscriptions = made(root, "Microsoft.EventGrid/systemTopics/eventSubscriptions")
    yield from differs("event subscriptions", sorted(one.name for one in subscriptions), ["toFunction", "toQueue"])
    retry = template(root / "events/subscription.bicep").named("retry").value
    yield from differs("event subscriptions: retry", retry, Expression("loadJsonContent('retry.json')"))
    yield from differs("retry.json", data(root, "events/retry.json"), RETRY)
    for one in subscriptions:
        properties = one.value["properties"]
        yield from differs(f"{one.where}.retryPolicy", properties.get("retryPolicy"), Expression("retry"))
        yield from differs(f"{one.where}.deadLetter", properties.get("deadLetterWithResourceIdentity"), DEAD_LETTER)
        yield from differs(f"{one.where}.filter", properties.get("filter"), FILTER)
        yield from differs(f"{one.where}.schema", properties.get("eventDeliverySchema"), "EventGridSchema")
        yield from differs(f"{one.where}.name", one.value.get("name"), Expression("name"))
        yield from differs(f"{one.where}.parent", one.value.get("parent"), Expression("topic"))


@rule
def events_go_to_the_function_or_by_identity_to_the_queue(root: Path) -> Iterator[str]:
    read_ = template(root / "events/subscription.bicep")
    function, queue = read_.named("toFunction"), read_.named("toQueue")
    to_function = {
        "endpointType": "AzureFunction",
        "properties": {
            "resourceId": Expression("'${functionAppId}/functions/on_event'"),
            "maxEventsPerBatch": 1,
            "preferredBatchSizeInKilobytes": 64,
        },
    }
    to_queue = {
        "identity": {"type": "SystemAssigned"},
        "destination": {
            "endpointType": "StorageQueue",
            "properties": {
                "resourceId": Expression("storageAccountId"),
                "queueName": "events",
                "queueMessageTimeToLiveInSeconds": Expression("retry.eventTimeToLiveInMinutes * 60"),
            },
        },
    }
    yield from differs("toFunction.destination", function.value["properties"].get("destination"), to_function)
    yield from differs("toQueue.destination", queue.value["properties"].get("deliveryWithResourceIdentity"), to_queue)
    yield from differs("toFunction", function.modifier, "if (delivery == 'function')")
    yield from differs("toQueue", queue.modifier, "if (delivery == 'queue')")


@rule
def the_filter_lets_in_what_the_app_heeds_and_nothing_else(root: Path) -> Iterator[str]:
    filter_ = data(root, "events/filter.json")
    heeded = events._ABOUT_A_CACHE | events._ABOUT_AN_ENDPOINT | {events._GROUP_DELETED}
    yield from differs("filter.operations", sorted(each.lower() for each in filter_["operations"]), sorted(heeded))
    yield from differs(
        "filter.eventTypes", sorted(each.lower() for each in filter_["eventTypes"]), sorted(events._SUCCESSES)
    )
    if len(filter_["operations"]) > MOST_VALUES:
        yield f"filter.operations has {len(filter_['operations'])} values; Event Grid takes {MOST_VALUES}"


@rule
def a_system_topic_is_made_once_and_taken_where_it_is_there(root: Path) -> Iterator[str]:
    (topic,) = made(root, "Microsoft.EventGrid/systemTopics")
    wanted = {
        "name": Expression("name"),
        "location": "global",
        "tags": Expression("tags"),
        "identity": {"type": "SystemAssigned"},
        "properties": {
            "source": Expression("subscription().id"),
            "topicType": "Microsoft.Resources.Subscriptions",
        },
    }
    yield from differs("system topic", topic.value, wanted)
    main = template(root / "events/main.bicep")
    yield from differs("made", main.named("made").modifier, "if (!adopt)")
    yield from differs("group", main.named("group").modifier, "if (!adopt)")
    yield from differs("adopt", main.named("adopt").value, Expression("!empty(existingTopicName)"))
    yield from differs("topic", main.named("topic").value, Expression("adopt ? existingTopicName : topicName"))
    for name, after in {"made": "group", "found": "made", "subscribed": "access"}.items():
        yield from differs(f"{name}.dependsOn", main.named(name).value.get("dependsOn"), [Expression(after)])
    groups = {"made": "resourceGroup(topicResourceGroup)", "subscribed": "resourceGroup(topicResourceGroup)"}
    groups |= {"access": "resourceGroup(split(storageAccountId, '/')[2], split(storageAccountId, '/')[4])"}
    groups |= {"found": groups["made"]}
    for name, scope in groups.items():
        yield from differs(f"{name}.scope", main.named(name).value.get("scope"), Expression(scope))
    handed = {"principalId": Expression("found.outputs.principalId"), "queue": Expression("delivery == 'queue'")}
    handed |= {"storageAccountName": Expression("split(storageAccountId, '/')[8]")}
    yield from differs("access.params", main.named("access").value["params"], handed)
    for name, wanted_ in {"existingTopicName": "", "delivery": "function", "topicName": "evgt-drawbridge"}.items():
        yield from differs(f"{name} default", main.named(name).value, wanted_)


# ── the app ──────────────────────────────────────────────────────────────────────────────────────


@rule
def the_app_runs_on_flex_consumption_under_its_identity(root: Path) -> Iterator[str]:
    read_ = template(root / "app/app.bicep")
    plan, app = read_.named("plan").value, read_.named("app").value
    yield from differs("plan.sku", plan["sku"], {"name": "FC1", "tier": "FlexConsumption"})
    yield from differs("plan.kind", (plan["kind"], plan["properties"]), ("functionapp", {"reserved": True}))
    yield from differs("app.kind", app["kind"], "functionapp,linux")
    yield from differs("app.tags", app.get("tags"), Expression("union(tags, { 'azd-service-name': 'app' })"))
    identity = {"type": "UserAssigned", "userAssignedIdentities": {"${identityId}": {}}}
    yield from differs("app.identity", app.get("identity"), identity)
    properties = app["properties"]
    yield from differs("app.siteConfig", properties["siteConfig"], SITE)
    yield from differs("app.functionAppConfig", properties["functionAppConfig"], FLEX)
    rest = {k: v for k, v in properties.items() if k not in {"siteConfig", "functionAppConfig"}}
    wanted = {
        "serverFarmId": Expression("plan.id"),
        "httpsOnly": True,
        "publicNetworkAccess": Expression("inbound == 'closed' ? 'Disabled' : 'Enabled'"),
        "virtualNetworkSubnetId": Expression("empty(subnetId) ? null : subnetId"),
    }
    yield from differs("app", rest, wanted)


@rule
def the_app_has_the_settings_that_it_reads_and_none_that_flex_refuses(root: Path) -> Iterator[str]:
    read_ = template(root / "app/app.bicep")
    yield from differs("settings", read_.named("settings").value["properties"], SETTINGS)
    yield from differs("settings.name", read_.named("settings").value["name"], "appsettings")
    for path in sorted(root.rglob("*.bicep")):
        yield from (f"{path.name} has {found[0]}" for found in DEPRECATED.finditer(path.read_text("utf-8")))


@rule
def only_event_grid_and_named_callers_reach_the_app_and_no_password_publishes(root: Path) -> Iterator[str]:
    read_ = template(root / "app/app.bicep")
    event_grid = {
        "name": "event-grid",
        "description": "Event Grid delivers events.",
        "priority": 100,
        "action": "Allow",
        "tag": "ServiceTag",
        "ipAddress": "AzureEventGrid",
    }
    yield from differs("eventGrid", read_.named("eventGrid").value, event_grid)
    callers = str(read_.named("callers").value)
    for part in (
        *("in allowedCallers:", "priority: 200 + index", "action: 'Allow'", "tag: 'Default'"),
        "ipAddress: addresses",
    ):
        if part not in callers:
            yield f"callers: {part!r} is missing"
    sign_in = read_.named("signIn")
    yield from differs("signIn", sign_in.modifier, "if (!empty(signInClientId))")
    yield from differs("signIn", sign_in.value, SIGN_IN)
    for name in ("ftp", "scm"):
        wanted = {"parent": Expression("app"), "name": name, "properties": {"allow": False}}
        yield from differs(name, read_.named(name).value, wanted)


@rule
def storage_has_no_keys_and_what_the_app_needs(root: Path) -> Iterator[str]:
    read_ = template(root / "app/storage.bicep")
    account = read_.named("account").value
    yield from differs("storage", account["properties"], STORAGE)
    yield from differs(
        "storage.kind", (account["kind"], account["sku"]), ("StorageV2", {"name": Expression("redundancy")})
    )
    yield from differs("storage.queues", read_.named("queueNames").value, queues())
    yield from differs("storage.tables", sorted(read_.named("tableNames").value), sorted(tables()))
    for name in ("packages", "deadLetters"):
        container = read_.named(name).value
        yield from differs(f"storage.{name}", container["properties"], {"publicAccess": "None"})
        yield from differs(
            f"storage.{name}",
            container["name"],
            Expression({"packages": "deploymentContainer", "deadLetters": "deadLetterContainer"}[name]),
        )
    for name, wanted in {
        "deploymentContainer": "app-package",
        "deadLetterContainer": "dead-letters",
    }.items():
        yield from differs(f"storage.{name}", read_.named(name).value, wanted)
    for name in ("blob", "queue", "table"):
        (endpoint,) = (one.value for one in read_.of("output") if one.name == f"{name}Endpoint")
        yield from differs(
            f"storage.{name}Endpoint", endpoint, Expression(f"account.properties.primaryEndpoints.{name}")
        )
    kept = {"enabled": True, "days": 7}
    blobs = {"deleteRetentionPolicy": kept, "containerDeleteRetentionPolicy": kept}
    yield from differs("storage.blobs", read_.named("blobs").value["properties"], blobs)
    (forget,) = read_.named("lifecycle").value["properties"]["policy"]["rules"]
    wanted_rule = {
        "name": "forget-dead-letters",
        "type": "Lifecycle",
        "enabled": True,
        "definition": {
            "filters": {"blobTypes": ["blockBlob"], "prefixMatch": [Expression("'${deadLetterContainer}/'")]},
            "actions": {"baseBlob": {"delete": {"daysAfterModificationGreaterThan": Expression("deadLetterDays")}}},
        },
    }
    yield from differs("storage.lifecycle", forget, wanted_rule)


def queues() -> list[str]:
    """Give the queues that functions listen to, as their triggers name them, and in no other order than infra has."""
    found: list[str] = []
    for path in sorted((ROOT / "functions").glob("*.py")):
        found += re.findall(r'queue_trigger\([^)]*queue_name="([\w-]+)"', path.read_text("utf-8"))
    order = ["reconcile", "reconcile-poison", "sweep", "sweep-poison", "events", "events-poison"]
    return [name for name in order if name in found] + [name for name in found if name not in order]


def tables() -> set[str]:
    found = set()
    for path in (ROOT / "shared" / "store").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Table" and len(node.args) > 1:
                found |= {node.args[1].value} if isinstance(node.args[1], ast.Constant) else set()
    return {str(name) for name in found}


@rule
def only_identities_write_logs(root: Path) -> Iterator[str]:
    read_ = template(root / "app/monitoring.bicep")
    workspace, insights = read_.named("workspace").value["properties"], read_.named("insights").value
    wanted = {
        "sku": {"name": "PerGB2018"},
        "retentionInDays": Expression("retentionDays"),
        "workspaceCapping": {"dailyQuotaGb": Expression("dailyQuotaGb")},
        "features": {"disableLocalAuth": True, "enableLogAccessUsingOnlyResourcePermissions": True},
    }
    yield from differs("workspace", workspace, wanted)
    telemetry = {
        "Application_Type": "web",
        "DisableLocalAuth": True,
        "IngestionMode": "LogAnalytics",
        "WorkspaceResourceId": Expression("workspace.id"),
    }
    yield from differs("insights", insights["properties"], telemetry)
    yield from differs("insights.kind", insights["kind"], "web")


@rule
def the_network_is_private(root: Path) -> Iterator[str]:
    read_ = template(root / "app/network.bicep")
    app, endpoints = read_.named("network").value["properties"]["subnets"]
    delegation = [{"name": "flex", "properties": {"serviceName": "Microsoft.App/environments"}}]
    guarded = {"id": Expression("closed.id")}
    prefix = "cidrSubnet(addressPrefix, 26, %d)"
    wanted = {"addressPrefix": Expression(prefix % 0), "networkSecurityGroup": guarded, "delegations": delegation}
    yield from differs("subnet app", app, {"name": "app", "properties": wanted})
    wanted = {"addressPrefix": Expression(prefix % 1), "networkSecurityGroup": guarded}
    yield from differs("subnet endpoints", endpoints, {"name": "endpoints", "properties": wanted})
    for name, condition in {"closed": "if (create)", "network": "if (create)"}.items():
        yield from differs(name, read_.named(name).modifier, condition)
    for name in ("zones", "links"):
        if not read_.named(name).modifier.endswith(" if (createZones)"):
            yield f"{name} are made {read_.named(name).modifier}"
    link = {"registrationEnabled": False, "virtualNetwork": {"id": Expression("create ? network.id : linkedNetworkId")}}
    yield from differs("links", read_.named("links").value["properties"], link)
    endpoint = template(root / "app/private-endpoint.bicep")
    connection = {"privateLinkServiceId": Expression("targetId"), "groupIds": [Expression("groupId")]}
    way = {
        "subnet": {"id": Expression("subnetId")},
        "privateLinkServiceConnections": [{"name": Expression("groupId"), "properties": connection}],
    }
    yield from differs("private endpoint", endpoint.named("endpoint").value["properties"], way)
    yield from differs("zone group", endpoint.named("zoneGroup").modifier, "if (!empty(zoneId))")
    named = [{"name": Expression("groupId"), "properties": {"privateDnsZoneId": Expression("zoneId")}}]
    yield from differs("zone group", endpoint.named("zoneGroup").value["properties"], {"privateDnsZoneConfigs": named})


@rule
def main_puts_the_parts_together(root: Path) -> Iterator[str]:
    main = template(root / "main.bicep")
    yield from differs("targetScope", main.scope, "subscription")
    yield from differs("tags", main.named("tags").value, Expression(TAGS))
    outputs = {one.name: one.value for one in main.of("output")}
    yield from differs("outputs", outputs, {name: Expression(text) for name, text in OUTPUTS.items()})
    passed_ids = main.named("roles").value["params"]
    yield from differs(
        "roles.otherSubscriptions",
        passed_ids["otherSubscriptions"],
        Expression("union(watched, zoneSearchSubscriptions, placedIn)"),
    )
    for name in ("ways", "wayIn"):
        subnet = Expression("makesNetwork ? network.outputs.endpointSubnetId : endpointSubnetId")
        yield from differs(f"{name}.subnetId", main.named(name).value["params"]["subnetId"], subnet)
        zone = "service.zone" if name == "ways" else "sitesZone"
        id_ = "zoneIds[service.name]" if name == "ways" else "zoneIds.sites"
        where = f"makesZones ? '${{zonesHere}}/${{{zone}}}' : zones == 'existing' ? {id_} : ''"
        yield from differs(f"{name}.zoneId", main.named(name).value["params"]["zoneId"], Expression(where))
    for name, wanted in NETWORK_PARAMS.items():
        yield from differs(f"network.{name}", main.named("network").value["params"].get(name), Expression(wanted))
    yield from differs("ways", main.named("ways").modifier, "for service in services if (vnetEnabled)")
    yield from differs("wayIn", main.named("wayIn").modifier, "if (inbound == 'closed')")
    yield from differs("wayIn.groupId", main.named("wayIn").value["params"]["groupId"], "sites")
    yield from differs("wayIn.targetId", main.named("wayIn").value["params"]["targetId"], Expression("app.outputs.id"))
    yield from differs(
        "ways.targetId", main.named("ways").value["params"]["targetId"], Expression("storage.outputs.id")
    )
    yield from differs("storage.private", main.named("storage").value["params"]["private"], Expression("vnetEnabled"))
    given = "if (!empty(announcementTopicId))"
    yield from differs("announcements", main.named("announcements").modifier, given)
    yield from differs("app.dependsOn", main.named("app").value.get("dependsOn"), [Expression("ways")])
    yield from differs("roles", main.named("roles").modifier, "if (assignRoles)")
    yield from differs("services", [one["name"] for one in main.named("services").value], ["blob", "queue", "table"])
    for one in main.named("services").value:
        yield from differs(
            f"zone of {one['name']}",
            one["zone"],
            Expression(f"'privatelink.{one['name']}.${{environment().suffixes.storage}}'"),
        )
    yield from differs("sitesZone", main.named("sitesZone").value, "privatelink.azurewebsites.net")
    for name, text in {
        "watched": "empty(watchedSubscriptions) ? [here] : watchedSubscriptions",
        "makesNetwork": "vnetEnabled && empty(appSubnetId)",
        "makesZones": "vnetEnabled && zones == 'create'",
        "made": "union(zoneMakerResourceGroups, cacheMakerResourceGroups, networkMakerResourceGroups)",
        "chosen": "union(subnetChoiceResourceGroups, securityGroupResourceGroups)",
        "placed": "union(endpointResourceGroups, subnets, dnsZones, linkedDnsZones, chosen, made)",
        "zonesHere": "'/subscriptions/${here}/resourceGroups/rg-${environmentName}"
        "/providers/Microsoft.Network/privateDnsZones'",
        "placedIn": "[for id in placed: split(id, '/')[2]]",
        "storageZones": "[for service in services: service.zone]",
        "here": "subscription().subscriptionId",
        "token": "toLower(uniqueString(subscription().id, environmentName, location))",
        "zoneNames": "inbound == 'closed' ? union(storageZones, [sitesZone]) : storageZones",
    }.items():
        yield from differs(name, main.named(name).value, Expression(text))
    for one in main.of("module"):
        params = one.value["params"]
        if one.value.get("scope") == "group" and one.name != "announcements":
            yield from differs(f"{one.name}.location", params.get("location"), Expression("location"))
            yield from differs(f"{one.name}.tags", params.get("tags"), Expression("tags"))
    passed = {k: v for k, v in main.named("app").value["params"].items() if not k.startswith(("name", "planName"))}
    yield from differs("app", {k: str(v) for k, v in passed.items()}, APP_PARAMS)


TAGS = "union(extraTags, { 'azd-env-name': environmentName })"
NETWORK_PARAMS = {
    "create": "makesNetwork",
    "addressPrefix": "vnetAddressPrefix",
    "createZones": "makesZones",
    "zoneNames": "zoneNames",
    "linkedNetworkId": "first(split(appSubnetId, '/subnets/'))",
}
APP_PARAMS = {
    "location": "location",
    "tags": "tags",
    "identityId": "identity.outputs.id",
    "identityClientId": "identity.outputs.clientId",
    "identityPrincipalId": "identity.outputs.principalId",
    "blobEndpoint": "storage.outputs.blobEndpoint",
    "queueEndpoint": "storage.outputs.queueEndpoint",
    "tableEndpoint": "storage.outputs.tableEndpoint",
    "deploymentContainer": "storage.outputs.deploymentContainer",
    "insightsConnectionString": "monitoring.outputs.connectionString",
    "pythonVersion": "pythonVersion",
    "instanceMemoryMB": "instanceMemoryMB",
    "maximumInstanceCount": "maximumInstanceCount",
    "sweepSchedule": "sweepSchedule",
    "topicEndpoint": "empty(announcementTopicId) ? '' : announcements.outputs.endpoint",
    "armEndpoint": "environment().resourceManager",
    "inbound": "inbound",
    "allowedCallers": "allowedCallers",
    "signInClientId": "signInClientId",
    "keyRole": "keyRole",
    "subnetId": "!vnetEnabled ? '' : makesNetwork ? network.outputs.appSubnetId : appSubnetId",
}


# ── parameters ───────────────────────────────────────────────────────────────────────────────────


@rule
def every_parameter_says_what_it_is_and_defaults_are_safe(root: Path) -> Iterator[str]:
    for path in sorted(root.rglob("*.bicep")):
        for one in template(path).of("param"):
            if not re.search(r"@description\('.{6,}'\)", one.decorators):
                yield f"{one.where} has no description"
    found = {one.name: one.value for one in template(root / "main.bicep").of("param") if one.value is not None}
    yield from differs("defaults", found, DEFAULTS)
    group = template(root / "management-group/main.bicep")
    yield from differs("defaults of the group", {one.name: one.value for one in group.of("param")}, GROUP_DEFAULTS)
    second = template(root / "events/main.bicep")
    yield from differs("defaults of events", {one.name: one.value for one in second.of("param")}, EVENT_DEFAULTS)
    required = sorted(one.name for one in template(root / "main.bicep").of("param") if one.value is None)
    yield from differs("required", required, ["environmentName", "location"])


@rule
def every_parameter_file_fits_its_template(root: Path) -> Iterator[str]:
    for path in sorted([root / "main.parameters.json", *(root / "examples").glob("*.json")]):
        head = {key: each for key, each in json.loads(path.read_text("utf-8")).items() if key != "parameters"}
        yield from differs(path.name, head, PARAMETERS_FILE)
        target = "management-group/main.bicep" if ".management-group." in path.name else "main.bicep"
        given = {name: each["value"] for name, each in json.loads(path.read_text("utf-8"))["parameters"].items()}
        params = {one.name: one for one in template(root / target).of("param")}
        yield from (f"{path.name}: {target} has no parameter {name}" for name in given if name not in params)
        missing = [name for name, one in params.items() if one.value is None and name not in given]
        yield from (f"{path.name}: {name} is missing" for name in missing)
        zones = given.get("zoneIds", {})
        if zones and sorted(zones) != ["blob", "queue", "sites", "table"]:
            yield f"{path.name}: zoneIds names {sorted(zones)}"
        for name, found in given.items():
            if name in params and not _fits(params[name], found):
                yield f"{path.name}: {name} is {found!r}"
            texts = found.values() if isinstance(found, dict) else found if isinstance(found, list) else [found]
            for text in texts:
                if name in WHOLE and not re.fullmatch(WHOLE[name], text):
                    yield f"{path.name}: {name} has {text!r}"


_GROUP = r"/subscriptions/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/resourceGroups/[\w-]+"
_SUBNET = _GROUP + r"/providers/Microsoft\.Network/virtualNetworks/[\w-]+/subnets/[\w-]+"
_ZONE = _GROUP + r"/providers/Microsoft\.Network/privateDnsZones/privatelink\.[a-z.]+"
# Templates cut ids at their slashes: of another form they would lead elsewhere, or nowhere.
WHOLE = {
    "endpointResourceGroups": _GROUP,
    "zoneMakerResourceGroups": _GROUP,
    "subnets": _SUBNET,
    "appSubnetId": _SUBNET,
    "endpointSubnetId": _SUBNET,
    "dnsZones": _ZONE,
    "zoneIds": _ZONE,
    "alertActionGroups": _GROUP + r"/providers/Microsoft\.Insights/actionGroups/[\w-]+",
    "watchedSubscriptions": r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
}
PARAMETERS_FILE = {
    "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#",
    "contentVersion": "1.0.0.0",
}
_TYPES = {"string": str, "bool": bool, "int": int, "object": dict, "string[]": list}
_FROM_ENVIRONMENT = re.compile(r"\$\{\w+(?:=(.*))?\}")


def _fits(param: Declaration, found: object) -> bool:
    if isinstance(found, str) and (variable := _FROM_ENVIRONMENT.fullmatch(found)):
        default = variable[1]
        return default is None or _fits(param, json.loads(default) if param.type == "bool" else default)
    if type(found) is not _TYPES[param.type]:
        return False
    allowed = re.search(r"@allowed\(\[(.*?)\]\)", param.decorators, re.DOTALL)
    return not allowed or str(found) in re.findall(r"[\w.]+", allowed[1])


# ── alerts and workbook ──────────────────────────────────────────────────────────────────────────


@rule
def every_alert_asks_what_is_asked_of_it(root: Path) -> Iterator[str]:
    read_ = template(root / "app/alerts.bicep")
    rules = {one["name"]: one for one in read_.named("rules").value}
    yield from differs("alerts", sorted(rules), sorted(ALERTS))
    for name, asks in ALERTS.items():
        one = rules[name]
        query = Expression(f"loadTextContent('queries/{name}.kql')")
        asked = (one["severity"], one["frequency"], one["window"], one["dimensions"], one["query"])
        yield from differs(f"alert {name}", asked, (*asks, query))
    for name, wanted in {
        "seen": (
            Expression("rule.query"),
            "Count",
            "GreaterThan",
            0,
            Expression("rule.frequency"),
            Expression("rule.window"),
            1,
            Expression("rule.severity"),
        ),
        "waiting": (
            Expression("loadTextContent('queries/waiting.kql')"),
            "Average",
            "GreaterThan",
            Expression("waitingSeconds"),
            "PT15M",
            "PT15M",
            2,
            2,
        ),
        "standing": (
            Expression("loadTextContent('queries/standing.kql')"),
            "Maximum",
            "GreaterThan",
            Expression("waitingSeconds"),
            "PT15M",
            Expression("longest"),
            1,
            2,
        ),
        "sweeps": (
            Expression("loadTextContent('queries/sweeps.kql')"),
            "Count",
            "LessThan",
            1,
            "PT1H",
            Expression("sweepHours == 24 ? 'P1D' : 'PT${sweepHours}H'"),
            1,
            1,
        ),
    }.items():
        properties = read_.named(name).value["properties"]
        (ask,) = properties["criteria"]["allOf"]
        failing = ask["failingPeriods"]
        yield from differs(f"alert {name}", len(set(failing.values())), 1)
        found = (ask["query"], ask["timeAggregation"], ask["operator"], ask["threshold"])
        when = (properties["evaluationFrequency"], properties["windowSize"], failing["numberOfEvaluationPeriods"])
        yield from differs(f"alert {name}", (*found, *when, properties["severity"]), wanted)
        yield from differs(f"alert {name}.kind", read_.named(name).value["kind"], "LogAlert")
        on = (
            properties["enabled"],
            properties["scopes"],
            properties["autoMitigate"],
            properties["skipQueryValidation"],
        )
        yield from differs(f"alert {name}", on, (True, [Expression("workspaceId")], True, True))
        yield from differs(f"alert {name}.actions", properties["actions"], {"actionGroups": Expression("told")})
    per_cache = [{"name": "cache", "operator": "Include", "values": ["*"]}]
    yield from differs("perCache", read_.named("perCache").value, per_cache)
    yield from differs("longest", read_.named("longest").value, "P2D")
    per_queue = [{"name": "queue", "operator": "Include", "values": ["*"]}]
    yield from differs("perQueue", read_.named("perQueue").value, per_queue)
    for name, column, dimensions in (
        ("waiting", "waited", []),
        ("standing", "oldest", Expression("perQueue")),
        ("seen", None, Expression("rule.dimensions")),
        ("sweeps", None, []),
    ):
        (ask,) = read_.named(name).value["properties"]["criteria"]["allOf"]
        measured = (ask.get("metricMeasureColumn"), ask.get("dimensions"))
        yield from differs(f"what {name} measures", measured, (column, dimensions))
    told = "empty(emails) ? actionGroups : union(actionGroups, [mail.id])"
    yield from differs("told", read_.named("told").value, Expression(told))
    yield from differs("mail", read_.named("mail").modifier, "if (!empty(emails))")
    yield from differs("mail", read_.named("mail").value["properties"]["enabled"], True)
    for part in ("emailAddress: address", "useCommonAlertSchema: true"):
        if part not in str(read_.named("mail").value["properties"]["emailReceivers"]):
            yield f"mail has no {part}"


@rule
def every_query_asks_for_lines_that_the_app_writes_or_metrics_that_it_sends(root: Path) -> Iterator[str]:
    written = messages()
    for name, query in queries(root).items():
        if query.strip().startswith("AppMetrics"):
            yield from asks_for_metrics(name, query)
            continue
        asked = re.findall(r'Message startswith "([^"]+) \{"', query)
        if not asked:
            yield f"{name} asks for no line of the log"
        yield from (f"{name} asks for {message!r}, which nothing writes" for message in asked if message not in written)
        fields = set(re.findall(r"fields\.(\w+)", query))
        told = {field for message in asked for field in written.get(message, ())}
        yield from (f"{name} asks for the field {field}, which {asked} do not have" for field in fields - told)
        for reason in re.findall(r'fields\.reason\) == "(\w+)"', query):
            if reason not in list(Reason):
                yield f"{name} asks for the reason {reason}, which is none"
        for triggers in re.findall(r"fields\.trigger\) in \(([^)]*)\)", query):
            if unknown := set(re.findall(r"\w+", triggers)) - set(Trigger):
                yield f"{name} asks for the triggers {unknown}, which are none"
    for reason in ("Exposed", "Contested"):
        if f'"{reason}"' not in queries(root).get(f"{reason.lower()}.kql", ""):
            yield f"{reason.lower()}.kql does not ask for {reason}"


@rule
def every_line_that_an_alert_on_caches_goes_by_names_its_cache(root: Path) -> Iterator[str]:
    for name in ("exposed.kql", "contested.kql"):
        asked = re.findall(r'Message startswith "([^"]+) \{"', queries(root)[name])
        for message, fields in said():
            if message in asked and "cache" not in fields:
                yield f"{name} asks for {message!r}, which somewhere names no cache"


@rule
def every_alert_names_whom_it_is_about_until_the_log_says_that_it_is_over(root: Path) -> Iterator[str]:
    for story in STORIES:
        query = (root / f"app/queries/{story.alert}.kql").read_text("utf-8")
        yield from differs(f"{story.alert}: {story.name}", kql.answered(query, story.lines), story.expected)


def asks_for_metrics(name: str, query: str) -> Iterator[str]:
    """Hold a query of the table of metrics against the catalogue."""
    known = {metric.name: metric for metric in METRICS}
    asked = re.findall(r'Name == "([^"]+)"', query)
    if not asked:
        yield f"{name} asks for no metric"
    yield from (f"{name} asks for {metric!r}, which nothing sends" for metric in asked if metric not in known)
    split = {one for metric in asked if metric in known for one in known[metric].splits}
    by = set(re.findall(r"Properties\.(\w+)", query))
    yield from (f"{name} asks for {one}, which {asked} are not split by" for one in sorted(by - split))
    columns = set(re.findall(r"(?:sum|max|min)\((\w+)\)", query))
    yield from (f"{name} asks for the column {one}" for one in sorted(columns - {"Sum", "ItemCount", "Min", "Max"}))


def queries(root: Path) -> dict[str, str]:
    files = {
        path.name: re.sub(r"^//.*", "", path.read_text("utf-8"))
        for path in sorted((root / "app/queries").glob("*.kql"))
    }
    items = data(root, "app/workbook.json")["items"]
    return files | {one["name"]: one["content"]["query"] for one in items if one["type"] == 3}


@functools.cache
def messages() -> dict[str, set[str]]:
    """Every line that the app logs, with all the fields that it may have."""
    found: dict[str, set[str]] = {}
    for message, fields in said():
        found.setdefault(message, set()).update(fields)
    return found


@functools.cache
def said() -> list[tuple[str, set[str]]]:
    """Every place where the app logs something: the message, and the fields that are named there."""
    return [
        (ast.literal_eval(node.args[0]), {word.arg for word in node.keywords if word.arg})
        for path in [*(ROOT / "functions").rglob("*.py"), *(ROOT / "shared").rglob("*.py")]
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"log.info", "log.warning", "log.error"}
    ]


@rule
def the_workbook_is_over_the_workspace(root: Path) -> Iterator[str]:
    workbook = template(root / "app/workbook.bicep").named("workbook").value
    yield from differs("workbook.kind", workbook["kind"], "shared")
    properties = workbook["properties"]
    wanted = {
        "displayName": Expression("title"),
        "category": "workbook",
        "sourceId": Expression("workspaceId"),
        "version": "Notebook/1.0",
        "serializedData": Expression("replace(loadTextContent('workbook.json'), '{workspace}', workspaceId)"),
    }
    yield from differs("workbook", properties, wanted)


# ── azd ──────────────────────────────────────────────────────────────────────────────────────────


@rule
def azd_finds_what_it_needs(root: Path) -> Iterator[str]:
    file = root.parent / "azure.yaml"
    read_ = yaml.safe_load((file if file.exists() else ROOT / "azure.yaml").read_text("utf-8"))
    yield from differs("services", list(read_["services"]), ["app"])
    service = {"project": ".", "language": "python", "host": "function", "remoteBuild": False}
    yield from differs("service app", read_["services"]["app"], service)
    yield from differs("requiredVersions", read_.get("requiredVersions"), {"azd": ">= 1.23.5"})
    yield from differs("hooks", list(read_["hooks"]), ["preprovision", "postdeploy", "predown"])
    for name, hook in read_["hooks"].items():
        for shell in ("posix", "windows"):
            program = hook[shell]["run"]
            if not (root / program.removeprefix("./infra/")).exists():
                yield f"hook {name}: {program} is not there"
    parameters = data(root, "main.parameters.json")["parameters"]
    for name, variable in {"environmentName": "${AZURE_ENV_NAME}", "location": "${AZURE_LOCATION}"}.items():
        yield from differs(name, parameters[name]["value"], variable)
    for name in ("postdeploy.sh", "postdeploy.ps1"):
        if "/../watch.py" not in (root / "hooks" / name).read_text("utf-8"):
            yield f"{name} does not run watch.py"
