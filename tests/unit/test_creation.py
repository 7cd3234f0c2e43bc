"""What a new cache may be made with: Azure's rules, held against a request before Azure is asked anything."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.creation import differences, expected, problems, tagged
from shared.ids import CacheId
from shared.model import Kind, NewCache, PublicAccess
from tests.worlds import CLASSIC, MANAGED

CACHE = NewCache(Kind.CLASSIC, "westeurope", "Premium_P2", shards=3, zones=("1", "2"), tags={"env": "prod"})
CLUSTER = NewCache(Kind.MANAGED, "westeurope", "Balanced_B5")


@pytest.mark.parametrize(
    "settings",
    [
        CACHE,
        CLUSTER,
        NewCache(Kind.CLASSIC, "westeurope", "Basic_C0"),
        NewCache(Kind.CLASSIC, "westeurope", "Standard_C6", access_keys=True),
        NewCache(Kind.MANAGED, "westeurope", "FlashOptimized_A4500", high_availability=False),
    ],
    ids=lambda settings: settings.sku,
)
def test_what_azure_takes_is_taken(settings: NewCache) -> None:
    assert problems(settings) == ()


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        (replace(CACHE, sku="Premium_P6"), "sku"),
        (replace(CACHE, sku="Premium_C1"), "sku"),
        (replace(CACHE, sku="standard_c1"), "sku"),
        (replace(CACHE, sku="Balanced_B5"), "sku"),
        (replace(CLUSTER, sku="Premium_P1"), "sku"),
        (replace(CLUSTER, sku="Enterprise_E10"), "sku"),
        (replace(CACHE, sku="Standard_C1", zones=()), "shards"),
        (replace(CACHE, shards=11), "shards"),
        (replace(CACHE, shards=-1), "shards"),
        (replace(CACHE, sku="Standard_C1", shards=0), "zones"),
        (replace(CACHE, zones=("4",)), "zones"),
        (replace(CACHE, zones=("1", "1")), "zones"),
        (replace(CACHE, high_availability=False), "highAvailability"),
        (replace(CLUSTER, shards=1), "shards"),
        (replace(CLUSTER, zones=("1",)), "zones"),
        (replace(CLUSTER, tls="1.0"), "minimumTlsVersion"),
        (replace(CLUSTER, region="West Europe"), "location"),
        (replace(CLUSTER, region=""), "location"),
        (replace(CLUSTER, tags={"a/b": "c"}), "tags"),
        (replace(CLUSTER, tags={"": "c"}), "tags"),
        (replace(CLUSTER, tags={"a": "c" * 257}), "tags"),
        (replace(CLUSTER, tags={str(n): "" for n in range(50)}), "tags"),
        (replace(CLUSTER, kind=Kind.ENTERPRISE), "kind"),
    ],
)
def test_what_breaks_a_rule_is_told_by_the_name_of_its_field(settings: NewCache, field: str) -> None:
    assert field in [name for name, _ in problems(settings)]


def test_the_caller_may_say_who_manages_the_cache() -> None:
    assert tagged(CACHE) == {"env": "prod", "managed-by": "drawbridge"}
    assert tagged(replace(CACHE, tags={"Managed-By": "terraform"})) == {"Managed-By": "terraform"}


@pytest.mark.parametrize(("cache", "settings"), [(CLASSIC, CACHE), (MANAGED, CLUSTER)])
def test_what_is_expected_of_a_cache_is_closed_and_has_no_endpoint(cache: CacheId, settings: NewCache) -> None:
    coming = expected(cache, settings)

    assert (coming.public_access, coming.connections, coming.kind) == (PublicAccess.DISABLED, (), settings.kind)


def test_a_cache_that_is_as_asked_for_does_not_differ() -> None:
    there = replace(CACHE, region="West Europe", tags={"ENV": "prod", "owner": "shop"})

    assert differences(CACHE, there) == ()
    assert differences(replace(CACHE, zones=()), there) == ()
    assert differences(CLUSTER, replace(CLUSTER, access_keys=None)) == ()


@pytest.mark.parametrize(
    ("there", "field"),
    [
        (replace(CACHE, kind=Kind.MANAGED), "kind"),
        (replace(CACHE, sku="Premium_P1"), "sku"),
        (replace(CACHE, region="northeurope"), "location"),
        (replace(CACHE, shards=2), "shards"),
        (replace(CACHE, zones=("3",)), "zones"),
        (replace(CACHE, tls="1.0"), "minimumTlsVersion"),
        (replace(CACHE, access_keys=True), "accessKeys"),
        (replace(CACHE, high_availability=False), "highAvailability"),
        (replace(CACHE, tags={"env": "test"}), "tags"),
        (replace(CACHE, tags={}), "tags"),
    ],
)
def test_a_cache_that_is_not_as_asked_for_differs_in_that_field(there: NewCache, field: str) -> None:
    ((name, said),) = differences(CACHE, there)

    assert name == field
    assert said
