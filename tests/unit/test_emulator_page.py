"""What docs/emulator.md tells a reader to type is what works."""

from __future__ import annotations

import json
import re
from pathlib import Path

from local.azure.clock import ManualClock
from local.azure.control import Control
from local.azure.emulator import Emulator
from local.azure.world import World

PAGE = (Path(__file__).parents[2] / "docs" / "emulator.md").read_text("utf-8")


def test_the_fleet_that_the_page_shows_can_be_seeded() -> None:
    [example] = re.findall(r"^```json\n({\s+\"networks\".*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    world = World(ManualClock())
    seed = world.seed(json.loads(example))
    ids = [*(cache.id for cache in seed.caches), *(cluster.id for cluster in seed.clusters)]
    shown = [world.show(resource_id) for resource_id in ids]
    assert len(shown) == 3
    assert None not in shown


async def test_every_route_of_control_that_the_page_names_is_there() -> None:
    async with Emulator.start() as azure:
        routes = {route.path for route in Control(azure).routes()}
    assert set(re.findall(r"/_emulator(?:/\w+)*", PAGE)) <= routes
