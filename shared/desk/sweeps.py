"""Sweeps that callers start and follow."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from shared.api.calls import Answer
from shared.api.errors import NotHereError, RefusedError
from shared.api.shapes.common import Rehearsed, State
from shared.api.shapes.sweeps import SweepList, SweepListed, SweepPart, SweepShown, SweepWish
from shared.desk.desk import Desk
from shared.desk.standing import RETRY_AFTER, answer
from shared.ids import InvalidIdError, subscription_id
from shared.silence import problems
from shared.store.subscriptions import Heard

if TYPE_CHECKING:
    from datetime import datetime

    from shared.api.calls import Call
    from shared.store.sweeps import SubscriptionSweep, Sweep
    from shared.sweep import Sweeper

_ID = re.compile(r"[0-9]{14}-[0-9a-f]{6}")
_LISTED = 50


@dataclass(frozen=True, slots=True)
class SweepsDesk:
    """Answers what is asked about sweeps."""

    desk: Desk
    sweeper: Sweeper

    async def begin(self, call: Call) -> Answer:
        """Start a sweep of everything in scope, or of one subscription."""
        wanted = await self._subscription(call.given(SweepWish).subscription)
        if call.dry_run:
            what = f"subscription {wanted}" if wanted else "every subscription in scope"
            return Answer(Rehearsed(dry_run=True, stored=f"a sweep over {what} would begin", plan=None))
        run = await self.sweeper.start(wanted)
        sweep = await self.desk.store.sweeps.summary(run)
        if sweep is None:
            raise LookupError(f"sweep {run} was begun, and is not known")
        return Answer(await self._shown(sweep), 202, headers={**RETRY_AFTER, "Location": f"/api/sweeps/{run}"})

    async def _subscription(self, text: str) -> str:
        if not text:
            return ""
        try:
            subscription = subscription_id(text)
        except InvalidIdError as error:
            raise RefusedError(str(error), "subscription") from error
        if not self.desk.reconciler.policy.scope.admits(subscription, await self.desk.reconciler.found()):
            raise NotHereError(f"subscription {subscription} is out of scope")
        return subscription

    async def show(self, call: Call) -> Answer:
        """Say how far a sweep has come."""
        run = call.part("sweep")
        if not _ID.fullmatch(run):
            raise NotHereError(f"sweep {run[:63]}")
        sweep = await self.desk.waiting.until(
            f"sweep {run}",
            partial(self.desk.store.sweeps.summary, run),
            lambda sweep: sweep,
            lambda found: found is None or found.finished,
            call.wait,
        )
        if sweep is None:
            raise NotHereError(f"sweep {run}")
        shown = await self._shown(sweep)
        return answer(shown, shown.state)

    async def _shown(self, sweep: Sweep) -> SweepShown:
        heard, now = await self.desk.store.subscriptions.heard(), self.desk.now()
        parts = sweep.subscriptions
        return SweepShown(
            id=sweep.id,
            state=_state(done=sweep.finished),
            started=sweep.started.isoformat(),
            seen=sum(part.seen for part in parts),
            drifted=sum(part.drifted for part in parts),
            subscriptions=tuple(shown_part(part, heard.get(part.subscription, Heard()), now) for part in parts),
        )

    async def list_latest(self, call: Call) -> Answer:
        """List the latest sweeps."""
        del call
        runs = await self.desk.store.sweeps.latest_runs(_LISTED)
        listed = (SweepListed(id=r.id, state=_state(done=r.completed), started=r.started.isoformat()) for r in runs)
        return Answer(SweepList(value=tuple(listed)))


def _state(*, done: bool) -> State:
    return State.READY if done else State.CONVERGING


def shown_part(part: SubscriptionSweep, heard: Heard, now: datetime) -> SweepPart:
    """Write one subscription's part for a caller."""
    return SweepPart(
        subscription=part.subscription,
        status=part.status.value,
        seen=part.seen,
        drifted=part.drifted,
        error=f"{part.error_code}: {part.error_message}" if part.error_code else "",
        last_event=heard.last_event.isoformat() if heard.last_event else None,
        help=next((each.help for each in problems(part, heard, now)), ""),
    )
