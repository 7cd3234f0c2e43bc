"""The dashboard: one page that asks the API what it shows, as the person before it.

The page holds no data and loads nothing from anywhere: its style, its script and the meanings of reasons are in it, and
its policy names style and script by their digests, so that a browser runs nothing else. Nothing is read before
somebody asks for it.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

_HERE = Path(__file__).parent
_MODULES = ("elements", "times", "calls", "words", "cache", "list", "fleet", "sweeps", "page")
"""Each imports from those before it."""
_IMPORT = re.compile(r"^import (\{[^}]+\}) from \"\./(\w+)\.mjs\";$", re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?(?:function|const|class) (\w+))", re.MULTILINE)
_PLACES = re.compile(r"\{(style|reasons|script)\}")


class Page(NamedTuple):
    """What a browser is given."""

    text: str
    headers: Mapping[str, str]


@cache
def page() -> Page:
    """Put the page together."""
    parts = {"style": _read("page.css"), "reasons": _read("reasons.json"), "script": _script()}
    text = _PLACES.sub(lambda found: parts[found[1]], _read("page.html"))
    headers = {
        "Content-Security-Policy": "; ".join(
            (
                "default-src 'none'",
                f"script-src {_digest(parts['script'])}",
                f"style-src {_digest(parts['style'])}",
                "img-src data:",
                "connect-src 'self'",
                "base-uri 'none'",
                "form-action 'none'",
                "frame-ancestors 'none'",
                "require-trusted-types-for 'script'",
                "trusted-types 'none'",
            )
        ),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "Referrer-Policy": "no-referrer",
        "X-Frame-Options": "DENY",
    }
    return Page(text, headers)


def _read(name: str) -> str:
    return (_HERE / name).read_text("utf-8")


def _script() -> str:
    """Make one script of the modules, so that the page is one answer: each in a scope of its own, in their order."""
    return '"use strict";\n' + "".join(map(_scoped, _MODULES)) + "page.start();\n"


def _scoped(module: str) -> str:
    source = _IMPORT.sub(r"const \1 = \2;", _read(f"{module}.mjs"))
    given = ", ".join(found[2] for found in _EXPORT.finditer(source))
    body = _EXPORT.sub(r"\1", source)
    return f"const {module} = (() => {{\n{body}return {{ {given} }};\n}})();\n"


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
