"""Every operation of the API, and there is no other: what is served and what is documented are both made of this."""

from __future__ import annotations

from shared.api.operation import Operation
from shared.api.operations import (
    access,
    caches,
    connections,
    creations,
    endpoints,
    exemptions,
    history,
    migrations,
    networks,
    service,
    subscriptions,
    sweeps,
)

OPERATIONS: tuple[Operation, ...] = (
    *caches.ALL,
    *creations.ALL,
    *endpoints.ALL,
    *access.ALL,
    *connections.ALL,
    *exemptions.ALL,
    *history.ALL,
    *migrations.ALL,
    *networks.ALL,
    *sweeps.ALL,
    *subscriptions.ALL,
    *service.ALL,
)
