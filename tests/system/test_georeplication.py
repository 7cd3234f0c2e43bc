"""Clusters that hold one set of data in several places: changed one at a time, but never left open for that."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from local import fleet
from local.azure.faults import Denied, Lasting, Match
from local.azure.seeds import ClusterSeed
from local.azurite import Azurite
from local.stage import eventually
from shared.ids import CacheId
from shared.model import Step
from tests.system.scene import CLOSE, FAST, OPEN, Scene, playing, scene

pytestmark = [pytest.mark.emulator_only, pytest.mark.asyncio(loop_scope="module")]

ENROLLED = {"drawbridge": "private"}
GROUP = "rg-geo"
MEMBERS = ("east", "north", "west")
IDS = [fleet.cluster_id(name, GROUP) for name in MEMBERS]
LONE = fleet.cluster_id("lone", GROUP)
BLIND = fleet.cluster_id("blind", GROUP)
GEO = tuple(CacheId.parse(cache) for cache in IDS)
STRANGER = CacheId.parse(fleet.cluster_id("absent", GROUP))
CLOSING = 120.0
"""World seconds that a change of publicNetworkAccess takes here, at the least."""


def member(name: str, geo: str = "one-group", flag: str | None = "Enabled") -> ClusterSeed:
    return ClusterSeed(fleet.APPS, GROUP, name, sku="Balanced_B10", geo=geo, public_network_access=flag)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["pushed", "silence"])
async def tagged(azurite: Azurite, request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    """Give a group of three, one of them without a flag, and two other clusters, all tagged at once."""
    group = [member("east"), member("north", flag=None), member("west")]
    others = [member("lone", geo=""), member("blind", geo="another"), member("blind-too", geo="another")]
    async with scene(playing(azurite, *group, *others), request.param) as at:
        at.stage.azure.faults.add(Lasting(CLOSING), Match("PATCH", "/redisenterprise/[^/]+$"))
        at.stage.azure.faults.add(Denied("Microsoft.Cache/redisEnterprise/databases/read", BLIND))
        for cache in (*IDS, LONE, BLIND):
            at.tag(cache, ENROLLED)
        await at.noticed()
        yield at


@pytest.mark.parametrize("cache", [*IDS, LONE], ids=[*MEMBERS, "lone"])
async def test_every_member_of_a_group_becomes_private(tagged: Scene, cache: str) -> None:
    await tagged.until_private(cache, 60)


async def test_members_that_are_tagged_at_once_are_changed_one_after_the_other(tagged: Scene) -> None:
    spans = {}
    for cache in IDS:
        await tagged.until_private(cache, 60)
        writes = tagged.writes(cache)
        lasts = CLOSING / FAST if writes[-1].method == "PATCH" else 0.0
        spans[cache] = (writes[0].time, writes[-1].time + lasts)

    for earlier, later in itertools.pairwise(sorted(spans.values())):
        assert earlier[1] <= later[0]


async def test_a_cluster_whose_databases_may_not_be_read_becomes_private_all_the_same(tagged: Scene) -> None:
    await tagged.until_private(BLIND, 60)


async def test_nobody_has_the_turn_when_all_are_as_they_should_be(tagged: Scene) -> None:
    for cache in (*IDS, LONE, BLIND):
        await tagged.until_private(cache, 60)
    await tagged.until_at_rest()

    assert await tagged.stage.store.turns.take(GEO, STRANGER, timedelta())


# ── what does not wait ──────────────────────────────────────────────────────────────────────────


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def held(azurite: Azurite) -> AsyncIterator[Scene]:
    """Give a group that is private but for a newcomer, and whose turn somebody has and does not give back."""
    group = [member("east"), member("north", flag=None), member("west"), member("south")]
    async with scene(playing(azurite, *group)) as at:
        for cache in IDS:
            at.tag(cache, ENROLLED)
        for cache in IDS:
            await at.until_private(cache, 60)
        await at.until_at_rest()
        assert await at.stage.store.turns.take(GEO, STRANGER, timedelta(hours=1))
        yield at


async def test_members_that_lose_their_last_endpoint_are_closed_and_attached_whoever_has_the_turn(held: Scene) -> None:
    marks = dict.fromkeys(IDS[:2], held.now)
    for cache in marks:
        held.lose_endpoint(cache)
    await held.stage.azure.until(lambda _: all(held.writes(cache, mark) for cache, mark in marks.items()))

    for cache, mark in marks.items():
        await held.until_private(cache)
        first = ["PATCH cache"] if held.cache(cache).public else []
        assert held.story(cache, mark) == [*first, "PUT endpoint", "PUT zone group"]


async def test_a_member_that_is_opened_by_hand_is_closed_whoever_has_the_turn(held: Scene) -> None:
    since = held.now
    held.update(IDS[2], OPEN)
    await held.stage.azure.until(lambda _: held.writes(IDS[2], since))

    assert [entry.body for entry in held.writes(IDS[2], since)] == [CLOSE]


async def test_a_member_that_is_newly_tagged_waits_for_its_turn_and_says_so(held: Scene) -> None:
    newcomer = fleet.cluster_id("south", GROUP)
    held.tag(newcomer, ENROLLED)
    await eventually(lambda: _in_line(held, newcomer), 20, "the newcomer to wait")
    assert held.writes(newcomer) == []

    await held.stage.store.turns.give_back(GEO, STRANGER)
    await held.until_private(newcomer)


async def _in_line(at: Scene, cache: str) -> bool:
    row = await at.stage.row(cache)
    return row is not None and row.verdict is not None and row.verdict.step is Step.IN_LINE
