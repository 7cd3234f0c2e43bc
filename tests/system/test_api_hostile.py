"""Callers who mean harm, or are broken: they are refused in one shape, Azure is not asked, and nothing is kept."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from yarl import URL

from local import fleet
from local.azure.callers import APP
from local.azure.seeds import CacheSeed
from local.azurite import Azurite
from shared.api.operation import PARTS, Operation
from shared.api.operations import OPERATIONS
from tests.system.calling import Pipeline, Reply, at_rest, path
from tests.system.scene import playing, scene
from tests.unit.api.calling import principal

pytestmark = [pytest.mark.emulator_only, pytest.mark.asyncio(loop_scope="module")]

CACHES = [CacheSeed(fleet.APPS, "rg-shop", name) for name in ("shop", "raced")]
OTHERS = [CacheSeed(fleet.HUB, "rg-shop", "theirs"), CacheSeed(fleet.APPS, "MC_nodes", "theirs")]
NOBODYS = "99999999-0000-1111-2222-333333333333"
PLACES = {name: str(part.example) for name, part in PARTS.items()}
ABOUT_CACHES = [each for each in OPERATIONS if each.path.startswith("caches/{")]
WITH_PARTS = [each for each in OPERATIONS if "{" in each.path]
WITH_BODY = [each for each in OPERATIONS if each.takes]
MAKING = {"put_cache", "delete_cache", "put_network"}
"""What is not there is what these are for."""


@dataclass(frozen=True)
class Siege:
    """A caller with an Operator's key, another app of the same storage that takes keys for an Admin's, and the log."""

    caller: Pipeline
    log: Path

    async def ask(
        self,
        method: str,
        where: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        worker: int = 0,
    ) -> Reply:
        """Call with the URL exactly as it is spelt: no dot and no percent sign is tidied away."""
        host = self.caller.at.stage.hosts[worker]
        url = URL(f"{host.url}/api/{where}", encoded=True)
        sent = {"x-functions-key": host.function_key, **(headers or {})}
        data = None if body is None else io.BytesIO(body)
        async with self.caller.session.request(method, url, data=data, headers=sent, allow_redirects=False) as answer:
            text = await answer.text()
            shown = json.loads(text) if text and answer.content_type == "application/json" else None
            return Reply(answer.status, answer.headers, shown)

    async def at_rest(self) -> int:
        return await at_rest(self.caller)

    def asked(self, since: int) -> list[str]:
        """Give what the app has asked Azure for, wherever."""
        journal = self.caller.at.stage.azure.world.journal
        return [f"{each.method} {each.path}" for each in journal.entries(caller=APP.object_id, since=since)]

    async def kept(self) -> dict[str, list[str]]:
        """Give what is stored of callers' wishes."""
        account = self.caller.at.stage.store.queue._account
        tables = ("requests", "networks", "caches", "history")
        return {
            name: [json.dumps(dict(r), default=str) async for r in account.table(name).list_entities()]
            for name in tables
        }


def policy() -> str:
    narrow = fleet.policy().replace('subscriptions: ["*"]', f"subscriptions: [{fleet.APPS}]")
    return narrow + f"networks: {{allow: [/subscriptions/{fleet.APPS}/resourceGroups/rg-*]}}\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def siege(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Siege]:
    log = tmp_path_factory.mktemp("siege") / "log"
    with log.open("wb") as written:
        options = replace(playing(azurite, *CACHES, *OTHERS, policy=policy()), log=written)
        async with scene(options) as at, aiohttp.ClientSession() as session:
            await at.swept()
            await at.stage.store.ensure()
            await at.stage.workers.start({"DRAWBRIDGE_KEY_ROLE": "Admin"})
            yield Siege(Pipeline(at, session), log)


def spelt(operation: Operation, **parts: str) -> str:
    return operation.path.format(**{**PLACES, **parts})


def example(operation: Operation) -> bytes | None:
    return json.dumps(operation.example).encode() if operation.takes else None


def rehearsed(operation: Operation) -> str:
    return "?dryRun=true" if operation.writes else ""


# ── paths ───────────────────────────────────────────────────────────────────────────────────────

