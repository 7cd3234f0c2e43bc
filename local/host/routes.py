"""ASP.NET route templates, as `route=` writes them: `{name}`, `{name?}`, `{name:int}`, `{*rest}`.

Literals match without case. Of several templates that match, the more literal one wins, segment by segment.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

_CONSTRAINTS: Mapping[str, str] = {
    "int": r"-?\d+",
    "long": r"-?\d+",
    "alpha": r"[A-Za-z]+",
    "guid": r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    "bool": r"(?i:true|false)",
}
_PARAMETER = re.compile(r"\{(\*{0,2})(\w+)(?::([^?}]+))?(\?)?\}")
_LITERAL, _MIXED, _CONSTRAINED, _FREE, _REST = range(5)


@dataclass(frozen=True, slots=True)
class Route:
    """A template ready to match; routes sort by precedence, the first to try being the smallest."""

    template: str
    precedence: tuple[int, ...]
    pattern: re.Pattern[str]

    @classmethod
    def parse(cls, template: str) -> "Route":
        """Read a template; raises ValueError for a constraint that this host does not know."""
        segments = [segment for segment in template.strip("/").split("/") if segment]
        pattern = "".join(_segment_pattern(segment) for segment in segments)
        return cls(template, tuple(_rank(segment) for segment in segments), re.compile(pattern + "/?"))

    def match(self, path: str) -> Mapping[str, str] | None:
        """Give the route's parameters, unescaped, or None; `path` is still percent-encoded."""
        found = self.pattern.fullmatch("/" + path.strip("/") if path.strip("/") else "")
        if found is None:
            return None
        return {name: unquote(value) for name, value in found.groupdict().items() if value is not None}


def _rank(segment: str) -> int:
    found = _PARAMETER.fullmatch(segment)
    if found is None:
        return _MIXED if _PARAMETER.search(segment) else _LITERAL
    if found[1]:
        return _REST
    return _CONSTRAINED if found[3] else _FREE


def _segment_pattern(segment: str) -> str:
    whole = _PARAMETER.fullmatch(segment)
    if whole and whole[1]:
        return rf"(?:/(?P<{whole[2]}>.*))?"
    if whole and whole[4]:
        return rf"(?:/{_group(whole)})?"
    parts, end = ["/"], 0
    for found in _PARAMETER.finditer(segment):
        parts += [_literal(segment[end : found.start()]), _group(found)]
        end = found.end()
    return "".join([*parts, _literal(segment[end:])])


def _group(found: re.Match[str]) -> str:
    constraint = found[3]
    if constraint is None:
        return rf"(?P<{found[2]}>[^/]+)"
    if constraint not in _CONSTRAINTS:
        raise ValueError(f"route constraint {constraint!r} is none of {', '.join(_CONSTRAINTS)}")
    return rf"(?P<{found[2]}>{_CONSTRAINTS[constraint]})"


def _literal(text: str) -> str:
    return f"(?i:{re.escape(text)})" if text else ""
