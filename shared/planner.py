"""Decide the next steps for one cache. Pure: ``plan`` sees only its arguments.

The rules, in the order in which they are asked: what is out of scope or asked for nothing is left alone; a
cache that is not ready is waited for; lost protection closes first; an endpoint in every placement, then
its DNS, then public access. Each part answers a ``_Part``: what to do, what to wait for, what stands in
the way; the verdict is read off the sum.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, assert_never

from shared.model import (
    Action,
    Cause,
    CreateEndpoint,
    CreateZone,
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
    SetPublicAccess,
    Status,
    Step,
    Verdict,
    VerdictKind,
    ZoneGroup,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from shared.ids import CacheId, NetworkId
    from shared.model import Cache, Desired, Safeguards, Timing

_FAILED_ENDPOINTS_REMADE = 2
_STUCK_AFTER = timedelta(hours=1)
_RECORDS_LATE_AFTER = timedelta(minutes=10)
_SLOWEST_LOOK = 10
_NAME_KEPT = 50
OWN_ZONE_GROUP = "default"


def plan(observed: Observed, desired: Desired, now: datetime) -> Plan:
    """Choose what to do about one cache and what to say of it.

    The memory in the answer assumes that every action succeeds; in audit mode there are no actions.
    """
    if not desired.in_scope:
        return Plan(Verdict(VerdictKind.OUT_OF_SCOPE), memory=observed.memory, noticed=observed.memory)
    if observed.cache is None:
        return _bound_by_mode(_gone(observed), observed.memory, desired)
    noticed = replace(observed, memory=_noticed(observed.cache, observed.memory, now))
    return _bound_by_mode(_present(_Case(observed.cache, noticed, desired, now)), noticed.memory, desired)


def endpoint_name(cache: CacheId, placement: str) -> str:
    """Name the endpoint that Drawbridge makes: always the same, so that a repeat is harmless.

    At most 62 characters, where Azure allows 64.
    """
    digest = hashlib.sha256(f"{cache}|{placement}".lower().encode()).hexdigest()[:8]
    return f"pe-{cache.name[:_NAME_KEPT].rstrip('-')}-{digest}"


def fingerprint(cache: Cache, desired: Desired) -> str:
    """Sum up what a full look's findings depend on; while it is unchanged, a quick look believes them."""
    connections = sorted((c.name, str(c.endpoint), c.status.value) for c in cache.connections)
    wishes = (
        desired.digest,
        desired.enrolled,
        [str(p) for p in desired.placements],
        desired.unknown_placements,
    )
    return hashlib.sha256(repr((connections, cache.zone, wishes)).encode()).hexdigest()[:16]


def wants_endpoints_read(desired: Desired) -> bool:
    """Tell whether a decision about this cache depends on its endpoints at all."""
    return desired.in_scope and desired.enrolled


# ── memory ──────────────────────────────────────────────────────────────────────────────────────


def _noticed(cache: Cache, memory: Memory, now: datetime) -> Memory:
    """Bring the memory up to what is seen now, before anything is done about it."""
    closed = memory.closed_once or cache.public_access is PublicAccess.DISABLED
    if cache.approved():
        return replace(memory, protected=True, lost_at=None, reasserted=False, closed_once=closed)
    if memory.protected:
        return replace(memory, protected=False, lost_at=now, reasserted=False, closed_once=closed)
    return replace(memory, closed_once=closed)


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
        if self.desired.timing is None:
            raise ValueError("a desired state in scope has its policy's timing")
        return self.desired.timing

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
    def asked_since_loss(self) -> bool:
        """A caller of the API has asked for an endpoint after the loss: that overrides a lockdown."""
        lost, asked = self.memory.lost_at, self.desired.requested_at
        return lost is not None and asked is not None and asked > lost

    def fights(self) -> tuple[datetime, ...]:
        """Give the re-attachments and re-closings within the window."""
        since = self.now - self.safeguards.window
        return tuple(when for when in self.memory.fights if when > since)

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


def _blocked(reason: Reason, message: str) -> _Part:
    return _Part(blocks=(_Block(reason, message),))


def _waiting(step: Step, look_after: timedelta, *begun: str) -> _Part:
    return _Part(waits=(_Wait(step, look_after),), begun=begun)


# ── a cache that is there ───────────────────────────────────────────────────────────────────────


def _present(case: _Case) -> Plan:
    wanted = case.desired
    if wanted.ignored:
        return _left_alone(case, "It is tagged to be left alone, and the policy allows that.")
    if not wanted.enrolled and not wanted.close:
        return _left_alone(case, "Nothing is asked of it.")
    unready = _unready(case)
    if not unready.still:
        return _concluded(case, unready)
    return _concluded(case, *_ready(case))