TRICKS = {
    "dots": "..",
    "encoded-dots": "%2e%2e",
    "out-of-the-group": "..%2f..%2frg-shop",
    "another-resource": "shop%2F..%2Fother",
    "backslash": "..%5c..%5cshop",
    "encoded-twice": "%252e%252e%252fshop",
    "end-of-text": "shop%00",
    "new-line": "shop%0d%0aX-Injected:%20yes",
    "question-mark": "shop%3Fapi-version=2024-11-01",
    "hash": "shop%23",
    "semicolon": "shop;a=b",
    "kelvin-for-k": "boo%E2%84%AA",
    "full-width": "%EF%BD%93hop",
    "cyrillic-o": "sh%D0%BEp",
    "zero-width": "sh%E2%80%8Bop",
    "right-to-left": "sh%E2%80%AEop",
    "not-utf-8": "shop%ff%fe",
    "half-a-surrogate": "%ED%A0%80",
    "quotes": "shop'%20or%20'1'%20eq%20'1",
    "blank": "%20",
    "very-long": "a" * 5000,
}
LETTERS = {"full-width", "cyrillic-o"}
"""Azure takes letters of every alphabet in the name of a resource group, so such a group may be asked for."""


def positions() -> Iterator[tuple[Operation, str]]:
    for operation in WITH_PARTS:
        for part in PLACES:
            if f"{{{part}}}" in operation.path:
                yield operation, part


@pytest.mark.parametrize("what", TRICKS)
async def test_a_trick_in_any_part_of_any_path_is_refused_and_never_reaches_azure(siege: Siege, what: str) -> None:
    since, kept = await siege.at_rest(), await siege.kept()

    for operation, part in positions():
        where = spelt(operation, **{part: TRICKS[what]})
        reply = await siege.ask(operation.method, where + rehearsed(operation), example(operation), worker=1)

        about = f"{operation.name} with {what} for {part}: {reply.status} {reply.body}"
        assert reply.status in {400, 404, 405} or (part == "group" and what in LETTERS), about
        assert reply.status < 400 or reply.error[1], about
        assert "X-Injected" not in reply.headers, about

    allowed = f"/subscriptions/{fleet.APPS}/resourcegroups/rg-shop/providers/microsoft.cache/"
    strange = [each for each in siege.asked(since) if allowed not in each.lower() or not each.startswith("GET ")]
    assert what in LETTERS or strange == []
    assert not [each for each in strange if not each.startswith("GET ")]
    assert await siege.kept() == kept


# ── what is not the caller's ────────────────────────────────────────────────────────────────────

OUTSIDE = {
    "another-subscription": (fleet.HUB, "rg-shop"),
    "unknown-subscription": (NOBODYS, "rg-shop"),
    "excluded-group": (fleet.APPS, "MC_nodes"),
}


def without(reply: Reply, *spellings: str) -> tuple[int, str, list[str]]:
    """Give what a caller can tell answers apart by: status, body and headers, without the path and the request's id."""
    text = json.dumps(reply.body)
    for spelling in spellings:
        text = text.replace(spelling, "…")
    return reply.status, text, sorted(name for name in reply.headers if name != "Date")


@pytest.mark.parametrize("operation", ABOUT_CACHES, ids=lambda each: each.name)
async def test_what_is_out_of_scope_cannot_be_told_from_what_is_not_there(siege: Siege, operation: Operation) -> None:
    since, kept = await siege.at_rest(), await siege.kept()
    replies = {}
    for subscription, group in OUTSIDE.values():
        for name in ("theirs", "nowhere"):
            where = spelt(operation, subscription=subscription, group=group, name=name) + rehearsed(operation)
            reply = await siege.ask(operation.method, where, example(operation), worker=1)
            replies[subscription, group, name] = without(reply, subscription, group, name)
    assert siege.asked(since) == []

    assert len(set(map(str, replies.values()))) == 1, replies
    if operation.name not in MAKING:
        where = spelt(operation, name="nowhere") + rehearsed(operation)
        absent = await siege.ask(operation.method, where, example(operation), worker=1)
        assert without(absent, fleet.APPS, "rg-shop", "nowhere") == next(iter(replies.values()))
    assert next(iter(replies.values()))[0] == 404
    assert await siege.kept() == kept


@pytest.mark.parametrize("where", OUTSIDE)
@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_a_network_outside_is_refused_whether_it_is_there_or_not(siege: Siege, method: str, where: str) -> None:
    subscription, group = OUTSIDE[where]
    operation = next(each for each in OPERATIONS if each.path.startswith("networks/") and each.method == method)
    since = await siege.at_rest()
    answers = set()
    for name in ("vnet-weu", "nowhere"):
        reply = await siege.ask(
            method, spelt(operation, subscription=subscription, group=group, name=name), example(operation)
        )
        answers.add(without(reply, subscription, group, name)[:2])

    assert siege.asked(since) == []
    ((status, _),) = answers
    assert status in {403, 404}


