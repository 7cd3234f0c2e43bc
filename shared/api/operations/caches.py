"""Caches: one of them, as it is."""

from __future__ import annotations

from shared.api.operation import CACHE, KIND, Operation

GET_CACHE = Operation(
    name="get_cache",
    method="GET",
    path=CACHE,
    summary="Look at one cache",
    description="What is seen, what is wanted, what would be done now, and what was last said. Reads Azure and writes "
    "nothing.",
    gives="caches.CacheShown",
    answers={200: "The cache as it is."},
    query=(KIND,),
    azure=True,
)

ALL = (GET_CACHE,)
