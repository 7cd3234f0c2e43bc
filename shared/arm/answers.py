"""What ARM says of a failure, read from any form of body, and cleaned for people."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

_LONGEST_MESSAGE = 500
_LONGEST_WAIT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Answer:
    """What ARM said of a failure, before it is judged."""

    status: int | None
    codes: tuple[str, ...]
    message: str
    after: timedelta | None
    correlation: str


def read_answer(status: int | None, headers: Mapping[str, str], text: str) -> Answer:
    """Read an error's body in any of its forms: ARM's envelope, none around it, problem+json, HTML, nothing."""
    error = _error_object(text)
    message = clean(_message(error) or str(error.get("title") or ""))
    after = _seconds(headers)
    if after is None and status == HTTPStatus.TOO_MANY_REQUESTS:
        after = _seconds_in(message)
    return Answer(status, _codes(error), message, after, headers.get("x-ms-correlation-request-id", ""))


def _error_object(text: str) -> Mapping[str, Any]:
    try:
        body = json.loads(text)
    except ValueError:
        return {}
    if not isinstance(body, dict):
        return {}
    inner = body.get("error")
    return inner if isinstance(inner, dict) else body


def _details(error: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    details = error.get("details")
    inner = error.get("innererror")
    return [d for d in [*(details if isinstance(details, list) else ()), inner] if isinstance(d, dict)]


def _codes(error: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(c for e in [error, *_details(error)] if isinstance(c := e.get("code"), str) and c)


def _message(error: Mapping[str, Any]) -> str:
    if str(error.get("code")).lower() == "requestdisallowedbypolicy" and (named := _policy_message(error)):
        return named
    if told := _right_message(str(error.get("message") or "")):
        return told
    said = [m for e in [error, *_details(error)] if isinstance(m := e.get("message"), str) and m]
    return " ".join(dict.fromkeys(said))


_LACKS = (
    re.compile(r"not have permission to perform action\(s\) '([^']+)' on the linked scope\(s\) '([^']+)'"),
    re.compile(r"not have authorization to perform action '([^']+)' over scope '([^']+)'"),
)


def _right_message(message: str) -> str:
    """Name the right that is missing: Azure says it after so many ids that it would be cut off."""
    found = next((match for lacks in _LACKS if (match := lacks.search(message))), None)
    return f"This identity does not have authorization to perform '{found[1]}' at '{found[2]}'." if found else ""


def _policy_message(error: Mapping[str, Any]) -> str:
    """Name the policies that refused, which Azure buries in JSON inside its message."""
    message = str(error.get("message") or "")
    head, found, identifiers = message.partition("Policy identifiers: '")
    if not found:
        return ""
    names = re.findall(r'"(policy\w+?)":\s*\{[^{}]*?"name":\s*"([^"]+)"', identifiers)
    kinds = {"policyassignment": "assignment", "policydefinition": "definition", "policysetdefinition": "initiative"}
    told = ", ".join(f"{kinds.get(kind.lower(), kind)} '{name}'" for kind, name in dict.fromkeys(names))
    return f"{head.strip()} Policy: {told}." if told else message


_NOISE = re.compile(
    r"\b(request ?id|correlation ?id|timestamp|trace ?id)\s*[:=]\s*'?[\w:+.-]+'?[,.]?(\s+\d\d:\d\d:\d\d[\d.]*Z?)?",
    re.IGNORECASE,
)
_QUERY = re.compile(r"(https?://[^\s?'\"<>]+)\?[^\s'\"<>]*")


def clean(message: str) -> str:
    """Make a message fit for people: one line, no request ids, no query of a URL (it may be a signature)."""
    line = " ".join(_QUERY.sub(r"\1", _NOISE.sub("", message)).split())
    return line if len(line) <= _LONGEST_MESSAGE else line[: _LONGEST_MESSAGE - 1].rstrip() + "…"


def _seconds(headers: Mapping[str, str]) -> timedelta | None:
    """Read ``Retry-After``, in seconds or as a date; None where it is absent, past or zero."""
    text = headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return _bounded(timedelta(seconds=min(int(text), _LONGEST_WAIT.total_seconds())))
    from email.utils import parsedate_to_datetime

    try:
        return _bounded(parsedate_to_datetime(text) - datetime.now(UTC))
    except (ValueError, TypeError):
        return None


def _seconds_in(message: str) -> timedelta | None:
    """Read the wait that a throttling message names: providers can leave the header out."""
    named = re.search(r"try again after '?(\d{1,4})'? seconds", message, re.IGNORECASE)
    return _bounded(timedelta(seconds=int(named[1]))) if named else None


def _bounded(wait: timedelta) -> timedelta | None:
    return min(wait, _LONGEST_WAIT) if wait > timedelta() else None
