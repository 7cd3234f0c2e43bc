"""Which cache an event is about, and which events lead to nothing."""

from __future__ import annotations

import base64
import contextlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import watch
from shared.events import (
    LARGEST,
    OWN_NAME,
    Event,
    InvalidEventError,
    OfCache,
    OfEndpoint,
    OfGroup,
    Unheeded,
    about_endpoint,
    about_group,
    concerns,
    delivered,
    home,
    size_of,
)
from shared.ids import CacheId, CacheType, GroupId, endpoint_id
from shared.model import Look, Trigger
from tests.worlds import CLASSIC, MANAGED, SUBSCRIPTION

HOME = f"/subscriptions/{SUBSCRIPTION}"
GROUP = f"{HOME}/resourceGroups/rg-app"
ENDPOINT = f"{GROUP}/providers/Microsoft.Network/privateEndpoints/pe-orders"
OTHER_HOME = "/subscriptions/99999999-2222-3333-4444-555555555555"
PRINCIPAL = "0e5c1f0a-0000-4000-8000-00000000d0d0"
OBJECT_ID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
UPN = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"
WRITE = "Microsoft.Resources.ResourceWriteSuccess"
DELETE = "Microsoft.Resources.ResourceDeleteSuccess"

EXPECTED: dict[str, type | Unheeded] = {
    "deployment_write": Unheeded.UNKNOWN,
    "pe_dns_zone_group_write": OfEndpoint,
    "private_endpoint_delete": OfEndpoint,
    "private_endpoint_delete_failure": Unheeded.NOT_A_SUCCESS,
    "private_endpoint_write": OfEndpoint,
    "redis_delete": OfCache,
    "redis_listkeys_action": Unheeded.UNKNOWN,
    "redis_pec_delete": OfCache,
    "redis_pec_proxy_delete": OfCache,
    "redis_pec_proxy_validate_action": OfCache,
    "redis_pec_proxy_write": OfCache,
    "redis_pec_write_reject": OfCache,
    "redis_write_by_own_identity": OfCache,
    "redis_write_create": OfCache,
    "redis_write_failure": Unheeded.NOT_A_SUCCESS,
    "redis_write_update": OfCache,
    "redisenterprise_pec_delete": OfCache,
    "redisenterprise_write": OfCache,
    "resource_group_delete": OfGroup,
    "tags_delete_on_redis": OfCache,
    "tags_write_on_redis": OfCache,
    "tags_write_on_redis_lowercase_rg": OfCache,
}


def event(**changes: Any) -> Event:
    """Give the event of a write to a classic cache, but for the changes."""
    return replace(Event(WRITE, HOME, str(CLASSIC), {"operationName": "Microsoft.Cache/redis/write"}), **changes)


def told(operation: str, subject: str = str(CLASSIC), type_: str = WRITE, **claims: str) -> Event:
    return event(type=type_, subject=subject, data={"operationName": operation, "claims": claims})


def recorded(data: dict[str, Any]) -> Event:
    if "specversion" in data:
        return Event(data["type"], data["source"], data["subject"], data["data"], len(json.dumps(data)))
    return Event(data["eventType"], data["topic"], data["subject"], data["data"], len(json.dumps(data)))


def kind(found: OfCache | OfEndpoint | OfGroup | Unheeded) -> type | Unheeded:
    return found if isinstance(found, Unheeded) else type(found)


# ── as Azure sends them ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("schema", ["cloudevents", "eventgrid-schema"])
@pytest.mark.parametrize("name", EXPECTED)
def test_an_event_of_azures_is_understood_in_either_schema(reference: Path, schema: str, name: str) -> None:
    data = json.loads((reference / "events" / schema / f"{name}.json").read_text("utf-8"))

    for each in data if isinstance(data, list) else [data]:
        assert kind(concerns(recorded(each))) == EXPECTED[name]


def test_every_event_on_record_has_an_expectation(reference: Path) -> None:
    found = {path.stem for path in (reference / "events").glob("*[es]*/[a-z]*.json")}

    assert found == EXPECTED.keys()


