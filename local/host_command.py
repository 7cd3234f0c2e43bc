"""`host`: only the Functions host around this app; what it is pointed at comes from the environment."""

from __future__ import annotations

import argparse
import os
import sys
from typing import NoReturn

from local.stage import APP


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the port; settings are the environment."""
    parser.add_argument("--port", type=int, default=7071, help="where to listen (default: 7071, as Core Tools do)")


def run(arguments: argparse.Namespace) -> NoReturn:
    """Become the host, so that its exit status and Ctrl-C are its own."""
    os.execv(sys.executable, [sys.executable, "-m", "local.host", f"--app={APP}", f"--port={arguments.port}"])  # noqa: S606
