"""Events have the fields of Azure's samples, operations last as long as recorded, and reads cost next to nothing."""

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