def test_the_events_of_a_batch_are_understood_one_by_one(reference: Path) -> None:
    for path in (reference / "events").glob("*/_batch_*.json"):
        kinds = [kind(concerns(recorded(each))) for each in json.loads(path.read_text("utf-8"))]
        assert kinds == [OfEndpoint, OfCache, OfCache], path.name


def test_an_event_of_its_own_write_is_on_record_as_its_own(reference: Path) -> None:
    data = json.loads((reference / "events/cloudevents/redis_write_by_own_identity.json").read_text("utf-8"))
    each = data[0] if isinstance(data, list) else data
    found = concerns(recorded(each), each["data"]["claims"][OBJECT_ID])

    assert isinstance(found, OfCache)
    assert found.wake.own


# ── whose events come ───────────────────────────────────────────────────────────────────────────


def of_watch(reference: Path, schema: str) -> dict[str, Any]:
    """Give the event that ``./dev watch`` provokes, as Azure would send it: that of a tag on the system topic."""
    topic = f"{HOME}/resourceGroups/rg-drawbridge-events/providers/Microsoft.EventGrid/systemTopics/drawbridge"
    text = (reference / "events" / schema / "tags_write_on_redis.json").read_text("utf-8")
    (raw,) = [json.loads(text)] if text.lstrip().startswith("{") else json.loads(text)
    told: dict[str, Any] = json.loads(json.dumps(raw).replace(raw["subject"], topic))
    request = told["data"]["httpRequest"]
    assert (request["method"], request["url"].partition("?")[0].endswith(watch.TAGS)) == ("PATCH", True)
    return told


@pytest.mark.parametrize("schema", ["cloudevents", "eventgrid-schema"])
def test_the_event_that_bringing_a_subscription_in_provokes_passes_the_filter_and_tells_its_subscription(
    reference: Path, schema: str
) -> None:
    raw = of_watch(reference, schema)
    shipped = watch.shipped()

    assert raw["data"]["operationName"].lower() in shipped.operations
    assert str(recorded(raw).type).lower() in shipped.event_types
    assert concerns(recorded(raw)) is Unheeded.NOT_A_CACHE
    assert home(recorded(raw)) == SUBSCRIPTION


@pytest.mark.parametrize("schema", ["cloudevents", "eventgrid-schema"])
@pytest.mark.parametrize("name", EXPECTED)
def test_every_event_of_azures_tells_its_subscription_heeded_or_not(reference: Path, schema: str, name: str) -> None:
    data = json.loads((reference / "events" / schema / f"{name}.json").read_text("utf-8"))

    for each in data if isinstance(data, list) else [data]:
        assert home(recorded(each)) == SUBSCRIPTION


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param(event(), SUBSCRIPTION, id="of a cache"),
        pytest.param(event(source=HOME.upper(), subject=str(CLASSIC).upper()), SUBSCRIPTION, id="in upper case"),
        pytest.param(event(source=GROUP), SUBSCRIPTION, id="from a group"),
        pytest.param(event(subject=HOME), SUBSCRIPTION, id="of the subscription itself"),
        pytest.param(event(subject="/subscriptions/mine/x"), "", id="of no GUID"),
        pytest.param(event(source=OTHER_HOME), "", id="from another subscription"),
        pytest.param(event(source=OTHER_HOME, subject=SUBSCRIPTION), "", id="of a bare GUID"),
        pytest.param(event(source=None, subject=None), "", id="from nowhere, of nothing"),
        pytest.param(event(source="/tenants/x", subject="/tenants/x"), "", id="of a tenant"),
        pytest.param(event(source=f"{HOME}%20", subject=f"{HOME}%20/x"), "", id="of more than a GUID"),
        pytest.param(event(data=None), "", id="without data"),
        pytest.param(event(data={}), "", id="without an operation"),
        pytest.param(event(size=LARGEST + 1), "", id="too large"),
    ],
)
def test_an_event_tells_of_a_subscription_only_in_the_form_of_azures(sent: Event, expected: str) -> None:
    assert home(sent) == expected


