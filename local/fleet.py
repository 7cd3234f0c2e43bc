"""The fleet that the demo and the tests play with: two subscriptions, three regions, and everything that goes wrong."""

from __future__ import annotations

from local.azure.seeds import CacheSeed, ClusterSeed, NetworkSeed, Seed, SubnetSeed, SubscriptionSeed

APPS = "11111111-2222-3333-4444-555555555555"
HUB = "22222222-3333-4444-5555-666666666666"
ZONE = "privatelink.redis.cache.windows.net"
MANAGED_ZONE = "privatelink.redis.azure.net"
ENTERPRISE_ZONE = "privatelink.redisenterprise.cache.azure.net"
ZONES = (ZONE, MANAGED_ZONE, ENTERPRISE_ZONE)
"""One for each kind of cache."""
REGIONS = {"weu": "westeurope", "neu": "northeurope", "eus": "eastus"}


def zone_id(zone: str) -> str:
    """Spell the id of a private DNS zone of the hub."""
    return f"/subscriptions/{HUB}/resourceGroups/rg-hub-weu/providers/Microsoft.Network/privateDnsZones/{zone}"


ZONE_ID = zone_id(ZONE)


def cache_id(name: str, group: str = "rg-shop", subscription: str = APPS) -> str:
    """Spell a classic cache's id as Azure does."""
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Cache/Redis/{name}"


def cluster_id(name: str, group: str = "rg-shop", subscription: str = APPS) -> str:
    """Spell the id of a cluster of Azure Managed Redis or Enterprise as Azure does."""
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Cache/redisEnterprise/{name}"


def is_cluster(cache: str) -> bool:
    """Tell by its id whether a cache is of Azure Managed Redis or Enterprise."""
    return "/redisenterprise/" in cache.lower()


def subnet_id(short: str, subnet: str = "endpoints") -> str:
    """Spell the id of a subnet of a region's network."""
    network = f"/subscriptions/{HUB}/resourceGroups/rg-hub-{short}/providers/Microsoft.Network/virtualNetworks"
    return f"{network}/vnet-{short}/subnets/{subnet}"


def networks() -> tuple[NetworkSeed, ...]:
    """Give a network for each region, in the hub subscription; one zone of each kind serves all of them."""
    return tuple(
        NetworkSeed(
            HUB,
            f"rg-hub-{short}",
            f"vnet-{short}",
            region,
            prefix=f"10.{number}.0.0/16",
            subnets=(
                SubnetSeed("endpoints", f"10.{number}.0.0/20"),
                SubnetSeed("full", f"10.{number}.200.0/28", free=0),
                SubnetSeed("delegated", f"10.{number}.201.0/28", delegation="Microsoft.Web/serverFarms"),
            ),
            zones=ZONES if short == "weu" else (),
        )
        for number, (short, region) in enumerate(REGIONS.items())
    )


def seed(*caches: CacheSeed | ClusterSeed) -> Seed:
    """Give the subscriptions and networks, with these caches of whatever kind."""
    return Seed(
        subscriptions=(SubscriptionSeed(APPS, "apps"), SubscriptionSeed(HUB, "hub")),
        networks=networks(),
        caches=tuple(cache for cache in caches if isinstance(cache, CacheSeed)),
        clusters=tuple(cache for cache in caches if isinstance(cache, ClusterSeed)),
    )


def policy(  # noqa: PLR0913 - the knobs that stories turn
    *,
    mode: str = "enforce",
    enrol: str = "tagged",
    last_endpoint: str = "reattach",
    dns: str = "",
    close: str = "enrolled",
    extra: str = "",
) -> str:
    """Give a policy for this fleet whose waits suit an Azure that runs faster than the real one."""
    zones = dns or f"{{zones: {{{', '.join(f'{zone}: {zone_id(zone)}' for zone in ZONES)}}}}}"
    lines = [
        f"mode: {mode}",
        "scope:",
        '  subscriptions: ["*"]',
        '  excludeResourceGroups: ["mc_*"]',
        "rules:",
        f"  - {{enrol: {enrol}, closePublicAccess: {close}, lastEndpoint: {last_endpoint}, optOut: allowed}}",
        "timing: {settle: 2s, endpoint: 1s, zoneGroup: 1s, cache: 1s, busy: 1s, thorough: 1h}",
        extra or "safeguards: {reattachLimit: 3, window: 1h, closuresPerHour: 10000}",
        "placements:",
    ]
    for short, region in REGIONS.items():
        lines += _placement(f"{short}-prod", region, subnet_id(short), short, zones)
    lines += _placement("weu-full", "westeurope", subnet_id("weu", "full"), "weu", zones, elsewhere=True)
    lines += _placement("weu-delegated", "westeurope", subnet_id("weu", "delegated"), "weu", zones, elsewhere=True)
    return "\n".join(lines) + "\n"


def _placement(  # noqa: PLR0913 - a line of YAML each
    name: str, region: str, subnet: str, short: str, zones: str, *, elsewhere: bool = False
) -> list[str]:
    group = f"/subscriptions/{HUB}/resourceGroups/rg-hub-{short}"
    lines = [f"  {name}:", f"    region: {region}", f"    subnet: {subnet}", f"    endpointResourceGroup: {group}"]
    # Placements that come after the region's first one are used only where a tag asks for them.
    del elsewhere
    return [*lines, f"    dns: {zones}"]
