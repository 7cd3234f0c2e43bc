"""The world's time is seconds that a clock gives: the wall's, faster by a factor, or moved by hand."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """World time in seconds since the epoch, and the factor by which it outruns the wall."""

    scale: float

    def now(self) -> float:
        """World time, in seconds."""

    def wall(self, moment: float) -> float:
        """Give the wall time (epoch seconds) of a moment of the world: what stands in events and headers."""


@dataclass(slots=True)
class WallClock:
    """World time that starts at the wall's and runs ``scale`` times as fast."""

    scale: float = 1.0
    _wall: float = field(default_factory=time.time)
    _started: float = field(default_factory=time.monotonic)

    def now(self) -> float:
        return self._wall + (time.monotonic() - self._started) * self.scale

    def wall(self, moment: float) -> float:
        return self._wall + (moment - self._wall) / self.scale


@dataclass(slots=True)
class ManualClock:
    """World time that only moves when told: for simulations."""

    at: float = 1_795_435_200.0
    scale: float = 1.0

    def now(self) -> float:
        return self.at

    def wall(self, moment: float) -> float:
        return moment

    def advance(self, seconds: float) -> None:
        self.at += seconds


def retry_after(seconds: float, scale: float) -> str:
    """Give the header's value for a wait in world seconds: scaled, whole, and never 0, which the SDKs read as 30."""
    return str(max(1, math.ceil(seconds / scale)))


def iso(moment: float) -> str:
    """Seven digits of fraction and a Z, as Azure writes times."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"
