"""Caches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import azure.functions as func

from functions import composition
from functions.api.serving import serves
from shared.api.operations.caches import GET_CACHE, LIST_CACHES

if TYPE_CHECKING:
    from shared.api.calls import Answer, Call

bp = func.Blueprint()


@serves(bp, LIST_CACHES)
async def list_caches(call: Call) -> Answer:
    """Give one page of the fleet."""
    from shared.desk.fleet import FleetDesk

    return await FleetDesk(composition.desk()).show(call)


@serves(bp, GET_CACHE)
async def get_cache(call: Call) -> Answer:
    """Answer what is seen, wanted, planned and said of one cache."""
    from shared.desk.caches import CachesDesk

    return await CachesDesk(composition.desk()).show(call)
