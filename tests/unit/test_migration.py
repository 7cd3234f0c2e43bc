"""What is proposed for a cache inside a virtual network: by its memory, and with all that cannot come along."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.creation import problems
from shared.migration import STEPS, OldCache, memory_of, not_carried_over, proposal, proposals
from shared.model import Kind, NewCache

OLD = OldCache(
    NewCache(Kind.CLASSIC, "westeurope", "Premium_P1", tls="1.0", access_keys=True, tags={"env": "prod"}), injected=True
)


def sized(sku: str, shards: int = 0) -> OldCache:
    return replace(OLD, settings=replace(OLD.settings, sku=sku, shards=shards))


@pytest.mark.parametrize(
    ("sku", "shards", "memory", "managed"),
    [
        ("Premium_P1", 0, 6, "Balanced_B5"),
        ("Premium_P2", 0, 13, "Balanced_B20"),
        ("Premium_P1", 2, 12, "Balanced_B10"),
        ("Premium_P3", 0, 26, "Balanced_B50"),
        ("Premium_P5", 1, 120, "Balanced_B100"),
        ("Premium_P5", 10, 1200, "Balanced_B1000"),
    ],
)
def test_the_managed_cache_that_is_proposed_has_at_least_the_memory(
    sku: str, shards: int, memory: float, managed: str
) -> None:
    old = sized(sku, shards)

    assert memory_of(old.settings) == memory
    assert proposal(old, Kind.MANAGED).settings.sku == managed


@pytest.mark.parametrize("shards", [0, 3])
def test_what_is_proposed_can_be_asked_for(shards: int) -> None:
    for each in proposals(sized("Premium_P2", shards)):
        assert problems(each.settings) == ()
        assert each.settings.region == "westeurope"
        assert each.settings.access_keys is True
        assert each.settings.tags == {"env": "prod"}
        assert each.note


def test_the_classic_cache_that_is_proposed_has_the_same_size() -> None:
    settings = proposal(sized("Premium_P2", 3), Kind.CLASSIC).settings

    assert (settings.sku, settings.shards) == ("Premium_P2", 3)


@pytest.mark.parametrize(
    ("old", "lost"),
    [
        (OLD, "The data"),
        (replace(OLD, static_ip="10.0.0.7"), "The static address 10.0.0.7"),
        (replace(OLD, linked=1), "geo-replication"),
        (replace(OLD, configuration={"rdb-backup-enabled": "true"}), "Persistence (RDB)"),
        (replace(OLD, identity=True), "managed identity"),
        (replace(OLD, non_tls_port=True), "6379"),
        (replace(OLD, replicas=2), "2 replicas"),
        (sized("Premium_P1", 2), "The shards"),
        (replace(OLD, configuration={"maxmemory-policy": "allkeys-lru"}), "maxmemory-policy"),
    ],
)
def test_what_cannot_come_along_is_said(old: OldCache, lost: str) -> None:
    assert lost in " ".join(not_carried_over(old))


def test_what_the_cache_does_not_have_is_not_said_to_be_lost() -> None:
    quiet = replace(OLD, configuration={"maxclients": "7500", "rdb-backup-enabled": "false"})

    said = " ".join(not_carried_over(quiet))
    assert not any(word in said for word in ("static", "Persistence", "geo-replication", "maxclients", "6379"))


def test_the_old_cache_is_deleted_last_and_by_its_owner() -> None:
    assert "yourself" in STEPS[-1]
    assert not any("delete" in step.lower() for step in STEPS[:-1])
