"""Who may leave a cache open, for how long, and what is told of it: exemptions, public access, history, the fleet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from local import fleet
from local.azure.seeds import CacheSeed, ClusterSeed, Seed
from local.azurite import Azurite
from shared.api.operation import Role
from shared.ids import CacheId
from shared.model import Verdict
from tests.system.office import Office, office
from tests.system.scene import with_rules

pytestmark = [pytest.mark.emulator_only, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def at(azurite: Azurite) -> AsyncIterator[Office]:
    """Give an office whose policy closes what is enrolled, and in one group nothing."""
    rules = (
        "{match: {resourceGroups: [rg-lax]}, closePublicAccess: none}",
        "{match: {resourceGroups: [rg-none]}, enrol: none}",
    )
    async with office(azurite, with_rules(fleet.policy(), *rules)) as opened:
        yield opened


def cache(at: Office, name: str, group: str = "rg-shop", **tags: str) -> CacheId:
    """Let a cache appear."""
    given = {key.replace("_", "-"): value for key, value in tags.items()}
    at.town.azure.world.seed(Seed(caches=(CacheSeed(fleet.APPS, group, name, tags=given),)))
    return CacheId.parse(fleet.cache_id(name, group))


def in_days(at: Office, days: int) -> str:
    return str((at.clock() + timedelta(days=days)).date())


def wish(at: Office, days: int = 10, **changes: object) -> dict[str, object]:
    return {"until": in_days(at, days), "reason": "the vendor moves", "owner": "team-shop", **changes}


# ── exemptions ──────────────────────────────────────────────────────────────────────────────────


async def test_an_exemption_tolerates_is_reminded_of_ends_and_is_enforced_again(at: Office) -> None:
    one = cache(at, "exempted", drawbridge="private")
    granted = await at.ask("put_exemption", one, wish(at))
    assert (granted.status, granted.body["state"], granted.body["grantedBy"]) == (200, "Ready", "ada@example.com")

    try:
        assert await at.settled(one) == "Exempt"
        assert (at.access(one), at.town.scene.endpoints(str(one))) == ("Enabled", [])
        assert at.town.told(one) == []

        at.clock.moved = timedelta(days=8)
        assert await at.settled(one) == "Exempt"
        assert [kind for kind, _ in at.town.told(one)] == ["Drawbridge.Cache.ExemptionEnding"]

        at.clock.moved = timedelta(days=11)
        assert await at.settled(one) == "Compliant"
        assert at.access(one) == "Disabled"
        assert at.town.scene.private(str(one))
        assert "Drawbridge.Cache.ExemptionEnded" in [kind for kind, _ in at.town.told(one)]
        assert (await at.ask("get_exemption", one)).body["state"] == "Blocked"
    finally:
        at.clock.moved = timedelta()


async def test_an_exemption_that_is_deleted_is_over_at_once(at: Office) -> None:
    one = cache(at, "pardoned", drawbridge="private")
    etag = (await at.ask("put_exemption", one, wish(at))).headers["ETag"]
    assert await at.settled(one) == "Exempt"

    stale = await at.ask("delete_exemption", one, headers={"If-Match": '"0"'})
    assert (stale.status, (await at.ask("get_exemption", one)).headers["ETag"]) == (412, etag)
    assert (await at.ask("delete_exemption", one, headers={"If-Match": etag})).status == 204

    assert (await at.ask("get_exemption", one)).status == 404
    assert (await at.ask("delete_exemption", one)).status == 204
    assert await at.settled(one) == "Compliant"
    assert at.access(one) == "Disabled"


WRONG = {
    "too-long": ({"until": "9999-01-01"}, "until", "as the policy says"),
    "over": ({"until": "2020-01-01"}, "until", "must be from"),
    "not-a-date": ({"until": "31.12.2026"}, "until", "2026-12-31"),
    "not-a-day": ({"until": "2026-02-30"}, "until", "2026-12-31"),
    "no-reason": ({"reason": " "}, "reason", "requires a reason"),
    "no-owner": ({"owner": ""}, "owner", "team-shop"),
    "lines": ({"reason": "a\nb"}, "reason", "not right here"),
    "unknown": ({"till": "x"}, "till", "did you mean 'until'?"),
}


@pytest.mark.parametrize("what", WRONG)
async def test_an_exemption_is_held_to_the_policy(at: Office, what: str) -> None:
    changes, target, words = WRONG[what]
    reply = await at.ask("put_exemption", CacheId.parse(fleet.cache_id("any")), {**wish(at), **changes})

    assert (reply.status, reply.body["error"]["target"]) == (400, target)
    assert words in reply.said


@pytest.mark.parametrize("operation", ["put_exemption", "delete_exemption"])
async def test_exemptions_are_an_admins(at: Office, operation: str) -> None:
    one = CacheId.parse(fleet.cache_id("any"))
    reply = await at.ask(operation, one, wish(at) if operation == "put_exemption" else None, role=Role.OPERATOR)

    assert (reply.status, reply.code) == (403, "Forbidden")


async def test_a_rehearsed_exemption_says_what_would_be_and_stores_nothing(at: Office) -> None:
    one = cache(at, "rehearsed", drawbridge="private")
    reply = await at.ask("put_exemption", one, wish(at), query={"dryRun": "true"})

    assert (reply.status, reply.body["plan"]["verdict"]["verdict"]) == (200, "Exempt")
    assert (await at.ask("get_exemption", one)).status == 404


# ── public access ───────────────────────────────────────────────────────────────────────────────


async def test_enabled_is_refused_where_the_policy_closes_and_done_where_an_exemption_holds(at: Office) -> None:
    one = cache(at, "opened", drawbridge="private")
    assert await at.settled(one) == "Compliant"
    enabled = {"publicNetworkAccess": "Enabled"}

    refused = await at.ask("put_access", one, enabled)
    assert (refused.status, refused.code) == (409, "PolicyCloses")
    assert (await at.ask("put_access", one, enabled, role=Role.OPERATOR)).status == 403

    await at.ask("put_exemption", one, wish(at))
    asked = await at.ask("put_access", one, enabled)
    assert (asked.status, asked.body["state"]) == (202, "Converging")
    assert await at.settled(one) == "Exempt"
    assert at.access(one) == "Enabled"
    standing = await at.ask("get_access", one)
    assert (standing.status, standing.body["publicNetworkAccess"], standing.body["wanted"]) == (200, "Enabled", None)

    await at.ask("delete_exemption", one)
    assert await at.settled(one) == "Compliant"
    assert at.access(one) == "Disabled"


async def test_what_was_opened_on_request_and_closed_by_hand_is_not_opened_again(at: Office) -> None:
    one = cache(at, "lax", "rg-lax", drawbridge="private")
    await at.settled(one)
    assert at.access(one) == "Disabled"

    await at.ask("put_access", one, {"publicNetworkAccess": "Enabled"})
    await at.settled(one)
    assert at.access(one) == "Enabled"
    at.town.scene.update(str(one), {"properties": {"publicNetworkAccess": "Disabled"}})
    await at.settled(one)
    assert at.access(one) == "Disabled"


async def test_disabled_is_kept_up_where_the_policy_would_not_close(at: Office) -> None:
    one = cache(at, "strict", "rg-lax", drawbridge="private")
    await at.settled(one)
    at.town.scene.update(str(one), {"properties": {"publicNetworkAccess": "Enabled"}})
    await at.settled(one)
    assert at.access(one) == "Enabled"

    asked = await at.ask("put_access", one, {"publicNetworkAccess": "Disabled"}, role=Role.OPERATOR)
    assert asked.status == 202
    await at.settled(one)
    assert at.access(one) == "Disabled"
    standing = await at.ask("get_access", one)
    assert (standing.status, standing.body["state"], standing.body["wanted"]) == (200, "Ready", "Disabled")
    at.town.scene.update(str(one), {"properties": {"publicNetworkAccess": "Enabled"}})
    await at.settled(one)
    assert at.access(one) == "Disabled"


async def test_a_cache_without_a_private_way_in_is_not_closed_on_request(at: Office) -> None:
    one = cache(at, "bare")
    await at.ask("put_access", one, {"publicNetworkAccess": "Disabled"})

    assert await at.settled(one) == "Blocked(NoPrivateWay)"
    blocked = await at.ask("get_access", one)
    assert (blocked.status, blocked.body["verdict"]["reason"]) == (409, "NoPrivateWay")
    assert at.access(one) == "Enabled"


async def test_a_cluster_without_the_property_says_so(at: Office) -> None:
    at.town.azure.world.seed(
        Seed(clusters=(ClusterSeed(fleet.APPS, "rg-shop", "flagless", public_network_access=None),))
    )
    reply = await at.ask("put_access", CacheId.parse(fleet.cluster_id("flagless")), {"publicNetworkAccess": "Disabled"})

    assert (reply.status, reply.code) == (409, "NoPublicNetworkAccess")


# ── what the policy does not grant ──────────────────────────────────────────────────────────────


async def test_an_endpoint_that_the_policy_does_not_grant_is_blocked_and_says_why(at: Office) -> None:
    one = cache(at, "unwanted", "rg-none")
    assert (await at.ask("put_endpoint", one)).status == 202
    await at.settled(one)

    blocked = await at.ask("get_endpoint", one, query={"wait": "20"})

    assert (blocked.status, blocked.body["state"]) == (409, "Blocked")
    assert "enrols no cache here" in blocked.body["message"]


# ── races ───────────────────────────────────────────────────────────────────────────────────────


async def test_whoever_asks_and_withdraws_at_once_the_last_word_stands_and_nobody_is_lost(at: Office) -> None:
    one = cache(at, "raced", drawbridge="private")
    await at.settled(one)
    both = [at.ask("put_endpoint", one, placement="neu-prod") for _ in range(3)]
    both += [at.ask("delete_endpoint", one, placement="neu-prod") for _ in range(3)]

    statuses = {reply.status for reply in await asyncio.gather(*both)}

    assert statuses <= {200, 202, 204}
    assert await at.settled(one) == "Compliant"
    stored = await at.town.store.requests.get(one, "neu-prod")
    regions = {endpoint.region for endpoint in at.town.scene.endpoints(str(one))}
    assert ("northeurope" in regions) is (stored is not None and not stored.withdrawn)


async def test_with_a_condition_one_of_many_wins_and_the_others_are_told(at: Office) -> None:
    one = cache(at, "contended")
    first = await at.ask("put_exemption", one, wish(at), headers={"If-None-Match": "*"})
    match = {"If-Match": first.headers["ETag"]}
    replies = await asyncio.gather(
        *(at.ask("put_exemption", one, wish(at, 5 + n), headers=match) for n in range(4)),
        at.ask("delete_exemption", one, headers=match),
    )

    assert sorted(reply.status for reply in replies)[1:] == [412] * 4


# ── history ─────────────────────────────────────────────────────────────────────────────────────


async def test_the_history_says_who_asked_what_was_done_and_how_it_was_before_and_after(at: Office) -> None:
    one = cache(at, "storied")
    await at.ask("put_endpoint", one)
    await at.settled(one)
    await at.ask("put_exemption", one, wish(at))

    told = (await at.ask("get_history", one, query={"pageSize": "200"})).body["value"]

    assert [entry["at"] for entry in told] == sorted((entry["at"] for entry in told), reverse=True)
    newest, oldest = told[0], told[-1]
    assert (newest["operation"], newest["caller"]) == ("PUT exemption", "ada@example.com")
    assert newest["done"][0].startswith("exempted the cache until")
    assert oldest["done"] == ["asked for an endpoint in placement 'weu-prod'"]
    made = next(entry for entry in told if any(each.startswith("make endpoint") for each in entry["done"]))
    assert made["was"]["endpoints"] == []
    assert len(made["became"]["endpoints"]) == 1
    settled = next(entry for entry in told if entry["after"]["verdict"] == "Compliant" and entry["announced"])
    assert settled["became"]["publicNetworkAccess"] == "Disabled"


async def test_the_history_is_paged_and_whole(at: Office) -> None:
    one = CacheId.parse(fleet.cache_id("storied"))
    whole = [entry["id"] for entry in (await at.ask("get_history", one, query={"pageSize": "200"})).body["value"]]
    read: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = (await at.ask("get_history", one, query={"pageSize": "2", **token})).body
        read += [entry["id"] for entry in page["value"]]
        if "nextLink" not in page:
            break
        assert page["nextLink"].startswith(f"/api/caches/{fleet.APPS}/rg-shop/storied/history?pageSize=2&pageToken=")
        token = {"pageToken": page["nextLink"].partition("pageToken=")[2].replace("%3D", "=")}

    assert read == whole
    assert len(set(read)) == len(read)


async def test_a_cache_without_a_past_has_an_empty_history_and_none_that_is_not_there(at: Office) -> None:
    assert (await at.ask("get_history", cache(at, "newborn"))).body == {"value": []}
    assert (await at.ask("get_history", CacheId.parse(fleet.cache_id("nowhere")))).status == 404


@pytest.mark.parametrize("token", ["x", "W10=", "größe"])
async def test_a_token_that_no_page_gave_is_refused(at: Office, token: str) -> None:
    reply = await at.ask("get_history", CacheId.parse(fleet.cache_id("storied")), query={"pageToken": token})

    assert (reply.status, reply.body["error"]["target"]) == (400, "pageToken")


async def test_a_token_of_another_cache_leads_to_no_other_history(at: Office) -> None:
    mine, other = cache(at, "mine", drawbridge="private"), CacheId.parse(fleet.cache_id("storied"))
    await at.ask("put_endpoint", mine)
    first = (await at.ask("get_history", other, query={"pageSize": "1"})).body["nextLink"]
    token = first.partition("pageToken=")[2].replace("%3D", "=")

    told = (await at.ask("get_history", mine, query={"pageToken": token})).body["value"]

    theirs = {entry["id"] for entry in (await at.ask("get_history", other, query={"pageSize": "200"})).body["value"]}
    assert not theirs & {entry["id"] for entry in told}


# ── the fleet ───────────────────────────────────────────────────────────────────────────────────


async def test_the_fleet_is_listed_filtered_counted_and_paged(at: Office) -> None:
    for number in range(5):
        one = cache(
            at, f"herd-{number}", "rg-herd", drawbridge="private" if number % 2 else "none", Team=f"t{number % 2}"
        )
        await at.ask("put_endpoint", one)
        await at.settled(one)

    mine = {"tag": "team=t1", "kind": "classic", "verdict": "Compliant"}
    told = (await at.ask("list_caches", query={"counts": "true", **mine})).body
    assert [entry["id"].rpartition("/")[2] for entry in told["value"]] == ["herd-1", "herd-3"]
    assert (told["counts"], told["countsByKind"], told["countsByReason"]) == ({"Compliant": 2}, {"classic": 2}, {})
    assert told["value"][0]["placements"] == ["weu-prod"]
    assert "nextLink" not in told

    lost = cache(at, "herd-lost", "rg-herd", team="t1", drawbridge="private", drawbridge_placement="atlantis")
    assert await at.settled(lost) == "Blocked(PlacementUnknown)"
    told = (await at.ask("list_caches", query={"counts": "true", "tag": "team=t1", "pageSize": "1"})).body
    assert (told["counts"], told["countsByReason"]) == ({"Compliant": 2, "Blocked": 1}, {"PlacementUnknown": 1})
    assert told["countsByKind"] == {"classic": 3}

    page = (await at.ask("list_caches", query={"pageSize": "2", "tag": "team"})).body
    assert len(page["value"]) == 2
    assert "tag=team" in page["nextLink"]
    assert "pageToken=" in page["nextLink"]
    assert (await at.ask("list_caches", query={"tag": "team=T1"})).body["value"] == []
    assert (await at.ask("list_caches", query={"subscription": fleet.HUB})).body["value"] == []


async def test_what_is_not_in_scope_is_not_listed(at: Office) -> None:
    excluded = CacheId.parse(fleet.cache_id("node", "mc_nodes"))
    await at.town.store.caches.fail(excluded, (await _any_verdict(at)))

    told = (await at.ask("list_caches", query={"pageSize": "1000"})).body["value"]

    assert "mc_nodes" not in str(told).lower()


async def _any_verdict(at: Office) -> Verdict:
    one = cache(at, "whatever", drawbridge="private")
    await at.settled(one)
    verdict = (await at.town.row(one)).verdict
    assert verdict
    return verdict
