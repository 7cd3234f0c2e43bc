"""Whatever stands in the way becomes a reason and a sentence, and nothing is done that makes it worse."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace

import pytest
import pytest_asyncio

from local import fleet
from local.azure.faults import Denied, FailOperation, Lock, Match, PolicyDenial, Respond
from local.azure.links import Connection
from local.azure.seeds import CacheSeed, NetworkSeed, Seed, SubnetSeed, SubscriptionSeed
from local.azurite import Azurite
from local.stage import eventually
from tests.system.scene import CLOSE, OPEN, Scene, playing, scene, with_rules

pytestmark = [pytest.mark.emulator_only, pytest.mark.asyncio(loop_scope="module")]

GROUP = "rg-blocked"
NETLESS = "33333333-4444-5555-6666-777777777777"
CACHELESS = "44444444-5555-6666-7777-888888888888"
MADE_AND_UNMADE = ("PUT endpoint", "DELETE endpoint", "PUT endpoint", "DELETE endpoint", "PUT endpoint")


@dataclass(frozen=True)
class Case:
    """One obstacle: the cache that meets it, and what is said and done about it."""

    name: str
    reason: str
    words: str
    """What the message must hold for a person to act on it."""
    placement: str = ""
    done: tuple[str, ...] = ()
    """The writes that Azure took."""
    seed: Mapping[str, object] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return fleet.cache_id(self.name, GROUP)

    @property
    def tags(self) -> dict[str, str]:
        return {"drawbridge": "private"} | ({"drawbridge-placement": self.placement} if self.placement else {})

    def cache(self) -> CacheSeed:
        return replace_seed(CacheSeed(fleet.APPS, GROUP, self.name), self.seed)


def replace_seed(seed: CacheSeed, changes: Mapping[str, object]) -> CacheSeed:
    return CacheSeed(**{name: getattr(seed, name) for name in seed.__struct_fields__} | dict(changes))


PLANNED = (
    Case("injected", "VnetInjected", "inside a virtual network", seed={"subnet_id": fleet.subnet_id("weu", "apps")}),
    Case("far", "PlacementMissing", "'brazilsouth'", seed={"region": "brazilsouth"}),
    Case("misspelt", "PlacementUnknown", "'weu-prood'", "weu-prood"),
    Case("replicated", "GeoReplicated", "until it is unlinked", seed={"linked": (fleet.cache_id("peer", GROUP),)}),
    Case("broken", "CacheFailed", "Failed", seed={"state": "Failed"}),
    Case("stopped", "CacheDisabled", "Disabled", seed={"state": "Disabled"}),
    Case("clustered", "ClusteredSingleEndpoint", "one private endpoint", seed={"sku": "Premium", "shard_count": 2}),
    Case("crowded", "ConnectionLimit", "100 connections"),
    Case("pending", "EndpointPending", "waits for the approval"),
    Case("misnamed", "ZoneGroupConflict", "'privatelink.redis.cache.windows.net'"),
    Case("zoneless", "ZoneMissing", "'privatelink.redis.cache.windows.net'", "zoneless"),
)
REFUSED = (
    Case("full", "SubnetFull", "does not have enough capacity", "weu-full"),
    Case("delegated", "SubnetDelegated", "delegated", "weu-delegated"),
    Case("strict", "SubnetNetworkPolicies", "network policies", "strict"),
    Case("nowhere", "SubnetUnreachable", "/subnets/none", "nowhere"),
    Case("misplaced", "SubnetUnreachable", "the same region", "misplaced"),
    Case("groupless", "ResourceGroupMissing", "'rg-none'", "groupless"),
    Case("locked", "ScopeLocked", "remove the lock", "locked"),
    Case("locked-itself", "ScopeLocked", "remove the lock"),
    Case("denied", "PermissionDenied", "Microsoft.Network/privateEndpoints/write", "denied"),
    Case("unjoinable", "PermissionDenied", "subnets/join/action", "unjoinable"),
    Case("unapproved", "PermissionDenied", "privateEndpointConnectionsApproval/action"),
    Case("unreadable", "CacheUnreadable", "Microsoft.Cache/redis/read"),
    Case("forbidden", "PolicyDenied", "disallowed by policy", "forbidden"),
    Case("netless", "ProviderUnregistered", "Microsoft.Network", "netless"),
    Case("cacheless", "ProviderUnregistered", "Microsoft.Cache", "cacheless"),
    Case("costly", "NetworkQuota", "maximum number", "weu-prod"),
    Case("strange", "Unexpected", "Nobody has seen this before.", "weu-prod"),
    Case("flaky", "EndpointFailed", "three times", "weu-prod", done=MADE_AND_UNMADE),
    Case(
        "saved",
        "PersistenceFirewalled",
        "storage account behind a firewall",
        "weu-prod",
        done=MADE_AND_UNMADE,
        seed={"sku": "Premium", "properties": {"redisConfiguration": {"rdb-backup-enabled": "true"}}},
    ),
)
CASES = (*PLANNED, *REFUSED)
WAYLESS = fleet.cache_id("wayless", "rg-wayless")
CONTESTED = fleet.cache_id("contested", "rg-shop")
BY_NAME = {case.name: case.id for case in CASES}


def group(name: str, subscription: str = fleet.HUB) -> str:
    return f"/subscriptions/{subscription}/resourceGroups/{name}"


def placement(name: str, in_group: str, subnet: str = "", **changes: str) -> str:
    """Write one placement, in West Europe unless it says otherwise."""
    zones = f"{{zones: {{{fleet.ZONE}: {fleet.ZONE_ID}}}}}"
    body = {
        "region": "westeurope",
        "subnet": subnet or fleet.subnet_id("weu"),
        "endpointResourceGroup": in_group,
        "dns": zones,
        **changes,
    }
    return f"  {name}:\n" + "".join(f"    {key}: {value}\n" for key, value in body.items())


def policy() -> str:
    hub = group("rg-hub-weu")
    foreign_zone = fleet.ZONE_ID.replace(fleet.ZONE, "privatelink.redis.azure.net")
    rules = "{match: {resourceGroups: [rg-wayless]}, enrol: none, closePublicAccess: all}"
    return with_rules(fleet.policy(), rules) + "".join(
        [
            placement("zoneless", hub, dns=f"{{zones: {{privatelink.redis.azure.net: {foreign_zone}}}}}"),
            placement("strict", hub, fleet.subnet_id("weu").replace("vnet-weu", "vnet-strict")),
            placement("nowhere", hub, fleet.subnet_id("weu", "none")),
            placement("misplaced", hub, region="northeurope"),
            placement("groupless", group("rg-none")),
            placement("locked", group("rg-locked")),
            placement("denied", group("rg-denied")),
            placement("unjoinable", hub, fleet.subnet_id("weu", "unjoinable")),
            placement("forbidden", group("rg-forbidden")),
            placement("netless", group("rg-netless", NETLESS)),
            placement("cacheless", group("rg-cacheless", CACHELESS)),
        ]
    )


def seed() -> Seed:
    base = fleet.seed(
        *(case.cache() for case in CASES),
        CacheSeed(fleet.APPS, "rg-wayless", "wayless"),
        CacheSeed(fleet.APPS, "rg-shop", "contested", tags={"drawbridge": "private"}),
    )
    strict = SubnetSeed("endpoints", "10.50.0.0/20", refuses_policies=True)
    network = NetworkSeed(fleet.HUB, "rg-hub-weu", "vnet-strict", "westeurope", "10.50.0.0/16", (strict,))
    unregistered = (
        SubscriptionSeed(NETLESS, unregistered=("Microsoft.Network",)),
        SubscriptionSeed(CACHELESS, unregistered=("Microsoft.Cache",)),
    )
    return Seed(
        subscriptions=(*base.subscriptions, *unregistered), networks=(*base.networks, network), caches=base.caches
    )


async def obstruct(at: Scene) -> None:
    """Put everything in the way that is no part of a seed."""
    for made in ("rg-locked", "rg-denied", "rg-forbidden"):
        at.stage.outside("PUT", group(made), {"location": "westeurope"})
    for name, subscription in (("rg-netless", NETLESS), ("rg-cacheless", CACHELESS)):
        at.stage.outside("PUT", group(name, subscription), {"location": "westeurope"})
    unjoinable = {"properties": {"addressPrefix": "10.0.210.0/24"}}
    at.stage.outside("PUT", fleet.subnet_id("weu", "unjoinable"), unjoinable)
    await by_hand(at)
    for number in range(100):
        crowd(at, number)
    faults = at.stage.azure.faults
    faults.add(Lock(group("rg-locked")))
    faults.add(Lock(BY_NAME["locked-itself"]))
    faults.add(Denied("Microsoft.Network/privateEndpoints/write", group("rg-denied")))
    faults.add(Denied("*/join/action", fleet.subnet_id("weu", "unjoinable")))
    faults.add(Denied("*/privateEndpointConnectionsApproval/action", BY_NAME["unapproved"]))
    faults.add(Denied("Microsoft.Cache/redis/read", BY_NAME["unreadable"]))
    faults.add(PolicyDenial("Microsoft.Network/privateEndpoints", group("rg-forbidden")))
    quota = "The maximum number of private endpoints has been created in this virtual network."
    faults.add(Respond(400, "PrivateEndpointQuota", quota), Match("PUT", "/pe-costly-"))
    faults.add(Respond(400, "SomethingNew", "Nobody has seen this before."), Match("PUT", "/pe-strange-"))
    faults.add(FailOperation(), Match("PUT", "/pe-(flaky|saved)-[0-9a-f]+$"))


async def by_hand(at: Scene) -> None:
    """Make the endpoints that somebody else has made."""
    made = [
        at.endpoint_by_hand(BY_NAME["clustered"], "pe-by-hand-1", fleet.subnet_id("eus")),
        at.endpoint_by_hand(BY_NAME["pending"], "pe-by-hand-2", fleet.subnet_id("weu"), manual=True),
        at.endpoint_by_hand(BY_NAME["misnamed"], "pe-by-hand-3", fleet.subnet_id("weu")),
        at.endpoint_by_hand(BY_NAME["locked-itself"], "pe-by-hand-4", fleet.subnet_id("weu")),
    ]
    for endpoint in made:
        await at.until_working(endpoint)
    at.leave_open(BY_NAME["locked-itself"])
    other = f"{group('rg-hub-weu')}/providers/Microsoft.Network/privateDnsZones/example.internal"
    at.stage.outside("PUT", other, {"location": "global"})
    await at.stage.azure.until(lambda world: world.show(other))
    entry = {"name": "example", "properties": {"privateDnsZoneId": other}}
    at.stage.outside(
        "PUT", f"{made[2]}/privateDnsZoneGroups/theirs", {"properties": {"privateDnsZoneConfigs": [entry]}}
    )


def crowd(at: Scene, number: int) -> None:
    """Let one more endpoint of somebody else's wait for approval."""
    world = at.stage.azure.world
    name = f"pe-foreign-{number}"
    endpoint = f"{group('rg-hub-weu')}/providers/Microsoft.Network/privateEndpoints/{name}"
    connection = Connection(f"{name}.{number}", endpoint, ("redisCache",), "Pending")
    cache = world.cache(BY_NAME["crowded"])
    world.put(replace(cache, connections=(*cache.connections, connection)))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def obstructed(azurite: Azurite) -> AsyncIterator[tuple[Scene, Mapping[str, str | None]]]:
    """Give a fleet in which every cache meets its obstacle, and how each cache's door was before."""
    options = replace(playing(azurite, policy=policy()), seed=seed())
    async with scene(options) as at:
        await obstruct(at)
        for case in CASES:
            at.wear(case.id, case.tags)
        doors = {case.name: at.cache(case.id).public for case in CASES}
        await at.stage.sweep()
        yield at, doors


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_an_obstacle_is_named_and_nothing_is_done_that_it_makes_harmful(
    obstructed: tuple[Scene, Mapping[str, str | None]], case: Case
) -> None:
    at, doors = obstructed
    message = await at.until_blocked(case.id, case.reason)

    assert case.words in message
    assert [f"{e.method} endpoint" for e in at.writes(case.id) if e.status < 300] == list(case.done)
    assert at.cache(case.id).public == doors[case.name]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_message_is_one_line_for_a_person(
    obstructed: tuple[Scene, Mapping[str, str | None]], case: Case
) -> None:
    at, _ = obstructed
    message = await at.until_blocked(case.id, case.reason)

    assert 20 < len(message) < 600
    assert "\n" not in message
    assert not any(word in message for word in ("Traceback", "HttpResponseError", "None", "?t=", "&c="))


