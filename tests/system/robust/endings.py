"""How a story ends: what the world, the history and the topic say, compared with the same story undisturbed."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from shared.chronicle import heading
from shared.ids import CacheId
from shared.model import VerdictKind
from shared.store.caches import CacheRow
from shared.store.history import HistoryRecord
from tests.system.robust.town import Story, Town, endpoint_deleted, tagged
from tests.system.robust.wire import Cut

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
    return Ending(writes, frozenset(map(_nameless, actions)), frozenset(told))


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


async def after_each_death(town: Town, plot: Plot, side: Cut, *, at_once: bool, prepared: bool) -> list[str]:
    """Play a plot once for each of its calls, the worker dying there; give what is not as promised afterwards.

    ``prepared`` caches have been attached before.
    """
    worker = town.hire()

    async def played(name: str, cuts: list[tuple[int, Cut]]) -> tuple[Story, Since]:
        (cache,) = town.add(name)
        if prepared:
            await attached(Story(town, worker, cache))
        since = await here(town, cache)
        story = Story(town, worker, cache, cuts, at_once)
        await plot(story)
        return story, since

    await played("warm", [])
    undisturbed, since = await played("undisturbed", [])
    promised = await ending(town, undisturbed.cache, since)
    complaints = await amiss(undisturbed, since, promised)
    for number in range(_ENDLESS):
        story, since = await played(f"dies-at-{number}", [(number, side)])
        if not story.deaths:
            assert number > _FEWEST_CALLS, "this story is too short to show anything"
            return complaints
        complaints += await amiss(story, since, promised)
    raise AssertionError("this story has no end")


_FEWEST_CALLS = 30
_ENDLESS = 200
