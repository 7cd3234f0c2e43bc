"""The story that `demo` plays: everything that Drawbridge promises, on this machine, told while it happens.

What is shown at the end is read back from the emulated Azure, not from what the story thinks it did; the
exit status is 0 only if that world is as promised.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from local import fleet
from local.azure.delivery import DeliveryOptions
from local.azure.emulator import EmulatorOptions
from local.azure.faults import EventFault, Lock, Match, Throttle
from local.azure.ingestion import Ingestion
from local.azure.seeds import CacheSeed, ClusterSeed
from local.azure.throttle import Bucket, Buckets
from local.stage import NotAsPromisedError, Stage, StageOptions, eventually, stage

SCALE = 40
"""How many seconds of Azure pass in one second of the demo."""
_STORM = 24
_REFUSED = 6
_PLAIN_WIDTH = 120
_RESTLESS = 6
_LATE = 120.0
_TAGS = "/providers/Microsoft.Resources/tags/default"


@dataclass(slots=True)
class Chapter:
    """One thing that happened, and what it took."""

    title: str
    short: str
    took: float = 0.0
    """Seconds of Azure's time, from the act to the verdict."""
    azure: float = 0.0
    """Seconds of it in which one of Azure's own long operations was running."""
    reads: int = 0
    writes: int = 0
    result: str = ""


@dataclass(slots=True)
class Story:
    """The story as it is told."""

    stage: Stage
    console: Console
    chapters: list[Chapter] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    @contextmanager
    def chapter(self, short: str, title: str) -> Iterator[Chapter]:
        """Tell one chapter, and measure it in the emulated Azure."""
        chapter = Chapter(title, short)
        world = self.stage.azure.world
        begun, calls = world.now, len(world.journal)
        self.console.print(f"\n[bold]{len(self.chapters) + 1}. {title}[/bold]")
        try:
            yield chapter
        except NotAsPromisedError as error:
            chapter.result = f"NOT AS PROMISED: {error}"
            self.broken.append(f"{title}: {error}")
        chapter.took = world.now - begun
        chapter.azure = _busy(self.stage, begun)
        count = world.journal.count(caller=self.stage.azure.principal.object_id, since=calls)
        chapter.reads, chapter.writes = count.reads, count.writes
        self.chapters.append(chapter)
        self.console.print(
            f"   [green]✓[/green] {chapter.result}"
            if not self._failed(chapter)
            else f"   [red]✗ {chapter.result}[/red]"
        )

    def _failed(self, chapter: Chapter) -> bool:
        return chapter.result.startswith("NOT")

    def say(self, text: str) -> None:
        self.console.print(f"   [dim]{text}[/dim]")

    async def watch(self, cache: str, wanted: str, seconds: float = 90) -> None:
        """Wait for a verdict, saying each step on the way."""
        told = ""

        async def reached() -> bool:
            nonlocal told
            row = await self.stage.row(cache)
            verdict = row.verdict if row else None
            step = verdict.step.value if verdict and verdict.step else ""
            if step and step != told:
                told = step
                self.say(f"… {step}")
            return await self.stage.verdict(cache) == wanted

        await eventually(reached, seconds, f"{_short(cache)} {wanted}", lambda: self.stage.verdict(cache))

    def tag(self, cache: str, **tags: str) -> None:
        """Do as a person does in the portal: merge tags through the Tags API."""
        named = {name.replace("_", "-"): value for name, value in tags.items()}
        self.stage.outside("PATCH", cache + _TAGS, {"operation": "Merge", "properties": {"tags": named}})

    def promised(self, cache: str) -> None:
        """Look into the world: an approved endpoint, a record that leads to its address, and a closed door."""
        if problem := private(self.stage, cache):
            raise NotAsPromisedError(f"{_short(cache)}: {problem}")

    def made_once(self, cache: str) -> None:
        """Look into the journal: one PUT for the cache's endpoint, however often an event came."""
        name = f"/privateendpoints/pe-{_short(cache)}-"
        puts = [
            e
            for e in self.stage.azure.world.journal.entries(name, method="PUT")
            if "/privatednszonegroups/" not in e.resource
        ]
        if len(puts) != 1:
            raise NotAsPromisedError(f"{_short(cache)}: its endpoint was written {len(puts)} times")


def _busy(playing: Stage, since: float) -> float:
    """Measure how long at least one of Azure's long operations was running."""
    world = playing.azure.world
    spans = sorted((max(o.begun, since), min(o.due, world.now)) for o in world.operations.values() if o.due > since)
    busy, end = 0.0, since
    for begun, due in spans:
        busy += max(0.0, due - max(begun, end))
        end = max(end, due)
    return busy


