"""Keep every version of what Azure holds, so that a test can say what was so at every moment, and not only at looks."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from local.azure.redis import Cache
from local.azure.redisenterprise import Cluster
from local.azure.store import Resource, Store
from local.azure.world import World


@dataclass(slots=True)
class WatchedStore(Store):
    """A store that forgets nothing that was put into it."""

    put_so_far: list[Resource] = field(default_factory=list)

    def put(self, resource: Resource, now: float) -> None:
        self.put_so_far.append(resource)
        Store.put(self, resource, now)


def watch(world: World) -> WatchedStore:
    """Keep from now on whatever is put into a world."""
    held = {each.name: getattr(world.store, each.name) for each in fields(Store)}
    watched = WatchedStore(**held)
    world.store = watched
    return watched


def doors(watched: WatchedStore, cache: str) -> list[str | None]:
    """Give every value that a cache's ``publicNetworkAccess`` ever had, in order."""
    kept = [each for each in watched.put_so_far if each.key == cache.lower()]
    return [each.public for each in kept if isinstance(each, Cache | Cluster)]
