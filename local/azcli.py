"""``azcli``: Microsoft's Azure CLI, as it is, pointed at what `up` or `azure` runs.

az is told of a cloud by its own `cloud register`, logs in by its own `login`, and keeps what it learns in a folder
of this repository: the user's own ~/.azure is neither read nor written.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from local import connection
from local.connection import Connection, NothingRunningError

FOLDER = Path(__file__).resolve().parents[1] / ".local" / "az"
CLOUD = "drawbridge"
IDENTITIES = ("pipeline", "app")


class CliError(Exception):
    """az could not be set up; the message has az's own words."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Offer whom to be."""
    parser.add_argument("--program", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--cwd", type=Path, default=Path.cwd(), help=argparse.SUPPRESS)
    parser.add_argument(
        "--as", dest="who", choices=IDENTITIES, default="pipeline", help="a service principal, or the app's identity"
    )
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="what az is to do, after --")


def run(arguments: argparse.Namespace) -> int:
    """Run one command of az; its exit status is az's own."""
    asked = arguments.arguments[1:] if arguments.arguments[:1] == ["--"] else arguments.arguments
    try:
        az = AzureCli(arguments.program, connection.current(), FOLDER / arguments.who, arguments.who)
        az.ready()
    except (NothingRunningError, CliError) as error:
        print(error, file=sys.stderr)
        return 1
    return subprocess.call(az.command(asked), env=az.environment, cwd=arguments.cwd)


@dataclass(frozen=True, slots=True)
class AzureCli:
    """az with a configuration of its own; ``python`` is the interpreter that it is installed for."""

    python: Path
    connection: Connection
    folder: Path
    who: str = "pipeline"

    @property
    def environment(self) -> dict[str, str]:
        """Give az's environment: the caller's, without what would lead it elsewhere."""
        kept = {name: value for name, value in os.environ.items() if not _misleads(name)}
        return kept | {
            "AZURE_CONFIG_DIR": str(self.folder),
            "AZURE_CLOUD_NAME": CLOUD,
            # requests reads the one, OpenSSL the other.
            "REQUESTS_CA_BUNDLE": self.connection.ca_file,
            "SSL_CERT_FILE": self.connection.ca_file,
            "NO_PROXY": "localhost,127.0.0.1",
            "AZURE_CORE_INSTANCE_DISCOVERY": "false",
            "AZURE_CORE_COLLECT_TELEMETRY": "false",
            "AZURE_CORE_SURVEY_MESSAGE": "false",
            "AZURE_CORE_LOGIN_EXPERIENCE_V2": "false",
            "AZURE_AUTO_UPGRADE_ENABLE": "false",
            "AZURE_EXTENSION_USE_DYNAMIC_INSTALL": "no",
            "IDENTITY_ENDPOINT": self.connection.identity_url,
            "IDENTITY_HEADER": self.connection.identity_header,
        }

    def command(self, arguments: Sequence[str]) -> list[str]:
        """Spell a command of az."""
        return [str(self.python), "-m", "azure.cli", *arguments]

    def ready(self) -> None:
        """Register the cloud and log in, unless that was done against this very stand-in; raises CliError."""
        mark = self.folder / "drawbridge.connected"
        here = f"{self.connection.arm_url} {self.connection.pid} {self.who}"
        if mark.exists() and mark.read_text("utf-8") == here:
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, mode=0o700)
        # The cloud that AZURE_CLOUD_NAME names does not exist before it is registered.
        register = ["cloud", "register", "--name", CLOUD, "--endpoint-resource-manager", self.connection.arm_url]
        self._set_up(register, self.environment | {"AZURE_CLOUD_NAME": "AzureCloud"})
        self._set_up(self._login(), self.environment)
        mark.write_text(here, "utf-8")

    def _login(self) -> list[str]:
        if self.who == "app":
            return ["login", "--identity", "--allow-no-subscriptions"]
        credentials = ["--username", self.connection.client_id, "--password", self.connection.client_secret]
        login = ["login", "--service-principal", "--allow-no-subscriptions"]
        return [*login, *credentials, "--tenant", self.connection.tenant]

    def _set_up(self, arguments: list[str], environment: dict[str, str]) -> None:
        done = subprocess.run(
            self.command([*arguments, "--output", "none", "--only-show-errors"]),
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CliError(f"az {arguments[0]} failed with {done.returncode}:\n{done.stderr.strip()}")


def _misleads(name: str) -> bool:
    """Say whether a variable of the caller's would lead az, or its login, past the stand-in."""
    plain = name.upper()
    return plain.startswith(("AZURE_", "ARM_")) or plain in {"HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"}
