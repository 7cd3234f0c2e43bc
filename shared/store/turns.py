"""Whose turn it is to be changed, where several clusters hold one set of data: one at a time, for all workers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from shared.ids import CacheId
from shared.store.account import Account, Table
from shared.store.encoding import Key, cache_key
from shared.store.errors import ConflictError


class Turns:
    """The table ``turns``: one row per geo-replication group, under the first of its members."""

    def __init__(self, account: Account) -> None:
        self.table = Table(account, "turns")

    async def take(self, members: Iterable[CacheId], cache: CacheId, hold: timedelta) -> bool:
        """Take a group's turn for one of its members, or keep it; False while another has it.

        A turn that is not given back runs out after ``hold``, by the storage service's clock.
        """
        key = _key(members)
        read = await self.table.get(key)
        if read.row and read.row.values["holder"] != str(cache) and read.at < read.row.values["until"]:
            return False
        turn = {"holder": str(cache), "until": read.at + hold}
        try:
            if read.row is None:
                await self.table.insert(key, turn)
            else:
                await self.table.replace(key, turn, read.row.etag)
        except ConflictError:
            # Somebody was faster. It may have been us, in a call whose answer was lost: the next pass finds out.
            return False
        return True

    async def give_back(self, members: Iterable[CacheId], cache: CacheId) -> None:
        """Let another member have its turn; nothing happens where this one does not have it."""
        key = _key(members)
        row = (await self.table.get(key)).row
        if row is None or row.values["holder"] != str(cache):
            return
        try:
            await self.table.delete(key, row.etag)
        except ConflictError:
            # It had run out, and somebody has taken it meanwhile.
            return


def _key(members: Iterable[CacheId]) -> Key:
    return cache_key(min(members))
