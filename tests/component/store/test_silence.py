"""The end of a sweep tells of the subscriptions from which no event ever came: in the log by name, up to a bound."""

import json
import logging
import re
from collections.abc import Mapping
from datetime import timedelta

import pytest

from shared.arm import Arm, ArmSettings
from shared.policy_text import load
from shared.publish import Publisher
from shared.store import Store
from shared.store.queue import SweepPage
from shared.store.sweeps import PageReport
from shared.sweep import Sweeper
from tests.component.store.conftest import NOON, OTHER_SUBSCRIPTION, SUBSCRIPTION

DAY = timedelta(days=1)
LAST = OTHER_SUBSCRIPTION
SILENT = "no event ever came from a subscription"
Lines = list[tuple[str, dict[str, str]]]


def numbered(number: int) -> str:
    return f"{number:08}-2222-3333-4444-555555555555"


async def ended(store: Store, caplog: pytest.LogCaptureFixture, caches: Mapping[str, int]) -> Lines:
    """Let a sweep come to its end that has seen so many caches in each subscription; gives what the log has of that."""
    await store.sweeps.start("s1", [*caches, LAST], "d1")
    for one, seen in caches.items():
        await store.sweeps.report("s1", one, PageReport(0, seen, last=True))
    arm = Arm(ArmSettings())
    policy = load(f'scope: {{subscriptions: ["*"], excludeSubscriptions: [{LAST}]}}')
    sweeper = Sweeper(arm, store, policy, Publisher("", arm.credential), lambda: NOON)
    with caplog.at_level(logging.INFO, "shared.sweep"):
        # It has left the scope meanwhile, so this part ends without a call to Azure.
        await sweeper.page(SweepPage("s1", LAST), NOON)
    found = [
        re.fullmatch(r"(.*?) (\{.*\})", each.getMessage()) for each in caplog.records if each.name == "shared.sweep"
    ]
    return [(each[1], json.loads(each[2])) for each in found if each]


async def test_a_subscription_that_has_been_silent_for_a_day_is_named_with_the_command_that_mends_it(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    heard, empty, young = numbered(1), numbered(2), numbered(3)
    await store.subscriptions.set_scope([SUBSCRIPTION, heard, empty, LAST], NOON - DAY, NOON)
    await store.subscriptions.set_scope([SUBSCRIPTION, heard, empty, LAST, young], NOON - DAY / 2, NOON)
    await store.subscriptions.hear(heard, NOON - 9 * DAY)

    told = await ended(store, caplog, {SUBSCRIPTION: 3, heard: 3, empty: 0, young: 3})

    (message, end), *further = told
    assert (message, end["caches"], end["unreadable"], end["silent"]) == ("sweep completed", "9", "1", "1")
    assert end["whole"] == "True"
    named = {"subscription": SUBSCRIPTION, "caches": "3", "help": f"./dev watch {SUBSCRIPTION}"}
    assert further == [(SILENT, named)]


async def test_of_many_silent_subscriptions_those_with_the_most_caches_are_named_and_the_rest_is_counted(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caches = {numbered(number): 1 + number for number in range(23)}
    await store.subscriptions.set_scope(caches, NOON - DAY, NOON)

    told = await ended(store, caplog, caches)

    assert told[0][1]["silent"] == "23"
    assert [(message, fields["subscription"]) for message, fields in told[1:-1]] == [
        (SILENT, numbered(number)) for number in range(22, 2, -1)
    ]
    assert told[-1] == ("no event ever came from further subscriptions", {"subscriptions": "3"})


async def test_a_new_deployment_is_not_told_that_it_is_silent(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    await store.subscriptions.set_scope([SUBSCRIPTION], NOON, NOON)

    ((_, end),) = await ended(store, caplog, {SUBSCRIPTION: 3})
    assert end["silent"] == "0"
