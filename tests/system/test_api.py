"""What a pipeline is told over HTTP: one resource to PUT and to GET, errors of one shape, and reads that only read."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from local import fleet
from local.azure.callers import APP
from local.azure.faults import Denied
from local.azure.seeds import CacheSeed, ClusterSeed
from local.azurite import Azurite
from local.stage import eventually
from shared.ids import CacheId
from shared.store.requests import StoredRequest
from tests.system.calling import Pipeline, at_rest, path
from tests.system.scene import Scene, playing, scene, with_rules
from tests.unit.api.calling import principal

pytestmark = [pytest.mark.emulator_only, pytest.mark.asyncio(loop_scope="module")]

ENROLLED = {"drawbridge": "private"}
NOBODYS = "99999999-0000-1111-2222-333333333333"
JSDOM = Path(__file__).parents[2] / ".dev" / "tools" / "jsdom"
CACHES: tuple[CacheSeed | ClusterSeed, ...] = (
    CacheSeed(fleet.APPS, "rg-shop", "plain"),
    CacheSeed(fleet.APPS, "rg-shop", "willing"),
    CacheSeed(fleet.APPS, "rg-shop", "asked"),
    CacheSeed(fleet.APPS, "rg-shop", "cramped"),
    CacheSeed(fleet.APPS, "rg-shop", "hidden"),
    CacheSeed(fleet.APPS, "rg-lockdown", "locked", tags=ENROLLED),
    CacheSeed(fleet.APPS, "rg-lockdown", "relocked", tags=ENROLLED),
    CacheSeed(fleet.APPS, "MC_nodes", "excluded"),
    ClusterSeed(fleet.APPS, "rg-shop", "cluster"),
    CacheSeed(fleet.APPS, "rg-shop", "twin"),
    ClusterSeed(fleet.APPS, "rg-shop", "twin"),
    ClusterSeed(fleet.APPS, "rg-shop", "unread"),
    CacheSeed(fleet.APPS, "rg-shop", "legible"),
    *(CacheSeed(fleet.APPS, "rg-shop", name) for name in ("forged", "idle", "awaited", "crowded", "lonely", "raced")),
)


def policy() -> str:
    zones = f"{{zones: {{{fleet.ZONE}: {fleet.ZONE_ID}}}}}"
    where = f"region: westeurope, subnet: {fleet.subnet_id('weu')}"
    group = f"endpointResourceGroup: /subscriptions/{fleet.HUB}/resourceGroups/rg-hub-weu"
    others = f"  others: {{{where}, {group}, dns: {zones}, for: {{subscriptions: [{fleet.HUB}]}}}}\n"
    return with_rules(fleet.policy(), "{match: {resourceGroups: [rg-lockdown]}, lastEndpoint: lockdown}") + others


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pipeline(azurite: Azurite) -> AsyncIterator[Pipeline]:
    """Give a caller of an app that has swept once, so that it knows what is in scope."""
    async with scene(playing(azurite, *CACHES, policy=policy())) as at, aiohttp.ClientSession() as session:
        await at.swept()
        at.wear(fleet.cache_id("willing"), ENROLLED)
        yield Pipeline(at, session)


# ── the dry run ─────────────────────────────────────────────────────────────────────────────────


async def test_a_read_of_a_cache_shows_what_is_seen_wanted_and_planned(pipeline: Pipeline) -> None:
    reply = await pipeline.ask("GET", path("willing"))

    assert reply.status == 200
    assert reply.body["observed"]["publicNetworkAccess"] == "Enabled"
    assert reply.body["observed"]["tags"] == ENROLLED
    assert reply.body["desired"]["enrolled"] is True
    assert reply.body["desired"]["placements"] == ["weu-prod"]
    (action,) = reply.body["plan"]["actions"]
    assert action.startswith("make endpoint pe-willing-")
    assert reply.body["verdict"] is None


async def test_a_read_of_a_cache_writes_nothing_anywhere(pipeline: Pipeline) -> None:
    since = await at_rest(pipeline)
    await pipeline.ask("GET", path("willing"))

    assert pipeline.at.all_writes(since) == []
    assert await pipeline.at.stage.row(fleet.cache_id("willing")) is None
    assert await pipeline.at.waiting() == 0


async def test_a_read_of_a_cache_that_nothing_is_asked_of_says_so(pipeline: Pipeline) -> None:
    reply = await pipeline.ask("GET", path("plain"))

    assert reply.body["desired"]["enrolled"] is False
    assert reply.body["plan"] == {
        "actions": [],
        "verdict": {"verdict": "Compliant", "message": "Nothing is asked of it."},
    }


# ── an endpoint is asked for ────────────────────────────────────────────────────────────────────


async def test_an_endpoint_that_is_asked_for_becomes_ready_at_the_same_url(pipeline: Pipeline) -> None:
    at, cache, url = pipeline.at, fleet.cache_id("asked"), path("asked") + "/endpoints/weu-prod"
    first = await pipeline.ask("PUT", url)

    assert (first.status, first.body["state"]) == (202, "Converging")
    assert int(first.headers["Retry-After"]) > 0
    await eventually(lambda: _answers(pipeline, url, 200), 30, "the endpoint to be ready")
    ready = (await pipeline.ask("GET", url)).body
    assert ready["state"] == "Ready"
    assert at.private(cache)
    (endpoint,) = at.endpoints(cache)
    assert ready["endpoint"].lower() == endpoint.id.lower()


async def test_asking_again_changes_nothing(pipeline: Pipeline) -> None:
    url = path("asked") + "/endpoints/weu-prod"
    await pipeline.ask("PUT", url)
    await eventually(lambda: _answers(pipeline, url, 200), 30, "the endpoint to be ready")
    since = await at_rest(pipeline)

    assert (await pipeline.ask("PUT", url, b"{}")).status == 200
    await at_rest(pipeline)
    assert pipeline.at.writes(fleet.cache_id("asked"), since) == []


async def test_looking_at_an_endpoint_costs_azure_nothing(pipeline: Pipeline) -> None:
    url = path("asked") + "/endpoints/weu-prod"
    await pipeline.ask("PUT", url)
    await eventually(lambda: _answers(pipeline, url, 200), 30, "the endpoint to be ready")
    since = await at_rest(pipeline)

    for _ in range(5):
        await pipeline.ask("GET", url)
    assert pipeline.at.stage.azure.world.journal.entries(caller=APP.object_id, since=since) == []


async def test_what_will_never_be_ready_is_a_conflict_with_a_reason(pipeline: Pipeline) -> None:
    url = path("cramped") + "/endpoints/weu-full"
    assert (await pipeline.ask("PUT", url)).status == 202

    await eventually(lambda: _answers(pipeline, url, 409), 30, "the endpoint to be blocked")
    blocked = (await pipeline.ask("GET", url)).body
    assert (blocked["state"], blocked["verdict"], blocked["reason"]) == ("Blocked", "Blocked", "SubnetFull")
    assert "does not have enough capacity" in blocked["message"]
    assert blocked["help"] == "docs/reasons.md#subnetfull"


async def _answers(pipeline: Pipeline, url: str, status: int) -> bool:
    return (await pipeline.ask("GET", url)).status == status


async def locked_down(at: Scene, name: str) -> str:
    """Let a private cache lose its endpoint where the policy locks it down then."""
    cache = fleet.cache_id(name, "rg-lockdown")
    at.tag(cache, {"touched": "yes"})
    await at.until_private(cache)
    at.lose_endpoint(cache)
    await at.until_blocked(cache, "LockedDown")
    return cache


async def test_a_request_is_not_answered_by_what_was_found_before_it(pipeline: Pipeline) -> None:
    await locked_down(pipeline.at, "locked")

    reply = await pipeline.ask("PUT", path("locked", "rg-lockdown") + "/endpoints/weu-prod")

    assert (reply.status, reply.body["state"]) == (202, "Converging")


async def test_each_new_request_ends_the_lockdown_before_it(pipeline: Pipeline) -> None:
    at, url = pipeline.at, path("relocked", "rg-lockdown") + "/endpoints/weu-prod"
    for _ in range(2):
        cache = await locked_down(at, "relocked")
        await pipeline.ask("PUT", url)
        await at.until_private(cache)


# ── which cache is meant ────────────────────────────────────────────────────────────────────────


async def test_a_cluster_is_found_by_its_name_alone_and_attached(pipeline: Pipeline) -> None:
    at, cluster, url = pipeline.at, fleet.cluster_id("cluster"), path("cluster") + "/endpoints/weu-prod"
    shown = await pipeline.ask("GET", path("cluster"))
    first = await pipeline.ask("PUT", url)

    assert (shown.status, shown.body["id"], shown.body["observed"]["kind"]) == (200, cluster, "managed")
    assert (first.status, first.body["id"]) == (202, cluster)
    await eventually(lambda: _answers(pipeline, url, 200), 30, "the endpoint to be ready")
    assert at.private(cluster)


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_a_name_that_two_caches_have_is_refused_until_the_kind_is_said(pipeline: Pipeline, method: str) -> None:
    since = await at_rest(pipeline)
    reply = await pipeline.ask(method, path("twin") + ("/endpoints/weu-prod" if method == "PUT" else ""))

    code, message = reply.error
    assert (reply.status, code, reply.body["error"]["target"]) == (400, "InvalidRequest", "kind")
    assert "?kind=classic or ?kind=managed" in message
    assert pipeline.at.all_writes(since) == []


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("classic", fleet.cache_id("twin")),
        ("managed", fleet.cluster_id("twin")),
        ("enterprise", fleet.cluster_id("twin")),
        ("Managed", fleet.cluster_id("twin")),
    ],
)
async def test_the_kind_says_which_of_two_caches_is_meant(pipeline: Pipeline, kind: str, expected: str) -> None:
    reply = await pipeline.ask("GET", path("twin") + f"?kind={kind}")

    assert (reply.status, reply.body["id"]) == (200, expected)


async def test_an_endpoint_that_both_of_two_caches_were_asked_for_is_looked_at_by_kind(pipeline: Pipeline) -> None:
    url = path("twin") + "/endpoints/weu-prod"
    for kind in ("classic", "managed"):
        assert (await pipeline.ask("PUT", f"{url}?kind={kind}")).status == 202

    assert (await pipeline.ask("GET", url)).error[0] == "InvalidRequest"
    for kind, cache in (("classic", fleet.cache_id("twin")), ("managed", fleet.cluster_id("twin"))):
        assert (await pipeline.ask("GET", f"{url}?kind={kind}")).body["id"] == cache


async def test_a_kind_of_another_product_is_refused_with_those_that_there_are(pipeline: Pipeline) -> None:
    reply = await pipeline.ask("GET", path("twin") + "?kind=memcached")

    code, message = reply.error
    assert (reply.status, code, reply.body["error"]["target"]) == (400, "InvalidRequest", "kind")
    assert "'memcached'" in message
    assert "classic, managed, enterprise" in message


async def test_a_type_that_may_not_be_read_does_not_hide_the_other(pipeline: Pipeline) -> None:
    faults = pipeline.at.stage.azure.faults
    clusters = faults.add(Denied("Microsoft.Cache/redisEnterprise/read", fleet.cluster_id("legible")))
    caches = faults.add(Denied("Microsoft.Cache/redis/read", fleet.cache_id("unread")))

    classic, cluster = await pipeline.ask("GET", path("legible")), await pipeline.ask("GET", path("unread"))
    faults.clear(clusters)
    faults.clear(caches)

    assert [each.body["observed"]["kind"] for each in (classic, cluster)] == ["classic", "managed"]


# ── refusals ────────────────────────────────────────────────────────────────────────────────────

ENDPOINT = path("plain") + "/endpoints/weu-prod"
BAD_PATHS = {
    "not-a-guid": path("plain", subscription="apps"),
    "group-with-a-final-dot": path("plain", "rg-shop."),
    "name-with-an-underscore": path("pla_in"),
    "name-too-long": path("x" * 64),
    "name-that-ends-in-a-hyphen": path("plain-"),
}
BAD_BODIES = {
    "unknown-field": (b'{"colour": "red"}', 400, "colour", "there is no such key here"),
    "not-json": (b"{", 400, "body", "not JSON"),
    "not-an-object": (b"[]", 400, "body", "JSON object"),
    "too-large": (b'{"x": "' + b"x" * 70_000 + b'"}', 413, "body", "65536 are allowed"),
}


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize("what", BAD_PATHS)
async def test_an_id_that_cannot_be_one_is_quoted_and_put_right(pipeline: Pipeline, method: str, what: str) -> None:
    since = await at_rest(pipeline)
    suffix = "/endpoints/weu-prod" if method == "PUT" else ""
    reply = await pipeline.ask(method, BAD_PATHS[what] + suffix)

    code, message = reply.error
    assert (reply.status, code) == (400, "InvalidId")
    assert " is not " in message
    assert pipeline.at.now == since


@pytest.mark.parametrize("what", BAD_BODIES)
async def test_a_body_that_asks_for_something_unknown_is_refused_and_says_what_is_wrong(
    pipeline: Pipeline, what: str
) -> None:
    body, status, target, words = BAD_BODIES[what]
    reply = await pipeline.ask("PUT", ENDPOINT, body)

    assert (reply.status, reply.body["error"]["target"]) == (status, target)
    assert words in reply.error[1]
    assert pipeline.at.writes(fleet.cache_id("plain")) == []


async def test_a_placement_that_is_not_in_the_policy_is_refused_with_those_that_are(pipeline: Pipeline) -> None:
    reply = await pipeline.ask("PUT", path("plain") + "/endpoints/atlantis")

    code, message = reply.error
    assert (reply.status, code, reply.body["error"]["target"]) == (400, "InvalidRequest", "placement")
    assert "'atlantis'" in message
    assert "weu-prod" in message


async def test_a_placement_that_is_for_others_is_refused(pipeline: Pipeline) -> None:
    reply = await pipeline.ask("PUT", path("plain") + "/endpoints/others")

    code, message = reply.error
    assert (reply.status, code) == (400, "InvalidRequest")
    assert "not for this cache" in message


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize(
    "where",
    [
        pytest.param(path("excluded", "MC_nodes"), id="excluded-group"),
        pytest.param(path("plain", subscription=NOBODYS), id="unknown-subscription"),
    ],
)
async def test_what_is_out_of_scope_is_not_found_and_not_asked_about(
    pipeline: Pipeline, method: str, where: str
) -> None:
    since = await at_rest(pipeline)
    reply = await pipeline.ask(method, where + ("/endpoints/weu-prod" if method == "PUT" else ""))

    code, message = reply.error
    assert (reply.status, code) == (404, "ResourceNotFound")
    assert "was not found, or is out of scope" in message
    assert [e for e in pipeline.at.stage.azure.world.journal.entries(since=since) if NOBODYS in e.path] == []
    assert pipeline.at.calls(fleet.cache_id("excluded", "MC_nodes")) == []


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_a_cache_that_does_not_exist_looks_the_same(pipeline: Pipeline, method: str) -> None:
    reply = await pipeline.ask(method, path("nowhere") + ("/endpoints/weu-prod" if method == "PUT" else ""))

    code, message = reply.error
    assert (reply.status, code) == (404, "ResourceNotFound")
    assert "was not found, or is out of scope" in message


async def test_an_endpoint_that_nobody_asked_for_is_not_found(pipeline: Pipeline) -> None:
    reply = await pipeline.ask("GET", path("plain") + "/endpoints/neu-prod")

    assert (reply.status, reply.error[0]) == (404, "ResourceNotFound")


async def test_a_refusal_of_azure_is_passed_on_with_its_code_and_the_operation(pipeline: Pipeline) -> None:
    pipeline.at.stage.azure.faults.add(Denied("Microsoft.Cache/redis/read", fleet.cache_id("hidden")))
    reply = await pipeline.ask("GET", path("hidden"))

    code, message = reply.error
    assert (reply.status, code) == (502, "AuthorizationFailed")
    assert reply.body["error"]["target"] == "Microsoft.Cache/redis/read"
    assert "does not have authorization" in message


@pytest.mark.parametrize("key", ["", "not-the-key"])
@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_without_the_key_nothing_is_answered(pipeline: Pipeline, method: str, key: str) -> None:
    since = await at_rest(pipeline)
    url = ENDPOINT if method == "PUT" else path("plain")

    assert (await pipeline.ask(method, url, key=key)).status == 401
    assert pipeline.at.now == since


# ── what all calls have in common ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("method", "where", "status"), [("GET", "nothing/here", 404), ("DELETE", "health", 405)])
async def test_what_is_no_operation_is_refused_like_everything_else(
    pipeline: Pipeline, method: str, where: str, status: int
) -> None:
    reply = await pipeline.ask(method, where)

    assert (reply.status, bool(reply.error[1])) == (status, True)
    assert reply.headers["x-ms-request-id"]
    assert (await pipeline.ask(method, where, key="")).status == 401


async def test_out_of_scope_is_answered_to_the_letter_as_what_does_not_exist(pipeline: Pipeline) -> None:
    for method, below in (("GET", ""), ("GET", "/endpoints/weu-prod"), ("PUT", "/endpoints/atlantis")):
        absent = await pipeline.ask(method, path("nowhere", "rg-shop") + below)
        outside = await pipeline.ask(method, path("nowhere", "MC_nodes") + below)

        assert outside.status == absent.status == 404
        assert outside.body == json.loads(json.dumps(absent.body).replace("rg-shop", "MC_nodes"))


async def test_the_api_describes_itself(pipeline: Pipeline) -> None:
    told = await pipeline.ask("GET", "openapi.json")
    page = await pipeline.ask("GET", "docs")

    assert (told.status, told.body["openapi"]) == (200, "3.1.0")
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")


async def test_a_header_that_names_a_principal_is_not_believed_outside_of_the_platform(pipeline: Pipeline) -> None:
    forged = {"x-ms-client-principal": principal("Drawbridge.Admin", name="mallory")}
    url = path("forged") + "/endpoints/weu-prod"

    assert (await pipeline.ask("PUT", url, headers=forged)).status == 202
    request = await pipeline.at.stage.store.requests.get(CacheId.parse(fleet.cache_id("forged")), "weu-prod")
    assert request
    assert request.requested_by == "a holder of the function key"


# ── waiting, rehearsing, racing ─────────────────────────────────────────────────────────────────


async def test_an_answer_can_be_held_until_the_endpoint_is_ready(pipeline: Pipeline) -> None:
    url = path("awaited") + "/endpoints/weu-prod?wait=60"
    reply = await pipeline.ask("PUT", url)

    assert (reply.status, reply.body["state"]) == (200, "Ready")
    assert pipeline.at.private(fleet.cache_id("awaited"))


async def test_a_hundred_and_fifty_who_wait_cost_azure_nothing_and_keep_no_pass_from_ending(pipeline: Pipeline) -> None:
    at, url = pipeline.at, path("crowded") + "/endpoints/weu-prod"
    alone = at.now
    await pipeline.ask("PUT", path("lonely") + "/endpoints/weu-prod?wait=60")
    calls_alone = len(at.calls(fleet.cache_id("lonely"), alone))
    crowd = at.now
    await pipeline.ask("PUT", url)

    answers = await asyncio.gather(*(pipeline.ask("GET", url + "?wait=60") for _ in range(150)))

    assert {answer.status for answer in answers} == {200}
    assert len(at.calls(fleet.cache_id("crowded"), crowd)) <= calls_alone + 4


async def test_when_the_time_is_up_it_is_told_as_it_stands(pipeline: Pipeline) -> None:
    url = path("idle") + "/endpoints/weu-prod?wait=1"
    request = StoredRequest(CacheId.parse(fleet.cache_id("idle")), "weu-prod", "nobody", datetime.now(UTC))
    await pipeline.at.stage.store.requests.put(request)
    reply = await pipeline.ask("GET", url)

    assert (reply.status, reply.body["step"]) == (202, "the request waits for its first pass")


async def test_a_rehearsal_says_what_would_be_done_and_stores_nothing(pipeline: Pipeline) -> None:
    cache, url = fleet.cache_id("plain"), path("plain") + "/endpoints/weu-prod?dryRun=true"
    since = await at_rest(pipeline)
    reply = await pipeline.ask("PUT", url)

    assert (reply.status, reply.body["dryRun"]) == (200, True)
    assert reply.body["stored"].endswith("would be stored")
    (action,) = reply.body["plan"]["actions"]
    assert action.startswith("make endpoint pe-plain-")
    assert pipeline.at.all_writes(since) == []
    assert await pipeline.at.stage.store.requests.of_cache(CacheId.parse(cache)) == []
    assert await pipeline.at.waiting() == 0


async def test_of_two_who_create_one_wins_and_the_other_is_told(pipeline: Pipeline) -> None:
    url = path("raced") + "/endpoints/weu-prod"
    absent = {"If-None-Match": "*"}
    answers = await asyncio.gather(*(pipeline.ask("PUT", url, headers=absent) for _ in range(4)))

    assert sorted(answer.status for answer in answers) == [202, 412, 412, 412]
    winner = next(answer for answer in answers if answer.status == 202)
    again = await pipeline.ask("PUT", url, headers={"If-Match": winner.headers["ETag"]})
    late = await pipeline.ask("PUT", url, headers={"If-Match": '"0123456789abcdef"'})
    assert again.status in {200, 202}
    assert (late.status, late.error[0]) == (412, "PreconditionFailed")


# ── health ──────────────────────────────────────────────────────────────────────────────────────


async def test_health_needs_no_key_and_costs_azure_nothing(pipeline: Pipeline) -> None:
    since = await at_rest(pipeline)
    reply = await pipeline.ask("GET", "health", key="")

    assert (reply.status, reply.body) == (200, {"status": "ok", "problems": []})
    assert pipeline.at.now == since


async def test_a_policy_that_cannot_be_used_shows_in_health_and_its_text_does_not(azurite: Azurite) -> None:
    broken = fleet.policy().replace("mode: enforce", "mode: enforcee")
    options = replace(playing(azurite), policy=broken)
    async with scene(options) as at, aiohttp.ClientSession() as session:
        reply = await Pipeline(at, session).ask("GET", "health", key="")

    assert reply.status == 503
    assert reply.body == {"status": "failing", "problems": ["the policy cannot be used"]}


# ── the dashboard ───────────────────────────────────────────────────────────────────────────────


async def test_the_dashboard_of_the_running_app_shows_a_cache_and_what_happened_to_it(pipeline: Pipeline) -> None:
    await pipeline.ask("PUT", path("asked") + "/endpoints/weu-prod?wait=60")
    app = pipeline.at.stage.app

    seen = await _dashboard(f"{app.url}/api/dashboard", app.function_key, "asked")

    assert seen["problems"] == []
    assert [each for each in seen["asked"] if each[1] != 200] == [["/api/sweeps", 401]]
    assert {"/api/health", "/api/sweeps", "/api/subscriptions", "/api/caches"} < {each[0] for each in seen["asked"]}
    assert seen["said"]["health"] == "✓ can work"
    assert "2 subscriptions" in seen["said"]["sweep"]
    assert "2 subscriptions in scope" in seen["said"]["subscriptions"]
    assert "make endpoint pe-asked-" in seen["said"]["cache"]


async def _dashboard(*arguments: str) -> Any:  # noqa: ANN401 - JSON
    node = shutil.which("node")
    if node is None or not (JSDOM / "node_modules").is_dir():
        pytest.skip("jsdom is not installed: ./dev test sees to that")
    script = str(Path(__file__).with_name("dashboard.mjs"))
    environment = {**os.environ, "JSDOM": str(JSDOM)}
    pipe = asyncio.subprocess.PIPE
    running = await asyncio.create_subprocess_exec(node, script, *arguments, env=environment, stdout=pipe, stderr=pipe)
    told, error = await running.communicate()
    assert running.returncode == 0, error.decode()
    return json.loads(told)