async def test_a_cache_that_must_be_closed_and_has_no_endpoint_is_not_cut_off(
    obstructed: tuple[Scene, Mapping[str, str | None]],
) -> None:
    at, _ = obstructed
    message = await at.until_blocked(WAYLESS, "NoPrivateWay")

    assert "would cut it off" in message
    assert at.writes(WAYLESS) == []
    assert at.cache(WAYLESS).public == "Enabled"


async def test_what_can_be_approved_is_carried_on_with_once_it_is(
    obstructed: tuple[Scene, Mapping[str, str | None]],
) -> None:
    at, _ = obstructed
    await at.until_blocked(BY_NAME["pending"], "EndpointPending")

    (connection,) = at.cache(BY_NAME["pending"]).connections
    state = {"status": "Approved", "description": "welcome"}
    path = f"{BY_NAME['pending']}/privateEndpointConnections/{connection.name}"
    at.stage.outside("PUT", path, {"properties": {"privateLinkServiceConnectionState": state}})

    await at.until_private(BY_NAME["pending"])
    assert [e.name for e in at.endpoints(BY_NAME["pending"])] == ["pe-by-hand-2"]


async def test_a_fight_is_given_up_with_the_door_shut_and_the_callers_named(
    obstructed: tuple[Scene, Mapping[str, str | None]],
) -> None:
    at, _ = obstructed
    await at.until_private(CONTESTED)
    since = at.now

    for _ in range(4):
        at.update(CONTESTED, OPEN)
        await at.stage.azure.until(lambda world: world.cache(CONTESTED).public == "Enabled")
        await eventually(lambda: at.shut(CONTESTED), 20, "the door to be shut again")

    # The verdict is the fight's only until the next look, which finds the door shut: what lasts is what was told of it.
    await eventually(lambda: _told(at), 20, "an announcement of the fight")
    assert at.cache(CONTESTED).public == "Disabled"
    assert [entry.body for entry in at.writes(CONTESTED, since)] == [CLOSE] * 4
    (told,) = [event for event in at.stage.azure.topic.events if event["type"] == "Drawbridge.Cache.Contested"]
    assert (told["subject"].lower(), told["data"]["reason"]) == (CONTESTED.lower(), "Contested")
    assert "ops@contoso.example" in told["data"]["message"]


async def _told(at: Scene) -> bool:
    return any(event["type"] == "Drawbridge.Cache.Contested" for event in at.stage.azure.topic.events)
