"""A running stand-in, and the real SDKs' clients for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from azure.identity.aio import DefaultAzureCredential
from azure.mgmt.network.aio import NetworkManagementClient
from azure.mgmt.privatedns.aio import PrivateDnsManagementClient
from azure.mgmt.redis.aio import RedisManagementClient
from azure.mgmt.resource.resources.aio import ResourceManagementClient

from local.azure.emulator import Emulator, EmulatorOptions
from tests.component.azure.fleet import SEED, SUBSCRIPTION
from tests.fixtures.azurite import azurite, storage

__all__ = ["azurite", "storage"]


@dataclass(frozen=True, slots=True)
class Clients:
    """One client of each SDK, and the credential that they share.

    The clients' own types take models only, where the code also takes JSON, which is what these tests send.
    """

    credential: DefaultAzureCredential
    redis: Any
    network: Any
    dns: Any
    resources: Any


@pytest.fixture
async def azure(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Emulator]:
    """Run the stand-in with the fleet, 500 times as fast as Azure, and point the SDKs' environment at it."""
    async with Emulator.start(EmulatorOptions(time_scale=500, seed=7)) as emulator:
        emulator.world.seed(SEED)
        for name, value in emulator.environment.items():
            monkeypatch.setenv(name, value)
        yield emulator


@pytest.fixture
async def clients(azure: Emulator) -> AsyncIterator[Clients]:
    """Give clients as the app builds them: DefaultAzureCredential, base_url, and nothing else."""
    at = azure.arm_url
    async with (
        DefaultAzureCredential() as credential,
        RedisManagementClient(credential, SUBSCRIPTION, base_url=at) as redis,
        NetworkManagementClient(credential, SUBSCRIPTION, base_url=at) as network,
        PrivateDnsManagementClient(credential, SUBSCRIPTION, base_url=at) as dns,
        ResourceManagementClient(credential, SUBSCRIPTION, base_url=at) as resources,
    ):
        yield Clients(credential, redis, network, dns, resources)
