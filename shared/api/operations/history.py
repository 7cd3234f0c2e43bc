"""What happened to a cache."""

from __future__ import annotations

from shared.api.operation import CACHE, KIND, PAGE_TOKEN, Operation, page_size

GET_HISTORY = Operation(
    name="get_history",
    method="GET",
    path=CACHE + "/history",
    summary="Read what happened to a cache",
    description="What was seen, planned, asked for and done, by whom or by which event, with the values before and "
    "after; newest first. Also of a cache that is gone.",
    gives="history.HistoryPage",
    answers={200: "One page."},
    query=(KIND, page_size(20, 200), PAGE_TOKEN),
    azure=True,
)

ALL = (GET_HISTORY,)
