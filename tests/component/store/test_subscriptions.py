"""Since when subscriptions are in scope, and when events of them last came: written seldom, read by whoever asks."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.api.callers import Access
from shared.api.calls import Request
from shared.api.front import answered
from shared.api.operation import Role
from shared.api.operations.subscriptions import LIST_SUBSCRIPTIONS
from shared.arm import Arm, ArmSettings
from shared.desk.desk import Desk
from shared.desk.subscriptions import SubscriptionsDesk
from shared.policy_text import load
from shared.publish import Publisher
from shared.reconcile import Reconciler
from shared.store import Store, StoreSettings
from shared.store.encoding import Key
from shared.store.errors import StoreUnavailableError
from shared.store.subscriptions import Heard
from shared.store.sweeps import PageReport
from shared.waiting import Waiting
from tests.component.store.conftest import NOON, OTHER_SUBSCRIPTION, SUBSCRIPTION, Calls, Monotonic
from tests.unit.api.calling import principal

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EMPTY, NEW = "22222222-2222-3333-4444-555555555555", "33333333-2222-3333-4444-555555555555"


async def test_an_event_costs_one_call_an_hour(store: Store, monotonic: Monotonic, calls: Calls) -> None:
    await store.ensure()
    calls()
    for _ in range(3):
        await store.subscriptions.hear(SUBSCRIPTION, NOON)
    assert calls() == ["PATCH"]

    monotonic.now = 3599
    assert not store.subscriptions.is_news(SUBSCRIPTION)
    assert store.subscriptions.is_news(OTHER_SUBSCRIPTION)
    monotonic.now = 3600
    await store.subscriptions.hear(SUBSCRIPTION, NOON + HOUR)
    assert calls() == ["PATCH"]
    assert await store.subscriptions.heard() == {SUBSCRIPTION: Heard(None, NOON + HOUR)}


async def test_what_could_not_be_noted_is_news_again(store: Store, storage: str) -> None:
    away = Store.open(
        StoreSettings(storage.replace("TableEndpoint=http://127.0.0.1:", "TableEndpoint=http://127.0.0.2:1"))
    )
    try:
        with pytest.raises(StoreUnavailableError):
            await away.subscriptions.hear(SUBSCRIPTION, NOON)
        assert away.subscriptions.is_news(SUBSCRIPTION)
    finally:
        await away.close()

    assert await store.subscriptions.heard() == {}


async def test_no_more_subscriptions_are_kept_in_mind_than_a_company_has(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.store.subscriptions._MOST_NOTED", 2)
    for one in (SUBSCRIPTION, OTHER_SUBSCRIPTION, EMPTY):
        await store.subscriptions.hear(one, NOON)

    assert [store.subscriptions.is_news(one) for one in (SUBSCRIPTION, OTHER_SUBSCRIPTION, EMPTY)] == [
        True,
        False,
        False,
    ]


async def test_a_subscription_is_in_scope_since_the_first_sweep_that_found_it_there(store: Store, calls: Calls) -> None:
    await store.subscriptions.hear(SUBSCRIPTION, NOON)
    await store.subscriptions.set_scope([SUBSCRIPTION, EMPTY], NOON + HOUR, NOON)
    calls()
    await store.subscriptions.set_scope([SUBSCRIPTION, EMPTY], NOON + DAY, NOON)

    assert calls() == ["GET"]
    assert await store.subscriptions.heard() == {SUBSCRIPTION: Heard(NOON + HOUR, NOON), EMPTY: Heard(NOON + HOUR)}


async def test_what_has_left_the_scope_is_forgotten_unless_events_of_it_still_come(store: Store) -> None:
    await store.subscriptions.set_scope([SUBSCRIPTION, OTHER_SUBSCRIPTION, EMPTY], NOON, NOON)
    await store.subscriptions.hear(SUBSCRIPTION, NOON)
    await store.subscriptions.hear(OTHER_SUBSCRIPTION, NOON - HOUR)
    await store.subscriptions.set_scope([], NOON + DAY, NOON)

    assert await store.subscriptions.heard() == {SUBSCRIPTION: Heard(NOON, NOON)}


async def listed(store: Store, policy: str, now: datetime) -> Any:  # noqa: ANN401 - JSON
    """Call the operation through the front, as a Reader signed in with Entra ID does."""
    arm = Arm(ArmSettings())
    reconciler = Reconciler(arm, store, load(policy), Publisher("", arm.credential), lambda: now)
    operation = LIST_SUBSCRIPTIONS
    sent = {"x-ms-client-principal": principal(Role.READER.words)}
    request = Request("GET", "https://app.example/api/subscriptions", {}, {}, sent)
    desk = SubscriptionsDesk(Desk(reconciler, Waiting()))
    response = await answered(operation, request, desk.show, lambda: Access(on_platform=True))
    assert response.status == 200
    return json.loads(response.body)


async def test_a_reader_is_shown_every_subscription_in_scope_and_what_is_the_matter_with_it(store: Store) -> None:
    scope = [SUBSCRIPTION, OTHER_SUBSCRIPTION, EMPTY]
    await store.sweeps.set_scope(scope)
    await store.subscriptions.set_scope(scope, NOON - DAY, NOON)
    await store.subscriptions.hear(SUBSCRIPTION, NOON)
    await store.sweeps.start("s1", scope, "d1")
    await store.sweeps.report("s1", SUBSCRIPTION, PageReport(0, 40, 1, last=True))
    await store.sweeps.report("s1", EMPTY, PageReport(0, 3, last=True))
    refused = PageReport(0, last=True, error_code="AuthorizationFailed", error_message="may not read")
    await store.sweeps.report("s1", OTHER_SUBSCRIPTION, refused)

    shown = await listed(store, f'scope: {{subscriptions: ["*"], excludeSubscriptions: ["{NEW}"]}}', NOON)

    silent = "No event of it has come since 2026-11-23 12:00 UTC: sweeps alone find what changes there."
    assert shown == {
        "sweep": "s1",
        "value": [
            {
                "subscription": SUBSCRIPTION,
                "status": "done",
                "caches": 40,
                "drifted": 1,
                "lastEvent": "2026-11-24T12:00:00+00:00",
                "problems": [],
            },
            {
                "subscription": EMPTY,
                "status": "done",
                "caches": 3,
                "drifted": 0,
                "lastEvent": None,
                "problems": [{"code": "NoEvents", "message": silent, "help": f"./dev watch {EMPTY}"}],
            },
            {
                "subscription": OTHER_SUBSCRIPTION,
                "status": "failed",
                "caches": 0,
                "drifted": 0,
                "lastEvent": None,
                "problems": [
                    {
                        "code": "AuthorizationFailed",
                        "message": "may not read",
                        "help": f"./dev watch {OTHER_SUBSCRIPTION}",
                    }
                ],
            },
        ],
    }


async def test_before_the_first_sweep_what_the_policy_names_is_pending(store: Store) -> None:
    shown = await listed(store, f"scope: {{subscriptions: [{SUBSCRIPTION}]}}", NOON)

    waiting = {"status": "pending", "caches": 0, "drifted": 0, "lastEvent": None, "problems": []}
    assert shown == {"value": [{"subscription": SUBSCRIPTION, **waiting}]}


async def test_what_the_policy_has_no_longer_in_scope_is_not_shown(store: Store) -> None:
    await store.sweeps.set_scope([SUBSCRIPTION, OTHER_SUBSCRIPTION])

    shown = await listed(store, f"scope: {{subscriptions: [{SUBSCRIPTION}]}}", NOON)
    assert [each["subscription"] for each in shown["value"]] == [SUBSCRIPTION]


async def test_while_a_sweep_goes_on_the_one_before_it_is_shown(store: Store) -> None:
    await store.sweeps.set_scope([SUBSCRIPTION])
    for run in ("s1", "s2"):
        await store.sweeps.start(run, [SUBSCRIPTION], "d1")
        shown = await listed(store, f"scope: {{subscriptions: [{SUBSCRIPTION}]}}", NOON)
        assert (shown["sweep"], shown["value"][0]["status"]) == ("s1", "pending" if run == "s1" else "done")
        await store.sweeps.report(run, SUBSCRIPTION, PageReport(0, 3, last=True))
        await store.sweeps.complete(run)

    await store.sweeps.start("alone", [SUBSCRIPTION], "d1", whole=False)
    await store.sweeps.complete("alone")
    assert (await listed(store, f"scope: {{subscriptions: [{SUBSCRIPTION}]}}", NOON))["sweep"] == "s2"


async def test_a_sweep_that_ends_after_a_later_one_is_not_the_latest(store: Store) -> None:
    await store.sweeps.start("s1", [], "d1")
    await store.sweeps.table.merge(Key("s1", "header"), {"started": NOON}, None)
    await store.sweeps.start("s2", [], "d1")
    for run in ("s2", "s1"):
        assert await store.sweeps.complete(run)

    latest = await store.sweeps.latest_ended()
    assert latest
    assert latest.id == "s2"
