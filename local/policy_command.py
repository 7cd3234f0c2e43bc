"""`policy check FILE`: is it valid, and what will it do; `policy schema`: the JSON schema for editors."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from shared.policy import json_schema
from shared.policy_text import PolicyError, load
from shared.policy_words import explained, warnings

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take what to do, and the file."""
    parser.add_argument("what", choices=["check", "schema"])
    parser.add_argument("file", nargs="?", default="policy.yaml", help="default: policy.yaml")


def run(arguments: argparse.Namespace) -> int:
    """Give 0 for a policy that can be used, 1 for one that cannot, 2 where there is no such file."""
    if arguments.what == "schema":
        print(json.dumps(json_schema(), indent=2))
        return 0
    return check(Path(arguments.file))


def check(file: Path) -> int:
    """Print what is wrong with a policy, or what it will do."""
    try:
        policy = load(file.read_text(encoding="utf-8"), file.name)
    except (OSError, UnicodeDecodeError) as error:
        print(f"{file} cannot be read: {error}", file=sys.stderr)
        return 2
    except PolicyError as error:
        print(error, file=sys.stderr)
        count = len(error.problems)
        print(f"\n{count} mistake{'s' if count > 1 else ''}: this policy cannot be used.", file=sys.stderr)
        return 1
    print(f"{file.name} is valid. What it will do:\n")
    for line in explained(policy):
        print(f"  {line}")
    for warning in warnings(policy):
        print(f"\n  Think twice: {warning}")
    return 0
