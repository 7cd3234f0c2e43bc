"""The timer and the queue ``sweep``: start a run, then look through one page of one subscription per message."""

from __future__ import annotations

import azure.functions as func

from functions import composition
from functions.taking import inserted, note_age
from shared.logs import Log

bp = func.Blueprint()
log = Log(__name__)


@bp.function_name("sweep")
@bp.timer_trigger(arg_name="timer", schedule="%DRAWBRIDGE_SWEEP_SCHEDULE%", run_on_startup=False)
async def sweep(timer: func.TimerRequest) -> None:
    """Start a run over every subscription in scope, and tell how its queues stand before it fills them."""
    from shared import standing

    await standing.tell(composition.store().queue)
    run = await composition.sweeper().start()
    log.info("sweep started", sweep=run, past_due=timer.past_due)


@bp.function_name("sweep_page")
@bp.queue_trigger(arg_name="message", queue_name="sweep", connection="AzureWebJobsStorage")
async def sweep_page(message: func.QueueMessage) -> None:
    """Look through one page of one subscription's caches."""
    from shared.store.queue import decode_sweep

    note_age(message, "sweep")
    await composition.sweeper().page(decode_sweep(message.get_body()), inserted(message))


@bp.function_name("sweep_poison")
@bp.queue_trigger(arg_name="message", queue_name="sweep-poison", connection="AzureWebJobsStorage")
async def sweep_poison(message: func.QueueMessage) -> None:
    """Report a subscription that could not be looked through; the next run tries again."""
    from shared.store.queue import InvalidMessageError, decode_sweep

    try:
        page = decode_sweep(message.get_body())
    except InvalidMessageError as error:
        log.error("message dropped", error=error)  # noqa: TRY400 - what is wrong with it is all there is to say
        return
    log.error("gave up", subscription=page.subscription, type=page.type, sweep=page.sweep)
    await composition.sweeper().fail(page)
