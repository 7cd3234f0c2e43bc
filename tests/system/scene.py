"""What the system tests do and see: the whole app on a stage, and the world as its operator sees it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from azure.storage.queue.aio import QueueClient

from local import fleet
from local.azure.callers import APP
from local.azure.dnsrecords import RecordSet
from local.azure.emulator import EmulatorOptions
from local.azure.journal import Entry
from local.azure.network.endpoints import PrivateEndpoint
from local.azure.redis import Cache
from local.azure.redisenterprise import Cluster
from local.azure.seeds import CacheSeed, ClusterSeed
from local.azurite import Azurite
from local.stage import Stage, StageOptions, Way, eventually, stage
from shared.model import TAG_CACHE, TAG_MANAGED_BY
from shared.store.sweeps import Sweep
from tests.fixtures.azurite import unused_account

FAST = 200.0
"""World seconds in a wall second: an endpoint takes a quarter of a second, most of the rest is the policy's waits."""
TAGS = "/providers/Microsoft.Resources/tags/default"
CLOSE = {"properties": {"publicNetworkAccess": "Disabled"}}
OPEN = {"properties": {"publicNetworkAccess": "Enabled"}}
_ARRIVALS: dict[str, tuple[str, Way]] = {
    "pushed": ("eventgrid", "function"),
    "queued": ("cloudevents", "queue"),
    "silence": ("eventgrid", "none"),
}
ARRIVALS = tuple(_ARRIVALS)
"""How the app hears of changes: events of either schema, by either way that a deployment offers, or only the sweep."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A stage with everything running."""

    stage: Stage
    hears: bool = True
    """Events are delivered; otherwise only a sweep finds anything."""

    # ── what people do ──────────────────────────────────────────────────────────────────────────

    def tag(self, cache: str, tags: Mapping[str, str]) -> None:
        """Add tags through the Tags API, as the portal does."""
        self.stage.outside("PATCH", cache + TAGS, {"operation": "Merge", "properties": {"tags": dict(tags)}})

    def update(self, cache: str, body: Mapping[str, object]) -> None:
        """Change a cache through its own provider, as az, Terraform and templates do."""
        self.stage.outside("PATCH", cache, body)

    def endpoint_by_hand(self, cache: str, name: str, subnet: str, *, manual: bool = False) -> str:
        """Begin an endpoint as somebody else, beside its network; gives its id."""
        group = subnet.split("/providers/", 1)[0]
        region = self.stage.azure.world.show(subnet.rsplit("/", 2)[0])
        member = "redisEnterprise" if fleet.is_cluster(cache) else "redisCache"
        link = {"name": name, "properties": {"privateLinkServiceId": cache, "groupIds": [member]}}
        kind = "manualPrivateLinkServiceConnections" if manual else "privateLinkServiceConnections"
        endpoint = f"{group}/providers/Microsoft.Network/privateEndpoints/{name}"
        body = {"location": (region or {})["location"], "properties": {"subnet": {"id": subnet}, kind: [link]}}
        self.stage.outside("PUT", endpoint, body)
        return endpoint

    def lose_endpoint(self, cache: str) -> None:
        """Delete the endpoint itself; the cache's connection goes with it."""
        for endpoint in self.endpoints(cache):
            self.stage.outside("DELETE", endpoint.id)

    def lose_connection(self, cache: str) -> None:
        """Delete the cache's side; the endpoint stays, disconnected."""
        for connection in self.cache(cache).connections:
            self.stage.outside("DELETE", f"{cache}/privateEndpointConnections/{connection.name}")

    def reject_connection(self, cache: str) -> None:
        """Reject the connection; it stays in the list."""
        state = {"status": "Rejected", "description": "not any more"}
        for connection in self.cache(cache).connections:
            path = f"{cache}/privateEndpointConnections/{connection.name}"
            self.stage.outside("PUT", path, {"properties": {"privateLinkServiceConnectionState": state}})

    def leave_open(self, cache: str) -> None:
        """Let Azure itself have public access Enabled: no call, no event."""
        self.stage.azure.world.put(replace(self.cache(cache), public="Enabled"))

    def wear(self, cache: str, tags: Mapping[str, str]) -> None:
        """Let a cache have had these tags for long: no call, no event."""
        self.stage.azure.world.put(replace(self.cache(cache), tags=dict(tags)))

    async def swept(self) -> Sweep:
        """Sweep, and wait for its end; gives what it came to."""
        before = await self.stage.store.sweeps.latest()
        await self.stage.sweep()
        return await self.swept_after(before.id if before else "")

    async def swept_after(self, earlier: str) -> Sweep:
        """Wait for the end of the sweep that was started after another one."""

        async def ended() -> bool:
            latest = await self.stage.store.sweeps.latest()
            return latest is not None and latest.id != earlier and latest.completed

        await eventually(ended, 30, "the sweep to end")
        latest = await self.stage.store.sweeps.latest()
        if latest is None:
            raise AssertionError("a sweep that has ended is known")
        return latest

    async def noticed(self) -> None:
        """Give the app its chance to find out: nothing to do where events arrive, a sweep where none does."""
        if not self.hears:
            await self.stage.sweep()

    # ── what there is ───────────────────────────────────────────────────────────────────────────

    def cache(self, cache: str) -> Cache | Cluster:
        world = self.stage.azure.world
        return world.cluster(cache) if fleet.is_cluster(cache) else world.cache(cache)

    def endpoints(self, cache: str) -> list[PrivateEndpoint]:
        """Give every endpoint that leads to the cache, in whatever state."""
        found = self.stage.azure.world.store.of(PrivateEndpoint)
        return [endpoint for endpoint in found if endpoint.target_id.lower() == cache.lower()]

    def resolved(self, cache: str) -> tuple[str, ...]:
        """Resolve the cache's name as a client in the network does: the addresses of its A record."""
        found = self.cache(cache)
        zone, name = (
            (found.zone, f"{found.name}.{found.region}") if isinstance(found, Cluster) else (fleet.ZONE, found.name)
        )
        record = self.stage.azure.world.store.find(f"{fleet.zone_id(zone)}/A/{name}", RecordSet)
        return record.addresses if record else ()

    def private_way(self, cache: str) -> bool:
        """Tell whether clients in the network reach the cache: an approved endpoint, and a name that leads to it."""
        approved = {connection.endpoint_id for connection in self.cache(cache).approved}
        working = [e for e in self.endpoints(cache) if e.id in approved and e.state == "Succeeded"]
        return any(self.resolved(cache) == (endpoint.address,) for endpoint in working)

    def private(self, cache: str) -> bool:
        """Tell whether the cache is as the promise says: a private way in, and no public one."""
        return self.private_way(cache) and not self.public_way(cache)

    def public_way(self, cache: str) -> bool:
        """Tell whether the internet reaches the cache: a cluster without a flag, while it has no endpoint."""
        found = self.cache(cache)
        return found.reachable_in_public if isinstance(found, Cluster) else found.public != "Disabled"

    async def shut(self, cache: str) -> bool:
        """Tell whether public access is Disabled and nothing is going on that may change it."""
        return (self.cache(cache).public, self.cache(cache).state) == ("Disabled", "Succeeded")

    def made_by_app(self, cache: str) -> list[PrivateEndpoint]:
        """Give the cache's endpoints that carry the app's tags."""
        return [e for e in self.endpoints(cache) if e.tags.get(TAG_MANAGED_BY) == "drawbridge" and TAG_CACHE in e.tags]

    # ── what the app did ────────────────────────────────────────────────────────────────────────

    @property
    def now(self) -> int:
        """Mark this moment, for ``since``."""
        return len(self.stage.azure.world.journal)

    def calls(self, cache: str, since: int = 0) -> list[Entry]:
        """Give the app's calls about one cache, the endpoints that it makes for it and its name, oldest first."""
        name = re.escape(cache.rpartition("/")[2].lower())
        cached = rf"(redis|redisenterprise)/{name}"
        about = re.compile(rf"/({cached}|privateendpoints/pe-{name}-[0-9a-f]{{8}}|a/{name}(\.[a-z0-9]+)?)(/|$)")
        journal = self.stage.azure.world.journal
        return [e for e in journal.entries(caller=APP.object_id, since=since) if about.search(e.resource)]

    def writes(self, cache: str, since: int = 0) -> list[Entry]:
        return [entry for entry in self.calls(cache, since) if not entry.is_read]

    def all_writes(self, since: int = 0) -> list[Entry]:
        """Give every write of the app, wherever."""
        return [e for e in self.stage.azure.world.journal.entries(caller=APP.object_id, since=since) if not e.is_read]

    def story(self, cache: str, since: int = 0) -> list[str]:
        """Give the app's writes about one cache in short: ``PUT endpoint``, ``PUT zone group``, ``PATCH cache``."""
        return [f"{entry.method} {_what(entry)}" for entry in self.writes(cache, since)]

    # ── waiting ─────────────────────────────────────────────────────────────────────────────────

    async def until_private(self, cache: str, seconds: float = 30) -> None:
        """Wait for the promise and for the app's own word that it is kept."""

        async def kept() -> bool:
            return self.private(cache) and await self.stage.verdict(cache) == "Compliant"

        async def instead() -> str:
            shown = [f"{e.name} {e.state} {e.status}" for e in self.endpoints(cache)]
            door = self.cache(cache).public
            return (
                f"{await self.stage.verdict(cache)}, public {door}, endpoints {shown}, resolved {self.resolved(cache)}"
            )

        await eventually(kept, seconds, f"{cache.rpartition('/')[2]} to be private", instead)

    async def until_working(self, endpoint: str) -> None:
        """Wait until an endpoint that somebody else began is finished."""

        async def finished() -> bool:
            found = self.stage.azure.world.show(endpoint)
            return found is not None and found["properties"]["provisioningState"] == "Succeeded"

        await eventually(finished, 20, f"{endpoint} to be finished")

    async def until_blocked(self, cache: str, reason: str) -> str:
        """Wait for a Blocked verdict; gives its message."""
        await self.stage.until_verdict(cache, f"Blocked({reason})", 30)
        return await self.message(cache)

    async def until_at_rest(self) -> None:
        """Wait until the app has nothing more to do, neither now nor later."""

        async def drained() -> bool:
            return await self.waiting() == 0

        await eventually(drained, 40, "the queues to be empty", self.waiting)

    async def waiting(self) -> int:
        """Count the messages on the app's queues, hidden ones too."""
        account = self.stage.store.queue._account
        return sum([await _length(account.queue(name)) for name in ("reconcile", "sweep")])

    async def message(self, cache: str) -> str:
        """Give the words of the last verdict."""
        row = await self.stage.row(cache)
        return row.verdict.message if row and row.verdict else ""


