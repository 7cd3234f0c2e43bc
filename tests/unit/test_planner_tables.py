"""Each rule and each Reason of the planner, and the three promises pass by pass, as tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.arm.errors import BY_CODE, BY_MESSAGE
from shared.ids import CacheId, NetworkId
from shared.model import (
    Action,
    Cause,
    Connection,
    CreateDatabase,
    CreateEndpoint,
    Creation,
    Decision,
    DeleteEndpoint,
    Desired,
    Kind,
    LastEndpoint,
    Memory,
    Mode,
    NetworkZone,
    NewCache,
    Observed,
    Placement,
    PublicAccess,
    PutZoneGroup,
    Readiness,
    Reason,
    SetPublicAccess,
    Status,
    Step,
    VerdictKind,
    Withdrawal,
)
from shared.planner import endpoint_name, fingerprint, in_words, is_made, memory_after, plan, wants_endpoints_read
from tests.worlds import (
    CLASSIC,
    CLASSIC_ZONE,
    EXTERNAL,
    FLAGGED,
    FLAGLESS,
    KINDS,
    MANAGED,
    MANAGED_ZONE,
    NOW,
    OTHER,
    OWN_ZONE,
    SAFEGUARDS,
    SUBSCRIPTION,
    TIMING,
    A,
    B,
    Pass,
    World,
    cache_seen,
    elapsed,
    exempt,
    foreign_endpoint,
    listed,
    managed_seen,
    own_endpoint,
    own_name,
    pass_over,
    passes,
    place,
    private,
    recast,
    seen,
    subnet,
    wanted,
    zone,
    zone_group,
)

OPEN, SHUT, ABSENT = PublicAccess.ENABLED, PublicAccess.DISABLED, PublicAccess.ABSENT
LATE = timedelta(hours=2)


ASKED_FOR = Observed(CLASSIC, None)
"""A cache that is not there."""


def creating(cache: CacheId, **changes: object) -> Desired:
    """Ask for the cache itself, too."""
    kind, sku = (Kind.CLASSIC, "Standard_C1") if cache == CLASSIC else (Kind.MANAGED, "Balanced_B5")
    creation = Creation(NewCache(kind, "westeurope", sku), "a pipeline", NOW)
    return wanted(**({"creation": creation} | changes))


def private_cluster() -> Observed:
    cluster = managed_seen(public_access=SHUT)
    known = Memory(protected=True, closed_once=True, made=(own_name(MANAGED),))
    return seen(cluster, own_endpoint(cache=MANAGED), memory=known)


def decision(status: Status, *, settled: bool = False, at: datetime = NOW) -> Decision:
    """Give what somebody decided about the connection of Drawbridge's endpoint."""
    return Decision(listed(own_name()).name, status, "", own_name(), "somebody", at, settled)


REJECTED = own_endpoint(status=Status.REJECTED)


def told(made: Pass) -> str:
    """Write a pass in one line: what it did, and what it said."""
    done = " + ".join(map(_short, made.actions)) or "nothing"
    verdict = made.verdict
    because = verdict.reason.value if verdict.reason else verdict.step.name if verdict.step else ""
    return f"{done} → {verdict.kind.value}{f'({because})' if because else ''}"


def _short(action: Action) -> str:
    match action:
        case SetPublicAccess(access):
            return {SHUT: "close", OPEN: "open"}[access]
        case CreateEndpoint():
            return f"attach {action.placement.name}"
        case _:
            names = {"DeleteEndpoint": "detach", "PutZoneGroup": "name", "CreateZone": "zone", "LinkZone": "link"}
            return names[type(action).__name__]


def story(world: World, desired: Desired) -> list[str]:
    return [told(made) for made in passes(world, desired)]


def in_kind(kind: str, lines: list[str], *, lost: bool = False) -> list[str]:
    """Say what a classic cache's story is with another kind: one without a door closes none, and is exposed instead."""
    if kind in FLAGGED:
        return lines
    said = [line.replace("close + ", "") for line in lines if line != CLOSE] or [RESTS]
    waits = ("ATTACHING", "DETACHING")
    return [re.sub(rf"Converging\(({'|'.join(waits)})\)", "Blocked(Exposed)", each) if lost else each for each in said]


def first(there: Observed, desired: Desired) -> str:
    return told(pass_over(World(there), desired))


# ── (a) a tag, and it becomes private ───────────────────────────────────────────────────────────

NO_ZONE = (NetworkZone(zone(CLASSIC_ZONE, "rg-net"), exists=False, linked=False),)
ATTACH, NAME = "attach weu-prod → Converging(ATTACHING)", "name → Converging(NAMING)"
CLOSE, RESTS = "close → Converging(CLOSING)", "nothing → Compliant"


@pytest.mark.parametrize(
    ("world", "desired", "expected"),
    [
        pytest.param(World(seen()), wanted(), [ATTACH, NAME, RESTS], id="classic, which Azure closes by itself"),
        pytest.param(
            World(seen(cache_seen(closes_on_attach=False))),
            wanted(),
            [ATTACH, NAME, CLOSE, RESTS],
            id="door stays open",
        ),
        pytest.param(
            World(seen(managed_seen(public_access=OPEN))), wanted(), [ATTACH, NAME, CLOSE, RESTS], id="managed"
        ),
        pytest.param(World(seen(managed_seen())), wanted(), [ATTACH, NAME, RESTS], id="managed, too old for a flag"),
        pytest.param(
            World(seen(networks=NO_ZONE)),
            wanted(OWN_ZONE),
            [
                "zone → Converging(ZONING)",
                "link → Converging(ZONING)",
                "attach weu-own-zone → Converging(ATTACHING)",
                NAME,
                RESTS,
            ],
            id="zone made first, as Azure closes the door with the endpoint",
        ),
        pytest.param(
            World(seen(cache_seen(public_access=SHUT), networks=NO_ZONE)),
            wanted(OWN_ZONE),
            [
                "attach weu-own-zone + zone → Converging(ATTACHING)",
                "link → Converging(ZONING)",
                NAME,
                RESTS,
            ],
            id="zone made beside the endpoint, as the door is shut",
        ),
        pytest.param(
            World(seen(), names_elsewhere=True),
            wanted(EXTERNAL),
            ["attach weu-external → Converging(ATTACHING)", RESTS],
            id="names made by Azure Policy",
        ),
        pytest.param(
            World(seen(), names_elsewhere=True),
            wanted(A),
            [ATTACH, RESTS],
            id="names made by Azure Policy, unasked: its group is adopted",
        ),
        pytest.param(
            World(seen()),
            wanted(A, B),
            [ATTACH, NAME, "attach weu-second → Converging(ATTACHING)", RESTS],
            id="two placements, one after the other: the name leads to the first, as they share a zone",
        ),
        pytest.param(
            World(seen()),
            wanted(A, replace(B, zones={CLASSIC_ZONE: zone(group="rg-other")})),
            [ATTACH, NAME, "attach weu-second → Converging(ATTACHING)", NAME, RESTS],
            id="two placements, each with a zone of its own",
        ),
        pytest.param(
            World(seen(cache_seen(), foreign_endpoint())), wanted(), [CLOSE, RESTS], id="Terraform's endpoint"
        ),
        pytest.param(
            World(seen(cache_seen(), foreign_endpoint(zone_groups=()))),
            wanted(),
            [NAME, CLOSE, RESTS],
            id="Terraform's endpoint without names",
        ),
        pytest.param(World(private()), wanted(), [RESTS], id="as it should be"),
    ],
)
def test_a_tagged_cache_becomes_private_step_by_step(world: World, desired: Desired, expected: list[str]) -> None:
    assert story(world, desired) == expected


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("placements", [(A,), (A, B), (EXTERNAL,)], ids=["one", "two", "external"])
def test_a_tagged_cache_of_every_kind_becomes_private(kind: str, placements: tuple[Placement, ...]) -> None:
    world = World(seen(KINDS[kind]), names_elsewhere=placements == (EXTERNAL,))
    named = [] if placements == (EXTERNAL,) else [NAME]
    closing = [CLOSE] if kind in FLAGGED and not KINDS[kind].closes_on_attach else []

    attached = [f"attach {each.name} → Converging(ATTACHING)" for each in placements]
    assert story(world, wanted(*placements)) == [attached[0], *named, *attached[1:], *closing, RESTS]


