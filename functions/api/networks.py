"""Virtual networks that callers ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import azure.functions as func

from functions import composition
from functions.api.serving import serves
from shared.api.operations.networks import GET_NETWORK, PUT_NETWORK

if TYPE_CHECKING:
    from shared.api.calls import Answer, Call

bp = func.Blueprint()


@serves(bp, GET_NETWORK)
async def get_network(call: Call) -> Answer:
    """Say where a network stands."""
    from shared.desk.networks import NetworksDesk

    return await NetworksDesk(composition.desk(), composition.networks()).show(call)


@serves(bp, PUT_NETWORK)
async def put_network(call: Call) -> Answer:
    """Ask for a network with a subnet for endpoints."""
    from shared.desk.networks import NetworksDesk

    return await NetworksDesk(composition.desk(), composition.networks()).ask(call)
