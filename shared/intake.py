"""From one event to messages for the queues. Reads two tables where it has to, and never Azure Resource Manager.

Beside that it notes, once an hour, that events of a subscription do come: where none ever has, sweeps tell of it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from shared.events import (
    Delivered,
    Event,
    OfCache,
    OfEndpoint,
    OfGroup,
    Unheeded,
    about_endpoint,
    about_group,
    concerns,
    home,
)
from shared.logs import Log
from shared.store.errors import StoreError
from shared.store.queue import Message, SweepPage, encode, encode_sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from shared.ids import CacheId, GroupId, NetworkId
    from shared.policy import Policy
    from shared.store import Store

log = Log(__name__)


@dataclass(frozen=True, slots=True)
class Messages:
    """What an event leads to, as the texts of messages."""

    work: list[str]
    """For the queue ``reconcile``."""
    looks: list[str]
    """For the queue ``sweep``."""


@dataclass(frozen=True, slots=True)
class Intake:
    """Decides what an event leads to; ``principal`` is the object id of the app's own identity."""

    store: Store
    policy: Policy
    principal: str
    clock: Callable[[], datetime]
    _noting: set[asyncio.Task[None]] = field(default_factory=set, init=False, repr=False, compare=False)

    async def take(self, event: Event, event_id: str) -> Messages:
        """Name the caches to look at; raises StoreError only where a table that has to be read cannot be."""
        self._note(home(event))
        named = concerns(event, self.principal)
        if isinstance(named, OfCache) and not self.policy.scope.may_admit(named.group):
            named = Unheeded.OUT_OF_SCOPE
        if isinstance(named, Unheeded):
            log.info("event ignored", reason=named.name, because=named.value, event=event_id)
            return Messages([], [])
        messages = await self._messages(named)
        operation = named.wake.operation if isinstance(named, OfCache) else named.operation
        count = {"caches": len(messages.work), "looks": len(messages.looks)}
        log.info("event", operation=operation, about=_about(named), event=event_id, **count)
        return messages

    async def take_all(self, events: Iterable[Delivered]) -> Messages:
        """Do so with several events."""
        taken = [await self.take(each.event, each.id) for each in events]
        work, looks = (m.work for m in taken), (m.looks for m in taken)
        return Messages(list(chain.from_iterable(work)), list(chain.from_iterable(looks)))

    def _note(self, subscription: str) -> None:
        """Have it noted that an event of a subscription has come: beside the event's own work, which never waits."""
        in_scope = subscription and self.policy.scope.may_hold(subscription)
        if not in_scope or not self.store.subscriptions.is_news(subscription):
            return
        # The loop itself keeps no hold of a task.
        noting = asyncio.create_task(self._noted(subscription))
        self._noting.add(noting)
        noting.add_done_callback(self._noting.discard)

    async def _noted(self, subscription: str) -> None:
        try:
            await self.store.subscriptions.hear(subscription, self.clock())
        except StoreError as error:
            # Evidence only: the next event of the subscription brings it again.
            log.warning("event not noted", subscription=subscription, because=error)

    async def noted(self) -> None:
        """Wait until what has come is noted, or could not be."""
        await asyncio.gather(*self._noting)

    async def _messages(self, named: OfCache | OfEndpoint | OfGroup) -> Messages:
        match named:
            case OfCache():
                return Messages([encode(Message(named.wake))], [])
            case OfEndpoint():
                return await self._of_endpoint(named)
            case OfGroup():
                caches = await self._caches_of_group(named)
                return Messages([encode(Message(about_group(cache, named))) for cache in caches], [])

    async def _of_endpoint(self, named: OfEndpoint) -> Messages:
        """Wake the endpoint's cache: that one has to be in scope, while the endpoint can be with a hub's network."""
        cache = await self.store.links.cache_of(named.endpoint)
        if cache:
            admitted = self.policy.scope.may_admit(cache.group_id)
            return Messages([encode(Message(about_endpoint(cache, named)))] if admitted else [], [])
        # Most endpoints in a company lead to other services; only a deletion can mean that a cache has lost one.
        if not named.deleted or not self.policy.scope.may_admit(named.group):
            return Messages([], [])
        return Messages([], [encode_sweep(SweepPage("", named.endpoint.subscription))])

    async def _caches_of_group(self, named: OfGroup) -> list[CacheId]:
        """Find the caches in scope that were in the group, and those whose endpoints were."""
        inside = [row.cache for row in await self.store.caches.of_group(named.group)]
        linked = [cache for _, cache in await self.store.links.of_group(named.group)]
        caches = dict.fromkeys((*inside, *linked))
        return [cache for cache in caches if self.policy.scope.may_admit(cache.group_id)]


def _about(named: OfCache | OfEndpoint | OfGroup) -> CacheId | NetworkId | GroupId:
    """Say what an event is about: a cache, an endpoint or a resource group."""
    match named:
        case OfCache():
            return named.wake.cache
        case OfEndpoint():
            return named.endpoint
        case OfGroup():
            return named.group
