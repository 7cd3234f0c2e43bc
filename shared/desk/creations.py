"""Caches that callers ask for: held against the policy and against what is there, and stored as what is wanted.

Nothing that is there is ever changed by asking for it, and nothing is ever deleted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from shared.api.calls import Answer
from shared.api.errors import ChangedError, ClashError, Detail, RefusedError
from shared.api.shapes.common import Rehearsed, State
from shared.api.shapes.creations import CacheStanding, CacheWish, CacheWithdrawn
from shared.creation import differences, expected, problems
from shared.desired import default_placement, desired, with_creation
from shared.desk.desk import ATTEMPTS, Desk, Named, etag, only
from shared.desk.standing import answer, planned, state_of, with_verdict
from shared.ids import CacheId, CacheType, GroupId, region
from shared.model import Creation, Kind, NewCache, Observed
from shared.planner import plan
from shared.policy import Request
from shared.store.creations import CreationRequest
from shared.store.errors import ConflictError, StoreUnavailableError
from shared.store.requests import StoredRequest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.api.calls import Call, Conditions
    from shared.creation import Problem
    from shared.model import Desired, Verdict
    from shared.store.caches import CacheRow


@dataclass(frozen=True, slots=True)
class Order:
    """A cache that somebody asks for, by its whole name, with the placements of its endpoints."""

    cache: CacheId
    settings: NewCache
    placements: tuple[str, ...]
    caller: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a cache that was asked for stands."""

    cache: CacheId
    state: State
    etag: str