# ── what each operation is about ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("operation", "subject", "cache"),
    [
        pytest.param("Microsoft.Cache/redis/write", str(CLASSIC), CLASSIC, id="classic-write"),
        pytest.param("Microsoft.Cache/redis/delete", str(CLASSIC), CLASSIC, id="classic-delete"),
        pytest.param("Microsoft.Cache/redisEnterprise/write", str(MANAGED), MANAGED, id="managed-write"),
        pytest.param("Microsoft.Resources/tags/write", str(CLASSIC), CLASSIC, id="tags"),
        pytest.param(
            "Microsoft.Cache/redis/privateEndpointConnections/delete",
            f"{CLASSIC}/privateEndpointConnections/pe.1",
            CLASSIC,
            id="connection-deleted",
        ),
        pytest.param("MICROSOFT.CACHE/REDIS/WRITE", str(CLASSIC).upper(), CLASSIC, id="upper-case"),
        pytest.param("microsoft.cache/redis/write", str(CLASSIC).lower(), CLASSIC, id="lower-case"),
        pytest.param(
            "Microsoft.Cache/redis/write",
            str(CLASSIC).replace("resourceGroups", "resourcegroups").replace("/Redis/", "/redis/"),
            CLASSIC,
            id="resourcegroups-and-redis",
        ),
    ],
)
def test_an_event_inside_a_cache_wakes_that_cache(operation: str, subject: str, cache: CacheId) -> None:
    found = concerns(told(operation, subject))

    assert isinstance(found, OfCache)
    assert found.wake.cache == cache
    assert found.wake.trigger is Trigger.EVENT
    assert found.group == cache.group_id


@pytest.mark.parametrize(
    ("operation", "subject", "deleted"),
    [
        pytest.param("Microsoft.Network/privateEndpoints/write", ENDPOINT, False, id="write"),
        pytest.param("Microsoft.Network/privateEndpoints/delete", ENDPOINT, True, id="delete"),
        pytest.param(
            "Microsoft.Network/privateEndpoints/privateDnsZoneGroups/delete",
            f"{ENDPOINT}/privateDnsZoneGroups/default",
            False,
            id="zone-group-deleted",
        ),
    ],
)
def test_an_event_of_an_endpoint_names_the_endpoint_and_whether_it_is_gone(
    operation: str, subject: str, deleted: bool
) -> None:
    found = concerns(told(operation, subject, DELETE))

    assert isinstance(found, OfEndpoint)
    assert (found.endpoint, found.deleted) == (endpoint_id(ENDPOINT), deleted)


def test_the_deletion_of_a_group_names_the_group_in_any_casing() -> None:
    found = concerns(told("Microsoft.Resources/subscriptions/resourcegroups/delete", GROUP.upper(), DELETE))

    assert isinstance(found, OfGroup)
    assert found.group == GroupId.parse(GROUP)


