"""Counts of what was held against the documents, and what of it was wrong."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.specs.check import Exchange, Specification, Verdict
from tests.specs.deviations import known
from tests.specs.library import Json

NOT_EMULATED = 501
_NUMBERS = ("exchanges", "ours", "not_emulated", "forced")
_COUNTERS = ("checked", "unspecified", "let_pass", "errors")


@dataclass(slots=True)
class Tally:
    """Counts by type and api-version; ``errors`` counts what is wrong by operation and words."""

    exchanges: int = 0
    ours: int = 0
    not_emulated: int = 0
    forced: int = 0
    checked: Counter[str] = field(default_factory=Counter)
    unspecified: Counter[str] = field(default_factory=Counter)
    let_pass: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)

    def add(self, exchange: Exchange, verdict: Verdict) -> None:
        self.exchanges += 1
        self.ours += exchange.ours
        if exchange.forced:
            self.forced += 1
        elif exchange.status == NOT_EMULATED:
            self.not_emulated += 1
        elif not verdict.operation:
            self.unspecified[verdict.type] += 1
        else:
            self.checked[verdict.type] += 1
            for error in verdict.errors:
                deviation = known(verdict.operation, error)
                if deviation is None:
                    self.errors[f"{verdict.operation}: {error}"] += 1
                else:
                    self.let_pass[deviation.reason] += 1

    def merge(self, other: Json) -> None:
        """Add what another process counted."""
        for name in _NUMBERS:
            setattr(self, name, getattr(self, name) + other[name])
        for name in _COUNTERS:
            getattr(self, name).update(other[name])

    def shown(self) -> Json:
        """Give it as JSON."""
        counters = {name: dict(getattr(self, name)) for name in _COUNTERS}
        return {**{name: getattr(self, name) for name in _NUMBERS}, **counters}

    def lines(self) -> Iterator[str]:
        """Say it for people."""
        wrong = sum(self.errors.values())
        yield (
            f"{self.exchanges} exchanges, {self.ours} of them with the app: "
            f"{sum(self.checked.values())} checked against OpenAPI documents, "
            f"{sum(self.unspecified.values())} of operations that no document at hand has, "
            f"{self.not_emulated} refused as not emulated, {self.forced} answers asked for by a fault; errors {wrong}"
        )
        yield from (f"  {count:>7} {kind}" for kind, count in sorted(self.checked.items()))
        yield from (f"  {count:>7} {kind} (no document)" for kind, count in sorted(self.unspecified.items()))
        yield from (f"  {count:>7} let pass: {reason}" for reason, count in sorted(self.let_pass.items()))
        yield from (f"  {count:>7} WRONG {error}" for error, count in self.errors.most_common())


def read(folder: Path) -> Iterator[Json]:
    """Read what the stand-in wrote down, line by line."""
    for file in sorted(folder.rglob("*.jsonl")):
        with file.open(encoding="utf-8") as written:
            yield from (json.loads(line) for line in written)


def exchange_of(line: Json) -> Exchange:
    """Read one line; the app says of itself in its requests who it is."""
    ours = str(line["headers"].get("user-agent", "")).startswith("drawbridge/")
    asked, answered = (line["method"], line["url"], line["request"]), (line["status"], line["answer"])
    return Exchange(*asked, *answered, forced=line["forced"], ours=ours)


def tally(specification: Specification, exchanges: Iterable[Exchange]) -> Tally:
    """Check and count."""
    counted = Tally()
    for exchange in exchanges:
        counted.add(exchange, specification.check(exchange))
    return counted
