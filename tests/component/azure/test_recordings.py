"""The stand-in answers recorded calls as real Azure did: status, header names, keys, types and states."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pytest

from local.azure.durations import Durations
from local.azure.events import ResourceEvent
from local.azure.throttle import Buckets
from local.azure.world import WorldOptions
from tests.component.azure.fleet import CACHE, CACHES, ENDPOINT, SUBSCRIPTION, attach, done, make_world
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


@pytest.mark.parametrize("schema", ["eventgrid-schema", "cloudevents"])
@pytest.mark.parametrize(
    ("sample", "operation"),
    [
        ("redis_write_update", "Microsoft.Cache/redis/write"),
        ("private_endpoint_delete", "Microsoft.Network/privateEndpoints/delete"),
        ("redis_pec_proxy_write", "Microsoft.Cache/redis/privateEndpointConnectionProxies/write"),
        ("redis_pec_proxy_validate_action", "Microsoft.Cache/redis/privateEndpointConnectionProxies/validate/action"),
        ("pe_dns_zone_group_write", "Microsoft.Network/privateEndpoints/privateDnsZoneGroups/write"),
        ("tags_write_on_redis", "Microsoft.Resources/tags/write"),
        ("resource_group_delete", "Microsoft.Resources/subscriptions/resourcegroups/delete"),
    ],
)
def test_an_event_has_the_fields_of_azures_samples(reference: Path, schema: str, sample: str, operation: str) -> None:
    raw = json.loads((reference / "events" / schema / f"{sample}.json").read_text())
    recorded = raw[0] if isinstance(raw, list) else raw
    event = next(event for event in _everything() if event.operation == operation)
    ours = event.cloud_event() if schema == "cloudevents" else event.event_grid()
    assert ours.keys() == recorded.keys()
    assert ours["data"].keys() | {"httpRequest"} == recorded["data"].keys() | {"httpRequest"}
    assert ours["data"]["authorization"].keys() == recorded["data"]["authorization"].keys()
    kind = "type" if schema == "cloudevents" else "eventType"
    assert (ours[kind], ours["data"]["operationName"]) == (recorded[kind], recorded["data"]["operationName"])
    assert ours["data"]["resourceProvider"] == recorded["data"]["resourceProvider"]


def _everything() -> list[ResourceEvent]:
    """Raise every kind of event once."""
    world, clock = make_world()
    attach(world, clock)
    done(world, clock, world.act("PATCH", CACHE, {"tags": {"a": "b"}}))
    tags = {"properties": {"tags": {"a": "b"}}}
    done(world, clock, world.act("PUT", f"{CACHE}/providers/Microsoft.Resources/tags/default", tags))
    done(world, clock, world.act("DELETE", ENDPOINT))
    done(world, clock, world.act("DELETE", CACHES))
    return world.events


def test_creating_an_endpoint_lasts_as_long_as_recorded() -> None:
    source, spread = random.Random(1), Durations().endpoint_create
    drawn = sorted(spread.draw(source) for _ in range(2000))
    assert 45 < drawn[1000] < 57
    assert 60 < drawn[1800] < 90
    assert drawn[-1] <= 660


def test_a_read_costs_well_below_a_millisecond_among_100_000_caches() -> None:
    world, _ = make_world(WorldOptions(buckets=Buckets(enforced=False)))
    many = [{"subscription": SUBSCRIPTION, "group": "rg-many", "name": f"c-{number}"} for number in range(100_000)]
    world.seed({"caches": many})
    before = time.perf_counter()
    for number in range(1000):
        assert world.act("GET", many_id(number)).status == 200
    assert time.perf_counter() - before < 1.0


def many_id(number: int) -> str:
    return f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-many/providers/Microsoft.Cache/Redis/c-{number * 99}"
