"""A pipeline asks for a network, then for a cache in it: from nothing to a name that resolves, in one go."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from local import fleet
from local.azure.dnsrecords import RecordSet
from local.azure.network.vnets import Subnet, VirtualNetwork
from local.azure.privatedns import Link, Zone
from local.azure.seeds import CacheSeed
from local.azurite import Azurite
from local.stage import eventually
from tests.system.scene import Scene, playing, scene
from tests.system.watched import WatchedStore, doors, watch

pytestmark = [pytest.mark.emulator_only, pytest.mark.asyncio(loop_scope="module")]

APPS, HUB = fleet.APPS, fleet.HUB
BODY = {
    "location": "westeurope",
    "addressSpace": ["10.50.0.0/16"],
    "subnet": {"name": "endpoints", "prefix": "10.50.0.0/24"},
}


def network_id(name: str, subscription: str = APPS, group: str = "rg-net") -> str:
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Network/virtualNetworks/{name}"


def placement(name: str, network: str, dns: str) -> str:
    group = network.partition("/providers/")[0]
    subnet = f"{network}/subnets/endpoints"
    return f"  {name}: {{region: westeurope, subnet: {subnet}, endpointResourceGroup: {group}, dns: {dns}}}\n"


def policy() -> str:
    named = fleet.policy() + placement("own-apps", network_id("own"), "create")
    named += placement("own-hub", network_id("own", HUB), "create")
    zones = ", ".join(f"{zone}: {fleet.zone_id(zone)}" for zone in fleet.ZONES)
    named += placement("spoke", network_id("spoke"), f"{{zones: {{{zones}}}}}")
    allowed = f'"/subscriptions/{APPS}/resourceGroups/rg-net*", "/subscriptions/{HUB}/resourceGroups/rg-net"'
    return named + f"networks: {{allow: [{allowed}]}}\n"


@dataclass(frozen=True)
class Play:
    """A scene, and all that was ever put into its Azure."""

    at: Scene
    watched: WatchedStore

    async def put(self, name: str, body: object, query: str = "", **where: str) -> tuple[int, Any]:
        return await self.at.stage.call("PUT", path(name, **where) + query, body)

    async def get(self, name: str, query: str = "?wait=60", **where: str) -> tuple[int, Any]:
        return await self.at.stage.call("GET", path(name, **where) + query)

    def links(self, network: str) -> list[str]:
        """Give the zones that a network is linked to."""
        found = self.at.stage.azure.world.store.of(Link)
        return sorted(each.zone_id.lower() for each in found if each.vnet_id.lower() == network.lower())


def path(name: str, subscription: str = APPS, group: str = "rg-net") -> str:
    return f"networks/{subscription}/{group}/{name}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def play(azurite: Azurite) -> AsyncIterator[Play]:
    async with scene(playing(azurite, CacheSeed(APPS, "rg-shop", "any"), policy=policy())) as at:
        for subscription, group in ((APPS, "rg-net"), (APPS, "rg-net-found"), (HUB, "rg-net"), (APPS, "rg-other")):
            at.stage.outside("PUT", f"/subscriptions/{subscription}/resourceGroups/{group}", {"location": "westeurope"})
        await at.swept()
        yield Play(at, watch(at.stage.azure.world))


@pytest.mark.parametrize("kind", ["classic", "managed"])
async def test_from_no_network_at_all_to_a_private_cache_in_it(play: Play, kind: str) -> None:
    status, _ = await play.put("spoke", BODY)
    assert status in {200, 202}
    status, network = await play.get("spoke")
    assert (status, network["state"]) == (200, "Ready"), network
    zones = [fleet.zone_id(zone).lower() for zone in (fleet.ZONE, fleet.MANAGED_ZONE)]
    assert play.links(network_id("spoke")) == sorted(zones)

    name = f"in-spoke-{kind}"
    cache = fleet.cache_id(name) if kind == "classic" else fleet.cluster_id(name)
    sku = "Standard_C1" if kind == "classic" else "Balanced_B5"
    wish = {"kind": kind, "location": "westeurope", "sku": sku, "endpoints": ["spoke"]}
    await play.at.stage.call("PUT", f"caches/{APPS}/rg-shop/{name}", wish)
    status, answer = await play.at.stage.call("GET", f"caches/{APPS}/rg-shop/{name}?wait=60")

    assert (status, answer["state"]) == (200, "Ready"), answer
    assert play.at.private(cache)
    assert set(doors(play.watched, cache)) == {"Disabled"}
    (endpoint,) = play.at.endpoints(cache)
    assert endpoint.subnet_id.lower() == f"{network_id('spoke')}/subnets/endpoints".lower()


async def test_two_endpoints_in_two_networks_of_two_subscriptions_each_resolve_through_their_own_zone(
    play: Play,
) -> None:
    for subscription, prefix in ((APPS, "10.60"), (HUB, "10.61")):
        body = {
            "location": "westeurope",
            "addressSpace": [f"{prefix}.0.0/16"],
            "subnet": {"name": "endpoints", "prefix": f"{prefix}.0.0/24"},
            "zones": [fleet.ENTERPRISE_ZONE],
        }
        await play.put("own", body, subscription=subscription)
        assert (await play.get("own", subscription=subscription))[0] == 200

    wish = {"kind": "classic", "location": "westeurope", "sku": "Premium_P1", "endpoints": ["own-apps", "own-hub"]}
    await play.at.stage.call("PUT", f"caches/{APPS}/rg-shop/both", wish)
    status, answer = await play.at.stage.call("GET", f"caches/{APPS}/rg-shop/both?wait=90")

    assert (status, answer["state"]) == (200, "Ready"), answer
    store = play.at.stage.azure.world.store
    by_network = {
        e.subnet_id.lower().rpartition("/subnets/")[0]: e.address for e in play.at.endpoints(fleet.cache_id("both"))
    }
    for network in (network_id("own"), network_id("own", HUB)):
        (zone,) = [each for each in play.links(network) if each.endswith(fleet.ZONE)]
        record = store.find(f"{zone}/A/both", RecordSet)
        assert record is not None
        assert record.addresses == (by_network[network.lower()],)


async def test_asking_again_changes_nothing(play: Play) -> None:
    body = {**BODY, "addressSpace": ["10.70.0.0/16"], "subnet": {"name": "endpoints", "prefix": "10.70.0.0/24"}}
    await play.put("again", body)
    await play.get("again")
    since = play.at.now

    status, answer = await play.put("again", body)

    assert (status, answer["state"]) == (200, "Ready")
    await play.at.until_at_rest()
    assert play.at.all_writes(since) == []


async def test_a_network_that_is_there_is_completed_and_keeps_what_it_has(play: Play) -> None:
    old = network_id("old")
    subnets = [{"name": "apps", "properties": {"addressPrefix": "10.80.0.0/24"}}]
    space = {"addressSpace": {"addressPrefixes": ["10.80.0.0/16"]}, "subnets": subnets}
    play.at.stage.outside("PUT", old, {"location": "westeurope", "tags": {"owner": "net"}, "properties": space})
    await play.at.until_working(old)
    body = {
        "location": "westeurope",
        "addressSpace": ["10.80.0.0/16", "10.81.0.0/16"],
        "subnet": {"name": "endpoints", "prefix": "10.81.0.0/24"},
    }

    await play.put("old", body)
    status, answer = await play.get("old")

    assert (status, answer["state"]) == (200, "Ready"), answer
    found = play.at.stage.azure.world.store.find(old, VirtualNetwork)
    assert found is not None
    assert (found.prefixes, found.tags) == (("10.80.0.0/16", "10.81.0.0/16"), {"owner": "net"})
    assert {each.name: each.prefix for each in found.subnets} == {
        "apps": "10.80.0.0/24",
        "endpoints": "10.81.0.0/24",
    }


async def test_a_zone_that_a_network_has_already_is_found_and_no_second_one_is_made(play: Play) -> None:
    found, zone = network_id("found"), "privatelink.redis.example.net"
    group = f"/subscriptions/{HUB}/resourceGroups/rg-net"
    theirs = f"{group}/providers/Microsoft.Network/privateDnsZones/{zone}"
    world = play.at.stage.azure.world
    space = {"addressSpace": {"addressPrefixes": ["10.90.0.0/16"]}}
    play.at.stage.outside("PUT", found, {"location": "westeurope", "properties": space})
    await play.at.until_working(found)
    world.put(Zone(id=theirs, etag="1"))
    world.put(Link(id=f"{theirs}/virtualNetworkLinks/by-hand", etag="1", vnet_id=found))
    body = {
        "location": "westeurope",
        "addressSpace": ["10.90.0.0/16"],
        "subnet": {"name": "endpoints", "prefix": "10.90.0.0/24"},
        "zones": [zone],
    }

    await play.put("found", body)
    status, answer = await play.get("found")

    assert (status, answer["state"]) == (200, "Ready"), answer
    assert {name: each.lower() for name, each in answer["zones"].items()} == {zone: theirs.lower()}
    assert [each.id for each in world.store.of(Zone) if each.name == zone] == [theirs]


async def test_what_stands_against_the_wish_is_blocked_and_left_alone(play: Play) -> None:
    taken = network_id("taken")
    subnets = [{"name": "apps", "properties": {"addressPrefix": "10.95.0.0/22"}}]
    space = {"addressSpace": {"addressPrefixes": ["10.95.0.0/16"]}, "subnets": subnets}
    play.at.stage.outside("PUT", taken, {"location": "westeurope", "properties": space})
    await play.at.until_working(taken)
    since = play.at.now
    body = {**BODY, "addressSpace": ["10.95.0.0/16"], "subnet": {"name": "endpoints", "prefix": "10.95.0.0/24"}}

    await play.put("taken", body)
    status, answer = await play.get("taken")

    assert (status, answer["reason"]) == (409, "NetworkDiffers")
    assert "overlaps subnet apps" in answer["message"]
    assert play.at.all_writes(since) == []


async def test_where_the_policy_allows_no_networks_none_is_made(play: Play) -> None:
    since = play.at.now
    status, answer = await play.put("vnet-new", BODY, group="rg-other")

    assert (status, answer["error"]["code"]) == (403, "NetworkNotAllowed")
    nobodys = "99999999-0000-1111-2222-333333333333"
    assert (await play.put("vnet-new", BODY, subscription=nobodys))[0] == 404
    assert play.at.all_writes(since) == []


async def test_a_prefix_that_does_not_fit_is_refused_before_anything_is_stored(play: Play) -> None:
    outside = {**BODY, "subnet": {"name": "endpoints", "prefix": "10.51.0.0/24"}}

    status, answer = await play.put("unfit", outside)

    assert (status, answer["error"]["target"]) == (400, "subnet.prefix")
    assert (await play.get("unfit", ""))[0] == 404


async def test_a_rehearsal_says_what_would_be_made(play: Play) -> None:
    status, answer = await play.put("rehearsed", BODY, "?dryRun=true")

    assert status == 200
    assert answer["plan"]["actions"] == ["make network rehearsed (10.50.0.0/16) with subnet endpoints"]
    assert (await play.get("rehearsed", ""))[0] == 404


async def test_a_link_that_somebody_removes_comes_back_with_the_sweep(play: Play) -> None:
    body = {**BODY, "addressSpace": ["10.99.0.0/16"], "subnet": {"name": "endpoints", "prefix": "10.99.0.0/24"}}
    await play.put("mended", body)
    assert (await play.get("mended"))[0] == 200
    world = play.at.stage.azure.world
    for link in [each for each in world.store.of(Link) if each.vnet_id.lower() == network_id("mended").lower()]:
        world.remove(link.id)

    await play.at.stage.sweep()

    async def linked() -> bool:
        return len(play.links(network_id("mended"))) == 2

    await eventually(linked, 30, "the links to come back")
    assert world.store.find(f"{network_id('mended')}/subnets/endpoints", Subnet) is not None
