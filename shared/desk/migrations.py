"""Migrations: a plan from what the old cache is, and a new cache beside it. The old one is read, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from msgspec.structs import replace as amended

from shared.api.calls import Answer
from shared.api.errors import ClashError, NotHereError, RefusedError
from shared.api.shapes.migrations import MigrationShown, MigrationWish, ProposalShown
from shared.creation import problems
from shared.desk.creations import CreationsDesk, Order, refuse, standing_of
from shared.desk.desk import Desk, etag
from shared.desk.standing import answer
from shared.ids import CacheId, CacheType, GroupId
from shared.migration import STEPS, not_carried_over, proposal, proposals
from shared.model import Kind, Subject
from shared.store.requests import StoredRequest

if TYPE_CHECKING:
    from shared.api.calls import Call
    from shared.migration import OldCache
    from shared.model import NewCache
    from shared.store.creations import CreationRequest

_TARGET = "target"


@dataclass(frozen=True, slots=True)
class MigrationsDesk:
    """Answers what is asked about migrations."""

    desk: Desk

    async def show(self, call: Call) -> Answer:
        """Show the plan, and where the new cache stands that was asked for."""
        cache = await self._named(call)
        old = await self._old(cache)
        return await self._answer(cache, old, call.wait)

    async def ask(self, call: Call) -> Answer:
        """Have the new cache made beside the old one."""
        wish = call.given(MigrationWish)
        cache = await self._named(call)
        old = await self._old(cache)
        creations = CreationsDesk(self.desk)
        order = await creations.checked(self._order(creations, call, cache, old, wish))
        if call.dry_run:
            return await creations.rehearsed(order, call.conditions)
        await creations.placed(order, call.conditions)
        at = self.desk.now()
        told = StoredRequest(
            cache, "", call.caller.name, at, options={_TARGET: str(order.cache)}, subject=Subject.MIGRATION
        )
        before = await self.desk.store.requests.get(cache, "", Subject.MIGRATION)
        await self.desk.store.requests.put(told, before.etag if before else None)
        return await self._answer(cache, old, call.wait)

    async def _named(self, call: Call) -> CacheId:
        group = GroupId.of(call.part("subscription"), call.part("group"))
        cache = CacheId.of(group, "redis", call.part("name"))
        await self.desk.insist_on_scope(group)
        return cache

    async def _old(self, cache: CacheId) -> OldCache:
        old = await self.desk.reconciler.arm.new_caches.old(cache)
        if old is None:
            raise NotHereError(cache)
        if not old.injected:
            message = f"{cache.name} is not inside a virtual network: it can have an endpoint where it is"
            raise ClashError(message, "name", code="NotInjected")
        return old

    @staticmethod
    def _order(creations: CreationsDesk, call: Call, cache: CacheId, old: OldCache, wish: MigrationWish) -> Order:
        """Read a wish as the order for a cache: what it leaves open is as proposed."""
        settings = proposal(old, wish.kind).settings
        keys = settings.access_keys if wish.access_keys is None else wish.access_keys
        settings = replace(settings, kind=wish.kind, sku=wish.sku or settings.sku, access_keys=keys)
        refuse(problems(settings), RefusedError)
        type_ = CacheType.REDIS if wish.kind is Kind.CLASSIC else CacheType.ENTERPRISE
        target = CacheId.of(cache.group_id, type_.rpartition("/")[2], wish.name)
        if target == cache:
            raise RefusedError(f"'{wish.name}' is the old cache's own name: the new one is beside it", "name")
        placements = creations.placements(target, settings, wish.endpoints)
        return Order(target, settings, placements, call.caller.name)

    async def _answer(self, cache: CacheId, old: OldCache, wait: float) -> Answer:
        shown = MigrationShown(
            id=str(cache),
            proposals=tuple(_shown(each.settings, each.note) for each in proposals(old)),
            not_carried_over=not_carried_over(old),
            steps=STEPS,
        )
        request = await self._target(cache)
        if request is None:
            return Answer(shown)
        state = await CreationsDesk(self.desk).state(request, wait)
        row = await self.desk.store.caches.read(request.cache)
        asked = await self.desk.store.requests.of_cache(request.cache)
        endpoints = (each for each in asked if each.subject is Subject.ENDPOINT and not each.withdrawn)
        target = standing_of(request, tuple(each.placement for each in endpoints), row)
        told = amended(shown, state=state, target=target)
        return answer(told, state, etag(request.etag))

    async def _target(self, cache: CacheId) -> CreationRequest | None:
        """Give the request for the new cache, unless nobody has asked for one, or it was withdrawn."""
        stored = await self.desk.store.requests.get(cache, "", Subject.MIGRATION)
        if stored is None or stored.withdrawn:
            return None
        return await CreationsDesk(self.desk).asked(CacheId.parse(stored.options[_TARGET]))


def _shown(settings: NewCache, note: str) -> ProposalShown:
    return ProposalShown(
        kind=settings.kind,
        location=settings.region,
        sku=settings.sku,
        shards=settings.shards,
        access_keys=bool(settings.access_keys),
        note=note,
    )
