"""What an event is about: as Azure's own look, as they arrive malformed, and as somebody may forge them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events import (
    LARGEST,
    OWN_NAME,
    Event,
    OfCache,
    OfEndpoint,
    OfGroup,
    Unheeded,
    about_endpoint,
    about_group,
    concerns,
)
from shared.ids import CacheId, GroupId, endpoint_id
from shared.model import Look, Trigger

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
HOME = f"/subscriptions/{SUBSCRIPTION}"
GROUP = f"{HOME}/resourceGroups/rg-cache-prod"
CACHE = f"{GROUP}/providers/Microsoft.Cache/Redis/cache-prod-weu"
ENDPOINT = f"{GROUP}/providers/Microsoft.Network/privateEndpoints/pe-cache-prod-weu"
OBJECT_ID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
UPN = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"
OURS = "0a7d2c4e-1111-4222-8333-944455566677"


def event(operation: object = "Microsoft.Cache/redis/write", subject: object = CACHE, **changes: object) -> Event:
    verb = str(operation).rpartition("/")[2].title()
    kind = f"Microsoft.Resources.Resource{verb}Success"
    data: object = {"operationName": operation, "claims": {UPN: "ada@example.com", OBJECT_ID: "someone"}}
    fields = {"type": kind, "source": HOME, "subject": subject, "data": data, "size": 3000, **changes}
    return Event(**fields)  # type: ignore[arg-type]


# ── Azure's own ─────────────────────────────────────────────────────────────────────────────────

ABOUT = {
    "deployment_write": Unheeded.UNKNOWN,
    "pe_dns_zone_group_write": "endpoint",
    "private_endpoint_delete": "endpoint deleted",
    "private_endpoint_delete_failure": Unheeded.NOT_A_SUCCESS,
    "private_endpoint_write": "endpoint",
    "redis_delete": "classic",
    "redis_listkeys_action": Unheeded.UNKNOWN,
    "redis_pec_delete": "classic",
    "redis_pec_proxy_delete": "classic",
    "redis_pec_proxy_validate_action": "classic",
    "redis_pec_proxy_write": "classic",
    "redis_pec_write_reject": "classic",
    "redis_write_by_own_identity": "classic",
    "redis_write_create": "classic",
    "redis_write_failure": Unheeded.NOT_A_SUCCESS,
    "redis_write_update": "classic",
    "redisenterprise_pec_delete": "managed",
    "redisenterprise_write": "managed",
    "resource_group_delete": "group",
    "tags_delete_on_redis": "classic",
    "tags_write_on_redis": "classic",
    "tags_write_on_redis_lowercase_rg": "classic",
}


def read(file: Path) -> Iterator[Event]:
    """Give a file's events as the functions library hands them over, whichever schema they have."""
    content = json.loads(file.read_text("utf-8"))
    for each in content if isinstance(content, list) else [content]:
        if "specversion" in each:
            yield Event(each["type"], each["source"], each["subject"], each["data"])
        else:
            yield Event(each["eventType"], each["topic"], each["subject"], each["data"])


def about(named: OfCache | OfEndpoint | OfGroup | Unheeded) -> object:
    match named:
        case OfCache(wake):
            return {"cache-prod-weu": "classic", "amr-prod-weu": "managed"}[wake.cache.name]
        case OfEndpoint():
            return "endpoint deleted" if named.deleted else "endpoint"
        case OfGroup():
            return "group"
        case Unheeded():
            return named


@pytest.mark.parametrize("schema", ["eventgrid-schema", "cloudevents"])
@pytest.mark.parametrize("name", ABOUT)
def test_each_recorded_event_is_known_for_what_it_is_about(reference: Path, schema: str, name: str) -> None:
    (one,) = read(reference / "events" / schema / f"{name}.json")

    assert about(concerns(one)) == ABOUT[name]


@pytest.mark.parametrize("schema", ["eventgrid-schema", "cloudevents"])
def test_the_table_of_recorded_events_leaves_none_out(reference: Path, schema: str) -> None:
    there = {file.stem for file in (reference / "events" / schema).glob("*.json") if not file.stem.startswith("_")}

    assert there == set(ABOUT)


@pytest.mark.parametrize("schema", ["event-grid-schema", "cloud-events-schema"])
def test_official_examples_of_other_resources_are_unknown_and_no_error(reference: Path, schema: str) -> None:
    official = [each for file in (reference / "events" / "official" / schema).glob("*.json") for each in read(file)]

    assert {concerns(each) for each in official} == {Unheeded.UNKNOWN}


def test_both_schemas_of_a_recorded_event_lead_to_the_same(reference: Path) -> None:
    for name in ABOUT:
        (grid,), (cloud,) = (
            read(reference / "events" / s / f"{name}.json") for s in ("eventgrid-schema", "cloudevents")
        )
        assert concerns(grid) == concerns(cloud)


