"""Resources of types that are not emulated can stand here all the same: to be tagged, locked, and attached to.

They have no routes of their own: a call to one is a loud 501.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from local.azure.calls import Call, Json
from local.azure.links import Connection, DnsName
from local.azure.store import Resource

if TYPE_CHECKING:
    from local.azure.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherResource(Resource):
    """One of them.

    ``extra`` is what else a list shows of it, such as its ``sku``; ``names`` is what DNS must answer for once an
    endpoint is attached.
    """

    region: str = "westeurope"
    names: tuple[DnsName, ...] = ()
    connections: tuple[Connection, ...] = ()
    extra: Json = field(default_factory=dict)

    def render(self) -> Json:
        body = {"id": self.id, "name": self.name, "type": self.type, "location": self.region, "tags": dict(self.tags)}
        return {**self.extra, **body}


class OtherLinks:
    """How private endpoints attach to one of them: whatever its group ids are."""

    def __init__(self, kind: str) -> None:
        self.approval = f"{kind}/privateEndpointConnectionsApproval/action"
        self.proxies = f"{kind}/privateEndpointConnectionProxies"

    def refuse(self, world: World, call: Call, target: Resource, group_ids: tuple[str, ...]) -> None:
        """Refuse nothing: what the type would refuse is not known here."""

    def connect(self, world: World, target_id: str, connection: Connection) -> None:
        other = world.store.find(target_id, OtherResource)
        if other is not None:
            world.put(replace(other, connections=(*other.connections, connection)))

    def disconnect(self, world: World, target_id: str, name: str) -> None:
        other = world.store.find(target_id, OtherResource)
        if other is not None:
            left = tuple(connection for connection in other.connections if connection.name != name)
            world.put(replace(other, connections=left))

    def names(self, target: Resource) -> tuple[DnsName, ...]:
        return target.names if isinstance(target, OtherResource) else ()
