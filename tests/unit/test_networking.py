"""What network may be asked for, and what is done about what is there: completed, never narrowed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.ids import NetworkId
from shared.model import Mode, Readiness, Step
from shared.networking import (
    NetworkObserved,
    NetworkPlan,
    NetworkPolicies,
    NetworkSeen,
    NetworkWish,
    SubnetSeen,
    ZoneSeen,
    in_words,
    plan,
    problems,
)
from tests.worlds import CLASSIC_ZONE, NETWORK_SUBSCRIPTION, NOW, TIMING

NETWORK = NetworkId(NETWORK_SUBSCRIPTION, "rg-net", "virtualNetworks", "vnet-shop")
ZONE = NetworkId(NETWORK_SUBSCRIPTION, "rg-hub", "privateDnsZones", CLASSIC_ZONE)
WISH = NetworkWish("westeurope", ("10.1.0.0/16",), "endpoints", "10.1.0.0/24", (CLASSIC_ZONE,))
SUBNET = SubnetSeen("endpoints", ("10.1.0.0/24",), Readiness.READY, policies="Disabled")
THERE = NetworkSeen(NETWORK, Readiness.READY, "westeurope", ("10.1.0.0/16",), (SUBNET,))
LINKED = ZoneSeen(ZONE, exists=True, linked=True)
DONE = NetworkObserved(NETWORK, THERE, (LINKED,))


def decided(seen: NetworkObserved, wish: NetworkWish = WISH, mode: Mode = Mode.ENFORCE) -> NetworkPlan:
    return plan(seen, wish, mode=mode, now=NOW, timing=TIMING)


def told(made: NetworkPlan) -> str:
    did = ", ".join(type(action).__name__ for action in made.actions) or "nothing"
    why = made.verdict.reason or made.verdict.step
    return f"{did} → {made.verdict.kind}" + (f"({why.name})" if why else "")


def seen(**changes: object) -> NetworkObserved:
    return replace(DONE, network=replace(THERE, **changes))  # type: ignore[arg-type]


# ── what may be asked ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "wish"),
    [
        ("vnet-shop", WISH),
        ("v_", replace(WISH, prefixes=("10.1.0.0/29",), subnet_prefix="10.1.0.0/29", endpoints=3)),
        ("a.b-c", replace(WISH, prefixes=("192.168.0.0/24", "10.1.0.0/24"), subnet="s")),
    ],
)
def test_what_azure_takes_is_taken(name: str, wish: NetworkWish) -> None:
    assert problems(name, wish) == ()


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        (replace(WISH, region="West Europe"), "location"),
        (replace(WISH, prefixes=()), "addressSpace"),
        (replace(WISH, prefixes=("10.1.0.0",), subnet_prefix="10.1.0.0/29"), "addressSpace"),
        (replace(WISH, prefixes=("10.1.0.1/16",)), "addressSpace"),
        (replace(WISH, prefixes=("10.0.0.0/7",)), "addressSpace"),
        (replace(WISH, prefixes=("fd00::/48",)), "addressSpace"),
        (replace(WISH, prefixes=("169.254.0.0/16",)), "addressSpace"),
        (replace(WISH, prefixes=("10.1.0.0/16", "10.1.2.0/24")), "addressSpace"),
        (replace(WISH, subnet_prefix="10.2.0.0/24"), "subnet.prefix"),
        (replace(WISH, subnet_prefix="10.1.0.0/15"), "subnet.prefix"),
        (replace(WISH, subnet_prefix="10.1.0.0/30"), "subnet.prefix"),
        (replace(WISH, subnet_prefix="ten"), "subnet.prefix"),
        (replace(WISH, subnet_prefix="10.1.0.0/29", endpoints=4), "subnet.prefix"),
        (replace(WISH, subnet="-s"), "subnet.name"),
        (replace(WISH, subnet="s" * 81), "subnet.name"),
        (replace(WISH, zones=("redis.azure.net",)), "zones"),
        (replace(WISH, zones=("privatelink.redis/azure.net",)), "zones"),
    ],
)
def test_what_breaks_a_rule_is_told_by_the_name_of_its_field(wish: NetworkWish, field: str) -> None:
    assert field in [name for name, _ in problems("vnet-shop", wish)]


@pytest.mark.parametrize("name", ["v", "v" * 65, "-v", "v.", "v v"])
def test_a_network_has_a_name_that_azure_takes(name: str) -> None:
    assert [field for field, _ in problems(name, WISH)] == ["name"]


# ── what is done ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        pytest.param(NetworkObserved(NETWORK, None), "CreateNetwork → Converging(NETWORKING)", id="absent"),
        pytest.param(seen(readiness=Readiness.BUSY), "nothing → Converging(NETWORKING)", id="being made"),
        pytest.param(seen(readiness=Readiness.FAILED), "nothing → Blocked(NETWORK_FAILED)", id="failed"),
        pytest.param(seen(region="northeurope"), "nothing → Blocked(NETWORK_DIFFERS)", id="elsewhere"),
        pytest.param(seen(prefixes=("10.9.0.0/16",)), "WidenNetwork → Converging(NETWORKING)", id="other space"),
        pytest.param(seen(prefixes=("10.0.0.0/8",)), "nothing → Compliant", id="wider space"),
        pytest.param(seen(prefixes=("10.1.0.0/20",)), "nothing → Blocked(NETWORK_DIFFERS)", id="narrower space"),
        pytest.param(seen(subnets=()), "CreateSubnet → Converging(NETWORKING)", id="no subnet"),
        pytest.param(
            seen(subnets=(SubnetSeen("apps", ("10.1.0.0/22",), Readiness.READY),)),
            "nothing → Blocked(NETWORK_DIFFERS)",
            id="overlaps another subnet",
        ),
        pytest.param(
            seen(subnets=(SubnetSeen("apps", ("10.1.4.0/22",), Readiness.READY),)),
            "CreateSubnet → Converging(NETWORKING)",
            id="beside another subnet",
        ),
        pytest.param(
            seen(subnets=(replace(SUBNET, prefixes=("10.1.0.0/25",)),)),
            "nothing → Blocked(NETWORK_DIFFERS)",
            id="another prefix",
        ),
        pytest.param(
            seen(subnets=(replace(SUBNET, delegated=True),)), "nothing → Blocked(SUBNET_DELEGATED)", id="delegated"
        ),
        pytest.param(
            seen(subnets=(replace(SUBNET, readiness=Readiness.BUSY),)),
            "nothing → Converging(NETWORKING)",
            id="subnet being made",
        ),
        pytest.param(
            replace(DONE, zones=(ZoneSeen(ZONE, exists=False, linked=False),)),
            "CreateZone → Converging(ZONING)",
            id="no zone",
        ),
        pytest.param(
            replace(DONE, zones=(ZoneSeen(ZONE, exists=True, linked=False),)),
            "LinkZone → Converging(ZONING)",
            id="not linked",
        ),
        pytest.param(DONE, "nothing → Compliant", id="done"),
    ],
)
def test_a_network_is_completed_step_by_step(there: NetworkObserved, expected: str) -> None:
    assert told(decided(there)) == expected


def test_a_subnet_without_room_is_blocked_unless_what_fills_it_are_as_many_as_shall_fit() -> None:
    small = replace(WISH, subnet_prefix="10.1.0.0/29", endpoints=3)
    subnet = SubnetSeen("endpoints", ("10.1.0.0/29",), Readiness.READY, used=2)

    assert told(decided(seen(subnets=(subnet,)), small)) == "nothing → Blocked(SUBNET_FULL)"
    assert told(decided(seen(subnets=(replace(subnet, used=3),)), small)) == "nothing → Compliant"


def test_what_was_begun_is_not_begun_again_while_a_read_may_not_show_it() -> None:
    absent = NetworkObserved(NETWORK, None, begun={"network": NOW - timedelta(minutes=1)})
    late = NetworkObserved(NETWORK, None, begun={"network": NOW - timedelta(minutes=20)})
    stuck = NetworkObserved(NETWORK, None, begun={"network": NOW - timedelta(hours=2)})

    assert told(decided(absent)) == "nothing → Converging(NETWORKING)"
    assert told(decided(late)) == "CreateNetwork → Converging(NETWORKING)"
    assert told(decided(stuck)) == "nothing → Blocked(NETWORK_FAILED)"


def test_policies_of_a_subnet_that_was_there_are_kept_and_told() -> None:
    kept = seen(subnets=(replace(SUBNET, policies=NetworkPolicies.ENABLED),))

    assert "keeps them" in decided(kept).verdict.message


def test_audit_mode_does_nothing_and_says_what_it_would_do() -> None:
    made = decided(NetworkObserved(NETWORK, None), mode=Mode.AUDIT)

    assert made.actions == ()
    assert "make network vnet-shop (10.1.0.0/16) with subnet endpoints" in made.verdict.message


def test_every_action_can_be_said_in_words() -> None:
    zone = replace(DONE, zones=(ZoneSeen(ZONE, exists=True, linked=False), ZoneSeen(ZONE, exists=False, linked=False)))
    plans = [NetworkObserved(NETWORK, None), seen(prefixes=("10.9.0.0/16",)), seen(subnets=()), zone]

    words = [in_words(action) for each in plans for action in decided(each).actions]

    assert len(words) == 5
    assert all(NETWORK.name in text or ZONE.name in text for text in words)
    assert decided(plans[0]).verdict.step is Step.NETWORKING
