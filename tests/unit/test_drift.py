"""When the sweep wakes a cache, and when it leaves it in peace."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from shared.drift import STALLED_AFTER, Drift, drift, summary
from shared.model import Cache, Desired, Mode, PublicAccess, Reason, Status, Step, Verdict, VerdictKind
from tests.worlds import NOW, TIMING, A, B, cache_seen, exempt, listed, own_endpoint, own_name, wanted

COMPLIANT = Verdict(VerdictKind.COMPLIANT)
CONVERGING = Verdict(VerdictKind.CONVERGING, step=Step.ATTACHING, look_after=timedelta(seconds=30))
BLOCKED = Verdict(VerdictKind.BLOCKED, Reason.SUBNET_FULL)
MOMENT = timedelta(seconds=1)
PRIVATE = cache_seen(public_access=PublicAccess.DISABLED, connections=(listed(own_endpoint()),))
WANTED = wanted()
NOTHING = wanted(enrolled=False, close=False)


@dataclass(frozen=True)
class Row:
    """What is remembered of a cache: by default that it was found to be as it should be, five minutes ago."""

    verdict: Verdict | None = COMPLIANT
    looked_at: datetime | None = NOW - timedelta(minutes=5)
    retry_at: datetime | None = None
    of: Cache = PRIVATE
    under: Desired = WANTED

    def drift(self, cache: Cache = PRIVATE, desired: Desired = under) -> Drift | None:
        return drift(
            cache,
            desired,
            NOW,
            verdict=self.verdict,
            seen=summary(self.of, self.under),
            digest=self.under.digest,
            looked_at=self.looked_at,
            retry_at=self.retry_at,
        )


def ago(**passed: float) -> datetime:
    return NOW - timedelta(**passed)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param(Row(), None, id="as-it-should-be"),
        pytest.param(Row(looked_at=NOW - TIMING.thorough), None, id="read-just-within-the-time-for-a-thorough-look"),
        pytest.param(Row(looked_at=NOW - TIMING.thorough - MOMENT), Drift.STALE, id="not-read-for-long"),
        pytest.param(Row(CONVERGING), None, id="on-its-way"),
        pytest.param(Row(CONVERGING, NOW - STALLED_AFTER), None, id="just-not-stalled"),
        pytest.param(Row(CONVERGING, NOW - STALLED_AFTER - MOMENT), Drift.STALLED, id="its-message-is-lost"),
        pytest.param(Row(BLOCKED, retry_at=NOW + MOMENT), None, id="blocked-and-waiting"),
        pytest.param(Row(BLOCKED, ago(days=9), NOW + MOMENT), None, id="blocked-and-waiting-for-long"),
        pytest.param(Row(BLOCKED, retry_at=NOW), Drift.RETRY, id="blocked-and-due"),
        pytest.param(Row(BLOCKED), Drift.RETRY, id="blocked-without-a-time"),
        pytest.param(Row(None, None), Drift.NEW, id="never-seen"),
        pytest.param(Row(COMPLIANT, None), Drift.NEW, id="never-looked-at"),
        pytest.param(Row(Verdict(VerdictKind.EXEMPT)), None, id="exempt"),
        pytest.param(Row(Verdict(VerdictKind.EXEMPT), ago(days=2)), Drift.STALE, id="exempt-for-long"),
        pytest.param(Row(Verdict(VerdictKind.AUDIT_ONLY)), None, id="audited"),
    ],
)
def test_an_unchanged_cache_is_woken_by_its_verdict_and_the_time(row: Row, expected: Drift | None) -> None:
    assert row.drift() is expected


@pytest.mark.parametrize(
    "cache",
    [
        pytest.param(replace(PRIVATE, public_access=PublicAccess.ENABLED), id="opened"),
        pytest.param(replace(PRIVATE, connections=()), id="connection-gone"),
        pytest.param(replace(PRIVATE, connections=(listed(own_name(), Status.REJECTED),)), id="connection-rejected"),
        pytest.param(
            replace(PRIVATE, connections=(*PRIVATE.connections, listed(own_endpoint(B)))), id="connection-added"
        ),
    ],
)
@pytest.mark.parametrize("verdict", [COMPLIANT, CONVERGING, BLOCKED], ids=lambda verdict: verdict.kind.value)
def test_a_change_of_the_cache_wakes_it_whatever_was_said_of_it(cache: Cache, verdict: Verdict) -> None:
    assert Row(verdict, retry_at=NOW + timedelta(hours=6)).drift(cache) is Drift.CHANGED


@pytest.mark.parametrize(
    "desired",
    [
        pytest.param(wanted(B), id="another-placement"),
        pytest.param(wanted(A, B), id="one-more-placement"),
        pytest.param(wanted(enrolled=False), id="no-longer-enrolled"),
        pytest.param(wanted(mode=Mode.AUDIT), id="another-mode"),
        pytest.param(wanted(close=False), id="no-longer-to-be-closed"),
    ],
)
def test_another_wish_for_a_cache_wakes_it(desired: Desired) -> None:
    assert Row().drift(desired=desired) is Drift.CHANGED


def test_another_policy_wakes_every_cache_that_was_looked_at_under_the_old_one() -> None:
    assert Row().drift(desired=wanted(digest="other")) is Drift.POLICY


def test_an_exemption_of_an_open_cache_wakes_it_when_it_comes_and_when_it_ends() -> None:
    opened = replace(PRIVATE, public_access=PublicAccess.ENABLED)
    exempted = wanted(exemption=exempt())

    assert Row(of=opened).drift(opened, exempted) is Drift.CHANGED
    assert Row(of=opened, under=exempted).drift(opened, exempted) is None
    assert Row(of=opened, under=exempted).drift(opened, wanted()) is Drift.CHANGED


def test_an_exemption_of_a_closed_cache_changes_nothing() -> None:
    assert Row().drift(desired=wanted(exemption=exempt())) is None


@pytest.mark.parametrize(
    "row", [pytest.param(Row(None, None), id="new"), pytest.param(Row(BLOCKED, ago(days=9)), id="known")]
)
def test_a_cache_out_of_scope_is_never_woken(row: Row) -> None:
    assert row.drift(desired=Desired(in_scope=False, digest="other")) is None


def test_a_new_cache_of_which_nothing_is_asked_is_left_asleep() -> None:
    assert Row(None, None).drift(desired=NOTHING) is None


@pytest.mark.parametrize(
    "desired",
    [
        pytest.param(replace(NOTHING, enrolled=True), id="an-endpoint"),
        pytest.param(replace(NOTHING, close=True), id="no-public-access"),
    ],
)
def test_a_new_cache_of_which_anything_is_asked_is_woken(desired: Desired) -> None:
    assert Row(None, None).drift(desired=desired) is Drift.NEW
