"""Ask until something is Ready or Blocked, or the time is up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from drawbridge_cli.client import CallError, Json, Reply

# The app holds an answer for up to 200 s; shorter holds let a person see each step.
_HOLD = 20.0
_LEAST_PAUSE = 1.0
_TROUBLE_PAUSE = 5.0

Ask = Callable[[int], Reply]
"""Asks once; the app holds its answer for so many seconds."""


class Watcher(Protocol):
    """Is told what happens while something is waited for."""

    def tell(self, body: Json) -> None: ...

    def trouble(self, error: CallError) -> None: ...


@dataclass(slots=True)
class Patience:
    """How long to go on, in seconds, by a clock that nobody sets."""

    seconds: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _end: float = field(init=False)

    def __post_init__(self) -> None:
        self._end = self.clock() + self.seconds

    @property
    def left(self) -> float:
        return max(0.0, self._end - self.clock())

    def pause(self, seconds: float) -> bool:
        """Wait so long, or until the time is up; False says that it was up before."""
        if not self.left:
            return False
        self.sleep(min(seconds, self.left))
        return True


def follow(ask: Ask, patience: Patience, watcher: Watcher, pause: float = _LEAST_PAUSE) -> Reply:
    """Give the first final answer, or the last one before the time was up.

    ``pause`` is how long to leave the app alone between two answers, in seconds. What may pass (no answer, 5xx, 429) is
    asked again while there is time; anything else raises CallError at once.
    """
    while True:
        try:
            reply = ask(int(min(_HOLD, patience.left)))
        except CallError as error:
            if not error.again or not patience.pause(error.after or _TROUBLE_PAUSE):
                raise
            watcher.trouble(error)
            continue
        watcher.tell(reply.body)
        if reply.body.get("state") != "Converging" or not patience.pause(pause):
            return reply


@contextmanager
def interrupted(said: Callable[[str], None]) -> Iterator[None]:
    """Let Ctrl-C end the waiting and say that what was asked for goes on without it."""
    try:
        yield
    except KeyboardInterrupt:
        said("Stopped waiting; what was asked for goes on by itself.")
        raise
