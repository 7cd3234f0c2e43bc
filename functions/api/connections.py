"""Connections of a cache: the owner's side of Private Link."""

from __future__ import annotations

from typing import TYPE_CHECKING

import azure.functions as func

from functions import composition
from functions.api.serving import serves
from shared.api.operations.connections import DELETE_CONNECTION, GET_CONNECTION, PUT_CONNECTION

if TYPE_CHECKING:
    from shared.api.calls import Answer, Call

bp = func.Blueprint()


@serves(bp, GET_CONNECTION)
async def get_connection(call: Call) -> Answer:
    """Say how a connection is."""
    from shared.desk.connections import ConnectionsDesk

    return await ConnectionsDesk(composition.desk()).show(call)


@serves(bp, PUT_CONNECTION)
async def put_connection(call: Call) -> Answer:
    """Approve or reject a connection."""
    from shared.desk.connections import ConnectionsDesk

    return await ConnectionsDesk(composition.desk()).decide(call)


@serves(bp, DELETE_CONNECTION)
async def delete_connection(call: Call) -> Answer:
    """Remove a connection."""
    from shared.desk.connections import ConnectionsDesk

    return await ConnectionsDesk(composition.desk()).remove(call)
