# ruff: noqa: E501 - what is to be copied into a terminal stands on one line
"""`up`: everything that the demo starts, kept running, with words on how to drive it, until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from local import demo, fleet
from local.azure.command import read_plan
from local.connection import Connection, published
from local.stage import Stage, Way, stage

if TYPE_CHECKING:
    from pathlib import Path

_SWEEP = "0 */5 * * * *"
DELIVERIES: dict[str, Way] = {"restricted": "function", "closed": "queue"}
"""How events reach the app, by how it is reached itself; infra/main.bicep chooses alike."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Offer how fast time runs, and trouble."""
    parser.add_argument("--scale", type=float, default=10.0, help="seconds of Azure in one second (default: 10)")
    parser.add_argument("--faults", type=read_plan, metavar="FILE", help="a plan of trouble, such as local/faults.yaml")
    parser.add_argument(
        "--inbound",
        choices=DELIVERIES,
        default="restricted",
        help="as when deployed: restricted has events pushed to the app, closed has them put on its queue",
    )
    parser.add_argument("--quiet", action="store_true", help="do not show the app's log")


def run(arguments: argparse.Namespace) -> int:
    """Run until Ctrl-C."""
    return asyncio.run(_run(arguments))


async def _run(arguments: argparse.Namespace) -> int:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    with open("/dev/null" if arguments.quiet else "/dev/stderr", "wb") as log:  # noqa: PTH123, ASYNC230
        options = demo.options(arguments.scale)
        emulator = replace(options.emulator, proxy_port=0, faults=arguments.faults)
        delivery = DELIVERIES[arguments.inbound]
        options = replace(options, sweep_schedule=_SWEEP, log=log, emulator=emulator, delivery=delivery, metrics=True)
        async with stage(options) as playing:
            with published(Connection.to(playing.azure)):
                print(guide(playing, arguments.scale), flush=True)
                await ended.wait()
            print("stopping …", file=sys.stderr)
    return 0


def guide(playing: Stage, scale: float) -> str:
    """Say how to drive what is running."""
    azure, app = playing.azure, playing.app
    cache = fleet.cache_id("shop-weu")
    ca: Path = azure.ca_file
    return f"""\
Running, {scale:g} times as fast as Azure; events are {"put on the app's queue" if playing.workers.options.delivery == "queue" else "pushed to the app"}; Ctrl-C stops everything.

The app     {app.url}/api   (key {app.function_key})
The fleet   {app.url}/api/dashboard   (asks for that key)
  curl -H 'x-functions-key: {app.function_key}' {app.url}/api/health
  curl -H 'x-functions-key: {app.function_key}' {app.url}/api/caches/{fleet.APPS}/rg-shop/shop-weu
  curl -X PUT -H 'x-functions-key: {app.function_key}' {app.url}/api/caches/{fleet.APPS}/rg-shop/shop-weu/endpoints/weu-prod
  curl -X POST -H 'x-functions-key: {app.admin_key}' -H 'content-type: application/json' -d '{{}}' {app.url}/admin/functions/sweep

The emulated Azure Resource Manager   {azure.arm_url}
  export CA={ca}
  export TOKEN=$(curl -s --cacert $CA -X POST {azure.arm_url}/_emulator/token | python3 -c 'import json,sys; print(json.load(sys.stdin)["access_token"])')
  tag a cache:
  curl --cacert $CA -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' -X PATCH \\
    -d '{{"operation":"Merge","properties":{{"tags":{{"drawbridge":"private"}}}}}}' \\
    '{azure.arm_url}{cache}/providers/Microsoft.Resources/tags/default?api-version=2025-04-01'
  do the same with Microsoft's Azure CLI:
  ./dev azcli -- tag update --resource-id {cache} --operation Merge --tags drawbridge=private
  ./dev azcli -- redis list --query '[].{{name:name, public:publicNetworkAccess}}' -o table
  look at it:
  curl --cacert $CA -H "authorization: Bearer $TOKEN" '{azure.arm_url}{cache}?api-version=2024-11-01'
  what the app has measured, sent once a minute:
  curl --cacert $CA {azure.arm_url}/_emulator/metrics

With an SDK, as the app's managed identity:
  export IDENTITY_ENDPOINT={azure.identity_url} IDENTITY_HEADER={azure.identity.header} SSL_CERT_FILE={ca} REQUESTS_CA_BUNDLE={ca}
  {sys.executable} -c 'from azure.identity import DefaultAzureCredential
from azure.mgmt.redis import RedisManagementClient
client = RedisManagementClient(DefaultAzureCredential(), "{fleet.APPS}", base_url="{azure.arm_url}", credential_scopes=["{azure.arm_url}/.default"])
print([cache.name for cache in client.redis.list_by_subscription()])'
"""
