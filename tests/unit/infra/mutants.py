"""Faults that a person could put into infra/, made at random from a seed: each a copy of one file with one change."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.unit.infra.bicep import _closing

# Texts for people, and names that nobody refers to: a change there is no fault.
_FREE = re.compile(
    r"^\s*(//|@description|title:|displayName:|description:|name:|roleName:|groupShortName:)|^\s*#|pe-|vnet-|id-"
)
_KEY = re.compile(r"^(\s+)(\w+)(: ?)(.*)$")
_WORD = re.compile(r"\b[a-z]\w{2,}\b")
_KEYWORDS = {
    "param",
    "var",
    "resource",
    "module",
    "output",
    "existing",
    "for",
    "string",
    "bool",
    "int",
    "object",
    "array",
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault."""

    kind: str
    file: Path
    """Below the folder."""
    text: str
    """The file with the fault."""
    change: str
    """What was changed, for people."""


Mutator = Callable[[str, random.Random], tuple[str, str] | None]
_BICEP: dict[str, Mutator] = {}
_JSON: dict[str, Mutator] = {}
_KQL: dict[str, Mutator] = {}


def mutants(root: Path, seed: int, count: int) -> Iterator[Mutant]:
    """Give so many faults, of every kind in turns, in files chosen at random; no two are the same."""
    dice = random.Random(seed)
    every = [(kind, made, "*.bicep") for kind, made in _BICEP.items()]
    every += [(kind, made, "*.json") for kind, made in _JSON.items()]
    every += [(kind, made, "*.kql") for kind, made in _KQL.items()]
    seen: set[tuple[Path, str]] = set()
    # A kind that has run out of faults is passed over when its turn comes.
    for kind, made, pattern in itertools.cycle(every):
        if len(seen) == count:
            return
        path = dice.choice([path for path in sorted(root.rglob(pattern)) if path.name != "workbook.json"])
        before = path.read_text("utf-8")
        changed = made(before, dice)
        where = path.relative_to(root)
        if changed and changed[0] != before and (where, changed[0]) not in seen:
            seen.add((where, changed[0]))
            yield Mutant(kind, where, *changed)


def _on(kinds: dict[str, Mutator], name: str) -> Callable[[Mutator], Mutator]:
    def register(made: Mutator) -> Mutator:
        kinds[name] = made
        return made

    return register


def _line(text: str, dice: random.Random, wanted: str) -> tuple[int, str] | None:
    lines = text.splitlines()
    fit = [n for n, line in enumerate(lines) if re.search(wanted, line) and not _FREE.search(line)]
    return (n := dice.choice(fit), lines[n]) if fit else None


def _with(text: str, number: int, line: str | None) -> str:
    lines = text.splitlines()
    lines[number : number + 1] = [] if line is None else [line]
    return "\n".join(lines) + "\n"


def _misspelt(word: str, dice: random.Random) -> str:
    at = dice.randrange(len(word))
    return dice.choice([word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:], word[:at] + "x" + word[at + 1 :]])


def _replaced(wanted: str, change: Callable[[re.Match[str], random.Random], str]) -> Mutator:
    """Make a mutator that changes one match of a pattern in one line."""

    def made(text: str, dice: random.Random) -> tuple[str, str] | None:
        found = _line(text, dice, wanted)
        if found is None:
            return None
        number, line = found
        match = dice.choice(list(re.finditer(wanted, line)))
        new = line[: match.start()] + change(match, dice) + line[match.end() :]
        return _with(text, number, new), f"{line.strip()} → {new.strip()}"

    return made


@_on(_BICEP, "property misspelt")
def _property(text: str, dice: random.Random) -> tuple[str, str] | None:
    found = _line(text, dice, _KEY.pattern)
    if found is None or not (key := _KEY.match(found[1])):
        return None
    new = f"{key[1]}{_misspelt(key[2], dice)}{key[3]}{key[4]}"
    return _with(text, found[0], new), f"{found[1].strip()} → {new.strip()}"


_BICEP["version changed"] = _replaced(
    r"@20\d\d-\d\d-\d\d", lambda _, dice: f"@{dice.choice(['2019-01-01', '2023-13-01', '2099-01-01'])}"
)
_BICEP["type misspelt"] = _replaced(r"Microsoft\.\w+/\w+", lambda match, dice: _misspelt(match[0], dice))
_BICEP["text changed"] = _replaced(r"(?<=')[A-Za-z][\w-]{2,}(?=')", lambda match, dice: _misspelt(match[0], dice))
_BICEP["flag turned"] = _replaced(r"\b(true|false)\b", lambda match, _: "false" if match[0] == "true" else "true")
_BICEP["number changed"] = _replaced(
    r"(?<=: )\d+$|(?<== )\d+$", lambda match, dice: str(int(match[0]) + dice.choice([1, 7, 100]))
)
_BICEP["operator turned"] = _replaced(
    r"==|&&|\?\?|(?<=\()!", lambda match, _: {"==": "!=", "&&": "||", "??": "==", "!": ""}[match[0]]
)
_BICEP["role exchanged"] = _replaced(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}", lambda *_: "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
)


