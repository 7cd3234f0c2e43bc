"""The public network access of a cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

import azure.functions as func

from functions import composition
from functions.api.serving import serves
from shared.api.operations.access import GET_ACCESS, PUT_ACCESS

if TYPE_CHECKING:
    from shared.api.calls import Answer, Call

bp = func.Blueprint()


@serves(bp, GET_ACCESS)
async def get_access(call: Call) -> Answer:
    """Say how public network access is and shall be."""
    from shared.desk.access import AccessDesk

    return await AccessDesk(composition.desk()).show(call)


@serves(bp, PUT_ACCESS)
async def put_access(call: Call) -> Answer:
    """Close public network access, or open it."""
    from shared.desk.access import AccessDesk

    return await AccessDesk(composition.desk()).ask(call)