def _left_alone(case: _Case, message: str) -> Plan:
    verdict = Verdict(VerdictKind.COMPLIANT, message=_with_notes(message, case.desired))
    return Plan(verdict, memory=case.memory, noticed=case.memory)


def _unready(case: _Case) -> _Part:
    match case.cache.readiness:
        case Readiness.READY:
            return _NOTHING
        case Readiness.BUSY:
            step = Step.CLOSING if "close" in case.memory.begun else Step.CACHE_BUSY
            return _waiting(step, _again(case, "busy", case.timing.cache), "busy", *_carried(case, "close"))
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


def _ready(case: _Case) -> tuple[_Part, bool]:
    """Ask the rules in order; also tell whether endpoints and DNS are settled."""
    if case.lost and not case.asked_since_loss:
        match case.desired.last_endpoint:
            case LastEndpoint.OPEN:
                return _opened(case), False
            case LastEndpoint.LOCKDOWN:
                return _closed_after_loss(case) + _locked_down(case), False
            case LastEndpoint.REATTACH:
                pass
    first = _closed_after_loss(case)
    if first.waits:
        return first, False
    attached = _private_way(case)
    settled = attached.still and case.desired.enrolled and bool(case.cache.approved())
    return first + attached + _public_access(case, attached), settled


def _opened(case: _Case) -> _Part:
    if case.cache.public_access is not PublicAccess.DISABLED:
        return _NOTHING
    opening = SetPublicAccess(PublicAccess.ENABLED, Cause.POLICY_OPENS)
    return _Part((opening,), (_Wait(Step.OPENING, case.timing.cache),))


def _closed_after_loss(case: _Case) -> _Part:
    """Close at once, and explicitly: what Azure leaves behind after a loss is not documented for every kind."""
    if not case.lost or case.memory.reasserted or case.exempt or case.cache.vnet_injected:
        return _NOTHING
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
    message = "Its last endpoint is gone and the policy's lastEndpoint is 'lockdown': it stays closed until asked for."
    return _reclosed(case) + _blocked(Reason.LOCKED_DOWN, message)


def _reclosed(case: _Case) -> _Part:
    """Close what was opened again after the loss had been dealt with."""
    if case.memory.reasserted and case.cache.public_access is PublicAccess.ENABLED and not case.exempt:
        return _closing(case)
    return _NOTHING


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
    if not unplaced.still:
        return unplaced
    parts, missing = _slots(case)
    part = sum(parts, _NOTHING)
    if missing:
        # One at a time: Azure refuses a change to a cache while another is in progress.
        part += _attaching(case, missing[0]) if not part.waits else _NOTHING
    return part


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
        if endpoint:
            parts.append(_endpoint_part(case, placement, endpoint))
        elif unread:
            # Its subnet cannot be read, but its approved connection is protection all the same.
            unread -= 1
        else:
            missing.append(placement)
    return parts, missing


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
            return _waiting(Step.DETACHING, case.timing.zone_group)
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
        case Status.REJECTED | Status.DISCONNECTED:
            return _detaching(case, endpoint)
        case other:
            assert_never(other)


def _failed(case: _Case, endpoint: Endpoint) -> _Part:
    if case.memory.failures < _FAILED_ENDPOINTS_REMADE:
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


def _detaching(case: _Case, endpoint: Endpoint) -> _Part:
    if case.contested:
        return _contested(case)
    deleting = DeleteEndpoint(endpoint.id, Cause.ENDPOINT_UNUSABLE)
    return _Part((deleting,), (_Wait(Step.DETACHING, case.timing.zone_group),))


def _attaching(case: _Case, placement: Placement) -> _Part:
    """Make the endpoint of one placement, unless something stands in the way for good."""
    cache = case.cache
    if case.exempt and cache.closes_on_attach:
        # Azure would close the door that the exemption keeps open.
        return _NOTHING
    if obstacle := _obstacle(cache):
        return _Part(blocks=(obstacle,))
    if case.lost and case.contested:
        return _contested(case)
    first = cache.closes_on_attach and not case.memory.closed_once and cache.public_access is PublicAccess.ENABLED
    cause = Cause.PROTECTION_LOST if case.lost else Cause.NOT_ATTACHED
    creating = CreateEndpoint(placement, endpoint_name(cache.id, placement.name), cause, first=first)
    begun = _Part(
        (creating,),
        (_Wait(Step.ATTACHING, case.timing.endpoint),),
        fights=1 if case.lost else 0,
        begun=(f"endpoint:{placement.name}",),
    )
    return begun + _zone_beside(case, placement)


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


