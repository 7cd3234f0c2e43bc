"""Faults on demand: each meets the calls that it names, and no other."""

from __future__ import annotations

import pytest

from local.azure.callers import APP, OPERATOR
from local.azure.faults import (
    Busy,
    GatewayTimeout,
    InvalidFaultError,
    Lasting,
    Match,
    Problem,
    Reset,
    Respond,
    RetryableError,
    Slow,
    Stale,
    Throttle,
)
from local.azure.throttle import Bucket, Buckets
from local.azure.world import WorldOptions
from tests.component.azure.fleet import CACHE, SUBSCRIPTION, attach, cache, cache_id, done, make_world

CLOSE = {"properties": {"publicNetworkAccess": "Disabled"}}


@pytest.mark.parametrize(
    ("effect", "status", "code"),
    [
        (Throttle(7), 429, "SubscriptionRequestsThrottled"),
        (RetryableError(), 429, "RetryableError"),
        (Busy(), 409, "Conflict"),
        (Respond(503, "ServiceUnavailable", "no"), 503, "ServiceUnavailable"),
        (Respond(), 500, "InternalServerError"),
        (GatewayTimeout(), 504, "GatewayTimeout"),
    ],
)
def test_a_fault_answers_instead_of_the_work(effect: Throttle, status: int, code: str) -> None:
    world, _ = make_world()
    world.faults.add(effect)
    answer = world.act("PATCH", CACHE, CLOSE)
    assert (answer.status, answer.error_code) == (status, code)
    assert cache(world).state == "Succeeded"


def test_throttling_comes_with_and_without_a_retry_after() -> None:
    world, _ = make_world()
    world.faults.add(Throttle(7), Match(count=1))
    world.faults.add(Throttle(None), Match(after=1))
    assert world.act("GET", CACHE).headers["Retry-After"] == "7"
    assert "Retry-After" not in world.act("GET", CACHE).headers


def test_a_problem_has_no_error_code() -> None:
    world, _ = make_world()
    world.faults.add(Problem(404))
    answer = world.act("GET", CACHE)
    assert answer.body is not None
    assert "error" not in answer.body
    assert answer.headers["Content-Type"].startswith("application/problem+json")


@pytest.mark.parametrize(("work_done", "state"), [(True, "Updating"), (False, "Succeeded")])
def test_a_gateway_timeout_says_nothing_of_the_work(work_done: bool, state: str) -> None:
    world, _ = make_world()
    world.faults.add(GatewayTimeout(work_done))
    assert world.act("PATCH", CACHE, CLOSE).status == 504
    assert cache(world).state == state


@pytest.mark.parametrize(("after_write", "state"), [(True, "Updating"), (False, "Succeeded")])
def test_a_reset_comes_before_or_after_the_work(after_write: bool, state: str) -> None:
    world, _ = make_world()
    world.faults.add(Reset(after_write))
    assert world.act("PATCH", CACHE, CLOSE).cut
    assert cache(world).state == state


def test_a_slow_answer_is_held_back() -> None:
    world, _ = make_world()
    world.faults.add(Slow(2.5))
    assert world.act("GET", CACHE).delay == 2.5


def test_an_operation_lasts_as_long_as_told() -> None:
    world, clock = make_world()
    world.faults.add(Lasting(1000))
    world.act("PATCH", CACHE, CLOSE)
    clock.advance(999)
    assert cache(world).state == "Updating"
    clock.advance(1)
    assert cache(world).public == "Disabled"


def test_a_stale_read_shows_what_was_before_the_write() -> None:
    world, clock = make_world()
    clock.advance(1000)
    done(world, clock, world.act("PATCH", CACHE, {"tags": {"env": "new"}}))
    world.act("PATCH", CACHE, {"tags": {"env": "newer"}})
    world.faults.add(Stale(10), Match(method="GET"))
    first = world.act("GET", CACHE).body
    clock.advance(11)
    second = world.act("GET", CACHE).body
    assert first is not None
    assert second is not None
    assert (first["tags"], second["tags"]) == ({"env": "new"}, {"env": "newer"})


def test_a_stale_read_still_sees_what_was_deleted() -> None:
    world, clock = make_world()
    attach(world, clock)
    done(world, clock, world.act("DELETE", CACHE))
    world.faults.add(Stale(10_000), Match(method="GET"))
    assert world.act("GET", CACHE).status == 200


@pytest.mark.parametrize(
    ("match", "met"),
    [
        (Match(), True),
        (Match(method="patch|put"), True),
        (Match(method="GET"), False),
        (Match(path="/redis/cache-a$"), True),
        (Match(path="cache-b"), False),
        (Match(subscription=SUBSCRIPTION.upper()), True),
        (Match(subscription="other"), False),
        (Match(caller=OPERATOR.object_id), True),
        (Match(caller=APP.object_id), False),
        (Match(count=0), False),
        (Match(after=1), False),
    ],
)
def test_a_fault_meets_what_it_names(match: Match, met: bool) -> None:
    world, _ = make_world()
    world.faults.add(Busy(), match)
    assert (world.act("PATCH", CACHE, CLOSE).status == 409) is met


