"""The shell around the planner: claim, observe, plan, apply, record, look again.

Whatever goes wrong becomes one of three things here: a verdict with a reason, another look later, or an
exception that the queue counts until the message is poison. Nothing is swallowed.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, assert_never

from shared.announcements import Announcement
from shared.arm.clients import calls_so_far, counted
from shared.arm.errors import ArmError, Retry
from shared.chronicle import GIVEN_UP, Chronicle, Pass, chronicled, heading
from shared.creation import expected
from shared.desired import desired, with_creation
from shared.drift import summary
from shared.ids import CacheType, NetworkId, zone_id
from shared.logs import Log, about
from shared.model import (
    Action,
    CreateCache,
    CreateDatabase,
    CreateEndpoint,
    CreateZone,
    DeleteConnection,
    DeleteEndpoint,
    Desired,
    DnsMode,
    Endpoint,
    LinkZone,
    Look,
    NetworkZone,
    Observed,
    Plan,
    PutZoneGroup,
    Readiness,
    Reason,
    SetConnection,
    SetPublicAccess,
    Status,
    Step,
    Subject,
    Trigger,
    Verdict,
    VerdictKind,
    WakeUp,
)
from shared.outcome import (
    Applied,
    changes_cache,
    first_closure,
    gives_turn_back,
    outcome,
    retry_at,
    takes_turns,
)
from shared.planner import (
    fingerprint,
    in_words,
    is_made,
    made_endpoint,
    name_in,
    needs_zone_first,
    plan,
    records_key,
    urgent_look,
    wants_endpoints_read,
)
from shared.policy import Request
from shared.publish import PublishError
from shared.store.caches import Claim, Covered, Intent, Taken
from shared.store.errors import ConflictError, StoredValueError
from shared.store.history import HistoryRecord
from shared.wishes import SETTLED, STATUS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from shared.arm import Arm
    from shared.ids import CacheId
    from shared.model import Cache, Creation, Memory
    from shared.policy import Policy
    from shared.publish import Publisher
    from shared.store import Store
    from shared.store.caches import CacheRow
    from shared.store.requests import StoredRequest

log = Log(__name__)

HOLD = timedelta(minutes=6)
"""How long a claim outlives its pass: longer than host.json's functionTimeout, so that it cannot be running."""
_TAKEN_PAUSE = timedelta(seconds=2)
_STUCK_AFTER = timedelta(hours=1)
_TURN = timedelta(hours=1)
"""How long a member of a geo-replication group keeps the others waiting, should nobody live to give the turn back."""
_CACHES = "microsoft.cache"
ENDED_BY: Mapping[Step, frozenset[str]] = MappingProxyType(
    {
        Step.ATTACHING: frozenset({"microsoft.network/privateendpoints/write"}),
        Step.NAMING: frozenset({"microsoft.network/privateendpoints/privatednszonegroups/write"}),
        Step.CLOSING: frozenset({"microsoft.cache/redis/write", "microsoft.cache/redisenterprise/write"}),
    }
)
"""Step → the operations of ours whose end ends it: other echoes tell nothing while it is waited for."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One observation, and what is desired of what was seen."""

    observed: Observed
    desired: Desired


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Carries out passes; holds no state of its own between them."""

    arm: Arm
    store: Store
    policy: Policy
    publisher: Publisher
    clock: Callable[[], datetime]
    hold: timedelta = HOLD

    async def run(self, wake: WakeUp, woken_at: datetime) -> None:
        """Make one pass over the cache that a message names.

        ``woken_at`` is when it was first asked for, by the storage service's clock. Raises only what is
        unforeseen, or when storage cannot be reached: then the message must come back.
        """
        if not self.policy.scope.admits_group(wake.cache.group_id, await self.found()):
            log.info("out of scope", cache=wake.cache)
            return
        if pause := await self._cooling(wake.cache):
            await self.store.queue.put(wake, pause, woken_at=woken_at)
            return
        pass_id = uuid.uuid4().hex[:12]
        match await self.store.caches.claim(wake.cache, woken_at=woken_at, pass_id=pass_id, hold=self.hold):
            case Claim() as claim if _superseded(claim.row, wake):
                log.info("superseded", cache=wake.cache, **_cause(wake))
                await self.store.caches.release(claim, problem=claim.row.problem)
            case Claim() as claim:
                with about(cache=wake.cache, pass_id=pass_id, **_cause(wake)):
                    await self._claimed(claim, wake, (claim.started - woken_at).total_seconds())
            case Covered():
                log.info("covered by an earlier pass", cache=wake.cache)
            case Taken():
                await self.store.queue.put(wake, _TAKEN_PAUSE + _jitter(_TAKEN_PAUSE), woken_at=woken_at)
            case other:
                assert_never(other)

    async def _claimed(self, claim: Claim, wake: WakeUp, waited: float) -> None:
        asked = wake.trigger in {Trigger.EVENT, Trigger.REQUEST}
        if asked:
            log.info("taken up", cache=wake.cache, trigger=wake.trigger, waited=waited)
        took = await self._pass(claim, wake, claim.pass_id)
        if asked:
            # The wait is between two times of the storage service, the pass between two of this process.
            log.measure("answered by a verdict", trigger=wake.trigger, after=max(waited, 0) + took)

    async def fail(self, wake: WakeUp) -> None:
        """Make a message that was given up visible in verdict, history and topic; the sweep tries the cache again."""
        before = await self.store.caches.read(wake.cache)
        known = before.problem if before else ""
        said = known or "the pass over it failed again and again; the log has the error"
        log.error("gave up", cache=wake.cache, because=said)
        verdict = Verdict(VerdictKind.BLOCKED, Reason.FAILED, said)
        row = await self.store.caches.fail(wake.cache, verdict, problem=said)
        record = HistoryRecord.of(
            cache=wake.cache,
            revision=row.revision + 1,
            at=self.clock(),
            pass_id=GIVEN_UP,
            wake=wake,
            before=before.verdict if before else None,
            after=verdict,
            announcements=(Announcement.BLOCKED,),
        )
        # The next pass finds the revision taken, and tells the record again should this not come to it.
        if await self.store.history.insert(record):
            await self._told(record)

    async def _told(self, record: HistoryRecord) -> None:
        try:
            await self.publisher.publish(record)
        except PublishError as error:
            log.warning("not announced yet", cache=record.cache, because=error)

    async def found(self) -> frozenset[str]:
        """Give the subscriptions that the last sweep found to be in scope: one table read in half a minute."""
        return frozenset(await self.store.sweeps.scope())

    async def _cooling(self, cache: CacheId) -> timedelta | None:
        """Tell how long to leave Azure alone: throttling is shared, so nobody asks to find out."""
        until = (await self.store.cooldown.until(cache.subscription)).get(_CACHES)
        left = until - self.clock() if until else timedelta()
        return left + _jitter(left + timedelta(seconds=2)) if left > timedelta() else None

    async def _pass(self, claim: Claim, wake: WakeUp, pass_id: str) -> float:
        """Make the pass; gives how many seconds it took."""
        begun = time.monotonic()
        with counted():
            await self._counted_pass(claim, wake, pass_id)
        took = time.monotonic() - begun
        log.measure("passed", took=took)
        return took

    async def _counted_pass(self, claim: Claim, wake: WakeUp, pass_id: str) -> None:
        try:
            await self._decided(claim, wake, pass_id)
        except ArmError as error:
            unread = Plan(Verdict(VerdictKind.CONVERGING), memory=claim.row.known, noticed=claim.row.known)
            await self._record(claim, wake, pass_id, unread, Applied(error=error, unread=True))
        except Exception as error:
            await self.store.caches.release(claim, problem=f"{type(error).__name__}: {error}")
            raise

    async def _decided(self, claim: Claim, wake: WakeUp, pass_id: str) -> None:
        seen = await self.observe(wake, claim.row)
        if seen is None:
            return await self._record(claim, wake, pass_id, self._still_coming(claim.row), Applied())
        decided = plan(seen.observed, seen.desired, self.clock())
        if _is_over(seen, decided):
            return await self._forget(claim)
        if decided.actions:
            claim = await self._intend(claim, decided, seen)
        applied = await self._apply(decided, seen)
        return await self._record(claim, wake, pass_id, decided, applied, seen)

    async def _forget(self, claim: Claim) -> None:
        """Drop the row of a cache that is gone, once all that it led to has been told."""
        if (await self._announced(Chronicle(claim.row))).unannounced:
            await self.store.queue.put(WakeUp(claim.row.cache, Trigger.AGAIN), self.policy.timing.busy)
            return await self.store.caches.release(claim)
        await self._given_back(claim.row.cache, claim.row.known)
        log.info("gone", cache=claim.row.cache)
        return await self.store.caches.forget(claim)

    async def _intend(self, claim: Claim, decided: Plan, seen: Seen) -> Claim:
        """Write down what is about to be done: a worker that dies in between leaves no gap in the history.

        It is also the last moment to learn that the claim was lost.
        """
        access = seen.observed.cache.public_access.value if seen.observed.cache else ""
        actions = tuple(in_words(action) for action in decided.actions)
        return await self.store.caches.intend(claim, Intent(claim.pass_id, decided.noticed, access, actions))

    # ── observe ─────────────────────────────────────────────────────────────────────────────────

    async def observe(self, wake: WakeUp, row: CacheRow, wishes: tuple[Request, ...] | None = None) -> Seen | None:
        """Read the world around one cache; None where the endpoint it waits for is still being made.

        ``wishes`` are taken instead of the stored requests, where given. Raises ArmError when the cache itself cannot
        be read.
        """
        coming = await self._endpoint_coming(row) if wake.trigger is Trigger.AGAIN else None
        if coming is not None and coming.readiness is Readiness.BUSY:
            return None
        cache = await self.arm.caches(wake.cache.type).get(wake.cache)
        asked = await self.store.asked(wake.cache)
        creation = asked.creation.creation if asked.creation and not asked.creation.withdrawn else None
        wishes = tuple(stored.wish for stored in asked.requests) if wishes is None else wishes
        if cache is None and creation and not creation.fulfilled:
            return await self._observe_absent(wake.cache, row, creation, wishes)
        if cache is None:
            return await self._observe_gone(wake.cache, row)
        wanted = await self._wanted(cache, creation, wishes)
        bare = Observed(wake.cache, cache, memory=row.known, caller="" if wake.own else wake.caller)
        bare = replace(bare, database=await self._database(wake.cache, creation))
        if not wants_endpoints_read(wanted):
            return Seen(bare, wanted)
        if wake.look is Look.QUICK and self._enough(row, cache, wanted):
            return Seen(replace(bare, trusted=True), wanted)
        known = self._just_read(row, cache, wanted) if wake.look is Look.QUICK else {}
        known |= {coming.id: coming} if coming else {}
        # An endpoint that goes can take a record along that others need: theirs are read, not believed.
        look = Look.FULL if wanted.withdrawn else wake.look
        return Seen(await self._observe_fully(bare, cache, wanted, look, known), wanted)

    async def _endpoint_coming(self, row: CacheRow) -> Endpoint | None:
        """Read the endpoint that the last pass began: most looks find it unfinished, and need no other read."""
        waits = row.verdict is not None and row.verdict.step is Step.ATTACHING
        if not waits or not row.known.made or self._waited(row) > _STUCK_AFTER:
            return None
        try:
            return await self.arm.network.endpoint(row.known.made[-1])
        except ArmError as error:
            log.info("endpoint not readable", cache=row.cache, code=error.code)
            return None

    @staticmethod
    def _just_read(row: CacheRow, cache: Cache, wanted: Desired) -> dict[NetworkId, Endpoint]:
        """Give the endpoints of ours whose records the last pass has asked for: it had found them ready.

        Seconds later only their records can be news, and the cache itself says whether they are still approved.
        """
        approved = {connection.endpoint for connection in cache.approved()}
        own = ((p, p.endpoint(name_in(cache.id, p))) for p in wanted.placements)
        return {
            name: made_endpoint(cache, placement, name)
            for placement, name in own
            if name in approved and name in row.known.made and records_key(name) in row.known.begun
        }

    def _waited(self, row: CacheRow) -> timedelta:
        return self.clock() - row.since if row.since else timedelta()

    def _still_coming(self, row: CacheRow) -> Plan:
        """Wait on: everything is as the last pass left it."""
        if row.verdict is None:
            raise ValueError("only a cache that waits for an endpoint is still waiting for it")
        if row.verdict.reason is Reason.EXPOSED:
            pause = urgent_look(row.known, self.clock(), self.policy.timing)
        else:
            pause = max(self.policy.timing.endpoint, self._waited(row) / 2)
            pause = min(pause, self.policy.timing.endpoint * 10)
        verdict = replace(row.verdict, look_after=pause)
        return Plan(verdict, memory=row.known, noticed=row.known)

    async def wishes(self, cache: CacheId) -> tuple[Request, ...]:
        """Give what callers have asked for, and what they have withdrawn."""
        return tuple(stored.wish for stored in await self.store.requests.of_cache(cache))

    def _enough(self, row: CacheRow, cache: Cache, wanted: Desired) -> bool:
        """Tell whether the cache itself says all that is needed now: its endpoints are as they were, or can wait."""
        if cache.readiness is not Readiness.READY:
            return True
        timing = wanted.timing or self.policy.timing
        fresh = row.verified_at is not None and self.clock() - row.verified_at < timing.thorough
        return fresh and bool(row.verified) and row.verified == fingerprint(cache, wanted)

    async def _wanted(self, cache: Cache, creation: Creation | None, wishes: tuple[Request, ...]) -> Desired:
        wanted = desired(self.policy, cache, wishes, self.clock(), await self.found())
        return with_creation(wanted, creation)

    async def _database(self, cache: CacheId, creation: Creation | None) -> Readiness | None:
        """Look for the database of a cluster as long as it belongs to what was asked for and is not finished."""
        if creation is None or creation.fulfilled or cache.type is not CacheType.ENTERPRISE:
            return None
        return await self.arm.new_caches.database(cache)

    async def _observe_absent(
        self, cache: CacheId, row: CacheRow, creation: Creation, wishes: tuple[Request, ...]
    ) -> Seen:
        """See a cache that is to be made: nothing of it is there, and all that is asked of it is known."""
        wanted = await self._wanted(expected(cache, creation.settings), creation, wishes)
        return Seen(Observed(cache, None, memory=row.known), wanted)

    async def _observe_gone(self, cache: CacheId, row: CacheRow) -> Seen:
        found = await self.found()
        in_scope = self.policy.scope.admits_group(cache.group_id, found)
        endpoints, unreadable = await self._endpoints(row.known.made)
        observed = Observed(cache, None, endpoints, unreadable, memory=row.known)
        wanted = Desired(in_scope, mode=self.policy.spec.mode, timing=self.policy.timing, digest=self.policy.digest)
        return Seen(observed, wanted)

    async def _observe_fully(
        self, bare: Observed, cache: Cache, wanted: Desired, look: Look, known: Mapping[NetworkId, Endpoint]
    ) -> Observed:
        listed = [c.endpoint for c in cache.connections if c.endpoint]
        unread = [each for each in dict.fromkeys((*listed, *bare.memory.made)) if each not in known]
        found, unreadable = await self._endpoints(unread)
        endpoints = (*known.values(), *found)
        own = self._own_names(cache, wanted, endpoints, unreadable)
        ours, hidden = await self._endpoints(own)
        placed = {placement.subnet for placement in wanted.placements}
        read = await asyncio.gather(*(self._dns_of(e, cache, look) for e in (*endpoints, *ours) if e.subnet in placed))
        others = tuple(e for e in (*endpoints, *ours) if e.subnet not in placed)
        networks = await self._networks(cache, wanted)
        seen = replace(bare, endpoints=(*read, *others), unreadable=(*unreadable, *hidden), networks=networks)
        return replace(seen, networks=(*networks, *await self._named_zones(seen, cache, wanted)))

    @staticmethod
    def _own_names(
        cache: Cache, wanted: Desired, endpoints: Iterable[Endpoint], unreadable: Iterable[NetworkId]
    ) -> tuple[NetworkId, ...]:
        """Name the endpoints that Drawbridge would make where none was seen: one may be there, unconnected."""
        seen = list(endpoints)
        taken = {endpoint.subnet for endpoint in seen}
        known = {endpoint.id for endpoint in seen} | set(unreadable)
        names = [p.endpoint(name_in(cache.id, p)) for p in wanted.placements if p.subnet not in taken]
        names += [each.endpoint for each in wanted.withdrawn if each.endpoint]
        return tuple(name for name in dict.fromkeys(names) if name not in known)

    async def _endpoints(self, ids: Iterable[NetworkId]) -> tuple[tuple[Endpoint, ...], tuple[NetworkId, ...]]:
        """Read endpoints: those that are there, and those that this identity may not read."""
        wanted = list(ids)
        answers = await asyncio.gather(*map(self._endpoint, wanted))
        found = tuple(answer for answer in answers if isinstance(answer, Endpoint))
        return found, tuple(answer for answer in answers if isinstance(answer, NetworkId))

    async def _endpoint(self, endpoint: NetworkId) -> Endpoint | NetworkId | None:
        """Read one endpoint; its bare id says that it is there and may not be read."""
        try:
            return await self.arm.network.endpoint(endpoint)
        except ArmError as error:
            if error.reason is Reason.PERMISSION_DENIED and error.retry is Retry.NEVER:
                return endpoint
            raise

    async def _dns_of(self, endpoint: Endpoint, cache: Cache, look: Look) -> Endpoint:
        if endpoint.readiness is not Readiness.READY:
            return endpoint
        groups = await self.arm.network.zone_groups(endpoint.id)
        known = replace(endpoint, zone_groups=groups)
        return replace(known, records_present=await self._records(known, cache)) if look is Look.FULL else known

    async def _records(self, endpoint: Endpoint, cache: Cache) -> bool | None:
        """Ask the zone itself: another endpoint's deletion can have taken a record that the group still claims."""
        claimed = [record for group in endpoint.zone_groups or () for record in group.records if record.addresses]
        for record in claimed:
            if record.zone.rpartition("/")[2] != cache.zone:
                continue
            try:
                present = await self.arm.dns.a_records(zone_id(record.zone), record.name)
            except ArmError as error:
                log.info("records not readable", cache=cache.id, code=error.code)
                return None
            if present is None or not set(record.addresses) <= set(present):
                return False
        return True if claimed else None

    async def _networks(self, cache: Cache, wanted: Desired) -> tuple[NetworkZone, ...]:
        own = [placement for placement in wanted.placements if placement.dns is DnsMode.CREATE]
        return tuple([await self._network(p.zone_for(cache), p.subnet.network) for p in own])

    async def _named_zones(self, seen: Observed, cache: Cache, wanted: Desired) -> tuple[NetworkZone, ...]:
        """Look for the zones that are needed before a first endpoint; one that may not be read is taken to be there."""
        if not needs_zone_first(cache, seen.memory):
            return ()
        taken = {endpoint.subnet for endpoint in seen.endpoints}
        named = [p.zone_for(cache) for p in wanted.placements if p.dns is DnsMode.ZONES and p.subnet not in taken]
        looks = [self._named_zone(zone) for zone in dict.fromkeys(named) if zone is not None]
        return tuple(found for found in await asyncio.gather(*looks) if found is not None)

    async def _named_zone(self, zone: NetworkId) -> NetworkZone | None:
        try:
            return NetworkZone(zone, await self.arm.dns.zone_exists(zone), linked=True)
        except ArmError as error:
            log.info("zone not readable", zone=zone, code=error.code)
            return None

    async def _network(self, zone: NetworkId | None, network: NetworkId) -> NetworkZone:
        if zone is None:
            raise ValueError("a placement that makes its own zone has a name for it")
        exists = await self.arm.dns.zone_exists(zone)
        linked = exists and await self.arm.dns.link_exists(zone, network)
        return NetworkZone(zone, exists, linked)

    # ── apply ───────────────────────────────────────────────────────────────────────────────────

    async def _apply(self, decided: Plan, seen: Seen) -> Applied:
        """Carry out actions in order; the first that fails ends it, and the next pass decides anew."""
        done: list[Action] = []
        granted = False
        peers: tuple[CacheId, ...] | None = None
        for action in decided.actions:
            if first_closure(action):
                granted = granted or await self._may_close(seen)
                if not granted:
                    return Applied(tuple(done), held_back=True, peers=peers)
            if changes_cache(action):
                peers = await self._peers(seen) if peers is None else peers
                if not await self._turn(peers, seen) and takes_turns(action, decided.noticed):
                    return Applied(tuple(done), granted=granted, in_line=True, peers=peers)
            try:
                await self._carry_out(action, seen)
            except ArmError as error:
                log.warning("refused", cache=seen.observed.id, action=in_words(action), code=error.code)
                return Applied(tuple(done), error, granted=granted, peers=peers)
            log.info("wrote", cache=seen.observed.id, action=in_words(action))
            done.append(action)
        return Applied(tuple(done), granted=granted, peers=peers)

    async def _peers(self, seen: Seen) -> tuple[CacheId, ...]:
        """Name the clusters that hold the same data: asked once, before the first change."""
        cache = seen.observed.cache
        known = seen.observed.memory.peers
        if known is not None or cache is None or not cache.may_replicate:
            return known or ()
        try:
            return await self.arm.caches(cache.id.type).replicas(cache.id)
        except ArmError as error:
            # Azure itself refuses what would be too much at once, and then it is tried again.
            log.warning("geo-replication not readable", cache=cache.id, code=error.code, said=error.message)
            return ()

    async def _turn(self, peers: tuple[CacheId, ...], seen: Seen) -> bool:
        return not peers or await self.store.turns.take(peers, seen.observed.id, _TURN)

    async def _may_close(self, seen: Seen) -> bool:
        if seen.observed.memory.closure_granted:
            return True
        limit = self.policy.safeguards.closures_per_hour
        return await self.store.closures.take(seen.observed.id.subscription, limit, self.clock())

    async def _carry_out(self, action: Action, seen: Seen) -> None:  # noqa: C901 - one line for each action
        cache = seen.observed.cache
        match action:
            case CreateEndpoint(placement, name) if cache:
                await self.store.links.put(action.endpoint, cache.id)
                await self.arm.network.create_endpoint(cache, placement, name)
            case DeleteEndpoint(endpoint):
                await self.arm.network.delete_endpoint(endpoint)
            case PutZoneGroup(endpoint, group_name, zone):
                await self.arm.network.put_zone_group(endpoint, group_name, zone)
            case CreateZone(zone):
                await self.arm.dns.create_zone(zone)
            case LinkZone(zone, network):
                await self.arm.dns.link(zone, network)
            case SetConnection(connection, status, description):
                await self.arm.connections.decide(seen.observed.id, connection, status, description)
            case DeleteConnection(connection):
                await self.arm.connections.delete(seen.observed.id, connection)
            case CreateCache(made, settings):
                await self.arm.new_caches.create(made, settings)
            case CreateDatabase(made, settings):
                await self.arm.new_caches.create_database(made, settings)
            case SetPublicAccess(access) if cache:
                await self.arm.caches(cache.id.type).set_public_access(cache.id, access)
            case CreateEndpoint() | SetPublicAccess():
                raise ValueError("nothing is attached to a cache that is not there")
            case other:
                assert_never(other)

    # ── record ──────────────────────────────────────────────────────────────────────────────────

    async def _record(  # noqa: PLR0913, PLR0917 - everything that a pass has found out ends here
        self,
        claim: Claim,
        wake: WakeUp,
        pass_id: str,
        decided: Plan,
        applied: Applied,
        seen: Seen | None = None,
    ) -> None:
        if seen and is_made(seen.observed, seen.desired):
            await self.store.creations.fulfil(wake.cache)
        verdict, memory = outcome(decided, applied, self.clock(), self.policy.timing)
        memory = await self._linked(_made(memory, seen, applied), seen)
        if gives_turn_back(verdict):
            memory = await self._given_back(wake.cache, memory)
        row = self._row(claim.row, verdict, memory, decided, applied, seen)
        done = Pass(pass_id, wake, self.clock(), tuple(in_words(action) for action in applied.done))
        row = await self._announced(await chronicled(self.store.history, claim.row, row, done))
        await self._look_again(wake, row, applied, pass_id)
        await self._fulfilled(decided, seen)
        await self.store.caches.record(claim, row)
        calls = calls_so_far()
        log.info(
            "pass",
            cache=wake.cache,
            pass_id=pass_id,
            trigger=wake.trigger,
            verdict=verdict.kind,
            reason=verdict.reason,
            step=verdict.step,
            actions=len(applied.done),
            reads=calls.reads,
            writes=calls.writes,
            throttles=calls.throttles,
            unread=applied.unread or None,
        )

    async def _given_back(self, cache: CacheId, memory: Memory) -> Memory:
        """Let the next member of the geo-replication group have its turn, and ask anew who they are before the next."""
        if memory.peers:
            await self.store.turns.give_back(memory.peers, cache)
        return replace(memory, peers=None)

    async def _fulfilled(self, decided: Plan, seen: Seen | None) -> None:
        """Drop the requests that have come to their end, unless somebody has asked anew meanwhile."""
        if (
            seen is None
            or seen.desired.heard_at is None
            or not (decided.withdrawn or decided.opened or decided.decided)
        ):
            return
        for stored in await self.store.requests.of_cache(seen.observed.id):
            gone = stored.withdrawn and stored.placement in decided.withdrawn
            opened = stored.subject is Subject.ACCESS and decided.opened
            if stored.requested_at > seen.desired.heard_at:
                continue
            with contextlib.suppress(ConflictError):
                if gone or opened:
                    await self.store.requests.remove(stored)
                elif stored.subject is Subject.CONNECTION and stored.placement in decided.decided:
                    await self._settled(stored)

    async def _settled(self, decision: StoredRequest) -> None:
        """Note that a connection is as was decided; an approval then has nothing more to say."""
        if decision.options[STATUS] == Status.APPROVED:
            await self.store.requests.remove(decision)
        elif SETTLED not in decision.options:
            told = {**decision.options, SETTLED: "yes"}
            await self.store.requests.put(replace(decision, options=told), decision.etag)

    async def _linked(self, memory: Memory, seen: Seen | None) -> Memory:
        """Keep the table that leads from an endpoint to its cache: a delete event names the endpoint only."""
        if seen is None or seen.observed.cache is None:
            return memory
        cache = seen.observed.id
        now = {c.endpoint for c in seen.observed.cache.connections if c.endpoint} | set(memory.made)
        for endpoint in sorted(now - set(memory.linked)):
            await self.store.links.put(endpoint, cache)
        return replace(memory, linked=tuple(sorted(now)))

    def _row(  # noqa: PLR0913, PLR0917 - a row is the sum of a pass
        self, before: CacheRow, verdict: Verdict, memory: Memory, decided: Plan, applied: Applied, seen: Seen | None
    ) -> CacheRow:
        now = self.clock()
        changed = before.verdict is None or heading(before.verdict) != heading(verdict)
        since = now if changed or before.since is None else before.since
        row = replace(
            before,
            verdict=verdict,
            since=since,
            memory=memory,
            digest=self.policy.digest,
            retry_at=retry_at(verdict, since, now),
            problem="",
            placements=",".join(placement.name for placement in seen.desired.placements) if seen else before.placements,
            asked=_latest(before.asked, seen.desired.heard_at if seen else None),
            leaving=",".join(decided.leaving) if seen else before.leaving,
        )
        if seen is None or seen.observed.cache is None:
            return row
        cache = seen.observed.cache
        row = replace(row, kind=cache.kind.value, region=cache.region, public_access=cache.public_access.value)
        row = replace(row, seen=summary(cache, seen.desired), tags=dict(cache.tags))
        if seen.observed.trusted:
            return row
        settled = decided.settled and applied.error is None
        verified = fingerprint(cache, seen.desired) if settled else ""
        return replace(row, verified=verified, verified_at=now if settled else None)

    async def _announced(self, chronicle: Chronicle) -> CacheRow:
        """Publish what the history says and nobody has been told yet: at least once, with the row's id.

        It is done under the claim and before the pass is recorded: a worker that dies here leaves a trace, and whoever
        comes next publishes again. What the topic does not take stays in the row that is given.
        """
        at_hand = {record.id: record for record in chronicle.records}
        left = list(chronicle.row.unannounced)
        try:
            while left:
                if record := at_hand.get(left[0]) or await self._remembered(left[0]):
                    await self.publisher.publish(record)
                del left[0]
        except PublishError as error:
            log.warning("not announced yet", cache=chronicle.row.cache, because=error)
        return replace(chronicle.row, unannounced=tuple(left))

    async def _remembered(self, record_id: str) -> HistoryRecord | None:
        try:
            return await self.store.history.read(record_id)
        except StoredValueError as error:
            # A newer version wrote it, before a roll-back: nobody here can tell it.
            log.error("not announced", record=record_id, because=error)  # noqa: TRY400 - the error says where
            return None

    async def _look_again(self, wake: WakeUp, row: CacheRow, applied: Applied, pass_id: str) -> None:
        """Ask for the one look that is worth while after this pass, if any; a later pass asks for its own."""
        said = row.verdict
        step, reason, after = (said.step, said.reason, said.look_after) if said else (None, None, None)
        if row.unannounced:
            after = min(after or self.policy.timing.busy, self.policy.timing.busy)
        if after is not None:
            again = WakeUp(wake.cache, Trigger.AGAIN, after=pass_id)
            # Those that Azure has turned away together must not come back together; who is exposed goes first.
            crowd = step is Step.THROTTLED and reason is not Reason.EXPOSED
            spread = after if crowd else after / 10
            await self.store.queue.put(again, after + _jitter(spread))
        elif wake.trigger is Trigger.EVENT and not wake.own and not applied.done:
            # The event may have come before a read shows what it tells of.
            await self.store.queue.put(WakeUp(wake.cache, Trigger.SETTLE), self.policy.timing.settle)