def _contested(case: _Case) -> _Part:
    limit, window = case.safeguards.reattach_limit, case.safeguards.window
    callers = ", ".join(dict.fromkeys(case.memory.callers)) or "unknown callers"
    message = (
        f"What Drawbridge does was undone more than {limit} times within {window}, by {callers}. "
        "It is not done again until that ends; public access stays closed."
    )
    return _blocked(Reason.CONTESTED, message)


# ── DNS ─────────────────────────────────────────────────────────────────────────────────────────


def _dns(case: _Case, placement: Placement, endpoint: Endpoint) -> _Part:
    right = next((g for g in endpoint.zone_groups or () if _leads_to(g, case.cache, placement)), None)
    if right:
        return _records(case, placement, endpoint, right)
    if placement.dns is DnsMode.EXTERNAL:
        return _awaited(case, placement, endpoint)
    if placement.zone_for(case.cache) is None:
        return _blocked(
            Reason.ZONE_MISSING,
            f"Placement '{placement.name}' names no zone '{case.cache.zone}', which the cache needs.",
        )
    zone = _zone_beside(case, placement)
    return zone if not zone.still else _zone_group(case, placement, endpoint)


def _leads_to(group: ZoneGroup, cache: Cache, placement: Placement) -> bool:
    """Whether a group is for the cache's zone: ours by id, or anybody's by name (a hub's, put there by a policy)."""
    wanted = placement.zone_for(cache)
    ids = {zone.lower() for zone in group.zones.values()}
    return (wanted is not None and str(wanted).lower() in ids) or any(
        zone.rpartition("/")[2] == cache.zone for zone in ids
    )


def _records(case: _Case, placement: Placement, endpoint: Endpoint, group: ZoneGroup) -> _Part:
    key = f"records:{endpoint.id.name}"
    if group.readiness is Readiness.BUSY:
        return _waiting(Step.NAMING, _again(case, key, case.timing.zone_group), key)
    written = any(record.addresses for record in group.records) and endpoint.records_present is not False
    if group.readiness is Readiness.READY and written:
        return _NOTHING
    since = case.memory.begun.get(key)
    if since and case.now - since > _RECORDS_LATE_AFTER:
        return _blocked(
            Reason.ZONE_GROUP_CONFLICT,
            f"Zone group '{group.name}' of endpoint {endpoint.id.name} was written, and its records did not appear.",
        )
    if since or placement.dns is DnsMode.EXTERNAL or (zone := placement.zone_for(case.cache)) is None:
        return _waiting(Step.NAMING, _again(case, key, case.timing.zone_group), key)
    return _putting(case, PutZoneGroup(endpoint.id, group.name, zone, Cause.WRONG_ZONE_GROUP))


def _awaited(case: _Case, placement: Placement, endpoint: Endpoint) -> _Part:
    key = f"external:{placement.name}"
    since = case.memory.begun.get(key)
    if since and case.now - since > _STUCK_AFTER:
        return _blocked(
            Reason.DNS_EXTERNAL_MISSING,
            f"Placement '{placement.name}' says that somebody else makes the zone group of {endpoint.id.name}, "
            "and after an hour there is none.",
        )
    return _waiting(Step.EXTERNAL_DNS, _again(case, key, case.timing.endpoint), key)


def _zone_group(case: _Case, placement: Placement, endpoint: Endpoint) -> _Part:
    zone = placement.zone_for(case.cache)
    if zone is None:
        return _NOTHING
    groups = endpoint.zone_groups or ()
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
    wait = _Wait(Step.NAMING, case.timing.zone_group)
    return _Part((action,), (wait,), begun=(f"records:{action.endpoint.name}",))


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
    if key in case.memory.begun and case.now - case.memory.begun[key] < _RECORDS_LATE_AFTER:
        return _Part((), (wait,), begun=(key,))
    action = LinkZone(zone, placement.subnet.network) if seen.exists else CreateZone(zone)
    return _Part((action,), (wait,), begun=(key,))


# ── public access ───────────────────────────────────────────────────────────────────────────────


def _public_access(case: _Case, private_way: _Part) -> _Part:
    """Close the public door, once traffic has a private way in, or at once where it had been closed before."""
    if not case.desired.close or case.cache.public_access is not PublicAccess.ENABLED or case.exempt:
        return _NOTHING
    if case.cache.vnet_injected:
        message = "The cache is inside a virtual network, where public access cannot be switched."
        return _blocked(Reason.VNET_INJECTED, message) if not private_way.blocks else _NOTHING
    if case.lost:
        return _reclosed(case)
    if not case.cache.approved():
        return _no_private_way(case)
    if private_way.still or case.memory.closed_once:
        return _closing(case)
    return _NOTHING


def _no_private_way(case: _Case) -> _Part:
    if case.desired.enrolled:
        return _NOTHING
    message = "Public access must be Disabled here, but the cache has no private endpoint: closing it would cut it off."
    return _blocked(Reason.NO_PRIVATE_WAY, message)