@dataclass(frozen=True, slots=True)
class CreationsDesk:
    """Answers what is asked about caches that shall be made."""

    desk: Desk

    async def ask(self, call: Call) -> Answer:
        """Store that a cache is wanted, with its endpoints, wake it, and say where it stands."""
        order = await self.order(call, call.given(CacheWish))
        if call.dry_run:
            return await self.rehearsed(order, call.conditions)
        stored = await self.placed(order, call.conditions)
        return await self._answer(stored, order.placements, call.wait)

    async def order(self, call: Call, wish: CacheWish) -> Order:
        """Read a wish, and hold it against the rules of Azure, the policy, and a cache that is there."""
        settings = settings_of(wish)
        cache = named(call, settings.kind)
        refuse(problems(settings), RefusedError)
        await self.desk.insist_on_scope(cache.group_id)
        return await self.checked(
            Order(cache, settings, self.placements(cache, settings, wish.endpoints), call.caller.name)
        )

    async def checked(self, order: Order) -> Order:
        """Hold an order against the policy and against what is there; raises RefusedError and ClashError."""
        self._insist_on_enrolment(await self._wanted(order))
        there = await self.desk.reconciler.arm.new_caches.settings(order.cache)
        if there is not None:
            refuse(differences(order.settings, there), partial(ClashError, code="SettingsDiffer"))
        return order

    def placements(self, cache: CacheId, settings: NewCache, named: tuple[str, ...]) -> tuple[str, ...]:
        """Say which placements a cache is to have endpoints in: those that are named, or the one that fits it."""
        policy = self.desk.reconciler.policy
        if not named:
            default = default_placement(policy, cache, settings.region)
            if default is None:
                raise RefusedError(
                    f"the policy has no placement in '{settings.region[:60]}' that is open to this cache, and without "
                    "an endpoint nobody could reach it",
                    "endpoints",
                )
            return (default.name,)
        for name in named:
            if name not in policy.placements or not policy.placements[name].open_to(cache):
                open_ones = ", ".join(each for each, rule in policy.placements.items() if rule.open_to(cache)) or "none"
                raise RefusedError(f"'{name[:63]}' is no placement for this cache, which has: {open_ones}", "endpoints")
        chosen = tuple(dict.fromkeys(named))
        if settings.shards and len(chosen) > 1:
            raise RefusedError("a clustered cache takes one endpoint, so endpoints can name one placement", "endpoints")
        return chosen

    async def _wanted(self, order: Order) -> Desired:
        """Say what would be asked of the cache, were it as ordered."""
        now = self.desk.now()
        reconciler = self.desk.reconciler
        others = [w for w in await reconciler.wishes(order.cache) if w.placement not in order.placements]
        mine = [Request(placement, now, order.caller) for placement in order.placements]
        coming = expected(order.cache, order.settings)
        wanted = desired(reconciler.policy, coming, (*others, *mine), now, await reconciler.found())
        return with_creation(wanted, Creation(order.settings, order.caller, now))

    @staticmethod
    def _insist_on_enrolment(wanted: Desired) -> None:
        if not wanted.enrolled:
            why = " ".join(wanted.notes) or "Its tags say that it is to be left alone."
            raise RefusedError(f"the policy gives a cache like this no endpoint, so nobody could reach it. {why}")

    async def rehearsed(self, order: Order, conditions: Conditions) -> Answer:
        """Say what an order would change; nothing is stored, and nobody is woken."""
        before = await self._before(order, conditions)
        row = await self.desk.store.caches.read(order.cache)
        there = await self.desk.reconciler.arm.caches(order.cache.type).get(order.cache)
        wanted = await self._wanted(order)
        seen = Observed(order.cache, there)
        if there is not None:
            asked = tuple(Request(each.name, self.desk.now(), order.caller) for each in wanted.placements)
            looked = await self.desk.seen(order.cache, row, asked)
            seen, wanted = looked.observed, with_creation(looked.desired, wanted.creation)
        stored = f"the request for {order.cache.name} would be {'renewed' if before else 'stored'}"
        decided = plan(seen, wanted, self.desk.now())
        return Answer(
            Rehearsed(dry_run=True, stored=stored, plan=planned(decided)), etag=etag(before.etag if before else "")
        )

    async def placed(self, order: Order, conditions: Conditions) -> CreationRequest:
        """Store an order, its endpoints first, and wake the cache."""
        await self._before(order, conditions)
        for placement in order.placements:
            await self._endpoint_stored(StoredRequest(order.cache, placement, order.caller, self.desk.now()))
        stored = await self._stored(order, conditions)
        await self.desk.told(order.cache, "PUT caches", order.caller, "asked for the cache itself")
        return stored

    async def _endpoint_stored(self, request: StoredRequest) -> None:
        """Store the request for an endpoint, unless there is one: whoever made it knows why."""
        for _ in range(ATTEMPTS):
            before = await self.desk.store.requests.get(request.cache, request.placement)
            if before and not before.withdrawn:
                return
            try:
                await self.desk.store.requests.put(request, before.etag if before else None)
            except ConflictError:
                continue
            return
        raise StoreUnavailableError(f"the request for {request.cache} changes faster than it can be written")

    async def _stored(self, order: Order, conditions: Conditions) -> CreationRequest:
        """Store the request for the cache; asking again renews it, unless what it asks for is there already."""
        wanted = CreationRequest(order.cache, Creation(order.settings, order.caller, self.desk.now()))
        for _ in range(ATTEMPTS):
            before = await self._before(order, conditions)
            if before and await self._is_ready(before, order.settings):
                return before
            there = await self.desk.store.creations.get(order.cache)
            try:
                return await self.desk.store.creations.put(wanted, there.etag if there else "")
            except ConflictError as error:
                if conditions.given:
                    raise ChangedError("somebody else has changed it just now; read it again", "If-Match") from error
        raise StoreUnavailableError(f"the request for {order.cache} changes faster than it can be written")

    async def _before(self, order: Order, conditions: Conditions) -> CreationRequest | None:
        before = await self.asked(order.cache)
        conditions.insist_on(etag(before.etag if before else ""))
        return before

    async def _is_ready(self, request: CreationRequest, settings: NewCache) -> bool:
        row = await self.desk.store.caches.read(request.cache)
        same = request.creation.settings == settings
        return same and state_of(answering(request, row)) is State.READY

    async def waited(self, call: Call) -> Standing | None:
        """Say where a cache stands that was asked for, at the end of the call's wait; None where it never was.

        One that was made, and that somebody has deleted since, is not asked for any more.
        """
        who = Named.of(call)
        candidates = who.candidates()
        await self.desk.insist_on_scope(who.group)
        found = [request for each in candidates if (request := await self.asked(each))]
        if len(found) != 1:
            return None
        (request,) = found
        if request.creation.fulfilled and await self.desk.store.caches.read(request.cache) is None:
            return None
        state = await self.state(request, call.wait)
        return Standing(request.cache, state, etag(request.etag))

    async def asked(self, cache: CacheId) -> CreationRequest | None:
        """Give the request for a cache, unless there is none or it was withdrawn."""
        found = await self.desk.store.creations.get(cache)
        return found if found and not found.withdrawn else None

    async def withdraw(self, call: Call) -> Answer:
        """Withdraw the request for a cache that is not there, and those for its endpoints."""
        who = Named.of(call)
        candidates = who.candidates()
        await self.desk.insist_on_scope(who.group)
        found = [request for each in candidates if (request := await self.asked(each))]
        cache = only([request.cache for request in found], who)
        request = next(request for request in found if request.cache == cache)
        call.conditions.insist_on(etag(request.etag))
        if await self.desk.reconciler.arm.caches(cache.type).get(cache) is not None:
            raise ClashError(f"{cache.name} is there, and Drawbridge deletes no cache", "name", code="CacheExists")
        told = CacheWithdrawn(id=str(cache), message="it is not wanted any more, and was never made")
        if call.dry_run:
            return Answer(Rehearsed(dry_run=True, stored="the request would be withdrawn", plan=None))
        await self._withdrawn(request, call.caller.name)
        return Answer(told)

    async def _withdrawn(self, request: CreationRequest, by: str) -> None:
        now = self.desk.now()
        try:
            await self.desk.store.creations.withdraw(request, by, now)
        except ConflictError as error:
            raise ChangedError("somebody else has changed it just now; read it again", "If-Match") from error
        for endpoint in await self.desk.store.requests.of_cache(request.cache):
            if not endpoint.withdrawn:
                await self.desk.store.requests.withdraw(endpoint, by, now)
        await self.desk.told(request.cache, "DELETE caches", by, "withdrew the request for the cache itself")

    async def _answer(self, request: CreationRequest, placements: tuple[str, ...], wait: float) -> Answer:
        await self.state(request, wait)
        standing = standing_of(request, placements, await self.desk.store.caches.read(request.cache))
        return answer(standing, standing.state, etag(request.etag))

    async def state(self, request: CreationRequest, wait: float) -> State:
        """Say where a request stands, at the end of a wait."""
        return await self.desk.waiting.until(
            str(request.cache),
            partial(self.desk.store.caches.read, request.cache),
            lambda row: state_of(answering(request, row)),
            lambda state: state is not State.CONVERGING,
            wait,
        )


