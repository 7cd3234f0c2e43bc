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

if TYPE_CHECKING:
    from shared.api.calls import Call
    from shared.store.sweeps import Sweep
    from shared.sweep import Sweeper

_ID = re.compile(r"[0-9]{14}-[0-9a-f]{6}")
_LISTED = 50
_NOT_PERMITTED = frozenset({"AuthorizationFailed", "NotListed", "SubscriptionNotFound"})
"""What Azure or the sweep says of a subscription that the app's identity has no role in."""


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
        return Answer(_shown(sweep), 202, headers={**RETRY_AFTER, "Location": f"/api/sweeps/{run}"})

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
        shown = await self.desk.waiting.until(
            f"sweep {run}",
            partial(self.desk.store.sweeps.summary, run),
            lambda sweep: _shown(sweep) if sweep else None,
            lambda found: found is None or found.state is not State.CONVERGING,
            call.wait,
        )
        if shown is None:
            raise NotHereError(f"sweep {run}")
        return answer(shown, shown.state)

    async def list_latest(self, call: Call) -> Answer:
        """List the latest sweeps."""
        del call
        runs = await self.desk.store.sweeps.latest_runs(_LISTED)
        listed = (SweepListed(id=r.id, state=_state(done=r.completed), started=r.started.isoformat()) for r in runs)
        return Answer(SweepList(value=tuple(listed)))


def _state(*, done: bool) -> State:
    return State.READY if done else State.CONVERGING


def _shown(sweep: Sweep) -> SweepShown:
    parts = sweep.subscriptions
    return SweepShown(
        id=sweep.id,
        state=_state(done=sweep.finished),
        started=sweep.started.isoformat(),
        seen=sum(part.seen for part in parts),
        drifted=sum(part.drifted for part in parts),
        subscriptions=tuple(
            SweepPart(
                subscription=part.subscription,
                status=part.status.value,
                seen=part.seen,
                drifted=part.drifted,
                error=f"{part.error_code}: {part.error_message}" if part.error_code else "",
                help=f"./dev watch {part.subscription}" if part.error_code in _NOT_PERMITTED else "",
            )
            for part in parts
        ),
    )
