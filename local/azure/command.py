"""``python -m local azure``: the stand-in alone, with how to point an SDK at it."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
from pathlib import Path

from local.azure.emulator import Emulator, EmulatorOptions
from local.azure.faultplan import FaultPlan, FaultPlanError, load
from local.connection import Connection, published


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=4443, help="HTTPS port of ARM (0: a free one)")
    parser.add_argument("--identity-port", type=int, default=4480, help="HTTP port of managed identity (0: a free one)")
    parser.add_argument(
        "--proxy-port",
        type=int,
        default=4490,
        help="port of the proxy that leads Azure's own names here (0: a free one)",
    )
    parser.add_argument("--time-scale", type=float, default=1.0, help="world seconds in one second")
    parser.add_argument("--seed", type=int, default=1, help="what chance is drawn from")
    parser.add_argument("--fleet", type=Path, help="JSON file with caches and networks to start with")
    parser.add_argument("--faults", type=read_plan, metavar="FILE", help="a plan of trouble, such as local/faults.yaml")
    parser.add_argument("--folder", type=Path, help="where certificates go (default: a temporary folder)")
    parser.add_argument("--traffic", type=Path, help="folder that every call and answer is written into, as JSON lines")


def read_plan(name: str) -> FaultPlan:
    """Read a plan of trouble, as the type of a command's argument: every mistake in it is told."""
    try:
        return load(Path(name).read_text(encoding="utf-8"), name)
    except (FaultPlanError, OSError, UnicodeDecodeError) as error:
        raise argparse.ArgumentTypeError(f"\n{error}") from error


def run(arguments: argparse.Namespace) -> int:
    return asyncio.run(_run(arguments))


async def _run(arguments: argparse.Namespace) -> int:
    options = EmulatorOptions(
        time_scale=arguments.time_scale,
        seed=arguments.seed,
        port=arguments.port,
        identity_port=arguments.identity_port,
        proxy_port=arguments.proxy_port,
        folder=arguments.folder,
        faults=arguments.faults,
        traffic=arguments.traffic,
    )
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with Emulator.start(options) as azure:
        if arguments.fleet is not None:
            azure.world.seed(json.loads(arguments.fleet.read_text()))
        with published(Connection.to(azure)):
            print(_directions(azure), flush=True)
            await stop.wait()
    return 0


def _directions(azure: Emulator) -> str:
    exports = "\n".join(f"export {name}={value}" for name, value in azure.environment.items())
    return f"""Azure Resource Manager is at {azure.arm_url}, {azure.options.time_scale:g} times as fast as Azure.

{exports}

    from azure.identity import DefaultAzureCredential
    from azure.mgmt.redis import RedisManagementClient
    RedisManagementClient(DefaultAzureCredential(), "<subscription>", base_url="{azure.arm_url}")

With Microsoft's Azure CLI, in another terminal:   ./dev azcli -- redis list
With what knows Azure by its own names only:       HTTPS_PROXY={azure.proxy_url}
Seed, disturb and read it:   curl --cacert {azure.ca_file} {azure.arm_url}/_emulator
Ctrl-C ends it."""
