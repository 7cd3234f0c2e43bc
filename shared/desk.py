"""What callers of the API are told and may ask for: reads and dry runs, and requests stored as desired state.

The operation is the resource: a caller PUTs what should be and GETs the same URL until it is ready or
blocked. Answering a GET of an endpoint costs no call to Azure Resource Manager.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from shared.arm.errors import ArmError
from shared.ids import CacheId, CacheType, InvalidIdError
from shared.model import Kind, Look, Reason, Trigger, VerdictKind, WakeUp
from shared.planner import endpoint_name, in_words, plan
from shared.reconcile import Reconciler
from shared.store.caches import CacheRow
from shared.store.requests import EndpointRequest

if TYPE_CHECKING:
    from shared.ids import GroupId
    from shared.model import Cache, Desired, Endpoint, Plan, Verdict
    from shared.policy import PlacementRule
    from shared.reconcile import Seen

Json = dict[str, object]

_TYPES: Mapping[str, CacheType] = {
    Kind.CLASSIC: CacheType.REDIS,
    Kind.MANAGED: CacheType.ENTERPRISE,
    Kind.ENTERPRISE: CacheType.ENTERPRISE,
}


class State(StrEnum):
    """Where something that was asked for stands."""

    READY = "Ready"
    CONVERGING = "Converging"
    BLOCKED = "Blocked"


class NotHereError(LookupError):
    """What is asked about does not exist, or is out of scope: both look the same to a caller."""


class RefusedError(ValueError):
    """A request that the policy does not allow; ``target`` names the part of it that is wrong."""

    def __init__(self, message: str, target: str) -> None:
        self.target = target
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Named:
    """A cache as a path names it. A classic cache and a cluster can share a name: ``kind`` tells which is meant."""

    group: GroupId
    name: str
    kind: str = ""
    """``classic``, ``managed`` or ``enterprise``; the last two are one type. "": whichever there is."""

    def candidates(self) -> tuple[CacheId, ...]:
        """Give the ids that it can stand for; raises InvalidIdError and RefusedError."""
        types = (self._type(),) if self.kind else tuple(CacheType)
        found: list[CacheId] = []
        refusals: list[InvalidIdError] = []
        for type_ in types:
            try:
                found.append(CacheId.of(self.group, type_.rpartition("/")[2], self.name))
            except InvalidIdError as error:
                refusals.append(error)
        if not found:
            # The types differ in how long a name may be, so one of them may take what the other refuses.
            raise refusals[0]
        return tuple(found)

    def _type(self) -> CacheType:
        if self.kind.lower() not in _TYPES:
            kinds = ", ".join(_TYPES)
            raise RefusedError(f"kind is '{self.kind[:63]}'; it must be one of {kinds}, or be left out", "kind")
        return _TYPES[self.kind.lower()]

    def __str__(self) -> str:
        return f"cache '{self.name[:63]}' in {self.group}"


@dataclass(frozen=True, slots=True)
class Desk:
    """Answers callers; acts only by storing what they ask for and waking the cache."""

    reconciler: Reconciler

    async def cache(self, named: Named) -> Json:
        """Read one cache and plan for it, changing nothing; raises NotHereError, RefusedError and ArmError."""
        await self._in_scope(named)
        cache = await self._existing(named)
        row = await self.reconciler.store.caches.read(cache)
        seen = await self.reconciler.observe(WakeUp(cache, Trigger.REQUEST, Look.FULL), row or CacheRow(cache))
        if seen is None or seen.observed.cache is None:
            raise NotHereError(str(cache))
        decided = plan(seen.observed, seen.desired, self.reconciler.clock())
        return {
            "id": str(cache),
            "observed": _observed(seen.observed.cache, seen),
            "desired": _desired(seen.desired),
            "plan": _plan(decided),
            "verdict": verdict_json(row.verdict) if row and row.verdict else None,
            "since": row.since.isoformat() if row and row.since else None,
        }

    async def request_endpoint(self, named: Named, placement: str, caller: str) -> Json:
        """Store that an endpoint is wanted, wake the cache, and say where it stands.

        Raises NotHereError, RefusedError and ArmError.
        """
        await self._in_scope(named)
        rule = self._placement(placement)
        if not rule.open_to(named.candidates()[0]):
            raise RefusedError(f"placement '{placement}' is not for this cache's subscription or group", "placement")
        cache = await self._existing(named)
        await self._stored(EndpointRequest(cache, placement, caller, self.reconciler.clock()))
        await self.reconciler.store.queue.put(
            WakeUp(cache, Trigger.REQUEST, Look.QUICK, operation="PUT endpoint", caller=caller)
        )
        return await self._endpoint(cache, placement)

    async def _stored(self, request: EndpointRequest) -> None:
        """Store a request; asking again renews it, unless what it asks for is there already.

        A renewed request is looked at anew: it lifts a lockdown, and no earlier verdict is its answer.
        """
        before = await self.reconciler.store.requests.get(request.cache, request.placement)
        row = await self.reconciler.store.caches.read(request.cache)
        if before and not before.withdrawn and state_of(_answer(before, row, request.placement)) is State.READY:
            return
        await self.reconciler.store.requests.put(request, before.etag if before else None)

    async def endpoint(self, named: Named, placement: str) -> Json:
        """Say where a requested endpoint stands; raises NotHereError and RefusedError."""
        await self._in_scope(named)
        self._placement(placement)
        wanted = [cache for cache in named.candidates() if await self._wanted(cache, placement)]
        return await self._endpoint(_only(wanted, named, f"endpoint in placement '{placement}'"), placement)

    async def _wanted(self, cache: CacheId, placement: str) -> bool:
        request = await self.reconciler.store.requests.get(cache, placement)
        if request and not request.withdrawn:
            return True
        row = await self.reconciler.store.caches.read(cache)
        return row is not None and placement in row.placements.split(",")

    async def _endpoint(self, cache: CacheId, placement: str) -> Json:
        request = await self.reconciler.store.requests.get(cache, placement)
        row = await self.reconciler.store.caches.read(cache)
        return _standing(cache, placement, request, row) | {"endpoint": str(self._named(cache, placement))}

    async def _in_scope(self, named: Named) -> None:
        found = await self.reconciler.found()
        if not self.reconciler.policy.scope.admits_group(named.group, found):
            raise NotHereError(str(named))

    async def _existing(self, named: Named) -> CacheId:
        """Ask Azure which cache is meant: one read for each type that it can be."""
        caches = named.candidates()
        answers = await asyncio.gather(*map(self._is_there, caches))
        there = [cache for cache, answer in zip(caches, answers, strict=True) if answer is True]
        for answer in answers:
            # What may not be read cannot be meant by a caller whom the other type answers.
            if isinstance(answer, ArmError) and not (there and answer.reason is Reason.PERMISSION_DENIED):
                raise answer
        return _only(there, named)

    async def _is_there(self, cache: CacheId) -> bool | ArmError:
        try:
            return await self.reconciler.arm.caches(cache.type).get(cache) is not None
        except ArmError as error:
            return error

    def _placement(self, name: str) -> PlacementRule:
        placements = self.reconciler.policy.placements
        if name not in placements:
            known = ", ".join(placements) or "none"
            raise RefusedError(f"'{name[:63]}' is not a placement of the policy, which has: {known}", "placement")
        return placements[name]

    def _named(self, cache: CacheId, placement: str) -> object:
        return self._placement(placement).placement.endpoint(endpoint_name(cache, placement))


def _only(caches: list[CacheId], named: Named, what: str = "") -> CacheId:
    if not caches:
        raise NotHereError(f"{named}: {what}" if what else str(named))
    if len(caches) > 1:
        both = " and ".join(cache.type for cache in caches)
        raise RefusedError(f"{named} is two caches, {both}: say which with ?kind=classic or ?kind=managed", "kind")
    return caches[0]


def _answer(request: EndpointRequest | None, row: CacheRow | None, placement: str) -> Verdict | None:
    """Give the verdict that answers a request: that of a pass which knew of it; None before there is one."""
    if row is None or placement not in row.placements.split(","):
        return None
    unanswered = request is not None and (row.asked is None or row.asked < request.requested_at)
    return None if unanswered else row.verdict


def _standing(cache: CacheId, placement: str, request: EndpointRequest | None, row: CacheRow | None) -> Json:
    """Say where a request stands."""
    verdict = _answer(request, row, placement)
    answer: Json = {"id": str(cache), "placement": placement, "state": state_of(verdict).value}
    if verdict is None or row is None:
        return answer | {"step": "the request waits for its first pass"}
    return answer | verdict_json(verdict) | {"since": row.since.isoformat() if row.since else None}


def state_of(verdict: Verdict | None) -> State:
    """Reduce a verdict to what a pipeline branches on."""
    if verdict is None:
        return State.CONVERGING
    match verdict.kind:
        case VerdictKind.COMPLIANT | VerdictKind.EXEMPT:
            return State.READY
        case VerdictKind.CONVERGING:
            return State.CONVERGING
        case VerdictKind.BLOCKED if verdict.step:
            # Exposed, and an endpoint is on its way.
            return State.CONVERGING
        case _:
            return State.BLOCKED


def verdict_json(verdict: Verdict) -> Json:
    """Write a verdict for a caller; what is not set is left out."""
    given: Json = {
        "verdict": verdict.kind.value,
        "reason": verdict.reason.value if verdict.reason else None,
        "message": verdict.message or None,
        "step": verdict.step.value if verdict.step else None,
        "until": verdict.until.isoformat() if verdict.until else None,
        "lookAgainAfterSeconds": verdict.look_after.total_seconds() if verdict.look_after else None,
        "help": f"docs/reasons.md#{verdict.reason.value.lower()}" if verdict.reason else None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _observed(cache: Cache, seen: Seen) -> Json:
    return {
        "kind": cache.kind.value,
        "region": cache.region,
        "state": cache.state,
        "publicNetworkAccess": cache.public_access.value,
        "tags": dict(cache.tags),
        "connections": [
            {"name": c.name, "endpoint": str(c.endpoint) if c.endpoint else None, "status": c.status.value}
            for c in cache.connections
        ],
        "endpoints": [_endpoint(endpoint) for endpoint in seen.observed.endpoints],
        "unreadable": [str(endpoint) for endpoint in seen.observed.unreadable],
    }


def _endpoint(endpoint: Endpoint) -> Json:
    groups = endpoint.zone_groups or ()
    return {
        "id": str(endpoint.id),
        "state": endpoint.readiness.value,
        "status": endpoint.status.value,
        "subnet": str(endpoint.subnet) if endpoint.subnet else None,
        "zoneGroups": [{"name": g.name, "state": g.readiness.value, "zones": list(g.zones.values())} for g in groups],
        "records": [{"name": r.name, "addresses": list(r.addresses)} for g in groups for r in g.records],
    }


def _desired(wanted: Desired) -> Json:
    return {
        "mode": wanted.mode.value,
        "enrolled": wanted.enrolled,
        "ignored": wanted.ignored,
        "placements": [placement.name for placement in wanted.placements],
        "unknownPlacements": list(wanted.unknown_placements),
        "publicAccessDisabled": wanted.close,
        "lastEndpoint": wanted.last_endpoint.value,
        "exemptUntil": wanted.exemption.until.isoformat() if wanted.exemption else None,
        "notes": list(wanted.notes),
    }


def _plan(decided: Plan) -> Json:
    return {"actions": [in_words(action) for action in decided.actions], "verdict": verdict_json(decided.verdict)}
