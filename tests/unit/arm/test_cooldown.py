"""What Azure has told one call, no other call asks again."""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from shared.arm.calls import Caller
from shared.arm.clients import ArmSettings, Clients
from shared.arm.errors import ArmError, Call, Retry
from shared.arm.retry import Patience

READ = Call("Microsoft.Network/privateEndpoints/read", "hub")
MINUTE = timedelta(minutes=1)


@dataclass
class Hours:
    """A cooldown in memory."""

    waits: dict[tuple[str, str], timedelta] = field(default_factory=dict)

    async def left(self, subscription: str, provider: str) -> timedelta:
        return self.waits.get((subscription, provider), timedelta())

    async def begin(self, subscription: str, provider: str, asked: timedelta | None) -> None:
        self.waits[subscription, provider] = asked or MINUTE


def caller(hours: Hours) -> Caller:
    return Caller(Clients(ArmSettings()), Patience(), hours)


def throttled(after: timedelta | None) -> ArmError:
    said = ("SubscriptionRequestsThrottled", "too many", Retry.LATER, after, None, 429)
    return ArmError(*said, READ.operation, READ.subscription, READ.provider, throttled=True)


async def test_a_call_that_is_turned_away_makes_the_next_wait_unasked() -> None:
    hours, asked = Hours(), []

    async def turned_away() -> None:
        asked.append(1)
        raise throttled(MINUTE)

    with pytest.raises(ArmError):
        await caller(hours)(READ, turned_away)
    with pytest.raises(ArmError) as caught:
        await caller(hours)(READ, turned_away)

    assert len(asked) == 1
    assert (caught.value.throttled, caught.value.after, caught.value.status) == (True, MINUTE, None)
    assert caught.value.retry is Retry.LATER


async def test_another_subscription_and_another_provider_go_on() -> None:
    hours = Hours({("hub", "Microsoft.Network"): MINUTE})

    async def answered() -> str:
        return "here"

    assert await caller(hours)(Call(READ.operation, "apps"), answered) == "here"
    assert await caller(hours)(Call("Microsoft.Cache/redis/read", "hub"), answered) == "here"
