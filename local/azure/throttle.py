"""ARM's token buckets: per caller and subscription, for reads, writes and deletes; the headers tell what is left."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from local.azure.calls import Call, Caller

# The subscription's global bucket is 15 times a caller's: 3750 and 3000 as recorded in the headers.
_GLOBAL = 15


@dataclass(frozen=True, slots=True)
class Bucket:
    """``size`` tokens at most; ``refill`` come back each second."""

    size: float
    refill: float


@dataclass(frozen=True, slots=True)
class Buckets:
    """The sizes that ARM documents since 2024; ``enforced`` False only counts.

    ``both_names`` tells of reads, too, what is left to the caller (``…-subscription-reads``) beside what is left to all
    (``…-subscription-global-reads``), as is documented; recorded answers to reads name only the second.
    """

    reads: Bucket = Bucket(250, 25)
    writes: Bucket = Bucket(200, 10)
    deletes: Bucket = Bucket(200, 10)
    enforced: bool = True
    both_names: bool = False

    def of(self, kind: str) -> Bucket:
        return {"reads": self.reads, "writes": self.writes, "deletes": self.deletes}[kind]


@dataclass(slots=True)
class _Level:
    tokens: float
    at: float


@dataclass(frozen=True, slots=True)
class Taken:
    """What a call found: headers to answer with, and seconds to wait where it found too little (0 for none)."""

    kind: str
    headers: dict[str, str]
    wait: float = 0.0


KINDS = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}


@dataclass(slots=True)
class Throttle:
    """All buckets. Times are seconds of whatever clock the caller gives."""

    default: Buckets = Buckets()
    per_subscription: dict[str, Buckets] = field(default_factory=dict)
    _levels: dict[tuple[str, str, str], _Level] = field(default_factory=dict)

    def take(self, call: Call, now: float) -> Taken:
        kind = KINDS.get(call.method, "writes")
        subscription = call.path.subscription.lower()
        buckets = self.per_subscription.get(subscription, self.default)
        own, whole = buckets.of(kind), buckets.of(kind)
        whole = Bucket(whole.size * _GLOBAL, whole.refill * _GLOBAL)
        mine = self._level((subscription, call.caller.object_id, kind), own, now)
        everyone = self._level((subscription, "", kind), whole, now)
        short = max((1 - mine.tokens) / own.refill, (1 - everyone.tokens) / whole.refill)
        if buckets.enforced and short > 0:
            return Taken(kind, _headers(call.path.subscription, kind, mine, everyone, both=True), short)
        mine.tokens = max(0.0, mine.tokens - 1)
        everyone.tokens = max(0.0, everyone.tokens - 1)
        both = buckets.both_names or kind != "reads"
        return Taken(kind, _headers(call.path.subscription, kind, mine, everyone, both=both))

    def _level(self, key: tuple[str, str, str], bucket: Bucket, now: float) -> _Level:
        level = self._levels.setdefault(key, _Level(bucket.size, now))
        level.tokens = min(bucket.size, level.tokens + (now - level.at) * bucket.refill)
        level.at = now
        return level

    def remaining(self, subscription: str, caller: Caller, kind: str) -> float | None:
        """Tokens left at the caller's last call; None before the first."""
        level = self._levels.get((subscription.lower(), caller.object_id, kind))
        return level.tokens if level else None


def _headers(subscription: str, kind: str, mine: _Level, everyone: _Level, *, both: bool) -> dict[str, str]:
    scope = "subscription" if subscription else "tenant"
    headers = {f"x-ms-ratelimit-remaining-{scope}-global-{kind}": str(math.floor(everyone.tokens))}
    if both:
        headers[f"x-ms-ratelimit-remaining-{scope}-{kind}"] = str(math.floor(mine.tokens))
    return headers
