"""What a caller is told of a sweep."""

from datetime import UTC, datetime

import pytest

from shared.desk.sweeps import _shown
from shared.store.sweeps import SubscriptionSweep, Sweep, SweepStatus

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"


def told(part: SubscriptionSweep) -> tuple[str, str]:
    sweep = Sweep(
        "20261128100000-ab12cd", datetime(2026, 11, 28, tzinfo=UTC), "digest", completed=True, subscriptions=(part,)
    )
    (shown,) = _shown(sweep).subscriptions
    return shown.error, shown.help


@pytest.mark.parametrize("code", ["AuthorizationFailed", "NotListed", "SubscriptionNotFound"])
def test_a_subscription_without_permission_is_told_with_the_command_that_mends_it(code: str) -> None:
    part = SubscriptionSweep(SUBSCRIPTION, SweepStatus.FAILED, error_code=code, error_message="no")

    assert told(part) == (f"{code}: no", f"./dev watch {SUBSCRIPTION}")


@pytest.mark.parametrize(("status", "code"), [(SweepStatus.DONE, ""), (SweepStatus.FAILED, "ServiceUnavailable")])
def test_no_command_is_told_where_it_would_mend_nothing(status: SweepStatus, code: str) -> None:
    assert not told(SubscriptionSweep(SUBSCRIPTION, status, error_code=code))[1]
