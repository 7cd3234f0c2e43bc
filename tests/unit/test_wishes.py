"""What callers ask for through the API, joined with policy and tags: never more than the policy allows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

import pytest

from shared.desired import desired
from shared.model import Desired, DnsMode, EndpointOptions, Subject
from shared.planner import endpoint_name
from shared.policy import Request
from shared.wishes import ACCESS, REASON, UNTIL, options_of, stored, withdrawing
from tests.unit.test_desired import ASKED_AT, IN_A, policy
from tests.worlds import CLASSIC, NETWORK_SUBSCRIPTION, NOW, SUBSCRIPTION, cache_seen, subnet

EVERYWHERE = {"subscriptions": [SUBSCRIPTION, NETWORK_SUBSCRIPTION]}


def endpoint(placement: str = "weu-a", options: Mapping[str, str] | None = None, *, withdrawn: bool = False) -> Request:
    return Request(placement, ASKED_AT, "ada", Subject.ENDPOINT, withdrawn, options or {})


def access(value: str) -> Request:
    return Request("", ASKED_AT, "ada", Subject.ACCESS, options={ACCESS: value})


def exemption(until: date | str, **more: str) -> Request:
    return Request("", ASKED_AT, "ada", Subject.EXEMPTION, options={UNTIL: str(until), REASON: "move", **more})


def wish(*requests: Request, rule: dict[str, object] | None = None, tags: dict[str, str] | None = None) -> Desired:
    return desired(policy(rule or {}, scope=EVERYWHERE), cache_seen(tags=tags or {}), requests, NOW)


# ── endpoints ───────────────────────────────────────────────────────────────────────────────────


def test_what_was_chosen_comes_back_as_it_was_stored() -> None:
    options = EndpointOptions("pe", "nic", "10.0.0.9", ("/a", "/b"), manual=True, message="hello, you")

    assert options_of(stored(options, subnet(), "westeurope")) == options
    assert options_of(withdrawing(stored(options), last=True)) == options
    assert stored(EndpointOptions()) == {}


def test_what_was_chosen_stands_at_its_placement() -> None:
    (found,) = wish(endpoint(options={"name": "pe-mine"})).placements

    assert (found.name, found.options.name) == ("weu-a", "pe-mine")


def test_a_withdrawn_request_enrols_nothing_and_names_its_endpoint() -> None:
    found = wish(endpoint(withdrawn=True))

    assert (found.enrolled, found.placements, found.requested_at, found.heard_at) == (False, (), None, ASKED_AT)
    (withdrawal,) = found.withdrawn
    assert withdrawal.name == endpoint_name(CLASSIC, "weu-a")
    assert withdrawal.endpoint
    assert not withdrawal.last


def test_a_withdrawn_endpoint_of_a_placement_that_the_policy_dropped_is_still_named() -> None:
    (withdrawal,) = wish(endpoint("dropped", {"name": "pe-mine", "last": "yes"}, withdrawn=True)).withdrawn

    assert (withdrawal.name, withdrawal.endpoint, withdrawal.last) == ("pe-mine", None, True)


def test_a_cache_that_is_left_alone_keeps_what_was_withdrawn() -> None:
    found = wish(endpoint(withdrawn=True), rule={"optOut": "allowed"}, tags={"drawbridge": "ignore"})

    assert found.withdrawn == ()


FREE = {"subnet": str(subnet("snet-own", "vnet-own")), "region": "northeurope"}


def test_a_subnet_of_a_callers_own_is_granted_where_the_rule_says_so() -> None:
    (found,) = wish(endpoint("mine", FREE), rule={"freePlacement": "allowed"}).placements

    assert (found.name, found.region, str(found.subnet)) == ("mine", "northeurope", FREE["subnet"])
    assert found.group == found.subnet.network.group_id
    assert found.dns is DnsMode.EXTERNAL


def test_without_a_placement_of_the_policy_a_free_one_makes_its_own_zone() -> None:
    free = policy({"freePlacement": "allowed"}, scope=EVERYWHERE, placements={})
    (found,) = desired(free, cache_seen(), (endpoint("mine", FREE),), NOW).placements

    assert found.dns is DnsMode.CREATE


@pytest.mark.parametrize(
    ("rule", "options"),
    [
        pytest.param({}, FREE, id="denied"),
        pytest.param({"freePlacement": "allowed"}, {}, id="no-subnet"),
        pytest.param({"freePlacement": "allowed"}, {**FREE, "subnet": "/else"}, id="no-subnets-id"),
        pytest.param(
            {"freePlacement": "allowed"},
            {**FREE, "subnet": FREE["subnet"].replace(NETWORK_SUBSCRIPTION, "88888888-2222-3333-4444-555555555555")},
            id="out-of-scope",
        ),
    ],
)
def test_a_subnet_that_is_not_granted_is_an_unknown_placement(rule: dict[str, object], options: dict[str, str]) -> None:
    found = wish(endpoint("mine", options), rule=rule)

    assert (found.placements, found.unknown_placements) == ((), ("mine",))


def test_what_is_asked_of_a_cache_without_a_rule_is_heard_and_not_granted() -> None:
    nothing = policy({"match": {"regions": ["eastus"]}})
    found = desired(nothing, cache_seen(), IN_A, NOW)

    assert (found.placements, found.heard_at) == ((), ASKED_AT)
    assert found.notes == ("No rule of the policy matches this cache.",)


# ── public access ───────────────────────────────────────────────────────────────────────────────


def test_disabled_may_always_be_asked_for() -> None:
    found = wish(access("Disabled"), rule={"closePublicAccess": "none"})

    assert (found.close, found.enrolled, found.opened) == (True, False, False)


@pytest.mark.parametrize(
    ("rule", "more", "opened"),
    [
        pytest.param({"closePublicAccess": "none"}, (), True, id="nobody-closes"),
        pytest.param({}, (), True, id="not-enrolled"),
        pytest.param({}, IN_A, False, id="enrolled"),
        pytest.param({"closePublicAccess": "all"}, (), False, id="all-are-closed"),
        pytest.param({"closePublicAccess": "all"}, (exemption(NOW.date() + timedelta(days=2)),), True, id="exempt"),
    ],
)
def test_enabled_is_granted_only_where_nothing_closes_or_an_exemption_holds(
    rule: dict[str, object], more: tuple[Request, ...], opened: bool
) -> None:
    found = wish(access("Enabled"), *more, rule=rule)

    assert found.opened is opened
    assert any("without an exemption" in note for note in found.notes) is not opened


# ── exemptions ──────────────────────────────────────────────────────────────────────────────────


def test_an_exemption_holds_to_the_end_of_its_day() -> None:
    found = wish(exemption(NOW.date(), owner="team-shop")).exemption

    assert found
    assert (found.reason, found.owner) == ("move", "team-shop")
    assert found.ends == datetime(2026, 11, 24, tzinfo=NOW.tzinfo)
    assert wish(exemption(NOW.date() - timedelta(days=1))).exemption is None


def test_an_exemption_is_cut_to_what_the_policy_allows_by_now() -> None:
    found = wish(exemption(NOW.date() + timedelta(days=400))).exemption

    assert found
    assert found.until == NOW.date() + timedelta(days=90)


@pytest.mark.parametrize(("tagged", "asked_for", "reason"), [(5, 3, "tag"), (3, 5, "move"), (4, 4, "tag")])
def test_of_two_exemptions_the_longer_one_holds_and_the_tag_where_they_are_alike(
    tagged: int, asked_for: int, reason: str
) -> None:
    tags = {
        "drawbridge-exempt-until": str(NOW.date() + timedelta(days=tagged)),
        "drawbridge-exempt-reason": "tag",
    }
    found = wish(exemption(NOW.date() + timedelta(days=asked_for)), tags=tags).exemption

    assert found
    assert (found.reason, found.until) == (reason, NOW.date() + timedelta(days=max(tagged, asked_for)))
