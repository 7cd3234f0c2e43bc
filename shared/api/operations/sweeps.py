"""Sweeps."""

from __future__ import annotations

from shared.api.operation import WAIT, Operation, Role

_SHOWN = {
    "id": "20261123100000-ab12cd",
    "state": "Converging",
    "started": "2026-11-23T10:00:00+00:00",
    "seen": 40,
    "drifted": 1,
    "subscriptions": [
        {"subscription": "11111111-2222-3333-4444-555555555555", "status": "running", "seen": 40, "drifted": 1}
    ],
}

LIST_SWEEPS = Operation(
    name="list_sweeps",
    method="GET",
    path="sweeps",
    summary="List the latest sweeps",
    description="At most 50, newest first; they are kept for a week.",
    gives="sweeps.SweepList",
    answers={200: "The sweeps."},
)

POST_SWEEP = Operation(
    name="post_sweep",
    method="POST",
    path="sweeps",
    summary="Start a sweep",
    description="Looks at every cache of the scope and puts those on the queue that are not as they should be.",
    gives="sweeps.SweepShown",
    answers={200: "What would be looked at, with `dryRun`.", 202: "It has begun: follow `Location`."},
    role=Role.OPERATOR,
    takes="sweeps.SweepWish",
    fails={404: "The subscription is not there, or is out of scope."},
    azure=True,
    example={"subscription": "11111111-2222-3333-4444-555555555555"},
    shown=_SHOWN,
)

GET_SWEEP = Operation(
    name="get_sweep",
    method="GET",
    path="sweeps/{sweep}",
    summary="Follow a sweep",
    description="How far it has come, subscription by subscription.",
    gives="sweeps.SweepShown",
    answers={200: "It has ended.", 202: "It goes on."},
    query=(WAIT,),
    shown=_SHOWN,
)

ALL = (LIST_SWEEPS, POST_SWEEP, GET_SWEEP)
