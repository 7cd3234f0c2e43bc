"""Tokens, certificates, control routes and the topic, over the wire."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import time
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from azure.core.exceptions import HttpResponseError
from azure.core.messaging import CloudEvent
from azure.eventgrid.aio import EventGridPublisherClient
from azure.identity.aio import ManagedIdentityCredential

from local.azure.callers import APP, OPERATOR
from local.azure.calls import Json
from local.azure.emulator import Emulator, EmulatorOptions
from local.azure.faults import Match, Problem, Reset, Slow
from tests.component.azure.fleet import CACHE, CACHES, SEED, cache

if TYPE_CHECKING:
    from tests.component.azure.conftest import Clients

URL = f"{CACHE}?api-version=2024-11-01"


def _claims(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return claims


async def _get(azure: Emulator, token: str | None) -> tuple[int, str]:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with azure.trusting_session() as session, session.get(azure.arm_url + URL, headers=headers) as answer:
        body = await answer.json()
        return answer.status, body.get("error", {}).get("code", "")


async def test_the_apps_token_says_who_it_is(clients: Clients) -> None:
    token = await clients.credential.get_token("https://management.azure.com/.default")
    claims = _claims(token.token)
    assert (claims["oid"], claims["appid"], claims["tid"]) == (APP.object_id, APP.app_id, APP.tenant_id)
    assert claims["aud"] == "https://management.azure.com"
    assert token.expires_on > time.time() + 3000


async def test_imds_gives_a_token_too(azure: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IDENTITY_ENDPOINT")
    monkeypatch.delenv("IDENTITY_HEADER")
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", azure.imds_url)
    async with ManagedIdentityCredential() as credential:
        token = await credential.get_token("https://management.azure.com/.default")
    assert _claims(token.token)["oid"] == APP.object_id


async def test_identity_refuses_who_lacks_the_secret(azure: Emulator) -> None:
    url = f"{azure.identity_url}?api-version=2019-08-01&resource=x"
    async with aiohttp.ClientSession() as session, session.get(url, headers={"X-IDENTITY-HEADER": "no"}) as answer:
        assert answer.status == 401


async def test_only_living_tokens_of_its_own_are_taken(azure: Emulator) -> None:
    good, _ = azure.tokens.issue(OPERATOR, "x")
    expired, _ = azure.tokens.issue(OPERATOR, "x", lifetime=-10)
    assert await _get(azure, good) == (200, "")
    assert await _get(azure, None) == (401, "AuthenticationFailed")
    assert await _get(azure, good[:-2]) == (401, "InvalidAuthenticationToken")
    assert await _get(azure, expired) == (401, "ExpiredAuthenticationToken")


async def test_the_certificate_stands_openssls_strict_check(azure: Emulator) -> None:
    leaf = azure.authority.certificate_file
    check = await asyncio.create_subprocess_exec(
        "openssl", "verify", "-x509_strict", "-CAfile", str(azure.ca_file), str(leaf), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await check.communicate()
    assert output.decode().strip().endswith("OK")


async def test_async_urls_are_absolute_and_as_long_as_azures(azure: Emulator) -> None:
    token, _ = azure.tokens.issue(OPERATOR, "x")
    headers = {"Authorization": f"Bearer {token}"}
    body = {"properties": {"publicNetworkAccess": "Disabled"}}
    async with azure.trusting_session() as session:
        async with session.patch(azure.arm_url + URL, headers=headers, json=body) as answer:
            where = answer.headers["Azure-AsyncOperation"]
        assert where.startswith(f"{azure.arm_url}/subscriptions/")
        assert 3500 < len(where) < 6000
        async with session.get(where, headers=headers) as answer:
            assert (await answer.json())["status"] in {"InProgress", "Succeeded"}


async def test_a_body_that_is_no_json_is_refused(azure: Emulator) -> None:
    token, _ = azure.tokens.issue(OPERATOR, "x")
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        azure.trusting_session() as session,
        session.patch(azure.arm_url + URL, headers=headers, data="{") as answer,
    ):
        assert (answer.status, (await answer.json())["error"]["code"]) == (400, "InvalidRequestContent")


async def test_a_reset_ends_the_connection_after_the_work(azure: Emulator) -> None:
    azure.faults.add(Reset(after_write=True), Match(method="PATCH"))
    token, _ = azure.tokens.issue(OPERATOR, "x")
    headers = {"Authorization": f"Bearer {token}"}
    async with azure.trusting_session() as session:
        with pytest.raises(aiohttp.ClientError):
            await session.patch(azure.arm_url + URL, headers=headers, json={"tags": {"a": "b"}})
    assert cache(azure.world).tags == {"a": "b"}


async def test_a_slow_answer_takes_its_time(azure: Emulator) -> None:
    azure.faults.add(Slow(0.3))
    token, _ = azure.tokens.issue(OPERATOR, "x")
    before = time.monotonic()
    await _get(azure, token)
    assert time.monotonic() - before >= 0.3


async def test_a_problem_comes_as_problem_json(azure: Emulator, clients: Clients) -> None:
    azure.faults.add(Problem(404))
    with pytest.raises(HttpResponseError) as refused:
        await clients.redis.redis.get("rg-cache", "cache-a")
    assert refused.value.status_code == 404
    assert refused.value.error is None or refused.value.error.code is None


# Control


async def _control(azure: Emulator, method: str, path: str, body: object = None) -> tuple[int, Any]:
    async with (
        azure.trusting_session() as session,
        session.request(method, f"{azure.arm_url}/_emulator{path}", json=body) as answer,
    ):
        text = await answer.text()
        return answer.status, json.loads(text) if text else None


async def test_the_outside_hand_acts_through_control_routes(azure: Emulator) -> None:
    assert (await _control(azure, "POST", "/reset"))[0] == 204
    assert azure.world.show(CACHE) is None
    status, planted = await _control(azure, "POST", "/seed", SEED)
    assert (status, len(planted["caches"])) == (201, 5)
    _, token = await _control(azure, "POST", "/token", {"who": "operator"})
    assert await _get(azure, token["access_token"]) == (200, "")
    _, counts = await _control(azure, "GET", f"/counts?caller={OPERATOR.object_id}")
    assert counts == {"reads": 1, "writes": 0, "resources": {CACHE.lower(): {"reads": 1, "writes": 0}}}
    _, journal = await _control(azure, "GET", "/journal?path=cache-a&method=get")
    assert [entry["status"] for entry in journal["value"]] == [200]


async def test_faults_are_added_and_cleared_by_control(azure: Emulator) -> None:
    token, _ = azure.tokens.issue(OPERATOR, "x")
    fault = {"effect": {"effect": "busy"}, "match": {"path": "cache-a"}}
    _, added = await _control(azure, "POST", "/faults", fault)
    assert await _get(azure, token) == (409, "Conflict")
    _, listed = await _control(azure, "GET", "/faults")
    assert listed["value"][0]["met"] == 1
    await _control(azure, "DELETE", f"/faults/{added['number']}")
    assert await _get(azure, token) == (200, "")


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/seed", {"caches": [{"name": "x"}]}, "subscription"),
        ("/faults", {"effect": {"effect": "busi"}}, "busi"),
        ("/faults", [], "JSON object"),
    ],
)
async def test_control_says_what_is_wrong(azure: Emulator, path: str, body: object, said: str) -> None:
    status, answer = await _control(azure, "POST", path, body)
    assert status == 400
    assert said in answer["error"]["message"]


async def test_events_and_time_are_read_back_by_control(azure: Emulator) -> None:
    azure.request("PATCH", URL, {"tags": {"a": "b"}})
    _, events = await _control(azure, "GET", "/events?operation=redis/write")
    assert [event["subject"] for event in events["value"]] == [CACHE]
    _, moment = await _control(azure, "GET", "/time")
    assert moment["scale"] == 500


async def test_things_happen_on_time_without_anybody_looking(azure: Emulator) -> None:
    azure.request("PATCH", URL, {"properties": {"publicNetworkAccess": "Disabled"}})
    heard: asyncio.Queue[str] = asyncio.Queue()
    azure.world.listeners.append(lambda event: heard.put_nowait(event.operation))
    assert await asyncio.wait_for(heard.get(), 5) == "Microsoft.Cache/redis/write"


async def test_two_worlds_of_one_seed_are_alike() -> None:
    seen = []
    for _ in range(2):
        async with Emulator.start(EmulatorOptions(seed=3)) as azure:
            azure.world.seed(SEED)
            seen.append([azure.world.uuid() for _ in range(5)])
    assert seen[0] == seen[1]


# Topic


def _event(number: str = "1") -> CloudEvent[Json]:
    return CloudEvent(source="/drawbridge", type="Drawbridge.Cache.Blocked", subject=CACHES, data={"a": 1}, id=number)


async def test_the_topic_keeps_what_is_published(azure: Emulator, clients: Clients) -> None:
    async with EventGridPublisherClient(azure.topic_url, clients.credential) as publisher:
        await publisher.send([_event("1"), _event("2")])
        await publisher.send(_event("2"))
    assert [event["id"] for event in azure.topic.events] == ["1", "2", "2"]
    assert azure.topic.published[0].caller == APP
    _, shown = await _control(azure, "GET", "/topic")
    assert shown["value"][0]["data"] == {"a": 1}


@pytest.mark.parametrize("kept", [True, False])
async def test_the_topic_fails_with_or_without_keeping(azure: Emulator, clients: Clients, kept: bool) -> None:
    azure.topic.fail(503, kept=kept)
    async with EventGridPublisherClient(azure.topic_url, clients.credential, retry_total=0) as publisher:
        with pytest.raises(HttpResponseError):
            await publisher.send(_event())
        await publisher.send(_event())
    assert len(azure.topic.events) == 1 + kept


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ([{"id": "1", "source": "s", "type": "t", "specversion": "1.0"}], "application/json", 400),
        ([{"id": "1", "source": "s", "type": "t"}], "application/cloudevents-batch+json", 400),
        ([{"id": "1", "source": "s", "type": "t", "specversion": "0.3"}], "application/cloudevents-batch+json", 400),
        ({"id": "1"}, "application/cloudevents-batch+json", 400),
        ([{"id": "x" * 1_100_000}], "application/cloudevents-batch+json", 413),
    ],
)
async def test_the_topic_refuses_what_event_grid_would(
    azure: Emulator, body: object, content_type: str, status: int
) -> None:
    token, _ = azure.tokens.issue(APP, "https://eventgrid.azure.net")
    headers = {"Authorization": f"Bearer {token}", "Content-Type": content_type}
    url = f"{azure.topic_url}?api-version=2018-01-01"
    async with (
        azure.trusting_session() as session,
        session.post(url, headers=headers, data=io.BytesIO(json.dumps(body).encode())) as answer,
    ):
        assert answer.status == status
    assert azure.topic.events == []