def _is_over(seen: Seen, decided: Plan) -> bool:
    """Tell whether nothing is left to do or to say about a cache that is not there."""
    wanted = seen.desired.creation is not None
    return seen.observed.cache is None and not wanted and not decided.actions and decided.verdict.look_after is None


def _latest(*moments: datetime | None) -> datetime | None:
    """Give the latest moment: what passes have heard of stays heard when the request itself is gone."""
    return max((moment for moment in moments if moment), default=None)


def _made(memory: Memory, seen: Seen | None, applied: Applied) -> Memory:
    """Remember what carries our tags as made by us: the pass that made it may not have lived to say so."""
    if seen is None or seen.observed.cache is None:
        return memory
    deleted = {action.endpoint for action in applied.done if isinstance(action, DeleteEndpoint)}
    there = (e for e in seen.observed.endpoints if e.readiness is not Readiness.DELETING and e.id not in deleted)
    ours = (e.id for e in there if e.made_by_drawbridge(seen.observed.id))
    return replace(memory, made=tuple(dict.fromkeys((*memory.made, *ours))))


def _cause(wake: WakeUp) -> dict[str, str]:
    """Say why a pass is made, as fields of a log line."""
    return {"trigger": wake.trigger.value, "operation": wake.operation, "caller": wake.caller}


def _superseded(row: CacheRow, wake: WakeUp) -> bool:
    """Tell whether a pass would find nothing that another does not look for already."""
    if row.unfinished or not row.last_pass:
        # Without a pass behind it, the row is new: the cache was forgotten meanwhile, or the table was lost.
        return False
    if wake.trigger is Trigger.AGAIN and wake.after:
        return row.last_pass != wake.after
    # Azure's handshake with the cache, and what was done before, show as events of our own; the one that
    # counts is that of what is waited for, and should it not come, the next look is on its way.
    waited = ENDED_BY.get(row.verdict.step) if row.verdict and row.verdict.step else None
    return wake.own and waited is not None and wake.operation.lower() not in waited


def _jitter(most: timedelta) -> timedelta:
    """Spread wake-ups: those that wait for the same moment must not all wake at it."""
    return most * random.random()  # noqa: S311 - no secret
