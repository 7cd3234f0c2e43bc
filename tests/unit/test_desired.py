"""What is asked of a cache, by policy, tags and requests, in that order of trust."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
import yaml

from shared.desired import default_placement, desired
from shared.model import Desired, LastEndpoint, Mode
from shared.policy import Policy, Request
from shared.policy_text import load
from tests.worlds import CLASSIC, NETWORK_SUBSCRIPTION, NOW, SUBSCRIPTION, cache_seen

OTHER = "99999999-2222-3333-4444-555555555555"
FOUND = frozenset({SUBSCRIPTION})
ASKED_AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
IN_A = (Request("weu-a", ASKED_AT, "ada"),)
IN_B = (Request("weu-b", ASKED_AT, "ada"),)


def place(**changes: object) -> dict[str, object]:
    group = f"/subscriptions/{NETWORK_SUBSCRIPTION}/resourceGroups/rg-net"
    subnet = f"{group}/providers/Microsoft.Network/virtualNetworks/vnet/subnets/snet"
    usual = {"region": "westeurope", "subnet": subnet, "endpointResourceGroup": group, "dns": "external"}
    return usual | changes


PLACEMENTS: dict[str, object] = {
    "weu-a": place(),
    "weu-b": place(),
    "neu": place(region="northeurope"),
    "weu-closed": place(**{"for": {"resourceGroups": ["rg-else*"]}}),
}


def policy(*rules: dict[str, object], **sections: object) -> Policy:
    """Give a policy of these rules, as its text would be read; an empty rule unless any is given."""
    text: dict[str, object] = {
        "mode": "enforce",
        "scope": {"subscriptions": [SUBSCRIPTION]},
        "rules": list(rules or ({},)),
        "placements": PLACEMENTS,
    }
    return load(yaml.safe_dump(text | sections, sort_keys=False))


def asked(
    rule: dict[str, object] | None = None,
    tags: dict[str, str] | None = None,
    requests: tuple[Request, ...] = (),
    **sections: object,
) -> Desired:
    return desired(policy(rule or {}, **sections), cache_seen(tags=tags or {}), requests, NOW)


def names(wish: Desired) -> list[str]:
    return [placement.name for placement in wish.placements]


# ── enrolment ───────────────────────────────────────────────────────────────────────────────────

NOT_HERE = "It asks to be enrolled, but the policy's rule enrols no cache here."
NOT_ALLOWED = "Tag 'drawbridge' says 'ignore', which the policy does not allow here."
NO_WORD = "Tag 'drawbridge' is 'yes'; it would have to be 'private' or 'ignore'."


@pytest.mark.parametrize(
    ("enrol", "tag", "requests", "enrolled", "notes"),
    [
        pytest.param("tagged", "", (), False, (), id="tagged-nobody-asks"),
        pytest.param("tagged", "private", (), True, (), id="tagged-tag"),
        pytest.param("tagged", " Private ", (), True, (), id="tagged-tag-in-other-casing"),
        pytest.param("tagged", "", IN_A, True, (), id="tagged-request"),
        pytest.param("tagged", "yes", (), False, (NO_WORD,), id="tagged-unknown-word"),
        pytest.param("tagged", "yes", IN_A, True, (NO_WORD,), id="tagged-unknown-word-and-request"),
        pytest.param("tagged", "ignore", (), False, (NOT_ALLOWED,), id="tagged-ignore"),
        pytest.param("tagged", "ignore", IN_A, True, (NOT_ALLOWED,), id="tagged-ignore-and-request"),
        pytest.param("all", "", (), True, (), id="all-nobody-asks"),
        pytest.param("all", "private", (), True, (), id="all-tag"),
        pytest.param("all", "yes", (), True, (NO_WORD,), id="all-unknown-word"),
        pytest.param("all", "ignore", (), True, (NOT_ALLOWED,), id="all-ignore"),
        pytest.param("none", "", (), False, (), id="none-nobody-asks"),
        pytest.param("none", "private", (), False, (NOT_HERE,), id="none-tag"),
        pytest.param("none", "", IN_A, False, (NOT_HERE,), id="none-request"),
        pytest.param("none", "ignore", (), False, (NOT_ALLOWED,), id="none-ignore"),
    ],
)
def test_a_cache_is_enrolled_by_the_rule_and_by_who_may_ask(
    enrol: str, tag: str, requests: tuple[Request, ...], enrolled: bool, notes: tuple[str, ...]
) -> None:
    wish = asked({"enrol": enrol}, {"drawbridge": tag}, requests)

    assert (wish.enrolled, wish.notes) == (enrolled, notes)
    assert bool(wish.placements) is enrolled


@pytest.mark.parametrize("enrol", ["tagged", "all", "none"])
@pytest.mark.parametrize("requests", [(), IN_A], ids=["unasked", "asked"])
def test_a_cache_tagged_ignore_is_left_alone_where_that_is_allowed(enrol: str, requests: tuple[Request, ...]) -> None:
    rule: dict[str, object] = {"enrol": enrol, "optOut": "allowed", "closePublicAccess": "all"}

    wish = asked(rule, {"drawbridge": "Ignore"}, requests)

    assert (wish.in_scope, wish.ignored, wish.enrolled, wish.close, wish.placements) == (True, True, False, False, ())
    assert wish.notes == ()


def test_leave_to_opt_out_makes_no_difference_to_a_cache_that_does_not() -> None:
    wish = asked({"optOut": "allowed"}, {"drawbridge": "private"})

    assert (wish.ignored, wish.enrolled) == (False, True)


@pytest.mark.parametrize(
    ("close", "tag", "expected"),
    [
        ("enrolled", "private", True),
        ("enrolled", "", False),
        ("all", "private", True),
        ("all", "", True),
        ("none", "private", False),
        ("none", "", False),
    ],
)
def test_public_access_is_to_be_closed_as_the_rule_says(close: str, tag: str, expected: bool) -> None:
    assert asked({"closePublicAccess": close}, {"drawbridge": tag}).close is expected


def test_the_last_request_says_when_an_endpoint_was_asked_for() -> None:
    later = Request("weu-b", ASKED_AT + timedelta(hours=1), "bob")

    assert asked(requests=(later, *IN_A)).requested_at == later.at
    assert asked().requested_at is None


# ── placements ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("tag", "requests", "expected", "unknown"),
    [
        pytest.param("", (), ["weu-a"], (), id="default"),
        pytest.param("weu-b", (), ["weu-b"], (), id="by-tag"),
        pytest.param("neu", (), ["neu"], (), id="in-another-region"),
        pytest.param(" weu-b , weu-a,", (), ["weu-b", "weu-a"], (), id="several-with-spaces"),
        pytest.param("weu-b,weu-b", (), ["weu-b"], (), id="one-twice"),
        pytest.param("weu-b", IN_A, ["weu-b", "weu-a"], (), id="by-tag-and-request"),
        pytest.param("weu-a", IN_A, ["weu-a"], (), id="the-same-by-tag-and-request"),
        pytest.param("", IN_B, ["weu-a", "weu-b"], (), id="default-and-request"),
        pytest.param("weu-prd", (), [], ("weu-prd",), id="unknown"),
        pytest.param("weu-prd,weu-b", (), ["weu-b"], ("weu-prd",), id="one-of-two-unknown"),
        pytest.param("WEU-A", (), [], ("WEU-A",), id="in-other-casing"),
        pytest.param("weu-closed", (), [], ("weu-closed",), id="not-open-to-the-cache"),
        pytest.param(
            "weu-b",
            (Request("weu-closed", ASKED_AT, "ada"),),
            ["weu-b"],
            ("weu-closed",),
            id="requested-and-not-open-to-the-cache",
        ),
        pytest.param(" , ", (), ["weu-a"], (), id="only-commas"),
    ],
)
def test_an_enrolled_cache_gets_the_placements_it_names_and_may_have(
    tag: str, requests: tuple[Request, ...], expected: list[str], unknown: tuple[str, ...]
) -> None:
    wish = asked({"enrol": "all"}, {"drawbridge-placement": tag}, requests)

    assert names(wish) == expected
    assert wish.unknown_placements == unknown


def test_a_cache_that_only_a_request_enrols_gets_what_was_requested_and_no_default() -> None:
    assert names(asked({"enrol": "tagged"}, {}, IN_B)) == ["weu-b"]


def test_a_cache_that_is_not_enrolled_gets_no_placement_whatever_it_names() -> None:
    wish = asked(tags={"drawbridge-placement": "weu-b,weu-prd"})

    assert (wish.placements, wish.unknown_placements) == ((), ())


@pytest.mark.parametrize(
    ("placements", "expected"),
    [
        pytest.param({}, None, id="none-at-all"),
        pytest.param({"neu": place(region="northeurope")}, None, id="none-in-the-region"),
        pytest.param({"first": place(), "second": place()}, "first", id="the-first"),
        pytest.param({"neu": place(region="northeurope"), "weu": place()}, "weu", id="the-one-in-the-region"),
        pytest.param({"weu": place(region="West Europe")}, "weu", id="region-in-words"),
        pytest.param(
            {"all": place(), "ours": place(**{"for": {"resourceGroups": ["RG-*"]}})}, "ours", id="one-for-its-group"
        ),
        pytest.param(
            {"all": place(), "ours": place(**{"for": {"subscriptions": [SUBSCRIPTION]}})},
            "ours",
            id="one-for-its-subscription",
        ),
        pytest.param(
            {"theirs": place(**{"for": {"subscriptions": [OTHER]}}), "all": place()}, "all", id="one-for-others"
        ),
        pytest.param(
            {"half": place(**{"for": {"subscriptions": [SUBSCRIPTION], "resourceGroups": ["rg-else"]}})},
            None,
            id="for-another-group-of-its-subscription",
        ),
        pytest.param(
            {"far": place(region="northeurope", **{"for": {"resourceGroups": ["rg-app"]}}), "all": place()},
            "all",
            id="one-for-its-group-in-another-region",
        ),
    ],
)
def test_a_cache_that_names_no_placement_gets_the_one_that_fits_best(
    placements: dict[str, object], expected: str | None
) -> None:
    found = default_placement(policy(placements=placements), CLASSIC, "westeurope")

    assert (found.name if found else None) == expected


# ── rules ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("whole", "of_rule", "expected"),
    [
        ("audit", None, Mode.AUDIT),
        ("enforce", None, Mode.ENFORCE),
        ("audit", "enforce", Mode.ENFORCE),
        ("enforce", "audit", Mode.AUDIT),
    ],
)
def test_a_rule_may_have_a_mode_of_its_own(whole: str, of_rule: str | None, expected: Mode) -> None:
    assert asked({"mode": of_rule} if of_rule else {}, mode=whole).mode is expected


@pytest.mark.parametrize(
    ("match", "matches"),
    [
        pytest.param({}, True, id="everything"),
        pytest.param({"subscriptions": [SUBSCRIPTION.upper()]}, True, id="its-subscription"),
        pytest.param({"subscriptions": [OTHER]}, False, id="another-subscription"),
        pytest.param({"resourceGroups": ["RG-*"]}, True, id="its-group"),
        pytest.param({"resourceGroups": ["app"]}, False, id="a-part-of-its-group's-name"),
        pytest.param({"regions": ["West Europe"]}, True, id="its-region"),
        pytest.param({"regions": ["northeurope"]}, False, id="another-region"),
        pytest.param({"kinds": ["classic"]}, True, id="its-kind"),
        pytest.param({"kinds": ["managed", "enterprise"]}, False, id="other-kinds"),
        pytest.param({"tags": {"ENV": "prod"}}, True, id="its-tag-in-other-casing"),
        pytest.param({"tags": {"env": "Prod"}}, False, id="its-tag's-value-in-other-casing"),
        pytest.param({"tags": {"env": "prod", "team": "x"}}, False, id="one-tag-of-two"),
    ],
)
def test_the_first_rule_that_matches_decides(match: dict[str, object], matches: bool) -> None:
    rules: list[dict[str, object]] = [{"match": match, "lastEndpoint": "lockdown"}]
    rules += [{"lastEndpoint": "open"}] if match else []

    wish = desired(policy(*rules), cache_seen(tags={"env": "prod"}), (), NOW)

    assert wish.last_endpoint is (LastEndpoint.LOCKDOWN if matches else LastEndpoint.OPEN)


def test_nothing_is_asked_of_a_cache_that_no_rule_matches_and_that_is_said() -> None:
    wish = asked({"match": {"kinds": ["managed"]}, "enrol": "all"}, {"drawbridge": "private"}, IN_A)

    assert (wish.in_scope, wish.enrolled, wish.close, wish.placements) == (True, False, False, ())
    assert wish.notes == ("No rule of the policy matches this cache.",)


@pytest.mark.parametrize("spelt", ["drawbridge", "Drawbridge", "DRAWBRIDGE"])
def test_names_of_tags_are_compared_without_case(spelt: str) -> None:
    assert asked(tags={spelt: "private"}).enrolled
    assert names(asked(tags={spelt: "private", f"{spelt}-Placement": "weu-b"})) == ["weu-b"]


def test_the_policy_names_the_tags_that_count() -> None:
    tags = {"enrol": "Net:Private"}

    assert not desired(policy(tags=tags), cache_seen(tags={"drawbridge": "private"}), (), NOW).enrolled
    assert desired(policy(tags=tags), cache_seen(tags={"net:private": "private"}), (), NOW).enrolled


# ── scope ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("scope", "found", "expected"),
    [
        pytest.param({"subscriptions": [SUBSCRIPTION]}, frozenset(), True, id="by-name"),
        pytest.param({"subscriptions": [SUBSCRIPTION]}, frozenset({OTHER}), True, id="by-name-though-not-found"),
        pytest.param({"subscriptions": [OTHER]}, FOUND, False, id="another-by-name"),
        pytest.param({"subscriptions": ["*"]}, frozenset(), True, id="everything-before-a-sweep"),
        pytest.param({"subscriptions": ["*"]}, FOUND, True, id="everything-and-found"),
        pytest.param({"subscriptions": ["*"]}, frozenset({OTHER}), False, id="everything-and-not-found"),
        pytest.param({"managementGroups": ["mg"]}, frozenset(), False, id="below-a-group-before-a-sweep"),
        pytest.param({"managementGroups": ["mg"]}, FOUND, True, id="below-a-group-and-found"),
        pytest.param({"managementGroups": ["mg"]}, frozenset({OTHER}), False, id="below-a-group-and-not-found"),
        pytest.param(
            {"subscriptions": [SUBSCRIPTION], "excludeSubscriptions": [SUBSCRIPTION]}, FOUND, False, id="excluded"
        ),
        pytest.param(
            {"subscriptions": ["*"], "excludeResourceGroups": ["RG-A*"]}, FOUND, False, id="in-an-excluded-group"
        ),
        pytest.param(
            {"subscriptions": ["*"], "excludeResourceGroups": ["mc_*", "app"]}, FOUND, True, id="not-in-excluded-groups"
        ),
    ],
)
def test_a_cache_is_in_scope_by_its_subscription_and_group(
    scope: dict[str, object], found: frozenset[str], expected: bool
) -> None:
    limits = policy({"enrol": "all"}, scope=scope)

    wish = desired(limits, cache_seen(), IN_A, NOW, found)

    assert wish.in_scope is expected
    if not expected:
        assert wish == Desired(in_scope=False, digest=limits.digest)


# ── exemptions ──────────────────────────────────────────────────────────────────────────────────

TODAY = NOW.date()


def exempted(until: object, reason: str = "migration", **bounds: object) -> Desired:
    tags = {"drawbridge-exempt-until": str(until), "drawbridge-exempt-reason": reason}
    return asked(tags=tags, exemptions=bounds)


def days(number: int) -> date:
    return TODAY + timedelta(days=number)


@pytest.mark.parametrize(
    ("until", "reason", "bounds", "note"),
    [
        pytest.param("", "migration", {}, None, id="no-date"),
        pytest.param(
            "31.12.2026",
            "migration",
            {},
            "Tag 'drawbridge-exempt-until' is '31.12.2026', which is not a date such as 2026-12-31; it has no effect.",
            id="malformed",
        ),
        pytest.param(
            "2026-02-30",
            "migration",
            {},
            "Tag 'drawbridge-exempt-until' is '2026-02-30', which is not a date such as 2026-12-31; it has no effect.",
            id="no-day-of-the-calendar",
        ),
        pytest.param(
            "9999-12-31",
            "migration",
            {},
            "Tag 'drawbridge-exempt-until' is 9999-12-31; the policy allows 2027-02-21 at the latest, "
            "so it has no effect.",
            id="for-ever",
        ),
        pytest.param(
            days(8),
            "migration",
            {"maxDays": 7},
            "Tag 'drawbridge-exempt-until' is 2026-12-01; the policy allows 2026-11-30 at the latest, "
            "so it has no effect.",
            id="a-day-too-far",
        ),
        pytest.param(
            days(7),
            " ",
            {},
            "Tag 'drawbridge-exempt-until' has no effect without a reason in tag 'drawbridge-exempt-reason'.",
            id="without-a-reason",
        ),
        pytest.param(
            days(-1),
            "migration",
            {},
            "The exemption of tag 'drawbridge-exempt-until' ended with 2026-11-22.",
            id="ended-yesterday",
        ),
        pytest.param(
            "0001-01-01",
            "migration",
            {},
            "The exemption of tag 'drawbridge-exempt-until' ended with 0001-01-01.",
            id="ended-long-ago",
        ),
    ],
)
def test_an_exemption_that_the_policy_does_not_allow_has_no_effect_and_that_is_said(
    until: object, reason: str, bounds: dict[str, object], note: str | None
) -> None:
    wish = exempted(until, reason, **bounds)

    assert wish.exemption is None
    assert wish.notes == ((note,) if note else ())


@pytest.mark.parametrize(
    ("until", "reason", "bounds"),
    [
        pytest.param(days(7), "migration", {}, id="a-week"),
        pytest.param(days(0), "migration", {}, id="until-the-end-of-today"),
        pytest.param(days(90), "migration", {}, id="as-long-as-may-be"),
        pytest.param(days(7), "migration", {"maxDays": 7}, id="as-long-as-this-policy-allows"),
        pytest.param(days(7), "", {"requireReason": False}, id="without-a-reason-where-none-is-needed"),
    ],
)
def test_an_exemption_holds_to_the_end_of_its_day_in_utc(until: date, reason: str, bounds: dict[str, object]) -> None:
    wish = exempted(until, reason, **bounds)

    assert wish.exemption is not None
    assert (wish.exemption.until, wish.exemption.reason) == (until, reason)
    assert wish.exemption.ends == datetime(until.year, until.month, until.day, tzinfo=UTC) + timedelta(days=1)
    assert wish.notes == ()


def test_an_exemption_ends_with_the_first_moment_of_the_next_day() -> None:
    limits = policy()
    tags = {"drawbridge-exempt-until": "2026-11-23", "drawbridge-exempt-reason": "migration"}
    midnight = datetime(2026, 11, 24, tzinfo=UTC)

    before = desired(limits, cache_seen(tags=tags), (), midnight - timedelta(microseconds=1))
    after = desired(limits, cache_seen(tags=tags), (), midnight)

    assert before.exemption is not None
    assert after.exemption is None


@pytest.mark.parametrize(("bounds", "before"), [({}, 3), ({"remindDays": 0}, 0), ({"remindDays": 14}, 14)])
def test_the_end_of_an_exemption_is_to_be_told_so_many_days_before(bounds: dict[str, object], before: int) -> None:
    exemption = exempted(days(7), "migration", **bounds).exemption

    assert exemption is not None
    assert exemption.ends - exemption.remind_at == timedelta(days=before)
