"""The queue ``reconcile``: one message, one pass; and what to say of a message that failed too often."""

from __future__ import annotations

from datetime import datetime

import azure.functions as func
from azure.functions.queue import QueueMessage

from functions import composition
from shared.logs import Log

bp = func.Blueprint()
log = Log(__name__)


@bp.function_name("reconcile")
@bp.queue_trigger(arg_name="message", queue_name="reconcile", connection="AzureWebJobsStorage")
async def reconcile(message: func.QueueMessage) -> None:
    """Make one pass over the cache that the message names."""
    from shared.store.queue import decode

    read = decode(message.get_body())
    await composition.reconciler().run(read.wake, read.woken_at(_inserted(message)))


@bp.function_name("reconcile_poison")
@bp.queue_trigger(arg_name="message", queue_name="reconcile-poison", connection="AzureWebJobsStorage")
async def reconcile_poison(message: func.QueueMessage) -> None:
    """Make a failure visible: the cache's verdict becomes Blocked(Failed), and the sweep tries again."""
    from shared.store.queue import InvalidMessageError, decode

    try:
        wake = decode(message.get_body()).wake
    except InvalidMessageError as error:
        log.error("message dropped", error=error)  # noqa: TRY400 - what is wrong with it is all there is to say
        return
    await composition.reconciler().fail(wake)


def _inserted(message: func.QueueMessage) -> datetime:
    inserted = message.insertion_time if isinstance(message, QueueMessage) else None
    if not isinstance(inserted, datetime):
        raise TypeError("the host gives the insertion time of every message")
    return inserted
