"""Walk recordings and tell what differs: all, or those whose name contains one of the words given."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.component.azure.recordings.cassettes import recordings
from tests.component.azure.recordings.listed import listed
from tests.component.azure.recordings.report import details, report, walk
from tests.component.azure.recordings.walk import Outcome

ROOT = Path(__file__).parents[4]


def calls(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Tell call by call how it went."""
    for outcome in outcomes:
        exchange = outcome.exchange
        verdict = f"out of scope: {outcome.left_out}" if outcome.left_out else "differs" if outcome.found else "equal"
        yield f"{outcome.recording} {exchange.number:3} {exchange.status} {exchange.call}: {verdict}"
        yield from (f"        {text}" for text in outcome.found)


def main(words: list[str]) -> None:
    reference = Path(os.environ.get("DRAWBRIDGE_REFERENCE") or ROOT.parent / "shared" / "azure-reference")
    files = [file for file in recordings(reference) if not words or any(word in file.stem for word in words)]
    outcomes = walk(files)
    for line in [*(calls(outcomes) if words else details(outcomes, listed())), *report(outcomes)]:
        print(line)


main(sys.argv[1:])
