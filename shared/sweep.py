"""Go through every subscription in scope, one page of one list per message, and wake what has drifted.

A run is cut into messages so that none is long, a restart goes on where it was, and a fleet of any size
fits any plan's time limit. Azure lists each type of cache apart, so a subscription's messages go through one
list and then the next. What cannot be read is reported with its reason, never passed over, and hides nothing else.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared.announcements import SweepAnnouncement
from shared.arm.errors import ArmError, Retry
from shared.desired import desired
from shared.drift import Drift, drift
from shared.ids import CacheType
from shared.logs import Log
from shared.model import Look, Reason, Trigger, WakeUp
from shared.policy import Request
from shared.publish import PublishError
from shared.silence import is_silent, mending
from shared.store.queue import NetworkWake, SweepPage
from shared.store.subscriptions import Heard
from shared.store.sweeps import PageReport

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.arm import Arm
    from shared.arm.caches import Page
    from shared.ids import CacheId
    from shared.model import Cache, Desired
    from shared.policy import Policy
    from shared.publish import Publisher
    from shared.store import Store
    from shared.store.caches import CacheRow
    from shared.store.sweeps import SubscriptionSweep, Sweep

log = Log(__name__)

_RUNS_KEPT = timedelta(days=7)
_MOST_TOLD = 20
"""Of how many silent subscriptions a log line is written: the announcement and the API name every one."""
_URGENT = frozenset({Reason.EXPOSED, Reason.CONTESTED})
"""Whoever watches the log for these has to hear of their end."""
_TYPES = tuple(CacheType)
"""In the order in which a subscription's lists are gone through."""


