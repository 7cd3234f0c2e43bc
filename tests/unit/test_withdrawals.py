"""What callers take back: only what Drawbridge made is deleted, the last endpoint only where they say so."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

from shared.model import (
    Cause,
    CreateEndpoint,
    DeleteEndpoint,
    Desired,
    Memory,
    Mode,
    Observed,
    Placement,
    PublicAccess,
    Readiness,
    Reason,
    SetPublicAccess,
    VerdictKind,
    Withdrawal,
)
from shared.planner import fingerprint, plan, wants_endpoints_read
from tests.strategies import wishes, worlds
from tests.worlds import (
    NOW,
    A,
    B,
    Pass,
    World,
    cache_seen,
    exempt,
    foreign_endpoint,
    managed_seen,
    own_endpoint,
    own_name,
    pass_over,
    passes,
    private,
    seen,
    wanted,
)

SHUT, OPEN, ABSENT = PublicAccess.DISABLED, PublicAccess.ENABLED, PublicAccess.ABSENT


def taken_back(placement: Placement = A, *, last: bool = False) -> tuple[Withdrawal, ...]:
    name = own_name(placement=placement)
    return (Withdrawal(placement.name, name.name, name, last),)


NOTHING_ELSE = wanted(enrolled=False, placements=(), close=False)
BOTH = seen(
    cache_seen(public_access=SHUT),
    own_endpoint(A),
    own_endpoint(B),
    memory=Memory(protected=True, closed_once=True, made=(own_name(placement=A), own_name(placement=B))),
)


def story(there: Observed, desired: Desired) -> list[Pass]:
    return list(passes(World(there), desired, most=20))


def did(made: list[Pass]) -> list[str]:
    words = {CreateEndpoint: "create", DeleteEndpoint: "delete", SetPublicAccess: "access"}
    return [words.get(type(action), "other") for each in made for action in each.actions]


def test_one_of_two_is_deleted_and_the_other_stays() -> None:
    made = story(BOTH, wanted(B, withdrawn=taken_back()))

    assert did(made) == ["delete"]
    assert made[0].actions == (DeleteEndpoint(own_name(placement=A), Cause.WITHDRAWN),)
    assert (made[0].decided.leaving, made[-1].decided.withdrawn) == (("weu-prod",), ("weu-prod",))
    assert made[-1].verdict.kind is VerdictKind.COMPLIANT
    assert [e.id for e in made[-1].after.there.endpoints] == [own_name(placement=B)]


def test_the_last_one_is_kept_unless_the_caller_said_that_it_may_go() -> None:
    made = story(private(), replace(NOTHING_ELSE, withdrawn=taken_back()))

    assert did(made) == []
    assert (made[-1].verdict.kind, made[-1].verdict.reason) == (VerdictKind.BLOCKED, Reason.LAST_ENDPOINT)
    assert made[-1].decided.leaving == ("weu-prod",)


def test_the_last_one_goes_when_the_caller_says_so_and_the_cache_is_shut_once_more_and_not_attached_again() -> None:
    made = story(private(), replace(NOTHING_ELSE, withdrawn=taken_back(last=True)))

    assert did(made) == ["delete", "access"]
    assert made[1 - len(made)].decided.memory.lost_at is None
    assert [a for each in made for a in each.actions][-1] == SetPublicAccess(SHUT, Cause.WITHDRAWN)
    assert made[-1].decided.withdrawn == ("weu-prod",)
    assert made[-1].after.cache.public_access is SHUT
    assert all(each.decided.noticed.lost_at is None for each in made)


def test_a_cache_that_opens_with_its_last_endpoint_is_shut_again() -> None:
    there = seen(
        managed_seen(public_access=SHUT),
        own_endpoint(cache=managed_seen().id),
        memory=Memory(protected=True, closed_once=True, made=(own_name(managed_seen().id),)),
    )
    name = own_name(managed_seen().id)
    made = story(there, replace(NOTHING_ELSE, withdrawn=(Withdrawal("weu-prod", name.name, name, last=True),)))

    assert did(made)[:2] == ["delete", "access"]
    assert made[-1].after.cache.public_access is SHUT
    assert made[-1].decided.withdrawn == ("weu-prod",)


def test_a_cache_that_could_not_be_shut_keeps_its_last_endpoint() -> None:
    cluster = managed_seen()
    there = seen(cluster, own_endpoint(cache=cluster.id), memory=Memory(protected=True))
    name = own_name(cluster.id)
    made = story(there, replace(NOTHING_ELSE, withdrawn=(Withdrawal("weu-prod", name.name, name, last=True),)))

    assert did(made) == []
    assert made[-1].verdict.reason is Reason.LAST_ENDPOINT
    assert "open to everybody" in made[-1].verdict.message


def test_a_cache_that_was_open_stays_as_it_was() -> None:
    there = seen(cache_seen(), own_endpoint())
    made = story(there, replace(NOTHING_ELSE, withdrawn=taken_back(last=True)))

    assert did(made) == ["delete"]


def test_an_exempt_cache_is_not_shut_behind_its_last_endpoint() -> None:
    made = story(
        seen(cache_seen(), own_endpoint(), memory=Memory(protected=True, closed_once=True)),
        replace(NOTHING_ELSE, withdrawn=taken_back(last=True), exemption=exempt(0)),
    )

    assert "access" not in did(made[:3])


@pytest.mark.parametrize(
    "there",
    [
        pytest.param(seen(cache_seen(public_access=SHUT), foreign_endpoint()), id="somebody-elses"),
        pytest.param(seen(cache_seen(public_access=SHUT), own_endpoint(tags={})), id="without-our-tags"),
        pytest.param(seen(cache_seen(public_access=SHUT), own_endpoint(B)), id="of-another-placement"),
        pytest.param(seen(cache_seen(public_access=SHUT)), id="none"),
    ],
)
def test_what_is_not_ours_or_not_meant_is_never_deleted(there: Observed) -> None:
    made = story(there, replace(NOTHING_ELSE, withdrawn=taken_back(last=True)))

    assert did(made) == []
    assert made[-1].decided.withdrawn == ("weu-prod",)


def test_what_somebody_else_asks_for_too_stays() -> None:
    made = story(private(), wanted(A, withdrawn=taken_back(last=True)))

    assert did(made) == []
    assert made[-1].decided.withdrawn == ("weu-prod",)


def test_the_old_one_goes_when_the_new_one_works() -> None:
    made = story(private(), wanted(B, withdrawn=taken_back()))

    assert [word for word in did(made) if word != "other"] == ["create", "delete"]
    assert made[-1].verdict.kind is VerdictKind.COMPLIANT
    assert made[-1].decided.withdrawn == ("weu-prod",)


def test_an_endpoint_that_may_not_be_read_is_not_taken_for_gone() -> None:
    there = replace(private(), endpoints=(), unreadable=(own_name(),))
    made = story(there, replace(NOTHING_ELSE, withdrawn=taken_back(last=True)))

    assert (made[-1].verdict.reason, made[-1].decided.leaving) == (Reason.PERMISSION_DENIED, ("weu-prod",))


@pytest.mark.parametrize("readiness", [Readiness.BUSY, Readiness.DELETING])
def test_what_is_under_way_is_waited_for(readiness: Readiness) -> None:
    made = pass_over(
        World(replace(private(), endpoints=(own_endpoint(readiness=readiness),))),
        replace(NOTHING_ELSE, withdrawn=taken_back(last=True)),
    )

    assert (made.actions, made.verdict.kind, made.decided.leaving) == ((), VerdictKind.CONVERGING, ("weu-prod",))


def test_audit_mode_says_what_would_go_and_leaves_it() -> None:
    made = pass_over(World(BOTH), wanted(B, withdrawn=taken_back(), mode=Mode.AUDIT))

    assert (made.actions, made.verdict.kind) == ((), VerdictKind.AUDIT_ONLY)
    assert "as its request was withdrawn" in made.verdict.message
    assert made.decided.leaving == ("weu-prod",)


def test_a_withdrawal_needs_a_full_look() -> None:
    before, after = wanted(A), wanted(A, withdrawn=taken_back(B))

    assert fingerprint(cache_seen(), before) != fingerprint(cache_seen(), after)
    assert wants_endpoints_read(replace(NOTHING_ELSE, withdrawn=taken_back()))


# ── public access that is asked for ─────────────────────────────────────────────────────────────


def test_public_access_that_may_be_is_opened_once() -> None:
    made = story(private(), replace(NOTHING_ELSE, opened=True))

    assert [a for each in made for a in each.actions] == [SetPublicAccess(OPEN, Cause.ASKED_OPEN)]
    assert made[-1].decided.opened
    assert made[-1].after.cache.public_access is OPEN


def test_an_exempt_cache_is_opened_where_a_caller_asks_and_stays_open_until_the_exemption_ends() -> None:
    first = pass_over(World(private()), wanted(opened=True, exemption=exempt(7)))

    assert first.actions == (SetPublicAccess(OPEN, Cause.ASKED_OPEN),)
    opened = seen(cache_seen(), own_endpoint(), memory=first.decided.memory)
    assert plan(opened, wanted(exemption=exempt(7)), NOW).verdict.kind is VerdictKind.EXEMPT
    (closing,) = plan(opened, wanted(), NOW).actions
    assert isinstance(closing, SetPublicAccess)
    assert closing.access is SHUT


# ── whatever is there ───────────────────────────────────────────────────────────────────────────

thoroughly = settings(max_examples=150)


@thoroughly
@given(worlds(), wishes())
def test_whatever_is_there_only_ours_is_deleted_and_never_the_last_unasked(world: World, desired: Desired) -> None:
    wish = replace(desired, withdrawn=(*taken_back(), *taken_back(B)), ignored=False)
    for made in passes(world, wish, most=20):
        there = {e.id: e for e in made.before.there.endpoints}
        doomed = {a.endpoint for a in made.actions if isinstance(a, DeleteEndpoint)}
        assert all(there[each].made_by_drawbridge(made.before.there.id) for each in doomed)
        cache = made.before.there.cache
        if doomed and cache and cache.approved():
            assert {c.endpoint for c in cache.approved()} - doomed


@thoroughly
@given(worlds(), wishes())
def test_whatever_is_there_what_is_withdrawn_comes_to_an_end_or_is_said_why_not(world: World, desired: Desired) -> None:
    wish = replace(desired, withdrawn=taken_back(last=True), ignored=False, exemption=None)
    made = list(passes(world, wish, most=120))

    last = made[-1]
    assert last.verdict.look_after is None
    assert last.decided.withdrawn or last.verdict.kind in {VerdictKind.BLOCKED, VerdictKind.OUT_OF_SCOPE}
