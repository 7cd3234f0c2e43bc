"""From a private endpoint to its cache: the event of an endpoint's deletion names the endpoint only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from shared.ids import CacheId, GroupId, NetworkId
from shared.store.account import Account, Query, Row, Table
from shared.store.encoding import SEPARATOR, Key, joined, keys_below

Link = tuple[NetworkId, CacheId]


class Links:
    """The table ``links``: partition = the endpoint's subscription, key = its group and name."""

    def __init__(self, account: Account) -> None:
        self.table = Table(account, "links")

    async def put(self, endpoint: NetworkId, cache: CacheId) -> None:
        """Write one link: one call, whatever was there."""
        await self.table.merge(_key(endpoint), {"cache": str(cache)}, None)

    async def refresh(self, links: Iterable[Link]) -> int:
        """Write only the links that are not there yet, in bulk; give how many those were.

        Reads each subscription that the endpoints are in once.
        """
        wanted: dict[str, dict[str, str]] = defaultdict(dict)
        for endpoint, cache in links:
            key = _key(endpoint)
            wanted[key.partition][key.row] = str(cache)
        return sum([await self._refresh(partition, rows) for partition, rows in wanted.items()])

    async def _refresh(self, partition: str, wanted: dict[str, str]) -> int:
        query = Query.partition(partition)
        there = {row.key.row: row.values.get("cache") async for row in self.table.rows(query)}
        missing = {row: {"cache": cache} for row, cache in wanted.items() if there.get(row) != cache}
        await self.table.merge_all(partition, missing)
        return len(missing)

    async def cache_of(self, endpoint: NetworkId) -> CacheId | None:
        """Name the cache of an endpoint; None where it is not known."""
        read = await self.table.get(_key(endpoint))
        return _link(read.row)[1] if read.row else None

    async def of_group(self, group: GroupId) -> list[Link]:
        """Give the links of the endpoints in a resource group: one range of keys."""
        query = Query.within(keys_below(group.subscription, group.group))
        return [_link(row) async for row in self.table.rows(query)]

    async def of_cache(self, cache: CacheId) -> list[NetworkId]:
        """Give the endpoints of a cache, in whatever subscription.

        There is no second index: this reads the whole table, a thousand rows in a call. A pass does
        not need it, since ``Memory`` holds what it must know of its own endpoints.
        """
        query = Query("cache eq @cache", {"cache": str(cache)})
        return [_link(row)[0] async for row in self.table.rows(query)]

    async def drop(self, endpoint: NetworkId) -> None:
        """Forget a link, if it is there."""
        await self.table.delete(_key(endpoint))


def _key(endpoint: NetworkId) -> Key:
    return Key(endpoint.subscription, joined(endpoint.group, endpoint.name))


def _link(row: Row) -> Link:
    group, _, name = row.key.row.partition(SEPARATOR)
    endpoint = NetworkId(row.key.partition, group, "privateEndpoints", name)
    return endpoint, CacheId.parse(row.values["cache"])
