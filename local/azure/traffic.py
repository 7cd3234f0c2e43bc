"""Calls and answers written down as JSON lines, to be held against a specification; secrets are masked."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlencode

from local.azure.calls import Answer, Call, Json
from local.azure.faults import Problem, Respond

# The environment variable that names the folder, for whatever is started from here.
FOLDER = "DRAWBRIDGE_TRAFFIC"
MASK = "***"
_SECRET_HEADERS = frozenset({"authorization"})
_SECRET_FIELDS = frozenset({"primarykey", "secondarykey"})
# What signs the URL of an operation: whoever has it reads the operation's answer, which may hold keys.
_SIGNED = re.compile(r"&t=[^&]*&c=[^&]*&s=[^&]*&h=[^&]*")


@contextmanager
def writing(folder: Path | None) -> Iterator[list[Callable[[Call, Answer], None]]]:
    """Give what writes one line for each answered call into a file of its own; nothing where there is no folder."""
    if folder is None:
        yield []
        return
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".jsonl", delete=False, encoding="utf-8") as file:

        def write(call: Call, answer: Answer) -> None:
            # Where the connection is cut there is no answer.
            if not answer.cut:
                file.write(json.dumps(_line(call, answer)) + "\n")

        yield [write]


def _line(call: Call, answer: Answer) -> Json:
    query = {name: value for name, value in call.query.items() if name not in {"t", "c", "s", "h"}}
    return {
        "caller": call.caller.object_id,
        "method": call.method,
        "url": f"{quote(call.path.text)}?{urlencode(query, safe='$')}",
        "headers": _headers(call.headers),
        "request": _masked(call.body),
        "status": int(answer.status),
        "answer_headers": _headers(answer.headers),
        "answer": _masked(answer.body),
        # Whoever asked for such an answer may have asked for anything.
        "forced": any(isinstance(effect, Respond | Problem) for effect in call.effects),
    }


def _headers(headers: Mapping[str, str]) -> Json:
    return {
        name: MASK if name.lower() in _SECRET_HEADERS else _SIGNED.sub("", value) for name, value in headers.items()
    }


def _masked(value: object) -> object:
    match value:
        case dict():
            return {name: _secret(name, held) for name, held in value.items()}
        case list():
            return [_masked(item) for item in value]
        case _:
            return value


def _secret(name: str, value: object) -> object:
    return MASK if name.lower() in _SECRET_FIELDS and isinstance(value, str) else _masked(value)
