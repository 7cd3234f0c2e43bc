"""Caches that callers ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import azure.functions as func

from functions import composition
from functions.api.serving import serves
from shared.api.operations.creations import DELETE_CACHE, PUT_CACHE

if TYPE_CHECKING:
    from shared.api.calls import Answer, Call

bp = func.Blueprint()


@serves(bp, PUT_CACHE)
async def put_cache(call: Call) -> Answer:
    """Ask for a cache."""
    from shared.desk.creations import CreationsDesk

    return await CreationsDesk(composition.desk()).ask(call)


@serves(bp, DELETE_CACHE)
async def delete_cache(call: Call) -> Answer:
    """Ask for a cache no longer."""
    from shared.desk.creations import CreationsDesk

    return await CreationsDesk(composition.desk()).withdraw(call)
