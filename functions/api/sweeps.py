"""Sweeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import azure.functions as func

from functions import composition
from functions.api.serving import serves
from shared.api.operations.sweeps import GET_SWEEP, LIST_SWEEPS, POST_SWEEP

if TYPE_CHECKING:
    from shared.api.calls import Answer, Call

bp = func.Blueprint()


@serves(bp, LIST_SWEEPS)
async def list_sweeps(call: Call) -> Answer:
    """List the latest sweeps."""
    from shared.desk.sweeps import SweepsDesk

    return await SweepsDesk(composition.desk(), composition.sweeper()).list_latest(call)


@serves(bp, POST_SWEEP)
async def post_sweep(call: Call) -> Answer:
    """Start a sweep."""
    from shared.desk.sweeps import SweepsDesk

    return await SweepsDesk(composition.desk(), composition.sweeper()).begin(call)


@serves(bp, GET_SWEEP)
async def get_sweep(call: Call) -> Answer:
    """Follow a sweep."""
    from shared.desk.sweeps import SweepsDesk

    return await SweepsDesk(composition.desk(), composition.sweeper()).show(call)
