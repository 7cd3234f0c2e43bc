"""Every operation of the API, and there is no other: what is served and what is documented are both made of this."""

from __future__ import annotations

from shared.api.operation import Operation
from shared.api.operations import caches, creations, endpoints, service

OPERATIONS: tuple[Operation, ...] = (*caches.ALL, *creations.ALL, *endpoints.ALL, *service.ALL)
