"""What a person sees: steps on the error stream, answers on the output; colour and motion on a terminal only."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner
from rich.table import Table

from drawbridge_cli.client import CallError, Json

# In a pipe a cache stays one line, for grep.
_WIDE = 400
_STYLES = {
    "Ready": "green",
    "Compliant": "green",
    "Exempt": "cyan",
    "Converging": "yellow",
    "AuditOnly": "magenta",
    "Blocked": "red",
    "OutOfScope": "dim",
}


@dataclass(slots=True)
class Screen:
    """Where things are said. With ``as_json`` the output holds one JSON document and nothing else."""

    as_json: bool
    out: Console = field(default_factory=lambda: Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE))
    err: Console = field(default_factory=lambda: Console(stderr=True, highlight=False))

    def answer(self, body: Json, lines: Sequence[str]) -> None:
        """Give the answer of a command: as JSON, or in words."""
        if self.as_json:
            self.out.file.write(json.dumps(body, indent=2, ensure_ascii=False) + "\n")
            return
        for line in lines:
            self.out.print(line, soft_wrap=True)

    def table(self, body: Json, table: Table, below: Sequence[str]) -> None:
        if self.as_json:
            self.answer(body, ())
            return
        self.out.print(table)
        for line in below:
            self.out.print(line, soft_wrap=True)

    def note(self, text: str) -> None:
        self.err.print(escape(text), soft_wrap=True)

    def failure(self, text: str) -> None:
        self.err.print(f"[red]drawbridge:[/] {escape(text)}", soft_wrap=True)

    @contextmanager
    def following(self, what: str) -> Iterator[Progress]:
        """Show each step of a wait: one line that changes on a terminal, a line for each step elsewhere."""
        progress = Progress(what, self.err)
        if not self.err.is_terminal:
            yield progress
            return
        with Live(progress, console=self.err, refresh_per_second=8, transient=True):
            yield progress


class Progress:
    """The steps of one wait."""

    def __init__(self, what: str, console: Console) -> None:
        self._what, self._console = what, console
        self._begun = time.monotonic()
        self._said = ""
        self._spinner = Spinner("dots")

    def tell(self, body: Json) -> None:
        """Take one answer; what it says is shown when it is new."""
        words = f"{body.get('state') or '?'}: {body.get('step') or body.get('message') or body.get('verdict') or ''}"
        self._say(words.rstrip(": "))

    def trouble(self, error: CallError) -> None:
        """Say that an answer did not come, and that it is asked for again."""
        self._say(f"{error}; asking again")

    def _say(self, words: str) -> None:
        if words != self._said and not self._console.is_terminal:
            at = datetime.now(tz=UTC).strftime("%H:%M:%S")
            self._console.print(f"{at} {escape(self._what)}: {escape(words)}", soft_wrap=True)
        self._said = words

    def __rich__(self) -> Spinner:
        elapsed = int(time.monotonic() - self._begun)
        self._spinner.update(text=f"{escape(self._what)} [dim]{elapsed} s[/] {escape(self._said)}")
        return self._spinner


def standing(body: Json) -> list[str]:
    """Say in words where something stands: from an answer about an endpoint, or a verdict."""
    word = str(body.get("state") or body.get("verdict") or "unknown")
    reason = f" ({body['reason']})" if body.get("reason") else ""
    lines = [f"{coloured(word)}{escape(reason)}"]
    shown = (("step", "step"), ("since", "since"), ("until", "until"), ("endpoint", "endpoint"), ("message", "because"))
    lines += [f"  {label}: {escape(str(body[name]))}" for name, label in shown if body.get(name)]
    if after := body.get("lookAgainAfterSeconds"):
        lines.append(f"  next look: within {float(after):.0f} s")
    if body.get("help"):
        lines.append(f"  what to do: {escape(str(body['help']))}")
    return lines


def coloured(word: str) -> str:
    style = _STYLES.get(word)
    return f"[{style}]{escape(word)}[/]" if style else escape(word)


def fleet_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Lay out the fleet, one cache a line."""
    table = Table(box=None, pad_edge=False)
    for heading in ("cache", "kind", "verdict", "reason", "since"):
        table.add_column(heading, overflow="fold", no_wrap=heading in {"kind", "verdict", "since"})
    for row in rows:
        said = row.get("verdict")
        told: Mapping[str, Any] = said if isinstance(said, dict) else {"verdict": said, "reason": row.get("reason")}
        cells = (str(row.get("kind") or ""), coloured(str(told.get("verdict") or "not looked at")))
        since = str(row.get("since") or "")[:16].replace("T", " ")
        table.add_row(escape(_short(str(row.get("id", "")))), *cells, escape(str(told.get("reason") or "")), since)
    return table


def subscriptions_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Lay out the subscriptions in scope, one a line, and one more for each further problem."""
    table = Table(box=None, pad_edge=False)
    for heading in ("subscription", "status", "caches", "last event", "problem", "what to do"):
        table.add_column(heading, overflow="fold", no_wrap=heading in {"status", "caches", "last event"})
    for row in rows:
        event = str(row.get("lastEvent") or "")[:16].replace("T", " ") or "never"
        cells = (str(row.get("subscription", "")), str(row.get("status", "")), str(row.get("caches", "")), event)
        problems: Sequence[Mapping[str, Any]] = row.get("problems") or ({},)
        for problem in problems:
            code = f"[red]{escape(str(problem['code']))}[/]" if problem.get("code") else ""
            table.add_row(*map(escape, cells), code, escape(str(problem.get("help") or problem.get("message") or "")))
    return table


def _short(resource_id: str) -> str:
    parts = resource_id.strip("/").split("/")
    return "/".join((parts[1], parts[3], parts[7])) if len(parts) == 8 else resource_id  # noqa: PLR2004 - parts of an id
