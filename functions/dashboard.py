"""The dashboard: a page that anybody may have, as it holds nothing; what it shows it asks the API for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import azure.functions as func

from functions.api.serving import serves
from shared.api.operations.service import GET_DASHBOARD

if TYPE_CHECKING:
    from shared.api.calls import Answer, Call

bp = func.Blueprint()


@serves(bp, GET_DASHBOARD)
async def get_dashboard(call: Call) -> Answer:
    """Give the page."""
    from shared.api.calls import Answer
    from shared.dashboard import page

    del call
    text, headers = page()
    return Answer(text, headers=headers)
