"""The differences that local/DIFFERENCES.md lists: each has an id, the calls and the differences it stands for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

DIFFERENCES = Path(__file__).parents[4] / "local" / "DIFFERENCES.md"
_ROW = re.compile(r"\| (?P<id>rec-[a-z0-9-]+) \| `(?P<call>[^`]+)` \| `(?P<text>[^`]+)` \| (?P<why>[^|]+) \|")


@dataclass(frozen=True, slots=True)
class Listed:
    """One row. In ``call`` and ``text`` a star stands for anything; ``why`` is for people."""

    id: str
    call: str
    text: str
    why: str

    def covers(self, call: str, text: str) -> bool:
        return _fits(self.call, call) and _fits(self.text, text)


def _fits(pattern: str, text: str) -> bool:
    parts = [re.escape(part) for part in pattern.split("*")]
    return re.fullmatch(".*".join(parts), text, re.DOTALL) is not None


def listed(file: Path = DIFFERENCES) -> list[Listed]:
    """Read the rows."""
    return [Listed(**match.groupdict()) for match in _ROW.finditer(file.read_text())]


def ids_of(rows: Sequence[Listed], call: str, found: Sequence[str]) -> set[str] | None:
    """Give the rows that stand for all that was found; None where one of it is not listed."""
    standing = [{row.id for row in rows if row.covers(call, text)} for text in found]
    return None if not all(standing) else set().union(*standing)