def test_the_zone_group_follows_the_endpoint_in_the_first_pass_that_sees_it_ready() -> None:
    attached = pass_over(World(seen()), wanted())
    ready = elapsed(attached.after, timedelta(seconds=51))

    assert told(pass_over(ready, wanted())) == NAME


# ── (b) protection lost ─────────────────────────────────────────────────────────────────────────

PRIVATE = World(private())
ROUTES = [
    pytest.param(
        PRIVATE.without(own_name()), ["close + attach weu-prod → Converging(ATTACHING)"], id="endpoint deleted"
    ),
    pytest.param(
        PRIVATE.disconnected(own_name()), ["close + detach → Converging(DETACHING)", ATTACH], id="connection deleted"
    ),
    pytest.param(PRIVATE.rejected(own_name()), ["close + detach → Converging(DETACHING)", ATTACH], id="rejected"),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("world", "begins"), ROUTES)
def test_lost_protection_closes_first_and_comes_back(world: World, begins: list[str], kind: str) -> None:
    assert story(recast(world, kind), wanted()) == in_kind(kind, [*begins, NAME, RESTS], lost=True)


@pytest.mark.parametrize("kind", FLAGGED)
@pytest.mark.parametrize(("world", "begins"), ROUTES)
def test_a_loss_that_left_the_door_open_is_closed_before_anything_else(
    world: World, begins: list[str], kind: str
) -> None:
    attaching = [line.replace("close + ", "") for line in begins]

    opened = recast(world, kind).changed(public_access=OPEN)
    assert story(opened, wanted()) == [CLOSE, *attaching, NAME, RESTS]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("world", "begins"), ROUTES)
def test_lockdown_closes_and_does_not_attach_again(world: World, begins: list[str], kind: str) -> None:
    del begins
    said = "close → Blocked(LockedDown)" if kind in FLAGGED else "nothing → Blocked(Exposed)"
    assert story(recast(world, kind), wanted(last_endpoint=LastEndpoint.LOCKDOWN)) == [said]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("world", "begins"), ROUTES)
def test_open_keeps_a_cache_reachable_that_has_lost_its_last_endpoint(
    world: World, begins: list[str], kind: str
) -> None:
    del begins
    opening = ["open → Converging(OPENING)"] if kind in FLAGGED else []
    assert story(recast(world, kind), wanted(last_endpoint=LastEndpoint.OPEN)) == [*opening, RESTS]


@pytest.mark.parametrize("kind", KINDS)
def test_one_of_two_endpoints_is_no_loss_and_comes_back(kind: str) -> None:
    both = seen(
        cache_seen(public_access=SHUT),
        own_endpoint(A),
        own_endpoint(B),
        memory=Memory(protected=True, closed_once=True),
    )

    left = recast(World(both).without(own_name(placement=A)), kind)
    assert story(left, wanted(A, B)) == [ATTACH, NAME, RESTS]


def test_a_managed_cache_that_opens_with_its_last_endpoint_is_closed_at_once() -> None:
    there = seen(
        managed_seen(public_access=SHUT), own_endpoint(cache=MANAGED), memory=Memory(protected=True, closed_once=True)
    )
    lost = World(there).without(own_name(MANAGED))

    assert lost.cache.public_access is OPEN
    assert story(lost, wanted()) == [CLOSE, ATTACH, NAME, RESTS]


def test_an_old_managed_cache_that_cannot_be_closed_is_attached_again_at_once() -> None:
    lost = World(seen(managed_seen(), memory=Memory(protected=True)))

    assert story(lost, wanted()) == ["attach weu-prod → Blocked(Exposed)", NAME, RESTS]


def test_loss_is_closed_without_a_ticket_even_where_the_door_was_never_closed_before() -> None:
    lost = seen(cache_seen(), memory=Memory(protected=True))
    action = plan(lost, wanted(), NOW).actions[0]

    assert action == SetPublicAccess(SHUT, Cause.PROTECTION_LOST, first=False)


def test_what_is_opened_again_after_the_loss_is_closed_before_the_endpoint_is_made() -> None:
    reopened = seen(cache_seen(), memory=Memory(lost_at=NOW - timedelta(minutes=1), reasserted=True))

    assert story(World(reopened), wanted()) == [CLOSE, ATTACH, NAME, RESTS]


LOCKED = World(
    seen(cache_seen(public_access=SHUT), memory=Memory(lost_at=NOW - LATE, reasserted=True, closed_once=True))
)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param(None, ["nothing → Blocked(LockedDown)"], id="nobody asked"),
        pytest.param(NOW - 2 * LATE, ["nothing → Blocked(LockedDown)"], id="asked before the loss"),
        pytest.param(NOW - LATE / 2, [ATTACH, NAME, RESTS], id="asked after the loss"),
    ],
)
def test_a_lockdown_ends_when_a_caller_asks_after_the_loss(asked: object, expected: list[str]) -> None:
    desired = wanted(last_endpoint=LastEndpoint.LOCKDOWN, requested_at=asked)

    assert story(LOCKED, desired) == expected


def test_a_lockdown_ends_when_somebody_attaches_by_hand() -> None:
    by_hand = replace(LOCKED, there=seen(LOCKED.cache, foreign_endpoint(), memory=LOCKED.there.memory))

    assert story(by_hand, wanted(last_endpoint=LastEndpoint.LOCKDOWN)) == [RESTS]


