"""The exemption of a cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

import azure.functions as func

from functions import composition
from functions.api.serving import serves
from shared.api.operations.exemptions import DELETE_EXEMPTION, GET_EXEMPTION, PUT_EXEMPTION

if TYPE_CHECKING:
    from shared.api.calls import Answer, Call

bp = func.Blueprint()


@serves(bp, GET_EXEMPTION)
async def get_exemption(call: Call) -> Answer:
    """Say what exemption was granted."""
    from shared.desk.exemptions import ExemptionsDesk

    return await ExemptionsDesk(composition.desk()).show(call)


@serves(bp, PUT_EXEMPTION)
async def put_exemption(call: Call) -> Answer:
    """Grant an exemption."""
    from shared.desk.exemptions import ExemptionsDesk

    return await ExemptionsDesk(composition.desk()).grant(call)


@serves(bp, DELETE_EXEMPTION)
async def delete_exemption(call: Call) -> Answer:
    """End an exemption."""
    from shared.desk.exemptions import ExemptionsDesk

    return await ExemptionsDesk(composition.desk()).end(call)
