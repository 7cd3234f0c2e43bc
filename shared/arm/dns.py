"""Private DNS zones, their links to networks and their A records, through azure-mgmt-privatedns."""

from __future__ import annotations

import hashlib
from typing import Any

from shared.arm.caches import Body, properties
from shared.arm.calls import Caller
from shared.arm.errors import Call
from shared.ids import InvalidIdError, NetworkId, network_id, zone_id
from shared.model import MANAGED_BY, TAG_MANAGED_BY

_READ = "Microsoft.Network/privateDnsZones/read"
_WRITE = "Microsoft.Network/privateDnsZones/write"
_READ_LINKS = "Microsoft.Network/privateDnsZones/virtualNetworkLinks/read"
_WRITE_LINK = "Microsoft.Network/privateDnsZones/virtualNetworkLinks/write"
_READ_RECORDS = "Microsoft.Network/privateDnsZones/A/read"
_LONGEST_LINK_NAME = 80


class Dns:
    """Reads and begins changes of private DNS zones. Every method raises ArmError."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def zone_exists(self, zone: NetworkId) -> bool:
        async def send() -> bool:
            await self._caller.clients.dns(zone.subscription).private_zones.get(zone.group, zone.name)
            return True

        return await self._caller.found(Call(_READ, zone.subscription), send) or False

    async def link_exists(self, zone: NetworkId, network: NetworkId) -> bool:
        """Tell whether a zone is linked to a network, under whatever name somebody gave the link."""

        async def send() -> bool:
            links = self._caller.clients.dns(zone.subscription).virtual_network_links
            return network in [_linked_network(link.as_dict()) async for link in links.list(zone.group, zone.name)]

        return await self._caller.found(Call(_READ_LINKS, zone.subscription), send) or False

    async def zones_of(self, subscription: str, names: frozenset[str]) -> tuple[NetworkId, ...]:
        """Find the zones of these names in a subscription, in whatever resource group."""

        async def send() -> list[str]:
            zones = self._caller.clients.dns(subscription).private_zones
            return [str(zone.id or "") async for zone in zones.list()]

        listed = await self._caller(Call(_READ, subscription), send)
        found = (zone_id(text) for text in listed if text.lower().rpartition("/")[2] in names)
        return tuple(found)

    async def create_zone(self, zone: NetworkId) -> None:
        """Begin a zone; one that somebody else has made meanwhile is left as it is.

        Azure answers 202 in that case too, and fails the operation afterwards: the next read tells.
        """
        from azure.core import MatchConditions

        async def send() -> None:
            zones = self._caller.clients.dns(zone.subscription).private_zones
            await zones.begin_create_or_update(
                zone.group, zone.name, zone_body(), match_condition=MatchConditions.IfMissing, polling=False
            )

        await self._caller(Call(_WRITE, zone.subscription, writes=True), send)

    async def link(self, zone: NetworkId, network: NetworkId) -> None:
        """Begin the link of a zone to a network, without registering the network's machines in it."""
        body = link_body(network)

        async def send() -> None:
            links = self._caller.clients.dns(zone.subscription).virtual_network_links
            await links.begin_create_or_update(zone.group, zone.name, link_name(network), body, polling=False)

        await self._caller(Call(_WRITE_LINK, zone.subscription, writes=True), send)

    async def a_records(self, zone: NetworkId, name: str) -> tuple[str, ...] | None:
        """Read the addresses of one name in a zone; None where the zone, or the name in it, does not exist."""

        async def send() -> Body:
            records = self._caller.clients.dns(zone.subscription).record_sets
            return (await records.get(zone.group, zone.name, "A", name)).as_dict()

        body = await self._caller.found(Call(_READ_RECORDS, zone.subscription), send)
        return None if body is None else addresses(body)


def zone_body() -> Any:  # noqa: ANN401 - JSON, as the SDK takes it
    """Describe a zone of ours: zones are global."""
    return {"location": "global", "tags": {TAG_MANAGED_BY: MANAGED_BY}}


def link_body(network: NetworkId) -> Any:  # noqa: ANN401 - JSON, as the SDK takes it
    """Describe a link to a network."""
    return {
        "location": "global",
        "tags": {TAG_MANAGED_BY: MANAGED_BY},
        "properties": {"registrationEnabled": False, "virtualNetwork": {"id": str(network)}},
    }


def link_name(network: NetworkId) -> str:
    """Name the link to a network: the same at every attempt, different for networks of one name."""
    mark = hashlib.sha256(str(network).lower().encode()).hexdigest()[:8]
    return f"{network.name[: _LONGEST_LINK_NAME - len(mark) - 1]}-{mark}"


def addresses(body: Body) -> tuple[str, ...]:
    """Read the addresses of an A record set."""
    return tuple(record["ipv4Address"] for record in properties(body).get("aRecords") or ())


def _linked_network(body: Body) -> NetworkId | None:
    try:
        return network_id((properties(body).get("virtualNetwork") or {}).get("id") or "")
    except InvalidIdError:
        return None
