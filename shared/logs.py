"""Logs with a constant message and fields: what varies is never part of the message. Metrics are taken from them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from shared import insights

_ABOUT: ContextVar[Mapping[str, object]] = ContextVar("about")


@contextmanager
def about(**fields: object) -> Iterator[None]:
    """Put fields on every line that is logged inside, here and in what is called: which pass, or whose request.

    What says nothing is left out, and a line's own field of that name stands above it.
    """
    given = {name: value for name, value in fields.items() if value is not None and value != ""}
    token = _ABOUT.set({**_ABOUT.get({}), **given})
    try:
        yield
    finally:
        _ABOUT.reset(token)


class Log:
    """A logger whose lines are ``message {"field": value}``, so that a query finds them by message and field."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def info(self, message: str, **fields: object) -> None:
        """Log what happened as it should."""
        self._log(logging.INFO, message, fields)

    def warning(self, message: str, **fields: object) -> None:
        """Log what somebody may have to look at."""
        self._log(logging.WARNING, message, fields)

    def error(self, message: str, **fields: object) -> None:
        """Log what somebody has to look at."""
        self._log(logging.ERROR, message, fields)

    def failure(self, message: str, **fields: object) -> None:
        """Log the exception that is being handled, with where it came from."""
        self._log(logging.ERROR, message, fields, with_exception=True)

    def measure(self, message: str, **fields: object) -> None:
        """Count what comes too often for lines: it reaches the metrics, and not the log."""
        insights.note(message, {**_ABOUT.get({}), **fields})

    def _log(self, level: int, message: str, fields: dict[str, object], *, with_exception: bool = False) -> None:
        told = {**_ABOUT.get({}), **fields}
        insights.note(message, told)
        if self._logger.isEnabledFor(level):
            given = {name: str(value) for name, value in told.items() if value is not None}
            text = json.dumps(given, ensure_ascii=False)
            self._logger.log(level, "%s %s", message, text, exc_info=with_exception)
