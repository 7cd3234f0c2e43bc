"""Subscriptions in scope."""

from __future__ import annotations

from shared.api.operation import Operation

LIST_SUBSCRIPTIONS = Operation(
    name="list_subscriptions",
    method="GET",
    path="subscriptions",
    summary="List the subscriptions in scope",
    description="What the last sweep of the whole scope saw in each, when an event of it last came, and what is the "
    "matter with it. Costs no call to Azure.",
    gives="subscriptions.SubscriptionList",
    answers={200: "All of them, by id."},
    shown={
        "sweep": "20261123100000-ab12cd",
        "value": [
            {
                "subscription": "11111111-2222-3333-4444-555555555555",
                "status": "done",
                "caches": 40,
                "drifted": 1,
                "lastEvent": "2026-11-23T09:58:12.301000+00:00",
                "problems": [],
            },
            {
                "subscription": "22222222-3333-4444-5555-666666666666",
                "status": "done",
                "caches": 3,
                "drifted": 0,
                "lastEvent": None,
                "problems": [
                    {
                        "code": "NoEvents",
                        "message": "No event of it has come since 2026-11-20 10:00 UTC: "
                        "sweeps alone find what changes there.",
                        "help": "./dev watch 22222222-3333-4444-5555-666666666666",
                    }
                ],
            },
        ],
    },
)

ALL = (LIST_SUBSCRIPTIONS,)
