"""What callers of the API and sweeps need beyond passes over caches: take one action away, and they are told of it.

Roles are at the scopes at which infra/main.bicep assigns them, as in test_roles.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import pytest
import pytest_asyncio

from local import fleet
from local.azure.access import Grant
from local.azure.callers import APP
from local.azure.privatedns import Link
from local.azure.seeds import CacheSeed, ClusterSeed, ManagementGroupSeed, Seed
from local.azurite import Azurite
from shared.ids import CacheId, NetworkId, network_id
from tests.system.office import Office, Reply, office
from tests.system.robust import test_roles
from tests.system.robust.granted import FLEET, HUBS, ROLES, Right, deployed, rights

pytestmark = [pytest.mark.emulator_only, pytest.mark.asyncio(loop_scope="module")]

Parameters = dict[str, Sequence[str]]
NETWORKS = f"/subscriptions/{fleet.APPS}/resourceGroups/rg-net"
OWN_ZONE = "privatelink.redis.own.example"
"""A name that the policy has no zone for."""
APP_GROUP = f"{HUBS[0]}/providers/Microsoft.Network/applicationSecurityGroups/clients"
COMPANY = "company"

MAKER: Parameters = {"watchedSubscriptions": [fleet.APPS], "networkMakerResourceGroups": [NETWORKS]}
IN_THE_HUB: Parameters = MAKER | {"linkedDnsZones": [fleet.ZONE_ID]}
"""Networks that are linked to a zone of the policy's."""
SEARCHED: Parameters = MAKER | {"zoneSearchSubscriptions": [fleet.APPS, fleet.HUB]}
BESIDE: Parameters = IN_THE_HUB | SEARCHED | {"zoneMakerResourceGroups": [NETWORKS]}
"""Networks that have zones of both sorts."""
SPOKE = 140
"""The number of a network in which the policy has a placement before it is there."""
IN_THE_SPOKE: Parameters = SEARCHED | {
    "endpointResourceGroups": [NETWORKS],
    "subnetChoiceResourceGroups": [NETWORKS],
    "dnsZones": [fleet.ZONE_ID],
    "linkedDnsZones": [fleet.ZONE_ID],
}
CHOSEN: Parameters = FLEET | {"subnets": [], "subnetChoiceResourceGroups": HUBS}
GROUPED: Parameters = FLEET | {"securityGroupResourceGroups": HUBS}
MAKING: Parameters = FLEET | {"cacheMakerResourceGroups": [f"/subscriptions/{fleet.APPS}/resourceGroups/rg-shop"]}


def policy() -> str:
    text = fleet.policy().replace("optOut: allowed", "optOut: allowed, freePlacement: allowed")
    subnet = f"{NETWORKS}/providers/Microsoft.Network/virtualNetworks/net-{SPOKE}/subnets/endpoints"
    dns = f"{{zones: {{{fleet.ZONE}: {fleet.ZONE_ID}}}}}"
    text += f"  spoke: {{region: westeurope, subnet: {subnet}, endpointResourceGroup: {NETWORKS}, dns: {dns}}}\n"
    return f'{text}networks: {{allow: ["{NETWORKS}"]}}\n'


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def at(azurite: Azurite) -> AsyncIterator[Office]:
    async with office(azurite, policy()) as opened:
        stage = opened.town.scene.stage
        stage.outside("PUT", NETWORKS, {"location": "westeurope"})
        stage.outside("PUT", APP_GROUP, {"location": "westeurope"})
        await opened.town.azure.quiet()
        yield opened


@dataclass(frozen=True)
class Told:
    """What a caller was answered in the end, and what Azure refused the app on the way."""

    reply: Reply
    refused: int

    @property
    def state(self) -> tuple[str, Any]:
        """Give state and reason; of an error, its code and None."""
        body = self.reply.body
        verdict = body.get("verdict")
        reason = (verdict if isinstance(verdict, dict) else body).get("reason")
        return body.get("state") or self.reply.code, reason

    @property
    def words(self) -> str:
        return str(self.reply.body).lower()


READY = ("Ready", None)
DENIED = ("Blocked", "PermissionDenied")
REFUSED = ("AuthorizationFailed", None)
"""The call itself, in Azure's words."""


@dataclass(frozen=True)
class Granted:
    """The office, while the app has roles and no more."""

    at: Office
    since: int

    def told(self, reply: Reply) -> Told:
        entries = self.at.town.azure.world.journal.entries(caller=APP.object_id, since=self.since)
        return Told(reply, sum(entry.status == HTTPStatus.FORBIDDEN for entry in entries))