@pytest.mark.parametrize("file", ["_batch_of_three_out_of_order", "_batch_of_three"])
def test_each_event_of_a_batch_stands_for_itself(reference: Path, file: str) -> None:
    schema = "eventgrid-schema" if "order" in file else "cloudevents"
    batch = list(read(reference / "events" / schema / f"{file}.json"))

    assert [about(concerns(each)) for each in batch] == ["endpoint deleted", "classic", "classic"]


# ── operations and subjects ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("operation", "subject"),
    [
        ("Microsoft.Cache/redis/write", CACHE),
        ("microsoft.cache/REDIS/Delete", CACHE),
        ("Microsoft.Resources/tags/write", CACHE),
        ("Microsoft.Resources/tags/write", CACHE.replace("resourceGroups", "resourcegroups").replace("Redis", "redis")),
        ("Microsoft.Resources/tags/write", f"{CACHE}/providers/Microsoft.Resources/tags/default"),
        ("Microsoft.Cache/redis/privateEndpointConnections/delete", f"{CACHE}/privateEndpointConnections/pe.1"),
        ("Microsoft.Cache/redis/privateEndpointConnectionProxies/write", f"{CACHE}/privateEndpointConnectionProxies/x"),
        ("Microsoft.Cache/redis/write", CACHE.upper().replace("SUBSCRIPTIONS", "subscriptions")),
    ],
)
def test_an_event_about_a_cache_or_what_is_in_it_names_the_cache(operation: str, subject: str) -> None:
    named = concerns(event(operation, subject))

    assert isinstance(named, OfCache)
    assert named.wake.cache == CacheId.parse(CACHE)
    assert named.group == GroupId.parse(GROUP)
    assert (named.wake.trigger, named.wake.look) == (Trigger.EVENT, Look.QUICK)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"size": LARGEST + 1}, Unheeded.OVERSIZED, id="huge"),
        pytest.param({"data": None}, Unheeded.MALFORMED, id="no data"),
        pytest.param({"data": "text"}, Unheeded.MALFORMED, id="data is text"),
        pytest.param({"data": {}}, Unheeded.MALFORMED, id="no operation"),
        pytest.param({"data": {"operationName": {"value": "x"}}}, Unheeded.MALFORMED, id="operation is a mapping"),
        pytest.param({"subject": None}, Unheeded.MALFORMED, id="no subject"),
        pytest.param({"type": 7}, Unheeded.MALFORMED, id="type is a number"),
        pytest.param({"type": "Microsoft.Resources.ResourceWriteFailure"}, Unheeded.NOT_A_SUCCESS, id="failed"),
        pytest.param({"type": "Microsoft.Resources.ResourceWriteCancel"}, Unheeded.NOT_A_SUCCESS, id="cancelled"),
        pytest.param({"subject": ""}, Unheeded.NOT_A_CACHE, id="empty subject"),
        pytest.param({"subject": GROUP}, Unheeded.NOT_A_CACHE, id="a group"),
        pytest.param({"subject": CACHE + "-"}, Unheeded.NOT_A_CACHE, id="a name that no cache has"),
        pytest.param({"subject": CACHE.replace(SUBSCRIPTION, "nonsense")}, Unheeded.NOT_A_CACHE, id="no GUID"),
        pytest.param({"subject": f"{HOME}/../{CACHE}"}, Unheeded.NOT_A_CACHE, id="a path that climbs"),
        pytest.param({"subject": CACHE + "x" * 3000}, Unheeded.NOT_A_CACHE, id="endless"),
        pytest.param({"source": "/subscriptions/" + SUBSCRIPTION.replace("1", "2")}, Unheeded.FOREIGN, id="foreign"),
        pytest.param({"source": None}, Unheeded.FOREIGN, id="no source"),
        pytest.param({"source": SUBSCRIPTION}, Unheeded.FOREIGN, id="source is no id"),
        pytest.param({"source": f"/tenants/{SUBSCRIPTION}"}, Unheeded.FOREIGN, id="source is no subscription"),
    ],
)
def test_what_cannot_be_heeded_has_its_reason(changes: Mapping[str, object], expected: Unheeded) -> None:
    assert concerns(event(**changes)) is expected


def test_a_source_may_name_more_than_its_subscription() -> None:
    assert isinstance(concerns(event(source=f"{HOME.upper()}/".replace("SUBSCRIPTIONS", "Subscriptions"))), OfCache)
    assert isinstance(concerns(event(source=f"{HOME}/resourceGroups/rg-cache-prod")), OfCache)


def test_the_subject_of_a_subscription_comes_first_and_not_what_the_data_say() -> None:
    forged = {"operationName": "Microsoft.Cache/redis/write", "resourceUri": CACHE.replace("cache-prod", "victim")}
    named = concerns(event(data=forged))

    assert isinstance(named, OfCache)
    assert named.wake.cache == CacheId.parse(CACHE)


