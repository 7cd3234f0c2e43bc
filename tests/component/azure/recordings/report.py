"""Every recording is walked, and what differs is counted and told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.component.azure.recordings.cassettes import is_extract, read, recordings
from tests.component.azure.recordings.listed import Listed, ids_of, listed
from tests.component.azure.recordings.scope import is_poll
from tests.component.azure.recordings.walk import Outcome, Walk


def walk(files: Iterable[Path]) -> list[Outcome]:
    """Walk recordings, each in a world of its own."""
    return [outcome for file in files for outcome in Walk(read(file)).outcomes(file.stem, again=is_extract(file))]


def walk_all(reference: Path) -> list[Outcome]:
    """Walk every recording."""
    return walk(recordings(reference))


@dataclass(frozen=True, slots=True)
class Tally:
    """How many exchanges were in scope, and of them equal, different as listed, and different otherwise."""

    replayed: int
    equal: int
    listed: int

    @property
    def other(self) -> int:
        return self.replayed - self.equal - self.listed

    @property
    def share(self) -> float:
        """The share of equal ones."""
        return self.equal / max(1, self.replayed)

    def __str__(self) -> str:
        return (
            f"{self.replayed} replayed, {self.equal} equal ({self.share:.1%}), {self.listed} different as listed, "
            f"{self.other} different otherwise"
        )


def tally(outcomes: Iterable[Outcome], rows: Sequence[Listed]) -> Tally:
    counted = [outcome for outcome in outcomes if not outcome.left_out]
    different = [outcome for outcome in counted if outcome.found]
    as_listed = [o for o in different if ids_of(rows, o.exchange.call, o.found) is not None]
    return Tally(len(counted), len(counted) - len(different), len(as_listed))


def report(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Tell the counts, as docs/emulator.md quotes them."""
    rows = listed()
    once, again = ([o for o in outcomes if o.again is repeated] for repeated in (False, True))
    yield f"recordings: {len({outcome.recording for outcome in once})}"
    yield f"exchanges: {len(once)}, of them in scope: {tally(once, rows)}"
    yield f"without polls of operations: {tally([o for o in once if not is_poll(o.exchange)], rows)}"
    if again:
        yield f"extracts of these: {len({outcome.recording for outcome in again})}, {tally(again, rows)}"
    left_out = Counter(outcome.left_out for outcome in once if outcome.left_out)
    yield f"out of scope: {sum(left_out.values())}"
    yield from (f"{count:6} {reason}" for reason, count in sorted(left_out.items(), key=lambda item: -item[1]))


def details(outcomes: Iterable[Outcome], rows: Sequence[Listed] = ()) -> Iterator[str]:
    """Tell each difference that is not listed once, with how often it was met and where first."""
    met: Counter[str] = Counter()
    where: dict[str, str] = {}
    for outcome in outcomes:
        for text in outcome.found:
            if any(row.covers(outcome.exchange.call, text) for row in rows):
                continue
            line = f"{outcome.exchange.call}: {text}"
            met[line] += 1
            where.setdefault(line, f"{outcome.recording}, call {outcome.exchange.number}")
    yield from (f"{count:4} {line} [{where[line]}]" for line, count in met.most_common())
