"""Networks that the API was asked for, and what the last pass over each of them found.

The wish is in the table ``requests``, as it cannot be derived from anything. What was found is in the table
``networks``: if that is lost, the next pass finds it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import msgspec

from shared.ids import GroupId, NetworkId, network_id
from shared.logs import Log
from shared.model import Verdict
from shared.networking import NetworkWish
from shared.store.account import Account, Query, Row, Table
from shared.store.encoding import SEPARATOR, Key, bounded, from_json, joined, to_json

log = Log(__name__)

_KIND = "network"
_TYPE = "virtualnetworks"
_NAME_LIMIT = 256


@dataclass(frozen=True, slots=True)
class NetworkRequest:
    """A caller's wish for a network."""

    network: NetworkId
    wish: NetworkWish
    by: str
    at: datetime
    etag: str = field(default="", compare=False)
    """Names this state of the request; changes with every write."""


@dataclass(frozen=True, slots=True)
class NetworkRow:
    """What is kept of one network between passes."""

    network: NetworkId
    verdict: Verdict | None = None
    since: datetime | None = None
    asked: datetime | None = None
    """When the wish was made that the last pass knew of."""
    begun: Mapping[str, datetime] = field(default_factory=dict)
    zones: Mapping[str, str] = field(default_factory=dict)
    """Zone name → the id of the zone that was chosen for it."""
    passes: int = 0
    etag: str = field(default="", compare=False)


class NetworkRows:
    """Both tables; partition = subscription."""

    def __init__(self, account: Account) -> None:
        self.requests = Table(account, "requests")
        self.table = Table(account, "networks")

    async def request(self, network: NetworkId) -> NetworkRequest | None:
        """Read the wish for a network."""
        read = await self.requests.get(_request_key(network))
        return _request(read.row) if read.row else None

    async def ask(self, request: NetworkRequest, etag: str = "") -> NetworkRequest:
        """Store a wish: a new one, or in the place of one that is still in the state of ``etag``.

        Raises ConflictError where somebody else was faster.
        """
        key = _request_key(request.network)
        row: dict[str, object] = {
            "wish": to_json(request.wish),
            "requested_by": bounded(request.by, _NAME_LIMIT),
            "requested_at": request.at,
        }
        written = await (self.requests.replace(key, row, etag) if etag else self.requests.insert(key, row))
        return replace(request, etag=written.etag)

    async def wanted_in(self, subscription: str) -> list[NetworkId]:
        """Name the networks of a subscription that were asked for."""
        rows = self.requests.rows(Query.partition(subscription))
        return [_network(row) async for row in rows if row.key.row.endswith(f"{SEPARATOR}{_KIND}")]

    async def row(self, network: NetworkId) -> NetworkRow:
        """Read what the last pass found; an empty row where there was none."""
        read = await self.table.get(_key(network))
        return _row(network, read.row) if read.row else NetworkRow(network)

    async def record(self, row: NetworkRow) -> NetworkRow:
        """Write a row as long as nobody has written it since it was read; raises ConflictError."""
        values = _values(row)
        key = _key(row.network)
        written = await (self.table.replace(key, values, row.etag) if row.etag else self.table.insert(key, values))
        return replace(row, etag=written.etag)


def _key(network: NetworkId) -> Key:
    return Key(network.subscription, joined(network.group, _TYPE, network.name))


def _request_key(network: NetworkId) -> Key:
    partition, row = _key(network)
    return Key(partition, f"{row}{SEPARATOR}{_KIND}")


def _network(row: Row) -> NetworkId:
    group, _, name, _ = row.key.row.split(SEPARATOR)
    return network_id(f"{GroupId.of(row.key.partition, group)}/providers/Microsoft.Network/virtualNetworks/{name}")


def _request(row: Row) -> NetworkRequest:
    values = row.values
    wish = from_json(values["wish"], NetworkWish)
    return NetworkRequest(_network(row), wish, values["requested_by"], values["requested_at"], row.etag)


def _values(row: NetworkRow) -> dict[str, Any]:
    return {
        "verdict": to_json(row.verdict) if row.verdict else "",
        "since": row.since,
        "asked": row.asked,
        "begun": to_json(row.begun),
        "zones": to_json(row.zones),
        "passes": row.passes,
    }


def _row(network: NetworkId, row: Row) -> NetworkRow:
    values = row.values
    bare = NetworkRow(network, etag=row.etag)
    try:
        return replace(
            bare,
            verdict=from_json(values["verdict"], Verdict) if values.get("verdict") else None,
            since=values.get("since"),
            asked=values.get("asked"),
            begun=from_json(values["begun"], dict[str, datetime]),
            zones=from_json(values["zones"], dict[str, str]),
            passes=values.get("passes", 0),
        )
    except (msgspec.DecodeError, KeyError) as error:
        # After a roll-back a newer version wrote it: the network is judged anew, as if the table were lost.
        log.warning("unreadable row counts as lost", row=row.key.row, error=error)
        return bare
