"""``python -m local <command>``: a command is a module with ``add_arguments`` and ``run``, imported when asked for."""

from __future__ import annotations

import argparse
import importlib
import sys

# command: (module, what it does)
_COMMANDS = {
    "demo": ("local.demo", "play the whole story, and say whether the world is as promised"),
    "up": ("local.up", "keep everything running, and say how to drive it"),
    "bench": ("local.bench", "measure what a pass, an event, a cold start and a crowd cost"),
    "fuzz": ("local.fuzz", "call the app's API in thousands of ways, and see what breaks"),
    "policy": ("local.policy_command", "check a policy, and say in words what it will do"),
    "host": ("local.host_command", "run only the host around the function app"),
    "azcli": ("local.azcli", "run Microsoft's Azure CLI against what `up` or `azure` runs"),
    "package": ("local.package", "build the zip that is deployed"),
    "azure": ("local.azure.command", "run the stand-in for Azure alone"),
}


def main(arguments: list[str]) -> int:
    """Run a command; gives the exit status."""
    asked = arguments[0] if arguments else ""
    if asked not in _COMMANDS:
        print(_usage(), file=sys.stderr if asked not in {"-h", "--help"} else sys.stdout)
        return 0 if asked in {"-h", "--help"} else 2
    module = importlib.import_module(_COMMANDS[asked][0])
    parser = argparse.ArgumentParser(prog=f"python -m local {asked}", description=_COMMANDS[asked][1])
    module.add_arguments(parser)
    return int(module.run(parser.parse_args(arguments[1:])))


def _usage() -> str:
    lines = [f"  {name:8} {text}" for name, (_, text) in _COMMANDS.items()]
    return "\n".join(["usage: python -m local <command> [options]", "", *lines])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
