"""What happened to a cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

import azure.functions as func

from functions import composition
from functions.api.serving import serves
from shared.api.operations.history import GET_HISTORY

if TYPE_CHECKING:
    from shared.api.calls import Answer, Call

bp = func.Blueprint()


@serves(bp, GET_HISTORY)
async def get_history(call: Call) -> Answer:
    """Give one page of a cache's history."""
    from shared.desk.history import HistoryDesk

    return await HistoryDesk(composition.desk()).show(call)
