"""Microsoft's Azure CLI drives the stand-in, command by command, logged in either way."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import msgspec
import pytest

from local import fleet
from local.azcli import CliError
from local.azure.callers import APP, PIPELINE
from local.azure.emulator import Emulator, EmulatorOptions
from local.azure.world import World
from local.connection import Connection
from tests.stories.programs import Az

pytestmark = [pytest.mark.story, pytest.mark.emulator_only, pytest.mark.timeout(1200)]

GROUP = f"/subscriptions/{fleet.APPS}/resourceGroups/rg-az"
CACHE = f"{GROUP}/providers/Microsoft.Cache/Redis/shop-az"
NETWORK = f"{GROUP}/providers/Microsoft.Network"
CLUSTER = f"{GROUP}/providers/Microsoft.Cache/redisEnterprise/fast-az"


@pytest.fixture
async def azure() -> AsyncIterator[Emulator]:
    async with Emulator.start(EmulatorOptions(time_scale=500, seed=5)) as emulator:
        emulator.world.seed(fleet.seed())
        yield emulator
        strange = [entry for entry in emulator.world.journal.entries() if entry.status == 501]
        assert strange == []


@pytest.fixture
async def az(azure: Emulator, tmp_path: Path) -> Az:
    return await Az.logged_in(Connection.to(azure), tmp_path / "az")


async def test_az_logs_in_as_the_app_by_its_managed_identity(azure: Emulator, tmp_path: Path) -> None:
    az = await Az.logged_in(Connection.to(azure), tmp_path / "az", "app")
    assert (await az("account show"))["user"]["name"] == "systemAssignedIdentity"
    assert await az("redis list") == []
    assert azure.world.journal.count(caller=APP.object_id).reads > 0
    assert azure.world.journal.count(caller=PIPELINE.object_id).reads == 0


async def test_az_is_logged_in_once_and_told_when_its_secret_is_wrong(azure: Emulator, az: Az, tmp_path: Path) -> None:
    calls = len(azure.world.journal)
    await Az.logged_in(az.cli.connection, az.cli.folder)
    assert len(azure.world.journal) == calls
    wrong = msgspec.structs.replace(az.cli.connection, client_secret="wrong")
    with pytest.raises(CliError, match="AADSTS7000215"):
        await Az.logged_in(wrong, tmp_path / "other")


async def test_az_knows_subscriptions_groups_providers_and_regions(azure: Emulator, az: Az) -> None:
    assert {item["id"] for item in await az("account list")} == {fleet.APPS, fleet.HUB}
    assert "westeurope" in {item["name"] for item in await az("account list-locations")}
    assert "Microsoft.Cache" in {item["namespace"] for item in await az("provider list")}
    await az("group create -n rg-az -l westeurope --tags team=shop")
    assert "rg-az" in {item["name"] for item in await az("group list")}
    await az("group delete -n rg-az --yes")
    assert azure.world.show(GROUP) is None
    assert "ResourceGroupNotFound" in await az.refused("group show -n rg-az")


async def test_az_makes_and_changes_a_cache_and_what_belongs_to_it(azure: Emulator, az: Az) -> None:
    world = azure.world
    await az("group create -n rg-az -l westeurope")
    await az("redis create -g rg-az -n shop-az -l westeurope --sku Standard --vm-size c1 --tags team=shop")
    assert [item["name"] for item in await az("redis list")] == ["shop-az"]
    await az(f"tag update --resource-id {CACHE} --operation Merge --tags drawbridge=private")
    await az(f"resource tag --ids {CACHE} --tags owner=ada --is-incremental")
    assert world.cache(CACHE).tags == {"team": "shop", "drawbridge": "private", "owner": "ada"}
    assert (await az(f"resource show --ids {CACHE}"))["properties"]["provisioningState"] == "Succeeded"
    assert [item["name"] for item in await az("resource list --resource-type Microsoft.Cache/Redis")] == ["shop-az"]
    await az("redis update -g rg-az -n shop-az --set publicNetworkAccess=Disabled")
    await azure.until(lambda world: world.cache(CACHE).public == "Disabled")
    await attach(azure, az)
    await az("redis delete -g rg-az -n shop-az --yes")
    assert world.show(CACHE) is None
    await rest(azure, az)


async def attach(azure: Emulator, az: Az) -> None:
    """Let az make everything that an endpoint needs, with an address and an interface of its choice."""
    space = "--address-prefixes 10.9.0.0/16"
    await az(f"network vnet create -g rg-az -n vnet {space}")
    await az("network vnet subnet create -g rg-az --vnet-name vnet -n endpoints --address-prefixes 10.9.1.0/24")
    await az("network asg create -g rg-az -n web")
    await az(f"network private-dns zone create -g rg-az -n {fleet.ZONE}")
    await az(f"network private-dns link vnet create -g rg-az -z {fleet.ZONE} -n vnet -v vnet -e false")
    await az(
        f"network private-endpoint create -g rg-az -n pe -l westeurope --vnet-name vnet --subnet endpoints "
        f"--private-connection-resource-id {CACHE} --group-id redisCache --connection-name link --nic-name nic-shop "
        f"--asg id={NETWORK}/applicationSecurityGroups/web "
        "--ip-config name=ip group-id=redisCache member-name=redisCache private-ip-address=10.9.1.77"
    )
    await az(
        f"network private-endpoint dns-zone-group create -g rg-az --endpoint-name pe -n default "
        f"--private-dns-zone {fleet.ZONE} --zone-name redis"
    )
    record = await az(f"network private-dns record-set a show -g rg-az -z {fleet.ZONE} -n shop-az")
    assert record["aRecords"] == [{"ipv4Address": "10.9.1.77"}]
    assert (await az("network private-endpoint show -g rg-az -n pe"))["customNetworkInterfaceName"] == "nic-shop"
    await records(az)
    await detach(azure, az)


async def records(az: Az) -> None:
    zone = f"-g rg-az -z {fleet.ZONE}"
    await az(f"network private-dns record-set a add-record {zone} -n web -a 10.9.1.9")
    await az(f"network private-dns record-set cname set-record {zone} -n alias -c web.{fleet.ZONE}")
    kinds = [item["type"].rsplit("/", 1)[-1] for item in await az(f"network private-dns record-set list {zone}")]
    assert sorted(kinds) == ["A", "A", "CNAME", "SOA"]
    await az(f"network private-dns record-set a remove-record {zone} -n web -a 10.9.1.9")


async def detach(azure: Emulator, az: Az) -> None:
    """Let az decide on the connection, and take everything away; approving and rejecting take az 200 s of its own."""
    [connection] = await az(f"network private-endpoint-connection list --id {CACHE}")
    for verb, state in (("reject", "Rejected"), ("approve", "Approved")):
        async with az.begun(f"network private-endpoint-connection {verb} --id {connection['id']}"):
            await azure.until(partial(shows, [state]), 60)
    await az(f"network private-endpoint-connection delete --id {connection['id']} --yes")
    await azure.until(partial(shows, []), 60)
    assert azure.world.cache(CACHE).public == "Disabled"
    await az("network private-endpoint delete -g rg-az -n pe")
    assert azure.world.show(f"{NETWORK}/networkInterfaces/nic-shop") is None


def shows(states: list[str], world: World) -> bool:
    return [connection.status for connection in world.cache(CACHE).connections] == states


async def rest(azure: Emulator, az: Az) -> None:
    """Let az reach what it has no commands for without an extension: Azure Managed Redis."""
    body = {"location": "westeurope", "sku": {"name": "Balanced_B0"}, "properties": {"publicNetworkAccess": "Disabled"}}
    url = f"{CLUSTER}?api-version=2025-07-01"
    await az(f"rest --method put --url {url} --body '{json.dumps(body)}'")
    await azure.until(lambda world: world.cluster(CLUSTER).state == "Succeeded")
    assert (await az(f"rest --method get --url {url}"))["properties"]["publicNetworkAccess"] == "Disabled"