def _short(cache: str) -> str:
    return cache.rpartition("/")[2]


def private(playing: Stage, cache: str) -> str:
    """Say what keeps a cache from being private, by the emulated Azure itself; "" where nothing does."""
    body: Any = playing.azure.world.show(cache)
    if body is None:
        return "it does not exist"
    properties = body["properties"]
    if reached(playing, cache):
        return f"the internet reaches it: public network access is {properties['publicNetworkAccess']}"
    connections = properties.get("privateEndpointConnections") or []
    approved = [c for c in connections if c["properties"]["privateLinkServiceConnectionState"]["status"] == "Approved"]
    if not approved:
        return "it has no approved endpoint"
    if not resolved(playing, cache):
        return "its name does not lead to its endpoint"
    return ""


def reached(playing: Stage, cache: str) -> bool:
    """Tell whether the internet reaches a cache: a cluster without a flag, as long as it has no endpoint."""
    world = playing.azure.world
    if fleet.is_cluster(cache):
        return world.cluster(cache).reachable_in_public
    return world.cache(cache).public != "Disabled"


def resolved(playing: Stage, cache: str) -> str:
    """Resolve a cache's name as a client in the network does; "" where it leads nowhere."""
    world = playing.azure.world
    zone, name = fleet.ZONE, _short(cache)
    if fleet.is_cluster(cache):
        cluster = world.cluster(cache)
        zone, name = cluster.zone, f"{cluster.name}.{cluster.region}"
    record: Any = world.show(f"{fleet.zone_id(zone)}/A/{name}")
    addresses = (record or {"properties": {}})["properties"].get("aRecords") or [{"ipv4Address": ""}]
    return str(addresses[0]["ipv4Address"])


# ── the chapters ────────────────────────────────────────────────────────────────────────────────


async def fleet_appears(story: Story) -> None:
    """Show what is there, before anything is done."""
    with story.chapter(
        "a fleet, first sweep", "A fleet appears: two subscriptions, three regions, nobody has asked for anything"
    ) as chapter:
        await story.stage.sweep()

        async def swept() -> bool:
            latest = await story.stage.store.sweeps.latest()
            return latest is not None and latest.finished

        await eventually(swept, 60, "the first sweep to end")
        listed = await story.stage.store.sweeps.latest()
        seen = sum(part.seen for part in listed.subscriptions) if listed else 0
        chapter.result = f"the first sweep has seen {seen} caches and left all of them alone: none is enrolled"


async def tagged(story: Story) -> None:
    cache = fleet.cache_id("shop-weu")
    with story.chapter("a tag", "An app team tags its cache: drawbridge = private") as chapter:
        story.tag(cache, drawbridge="private")
        await story.watch(cache, "Compliant")
        story.promised(cache)
        chapter.result = "shop-weu has an endpoint, its name leads to it, and its public door is shut"


async def last_endpoint_deleted(story: Story) -> None:
    cache = fleet.cache_id("shop-weu")
    with story.chapter("last endpoint deleted", "Somebody deletes its last endpoint") as chapter:
        row = await story.stage.row(cache)
        endpoint = str(row.memory.made[-1]) if row else ""
        story.stage.outside("DELETE", endpoint)

        async def gone() -> bool:
            return await story.stage.verdict(cache) == "Converging"

        await eventually(gone, 60, "the loss to be noticed")
        await story.watch(cache, "Compliant")
        story.promised(cache)
        chapter.result = "closed explicitly at once, and the endpoint is back"


async def opened_by_hand(story: Story) -> None:
    cache = fleet.cache_id("shop-weu")
    with story.chapter("opened by hand", "Somebody opens its public door by hand") as chapter:
        story.stage.outside("PATCH", cache, {"properties": {"publicNetworkAccess": "Enabled"}})

        async def open_() -> bool:
            body: Any = story.stage.azure.world.show(cache)
            return bool(body["properties"]["publicNetworkAccess"] == "Enabled")

        await eventually(open_, 60, "the door to open")
        story.say("… the door is open")

        async def shut() -> bool:
            return not private(story.stage, cache) and await story.stage.verdict(cache) == "Compliant"

        await eventually(shut, 60, "the door to be shut again")
        chapter.result = "it is shut again"