@_on(_BICEP, "name exchanged")
def _name(text: str, dice: random.Random) -> tuple[str, str] | None:
    names = sorted({each[1] for each in re.finditer(r"^(?:param|var|resource|module) (\w+)", text, re.MULTILINE)})
    found = _line(text, dice, rf"[:=(,] ?.*\b({'|'.join(names)})\b") if names else None
    if found is None:
        return None
    number, line = found
    matches = [each for each in _WORD.finditer(line) if each[0] in names and "'" not in line[: each.start()]]
    if not matches:
        return None
    match = dice.choice(matches)
    other = dice.choice([name for name in names if name != match[0]] or ["nothing"])
    new = line[: match.start()] + other + line[match.end() :]
    return _with(text, number, new), f"{line.strip()} → {new.strip()}"


@_on(_BICEP, "name misspelt")
def _reference(text: str, dice: random.Random) -> tuple[str, str] | None:
    found = _line(text, dice, r"^\s+\w+: [a-z]\w+(\.\w+)*$")
    if found is None:
        return None
    head, _, name = found[1].rpartition(" ")
    new = f"{head} {_misspelt(name, dice)}"
    return (
        (_with(text, found[0], new), f"{found[1].strip()} → {new.strip()}") if name not in {"true", "false"} else None
    )


@_on(_BICEP, "property lost")
def _lost(text: str, dice: random.Random) -> tuple[str, str] | None:
    found = _line(text, dice, r"^\s+\w+: [^{\[]+$|^\s+\w+: \{[^{}]*\}$|^\s+\w+: \[[^\[\]]*\]$")
    return (_with(text, found[0], None), f"without {found[1].strip()}") if found else None


@_on(_BICEP, "block lost")
def _block(text: str, dice: random.Random) -> tuple[str, str] | None:
    blocks = [each for each in re.finditer(r"^\s+(\w+): [{\[]$", text, re.MULTILINE) if each[1] != "azd"]
    if not blocks:
        return None
    block = dice.choice(blocks)
    end = _closing(text, block.end() - 1)
    return text[: block.start()] + text[end + 1 :], f"without {block[0].strip()} … }}"


@_on(_BICEP, "declaration lost")
def _declaration(text: str, dice: random.Random) -> tuple[str, str] | None:
    heads = list(re.finditer(r"^(?:resource|module|output) (\w+).*", text, re.MULTILINE))
    if not heads:
        return None
    head = dice.choice(heads)
    opened = min((at for at in (text.find("{", head.start()), text.find("[", head.start())) if at >= 0), default=-1)
    end = _closing(text, opened) + 1 if head[0].startswith(("resource", "module")) else head.end()
    return text[: head.start()] + text[end:], f"without {head[0][:60]}"


@_on(_BICEP, "condition lost")
def _condition(text: str, dice: random.Random) -> tuple[str, str] | None:
    return _replaced(r"if \(.*\) (?=\{)", lambda *_: "")(text, dice)


@_on(_BICEP, "decorator lost")
def _decorator(text: str, dice: random.Random) -> tuple[str, str] | None:
    decorators = list(re.finditer(r"^@description\(.*\)\n", text, re.MULTILINE))
    if not decorators:
        return None
    one = dice.choice(decorators)
    return text[: one.start()] + text[one.end() :], f"without {one[0].strip()[:60]}"


_EXTRA = [
    "Microsoft.Cache/redis/listKeys/action",
    "Microsoft.Cache/redis/delete",
    "Microsoft.Cache/redisEnterprise/databases/flush/action",
    "Microsoft.Network/*",
    "Microsoft.Network/virtualNetworks/subnets/write",
    "Microsoft.Cache/redis/firewallRules/write",
    "Microsoft.Authorization/roleAssignments/write",
    "Microsoft.Network/privateDnsZones/A/write",
]
_JSON["text misspelt"] = _replaced(
    r'(?<=")(Microsoft|[a-z]\w+)[\w./]*(?=")', lambda match, dice: _misspelt(match[0], dice)
)
_JSON["action more"] = _replaced(
    r'\{"action": "[^"]*"',
    lambda match, dice: f'{{"action": "{dice.choice(_EXTRA)}", "for": "x", "without": "y"}}, {match[0]}',
)


@_on(_JSON, "item lost")
def _item(text: str, dice: random.Random) -> tuple[str, str] | None:
    found = _line(text, dice, r'^\s+(\{"action".*\}|"[\w./]+"),$')
    return (_with(text, found[0], None), f"without {found[1].strip()[:70]}") if found else None


_KQL["line misspelt"] = _replaced(r'(?<=")[a-z][\w ]+(?= \{")', lambda match, dice: _misspelt(match[0], dice))
_KQL["reason misspelt"] = _replaced(r'(?<=== ")\w+(?=")', lambda match, dice: _misspelt(match[0], dice))
_KQL["field misspelt"] = _replaced(r"(?<=fields\.)\w+", lambda match, dice: _misspelt(match[0], dice))
