"""Events come twice, late, in any order, not at all, forged or broken: the app is told a name and reads the world."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
import pytest_asyncio

from local import fleet
from local.azure.callers import APP, OPERATOR
from local.azure.calls import Caller, Json
from local.azure.events import ResourceEvent
from local.azure.faults import EventFault
from local.azure.seeds import CacheSeed, Seed
from local.azurite import Azurite
from local.stage import eventually
from shared.events import LARGEST, Unheeded
from shared.ids import CacheId, endpoint_id
from shared.model import Trigger, WakeUp
from tests.system.scene import CLOSE, Scene, playing, scene

pytestmark = [pytest.mark.emulator_only, pytest.mark.asyncio(loop_scope="module")]

ENROLLED = {"drawbridge": "private"}
MEDDLED = ("duplicate", "reorder", "delay", "drop")
WRITE = "Microsoft.Cache/redis/write"
TAGGED = "Microsoft.Resources/tags/write"
QUIET = fleet.cache_id("quiet")
EXCLUDED = fleet.cache_id("excluded", "MC_nodes")
CASED = fleet.cache_id("cased")
CLOUDY = fleet.cache_id("cloudy")
CROWDED = fleet.cache_id("crowded")
GONE = fleet.cache_id("gone")
BEREFT = fleet.cache_id("bereft")
GROUP = f"/subscriptions/{fleet.HUB}/resourceGroups/rg-doomed"
# In the subscription of its endpoint.
UNLINKED = fleet.cache_id("unlinked", "rg-hub-shop", fleet.HUB)


def seeds() -> Seed:
    tagged = [CacheSeed(fleet.APPS, "rg-shop", name, tags=ENROLLED) for name in ("cased", "cloudy", "crowded")]
    caches = [CacheSeed(fleet.APPS, "rg-shop", name) for name in (*MEDDLED, "quiet", "bereft")]
    excluded = CacheSeed(fleet.APPS, "MC_nodes", "excluded", tags=ENROLLED)
    return fleet.seed(*caches, *tagged, excluded, CacheSeed(fleet.HUB, "rg-hub-shop", "unlinked"))


def policy() -> str:
    zones = f"{{zones: {{{fleet.ZONE}: {fleet.ZONE_ID}}}}}"
    subnet = fleet.subnet_id("weu")
    where = f"region: westeurope, subnet: {subnet}, endpointResourceGroup: {GROUP}"
    return f"{fleet.policy()}  own-group: {{{where}, dns: {zones}}}\n"


@dataclass(frozen=True)
class Wire:
    """The scene, the webhook that Event Grid delivers to, and what the app logs."""

    at: Scene
    session: aiohttp.ClientSession
    log: Path

    async def post(self, body: object) -> int:
        """Deliver as Event Grid does; gives the answer's status."""
        url = self.at.stage.app.event_grid_url("on_event")
        headers = {"aeg-event-type": "Notification", "Content-Type": "application/json"}
        async with self.session.post(url, data=json.dumps(body), headers=headers) as answer:
            return answer.status

    def ignored(self, event_id: str) -> str:
        """Give the reason that the log names for having ignored an event; "" where there is none."""
        line = re.search(rf"event ignored (.*\"{event_id}\".*)", self.log.read_text("utf-8"))
        return str(json.loads(line[1])["reason"]) if line else ""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def wire(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Wire]:
    log = tmp_path_factory.mktemp("wire") / "worker.log"
    with log.open("wb") as written:
        options = replace(playing(azurite, policy=policy()), seed=seeds(), log=written)
        async with scene(options) as at, aiohttp.ClientSession() as session:
            yield Wire(at, session, log)


def event(subject: str = QUIET, operation: str = WRITE, caller: Caller = OPERATOR, source: str = fleet.APPS) -> Json:
    """Write an event in the Event Grid schema, as the stand-in raises them."""
    told = ResourceEvent("event-1", 1.8e9, "Write", "Succeeded", subject, operation, source, caller, "correlation")
    return told.event_grid()


def cloud(subject: str = QUIET, operation: str = WRITE, source: str = fleet.APPS) -> Json:
    told = ResourceEvent("event-1", 1.8e9, "Write", "Succeeded", subject, operation, source, OPERATOR, "c")
    return told.cloud_event()


def changed(told: Json, data: Mapping[str, object] | None = None, **fields: object) -> Json:
    """Change an event; a field that is None is left out."""
    body = {**told, **fields} | ({"data": {**told["data"], **data}} if data is not None else {})
    return {name: value for name, value in body.items() if value is not None}


# ── meddled with on their way ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("how", MEDDLED)
async def test_a_cache_becomes_private_once_whatever_happens_to_its_events(wire: Wire, how: str) -> None:
    cache = fleet.cache_id(how)
    every = f"(redis/{how}$|redis/{how}/|pe-{how}-)"
    fault = wire.at.stage.azure.faults.add(EventFault(how, subject=every, seconds=300))

    wire.at.tag(cache, ENROLLED)
    if how == "drop":
        await wire.at.stage.azure.quiet()
        wire.at.stage.azure.faults.clear(fault)
        assert wire.at.calls(cache) == []
        await wire.at.stage.sweep()

    await wire.at.until_private(cache)
    assert wire.at.story(cache) == ["PUT endpoint", "PUT zone group"]


