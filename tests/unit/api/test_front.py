"""What every call of the API has in common, whatever it is about: who, what, how it is refused, and by what name."""

from __future__ import annotations

import json
import logging
from datetime import timedelta

import pytest

from shared.api.callers import Access
from shared.api.calls import Request
from shared.api.errors import ClashError, ForbiddenError, NotHereError
from shared.api.front import answered, refused_route
from shared.api.operation import Role
from shared.api.operations import OPERATIONS
from shared.api.operations.endpoints import GET_ENDPOINT, PUT_ENDPOINT
from shared.api.operations.service import ELSEWHERE, GET_HEALTH
from shared.arm.errors import ArmError, Retry
from shared.ids import InvalidIdError
from shared.store.errors import StoreUnavailableError
from tests.unit.api.calling import PATH, Line


def azure_says(*, throttled: bool = False) -> ArmError:
    after = timedelta(seconds=17) if throttled else None
    return ArmError(
        "AuthorizationFailed", "no", Retry.NEVER, after, None, 403, "Microsoft.Cache/redis/read", "", "",
        throttled=throttled,
    )  # fmt: skip


REFUSALS = {
    "a-mistake-of-the-caller": (InvalidIdError("'x' is not a GUID"), 400, "InvalidId"),
    "forbidden": (ForbiddenError("no"), 403, "Forbidden"),
    "clash": (ClashError("no", code="LastEndpoint"), 409, "LastEndpoint"),
    "azure": (azure_says(), 502, "AuthorizationFailed"),
    "throttled": (azure_says(throttled=True), 503, "AuthorizationFailed"),
    "storage": (StoreUnavailableError("down"), 503, "StorageUnavailable"),
    "unforeseen": (LookupError("the password is hunter2"), 500, "InternalError"),
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_every_failure_is_an_error_of_one_shape(name: str) -> None:
    failure, status, code = REFUSALS[name]

    sent = await Line(GET_ENDPOINT, failure=failure).send()

    assert sent.error[:2] == (status, code)


async def test_the_log_says_of_each_call_who_made_it_on_what_and_how_it_was_answered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO):
        await Line(GET_ENDPOINT).send(headers={"x-request-id": "run-42"})

    line = next(each for each in caplog.messages if each.startswith("answered {"))
    told = json.loads(line.removeprefix("answered "))
    assert (told["request"], told["operation"], told["status"]) == ("run-42", "get_endpoint", "200")
    assert told["path"].startswith("/api/caches/")
    assert told["caller"]


async def test_what_was_not_foreseen_is_told_by_the_requests_id_alone_and_logged_with_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        sent = await Line(GET_ENDPOINT, failure=LookupError("the password is hunter2")).send(
            headers={"x-request-id": "run-42"}
        )

    assert sent.said == "this was not foreseen; the log has it as request run-42"
    assert "hunter2" in caplog.text
    assert "run-42" in caplog.text


async def test_being_throttled_says_for_how_long() -> None:
    sent = await Line(GET_ENDPOINT, failure=azure_says(throttled=True)).send()

    assert int(sent.headers["Retry-After"]) >= 17


async def test_what_is_not_here_is_told_by_its_url_alone_and_without_the_key() -> None:
    out_of_scope, absent = [
        await Line(GET_ENDPOINT, failure=NotHereError(about)).send()
        for about in ("it is out of scope", "no such cache")
    ]

    assert out_of_scope.body == absent.body
    assert out_of_scope.said == f"{PATH} was not found, or is out of scope"


# ── the request's id ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("header", ["x-ms-request-id", "x-request-id", "x-ms-client-request-id"])
async def test_the_callers_own_id_comes_back(header: str) -> None:
    sent = await Line(GET_ENDPOINT).send(headers={header: "run-42"})

    assert (sent.headers["x-ms-request-id"], sent.headers["x-request-id"]) == ("run-42", "run-42")


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "a\r\nSet-Cookie: b", "größe"])
async def test_an_id_that_could_do_harm_is_replaced(given: str) -> None:
    ids = {(await Line(GET_ENDPOINT).send(headers={"x-request-id": given})).headers["x-request-id"] for _ in range(2)}

    assert len(ids) == 2
    assert given not in ids


