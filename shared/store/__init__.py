"""What Azure cannot say, kept in Azure Storage: the queues and tables, and nothing that Azure could be asked for.

No SDK is imported here before the first call that needs it: a cold start pays only for what it uses.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Self

from shared.store.account import Account
from shared.store.asked import Asked, asked_of
from shared.store.caches import CacheRows
from shared.store.cooldown import Closures, Cooldowns
from shared.store.creations import Creations
from shared.store.deadletters import DeadLetters
from shared.store.encoding import Key
from shared.store.history import History
from shared.store.links import Links
from shared.store.networks import NetworkRows
from shared.store.queue import WorkQueue
from shared.store.requests import Requests
from shared.store.settings import StoreSettings
from shared.store.subscriptions import Subscriptions
from shared.store.sweeps import Sweeps
from shared.store.turns import Turns

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

    from shared.ids import CacheId

__all__ = ["Store", "StoreSettings"]


class Store:
    """All that is stored. To make one costs nothing: connections are opened by the first call.

    Belongs to one event loop, as its connections do.
    """

    def __init__(self, account: Account, monotonic: Callable[[], float]) -> None:
        self._account = account
        self.queue = WorkQueue(account)
        self.caches = CacheRows(account)
        self.links = Links(account)
        self.requests = Requests(account)
        self.creations = Creations(account)
        self.networks = NetworkRows(account)
        self.cooldown = Cooldowns(account, monotonic)
        self.closures = Closures(account)
        self.history = History(account)
        self.sweeps = Sweeps(account, monotonic)
        self.subscriptions = Subscriptions(account, monotonic)
        self.dead_letters = DeadLetters(account)
        self.turns = Turns(account)

    @classmethod
    def open(
        cls,
        settings: StoreSettings,
        credential: Callable[[], AsyncTokenCredential] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> Self:
        """Make a store; ``credential`` is called when needed, which is never with a connection string."""
        return cls(Account(settings, credential), monotonic)

    async def ensure(self) -> None:
        """Make the queues and tables that are missing. Whatever is missing later is made when it is needed."""
        await self.queue.ensure()
        asked = (self.requests, self.networks)
        kept = (self.caches, self.links, self.cooldown, self.closures, self.history, self.turns)
        told = (self.sweeps, self.subscriptions)
        for holder in (*asked, *kept, *told):
            await holder.table.ensure()

    async def asked(self, cache: CacheId) -> Asked:
        """Read everything that callers have asked of a cache: one read."""
        return await asked_of(self.requests, cache)

    async def now(self) -> datetime:
        """Ask the storage service for its time (whole seconds, rounded down): one read."""
        return (await self.caches.table.get(Key("clock", "now"))).at

    async def close(self) -> None:
        """End the connections and the credential that was made for them."""
        await self._account.close()
