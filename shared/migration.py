"""What would take the place of a cache inside a virtual network, what cannot come along, and in which order. Pure.

A proposal follows from what the cache was made with, by its memory, and not from its load: that is for people to judge.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from shared.model import Kind, NewCache

_CLASSIC_MEMORY: Mapping[str, float] = {
    "C0": 0.25,
    "C1": 1,
    "C2": 2.5,
    "C3": 6,
    "C4": 13,
    "C5": 26,
    "C6": 53,
    "P1": 6,
    "P2": 13,
    "P3": 26,
    "P4": 53,
    "P5": 120,
}
"""Size of a classic cache → its memory in GB, for each shard."""
_MANAGED_MEMORY: Mapping[str, float] = {
    "Balanced_B0": 0.5,
    "Balanced_B1": 1,
    "Balanced_B3": 3,
    "Balanced_B5": 6,
    "Balanced_B10": 12,
    "Balanced_B20": 24,
    "Balanced_B50": 60,
    "Balanced_B100": 120,
    "Balanced_B150": 180,
    "Balanced_B250": 240,
    "Balanced_B350": 360,
    "Balanced_B500": 480,
    "Balanced_B700": 720,
    "Balanced_B1000": 960,
}
"""SKU of Azure Managed Redis → its memory in GB, smallest first."""
_BY_ITSELF = frozenset({"maxclients", "maxmemory-reserved", "maxfragmentationmemory-reserved", "maxmemory-delta"})
"""Settings that Azure gives to every classic cache by its size."""


@dataclass(frozen=True, slots=True)
class OldCache:
    """What a migration has to know of a classic cache."""

    settings: NewCache
    injected: bool
    static_ip: str = ""
    configuration: Mapping[str, str] = field(default_factory=dict)
    linked: int = 0
    """Geo-replication links."""
    identity: bool = False
    non_tls_port: bool = False
    replicas: int = 1


@dataclass(frozen=True, slots=True)
class Proposal:
    """A cache that could take the place of the old one."""

    settings: NewCache
    note: str


def memory_of(settings: NewCache) -> float:
    """Give the memory of a classic cache in GB, over all its shards; 0 for a size that is not known."""
    return _CLASSIC_MEMORY.get(settings.sku.rpartition("_")[2], 0) * max(1, settings.shards)


def proposals(old: OldCache) -> tuple[Proposal, ...]:
    """Propose Azure Managed Redis first, then a classic cache of the same size."""
    return (_managed(old), _classic(old))


def proposal(old: OldCache, kind: Kind) -> Proposal:
    """Give the proposal of one kind."""
    return _classic(old) if kind is Kind.CLASSIC else _managed(old)


def _managed(old: OldCache) -> Proposal:
    memory = memory_of(old.settings)
    fitting = [sku for sku, size in _MANAGED_MEMORY.items() if size >= memory]
    sku = fitting[0] if fitting else list(_MANAGED_MEMORY)[-1]
    settings = NewCache(
        kind=Kind.MANAGED,
        region=old.settings.region,
        sku=sku,
        access_keys=old.settings.access_keys,
        high_availability=not old.settings.sku.startswith("Basic"),
        tags=old.settings.tags,
    )
    enough = f"the smallest of the Balanced tier with at least {memory:g} GB" if fitting else "the largest there is"
    return Proposal(settings, f"A proposal by memory: {enough}, without regard to load. Part of it is Azure's own.")


def _classic(old: OldCache) -> Proposal:
    settings = replace(old.settings, tls="1.2")
    return Proposal(settings, "The same size. Classic caches retire in September 2028, and new tenants get none.")


def not_carried_over(old: OldCache) -> tuple[str, ...]:
    """Say what the new cache does not have of the old one."""
    return tuple(_losses(old))


def _losses(old: OldCache) -> Iterator[str]:
    yield "The data: Drawbridge moves none."
    yield "The host name, the access keys and, with Azure Managed Redis, the port: 10000 instead of 6380."
    yield "The network's own means: security groups and routes of the old subnet do not guard an endpoint elsewhere."
    if old.static_ip:
        yield f"The static address {old.static_ip}: an endpoint has an address of its own."
    if old.linked:
        yield f"{old.linked} geo-replication link(s): link the new cache anew, after its endpoint is there."
    if persistence := sorted(name for name in ("rdb", "aof") if _is_on(old.configuration, f"{name}-backup-enabled")):
        yield f"Persistence ({', '.join(persistence).upper()}) to a storage account: switch it on in the new cache."
    if old.identity:
        yield "The managed identity of the cache, and what it may do."
    if old.non_tls_port:
        yield "The port without TLS (6379): the new cache takes TLS only."
    if old.replicas > 1:
        yield f"{old.replicas} replicas for each primary: the new cache has one, or as many as Azure gives it."
    if old.settings.shards:
        yield "The shards, with Azure Managed Redis: it shards by itself, and clients need a cluster-aware library."
    if own := sorted(name for name in old.configuration if name not in _BY_ITSELF and "backup" not in name):
        yield f"Settings of Redis: {', '.join(own)}."
    yield "Firewall rules, patch schedules and access policies. Databases beside number 0, with Azure Managed Redis."


def _is_on(configuration: Mapping[str, str], name: str) -> bool:
    return str(configuration.get(name, "")).lower() == "true"


STEPS = (
    "Make the new cache beside the old one (PUT this resource): private from its first second, with its endpoints.",
    "Link the zone of the new name to every network that clients are in, and see the name resolve to the endpoint.",
    "Move the data: export and import, writing to both for a while, or letting the new cache fill by itself.",
    "Lead clients to the new host name, port and way of signing in, one after the other.",
    "Wait until the old cache has no more connections and nobody misses it.",
    "Delete the old cache yourself: Drawbridge never does.",
)
"""In this order: at every moment clients have a cache that works."""
