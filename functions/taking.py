"""What every function that takes messages asks of one: when it was put on its queue, and how long it was due."""

from __future__ import annotations

from datetime import datetime, timedelta

import azure.functions as func
from azure.functions.queue import QueueMessage

from functions import composition
from shared.logs import Log

log = Log(__name__)


def inserted(message: func.QueueMessage) -> datetime:
    """Give when it was put on its queue, by the storage service's clock."""
    moment = message.insertion_time if isinstance(message, QueueMessage) else None
    if not isinstance(moment, datetime):
        raise TypeError("the host gives the insertion time of every message")
    return moment


def note_age(message: func.QueueMessage, queue: str, delay: timedelta = timedelta()) -> None:
    """Measure how long it was due: by two clocks, so that nothing may be decided by it.

    ``delay`` is how long it was to be hidden at first.
    """
    age = (composition.now() - inserted(message) - delay).total_seconds()
    log.measure("message taken", queue=queue, age=max(age, 0.0))
