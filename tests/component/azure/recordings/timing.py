"""Time is driven by what was recorded: each operation ends just before the call that first saw it over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

from tests.component.azure.recordings.cassettes import Exchange, announced

# World seconds from one call to the next; and to one that was told that its operation had not begun yet.
_STEP = 100.0
_AT_ONCE = 0.01
_RUNNING = frozenset({"InProgress", "Pending", "Accepted"})
_SETTLED = frozenset({None, "Succeeded", "Failed", "Canceled"})


@dataclass(frozen=True, slots=True)
class Timing:
    """``moments`` are world seconds of each call; ``lasting`` are those that its operation takes, None where unseen."""

    moments: tuple[float, ...]
    lasting: tuple[float | None, ...]


def timing(exchanges: Sequence[Exchange]) -> Timing:
    """Plan the times of a recording's calls."""
    moments: list[float] = []
    for exchange in exchanges:
        waited = _AT_ONCE if (exchange.answer or {}).get("status") == "Pending" else _STEP
        moments.append((moments[-1] if moments else 0.0) + waited)
    ends = [_end(exchanges, exchange) for exchange in exchanges]
    lasting = [None if end is None else moments[end] - moments[begin] - _AT_ONCE / 2 for begin, end in enumerate(ends)]
    return Timing(tuple(moments), tuple(lasting))


def _end(exchanges: Sequence[Exchange], begun: Exchange) -> int | None:
    if begun.method in {"GET", "HEAD"}:
        return None
    watched = announced(begun)
    later = exchanges[begun.number + 1 :]
    polls = [exchange for exchange in later if exchange.key in watched - {begun.key}]
    over = next((exchange.number for exchange in polls if is_over(exchange)), None)
    if over is not None:
        return over
    if polls:
        return None
    seen = [exchange for exchange in later if exchange.key == begun.key and exchange.status < 400]
    return next((exchange.number for exchange in seen if exchange.method != "GET" or is_over(exchange)), None)


def is_over(exchange: Exchange) -> bool:
    """Say whether a recorded answer is one that comes after waiting."""
    body = exchange.answer or {}
    if exchange.status == 202 or body.get("status") in _RUNNING:
        return False
    return (body.get("properties") or {}).get("provisioningState") in _SETTLED


def before(exchanges: Sequence[Exchange], moment: datetime) -> bool:
    """Say whether a recording was made before a moment; one without dates was not."""
    dates = [exchange.headers["date"] for exchange in exchanges if "date" in exchange.headers]
    return bool(dates) and parsedate_to_datetime(dates[0]) < moment