@dataclass(frozen=True, slots=True)
class Sweeper:
    """Carries out sweeps; holds no state of its own between messages."""

    arm: Arm
    store: Store
    policy: Policy
    publisher: Publisher
    clock: Callable[[], datetime]

    async def start(self, only: str = "") -> str:
        """Begin a run: find the subscriptions, and put one message for each on the queue. Gives the run's id.

        ``only`` is a subscription in scope, and the only one that is looked at.
        """
        if only:
            run = self._name()
            await self.store.sweeps.start(run, [only], self.policy.digest, whole=False)
            await self.store.queue.put_sweeps([SweepPage(run, only)])
            return run
        readable, members = await self._subscriptions()
        scope = self.policy.scope
        named = readable if scope.everything else members
        wanted = {s for s in named | scope.subscriptions if scope.admits(s, frozenset(named))}
        await self._tell_left(frozenset(await self.store.sweeps.scope()) - wanted)
        await self.store.sweeps.set_scope(sorted(wanted))
        forgotten = self.clock() - _RUNS_KEPT
        await self.store.subscriptions.set_scope(sorted(wanted), self.clock(), forgotten)
        run = self._name()
        await self.store.sweeps.start(run, sorted(wanted), self.policy.digest)
        await self.store.sweeps.prune(forgotten)
        for subscription in sorted(wanted - readable):
            missing = "this identity does not see the subscription; assign it the role for caches there"
            report = PageReport(0, last=True, error_code="NotListed", error_message=missing)
            await self._report(run, subscription, report)
        await self.store.queue.put_sweeps([SweepPage(run, subscription) for subscription in sorted(wanted & readable)])
        if not wanted:
            await self._complete(run)
        return run

    async def _tell_left(self, subscriptions: frozenset[str]) -> None:
        """Say of the caches that leave the scope with their subscription that nobody looks at them any more."""
        for subscription in sorted(subscriptions):
            for row in await self.store.caches.of_subscription(subscription):
                _tell_out_of_scope(row)

    def _name(self) -> str:
        return f"{self.clock():%Y%m%d%H%M%S}-{uuid.uuid4().hex[:6]}"

    async def _subscriptions(self) -> tuple[set[str], set[str]]:
        readable = set(await self.arm.subscriptions.readable())
        members: set[str] = set()
        for group in self.policy.scope.management_groups:
            members |= set(await self.arm.subscriptions.under(group))
        return readable, members

    async def page(self, message: SweepPage, woken_at: datetime) -> None:
        """Look through one page, wake what has drifted, and put the next page on the queue.

        Raises what is unforeseen, or when storage cannot be reached: then the message must come back.
        """
        if not message.sweep and not await self.store.sweeps.first_look(message.subscription, woken_at):
            log.info("covered by an earlier look", subscription=message.subscription)
            return
        found = frozenset(await self.store.sweeps.scope())
        if not self.policy.scope.admits(message.subscription, found):
            said = "the policy does not have it in scope any more"
            await self._report(
                message.sweep,
                message.subscription,
                PageReport(message.page, last=True, error_code="OutOfScope", error_message=said),
            )
            return
        if message.page == 0:
            await self._networks(message.subscription)
        try:
            await self._looked_through(message, found)
        except ArmError as error:
            await self._unread(message, error)

    async def _looked_through(self, message: SweepPage, found: frozenset[str]) -> None:
        page = await self.arm.caches(message.type).list_page(message.subscription, message.continuation or None)
        rows = await self._rows(message)
        asked = await self._asked(message.subscription)
        wanted = {c.id: desired(self.policy, c, asked.get(c.id, ()), self.clock(), found) for c in page.items}
        seen = ((cache.id, self._drift(cache, wanted[cache.id], rows.get(cache.id))) for cache in page.items)
        drifted = {cache: why for cache, why in seen if why}
        listed = await self._listed(message, page)
        if page.continuation is None:
            drifted |= dict.fromkeys(self._unlisted(rows, listed, page), Drift.GONE)
            drifted |= dict.fromkeys(await self._unmade(message, rows), Drift.NEW)
            for row in rows.values():
                if not self.policy.scope.admits_group(row.cache.group_id, found):
                    _tell_out_of_scope(row)
        await self._links([cache for cache in page.items if wanted[cache.id].enrolled or wanted[cache.id].close])
        await self.store.queue.put_all([WakeUp(cache, Trigger.SWEEP, Look.FULL) for cache in drifted])
        for cache, why in drifted.items():
            log.info("drifted", cache=cache, because=why.value)
        await self._next(message, page, len(drifted))

    async def _listed(self, message: SweepPage, page: Page[Cache]) -> frozenset[str] | None:
        """Give the short hashes of all that a list has shown, once it is at its end; None where nobody knows."""
        here = [cache.id for cache in page.items]
        if not message.continuation and page.continuation is None:
            return frozenset(cache.short_hash for cache in here)
        if not message.sweep:
            return None
        await self.store.sweeps.note(message.sweep, message, here)
        return await self.store.sweeps.listed(message.sweep, message) if page.continuation is None else None

    def _unlisted(
        self, rows: Mapping[CacheId, CacheRow], listed: frozenset[str] | None, page: Page[Cache]
    ) -> list[CacheId]:
        """Find the caches that passes know and no page has shown."""
        here = {cache.id for cache in page.items}
        unseen = {cache: row for cache, row in rows.items() if cache not in here and row.verdict}
        if listed is not None:
            return [cache for cache in unseen if cache.short_hash not in listed]
        # What earlier pages listed is not known here, but no cache that is listed stays unlooked at for so long.
        return [cache for cache, row in unseen.items() if self._aged(row)]

    async def _networks(self, subscription: str) -> None:
        """Wake the networks that were asked for: nobody tells when one is changed, or its message was lost."""
        for network in await self.store.networks.wanted_in(subscription):
            await self.store.queue.put_network(NetworkWake(network))

    async def _unmade(self, message: SweepPage, rows: Mapping[CacheId, CacheRow]) -> list[CacheId]:
        """Find the caches that were asked for and that no pass has come to: the message for it was lost."""
        asked = await self.store.creations.open_in(message.subscription)
        return [each.cache for each in asked if each.cache.type is message.type and each.cache not in rows]

    async def _rows(self, message: SweepPage) -> dict[CacheId, CacheRow]:
        rows = await self.store.caches.of_subscription(message.subscription)
        return {row.cache: row for row in rows if row.cache.type is message.type}

    async def _asked(self, subscription: str) -> dict[CacheId, tuple[Request, ...]]:
        asked: dict[CacheId, tuple[Request, ...]] = {}
        for stored in await self.store.requests.of_subscription(subscription):
            asked[stored.cache] = (*asked.get(stored.cache, ()), stored.wish)
        return asked

    def _drift(self, cache: Cache, wanted: Desired, row: CacheRow | None) -> Drift | None:
        return drift(
            cache,
            wanted,
            self.clock(),
            verdict=row.verdict if row else None,
            seen=row.seen if row else "",
            digest=row.digest if row else "",
            looked_at=row.last_started if row else None,
            retry_at=row.retry_at if row else None,
        )

    def _aged(self, row: CacheRow) -> bool:
        return row.last_started is None or self.clock() - row.last_started > 2 * self.policy.timing.thorough

    async def _links(self, watched: list[Cache]) -> None:
        """Refresh what leads from an endpoint to its cache, for caches that something is asked of."""
        links = ((c.endpoint, cache.id) for cache in watched for c in cache.connections if c.endpoint)
        await self.store.links.refresh(links)

    async def _next(self, message: SweepPage, page: Page[Cache], drifted: int) -> None:
        for problem in page.problems:
            log.warning("cache not understood", subscription=message.subscription, because=problem)
        further = _after(message, page.continuation)
        if further:
            await self.store.queue.put_sweep(further)
        report = PageReport(message.page, len(page.items), drifted, drifted, last=further is None)
        await self._report(message.sweep, message.subscription, report)

    async def _unread(self, message: SweepPage, error: ArmError) -> None:
        """Put off what may pass; report what will not."""
        log.warning(
            "subscription not read",
            subscription=message.subscription,
            type=message.type,
            code=error.code,
            said=error.message,
        )
        if error.retry is not Retry.NEVER:
            await self.store.queue.put_sweep(message, error.after or self.policy.timing.busy)
            return
        await self._passed_over(message, error.code or "NoAnswer", error.message)

    async def fail(self, message: SweepPage) -> None:
        """Report a list whose message was given up, and go on with the next one."""
        await self._passed_over(message, "GaveUp", "looking through it failed several times; the log has the errors")

    async def _passed_over(self, message: SweepPage, code: str, said: str) -> None:
        """Report that one type of cache could not be listed to its end; the other types are looked through."""
        further = _after(message, None)
        if further:
            await self.store.queue.put_sweep(further)
        told = PageReport(message.page, last=further is None, error_code=code, error_message=f"{message.type}: {said}")
        await self._report(message.sweep, message.subscription, told)

    async def _report(self, run: str, subscription: str, report: PageReport) -> None:
        if not run:
            return
        await self.store.sweeps.report(run, subscription, report)
        if report.last:
            await self._complete(run)

    async def _complete(self, run: str) -> None:
        """Tell the end of a run, once every subscription is done or has been given up: one caller does."""
        swept = await self.store.sweeps.summary(run)
        if swept is None or not swept.finished:
            return
        # Before the end is noted: whoever cannot read this comes again.
        silent = await self._silent(swept)
        took = (await self.store.now() - swept.started).total_seconds()
        if not await self.store.sweeps.complete(run):
            return
        unreadable: Mapping[str, str] = {each.subscription: _why(each) for each in swept.failed}
        caches = sum(each.seen for each in swept.subscriptions)
        drifted = sum(each.drifted for each in swept.subscriptions)
        named = tuple(sorted(each.subscription for each in silent))
        told = SweepAnnouncement(run, len(swept.subscriptions), unreadable, caches, drifted, named)
        failed, mute = len(unreadable), len(silent)
        log.info(
            "sweep completed",
            sweep=run,
            caches=caches,
            drifted=drifted,
            unreadable=failed,
            silent=mute,
            took=took,
            whole=swept.whole,
        )
        _tell(silent)
        try:
            await self.publisher.publish_sweep(run, told)
        except PublishError as error:
            # The next run tells its own end; nothing depends on this one's.
            log.warning("sweep not announced", sweep=run, because=error)

    async def _silent(self, swept: Sweep) -> list[SubscriptionSweep]:
        """Find the subscriptions that should have sent an event by now, those with the most caches first."""
        heard, now = await self.store.subscriptions.heard(), self.clock()
        silent = [one for one in swept.subscriptions if is_silent(one, heard.get(one.subscription, Heard()), now)]
        return sorted(silent, key=lambda one: (-one.seen, one.subscription))


def _tell_out_of_scope(row: CacheRow) -> None:
    if row.verdict and row.verdict.reason in _URGENT:
        log.info("out of scope", cache=row.cache)


def _tell(silent: list[SubscriptionSweep]) -> None:
    for each in silent[:_MOST_TOLD]:
        named, help_ = each.subscription, mending(each.subscription)
        log.warning("no event ever came from a subscription", subscription=named, caches=each.seen, help=help_)
    if len(silent) > _MOST_TOLD:
        log.warning("no event ever came from further subscriptions", subscriptions=len(silent) - _MOST_TOLD)


def _after(message: SweepPage, continuation: str | None) -> SweepPage | None:
    """Give what is to be looked through next in a subscription: the list goes on, or there is another; or None."""
    if continuation is not None:
        return replace(message, continuation=continuation, page=message.page + 1)
    left = _TYPES[_TYPES.index(message.type) + 1 :]
    return replace(message, continuation="", page=message.page + 1, type=left[0]) if left else None


def _why(part: SubscriptionSweep) -> str:
    return f"{part.error_code}: {part.error_message}"