def test_a_fault_spares_some_and_meets_so_many() -> None:
    world, _ = make_world()
    world.faults.add(Busy(), Match(method="GET", after=1, count=2))
    assert [world.act("GET", CACHE).status for _ in range(5)] == [200, 409, 409, 200, 200]


def test_of_two_answers_the_first_is_given_and_the_second_kept_for_later() -> None:
    world, _ = make_world()
    world.faults.add(Busy(), Match(count=1))
    world.faults.add(GatewayTimeout(work_done=True), Match(count=1))
    assert [world.act("GET", CACHE).status for _ in range(3)] == [409, 504, 200]


def test_a_cleared_fault_meets_nothing() -> None:
    world, _ = make_world()
    number = world.faults.add(Busy())
    world.faults.clear(number)
    assert world.act("GET", CACHE).status == 200


def test_a_fault_comes_from_json() -> None:
    world, _ = make_world()
    world.faults.add_json({"effect": {"effect": "throttle", "retryAfter": 3}, "match": {"method": "GET"}})
    assert world.act("GET", CACHE).headers["Retry-After"] == "3"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"effect": {"effect": "throttel"}}, "throttel"),
        ({"effect": {"effect": "busy"}, "match": {"methode": "GET"}}, "methode"),
        ({"effect": {"effect": "slow", "seconds": "long"}}, "seconds"),
        ({"kind": "lose"}, "drop, duplicate, delay, reorder"),
    ],
)
def test_a_fault_that_cannot_be_read_is_refused_by_name(data: dict[str, object], said: str) -> None:
    world, _ = make_world()
    with pytest.raises(InvalidFaultError, match=said):
        world.faults.add_json(data)


def test_a_caller_has_a_bucket_that_empties_and_fills() -> None:
    world, clock = make_world(WorldOptions(buckets=Buckets(reads=Bucket(3, 1))))
    assert [world.act("GET", CACHE, caller=APP).status for _ in range(4)] == [200, 200, 200, 429]
    assert world.act("GET", CACHE, caller=OPERATOR).status == 200
    clock.advance(1)
    assert world.act("GET", CACHE, caller=APP).status == 200


def test_an_empty_bucket_says_who_and_how_long() -> None:
    world, _ = make_world(WorldOptions(buckets=Buckets(writes=Bucket(1, 0.1))))
    world.act("PATCH", CACHE, {"tags": {}}, APP)
    answer = world.act("PATCH", CACHE, {"tags": {}}, APP)
    assert answer.headers["Retry-After"] == "10"
    assert f"Number of 'write' requests for subscription '{SUBSCRIPTION}' actor '{APP.object_id}'" in str(answer.body)


def test_answers_tell_what_is_left_in_the_buckets() -> None:
    world, _ = make_world()
    read, write = world.act("GET", CACHE), world.act("PATCH", CACHE, {"tags": {}})
    assert read.headers["x-ms-ratelimit-remaining-subscription-global-reads"] == "3749"
    assert write.headers["x-ms-ratelimit-remaining-subscription-writes"] == "199"
    assert write.headers["x-ms-ratelimit-remaining-subscription-global-writes"] == "2999"


def test_a_refusal_tells_of_both_buckets_that_the_callers_is_the_empty_one() -> None:
    world, _ = make_world(WorldOptions(buckets=Buckets(reads=Bucket(1, 0.1))))
    world.act("GET", CACHE)
    headers = world.act("GET", CACHE).headers
    assert headers["x-ms-ratelimit-remaining-subscription-reads"] == "0"
    assert headers["x-ms-ratelimit-remaining-subscription-global-reads"] == "14"


def test_reads_tell_of_the_callers_own_bucket_where_it_is_asked_for() -> None:
    world, _ = make_world(WorldOptions(buckets=Buckets(both_names=True)))
    headers = world.act("GET", CACHE).headers
    assert headers["x-ms-ratelimit-remaining-subscription-reads"] == "249"
    assert headers["x-ms-ratelimit-remaining-subscription-global-reads"] == "3749"


def test_the_tenants_calls_have_a_bucket_of_their_own() -> None:
    world, _ = make_world()
    headers = world.request("GET", "/subscriptions?api-version=2022-12-01").headers
    assert headers["x-ms-ratelimit-remaining-tenant-global-reads"] == "3749"


def test_one_subscription_has_buckets_of_its_own() -> None:
    world, _ = make_world()
    world.throttle.per_subscription[SUBSCRIPTION] = Buckets(reads=Bucket(1, 0.001))
    assert [world.act("GET", CACHE).status for _ in range(2)] == [200, 429]
    assert world.act("GET", cache_id("x").replace(SUBSCRIPTION, "s")).status == 404
