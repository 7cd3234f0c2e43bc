"""A competitor's client, Cloud Custodian, works on the stand-in's caches as it is published."""

from __future__ import annotations

from pathlib import Path

import pytest

from local import fleet
from local.azure.callers import PIPELINE
from local.azure.emulator import Emulator, EmulatorOptions
from local.azure.seeds import CacheSeed
from local.connection import Connection
from tests.stories.programs import Custodian

pytestmark = [pytest.mark.story, pytest.mark.emulator_only]

POLICIES = Path(__file__).parent / "policies.yaml"
NAMES = ("shop-weu", "stock-neu", "quiet-eus")
CLOSED, ENROLLED = "quiet-eus", "stock-neu"


async def test_custodian_lists_and_tags_caches_unmodified(tmp_path: Path) -> None:
    caches = [
        CacheSeed(
            fleet.APPS,
            "rg-shop",
            name,
            public_network_access="Disabled" if name == CLOSED else "Enabled",
            tags={"drawbridge": "ignore"} if name == ENROLLED else {"team": "shop"},
        )
        for name in NAMES
    ]
    # One cache to a page, so that every link to a next page is followed too.
    async with Emulator.start(EmulatorOptions(proxy_port=0, page_size=1, time_scale=50)) as azure:
        azure.world.seed(fleet.seed(*caches))
        found = await Custodian(Connection.to(azure), fleet.APPS).run(POLICIES, tmp_path)

        names = {policy: {item["name"] for item in items} for policy, items in found.items()}
        assert names["public-caches"] == set(NAMES) - {CLOSED}
        assert names["caches-that-nobody-enrolled"] == set(NAMES) - {ENROLLED}
        tags = {name: azure.world.cache(fleet.cache_id(name)).tags for name in NAMES}
        assert tags == {
            "shop-weu": {"team": "shop", "drawbridge": "private"},
            "quiet-eus": {"team": "shop", "drawbridge": "private"},
            "stock-neu": {"drawbridge": "ignore"},
        }
        calls = azure.world.journal.entries(caller=PIPELINE.object_id)
        assert calls
        assert [entry for entry in calls if entry.status >= 400] == []
