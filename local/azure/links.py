"""What a private endpoint may be attached to offers the same few steps, whatever its type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from local.azure.calls import Call, Json
from local.azure.store import Resource

if TYPE_CHECKING:
    from local.azure.world import World


@dataclass(frozen=True, slots=True)
class Connection:
    """The target's side of a private endpoint. ``name`` is ``<endpoint>.<guid>``, ``status`` the approval."""

    name: str
    endpoint_id: str
    group_ids: tuple[str, ...]
    status: str
    description: str = ""
    actions_required: str = "None"

    @property
    def is_approved(self) -> bool:
        return self.status == "Approved"

    def state(self) -> Json:
        return {"status": self.status, "description": self.description, "actionsRequired": self.actions_required}

    def render(self, target_id: str, target_type: str, *, embedded: bool = False) -> Json:
        """Give the JSON; embedded in the target it has neither name nor type."""
        head: Json = {"id": f"{target_id}/privateEndpointConnections/{self.name}"}
        if not embedded:
            head |= {"name": self.name, "type": f"{target_type}/privateEndpointConnections"}
        return head | {
            "properties": {
                "privateEndpoint": {"id": self.endpoint_id},
                "privateLinkServiceConnectionState": self.state(),
            }
        }

    def with_state(self, status: str, description: str) -> Connection:
        return replace(self, status=status, description=description)


@dataclass(frozen=True, slots=True)
class DnsName:
    """A name that an endpoint of the target must answer to: its public one, and its record in a private zone."""

    fqdn: str
    zone: str
    record: str


class LinkTarget(Protocol):
    """A resource type that private endpoints attach to."""

    approval: str
    """The action that approving a connection needs."""

    proxies: str
    """The operation name of the connection's proxy, without its verb."""

    def refuse(self, world: World, call: Call, target: Resource, group_ids: tuple[str, ...]) -> None:
        """Raise ArmError where this endpoint cannot be attached."""

    def connect(self, world: World, target_id: str, connection: Connection) -> None:
        """Let the connection appear on the target, with all that follows from it."""

    def disconnect(self, world: World, target_id: str, name: str) -> None:
        """Let the connection vanish from the target; nothing happens where target or connection are gone."""

    def names(self, target: Resource) -> tuple[DnsName, ...]:
        """Name what DNS must answer for."""


def target_of(resource_id: str) -> LinkTarget:
    """Find how endpoints attach to a resource."""
    from local.azure.others import OtherLinks  # noqa: PLC0415 - targets use this module
    from local.azure.redis import RedisLinks  # noqa: PLC0415 - as above
    from local.azure.redisenterprise import EnterpriseLinks  # noqa: PLC0415 - as above

    targets: Mapping[str, LinkTarget] = {
        "microsoft.cache/redis": RedisLinks(),
        "microsoft.cache/redisenterprise": EnterpriseLinks(),
    }
    kind = "/".join(resource_id.split("/")[6:8])
    return targets.get(kind.lower()) or OtherLinks(kind)
