from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from shared.arm import Arm, ArmSettings, CallCounts, classic, counted, enterprise
from shared.arm.clients import VERSION, Clients
from shared.ids import CacheType
from tests.unit.arm.answers import SUBSCRIPTION

REPOSITORY = Path(__file__).parents[3]


def test_settings_come_from_the_environment() -> None:
    assert ArmSettings.from_environment({}) == ArmSettings("https://management.azure.com", None, "")
    assert ArmSettings.from_environment(
        {
            "DRAWBRIDGE_ARM_ENDPOINT": "https://localhost:8443/",
            "AZURE_CLIENT_ID": "c",
            "DRAWBRIDGE_PRINCIPAL_ID": "P",
        }
    ) == ArmSettings("https://localhost:8443", "c", "p")


@pytest.mark.parametrize(
    "endpoint", ["http://localhost", "localhost", "https:", "https://localhost/path", "https://localhost?x=1"]
)
def test_an_endpoint_that_tokens_must_not_go_to_is_refused_by_name(endpoint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"DRAWBRIDGE_ARM_ENDPOINT is {endpoint!r}")):
        ArmSettings.from_environment({"DRAWBRIDGE_ARM_ENDPOINT": endpoint})


@pytest.mark.parametrize(
    ("endpoint", "scope"),
    [
        ("https://management.azure.com", "https://management.azure.com/.default"),
        ("https://management.usgovcloudapi.net", "https://management.usgovcloudapi.net/.default"),
        ("https://management.chinacloudapi.cn", "https://management.chinacloudapi.cn/.default"),
        ("https://localhost:8443", "https://management.azure.com/.default"),
    ],
)
def test_tokens_are_asked_for_the_cloud_of_the_endpoint(endpoint: str, scope: str) -> None:
    assert ArmSettings(endpoint).scope == scope


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("https://management.azure.com/subscriptions/s/x?a=b", True),
        ("https://management.azure.com:443/subscriptions/s/x", True),
        ("HTTPS://Management.Azure.com/Subscriptions/S/x", True),
        ("https://management.azure.com/subscriptions/s", True),
        ("https://management.azure.com/subscriptions/s2/x", False),
        ("https://management.azure.com/subscriptions/s/../t", False),
        ("https://management.azure.com.evil.example/subscriptions/s/x", False),
        ("https://management.azure.com@evil.example/subscriptions/s/x", False),
        ("https://user@management.azure.com/subscriptions/s/x", False),
        ("https://management.azure.com:8443/subscriptions/s/x", False),
        ("http://management.azure.com/subscriptions/s/x", False),
        ("/subscriptions/s/x", False),
    ],
)
def test_a_link_is_followed_only_where_our_token_belongs(url: str, here: bool) -> None:
    assert ArmSettings().leads_here(url, "/subscriptions/s") is here


def test_the_version_we_send_is_the_version_we_are() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]

    assert project["version"] == VERSION


def test_each_type_of_cache_has_its_adapter() -> None:
    arm = Arm(ArmSettings())

    assert {type_: arm.caches(type_) for type_ in CacheType} == {
        CacheType.REDIS: arm.classic,
        CacheType.ENTERPRISE: arm.enterprise,
    }


async def test_counts_are_apart_for_passes_that_run_at_the_same_time() -> None:
    from shared.arm.clients import Clients

    clients = Clients(ArmSettings())

    async def one_pass(throttles: int) -> CallCounts:
        with counted() as counts:
            for _ in range(throttles):
                await asyncio.sleep(0)
                clients.throttled()
        return counts

    assert [c.throttles for c in await asyncio.gather(one_pass(2), one_pass(3))] == [2, 3]
    assert clients.calls.throttles == 5


# ── cold start: what a fresh process has loaded ─────────────────────────────────────────────────


def loaded_after(code: str) -> set[str]:
    """Run code in a fresh process and name the modules that it has loaded."""
    report = f"{code}\nimport sys\nprint(*sorted(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", report], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return set(answer.stdout.split())


def test_importing_and_constructing_loads_no_sdk() -> None:
    loaded = loaded_after("from shared.arm import Arm, ArmSettings\nArm(ArmSettings())")

    assert not {m for m in loaded if m.startswith(("azure", "aiohttp", "tenacity"))}


@pytest.mark.parametrize("service", ["redis", "enterprise", "dns", "plain"])
def test_a_client_loads_its_own_package_and_no_other(service: str) -> None:
    subscription = "" if service == "plain" else repr(SUBSCRIPTION)
    loaded = loaded_after(
        f"""
import asyncio
from shared.arm.clients import ArmSettings, Clients
async def main():
    clients = Clients(ArmSettings())
    clients.{service}({subscription})
    await clients.close()
asyncio.run(main())
"""
    )

    assert "azure.mgmt.core" in loaded
    own = {"redis": {"redis"}, "enterprise": {"redisenterprise"}, "dns": {"privatedns"}, "plain": set()}
    packages = {m.split(".")[2] for m in loaded if m.startswith("azure.mgmt.")}
    assert packages - {"core"} == own[service]


async def test_clients_are_kept_per_subscription_and_not_without_bound() -> None:
    from shared.arm.clients import _CLIENTS_KEPT, Clients

    clients = Clients(ArmSettings())
    try:
        first = clients.redis("s0")
        assert clients.redis("s0") is first
        for number in range(1, _CLIENTS_KEPT):
            clients.redis(f"s{number}")
        assert clients.redis("s0") is first
        clients.redis("one more")
        assert len(clients._kept) == _CLIENTS_KEPT
        assert clients.redis("s0") is first
    finally:
        await clients.close()


async def test_lists_are_asked_for_in_the_version_that_the_sdk_sends() -> None:
    clients = Clients(ArmSettings())
    sent = {
        classic.API_VERSION: clients.redis(SUBSCRIPTION)._config.api_version,
        enterprise.API_VERSION: clients.enterprise(SUBSCRIPTION)._config.api_version,
    }
    await clients.close()

    assert all(ours == theirs for ours, theirs in sent.items()), sent
