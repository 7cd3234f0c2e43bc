"""The stand-in answers recorded calls as real Azure did: status, header names, keys, types and states."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.component.azure.replay import Replay, differences, read

# Keys that came or went with api-versions, or that only some answers hold.
_VERSIONED = frozenset(
    {
        "replicasPerMaster",
        "replicasPerPrimary",
        "shardId",
        "minimumTlsVersion",
        "ipVersionType",
        "privateEndpointVNetPolicies",
        "internalId",
    }
)

WHOLE = [
    "redis_create_standard_then_private_endpoint",
    "redis_patch_publicNetworkAccess_disabled",
    "redis_patch_tags_sync_200_and_delete_202",
    "redis_private_link_resources",
    "private_dns_delete_absent_204",
    "private_dns_ifnonematch_async_failure",
    "private_dns_link_ifnonematch_async_failure",
    "private_dns_recordset_412",
    "private_dns_zone_delete_nested_409",
    "private_dns_zone_group_crud",
    "private_endpoint_full_lifecycle_aso_2025-03-01",
    "resource_group_delete_no_wait",
    "tags_api_merge_replace_delete",
]

# Of these, the calls to what is emulated; cassettes of azure-cli that begin with nothing.
CASSETTES = [
    "network/test_private_endpoint_connection_acfr",
    "network/test_private_link_resource_acfr",
    "privatedns/test_CrudRecordSet_ARecord_ExpectCrudSuccessful",
    "privatedns/test_DeleteLink_LinkExists_ExpectLinkDeleted",
    "privatedns/test_DeleteLink_LinkNotExists_ExpectNoError",
    "privatedns/test_DeleteLink_ZoneNotExists_ExpectNoError",
    "privatedns/test_DeleteZone_ZoneExists_ExpectZoneDeleted",
    "privatedns/test_GetLinkWithResolutionPolicy_LinkExists_ExpectLinkRetrieved",
    "privatedns/test_GetLink_LinkNotExists_ExpectError",
    "privatedns/test_GetLink_ZoneNotExists_ExpectError",
    "privatedns/test_GetZone_ZoneNotExists_ExpectError",
    "privatedns/test_ListLinks_MultipleLinksPresent_ExpectMultipleLinksRetrieved",
    "privatedns/test_ListLinks_NoLinksPresent_ExpectNoLinksRetrieved",
    "privatedns/test_PatchLink_LinkExistsIfMatchFailure_ExpectError",
    "privatedns/test_PatchLink_LinkExistsIfMatchSuccess_ExpectLinkUpdated",
    "privatedns/test_PatchZone_ZoneExistsIfMatchFailure_ExpectError",
    "privatedns/test_PatchZone_ZoneExistsIfMatchSuccess_ExpectZoneUpdated",
    "privatedns/test_PutRecordSet_IfNoneMatchFailure_ExpectError",
    "privatedns/test_PutRecordSet_ZoneNotExists_ExpectError",
    "privatedns/test_PutZone_ZoneNotExistsWithTags_ExpectZoneCreatedWithTags",
    "redis/test_redis_cache_list_keys",
    "redis/test_redis_cache_update",
    "redis/test_redis_cache_update_channel",
    "redis/test_redis_cache_with_mandatory_args",
    "redis/test_redis_cache_with_tlsversion_and_settings",
    "redis/test_standard_redis_cache_zonal_allocation_policy",
    "redis/test_premium_redis_cache_zonal_allocation_policy",
]


@pytest.mark.parametrize("name", WHOLE)
def test_a_recorded_conversation_goes_the_same_way_again(reference: Path, name: str) -> None:
    assert _differences(reference / "recordings" / "curated" / f"{name}.json") == []


@pytest.mark.parametrize("name", CASSETTES)
def test_a_cassettes_calls_are_answered_the_same_way_again(reference: Path, name: str) -> None:
    assert _differences(reference / "recordings" / "azure-cli" / f"{name}.yaml") == []


def _differences(file: Path) -> list[str]:
    exchanges = read(file)
    assert exchanges
    replay = Replay()
    replay.prepare(exchanges)
    found = []
    for exchange in exchanges:
        where = f"{exchange.method} {exchange.url.split('?')[0][60:]}"
        found += [f"{where}: {text}" for text in differences(exchange, replay.send(exchange), _VERSIONED)]
    return found
