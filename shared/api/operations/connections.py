"""Connections of a cache: the owner's side of Private Link."""

from __future__ import annotations

from shared.api.operation import CACHE, KIND, WAIT, Operation, Parameter, Role

CONNECTION = CACHE + "/connections/{connection}"
_STANDS = {
    200: "Ready: it is as was decided, or nothing was.",
    202: "Converging: ask again after `Retry-After` seconds.",
    409: "Blocked: it will not come by itself; the verdict says why.",
}
_SHOWN = {
    "id": "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-shop/providers/"
    "Microsoft.Cache/Redis/shop",
    "connection": "pe-shop-1a2b3c4d.7d2f2f5e-0000-4000-8000-000000000001",
    "state": "Ready",
    "endpoint": "/subscriptions/22222222-3333-4444-5555-666666666666/resourceGroups/rg-hub-weu/providers/"
    "Microsoft.Network/privateEndpoints/pe-shop-1a2b3c4d",
    "status": "Approved",
    "wanted": None,
}
LAST_CONNECTION = Parameter(
    "lastEndpoint",
    "The connection may be the last approved one of the cache: an Admin's to say.",
    {"type": "boolean", "default": False},
    example=False,
)
_LAST = {409: "It is the last approved one (`LastEndpoint`)."}

GET_CONNECTION = Operation(
    name="get_connection",
    method="GET",
    path=CONNECTION,
    summary="See how a connection is",
    description="Reads the cache once.",
    gives="connections.ConnectionStanding",
    answers=_STANDS,
    query=(KIND, WAIT),
    azure=True,
    shown=_SHOWN,
)

PUT_CONNECTION = Operation(
    name="put_connection",
    method="PUT",
    path=CONNECTION,
    summary="Approve or reject a connection",
    description="Done once, and not defended against others. What was rejected gets no endpoint in its place before "
    "somebody asks for one.",
    gives="connections.ConnectionStanding",
    answers=_STANDS,
    role=Role.OPERATOR,
    takes="connections.ConnectionWish",
    query=(KIND, WAIT, LAST_CONNECTION),
    guarded=True,
    azure=True,
    example={"status": "Approved", "description": "ordered by team-shop"},
    shown=_SHOWN,
    fails=_LAST,
)

DELETE_CONNECTION = Operation(
    name="delete_connection",
    method="DELETE",
    path=CONNECTION,
    summary="Remove a connection",
    description="On the cache's side. An endpoint that Drawbridge made goes with it; any other stays, disconnected.",
    gives="connections.ConnectionStanding",
    answers=_STANDS,
    role=Role.OPERATOR,
    query=(KIND, WAIT, LAST_CONNECTION),
    guarded=True,
    azure=True,
    fails=_LAST,
)

ALL = (GET_CONNECTION, PUT_CONNECTION, DELETE_CONNECTION)
