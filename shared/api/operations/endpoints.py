"""Private endpoints of a cache."""

from __future__ import annotations

from shared.api.operation import CACHE, KIND, WAIT, Operation, Role

ENDPOINT = CACHE + "/endpoints/{placement}"
_STANDS = {
    200: "Ready: the cache is as it should be, or exempt.",
    202: "Converging: ask again after `Retry-After` seconds.",
    409: "Blocked: it will not come by itself; `reason` says why.",
}
_SHOWN = {
    "id": "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-shop/providers/"
    "Microsoft.Cache/Redis/shop",
    "placement": "weu-prod",
    "state": "Converging",
    "endpoint": "/subscriptions/22222222-3333-4444-5555-666666666666/resourceGroups/rg-hub-weu/providers/"
    "Microsoft.Network/privateEndpoints/pe-shop-1a2b3c4d",
    "verdict": "Converging",
    "step": "an endpoint is being made",
    "since": "2026-11-23T10:00:00+00:00",
    "lookAgainAfterSeconds": 45.0,
}

GET_ENDPOINT = Operation(
    name="get_endpoint",
    method="GET",
    path=ENDPOINT,
    summary="See where an endpoint stands",
    description="Costs no call to Azure.",
    gives="endpoints.EndpointStanding",
    answers=_STANDS,
    query=(KIND, WAIT),
    shown=_SHOWN,
)

PUT_ENDPOINT = Operation(
    name="put_endpoint",
    method="PUT",
    path=ENDPOINT,
    summary="Ask for an endpoint",
    description="The cache shall have an endpoint in a placement of the policy. Asking again changes nothing.",
    gives="endpoints.EndpointStanding",
    answers=_STANDS,
    role=Role.OPERATOR,
    takes="endpoints.EndpointWish",
    query=(KIND, WAIT),
    guarded=True,
    azure=True,
    example={},
    shown=_SHOWN,
)

ALL = (GET_ENDPOINT, PUT_ENDPOINT)
