"""What goes out on the wire, and how often: seen by a server, sent by the real SDK over TLS."""

from __future__ import annotations

import asyncio
import inspect
import logging
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CredentialUnavailableError

from shared.arm import Arm, ArmError, ArmSettings, Retry, counted
from shared.model import PublicAccess, Reason
from tests.component.arm.calls import CACHE, CACHE_BODY, ENDPOINT, GROUP, METHODS, SUBSCRIPTION, VNET, ZONE, Method
from tests.component.arm.stub import Answer, Credential, Stub

every_method = pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
every_write = pytest.mark.parametrize("method", [m for m in METHODS if m.writes], ids=lambda m: m.name)


def refusal(status: int, code: str, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"error": {"code": code, "message": "as told"}}, named)


def test_the_table_of_methods_is_complete() -> None:
    arm = Arm(ArmSettings())
    public = {
        f"{name}.{method}"
        for name in (
            "classic",
            "enterprise",
            "connections",
            "new_caches",
            "network",
            "networks",
            "dns",
            "subscriptions",
        )
        for method, _ in inspect.getmembers(getattr(arm, name), inspect.iscoroutinefunction)
        if not method.startswith("_")
    }

    assert {m.name.partition(" ")[0] for m in METHODS} == public - {"classic.replicas", "networks.widen"}


# ── one request per call ────────────────────────────────────────────────────────────────────────


@every_method
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(refusal(429, "SubscriptionRequestsThrottled", Retry_After="1"), id="429 with Retry-After"),
        pytest.param(refusal(429, "TooManyRequests"), id="429"),
        pytest.param(refusal(503, "ServiceUnavailable", Retry_After="1"), id="503 with Retry-After"),
        pytest.param(refusal(409, "Conflict", Retry_After="1"), id="409 with Retry-After"),
        pytest.param(refusal(409, "MissingSubscriptionRegistration"), id="provider not registered"),
        pytest.param(refusal(504, "GatewayTimeout"), id="504"),
        pytest.param(Answer(307, {}, {"Location": "https://elsewhere.example/"}), id="a redirect"),
        pytest.param(refusal(401, "ExpiredAuthenticationToken"), id="401"),
    ],
)
async def test_what_is_no_short_fault_is_asked_exactly_once(
    arm: Arm, stub: Stub, method: Method, answer: Answer
) -> None:
    stub.always = answer

    with pytest.raises(ArmError):
        await method.call(arm)

    assert len(stub.asked) == 1


@every_method
async def test_a_short_fault_is_asked_three_times_and_no_more(arm: Arm, stub: Stub, method: Method) -> None:
    stub.always = refusal(500, "InternalServerError")

    with pytest.raises(ArmError) as caught:
        await method.call(arm)

    assert len(stub.asked) == 3
    assert caught.value.unsure is method.writes


@every_method
async def test_a_lost_connection_is_tried_three_times_and_no_more(arm: Arm, stub: Stub, method: Method) -> None:
    await arm.dns.zone_exists(ZONE)
    stub.asked.clear()
    stub.always = Answer(cut=True)

    with counted() as calls, pytest.raises(ArmError) as caught:
        await method.call(arm)

    assert len(stub.asked) == calls.reads + calls.writes == 3
    assert caught.value.unsure is method.writes


@every_write
async def test_a_write_that_azure_accepts_is_one_request_and_is_never_polled(
    arm: Arm, stub: Stub, method: Method
) -> None:
    url = f"{stub.endpoint}/subscriptions/{SUBSCRIPTION}/operations/1?api-version=1"
    begun = {"Azure-AsyncOperation": url, "Location": url, "Retry-After": "1"}
    puts = any(
        name in method.name
        for name in ("create_endpoint", "zone_group", "new_caches", "networks.", "connections.decide")
    )
    at_once = "of a classic one" in method.name
    stub.always = Answer(200) if at_once else Answer(201 if puts else 202, {}, begun)

    await method.call(arm)

    assert len(stub.asked) == 1


@every_method
async def test_an_absent_resource_is_a_value_to_readers_and_an_error_to_writers(
    arm: Arm, stub: Stub, method: Method
) -> None:
    for absent in (refusal(404, "ResourceNotFound"), Answer(404, {"title": "Not Found", "status": 404})):
        stub.always = absent
        if method.none_if_absent:
            assert not await method.call(arm)
        else:
            with pytest.raises(ArmError) as caught:
                await method.call(arm)
            assert caught.value.absent