async def pipeline_asks(story: Story) -> None:
    path = f"caches/{fleet.APPS}/rg-shop/stock-neu/endpoints/neu-prod"
    with story.chapter(
        "a pipeline's PUT", "A pipeline asks over HTTP: PUT /api/caches/…/stock-neu/endpoints/neu-prod"
    ) as chapter:
        status, body = await story.stage.call("PUT", path)
        answers = [f"{status} {body['state']}"]

        async def final() -> bool:
            status, body = await story.stage.call("GET", path)
            if (answer := f"{status} {body['state']}") != answers[-1]:
                answers.append(answer)
            return status != 202  # noqa: PLR2004

        await eventually(final, 90, "an answer that is final")
        story.say("… " + " → ".join(answers))
        if not answers[-1].startswith("200"):
            raise NotAsPromisedError(answers[-1])
        story.promised(fleet.cache_id("stock-neu"))
        chapter.result = "one PUT, and GETs of the same URL until it said 200 Ready"


async def unruly_events(story: Story) -> None:
    caches = [fleet.cache_id(f"busy-{number}-eus", "rg-busy") for number in range(_RESTLESS)]
    with story.chapter("unruly events", "Events arrive five times, minutes late, and in the wrong order") as chapter:
        faults = story.stage.azure.faults
        armed = [
            faults.add(EventFault("duplicate", subject="busy-[0-3]")),
            faults.add(EventFault("delay", subject="busy-4", seconds=_LATE)),
            faults.add(EventFault("reorder", subject="busy-5")),
        ]
        for cache in caches:
            story.tag(cache, drawbridge="private")
        await asyncio.gather(*(story.stage.until_verdict(cache, "Compliant", 120) for cache in caches))
        for number in armed:
            faults.clear(number)
        for cache in caches:
            story.promised(cache)
            story.made_once(cache)
        chapter.result = f"{len(caches)} caches are private all the same, and each endpoint was made once"


async def never_arrives(story: Story) -> None:
    cache = fleet.cache_id("quiet-weu")
    with story.chapter("no event at all", "An event never arrives at all") as chapter:
        number = story.stage.azure.faults.add(EventFault("drop", subject="quiet-weu"))
        story.tag(cache, drawbridge="private")
        story.say("… the event is lost; the next sweep looks for itself")
        await story.stage.sweep()
        await story.watch(cache, "Compliant", 120)
        story.stage.azure.faults.clear(number)
        story.promised(cache)
        chapter.result = "the sweep has found it"


async def every_kind(story: Story) -> None:
    caches = [seed.id for seed in kinds()]
    with story.chapter(
        "every kind of cache", "Classic, Azure Managed Redis, Enterprise, with and without a flag: all five are tagged"
    ) as chapter:
        for cache in caches:
            story.tag(cache, drawbridge="private")
        await asyncio.gather(*(story.stage.until_verdict(cache, "Compliant", 120) for cache in caches))
        for cache in caches:
            story.promised(cache)
        chapter.result = "each is private, its name in the zone of its kind"


async def exposed(story: Story) -> None:
    cache = fleet.cluster_id("managed-old", "rg-kinds")
    with story.chapter(
        "exposed", "Somebody deletes the last endpoint of a cluster that nothing else keeps from the public"
    ) as chapter:
        row = await story.stage.row(cache)
        story.stage.outside("DELETE", str(row.memory.made[-1]) if row else "")
        await story.watch(cache, "Blocked(Exposed)")
        world = story.stage.azure.world
        since = world.now
        story.say("Exposed: it is open to the internet, and has no flag that could be set; the alert has gone out")
        await story.watch(cache, "Compliant")
        story.promised(cache)
        told = [e for e in story.stage.azure.topic.events if e["type"] == "Drawbridge.Cache.Exposed"]
        if not told:
            raise NotAsPromisedError("nobody was told that it was exposed")
        chapter.result = f"its endpoint is back, {world.now - since:.0f} s after the alert"


async def stands_in_the_way(story: Story) -> None:
    vnet, full = fleet.cache_id("legacy-weu"), fleet.cache_id("crowd-weu")
    locked = fleet.cache_id("vault-neu", "rg-vault")
    with story.chapter(
        "three that cannot work", "What cannot work says so: a VNet-injected cache, a full subnet, a locked scope"
    ) as chapter:
        scope = f"/subscriptions/{fleet.HUB}/resourceGroups/rg-hub-neu"
        number = story.stage.azure.faults.add(Lock(scope=scope))
        story.tag(vnet, drawbridge="private")
        story.tag(full, drawbridge="private", drawbridge_placement="weu-full")
        story.tag(locked, drawbridge="private")
        wanted = {vnet: "Blocked(VnetInjected)", full: "Blocked(SubnetFull)", locked: "Blocked(ScopeLocked)"}
        await asyncio.gather(*(story.stage.until_verdict(cache, verdict) for cache, verdict in wanted.items()))
        for cache in wanted:
            row = await story.stage.row(cache)
            if row and row.verdict and row.verdict.reason:
                story.say(f"{_short(cache)}: {row.verdict.reason.value} · {row.verdict.message}")
        story.stage.azure.faults.clear(number)
        chapter.result = "each is Blocked with a reason that a person can act on"