# ── malformed and forged ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param(event(size=LARGEST), None, id="as-large-as-may-be"),
        pytest.param(event(size=LARGEST + 1), Unheeded.OVERSIZED, id="too-large"),
        pytest.param(event(data=None), Unheeded.MALFORMED, id="no-data"),
        pytest.param(event(data=["a"]), Unheeded.MALFORMED, id="data-is-a-list"),
        pytest.param(event(data="{}"), Unheeded.MALFORMED, id="data-is-text"),
        pytest.param(event(data={}), Unheeded.MALFORMED, id="no-operation"),
        pytest.param(event(data={"operationName": 3}), Unheeded.MALFORMED, id="operation-is-a-number"),
        pytest.param(event(type=None), Unheeded.MALFORMED, id="no-type"),
        pytest.param(event(subject=None), Unheeded.MALFORMED, id="no-subject"),
        pytest.param(event(subject={"id": str(CLASSIC)}), Unheeded.MALFORMED, id="subject-is-a-mapping"),
        pytest.param(told(""), Unheeded.UNKNOWN, id="empty-operation"),
        pytest.param(told("Microsoft.Cache/redis/listKeys/action"), Unheeded.UNKNOWN, id="keys-listed"),
        pytest.param(told("Microsoft.Cache/redis/write "), Unheeded.UNKNOWN, id="operation-with-a-tail"),
        pytest.param(told("Microsoft.Compute/virtualMachines/write"), Unheeded.UNKNOWN, id="another-provider"),
        pytest.param(event(type="Microsoft.Resources.ResourceWriteFailure"), Unheeded.NOT_A_SUCCESS, id="failure"),
        pytest.param(event(type="Microsoft.Resources.ResourceDeleteCancel"), Unheeded.NOT_A_SUCCESS, id="cancelled"),
        pytest.param(event(type="Evil.Resources.ResourceWriteSuccess"), Unheeded.NOT_A_SUCCESS, id="another-type"),
        pytest.param(event(type=""), Unheeded.NOT_A_SUCCESS, id="empty-type"),
        pytest.param(event(subject=""), Unheeded.NOT_A_CACHE, id="empty-subject"),
        pytest.param(event(subject=GROUP), Unheeded.NOT_A_CACHE, id="subject-is-a-group"),
        pytest.param(event(subject=ENDPOINT), Unheeded.NOT_A_CACHE, id="subject-is-an-endpoint"),
        pytest.param(event(subject=f"{CLASSIC}/../other"[1:]), Unheeded.NOT_A_CACHE, id="subject-without-its-slash"),
        pytest.param(
            event(subject=str(CLASSIC).replace("rg-app", "..")), Unheeded.NOT_A_CACHE, id="subject-with-dot-dot"
        ),
        pytest.param(
            told("Microsoft.Resources/tags/write", f"{GROUP}/providers/Microsoft.Storage/storageAccounts/x"),
            Unheeded.NOT_A_CACHE,
            id="tags-of-something-else",
        ),
        pytest.param(
            told("Microsoft.Network/privateEndpoints/delete", str(CLASSIC), DELETE),
            Unheeded.NOT_A_CACHE,
            id="endpoint-deletion-of-a-cache",
        ),
        pytest.param(
            told("Microsoft.Resources/subscriptions/resourcegroups/delete", str(CLASSIC), DELETE),
            Unheeded.NOT_A_CACHE,
            id="group-deletion-of-a-cache",
        ),
        pytest.param(event(source=OTHER_HOME), Unheeded.FOREIGN, id="from-another-subscription"),
        pytest.param(event(source=None), Unheeded.FOREIGN, id="from-nowhere"),
        pytest.param(event(source=""), Unheeded.FOREIGN, id="from-empty"),
        pytest.param(event(source={"a": 1}), Unheeded.FOREIGN, id="from-a-mapping"),
        pytest.param(event(source=SUBSCRIPTION), Unheeded.FOREIGN, id="from-a-bare-guid"),
        pytest.param(event(source=f"/tenants/{SUBSCRIPTION}"), Unheeded.FOREIGN, id="from-a-tenant"),
        pytest.param(event(source="/subscriptions/mine"), Unheeded.FOREIGN, id="from-no-guid"),
        pytest.param(event(source=HOME.upper()), None, id="from-its-subscription-in-upper-case"),
        pytest.param(event(source=GROUP), None, id="from-a-group-of-its-subscription"),
        pytest.param(
            replace(told("Microsoft.Network/privateEndpoints/write", ENDPOINT), source=OTHER_HOME),
            Unheeded.FOREIGN,
            id="endpoint-from-another-subscription",
        ),
        pytest.param(
            replace(told("Microsoft.Resources/subscriptions/resourcegroups/delete", GROUP), source=OTHER_HOME),
            Unheeded.FOREIGN,
            id="group-from-another-subscription",
        ),
    ],
)
def test_an_event_that_azure_would_not_send_leads_to_nothing(sent: Event, expected: Unheeded | None) -> None:
    assert kind(concerns(sent)) == (expected or OfCache)


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=20), inner, max_size=3),
    max_leaves=6,
)
likely = st.sampled_from(
    [WRITE, DELETE, HOME, GROUP, ENDPOINT, str(CLASSIC), str(MANAGED), "Microsoft.Cache/redis/write", PRINCIPAL]
)
data_like = st.fixed_dictionaries(
    {},
    optional={
        "operationName": likely | json_like,
        "claims": json_like | st.dictionaries(st.sampled_from([OBJECT_ID, UPN, "name", "appid"]), json_like),
    },
)


