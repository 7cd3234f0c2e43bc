"""What is measured, as data: each metric, and the lines of the log that it is taken from.

Lines and metrics come from one call, so they cannot disagree. What a metric is split by has few values: never the id
of a cache, never a caller, never words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """How measurements of one metric come together."""

    COUNT = "count"
    """They add up."""
    DISTRIBUTION = "distribution"
    """How many, their sum, the least and the most are kept."""


class Series(NamedTuple):
    """One metric, split all the way: its measurements become one item a minute."""

    metric: str
    split: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """The lines with one message, and what they say of a metric."""

    message: str
    value: str = ""
    """The field that holds the measurement; "" counts lines. A line without the field says nothing."""
    by: tuple[str, ...] = ()
    """The fields that split the metric; a line without one is not split by it."""
    having: str = ""
    """Only lines with this field are meant; "" means all."""
    fixed: tuple[tuple[str, str], ...] = ()
    """What splits the metric besides: the same for each of these lines."""

    def measured(self, fields: Mapping[str, object]) -> float | None:
        """Read the measurement from a line's fields; None where it has none."""
        if self.having and fields.get(self.having) is None:
            return None
        if not self.value:
            return 1
        value = fields.get(self.value)
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None

    def split(self, fields: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
        """Give what a line splits the metric by."""
        return (*self.fixed, *((name, str(fields[name])) for name in self.by if fields.get(name) is not None))


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the catalogue."""

    name: str
    unit: str
    """As OpenTelemetry writes units: ``s``, or what is counted in braces."""
    kind: Kind
    means: str
    sources: tuple[Source, ...]

    @property
    def splits(self) -> tuple[str, ...]:
        """Name what it is split by."""
        named = (name for source in self.sources for name in (*dict(source.fixed), *source.by))
        return tuple(dict.fromkeys(named))


METRICS = (
    Metric(
        "drawbridge.events",
        "{event}",
        Kind.COUNT,
        "Events that came in.",
        (
            Source("event", fixed=(("outcome", "taken"),)),
            Source("event ignored", by=("reason",), fixed=(("outcome", "ignored"),)),
        ),
    ),
    Metric("drawbridge.passes", "{pass}", Kind.COUNT, "Passes over caches.", (Source("pass", by=("trigger",)),)),
    Metric(
        "drawbridge.verdicts",
        "{verdict}",
        Kind.COUNT,
        "Verdicts of passes over caches and over networks.",
        (
            Source("pass", by=("verdict", "reason"), fixed=(("of", "cache"),)),
            Source("network", by=("verdict", "reason"), fixed=(("of", "network"),)),
        ),
    ),
    Metric(
        "drawbridge.pass.duration",
        "s",
        Kind.DISTRIBUTION,
        "What a pass takes, from its claim to its verdict.",
        (Source("passed", value="took"),),
    ),
    Metric(
        "drawbridge.verdict.delay",
        "s",
        Kind.DISTRIBUTION,
        "From the message of an event or a request to the first verdict after it.",
        (Source("answered by a verdict", value="after", by=("trigger",)),),
    ),
    Metric(
        "drawbridge.queue.age",
        "s",
        Kind.DISTRIBUTION,
        "How long messages were due when they were taken up.",
        (Source("message taken", value="age", by=("queue",)),),
    ),
    Metric(
        "drawbridge.queue.messages",
        "{message}",
        Kind.DISTRIBUTION,
        "Messages on a queue at the time of a sweep, with those that are hidden until their time.",
        (Source("queue", value="messages", by=("queue",)),),
    ),
    Metric(
        "drawbridge.queue.oldest",
        "s",
        Kind.DISTRIBUTION,
        "How long the oldest message of a queue had been due at the time of a sweep.",
        (Source("queue", value="oldest", by=("queue",)),),
    ),
    Metric(
        "drawbridge.poison",
        "{message}",
        Kind.COUNT,
        "Messages that were given up.",
        (
            Source("gave up", having="cache", fixed=(("of", "cache"),)),
            Source("gave up", having="network", fixed=(("of", "network"),)),
            Source("gave up", having="subscription", fixed=(("of", "sweep"),)),
            Source("event given up", fixed=(("of", "event"),)),
            Source("message dropped", fixed=(("of", "nothing known"),)),
        ),
    ),
    Metric(
        "drawbridge.dead_letters",
        "{letter}",
        Kind.COUNT,
        "Dead letters of Event Grid.",
        (
            Source("dead letters taken up", value="letters", fixed=(("outcome", "taken"),)),
            Source("dead letter not readable", fixed=(("outcome", "unreadable"),)),
        ),
    ),
    Metric(
        "drawbridge.arm.requests",
        "{request}",
        Kind.COUNT,
        "Requests to Azure Resource Manager.",
        (Source("asked azure", by=("kind",)),),
    ),
    Metric(
        "drawbridge.arm.throttles",
        "{answer}",
        Kind.COUNT,
        "Answers by which Azure asked for fewer requests.",
        (Source("throttled by azure"),),
    ),
    Metric(
        "drawbridge.arm.refusals",
        "{answer}",
        Kind.COUNT,
        "Writes of passes that Azure refused.",
        (Source("refused"),),
    ),
    Metric("drawbridge.sweeps", "{sweep}", Kind.COUNT, "Sweeps that came to their end.", (Source("sweep completed"),)),
    Metric(
        "drawbridge.sweep.duration",
        "s",
        Kind.DISTRIBUTION,
        "What a sweep takes, from its start to its end.",
        (Source("sweep completed", value="took"),),
    ),
    Metric(
        "drawbridge.sweep.caches",
        "{cache}",
        Kind.DISTRIBUTION,
        "Caches that a sweep has seen.",
        (Source("sweep completed", value="caches"),),
    ),
    Metric(
        "drawbridge.sweep.drifted",
        "{cache}",
        Kind.DISTRIBUTION,
        "Caches that a sweep has woken.",
        (Source("sweep completed", value="drifted"),),
    ),
    Metric(
        "drawbridge.sweep.unreadable",
        "{subscription}",
        Kind.DISTRIBUTION,
        "Subscriptions that a sweep could not read.",
        (Source("sweep completed", value="unreadable"),),
    ),
    Metric(
        "drawbridge.sweep.silent",
        "{subscription}",
        Kind.DISTRIBUTION,
        "Subscriptions from which no event ever came, as a sweep has found.",
        (Source("sweep completed", value="silent"),),
    ),
    Metric(
        "drawbridge.announcements.failed",
        "{announcement}",
        Kind.COUNT,
        "Times that the topic did not take an announcement.",
        (Source("not announced yet"), Source("not announced"), Source("sweep not announced")),
    ),
)
"""The catalogue; docs/operate.md shows it."""

_BY_MESSAGE: Mapping[str, tuple[tuple[Metric, Source], ...]] = {
    message: tuple((metric, source) for metric in METRICS for source in metric.sources if source.message == message)
    for message in {source.message for metric in METRICS for source in metric.sources}
}


def measurements(message: str, fields: Mapping[str, object]) -> Iterator[tuple[Series, float]]:
    """Give what one line of the log says: of most lines, nothing."""
    for metric, source in _BY_MESSAGE.get(message, ()):
        value = source.measured(fields)
        if value is not None:
            yield Series(metric.name, source.split(fields)), value


@dataclass(slots=True)
class Tally:
    """The measurements of one series, come together."""

    count: int = 0
    total: float = 0
    least: float = field(default=float("inf"))
    most: float = field(default=float("-inf"))

    def add(self, value: float) -> None:
        """Take in one more."""
        self.count += 1
        self.total += value
        self.least = min(self.least, value)
        self.most = max(self.most, value)