@every_method
async def test_a_subscription_out_of_sight_is_not_an_absent_resource(arm: Arm, stub: Stub, method: Method) -> None:
    stub.always = refusal(404, "SubscriptionNotFound")

    with pytest.raises(ArmError) as caught:
        await method.call(arm)

    assert not caught.value.absent


# ── nothing of the SDK leaks ────────────────────────────────────────────────────────────────────


@every_method
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(cut=True), id="connection cut"),
        pytest.param(Answer(half=True), id="half a body"),
        pytest.param(Answer(500, half=True), id="half a body of an error"),
        pytest.param(Answer(200, text="<html>"), id="no JSON, called JSON"),
        pytest.param(Answer(502, text="<html>", headers={"Content-Type": "text/html"}), id="a proxy's 502"),
        pytest.param(Answer(502, text="<html>"), id="a proxy's 502, called JSON"),
        pytest.param(Answer(403, text=""), id="an empty 403"),
        pytest.param(Answer(400, text="null"), id="null"),
        pytest.param(Answer(400, {"error": {"code": None, "message": None}}), id="an error of nulls"),
        pytest.param(Answer(409, {"error": {"details": "text"}}), id="details that are none"),
        pytest.param(Answer(418, {"error": {"code": "NeverSeen", "message": "m"}}), id="unknown"),
    ],
)
async def test_no_exception_of_the_sdk_comes_out(arm: Arm, stub: Stub, method: Method, answer: Answer) -> None:
    stub.always = answer

    outcome = await asyncio.gather(method.call(arm), return_exceptions=True)

    if answer.status >= 400 or answer.cut:
        assert isinstance(outcome[0], ArmError)
        assert outcome[0].__cause__ is not None
    else:
        assert not isinstance(outcome[0], Exception) or isinstance(outcome[0], ArmError)


@every_method
async def test_a_server_that_is_not_there_is_an_error_worth_another_try(credential: Credential, method: Method) -> None:
    from tenacity import wait_none

    from shared.arm import Patience

    arm = Arm(ArmSettings("https://127.0.0.1:1"), credential=credential, patience=Patience(wait_none()))
    with pytest.raises(ArmError) as caught:
        await method.call(arm)
    await arm.close()

    assert (caught.value.retry, caught.value.unsure, caught.value.status) == (Retry.SOON, False, None)


@every_method
@pytest.mark.parametrize(
    "failure",
    [CredentialUnavailableError("no identity here"), ClientAuthenticationError("refused")],
    ids=lambda e: type(e).__name__,
)
async def test_a_missing_identity_is_a_permission_and_reaches_no_wire(
    arm: Arm, stub: Stub, credential: Credential, method: Method, failure: Exception
) -> None:
    credential.failure = failure

    with pytest.raises(ArmError) as caught:
        await method.call(arm)

    assert (caught.value.reason, caught.value.retry) == (Reason.PERMISSION_DENIED, Retry.LATER)
    assert stub.asked == []


