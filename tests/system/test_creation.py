"""A pipeline asks for a cache: it is made, closed from its first second, attached, named, and nothing of it is kept."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from local import fleet
from local.azure.databases import Database
from local.azure.faults import Match, Respond
from local.azure.seeds import CacheSeed, ClusterSeed
from local.azurite import Azurite
from tests.system.scene import Scene, playing, scene, with_rules
from tests.system.watched import WatchedStore, doors, watch

pytestmark = [pytest.mark.emulator_only, pytest.mark.asyncio(loop_scope="module")]

CLASSIC = {"kind": "classic", "location": "westeurope", "sku": "Standard_C1"}
MANAGED = {"kind": "managed", "location": "westeurope", "sku": "Balanced_B5"}
BODIES = {"classic": CLASSIC, "managed": MANAGED}
THERE = CacheSeed(fleet.APPS, "rg-shop", "there")
CLUSTER_THERE = ClusterSeed(fleet.APPS, "rg-shop", "clustered")


@dataclass(frozen=True)
class Play:
    """A scene, and all that was ever put into its Azure."""

    at: Scene
    watched: WatchedStore
    log: Path
    answers: list[str] = field(default_factory=list)
    """All that the API has said."""

    async def ask(self, method: str, where: str, body: object = None) -> tuple[int, Any]:
        status, answer = await self.at.stage.call(method, where, body)
        self.answers.append(json.dumps(answer))
        return status, answer

    async def put(self, name: str, body: object, group: str = "rg-shop", query: str = "") -> tuple[int, Any]:
        return await self.ask("PUT", path(name, group) + query, body)

    async def get(self, name: str, query: str = "") -> tuple[int, Any]:
        return await self.ask("GET", path(name) + query)


def path(name: str, group: str = "rg-shop", subscription: str = fleet.APPS) -> str:
    return f"caches/{subscription}/{group}/{name}"


def named(name: str, kind: str) -> str:
    return fleet.cache_id(name) if kind == "classic" else fleet.cluster_id(name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def play(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Play]:
    rules = (
        "{match: {resourceGroups: [rg-left]}, enrol: none, closePublicAccess: none}",
        "{match: {resourceGroups: [rg-audited]}, enrol: tagged, mode: audit}",
    )
    seeds: list[CacheSeed | ClusterSeed] = [THERE, CLUSTER_THERE]
    seeds += [CacheSeed(fleet.APPS, group, "any") for group in ("rg-left", "rg-audited")]
    log = tmp_path_factory.mktemp("creation") / "log"
    with log.open("wb") as written:
        options = replace(playing(azurite, *seeds, policy=with_rules(fleet.policy(), *rules)), log=written)
        async with scene(options) as at:
            yield Play(at, watch(at.stage.azure.world), log)


@pytest.mark.parametrize("kind", BODIES)
async def test_a_cache_that_is_asked_for_is_made_private_and_was_never_public(play: Play, kind: str) -> None:
    name = f"new-{kind}"
    status, first = await play.put(name, {**BODIES[kind], "tags": {"env": "prod"}})
    assert (status, first["state"], first["endpoints"]) == (202, "Converging", ["weu-prod"])

    status, ready = await play.get(name, "?wait=60")

    cache = named(name, kind)
    assert (status, ready["state"]) == (200, "Ready"), ready
    assert play.at.private(cache)
    assert set(doors(play.watched, cache)) == {"Disabled"}
    assert play.at.cache(cache).tags == {"env": "prod", "managed-by": "drawbridge"}
    database = ["PUT cache"] if kind == "managed" else []
    assert play.at.story(cache) == ["PUT cache", *database, "PUT endpoint", "PUT zone group"]


async def test_a_managed_cache_has_a_database_before_it_is_ready(play: Play) -> None:
    await play.put("housed", {**MANAGED, "accessKeys": True})
    status, _ = await play.get("housed", "?wait=60")

    assert status == 200
    database = play.at.stage.azure.world.store.find(f"{fleet.cluster_id('housed')}/databases/default", Database)
    assert database is not None
    assert (database.state, database.render()["properties"]["accessKeysAuthentication"]) == ("Succeeded", "Enabled")


async def test_asking_again_is_answered_and_changes_nothing(play: Play) -> None:
    await play.put("again", CLASSIC)
    await play.get("again", "?wait=60")
    since = play.at.now

    status, answer = await play.put("again", CLASSIC)

    assert (status, answer["state"]) == (200, "Ready")
    await play.at.until_at_rest()
    assert play.at.all_writes(since) == []


async def test_a_cache_that_is_there_and_not_as_asked_for_is_left_as_it_is(play: Play) -> None:
    since = play.at.now
    status, answer = await play.put("there", {**CLASSIC, "sku": "Premium_P1", "accessKeys": True})

    assert (status, answer["error"]["code"]) == (409, "SettingsDiffer")
    assert "sku is 'Premium_P1'" not in answer["error"]["message"]
    assert "Standard_C1" in json.dumps(answer)
    assert (await play.get("there"))[0] == 200
    assert play.at.all_writes(since) == []


async def test_what_cannot_be_asked_for_is_refused_with_the_name_of_the_field(play: Play) -> None:
    since = play.at.now
    for body, target in (
        ({**CLASSIC, "sku": "Balanced_B5"}, "sku"),
        ({**CLASSIC, "location": "brazilsouth"}, "endpoints"),
        ({**CLASSIC, "endpoints": ["nowhere"]}, "endpoints"),
        ({**MANAGED, "kind": "enterprise"}, "kind"),
        ({**MANAGED, "publicNetworkAccess": "Enabled"}, "publicNetworkAccess"),
        ({}, "body"),
    ):
        status, answer = await play.put("wrong", body)
        assert status == 400, answer
        assert target in {answer["error"].get("target"), *(d["target"] for d in answer["error"].get("details", ()))} | {
            "body"
        }, (body, answer)
    for name in ("double--hyphen", "-first", "last-", "x" * 64):
        assert (await play.put(name, CLASSIC))[0] == 400
    assert (await play.put("wrong", CLASSIC, "rg-left"))[0] == 400
    assert play.at.all_writes(since) == []


async def test_a_rehearsal_says_what_would_be_made_and_stores_nothing(play: Play) -> None:
    status, answer = await play.put("rehearsed", MANAGED, query="?dryRun=true")

    assert (status, answer["dryRun"]) == (200, True)
    (action,) = answer["plan"]["actions"]
    assert action.startswith("make managed cache rehearsed (Balanced_B5, westeurope) without public access")
    assert (await play.get("rehearsed"))[0] == 404


async def test_audit_mode_makes_nothing_and_says_what_it_would_make(play: Play) -> None:
    since = play.at.now
    await play.put("audited", CLASSIC, "rg-audited")
    status, answer = await play.at.stage.call("GET", path("audited", "rg-audited") + "?wait=30")

    assert (status, answer["verdict"]["verdict"]) == (409, "AuditOnly")
    assert "make classic cache audited" in answer["verdict"]["message"]
    assert play.at.all_writes(since) == []


@pytest.mark.parametrize(
    ("status", "code", "message", "reason"),
    [
        (409, "NameNotAvailable", "An error occurred when trying to reserve the DNS name.", "CacheNameTaken"),
        (400, "SkuNotAvailable", "The requested size is not available in westeurope.", "SkuUnavailable"),
        (400, "BadRequest", "Creation of new caches is no longer supported.", "KindRetired"),
        (400, "QuotaExceeded", "The subscription has as many caches as it may have.", "CacheQuota"),
    ],
)
async def test_what_azure_refuses_is_blocked_with_its_reason_and_can_be_withdrawn(
    play: Play, status: int, code: str, message: str, reason: str
) -> None:
    name = f"refused-{reason.lower()}"
    play.at.stage.azure.faults.add(Respond(status, code, message), Match("PUT", f"/redis/{name}$"))
    await play.put(name, CLASSIC)

    blocked, answer = await play.get(name, "?wait=30")

    assert (blocked, answer["verdict"]["reason"], answer["observed"]) == (409, reason, None)
    gone, _ = await play.at.stage.call("DELETE", path(name))
    assert gone == 200
    await play.at.until_at_rest()
    assert (await play.get(name))[0] == 404


async def test_a_cache_that_somebody_deletes_afterwards_is_not_made_again(play: Play) -> None:
    await play.put("fleeting", CLASSIC)
    assert (await play.get("fleeting", "?wait=60"))[0] == 200
    play.at.stage.outside("DELETE", fleet.cache_id("fleeting"))
    await play.at.until_at_rest()
    await play.at.swept()
    await play.at.until_at_rest()

    assert play.at.stage.azure.world.show(fleet.cache_id("fleeting")) is None


async def test_a_cache_that_is_there_is_not_deleted_by_withdrawing_it(play: Play) -> None:
    await play.put("kept", CLASSIC)
    await play.get("kept", "?wait=60")

    status, answer = await play.at.stage.call("DELETE", path("kept"))

    assert (status, answer["error"]["code"]) == (409, "CacheExists")
    assert play.at.private(fleet.cache_id("kept"))


async def test_of_the_whole_story_no_access_key_is_written_anywhere(play: Play) -> None:
    for kind, body in BODIES.items():
        await play.put(f"keyed-{kind}", {**body, "accessKeys": True})
        await play.get(f"keyed-{kind}", "?wait=60")
        await play.ask("GET", path(f"keyed-{kind}") + "/history?pageSize=200")
        await play.ask("GET", path(f"keyed-{kind}") + "/endpoints/weu-prod")
    await play.ask("GET", "caches?counts=true")
    await play.at.until_at_rest()
    azure = play.at.stage.azure
    keys = azure.world.keys
    assert len(keys) >= 2

    written = {
        "answers": play.answers,
        "storage": await everything_stored(play),
        "log": [play.log.read_text("utf-8")],
        "announcements": [json.dumps(each.event) for each in azure.topic.published],
    }

    assert [where for where, texts in written.items() if not any("keyed-classic" in text for text in texts)] == []
    assert [where for where, texts in written.items() if any(key in text for key in keys for text in texts)] == []
    assert [each.path for each in azure.world.journal if "listkeys" in each.resource] == []


async def everything_stored(play: Play) -> list[str]:
    """Give every row of every table that there is, and every message of every queue."""
    await play.at.stage.store.ensure()
    account = play.at.stage.store.queue._account
    assert account._tables
    assert account._queues
    texts: list[str] = []
    async for table in account._tables.list_tables():
        rows = account._tables.get_table_client(table.name).list_entities()
        texts += [json.dumps(dict(row), default=str) async for row in rows]
    async for queue in account._queues.list_queues():
        messages = await account._queues.get_queue_client(queue.name).peek_messages(32)
        texts += [str(message.content) for message in messages]
    return texts
