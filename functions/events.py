"""Event Grid: name the caches that an event concerns, put them on the queue, and be done.

Every event is acknowledged, whatever it says; only when storage cannot be reached does the function fail,
so that Event Grid delivers the event again.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, List  # noqa: UP035 - Microsoft's worker refuses the annotation list[str]

import azure.functions as func

from functions import composition

if TYPE_CHECKING:
    from shared.events import Event

bp = func.Blueprint()


@bp.function_name("on_event")
@bp.event_grid_trigger(arg_name="event")
@bp.queue_output(arg_name="work", queue_name="reconcile", connection="AzureWebJobsStorage")
@bp.queue_output(arg_name="looks", queue_name="sweep", connection="AzureWebJobsStorage")
async def on_event(event: func.EventGridEvent, work: func.Out[List[str]], looks: func.Out[List[str]]) -> None:  # noqa: UP006
    """Turn one event of either schema into messages."""
    messages = await composition.intake().take(_facts(event), str(event.id)[:100])
    if messages.work:
        work.set(messages.work)
    if messages.looks:
        looks.set(messages.looks)


def _facts(event: func.EventGridEvent | func.CloudEvent) -> Event:
    """Read the fields that both schemas have; the library hands over either, whatever the annotation says."""
    from shared.events import Event

    data = event.get_json()
    size = len(json.dumps(data, default=str)) + len(str(event.subject))
    if isinstance(event, func.CloudEvent):
        return Event(event.type, event.source, event.subject, data, size)
    return Event(event.event_type, event.topic, event.subject, data, size)