@given(
    st.builds(
        Event,
        likely | json_like,
        likely | json_like,
        likely | json_like,
        data_like | json_like,
        st.integers(0, LARGEST),
    ),
    st.sampled_from(["", PRINCIPAL]),
)
def test_no_event_raises_whatever_it_holds(sent: Event, principal: str) -> None:
    assert isinstance(concerns(sent, principal), OfCache | OfEndpoint | OfGroup | Unheeded)
    assert home(sent) in {"", SUBSCRIPTION}


@given(st.dictionaries(st.sampled_from([OBJECT_ID, UPN, "name", "appid"]), json_like))
def test_no_claims_keep_a_cache_from_being_woken_or_name_a_caller_at_length(claims: dict[str, object]) -> None:
    found = concerns(event(data={"operationName": "Microsoft.Cache/redis/write", "claims": claims}))

    assert isinstance(found, OfCache)
    assert len(found.wake.caller) <= 120


# ── who did it ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("claims", "caller", "own"),
    [
        pytest.param({OBJECT_ID: PRINCIPAL}, OWN_NAME, True, id="itself"),
        pytest.param({OBJECT_ID: PRINCIPAL.upper(), "appid": "x"}, OWN_NAME, True, id="itself-in-upper-case"),
        pytest.param({OBJECT_ID: "1", UPN: "ada@example.com"}, "ada@example.com", False, id="a-person"),
        pytest.param({OBJECT_ID: "1", "name": "Ada"}, "Ada", False, id="a-person-without-upn"),
        pytest.param({OBJECT_ID: "1", "appid": "terraform"}, "terraform", False, id="an-application"),
        pytest.param({OBJECT_ID: "1"}, "1", False, id="an-object"),
        pytest.param({UPN: "a" * 500}, "a" * 120, False, id="a-long-name"),
        pytest.param({"name": PRINCIPAL}, PRINCIPAL, False, id="one-who-calls-himself-so"),
        pytest.param({}, "", False, id="nobody"),
    ],
)
@pytest.mark.parametrize(
    ("operation", "subject"),
    [
        pytest.param("Microsoft.Cache/redis/write", str(CLASSIC), id="cache"),
        pytest.param("Microsoft.Network/privateEndpoints/write", ENDPOINT, id="endpoint"),
        pytest.param("Microsoft.Resources/subscriptions/resourcegroups/delete", GROUP, id="group"),
    ],
)
def test_the_caller_is_named_and_its_own_echo_known_by_the_principal(
    operation: str, subject: str, claims: dict[str, str], caller: str, own: bool
) -> None:
    found = concerns(told(operation, subject, **claims), PRINCIPAL)

    assert not isinstance(found, Unheeded)
    said = found.wake if isinstance(found, OfCache) else found
    assert (said.caller, said.own) == (caller, own)


@pytest.mark.parametrize("claims", [{OBJECT_ID: ""}, {}], ids=["empty", "none"])
def test_nothing_is_its_own_echo_while_its_principal_is_unknown(claims: dict[str, str]) -> None:
    found = concerns(told("Microsoft.Cache/redis/write", **claims))

    assert isinstance(found, OfCache)
    assert not found.wake.own


@pytest.mark.parametrize("claims", [None, "ada", ["ada"]], ids=["null", "text", "list"])
def test_claims_of_no_known_form_name_nobody(claims: object) -> None:
    found = concerns(event(data={"operationName": "Microsoft.Cache/redis/write", "claims": claims}), PRINCIPAL)

    assert isinstance(found, OfCache)
    assert (found.wake.caller, found.wake.own) == ("", False)


# ── what is woken ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("own", "look"), [(False, Look.FULL), (True, Look.QUICK)], ids=["somebody-elses", "own"])
def test_somebody_elses_change_of_an_endpoint_asks_for_a_full_look(own: bool, look: Look) -> None:
    found = OfEndpoint(endpoint_id(ENDPOINT), False, "microsoft.network/privateendpoints/write", "ada", own)

    wake = about_endpoint(CLASSIC, found)

    assert (wake.cache, wake.look, wake.own, wake.caller) == (CLASSIC, look, own, "ada")


