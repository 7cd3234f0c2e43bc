"""The roles that are deployed are enough, and nothing in them is too much: take one action away, and something fails.

The stand-in for Azure lets the app do what infra/roles grants and no more. Which calls need which action is the
stand-in's word: from Microsoft's documentation, not from a subscription.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus

import pytest
import pytest_asyncio

from local import fleet
from local.azure.access import Grant
from local.azure.callers import APP
from local.azure.seeds import CacheSeed, ClusterSeed, Seed
from local.azurite import Azurite
from shared.ids import CacheId
from shared.model import Reason, Verdict, VerdictKind
from tests.system.robust.granted import FLEET, HUBS, Right, deployed, rights
from tests.system.robust.town import Story, Town, endpoint_deleted, tagged, town
from tests.system.scene import OPEN

pytestmark = [pytest.mark.emulator_only, pytest.mark.asyncio(loop_scope="module")]

STORY = ("caches", "endpoints", "subnets", "zones")
"""The roles that caches and their endpoints need."""
CALLED = {
    ("caches", "Microsoft.Cache/redis/privateEndpointConnections/write"),
    ("caches", "Microsoft.Cache/redis/privateEndpointConnections/delete"),
    ("caches", "Microsoft.Cache/redisEnterprise/privateEndpointConnections/write"),
    ("caches", "Microsoft.Cache/redisEnterprise/privateEndpointConnections/delete"),
    ("caches", "Microsoft.Resources/subscriptions/read"),
}
"""What of these roles only callers and sweeps need: test_roles_of_callers.py takes it away."""
NEEDED = [right for right in rights(STORY) if right not in CALLED]
BELIEVED = {
    "Microsoft.Network/privateDnsZones/read",
    "Microsoft.Network/privateDnsZones/A/read",
    "Microsoft.Cache/redisEnterprise/databases/read",
}
"""Without these the app asks, is refused, and goes on by what it knows otherwise."""
READ_ENDPOINTS = "Microsoft.Network/privateEndpoints/read"
UNREADABLE = {"Microsoft.Cache/redis/read", "Microsoft.Cache/redisEnterprise/read"}
READ_ZONES = ("zones", "Microsoft.Network/privateDnsZones/read")
ZONED = FLEET | {"dnsZones": [], "zoneMakerResourceGroups": HUBS}
"""The fleet's placements with zones beside their networks."""


@dataclass(frozen=True)
class Played:
    """How a story ended, and which actions the app was refused on the way."""

    verdict: Verdict
    refused: str


@dataclass(frozen=True)
class Office:
    """A town in which the app has roles."""

    town: Town

    async def play(self, cache: CacheId, granted: tuple[Grant, ...]) -> Played:
        """Attach a cache, lose it from its own side, open it by hand; stop where it is Blocked."""
        world, scene, story = self.town.azure.world, self.town.scene, Story(self.town, self.town.hire(), cache)
        world.access.grants[APP.object_id] = granted
        since = len(world.journal)
        try:
            await story.play(tagged(cache))
            for disturb in (scene.lose_connection, lambda id_: scene.update(id_, OPEN)):
                row = await self.town.store.caches.read(cache)
                if row is None or row.verdict is None or row.verdict.kind is not VerdictKind.COMPLIANT:
                    break
                disturb(str(cache))
                await story.play(endpoint_deleted(cache))
        finally:
            del world.access.grants[APP.object_id]
        calls = world.journal.entries(caller=APP.object_id, since=since)
        refusals = [entry.code for entry in calls if entry.status == HTTPStatus.FORBIDDEN]
        row = await self.town.row(cache)
        assert row.verdict is not None
        return Played(row.verdict, " ".join(refusals))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(azurite: Azurite) -> AsyncIterator[Office]:
    async with town(azurite) as built:
        yield Office(built)


def newcomer(office: Office, kind: str, name: str, region: str = "westeurope") -> CacheId:
    tags = {"drawbridge": "private"}
    name = name.lower()[-40:].strip("-")
    if kind == "classic":
        office.town.azure.world.seed(Seed(caches=(CacheSeed(fleet.APPS, "rg-shop", name, region, tags=tags),)))
        return CacheId.parse(fleet.cache_id(name))
    # One of a pair, so that the app has to learn which clusters replicate with each other.
    pair = [(name, tags), (f"{name}-2", {})]
    clusters = (
        ClusterSeed(fleet.APPS, "rg-shop", each, region, sku="Balanced_B5", tags=worn, geo=name) for each, worn in pair
    )
    office.town.azure.world.seed(Seed(clusters=tuple(clusters)))
    return CacheId.parse(fleet.cluster_id(name))


def spelt(action: str) -> str:
    return action.replace("Microsoft.", "").replace("/", "-").replace("Enterprise", "e")


@pytest.mark.parametrize("kind", ["classic", "managed"])
async def test_the_roles_are_enough_for_the_whole_story(office: Office, kind: str) -> None:
    played = await office.play(newcomer(office, kind, f"whole-{kind}"), deployed(FLEET))

    assert (played.verdict.kind, played.refused) == (VerdictKind.COMPLIANT, "")


@pytest.mark.parametrize("right", NEEDED, ids=" ".join)
async def test_without_any_one_action_something_is_refused_with_its_reason(office: Office, right: Right) -> None:
    role, action = right
    kind = "managed" if "redisEnterprise" in action else "classic"

    played = await office.play(newcomer(office, kind, spelt(action)), deployed(FLEET, right))

    assert played.refused, f"{action} is in the role {role} and nothing needs it"
    if action in BELIEVED:
        assert played.verdict.kind is VerdictKind.COMPLIANT, played
        return
    reason = Reason.CACHE_UNREADABLE if action in UNREADABLE else Reason.PERMISSION_DENIED
    assert (played.verdict.kind, played.verdict.reason) == (VerdictKind.BLOCKED, reason), played
    named = f"may not read endpoint pe-{spelt(action).lower()}" if action == READ_ENDPOINTS else action.lower()
    assert named in played.verdict.message.lower(), played


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def zoners(azurite: Azurite) -> AsyncIterator[Office]:
    """Give a town whose placements make their own zones, and a region that has none."""
    async with town(azurite, fleet.policy(dns="create")) as built:
        yield Office(built)


async def in_a_network_without_zones(office: Office, name: str, granted: tuple[Grant, ...]) -> Played:
    world = office.town.azure.world
    group = f"/subscriptions/{fleet.HUB}/resourceGroups/rg-hub-neu"
    for there in [each.id for each in world.store.within(group) if "/privateDnsZones/" in each.id]:
        world.remove(there)
    return await office.play(newcomer(office, "classic", name, "northeurope"), granted)


async def test_the_roles_are_enough_where_zones_are_made(zoners: Office) -> None:
    played = await in_a_network_without_zones(zoners, "zoned", deployed(ZONED))

    assert (played.verdict.kind, played.refused) == (VerdictKind.COMPLIANT, "")


@pytest.mark.parametrize("right", [*rights(["zone-maker"]), READ_ZONES], ids=" ".join)
async def test_without_any_one_action_no_zone_is_made(zoners: Office, right: Right) -> None:
    role, action = right

    played = await in_a_network_without_zones(zoners, f"{role[4]}-{spelt(action)}", deployed(ZONED, right))

    assert played.refused, f"{action} is in the role {role} and nothing needs it"
    assert (played.verdict.kind, played.verdict.reason) == (VerdictKind.BLOCKED, Reason.PERMISSION_DENIED), played
    assert action.lower() in played.verdict.message.lower(), played
