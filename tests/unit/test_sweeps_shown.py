"""What a caller is told of a sweep."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.desk.sweeps import shown_part
from shared.store.subscriptions import Heard
from shared.store.sweeps import SubscriptionSweep, SweepStatus

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
NOW = datetime(2026, 11, 28, tzinfo=UTC)
HEARD = Heard(NOW - timedelta(days=9), NOW)


def told(part: SubscriptionSweep, heard: Heard = HEARD) -> tuple[str, str, str | None]:
    shown = shown_part(part, heard, NOW)
    return shown.error, shown.help, shown.last_event


@pytest.mark.parametrize("code", ["AuthorizationFailed", "NotListed", "SubscriptionNotFound"])
def test_a_subscription_without_permission_is_told_with_the_command_that_mends_it(code: str) -> None:
    part = SubscriptionSweep(SUBSCRIPTION, SweepStatus.FAILED, error_code=code, error_message="no")

    assert told(part)[:2] == (f"{code}: no", f"./dev watch {SUBSCRIPTION}")


@pytest.mark.parametrize(("status", "code"), [(SweepStatus.DONE, ""), (SweepStatus.FAILED, "ServiceUnavailable")])
def test_no_command_is_told_where_it_would_mend_nothing(status: SweepStatus, code: str) -> None:
    assert not told(SubscriptionSweep(SUBSCRIPTION, status, 3, error_code=code))[1]


def test_a_subscription_tells_when_an_event_of_it_last_came_and_how_to_have_some_where_none_did() -> None:
    part = SubscriptionSweep(SUBSCRIPTION, SweepStatus.DONE, 3)

    assert told(part) == ("", "", "2026-11-28T00:00:00+00:00")
    assert told(part, Heard(HEARD.since)) == ("", f"./dev watch {SUBSCRIPTION}", None)
