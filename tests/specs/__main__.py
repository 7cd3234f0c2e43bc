"""``python -m tests.specs FOLDER``: recorded traffic against the documents, and what Microsoft's validator says."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from tests.specs.check import Specification
from tests.specs.library import Library
from tests.specs.oav import validate
from tests.specs.tally import exchange_of, read, tally


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.specs", description=__doc__)
    parser.add_argument("folder", type=Path, help="what a stand-in wrote down, as DRAWBRIDGE_TRAFFIC names it")
    parser.add_argument("--oav", type=Path, help="the program of Microsoft's validator; without it, only our own check")
    arguments = parser.parse_args()
    library = Library(Path(os.environ["DRAWBRIDGE_REFERENCE"]))
    counted = tally(Specification(library), map(exchange_of, read(arguments.folder)))
    print("\n".join(counted.lines()))
    wrong = bool(counted.errors) or not counted.exchanges
    if arguments.oav is not None:
        with tempfile.TemporaryDirectory(prefix="drawbridge-oav-") as folder:
            found = validate(arguments.oav.absolute(), library, read(arguments.folder), Path(folder))
        print("\n".join(found.lines()))
        wrong = wrong or bool(found.errors) or found.given == found.unknown
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
