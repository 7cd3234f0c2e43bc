"""The roles that are deployed are enough, and nothing in them is too much: take one action away, and something fails.

The stand-in for Azure lets the app do what infra/roles grants and no more. Which calls need which action is the
stand-in's word: from Microsoft's documentation, not from a subscription.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import pytest
import pytest_asyncio

from local import fleet
from local.azure.access import Grant
from local.azure.callers import APP
from local.azure.seeds import CacheSeed, ClusterSeed, Seed
from local.azurite import Azurite
from shared.ids import CacheId
from shared.model import Reason, Verdict, VerdictKind
from tests.system.robust.town import Story, Town, endpoint_deleted, tagged, town
from tests.system.scene import OPEN

pytestmark = [pytest.mark.emulator_only, pytest.mark.asyncio(loop_scope="module")]

ROLES = Path(__file__).parents[3] / "infra" / "roles"
STORY = ("caches", "endpoints", "subnets", "zones")
"""The roles that caches and their endpoints need."""
ZONE_STORY = (*STORY, "zone-maker")
ELSEWHERE = {
    "Microsoft.Resources/subscriptions/read": "sweeps; this story has none",
    "Microsoft.Cache/redis/privateEndpointConnections/write": "callers of the API decide about connections",
    "Microsoft.Cache/redis/privateEndpointConnections/delete": "callers of the API remove connections",
    "Microsoft.Cache/redisEnterprise/privateEndpointConnections/write": "as for classic caches",
    "Microsoft.Cache/redisEnterprise/privateEndpointConnections/delete": "as for classic caches",
}
"""Actions of these roles that other stories need."""
BELIEVED = {
    "Microsoft.Network/privateDnsZones/read",
    "Microsoft.Network/privateDnsZones/A/read",
    "Microsoft.Cache/redisEnterprise/databases/read",
}
"""Without these the app asks, is refused, and goes on by what it knows otherwise."""
READ_ENDPOINTS = "Microsoft.Network/privateEndpoints/read"
UNREADABLE = {"Microsoft.Cache/redis/read", "Microsoft.Cache/redisEnterprise/read"}


def actions(roles: Iterable[str]) -> list[str]:
    files = [json.loads((ROLES / f"{role}.json").read_text("utf-8")) for role in roles]
    return [entry["action"] for file in files for entry in file["actions"]]


def only(granted: Iterable[str]) -> tuple[Grant, ...]:
    return (Grant(frozenset(granted)),)


@dataclass(frozen=True)
class Played:
    """How a story ended, and which actions the app was refused on the way."""

    verdict: Verdict
    refused: str


@dataclass(frozen=True)
class Office:
    """A town in which the app has roles."""

    town: Town

    async def play(self, cache: CacheId, granted: Iterable[str]) -> Played:
        """Attach a cache, lose it from its own side, open it by hand; stop where it is Blocked."""
        world, scene, story = self.town.azure.world, self.town.scene, Story(self.town, self.town.hire(), cache)
        world.access.grants[APP.object_id] = only(granted)
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
    played = await office.play(newcomer(office, kind, f"whole-{kind}"), actions(STORY))

    assert (played.verdict.kind, played.refused) == (VerdictKind.COMPLIANT, "")


@pytest.mark.parametrize("action", [each for each in actions(STORY) if each not in ELSEWHERE])
async def test_without_any_one_action_something_is_refused_with_its_reason(office: Office, action: str) -> None:
    kind = "managed" if "redisEnterprise" in action else "classic"
    granted = [each for each in actions(STORY) if each != action]

    played = await office.play(newcomer(office, kind, spelt(action)), granted)

    assert played.refused, f"{action} is in a role and nothing needs it"
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


async def in_a_network_without_zones(office: Office, name: str, granted: Iterable[str]) -> Played:
    world = office.town.azure.world
    group = f"/subscriptions/{fleet.HUB}/resourceGroups/rg-hub-neu"
    for there in [each.id for each in world.store.within(group) if "/privateDnsZones/" in each.id]:
        world.remove(there)
    return await office.play(newcomer(office, "classic", name, "northeurope"), granted)


async def test_the_roles_are_enough_where_zones_are_made(zoners: Office) -> None:
    played = await in_a_network_without_zones(zoners, "zoned", actions(ZONE_STORY))

    assert (played.verdict.kind, played.refused) == (VerdictKind.COMPLIANT, "")


@pytest.mark.parametrize("action", actions(["zone-maker"]))
async def test_without_any_one_action_no_zone_is_made(zoners: Office, action: str) -> None:
    granted = [each for each in actions(ZONE_STORY) if each != action]

    played = await in_a_network_without_zones(zoners, f"z-{spelt(action)}", granted)

    assert played.refused, f"{action} is in a role and nothing needs it"
    assert (played.verdict.kind, played.verdict.reason) == (VerdictKind.BLOCKED, Reason.PERMISSION_DENIED), played
    assert action.lower() in played.verdict.message.lower(), played
