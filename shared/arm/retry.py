"""The one retry loop inside the process: seconds, for faults that pass by themselves; minutes belong to the queue.

Only failures marked SOON are tried again here. Azure's ``Retry-After`` is never slept on: such a failure is LATER.
A write whose outcome is unknown may be repeated, because every write of ours is a PUT of a whole resource under a
name derived from the cache, a PATCH of one value, or a DELETE: done twice, it is done once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from shared.arm.errors import ArmError, Call, Retry, arm_errors

if TYPE_CHECKING:
    from tenacity.wait import WaitBaseT

T = TypeVar("T")

ATTEMPTS = 3
LONGEST_WAIT = 4.0
"""Seconds; each wait is drawn at random between nothing and a bound that doubles up to this."""


class Patience:
    """Makes a call of ARM, in up to three attempts."""

    def __init__(self, wait: WaitBaseT | None = None) -> None:
        self._wait = wait

    async def __call__(self, call: Call, send: Callable[[], Awaitable[T]]) -> T:
        """Await ``send``, translated and retried; raises the last attempt's ArmError.

        It is unsure where any attempt was: the attempt after a lost connection can meet the operation that the
        lost one has begun.
        """
        import tenacity

        doubt = _Doubt()
        async for attempt in tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception(_soon),
            wait=self._wait or tenacity.wait_random_exponential(max=LONGEST_WAIT),
            stop=tenacity.stop_after_attempt(ATTEMPTS),
            reraise=True,
        ):
            with attempt, doubt, arm_errors(call):
                return await send()
        raise AssertionError("tenacity ended without a result or an exception")


class _Doubt:
    """Remembers over the attempts of one call that a write may have happened."""

    def __init__(self) -> None:
        self._unsure = False

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, ArmError):
            error.unsure = self._unsure = self._unsure or error.unsure


def _soon(error: BaseException) -> bool:
    return isinstance(error, ArmError) and error.retry is Retry.SOON
