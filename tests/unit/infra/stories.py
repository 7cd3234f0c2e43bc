"""What the log has of something that goes on, and whom an alert has to name then: in the lines that the app writes."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from shared.logs import Log
from shared.model import Reason, Trigger, VerdictKind
from tests.unit.infra.kql import Line

SHOP, CART = (f"/subscriptions/s/resourceGroups/g/providers/microsoft.cache/redis/{name}" for name in ("shop", "cart"))
A_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Story:
    """Lines that are within the alert's window, and the rows that its query has to find."""

    name: str
    alert: str
    lines: tuple[Line, ...]
    expected: list[dict[str, Any]]


def line(at: int, message: str, **fields: object) -> Line:
    """Write a line as the app does."""
    told: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: told.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("a story")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(handler)
    Log("a story").info(message, **fields)
    logger.removeHandler(handler)
    return Line(at, told[0])


def passed(at: int, cache: str, reason: Reason | None, **more: object) -> Line:
    """Write the line of a pass."""
    kind = VerdictKind.BLOCKED if reason else VerdictKind.COMPLIANT
    return line(at, "pass", cache=cache, trigger=Trigger.SWEEP, verdict=kind, reason=reason, **more)


def looked(at: int, queue: str, oldest: float) -> Line:
    """Write the line of a look at a queue."""
    return line(at, "queue", queue=queue, messages=9, oldest=oldest)


def _row(told: Line) -> dict[str, Any]:
    return {"TimeGenerated": told.at, "Message": told.message}


def _lasting(alert: str, reason: Reason) -> list[Story]:
    begun = passed(0, SHOP, reason)
    named = [{"cache": SHOP}]
    return [
        Story("nothing was ever said", alert, (), []),
        Story("hours after its last pass it is still so", alert, (begun, passed(700, CART, None)), named),
        Story(
            "a day of passes that find it so", alert, tuple(passed(at, SHOP, reason) for at in (0, 360, A_DAY)), named
        ),
        Story("it is over", alert, (begun, passed(30, SHOP, None)), []),
        Story("it is over, and lines come in another order", alert, (passed(30, SHOP, None), begun), []),
        Story("it is so again", alert, (begun, passed(30, SHOP, None), passed(90, SHOP, reason)), named),
        Story("another reason holds it back", alert, (begun, passed(30, SHOP, Reason.SUBNET_FULL)), []),
        Story("the cache is gone", alert, (begun, line(30, "gone", cache=SHOP)), []),
        Story("the cache has left the scope", alert, (begun, line(30, "out of scope", cache=SHOP)), []),
        Story("it came back into scope", alert, (line(0, "out of scope", cache=SHOP), passed(9, SHOP, reason)), named),
        Story("nobody can read it", alert, (begun, passed(30, SHOP, Reason.CACHE_UNREADABLE, unread=True)), named),
        Story("its message was given up", alert, (begun, line(30, "gave up", cache=SHOP, because="x")), named),
        Story(
            "two caches, of which one is mended",
            alert,
            (begun, passed(1, CART, reason), passed(2, SHOP, None)),
            [{"cache": CART}],
        ),
    ]


STORIES = [
    *_lasting("exposed", Reason.EXPOSED),
    *_lasting("contested", Reason.CONTESTED),
    Story("nobody has looked at a queue", "standing", (), []),
    Story("old at one look is no standstill", "standing", (looked(0, "sweep", 900),), []),
    Story(
        "a queue stands still",
        "standing",
        (looked(0, "sweep", 700), looked(15, "sweep", 1600)),
        [{"queue": "sweep", "oldest": 700.0}],
    ),
    Story(
        "the last two looks count, whatever was before and however lines come",
        "standing",
        (looked(30, "sweep", 9), looked(0, "sweep", 5000), looked(15, "sweep", 12)),
        [{"queue": "sweep", "oldest": 9.0}],
    ),
    Story(
        "each queue is judged by its own looks",
        "standing",
        (looked(0, "sweep", 800), looked(0, "events", 0), looked(60, "sweep", 900), looked(60, "events", 700)),
        [{"queue": "events", "oldest": 0.0}, {"queue": "sweep", "oldest": 800.0}],
    ),
    Story(
        "a sweep over one subscription is none over all",
        "sweeps",
        (line(0, "sweep completed", sweep="s1", whole=False),),
        [],
    ),
    *(
        Story(f"{each.message.partition(' {')[0]} is told of", alert, (each,), [_row(each)])
        for alert, each in (
            ("sweeps", line(0, "sweep completed", sweep="s1", whole=True)),
            ("sweeps", line(0, "sweep completed", sweep="s1")),
            ("poison", line(0, "gave up", cache=SHOP, because="x")),
            ("poison", line(0, "message dropped", error="x")),
            ("poison", line(0, "event given up", event="e1", subject=SHOP)),
            ("dead-letters", line(0, "dead letters taken up", letters=1, events=3)),
            ("dead-letters", line(0, "dead letter not readable", letter="x")),
        )
    ),
    Story(
        "passes tell how long they were waited for",
        "waiting",
        (line(3, "taken up", cache=SHOP, waited=7.5), passed(4, SHOP, None)),
        [{"TimeGenerated": 3, "waited": 7.5}],
    ),
]
