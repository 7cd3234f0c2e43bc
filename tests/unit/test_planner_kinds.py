"""What the one planner decides where kinds of cache differ: with and without a flag, classic and cluster."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.announcements import Announcement, Change, announcements
from shared.api.shapes.common import State
from shared.arm.errors import ArmError, Retry
from shared.desk.standing import state_of
from shared.model import (
    Cause,
    CreateEndpoint,
    DeleteEndpoint,
    Kind,
    LastEndpoint,
    Memory,
    Mode,
    NetworkZone,
    Placement,
    PublicAccess,
    Readiness,
    Reason,
    SetPublicAccess,
    Status,
    Step,
    Verdict,
    VerdictKind,
)
from shared.outcome import Applied, first_closure, outcome
from shared.planner import plan
from tests.unit.test_planner_tables import story
from tests.worlds import (
    ENTERPRISE_ZONE,
    FLAGGED,
    FLAGLESS,
    KINDS,
    MANAGED,
    MANAGED_ZONE,
    NOW,
    OWN_ZONE,
    SAFEGUARDS,
    TIMING,
    ZONES,
    A,
    B,
    Pass,
    World,
    cache_seen,
    elapsed,
    exempt,
    foreign_endpoint,
    managed_seen,
    own_name,
    pass_over,
    passes,
    private,
    recast,
    seen,
    wanted,
    zone,
    zone_group,
)

OPEN, SHUT, ABSENT = PublicAccess.ENABLED, PublicAccess.DISABLED, PublicAccess.ABSENT


def protected(kind: str) -> World:
    """Give a private cache of a kind."""
    return recast(World(private()), kind)


def bereft(kind: str) -> World:
    """Give a cache of a kind whose last endpoint has just been deleted."""
    return protected(kind).without(own_name(KINDS[kind].id))


# ── a loss ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_that_loses_its_last_endpoint_gets_it_back_in_the_same_pass(kind: str) -> None:
    actions = [action for made in passes(bereft(kind), wanted(), most=2) for action in made.actions]

    assert [type(a) for a in actions if isinstance(a, CreateEndpoint)] == [CreateEndpoint]
    assert [made.verdict.kind for made in passes(bereft(kind), wanted())][-1] is VerdictKind.COMPLIANT


@pytest.mark.parametrize("kind", FLAGGED)
def test_disabled_is_asserted_explicitly_at_every_loss_and_before_the_endpoint_is_made(kind: str) -> None:
    world = protected(kind)
    for number in range(3):
        world = replace(world.without(own_name(KINDS[kind].id)), now=NOW + timedelta(hours=2 * number))
        made = list(passes(world, wanted()))
        actions = [action for each in made for action in each.actions]

        assert actions[0] == SetPublicAccess(SHUT, Cause.PROTECTION_LOST)
        assert isinstance(actions[1], CreateEndpoint)
        world = elapsed(made[-1].after)


@pytest.mark.parametrize("kind", FLAGLESS)
def test_a_cluster_without_a_flag_is_never_told_to_set_one(kind: str) -> None:
    worlds = [protected(kind), bereft(kind), World(seen(KINDS[kind]))]
    actions = [action for world in worlds for made in passes(world, wanted()) for action in made.actions]

    assert actions
    assert [action for action in actions if isinstance(action, SetPublicAccess)] == []


# ── exposed while it lasts ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", FLAGLESS)
def test_a_cluster_without_a_flag_is_exposed_from_its_loss_until_an_endpoint_is_approved(kind: str) -> None:
    said = story(bereft(kind), wanted())

    assert said == ["attach weu-prod → Blocked(Exposed)", "name → Converging(NAMING)", "nothing → Compliant"]


def test_what_is_done_about_an_exposure_is_said_and_looked_at_again() -> None:
    made = pass_over(bereft("managed without a flag"), wanted())

    assert (made.verdict.step, made.verdict.look_after) == (Step.ATTACHING, TIMING.zone_group)
    assert "it can be reached in public until it has an endpoint" in made.verdict.message


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"readiness": Readiness.BUSY, "state": "Updating"}, id="busy"),
        pytest.param({"readiness": Readiness.FAILED, "state": "Failed"}, id="failed"),
        pytest.param({"connection_limit": 0}, id="no room for another endpoint"),
        pytest.param({"geo_replicated": True}, id="nothing may be attached"),
    ],
)
def test_an_exposure_is_called_so_whatever_stands_in_the_way_of_its_end(change: dict[str, object]) -> None:
    made = pass_over(bereft("managed without a flag").changed(**change), wanted())

    assert made.verdict.reason is Reason.EXPOSED
    assert made.actions == ()


def test_what_stands_in_the_way_of_the_end_of_an_exposure_is_said_with_it() -> None:
    made = pass_over(bereft("managed without a flag").changed(readiness=Readiness.FAILED, state="Failed"), wanted())

    assert "last operation failed (Failed)" in made.verdict.message


@pytest.mark.parametrize("status", [Status.REJECTED, Status.DISCONNECTED, Status.PENDING])
def test_a_connection_that_is_not_approved_protects_nothing(status: Status) -> None:
    world = protected("managed without a flag")
    endpoint = own_name(MANAGED)
    (connection,) = world.cache.connections
    lost = world.changed(connections=(replace(connection, status=status),))
    there = tuple(replace(e, status=status) for e in lost.there.endpoints if e.id == endpoint)

    made = pass_over(replace(lost, there=replace(lost.there, endpoints=there)), wanted())

    assert made.verdict.reason is Reason.EXPOSED


@pytest.mark.parametrize(
    ("cluster", "desired"),
    [
        pytest.param({"public_access": SHUT}, wanted(), id="it has a flag"),
        pytest.param({}, wanted(last_endpoint=LastEndpoint.OPEN), id="the policy opens"),
        pytest.param({}, wanted(exemption=exempt()), id="it is exempt"),
        pytest.param({}, wanted(enrolled=False, close=False), id="nothing is asked of it"),
        pytest.param({"readiness": Readiness.DELETING}, wanted(), id="it is being deleted"),
    ],
)
def test_what_is_not_exposed_or_may_be_is_not_called_so(cluster: dict[str, object], desired: object) -> None:
    lost = World(seen(managed_seen(**cluster), memory=Memory(protected=True)))

    assert pass_over(lost, desired).verdict.reason is not Reason.EXPOSED  # type: ignore[arg-type]


def test_a_cluster_that_never_had_protection_converges_and_alarms_nobody() -> None:
    assert pass_over(World(seen(managed_seen())), wanted()).verdict.kind is VerdictKind.CONVERGING


def test_a_cluster_that_loses_its_endpoint_again_and_again_is_contested_and_said_to_be_reachable() -> None:
    fights = (NOW - timedelta(minutes=1),) * 3
    lost = seen(managed_seen(), memory=Memory(protected=True, fights=fights))

    verdict = plan(lost, wanted(), NOW).verdict

    assert verdict.reason is Reason.CONTESTED
    assert "it can be reached in public" in verdict.message
    assert verdict.look_after is not None


# ── urgent ──────────────────────────────────────────────────────────────────────────────────────


def test_an_exposure_is_looked_at_more_often_than_anything_else_and_less_often_only_as_it_lasts() -> None:
    world = bereft("managed without a flag")
    made = pass_over(world, wanted())
    first = made.verdict.look_after
    coming = replace(made.after, now=NOW + timedelta(minutes=1))

    assert first == TIMING.zone_group
    assert pass_over(coming, wanted()).verdict.look_after == timedelta(seconds=30)


@pytest.mark.parametrize("placement", [replace(A, zones={}), OWN_ZONE], ids=["it has none", "it is yet to be made"])
def test_an_exposed_cluster_is_attached_before_anybody_cares_for_its_zone(placement: Placement) -> None:
    zone = placement.zone_for(managed_seen())
    unmade = (NetworkZone(zone, exists=False, linked=False),) if zone else ()
    world = bereft("managed without a flag")

    actions = pass_over(replace(world, there=replace(world.there, networks=unmade)), wanted(placement)).actions

    assert isinstance(actions[0], CreateEndpoint)
    never = plan(seen(managed_seen(), networks=unmade), wanted(placement), NOW)
    assert [a for a in never.actions if isinstance(a, CreateEndpoint)] == []


def test_a_placement_that_nobody_knows_does_not_keep_an_exposed_cluster_from_one_that_is_known() -> None:
    made = pass_over(bereft("managed without a flag"), wanted(A, unknown_placements=("weu-prd",)))

    assert [type(action) for action in made.actions] == [CreateEndpoint]
    assert "'weu-prd'" in made.verdict.message


def test_an_exposed_cluster_gets_an_endpoint_elsewhere_while_what_is_left_of_one_is_taken_away() -> None:
    world = protected("managed without a flag").disconnected(own_name(MANAGED))

    made = pass_over(world, wanted(A, B))

    assert [type(action) for action in made.actions] == [DeleteEndpoint, CreateEndpoint]
    closed = protected("managed with a flag").disconnected(own_name(MANAGED)).changed(public_access=SHUT)
    assert CreateEndpoint not in [type(action) for action in pass_over(closed, wanted(A, B)).actions]


def test_an_exposed_cluster_makes_one_endpoint_at_a_time_all_the_same() -> None:
    made = pass_over(bereft("managed without a flag"), wanted(A, B))

    again = pass_over(elapsed_busy(made), wanted(A, B))

    assert [type(action) for action in (*made.actions, *again.actions)] == [CreateEndpoint]


def elapsed_busy(made: Pass) -> World:
    """Let time pass in which the endpoint that was begun is still being made."""
    return replace(made.after, now=made.after.now + timedelta(minutes=2))


def test_a_fight_over_a_cluster_without_a_flag_slows_down_and_is_not_given_up() -> None:
    """Somebody deletes its endpoint as soon as it is there, for three hours."""
    world, times, said = protected("managed without a flag"), [], set()
    while world.now < NOW + timedelta(hours=3):
        world = world.without(*(e.id for e in world.there.endpoints if e.readiness is Readiness.READY))
        made = pass_over(world, wanted())
        said.add(made.verdict.reason)
        times += [world.now for action in made.actions if isinstance(action, CreateEndpoint)]
        world = elapsed(made.after, timedelta(seconds=20))

    hours = [sum(timedelta() <= each - since < timedelta(hours=1) for each in times) for since in times]
    assert max(hours) <= 2 * SAFEGUARDS.reattach_limit
    assert max(later - earlier for earlier, later in itertools.pairwise(times)) <= timedelta(minutes=21)
    assert said == {Reason.EXPOSED, Reason.CONTESTED}


def test_a_lockdown_that_cannot_be_is_an_exposure() -> None:
    made = pass_over(bereft("managed without a flag"), wanted(last_endpoint=LastEndpoint.LOCKDOWN))

    assert (made.verdict.reason, made.actions) == (Reason.EXPOSED, ())


def test_an_exposure_in_audit_mode_is_planned_and_nothing_is_done() -> None:
    made = pass_over(bereft("managed without a flag"), wanted(mode=Mode.AUDIT))

    assert (made.verdict.kind, made.actions) == (VerdictKind.AUDIT_ONLY, ())
    assert "would now make endpoint" in made.verdict.message


# ── what follows from it ────────────────────────────────────────────────────────────────────────


def refusal(code: str, retry: Retry, reason: Reason | None, after: timedelta | None = None) -> ArmError:
    operation = "Microsoft.Network/privateEndpoints/write"
    return ArmError(code, "Azure's words.", retry, after, reason, 400, operation, "s", "Microsoft.Network")


@pytest.mark.parametrize(
    "error",
    [
        refusal("SubnetIsFull", Retry.NEVER, Reason.SUBNET_FULL),
        refusal("AnotherOperationInProgress", Retry.LATER, None, timedelta(seconds=20)),
    ],
    ids=lambda error: error.code,
)
def test_a_cluster_stays_exposed_when_azure_refuses_its_endpoint_and_is_tried_again(error: ArmError) -> None:
    decided = plan(bereft("managed without a flag").there, wanted(), NOW)

    verdict, _ = outcome(decided, Applied(error=error), NOW, TIMING)

    assert verdict.reason is Reason.EXPOSED
    assert "Azure's words." in verdict.message
    assert verdict.look_after == (error.after or timedelta(minutes=5))


def test_an_exposure_is_announced_when_it_begins_and_not_at_every_step_of_its_end() -> None:
    said: list[Announcement] = []
    before = Verdict(VerdictKind.COMPLIANT)
    world = bereft("managed without a flag")
    for made in passes(world, wanted()):
        change = Change(
            before=before,
            after=made.verdict,
            memory_before=made.before.there.memory,
            memory_after=made.after.there.memory,
            settled_before=False,
            settled_after=False,
            access_before="Absent",
            access_after="Absent",
        )
        said += announcements(change)
        before = made.verdict

    assert said == [Announcement.PROTECTION_LOST, Announcement.EXPOSED, Announcement.PROTECTION_RESTORED]


@pytest.mark.parametrize(("step", "state"), [(Step.ATTACHING, State.CONVERGING), (None, State.BLOCKED)])
def test_a_caller_who_waits_for_the_endpoint_of_an_exposed_cluster_is_told_whether_it_is_coming(
    step: Step | None, state: State
) -> None:
    assert state_of(Verdict(VerdictKind.BLOCKED, Reason.EXPOSED, "it is", step=step)) is state


# ── the first endpoint ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("access", "held_back"), [(ABSENT, True), (OPEN, False), (SHUT, False)], ids=["no flag", "open", "shut"]
)
def test_an_endpoint_that_ends_public_access_for_the_first_time_needs_a_ticket(
    access: PublicAccess, held_back: bool
) -> None:
    (action,) = plan(seen(managed_seen(public_access=access)), wanted(), NOW).actions

    assert isinstance(action, CreateEndpoint)
    assert first_closure(action) is held_back


def test_getting_protection_back_needs_no_ticket() -> None:
    (action,) = plan(bereft("managed without a flag").there, wanted(), NOW).actions

    assert not first_closure(action)


def test_an_exempt_cluster_without_a_flag_gets_no_endpoint_as_that_would_close_it() -> None:
    made = pass_over(World(seen(managed_seen())), wanted(exemption=exempt()))

    assert (made.verdict.kind, made.actions) == (VerdictKind.EXEMPT, ())


def test_an_exempt_cluster_with_a_flag_gets_its_endpoint_and_stays_open() -> None:
    made = list(passes(World(seen(managed_seen(public_access=OPEN))), wanted(exemption=exempt()), most=4))

    assert isinstance(made[0].actions[0], CreateEndpoint)
    assert made[-1].after.cache.public_access is OPEN


def test_a_placement_without_the_zone_of_a_kind_gets_no_endpoint_of_that_kind() -> None:
    hub = replace(A, zones={MANAGED_ZONE: zone(MANAGED_ZONE)})
    made = pass_over(World(seen(managed_seen(kind=Kind.ENTERPRISE))), wanted(hub))

    assert (made.verdict.reason, made.actions) == (Reason.ZONE_MISSING, ())
    assert ENTERPRISE_ZONE in made.verdict.message


def test_a_placement_that_makes_its_own_zone_makes_the_one_that_the_kind_needs() -> None:
    made = OWN_ZONE.zone_for(managed_seen(kind=Kind.ENTERPRISE))

    assert made is not None
    assert made.name == ENTERPRISE_ZONE


@pytest.mark.parametrize("others", ZONES.values())
@pytest.mark.parametrize("kind", KINDS)
def test_a_zone_group_of_ours_for_the_zone_of_another_kind_is_repaired(kind: str, others: str) -> None:
    world = protected(kind)
    (endpoint,) = world.there.endpoints
    astray = replace(endpoint, zone_groups=(zone_group(zone(others)),))
    world = replace(world, there=replace(world.there, endpoints=(astray,)))

    right = [] if others == KINDS[kind].zone else ["name → Converging(NAMING)"]
    assert story(world, wanted()) == [*right, "nothing → Compliant"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_zone_group_of_somebody_else_for_the_zone_of_another_kind_is_told(kind: str) -> None:
    others = next(each for each in ZONES.values() if each != KINDS[kind].zone)
    theirs = foreign_endpoint(zone_groups=(zone_group(zone(others)),))
    world = recast(World(seen(cache_seen(public_access=SHUT), theirs)), kind)
    endpoint = replace(world.there.endpoints[0], zone_groups=theirs.zone_groups)
    made = pass_over(replace(world, there=replace(world.there, endpoints=(endpoint,))), wanted())

    assert (made.verdict.reason, made.actions) == (Reason.ZONE_GROUP_CONFLICT, ())
    assert KINDS[kind].zone in made.verdict.message