def settings_of(wish: CacheWish) -> NewCache:
    """Read what a cache shall be made with."""
    return NewCache(
        kind=wish.kind,
        region=region(wish.location),
        sku=wish.sku,
        shards=wish.shards,
        zones=wish.zones,
        tls=wish.minimum_tls_version,
        access_keys=wish.access_keys,
        high_availability=wish.high_availability,
        tags=wish.tags,
    )


def named(call: Call, kind: Kind) -> CacheId:
    """Name the cache of a path by the rules of its kind; raises InvalidIdError."""
    type_ = CacheType.REDIS if kind is Kind.CLASSIC else CacheType.ENTERPRISE
    group = GroupId.of(call.part("subscription"), call.part("group"))
    return CacheId.of(group, type_.rpartition("/")[2], call.part("name"))


def refuse(found: Iterable[Problem], error: type[RefusedError] | partial[ClashError]) -> None:
    """Raise an error that names every field that is wrong, unless there is none."""
    told = tuple(Detail("InvalidRequest", f"{name} {text}", name) for name, text in found)
    if told:
        more = f" (and {len(told) - 1} more, see details)" if len(told) > 1 else ""
        raise error(told[0].message + more, told[0].target, details=told if len(told) > 1 else ())


def answering(request: CreationRequest, row: CacheRow | None) -> Verdict | None:
    """Give the verdict that answers a request: that of a pass which knew of it; None before there is one."""
    if row is None or row.asked is None or row.asked < request.creation.at:
        return None
    return row.verdict


def standing_of(request: CreationRequest, placements: tuple[str, ...], row: CacheRow | None) -> CacheStanding:
    """Say where a cache that was asked for stands."""
    verdict = answering(request, row)
    bare = CacheStanding(
        id=str(request.cache),
        kind=request.creation.settings.kind,
        state=state_of(verdict),
        endpoints=placements,
    )
    return with_verdict(bare, verdict, row.since if row else None)