async def test_a_crowd_of_the_same_event_makes_one_endpoint(wire: Wire) -> None:
    assert await wire.post([event(CROWDED) for _ in range(40)]) == 202

    await wire.at.until_private(CROWDED)
    assert wire.at.story(CROWDED) == ["PUT endpoint", "PUT zone group"]


async def test_casing_carries_no_meaning(wire: Wire) -> None:
    assert await wire.post([changed(event(CASED.upper(), WRITE.upper()), topic=f"/SUBSCRIPTIONS/{fleet.APPS}")]) == 202

    await wire.at.until_private(CASED)


async def test_a_cloud_event_says_the_same(wire: Wire) -> None:
    assert await wire.post(cloud(CLOUDY)) == 202

    await wire.at.until_private(CLOUDY)


# ── that nobody should act on ───────────────────────────────────────────────────────────────────

BROKEN = {
    "unknown operation": (event(operation="Microsoft.Cache/redis/firewallRules/write"), Unheeded.UNKNOWN),
    "of another service": (event(operation="Microsoft.Storage/storageAccounts/write"), Unheeded.UNKNOWN),
    "a failure": (changed(event(), eventType="Microsoft.Resources.ResourceWriteFailure"), Unheeded.NOT_A_SUCCESS),
    "a cancellation": (changed(event(), eventType="Microsoft.Resources.ResourceWriteCancel"), Unheeded.NOT_A_SUCCESS),
    "no operation": (changed(event(), {"operationName": None}), Unheeded.MALFORMED),
    "an operation that is a number": (changed(event(), {"operationName": 7}), Unheeded.MALFORMED),
    "data that is a list": (changed(event()) | {"data": [1, 2]}, Unheeded.MALFORMED),
    "a subject that is no id": (event("redis/quiet"), Unheeded.NOT_A_CACHE),
    "an empty subject": (event(""), Unheeded.NOT_A_CACHE),
    "a subject that climbs": (event(QUIET.replace("rg-shop", "..%2f..")), Unheeded.NOT_A_CACHE),
    "tags of a machine": (event(QUIET.replace("Cache/Redis", "Compute/vms"), TAGGED), Unheeded.NOT_A_CACHE),
    "another subscription's source": (event(source=fleet.HUB), Unheeded.FOREIGN),
    "no subscription's source": (changed(event(), topic="/tenants/x"), Unheeded.FOREIGN),
    "an excluded group": (event(EXCLUDED), Unheeded.OUT_OF_SCOPE),
    "oversized": (changed(event(), {"padding": "x" * LARGEST}), Unheeded.OVERSIZED),
    "a CloudEvent without a subject": (changed(cloud(), subject=None), Unheeded.MALFORMED),
    "a CloudEvent of another service": (cloud(operation="Microsoft.Web/sites/write"), Unheeded.UNKNOWN),
}


@pytest.mark.parametrize("what", BROKEN)
async def test_an_event_that_concerns_no_cache_in_scope_is_acknowledged_logged_and_leads_to_nothing(
    wire: Wire, what: str
) -> None:
    body, reason = BROKEN[what]
    name = what.replace(" ", "-")
    since = wire.at.now

    assert await wire.post([{**body, "id": name}]) == 202

    assert wire.ignored(name) == reason.name
    assert wire.at.stage.azure.world.journal.entries("/redis/quiet", caller=APP.object_id, since=since) == []
    assert wire.at.calls(EXCLUDED) == []


@pytest.mark.parametrize("write", [event, cloud])
async def test_the_event_of_bringing_a_subscription_in_is_remembered_of_it_in_either_schema(
    wire: Wire, write: Callable[..., Json]
) -> None:
    brought = str(uuid.uuid4())
    topic = f"/subscriptions/{brought}/resourceGroups/rg-events/providers/Microsoft.EventGrid/systemTopics/all"
    assert await wire.post([write(topic, TAGGED, source=brought)]) == 202

    async def remembered() -> bool:
        heard = (await wire.at.stage.store.subscriptions.heard()).get(brought)
        return heard is not None and heard.last_event is not None

    await eventually(remembered, 20, "the event to be remembered")


async def test_an_event_of_a_cache_that_is_gone_leads_to_one_read_and_leaves_nothing_behind(wire: Wire) -> None:
    assert await wire.post([event(GONE)]) == 202

    await eventually(lambda: _calls(wire.at, GONE, 1), 20, "one look")
    (look,) = wire.at.calls(GONE)
    assert (look.method, look.status) == ("GET", 404)
    # The pass has its claim until its end.
    await eventually(lambda: _forgotten(wire.at, GONE), 20, "no row of it")


