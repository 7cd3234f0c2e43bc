"""How the queues stand: what nobody takes up leads to no pass, and so to no line but these."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from shared.logs import Log
from shared.store.errors import StoreError
from shared.store.queue import QUEUES

if TYPE_CHECKING:
    from shared.store.queue import WorkQueue

log = Log(__name__)


async def tell(queues: WorkQueue) -> None:
    """Log of each queue how many messages it holds and how long they wait; one that is not there says nothing.

    Never raises for storage: who looks at queues does so beside what matters more.
    """
    await asyncio.gather(*(_tell(queues, name) for name in QUEUES))


async def _tell(queues: WorkQueue, name: str) -> None:
    try:
        found = await queues.standing(name)
    except StoreError as error:
        log.warning("queue not looked at", queue=name, because=error)
        return
    if found:
        log.info("queue", queue=name, messages=found.messages, oldest=found.oldest.total_seconds())
