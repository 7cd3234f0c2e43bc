"""`python -m local.host --app DIR --port N`: one worker, until Ctrl-C or SIGTERM.

Settings are the environment. The first line on standard output says, as JSON, that it serves and where;
logs go to standard error.
"""

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TextIO

from typing_extensions import override

from local.host.functions_host import FunctionsHost
from local.host.options import HostKeys, HostOptions
from local.host.process import KEYS_VARIABLE
from local.host.worker_library import IndexingError

_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class _FieldsFormatter(logging.Formatter):
    """A constant message, then the record's fields."""

    @override
    def formatMessage(self, record: logging.LogRecord) -> str:
        fields = {name: value for name, value in vars(record).items() if name not in _PLAIN}
        line = super().formatMessage(record)
        return " ".join([line, *(f"{name}={value}" for name, value in fields.items() if value is not None)])


def main() -> int:
    arguments = _parser().parse_args()
    _log_to_stderr(arguments.verbose)
    try:
        asyncio.run(_serve(arguments))
    except (IndexingError, ValueError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


async def _serve(arguments: argparse.Namespace) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    if arguments.until_stdin_closes:
        await _when_stdin_closes(ended.set)
    said = _stdout_for_the_ready_line()
    async with FunctionsHost.start(arguments.app, {}, _options(arguments)) as host:
        print(json.dumps(_ready(host)), file=said, flush=True)
        await ended.wait()


def _stdout_for_the_ready_line() -> TextIO:
    """Give the real standard output, and let whatever a function prints go to standard error.

    Nobody reads the pipe after the ready line: a talkative function would fill it and hang.
    """
    said = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return said


def _ready(host: FunctionsHost) -> dict[str, object]:
    """Keys are told only where they were made up here: whoever gave them has them."""
    line: dict[str, object] = {"ready": True, "url": host.url}
    if KEYS_VARIABLE not in os.environ:
        line |= {"functionKey": host.function_key, "adminKey": host.admin_key}
        line |= {"eventGridKey": host.options.keys.event_grid}
    return line


async def _when_stdin_closes(then: Callable[[], None]) -> None:
    class Watch(asyncio.Protocol):
        @override
        def connection_lost(self, exc: Exception | None) -> None:
            then()

    await asyncio.get_running_loop().connect_read_pipe(Watch, sys.stdin)


def _options(arguments: argparse.Namespace) -> HostOptions:
    given = os.environ.get(KEYS_VARIABLE)
    return HostOptions(
        port=arguments.port,
        keys=HostKeys(**json.loads(given)) if given else HostKeys(),
        in_flight_visibility=timedelta(seconds=arguments.in_flight_visibility),
        longest_poll=timedelta(seconds=arguments.longest_poll),
        timers=not arguments.no_timers,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.host", description="Serve a Functions app on a laptop.")
    parser.add_argument("--app", type=Path, default=Path(), help="the directory with function_app.py (default: here)")
    parser.add_argument("--port", type=int, default=7071, help="0 takes a free one (default: 7071, as Core Tools)")
    parser.add_argument("--in-flight-visibility", type=float, default=600, metavar="SECONDS")
    parser.add_argument("--longest-poll", type=float, default=2, metavar="SECONDS")
    parser.add_argument("--no-timers", action="store_true", help="another worker runs the timers")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end with the process that started this")
    parser.add_argument("--verbose", action="store_true", help="also what the SDKs and the worker library say")
    return parser


def _log_to_stderr(verbose: bool) -> None:  # noqa: FBT001 — the command's own flag
    handler = logging.StreamHandler()
    handler.setFormatter(_FieldsFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for noisy in ("azure", "aiohttp"):
        logging.getLogger(noisy).setLevel(logging.INFO if verbose else logging.WARNING)


if __name__ == "__main__":
    sys.exit(main())