async def test_an_unknown_certificate_is_an_error_and_no_token_is_sent(
    stub: Stub, credential: Credential, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    arm = Arm(ArmSettings(stub.endpoint), credential=credential)

    with pytest.raises(ArmError):
        await arm.network.endpoint(ENDPOINT)
    await arm.close()

    assert stub.asked == []


# ── exactly what was meant ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("access", [PublicAccess.DISABLED, PublicAccess.ENABLED])
async def test_a_change_of_public_access_changes_nothing_else_on_the_wire(
    arm: Arm, stub: Stub, access: PublicAccess
) -> None:
    stub.always = Answer(202, CACHE_BODY)

    await arm.classic.set_public_access(CACHE, access)

    assert [(a.method, a.body) for a in stub.asked] == [
        ("PATCH", '{"properties":{"publicNetworkAccess":"' + access.value + '"}}')
    ]
    assert stub.asked[0].headers["Content-Type"] == "application/json"


async def test_the_sdks_own_update_would_have_changed_more() -> None:
    """The reason for the raw body; when this fails, the SDK has become harmless."""
    from azure.mgmt.redis.models import RedisUpdateParameters

    body = RedisUpdateParameters(public_network_access="Disabled").serialize()["properties"]

    assert body == {
        "enableNonSslPort": False,
        "publicNetworkAccess": "Disabled",
        "disableAccessKeyAuthentication": False,
    }


async def test_a_zone_is_created_only_where_there_is_none(arm: Arm, stub: Stub) -> None:
    stub.always = Answer(202, {})

    await arm.dns.create_zone(ZONE)

    assert stub.asked[0].headers["If-None-Match"] == "*"


async def test_requests_carry_our_name_and_one_shared_token(arm: Arm, stub: Stub, credential: Credential) -> None:
    for method in METHODS:
        if method.none_if_absent:
            await method.call(arm)

    assert {a.headers["User-Agent"].split()[0] for a in stub.asked} == {"drawbridge/0.1.0"}
    assert {a.headers["Authorization"] for a in stub.asked} == {"Bearer secret-token"}
    assert credential.scopes == ["https://management.azure.com/.default"]


async def test_every_client_and_subscription_shares_one_connection(arm: Arm, stub: Stub) -> None:
    other = "99999999-2222-3333-4444-555555555555"
    for method in METHODS:
        if method.none_if_absent:
            await method.call(arm)
    stub.always = Answer(200, {"value": []})
    await arm.classic.list_page(other)

    assert len(stub.connections) == 1


async def test_connecting_takes_at_most_5_seconds_and_an_answer_30() -> None:
    from shared.arm.clients import _transport

    async with _transport() as transport:
        assert (transport.connection_config.timeout, transport.connection_config.read_timeout) == (5, 30)


async def test_closing_closes_the_credential_and_may_be_repeated(arm: Arm, stub: Stub, credential: Credential) -> None:
    await arm.dns.zone_exists(ZONE)
    await arm.close()
    await arm.close()

    assert credential.closed
    assert len(stub.asked) == 1


async def test_nothing_of_a_body_or_a_token_is_logged(arm: Arm, stub: Stub, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    keys = {"primaryKey": "c2VjcmV0LWtleQ=="}
    stub.always = Answer(200, {**CACHE_BODY, "properties": {**CACHE_BODY["properties"], "accessKeys": keys}})  # type: ignore[dict-item]

    cache = await arm.classic.get(CACHE)

    assert "c2VjcmV0LWtleQ==" not in caplog.text + repr(cache)
    assert "secret-token" not in caplog.text


# ── pages ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_list_is_read_one_page_per_request(arm: Arm, stub: Stub) -> None:
    path = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Cache/redis"
    following = f"{stub.endpoint}{path}?api-version=2024-11-01&$skiptoken=a%2Bb%3D"
    stub.next = [Answer(200, {"value": [CACHE_BODY], "nextLink": following}), Answer(200, {"value": [CACHE_BODY]})]

    first = await arm.classic.list_page(SUBSCRIPTION)
    assert len(stub.asked) == 1
    second = await arm.classic.list_page(SUBSCRIPTION, first.continuation)

    assert [len(first.items), len(second.items), second.continuation] == [1, 1, None]
    assert [(a.path, a.query) for a in stub.asked] == [
        (path, {"api-version": "2024-11-01"}),
        (path, {"api-version": "2024-11-01", "$skiptoken": "a+b="}),
    ]


@pytest.mark.parametrize(
    "continuation",
    [
        "https://evil.example/subscriptions/11111111-2222-3333-4444-555555555555/providers/Microsoft.Cache/redis",
        "{endpoint}/subscriptions/99999999-2222-3333-4444-555555555555/providers/Microsoft.Cache/redis",
        "/subscriptions/11111111-2222-3333-4444-555555555555/providers/Microsoft.Cache/redis",
        "garbage",
    ],
)
async def test_a_continuation_that_leads_elsewhere_is_refused_before_any_request(
    arm: Arm, stub: Stub, continuation: str
) -> None:
    with pytest.raises(ValueError, match=r"the continuation .* must begin with"):
        await arm.classic.list_page(SUBSCRIPTION, continuation.format(endpoint=stub.endpoint))

    assert stub.asked == []


async def test_an_item_that_even_the_sdk_cannot_read_costs_no_other(arm: Arm, stub: Stub) -> None:
    odd = {**CACHE_BODY, "properties": {"port": "not a number", "sku": {"name": "Premium"}, "shardCount": "many"}}
    stub.always = Answer(200, {"value": [odd, CACHE_BODY]})

    page = await arm.classic.list_page(SUBSCRIPTION)

    assert [c.id for c in page.items] == [CACHE]
    assert len(page.problems) == 1


async def test_subscriptions_are_read_to_the_last_page_and_only_those_in_use(arm: Arm, stub: Stub) -> None:
    def entry(number: int, state: str) -> dict[str, str]:
        return {"subscriptionId": f"{number:08d}-2222-3333-4444-555555555555", "state": state}

    following = f"{stub.endpoint}/subscriptions?api-version=2022-12-01&$skiptoken=2"
    stub.next = [
        Answer(200, {"value": [entry(2, "Enabled"), entry(3, "Disabled")], "nextLink": following}),
        Answer(200, {"value": [entry(1, "Warned"), entry(4, "Deleted")], "nextLink": ""}),
    ]

    assert await arm.subscriptions.readable() == (
        "00000001-2222-3333-4444-555555555555",
        "00000002-2222-3333-4444-555555555555",
    )
    assert [a.query for a in stub.asked] == [
        {"api-version": "2022-12-01"},
        {"api-version": "2022-12-01", "$skiptoken": "2"},
    ]


async def test_subscriptions_under_a_management_group_are_told_from_the_groups_there(arm: Arm, stub: Stub) -> None:
    stub.always = Answer(
        200,
        {
            "value": [
                {"type": "Microsoft.Management/managementGroups", "name": "corp-online"},
                {"type": "Microsoft.Management/managementGroups/subscriptions", "name": SUBSCRIPTION.upper()},
                {"type": "/subscriptions", "name": SUBSCRIPTION},
            ]
        },
    )

    assert await arm.subscriptions.under("corp/../x") == (SUBSCRIPTION,)
    assert stub.asked[0].path.endswith("/managementGroups/corp/../x/descendants")


async def test_a_next_link_that_leads_elsewhere_gets_no_token(arm: Arm, stub: Stub) -> None:
    stub.always = Answer(200, {"value": [], "nextLink": "https://evil.example/subscriptions?x"})

    with pytest.raises(ValueError, match="must begin with"):
        await arm.subscriptions.readable()
    assert len(stub.asked) == 1


@pytest.mark.parametrize(
    "spelling", [str(VNET), str(VNET).upper(), str(VNET).replace("resourceGroups", "resourcegroups")]
)
async def test_a_link_is_found_under_any_name_and_spelling(arm: Arm, stub: Stub, spelling: str) -> None:
    def link(network: str) -> dict[str, Any]:
        return {"name": "whatever", "properties": {"virtualNetwork": {"id": network}}}

    other = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/spoke"
    stub.always = Answer(200, {"value": [link(other), link(spelling), {"name": "broken"}]})
    assert await arm.dns.link_exists(ZONE, VNET)

    stub.always = Answer(200, {"value": [link(other)]})
    assert not await arm.dns.link_exists(ZONE, VNET)


# ── counting ────────────────────────────────────────────────────────────────────────────────────


async def test_reads_writes_and_throttles_are_counted_as_sent(arm: Arm, stub: Stub) -> None:
    stub.next = [refusal(500, "InternalServerError"), Answer(200, CACHE_BODY), Answer(202, CACHE_BODY)]
    with counted() as first:
        await arm.classic.get(CACHE)
        await arm.classic.set_public_access(CACHE, PublicAccess.DISABLED)
    stub.always = refusal(429, "TooManyRequests")
    with counted() as second, pytest.raises(ArmError):
        await arm.classic.get(CACHE)

    assert (first.reads, first.writes, first.throttles) == (2, 1, 0)
    assert (second.reads, second.writes, second.throttles) == (1, 0, 1)
    assert (arm.calls.reads, arm.calls.writes, arm.calls.throttles) == (3, 1, 1)


async def test_a_lock_that_calls_itself_a_429_is_no_throttling(arm: Arm, stub: Stub) -> None:
    stub.always = refusal(429, "RetryableError")

    with pytest.raises(ArmError):
        await arm.network.put_zone_group(ENDPOINT, "default", ZONE)

    assert arm.calls.throttles == 0


async def test_calls_of_passes_that_run_at_the_same_time_are_counted_apart(arm: Arm, stub: Stub) -> None:
    async def one_pass(reads: int) -> int:
        with counted() as counts:
            await asyncio.gather(*[arm.dns.zone_exists(ZONE) for _ in range(reads)])
        return counts.reads

    assert tuple(await asyncio.gather(one_pass(2), one_pass(3))) == (2, 3)
    assert arm.calls.reads == len(stub.asked) == 5