# ── the query ───────────────────────────────────────────────────────────────────────────────────


async def test_parameters_arrive_parsed_and_with_their_defaults() -> None:
    bare, given = (
        await Line(PUT_ENDPOINT).send(),
        await Line(PUT_ENDPOINT).send(query={"wait": "200", "dryRun": "True", "kind": "Managed", "code": "secret"}),
    )

    assert bare.call
    assert (bare.call.wait, bare.call.dry_run, bare.call.kind) == (0, False, "")
    assert given.call
    assert (given.call.wait, given.call.dry_run, given.call.kind) == (200, True, "managed")


WRONG_QUERIES = {
    "misspelt": ({"dryrun": "true"}, "dryrun", "did you mean 'dryRun'?"),
    "unknown": ({"color": "red"}, "color", "It takes: kind, wait, dryRun."),
    "not-a-number": ({"wait": "long"}, "wait", "'long'; it must be a whole number from 0 to 200"),
    "too-long": ({"wait": "201"}, "wait", "from 0 to 200"),
    "negative": ({"wait": "-1"}, "wait", "from 0 to 200"),
    "unicode-digits": ({"wait": "٣"}, "wait", "from 0 to 200"),
    "given-twice": ({"dryRun": "true,true"}, "dryRun", "true or false"),
    "not-a-kind": ({"kind": "memcached"}, "kind", "one of classic, managed, enterprise"),
}


@pytest.mark.parametrize("name", WRONG_QUERIES)
async def test_a_wrong_parameter_is_refused_before_anything_happens(name: str) -> None:
    query, target, words = WRONG_QUERIES[name]

    sent = await Line(PUT_ENDPOINT).send(query=query)

    assert sent.error == (400, "InvalidRequest", target)
    assert words in sent.said
    assert sent.call is None


async def test_a_read_has_no_dry_run() -> None:
    assert (await Line(GET_ENDPOINT).send(query={"dryRun": "true"})).status == 400


# ── conditions ──────────────────────────────────────────────────────────────────────────────────


async def test_conditions_are_read_where_the_operation_has_them() -> None:
    headers = {"if-match": '"a", "b"', "if-none-match": "*"}
    guarded, unguarded = await Line(PUT_ENDPOINT).send(headers=headers), await Line(GET_ENDPOINT).send(headers=headers)

    assert guarded.call
    assert (guarded.call.conditions.matching, guarded.call.conditions.absent) == (('"a"', '"b"'), True)
    assert unguarded.call
    assert not unguarded.call.conditions.given


# ── roles ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_role_that_is_too_low_is_refused_before_the_handler() -> None:
    sent = await Line(PUT_ENDPOINT, access=Access(Role.READER)).send()

    assert sent.error[:2] == (403, "Forbidden")
    assert "Drawbridge.Operator" in sent.said
    assert sent.call is None


async def test_what_anybody_may_asks_nobody_who_they_are() -> None:
    assert (await Line(GET_HEALTH, access=Access(principals_only=True)).send()).status == 200


# ── pages of other sites ────────────────────────────────────────────────────────────────────────

