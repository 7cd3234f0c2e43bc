"""The subscriptions in scope, and what is the matter with them: read from storage alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.api.calls import Answer
from shared.api.shapes.subscriptions import SubscriptionEntry, SubscriptionList, SubscriptionProblem
from shared.desk.desk import Desk
from shared.silence import problems
from shared.store.subscriptions import Heard
from shared.store.sweeps import SubscriptionSweep

if TYPE_CHECKING:
    from datetime import datetime

    from shared.api.calls import Call


@dataclass(frozen=True, slots=True)
class SubscriptionsDesk:
    """Answers what is asked about subscriptions."""

    desk: Desk

    async def show(self, call: Call) -> Answer:
        """Give every subscription in scope; one that no sweep has come to yet is pending."""
        del call
        store = self.desk.store
        sweep, heard, now = await store.sweeps.latest_ended(), await store.subscriptions.heard(), self.desk.now()
        parts = {part.subscription: part for part in sweep.subscriptions} if sweep else {}
        entries = (
            _entry(parts.get(one, SubscriptionSweep(one)), heard.get(one, Heard()), now)
            for one in await self._in_scope()
        )
        return Answer(SubscriptionList(sweep=sweep.id if sweep else "", value=tuple(entries)))

    async def _in_scope(self) -> list[str]:
        scope, found = self.desk.reconciler.policy.scope, await self.desk.reconciler.found()
        return sorted(one for one in found | scope.subscriptions if scope.admits(one, found))


def _entry(part: SubscriptionSweep, heard: Heard, now: datetime) -> SubscriptionEntry:
    return SubscriptionEntry(
        subscription=part.subscription,
        status=part.status.value,
        caches=part.seen,
        drifted=part.drifted,
        last_event=heard.last_event.isoformat() if heard.last_event else None,
        problems=tuple(
            SubscriptionProblem(code=each.code, message=each.message, help=each.help)
            for each in problems(part, heard, now)
        ),
    )
