"""Callers who sign in with Entra ID: each with a name and a role, and what that allows; and the sweeps they start."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import aiohttp
import pytest
import pytest_asyncio

from local import fleet
from local.azure.seeds import CacheSeed
from local.azurite import Azurite
from tests.system.calling import Pipeline, Reply, at_rest, path
from tests.system.scene import playing, scene
from tests.unit.api.calling import principal

pytestmark = [pytest.mark.emulator_only, pytest.mark.asyncio(loop_scope="module")]

NOBODYS = "99999999-0000-1111-2222-333333333333"
# What App Service sets while authentication is on; the header stands for what it writes.
PLATFORM = {"DRAWBRIDGE_SIGN_IN": "entra", "WEBSITE_AUTH_ENABLED": "True", "WEBSITE_SITE_NAME": "drawbridge"}
ENDPOINT = path("shop") + "/endpoints/weu-prod"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door(azurite: Azurite) -> AsyncIterator[Pipeline]:
    """Give the way into an app behind App Service authentication, that has swept once."""
    caches = CacheSeed(fleet.APPS, "rg-shop", "shop"), CacheSeed(fleet.HUB, "rg-hub", "central")
    async with scene(playing(azurite, *caches, settings=PLATFORM)) as at, aiohttp.ClientSession() as session:
        await at.swept()
        yield Pipeline(at, session)


async def ask(door: Pipeline, role: str, method: str, where: str, body: bytes | None = None) -> Reply:
    """Call as Ada, who has a role of Drawbridge's; "" is somebody who has none."""
    header: Mapping[str, str] = {"X-MS-CLIENT-PRINCIPAL": principal(*([f"Drawbridge.{role}"] if role else []))}
    return await door.ask(method, where, body, key="", headers=header)


@pytest.mark.parametrize("key", ["", None])
async def test_who_has_not_signed_in_is_told_so_whatever_key_they_show(door: Pipeline, key: str | None) -> None:
    for method, where in (("GET", "caches"), ("PUT", ENDPOINT), ("GET", "docs"), ("GET", "nothing/here")):
        reply = await door.ask(method, where, key=key)
        assert (reply.status, reply.error[0]) == (401, "Unauthenticated")

    assert (await door.ask("GET", "health", key=key)).status == 200


@pytest.mark.parametrize(
    ("role", "method", "where", "status"),
    [
        ("", "GET", "caches", 403),
        ("Reader", "GET", "caches", 200),
        ("Reader", "GET", "openapi.json", 200),
        ("Reader", "PUT", ENDPOINT, 403),
        ("Reader", "DELETE", ENDPOINT, 403),
        ("Reader", "POST", "sweeps", 403),
        ("Operator", "DELETE", ENDPOINT + "?lastEndpoint=true", 403),
        ("Operator", "DELETE", path("shop") + "/exemption", 403),
        ("Admin", "DELETE", path("shop") + "/exemption", 204),
    ],
)
async def test_a_role_allows_what_it_says_and_no_more(
    door: Pipeline, role: str, method: str, where: str, status: int
) -> None:
    assert (await ask(door, role, method, where)).status == status


async def test_who_asked_is_in_the_history_by_name(door: Pipeline) -> None:
    assert (await ask(door, "Operator", "PUT", ENDPOINT + "?wait=60")).status == 200

    told = (await ask(door, "Reader", "GET", path("shop") + "/history")).body["value"]
    assert {(entry["operation"], entry["caller"]) for entry in told} >= {("PUT endpoints", "ada@example.com")}


# ── sweeps ──────────────────────────────────────────────────────────────────────────────────────


async def test_a_sweep_of_everything_is_started_and_followed_to_its_end(door: Pipeline) -> None:
    begun = await ask(door, "Operator", "POST", "sweeps")
    assert begun.status == 202
    where = begun.headers["Location"].removeprefix("/api/")

    ended = await ask(door, "Reader", "GET", where + "?wait=60")

    assert (ended.status, ended.body["state"], ended.body["id"]) == (200, "Ready", begun.body["id"])
    assert {part["subscription"] for part in ended.body["subscriptions"]} == {fleet.APPS, fleet.HUB}
    assert {part["status"] for part in ended.body["subscriptions"]} == {"done"}
    assert ended.body["seen"] == 2
    listed = (await ask(door, "Reader", "GET", "sweeps")).body["value"]
    assert listed[0]["id"] == begun.body["id"]


async def test_a_sweep_of_one_subscription_looks_at_no_other(door: Pipeline) -> None:
    await at_rest(door)
    begun = await ask(door, "Operator", "POST", "sweeps", f'{{"subscription": "{fleet.HUB.upper()}"}}'.encode())

    ended = await ask(door, "Reader", "GET", f"sweeps/{begun.body['id']}?wait=60")

    assert [part["subscription"] for part in ended.body["subscriptions"]] == [fleet.HUB]
    assert ended.body["seen"] == 1


async def test_a_form_on_another_site_starts_no_sweep_though_who_is_at_the_browser_has_signed_in(
    door: Pipeline,
) -> None:
    before = (await ask(door, "Reader", "GET", "sweeps")).body["value"]
    signed_in = {"X-MS-CLIENT-PRINCIPAL": principal("Drawbridge.Admin")}
    form = {"Content-Type": "text/plain", "Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
    own = {"Origin": door.at.stage.app.url, "Sec-Fetch-Site": "same-origin"}

    replies = [
        await door.ask("POST", "sweeps?dryRun=true", key="", headers={**signed_in, **sent})
        for sent in (form, {"Origin": "https://elsewhere.example"}, own, {"Origin": door.at.stage.app.url})
    ]

    assert [reply.status for reply in replies] == [403, 403, 200, 200]
    assert replies[0].error[0] == "CrossSite"
    assert (await door.ask("POST", "sweeps", key="", headers={**signed_in, **form})).status == 403
    assert (await ask(door, "Reader", "GET", "sweeps")).body["value"] == before


async def test_a_rehearsed_sweep_does_not_begin(door: Pipeline) -> None:
    before = (await ask(door, "Reader", "GET", "sweeps")).body["value"]
    reply = await ask(door, "Operator", "POST", "sweeps?dryRun=true")

    assert (reply.status, reply.body["dryRun"]) == (200, True)
    assert (await ask(door, "Reader", "GET", "sweeps")).body["value"] == before


@pytest.mark.parametrize(
    ("body", "status", "target"),
    [
        (f'{{"subscription": "{NOBODYS}"}}', 404, None),
        ('{"subscription": "apps"}', 400, "subscription"),
        ('{"scope": "all"}', 400, "scope"),
    ],
)
async def test_a_sweep_of_what_is_not_there_is_refused(
    door: Pipeline, body: str, status: int, target: str | None
) -> None:
    reply = await ask(door, "Operator", "POST", "sweeps", body.encode())

    assert (reply.status, reply.body["error"].get("target")) == (status, target)


@pytest.mark.parametrize("run", ["current", "20200101000000-abcdef", "..%2Fcurrent", "x" * 300])
async def test_a_sweep_that_never_was_is_not_found(door: Pipeline, run: str) -> None:
    assert (await ask(door, "Reader", "GET", f"sweeps/{run}")).status == 404
