"""What every kind of cache offers to the rest of the product, and what Azure's bodies have in common."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
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

    async def replicas(self, cache: CacheId) -> tuple[CacheId, ...]:
        """Name the members of the active geo-replication group that a cache is in, itself too; () where in none."""

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


# ── requests and answers ────────────────────────────────────────────────────────────────────────


def only_public_access(access: PublicAccess) -> bytes:
    """Write the body that changes public access alone: Azure refuses it together with some other properties."""
    if access is PublicAccess.ABSENT:
        raise ValueError("publicNetworkAccess can be set to Enabled or Disabled: Absent is only ever read")
    return json.dumps({"properties": {"publicNetworkAccess": access.value}}, separators=(",", ":")).encode()


class Wire:
    """Catches a body as it came, since the SDK's models drop what they do not know."""

    def __init__(self) -> None:
        self.body: Body = {}

    def __call__(self, response: Any) -> None:  # noqa: ANN401 - azure-core's PipelineResponse of whatever transport
        from azure.core.pipeline.policies import ContentDecodePolicy

        decoded = response.context.get(ContentDecodePolicy.CONTEXT_NAME)
        self.body = decoded if isinstance(decoded, dict) else {}


async def one_page(pager: Any, continuation: str | None, answer: Wire) -> Body:  # noqa: ANN401 - see below
    """Read one page of an SDK's list, as it came.

    ``pager`` is annotated by the SDKs as any iterable, while it is the one that can be read page by page.
    """
    from azure.core.exceptions import DeserializationError

    try:
        await anext(pager.by_page(continuation))
    except DeserializationError:
        # The SDK gives up the whole page for one odd item; the page itself arrived.
        if not answer.body:
            raise
    return answer.body


def page_of(body: Body, read: Callable[[Body], Cache]) -> Page[Cache]:
    """Translate a list's body; an item that ``read`` cannot understand does not cost the others."""
    items: list[Cache] = []
    problems: list[str] = []
    for item in body.get("value") or ():
        try:
            items.append(read(item))
        except (InvalidIdError, LookupError, TypeError, ValueError, AttributeError) as error:
            problems.append(_problem(item, error))
    return Page(tuple(items), body.get("nextLink") or None, tuple(problems))


def _problem(item: object, error: Exception) -> str:
    """Say which item could not be read, by its id alone: a body can hold access keys."""
    name = item.get("id") if isinstance(item, dict) else None
    what = f"no {error}" if isinstance(error, KeyError) else f"{type(error).__name__}: {error}"
    return f"A cache in Azure's list could not be read: {str(name or 'it has no id')[:300]} ({what[:200]})"
