"""Microsoft's own validator over recorded traffic: its form of input, its run, and what it finds."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.specs.check import Specification
from tests.specs.library import Json, Library
from tests.specs.tally import exchange_of

# Azure's own ways, as deviations.py has them, in the validator's words: it does not say where in a body.
_LET_PASS = (
    (r"PrivateEndpoints_\w+", r"Additional properties not allowed: resourceGuid"),
    (r"OperationsStatus_Get", r"Additional properties not allowed: (code|message)"),
    (r"PrivateDnsZoneGroups_\w+", r"Additional properties not allowed: (id|etag|type|provisioningState)"),
)
_BROKEN = '"runtimeExceptions":[{'
_UNDEFINED = "Error: Undefined operation"


@dataclass(slots=True)
class Found:
    """What it came to. ``given`` were given to the validator, of which it knew no one operation for ``unknown``."""

    given: int = 0
    unknown: int = 0
    operations: int = 0
    let_pass: int = 0
    errors: Counter[str] = field(default_factory=Counter)

    def lines(self) -> Iterator[str]:
        """Say it for people."""
        wrong = sum(self.errors.values())
        yield (
            f"oav: {self.given} different exchanges given, {self.given - self.unknown} validated "
            f"({self.operations} operations), {self.unknown} whose operation it cannot tell; "
            f"{self.let_pass} let pass, errors {wrong}"
        )
        yield from (f"  {count:>7} WRONG {error}" for error, count in self.errors.most_common())


def validate(program: Path, library: Library, lines: Iterable[Json], folder: Path) -> Found:
    """Run the validator over what a document covers; ``folder`` is for its files."""
    documents = _write_documents(library, folder)
    found = Found(given=write_traffic(Specification(library), lines, folder / "traffic"))
    report = folder / "report.json"
    # No report for people: the package lacks the template that it needs. The exit code tells of any complaint at all.
    command = [program, "validate-traffic", folder / "traffic", documents, "--jsonReport", report, "--report", ""]
    done = subprocess.run([str(part) for part in command], cwd=folder, capture_output=True, text=True, check=False)
    if not report.exists():
        raise RuntimeError(f"oav wrote no report: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    found.unknown = done.stdout.count(_UNDEFINED)
    broken = done.stdout.count(_BROKEN)
    if broken:
        found.errors["oav itself failed"] += broken
    said = json.loads(report.read_text("utf-8"))
    found.operations = said["coveredOperations"]
    for error in said["errors"]:
        _add(found, error)
    return found


def _add(found: Found, error: Json) -> None:
    operation, message = str(error.get("operationId")), str(error.get("errorMessage"))
    if any(re.fullmatch(a, operation) and re.fullmatch(b, message) for a, b in _LET_PASS):
        found.let_pass += 1
    else:
        found.errors[f"{operation}: {error.get('issueSource')} {error.get('errorCode')}: {message}"] += 1


def _write_documents(library: Library, folder: Path) -> Path:
    """Write the documents as files, under the paths that they have or would have in Microsoft's repository."""
    kept = {Path(document.path).parent for document in library.documents}
    for path, body in library.everything().items():
        if Path(path).parent in kept or "common-types" in path:
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(_without_examples(body)), "utf-8")
    return folder / "specification"


def _without_examples(value: object) -> object:
    """Leave out references to files of examples, which are not needed and not here."""
    match value:
        case dict():
            return {name: _without_examples(held) for name, held in value.items() if name != "x-ms-examples"}
        case list():
            return [_without_examples(item) for item in value]
        case _:
            return value


def write_traffic(specification: Specification, lines: Iterable[Json], folder: Path) -> int:
    """Write each different exchange that a document covers as the validator wants it; gives how many."""
    folder.mkdir(parents=True)
    seen: set[str] = set()
    for line in lines:
        exchange, shape = exchange_of(line), _shape(line)
        # What was refused may be wrong on purpose.
        if exchange.forced or exchange.status >= 400 or shape in seen:
            continue
        if specification.check(exchange).operation:
            seen.add(shape)
            (folder / f"{len(seen):06}.json").write_text(json.dumps(_pair(line)), "utf-8")
    return len(seen)


_MADE_UP = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d+")


def _shape(line: Json) -> str:
    """Give an exchange without numbers and made-up ids, which tell nothing apart."""
    told = {name: line[name] for name in ("method", "url", "request", "status", "answer", "answer_headers")}
    return _MADE_UP.sub("#", json.dumps(told, sort_keys=True))


def _pair(line: Json) -> Json:
    request: Json = {"method": line["method"], "url": line["url"], "headers": line["headers"]}
    response: Json = {"statusCode": str(line["status"]), "headers": line["answer_headers"]}
    for side, body in ((request, line["request"]), (response, line["answer"])):
        if body is not None:
            side["body"] = body
            side["headers"] = {"Content-Type": "application/json", **side["headers"]}
    return {"liveRequest": request, "liveResponse": response}
