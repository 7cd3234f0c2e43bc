"""Regions have a short name, which networks answer, and a display name, which Redis answers."""

from __future__ import annotations

_DISPLAY = {
    "australiaeast": "Australia East",
    "canadacentral": "Canada Central",
    "centralus": "Central US",
    "centraluseuap": "Central US EUAP",
    "eastus": "East US",
    "eastus2": "East US 2",
    "eastus2euap": "East US 2 EUAP",
    "francecentral": "France Central",
    "germanywestcentral": "Germany West Central",
    "japaneast": "Japan East",
    "northeurope": "North Europe",
    "norwayeast": "Norway East",
    "southcentralus": "South Central US",
    "southeastasia": "Southeast Asia",
    "swedencentral": "Sweden Central",
    "switzerlandnorth": "Switzerland North",
    "uksouth": "UK South",
    "ukwest": "UK West",
    "westeurope": "West Europe",
    "westus": "West US",
    "westus2": "West US 2",
    "westus3": "West US 3",
}


# Those that have no availability zones.
_NO_ZONES = frozenset(
    {"westus", "centraluseuap", "ukwest", "northcentralus", "westcentralus", "canadaeast", "australiasoutheast"}
)


def has_zones(region: str) -> bool:
    """Say whether a region has availability zones; one that is not listed has."""
    return short_name(region) not in _NO_ZONES


def known() -> tuple[str, ...]:
    """Give the short names of the regions that there are."""
    return tuple(_DISPLAY)


def short_name(region: str) -> str:
    return region.replace(" ", "").lower()


def display_name(region: str) -> str:
    """Give ``West Europe`` for ``westeurope``; a region that is not listed is given back as it is."""
    return _DISPLAY.get(region, region)