def test_the_deletion_of_a_group_asks_for_a_full_look_at_what_was_in_it() -> None:
    wake = about_group(CLASSIC, OfGroup(CLASSIC.group_id, "delete", "ada", own=False))

    assert (wake.cache, wake.look, wake.caller) == (CLASSIC, Look.FULL, "ada")


def test_both_types_of_cache_are_told_apart() -> None:
    found = [concerns(told("Microsoft.Resources/tags/write", str(cache))) for cache in (CLASSIC, MANAGED)]

    assert [each.wake.cache.type for each in found if isinstance(each, OfCache)] == list(CacheType)


# ── out of a text: queue messages and dead letters ──────────────────────────────────────────────

GRID = {"id": "e-1", "topic": HOME, "subject": str(CLASSIC), "eventType": WRITE, "data": {"operationName": "x"}}
CLOUD = {"id": "e-2", "specversion": "1.0", "source": HOME, "subject": str(CLASSIC), "type": WRITE, "data": {}}
DEAD = {**GRID, "deadLetterReason": "MaxDeliveryAttemptsExceeded", "deliveryAttempts": 30, "publishTime": "2026-11-28"}


def encoded(value: object) -> bytes:
    return base64.b64encode(json.dumps(value).encode())


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        pytest.param(json.dumps(GRID), ["e-1"], id="event-grid-schema"),
        pytest.param(json.dumps(CLOUD), ["e-2"], id="cloud-events"),
        pytest.param(encoded(GRID), ["e-1"], id="base64"),
        pytest.param(encoded(CLOUD).decode(), ["e-2"], id="base64-text"),
        pytest.param(json.dumps([GRID, CLOUD]).encode(), ["e-1", "e-2"], id="list"),
        pytest.param("\n " + json.dumps(DEAD), ["e-1"], id="dead-letter"),
        pytest.param(json.dumps([DEAD]).encode("utf-8-sig"), ["e-1"], id="byte-order-mark"),
        pytest.param("[]", [], id="none"),
        pytest.param(json.dumps({"id": "i" * 500}), ["i" * 100], id="long-id"),
        pytest.param("{}", [""], id="empty"),
    ],
)
def test_events_are_read_out_of_a_text(text: str | bytes, ids: list[str]) -> None:
    assert [each.id for each in delivered(text)] == ids


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("reconcile", id="word"),
        pytest.param(b"\xff\xfe{", id="bytes"),
        pytest.param('{"id": ', id="cut-off"),
        pytest.param("[1]", id="number"),
        pytest.param(base64.b64encode(b"no json"), id="base64-of-text"),
        pytest.param("[" * 100_000, id="deep"),
    ],
)
def test_what_holds_no_events_is_refused_in_words(text: str | bytes) -> None:
    with pytest.raises(InvalidEventError, match=r"neither JSON nor Base64|is no event"):
        delivered(text)


def test_both_schemas_come_to_the_same_event() -> None:
    (grid,), (cloud,) = delivered(json.dumps(GRID)), delivered(json.dumps(CLOUD))

    assert grid.event == Event(WRITE, HOME, str(CLASSIC), GRID["data"], size_of(GRID["subject"], GRID["data"]))
    assert (cloud.event.type, cloud.event.source, cloud.event.subject) == (WRITE, HOME, str(CLASSIC))


@given(st.binary() | st.text())
def test_any_text_is_read_or_refused(text: str | bytes) -> None:
    with contextlib.suppress(InvalidEventError):
        assert all(concerns(each.event) for each in delivered(text))


@pytest.mark.parametrize("schema", ["eventgrid-schema", "cloudevents"])
def test_every_event_of_azure_means_the_same_by_queue_as_by_push(schema: str, reference: Path) -> None:
    for path in sorted((reference / "events" / schema).glob("[a-z]*.json")):
        pushed = json.loads(path.read_text("utf-8"))
        raw = pushed[0] if isinstance(pushed, list) else pushed
        (queued,) = delivered(encoded(raw))

        assert concerns(queued.event) == concerns(recorded(raw)), path.name
