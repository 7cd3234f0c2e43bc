"""Whom the alert on exposed caches names, asked of the lines that passes and sweeps write: as long as it lasts."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from local import fleet
from local.azure.faults import Lock, Match, Respond
from local.azure.seeds import ClusterSeed, Seed
from local.azurite import Azurite
from shared.ids import CacheId
from shared.model import Look, Trigger, WakeUp
from shared.policy_text import load
from tests.system.office import Office, office
from tests.unit.infra import kql

pytestmark = [pytest.mark.emulator_only, pytest.mark.asyncio(loop_scope="module")]

QUERY = (Path(__file__).parents[3] / "infra" / "app" / "queries" / "exposed.kql").read_text("utf-8")
NAMES = ("mended", "unread", "gone", "left", "moved")
# A cluster of its own subscription and of its own group, so that either can leave the scope.
HOMES = {"left": (fleet.APPS, "rg-left"), "moved": (fleet.HUB, "rg-moved")}


def id_of(name: str) -> CacheId:
    subscription, group = HOMES.get(name, (fleet.APPS, "rg-kinds"))
    return CacheId.parse(fleet.cluster_id(name, group, subscription))


@dataclass
class Log(logging.Handler):
    """What the app has said since the beginning."""

    lines: list[kql.Line] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(kql.Line(len(self.lines), record.getMessage()))

    def __hash__(self) -> int:
        return id(self)


@dataclass(frozen=True)
class Watched:
    """The office, and what the alert's query finds in its log."""

    at: Office
    log: Log

    def named(self, name: str) -> bool:
        return {"cache": str(id_of(name))} in kql.answered(QUERY, self.log.lines)

    async def looked_at(self, name: str) -> None:
        """Make a pass."""
        later = await self.at.town.store.now() + timedelta(seconds=2)
        await self.at.worker.run(WakeUp(id_of(name), Trigger.EVENT, Look.FULL), later)

    async def swept(self, scope: str) -> None:
        """Make a sweep under a policy with another scope, whatever it wakes."""
        before = self.at.worker
        policy = load(fleet.policy().replace('excludeResourceGroups: ["mc_*"]', scope))
        assert policy.digest != before.policy.digest
        self.at.worker = replace(before, policy=policy)
        await self.at.sweeper.start()
        await self.at.look_through()
        self.at.worker = before


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(azurite: Azurite) -> AsyncIterator[Watched]:
    """Give clusters that nothing but an endpoint keeps from the public, each without it, and none can be made."""
    log, shared = Log(), logging.getLogger("shared")
    shared.addHandler(log)
    shared.setLevel(logging.INFO)
    async with office(azurite) as at:
        homes = [(HOMES.get(name, (fleet.APPS, "rg-kinds")), name) for name in NAMES]
        tags = {"drawbridge": "private"}
        seeds = [ClusterSeed(*home, name, tags=tags, public_network_access=None) for home, name in homes]
        at.town.azure.world.seed(Seed(clusters=tuple(seeds)))
        on = Watched(at, log)
        await at.sweeper.start()
        await at.look_through()
        for name in NAMES:
            assert await at.settled(id_of(name)) == "Compliant"
            at.town.scene.stage.outside("DELETE", str((await at.town.row(id_of(name))).known.made[-1]))
        await at.town.azure.quiet()
        at.town.azure.faults.add(Lock(scope=f"/subscriptions/{fleet.HUB}/resourceGroups/rg-hub-weu"))
        for name in NAMES:
            await on.looked_at(name)
        yield on
    shared.removeHandler(log)
    shared.setLevel(logging.NOTSET)


@pytest.mark.parametrize("name", NAMES)
async def test_an_exposed_cache_is_named(watched: Watched, name: str) -> None:
    assert watched.named(name)


async def test_one_that_cannot_be_read_is_named_still(watched: Watched) -> None:
    met = Match(method="GET", path="/redisEnterprise/unread$")
    number = watched.at.town.azure.faults.add(Respond(403, "AuthorizationFailed", "may not read"), met)

    await watched.looked_at("unread")

    watched.at.town.azure.faults.clear(number)
    verdict = (await watched.at.town.row(id_of("unread"))).verdict
    assert (verdict and verdict.reason, watched.named("unread")) == ("CacheUnreadable", True)


async def test_one_whose_group_leaves_the_scope_is_named_no_more(watched: Watched) -> None:
    await watched.swept('excludeResourceGroups: ["rg-left"]')

    assert (watched.named("left"), watched.named("gone")) == (False, True)


async def test_one_whose_subscription_leaves_the_scope_is_named_no_more(watched: Watched) -> None:
    await watched.swept(f"excludeSubscriptions: [{fleet.HUB}]")

    assert (watched.named("moved"), watched.named("gone")) == (False, True)


async def test_one_that_is_gone_is_named_no_more(watched: Watched) -> None:
    watched.at.town.scene.stage.outside("DELETE", str(id_of("gone")))
    await watched.at.town.azure.quiet()

    await watched.looked_at("gone")

    assert not watched.named("gone")


async def test_one_that_is_private_again_is_named_no_more(watched: Watched) -> None:
    watched.at.town.azure.faults.clear()

    assert await watched.at.settled(id_of("mended")) == "Compliant"

    assert not watched.named("mended")