async def storm(story: Story) -> None:
    caches = [fleet.cache_id(f"storm-{number}-weu", "rg-storm") for number in range(_STORM)]
    with story.chapter(
        "a storm of 429", f"{_STORM} caches are tagged at once, and Azure throttles: a storm of 429"
    ) as chapter:
        world = story.stage.azure.world
        tight = Buckets(reads=Bucket(10, 0.6), writes=Bucket(8, 0.4), deletes=Bucket(8, 0.4))
        since = len(world.journal)
        # On a slow machine the buckets would fill as fast as they are emptied.
        app = story.stage.azure.principal.object_id
        story.stage.azure.faults.add(Throttle(retry_after=1), Match("GET", caller=app, count=_REFUSED))
        for cache in caches:
            story.tag(cache, drawbridge="private")
        world.throttle.per_subscription[fleet.APPS] = tight
        world.throttle.per_subscription[fleet.HUB] = tight
        await asyncio.gather(*(story.stage.until_verdict(cache, "Compliant", 240) for cache in caches))
        refused = sum(entry.status == 429 for entry in world.journal.entries(since=since))  # noqa: PLR2004
        world.throttle.per_subscription.clear()
        if not refused:
            raise NotAsPromisedError("the storm was none: no call met a 429")
        for cache in caches:
            story.promised(cache)
        chapter.result = f"all {_STORM} are private; {refused} calls met a 429, and nobody asked again before its time"


CHAPTERS: tuple[Callable[[Story], Awaitable[None]], ...] = (
    fleet_appears,
    tagged,
    last_endpoint_deleted,
    opened_by_hand,
    pipeline_asks,
    unruly_events,
    never_arrives,
    every_kind,
    exposed,
    stands_in_the_way,
    storm,
)


def caches() -> list[CacheSeed]:
    """Describe the fleet that the story plays with."""
    plain = CacheSeed(fleet.APPS, "rg-shop", "")
    busy = [_named(plain, f"busy-{n}-eus", "eastus", "rg-busy") for n in range(_RESTLESS)]
    stormy = [_named(plain, f"storm-{n}-weu", "westeurope", "rg-storm") for n in range(_STORM)]
    return [
        _named(plain, "shop-weu", "westeurope"),
        _named(plain, "stock-neu", "northeurope"),
        _named(plain, "quiet-weu", "westeurope"),
        _named(plain, "crowd-weu", "westeurope"),
        _named(plain, "vault-neu", "northeurope", "rg-vault"),
        CacheSeed(fleet.APPS, "rg-shop", "legacy-weu", sku="Premium", subnet_id=fleet.subnet_id("weu", "caches")),
        CacheSeed(fleet.HUB, "rg-hub-apps", "sessions-eus", region="eastus"),
        *busy,
        *stormy,
    ]


def kinds() -> list[CacheSeed | ClusterSeed]:
    """Describe one cache of each kind; those that are called old were made before there was a flag."""
    cluster = ClusterSeed(fleet.APPS, "rg-kinds", "managed")
    tier = "Enterprise_E10"
    return [
        _named(CacheSeed(fleet.APPS, "rg-kinds", ""), "classic", "westeurope", "rg-kinds"),
        cluster,
        msgspec.structs.replace(cluster, name="managed-old", public_network_access=None),
        msgspec.structs.replace(cluster, name="enterprise", sku=tier),
        msgspec.structs.replace(cluster, name="enterprise-old", sku=tier, public_network_access=None),
    ]


def _named(plain: CacheSeed, name: str, region: str, group: str = "rg-shop") -> CacheSeed:
    return CacheSeed(plain.subscription, group, name, region=region)


def options(scale: float = SCALE) -> StageOptions:
    """Say how the story is staged."""
    emulator = EmulatorOptions(time_scale=scale, seed=11, delivery=DeliveryOptions(reorder_hold=20))
    seed = fleet.seed(*caches(), *kinds())
    return StageOptions(policy=fleet.policy(), emulator=emulator, seed=seed, metrics=True)


