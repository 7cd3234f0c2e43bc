"""A plan of trouble: read with every mistake named, and the same for the same seed and calls."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.azure.callers import APP, OPERATOR
from local.azure.calls import Answer
from local.azure.command import read_plan
from local.azure.emulator import Emulator, EmulatorOptions
from local.azure.faultplan import FaultPlanError, load
from local.azure.faults import Throttle
from local.azure.throttle import Buckets
from local.azure.world import World, WorldOptions
from tests.component.azure.fleet import CACHE, ENDPOINT, SEED, SUBNET, cache_id, endpoint, make_world

SHIPPED = Path(__file__).parents[3] / "local" / "faults.yaml"
CLOSE = {"properties": {"publicNetworkAccess": "Disabled"}}
ODDS = """
seed: {seed}
faults:
  - {{effect: busy, match: {{method: [GET, PATCH]}}, probability: 0.4}}
  - {{effect: throttle, match: {{path: "*/cache-?"}}, probability: 0.3}}
  - {{effect: timeout, workDone: true, match: {{method: PATCH}}, probability: 0.5}}
"""


def _world(plan: str) -> World:
    world, _ = make_world()
    load(plan).begin(world.faults)
    return world


# ── replay ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Asked:
    method: str
    cache: str
    app: bool

    def of(self, world: World) -> Answer:
        body = {"tags": {"a": "b"}} if self.method == "PATCH" else None
        return world.act(self.method, cache_id(self.cache), body, APP if self.app else OPERATOR)


calls = st.lists(
    st.builds(Asked, st.sampled_from(["GET", "PATCH"]), st.sampled_from(["cache-a", "cache-b"]), st.booleans()),
    min_size=1,
    max_size=40,
)


@given(calls, st.integers(0, 5))
def test_the_same_seed_and_calls_meet_the_same_faults(asked: list[Asked], seed: int) -> None:
    first, second = _world(ODDS.format(seed=seed)), _world(ODDS.format(seed=seed))
    assert [each.of(first).status for each in asked] == [each.of(second).status for each in asked]


@given(calls.flatmap(lambda asked: st.tuples(st.just(asked), st.permutations(asked))))
def test_what_a_call_meets_does_not_depend_on_what_else_is_called(orders: tuple[list[Asked], list[Asked]]) -> None:
    assert _met(orders[0]) == _met(orders[1])


def _met(asked: list[Asked]) -> dict[Asked, list[int]]:
    world = _world(ODDS.format(seed=3))
    met = defaultdict(list)
    for each in asked:
        met[each].append(each.of(world).status)
    return met


def test_another_seed_meets_others() -> None:
    runs = {
        tuple(Asked("GET", "cache-a", True).of(world).status for _ in range(30)) for world in map(_seeded, range(4))
    }
    assert len(runs) == 4


def _seeded(seed: int) -> World:
    return _world(ODDS.format(seed=seed))


def test_a_plan_without_a_seed_takes_the_worlds() -> None:
    plan = "faults: [{effect: busy, probability: 0.5}]"
    seeded, unseeded = _world("seed: 1\n" + plan), _world(plan)
    asked = [Asked("GET", "cache-a", True)] * 30
    assert [each.of(seeded).status for each in asked] == [each.of(unseeded).status for each in asked]


def test_a_probability_is_about_how_many_are_met() -> None:
    world, _ = make_world(WorldOptions(buckets=Buckets(enforced=False)))
    load("faults: [{effect: busy, probability: 0.2}]").begin(world.faults)
    met = sum(Asked("GET", "cache-a", True).of(world).status == 409 for _ in range(1000))
    assert 150 < met < 250


@pytest.mark.parametrize(("probability", "met"), [(0, 0), (1, 20)])
def test_never_and_always_are_exact(probability: int, met: int) -> None:
    world = _world(f"faults: [{{effect: busy, probability: {probability}}}]")
    assert sum(Asked("GET", "cache-a", True).of(world).status == 409 for _ in range(20)) == met


def test_a_fault_is_in_force_from_and_until() -> None:
    world, clock = make_world()
    clock.advance(5000)
    load("faults: [{effect: busy, from: 30s, until: 2m}]").begin(world.faults)
    seen = []
    for _ in range(5):
        seen.append(world.act("GET", CACHE).status)
        clock.advance(30)
    assert seen == [200, 409, 409, 409, 200]


def test_a_lock_stands_while_its_window_is_open() -> None:
    world, clock = make_world()
    load(f"faults: [{{effect: lock, scope: {CACHE}, from: 10s, until: 20s}}]").begin(world.faults)
    seen = []
    for _ in range(3):
        seen.append(world.act("PATCH", CACHE, {"tags": {}}).error_code)
        clock.advance(10)
    assert seen == ["", "ScopeLocked", ""]


def test_times_and_after_count_what_matches() -> None:
    world = _world("faults: [{effect: busy, match: {method: GET}, after: 1, times: 2}]")
    assert [world.act("GET", CACHE).status for _ in range(5)] == [200, 409, 409, 200, 200]


@pytest.mark.parametrize(
    ("match", "met"),
    [
        ("{}", True),
        ("{method: put}", True),
        ("{method: [PATCH, DELETE]}", False),
        ("{path: '*/privateendpoints/*'}", True),
        ("{path: 'privateEndpoints'}", False),
        ("{type: microsoft.network/privateEndpoints}", True),
        ("{type: Microsoft.Network/*}", True),
        ("{type: Microsoft.Cache/*}", False),
        ("{caller: app}", True),
        ("{caller: operator}", False),
        ("{subscription: 11111111-2222-3333-4444-555555555555}", True),
    ],
)
def test_a_fault_of_a_plan_meets_what_it_names(match: str, met: bool) -> None:
    world = _world(f"faults: [{{effect: problem, match: {match}}}]")
    assert (world.act("PUT", ENDPOINT, endpoint(), APP).status == 404) is met


def test_busy_is_said_in_the_providers_words() -> None:
    world = _world("faults: [{effect: busy}]")
    assert world.act("PATCH", CACHE, CLOSE).error_code == "Conflict"
    assert world.act("PUT", ENDPOINT, endpoint()).error_code == "AnotherOperationInProgress"
    assert "Retry-After" not in world.act("PUT", ENDPOINT, endpoint()).headers


def test_the_network_provider_has_a_second_word_for_come_again() -> None:
    world = _world("faults: [{effect: retryable, another: true}]")
    answer = world.act("PUT", ENDPOINT, endpoint())
    assert (answer.status, answer.error_code) == (429, "RetryableErrorDueToAnotherOperation")
    assert answer.headers["x-ms-failure-cause"] == "service"


# ── reading ─────────────────────────────────────────────────────────────────────────────────────


def test_the_shipped_plan_shows_every_effect_and_every_kind_of_event() -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    # What is commented out, as it would leave a cache without an end, has to be right all the same.
    whole = re.sub(r"^  # (- effect: stuck|  match: .*|  times: .*)$", r"  \1", text, flags=re.MULTILINE)
    plan = load(whole, str(SHIPPED))
    world, _ = make_world()
    plan.begin(world.faults)
    shown = world.faults.listed()
    assert {entry["effect"]["effect"] for entry in shown if "effect" in entry} == {
        "busy", "denied", "fail", "lasting", "lock", "policy", "problem", "reset", "respond", "retryable", "slow",
        "stale", "stuck", "throttle", "timeout",
    }  # fmt: skip
    assert {entry["kind"] for entry in shown if "kind" in entry} == {"drop", "duplicate", "delay", "reorder"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "a plan is a mapping with the keys seed, faults and events"),
        ("faults: {", "this is not YAML"),
        ("seed: x", "line 1: seed: 'x' is not right here; it has to be a whole number"),
        ("fault: []", "fault: there is no such key here; did you mean 'faults'?"),
        ("faults: 5", "faults: 5 is not right here; it has to be a list"),
        ("faults:\n  - 5", "line 2: faults[0]: 5 is not right here; it has to be a mapping"),
        ("faults: [{}]", "faults[0].effect: nothing is not right here"),
        ("faults: [{effect: throttel}]", "did you mean 'throttle'? it has to be one of: respond, problem"),
        ("faults: [{effect: busy, effect: slow}]", "effect: this key stands here twice"),
        ("faults: [{effect: lock}]", "the key 'scope' is missing here"),
        ("faults: [{effect: lock, scope: here}]", "scope: 'here' is not right here; it has to be the id of a resource"),
        ("faults: [{effect: lock, scope: /, level: readonly}]", "it has to be one of: ReadOnly, CanNotDelete"),
        ("faults: [{effect: lock, scope: /, times: 1}]", "'lock' stands for as long as it is in force"),
        ("faults: [{effect: busy, seconds: 3}]", "faults[0].seconds: there is no such key here"),
        ("faults: [{effect: slow, seconds: long}]", "'long' is not right here; it has to be a time such as 500ms"),
        ("faults: [{effect: respond, status: 200}]", "200 is not right here; it has to be an HTTP status from 400"),
        ("faults: [{effect: respond, headers: [a]}]", "a list is not right here; it has to be a mapping of names"),
        ("faults: [{effect: reset, afterWrite: 'yes'}]", "'yes' is not right here; it has to be true or false"),
        ("faults: [{effect: busy, probability: 30}]", "it has to be a number from 0 (never) to 1 (always)"),
        ("faults: [{effect: busy, from: 2m, until: 90s}]", "'90s' is not right here; it has to be later than 'from'"),
        ("faults: [{effect: busy, match: {methode: GET}}]", "did you mean 'method'?"),
        ("faults: [{effect: busy, match: {method: FETCH}}]", "it has to be one of GET, HEAD, PUT"),
        (
            "faults: [{effect: busy, match: {caller: bob}}]",
            "'bob' is not right here; it has to be one of app, operator",
        ),
        ("faults: [{effect: busy, match: {type: redis}}]", "it has to be a resource type such as"),
        ("faults: [{effect: busy, match: {path: 7}}]", "it has to be a pattern of the whole text"),
        ("faults: [{effect: busy, match: {subscription: prod}}]", "it has to be the id of a subscription"),
        ("events: [{kind: lose}]", "it has to be one of: drop, duplicate, delay, reorder"),
        ("events: [{kind: drop, path: '*'}]", "path: there is no such key here"),
        ("a: &a [*a]", "lists and mappings stand in one another too deeply"),
    ],
)
def test_a_mistake_is_named_with_its_key_its_value_and_what_would_be_right(text: str, said: str) -> None:
    with pytest.raises(FaultPlanError, match=re.escape(said)):
        load(text)


def test_every_mistake_is_named_at_once() -> None:
    text = "faults:\n  - {effect: busy, probability: 2}\n  - {effect: slow, seconds: x}\nevents:\n  - {kind: lose}\n"
    with pytest.raises(FaultPlanError) as refused:
        load(text)
    assert [problem.line for problem in refused.value.problems] == [2, 3, 5]


def test_an_empty_plan_does_nothing() -> None:
    assert load("").faults == ()


def test_a_pause_may_be_left_out_of_throttling() -> None:
    (fault,) = load("faults: [{effect: throttle, retryAfter: null}]").faults
    assert fault.effect == Throttle(None)  # type: ignore[union-attr]


def test_a_command_is_told_what_is_wrong_with_its_plan(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("faults: [{effect: busi}]")
    with pytest.raises(Exception, match="did you mean 'busy'"):
        read_plan(str(tmp_path / "bad.yaml"))
    with pytest.raises(Exception, match="No such file"):
        read_plan(str(tmp_path / "absent.yaml"))


async def test_a_plan_comes_in_force_by_control(azure: Emulator) -> None:
    url = f"{azure.arm_url}/_emulator/plan"
    text = f"faults: [{{effect: busy, match: {{path: '{SUBNET}'}}}}]"
    async with azure.trusting_session() as session:
        async with session.post(url, data=text) as answer:
            assert (answer.status, await answer.json()) == (201, {"numbers": [1]})
        async with session.post(url, data="faults: [{effect: busi}]") as answer:
            assert answer.status == 400
            assert "did you mean 'busy'" in (await answer.json())["error"]["message"]
    assert azure.world.act("GET", SUBNET).status == 409


async def test_the_stand_in_starts_with_a_plan_in_force() -> None:
    plan = load("faults: [{effect: busy, match: {method: GET}}]")
    async with Emulator.start(EmulatorOptions(faults=plan, trust=False)) as azure:
        azure.world.seed(SEED)
        assert azure.world.act("GET", CACHE).status == 409
