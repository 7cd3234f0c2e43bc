"""How a story ends: what the world, the history and the topic say, compared with the same story undisturbed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from shared.chronicle import heading
from shared.ids import CacheId
from shared.model import VerdictKind
from shared.reconcile import Reconciler
from shared.store.caches import CacheRow
from shared.store.history import HistoryRecord
from tests.system.robust.town import Story, Town, endpoint_deleted, tagged
from tests.system.robust.wire import Cut, Sent, To

Plot = Callable[[Story], Awaitable[None]]
_REASSERTED = "PATCH cache"


async def attached(story: Story) -> None:
    """Play the first promise, from a tag to a private cache."""
    await story.play(tagged(story.cache))


async def lost(story: Story) -> None:
    """Play the second promise, from the deletion of the endpoint to a private cache again."""
    story.town.scene.lose_endpoint(str(story.cache))
    await story.play(endpoint_deleted(story.cache))


@dataclass(frozen=True, slots=True)
class Ending:
    """What a story left behind, without what depends on the cache's name."""

    writes: Counter[str]
    actions: frozenset[str]
    announced: frozenset[str]
    fights: int


@dataclass(frozen=True, slots=True)
class Since:
    """Where a story begins, for caches that had one before."""

    calls: int
    revision: int
    told: int


async def here(town: Town, cache: CacheId) -> Since:
    history = await town.history(cache)
    return Since(len(town.azure.world.journal), len(history), len(town.told(cache)))


async def ending(town: Town, cache: CacheId, since: Since) -> Ending:
    history = (await town.history(cache))[since.revision :]
    actions = {action.replace(f"pe-{cache.name}", "pe") for record in history for action in record.actions}
    told = {kind for kind, _ in town.told(cache)[since.told :]}
    writes = Counter(town.scene.story(str(cache), since.calls))
    row = await town.row(cache)
    return Ending(writes, frozenset(map(_nameless, actions)), frozenset(told), len(row.memory.fights))


def _nameless(action: str) -> str:
    """Leave out the hash in an endpoint's name, and whether it is sure that the action was taken."""
    words = action.removeprefix("perhaps ").removesuffix(", by a pass that then died").split(" ")
    return " ".join("pe" if word.startswith("pe-") else word for word in words)


async def amiss(story: Story, since: Since, promised: Ending) -> list[str]:
    """Say what is not as promised after a story in which workers died; nothing, if all is well."""
    found = [*_in_the_world(story, since, promised), *[c async for c in _on_record(story, since, promised)]]
    return [f"{story.cache.name} ({'; '.join(map(str, story.deaths))}): {complaint}" for complaint in found]


def _in_the_world(story: Story, since: Since, promised: Ending) -> Iterator[str]:
    town, cache = story.town, str(story.cache)
    if not town.scene.private(cache):
        yield "it is not private"
    written = Counter(town.scene.story(cache, since.calls))
    # That the door was shut explicitly shows nowhere in Azure: where nobody lived to record it, it is done again.
    forced = Counter({_REASSERTED: len(story.deaths)} if _REASSERTED in promised.writes else {})
    if missing := promised.writes - written:
        yield f"not written: {missing}"
    if surplus := written - promised.writes - forced:
        yield f"written again: {surplus}"


async def _on_record(story: Story, since: Since, promised: Ending) -> AsyncIterator[str]:
    town, cache = story.town, story.cache
    row, history = await town.row(cache), await town.history(cache)
    for complaint in (*of_row(row, history), *of_history(history)):
        yield complaint
    ended = await ending(town, cache, since)
    if ended.actions != promised.actions:
        yield f"the history tells of {set(ended.actions)}"
    if ended.fights > promised.fights:
        yield f"a death counts as a fight: {ended.fights}"
    if missing := promised.announced - ended.announced:
        yield f"never announced: {set(missing)}"
    told = town.told(cache)[since.told :]
    for complaint in (*of_announcements(told, history[since.revision :]), *_told_twice(told)):
        yield complaint


