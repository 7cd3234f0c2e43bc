"""Caches: one of them, as it is."""

from __future__ import annotations

from shared.api.operation import CACHE, KIND, WAIT, Operation
from shared.api.operations.creations import CACHE_STANDS

GET_CACHE = Operation(
    name="get_cache",
    method="GET",
    path=CACHE,
    summary="Look at one cache",
    description="What is seen, what is wanted, what would be done now, and what was last said. Reads Azure and writes "
    "nothing. Of a cache that was asked for with PUT, the status says where it stands.",
    gives="caches.CacheShown",
    answers={**CACHE_STANDS, 200: "The cache as it is; one that was asked for is Ready."},
    query=(KIND, WAIT),
    azure=True,
)

ALL = (GET_CACHE,)
