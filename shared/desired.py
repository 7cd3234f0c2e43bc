"""What is desired of one cache: the policy, its tags and the API's requests, joined in that order of trust. Pure.

A tag or a request can ask only for what the policy allows; what is asked and not granted is said in
``Desired.notes``.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from shared.ids import endpoint_id
from shared.model import Decision, Desired, Exemption, PublicAccess, Status, Subject, Withdrawal
from shared.planner import endpoint_name
from shared.policy import Close, Enrol, OptOut, fold
from shared.wishes import (
    ACCESS,
    CONNECTED,
    DESCRIPTION,
    OWNER,
    REASON,
    SETTLED,
    STATUS,
    UNTIL,
    free_endpoint,
    free_placement,
    last_allowed,
    options_of,
)

if TYPE_CHECKING:
    from shared.ids import CacheId
    from shared.model import Cache, Creation, Placement
    from shared.policy import Policy, Request, RuleSpec

PRIVATE = "private"
IGNORE = "ignore"


def desired(
    policy: Policy,
    cache: Cache,
    requests: tuple[Request, ...],
    now: datetime,
    found: frozenset[str] = frozenset(),
) -> Desired:
    """Say what is asked of a cache.

    ``now`` is only held against the end of an exemption; ``found`` are the subscriptions that the last sweep
    found to be in scope.
    """
    if not policy.scope.admits_group(cache.id.group_id, found):
        return Desired(in_scope=False, digest=policy.digest)
    rule = policy.rule_for(cache)
    wanted = Desired(
        in_scope=True,
        mode=policy.spec.mode,
        safeguards=policy.safeguards,
        timing=policy.timing,
        digest=policy.digest,
    )
    if rule is None:
        heard = max((request.at for request in requests), default=None)
        return replace(wanted, heard_at=heard, notes=("No rule of the policy matches this cache.",))
    return _asked(policy, rule, _Asked(_Tags.of(policy, cache), requests, found), wanted, cache, now)


def with_creation(wanted: Desired, creation: Creation | None) -> Desired:
    """Add the wish for the cache itself; to ask for it is to ask for its endpoints."""
    if creation is None or not wanted.in_scope:
        return wanted
    asked = max(filter(None, (wanted.requested_at, creation.at)))
    heard = max(filter(None, (wanted.heard_at, creation.at)))
    return replace(wanted, creation=creation, requested_at=asked, heard_at=heard)


class _Tags:
    """The tags that mean something here, by role."""

    def __init__(self, enrol: str, placement: str, until: str, reason: str) -> None:
        self.enrol, self.placement, self.until, self.reason = enrol, placement, until, reason

    @classmethod
    def of(cls, policy: Policy, cache: Cache) -> _Tags:
        names, tags = policy.spec.tags, fold(cache.tags)
        roles = (names.enrol, names.placement, names.exempt_until, names.exempt_reason)
        return cls(*(tags.get(name.lower(), "").strip() for name in roles))


class _Asked:
    """What tags and callers ask for."""

    def __init__(self, tags: _Tags, requests: tuple[Request, ...], found: frozenset[str]) -> None:
        self.tags, self.requests, self.found = tags, requests, found
        endpoints = [each for each in requests if each.subject is Subject.ENDPOINT]
        self.endpoints = tuple(each for each in endpoints if not each.withdrawn)
        self.withdrawn = tuple(each for each in endpoints if each.withdrawn)
        self.exemption = self._of(Subject.EXEMPTION)
        self.decisions = tuple(_decision(each) for each in requests if _is_decision(each))
        access = self._of(Subject.ACCESS)
        self.access = PublicAccess(access.options[ACCESS]) if access else None

    def _of(self, subject: Subject) -> Request | None:
        return next((each for each in self.requests if each.subject is subject and not each.withdrawn), None)


def _is_decision(request: Request) -> bool:
    return request.subject is Subject.CONNECTION and not request.withdrawn


def _decision(request: Request) -> Decision:
    given = request.options
    endpoint = given.get(CONNECTED)
    return Decision(
        connection=request.placement,
        status=Status(given[STATUS]),
        description=given.get(DESCRIPTION, ""),
        endpoint=endpoint_id(endpoint) if endpoint else None,
        by=request.by,
        at=request.at,
        settled=SETTLED in given,
    )


def _asked(  # noqa: PLR0913, PLR0917 - the one place where every source of a wish meets
    policy: Policy, rule: RuleSpec, asked: _Asked, wanted: Desired, cache: Cache, now: datetime
) -> Desired:
    mode = rule.mode or policy.spec.mode
    notes: list[str] = []
    tags = asked.tags
    ignored = _ignored(policy, rule, tags, notes)
    enrolled = not ignored and _enrolled(policy, rule, tags, asked.endpoints, notes)
    placements, unknown = _placements(policy, rule, cache, asked) if enrolled else ((), ())
    close = not ignored and (_closes(rule, enrolled=enrolled) or asked.access is PublicAccess.DISABLED)
    exemption = _longer(_exemption(policy, tags, now, notes), _asked_exemption(policy, asked.exemption, now))
    return replace(
        wanted,
        mode=mode,
        enrolled=enrolled,
        ignored=ignored,
        placements=placements,
        unknown_placements=unknown,
        close=close,
        last_endpoint=rule.last_endpoint,
        withdrawn=() if ignored else tuple(_withdrawal(policy, cache, each) for each in asked.withdrawn),
        requested_at=max((request.at for request in asked.endpoints), default=None),
        heard_at=max((request.at for request in asked.requests), default=None),
        opened=_opened(asked, exempt=exemption is not None, close=close, notes=notes),
        exemption=exemption,
        decisions=() if ignored else asked.decisions,
        notes=tuple(notes),
    )


def _ignored(policy: Policy, rule: RuleSpec, tags: _Tags, notes: list[str]) -> bool:
    if tags.enrol.lower() != IGNORE:
        return False
    if rule.opt_out is OptOut.DENIED:
        notes.append(f"Tag '{policy.spec.tags.enrol}' says 'ignore', which the policy does not allow here.")
        return False
    return True


def _enrolled(policy: Policy, rule: RuleSpec, tags: _Tags, requests: tuple[Request, ...], notes: list[str]) -> bool:
    tagged = tags.enrol.lower() == PRIVATE
    if tags.enrol and not tagged and tags.enrol.lower() != IGNORE:
        notes.append(f"Tag '{policy.spec.tags.enrol}' is '{tags.enrol}'; it would have to be 'private' or 'ignore'.")
    match rule.enrol:
        case Enrol.ALL:
            return True
        case Enrol.TAGGED:
            return tagged or bool(requests)
        case Enrol.NONE:
            if tagged or requests:
                notes.append("It asks to be enrolled, but the policy's rule enrols no cache here.")
            return False


def _closes(rule: RuleSpec, *, enrolled: bool) -> bool:
    match rule.close_public_access:
        case Close.ALL:
            return True
        case Close.ENROLLED:
            return enrolled
        case Close.NONE:
            return False


def _placements(
    policy: Policy, rule: RuleSpec, cache: Cache, asked: _Asked
) -> tuple[tuple[Placement, ...], tuple[str, ...]]:
    """Join what the tag names, or the default where a tag or the rule enrols the cache, and what was requested."""
    tags = asked.tags
    named = [alias.strip() for alias in tags.placement.split(",") if alias.strip()]
    enrolled = rule.enrol is Enrol.ALL or tags.enrol.lower() == PRIVATE
    default = default_placement(policy, cache.id, cache.region) if enrolled and not named else None
    found: dict[str, Placement] = {default.name: default} if default else {}
    unknown: list[str] = []
    requests = {request.placement: request for request in asked.endpoints}
    for alias in dict.fromkeys((*named, *requests)):
        if placed := placement_of(policy, rule, cache, alias, requests.get(alias), asked.found):
            found[alias] = placed
        else:
            unknown.append(alias)
    return tuple(found.values()), tuple(unknown)


def placement_of(  # noqa: PLR0913, PLR0917 - whose word counts for what
    policy: Policy, rule: RuleSpec, cache: Cache, alias: str, request: Request | None, found: frozenset[str]
) -> Placement | None:
    """Give a placement of the policy, with what a caller chose about it, or the subnet that a caller may choose."""
    known = policy.placements.get(alias)
    if known:
        options = options_of(request.options) if request else known.placement.options
        return replace(known.placement, options=options) if known.open_to(cache.id) else None
    return free_placement(policy, rule, cache, request, found) if request else None


def _withdrawal(policy: Policy, cache: Cache, request: Request) -> Withdrawal:
    """Say which endpoint is not wanted any more: by its name, which tells ours from all others."""
    name = options_of(request.options).name or endpoint_name(cache.id, request.placement)
    known = policy.placements.get(request.placement)
    endpoint = known.placement.endpoint(name) if known else free_endpoint(request.options, name)
    return Withdrawal(request.placement, name, endpoint, last_allowed(request.options))


def _opened(asked: _Asked, *, exempt: bool, close: bool, notes: list[str]) -> bool:
    """Tell whether public access is asked for and allowed."""
    if asked.access is not PublicAccess.ENABLED:
        return False
    if exempt or not close:
        return True
    notes.append("Public access is asked for, which the policy does not allow here without an exemption.")
    return False


def default_placement(policy: Policy, cache: CacheId, region: str) -> Placement | None:
    """Choose the placement of a cache that names none: in its region, and open to it.

    One that says whom it is for is preferred to one that is for everybody, then the order of the file decides.
    """
    fitting = [rule for rule in policy.placements.values() if rule.placement.region == region and rule.open_to(cache)]
    fitting.sort(key=lambda rule: not rule.particular)
    return fitting[0].placement if fitting else None


def _longer(tagged: Exemption | None, asked: Exemption | None) -> Exemption | None:
    """Choose the exemption that ends later; of two that end together, the tag's, which is nearer to the cache."""
    if tagged is None or asked is None:
        return tagged or asked
    return asked if asked.ends > tagged.ends else tagged