def table(story: Story) -> Table:
    """Draw up what happened, in figures."""
    drawn = Table(
        title=f"What happened (times are Azure's: this machine ran it {SCALE} times as fast)", title_justify="left"
    )
    drawn.add_column("chapter")
    drawn.add_column("took", justify="right")
    drawn.add_column("of it Azure's own work", justify="right")
    drawn.add_column("ARM reads", justify="right")
    drawn.add_column("writes", justify="right")
    for number, chapter in enumerate(story.chapters, 1):
        took, azure = f"{chapter.took:.0f} s", f"{chapter.azure:.0f} s"
        drawn.add_row(f"{number}. {chapter.short}", took, azure, str(chapter.reads), str(chapter.writes))
    return drawn


def measured(taken: Ingestion) -> str:
    """Say what the app's own metrics tell, as Application Insights has taken them."""
    events = taken.total("drawbridge.events", {"outcome": "taken"})
    passes = taken.total("drawbridge.passes")
    reads, writes = (taken.total("drawbridge.arm.requests", {"kind": kind}) for kind in ("read", "write"))
    delays = taken.points("drawbridge.verdict.delay")
    answered = sum(point.count or 0 for point in delays)
    mean = sum(point.value for point in delays) / answered if answered else 0.0
    return (
        f"{events:.0f} events taken, {passes:.0f} passes, {reads:.0f} reads and {writes:.0f} writes of Azure, "
        f"{mean:.1f} s of this machine from a message to its first verdict"
    )


def table_of_kinds(story: Story) -> Table:
    """Draw up what has become of one cache of each kind, read back from the emulated Azure."""
    drawn = Table(title="One of each kind", title_justify="left")
    for heading in ("cache", "SKU", "flag", "the internet", "name leads to", "in zone privatelink."):
        drawn.add_column(heading)
    drawn.add_column("calls", justify="right")
    world, app = story.stage.azure.world, story.stage.azure.principal.object_id
    for seed in kinds():
        body: Any = world.show(seed.id)
        about = re.compile(rf"/({seed.name}|pe-{seed.name}-[0-9a-f]{{8}})([/.]|$)")
        calls = [call for call in world.journal.entries(caller=app) if about.search(call.resource)]
        drawn.add_row(
            seed.name,
            seed.sku,
            str(body["properties"]["publicNetworkAccess"] or "no flag"),
            "reaches it" if reached(story.stage, seed.id) else "is shut out",
            resolved(story.stage, seed.id) or "nothing",
            (world.cluster(seed.id).zone if fleet.is_cluster(seed.id) else fleet.ZONE).removeprefix("privatelink."),
            str(len(calls)),
        )
    return drawn


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take no arguments but the log's file."""
    parser.add_argument("--log", help="where the app's own log goes (default: nowhere)")


def run(arguments: argparse.Namespace) -> int:
    """Play the story; 0 if the world is as promised at its end."""
    return asyncio.run(_play(arguments.log))


async def _play(log: str | None) -> int:
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_PLAIN_WIDTH)
    begun = time.monotonic()
    console.print(
        "[bold]Drawbridge on one machine:[/bold] the deployed function app, real SDKs, an emulated Azure, Azurite."
    )
    with open(log or "/dev/null", "wb") as sink:  # noqa: PTH123, ASYNC230 - handed to another process
        async with stage(replace(options(), log=sink)) as playing:
            console.print(f"   [dim]everything is up after {time.monotonic() - begun:.1f} s[/dim]")
            story = Story(playing, console)
            for tell in CHAPTERS:
                await tell(story)
            # The app sends the last of its metrics when it stops.
            await playing.workers.stop()
            _end(story, time.monotonic() - begun)
            return 1 if story.broken else 0


def _end(story: Story, seconds: float) -> None:
    console = story.console
    console.print()
    console.print(table(story))
    console.print(table_of_kinds(story))
    published = [event["type"].rpartition(".")[2] for event in story.stage.azure.topic.events]
    counts = ", ".join(f"{published.count(kind)} {kind}" for kind in sorted(set(published)))
    console.print(f"Announced to the topic: {counts}.")
    console.print(f"Its metrics: {measured(story.stage.azure.ingestion)}.")
    for broken in story.broken:
        console.print(f"[red]NOT AS PROMISED: {broken}[/red]")
    if not story.broken:
        console.print(f"[green]The world is as promised.[/green] The demo took {seconds:.0f} s.")
