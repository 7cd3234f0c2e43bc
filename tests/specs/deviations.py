"""Where answers differ from the documents and stay so, since Azure itself answers like that."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deviation:
    """What is let pass: an error of an operation, both as patterns, and why.

    ``recorded`` says that answers of real Azure are known to have it: a test looks for one. What is not recorded
    DIFFERENCES lists in the words of ``reason``.
    """

    operation: str
    error: str
    reason: str
    recorded: bool = True

    def covers(self, operation: str, error: str) -> bool:
        return bool(re.fullmatch(self.operation, operation) and re.fullmatch(self.error, error))


def _more(where: str, *names: str) -> str:
    """Match the error about properties that no document has."""
    one = "|".join(re.escape(f"'{name}'") for name in names)
    at = r"(body|value\.\[\])" if not where else rf"(value\.\[\]\.)?{where}"
    return rf"answer \d+ {at}: Additional properties are not allowed \(({one})(, ({one}))* (was|were) unexpected\)"


_ITEMS = r"properties\.privateDnsZoneConfigs\.\[\]"
_NETWORK = r"(PrivateEndpoints|PrivateDnsZoneGroups|VirtualNetworks|Subnets|NetworkInterfaces)_\w+"
_NONE = r"answer 202 body: the operation answers none"

DEVIATIONS = (
    Deviation(
        _NETWORK,
        r"answer [45]\d\d body: Additional properties are not allowed \('error' was unexpected\)",
        "the documents of networks have errors without the envelope that Azure puts around them",
    ),
    Deviation(r"PrivateEndpoints_\w+", _more("properties", "resourceGuid"), "an endpoint's resourceGuid"),
    Deviation(
        r"PrivateEndpoints_\w+",
        _more(r"properties\.ipConfigurations\.\[\](\.properties)?", "provisioningState", "id"),
        "id and state of an endpoint's static addresses",
    ),
    Deviation(r"PrivateDnsZoneGroups_\w+", _more("", "type"), "a zone group's type"),
    Deviation(r"PrivateDnsZoneGroups_\w+", _more(_ITEMS, "etag", "id", "type"), "etag, id and type of a zone config"),
    Deviation(
        r"PrivateDnsZoneGroups_\w+", _more(rf"{_ITEMS}\.properties", "provisioningState"), "a zone config's state"
    ),
    Deviation(r"(PrivateZones|VirtualNetworkLinks)_CreateOrUpdate", _NONE, "an empty object beside 202"),
    Deviation(r"(RedisEnterprise|Databases)_(Delete|ForceUnlink)", _NONE, "what is being deleted, beside 202"),
    Deviation(r"RedisEnterprise_Update", _NONE, "what is being changed, beside 202", recorded=False),
    Deviation(r"RecordSets_\w+", _more("", "code", "message"), "errors of record sets without an envelope"),
    Deviation(r"Databases_\w+", _more("properties", "keySpaceNotification"), "a database's keySpaceNotification"),
    Deviation(
        r"Redis_\w+",
        r"answer \d+ (value\.\[\]\.)?properties\.provisioningState: 'UpdatingManagedIdentity' is not one of .*",
        "the state UpdatingManagedIdentity",
    ),
    Deviation(r"Resources_List", _more("", "systemData"), "systemData in lists of all resources"),
    Deviation(r"Providers_Get", _more("", "authorizations"), "a provider's authorizations"),
    Deviation(r"AvailablePrivateEndpointTypes_List", _more("", "apiVersion"), "the api-version of an endpoint's type"),
    Deviation(
        r"OperationsStatus_Get",
        _more("error", "code", "message"),
        "the error of a failed operation in one envelope and not in two",
        recorded=False,
    ),
)


def known(operation: str, error: str) -> Deviation | None:
    """Find what lets an error pass."""
    return next((item for item in DEVIATIONS if item.covers(operation, error)), None)
