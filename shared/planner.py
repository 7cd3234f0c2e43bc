"""Decide the next steps for one cache. Pure: ``plan`` sees only its arguments.

The rules, in the order in which they are asked: what is out of scope or asked for nothing is left alone; a
cache that is not ready is waited for; lost protection closes first; an endpoint in every placement, then
its DNS, then public access. Each part answers a ``_Part``: what to do, what to wait for, what stands in
the way; the verdict is read off the sum.
"""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, assert_never

from shared.creation import expected
from shared.ids import CacheType, zone_id
from shared.model import (
    Action,
    Cause,
    CreateCache,
    CreateDatabase,
    CreateEndpoint,
    CreateZone,
    Decision,
    DeleteConnection,
    DeleteEndpoint,
    DnsMode,
    Endpoint,
    LastEndpoint,
    LinkZone,
    Memory,
    Mode,
    Observed,
    Placement,
    Plan,
    PublicAccess,
    PutZoneGroup,
    Readiness,
    Reason,
    SetConnection,
    SetPublicAccess,
    Status,
    Step,
    Verdict,
    VerdictKind,
    Withdrawal,
    ZoneGroup,
    own_tags,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from shared.ids import CacheId, NetworkId
    from shared.model import Cache, Desired, Safeguards, Timing

_FAILED_REMADE = 2
_STUCK_AFTER = timedelta(hours=1)
_RECORDS_LATE_AFTER = timedelta(minutes=10)
_SLOWEST_LOOK = 10
_CLOSED_AFTER = 2
_NAME_KEPT = 50
_ORPHANED = "orphaned"
_CREATION = "creation"
_DATABASE = "database"
_LEAVING = "leaving:"
_SHUT = ":shut"
_EXPOSED = (
    "The cache has no approved private endpoint, and it is too old to have a publicNetworkAccess that could be "
    "Disabled: it can be reached in public until it has an endpoint."
)
OWN_ZONE_GROUP = "default"


def plan(observed: Observed, desired: Desired, now: datetime) -> Plan:
    """Choose what to do about one cache and what to say of it.

    The memory in the answer assumes that every action succeeds; in audit mode there are no actions.
    """
    if not desired.in_scope:
        return Plan(Verdict(VerdictKind.OUT_OF_SCOPE), memory=observed.memory, noticed=observed.memory)
    if observed.cache is None:
        wanted = desired.creation and not desired.creation.fulfilled
        decided = _absent(observed, desired, now) if wanted else _gone(observed, desired, now)
        return _bound_by_mode(decided, observed.memory, desired)
    memory = _given_up(_noticed(observed.cache, observed.memory, now), desired)
    noticed = replace(observed, memory=_exempted(memory, desired, now))
    decided = _present(_Case(observed.cache, noticed, desired, now))
    settled = tuple(each.connection for each in desired.decisions if _is_settled(observed.cache, each))
    return _bound_by_mode(replace(decided, decided=settled), noticed.memory, desired)


def name_in(cache: CacheId, placement: Placement) -> str:
    """Name the endpoint of a cache in a placement: as a caller chose, or as Drawbridge does."""
    return placement.options.name or endpoint_name(cache, placement.name)


def endpoint_name(cache: CacheId, placement: str) -> str:
    """Name the endpoint that Drawbridge makes: always the same, so that a repeat is harmless.

    At most 62 characters, where Azure allows 64.
    """
    digest = hashlib.sha256(f"{cache}|{placement}".lower().encode()).hexdigest()[:8]
    return f"pe-{cache.name[:_NAME_KEPT].rstrip('-')}-{digest}"


def made_endpoint(cache: Cache, placement: Placement, id_: NetworkId) -> Endpoint:
    """Describe an endpoint of ours that is finished and approved, as it was made: its zone groups are not known."""
    return Endpoint(
        id=id_,
        readiness=Readiness.READY,
        region=placement.region,
        subnet=placement.subnet,
        status=Status.APPROVED,
        targets=(cache.id,),
        tags=own_tags(cache.id),
    )


def records_key(endpoint: NetworkId) -> str:
    """Name the step of the memory in which an endpoint's records are waited for."""
    return f"records:{endpoint.name}"


def is_last(observed: Observed, name: str) -> bool:
    """Tell whether an endpoint that Drawbridge made is the only way in that works."""
    approved = observed.cache.approved() if observed.cache else ()
    ours = (e for e in observed.endpoints if e.made_by_drawbridge(observed.id))
    mine = {endpoint.id for endpoint in ours if endpoint.id.name.lower() == name.lower()}
    return bool(approved) and all(connection.endpoint in mine for connection in approved)


def needs_zone_first(cache: Cache, memory: Memory) -> bool:
    """Tell whether its first endpoint would close a cache to which, without a zone, no name would lead any more."""
    lost = memory.protected or memory.lost_at is not None
    return cache.closes_on_attach and not _closed(cache) and not cache.approved() and not lost


def fingerprint(cache: Cache, desired: Desired) -> str:
    """Sum up what a full look's findings depend on; while it is unchanged, a quick look believes them."""
    connections = sorted((c.name, str(c.endpoint), c.status.value) for c in cache.connections)
    wishes = (
        desired.digest,
        desired.enrolled,
        [str(p) for p in desired.placements],
        desired.unknown_placements,
        [str(each) for each in desired.withdrawn],
        [str(each) for each in desired.decisions],
    )
    return hashlib.sha256(repr((connections, cache.zone, wishes)).encode()).hexdigest()[:16]


def wants_endpoints_read(desired: Desired) -> bool:
    """Tell whether a decision about this cache depends on its endpoints at all."""
    return desired.in_scope and (desired.enrolled or bool(desired.withdrawn))


def is_made(observed: Observed, desired: Desired) -> bool:
    """Tell whether a cache that was asked for is there, finished, and that is not known of it yet."""
    if observed.cache is None or desired.creation is None or desired.creation.fulfilled:
        return False
    whole = observed.cache.id.type is CacheType.REDIS or observed.database is Readiness.READY
    return observed.cache.readiness is Readiness.READY and whole


# ── memory ──────────────────────────────────────────────────────────────────────────────────────


def _noticed(cache: Cache, memory: Memory, now: datetime) -> Memory:
    """Bring the memory up to what is seen now, before anything is done about it."""
    closed = memory.closed_once or _closed(cache)
    if cache.approved():
        return replace(memory, protected=True, lost_at=None, reasserted=False, closed_once=closed)
    if memory.protected:
        return replace(memory, protected=False, lost_at=now, reasserted=False, closed_once=closed)
    return replace(memory, closed_once=closed)


def _closed(cache: Cache) -> bool:
    """Tell whether the public does not reach a cache: without a flag, that is as long as it has an endpoint."""
    match cache.public_access:
        case PublicAccess.DISABLED:
            return True
        case PublicAccess.ABSENT:
            return bool(cache.approved())
        case PublicAccess.ENABLED:
            return False
        case other:
            assert_never(other)


def _given_up(memory: Memory, desired: Desired) -> Memory:
    """Count the going of the last endpoint as no loss where a caller has asked for just that."""
    if any(each.last for each in desired.withdrawn):
        return replace(memory, protected=False, lost_at=None)
    return memory


def _exempted(memory: Memory, desired: Desired, now: datetime) -> Memory:
    """Remember an exemption, and that its end is near: both are announced when they change."""
    exemption = desired.exemption
    return replace(memory, exempt=exemption is not None, reminded=exemption is not None and exemption.remind_at <= now)


# ── the parts of a decision ─────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Case:
    """Everything a rule may look at."""

    cache: Cache
    observed: Observed
    desired: Desired
    now: datetime

    @property
    def memory(self) -> Memory:
        return self.observed.memory

    @property
    def timing(self) -> Timing:
        return _timing_of(self.desired)

    @property
    def safeguards(self) -> Safeguards:
        if self.desired.safeguards is None:
            raise ValueError("a desired state in scope has its policy's safeguards")
        return self.desired.safeguards

    @property
    def lost(self) -> bool:
        """Protection was lost and has not come back."""
        return self.memory.lost_at is not None

    @property
    def exempt(self) -> bool:
        """An exemption tolerates the public access that is there."""
        return self.desired.exemption is not None and self.cache.public_access is not PublicAccess.DISABLED

    @property
    def exposed(self) -> bool:
        """Protection was lost, and only an endpoint can bring it back: there is no flag to set."""
        unwanted = not self.exempt and self.desired.last_endpoint is not LastEndpoint.OPEN
        stays = self.cache.readiness is not Readiness.DELETING
        return self.lost and unwanted and stays and self.cache.public_access is PublicAccess.ABSENT

    @property
    def asked_since_loss(self) -> bool:
        """A caller of the API has asked for an endpoint after the loss: that overrides a lockdown."""
        lost, asked = self.memory.lost_at, self.desired.requested_at
        return lost is not None and asked is not None and asked > lost

    def fights(self) -> tuple[datetime, ...]:
        """Give the re-attachments and re-closings within the window."""
        since = self.now - self.safeguards.window
        return tuple(when for when in self.memory.fights if when > since)

    @property
    def fought_out(self) -> bool:
        """More was undone within the window than Drawbridge puts right: the cache has been declared contested."""
        return len(self.fights()) > self.safeguards.reattach_limit

    @property
    def contested(self) -> bool:
        return len(self.fights()) >= self.safeguards.reattach_limit


@dataclass(frozen=True, slots=True)
class _Wait:
    step: Step
    look_after: timedelta


@dataclass(frozen=True, slots=True)
class _Block:
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class _Part:
    """What one rule has to say."""

    actions: tuple[Action, ...] = ()
    waits: tuple[_Wait, ...] = ()
    blocks: tuple[_Block, ...] = ()
    fights: int = 0
    """How many of the actions undo what somebody did."""
    begun: tuple[str, ...] = ()
    """Steps begun, or still waited for."""

    def __add__(self, other: _Part) -> _Part:
        return _Part(
            self.actions + other.actions,
            self.waits + other.waits,
            self.blocks + other.blocks,
            self.fights + other.fights,
            self.begun + other.begun,
        )

    @property
    def still(self) -> bool:
        """Nothing to do, nothing to wait for, nothing in the way."""
        return not (self.actions or self.waits or self.blocks)


_NOTHING = _Part()


def _blocked(reason: Reason, message: str, *begun: str) -> _Part:
    return _Part(blocks=(_Block(reason, message),), begun=begun)


def _waiting(step: Step, look_after: timedelta, *begun: str) -> _Part:
    return _Part(waits=(_Wait(step, look_after),), begun=begun)


# ── a cache that is there ───────────────────────────────────────────────────────────────────────


def _present(case: _Case) -> Plan:
    wanted = case.desired
    if wanted.ignored:
        return _left_alone(case, "It is tagged to be left alone, and the policy allows that.")
    asked = wanted.withdrawn or wanted.opened or _deciding(case).actions
    if not wanted.enrolled and not wanted.close and not asked:
        return _left_alone(case, "Nothing is asked of it.")
    unready = _unready(case)
    if not unready.still:
        return replace(_concluded(case, unready), leaving=tuple(each.placement for each in wanted.withdrawn))
    return _ready(case)


def _left_alone(case: _Case, message: str) -> Plan:
    """Leave it alone, and what happens to it meanwhile is no loss: it is not held against it when it comes back."""
    verdict = Verdict(VerdictKind.COMPLIANT, message=_with_notes(message, case.desired))
    memory = replace(case.memory, protected=False, lost_at=None, reasserted=False, closed_once=False)
    return Plan(verdict, memory=memory, noticed=memory)


def _unready(case: _Case) -> _Part:
    match case.cache.readiness:
        case Readiness.READY:
            return _NOTHING
        case Readiness.BUSY:
            leaving = (key for key in case.memory.begun if key.startswith(_LEAVING))
            carried = _carried(case, "close", _CREATION)
            begun = ("busy", *carried, *leaving)
            return _waiting(_busy_with(carried), _again(case, "busy", case.timing.cache), *begun)
        case Readiness.DELETING:
            return _waiting(Step.CACHE_DELETING, _again(case, "busy", case.timing.cache), "busy")
        case Readiness.FAILED:
            return _blocked(
                Reason.CACHE_FAILED,
                f"Azure says that the cache's last operation failed ({case.cache.state}).",
            )
        case Readiness.DISABLED:
            return _blocked(Reason.CACHE_DISABLED, f"Azure says that the cache is {case.cache.state}.")
        case other:
            assert_never(other)


def _busy_with(begun: tuple[str, ...]) -> Step:
    if _CREATION in begun:
        return Step.CREATING
    return Step.CLOSING if begun else Step.CACHE_BUSY


def _ready(case: _Case) -> Plan:
    """Ask the rules in order."""
    asked = _asked_open(case)
    if not asked.still:
        return _concluded(case, asked)
    deciding = _deciding(case)
    if not deciding.still:
        return _concluded(case, deciding)
    going, leaving = _withdrawing(case)
    enforced, settled = _enforced(case, going)
    decided = _concluded(case, enforced, settled and not leaving)
    gone = tuple(each.placement for each in case.desired.withdrawn if each.placement not in leaving)
    return replace(decided, withdrawn=gone, leaving=leaving, opened=case.desired.opened)


def _enforced(case: _Case, going: _Part) -> tuple[_Part, bool]:
    """Say what is to be done beside what is ``going``; also tell whether endpoints and DNS are settled."""
    if case.lost and not case.asked_since_loss:
        match case.desired.last_endpoint:
            case LastEndpoint.OPEN:
                return _opened(case) + going, False
            case LastEndpoint.LOCKDOWN:
                return _locked_down(case) + going, False
            case LastEndpoint.REATTACH:
                pass
    first = _closed_after_loss(case)
    if first.waits or first.blocks:
        return first, False
    database = _database(case)
    if database.waits:
        return first + database + going, False
    # One change to a cache at a time: nothing is attached while something is taken away.
    attached = going if going.actions else _private_way(case)
    settled = attached.still and case.desired.enrolled and bool(case.cache.approved())
    beside = _NOTHING if attached is going else going
    whole = first + database + attached + beside + _public_access(case, attached)
    # A fight that was declared is not over because its last blow was ours: it is when the window has passed.
    resting = case.fought_out and (whole.still or case.exposed)
    return whole + (_contested(case) if resting else _NOTHING), settled


def _deciding(case: _Case) -> _Part:
    """Carry out what was decided about connections, one at a time; each is done once, and not defended."""
    for decision in case.desired.decisions:
        if decision.settled or _is_settled(case.cache, decision):
            continue
        key = f"deciding:{decision.connection}"
        wait = _Wait(Step.DECIDING, _again(case, key, case.timing.zone_group))
        if _just_begun(case, key):
            return _Part(waits=(wait,), begun=(key,))
        if decision.status is Status.DISCONNECTED:
            return _Part((DeleteConnection(decision.connection),), (wait,), begun=(key,))
        setting = SetConnection(decision.connection, decision.status, decision.description)
        return _Part((setting,), (wait,), begun=(key,))
    return _NOTHING


def _is_settled(cache: Cache, decision: Decision) -> bool:
    """Tell whether a connection is as was decided; one that is gone is past every decision."""
    found = next((each for each in cache.connections if each.name.lower() == decision.connection.lower()), None)
    return found is None or found.status is decision.status


def _refused(case: _Case, placement: Placement) -> Decision | None:
    """Find the owner's word against the endpoint of a placement; who asks for an endpoint after it takes it back."""
    asked = case.desired.requested_at
    own = placement.endpoint(name_in(case.cache.id, placement))
    inside = {endpoint.id for endpoint in case.observed.endpoints if endpoint.subnet == placement.subnet}
    for decision in case.desired.decisions:
        against = decision.status is not Status.APPROVED and (asked is None or asked <= decision.at)
        if against and decision.endpoint in {own, *inside}:
            return decision
    return None


def _asked_open(case: _Case) -> _Part:
    """Open what a caller asks for and may have; it is done once, and not defended."""
    if not case.desired.opened or case.cache.public_access is not PublicAccess.DISABLED:
        return _NOTHING
    opening = SetPublicAccess(PublicAccess.ENABLED, Cause.ASKED_OPEN)
    return _Part((opening,), (_Wait(Step.OPENING, case.timing.cache),))


def _opened(case: _Case) -> _Part:
    if case.cache.public_access is not PublicAccess.DISABLED:
        return _NOTHING
    if case.contested:
        return _contested(case)
    opening = SetPublicAccess(PublicAccess.ENABLED, Cause.POLICY_OPENS)
    return _Part((opening,), (_Wait(Step.OPENING, case.timing.cache),), fights=1)


def _closed_after_loss(case: _Case) -> _Part:
    """Close at once, and explicitly: what Azure leaves behind after a loss is not documented for every kind."""
    if not case.lost or case.exempt or case.cache.vnet_injected or case.desired.last_endpoint is LastEndpoint.OPEN:
        return _NOTHING
    if case.memory.reasserted:
        return _reclosed(case)
    match case.cache.public_access:
        case PublicAccess.ABSENT:
            return _NOTHING
        case PublicAccess.DISABLED:
            # Azure answers such a write at once, so what follows need not wait for it.
            return _Part((SetPublicAccess(PublicAccess.DISABLED, Cause.PROTECTION_LOST),))
        case PublicAccess.ENABLED:
            closing = SetPublicAccess(PublicAccess.DISABLED, Cause.PROTECTION_LOST)
            return _Part((closing,), (_Wait(Step.CLOSING, case.timing.cache),), begun=("close",))
        case other:
            assert_never(other)


def _locked_down(case: _Case) -> _Part:
    if case.exempt:
        return _NOTHING
    if case.cache.public_access is PublicAccess.ABSENT:
        return _blocked(Reason.EXPOSED, _EXPOSED)
    message = "Its last endpoint is gone and the policy's lastEndpoint is 'lockdown': it stays closed until asked for."
    return _closed_after_loss(case) + _blocked(Reason.LOCKED_DOWN, message)


def _reclosed(case: _Case) -> _Part:
    """Close what was opened again after the loss had been dealt with."""
    closed = case.desired.close or case.desired.last_endpoint is LastEndpoint.LOCKDOWN
    return _closing(case) if closed and case.cache.public_access is PublicAccess.ENABLED else _NOTHING


# ── what is not wanted any more ─────────────────────────────────────────────────────────────────


def _withdrawing(case: _Case) -> tuple[_Part, tuple[str, ...]]:
    """Take away what callers have withdrawn, one endpoint at a time; also name the placements that are not done."""
    part = _NOTHING
    leaving: list[str] = []
    kept = {placement.name for placement in case.desired.placements}
    for each in case.desired.withdrawn:
        if each.placement in kept:
            # Somebody else asks for the same: the request is gone, and the endpoint stays.
            continue
        one, done = _withdrawn(case, each)
        if not done:
            leaving.append(each.placement)
        if not (one.actions and part.actions):
            part += one
    return part, tuple(leaving)


def _withdrawn(case: _Case, withdrawal: Withdrawal) -> tuple[_Part, bool]:
    """Delete the endpoint of one request, if it is ours; also tell whether nothing is left to do."""
    endpoint = next((e for e in case.observed.endpoints if _is_withdrawn(case, e, withdrawal)), None)
    key = f"{_LEAVING}{withdrawal.placement}"
    if endpoint is None:
        return _shut_behind(case, withdrawal, key)
    if endpoint.readiness is Readiness.DELETING:
        return _waiting(Step.DETACHING, case.timing.zone_group, *_carried(case, key)), False
    if endpoint.readiness is Readiness.BUSY:
        return _waiting(Step.ATTACHING, case.timing.endpoint), False
    return _taken_away(case, withdrawal, endpoint, key), False


def _is_withdrawn(case: _Case, endpoint: Endpoint, withdrawal: Withdrawal) -> bool:
    mine = endpoint.made_by_drawbridge(case.cache.id)
    return mine and endpoint.id.name.lower() == withdrawal.name.lower()


def _taken_away(case: _Case, withdrawal: Withdrawal, endpoint: Endpoint, key: str) -> _Part:
    in_use = _status(case, endpoint) is Status.APPROVED
    last = in_use and all(connection.endpoint == endpoint.id for connection in case.cache.approved())
    if last and not withdrawal.last:
        if case.desired.placements:
            # Another one is on its way, or the verdict says why it is not: this one goes when that one works.
            return _NOTHING
        message = f"Endpoint {endpoint.id.name} is the last one of the cache; its deletion has to be asked for as such."
        return _blocked(Reason.LAST_ENDPOINT, message)
    if last and case.cache.public_access is PublicAccess.ABSENT:
        message = (
            f"Without endpoint {endpoint.id.name}, its last one, the cache would be open to everybody: it is kept."
        )
        return _blocked(Reason.LAST_ENDPOINT, message)
    deleting = DeleteEndpoint(endpoint.id, Cause.WITHDRAWN)
    begun = (key,) if last and case.cache.public_access is PublicAccess.DISABLED else ()
    return _Part((deleting,), (_Wait(Step.DETACHING, case.timing.zone_group),), begun=begun)


def _shut_behind(case: _Case, withdrawal: Withdrawal, key: str) -> tuple[_Part, bool]:
    """Say once more that a cache is closed whose last endpoint was taken away: what Azure leaves is not documented."""
    if withdrawal.endpoint in case.observed.unreadable:
        message = f"This identity may not read endpoint {withdrawal.name}, so it cannot tell whether that is its own."
        return _blocked(Reason.PERMISSION_DENIED, message), False
    shut = f"{key}{_SHUT}"
    if key not in case.memory.begun or case.cache.approved() or case.exempt:
        return _NOTHING, True
    if shut in case.memory.begun and case.cache.public_access is PublicAccess.DISABLED:
        return _NOTHING, True
    closing = SetPublicAccess(PublicAccess.DISABLED, Cause.WITHDRAWN)
    return _Part((closing,), (_Wait(Step.CLOSING, case.timing.cache),), begun=(key, shut)), False


# ── a private way in ────────────────────────────────────────────────────────────────────────────


def _private_way(case: _Case) -> _Part:
    """Ask for an endpoint in every placement, each with its DNS."""
    if not case.desired.enrolled or case.observed.trusted:
        return _NOTHING
    if case.cache.vnet_injected:
        return _blocked(
            Reason.VNET_INJECTED,
            "The cache is inside a virtual network, where private endpoints are not supported.",
        )
    unplaced = _unplaced(case)
    if not unplaced.still and not (case.exposed and case.desired.placements):
        return unplaced
    parts, missing = _slots(case)
    part = sum(parts, unplaced)
    if missing and _may_attach(case, part):
        part += _attaching(case, missing[0])
    return part


def _may_attach(case: _Case, part: _Part) -> bool:
    """Make one endpoint at a time: Azure refuses a change to a cache while another is in progress.

    What is only being taken away holds nothing up where the cache is open to everybody until it has an endpoint.
    """
    return not part.waits or (case.exposed and all(wait.step is Step.DETACHING for wait in part.waits))


def _unplaced(case: _Case) -> _Part:
    part = _NOTHING
    if case.desired.unknown_placements:
        names = ", ".join(f"'{name}'" for name in case.desired.unknown_placements)
        part += _blocked(
            Reason.PLACEMENT_UNKNOWN,
            f"Placement {names} is not in the policy, or not for this cache's subscription.",
        )
    elif not case.desired.placements and not case.cache.approved():
        part += _blocked(
            Reason.PLACEMENT_MISSING,
            f"The policy has no placement in '{case.cache.region}' that is open to this cache.",
        )
    return part


def _slots(case: _Case) -> tuple[list[_Part], list[Placement]]:
    """Look at each placement: what its endpoint needs, or that it has none."""
    parts: list[_Part] = []
    missing: list[Placement] = []
    unread = len(_approved_unreadable(case))
    for placement in case.desired.placements:
        endpoint = _endpoint_in(case, placement)
        refused = _refused(case, placement)
        if refused and (endpoint is None or _status(case, endpoint) is not Status.APPROVED):
            parts.append(_respected(case, refused, endpoint))
        elif endpoint:
            parts.append(_endpoint_part(case, placement, endpoint))
        elif unread:
            # Its subnet cannot be read, but its approved connection is protection all the same.
            unread -= 1
        else:
            missing.append(placement)
    return parts, missing


def _respected(case: _Case, decision: Decision, endpoint: Endpoint | None) -> _Part:
    """Leave it at what the owner has decided; what is left of ours, and leads nowhere any more, is cleared away."""
    did = "removed" if decision.status is Status.DISCONNECTED else "rejected"
    said = _blocked(
        Reason.CONNECTION_DECIDED,
        f"Connection {decision.connection} was {did} for the cache's owner by {decision.by} "
        f"({decision.at:%Y-%m-%d %H:%M} UTC), so no endpoint is made in its place before somebody asks for one.",
    )
    ours = endpoint is not None and endpoint.made_by_drawbridge(case.cache.id)
    if endpoint is None or not ours or decision.status is not Status.DISCONNECTED:
        return said
    if _status(case, endpoint) is not Status.DISCONNECTED or endpoint.readiness is not Readiness.READY:
        return said
    return said + _Part((DeleteEndpoint(endpoint.id, Cause.OWNER_DECIDED),))


def _approved_unreadable(case: _Case) -> list[NetworkId]:
    approved = {connection.endpoint for connection in case.cache.approved()}
    return [endpoint for endpoint in case.observed.unreadable if endpoint in approved]


def _endpoint_in(case: _Case, placement: Placement) -> Endpoint | None:
    """Choose the endpoint of a placement: a working one first, then one on its way, then what is left of ours."""
    here = [e for e in case.observed.endpoints if e.subnet == placement.subnet and _counts(case, e)]
    return min(here, key=lambda endpoint: _rank(case, endpoint), default=None)


def _counts(case: _Case, endpoint: Endpoint) -> bool:
    """Somebody else's endpoint counts while it works or may come to; ours counts in every state."""
    if case.cache.id not in endpoint.targets:
        return False
    usable = _status(case, endpoint) in {Status.APPROVED, Status.PENDING} and endpoint.readiness in {
        Readiness.READY,
        Readiness.BUSY,
    }
    return usable or endpoint.made_by_drawbridge(case.cache.id)


def _rank(case: _Case, endpoint: Endpoint) -> tuple[int, str]:
    order = (Status.APPROVED, Status.PENDING, Status.REJECTED, Status.DISCONNECTED)
    unready = 0 if endpoint.readiness is Readiness.READY else len(order)
    return unready + order.index(_status(case, endpoint)), str(endpoint.id)


def _status(case: _Case, endpoint: Endpoint) -> Status:
    """Take the cache's word for the state of a connection; what the cache does not list is disconnected."""
    for connection in case.cache.connections:
        if connection.endpoint == endpoint.id:
            return connection.status
    return endpoint.status if endpoint.readiness is Readiness.BUSY else Status.DISCONNECTED


def _endpoint_part(case: _Case, placement: Placement, endpoint: Endpoint) -> _Part:
    match endpoint.readiness:
        case Readiness.BUSY:
            return _coming(case, placement, endpoint)
        case Readiness.DELETING:
            key = f"detaching:{endpoint.id.name}"
            return _waiting(Step.DETACHING, _again(case, key, case.timing.zone_group), key)
        case Readiness.FAILED | Readiness.DISABLED:
            return _failed(case, endpoint)
        case Readiness.READY:
            return _connected(case, placement, endpoint)
        case other:
            assert_never(other)


def _coming(case: _Case, placement: Placement, endpoint: Endpoint) -> _Part:
    key = f"endpoint:{placement.name}"
    since = case.memory.begun.get(key)
    if since and case.now - since > _STUCK_AFTER:
        return _blocked(
            Reason.ENDPOINT_FAILED,
            f"Endpoint {endpoint.id.name} has been unfinished since {since:%Y-%m-%d %H:%M} UTC.",
            key,
        )
    zones = _zone_beside(case, placement)
    return zones + _waiting(Step.ATTACHING, _again(case, key, case.timing.endpoint), key)


def _connected(case: _Case, placement: Placement, endpoint: Endpoint) -> _Part:
    match _status(case, endpoint):
        case Status.APPROVED:
            return _dns(case, placement, endpoint)
        case Status.PENDING:
            return _blocked(
                Reason.ENDPOINT_PENDING,
                f"The connection of endpoint {endpoint.id.name} waits for the approval of the cache's owner.",
            )
        case Status.DISCONNECTED if endpoint.status in {Status.APPROVED, Status.PENDING}:
            return _unlisted(case, endpoint)
        case Status.REJECTED | Status.DISCONNECTED:
            return _detaching(case, endpoint, fights=0 if case.lost else 1)
        case other:
            assert_never(other)


def _unlisted(case: _Case, endpoint: Endpoint) -> _Part:
    """Wait where the endpoint says that it is connected and the cache does not: one of the two reads may be old."""
    key = f"unlisted:{endpoint.id.name}"
    since = case.memory.begun.get(key)
    if since and case.now - since > _RECORDS_LATE_AFTER:
        return _detaching(case, endpoint)
    return _waiting(Step.ATTACHING, _again(case, key, case.timing.endpoint), key)


def _failed(case: _Case, endpoint: Endpoint) -> _Part:
    if _status(case, endpoint) is Status.APPROVED:
        return _blocked(
            Reason.ENDPOINT_FAILED,
            f"Azure says that the last operation on endpoint {endpoint.id.name} failed. Its connection is approved and "
            f"may be in use, so it is not made anew. {endpoint.problem}".strip(),
        )
    if case.memory.failures < _FAILED_REMADE:
        return _detaching(case, endpoint)
    if case.cache.persistent:
        return _blocked(
            Reason.PERSISTENCE_FIREWALLED,
            "Azure could not make the endpoint; the cache persists its data, and persistence to a storage account "
            f"behind a firewall is a known cause. {endpoint.problem}".strip(),
        )
    said = endpoint.problem or "Azure gives no reason"
    return _blocked(
        Reason.ENDPOINT_FAILED,
        f"Azure could not make endpoint {endpoint.id.name}, three times in a row: {said}.",
    )


def _detaching(case: _Case, endpoint: Endpoint, *, fights: int = 0) -> _Part:
    if _held_back(case):
        return _contested(case)
    deleting = DeleteEndpoint(endpoint.id, Cause.ENDPOINT_UNUSABLE)
    return _Part((deleting,), (_Wait(Step.DETACHING, case.timing.zone_group),), fights=fights)


def _attaching(case: _Case, placement: Placement) -> _Part:
    """Make the endpoint of one placement, unless something stands in the way for good."""
    cache = case.cache
    if case.exempt and cache.closes_on_attach:
        # Azure would close the door that the exemption keeps open.
        return _NOTHING
    if obstacle := _obstacle(cache):
        return _Part(blocks=(obstacle,))
    if placement.dns is DnsMode.ZONES and placement.zone_for(cache) is None and not case.exposed:
        # Azure may close the public way with the endpoint, and no name would lead to the private one.
        return _zone_missing(case, placement)
    if (gone := _zone_gone(case, placement)) and not case.exposed:
        return gone
    cause = Cause.PROTECTION_LOST if case.lost else Cause.NOT_ATTACHED
    creating = CreateEndpoint(placement, name_in(cache.id, placement), cause, first=_flips_first(case))
    if taken := _name_taken(case, creating.endpoint):
        return taken
    again = case.lost or creating.endpoint in case.memory.made
    if again and _held_back(case):
        return _contested(case)
    key = f"endpoint:{placement.name}"
    if _just_begun(case, key):
        return _waiting(Step.ATTACHING, case.timing.endpoint, key)
    zone = _zone_beside(case, placement)
    if not zone.still and cache.closes_on_attach and not (_closed(cache) or case.lost):
        # Azure closes the public way with the endpoint, and a zone takes a minute: names would lead nowhere so long.
        return zone
    wait = _Wait(Step.ATTACHING, case.timing.endpoint)
    contested = _contested(case) if again and case.contested else _NOTHING
    return _Part((creating,), (wait,), fights=int(again), begun=(key,)) + zone + contested


def _flips_first(case: _Case) -> bool:
    """Tell whether Azure will close, with this endpoint, a cache that was never closed before."""
    cache = case.cache
    never = not case.memory.closed_once and not case.lost
    return never and cache.closes_on_attach and not _closed(cache)


def _name_taken(case: _Case, name: NetworkId) -> _Part | None:
    """Keep off an endpoint that has our name and cannot be used: a PUT would change what is not ours to change."""
    there = next((e for e in case.observed.endpoints if e.id == name), None)
    if there and there.readiness is Readiness.DELETING:
        return _waiting(Step.DETACHING, _again(case, "name", case.timing.zone_group), "name")
    if name in case.observed.unreadable:
        message = f"This identity may not read endpoint {name.name} in resource group '{name.group}', so it makes none."
        return _blocked(Reason.PERMISSION_DENIED, message)
    if there is None:
        return None
    return _blocked(
        Reason.ENDPOINT_NAME_TAKEN,
        f"Endpoint {name.name} is there already, and is not one of Drawbridge's for this cache in this subnet "
        "(it made none without its tags).",
    )


def _obstacle(cache: Cache) -> _Block | None:
    if cache.geo_replicated:
        message = "The cache is linked for geo-replication; Azure adds no endpoint to it until it is unlinked."
        return _Block(Reason.GEO_REPLICATED, message)
    if cache.clustered and cache.connections:
        message = "A clustered Premium cache takes one private endpoint, and it has one that is not in this placement."
        return _Block(Reason.CLUSTERED_SINGLE_ENDPOINT, message)
    if len(cache.connections) >= cache.connection_limit:
        message = f"The cache has {len(cache.connections)} connections, as many as Azure allows."
        return _Block(Reason.CONNECTION_LIMIT, message)
    return None


def _held_back(case: _Case) -> bool:
    """Tell whether a fight has to rest; where an endpoint is all that closes a cache, it only slows down."""
    return case.contested and not (case.exposed and _may_close_again(case))


def _contested(case: _Case) -> _Part:
    limit, window = case.safeguards.reattach_limit, case.safeguards.window
    callers = ", ".join(dict.fromkeys(case.memory.callers)) or "unknown callers"
    closed = "; public access stays closed" if case.cache.public_access is PublicAccess.DISABLED else ""
    rest = "Its endpoint is made again only now and then" if case.exposed else "It is not done again"
    message = (
        f"What Drawbridge does was undone more than {limit} times within {window}, by {callers}. "
        f"{rest} until that ends{closed}." + (f" {_EXPOSED}" if case.exposed else "")
    )
    return _blocked(Reason.CONTESTED, message)


# ── DNS ─────────────────────────────────────────────────────────────────────────────────────────


def _dns(case: _Case, placement: Placement, endpoint: Endpoint) -> _Part:
    if _named_in(case, placement):
        # A name leads to one endpoint: two zone groups in one zone take its record from each other for ever.
        return _NOTHING
    right = next((g for g in endpoint.zone_groups or () if _leads_to(g, case.cache, placement)), None)
    if right:
        return _records(case, placement, endpoint, right)
    if placement.dns is DnsMode.EXTERNAL:
        return _awaited(case, placement, endpoint)
    if placement.zone_for(case.cache) is None:
        return _zone_missing(case, placement)
    zone = _zone_beside(case, placement)
    return zone if not zone.still else _zone_group(case, placement, endpoint)


def _named_in(case: _Case, placement: Placement) -> Placement | None:
    """Give the placement whose endpoint has the cache's name already, in the very zone that this one would write to."""
    zone = placement.zone_for(case.cache)
    before = itertools.takewhile(lambda each: each != placement, case.desired.placements)
    sharing = (each for each in before if zone is not None and each.zone_for(case.cache) == zone)
    return next((each for each in sharing if _works_in(case, each)), None)


def _works_in(case: _Case, placement: Placement) -> bool:
    endpoint = _endpoint_in(case, placement)
    ready = endpoint is not None and endpoint.readiness is Readiness.READY
    return endpoint is not None and ready and _status(case, endpoint) is Status.APPROVED


def _zone_gone(case: _Case, placement: Placement) -> _Part | None:
    """Say that a zone that the placement names is not there; None where it is, or where nobody has looked."""
    zone = placement.zone_for(case.cache) if placement.dns is DnsMode.ZONES else None
    seen = next((each for each in case.observed.networks if each.zone == zone), None)
    if zone is None or seen is None or seen.exists:
        return None
    message = f"Placement '{placement.name}' names private DNS zone {zone}, which does not exist."
    return _blocked(Reason.ZONE_MISSING, message)


def _zone_missing(case: _Case, placement: Placement) -> _Part:
    message = f"Placement '{placement.name}' names no zone '{case.cache.zone}', which the cache needs."
    return _blocked(Reason.ZONE_MISSING, message)


def _leads_to(group: ZoneGroup, cache: Cache, placement: Placement) -> bool:
    """Whether a group is for the cache's zone: ours by id, or anybody's by name (a hub's, put there by a policy)."""
    wanted = placement.zone_for(cache)
    ids = {zone.lower() for zone in group.zones.values()}
    return (wanted is not None and str(wanted).lower() in ids) or any(
        zone.rpartition("/")[2] == cache.zone for zone in ids
    )


def _records(case: _Case, placement: Placement, endpoint: Endpoint, group: ZoneGroup) -> _Part:
    key = records_key(endpoint.id)
    if group.readiness is Readiness.BUSY:
        return _waiting(Step.NAMING, _again(case, key, case.timing.zone_group), key)
    written = any(record.addresses for record in group.records) and endpoint.records_present is not False
    if group.readiness is Readiness.READY and written:
        return _NOTHING
    if group.readiness is Readiness.FAILED and case.memory.failures >= _FAILED_REMADE:
        return _blocked(
            Reason.ZONE_GROUP_CONFLICT,
            f"Azure could not write zone group '{group.name}' of endpoint {endpoint.id.name}, three times in a row.",
        )
    since = case.memory.begun.get(key)
    if since and case.now - since > _RECORDS_LATE_AFTER:
        return _blocked(
            Reason.ZONE_GROUP_CONFLICT,
            f"Zone group '{group.name}' of endpoint {endpoint.id.name} was written, and its records did not appear.",
        )
    since = None if group.readiness is Readiness.FAILED else since
    if since or placement.dns is DnsMode.EXTERNAL or (zone := placement.zone_for(case.cache)) is None:
        return _waiting(Step.NAMING, _again(case, key, case.timing.zone_group), key)
    return _putting(case, PutZoneGroup(endpoint.id, group.name, _zone_of(group, zone), Cause.WRONG_ZONE_GROUP))


def _zone_of(group: ZoneGroup, wanted: NetworkId) -> NetworkId:
    """Give the zone that a group leads to: one of a hub, put there by a policy, stays what it is when it is mended."""
    if str(wanted).lower() in {zone.lower() for zone in group.zones.values()}:
        return wanted
    return next(zone_id(zone) for zone in group.zones.values() if zone.rpartition("/")[2] == wanted.name)


def _awaited(case: _Case, placement: Placement, endpoint: Endpoint) -> _Part:
    key = f"external:{placement.name}"
    since = case.memory.begun.get(key)
    if since and case.now - since > _STUCK_AFTER:
        return _blocked(
            Reason.DNS_EXTERNAL_MISSING,
            f"Placement '{placement.name}' says that somebody else makes the zone group of {endpoint.id.name}, "
            "and after an hour there is none.",
            key,
        )
    return _waiting(Step.EXTERNAL_DNS, _again(case, key, case.timing.endpoint), key)


def _zone_group(case: _Case, placement: Placement, endpoint: Endpoint) -> _Part:
    zone = placement.zone_for(case.cache)
    if zone is None:
        return _NOTHING
    groups = endpoint.zone_groups or ()
    key = records_key(endpoint.id)
    if not groups and _just_begun(case, key):
        return _waiting(Step.NAMING, _again(case, key, case.timing.zone_group), key)
    if not groups:
        return _putting(case, PutZoneGroup(endpoint.id, OWN_ZONE_GROUP, zone, Cause.NO_ZONE_GROUP))
    if endpoint.made_by_drawbridge(case.cache.id):
        return _putting(case, PutZoneGroup(endpoint.id, groups[0].name, zone, Cause.WRONG_ZONE_GROUP))
    return _blocked(
        Reason.ZONE_GROUP_CONFLICT,
        f"Endpoint {endpoint.id.name} was not made by Drawbridge, and its zone group '{groups[0].name}' does not lead "
        f"to '{case.cache.zone}'; an endpoint takes one zone group only.",
    )


def _putting(case: _Case, action: PutZoneGroup) -> _Part:
    key = records_key(action.endpoint)
    since = case.memory.begun.get(key)
    if since and case.now - since > _RECORDS_LATE_AFTER:
        return _blocked(
            Reason.ZONE_GROUP_CONFLICT,
            f"Zone group '{action.group_name}' of endpoint {action.endpoint.name} was written since "
            f"{since:%Y-%m-%d %H:%M} UTC, and does not stay.",
        )
    return _Part((action,), (_Wait(Step.NAMING, _again(case, key, case.timing.zone_group)),), begun=(key,))


def _zone_beside(case: _Case, placement: Placement) -> _Part:
    """For a placement that makes its own zone: the zone first, then its link to the network."""
    if placement.dns is not DnsMode.CREATE:
        return _NOTHING
    zone = placement.zone_for(case.cache)
    seen = next((each for each in case.observed.networks if each.zone == zone), None)
    if zone is None or seen is None or (seen.exists and seen.linked):
        return _NOTHING
    key = f"{'link' if seen.exists else 'zone'}:{zone.name}"
    wait = _Wait(Step.ZONING, _again(case, key, case.timing.cache))
    waited = case.now - case.memory.begun.get(key, case.now)
    if waited > _STUCK_AFTER:
        missing = "is not linked to the placement's network" if seen.exists else "is not there"
        return _blocked(Reason.ZONE_MISSING, f"Private DNS zone {zone.name} {missing}, {waited} after it was begun.")
    if key in case.memory.begun and waited < _RECORDS_LATE_AFTER:
        return _Part((), (wait,), begun=(key,))
    action = LinkZone(zone, placement.subnet.network) if seen.exists else CreateZone(zone)
    return _Part((action,), (wait,), begun=(key,))


# ── public access ───────────────────────────────────────────────────────────────────────────────


def _public_access(case: _Case, private_way: _Part) -> _Part:
    """Close the public door, once traffic has a private way in, or at once where it had been closed before."""
    if not case.desired.close or case.cache.public_access is PublicAccess.DISABLED or case.exempt:
        return _NOTHING
    if case.cache.public_access is PublicAccess.ABSENT:
        return _exposed(case, private_way)
    if case.cache.vnet_injected:
        message = "The cache is inside a virtual network, where public access cannot be switched."
        return _blocked(Reason.VNET_INJECTED, message) if not private_way.blocks else _NOTHING
    if case.lost:
        return _NOTHING
    if not case.cache.approved():
        return _no_private_way(case)
    # Where the policy says open, it is Drawbridge that opened it, and not somebody to be undone at once.
    undone = case.memory.closed_once and case.desired.last_endpoint is not LastEndpoint.OPEN
    return _closing(case) if private_way.still or undone else _NOTHING


def _exposed(case: _Case, private_way: _Part) -> _Part:
    """Say that nothing will close a cache without a flag: it has no endpoint, and none is on its way."""
    on_its_way = private_way.actions or private_way.waits
    return _NOTHING if on_its_way or case.cache.approved() else _blocked(Reason.EXPOSED, _EXPOSED)


def _no_private_way(case: _Case) -> _Part:
    if case.desired.enrolled:
        return _NOTHING
    if case.memory.closed_once:
        return _closing(case)
    message = "Public access must be Disabled here, but the cache has no private endpoint: closing it would cut it off."
    return _blocked(Reason.NO_PRIVATE_WAY, message)


def _closing(case: _Case) -> _Part:
    first = not case.memory.closed_once and not case.lost
    closing = SetPublicAccess(PublicAccess.DISABLED, Cause.PUBLIC_OPEN, first=first)
    # Nothing is done after it, so that nobody waits for a look that comes later than it has to.
    wait = _Wait(Step.CLOSING, case.timing.cache * _CLOSED_AFTER)
    part = _Part((closing,), (wait,), fights=0 if first else 1, begun=("close",))
    if first or not case.contested:
        return part
    return (part if _may_close_again(case) else _NOTHING) + _contested(case)


def _may_close_again(case: _Case) -> bool:
    """Close once more when a fight is declared, and afterwards at most ``reattachLimit`` times a window."""
    fights = case.fights()
    pause = case.safeguards.window / case.safeguards.reattach_limit
    return len(fights) == case.safeguards.reattach_limit or case.now - fights[-1] >= pause


# ── the sum ─────────────────────────────────────────────────────────────────────────────────────


def _concluded(case: _Case, part: _Part, settled: bool = False) -> Plan:  # noqa: FBT001, FBT002 - a plain fact
    memory = _remembered(case, part, settled=settled)
    return Plan(_verdict(case, part), part.actions, memory, noticed=case.memory, settled=settled)


def memory_after(decided: Plan, done: Collection[Action]) -> Memory:
    """Give the memory where only some of the actions were carried out: what was not done is decided anew."""
    if len(done) == len(decided.actions):
        return decided.memory
    made = tuple(action.endpoint for action in done if isinstance(action, CreateEndpoint))
    deleted = {action.endpoint for action in done if isinstance(action, DeleteEndpoint)}
    noticed = decided.noticed
    closed = any(isinstance(a, SetPublicAccess) and a.cause is Cause.PROTECTION_LOST for a in done)
    return replace(
        noticed,
        made=tuple(e for e in dict.fromkeys((*noticed.made, *made)) if e not in deleted),
        reasserted=noticed.reasserted or closed,
        failures=decided.memory.failures if deleted else noticed.failures,
        fights=decided.memory.fights if done else noticed.fights,
        callers=decided.memory.callers if done else noticed.callers,
    )


def _verdict(case: _Case, part: _Part) -> Verdict:
    contested = next((block for block in part.blocks if block.reason is Reason.CONTESTED), None)
    if contested:
        pause = case.safeguards.window / case.safeguards.reattach_limit
        soon = urgent_look(case.memory, case.now, case.timing) if case.exposed and part.waits else pause
        return Verdict(VerdictKind.BLOCKED, contested.reason, contested.message, look_after=min(pause, soon))
    if case.exposed:
        return _exposure(case, part)
    if part.waits:
        first = part.waits[0]
        soonest = min(wait.look_after for wait in part.waits)
        message = _with_notes(" ".join(block.message for block in part.blocks), case.desired)
        return Verdict(VerdictKind.CONVERGING, message=message, step=first.step, look_after=soonest)
    if part.blocks:
        message = _with_notes(" ".join(block.message for block in part.blocks), case.desired)
        return Verdict(VerdictKind.BLOCKED, part.blocks[0].reason, message)
    return _at_rest(case)


def _exposure(case: _Case, part: _Part) -> Verdict:
    """Say Exposed as long as it lasts, whatever is being done about it or stands in its way."""
    said = dict.fromkeys((_EXPOSED, *(block.message for block in part.blocks)))
    return Verdict(
        VerdictKind.BLOCKED,
        Reason.EXPOSED,
        _with_notes(" ".join(said), case.desired),
        step=part.waits[0].step if part.waits else None,
        look_after=urgent_look(case.memory, case.now, case.timing) if part.waits else None,
    )


def urgent_look(memory: Memory, now: datetime, timing: Timing) -> timedelta:
    """Look again as soon as at anything: whoever is waited for, the cache is open to everybody meanwhile."""
    return _paused(memory.lost_at or now, now, timing.zone_group)


def _at_rest(case: _Case) -> Verdict:
    exemption = case.desired.exemption
    if case.exempt and exemption:
        next_change = exemption.ends if case.memory.reminded else exemption.remind_at
        ask = f" (ask {exemption.owner})" if exemption.owner else ""
        reason = exemption.reason or "no reason given"
        message = _with_notes(f"Public access is tolerated: {reason}{ask}.", case.desired)
        return Verdict(VerdictKind.EXEMPT, message=message, until=exemption.ends, look_after=next_change - case.now)
    return Verdict(VerdictKind.COMPLIANT, message=_with_notes(_comment(case), case.desired))


def _comment(case: _Case) -> str:
    if case.lost and case.desired.last_endpoint is LastEndpoint.OPEN:
        return "Its last endpoint is gone, and the policy's lastEndpoint is 'open': it stays reachable in public."
    if names := ", ".join(endpoint.name for endpoint in _approved_unreadable(case)):
        return f"Endpoint {names} counts as protection, though this identity may not read it."
    shared = [(each.name, named.name) for each in case.desired.placements if (named := _named_in(case, each))]
    said = (
        f"Placement '{one}' has the same zone as '{other}', whose endpoint the name leads to." for one, other in shared
    )
    return " ".join(said)


def _with_notes(message: str, desired: Desired) -> str:
    return " ".join(filter(None, (message, *desired.notes)))


def _remembered(case: _Case, part: _Part, *, settled: bool) -> Memory:
    memory = case.memory
    made = tuple(a.endpoint for a in part.actions if isinstance(a, CreateEndpoint))
    deleted = {a.endpoint for a in part.actions if isinstance(a, DeleteEndpoint)}
    closed = any(isinstance(a, SetPublicAccess) and a.cause is Cause.PROTECTION_LOST for a in part.actions)
    fights = case.fights() + (case.now,) * part.fights
    callers = (*memory.callers, case.observed.caller) if part.fights and case.observed.caller else memory.callers
    return replace(
        memory,
        made=tuple(e for e in dict.fromkeys((*memory.made, *made)) if e not in deleted),
        reasserted=memory.reasserted or closed,
        fights=fights,
        callers=callers[-10:] if fights else (),
        begun={key: memory.begun.get(key, case.now) for key in part.begun},
        failures=0 if settled else memory.failures + _failures(case, part),
    )


def _failures(case: _Case, part: _Part) -> int:
    """Count what is made anew because Azure has failed to make it."""
    failed = {e.id for e in case.observed.endpoints if e.readiness is Readiness.FAILED}
    groups = {
        (endpoint.id, group.name)
        for endpoint in case.observed.endpoints
        for group in endpoint.zone_groups or ()
        if group.readiness is Readiness.FAILED
    }
    return sum(
        (isinstance(action, DeleteEndpoint) and action.endpoint in failed)
        or (isinstance(action, PutZoneGroup) and (action.endpoint, action.group_name) in groups)
        for action in part.actions
    )


def _again(case: _Case, key: str, base: timedelta) -> timedelta:
    """Look again after half of the time waited so far: soon at first, then less and less often."""
    return _paused(case.memory.begun.get(key, case.now), case.now, base)


def _paused(since: datetime, now: datetime, base: timedelta) -> timedelta:
    return min(max(base, (now - since) / 2), base * _SLOWEST_LOOK)


def _just_begun(case: _Case, key: str) -> bool:
    """Tell whether a step was begun so lately that a read may not show it yet."""
    since = case.memory.begun.get(key)
    return since is not None and case.now - since < case.timing.settle


def _carried(case: _Case, *keys: str) -> tuple[str, ...]:
    return tuple(key for key in keys if key in case.memory.begun)


# ── a cache that is to be made ──────────────────────────────────────────────────────────────────


def _absent(observed: Observed, desired: Desired, now: datetime) -> Plan:
    """Make a cache that is asked for and not there, once there is a place for its endpoint.

    Without one it would be made for nobody: closed from the start, it is reached through endpoints alone.
    """
    if desired.creation is None:
        raise ValueError("only a cache that was asked for is made")
    settings = desired.creation.settings
    case = _Case(expected(observed.id, settings), observed, desired, now)
    unplaced = _unplaced(case)
    if not unplaced.still:
        return _concluded(case, unplaced)
    wait = _Wait(Step.CREATING, _again(case, _CREATION, case.timing.cache))
    if _just_begun(case, _CREATION):
        return _concluded(case, _Part(waits=(wait,), begun=(_CREATION,)))
    creating = CreateCache(observed.id, settings)
    return _concluded(case, _Part((creating,), (wait,), begun=(_CREATION,)))


def _database(case: _Case) -> _Part:
    """Give a cluster that Drawbridge has made the one database without which nothing can be kept in it."""
    creation = case.desired.creation
    if creation is None or creation.fulfilled or case.cache.id.type is not CacheType.ENTERPRISE:
        return _NOTHING
    wait = _Wait(Step.CREATING_DATABASE, _again(case, _DATABASE, case.timing.cache))
    match case.observed.database:
        case Readiness.READY:
            return _NOTHING
        case Readiness.FAILED | Readiness.DISABLED:
            return _blocked(Reason.DATABASE_FAILED, "Azure says that the database of the cluster could not be made.")
        case None if not _just_begun(case, _DATABASE):
            creating = CreateDatabase(case.cache.id, creation.settings)
            return _Part((creating,), (wait,), begun=(_DATABASE,))
        case _:
            return _Part(waits=(wait,), begun=(_DATABASE,))


# ── a cache that is gone ────────────────────────────────────────────────────────────────────────


def _timing_of(desired: Desired) -> Timing:
    if desired.timing is None:
        raise ValueError("a desired state in scope has its policy's timing")
    return desired.timing


def _gone(observed: Observed, desired: Desired, now: datetime) -> Plan:
    """Delete what Drawbridge made for it, once Azure itself shows that nothing is behind it any more."""
    gone = Verdict(VerdictKind.OUT_OF_SCOPE, message="There is no such cache.")
    ours = [e for e in observed.endpoints if e.made_by_drawbridge(observed.id)]
    leaving = {Readiness.DELETING, Readiness.BUSY}
    dead = [e for e in ours if e.status is Status.DISCONNECTED and e.readiness not in leaving]
    since = observed.memory.begun.get(_ORPHANED, now)
    if not dead and (not ours or now - since > _STUCK_AFTER):
        return Plan(gone, memory=observed.memory, noticed=observed.memory)
    memory = replace(observed.memory, begun={_ORPHANED: since})
    pause = _paused(since, now, _timing_of(desired).cache)
    verdict = Verdict(VerdictKind.CONVERGING, step=Step.DETACHING, look_after=pause)
    doomed = tuple(DeleteEndpoint(e.id, Cause.CACHE_GONE) for e in dead)
    return Plan(verdict, doomed, memory, noticed=memory)


# ── audit ───────────────────────────────────────────────────────────────────────────────────────


def _bound_by_mode(decided: Plan, noticed: Memory, desired: Desired) -> Plan:
    """In audit mode, say what would be done instead of doing it."""
    if desired.mode is Mode.ENFORCE or not decided.actions:
        return decided
    would = "; ".join(in_words(action) for action in decided.actions)
    message = _with_notes(f"In enforce mode, Drawbridge would now {would}.", desired)
    audited = Verdict(VerdictKind.AUDIT_ONLY, message=message)
    return replace(decided, verdict=audited, actions=(), memory=noticed, noticed=noticed, settled=False)


def in_words(action: Action) -> str:  # noqa: C901 - one line for each action
    """Say what an action does, as the end of a sentence that begins with "Drawbridge would now"."""
    match action:
        case CreateEndpoint():
            return f"make endpoint {action.name} in placement '{action.placement.name}', as {action.cause.value}"
        case DeleteEndpoint():
            return f"delete endpoint {action.endpoint.name}, as {action.cause.value}"
        case PutZoneGroup():
            return f"write zone group '{action.group_name}' of endpoint {action.endpoint.name}, as {action.cause.value}"
        case CreateZone():
            return f"make private DNS zone {action.zone.name}, as {action.cause.value}"
        case LinkZone():
            return f"link {action.zone.name} to network {action.network.name}, as {action.cause.value}"
        case CreateCache():
            asked = action.settings
            made = f"{asked.kind.value} cache {action.cache.name} ({asked.sku}, {asked.region}) without public access"
            return f"make {made}, as {action.cause.value}"
        case SetConnection():
            way = "approve" if action.status is Status.APPROVED else "reject"
            return f"{way} connection {action.connection}, as {action.cause.value}"
        case DeleteConnection():
            return f"remove connection {action.connection}, as {action.cause.value}"
        case CreateDatabase():
            return f"make the database of {action.cache.name}, as {action.cause.value}"
        case SetPublicAccess():
            return f"set public network access to {action.access.value}, as {action.cause.value}"
        case other:
            assert_never(other)
