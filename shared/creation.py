"""What a new cache may be made with, and in what one that is there differs from what is asked for. Pure.

The rules are Azure's own. They are held against a request before anything is asked of Azure, so that a mistake is
told at once and by the name of its field; what only Azure can know (a name that is taken, a SKU that a region does
not have) becomes a reason later.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, assert_never

from shared.ids import CacheType, region
from shared.model import MANAGED_BY, TAG_MANAGED_BY, Cache, Kind, NewCache, PublicAccess, Readiness

if TYPE_CHECKING:
    from shared.ids import CacheId

CLASSIC_SKU = re.compile(r"(?:(?P<small>Basic|Standard)_C(?P<c>[0-6])|Premium_P(?P<p>[1-5]))")
MANAGED_SKU = re.compile(r"(?:Balanced_B|MemoryOptimized_M|ComputeOptimized_X|FlashOptimized_A)\d{1,4}")
TLS = ("1.2",)
"""Older versions are not taken by Azure any more."""
MOST_SHARDS = 10
_ZONES = frozenset({"1", "2", "3"})
_REGION = re.compile(r"[a-z][a-z0-9]{1,39}")
_MOST_TAGS = 50
_LONGEST_TAG_NAME = 512
_LONGEST_TAG_VALUE = 256
_TAG_NAME_FORBIDS = frozenset("<>%&\\?/")

Problem = tuple[str, str]
"""The field that is wrong, and in words what is wrong with it and what would be right."""


def problems(settings: NewCache) -> tuple[Problem, ...]:
    """Say everything in which the settings of a new cache break the rules of its kind."""
    return (*_of_kind(settings), *_common(settings))


def _of_kind(settings: NewCache) -> Iterator[Problem]:
    match settings.kind:
        case Kind.CLASSIC:
            yield from _classic(settings)
        case Kind.MANAGED:
            yield from _managed(settings)
        case Kind.ENTERPRISE:
            yield "kind", "is 'enterprise', of which Azure takes no new ones; 'managed' is its successor"
        case other:
            assert_never(other)


def _classic(settings: NewCache) -> Iterator[Problem]:
    found = CLASSIC_SKU.fullmatch(settings.sku)
    if not found:
        yield "sku", f"is '{settings.sku[:60]}'; a classic cache's is Basic_C0 … C6, Standard_C0 … C6, Premium_P1 … P5"
    premium = bool(found and found["p"])
    if settings.shards and not premium:
        yield "shards", f"is {settings.shards}; only a Premium cache can be clustered"
    if not 0 <= settings.shards <= MOST_SHARDS:
        yield "shards", f"is {settings.shards}; a clustered cache has 1 to {MOST_SHARDS} shards, any other has 0"
    if settings.zones and not premium:
        yield "zones", "are given; only for a Premium cache can they be chosen"
    if not settings.high_availability:
        yield "highAvailability", "is false; that can be chosen for kind 'managed' only (a Basic cache has none)"


def _managed(settings: NewCache) -> Iterator[Problem]:
    if not MANAGED_SKU.fullmatch(settings.sku):
        others = "such as Balanced_B5, MemoryOptimized_M10, ComputeOptimized_X5 or FlashOptimized_A250"
        yield "sku", f"is '{settings.sku[:60]}'; one of Azure Managed Redis is {others}"
    if settings.shards:
        yield "shards", f"is {settings.shards}; Azure Managed Redis shards by itself, so it is left out"
    if settings.zones:
        yield "zones", "are given; Azure Managed Redis spreads over zones by itself, so they are left out"


def _common(settings: NewCache) -> Iterator[Problem]:
    if not _REGION.fullmatch(settings.region):
        yield "location", f"is '{settings.region[:60]}'; a region is named such as westeurope"
    if settings.tls not in TLS:
        yield "minimumTlsVersion", f"is '{settings.tls[:20]}'; it must be {' or '.join(TLS)}"
    if len(set(settings.zones)) < len(settings.zones) or not set(settings.zones) <= _ZONES:
        yield "zones", "are 1, 2 and 3, each at most once"
    yield from _tags(settings)


def _tags(settings: NewCache) -> Iterator[Problem]:
    if len(settings.tags) >= _MOST_TAGS:
        # One more is Drawbridge's own.
        yield "tags", f"are {len(settings.tags)}; a cache can have {_MOST_TAGS}, and one is set by Drawbridge"
    for name, value in settings.tags.items():
        if not 1 <= len(name) <= _LONGEST_TAG_NAME or _TAG_NAME_FORBIDS & set(name):
            yield "tags", f"has the name '{name[:60]}': 1 to {_LONGEST_TAG_NAME} characters without < > % & \\ ? /"
        if len(value) > _LONGEST_TAG_VALUE:
            yield "tags", f"has a value of {len(value)} characters for '{name[:60]}'; {_LONGEST_TAG_VALUE} are allowed"


def tagged(settings: NewCache) -> dict[str, str]:
    """Give the tags that a cache is made with: those asked for, and who made it unless they say that themselves."""
    said = {name.lower() for name in settings.tags}
    own = {} if TAG_MANAGED_BY in said else {TAG_MANAGED_BY: MANAGED_BY}
    return {**settings.tags, **own}


def expected(cache: CacheId, settings: NewCache) -> Cache:
    """Give the cache as it will be before it has any endpoint: what the policy asks of it can be read off that."""
    classic = cache.type is CacheType.REDIS
    return Cache(
        id=cache,
        kind=settings.kind,
        region=settings.region,
        tags=tagged(settings),
        readiness=Readiness.BUSY,
        state="Absent",
        public_access=PublicAccess.DISABLED,
        zone="",
        group_member="",
        clustered=settings.shards > 0,
        closes_on_attach=classic,
    )


def differences(wanted: NewCache, there: NewCache) -> tuple[Problem, ...]:
    """Say in which fields a cache that is there is not as asked for; tags beside those asked for do not count."""
    pairs = {
        "kind": (wanted.kind.value, there.kind.value),
        "location": (region(wanted.region), region(there.region)),
        "sku": (wanted.sku, there.sku),
        "shards": (wanted.shards, there.shards),
        "zones": (sorted(wanted.zones), sorted(there.zones)),
        "minimumTlsVersion": (wanted.tls, there.tls),
        "accessKeys": (wanted.access_keys, there.access_keys),
        "highAvailability": (wanted.high_availability, there.high_availability),
    }
    if not wanted.zones:
        # Azure chooses them where nobody did.
        del pairs["zones"]
    if there.access_keys is None:
        del pairs["accessKeys"]
    told = [(name, f"is {has!r}, and {asked!r} is asked for") for name, (asked, has) in pairs.items() if asked != has]
    held = {name.lower(): value for name, value in there.tags.items()}
    missing = [name for name, value in wanted.tags.items() if held.get(name.lower()) != value]
    return (*told, *(("tags", f"do not have '{name[:60]}' as asked for") for name in missing))
