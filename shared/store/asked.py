"""Everything that callers have asked of one cache, by one read: the cache itself, and what it shall have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.store.creations import creation_of
from shared.store.requests import request_of

if TYPE_CHECKING:
    from shared.ids import CacheId
    from shared.store.creations import CreationRequest
    from shared.store.requests import Requests, StoredRequest


@dataclass(frozen=True, slots=True)
class Asked:
    """What is stored of one cache in the table ``requests``, the withdrawn rows too."""

    creation: CreationRequest | None
    requests: tuple[StoredRequest, ...]


async def asked_of(requests: Requests, cache: CacheId) -> Asked:
    """Read the range of keys that all requests for a cache share."""
    rows = await requests.rows_of(cache)
    creation = next((found for row in rows if (found := creation_of(row))), None)
    return Asked(creation, tuple(request for row in rows if (request := request_of(cache, row))))
