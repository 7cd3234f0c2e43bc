"""What a recording does to resources out of scope is done, without a call, to what stands for them."""

from __future__ import annotations

from local.azure.calls import Json
from local.azure.network.endpoints import decided, disconnected
from local.azure.others import OtherResource
from tests.component.azure.recordings.cassettes import Exchange
from tests.component.azure.recordings.standing import Standing


def follow(standing: Standing, exchange: Exchange) -> None:
    """Let happen what a call that is not sent did."""
    path = exchange.path
    if path is None or path.is_list or exchange.method not in {"PUT", "PATCH", "DELETE"} or exchange.status >= 300:
        return
    if path.type.endswith("/privateendpointconnections"):
        _decide(standing, exchange, path.parent)
    elif standing.is_other(path):
        if exchange.method == "DELETE":
            standing.world.remove(path.text)
        else:
            standing.other(path.text, exchange.answer or {})


def _decide(standing: Standing, exchange: Exchange, target_id: str) -> None:
    """Approve, reject or delete the connection: the one whose endpoint its name begins with, or the only one."""
    target = standing.world.store.find(target_id, OtherResource)
    held = target.connections if target else ()
    name = exchange.path.name.lower() if exchange.path else ""
    named = [one for one in held if name.startswith(one.endpoint_id.rsplit("/", 1)[-1].lower())]
    for connection in (named or held)[:1]:
        if exchange.method == "DELETE":
            disconnected(standing.world, connection.endpoint_id)
            continue
        state: Json = ((exchange.request or {}).get("properties") or {}).get("privateLinkServiceConnectionState") or {}
        description = str(state.get("description") or "")
        decided(standing.world, connection.with_state(str(state.get("status")), description))