async def test_a_look_that_was_asked_for_before_a_cache_was_forgotten_leaves_no_row_behind(wire: Wire) -> None:
    late = fleet.cache_id("wire-forgotten")
    await wire.at.stage.store.queue.put(WakeUp(CacheId.parse(late), Trigger.AGAIN, after="of a pass that forgot"))

    await eventually(lambda: _calls(wire.at, late, 1), 20, "one look")
    await eventually(lambda: _forgotten(wire.at, late), 20, "no row of it")


async def _forgotten(at: Scene, cache: str) -> bool:
    return await at.stage.row(cache) is None


async def _calls(at: Scene, cache: str, number: int) -> bool:
    return len(at.calls(cache)) >= number


# ── about what is not a cache ───────────────────────────────────────────────────────────────────


async def test_an_endpoint_that_no_link_leads_from_makes_its_subscription_be_looked_through(wire: Wire) -> None:
    at = wire.at
    at.tag(UNLINKED, ENROLLED)
    await at.until_private(UNLINKED)
    (endpoint,) = at.endpoints(UNLINKED)
    await at.stage.store.links.drop(endpoint_id(endpoint.id))
    # The cache's own events would tell of it, too.
    at.stage.azure.faults.add(EventFault("drop", operation="redis/privateEndpointConnectionProxies"))
    since = at.now

    at.stage.outside("DELETE", endpoint.id)
    await at.stage.azure.until(lambda world: not world.cache(UNLINKED).approved)

    await eventually(lambda: _again(at, since), 20, "the endpoint to be made again")
    await at.until_private(UNLINKED)
    assert at.writes(UNLINKED, since)[0].body == CLOSE


async def _again(at: Scene, since: int) -> bool:
    return "PUT endpoint" in at.story(UNLINKED, since)


async def test_the_deletion_of_a_group_wakes_the_caches_whose_endpoints_were_in_it(wire: Wire) -> None:
    at = wire.at
    at.stage.outside("PUT", GROUP, {"location": "westeurope"})
    at.tag(BEREFT, {**ENROLLED, "drawbridge-placement": "own-group"})
    await at.until_private(BEREFT)
    since = at.now

    at.stage.outside("DELETE", GROUP)
    await at.stage.azure.until(lambda world: world.show(GROUP) is None)

    # Its endpoints have nowhere to be made any more; what can be done is to keep the cache shut, and to say so.
    await at.until_blocked(BEREFT, "ResourceGroupMissing")
    assert at.writes(BEREFT, since)[0].body == CLOSE
    assert at.cache(BEREFT).public == "Disabled"


# ── that storage cannot take ────────────────────────────────────────────────────────────────────


class Relay:
    """A way to Azurite's queues that can be cut."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._host, self._port = parts.hostname or "", parts.port or 0
        self._open = True
        self._writers: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        self._open = False
        for writer in self._writers:
            writer.close()

    def mend(self) -> None:
        self._open = True

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._open:
            writer.close()
            return
        far_reader, far_writer = await asyncio.open_connection(self._host, self._port)
        both = {writer, far_writer}
        self._writers |= both
        try:
            await asyncio.gather(_pour(reader, far_writer), _pour(far_reader, writer))
        finally:
            self._writers -= both


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


@asynccontextmanager
async def relayed(connection: str) -> AsyncIterator[tuple[Relay, str]]:
    """Give a relay in front of the queues of an account, and the connection string that leads through it."""
    found = re.search(r"QueueEndpoint=(http://[^/;]+)", connection)
    assert found
    relay = Relay(found[1])
    server = await asyncio.start_server(relay.carry, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield relay, connection.replace(found[1], f"http://127.0.0.1:{port}")
        relay.cut()


async def test_an_event_that_the_queue_cannot_take_is_not_acknowledged_and_comes_again(azurite: Azurite) -> None:
    cache = fleet.cache_id("patient")
    options = playing(azurite, CacheSeed(fleet.APPS, "rg-shop", "patient"))
    async with (
        relayed(options.connection_string) as (relay, connection),
        scene(replace(options, connection_string=connection)) as at,
    ):
        relay.cut()
        at.tag(cache, ENROLLED)
        await eventually(lambda: _answered(at, 500), 30, "an answer that asks for the event again")
        assert at.calls(cache) == []

        relay.mend()
        await at.until_private(cache)
        assert at.stage.azure.delivery.dropped == []


async def _answered(at: Scene, status: int) -> bool:
    return any(attempt.status == status for attempt in at.stage.azure.delivery.attempts)


async def test_a_sweep_tells_how_each_queue_stands_before_it_fills_them(wire: Wire) -> None:
    await wire.at.swept()

    written = wire.log.read_text("utf-8")
    before, _, after = written.rpartition("sweep started {")
    told = [json.loads(fields) for fields in re.findall(r"\bqueue (\{.*\})", before.rpartition("sweep started {")[2])]
    assert {fields["queue"] for fields in told} >= {"reconcile", "sweep"}
    assert all(float(fields["oldest"]) >= 0 and int(fields["messages"]) >= 0 for fields in told)
    assert re.search(r"\bqueue \{", after) is None