@pytest.mark.parametrize(
    ("operation", "deleted"),
    [
        ("Microsoft.Network/privateEndpoints/write", False),
        ("Microsoft.Network/privateEndpoints/delete", True),
        ("Microsoft.Network/privateEndpoints/privateDnsZoneGroups/delete", False),
    ],
)
def test_an_event_about_an_endpoint_names_it_and_whether_it_is_gone(operation: str, deleted: bool) -> None:
    below = "/privateDnsZoneGroups/default" if "ZoneGroups" in operation else ""
    named = concerns(event(operation, ENDPOINT + below))

    assert isinstance(named, OfEndpoint)
    assert (named.endpoint, named.deleted, named.group) == (endpoint_id(ENDPOINT), deleted, GroupId.parse(GROUP))


@pytest.mark.parametrize(("own", "look"), [(True, Look.QUICK), (False, Look.FULL)])
def test_an_endpoints_cache_is_looked_at_in_full_but_for_an_echo_of_our_own_write(own: bool, look: Look) -> None:
    by = OURS if own else "someone"
    data = {"operationName": "Microsoft.Network/privateEndpoints/delete", "claims": {OBJECT_ID: by}}
    named = concerns(event("Microsoft.Network/privateEndpoints/delete", ENDPOINT, data=data), OURS)

    assert isinstance(named, OfEndpoint)
    wake = about_endpoint(CacheId.parse(CACHE), named)
    assert (wake.own, wake.look, wake.operation) == (own, look, "microsoft.network/privateendpoints/delete")


def test_a_deleted_group_wakes_its_caches_for_a_full_look() -> None:
    named = concerns(event("Microsoft.Resources/subscriptions/resourcegroups/delete", GROUP))

    assert isinstance(named, OfGroup)
    assert named.group == GroupId.parse(GROUP)
    assert about_group(CacheId.parse(CACHE), named).look is Look.FULL


# ── who ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("claims", "caller", "own"),
    [
        ({UPN: "ada@example.com", "name": "Ada", OBJECT_ID: "x"}, "ada@example.com", False),
        ({"name": "Ada", "appid": "app"}, "Ada", False),
        ({"appid": "04b07795", OBJECT_ID: "x"}, "04b07795", False),
        ({OBJECT_ID: "x"}, "x", False),
        ({OBJECT_ID: OURS.upper(), "appid": "app"}, OWN_NAME, True),
        ({UPN: OURS}, OURS, False),
        ({}, "", False),
        (None, "", False),
        (["ada"], "", False),
        ({UPN: {"nested": "ada"}}, "", False),
        ({UPN: "ada\r\nlevel=ERROR all is lost\x1b[2J"}, "ada  level=ERROR all is lost [2J", False),
        ({UPN: "a" * 5000}, "a" * 120, False),
    ],
)
def test_the_caller_is_named_as_far_as_the_event_tells(claims: object, caller: str, own: bool) -> None:
    named = concerns(event(data={"operationName": "Microsoft.Cache/redis/write", "claims": claims}), OURS)

    assert isinstance(named, OfCache)
    assert (named.wake.caller, named.wake.own) == (caller, own)


def test_nothing_is_our_own_where_our_own_identity_is_not_known() -> None:
    named = concerns(event(data={"operationName": "Microsoft.Cache/redis/write", "claims": {OBJECT_ID: ""}}), "")

    assert isinstance(named, OfCache)
    assert not named.wake.own


# ── anything at all ─────────────────────────────────────────────────────────────────────────────

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
operations = st.sampled_from(
    [
        "Microsoft.Cache/redis/write",
        "Microsoft.Network/privateEndpoints/delete",
        "Microsoft.Resources/tags/write",
        "Microsoft.Resources/subscriptions/resourcegroups/delete",
    ]
)
near_ids = st.builds(
    lambda text, cut, more: text[:cut] + more,
    st.sampled_from([CACHE, ENDPOINT, GROUP]),
    st.integers(0, 200),
    st.text(max_size=8) | st.just(""),
)


@given(anything, anything, anything, anything)
def test_no_json_is_an_error(kind: object, source: object, subject: object, data: object) -> None:
    concerns(Event(kind, source, subject, data), OURS)


@given(near_ids, st.sampled_from([HOME, "", "/"]) | st.text(), operations | anything, anything)
def test_no_near_miss_is_an_error(subject: str, source: str, operation: object, claims: object) -> None:
    named = concerns(event(str(operation), subject, source=source, data={"operationName": operation, "claims": claims}))

    if isinstance(named, OfCache | OfEndpoint | OfGroup):
        assert named.group.subscription == SUBSCRIPTION


def test_claims_as_deep_as_json_can_be_are_no_error() -> None:
    deep: object = "ada"
    for _ in range(100_000):
        deep = [deep]

    assert isinstance(
        concerns(event(data={"operationName": "Microsoft.Cache/redis/write", "claims": {UPN: deep}})), OfCache
    )
    while isinstance(deep, list):
        deep = deep.pop()
