"""Endpoints of a cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

import azure.functions as func

from functions import composition
from functions.api.serving import serves
from shared.api.operations.endpoints import DELETE_ENDPOINT, GET_ENDPOINT, PUT_ENDPOINT

if TYPE_CHECKING:
    from shared.api.calls import Answer, Call

bp = func.Blueprint()


@serves(bp, GET_ENDPOINT)
async def get_endpoint(call: Call) -> Answer:
    """Say where an endpoint stands."""
    from shared.desk.endpoints import EndpointsDesk

    return await EndpointsDesk(composition.desk()).show(call)


@serves(bp, PUT_ENDPOINT)
async def put_endpoint(call: Call) -> Answer:
    """Ask for an endpoint of the cache in a placement."""
    from shared.desk.endpoints import EndpointsDesk

    return await EndpointsDesk(composition.desk()).ask(call)


@serves(bp, DELETE_ENDPOINT)
async def delete_endpoint(call: Call) -> Answer:
    """Withdraw an endpoint of the cache."""
    from shared.desk.endpoints import EndpointsDesk

    return await EndpointsDesk(composition.desk()).withdraw(call)
