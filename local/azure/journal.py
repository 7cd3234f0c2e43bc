"""Every ARM call is written down: who, what, with which answer; bodies only of writes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

from local.azure.calls import Json

_LONGEST = 500_000
_READS = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One call; ``time`` is wall time, ``resource`` the path in lower case, ``code`` ARM's error code or empty."""

    time: float
    method: str
    path: str
    status: int
    caller: str
    code: str = ""
    type: str = ""
    api_version: str = ""
    body: Json | None = None

    @property
    def resource(self) -> str:
        return self.path.lower()

    @property
    def is_read(self) -> bool:
        return self.method in _READS


@dataclass(frozen=True, slots=True)
class Count:
    reads: int
    writes: int

    @property
    def calls(self) -> int:
        return self.reads + self.writes


@dataclass(slots=True)
class Journal:
    """The calls, oldest first; only so many are kept, ``dropped`` says how many were not."""

    _entries: deque[Entry] = field(default_factory=lambda: deque(maxlen=_LONGEST))
    dropped: int = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(tuple(self._entries))

    def add(self, entry: Entry) -> None:
        self.dropped += len(self._entries) == _LONGEST
        self._entries.append(entry)

    def clear(self) -> None:
        self._entries.clear()
        self.dropped = 0

    def entries(self, path: str = "", *, caller: str | None = None, method: str = "", since: int = 0) -> list[Entry]:
        """Give the calls whose path holds ``path`` (without case); ``since`` leaves out that many from the start."""
        wanted = path.lower()
        return [
            entry
            for number, entry in enumerate(self._entries)
            if number >= since
            and wanted in entry.resource
            and (caller is None or entry.caller == caller)
            and (not method or entry.method == method)
        ]

    def count(self, path: str = "", *, caller: str | None = None, since: int = 0) -> Count:
        """Count reads and writes, selected as ``entries`` does."""
        found = self.entries(path, caller=caller, since=since)
        reads = sum(entry.is_read for entry in found)
        return Count(reads, len(found) - reads)

    def by_resource(self, path: str = "", *, caller: str | None = None) -> dict[str, Json]:
        """Give reads and writes for each path, in lower case."""
        counts: dict[str, Json] = {}
        for entry in self.entries(path, caller=caller):
            count = counts.setdefault(entry.resource, {"reads": 0, "writes": 0})
            count["reads" if entry.is_read else "writes"] += 1
        return counts


def shown(entry: Entry) -> Json:
    """Give an entry as JSON."""
    return asdict(entry)
