"""How long Azure takes, in seconds: spread as in recordings (least, median, most), drawn from a seeded source."""

from __future__ import annotations

import random
from dataclasses import dataclass

# Puts nine of ten endpoint creations below 73 s, as recorded, though the longest took 660 s.
_TAIL = 15


@dataclass(frozen=True, slots=True)
class Spread:
    """Half of the draws lie below the median, the long tail above it; ``n`` recordings stand behind it."""

    least: float
    median: float
    most: float
    n: int = 0

    def draw(self, source: random.Random) -> float:
        share = source.random()
        if share < 0.5:  # noqa: PLR2004 - half
            return self.least + (self.median - self.least) * share * 2
        return self.median + (self.most - self.median) * ((share - 0.5) * 2) ** _TAIL


@dataclass(frozen=True, slots=True)
class Durations:
    """World seconds of each operation; n=0 marks a guess."""

    redis_create: Spread = Spread(522, 705, 1837, 24)
    redis_update: Spread = Spread(20, 30, 31, 2)
    redis_scale: Spread = Spread(705, 750, 794, 2)
    redis_identity: Spread = Spread(92, 367, 519, 11)
    redis_entra: Spread = Spread(976, 976, 976, 1)
    redis_part_write: Spread = Spread(31, 32, 92, 6)
    redis_action: Spread = Spread(30, 60, 120)
    linked_server_write: Spread = Spread(337, 337, 337, 1)
    linked_server_delete: Spread = Spread(92, 92, 92, 1)
    redis_delete: Spread = Spread(243, 247, 337, 6)
    connection_write: Spread = Spread(60, 120, 230)
    enterprise_create: Spread = Spread(281, 309, 374, 7)
    enterprise_delete: Spread = Spread(265, 286, 436, 7)
    enterprise_update: Spread = Spread(20, 60, 180)
    enterprise_scale: Spread = Spread(300, 600, 1200)
    enterprise_pending: Spread = Spread(0.2, 0.9, 2.8, 26)
    enterprise_connection_write: Spread = Spread(10, 30, 120)
    enterprise_connection_delete: Spread = Spread(10, 30, 120)
    database_write: Spread = Spread(3, 6, 142, 9)
    database_assignment: Spread = Spread(32, 32, 32, 2)
    database_delete: Spread = Spread(12, 12, 21, 3)
    endpoint_create: Spread = Spread(30, 51, 660, 26)
    endpoint_update: Spread = Spread(32, 32, 32, 4)
    endpoint_delete: Spread = Spread(10, 12, 12, 5)
    zone_group_write: Spread = Spread(1, 1, 1, 4)
    zone_group_delete: Spread = Spread(1, 1, 11, 2)
    subnet_write: Spread = Spread(1, 1, 31, 36)
    subnet_delete: Spread = Spread(1, 10, 10, 2)
    network_write: Spread = Spread(10, 11, 12, 44)
    network_delete: Spread = Spread(10, 11, 11, 2)
    security_group_write: Spread = Spread(10, 10, 11, 2)
    security_group_delete: Spread = Spread(10, 10, 11)
    zone_write: Spread = Spread(30, 32, 33, 27)
    zone_delete: Spread = Spread(30, 32, 32, 1)
    link_write: Spread = Spread(30, 31, 60, 14)
    link_delete: Spread = Spread(30, 30, 30, 1)
    group_delete: Spread = Spread(15, 60, 180)
    registration: Spread = Spread(10, 30, 60)