@asynccontextmanager
async def scene(options: StageOptions, arrival: str = "") -> AsyncIterator[Scene]:
    """Start everything; ``arrival`` is one of ``ARRIVALS``, or empty for what the options say."""
    schema, delivery = _ARRIVALS[arrival] if arrival else (options.events, options.delivery)
    async with stage(replace(options, events=schema, delivery=delivery)) as running:
        yield Scene(running, delivery != "none")


def playing(
    azurite: Azurite,
    *caches: CacheSeed | ClusterSeed,
    policy: str = "",
    scale: float = FAST,
    settings: Mapping[str, str] | None = None,
) -> StageOptions:
    """Choose the fleet's policy and networks, with these caches, in a storage account that nothing has used."""
    account = unused_account(azurite)
    emulator = EmulatorOptions(time_scale=scale, seed=3)
    return StageOptions(
        policy=policy or fleet.policy(),
        emulator=emulator,
        seed=fleet.seed(*caches),
        connection_string=account,
        settings=settings or {},
    )


def with_rules(policy: str, *rules: str) -> str:
    """Put rules before those of a policy, each a mapping in YAML's short form: the first that matches decides."""
    return policy.replace("rules:\n", "rules:\n" + "".join(f"  - {rule}\n" for rule in rules), 1)


async def _length(queue: QueueClient) -> int:
    return (await queue.get_queue_properties()).approximate_message_count or 0


def _what(entry: Entry) -> str:
    path = entry.resource
    if "/privatednszonegroups" in path:
        return "zone group"
    if "/privateendpoints/" in path:
        return "endpoint"
    return "cache" if "/microsoft.cache/" in path else path.rpartition("/providers/")[2]