class Roles:
    """Gives the app roles for as long as a story lasts."""

    def __init__(self, at: Office, granted: tuple[Grant, ...]) -> None:
        self._world = at.town.azure.world
        self._granted = granted
        self._given = Granted(at, len(self._world.journal))

    def __enter__(self) -> Granted:
        self._world.access.grants[APP.object_id] = self._granted
        return self._given

    def __exit__(self, *_: object) -> None:
        del self._world.access.grants[APP.object_id]


def spelt(right: Right | None, prefix: str) -> str:
    """Name what a story is about, as no other story does."""
    text = "".join(right).replace("Microsoft.", "").replace("/", "-") if right else "all"
    return f"{prefix}-{text}".lower().replace("redisenterprise", "re").replace("privateendpoint", "pe")[:60].strip("-")


# ── connections ──────────────────────────────────────────────────────────────────────────────────


async def about_a_connection(at: Office, operation: str, kind: str, right: Right | None) -> Told:
    """Decide about a connection that somebody else asks for, to a cache that nobody has enrolled."""
    name = spelt(right, f"{operation[:3]}-{kind[:2]}")
    classic = (CacheSeed(fleet.APPS, "rg-shop", name),) if kind == "classic" else ()
    managed = (ClusterSeed(fleet.APPS, "rg-shop", name),) if kind == "managed" else ()
    at.town.azure.world.seed(Seed(caches=classic, clusters=managed))
    cache = CacheId.parse(fleet.cache_id(name) if kind == "classic" else fleet.cluster_id(name))
    at.town.scene.endpoint_by_hand(str(cache), f"pe-{name}", fleet.subnet_id("weu"), manual=True)
    await at.town.azure.quiet()
    (connection,) = at.town.scene.cache(str(cache)).connections
    body = {"status": "Approved", "description": "known"} if operation == "put_connection" else None
    with Roles(at, deployed({"watchedSubscriptions": [fleet.APPS]}, right)) as granted:
        await at.ask(operation, cache, body, connection=connection.name)
        await at.settled(cache)
        return granted.told(await at.ask("get_connection", cache, connection=connection.name))


CONNECTIONS = [
    (operation, kind, ("caches", f"Microsoft.Cache/{type_}/privateEndpointConnections/{verb}"))
    for kind, type_ in (("classic", "redis"), ("managed", "redisEnterprise"))
    for operation, verb in (("put_connection", "write"), ("delete_connection", "delete"))
]


@pytest.mark.parametrize(("operation", "kind", "right"), CONNECTIONS)
async def test_a_connection_is_decided_about_by_one_action(at: Office, operation: str, kind: str, right: Right) -> None:
    told = await about_a_connection(at, operation, kind, None)
    assert (told.state[0], told.refused) == ("Ready", 0), told

    without = await about_a_connection(at, operation, kind, right)
    assert without.state == DENIED, without
    assert right[1].lower() in without.words


# ── caches ───────────────────────────────────────────────────────────────────────────────────────


async def a_cache_is_made(at: Office, right: Right | None) -> Told:
    name = spelt(right, "made")
    cache = CacheId.parse(fleet.cluster_id(name))
    wish = {"kind": "managed", "location": "westeurope", "sku": "Balanced_B5"}
    with Roles(at, deployed(MAKING, right)) as granted:
        await at.ask("put_cache", cache, wish)
        await at.settled(cache)
        return granted.told(await at.ask("get_cache", cache))


async def test_a_cluster_is_made_with_its_database_and_its_endpoint(at: Office) -> None:
    told = await a_cache_is_made(at, None)

    assert (told.state, told.refused) == (READY, 0), told


@pytest.mark.parametrize("right", rights(["cache-maker"]), ids=" ".join)
async def test_without_any_one_action_a_cluster_is_not_finished(at: Office, right: Right) -> None:
    told = await a_cache_is_made(at, right)

    assert told.state == DENIED, told
    assert right[1].lower() in told.words


