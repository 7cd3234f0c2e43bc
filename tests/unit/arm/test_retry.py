from __future__ import annotations

import pytest
from tenacity import wait_none

from shared.arm.errors import ArmError, Call
from shared.arm.retry import ATTEMPTS, LONGEST_WAIT, Patience
from tests.unit.arm.answers import SUBSCRIPTION, envelope, failed

READ = Call("Microsoft.Cache/redis/read", SUBSCRIPTION)
WRITE = Call("Microsoft.Cache/redis/write", SUBSCRIPTION, writes=True)


class Azure:
    """Answers with one failure after the other, then with success."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.asked = 0

    async def __call__(self) -> str:
        self.asked += 1
        if self.failures:
            raise self.failures.pop(0)
        return "done"


def trouble() -> Exception:
    return failed(500, envelope("InternalServerError", "m"))


async def test_a_fault_that_passes_by_itself_is_tried_again() -> None:
    azure = Azure(trouble(), trouble())

    assert await Patience(wait_none())(READ, azure) == "done"
    assert azure.asked == 3


async def test_the_last_attempts_error_is_raised() -> None:
    azure = Azure(*[trouble() for _ in range(9)])

    with pytest.raises(ArmError, match="InternalServerError"):
        await Patience(wait_none())(READ, azure)
    assert azure.asked == ATTEMPTS


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(failed(429, envelope("TooManyRequests", "m")), id="throttled"),
        pytest.param(failed(429, envelope("TooManyRequests", "m"), {"Retry-After": "1"}), id="throttled for a second"),
        pytest.param(failed(503, envelope("ServiceUnavailable", "m"), {"Retry-After": "1"}), id="a time was named"),
        pytest.param(failed(409, envelope("AnotherOperationInProgress", "m")), id="busy"),
        pytest.param(failed(409, envelope("ScopeLocked", "m")), id="permanent"),
        pytest.param(failed(404, envelope("ResourceNotFound", "m")), id="absent"),
        pytest.param(failed(504, envelope("GatewayTimeout", "m")), id="the provider does not answer"),
    ],
)
async def test_what_takes_longer_than_seconds_is_not_tried_again_here(failure: Exception) -> None:
    azure = Azure(failure)

    with pytest.raises(ArmError):
        await Patience(wait_none())(READ, azure)
    assert azure.asked == 1


async def test_a_write_stays_unsure_when_a_later_attempt_is_refused() -> None:
    azure = Azure(trouble(), failed(409, envelope("AnotherOperationInProgress", "m")))

    with pytest.raises(ArmError) as caught:
        await Patience(wait_none())(WRITE, azure)
    assert (caught.value.code, caught.value.unsure) == ("AnotherOperationInProgress", True)


async def test_doubt_does_not_outlive_its_call() -> None:
    patience = Patience(wait_none())
    assert await patience(WRITE, Azure(trouble())) == "done"

    with pytest.raises(ArmError) as caught:
        await patience(WRITE, Azure(failed(409, envelope("ScopeLocked", "m"))))
    assert not caught.value.unsure


async def test_a_bug_is_not_tried_again() -> None:
    azure = Azure(ValueError("a bug"))

    with pytest.raises(ValueError, match="a bug"):
        await Patience(wait_none())(READ, azure)
    assert azure.asked == 1


async def test_waits_are_at_most_four_seconds_and_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr("asyncio.sleep", sleep)
    for _ in range(20):
        with pytest.raises(ArmError):
            await Patience()(READ, Azure(*[trouble() for _ in range(ATTEMPTS)]))

    assert len(waits) == 20 * (ATTEMPTS - 1)
    assert len(set(waits)) == len(waits)
    assert 0 <= min(waits) < max(waits) <= LONGEST_WAIT == 4
