"""The owner's side of Private Link over HTTP: carried out once, closing first where it is the last, and not fought."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from local import fleet
from local.azure.seeds import CacheSeed, ClusterSeed
from local.azurite import Azurite
from local.stage import eventually
from tests.system.scene import Scene, playing, scene
from tests.system.watched import doors, watch

pytestmark = [pytest.mark.emulator_only, pytest.mark.asyncio(loop_scope="module")]

ENROLLED = {"drawbridge": "private"}
KINDS = ("classic", "managed")
NAMES = ("rejected", "removed", "pending")
SEEDS: list[CacheSeed | ClusterSeed] = [
    *(CacheSeed(fleet.APPS, "rg-shop", f"{name}-classic") for name in NAMES),
    *(ClusterSeed(fleet.APPS, "rg-shop", f"{name}-managed") for name in NAMES),
]


def named(name: str, kind: str) -> str:
    return fleet.cache_id(f"{name}-{kind}") if kind == "classic" else fleet.cluster_id(f"{name}-{kind}")


def path(cache: str, connection: str, query: str = "") -> str:
    return f"caches/{fleet.APPS}/rg-shop/{cache.rpartition('/')[2]}/connections/{connection}{query}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def at(azurite: Azurite) -> AsyncIterator[Scene]:
    options = playing(azurite, *SEEDS)
    options = replace(options, settings={"DRAWBRIDGE_KEY_ROLE": "Admin"})
    async with scene(options) as running:
        yield running


async def made_private(at: Scene, cache: str) -> str:
    """Have a cache attached; gives the name of its connection."""
    at.tag(cache, ENROLLED)
    await at.until_private(cache)
    (connection,) = at.cache(cache).connections
    return connection.name


@pytest.mark.parametrize("kind", KINDS)
async def test_the_last_connection_is_refused_then_rejected_and_stays_so_until_somebody_asks(
    at: Scene, kind: str
) -> None:
    cache = named("rejected", kind)
    connection = await made_private(at, cache)
    watched = watch(at.stage.azure.world)
    wish = {"status": "Rejected", "description": "not any more"}

    status, answer = await at.stage.call("PUT", path(cache, connection), wish)
    assert (status, answer["error"]["code"]) == (409, "LastEndpoint")

    status, answer = await at.stage.call("PUT", path(cache, connection, "?lastEndpoint=true&wait=30"), wish)
    assert (status, answer["state"], answer["status"]) == (200, "Ready", "Rejected"), answer
    message = await at.until_blocked(cache, "ConnectionDecided")
    assert "rejected for the cache's owner" in message
    await at.until_at_rest()
    assert [c.status for c in at.cache(cache).connections] == ["Rejected"]
    assert not at.public_way(cache)
    assert set(doors(watched, cache)) == {"Disabled"}
    assert "PATCH cache" in at.story(cache)

    name = cache.rpartition("/")[2]
    await at.stage.call("PUT", f"caches/{fleet.APPS}/rg-shop/{name}/endpoints/weu-prod")
    await at.until_private(cache)
    assert set(doors(watched, cache)) == {"Disabled"}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_connection_that_is_removed_takes_our_endpoint_with_it_and_none_comes_back(
    at: Scene, kind: str
) -> None:
    cache = named("removed", kind)
    connection = await made_private(at, cache)

    status, answer = await at.stage.call("DELETE", path(cache, connection, "?lastEndpoint=true&wait=30"))

    assert (status, answer["state"], answer["status"]) == (200, "Ready", "Disconnected"), answer
    await at.until_blocked(cache, "ConnectionDecided")

    async def cleared() -> bool:
        return not at.endpoints(cache)

    await eventually(cleared, 30, "our endpoint to go")
    await at.until_at_rest()
    assert at.endpoints(cache) == []
    assert not at.public_way(cache)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_connection_that_waits_is_approved_and_becomes_the_way_in(at: Scene, kind: str) -> None:
    cache = named("pending", kind)
    at.endpoint_by_hand(cache, f"pe-by-hand-{kind}", fleet.subnet_id("weu"), manual=True)

    async def waits() -> bool:
        return [c.status for c in at.cache(cache).connections] == ["Pending"]

    await eventually(waits, 20, "the connection to wait for approval")
    (connection,) = at.cache(cache).connections
    status, answer = await at.stage.call("GET", path(cache, connection.name))
    assert (status, answer["state"], answer["status"], answer["wanted"]) == (200, "Ready", "Pending", None)

    rehearsed, told = await at.stage.call("PUT", path(cache, connection.name, "?dryRun=true"), {"status": "Approved"})
    assert (rehearsed, told["plan"]["actions"][0].startswith("approve connection")) == (200, True)

    status, answer = await at.stage.call("PUT", path(cache, connection.name, "?wait=30"), {"status": "Approved"})

    assert (status, answer["state"], answer["status"]) == (200, "Ready", "Approved"), answer
    assert [c.status for c in at.cache(cache).connections] == ["Approved"]


async def test_a_connection_that_is_not_there_is_not_decided_about(at: Scene) -> None:
    since = at.now
    cache = named("pending", "classic")

    for method, body in (("GET", None), ("PUT", {"status": "Approved"}), ("DELETE", None)):
        status, _ = await at.stage.call(method, path(cache, "no-such.1"), body)
        assert status == 404
    status, _ = await at.stage.call("PUT", path(cache, "no-such.1"), {"status": "Pending"})
    assert status == 400
    assert at.all_writes(since) == []
