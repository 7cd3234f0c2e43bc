"""What is said of a subscription that could not be read, or from which no event ever came."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.silence import Problem, is_silent, problems
from shared.store.subscriptions import Heard
from shared.store.sweeps import SubscriptionSweep, SweepStatus

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
WATCH = f"./dev watch {SUBSCRIPTION}"
NOW = datetime(2026, 11, 28, 10, tzinfo=UTC)
DAY = timedelta(days=1)
A_DAY_AGO = NOW - DAY
YOUNG = A_DAY_AGO + timedelta(seconds=1)
SAID = "No event of it has come since 2026-11-27 10:00 UTC: sweeps alone find what changes there."


def part(status: SweepStatus = SweepStatus.DONE, seen: int = 3, code: str = "", message: str = "") -> SubscriptionSweep:
    return SubscriptionSweep(SUBSCRIPTION, status, seen, error_code=code, error_message=message)


def failed(code: str) -> SubscriptionSweep:
    return part(SweepStatus.FAILED, 0, code, "no")


@pytest.mark.parametrize(
    ("swept", "heard", "expected"),
    [
        pytest.param(part(), Heard(A_DAY_AGO), [Problem("NoEvents", SAID, WATCH)], id="a day without an event"),
        pytest.param(part(), Heard(YOUNG), [], id="not a day in scope yet"),
        pytest.param(part(), Heard(), [], id="not known since when it is in scope"),
        pytest.param(part(), Heard(A_DAY_AGO, NOW), [], id="an event has come"),
        pytest.param(part(), Heard(A_DAY_AGO, NOW - 300 * DAY), [], id="an event came long ago"),
        pytest.param(part(), Heard(None, NOW), [], id="an event came before the first sweep"),
        pytest.param(part(seen=0), Heard(A_DAY_AGO), [], id="no caches"),
        pytest.param(part(SweepStatus.RUNNING), Heard(A_DAY_AGO), [], id="not looked through yet"),
        pytest.param(part(SweepStatus.PENDING, 0), Heard(A_DAY_AGO), [], id="not begun"),
        pytest.param(failed("NotListed"), Heard(A_DAY_AGO), [Problem("NotListed", "no", WATCH)], id="not seen"),
        pytest.param(
            failed("AuthorizationFailed"), Heard(), [Problem("AuthorizationFailed", "no", WATCH)], id="not permitted"
        ),
        pytest.param(
            failed("SubscriptionNotFound"), Heard(), [Problem("SubscriptionNotFound", "no", WATCH)], id="not found"
        ),
        pytest.param(
            part(SweepStatus.FAILED, 3, "GaveUp", "no"),
            Heard(A_DAY_AGO),
            [Problem("GaveUp", "no")],
            id="given up: no command mends it, and nothing else is said",
        ),
        pytest.param(
            part(SweepStatus.RUNNING, 0, "AuthorizationFailed", "no"),
            Heard(A_DAY_AGO),
            [Problem("AuthorizationFailed", "no", WATCH)],
            id="one list not permitted, the other to come",
        ),
    ],
)
def test_what_is_the_matter_with_a_subscription(
    swept: SubscriptionSweep, heard: Heard, expected: list[Problem]
) -> None:
    assert list(problems(swept, heard, NOW)) == expected
    assert is_silent(swept, heard, NOW) is any(each.code == "NoEvents" for each in expected)