# ── networks ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Plot:
    """A network that somebody asks for, in a resource group that has what ``before`` put there."""

    at: Office
    network: NetworkId
    number: int

    @property
    def prefix(self) -> str:
        return f"10.{self.number}.0.0"

    def there(self) -> None:
        """Let it be there already, without its subnet."""
        space = {"addressSpace": {"addressPrefixes": [f"{self.prefix}/16"]}}
        self.at.town.scene.stage.outside("PUT", str(self.network), {"location": "westeurope", "properties": space})

    async def linked(self) -> str:
        """Let it be linked to a zone of the hub's that the policy does not name; gives that zone's id."""
        zone = f"{HUBS[1]}/providers/Microsoft.Network/privateDnsZones/{OWN_ZONE}"
        outside = self.at.town.scene.stage.outside
        outside("PUT", zone, {"location": "global"})
        await self.at.town.azure.quiet()
        properties = {"registrationEnabled": False, "virtualNetwork": {"id": str(self.network)}}
        link = f"{zone}/virtualNetworkLinks/{self.network.name}"
        outside("PUT", link, {"location": "global", "properties": properties})
        return zone

    async def asked(self, parameters: Parameters, right: Right | None, *zones: str) -> Told:
        """Ask for it with these zones."""
        body = {
            "location": "westeurope",
            "addressSpace": [f"{self.prefix}/16"],
            "subnet": {"name": "endpoints", "prefix": f"{self.prefix}/24"},
            "zones": zones,
        }
        await self.at.town.azure.quiet()
        with Roles(self.at, deployed(parameters, right)) as granted:
            await self.at.ask("put_network", self.network, body)
            await self.at.completed(self.network)
            return granted.told(await self.at.ask("get_network", self.network))

    def links(self) -> set[str]:
        found = self.at.town.azure.world.store.of(Link)
        return {each.zone_id.lower() for each in found if each.vnet_id.lower() == str(self.network).lower()}


def plot(at: Office, number: int) -> Plot:
    return Plot(at, network_id(f"{NETWORKS}/providers/Microsoft.Network/virtualNetworks/net-{number}"), number)


async def test_a_network_is_made_and_linked_to_a_zone_of_the_hub_and_to_one_of_its_own(at: Office) -> None:
    where = plot(at, 100)
    told = await where.asked(BESIDE, None, fleet.ZONE, OWN_ZONE)

    assert (told.state, told.refused) == (READY, 0), told
    own = f"{NETWORKS}/providers/Microsoft.Network/privateDnsZones/{OWN_ZONE}"
    assert where.links() == {fleet.ZONE_ID.lower(), own.lower()}


@pytest.mark.parametrize(("number", "right"), [*enumerate(rights(["network-maker", "zone-links"]), 110)], ids=str)
async def test_without_any_one_action_a_network_stays_as_it_is(at: Office, number: int, right: Right) -> None:
    where = plot(at, number)
    if right[1].endswith("subnets/write"):
        where.there()
    told = await where.asked(IN_THE_HUB, right, fleet.ZONE)

    assert told.state == DENIED, told
    assert right[1].lower() in told.words
    assert where.links() == set()


async def test_a_zone_that_a_network_has_already_is_found_wherever_it_is(at: Office) -> None:
    where = plot(at, 130)
    where.there()
    zone = await where.linked()
    told = await where.asked(SEARCHED, None, OWN_ZONE)

    assert (told.state, told.refused) == (READY, 0), told
    assert where.links() == {zone.lower()}


@pytest.mark.parametrize(
    ("number", "right", "reason"),
    [
        (131, ("zone-search", "Microsoft.Network/privateDnsZones/read"), "ZoneConflict"),
        (132, ("zone-search", "Microsoft.Network/privateDnsZones/virtualNetworkLinks/read"), "PermissionDenied"),
    ],
)
async def test_without_the_search_azure_or_the_app_refuses_a_second_zone(
    at: Office, number: int, right: Right, reason: str
) -> None:
    where = plot(at, number)
    where.there()
    zone = await where.linked()
    told = await where.asked(SEARCHED | {"zoneMakerResourceGroups": [NETWORKS]}, right, OWN_ZONE)

    assert told.state == ("Blocked", reason), told
    assert where.links() == {zone.lower()}


async def test_from_no_network_at_all_to_an_endpoint_in_it(at: Office) -> None:
    made = await plot(at, SPOKE).asked(IN_THE_SPOKE, None, fleet.ZONE)
    told = await an_endpoint_is_asked_for(at, IN_THE_SPOKE, None, "spoke")

    assert (made.state, made.refused) == (READY, 0), made
    assert (told.state, told.refused) == (READY, 0), told


# ── what is chosen about endpoints ───────────────────────────────────────────────────────────────


async def an_endpoint_is_asked_for(
    at: Office, parameters: Parameters, right: Right | None, placement: str, **body: object
) -> Told:
    (cache,) = at.town.add(spelt(right, placement), drawbridge="none")
    with Roles(at, deployed(parameters, right)) as granted:
        asked = await at.ask("put_endpoint", cache, body, placement=placement)
        if asked.status >= HTTPStatus.BAD_REQUEST:
            return granted.told(asked)
        await at.settled(cache)
        return granted.told(await at.ask("get_endpoint", cache, placement=placement))


async def test_an_endpoint_is_made_in_a_subnet_that_the_caller_chose(at: Office) -> None:
    told = await an_endpoint_is_asked_for(at, CHOSEN, None, "mine", subnet=fleet.subnet_id("weu"))

    assert (told.state, told.refused) == (READY, 0), told