CHANGES = {each.name: each for each in OPERATIONS if each.writes}
ELSEWHERE_SAYS = {
    "another-site": ({"sec-fetch-site": "cross-site"}, "Sec-Fetch-Site"),
    "another-site-with-the-own-origin": (
        {"sec-fetch-site": "cross-site", "origin": "https://app.example"},
        "Sec-Fetch-Site",
    ),
    "a-neighbour": ({"sec-fetch-site": "same-site"}, "Sec-Fetch-Site"),
    "two-answers": ({"sec-fetch-site": "same-origin,cross-site"}, "Sec-Fetch-Site"),
    "another-origin": ({"origin": "https://evil.example"}, "Origin"),
    "an-origin-that-begins-alike": ({"origin": "https://app.example.evil.example"}, "Origin"),
    "an-origin-that-ends-alike": ({"origin": "https://evil.example/app.example"}, "Origin"),
    "another-port": ({"origin": "https://app.example:8443"}, "Origin"),
    "a-name-before-the-host": ({"origin": "https://evil@app.example"}, "Origin"),
    "a-sandbox": ({"origin": "null"}, "Origin"),
    "no-url": ({"origin": "https://[app.example"}, "Origin"),
}
HERE_SAYS: dict[str, dict[str, str]] = {
    "a-program": {},
    "the-own-page": {"sec-fetch-site": "same-origin", "origin": "https://app.example"},
    "the-own-page-behind-a-proxy": {"sec-fetch-site": "same-origin", "origin": "https://redis.contoso.example"},
    "the-person": {"sec-fetch-site": "none"},
    "the-own-page-in-an-old-browser": {"origin": "https://APP.example"},
}


@pytest.mark.parametrize("name", ELSEWHERE_SAYS)
async def test_a_change_that_another_sites_page_asks_for_is_refused_before_anything_happens(name: str) -> None:
    headers, target = ELSEWHERE_SAYS[name]

    sent = await Line(PUT_ENDPOINT).send(headers={"host": "app.example", **headers})

    assert sent.error == (403, "CrossSite", target)
    assert sent.call is None


@pytest.mark.parametrize("name", CHANGES)
async def test_no_change_at_all_is_open_to_a_form_on_another_site(name: str) -> None:
    form = {"sec-fetch-site": "cross-site", "origin": "https://evil.example", "content-type": "text/plain"}

    sent = await Line(CHANGES[name]).send(headers={"host": "app.example", **form})

    assert sent.error[:2] == (403, "CrossSite")
    assert sent.call is None


@pytest.mark.parametrize("name", HERE_SAYS)
async def test_the_apps_own_pages_and_programs_may_ask_for_changes(name: str) -> None:
    assert (await Line(PUT_ENDPOINT).send(headers={"host": "app.example", **HERE_SAYS[name]})).status == 200


async def test_a_link_on_another_site_may_lead_to_what_is_only_read() -> None:
    assert (await Line(GET_ENDPOINT).send(headers={"sec-fetch-site": "cross-site"})).status == 200


async def test_no_browser_keeps_an_answer_or_takes_it_for_something_else() -> None:
    headers = (await Line(GET_ENDPOINT).send()).headers

    assert (headers["Cache-Control"], headers["X-Content-Type-Options"]) == ("no-store", "nosniff")
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


# ── what is no operation ────────────────────────────────────────────────────────────────────────

ELSEWHERES = {
    "no-route": ("GET", "nothing", 404, None),
    "other-method": ("DELETE", "health", 405, "GET"),
    "other-method-in-capitals": ("POST", "Health/", 405, "GET"),
    "too-short": ("GET", "caches/a", 404, None),
    "empty-part": ("PATCH", "caches/a//c", 404, None),
    "below-a-cache": ("PATCH", PATH.removeprefix("/api/"), 405, "DELETE, GET, PUT"),
}


@pytest.mark.parametrize("name", ELSEWHERES)
async def test_what_is_no_operation_is_refused_in_the_same_shape(name: str) -> None:
    method, path, status, allowed = ELSEWHERES[name]
    request = Request(method, f"https://app.example/api/{path}?code=x", {"rest": path}, {"any": "thing"}, {}, b"\xff")

    response = await answered(ELSEWHERE, request, refused_route(request), lambda: Access(Role.READER))

    assert response.status == status
    assert b'"error"' in response.body
    if allowed and name != "below-a-cache":
        assert response.headers["Allow"] == allowed
