"""The only code that calls Azure Resource Manager; importing and constructing it costs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from shared.arm.caches import CacheAdapter, Page
from shared.arm.calls import Caller, Cooldown
from shared.arm.classic import ClassicCaches
from shared.arm.clients import ArmSettings, CallCounts, Clients, calls_so_far, counted
from shared.arm.connections import Connections
from shared.arm.creation import NewCaches
from shared.arm.dns import Dns
from shared.arm.enterprise import EnterpriseCaches
from shared.arm.errors import ArmError, Retry
from shared.arm.network import Network
from shared.arm.networks import Networks
from shared.arm.retry import Patience
from shared.arm.subscriptions import Subscriptions
from shared.ids import CacheType

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

__all__ = [
    "Arm",
    "ArmError",
    "ArmSettings",
    "CacheAdapter",
    "CallCounts",
    "Connections",
    "Cooldown",
    "Dns",
    "Network",
    "Networks",
    "NewCaches",
    "Page",
    "Patience",
    "Retry",
    "Subscriptions",
    "calls_so_far",
    "counted",
]


class Arm:
    """Everything that Drawbridge asks of ARM. One per process, used inside one event loop."""

    def __init__(
        self,
        settings: ArmSettings,
        *,
        credential: AsyncTokenCredential | None = None,
        patience: Patience | None = None,
        cooldown: Cooldown | None = None,
    ) -> None:
        self.settings = settings
        self._clients = Clients(settings, credential)
        caller = Caller(self._clients, patience or Patience(), cooldown)
        self.classic: CacheAdapter = ClassicCaches(caller)
        self.enterprise: CacheAdapter = EnterpriseCaches(caller)
        self.connections = Connections(caller)
        self.new_caches = NewCaches(caller)
        self.network = Network(caller)
        self.networks = Networks(caller)
        self.dns = Dns(caller)
        self.subscriptions = Subscriptions(caller)

    @property
    def calls(self) -> CallCounts:
        """Requests sent since the start; ``counted()`` counts those of one pass."""
        return self._clients.calls

    def caches(self, type_: CacheType) -> CacheAdapter:
        """Give the adapter for a type of cache."""
        match type_:
            case CacheType.REDIS:
                return self.classic
            case CacheType.ENTERPRISE:
                return self.enterprise
            case other:
                assert_never(other)

    def credential(self) -> AsyncTokenCredential:
        """Give the process's one credential, for other services that the identity talks to."""
        return self._clients.credential()

    async def close(self) -> None:
        """Close connections and credential."""
        await self._clients.close()