def test_a_request_after_a_loss_that_was_opened_attaches_before_it_closes() -> None:
    """The operator chose reachability: asking for an endpoint must not cut the cache off meanwhile."""
    opened = World(seen(cache_seen(closes_on_attach=False), memory=Memory(lost_at=NOW - LATE, closed_once=True)))
    desired = wanted(last_endpoint=LastEndpoint.OPEN, requested_at=NOW)

    assert story(opened, desired) == [ATTACH, NAME, CLOSE, RESTS]


def test_lockdown_says_exposed_of_a_cache_that_cannot_be_closed() -> None:
    lost = seen(managed_seen(), memory=Memory(protected=True))

    assert first(lost, wanted(last_endpoint=LastEndpoint.LOCKDOWN)) == "nothing → Blocked(Exposed)"


def test_what_happened_while_nothing_was_asked_of_a_cache_is_no_loss_later() -> None:
    alone = pass_over(World(private()), wanted(enrolled=False, close=False))
    back = alone.after.without(own_name()).changed(public_access=OPEN)

    assert story(back, wanted()) == [ATTACH, NAME, RESTS]


# ── (c) opened by hand ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("world", "desired", "expected"),
    [
        pytest.param(PRIVATE.changed(public_access=OPEN), wanted(), [CLOSE, RESTS], id="enrolled"),
        pytest.param(
            World(replace(private(), trusted=True)).changed(public_access=OPEN),
            wanted(),
            [CLOSE, RESTS],
            id="quick look",
        ),
        pytest.param(
            PRIVATE.changed(public_access=OPEN),
            wanted(enrolled=False),
            [CLOSE, RESTS],
            id="not enrolled, where all must be closed",
        ),
        pytest.param(
            World(seen(memory=Memory(closed_once=True))),
            wanted(enrolled=False),
            [CLOSE, RESTS],
            id="not enrolled and without an endpoint, and closed before",
        ),
        pytest.param(
            PRIVATE.changed(public_access=OPEN), wanted(close=False), [RESTS], id="the policy asks for no closing"
        ),
        pytest.param(
            PRIVATE.changed(public_access=OPEN, readiness=Readiness.BUSY),
            wanted(),
            ["nothing → Converging(CACHE_BUSY)", CLOSE, RESTS],
            id="while the cache is busy",
        ),
    ],
)
@pytest.mark.parametrize("kind", FLAGGED)
def test_a_door_opened_by_hand_is_closed_again(world: World, desired: Desired, expected: list[str], kind: str) -> None:
    assert story(recast(world, kind), desired) == expected


def test_a_door_opened_by_hand_is_closed_without_waiting_for_dns() -> None:
    broken = seen(cache_seen(), own_endpoint(zone_groups=()), memory=Memory(protected=True, closed_once=True))

    assert first(broken, wanted()) == "name + close → Converging(NAMING)"


def test_a_door_that_was_never_closed_waits_for_dns() -> None:
    fresh = seen(cache_seen(), own_endpoint(zone_groups=()), memory=Memory(protected=True))

    assert first(fresh, wanted()) == NAME


# ── a fight ─────────────────────────────────────────────────────────────────────────────────────


def fought(world: World, undo: Callable[[World], World], desired: Desired, times: int) -> list[Pass]:
    """Make passes half a minute apart, and let somebody undo before each what the one before has done."""
    made: list[Pass] = []
    for _ in range(times):
        made.append(pass_over(undo(world), desired))
        world = elapsed(made[-1].after, timedelta(seconds=30))
    return made


def test_a_door_opened_again_and_again_is_closed_a_last_time_and_called_contested() -> None:
    def opened(world: World) -> World:
        by_hand = world.changed(public_access=OPEN)
        return replace(by_hand, there=replace(by_hand.there, caller="ada@example.com"))

    made = fought(PRIVATE, opened, wanted(), 5)

    contested = ["close → Blocked(Contested)", "nothing → Blocked(Contested)"]
    assert [told(each) for each in made] == [CLOSE, CLOSE, CLOSE, *contested]
    assert "ada@example.com" in made[-1].verdict.message


def test_a_contested_cache_is_closed_again_now_and_then_and_at_peace_when_the_window_has_passed() -> None:
    fights = tuple(NOW - timedelta(minutes=minutes) for minutes in (40, 30, 25, 21))
    there = replace(private(fights=fights), cache=replace(World(private()).cache, public_access=OPEN))

    assert first(there, wanted()) == "close → Blocked(Contested)"
    later = World(there, now=NOW + timedelta(hours=1))
    assert told(pass_over(later, wanted())) == CLOSE


@pytest.mark.parametrize("kind", FLAGGED)
def test_an_endpoint_deleted_again_and_again_is_not_made_for_ever_and_the_door_is_shut(kind: str) -> None:
    def deleted(world: World) -> World:
        return world.without(*(e.id for e in world.there.endpoints if e.readiness is Readiness.READY))

    made = fought(recast(PRIVATE, kind), deleted, wanted(), 20)

    assert 1 <= sum("attach" in told(each) for each in made) <= SAFEGUARDS.reattach_limit
    assert made[-1].verdict.reason is Reason.CONTESTED
    assert elapsed(made[-1].after).cache.public_access is SHUT


@pytest.mark.parametrize("undo", ["delete", "reject"])
def test_a_second_endpoint_that_is_undone_again_and_again_is_a_fight_too(undo: str) -> None:
    both = seen(
        cache_seen(public_access=SHUT),
        own_endpoint(A),
        own_endpoint(B),
        memory=Memory(protected=True, closed_once=True, made=(own_name(placement=A), own_name(placement=B))),
    )

    def undone(world: World) -> World:
        if undo == "reject":
            return world.rejected(own_name(placement=B))
        return world.without(*(e.id for e in world.there.endpoints if e.subnet == B.subnet))

    made = fought(World(both), undone, wanted(A, B), 40)

    assert told(made[-1]) == "nothing → Blocked(Contested)"
    assert sum(len(each.actions) for each in made) <= 2 * SAFEGUARDS.reattach_limit


def test_a_fight_over_opening_is_not_fought_for_ever_either() -> None:
    desired = wanted(last_endpoint=LastEndpoint.OPEN)

    made = fought(PRIVATE.without(own_name()), lambda world: world.changed(public_access=SHUT), desired, 10)

    assert sum(len(each.actions) for each in made) == SAFEGUARDS.reattach_limit
    assert told(made[-1]) == "nothing → Blocked(Contested)"


def test_a_declared_fight_is_not_over_because_the_door_is_shut_but_when_the_window_has_passed() -> None:
    fights = tuple(NOW - timedelta(minutes=minutes) for minutes in (40, 30, 20, 10))
    there = private(fights=fights, closed_once=True)

    declared, over = plan(there, wanted(), NOW), plan(there, wanted(), NOW + timedelta(hours=1))

    assert (declared.verdict.reason, declared.actions) == (Reason.CONTESTED, ())
    assert over.verdict.kind is VerdictKind.COMPLIANT