@pytest.mark.parametrize("right", rights(["subnet-choice"]), ids=" ".join)
async def test_without_any_one_action_no_subnet_can_be_chosen(at: Office, right: Right) -> None:
    told = await an_endpoint_is_asked_for(at, CHOSEN, right, "mine", subnet=fleet.subnet_id("weu"))

    refused = right[1].endswith("/read")
    assert told.state == (REFUSED if refused else DENIED), told
    assert right[1].lower() in told.words


async def test_an_endpoint_is_put_into_a_security_group(at: Office) -> None:
    told = await an_endpoint_is_asked_for(at, GROUPED, None, "weu-prod", applicationSecurityGroups=[APP_GROUP])

    assert (told.state, told.refused) == (READY, 0), told


@pytest.mark.parametrize("right", rights(["security-groups"]), ids=" ".join)
async def test_without_its_action_no_endpoint_is_put_into_a_security_group(at: Office, right: Right) -> None:
    told = await an_endpoint_is_asked_for(at, GROUPED, right, "weu-prod", applicationSecurityGroups=[APP_GROUP])

    assert told.state == DENIED, told
    assert right[1].lower() in told.words


# ── sweeps ───────────────────────────────────────────────────────────────────────────────────────


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sweeping(azurite: Azurite) -> AsyncIterator[Office]:
    """Open an office whose policy has a management group in scope."""
    text = fleet.policy().replace('subscriptions: ["*"]', f"managementGroups: [{COMPANY}]")
    async with office(azurite, text) as opened:
        group = ManagementGroupSeed(COMPANY, children=(fleet.APPS, fleet.HUB))
        opened.town.azure.world.seed(Seed(management_groups=(group,)))
        yield opened


def company(without: Right | None = None) -> tuple[Grant, ...]:
    """Give what infra/management-group grants: what is assigned at the group reaches its subscriptions."""
    found = deployed({"watchedSubscriptions": [fleet.APPS, fleet.HUB]}, without)
    listing = frozenset(action for right in rights(["management-group"]) if right != without for action in right[1:])
    return (*found, Grant(listing, f"/providers/Microsoft.Management/managementGroups/{COMPANY}"))


async def a_sweep(at: Office, right: Right | None) -> Told:
    with Roles(at, company(right)) as granted:
        begun = await at.ask("post_sweep", None, {})
        if begun.status >= HTTPStatus.BAD_REQUEST:
            return granted.told(begun)
        await at.look_through()
        return granted.told(await at.ask("get_sweep", None, sweep=begun.body["id"]))


async def test_a_sweep_goes_through_a_management_group(sweeping: Office) -> None:
    told = await a_sweep(sweeping, None)

    assert (told.state, told.refused) == (READY, 0), told
    parts = {part["subscription"]: part["status"] for part in told.reply.body["subscriptions"]}
    assert parts == {fleet.APPS: "done", fleet.HUB: "done"}


@pytest.mark.parametrize(
    ("action", "error"),
    [
        ("Microsoft.Resources/subscriptions/read", "NotListed"),
        ("Microsoft.Cache/redis/read", "AuthorizationFailed"),
        ("Microsoft.Cache/redisEnterprise/read", "AuthorizationFailed"),
    ],
)
async def test_a_sweep_tells_what_it_may_not_read_and_what_mends_it(sweeping: Office, action: str, error: str) -> None:
    told = await a_sweep(sweeping, ("caches", action))

    for part in told.reply.body["subscriptions"]:
        assert part["error"].startswith(error), part
        assert part["help"] == f"./dev watch {part['subscription']}"


@pytest.mark.parametrize("right", rights(["management-group"]), ids=" ".join)
async def test_a_sweep_over_a_group_that_may_not_be_read_does_not_begin(sweeping: Office, right: Right) -> None:
    told = await a_sweep(sweeping, right)

    assert told.state == REFUSED, told
    assert right[1].lower() in told.words


# ── all of it ────────────────────────────────────────────────────────────────────────────────────


async def test_every_action_of_every_role_is_taken_away_once() -> None:
    """Hold the tests here and in test_roles.py against the roles, so that none is added unseen."""
    here = rights(["cache-maker", "network-maker", "zone-links", "zone-search", "subnet-choice", "security-groups"])
    here += [right for _, _, right in CONNECTIONS]
    here += [("caches", "Microsoft.Resources/subscriptions/read"), *rights(["management-group"])]

    assert {*here, *test_roles.NEEDED, *rights(["zone-maker"])} == {*rights(ROLES)}
