"""Take up the events that Event Grid could not deliver: their caches go on the queue, the dead letters away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared.events import InvalidEventError, delivered
from shared.logs import Log

if TYPE_CHECKING:
    from shared.intake import Intake
    from shared.store import Store

log = Log(__name__)

_LONGEST = timedelta(minutes=3)
"""What is left then is there when the timer comes again; the host ends a function after five minutes."""


@dataclass(frozen=True, slots=True)
class Letters:
    """Reads dead letters; holds no state of its own between runs."""

    store: Store
    intake: Intake
    clock: Callable[[], datetime]

    async def take_up(self) -> int:
        """Go through all that are there; gives how many events they held.

        A letter is deleted once its messages are on the queue, so a death in between means one look too many.
        One that cannot be read stays for a person to see, until storage deletes it by its age.
        """
        until = self.clock() + _LONGEST
        letters = events = 0
        async for name in self.store.dead_letters.names():
            if self.clock() > until:
                log.warning("dead letters left for later", letters=letters)
                break
            held = await self._taken_up(name)
            letters, events = letters + (held > 0), events + held
        await self.intake.noted()
        if letters:
            log.warning("dead letters taken up", letters=letters, events=events)
        return events

    async def _taken_up(self, name: str) -> int:
        text = await self.store.dead_letters.read(name)
        if text is None:
            return 0
        try:
            found = delivered(text)
        except InvalidEventError as error:
            log.error("dead letter not readable", letter=name, because=error)  # noqa: TRY400 - the error says it
            return 0
        messages = await self.intake.take_all(found)
        await self.store.queue.put_texts(messages.work, messages.looks)
        await self.store.dead_letters.delete(name)
        return len(found)
