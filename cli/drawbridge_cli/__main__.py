"""Runs the command, and turns whatever happens into an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from drawbridge_cli.client import CallError, SetupError
from drawbridge_cli.commands import drawbridge
from drawbridge_cli.exits import Exit
from drawbridge_cli.screen import Screen

_INTERRUPTED = 130


def run(arguments: Sequence[str]) -> int:
    """Run one command and give its exit code; click's own code for a wrong option is 2, which means Blocked here."""
    screen = Screen(as_json=False)
    try:
        return int(drawbridge.main(list(arguments), prog_name="drawbridge", standalone_mode=False) or Exit.READY)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return Exit.ERROR
    except click.ClickException as error:
        screen.failure(error.format_message())
        return Exit.ERROR
    except (CallError, SetupError) as error:
        screen.failure(str(error))
        return Exit.ERROR
    except (KeyboardInterrupt, click.Abort):
        return _INTERRUPTED


def main() -> None:
    """Be the command."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