async def test_a_subscription_that_is_not_ours_cannot_be_swept_or_told_from_none(siege: Siege) -> None:
    since = await siege.at_rest()
    answers = [
        await siege.ask("POST", "sweeps?dryRun=true", json.dumps({"subscription": each}).encode())
        for each in (fleet.HUB, NOBODYS)
    ]

    assert {without(each, fleet.HUB, NOBODYS)[:2] for each in answers} == {(404, without(answers[0])[1])}
    assert siege.asked(since) == []


# ── bodies ──────────────────────────────────────────────────────────────────────────────────────

BODIES: dict[str, tuple[bytes, str]] = {
    "huge": (b'{"reason": "' + b"x" * 8_000_000 + b'"}', "application/json"),
    "deep-lists": (b'{"a":' + b"[" * 30_000, "application/json"),
    "deep-objects": (b'{"a":' * 9_000, "application/json"),
    "brackets-in-a-string-that-never-ends": (b'"' + b"[\\" * 30_000, "application/json"),
    "twice": (b'{"kind": "classic", "kind": "managed"}', "application/json"),
    "twice-by-escape": (b'{"kind": "classic", "k\\u0069nd": "managed"}', "application/json"),
    "prototype": (b'{"__proto__": {"admin": true}, "__class__": "x"}', "application/json"),
    "null": (b"null", "application/json"),
    "a-list": (b"[{}]", "application/json"),
    "a-number-that-is-none": (b'{"shards": NaN}', "application/json"),
    "a-number-without-end": (b'{"shards": ' + b"9" * 60_000 + b"}", "application/json"),
    "a-number-too-large": (b'{"shards": 1e999}', "application/json"),
    "half-a-surrogate": (b'{"reason": "\\ud800"}', "application/json"),
    "not-utf-8": (b'{"reason": "\xff\xfe"}', "application/json"),
    "utf-16": ('{"reason": "x"}'.encode("utf-16"), "application/json"),
    "utf-16-by-name": ('{"reason": "x"}'.encode("utf-16"), "application/json; charset=utf-16"),
    "zipped": (b"\x1f\x8b\x08\x00", "application/json"),
    "xml": (b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>", "application/xml"),
    "a-form": (b"------x\r\n", "multipart/form-data; boundary=----x"),
    "yaml": (b"!!python/object/apply:os.system ['true']", "text/plain"),
}


@pytest.mark.parametrize("what", BODIES)
async def test_a_body_that_cannot_be_meant_is_refused_by_every_operation(siege: Siege, what: str) -> None:
    body, kind = BODIES[what]
    since, kept = await siege.at_rest(), await siege.kept()
    for operation in OPERATIONS:
        if operation.writes:
            reply = await siege.ask(operation.method, spelt(operation), body, headers={"content-type": kind}, worker=1)
            about = f"{operation.name}: {reply.status} {reply.body}"
            assert reply.status in {400, 413, 415}, about
            assert (reply.status == 413) == (len(body) > 65_536), about
            assert reply.error[1]
    assert siege.asked(since) == []
    assert await siege.kept() == kept


TEXTS = ["", "\u0000", "\u202e", "x" * 5000]
WRONG: list[Any] = [None, True, -1, 10**30, 0.5, *TEXTS, [], [[]], {}, {"a": None}, [None] * 500]


@pytest.mark.parametrize("operation", WITH_BODY, ids=lambda each: each.name)
async def test_no_field_takes_a_value_that_breaks_the_app(siege: Siege, operation: Operation) -> None:
    await siege.at_rest()
    kept = await siege.kept()
    fields: Mapping[str, Any] = operation.example  # type: ignore[assignment]
    for field in fields:
        for value in WRONG:
            body = json.dumps({**fields, field: value}).encode()
            reply = await siege.ask(operation.method, spelt(operation) + "?dryRun=true", body, worker=1)
            assert reply.status < 500, f"{field}={value!r}: {reply.status} {reply.body}"
            assert reply.status != 400 or reply.error[1], f"{field}={value!r}"
    assert await siege.kept() == kept


# ── who calls ───────────────────────────────────────────────────────────────────────────────────

FORGED = {
    "X-MS-CLIENT-PRINCIPAL": principal("Drawbridge.Admin", name="mallory"),
    "X-MS-CLIENT-PRINCIPAL-NAME": "mallory",
    "X-MS-CLIENT-PRINCIPAL-ID": "00000000-0000-0000-0000-00000000beef",
    "X-MS-CLIENT-PRINCIPAL-IDP": "aad",
    "X-MS-TOKEN-AAD-ID-TOKEN": "e30.e30.mallory",
    "Authorization": "Bearer e30.eyJyb2xlcyI6WyJEcmF3YnJpZGdlLkFkbWluIl19.mallory",
    "WEBSITE_AUTH_ENABLED": "True",
    "X-Forwarded-For": "127.0.0.1",
    "X-ARR-ClientCert": "mallory",
}


async def test_a_forged_principal_gets_no_role_and_its_name_nowhere(siege: Siege) -> None:
    kept = path("shop") + "/exemption"
    body = json.dumps({"until": "2099-12-31", "reason": "because", "owner": "somebody"}).encode()
    refused = [
        await siege.ask("PUT", kept, body, headers=FORGED),
        await siege.ask("DELETE", kept, headers=FORGED),
        await siege.ask("PUT", path("shop") + "/public-network-access", b'{"publicNetworkAccess": "Enabled"}', FORGED),
        await siege.ask("DELETE", path("shop") + "/endpoints/weu-prod?lastEndpoint=true", headers=FORGED),
    ]
    assert [(each.status, each.error[0]) for each in refused] == [(403, "Forbidden")] * 4

    assert (await siege.ask("PUT", path("shop") + "/endpoints/weu-prod?wait=60", headers=FORGED)).status == 200
    await siege.at_rest()
    told = await siege.ask("GET", path("shop") + "/history?pageSize=200")

    assert "a holder of the function key" in {each["caller"] for each in told.body["value"]}
    assert "mallory" not in json.dumps([told.body, await siege.kept()])
    assert b"mallory" not in siege.log.read_bytes()


@pytest.mark.parametrize("key", ["", "x" * 5000, "%00", "null", "'or'1'='1"])
async def test_a_forged_principal_is_no_key(siege: Siege, key: str) -> None:
    since = await siege.at_rest()
    for operation in OPERATIONS:
        reply = await siege.ask(
            operation.method, spelt(operation), example(operation), headers={**FORGED, "x-functions-key": key}
        )
        assert (reply.status, reply.body) == ((401, None) if operation.role else (reply.status, reply.body))
    assert siege.asked(since) == []


# ── headers, methods, queries ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("given", ["a b", "<script>", "x" * 65, "a;b", 'a"b', "é"])
async def test_a_request_id_that_could_be_more_than_an_id_is_not_taken_over(siege: Siege, given: str) -> None:
    reply = await siege.ask("GET", "health", headers={"x-ms-client-request-id": given, "x-request-id": given})

    assert reply.headers["x-ms-request-id"] == reply.headers["x-request-id"] != given
    assert given not in reply.headers.values()


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
async def test_a_method_is_what_it_is_whatever_a_header_says(siege: Siege, header: str) -> None:
    since, kept = await siege.at_rest(), await siege.kept()
    for operation in OPERATIONS:
        if operation.method == "GET":
            for method in ("PUT", "DELETE", "POST"):
                reply = await siege.ask("GET", spelt(operation), headers={header: method}, worker=1)
                assert reply.status < 500
    assert [each for each in siege.asked(since) if not each.startswith("GET ")] == []
    assert await siege.kept() == kept


@pytest.mark.parametrize("method", ["POST", "PATCH", "TRACE", "OPTIONS", "PROPFIND"])
async def test_a_method_that_a_resource_has_not_is_refused(siege: Siege, method: str) -> None:
    reply = await siege.ask(method, path("shop"))

    assert reply.status in {404, 405}


REPEATED = {
    "rehearsal-taken-back": ("?dryRun=true&dryRun=false", "dryRun"),
    "rehearsal-given-later": ("?dryRun=false&dryRun=true", "dryRun"),
    "in-capitals": ("?DRYRUN=true", "DRYRUN"),
    "empty": ("?dryRun=", "dryRun"),
    "yes": ("?dryRun=1", "dryRun"),
    "with-a-blank": ("?dryRun=true%20", "dryRun"),
    "as-a-list": ("?dryRun[]=true", "dryRun[]"),
    "below-something": ("?a.dryRun=true", "a.dryRun"),
    "method": ("?_method=DELETE", "_method"),
    "two-kinds": ("?kind=classic&kind=managed", "kind"),
    "wait-below-nothing": ("?wait=-1", "wait"),
    "wait-for-ever": ("?wait=201", "wait"),
    "wait-in-other-digits": ("?wait=%D9%A1", "wait"),
    "wait-as-a-power": ("?wait=1e2", "wait"),
    "without-a-name": ("?=true", ""),
    "api-version": ("?api-version=2024-11-01", "api-version"),
}


@pytest.mark.parametrize("what", REPEATED)
async def test_a_query_that_could_be_meant_two_ways_is_refused_and_nothing_is_done(siege: Siege, what: str) -> None:
    query, target = REPEATED[what]
    since, kept = await siege.at_rest(), await siege.kept()
    reply = await siege.ask("PUT", path("raced") + "/endpoints/weu-prod" + query)

    assert (reply.status, reply.body["error"].get("target", "")) == (400, target)
    assert siege.asked(since) == []
    assert await siege.kept() == kept


async def test_a_key_in_the_query_is_in_no_answer_and_in_no_log(siege: Siege) -> None:
    key = siege.caller.at.stage.app.function_key
    replies = [
        await siege.ask("GET", where + f"?code={key}", headers={"x-functions-key": ""})
        for where in (path("nowhere"), "caches", "nothing", path("shop") + "/history")
    ]

    assert [each.status for each in replies] == [404, 200, 404, 200]
    assert key not in json.dumps([each.body for each in replies])
    assert key.encode() not in siege.log.read_bytes()


# ── what leaves a wake-up for weeks: an exemption, so it comes last ──────────────────────────────────


async def test_lines_in_a_reason_become_neither_headers_nor_lines_of_the_log(siege: Siege) -> None:
    told = "because\r\nSet-Cookie: a=b\r\n2026-01-01 00:00:00,000 CRITICAL forged: line"
    body = json.dumps({"until": soon(), "reason": told, "owner": "a\nCRITICAL forged: owner"}).encode()
    replies = [
        await siege.ask("PUT", path("shop") + "/exemption", body, worker=1),
        await siege.ask("GET", path("shop") + "/exemption", worker=1),
        await siege.ask("GET", path("shop") + "?kind=%0d%0aSet-Cookie:%20a=b%0aCRITICAL%20forged:%20query"),
        await siege.ask("GET", path("shop%0aCRITICAL%20forged:%20name")),
        await siege.ask("GET", "nothing%0d%0aSet-Cookie:%20a=b%0aCRITICAL%20forged:%20path"),
        await siege.ask("GET", path("shop") + "/history?pageToken=%0d%0aSet-Cookie:%20a=b%0aCRITICAL%20forged"),
    ]

    assert [each.status for each in replies if "Set-Cookie" in each.headers] == []
    lines = siege.log.read_text("utf-8").splitlines()
    assert [
        line for line in lines if line.startswith(("Set-Cookie", "CRITICAL")) or "CRITICAL forged: line" in line[:60]
    ] == []


async def test_of_two_who_write_over_the_same_state_one_wins_and_the_other_is_told(siege: Siege) -> None:
    siege_of = path("raced") + "/exemption"
    wish = {"until": soon(), "owner": "somebody"}
    first = await siege.ask("PUT", siege_of, json.dumps({**wish, "reason": "first"}).encode(), worker=1)
    assert first.status == 200, first.body
    await siege.caller.at.stage.workers.start({"DRAWBRIDGE_KEY_ROLE": "Admin"})
    for turn in range(5):
        etag = (await siege.ask("GET", siege_of, worker=1)).headers["ETag"]
        reasons = [f"turn {turn} of worker {worker}" for worker in (1, 2)]

        answers = await asyncio.gather(
            *(
                siege.ask("PUT", siege_of, json.dumps({**wish, "reason": reason}).encode(), {"If-Match": etag}, worker)
                for worker, reason in enumerate(reasons, 1)
            )
        )

        assert sorted(each.status for each in answers) == [200, 412]
        (won,) = [reason for reason, each in zip(reasons, answers, strict=True) if each.status == 200]
        (lost,) = [each for each in answers if each.status == 412]
        shown = await siege.ask("GET", siege_of, worker=1)
        assert shown.body["reason"] == won
        assert shown.headers["ETag"] != etag
        assert (lost.error[0], lost.body["error"]["target"]) == ("PreconditionFailed", "If-Match")


def soon() -> str:
    return (datetime.now(UTC) + timedelta(days=20)).date().isoformat()
