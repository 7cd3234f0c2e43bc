"""What a pass comes to, by what Azure answered."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.arm.errors import ArmError, Retry
from shared.model import (
    Action,
    Cause,
    CreateEndpoint,
    CreateZone,
    DeleteEndpoint,
    LinkZone,
    Memory,
    Plan,
    PublicAccess,
    PutZoneGroup,
    Reason,
    SetPublicAccess,
    Step,
    Verdict,
    VerdictKind,
)
from shared.outcome import (
    ERROR,
    GIVE_UP_AFTER,
    Applied,
    first_closure,
    gives_turn_back,
    outcome,
    refused,
    retry_at,
    takes_turns,
)
from shared.planner import plan
from tests.worlds import NOW, SUBSCRIPTION, TIMING, A, cache_seen, own_name, seen, wanted, zone

MOMENT = timedelta(seconds=1)
LONG_AGO = NOW - GIVE_UP_AFTER - MOMENT
WAITING = Verdict(VerdictKind.CONVERGING, step=Step.ATTACHING, look_after=TIMING.endpoint)
BLOCKED = Verdict(VerdictKind.BLOCKED, Reason.SUBNET_FULL)


def failure(
    retry: Retry = Retry.LATER,
    reason: Reason | None = None,
    *,
    throttled: bool = False,
    after: timedelta | None = None,
    provider: str = "Microsoft.Network",
) -> ArmError:
    return ArmError(
        code="Code",
        message="Azure says no.",
        retry=retry,
        after=after,
        reason=reason,
        status=409,
        operation=f"{provider}/something/write",
        subscription=SUBSCRIPTION,
        provider=provider,
        throttled=throttled,
    )


def again(step: Step = Step.BUSY, after: timedelta = TIMING.busy) -> Verdict:
    return Verdict(VerdictKind.CONVERGING, message="Azure says no.", step=step, look_after=after)


def blocked(reason: Reason, message: str = "Azure says no.") -> Verdict:
    return Verdict(VerdictKind.BLOCKED, reason, message)


GIVEN_UP = "Azure has answered so for 1:00:01: Azure says no."


@pytest.mark.parametrize(
    ("error", "begun", "expected"),
    [
        pytest.param(failure(), None, again(), id="later"),
        pytest.param(failure(Retry.SOON), None, again(), id="soon-and-still-failing"),
        pytest.param(
            failure(after=timedelta(minutes=7)), None, again(after=timedelta(minutes=7)), id="azure-says-when"
        ),
        pytest.param(failure(), NOW - GIVE_UP_AFTER, again(), id="later-for-just-an-hour"),
        pytest.param(failure(), LONG_AGO, blocked(Reason.UNEXPECTED, GIVEN_UP), id="later-for-more-than-an-hour"),
        pytest.param(
            failure(reason=Reason.PERMISSION_DENIED),
            LONG_AGO,
            blocked(Reason.PERMISSION_DENIED, GIVEN_UP),
            id="known-for-more-than-an-hour",
        ),
        pytest.param(failure(reason=Reason.PERMISSION_DENIED), None, again(), id="a-permission-that-may-come"),
        pytest.param(failure(throttled=True), None, again(Step.THROTTLED), id="throttled"),
        pytest.param(
            failure(throttled=True, after=timedelta(seconds=17)),
            LONG_AGO,
            again(Step.THROTTLED, timedelta(seconds=17)),
            id="throttled-for-more-than-an-hour",
        ),
        pytest.param(failure(Retry.NEVER), None, blocked(Reason.UNEXPECTED), id="never"),
        pytest.param(
            failure(Retry.NEVER, Reason.SUBNET_FULL), None, blocked(Reason.SUBNET_FULL), id="never-with-a-reason"
        ),
        pytest.param(
            failure(Retry.NEVER, Reason.SCOPE_LOCKED), LONG_AGO, blocked(Reason.SCOPE_LOCKED), id="never-after-an-hour"
        ),
    ],
)
def test_an_error_is_retried_later_or_blocks_with_its_reason(
    error: ArmError, begun: datetime | None, expected: Verdict
) -> None:
    memory = Memory(begun={ERROR: begun} if begun else {})

    assert refused(error, memory, NOW, TIMING) == expected


def test_without_an_error_the_plans_own_verdict_and_memory_stand() -> None:
    decided = plan(seen(cache_seen()), wanted(), NOW)

    assert outcome(decided, Applied(decided.actions), NOW, TIMING) == (decided.verdict, decided.memory)


@pytest.mark.parametrize(
    ("noticed", "since"),
    [
        pytest.param(Memory(), NOW, id="first"),
        pytest.param(Memory(begun={ERROR: NOW - timedelta(minutes=5)}), NOW - timedelta(minutes=5), id="again"),
    ],
)
def test_an_error_is_remembered_since_it_was_first_met(noticed: Memory, since: datetime) -> None:
    decided = Plan(WAITING, (DeleteEndpoint(own_name(), Cause.CACHE_GONE),), noticed=noticed)

    _, memory = outcome(decided, Applied(error=failure()), NOW, TIMING)

    assert memory.begun[ERROR] == since


def test_an_error_that_began_more_than_an_hour_ago_blocks_even_where_all_was_begun_before_it() -> None:
    past = Memory(begun={ERROR: LONG_AGO})

    verdict, memory = outcome(Plan(WAITING, memory=past, noticed=past), Applied(error=failure()), NOW, TIMING)

    assert verdict == blocked(Reason.UNEXPECTED, GIVEN_UP)
    assert memory.begun[ERROR] == LONG_AGO


def test_a_plan_that_nothing_of_was_carried_out_leaves_no_trace_of_its_actions() -> None:
    decided = plan(seen(cache_seen()), wanted(), NOW)
    assert decided.memory.made

    _, memory = outcome(decided, Applied(error=failure()), NOW, TIMING)

    assert memory.made == ()


def test_what_was_begun_before_an_error_is_remembered_as_made() -> None:
    made = CreateEndpoint(A, "pe-orders-1", Cause.NOT_ATTACHED)
    decided = Plan(WAITING, (made, SetPublicAccess(PublicAccess.DISABLED, Cause.PUBLIC_OPEN)))

    _, memory = outcome(decided, Applied((made,), error=failure()), NOW, TIMING)

    assert memory.made == (made.endpoint,)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(
            failure(Retry.NEVER, Reason.PERMISSION_DENIED, provider="Microsoft.Cache"),
            Reason.CACHE_UNREADABLE,
            id="denied",
        ),
        pytest.param(
            failure(Retry.NEVER, Reason.PERMISSION_DENIED), Reason.PERMISSION_DENIED, id="denied-what-belongs-to-it"
        ),
        pytest.param(failure(Retry.NEVER, Reason.PROVIDER_UNREGISTERED), Reason.PROVIDER_UNREGISTERED, id="else"),
    ],
)
def test_a_cache_that_may_not_be_read_is_called_unreadable(error: ArmError, expected: Reason) -> None:
    verdict, _ = outcome(Plan(WAITING), Applied(error=error, unread=True), NOW, TIMING)

    assert (verdict.kind, verdict.reason) == (VerdictKind.BLOCKED, expected)


def test_a_denied_write_is_not_called_unreadable() -> None:
    denied = failure(Retry.NEVER, Reason.PERMISSION_DENIED)

    verdict, _ = outcome(Plan(WAITING), Applied(error=denied), NOW, TIMING)

    assert verdict.reason is Reason.PERMISSION_DENIED


def test_a_closing_held_back_waits_ten_minutes_for_its_turn() -> None:
    verdict, _ = outcome(Plan(WAITING), Applied(held_back=True), NOW, TIMING)

    assert verdict == Verdict(VerdictKind.CONVERGING, step=Step.QUEUED_TO_CLOSE, look_after=timedelta(minutes=10))


def test_an_error_is_told_before_a_closing_held_back() -> None:
    verdict, _ = outcome(Plan(WAITING), Applied(error=failure(), held_back=True), NOW, TIMING)

    assert verdict == again()


@pytest.mark.parametrize("error", [None, failure()], ids=["taken", "refused"])
@pytest.mark.parametrize(("before", "granted"), [(False, True), (True, False), (True, True)])
def test_a_ticket_to_close_is_kept_whatever_comes_of_it(before: bool, granted: bool, error: ArmError | None) -> None:
    memory = Memory(closure_granted=before)

    _, after = outcome(Plan(WAITING, memory=memory, noticed=memory), Applied(error=error, granted=granted), NOW, TIMING)

    assert after.closure_granted


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        pytest.param(SetPublicAccess(PublicAccess.DISABLED, Cause.PUBLIC_OPEN, first=True), True, id="first-closing"),
        pytest.param(SetPublicAccess(PublicAccess.DISABLED, Cause.PUBLIC_OPEN), False, id="later-closing"),
        pytest.param(CreateEndpoint(A, "pe", Cause.NOT_ATTACHED, first=True), True, id="endpoint-that-closes"),
        pytest.param(CreateEndpoint(A, "pe", Cause.NOT_ATTACHED), False, id="endpoint-that-does-not"),
        pytest.param(DeleteEndpoint(own_name(), Cause.CACHE_GONE), False, id="deletion"),
    ],
)
def test_only_what_closes_a_cache_for_the_first_time_takes_a_ticket(
    action: SetPublicAccess | CreateEndpoint | DeleteEndpoint, expected: bool
) -> None:
    assert first_closure(action) is expected


@pytest.mark.parametrize(
    ("blocked_for", "peace"),
    [
        pytest.param(timedelta(), timedelta(minutes=10), id="at-once"),
        pytest.param(timedelta(hours=1) - MOMENT, timedelta(minutes=10), id="within-an-hour"),
        pytest.param(timedelta(hours=1), timedelta(hours=1), id="after-an-hour"),
        pytest.param(timedelta(days=1) - MOMENT, timedelta(hours=1), id="within-a-day"),
        pytest.param(timedelta(days=1), timedelta(hours=6), id="after-a-day"),
        pytest.param(timedelta(days=99), timedelta(hours=6), id="after-months"),
    ],
)
def test_a_blocked_cache_is_left_in_peace_the_longer_the_longer_it_is_blocked(
    blocked_for: timedelta, peace: timedelta
) -> None:
    assert retry_at(BLOCKED, NOW - blocked_for, NOW) == NOW + peace


@pytest.mark.parametrize("kind", [kind for kind in VerdictKind if kind is not VerdictKind.BLOCKED])
def test_only_a_blocked_cache_is_left_in_peace(kind: VerdictKind) -> None:
    assert retry_at(replace(WAITING, kind=kind), LONG_AGO, NOW) is None


# ── one at a time in a geo-replication group ────────────────────────────────────────────────────

ATTACH = CreateEndpoint(A, "pe-orders", Cause.NOT_ATTACHED)
SHUT = PublicAccess.DISABLED
PEERS = (cache_seen().id, replace(cache_seen().id, name="other"))


@pytest.mark.parametrize(
    ("action", "lost", "waits"),
    [
        pytest.param(ATTACH, False, True, id="attaching"),
        pytest.param(ATTACH, True, False, id="attaching again after a loss"),
        pytest.param(DeleteEndpoint(own_name(), Cause.ENDPOINT_UNUSABLE), False, True, id="detaching"),
        pytest.param(DeleteEndpoint(own_name(), Cause.ENDPOINT_UNUSABLE), True, False, id="detaching after a loss"),
        pytest.param(SetPublicAccess(SHUT, Cause.PUBLIC_OPEN, first=True), False, True, id="closing at last"),
        pytest.param(SetPublicAccess(SHUT, Cause.PUBLIC_OPEN), False, False, id="closing again"),
        pytest.param(SetPublicAccess(SHUT, Cause.PROTECTION_LOST), True, False, id="closing after a loss"),
        pytest.param(PutZoneGroup(own_name(), "default", zone(), Cause.NO_ZONE_GROUP), False, False, id="naming"),
        pytest.param(CreateZone(zone()), False, False, id="making a zone"),
        pytest.param(LinkZone(zone(), A.subnet.network), False, False, id="linking a zone"),
    ],
)
def test_what_shuts_out_the_public_again_never_waits_for_another_cluster(
    action: Action, lost: bool, waits: bool
) -> None:
    assert takes_turns(action, Memory(lost_at=NOW if lost else None)) is waits


def test_a_cluster_that_has_to_wait_for_another_says_so_and_forgets_nothing() -> None:
    decided = plan(seen(), wanted(), NOW)

    verdict, memory = outcome(decided, Applied(in_line=True, peers=PEERS), NOW, TIMING)

    assert (verdict.step, verdict.look_after) == (Step.IN_LINE, TIMING.cache)
    assert memory == replace(decided.noticed, peers=PEERS)


def test_whom_a_cluster_replicates_with_is_remembered_until_somebody_asks_again() -> None:
    decided = plan(seen(memory=Memory(peers=PEERS)), wanted(), NOW)

    assert outcome(decided, Applied(decided.actions), NOW, TIMING)[1].peers == PEERS
    assert outcome(decided, Applied(decided.actions, peers=()), NOW, TIMING)[1].peers == ()


@pytest.mark.parametrize(
    ("verdict", "back"),
    [
        pytest.param(WAITING, False, id="an endpoint is being made"),
        pytest.param(Verdict(VerdictKind.CONVERGING, step=Step.NAMING), False, id="it is to be closed after that"),
        pytest.param(Verdict(VerdictKind.CONVERGING, step=Step.QUEUED_TO_CLOSE), True, id="for hours"),
        pytest.param(Verdict(VerdictKind.CONVERGING, step=Step.EXTERNAL_DNS), True, id="for somebody else"),
        pytest.param(BLOCKED, True, id="blocked"),
        pytest.param(Verdict(VerdictKind.COMPLIANT), True, id="at rest"),
    ],
)
def test_a_turn_lasts_as_long_as_something_of_ours_is_under_way(verdict: Verdict, back: bool) -> None:
    assert gives_turn_back(verdict) is back


CONTESTED, FULL = Reason.CONTESTED, Reason.SUBNET_FULL


@pytest.mark.parametrize(
    ("before", "verdict", "error", "known"),
    [
        pytest.param(None, BLOCKED, None, FULL, id="blocked"),
        pytest.param(FULL, WAITING, None, FULL, id="tried again"),
        pytest.param(FULL, WAITING, failure(throttled=True), FULL, id="put off"),
        pytest.param(FULL, Verdict(VerdictKind.COMPLIANT), None, None, id="at rest"),
        pytest.param(FULL, blocked(CONTESTED), None, CONTESTED, id="for another reason"),
        pytest.param(CONTESTED, WAITING, None, None, id="urgent, and over"),
        pytest.param(CONTESTED, WAITING, failure(throttled=True), CONTESTED, id="urgent, and put off"),
    ],
)
def test_a_cache_that_is_tried_again_still_counts_as_blocked_for_its_reason(
    before: Reason | None, verdict: Verdict, error: ArmError | None, known: Reason | None
) -> None:
    memory = Memory(blocked=before)
    decided = Plan(verdict, memory=memory, noticed=memory)

    assert outcome(decided, Applied(error=error), NOW, TIMING)[1].blocked is known
