"""Who makes an endpoint's DNS is the placement's choice: zones by id, a zone beside the network, or somebody else."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from local import fleet
from local.azure.dnsrecords import RecordSet
from local.azure.network.zonegroups import ZoneGroup
from local.azure.privatedns import Link
from local.azure.seeds import CacheSeed
from local.azure.world import PolicyZoneGroups
from local.azurite import Azurite
from local.stage import eventually
from shared.ids import CacheId
from shared.model import Look, Trigger, WakeUp
from tests.system.scene import Scene, playing, scene

pytestmark = [pytest.mark.emulator_only, pytest.mark.asyncio(loop_scope="module")]

BESIDE = fleet.cache_id("beside")
BESIDE_TOO = fleet.cache_id("beside-too")
CLASHING = fleet.cache_id("clashing")
ZONELESS = fleet.cache_id("zoneless")
TWOFOLD = fleet.cache_id("twofold")
EXTERNAL = fleet.cache_id("external")
OVERTAKEN = fleet.cache_id("overtaken")
PLACED = {
    BESIDE: "beside",
    BESIDE_TOO: "beside",
    CLASHING: "clashing",
    ZONELESS: "zoneless",
    TWOFOLD: "weu-prod, neu-prod",
    EXTERNAL: "external",
    OVERTAKEN: "weu-prod",
}
OWN_ZONE = fleet.ZONE_ID.replace("rg-hub-weu", "rg-hub-eus")


def placement(name: str, short: str, dns: str) -> str:
    where = f"region: {fleet.REGIONS[short]}, subnet: {fleet.subnet_id(short)}"
    group = f"/subscriptions/{fleet.HUB}/resourceGroups/rg-hub-{short}"
    return f"  {name}: {{{where}, endpointResourceGroup: {group}, dns: {dns}}}\n"


def policy() -> str:
    gone = fleet.ZONE_ID.replace("rg-hub-weu", "rg-none")
    return fleet.policy() + "".join(
        [
            placement("beside", "eus", "create"),
            placement("clashing", "neu", "create"),
            placement("zoneless", "weu", f"{{zones: {{{fleet.ZONE}: {gone}}}}}"),
            placement("external", "weu", "external"),
        ]
    )


def seeds(*caches: str) -> list[CacheSeed]:
    return [CacheSeed(fleet.APPS, "rg-shop", cache.rpartition("/")[2]) for cache in caches]


def enrol(at: Scene, *caches: str) -> None:
    for cache in caches:
        at.tag(cache, {"drawbridge": "private", "drawbridge-placement": PLACED[cache]})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def own(azurite: Azurite) -> AsyncIterator[Scene]:
    """Give caches whose placements make their own zones, or name one that is not there."""
    caches = (BESIDE, BESIDE_TOO, CLASHING, ZONELESS, TWOFOLD)
    async with scene(playing(azurite, *seeds(*caches), policy=policy())) as at:
        network = {"id": fleet.subnet_id("neu").rpartition("/subnets/")[0]}
        link = {"location": "global", "properties": {"registrationEnabled": False, "virtualNetwork": network}}
        at.stage.outside("PUT", f"{fleet.ZONE_ID}/virtualNetworkLinks/vnet-neu", link)
        await at.stage.azure.until(lambda world: world.show(f"{fleet.ZONE_ID}/virtualNetworkLinks/vnet-neu"))
        enrol(at, *caches)
        yield at


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(azurite: Azurite) -> AsyncIterator[Scene]:
    """Give caches where Azure Policy makes a zone group for every endpoint, as soon as there is one."""
    options = playing(azurite, *seeds(EXTERNAL, OVERTAKEN), policy=policy())
    deployed = PolicyZoneGroups({fleet.ZONE: fleet.ZONE_ID}, seconds=0)
    async with scene(replace(options, emulator=replace(options.emulator, policy_zone_groups=deployed))) as at:
        enrol(at, EXTERNAL, OVERTAKEN)
        yield at


# ── a zone beside the network ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("cache", [BESIDE, BESIDE_TOO])
async def test_a_zone_is_made_and_linked_beside_the_network_and_holds_the_name(own: Scene, cache: str) -> None:
    await own.stage.until_verdict(cache, "Compliant")

    (endpoint,) = own.endpoints(cache)
    record = own.stage.azure.world.store.find(f"{OWN_ZONE}/A/{own.cache(cache).name}", RecordSet)
    assert record is not None
    assert record.addresses == (endpoint.address,)
    assert own.cache(cache).public == "Disabled"


async def test_one_zone_and_one_link_serve_every_cache_of_a_network(own: Scene) -> None:
    await own.stage.until_verdict(BESIDE, "Compliant")
    await own.stage.until_verdict(BESIDE_TOO, "Compliant")

    links = [link for link in own.stage.azure.world.store.of(Link) if link.zone_id == OWN_ZONE]
    assert [link.vnet_id for link in links] == [fleet.subnet_id("eus").rpartition("/subnets/")[0]]


async def test_a_network_that_knows_another_zone_of_that_name_is_a_conflict_with_words(own: Scene) -> None:
    message = await own.until_blocked(CLASHING, "ZoneConflict")

    assert "overlapping namespaces" in message


async def test_a_zone_that_is_not_there_is_named(own: Scene) -> None:
    message = await own.until_blocked(ZONELESS, "ZoneMissing")

    assert "rg-none" in message


@pytest.mark.parametrize(("cache", "reason"), [(CLASHING, "ZoneConflict"), (ZONELESS, "ZoneMissing")])
async def test_no_cache_is_cut_off_by_an_endpoint_whose_name_cannot_be(own: Scene, cache: str, reason: str) -> None:
    await own.until_blocked(cache, reason)

    assert own.cache(cache).public == "Enabled"


async def test_two_endpoints_that_share_a_zone_do_not_take_the_name_from_each_other(own: Scene) -> None:
    await own.until_private(TWOFOLD)
    await own.until_at_rest()
    since = own.now

    await own.stage.store.queue.put(WakeUp(CacheId.parse(TWOFOLD), Trigger.SWEEP, Look.FULL))
    await own.until_at_rest()

    assert own.story(TWOFOLD, since) == []
    assert "the same zone as 'weu-prod'" in await own.message(TWOFOLD)


# ── somebody else's zone groups ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("cache", [EXTERNAL, OVERTAKEN])
async def test_a_zone_group_that_azure_policy_made_is_as_good_as_an_own_one(shared: Scene, cache: str) -> None:
    await shared.until_private(cache)

    (endpoint,) = shared.endpoints(cache)
    groups = [item for item in shared.stage.azure.world.store.within(endpoint.id) if isinstance(item, ZoneGroup)]
    assert [group.name for group in groups] == ["deployedByPolicy"]
    assert [write for write in shared.story(cache) if write != "PUT zone group"] == ["PUT endpoint"]


async def test_where_somebody_else_makes_the_zone_group_the_app_does_not_try(shared: Scene) -> None:
    await shared.until_private(EXTERNAL)

    assert shared.story(EXTERNAL) == ["PUT endpoint"]


async def test_a_zone_group_that_somebody_takes_away_comes_back(shared: Scene) -> None:
    await shared.until_private(OVERTAKEN)
    (endpoint,) = shared.endpoints(OVERTAKEN)
    since = shared.now

    shared.stage.outside("DELETE", f"{endpoint.id}/privateDnsZoneGroups/deployedByPolicy")
    await eventually(lambda: _named_again(shared, since), 20, "the zone group to be made again")

    await shared.until_private(OVERTAKEN)
    assert shared.story(OVERTAKEN, since) == ["PUT zone group"]


async def _named_again(at: Scene, since: int) -> bool:
    return "PUT zone group" in at.story(OVERTAKEN, since)
