"""Endpoints over HTTP from their first request to their last: chosen, withdrawn, refused, and given up."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from local import fleet
from local.azure.seeds import CacheSeed, ClusterSeed
from local.azurite import Azurite
from local.stage import eventually
from tests.system.calling import Pipeline, at_rest, path
from tests.system.scene import playing, scene, with_rules

pytestmark = [pytest.mark.emulator_only, pytest.mark.asyncio(loop_scope="module")]

ENROLLED = {"drawbridge": "private"}
NAMES = ("two", "moved", "lastly", "rehearsed", "foreign", "named", "manual", "free", "fixed", "addressed")
CACHES: tuple[CacheSeed | ClusterSeed, ...] = (
    *(CacheSeed(fleet.APPS, "rg-shop", name) for name in NAMES),
    CacheSeed(fleet.APPS, "rg-shop", "tagged", tags=ENROLLED),
    ClusterSeed(fleet.APPS, "rg-shop", "old", public_network_access=None),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def admin(azurite: Azurite) -> AsyncIterator[Pipeline]:
    """Give an Admin of an app that has swept once."""
    policy = with_rules(fleet.policy(), "{match: {kinds: [classic]}, freePlacement: allowed, optOut: allowed}")
    options = playing(azurite, *CACHES, policy=policy, settings={"DRAWBRIDGE_KEY_ROLE": "Admin"})
    async with scene(options) as at, aiohttp.ClientSession() as session:
        await at.swept()
        yield Pipeline(at, session)


def url(name: str, placement: str = "weu-prod", **query: str) -> str:
    given = "&".join(f"{key}={value}" for key, value in query.items())
    return f"{path(name)}/endpoints/{placement}?{given}"


async def made(admin: Pipeline, name: str, *placements: str, body: bytes | None = None) -> None:
    for placement in placements:
        reply = await admin.ask("PUT", url(name, placement, wait="60"), body)
        assert (reply.status, reply.body["state"]) == (200, "Ready"), reply.body


async def test_one_of_two_is_withdrawn_and_deleted_and_can_be_asked_for_again(admin: Pipeline) -> None:
    at, cache = admin.at, fleet.cache_id("two")
    await made(admin, "two", "weu-prod", "neu-prod")
    since = at.now

    gone = await admin.ask("DELETE", url("two", "neu-prod", wait="60"))

    assert (gone.status, gone.body) == (204, None)
    assert [endpoint.region for endpoint in at.endpoints(cache)] == ["westeurope"]
    assert at.private(cache)
    # Both wrote the same record, and what deletes one takes it along: it is written again before the answer.
    assert at.story(cache, since) == ["DELETE endpoint", "PUT zone group"]
    assert (await admin.ask("GET", url("two", "neu-prod"))).status == 404
    assert (await admin.ask("DELETE", url("two", "neu-prod"))).status == 204
    await made(admin, "two", "neu-prod")


async def test_the_last_one_is_refused_then_allowed_and_the_cache_stays_shut(admin: Pipeline) -> None:
    at, cache = admin.at, fleet.cache_id("lastly")
    await made(admin, "lastly", "weu-prod")
    since = at.now

    refused = await admin.ask("DELETE", url("lastly"))
    assert (refused.status, refused.error[0]) == (409, "LastEndpoint")
    assert at.writes(cache, since) == []

    assert (await admin.ask("DELETE", url("lastly", lastEndpoint="true", wait="60"))).status == 204
    await at_rest(admin)
    assert at.story(cache, since) == ["DELETE endpoint", "PATCH cache"]
    assert at.endpoints(cache) == []
    assert at.cache(cache).public == "Disabled"
    await at.swept()
    await at_rest(admin)
    assert at.endpoints(cache) == []

    await made(admin, "lastly", "weu-prod")


async def test_a_cache_moves_from_one_placement_to_another_without_a_moment_in_between(admin: Pipeline) -> None:
    at, cache = admin.at, fleet.cache_id("moved")
    await made(admin, "moved", "weu-prod")
    assert (await admin.ask("PUT", url("moved", "neu-prod"))).status == 202

    assert (await admin.ask("DELETE", url("moved", wait="90"))).status == 204
    assert [endpoint.region for endpoint in at.endpoints(cache)] == ["northeurope"]
    assert at.private(cache)


async def test_what_a_tag_asks_for_too_is_not_withdrawn(admin: Pipeline) -> None:
    await made(admin, "tagged", "weu-prod")

    reply = await admin.ask("DELETE", url("tagged", lastEndpoint="true"))

    assert (reply.status, reply.error[0]) == (409, "WantedOtherwise")


async def test_somebody_elses_endpoint_stays_when_the_request_goes(admin: Pipeline) -> None:
    at, cache = admin.at, fleet.cache_id("foreign")
    endpoint = at.endpoint_by_hand(cache, "pe-by-hand", fleet.subnet_id("weu"))
    await at.until_working(endpoint)
    await made(admin, "foreign", "weu-prod")

    assert (await admin.ask("DELETE", url("foreign", wait="60"))).status == 204
    assert [each.name for each in at.endpoints(cache)] == ["pe-by-hand"]


async def test_a_cluster_that_would_be_open_keeps_its_last_endpoint(admin: Pipeline) -> None:
    assert (await admin.ask("PUT", url("old", wait="60"))).status == 200

    reply = await admin.ask("DELETE", url("old", lastEndpoint="true"))

    assert (reply.status, reply.error[0]) == (409, "LastEndpoint")
    assert "open to everybody" in reply.error[1]


async def test_a_rehearsed_withdrawal_says_what_would_go_and_leaves_it(admin: Pipeline) -> None:
    at, cache = admin.at, fleet.cache_id("rehearsed")
    await made(admin, "rehearsed", "weu-prod")
    since = await at_rest(admin)

    reply = await admin.ask("DELETE", url("rehearsed", lastEndpoint="true", dryRun="true"))

    assert (reply.status, reply.body["dryRun"]) == (200, True)
    assert "its request was withdrawn" in reply.body["plan"]["actions"][0]
    assert at.all_writes(since) == []
    assert (await admin.ask("GET", url("rehearsed"))).status == 200
    assert at.private(cache)


async def test_what_a_caller_chooses_about_an_endpoint_is_how_it_is_made(admin: Pipeline) -> None:
    at, cache = admin.at, fleet.cache_id("named")
    body = b'{"endpointName": "pe-Mine", "networkInterfaceName": "nic-mine"}'
    await made(admin, "named", "weu-prod", body=body)

    (endpoint,) = at.endpoints(cache)
    assert (endpoint.name, endpoint.nic_id.rpartition("/")[2]) == ("pe-mine", "nic-mine")
    assert at.private(cache)
    other = await admin.ask("PUT", url("named"), b'{"endpointName": "pe-other"}')
    assert (other.status, other.error[0]) == (409, "EndpointExists")
    assert (await admin.ask("PUT", url("named"), body)).status == 200


async def test_an_address_and_groups_that_a_caller_chose_reach_azure(admin: Pipeline) -> None:
    at, cache = admin.at, fleet.cache_id("addressed")
    group = fleet.subnet_id("weu").partition("/virtualNetworks/")[0] + "/applicationSecurityGroups/asg-shop"
    body = f'{{"ipAddress": "10.0.1.77", "applicationSecurityGroups": ["{group}"]}}'.encode()
    reply = await admin.ask("PUT", url("addressed", wait="60"), body)

    puts = [entry for entry in at.writes(cache) if "/privateendpoints/" in entry.resource and entry.method == "PUT"]
    sent = puts[0].body["properties"] if puts[0].body else {}
    assert sent["ipConfigurations"][0]["properties"]["privateIPAddress"] == "10.0.1.77"
    assert sent["applicationSecurityGroups"] == [{"id": group.lower()}] or reply.status == 409


async def test_a_manual_connection_waits_for_the_owner(admin: Pipeline) -> None:
    at, cache = admin.at, fleet.cache_id("manual")
    body = b'{"manualApproval": true, "requestMessage": "for the shop"}'

    blocked = await admin.ask("PUT", url("manual", wait="60"), body)
    assert (blocked.status, blocked.body["reason"]) == (409, "EndpointPending")
    (endpoint,) = at.endpoints(cache)
    assert endpoint.message == "for the shop"

    state = {"status": "Approved", "description": "welcome"}
    (connection,) = at.cache(cache).connections
    approval = {"properties": {"privateLinkServiceConnectionState": state}}
    at.stage.outside("PUT", f"{cache}/privateEndpointConnections/{connection.name}", approval)
    await eventually(lambda: _answers(admin, url("manual"), 200), 30, "the endpoint to be ready")
    assert at.private(cache)


async def test_a_subnet_may_be_chosen_where_the_policy_allows_it(admin: Pipeline) -> None:
    at, cache = admin.at, fleet.cache_id("free")
    body = f'{{"subnet": "{fleet.subnet_id("neu")}"}}'.encode()
    await made(admin, "free", "my-own", body=body)

    (endpoint,) = at.endpoints(cache)
    assert endpoint.region == "northeurope"
    assert at.private(cache)
    assert (await admin.ask("GET", url("free", "my-own"))).body["endpoint"].lower() == endpoint.id.lower()
    assert (await admin.ask("DELETE", url("free", "my-own", lastEndpoint="true", wait="60"))).status == 204
    assert at.endpoints(cache) == []


async def _answers(admin: Pipeline, where: str, status: int) -> bool:
    return (await admin.ask("GET", where)).status == status


WRONG = {
    "another-subnet-of-a-placement": (
        "weu-prod",
        f'{{"subnet": "{fleet.subnet_id("neu")}"}}',
        "subnet",
        "another subnet",
    ),
    "no-such-subnet": ("mine", f'{{"subnet": "{fleet.subnet_id("neu", "nowhere")}"}}', "subnet", "was not found"),
    "no-subnet-at-all": ("mine", "{}", "placement", "not a placement of the policy"),
    "not-a-subnet": ("mine", '{"subnet": "/subscriptions/x"}', "subnet", "is not a subnet's id"),
    "a-twin-of-a-placement": ("WEU-prod", f'{{"subnet": "{fleet.subnet_id("neu")}"}}', "placement", "in case alone"),
    "a-name-with-a-space": ("weu-prod", '{"endpointName": "my pe"}', "endpointName", "pe-shop-weu"),
    "a-public-address": ("weu-prod", '{"ipAddress": "8.8.8.8"}', "ipAddress", "no private address"),
    "an-address-of-another-subnet": ("weu-prod", '{"ipAddress": "10.1.0.77"}', "ipAddress", "10.0.0.0/20"),
    "an-address-that-azure-keeps": ("weu-prod", '{"ipAddress": "10.0.0.3"}', "ipAddress", "10.0.0.0/20"),
    "half-an-address": ("weu-prod", '{"ipAddress": "10.1.2"}', "ipAddress", "10.1.2.3"),
    "not-a-group": (
        "weu-prod",
        '{"applicationSecurityGroups": ["x"]}',
        "applicationSecurityGroups[0]",
        "is not the id",
    ),
    "a-message-to-nobody": ("weu-prod", '{"requestMessage": "hi"}', "requestMessage", "manualApproval"),
}


@pytest.mark.parametrize("what", WRONG)
async def test_a_wrong_choice_is_refused_by_its_field(admin: Pipeline, what: str) -> None:
    placement, body, target, words = WRONG[what]

    reply = await admin.ask("PUT", url("fixed", placement), body.encode())

    assert (reply.status, reply.body["error"]["target"]) == (400, target)
    assert words in reply.error[1]
