"""The queue ``reconcile``: one message, one pass; and what to say of a message that failed too often."""

from __future__ import annotations

import azure.functions as func

from functions import composition
from functions.taking import inserted, note_age
from shared.logs import Log

bp = func.Blueprint()
log = Log(__name__)


@bp.function_name("reconcile")
@bp.queue_trigger(arg_name="message", queue_name="reconcile", connection="AzureWebJobsStorage")
async def reconcile(message: func.QueueMessage) -> None:
    """Make one pass over the cache, or the network, that the message names."""
    from shared.store.queue import NetworkWake, decode_any

    read = decode_any(message.get_body())
    if isinstance(read, NetworkWake):
        return await composition.networks().run(read)
    note_age(message, "reconcile", read.delay)
    return await composition.reconciler().run(read.wake, read.woken_at(inserted(message)))


@bp.function_name("reconcile_poison")
@bp.queue_trigger(arg_name="message", queue_name="reconcile-poison", connection="AzureWebJobsStorage")
async def reconcile_poison(message: func.QueueMessage) -> None:
    """Make a failure visible: the verdict becomes Blocked(Failed), and the sweep tries again."""
    from shared.store.queue import InvalidMessageError, NetworkWake, decode_any

    try:
        read = decode_any(message.get_body())
    except InvalidMessageError as error:
        log.error("message dropped", error=error)  # noqa: TRY400 - what is wrong with it is all there is to say
        return None
    if isinstance(read, NetworkWake):
        return await composition.networks().fail(read)
    return await composition.reconciler().fail(read.wake)
