"""What every kind of cache offers to the rest of the product, and what Azure's bodies have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from shared.ids import CacheId, InvalidIdError, NetworkId, endpoint_id
from shared.model import Cache, Connection, PublicAccess, Status

T = TypeVar("T")

Body = Mapping[str, Any]
"""A resource as it is on the wire. Bodies can hold access keys: translate them, never keep or log them."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list."""

    items: tuple[T, ...]
    continuation: str | None
    """What to ask for the next page with; None: this was the last one."""
    problems: tuple[str, ...] = ()
    """One sentence for each item that could not be understood and is therefore not among ``items``."""


class CacheAdapter(Protocol):
    """One kind of cache. Every method raises ArmError, and nothing else of the SDK's."""

    async def get(self, cache: CacheId) -> Cache | None:
        """Read one cache; None where Azure says, in whatever form, that there is none."""

    async def list_page(self, subscription: str, continuation: str | None = None) -> Page[Cache]:
        """Read one page of a subscription's caches: one request.

        Raises ValueError for a continuation that does not lead to this subscription at our own ARM endpoint.
        """

    async def set_public_access(self, cache: CacheId, access: PublicAccess) -> None:
        """Begin to set ``publicNetworkAccess``, and nothing else, and return: a later read shows the result.

        Raises ValueError for ABSENT, which is something that Azure shows and nobody can ask for.
        """


def properties(body: Body) -> Body:
    """Give a resource's ``properties``, or nothing where Azure sends null."""
    return body.get("properties") or {}


def tags(body: Body) -> dict[str, str]:
    """Give a resource's tags; Azure omits them, or sends null, where there are none."""
    return dict(body.get("tags") or {})


def connections(body: Body) -> tuple[Connection, ...]:
    """Read ``privateEndpointConnections``: absent, null and [] all mean none."""
    return tuple(_connection(c) for c in properties(body).get("privateEndpointConnections") or ())


def _connection(body: Body) -> Connection:
    """Read one connection: inside a cache's body it has an id and properties, and no name of its own."""
    name = body.get("name") or str(body.get("id") or "").rpartition("/")[2]
    own = properties(body)
    state = own.get("privateLinkServiceConnectionState") or {}
    endpoint = (own.get("privateEndpoint") or {}).get("id")
    return Connection(name=name, endpoint=_endpoint(endpoint), status=connection_status(state.get("status")))


def _endpoint(text: str | None) -> NetworkId | None:
    """Name a connection's endpoint; None where Azure names none, or something that is not a private endpoint."""
    try:
        return endpoint_id(text) if text else None
    except InvalidIdError:
        return None


def connection_status(text: str | None) -> Status:
    """Read a connection's status; one that we do not know, or none, counts as PENDING.

    Only a word that we know may count as protection (Approved) or as a loss to act on (Rejected, Disconnected).
    """
    known = {status.lower(): status for status in Status}
    return known.get((text or "").lower(), Status.PENDING)
