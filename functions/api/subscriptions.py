"""Subscriptions in scope."""

from __future__ import annotations

from typing import TYPE_CHECKING

import azure.functions as func

from functions import composition
from functions.api.serving import serves
from shared.api.operations.subscriptions import LIST_SUBSCRIPTIONS

if TYPE_CHECKING:
    from shared.api.calls import Answer, Call

bp = func.Blueprint()


@serves(bp, LIST_SUBSCRIPTIONS)
async def list_subscriptions(call: Call) -> Answer:
    """List the subscriptions in scope."""
    from shared.desk.subscriptions import SubscriptionsDesk

    return await SubscriptionsDesk(composition.desk()).show(call)
