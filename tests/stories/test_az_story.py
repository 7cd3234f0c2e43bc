"""The story of the demo with Microsoft's Azure CLI as the outside hand, against the whole app."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from local import fleet
from local.azure.callers import APP, PIPELINE
from local.azure.dnsrecords import RecordSet
from local.azure.emulator import EmulatorOptions
from local.azure.network.endpoints import PrivateEndpoint
from local.connection import Connection
from local.stage import Stage, StageOptions, eventually, stage
from tests.stories.programs import Az

pytestmark = [pytest.mark.story, pytest.mark.emulator_only, pytest.mark.timeout(1200)]

SCALE = 40.0
PATIENCE = 120.0
GROUP = f"/subscriptions/{fleet.APPS}/resourceGroups/rg-az"
CACHE = f"{GROUP}/providers/Microsoft.Cache/Redis/shop-az"
ZONE = f"{GROUP}/providers/Microsoft.Network/privateDnsZones/{fleet.ZONE}"
SUBNET = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-az/subnets/endpoints"
PLACEMENT = f"""\
  az-weu:
    region: westeurope
    subnet: {SUBNET}
    endpointResourceGroup: {GROUP}
    dns: {{zones: {{{fleet.ZONE}: {ZONE}}}}}
"""


@dataclass(frozen=True, slots=True)
class Story:
    """The app on its stage, and az beside it."""

    stage: Stage
    az: Az

    @property
    def endpoint(self) -> PrivateEndpoint | None:
        """The one endpoint that leads to the cache; None where there is none, or more."""
        found = [item for item in self.stage.azure.world.store.of(PrivateEndpoint) if item.target_id == CACHE]
        return found[0] if len(found) == 1 else None

    @property
    def is_private(self) -> bool:
        """Look into the world: one approved endpoint, a record that leads to it, and a closed door."""
        world, endpoint = self.stage.azure.world, self.endpoint
        cache, record = world.cache(CACHE), world.store.find(f"{ZONE}/A/shop-az", RecordSet)
        connected = [connection.status for connection in cache.connections] == ["Approved"]
        named = endpoint is not None and record is not None and record.addresses == (endpoint.address,)
        return connected and named and cache.public == "Disabled"

    def closings(self) -> int:
        """Count how often the app has closed the door explicitly."""
        entries = self.stage.azure.world.journal.entries(CACHE, caller=APP.object_id, method="PATCH")
        return sum(entry.status < 300 for entry in entries)

    async def settled(self, what: str, *, other_than: str = "") -> str:
        """Wait until the cache is private, by another endpoint than the given one; gives its guid."""

        async def private() -> bool:
            endpoint = self.endpoint
            fresh = endpoint is not None and endpoint.guid != other_than
            return fresh and self.is_private and await self.stage.verdict(CACHE) == "Compliant"

        await eventually(private, PATIENCE, what, lambda: self.stage.verdict(CACHE))
        print(f"  … {what}", flush=True)
        assert self.endpoint is not None
        return self.endpoint.guid


@pytest.fixture
async def story(tmp_path: Path) -> AsyncIterator[Story]:
    """Start the whole app with a placement in a network that nobody has made yet, and log az in."""
    with (tmp_path / "app.log").open("wb") as log:
        options = StageOptions(
            policy=fleet.policy() + PLACEMENT,
            emulator=EmulatorOptions(time_scale=SCALE, seed=11, proxy_port=0),
            seed=fleet.seed(),
            log=log,
        )
        async with stage(options) as playing:
            yield Story(playing, await Az.logged_in(Connection.to(playing.azure), tmp_path / "az"))


async def test_what_az_does_is_answered_by_the_app_until_the_cache_is_private_again(story: Story) -> None:
    az = story.az
    await make_network(az)
    await az("redis create -g rg-az -n shop-az -l westeurope --sku Standard --vm-size c1")

    tags = "drawbridge=private drawbridge-placement=az-weu"
    await az(f"tag update --resource-id {CACHE} --operation Merge --tags {tags}")
    first = await story.settled("the cache that az tagged has an endpoint, a name, and no public door")

    [connection] = await az(f"network private-endpoint-connection list --id {CACHE}")
    await az(f"network private-endpoint delete --ids {connection['properties']['privateEndpoint']['id']}")
    second = await story.settled("the endpoint that az deleted is back", other_than=first)

    closings = story.closings()
    await az("redis update -g rg-az -n shop-az --set publicNetworkAccess=Enabled")
    await eventually(lambda: has_closed(story, closings), PATIENCE, "the app to close the door")
    assert await story.settled("the door that az opened is shut") == second

    [connection] = await az(f"network private-endpoint-connection list --id {CACHE}")
    # az looks for a provisioningState that Redis never shows, twenty times, ten seconds apart: nobody waits for it.
    async with az.begun(f"network private-endpoint-connection reject --id {connection['id']}"):
        await story.settled("the connection that az rejected is replaced", other_than=second)

    shown = await az("redis show -g rg-az -n shop-az")
    assert (shown["publicNetworkAccess"], len(shown["privateEndpointConnections"])) == ("Disabled", 1)
    assert story.stage.azure.world.journal.count(caller=PIPELINE.object_id).writes >= 8
    assert [entry for entry in story.stage.azure.world.journal.entries() if entry.status == 501] == []


async def make_network(az: Az) -> None:
    await az("group create -n rg-az -l westeurope")
    space = "--address-prefixes 10.9.0.0/16 --subnet-name endpoints --subnet-prefixes 10.9.0.0/24"
    await az(f"network vnet create -g rg-az -n vnet-az {space}")
    await az(f"network private-dns zone create -g rg-az -n {fleet.ZONE}")
    await az(f"network private-dns link vnet create -g rg-az -z {fleet.ZONE} -n vnet-az -v vnet-az -e false")


async def has_closed(story: Story, before: int) -> bool:
    return story.closings() > before
