"""Each event about a cluster leads to a look at it: the reference events, in both schemas, on the wire."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from local import fleet
from local.azure.calls import Json
from local.azure.seeds import ClusterSeed
from local.azurite import Azurite
from local.stage import eventually
from tests.system.scene import Scene, playing, scene

pytestmark = [pytest.mark.emulator_only, pytest.mark.asyncio(loop_scope="module")]

ENROLLED = {"drawbridge": "private"}
GROUP = "rg-kinds"
FOLDERS = {"eventgrid": "eventgrid-schema", "cloudevents": "cloudevents"}
ABOUT = {
    "write": "redisenterprise_write",
    "connection-delete": "redisenterprise_pec_delete",
    "connection-write": "redis_pec_write_reject",
    "proxy-validate": "redis_pec_proxy_validate_action",
    "proxy-write": "redis_pec_proxy_write",
    "proxy-delete": "redis_pec_proxy_delete",
    "tags-write": "tags_write_on_redis",
    "tags-delete": "tags_delete_on_redis",
    "tags-write-lower-case": "tags_write_on_redis_lowercase_rg",
}
"""What is told → the reference event; those that are told of a classic cache are told of a cluster here."""


def id_of(schema: str, about: str) -> str:
    return fleet.cluster_id(f"{about}-{schema}", GROUP)


def aimed(event: Json, target: str) -> Json:
    """Let a reference event about a cache, or about something inside one, be about this cluster instead."""
    subject = str(event["subject"])
    start = re.search(r"/microsoft\.cache/redis(enterprise)?/[^/]+", subject, re.IGNORECASE)
    inside = subject[start.end() :] if start else ""
    cased = target.replace("/resourceGroups/", "/resourcegroups/") if "/resourcegroups/" in subject else target
    told = json.dumps(event).replace(subject, cased + inside)
    event = json.loads(told.replace("Microsoft.Cache/redis/", "Microsoft.Cache/redisEnterprise/"))
    return dict(event)


@dataclass(frozen=True)
class Wire:
    """The scene, and the webhook that Event Grid delivers to."""

    at: Scene
    session: aiohttp.ClientSession
    folder: Path

    def read(self, schema: str, name: str) -> Json:
        """Read a reference event; in the Event Grid schema, each is delivered in a list."""
        found = json.loads((self.folder / FOLDERS[schema] / f"{name}.json").read_text("utf-8"))
        event: Json = found[0] if isinstance(found, list) else found
        return event

    async def post(self, schema: str, event: Json) -> None:
        """Deliver an event as Event Grid does."""
        cloud = schema == "cloudevents"
        media = "application/cloudevents+json" if cloud else "application/json"
        headers = {"Content-Type": media, "aeg-event-type": "Notification"}
        url, data = self.at.stage.app.event_grid_url("on_event"), json.dumps(event if cloud else [event])
        async with self.session.post(url, data=data, headers=headers) as answer:
            assert answer.status in {200, 202}

    async def tell(self, schema: str, name: str, cluster: str) -> None:
        """Deliver a reference event, about this cluster."""
        await self.post(schema, aimed(self.read(schema, name), cluster))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def wire(azurite: Azurite, reference: Path) -> AsyncIterator[Wire]:
    """Give a cluster for each event, tagged long ago; nothing but what a test tells reaches the app."""
    names = [f"{about}-{schema}" for about in (*ABOUT, "endpoint") for schema in FOLDERS]
    clusters = [ClusterSeed(fleet.APPS, GROUP, name, tags=ENROLLED) for name in names]
    async with scene(playing(azurite, *clusters), "silence") as at, aiohttp.ClientSession() as session:
        yield Wire(at, session, reference / "events")


@pytest.mark.parametrize("schema", FOLDERS)
@pytest.mark.parametrize("about", ABOUT)
async def test_an_event_about_a_cluster_makes_it_private(wire: Wire, about: str, schema: str) -> None:
    cluster = id_of(schema, about)
    assert wire.at.calls(cluster) == []

    await wire.tell(schema, ABOUT[about], cluster)

    await wire.at.until_private(cluster)


@pytest.mark.parametrize("schema", FOLDERS)
async def test_the_deletion_of_a_clusters_endpoint_brings_it_back(wire: Wire, schema: str) -> None:
    cluster = id_of(schema, "endpoint")
    await wire.tell(schema, ABOUT["write"], cluster)
    await wire.at.until_private(cluster)
    await wire.at.until_at_rest()
    (endpoint,) = wire.at.endpoints(cluster)
    since = wire.at.now
    wire.at.lose_endpoint(cluster)
    await wire.at.stage.azure.until(lambda _: not wire.at.cache(cluster).approved)

    event = wire.read(schema, "private_endpoint_delete")
    told = json.dumps(event).replace(event["subject"], endpoint.id).replace(fleet.APPS, fleet.HUB)
    await wire.post(schema, json.loads(told))

    await wire.at.until_private(cluster)
    assert wire.at.story(cluster, since) == ["PATCH cache", "PUT endpoint", "PUT zone group"]


@pytest.mark.parametrize("schema", FOLDERS)
async def test_an_event_of_a_cluster_that_is_gone_costs_one_read_and_leaves_nothing(wire: Wire, schema: str) -> None:
    gone = fleet.cluster_id(f"gone-{schema}", GROUP)
    await wire.tell(schema, "redis_delete", gone)
    await eventually(lambda: _read(wire.at, gone), 20, "the cluster to be looked for")
    await wire.at.until_at_rest()

    assert [entry.method for entry in wire.at.calls(gone)] == ["GET"]
    assert await wire.at.stage.row(gone) is None


async def _read(at: Scene, cluster: str) -> bool:
    return bool(at.calls(cluster))