def test_a_contested_cache_that_cannot_be_closed_is_not_said_to_be_closed() -> None:
    fights = (NOW - timedelta(minutes=1),) * 3
    lost = seen(managed_seen(), memory=Memory(lost_at=NOW, reasserted=False, fights=fights))

    decided = plan(lost, wanted(), NOW)

    assert decided.verdict.reason is Reason.CONTESTED
    assert "stays closed" not in decided.verdict.message


# ── what is left alone ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("desired", "expected"),
    [
        pytest.param(wanted(in_scope=False), "nothing → OutOfScope", id="out of scope"),
        pytest.param(wanted(ignored=True, enrolled=False, close=False), RESTS, id="tagged ignore"),
        pytest.param(wanted(enrolled=False, close=False), RESTS, id="nothing asked"),
        pytest.param(wanted(mode=Mode.AUDIT), "nothing → AuditOnly", id="audit"),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_to_be_touched_is_not_touched(desired: Desired, expected: str, kind: str) -> None:
    assert first(seen(KINDS[kind]), desired) == expected


def test_audit_says_in_words_what_would_be_done_and_remembers_what_it_saw() -> None:
    lost = PRIVATE.without(own_name()).there
    decided = plan(lost, wanted(mode=Mode.AUDIT), NOW)

    assert "set public network access to Disabled, as the last approved endpoint is gone" in decided.verdict.message
    assert "make endpoint pe-orders-" in decided.verdict.message
    assert (decided.memory.lost_at, decided.memory.fights, decided.memory.reasserted) == (NOW, (), False)


@pytest.mark.parametrize(
    ("there", "desired", "expected"),
    [
        pytest.param(seen(), wanted(exemption=exempt()), "nothing → Exempt", id="classic: attaching would close it"),
        pytest.param(
            seen(managed_seen(public_access=OPEN)),
            wanted(exemption=exempt()),
            ATTACH,
            id="managed: attaching leaves it",
        ),
        pytest.param(
            replace(private(), cache=replace(World(private()).cache, public_access=OPEN)),
            wanted(exemption=exempt()),
            "nothing → Exempt",
            id="attached and open",
        ),
        pytest.param(private(), wanted(exemption=exempt()), RESTS, id="closed: an exemption opens nothing"),
        pytest.param(
            seen(memory=Memory(protected=True)), wanted(exemption=exempt()), "nothing → Exempt", id="lost while open"
        ),
        pytest.param(
            seen(memory=Memory(protected=True)),
            wanted(exemption=exempt(), last_endpoint=LastEndpoint.LOCKDOWN),
            "nothing → Exempt",
            id="lost while open, lockdown",
        ),
        pytest.param(
            seen(cache_seen(public_access=SHUT), memory=Memory(protected=True)),
            wanted(exemption=exempt()),
            "close + attach weu-prod → Converging(ATTACHING)",
            id="lost while closed",
        ),
    ],
)
def test_an_exemption_tolerates_public_access_and_nothing_else(
    there: Observed, desired: Desired, expected: str
) -> None:
    assert first(there, desired) == expected


def test_an_exempt_cache_is_looked_at_when_it_is_to_be_reminded_of_and_when_it_ends() -> None:
    desired = wanted(exemption=exempt(days=7))
    made = [each for each in passes(World(seen()), desired) if each.verdict.kind is VerdictKind.EXEMPT]

    assert [each.before.now for each in made] == [NOW, exempt(days=7).remind_at]
    assert made[-1].verdict.until == exempt(days=7).ends


# ── what cannot work ────────────────────────────────────────────────────────────────────────────

FULL_UP = tuple(Connection(f"pe{n}.1", None, Status.PENDING) for n in range(84))
THEIRS = NetworkId(SUBSCRIPTION, "rg-app", "privateEndpoints", "pe-elsewhere")
NO_SUCH_ZONE = replace(place("weu-nameless"), zones={})
STUCK = {f"endpoint:{A.name}": NOW - LATE, f"external:{EXTERNAL.name}": NOW - LATE, f"zone:{CLASSIC_ZONE}": NOW - LATE}
ASTRAY = (zone_group(zone("privatelink.blob.example.net")),)
EMPTY = (zone_group(records=()),)
FAILED = (zone_group(readiness=Readiness.FAILED, records=()),)

BLOCKED: list[tuple[Reason, str, Observed, Desired]] = [
    (Reason.CACHE_FAILED, "", seen(cache_seen(readiness=Readiness.FAILED, state="Failed")), wanted()),
    (Reason.CACHE_DISABLED, "", seen(cache_seen(readiness=Readiness.DISABLED, state="Disabled")), wanted()),
    (Reason.VNET_INJECTED, "enrolled", seen(cache_seen(vnet_injected=True)), wanted()),
    (Reason.VNET_INJECTED, "to be closed", seen(cache_seen(vnet_injected=True)), wanted(enrolled=False)),
    (Reason.VNET_INJECTED, "lost", seen(cache_seen(vnet_injected=True), memory=Memory(protected=True)), wanted()),
    (Reason.GEO_REPLICATED, "", seen(cache_seen(geo_replicated=True)), wanted()),
    (
        Reason.CLUSTERED_SINGLE_ENDPOINT,
        "",
        seen(cache_seen(clustered=True, connections=(listed(THEIRS),))),
        wanted(),
    ),
    (Reason.CONNECTION_LIMIT, "", seen(managed_seen(connections=FULL_UP)), wanted()),
    (Reason.PLACEMENT_MISSING, "", seen(), replace(wanted(), placements=())),
    (Reason.PLACEMENT_UNKNOWN, "", seen(), wanted(unknown_placements=("weu-prd",))),
    (Reason.ENDPOINT_PENDING, "", seen(cache_seen(), own_endpoint(status=Status.PENDING)), wanted()),
    (
        Reason.ENDPOINT_FAILED,
        "three times",
        seen(cache_seen(), own_endpoint(readiness=Readiness.FAILED), memory=Memory(failures=2)),
        wanted(),
    ),
    (
        Reason.ENDPOINT_FAILED,
        "for hours",
        seen(cache_seen(), own_endpoint(readiness=Readiness.BUSY), memory=Memory(begun=STUCK)),
        wanted(),
    ),
    (
        Reason.ENDPOINT_FAILED,
        "approved all the same",
        seen(cache_seen(connections=(listed(own_name()),)), own_endpoint(readiness=Readiness.FAILED), memory=Memory()),
        wanted(),
    ),
    (
        Reason.PERSISTENCE_FIREWALLED,
        "",
        seen(cache_seen(persistent=True), own_endpoint(readiness=Readiness.FAILED), memory=Memory(failures=2)),
        wanted(),
    ),
    (
        Reason.ENDPOINT_NAME_TAKEN,
        "in another subnet",
        seen(cache_seen(), own_endpoint(subnet=subnet("snet-old"))),
        wanted(),
    ),
    (
        Reason.ENDPOINT_NAME_TAKEN,
        "its tags are gone, and it is rejected",
        seen(cache_seen(), own_endpoint(tags={}, status=Status.REJECTED)),
        wanted(),
    ),
    (
        Reason.ENDPOINT_NAME_TAKEN,
        "it is another cache's",
        seen(cache_seen(), own_endpoint(targets=(OTHER,), readiness=Readiness.BUSY)),
        wanted(),
    ),
    (Reason.PERMISSION_DENIED, "", seen(unreadable=(own_name(),)), wanted()),
    (
        Reason.ZONE_MISSING,
        "attached",
        seen(cache_seen(), own_endpoint(zone_groups=())),
        wanted(NO_SUCH_ZONE),
    ),
    (Reason.ZONE_MISSING, "not attached", seen(), wanted(NO_SUCH_ZONE)),
    (
        Reason.ZONE_MISSING,
        "begun hours ago",
        seen(cache_seen(), own_endpoint(OWN_ZONE, zone_groups=()), memory=Memory(begun=STUCK), networks=NO_ZONE),
        wanted(OWN_ZONE),
    ),
    (
        Reason.DNS_EXTERNAL_MISSING,
        "",
        seen(cache_seen(), own_endpoint(EXTERNAL, zone_groups=()), memory=Memory(begun=STUCK)),
        wanted(EXTERNAL),
    ),
    (
        Reason.ZONE_GROUP_CONFLICT,
        "somebody's group",
        seen(cache_seen(), foreign_endpoint(zone_groups=ASTRAY)),
        wanted(),
    ),
    (
        Reason.ZONE_GROUP_CONFLICT,
        "records do not appear",
        seen(
            cache_seen(),
            own_endpoint(zone_groups=EMPTY),
            memory=Memory(begun={f"records:{own_name().name}": NOW - LATE}),
        ),
        wanted(),
    ),
    (
        Reason.ZONE_GROUP_CONFLICT,
        "the group does not stay",
        seen(
            cache_seen(), own_endpoint(zone_groups=()), memory=Memory(begun={f"records:{own_name().name}": NOW - LATE})
        ),
        wanted(),
    ),
    (
        Reason.ZONE_GROUP_CONFLICT,
        "failed three times",
        seen(cache_seen(), own_endpoint(zone_groups=FAILED), memory=Memory(failures=2)),
        wanted(),
    ),
    (Reason.PLACEMENT_MISSING, "nothing there yet", ASKED_FOR, creating(CLASSIC, placements=())),
    (Reason.PLACEMENT_UNKNOWN, "nothing there yet", ASKED_FOR, creating(CLASSIC, unknown_placements=("nowhere",))),
    (
        Reason.DATABASE_FAILED,
        "",
        replace(private_cluster(), database=Readiness.FAILED),
        creating(MANAGED),
    ),
    (
        Reason.CONNECTION_DECIDED,
        "",
        seen(cache_seen(public_access=SHUT), foreign_endpoint(status=Status.REJECTED)),
        wanted(decisions=(replace(decision(Status.REJECTED, settled=True), endpoint=foreign_endpoint().id),)),
    ),
    (Reason.NO_PRIVATE_WAY, "", seen(), wanted(enrolled=False)),
    (
        Reason.LAST_ENDPOINT,
        "",
        private_cluster(),
        wanted(
            enrolled=False,
            placements=(),
            withdrawn=(Withdrawal("weu-prod", own_name(MANAGED).name, own_name(MANAGED)),),
        ),
    ),
    (Reason.EXPOSED, "", seen(managed_seen()), wanted(enrolled=False)),
    (
        Reason.LOCKED_DOWN,
        "",
        seen(cache_seen(public_access=SHUT), memory=Memory(lost_at=NOW - LATE, reasserted=True)),
        wanted(last_endpoint=LastEndpoint.LOCKDOWN),
    ),
    (
        Reason.CONTESTED,
        "",
        seen(cache_seen(public_access=SHUT), memory=Memory(lost_at=NOW, reasserted=True, fights=(NOW,) * 3)),
        wanted(),
    ),
]


ONLY_CLASSIC = {Reason.VNET_INJECTED, Reason.GEO_REPLICATED, Reason.CLUSTERED_SINGLE_ENDPOINT}
WITHOUT_A_DOOR = {
    Reason.NO_PRIVATE_WAY: "nothing → Blocked(Exposed)",
    Reason.LOCKED_DOWN: "nothing → Blocked(Exposed)",
    Reason.CONTESTED: "attach weu-prod → Blocked(Contested)",
}
"""What is said instead of a cluster that no flag closes."""


def blocked_kinds(reason: Reason, there: Observed) -> list[str]:
    """Give the kinds of cache that a row is about: what is told of a classic cache is told of the others too."""
    by_name = reason is Reason.LAST_ENDPOINT  # What is withdrawn is named in the wish.
    if reason in ONLY_CLASSIC or there.id != CLASSIC or by_name:
        return ["classic"]
    return list(KINDS)


@pytest.mark.parametrize(
    ("reason", "there", "desired", "kind"),
    [
        pytest.param(r, there, d, kind, id=" ".join(filter(None, (r.value, how, kind))))
        for r, how, there, d in BLOCKED
        for kind in blocked_kinds(r, there)
    ],
)
def test_what_cannot_work_is_said_with_its_reason_and_not_tried(
    reason: Reason, there: Observed, desired: Desired, kind: str
) -> None:
    made = pass_over(recast(World(there), kind) if there.id == CLASSIC else World(there), desired)

    said = f"nothing → Blocked({reason.value})"
    assert told(made) == (WITHOUT_A_DOOR.get(reason, said) if kind in FLAGLESS else said)
    assert len(made.verdict.message) > 20


def test_every_reason_is_given_by_the_planner_or_by_azures_answers_or_by_a_failed_pass() -> None:
    planned = {reason for reason, *_ in BLOCKED}
    answered = {row.reason for row in BY_CODE.values()} | {told.row.reason for told in BY_MESSAGE}
    elsewhere = {Reason.CACHE_UNREADABLE, Reason.CACHE_QUOTA, Reason.FAILED, Reason.UNEXPECTED}
    of_networks = {Reason.NETWORK_DIFFERS, Reason.NETWORK_FAILED}

    assert planned | answered | elsewhere | of_networks >= set(Reason)


@pytest.mark.parametrize(
    ("there", "desired"),
    [
        pytest.param(there, desired, id=f"{reason.value} {how}".strip())
        for reason, how, there, desired in BLOCKED
        if reason is Reason.DNS_EXTERNAL_MISSING or how == "for hours"
    ],
)
def test_what_has_taken_too_long_stays_blocked_while_it_goes_on(there: Observed, desired: Desired) -> None:
    made = pass_over(World(there), desired)
    later = replace(made.after, now=NOW + timedelta(minutes=10))

    assert pass_over(later, desired).verdict.reason is made.verdict.reason


@pytest.mark.parametrize(
    "there",
    [
        pytest.param(seen(cache_seen(readiness=readiness)), id=readiness.value)
        for readiness in (Readiness.BUSY, Readiness.DELETING)
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_cache_that_is_not_ready_is_waited_for(there: Observed, kind: str) -> None:
    assert told(pass_over(recast(World(there), kind), wanted())).startswith("nothing → Converging(CACHE_")


# ── adopting, and keeping off ───────────────────────────────────────────────────────────────────

HIDDEN = NetworkId("77777777-2222-3333-4444-555555555555", "rg-hidden", "privateEndpoints", "pe-hidden")


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        pytest.param(
            seen(cache_seen(connections=(listed(HIDDEN),)), unreadable=(HIDDEN,)), CLOSE, id="approved and unreadable"
        ),
        pytest.param(
            seen(cache_seen(connections=(listed(HIDDEN, Status.PENDING),)), unreadable=(HIDDEN,)),
            ATTACH,
            id="pending and unreadable",
        ),
        pytest.param(
            seen(cache_seen(), foreign_endpoint(status=Status.REJECTED)),
            ATTACH,
            id="somebody's, rejected: ours beside it",
        ),
        pytest.param(
            seen(cache_seen(), foreign_endpoint(status=Status.DISCONNECTED)), ATTACH, id="somebody's, disconnected"
        ),
        pytest.param(
            seen(cache_seen(), foreign_endpoint(readiness=Readiness.BUSY)),
            "nothing → Converging(ATTACHING)",
            id="somebody's, on its way",
        ),
        pytest.param(
            seen(cache_seen(), foreign_endpoint(subnet=subnet("snet-elsewhere"))),
            ATTACH,
            id="somebody's, in another subnet",
        ),
        pytest.param(
            seen(cache_seen(), foreign_endpoint(status=Status.PENDING)),
            "nothing → Blocked(EndpointPending)",
            id="somebody's, pending",
        ),
        pytest.param(
            seen(cache_seen(), own_endpoint(), foreign_endpoint(status=Status.PENDING)),
            CLOSE,
            id="ours works beside one that is pending",
        ),
        pytest.param(
            seen(cache_seen(), own_endpoint(readiness=Readiness.DELETING)),
            "nothing → Converging(DETACHING)",
            id="ours, being deleted",
        ),
        pytest.param(
            seen(cache_seen(), own_endpoint(readiness=Readiness.FAILED)),
            "detach → Converging(DETACHING)",
            id="ours, failed and never connected",
        ),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_an_endpoint_is_adopted_before_one_is_made(there: Observed, expected: str, kind: str) -> None:
    assert [told(pass_over(recast(World(there), kind), wanted()))] == in_kind(kind, [expected])


def test_what_cannot_be_read_is_said() -> None:
    shut = seen(cache_seen(public_access=SHUT, connections=(listed(HIDDEN),)), unreadable=(HIDDEN,))

    assert "pe-hidden counts as protection" in plan(shut, wanted(), NOW).verdict.message


def test_one_unreadable_endpoint_stands_for_one_placement_only() -> None:
    there = seen(cache_seen(public_access=SHUT, connections=(listed(HIDDEN),)), unreadable=(HIDDEN,))

    assert first(there, wanted(A, B)) == "attach weu-second → Converging(ATTACHING)"


def test_an_endpoint_that_the_cache_does_not_list_yet_is_waited_for_and_not_deleted() -> None:
    """A read of the cache can be older than that of its endpoint."""
    early = World(seen(cache_seen(connections=(Connection("other.1", None, Status.PENDING),)), own_endpoint()))

    lines = story(early, wanted())

    assert lines[0] == "nothing → Converging(ATTACHING)"
    assert "detach → Converging(DETACHING)" in lines
    waited = next(each for each in passes(early, wanted()) if each.actions).before.now - NOW
    assert waited > timedelta(minutes=10)


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        pytest.param(own_endpoint(zone_groups=(zone_group(zone(CLASSIC_ZONE, "rg-hub")),)), CLOSE, id="a hub's zone"),
        pytest.param(
            foreign_endpoint(zone_groups=(zone_group(name="deployedByPolicy"),)), CLOSE, id="a policy's zone group"
        ),
        pytest.param(own_endpoint(zone_groups=ASTRAY), NAME, id="ours, astray"),
        pytest.param(own_endpoint(zone_groups=EMPTY), NAME, id="no records"),
        pytest.param(own_endpoint(records_present=False), NAME, id="its record was taken from the zone"),
        pytest.param(
            own_endpoint(zone_groups=(zone_group(readiness=Readiness.BUSY),)),
            "nothing → Converging(NAMING)",
            id="being written",
        ),
        pytest.param(own_endpoint(zone_groups=(zone_group(readiness=Readiness.FAILED),)), NAME, id="failed"),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_dns_is_right_before_the_door_closes(endpoint: object, expected: str, kind: str) -> None:
    there = recast(World(seen(cache_seen(), endpoint)), kind)  # type: ignore[arg-type]
    assert [told(pass_over(there, wanted()))] == in_kind(kind, [expected])


def test_a_zone_group_that_was_just_written_and_is_not_listed_yet_is_waited_for() -> None:
    def written(ago: timedelta) -> Observed:
        begun = {f"records:{own_name().name}": NOW - ago}
        return seen(cache_seen(), own_endpoint(zone_groups=()), memory=Memory(begun=begun))

    assert first(written(timedelta(seconds=5)), wanted()) == "nothing → Converging(NAMING)"
    assert first(written(timedelta(minutes=2)), wanted()) == NAME


def test_a_zone_group_that_fails_is_counted_like_an_endpoint_that_fails() -> None:
    decided = plan(seen(cache_seen(), own_endpoint(zone_groups=FAILED)), wanted(), NOW)

    assert decided.memory.failures == 1


def test_a_policys_zone_group_without_records_is_mended_in_place_and_keeps_its_zone() -> None:
    hub = zone(CLASSIC_ZONE, "rg-hub")
    groups = (zone_group(hub, name="deployedByPolicy", records=()),)
    action = plan(seen(cache_seen(), own_endpoint(zone_groups=groups)), wanted(), NOW).actions[0]

    assert action == PutZoneGroup(own_name(), "deployedByPolicy", hub, Cause.WRONG_ZONE_GROUP)


def test_where_azure_policy_makes_the_names_no_group_is_written() -> None:
    for made in passes(World(seen(), names_elsewhere=True), wanted(EXTERNAL)):
        assert not any(isinstance(action, PutZoneGroup) for action in made.actions)


# ── brakes ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("there", "ticket"),
    [
        pytest.param(seen(), True, id="classic: Azure closes it with the endpoint"),
        pytest.param(seen(cache_seen(public_access=SHUT)), False, id="closed already"),
        pytest.param(seen(memory=Memory(closed_once=True)), False, id="closed before"),
        pytest.param(seen(managed_seen(public_access=OPEN)), False, id="managed: the endpoint closes nothing"),
        pytest.param(seen(managed_seen(public_access=OPEN), own_endpoint(cache=MANAGED)), True, id="managed: closing"),
        pytest.param(seen(cache_seen(), own_endpoint()), True, id="attached and never closed"),
        pytest.param(seen(cache_seen(), own_endpoint(), memory=Memory(closed_once=True)), False, id="opened by hand"),
        pytest.param(seen(memory=Memory(protected=True)), False, id="lost"),
        pytest.param(seen(memory=Memory(lost_at=NOW, reasserted=True)), False, id="lost, closed, opened again"),
    ],
)
def test_only_what_closes_a_cache_for_the_first_time_takes_a_ticket(there: Observed, ticket: bool) -> None:
    actions = plan(there, wanted(), NOW).actions
    takes = [a.first for a in actions if isinstance(a, CreateEndpoint | SetPublicAccess)]

    assert any(takes) == ticket
    assert takes


# ── a cache that is gone ────────────────────────────────────────────────────────────────────────


def gone(*endpoints: object, memory: Memory | None = None) -> World:
    return World(Observed(CLASSIC, None, tuple(endpoints), memory=memory or Memory()))  # type: ignore[arg-type]


DETACH = "detach → Converging(DETACHING)"
DETACHING = "nothing → Converging(DETACHING)"
FORGOTTEN = "nothing → OutOfScope"


@pytest.mark.parametrize(
    ("world", "expected"),
    [
        pytest.param(gone(), [FORGOTTEN], id="nothing left behind"),
        pytest.param(gone(own_endpoint(status=Status.DISCONNECTED)), [DETACH, FORGOTTEN], id="ours"),
        pytest.param(gone(own_endpoint()), [DETACHING, DETACH, FORGOTTEN], id="ours, seen too early as approved"),
        pytest.param(gone(foreign_endpoint(status=Status.DISCONNECTED)), [FORGOTTEN], id="somebody's"),
        pytest.param(
            gone(own_endpoint(cache=OTHER, status=Status.DISCONNECTED)), [FORGOTTEN], id="ours, for another cache"
        ),
        pytest.param(gone(own_endpoint(readiness=Readiness.DELETING)), [DETACHING, FORGOTTEN], id="on its way out"),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_what_drawbridge_made_for_a_deleted_cache_is_deleted(world: World, expected: list[str], kind: str) -> None:
    assert story(recast(world, kind), wanted()) == expected


def test_an_endpoint_of_a_deleted_cache_that_claims_to_be_approved_is_left_after_an_hour() -> None:
    old = gone(own_endpoint(), memory=Memory(begun={"orphaned": NOW - LATE}))

    assert told(pass_over(old, wanted())) == FORGOTTEN


# ── memory and small change ─────────────────────────────────────────────────────────────────────


def test_what_was_not_carried_out_is_not_remembered_as_done() -> None:
    decided = plan(PRIVATE.without(own_name()).there, wanted(), NOW)
    closed, attached = decided.actions

    nothing, half, all_ = (memory_after(decided, done) for done in ((), (closed,), (closed, attached)))
    assert (nothing.reasserted, nothing.fights, nothing.lost_at) == (False, (), NOW)
    assert (half.reasserted, half.begun) == (True, {})
    assert (all_.reasserted, all_.fights, all_.made) == (True, (NOW,), (own_name(),))


def test_an_endpoint_that_fails_again_and_again_is_counted_even_when_the_rest_of_the_pass_fails() -> None:
    broken = own_endpoint(A, readiness=Readiness.FAILED), own_endpoint(B, zone_groups=())
    decided = plan(seen(cache_seen(public_access=SHUT), *broken), wanted(A, B), NOW)
    detached = [action for action in decided.actions if isinstance(action, DeleteEndpoint)]

    assert len(decided.actions) == 2
    assert memory_after(decided, detached).failures == 1


@pytest.mark.parametrize("step", ["endpoint", "cache"])
def test_waiting_looks_less_and_less_often(step: str) -> None:
    busy = Readiness.BUSY
    there = seen(cache_seen(), own_endpoint(readiness=busy)) if step == "endpoint" else seen(cache_seen(readiness=busy))
    world, pauses = World(there), []
    for _ in range(12):
        made = pass_over(world, wanted())
        assert made.verdict.look_after is not None
        pauses.append(made.verdict.look_after)
        world = replace(made.after, now=made.after.now + made.verdict.look_after)

    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (TIMING.cache, TIMING.cache * 10)


@pytest.mark.parametrize("placement", ["weu-prod", "WEU-PROD"])
def test_an_endpoints_name_depends_on_cache_and_placement_alone(placement: str) -> None:
    assert endpoint_name(CLASSIC, placement) == endpoint_name(CLASSIC, "weu-prod")


def test_endpoint_names_differ_and_fit_azures_limit() -> None:
    long = CacheId.parse(str(CLASSIC).replace("orders", "o" * 49 + "-" + "x" * 13))
    names = {endpoint_name(c, p) for c in (CLASSIC, MANAGED, OTHER, long) for p in ("a", "b")}

    assert len(names) == 8
    assert all(len(name) <= 64 and "--" not in name for name in names)


def test_a_fingerprint_tells_any_change_of_what_a_full_look_rests_on() -> None:
    base = private().cache
    assert base is not None
    changes = {
        fingerprint(base, wanted()),
        fingerprint(replace(base, connections=()), wanted()),
        fingerprint(replace(base, connections=(listed(own_name(), Status.REJECTED),)), wanted()),
        fingerprint(base, wanted(B)),
        fingerprint(base, wanted(digest="another")),
        fingerprint(base, wanted(enrolled=False)),
        fingerprint(replace(base, zone=MANAGED_ZONE), wanted()),
    }
    assert len(changes) == 7
    assert fingerprint(replace(base, tags={"owner": "ada"}), wanted()) in changes


@pytest.mark.parametrize(
    ("desired", "read"),
    [
        (wanted(), True),
        (wanted(enrolled=False), False),
        (wanted(in_scope=False), False),
        (wanted(mode=Mode.AUDIT), True),
    ],
)
def test_endpoints_are_read_only_where_a_decision_rests_on_them(desired: Desired, read: bool) -> None:
    assert wants_endpoints_read(desired) is read


def test_every_action_can_be_said_in_words() -> None:
    worlds: Collection[tuple[World, Desired]] = [
        (World(seen(networks=NO_ZONE)), wanted(OWN_ZONE)),
        (PRIVATE.rejected(own_name()), wanted()),
        (PRIVATE.without(own_name()), wanted(last_endpoint=LastEndpoint.OPEN)),
        (World(seen(managed_seen(public_access=OPEN, kind=Kind.ENTERPRISE))), wanted()),
    ]
    actions = [action for world, desired in worlds for made in passes(world, desired) for action in made.actions]

    assert {type(action).__name__ for action in actions} == {
        "CreateEndpoint",
        "CreateZone",
        "DeleteEndpoint",
        "LinkZone",
        "PutZoneGroup",
        "SetPublicAccess",
    }
    assert all(action.cause.value in in_words(action) for action in actions)


# ── a cache that is asked for ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("cache", [CLASSIC, MANAGED], ids=["classic", "managed"])
def test_a_cache_that_is_asked_for_is_made_closed_then_attached_and_never_open_on_the_way(cache: CacheId) -> None:
    made = list(passes(World(Observed(cache, None)), creating(cache)))

    steps = [type(action).__name__ for each in made for action in each.actions]
    database = ["CreateDatabase"] if cache == MANAGED else []
    assert steps == ["CreateCache", *database, "CreateEndpoint", "PutZoneGroup"]
    assert made[-1].verdict.kind is VerdictKind.COMPLIANT
    doors = [each.after.there.cache.public_access for each in made if each.after.there.cache]
    assert set(doors) == {SHUT}


def test_a_cache_that_is_being_made_is_said_to_be_made_until_it_is_finished() -> None:
    begun = pass_over(World(ASKED_FOR), creating(CLASSIC))
    still = pass_over(begun.after, creating(CLASSIC))

    assert (begun.verdict.step, still.verdict.step) == (Step.CREATING, Step.CREATING)
    assert still.actions == ()


def test_a_read_that_does_not_show_yet_what_was_begun_does_not_begin_it_again() -> None:
    begun = pass_over(World(ASKED_FOR), creating(CLASSIC))
    stale = replace(begun.after, there=replace(begun.after.there, cache=None), now=NOW + timedelta(seconds=30))

    assert pass_over(stale, creating(CLASSIC)).actions == ()


def test_a_cache_that_was_there_once_and_is_gone_is_not_made_again() -> None:
    asked = creating(CLASSIC)
    assert asked.creation
    fulfilled = replace(asked, creation=replace(asked.creation, fulfilled=True))

    assert pass_over(World(ASKED_FOR), fulfilled).actions == ()


def test_audit_mode_makes_no_cache_and_says_what_it_would_make() -> None:
    audited = pass_over(World(ASKED_FOR), creating(CLASSIC, mode=Mode.AUDIT))

    assert audited.actions == ()
    assert audited.verdict.kind is VerdictKind.AUDIT_ONLY
    assert "make classic cache orders (Standard_C1, westeurope) without public access" in audited.verdict.message


def test_a_cluster_of_somebody_else_gets_no_database() -> None:
    assert all(not isinstance(a, CreateDatabase) for a in pass_over(World(private_cluster()), wanted()).actions)


@pytest.mark.parametrize(
    ("there", "asked", "expected"),
    [
        pytest.param(ASKED_FOR, creating(CLASSIC), False, id="absent"),
        pytest.param(seen(cache_seen(readiness=Readiness.BUSY)), creating(CLASSIC), False, id="being made"),
        pytest.param(seen(), creating(CLASSIC), True, id="there"),
        pytest.param(seen(), wanted(), False, id="not asked for"),
        pytest.param(private_cluster(), creating(MANAGED), False, id="no database"),
        pytest.param(replace(private_cluster(), database=Readiness.READY), creating(MANAGED), True, id="database"),
    ],
)
def test_a_request_for_a_cache_is_fulfilled_once_it_is_there_and_finished(
    there: Observed, asked: Desired, *, expected: bool
) -> None:
    assert is_made(there, asked) is expected


# ── what the owner decides about connections ────────────────────────────────────────────────────


def decided(*decisions: Decision) -> Desired:
    return wanted(decisions=decisions)


def test_a_pending_connection_that_is_approved_becomes_the_way_in() -> None:
    pending = seen(cache_seen(connections=(listed(own_name(), Status.PENDING),)), own_endpoint(status=Status.PENDING))
    made = list(passes(World(pending), decided(decision(Status.APPROVED))))

    assert [type(action).__name__ for action in made[0].actions] == ["SetConnection"]
    assert made[-1].verdict.kind is VerdictKind.COMPLIANT
    assert made[-1].decided.decided == (listed(own_name()).name,)


@pytest.mark.parametrize("status", [Status.REJECTED, Status.DISCONNECTED])
def test_a_loss_by_the_owners_decision_closes_first_and_is_not_fought(status: Status) -> None:
    made = list(passes(World(private()), decided(decision(status))))

    first = "SetConnection" if status is Status.REJECTED else "DeleteConnection"
    names = [type(action).__name__ for each in made for action in each.actions]
    cleared = [] if status is Status.REJECTED else ["DeleteEndpoint"]
    assert names == [first, "SetPublicAccess", *cleared]
    assert made[-1].verdict.reason is Reason.CONNECTION_DECIDED
    assert made[-1].after.there.memory.fights == ()


def test_who_asks_for_an_endpoint_after_a_decision_takes_it_back() -> None:
    refused = seen(cache_seen(public_access=SHUT, connections=(listed(own_name(), Status.REJECTED),)), REJECTED)
    asked = wanted(decisions=(decision(Status.REJECTED, settled=True),), requested_at=NOW + timedelta(minutes=1))

    made = list(passes(World(refused), asked))

    assert made[-1].verdict.kind is VerdictKind.COMPLIANT
    assert made[-1].after.cache.approved()


def test_a_decision_that_was_carried_out_is_not_defended() -> None:
    approved_by_hand = decided(decision(Status.REJECTED, settled=True))

    made = pass_over(World(private()), approved_by_hand)

    assert (made.actions, made.verdict.kind) == ((), VerdictKind.COMPLIANT)


def test_a_decision_is_carried_out_where_nothing_else_is_asked_of_the_cache() -> None:
    alone = wanted(enrolled=False, close=False, placements=(), decisions=(decision(Status.REJECTED),))

    made = list(passes(World(private()), alone))

    assert [type(action).__name__ for each in made for action in each.actions] == ["SetConnection"]
    assert made[-1].decided.decided == (listed(own_name()).name,)


def test_audit_mode_decides_nothing_about_a_connection() -> None:
    audited = pass_over(World(private()), wanted(mode=Mode.AUDIT, decisions=(decision(Status.REJECTED),)))

    assert audited.actions == ()
    assert "reject connection" in audited.verdict.message
