"""Private endpoints of a cache."""

from __future__ import annotations

from shared.api.operation import CACHE, KIND, WAIT, Operation, Parameter, Role

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
    description="The cache shall have an endpoint in a placement of the policy, or in a subnet that you choose where "
    "the policy's rule allows that. Asking again changes nothing.",
    gives="endpoints.EndpointStanding",
    answers=_STANDS,
    role=Role.OPERATOR,
    takes="endpoints.EndpointWish",
    query=(KIND, WAIT),
    guarded=True,
    azure=True,
    fails={409: "An endpoint is there already, and something else was chosen about it (`EndpointExists`)."},
    example={"endpointName": "pe-shop-weu", "ipAddress": "10.1.2.3"},
    shown=_SHOWN,
)

_LAST = Parameter(
    "lastEndpoint",
    "The endpoint may be the last one of the cache: an Admin's to say. The cache stays closed then.",
    {"type": "boolean", "default": False},
    example=False,
)

DELETE_ENDPOINT = Operation(
    name="delete_endpoint",
    method="DELETE",
    path=ENDPOINT,
    summary="Withdraw an endpoint",
    description="The endpoint is not wanted any more. It is deleted if Drawbridge made it, and is never deleted "
    "otherwise. The last endpoint of a cache is kept unless `lastEndpoint` says that it may go.",
    gives="endpoints.EndpointStanding",
    answers={
        200: "What would change, with `dryRun`.",
        202: "Converging: it is being deleted.",
        204: "It is gone, or there was none.",
        409: "Blocked: it cannot be deleted; `reason` says why.",
    },
    role=Role.OPERATOR,
    query=(KIND, WAIT, _LAST),
    fails={409: "It is the last one (`LastEndpoint`), or tags or policy ask for it too (`WantedOtherwise`)."},
    guarded=True,
    azure=True,
)

ALL = (GET_ENDPOINT, PUT_ENDPOINT, DELETE_ENDPOINT)
