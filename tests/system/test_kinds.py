"""The three promises for every kind of cache: classic, Azure Managed Redis with and without a flag, Enterprise."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from types import MappingProxyType

import pytest
import pytest_asyncio

from local import fleet
from local.azure.faults import Denied, Lasting, Match
from local.azure.seeds import CacheSeed, ClusterSeed
from local.azurite import Azurite
from local.stage import StageOptions, eventually
from shared.ids import CacheId
from shared.model import Look, Trigger, WakeUp
from shared.store.sweeps import Sweep, SweepStatus
from tests.system.scene import ARRIVALS, CLOSE, OPEN, Scene, playing, scene

pytestmark = [pytest.mark.emulator_only, pytest.mark.asyncio(loop_scope="module")]

ENROLLED = {"drawbridge": "private"}
GROUP = "rg-kinds"
KINDS = ("classic", "managed", "managed-old", "tier", "tier-old")
FLAGLESS = ("managed-old", "tier-old")
FLAGGED = ("classic", "managed", "tier")
ROUTES: Mapping[str, Callable[[Scene, str], None]] = MappingProxyType(
    {
        "endpoint-deleted": Scene.lose_endpoint,
        "connection-deleted": Scene.lose_connection,
        "connection-rejected": Scene.reject_connection,
    }
)
ATTACHING = ["PUT endpoint", "PUT zone group"]


def id_of(kind: str, story: str) -> str:
    spell = fleet.cache_id if kind == "classic" else fleet.cluster_id
    return spell(f"{kind}-{story}", GROUP)


def seed_of(kind: str, story: str, tags: Mapping[str, str]) -> CacheSeed | ClusterSeed:
    """Describe a cache of a kind; those without a flag were made before there was one."""
    name = f"{kind}-{story}"
    if kind == "classic":
        return CacheSeed(fleet.APPS, GROUP, name, tags=dict(tags))
    # SKUs that may replicate, so that asking for their group is part of what is counted.
    sku = "Enterprise_E10" if kind.startswith("tier") else "Balanced_B10"
    flag = None if kind in FLAGLESS else "Enabled"
    return ClusterSeed(fleet.APPS, GROUP, name, sku=sku, tags=dict(tags), public_network_access=flag)


def of_every_kind(*stories: str, tags: Mapping[str, str] = MappingProxyType(ENROLLED)) -> list[CacheSeed | ClusterSeed]:
    return [seed_of(kind, story, tags) for kind in KINDS for story in stories]


def told(at: Scene, cache: str) -> list[str]:
    """Give what was announced of a cache, in short and once each, in order."""
    events = (e for e in at.stage.azure.topic.events if e["subject"].lower() == cache.lower())
    return list(dict.fromkeys(e["type"].removeprefix("Drawbridge.Cache.") for e in events))


# ── (a) tagged, and it becomes private ──────────────────────────────────────────────────────────


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=ARRIVALS)
async def tagged(azurite: Azurite, request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    """Give a mixed fleet that has just been tagged."""
    async with scene(playing(azurite, *of_every_kind("new", "left", tags={})), request.param) as at:
        for kind in KINDS:
            at.tag(id_of(kind, "new"), ENROLLED)
        await at.noticed()
        yield at


@pytest.mark.parametrize("kind", KINDS)
async def test_a_tagged_cache_of_every_kind_becomes_private(tagged: Scene, kind: str) -> None:
    cache = id_of(kind, "new")
    await tagged.until_private(cache)

    (endpoint,) = tagged.endpoints(cache)
    assert tagged.resolved(cache) == (endpoint.address,)
    closing = ["PATCH cache"] if kind in {"managed", "tier"} else []
    assert tagged.story(cache) == [*ATTACHING, *closing]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_cache_that_nobody_tagged_is_left_alone_whatever_its_kind(tagged: Scene, kind: str) -> None:
    await tagged.until_private(id_of(kind, "new"))

    assert tagged.calls(id_of(kind, "left")) == []


@pytest.mark.parametrize("kind", FLAGLESS)
async def test_a_cluster_that_never_had_protection_alarms_nobody_on_its_way(tagged: Scene, kind: str) -> None:
    cache = id_of(kind, "new")
    await tagged.until_private(cache)

    assert "Exposed" not in told(tagged, cache)


OTHER_ZONE = {"classic": fleet.MANAGED_ZONE, "managed": fleet.ENTERPRISE_ZONE, "tier": fleet.MANAGED_ZONE}
"""Kind → a zone of another kind, which is of the same group id for the last two."""


@pytest.mark.parametrize("kind", OTHER_ZONE)
async def test_a_zone_group_that_leads_to_the_zone_of_another_kind_is_mended(tagged: Scene, kind: str) -> None:
    cache = id_of(kind, "new")
    await tagged.until_private(cache)
    (endpoint,) = tagged.endpoints(cache)
    since = tagged.now

    entry = {"name": "old", "properties": {"privateDnsZoneId": fleet.zone_id(OTHER_ZONE[kind])}}
    group = f"{endpoint.id}/privateDnsZoneGroups/default"
    tagged.stage.outside("PUT", group, {"properties": {"privateDnsZoneConfigs": [entry]}})
    await tagged.stage.azure.until(lambda _: not tagged.resolved(cache) or tagged.writes(cache, since))
    if not tagged.hears:
        # No list shows it: it is found when the endpoints are read again, once in timing.thorough.
        await tagged.stage.store.queue.put(WakeUp(CacheId.parse(cache), Trigger.SWEEP, Look.FULL))
    await tagged.stage.azure.until(lambda _: bool(tagged.writes(cache, since)))

    await tagged.until_private(cache)
    assert tagged.story(cache, since) == ["PUT zone group"]


# ── (b) the last endpoint goes, and comes back ──────────────────────────────────────────────────


Loss = tuple[Scene, Mapping[str, int]]


@asynccontextmanager
async def losing(options: StageOptions, arrival: str) -> AsyncIterator[Loss]:
    """Play until every cache has been private and lost its endpoint, by the route that its name says."""
    async with scene(options, arrival) as at:
        await at.stage.sweep()
        ids = {id_of(kind, route): route for kind in KINDS for route in ROUTES}
        for cache in ids:
            await at.until_private(cache)
        await at.until_at_rest()
        marks: dict[str, int] = {}
        for cache, route in ids.items():
            marks[cache] = at.now
            ROUTES[route](at, cache)
        # Where events arrive, the first may have its endpoint back before the last one's is gone.
        await at.stage.azure.until(
            lambda _: all(not at.cache(cache).approved or at.writes(cache, mark) for cache, mark in marks.items())
        )
        await at.noticed()
        yield at, marks


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=ARRIVALS)
async def lost(azurite: Azurite, request: pytest.FixtureRequest) -> AsyncIterator[Loss]:
    """Give a fleet that was private until a moment ago, and for each cache where its loss stands in the journal."""
    async with losing(playing(azurite, *of_every_kind(*ROUTES)), request.param) as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["pushed", "silence"])
async def unkind(azurite: Azurite, request: pytest.FixtureRequest) -> AsyncIterator[Loss]:
    """Give the same in a world where a cluster with a flag opens by itself when its last endpoint goes."""
    options = playing(azurite, *of_every_kind(*ROUTES))
    opening = replace(options, emulator=replace(options.emulator, last_endpoint_opens=True))
    async with losing(opening, request.param) as found:
        yield found


def left_behind(route: str) -> list[str]:
    return [] if route == "endpoint-deleted" else ["DELETE endpoint"]


@pytest.mark.parametrize("kind", FLAGGED)
@pytest.mark.parametrize("route", ROUTES)
async def test_where_there_is_a_flag_it_is_set_first_and_then_the_endpoint_comes_back(
    lost: Loss, route: str, kind: str
) -> None:
    at, marks = lost
    cache = id_of(kind, route)
    await at.until_private(cache)

    assert at.writes(cache, marks[cache])[0].body == CLOSE
    assert at.story(cache, marks[cache]) == ["PATCH cache", *left_behind(route), *ATTACHING]


@pytest.mark.parametrize("kind", FLAGLESS)
@pytest.mark.parametrize("route", ROUTES)
async def test_where_there_is_no_flag_nothing_is_tried_but_to_bring_the_endpoint_back(
    lost: Loss, route: str, kind: str
) -> None:
    at, marks = lost
    cache = id_of(kind, route)
    await at.until_private(cache)

    assert at.story(cache, marks[cache]) == [*left_behind(route), *ATTACHING]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("route", ROUTES)
async def test_only_a_cluster_without_a_flag_is_called_exposed_and_the_world_hears_of_it_once(
    lost: Loss, route: str, kind: str
) -> None:
    at, _ = lost
    cache = id_of(kind, route)
    await at.until_private(cache)
    await eventually(lambda: _heard(at, cache, "ProtectionRestored"), 20, "the good news")

    said = told(at, cache)
    assert "ProtectionLost" in said
    assert ("Exposed" in said) is (kind in FLAGLESS)
    exposures = {e["id"] for e in at.stage.azure.topic.events if _is_exposure(e, cache)}
    assert len(exposures) == (1 if kind in FLAGLESS else 0)


def _is_exposure(event: Mapping[str, str], cache: str) -> bool:
    return event["type"].endswith(".Exposed") and event["subject"].lower() == cache.lower()


async def _heard(at: Scene, cache: str, what: str) -> bool:
    return what in told(at, cache)


@pytest.mark.parametrize("kind", ["managed", "tier"])
@pytest.mark.parametrize("route", ROUTES)
async def test_a_cluster_that_opens_with_its_last_endpoint_is_closed_before_it_is_attached(
    unkind: Loss, route: str, kind: str
) -> None:
    at, marks = unkind
    cache = id_of(kind, route)
    await at.until_private(cache)

    assert at.story(cache, marks[cache]) == ["PATCH cache", *left_behind(route), *ATTACHING]


# ── (c) opened by hand, and closed again ────────────────────────────────────────────────────────


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=ARRIVALS)
async def opened(azurite: Azurite, request: pytest.FixtureRequest) -> AsyncIterator[Loss]:
    """Give private caches of the kinds that have a flag, just opened by hand."""
    seeds = [seed_of(kind, "opened", ENROLLED) for kind in FLAGGED]
    async with scene(playing(azurite, *seeds), request.param) as at:
        await at.stage.sweep()
        marks = {}
        for kind in FLAGGED:
            await at.until_private(id_of(kind, "opened"))
        await at.until_at_rest()
        for kind in FLAGGED:
            cache = id_of(kind, "opened")
            marks[cache] = at.now
            at.update(cache, OPEN)
        await at.stage.azure.until(
            lambda _: all(
                at.cache(cache).public == "Enabled" or at.writes(cache, mark) for cache, mark in marks.items()
            )
        )
        await at.noticed()
        yield at, marks


@pytest.mark.parametrize("kind", FLAGGED)
async def test_a_cache_that_is_opened_by_hand_is_closed_again(opened: Loss, kind: str) -> None:
    at, marks = opened
    cache = id_of(kind, "opened")
    await eventually(lambda: at.shut(cache), 30, "the door to be shut")
    await at.until_private(cache)

    assert [entry.body for entry in at.writes(cache, marks[cache])] == [CLOSE]


# ── audit ───────────────────────────────────────────────────────────────────────────────────────


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["pushed", "silence"])
async def audited(azurite: Azurite, request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    """Give a mixed fleet in audit mode: some just tagged, some that have just lost what protected them."""
    seeds = [*of_every_kind("new", tags={}), *of_every_kind("bereft")]
    async with scene(playing(azurite, *seeds, policy=fleet.policy(mode="audit")), request.param) as at:
        for kind in KINDS:
            bereft = id_of(kind, "bereft")
            await at.until_working(at.endpoint_by_hand(bereft, f"pe-{kind}", fleet.subnet_id("weu")))
        await at.swept()
        for kind in KINDS:
            await eventually(partial(_says, at, id_of(kind, "bereft"), "zone group"), 20, kind)
            at.lose_endpoint(id_of(kind, "bereft"))
            at.tag(id_of(kind, "new"), ENROLLED)
        await at.stage.azure.until(lambda _: all(not at.cache(id_of(kind, "bereft")).approved for kind in KINDS))
        await at.noticed()
        yield at


async def _says(at: Scene, cache: str, words: str) -> bool:
    return await at.stage.verdict(cache) == "AuditOnly" and words in await at.message(cache)


@pytest.mark.parametrize("kind", KINDS)
async def test_in_audit_mode_nothing_is_written_whatever_the_kind(audited: Scene, kind: str) -> None:
    await eventually(lambda: _says(audited, id_of(kind, "new"), "would now make endpoint"), 20, "the plan")
    loss = "as the last approved endpoint is gone"
    await eventually(lambda: _says(audited, id_of(kind, "bereft"), loss), 20, "what the loss would lead to")

    assert audited.all_writes() == []


# ── a fleet of all kinds, and what it costs ─────────────────────────────────────────────────────

SCALE = 15.0
# The defaults of the policy divided by the scale, in whole seconds as a policy has them.
PACED = "timing: {settle: 4s, endpoint: 5s, zoneGroup: 1s, cache: 2s, busy: 4s, thorough: 24h}"
# World seconds: the longest recorded of endpoints of Redis, and of the flag of classic caches (none is of a cluster's).
LONGEST_ENDPOINT = 73.0
LONGEST_CLOSING = 31.0


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["pushed", "silence"])
async def costed(azurite: Azurite, request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    """Give a mixed fleet that has just been tagged; Azure and the waits of the policy are faster by the same factor."""
    lines = [PACED if line.startswith("timing:") else line for line in fleet.policy().splitlines()]
    options = playing(azurite, *of_every_kind("new", tags={}), policy="\n".join(lines) + "\n", scale=SCALE)
    async with scene(options, request.param) as at:
        at.stage.azure.faults.add(Lasting(LONGEST_ENDPOINT), Match("PUT", "/privateendpoints/[^/]+$"))
        at.stage.azure.faults.add(Lasting(LONGEST_CLOSING), Match("PATCH", "/microsoft.cache/[^/]+/[^/]+$"))
        for kind in KINDS:
            at.tag(id_of(kind, "new"), ENROLLED)
        await at.noticed()
        yield at


@pytest.mark.parametrize("kind", KINDS)
async def test_attaching_costs_at_most_three_writes_and_twelve_calls(costed: Scene, kind: str) -> None:
    cache = id_of(kind, "new")
    await costed.until_private(cache, 60)
    await costed.until_at_rest()

    closing = ["PATCH cache"] if kind in {"managed", "tier"} else []
    assert costed.story(cache) == [*ATTACHING, *closing]
    zones = 0 if closing else 1  # Where the endpoint itself closes the cache, its zone is looked for first.
    spent = [f"{e.method} {e.resource}" for e in costed.calls(cache)]
    assert len(spent) + zones <= 12, spent


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mixed(azurite: Azurite) -> AsyncIterator[Scene]:
    """Give a mixed fleet that no event tells of."""
    async with scene(playing(azurite, *of_every_kind("one", "two")), "silence") as at:
        yield at


async def test_one_sweep_finds_every_kind(mixed: Scene) -> None:
    found = await mixed.swept()

    (apps,) = [each for each in found.subscriptions if each.subscription == fleet.APPS]
    assert (apps.status, apps.seen, apps.queued) == (SweepStatus.DONE, 2 * len(KINDS), 2 * len(KINDS))
    for kind in KINDS:
        await mixed.until_private(id_of(kind, "one"))


@pytest.mark.parametrize(
    ("operation", "hidden", "shown"),
    [
        ("Microsoft.Cache/redis/read", "Microsoft.Cache/Redis", "managed"),
        ("Microsoft.Cache/redisEnterprise/read", "Microsoft.Cache/redisEnterprise", "classic"),
    ],
)
async def test_a_type_that_may_not_be_listed_is_reported_and_does_not_hide_the_other(
    mixed: Scene, operation: str, hidden: str, shown: str
) -> None:
    for kind in KINDS:
        await mixed.until_private(id_of(kind, "two"))
    await mixed.until_at_rest()
    mixed.leave_open(id_of(shown, "two"))
    since = mixed.now
    fault = mixed.stage.azure.faults.add(Denied(operation, f"/subscriptions/{fleet.APPS}"))

    found = await mixed.swept()
    mixed.stage.azure.faults.clear(fault)

    assert _failure(found) == ("AuthorizationFailed", hidden)
    await eventually(lambda: mixed.shut(id_of(shown, "two")), 20, "the other type to be looked after")
    assert [entry.body for entry in mixed.writes(id_of(shown, "two"), since)] == [CLOSE]


def _failure(sweep: Sweep) -> tuple[str, str]:
    (failed,) = sweep.failed
    return failed.error_code, failed.error_message.partition(":")[0]
