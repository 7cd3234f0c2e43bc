"""Caches that callers ask for."""

from __future__ import annotations

from shared.api.operation import CACHE, KIND, WAIT, Operation, Role

CACHE_STANDS = {
    200: "Ready: it is there and private.",
    202: "Converging: ask again after `Retry-After` seconds.",
    409: "Blocked: it will not come by itself; `reason` says why.",
}
_CACHE = (
    "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-shop/providers/"
    "Microsoft.Cache/redisEnterprise/shop"
)
CACHE_SHOWN = {
    "id": _CACHE,
    "kind": "managed",
    "state": "Converging",
    "endpoints": ["weu-prod"],
    "verdict": "Converging",
    "step": "the cache is being made",
    "since": "2026-11-23T10:00:00+00:00",
    "lookAgainAfterSeconds": 30.0,
}

PUT_CACHE = Operation(
    name="put_cache",
    method="PUT",
    path=CACHE,
    summary="Ask for a cache",
    description="The cache shall be there, closed to the public from its first second, with its endpoints. One that is "
    "there is never changed: where it is not as asked for, the answer is 409 `SettingsDiffer`.",
    gives="creations.CacheStanding",
    answers=CACHE_STANDS,
    role=Role.OPERATOR,
    takes="creations.CacheWish",
    query=(WAIT,),
    guarded=True,
    azure=True,
    example={
        "kind": "managed",
        "location": "westeurope",
        "sku": "Balanced_B5",
        "tags": {"env": "prod"},
        "endpoints": ["weu-prod"],
    },
    shown=CACHE_SHOWN,
    fails={409: "A cache of this name is there and is not as asked for (`SettingsDiffer`)."},
)

DELETE_CACHE = Operation(
    name="delete_cache",
    method="DELETE",
    path=CACHE,
    summary="Ask for a cache no longer",
    description="Withdraws what was asked for with PUT, as long as the cache is not there. No cache is ever deleted.",
    gives="creations.CacheWithdrawn",
    answers={200: "It is not wanted any more."},
    role=Role.OPERATOR,
    query=(KIND,),
    guarded=True,
    azure=True,
    shown={"id": _CACHE, "message": "it is not wanted any more, and was never made"},
    fails={409: "The cache is there (`CacheExists`): deleting it is not Drawbridge's to do."},
)

ALL = (PUT_CACHE, DELETE_CACHE)
