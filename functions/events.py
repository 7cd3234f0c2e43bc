"""Event Grid: name the caches that an event concerns, put them on the queue, and be done.

Events come in three ways, through one parser: pushed to the function; by a queue, where the app has no public
address that Event Grid could push to; and as dead letters, when Event Grid has given up.
Every event is acknowledged, whatever it says; only when storage cannot be reached does a function fail,
so that the event comes again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, List  # noqa: UP035 - Microsoft's worker refuses the annotation list[str]

import azure.functions as func

from functions import composition
from functions.taking import note_age
from shared.logs import Log

if TYPE_CHECKING:
    from shared.events import Event

bp = func.Blueprint()
log = Log(__name__)


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


@bp.function_name("on_queued_event")
@bp.queue_trigger(arg_name="message", queue_name="events", connection="AzureWebJobsStorage")
@bp.queue_output(arg_name="work", queue_name="reconcile", connection="AzureWebJobsStorage")
@bp.queue_output(arg_name="looks", queue_name="sweep", connection="AzureWebJobsStorage")
async def on_queued_event(message: func.QueueMessage, work: func.Out[List[str]], looks: func.Out[List[str]]) -> None:  # noqa: UP006
    """Turn what Event Grid has put on the queue into messages."""
    from shared.events import InvalidEventError, delivered

    note_age(message, "events")
    try:
        events = delivered(message.get_body())
    except InvalidEventError as error:
        log.error("message dropped", error=error)  # noqa: TRY400 - what is wrong with it is all there is to say
        return
    messages = await composition.intake().take_all(events)
    if messages.work:
        work.set(messages.work)
    if messages.looks:
        looks.set(messages.looks)


@bp.function_name("events_poison")
@bp.queue_trigger(arg_name="message", queue_name="events-poison", connection="AzureWebJobsStorage")
async def events_poison(message: func.QueueMessage) -> None:
    """Say which event was given up; the next sweep finds what it would have told."""
    from shared.events import InvalidEventError, delivered

    try:
        for each in delivered(message.get_body()):
            log.error("event given up", event=each.id, subject=each.event.subject)
    except InvalidEventError as error:
        log.error("message dropped", error=error)  # noqa: TRY400 - as above


@bp.function_name("dead_letters")
@bp.timer_trigger(arg_name="timer", schedule="%DRAWBRIDGE_SWEEP_SCHEDULE%", run_on_startup=False)
async def dead_letters(timer: func.TimerRequest) -> None:
    """Take up the events that Event Grid could not deliver, at the times of sweeps."""
    del timer
    await composition.letters().take_up()


def _facts(event: func.EventGridEvent | func.CloudEvent) -> Event:
    """Read the fields that both schemas have; the library hands over either, whatever the annotation says."""
    from shared.events import Event, size_of

    data = event.get_json()
    size = size_of(event.subject, data)
    if isinstance(event, func.CloudEvent):
        return Event(event.type, event.source, event.subject, data, size)
    return Event(event.event_type, event.topic, event.subject, data, size)
