"""Read Bicep as far as claims about it need: declarations, and bodies of dictionaries, lists, texts and expressions.

No compiler: what is not a literal stays the text it is. A file that it cannot read fails the reading.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
INFRA = ROOT / "infra"
FILES = sorted(INFRA.rglob("*.bicep"))
_OPEN, _CLOSE = "([{", ")]}"
_KEYWORDS = ("targetScope", "param", "var", "resource", "module", "output")
_HEAD = re.compile(r"(param|var|resource|module|output)\s+(\w+)\s*")
_KEY = re.compile(r"(?:'((?:[^'\\]|\\.)*)'|(\w+))\s*:\s*")


class Expression(str):
    """What is worked out at deployment."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Declaration:
    """One declaration; ``type`` is a parameter's type, a resource's type with its version, a module's file."""

    kind: str
    name: str
    type: str
    value: Any
    decorators: str
    modifier: str = ""
    """existing, if (…), for …"""
    where: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """One file."""

    path: Path
    declarations: tuple[Declaration, ...]
    scope: str = "resourceGroup"

    def of(self, kind: str) -> list[Declaration]:
        return [each for each in self.declarations if each.kind == kind]

    def named(self, name: str) -> Declaration:
        found = [each for each in self.declarations if each.name == name and each.kind != "output"]
        if not found:
            raise LookupError(f"{self.path.name} has no {name}")
        return found[0]


def read(path: Path) -> Template:
    """Read a file; raises ValueError where it is not understood."""
    return parse(path, path.read_text("utf-8"))


def parse(path: Path, source: str) -> Template:
    """Read the text of a file."""
    text = re.sub(r"^\s*//.*$", "", source, flags=re.MULTILINE)
    scope = re.search(r"^targetScope = '(\w+)'", text, re.MULTILINE)
    found = tuple(_declared(head, decorators, path) for decorators, head in _statements(text))
    return Template(path, tuple(each for each in found if each), scope[1] if scope else "resourceGroup")


def resources(type_: str, root: Path = INFRA) -> list[Declaration]:
    """Every resource of a type that is made (not only referred to), in any file."""
    every = (one for path in sorted(root.rglob("*.bicep")) for one in read(path).of("resource"))
    return [one for one in every if one.type.partition("@")[0] == type_ and one.modifier != "existing"]


def _statements(text: str) -> Iterator[tuple[str, str]]:
    """Cut a file where a line begins outside of every bracket; give decorators apart."""
    decorators: list[str] = []
    for statement in _cut(text, "\n"):
        if statement.startswith("@"):
            decorators.append(statement)
        elif statement.startswith(_KEYWORDS):
            yield "\n".join(decorators), statement
            decorators = []
        elif statement:
            raise ValueError(f"not understood: {statement[:60]!r}")


def _declared(statement: str, decorators: str, path: Path) -> Declaration | None:
    head = _HEAD.match(statement)
    if not head:
        return None
    kind, name, rest = head[1], head[2], statement[head.end() :]
    where = f"{path.name}: {name}"
    left, _, right = _split_once(rest, "=")
    left, right = left.strip(), right.strip()
    if kind in {"param", "output", "var"}:
        return Declaration(kind, name, left, value(right) if right else None, decorators, where=where)
    type_, modifier = re.fullmatch(r"'([^']*)'\s*(existing)?", left, re.DOTALL).groups()  # type: ignore[union-attr]
    for_ = re.fullmatch(r"\[for (.*?): (.*)\]", right, re.DOTALL)
    if for_:
        modifier, right = f"for {for_[1]}", for_[2].strip()
    if right.startswith("if "):
        end = _closing(right, right.index("("))
        modifier = f"{modifier or ''} {right[: end + 1]}".strip()
        right = right[end + 1 :].strip()
    return Declaration(kind, name, type_, value(right), decorators, modifier or "", where)


def value(text: str) -> Any:  # noqa: ANN401 - as deep as the text is
    """Give a literal as Python's, anything else as an Expression."""
    text = text.strip()
    if text.startswith("{") and _closing(text, 0) == len(text) - 1:
        return dict(_pair(part) for part in _parts(text[1:-1]))
    if text.startswith("[") and _closing(text, 0) == len(text) - 1 and not text.startswith("[for "):
        return [value(part) for part in _parts(text[1:-1])]
    if re.fullmatch(r"'(?:[^'\\$]|\\.|\$(?!\{))*'", text):
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    if re.fullmatch(r"-?\d+|true|false|null", text):
        return json.loads(text)
    return Expression(text)


def _pair(part: str) -> tuple[str, Any]:
    key = _KEY.match(part)
    if not key:
        raise ValueError(f"no property: {part[:60]!r}")
    return key[1] if key[1] is not None else key[2], value(part[key.end() :])


def _parts(text: str) -> list[str]:
    return [part for line in _cut(text, "\n") for part in _cut(line, ",") if part]


def _cut(text: str, at: str) -> list[str]:
    """Cut a text at a character that is in no bracket and no string."""
    parts, begun, where = [], 0, 0
    while where < len(text):
        if text[where] == "'":
            where = _string_end(text, where)
        elif text[where] in _OPEN:
            where = _closing(text, where)
        elif text[where] == at:
            parts.append(text[begun:where].strip())
            begun = where + 1
        where += 1
    return [*parts, text[begun:].strip()]


def _split_once(text: str, at: str) -> tuple[str, str, str]:
    first, *rest = _cut(text, at)
    return (first, at, text[text.index(at, len(first)) + 1 :]) if rest else (text, "", "")


def _closing(text: str, where: int) -> int:
    """Find the bracket that closes the one here."""
    depth = 0
    while where < len(text):
        if text[where] == "'":
            where = _string_end(text, where)
        elif text[where] in _OPEN:
            depth += 1
        elif text[where] in _CLOSE:
            depth -= 1
            if not depth:
                return where
        where += 1
    raise ValueError(f"a bracket is not closed: {text[-60:]!r}")


def _string_end(text: str, where: int) -> int:
    where += 1
    while text[where] != "'":
        if text[where] == "\\":
            where += 1
        elif text.startswith("${", where):
            where = _closing(text, where + 1)
        where += 1
    return where