def of_row(row: CacheRow, history: list[HistoryRecord]) -> Iterator[str]:
    if row.verdict is None or row.verdict.kind is not VerdictKind.COMPLIANT:
        yield f"the verdict is {row.verdict}"
    if row.unannounced or row.unfinished:
        yield f"left over: unannounced {row.unannounced}, unfinished {row.unfinished}"
    if len(row.memory.made) != 1:
        yield f"known as made by us: {row.memory.made}"
    if row.revision != history[-1].revision:
        yield f"the row has revision {row.revision}, the history {history[-1].revision}"


def of_history(history: list[HistoryRecord]) -> Iterator[str]:
    revisions = [record.revision for record in history]
    if revisions != list(range(1, len(revisions) + 1)):
        yield f"the history has revisions {revisions}"
    for before, after in pairwise(history):
        if after.before is None or heading(after.before) != heading(before.after):
            yield f"revision {after.revision} begins with {after.before}, after {before.after}"


def of_announcements(told: list[tuple[str, str]], history: list[HistoryRecord]) -> Iterator[str]:
    recorded = {record.id for record in history if record.announcements}
    published = {told_id.partition(".")[0] for _, told_id in told}
    if recorded != published:
        yield f"recorded {recorded}, and announced {published}"


def _told_twice(told: list[tuple[str, str]]) -> Iterator[str]:
    """Find what a consumer that drops doubles by their id would still be told twice, in a story that has it once."""
    kinds = Counter(kind for kind, _ in dict.fromkeys(told))
    if doubled := {kind for kind, count in kinds.items() if count > 1}:
        yield f"announced under two ids: {doubled}"


@dataclass(frozen=True, slots=True)
class Theatre:
    """Where one plot is played again and again, each time with another cache, and always ought to end the same."""

    town: Town
    worker: Reconciler
    plot: Plot
    prepared: bool
    """Caches have been attached before the plot begins."""

    async def play(self, name: str, **how: Any) -> tuple[Story, Since]:
        (cache,) = self.town.add(name)
        if self.prepared:
            await attached(Story(self.town, self.worker, cache))
        since = await here(self.town, cache)
        story = Story(self.town, self.worker, cache, **how)
        await self.plot(story)
        return story, since

    async def undisturbed(self) -> tuple[list[Sent], Ending]:
        """Play it once to see what it takes, and how it is to end."""
        await self.play("warm")
        story, since = await self.play("undisturbed")
        promised = await ending(self.town, story.cache, since)
        assert await amiss(story, since, promised) == []
        assert len(story.wire.sent) > _FEWEST_CALLS, "this story is too short to show anything"
        return story.wire.sent, promised


async def after_each_death(town: Town, plot: Plot, side: Cut, *, at_once: bool, prepared: bool) -> list[str]:
    """Play a plot once for each of its calls, the worker dying there; give what is not as promised afterwards."""
    theatre = Theatre(town, town.hire(), plot, prepared)
    calls, promised = await theatre.undisturbed()
    complaints: list[str] = []
    for call in calls:
        story, since = await theatre.play(f"dies-at-{call.number}", cuts=[(call.number, side)], at_once=at_once)
        assert story.deaths, f"nobody died at {call}"
        complaints += await amiss(story, since, promised)
    return complaints


async def after_each_outage(town: Town, plot: Plot, down: frozenset[To], *, prepared: bool) -> list[str]:
    """As ``after_each_death``, with storage going down at each call to it; the SDK's own patience takes seconds."""
    theatre = Theatre(town, town.hire(), plot, prepared)
    calls, promised = await theatre.undisturbed()
    limit = asyncio.Semaphore(_AT_ONCE)

    async def played(number: int) -> list[str]:
        async with limit:
            story, since = await theatre.play(f"lacks-{number}", outages=[(number, down)])
        assert story.deaths, f"nothing failed at {calls[number]}"
        return await amiss(story, since, promised)

    numbers = [call.number for call in calls if call.to in down]
    return [each for some in await asyncio.gather(*map(played, numbers)) for each in some]


_AT_ONCE = 12
_FEWEST_CALLS = 30
