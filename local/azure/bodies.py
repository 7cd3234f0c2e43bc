"""What a request's body may hold, type by type: a field that nothing here names is refused aloud."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from local.azure import errors
from local.azure.calls import Json

Tree = Mapping[str, "Tree"]

_ANY = "*"


@dataclass(frozen=True, slots=True)
class Body:
    """The fields of one verb of one type.

    ``known`` have an effect or are shown again. ``idle`` are taken and have none, on purpose: DIFFERENCES lists them.
    ``shown`` are those that only Azure gives: clients send back what they have read, and Azure does not mind.
    """

    known: Tree
    idle: Tree
    shown: Tree

    @classmethod
    def of(cls, known: str = "", *, idle: str = "", shown: str = "") -> Body:
        """Read fields written as ``location tags{*} properties{sku{name}}``; lists are written as what they hold."""
        return cls(_tree(known), _tree(idle), _tree(shown))

    def taken(self, body: Json, what: str) -> Json:
        """Give a body without what only Azure gives; raises ArmError (501) for a field that is not known."""
        without = cast("Json", _without(body, self.shown))
        strange = next(_strange(without, (self.known, self.idle, self.shown), ""), None)
        if strange is not None:
            raise errors.not_emulated(f"the body field '{strange}' of {what}")
        return without


def _tree(text: str) -> Tree:
    tree: dict[str, Tree] = {}
    above: list[dict[str, Tree]] = []
    last = tree
    for word in re.findall(r"[{}]|[^\s{}]+", text):
        match word:
            case "{":
                above.append(tree)
                tree = last
            case "}":
                tree = above.pop()
            case name:
                last = cast("dict[str, Tree]", tree.setdefault(name, {}))
    return tree


def _without(value: object, shown: Tree) -> object:
    """Leave out each field at the end of a branch."""
    match value:
        case list():
            return [_without(item, shown) for item in value]
        case dict():
            kept = {name: held for name, held in value.items() if name not in shown or shown[name]}
            return {name: _without(held, shown.get(name, {})) for name, held in kept.items()}
        case _:
            return value


def _strange(value: object, trees: tuple[Tree, ...], where: str) -> Iterator[str]:
    match value:
        case list():
            for item in value:
                yield from _strange(item, trees, where)
        case dict() if not any(_ANY in tree for tree in trees):
            for name, held in value.items():
                below = tuple(tree[name] for tree in trees if name in tree)
                at = f"{where}.{name}" if where else name
                if below:
                    yield from _strange(held, below, at)
                else:
                    yield at
        case _:
            return


_ITSELF = "id name type"
_IDENTITY = "identity{type userAssignedIdentities{*}}"
_IDENTITY_SHOWN = "identity{principalId tenantId}"
_DECISION = "properties{privateLinkServiceConnectionState{status description actionsRequired}}"
_DECISION_SHOWN = f"{_ITSELF} properties{{privateEndpoint groupIds provisioningState}}"

_REDIS = f"""
    tags{{*}} {_IDENTITY} properties{{
        sku{{name family capacity}} redisConfiguration{{*}} redisVersion enableNonSslPort replicasPerMaster
        replicasPerPrimary tenantSettings{{*}} shardCount minimumTlsVersion publicNetworkAccess updateChannel
        disableAccessKeyAuthentication zonalAllocationPolicy subnetId staticIP
    }}"""
_REDIS_SHOWN = f"""
    {_ITSELF} {_IDENTITY_SHOWN} properties{{
        provisioningState hostName port sslPort accessKeys linkedServers instances privateEndpointConnections
    }}"""

_CLUSTER = f"""
    tags{{*}} {_IDENTITY} sku{{name capacity}} properties{{
        publicNetworkAccess minimumTlsVersion highAvailability encryption{{*}}
    }}"""
_CLUSTER_SHOWN = f"""
    {_ITSELF} kind {_IDENTITY_SHOWN} properties{{
        hostName provisioningState resourceState redundancyMode redisVersion privateEndpointConnections
    }}"""

_DATABASE = """
    properties{
        clientProtocol port clusteringPolicy evictionPolicy persistence{*} modules{name args} deferUpgrade
        accessKeysAuthentication keySpaceNotification geoReplication{groupNickname linkedDatabases{id}}
    }"""
_DATABASE_SHOWN = f"""
    {_ITSELF} systemData properties{{
        provisioningState resourceState redisVersion modules{{version}} geoReplication{{linkedDatabases{{state}}}}
    }}"""

_LINK = "name properties{privateLinkServiceId groupIds requestMessage}"
_LINK_SHOWN = "id etag type properties{provisioningState privateLinkServiceConnectionState}"
_ENDPOINT = f"""
    location tags{{*}} extendedLocation{{name type}} properties{{
        subnet{{id}} customNetworkInterfaceName privateLinkServiceConnections{{{_LINK}}}
        manualPrivateLinkServiceConnections{{{_LINK}}}
        ipConfigurations{{name properties{{groupId memberName privateIPAddress}}}} applicationSecurityGroups{{id}}
    }}"""
_ENDPOINT_SHOWN = f"""
    {_ITSELF} etag properties{{
        provisioningState resourceGuid networkInterfaces customDnsConfigs
        privateLinkServiceConnections{{{_LINK_SHOWN}}} manualPrivateLinkServiceConnections{{{_LINK_SHOWN}}}
        ipConfigurations{{id etag type properties{{provisioningState}}}}
    }}"""

_CONFIG_SHOWN = "id etag type properties{provisioningState recordSets}"

_SUBNET = """
    name properties{
        addressPrefix addressPrefixes privateEndpointNetworkPolicies privateLinkServiceNetworkPolicies
        defaultOutboundAccess delegations{name properties{serviceName}}
    }"""
_SUBNET_IDLE = "properties{serviceEndpoints{service}}"
_SUBNET_SHOWN = """
    id type etag properties{
        provisioningState purpose ipConfigurations privateEndpoints
        delegations{id type etag properties{provisioningState actions}}
    }"""

_RECORDS = {
    "A": "aRecords{ipv4Address}",
    "AAAA": "aaaaRecords{ipv6Address}",
    "CNAME": "cnameRecord{cname}",
    "MX": "mxRecords{preference exchange}",
    "PTR": "ptrRecords{ptrdname}",
    "SOA": "soaRecord{host email serialNumber refreshTime retryTime expireTime minimumTtl}",
    "SRV": "srvRecords{priority weight port target}",
    "TXT": "txtRecords{value}",
}
_RECORD_SHOWN = f"{_ITSELF} etag properties{{fqdn isAutoRegistered provisioningState}}"
_LINK_IN_ZONE_SHOWN = f"{_ITSELF} etag properties{{provisioningState virtualNetworkLinkState}}"
_ZONE_SHOWN = f"""
    {_ITSELF} etag properties{{
        internalId maxNumberOfRecordSets maxNumberOfVirtualNetworkLinks maxNumberOfVirtualNetworkLinksWithRegistration
        numberOfRecordSets numberOfVirtualNetworkLinks numberOfVirtualNetworkLinksWithRegistration provisioningState
    }}"""

_MOVING = "format preferred-data-archive-auth-method storage-subscription-id"
_ASSIGNMENT_SHOWN = f"{_ITSELF} properties{{provisioningState}}"
_POLICY_SHOWN = f"{_ITSELF} properties{{provisioningState type}}"
_SERVER_SHOWN = f"{_ITSELF} properties{{provisioningState primaryHostName geoReplicatedPrimaryHostName}}"

_CONNECTION = Body.of(_DECISION, shown=_DECISION_SHOWN)
_TAGS_SHOWN = _ITSELF
_GROUP_SHOWN = f"{_ITSELF} properties{{provisioningState}}"

# By type as in its route, and verb. A verb that is not here takes no body at all.
BODIES: Mapping[tuple[str, str], Body] = {
    ("Microsoft.Cache/Redis", "PUT"): Body.of(f"location zones {_REDIS}", shown=_REDIS_SHOWN),
    # Where it is cannot change: Azure leaves location and zones aside.
    ("Microsoft.Cache/Redis", "PATCH"): Body.of(_REDIS, shown=f"location zones {_REDIS_SHOWN}"),
    ("Microsoft.Cache/Redis/privateEndpointConnections", "PUT"): _CONNECTION,
    ("Microsoft.Cache/Redis", "POST:regeneratekey"): Body.of("keyType"),
    ("Microsoft.Cache/Redis", "POST:forcereboot"): Body.of("rebootType", idle="shardId ports"),
    ("Microsoft.Cache/Redis", "POST:export"): Body.of("prefix container", idle=_MOVING),
    ("Microsoft.Cache/Redis", "POST:import"): Body.of("files", idle=_MOVING),
    ("Microsoft.Cache/Redis/accessPolicies", "PUT"): Body.of("properties{permissions}", shown=_POLICY_SHOWN),
    ("Microsoft.Cache/Redis/accessPolicyAssignments", "PUT"): Body.of(
        "properties{accessPolicyName objectId objectIdAlias}", shown=_ASSIGNMENT_SHOWN
    ),
    ("Microsoft.Cache/Redis/firewallRules", "PUT"): Body.of("properties{startIP endIP}", shown=_ITSELF),
    ("Microsoft.Cache/Redis/patchSchedules", "PUT"): Body.of(
        "properties{scheduleEntries{dayOfWeek startHourUtc maintenanceWindow}}", shown=f"location {_ITSELF}"
    ),
    ("Microsoft.Cache/Redis/linkedServers", "PUT"): Body.of(
        "properties{linkedRedisCacheId linkedRedisCacheLocation serverRole}", shown=_SERVER_SHOWN
    ),
    ("Microsoft.Cache/redisEnterprise", "PUT"): Body.of(f"location zones {_CLUSTER}", shown=_CLUSTER_SHOWN),
    ("Microsoft.Cache/redisEnterprise", "PATCH"): Body.of(f"location {_CLUSTER}", shown=f"zones {_CLUSTER_SHOWN}"),
    ("Microsoft.Cache/redisEnterprise/privateEndpointConnections", "PUT"): _CONNECTION,
    ("Microsoft.Cache/redisEnterprise/databases", "PUT"): Body.of(_DATABASE, shown=_DATABASE_SHOWN),
    ("Microsoft.Cache/redisEnterprise/databases", "POST:regeneratekey"): Body.of("keyType"),
    ("Microsoft.Cache/redisEnterprise/databases", "POST:forceunlink"): Body.of("ids"),
    ("Microsoft.Cache/redisEnterprise/databases/accessPolicyAssignments", "PUT"): Body.of(
        "properties{accessPolicyName user{objectId}}", shown=_ASSIGNMENT_SHOWN
    ),
    ("Microsoft.Network/privateEndpoints", "PUT"): Body.of(
        _ENDPOINT, idle="properties{ipVersionType}", shown=_ENDPOINT_SHOWN
    ),
    ("Microsoft.Network/privateEndpoints/privateDnsZoneGroups", "PUT"): Body.of(
        "properties{privateDnsZoneConfigs{name properties{privateDnsZoneId}}}",
        shown=f"{_ITSELF} etag properties{{provisioningState privateDnsZoneConfigs{{{_CONFIG_SHOWN}}}}}",
    ),
    ("Microsoft.Network/virtualNetworks", "PUT"): Body.of(
        "location tags{*} extendedLocation{name type} properties{privateEndpointVNetPolicies "
        f"addressSpace{{addressPrefixes}} subnets{{{_SUBNET}}}}}",
        idle="properties{dhcpOptions{dnsServers} enableDdosProtection enableVmProtection "
        f"virtualNetworkPeerings subnets{{{_SUBNET_IDLE}}}}}",
        shown=f"{_ITSELF} etag properties{{provisioningState resourceGuid subnets{{{_SUBNET_SHOWN}}}}}",
    ),
    ("Microsoft.Network/virtualNetworks/subnets", "PUT"): Body.of(_SUBNET, idle=_SUBNET_IDLE, shown=_SUBNET_SHOWN),
    ("Microsoft.Network/privateDnsZones", "PUT"): Body.of("location tags{*}", shown=_ZONE_SHOWN),
    ("Microsoft.Network/privateDnsZones/virtualNetworkLinks", "PUT"): Body.of(
        "location tags{*} properties{registrationEnabled resolutionPolicy virtualNetwork{id}}",
        shown=_LINK_IN_ZONE_SHOWN,
    ),
    ("Microsoft.Network/applicationSecurityGroups", "PUT"): Body.of(
        "location tags{*}", shown=f"{_ITSELF} etag properties{{provisioningState resourceGuid}}"
    ),
    **{
        (f"Microsoft.Network/privateDnsZones/{kind}", "PUT"): Body.of(
            f"properties{{ttl metadata{{*}} {records}}}", shown=_RECORD_SHOWN
        )
        for kind, records in _RECORDS.items()
    },
    ("Microsoft.Resources/resourceGroups", "PUT"): Body.of("location managedBy tags{*}", shown=_GROUP_SHOWN),
    ("Microsoft.Resources/resourceGroups", "PATCH"): Body.of("tags{*}", shown=f"location managedBy {_GROUP_SHOWN}"),
    ("Microsoft.Resources/tags", "PUT"): Body.of("properties{tags{*}}", shown=_TAGS_SHOWN),
    ("Microsoft.Resources/tags", "PATCH"): Body.of("operation properties{tags{*}}", shown=_TAGS_SHOWN),
    ("Microsoft.Authorization/locks", "PUT"): Body.of(
        "properties{level notes owners{applicationId}}", shown=f"{_ITSELF} systemData"
    ),
    ("Microsoft.ResourceGraph/resources", "POST:"): Body.of(
        "subscriptions managementGroups query options{$top $skipToken resultFormat}"
    ),
    ("Microsoft.Resources/providers", "POST:register"): Body.of(
        idle="thirdPartyProviderConsent{consentToAuthorization}"
    ),
}
_NONE = Body.of()
_WRITING = ("PUT", "PATCH", "POST")


def taken(kind: str, verb: str, body: Json | None) -> Json | None:
    """Give a body without what only Azure gives; raises ArmError (501) for a field that the type does not know.

    Azure does not look at bodies of reads and deletes.
    """
    if body is None or not verb.startswith(_WRITING):
        return body
    return BODIES.get((kind, verb), _NONE).taken(body, f"{verb} {kind}")
