"""Hold answers until something is final, at the price of one read for all who wait for the same thing.

Everybody who waits for one thing in this process shares one look at it, with growing pauses; nobody holds a thread, and
nobody asks Azure Resource Manager. Who gives up waiting takes nothing away from the others, and the last one out ends
the looking.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from shared.logs import Log

T = TypeVar("T")
S = TypeVar("S")
log = Log(__name__)

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 5.0
_GROWTH = 1.5


@dataclass(slots=True)
class _Watch:
    """One thing that is looked at, and who waits for it."""

    waiting: int = 0
    value: Any = None
    looked: asyncio.Event = field(default_factory=asyncio.Event)
    """Set, and replaced, at each look."""
    task: asyncio.Task[None] | None = None


@dataclass(slots=True)
class Waiting:
    """All that is waited for in this process."""

    first_pause: float = FIRST_PAUSE
    longest_pause: float = LONGEST_PAUSE
    _watches: dict[str, _Watch] = field(default_factory=dict)

    async def until(
        self,
        thing: str,
        read: Callable[[], Awaitable[S]],
        judged: Callable[[S], T],
        final: Callable[[T], bool],
        seconds: float,
    ) -> T:
        """Read a thing and judge it until the judgement is final or the time is up; gives the last judgement.

        The first read is the caller's own; every later one is shared with all who wait for the same ``thing``, so
        ``read`` has to be the same for all of them. What it raises ends the wait of all, and is raised to each.
        """
        found = judged(await read())
        if final(found) or seconds <= 0:
            return found
        watch = self._joined(thing, read)
        try:
            async with asyncio.timeout(seconds):
                while not final(found):
                    await watch.looked.wait()
                    if watch.task and watch.task.done():
                        watch.task.result()
                    found = judged(watch.value)
        except TimeoutError:
            pass
        finally:
            self._left(thing, watch)
        return found

    def _joined(self, thing: str, read: Callable[[], Awaitable[Any]]) -> _Watch:
        watch = self._watches.get(thing)
        if watch is None or watch.task is None or watch.task.done():
            watch = self._watches[thing] = _Watch()
            watch.task = asyncio.create_task(self._look(watch, read), name=f"watching {thing}")
        watch.waiting += 1
        return watch

    def _left(self, thing: str, watch: _Watch) -> None:
        watch.waiting -= 1
        if watch.waiting == 0:
            if watch.task:
                watch.task.cancel()
            if self._watches.get(thing) is watch:
                del self._watches[thing]

    async def _look(self, watch: _Watch, read: Callable[[], Awaitable[Any]]) -> None:
        pause = self.first_pause
        try:
            while True:
                await asyncio.sleep(pause)
                pause = min(pause * _GROWTH, self.longest_pause)
                watch.value = await read()
                self._tell(watch)
        except Exception as error:
            log.warning("waiting ended by an error", because=error)
            raise
        finally:
            asyncio.get_running_loop().call_soon(watch.looked.set)

    @staticmethod
    def _tell(watch: _Watch) -> None:
        told, watch.looked = watch.looked, asyncio.Event()
        told.set()
