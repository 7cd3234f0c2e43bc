"""What holds for any world and any policy, each shown by carrying plans out in a small Azure of values."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings

from shared.model import (
    CreateEndpoint,
    DeleteEndpoint,
    Desired,
    LastEndpoint,
    Mode,
    Observed,
    PublicAccess,
    Readiness,
    Reason,
    SetPublicAccess,
    VerdictKind,
)
from shared.planner import plan
from tests.strategies import wishes, worlds
from tests.worlds import FLAGGED, KINDS, NOW, World, elapsed, pass_over, passes, private, recast

MOST_PASSES = 120
thoroughly = settings(max_examples=150)


def approved(seen: Observed) -> int:
    return len(seen.cache.approved()) if seen.cache else 0


@thoroughly
@given(worlds(), wishes())
def test_plans_come_to_rest_and_stay_there(world: World, desired: Desired) -> None:
    wish = replace(desired, exemption=None)
    for _ in range(4):
        made = list(passes(world, wish, most=MOST_PASSES))
        left = made[-1].after
        assert made[-1].verdict.look_after is None, f"still {made[-1].verdict} after {len(made)} passes"
        world = elapsed(left, timedelta(minutes=1))
        if world.there == left.there:
            break
        # What somebody else had begun has ended meanwhile: that wakes the cache.

    assert plan(world.there, wish, world.now).actions == ()


@thoroughly
@given(worlds(), wishes())
def test_a_pass_asks_to_look_again_later_and_never_at_once(world: World, desired: Desired) -> None:
    for made in passes(world, desired, most=10):
        assert made.verdict.look_after is None or made.verdict.look_after > timedelta()


@thoroughly
@given(worlds(), wishes())
def test_public_access_is_opened_only_where_the_policy_says_open(world: World, desired: Desired) -> None:
    for made in passes(world, desired, most=20):
        opened = [a for a in made.actions if isinstance(a, SetPublicAccess) and a.access is not PublicAccess.DISABLED]
        assert not opened or desired.last_endpoint is LastEndpoint.OPEN


@given(worlds(), wishes())
def test_what_is_out_of_scope_is_never_touched(world: World, desired: Desired) -> None:
    decided = plan(world.there, replace(desired, in_scope=False), NOW)

    assert (decided.actions, decided.verdict.kind) == ((), VerdictKind.OUT_OF_SCOPE)


@given(worlds(), wishes())
def test_what_is_tagged_to_be_left_alone_is_never_touched(world: World, desired: Desired) -> None:
    decided = plan(world.there, replace(desired, ignored=True, enrolled=False, close=False), NOW)

    assert decided.actions == () or world.there.cache is None


@thoroughly
@given(worlds(), wishes())
def test_audit_mode_writes_nothing_and_says_what_enforce_mode_would_write(world: World, desired: Desired) -> None:
    audited = plan(world.there, replace(desired, mode=Mode.AUDIT), NOW)
    enforced = plan(world.there, desired, NOW)

    assert audited.actions == ()
    assert (audited.verdict.kind is VerdictKind.AUDIT_ONLY) == bool(enforced.actions)


@thoroughly
@given(worlds(), wishes())
def test_the_door_closes_only_with_a_private_way_or_where_it_had_been_closed_or_protected(
    world: World, desired: Desired
) -> None:
    for made in passes(world, desired, most=20):
        memory = made.before.there.memory
        protected_before = memory.protected or memory.lost_at is not None or memory.closed_once
        for action in made.actions:
            if isinstance(action, SetPublicAccess) and action.access is PublicAccess.DISABLED:
                assert approved(made.before.there) or protected_before


@thoroughly
@given(worlds(), wishes())
def test_a_door_that_was_never_closed_is_closed_only_with_a_ticket(world: World, desired: Desired) -> None:
    for made in passes(world, desired, most=20):
        memory, cache = made.before.there.memory, made.before.there.cache
        lost = memory.protected or memory.lost_at is not None
        for action in made.actions:
            if isinstance(action, SetPublicAccess) and cache and cache.public_access is PublicAccess.ENABLED:
                assert action.first or memory.closed_once or lost or action.access is PublicAccess.ENABLED


@thoroughly
@given(worlds(), wishes())
def test_closing_after_a_loss_needs_no_ticket(world: World, desired: Desired) -> None:
    for made in passes(world, desired, most=20):
        if made.decided.noticed.lost_at:
            firsts = [a for a in made.actions if isinstance(a, SetPublicAccess | CreateEndpoint) and a.first]
            assert firsts == []


@thoroughly
@given(worlds(), wishes())
def test_only_endpoints_that_drawbridge_made_for_this_cache_are_deleted(world: World, desired: Desired) -> None:
    for made in passes(world, desired, most=20):
        there = {e.id: e for e in made.before.there.endpoints}
        for action in made.actions:
            if isinstance(action, DeleteEndpoint):
                assert there[action.endpoint].made_by_drawbridge(made.before.there.id)


@thoroughly
@given(worlds(), wishes())
def test_the_last_approved_endpoint_is_never_deleted(world: World, desired: Desired) -> None:
    for made in passes(world, desired, most=20):
        doomed = {a.endpoint for a in made.actions if isinstance(a, DeleteEndpoint)}
        cache = made.before.there.cache
        if doomed and cache and cache.approved():
            assert [c for c in cache.approved() if c.endpoint not in doomed]


@thoroughly
@given(worlds(), wishes())
def test_a_cache_that_is_not_ready_is_not_written_to(world: World, desired: Desired) -> None:
    cache = world.there.cache
    if cache is None or cache.readiness is Readiness.READY:
        return
    assert plan(world.there, desired, NOW).actions == ()


@thoroughly
@given(worlds(), wishes())
def test_no_verdict_is_without_its_particulars(world: World, desired: Desired) -> None:
    for made in passes(world, desired, most=20):
        verdict = made.verdict
        assert (verdict.reason is not None) == (verdict.kind is VerdictKind.BLOCKED)
        assert verdict.step is not None or verdict.kind is not VerdictKind.CONVERGING
        assert verdict.step is None or VerdictKind.CONVERGING is verdict.kind or verdict.reason is Reason.EXPOSED
        assert (verdict.until is not None) == (verdict.kind is VerdictKind.EXEMPT)
        assert verdict.kind is not VerdictKind.BLOCKED or verdict.message


@thoroughly
@given(worlds(), wishes())
def test_a_cache_that_is_called_compliant_is_closed_wherever_it_must_be(world: World, desired: Desired) -> None:
    last = list(passes(world, replace(desired, exemption=None), most=MOST_PASSES))[-1]
    cache = last.after.there.cache
    left_open = desired.last_endpoint is LastEndpoint.OPEN and last.decided.noticed.lost_at is not None
    if last.verdict.kind is VerdictKind.COMPLIANT and cache and desired.close and not desired.ignored and not left_open:
        assert cache.public_access is PublicAccess.DISABLED or (
            cache.public_access is PublicAccess.ABSENT and cache.approved()
        )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limit", [1, 3])
@settings(max_examples=40)
@given(desired=wishes())
def test_a_fight_is_not_fought_for_ever(limit: int, kind: str, desired: Desired) -> None:
    """Whatever somebody undoes at once, every time: the writes of a window stay few."""
    assert desired.safeguards is not None
    bounded = replace(
        desired,
        exemption=None,
        last_endpoint=LastEndpoint.REATTACH,
        safeguards=replace(desired.safeguards, reattach_limit=limit, window=timedelta(hours=1)),
    )
    opened = {"public_access": PublicAccess.ENABLED} if kind in FLAGGED else {}
    world, writes = recast(World(private()), kind), 0
    while world.now < NOW + timedelta(hours=1):
        made = pass_over(world, bounded)
        writes += sum(isinstance(a, CreateEndpoint | DeleteEndpoint | SetPublicAccess) for a in made.actions)
        world = elapsed(made.after, timedelta(seconds=20))
        own = [e.id for e in world.there.endpoints if e.readiness is Readiness.READY]
        world = world.without(*own).changed(**opened)

    placements = max(1, len(bounded.placements))
    assert writes <= 6 * limit + 6 * placements