def _asked_exemption(policy: Policy, request: Request | None, now: datetime) -> Exemption | None:
    """Read the exemption that a caller was granted; the policy may have come to allow less since."""
    if request is None:
        return None
    bounds = policy.spec.exemptions
    until = date.fromisoformat(request.options[UNTIL])
    until = min(until, now.date() + timedelta(days=bounds.max_days))
    ends = end_of(until)
    if ends <= now:
        return None
    reminder = ends - timedelta(days=bounds.remind_days)
    return Exemption(until, request.options.get(REASON, ""), ends, reminder, request.options.get(OWNER, ""))


def end_of(day: date) -> datetime:
    """Give the first moment after a day (UTC)."""
    return datetime.combine(day + timedelta(days=1), time.min, tzinfo=UTC)


def _exemption(policy: Policy, tags: _Tags, now: datetime, notes: list[str]) -> Exemption | None:
    if not tags.until:
        return None
    name, bounds = policy.spec.tags.exempt_until, policy.spec.exemptions
    try:
        until = date.fromisoformat(tags.until)
    except ValueError:
        notes.append(f"Tag '{name}' is '{tags.until}', which is not a date such as 2026-12-31; it has no effect.")
        return None
    latest = now.date() + timedelta(days=bounds.max_days)
    if until > latest:
        notes.append(f"Tag '{name}' is {until}; the policy allows {latest} at the latest, so it has no effect.")
        return None
    if bounds.require_reason and not tags.reason:
        notes.append(f"Tag '{name}' has no effect without a reason in tag '{policy.spec.tags.exempt_reason}'.")
        return None
    ends = end_of(until)
    if ends <= now:
        notes.append(f"The exemption of tag '{name}' ended with {until}.")
        return None
    return Exemption(until, tags.reason, ends, ends - timedelta(days=bounds.remind_days))