def _closing(case: _Case) -> _Part:
    first = not case.memory.closed_once
    closing = SetPublicAccess(PublicAccess.DISABLED, Cause.PUBLIC_OPEN, first=first)
    part = _Part((closing,), (_Wait(Step.CLOSING, case.timing.cache),), fights=0 if first else 1, begun=("close",))
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
        fights=decided.memory.fights if done else noticed.fights,
        callers=decided.memory.callers if done else noticed.callers,
    )


def _verdict(case: _Case, part: _Part) -> Verdict:
    contested = next((block for block in part.blocks if block.reason is Reason.CONTESTED), None)
    if contested:
        pause = case.safeguards.window / case.safeguards.reattach_limit
        return Verdict(VerdictKind.BLOCKED, contested.reason, contested.message, look_after=pause)
    if part.waits:
        first = part.waits[0]
        soonest = min(wait.look_after for wait in part.waits)
        message = _with_notes(" ".join(block.message for block in part.blocks), case.desired)
        return Verdict(VerdictKind.CONVERGING, message=message, step=first.step, look_after=soonest)
    if part.blocks:
        message = _with_notes(" ".join(block.message for block in part.blocks), case.desired)
        return Verdict(VerdictKind.BLOCKED, part.blocks[0].reason, message)
    return _at_rest(case)


def _at_rest(case: _Case) -> Verdict:
    exemption = case.desired.exemption
    if case.exempt and exemption:
        left = max(exemption.ends - case.now, timedelta())
        message = _with_notes(f"Public access is tolerated: {exemption.reason or 'no reason given'}.", case.desired)
        return Verdict(VerdictKind.EXEMPT, message=message, until=exemption.ends, look_after=left)
    return Verdict(VerdictKind.COMPLIANT, message=_with_notes(_comment(case), case.desired))


def _comment(case: _Case) -> str:
    if case.lost and case.desired.last_endpoint is LastEndpoint.OPEN:
        return "Its last endpoint is gone, and the policy's lastEndpoint is 'open': it stays reachable in public."
    if names := ", ".join(endpoint.name for endpoint in _approved_unreadable(case)):
        return f"Endpoint {names} counts as protection, though this identity may not read it."
    return ""


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
    failed = {e.id for e in case.observed.endpoints if e.readiness is Readiness.FAILED}
    return sum(isinstance(action, DeleteEndpoint) and action.endpoint in failed for action in part.actions)


def _again(case: _Case, key: str, base: timedelta) -> timedelta:
    """Look again after half of the time waited so far: soon at first, then less and less often."""
    since = case.memory.begun.get(key)
    if since is None:
        return base
    return min(max(base, (case.now - since) / 2), base * _SLOWEST_LOOK)


def _carried(case: _Case, *keys: str) -> tuple[str, ...]:
    return tuple(key for key in keys if key in case.memory.begun)


# ── a cache that is gone ────────────────────────────────────────────────────────────────────────


def _gone(observed: Observed) -> Plan:
    """Delete what Drawbridge made for it, once Azure itself shows that nothing is behind it any more."""
    ours = [e for e in observed.endpoints if e.made_by_drawbridge(observed.id) and e.status is Status.DISCONNECTED]
    gone = Verdict(VerdictKind.OUT_OF_SCOPE, message="There is no such cache.")
    leaving = [e for e in ours if e.readiness in {Readiness.DELETING, Readiness.BUSY}]
    doomed = tuple(DeleteEndpoint(e.id, Cause.CACHE_GONE) for e in ours if e not in leaving)
    if not doomed and not leaving:
        return Plan(gone, memory=observed.memory, noticed=observed.memory)
    verdict = Verdict(VerdictKind.CONVERGING, step=Step.DETACHING, look_after=timedelta(seconds=30))
    return Plan(verdict, doomed, observed.memory, noticed=observed.memory)


# ── audit ───────────────────────────────────────────────────────────────────────────────────────


def _bound_by_mode(decided: Plan, noticed: Memory, desired: Desired) -> Plan:
    """In audit mode, say what would be done instead of doing it."""
    if desired.mode is Mode.ENFORCE or not decided.actions:
        return decided
    would = "; ".join(in_words(action) for action in decided.actions)
    message = _with_notes(f"In enforce mode, Drawbridge would now {would}.", desired)
    return Plan(Verdict(VerdictKind.AUDIT_ONLY, message=message), (), noticed, noticed=noticed)


def in_words(action: Action) -> str:
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
        case SetPublicAccess():
            return f"set public network access to {action.access.value}, as {action.cause.value}"
        case other:
            assert_never(other)
