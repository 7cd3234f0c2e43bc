"""What is seen, what is wanted, what is done and what is said about one cache: frozen values, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from shared.ids import CacheId, GroupId, NetworkId, SubnetId


class Kind(StrEnum):
    """The kinds of cache, as ``policy.yaml`` names them."""

    CLASSIC = "classic"
    MANAGED = "managed"
    ENTERPRISE = "enterprise"


class Mode(StrEnum):
    """Whether Drawbridge acts, or only says what it would do."""

    AUDIT = "audit"
    ENFORCE = "enforce"


class Subject(StrEnum):
    """What a caller of the API can ask for, of a cache that is there."""

    ENDPOINT = "endpoint"
    EXEMPTION = "exemption"
    ACCESS = "access"
    CONNECTION = "connection"
    MIGRATION = "migration"


class LastEndpoint(StrEnum):
    """What follows when a cache has lost its last approved endpoint."""

    REATTACH = "reattach"
    LOCKDOWN = "lockdown"
    OPEN = "open"


# ── what is seen ────────────────────────────────────────────────────────────────────────────────


class Readiness(StrEnum):
    """A provisioning state, reduced to what a decision needs.

    Azure answers states that no specification lists (``UpdatingManagedIdentity``), so whatever is
    not known to be final counts as BUSY.
    """

    READY = "Ready"
    BUSY = "Busy"
    FAILED = "Failed"
    DELETING = "Deleting"
    DISABLED = "Disabled"


def readiness(provisioning_state: str | None) -> Readiness:
    """Reduce ARM's ``provisioningState``; an absent one means the resource has no long operations."""
    match (provisioning_state or "succeeded").lower():
        case "succeeded" | "running":
            return Readiness.READY
        case "failed" | "canceled":
            return Readiness.FAILED
        case "deleting":
            return Readiness.DELETING
        case "disabled":
            return Readiness.DISABLED
        case _:
            return Readiness.BUSY


class PublicAccess(StrEnum):
    """``publicNetworkAccess``; ABSENT is an old cluster's ``null``, which cannot be set."""

    ENABLED = "Enabled"
    DISABLED = "Disabled"
    ABSENT = "Absent"


class Status(StrEnum):
    """The state of a private endpoint connection; DISCONNECTED is shown on the endpoint only."""

    APPROVED = "Approved"
    PENDING = "Pending"
    REJECTED = "Rejected"
    DISCONNECTED = "Disconnected"


@dataclass(frozen=True, slots=True)
class Connection:
    """One entry of a cache's ``privateEndpointConnections``."""

    name: str
    """``<endpoint>.<guid>``"""
    endpoint: NetworkId | None
    status: Status


@dataclass(frozen=True, slots=True)
class Cache:
    """One cache as Azure Resource Manager answers it, whatever its kind."""

    id: CacheId
    kind: Kind
    region: str
    """Short form: ``westeurope``."""
    tags: Mapping[str, str]
    readiness: Readiness
    state: str
    """Azure's own word for the state, for people to read."""
    public_access: PublicAccess
    zone: str
    """The private DNS zone that its name is looked up in, taken from its own host name."""
    group_member: str
    """The group id that an endpoint's connection names: ``redisCache`` or ``redisEnterprise``."""
    connections: tuple[Connection, ...] = ()
    clustered: bool = False
    vnet_injected: bool = False
    geo_replicated: bool = False
    may_replicate: bool = False
    """It may be a member of an active geo-replication group: its databases tell."""
    persistent: bool = False
    """RDB or AOF persistence is on: to a firewalled storage account it can block endpoints."""
    connection_limit: int = 100
    closes_on_attach: bool = True
    """The first endpoint ends public access by itself: classic's flag flips, a cluster without a flag goes private."""

    def approved(self) -> tuple[Connection, ...]:
        """Give the connections that traffic can use."""
        return tuple(c for c in self.connections if c.status is Status.APPROVED)


@dataclass(frozen=True, slots=True)
class ZoneGroup:
    """An endpoint's DNS zone group, and the A records that Azure says it wrote."""

    name: str
    readiness: Readiness
    zones: Mapping[str, str]
    """Config name → private DNS zone id, lower case."""
    records: tuple[ZoneRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class ZoneRecord:
    """One record set of a zone group."""

    zone: str
    """The zone's id, lower case."""
    name: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A private endpoint, read from its own subscription."""

    id: NetworkId
    readiness: Readiness
    region: str
    subnet: SubnetId | None
    status: Status
    """As the endpoint itself sees its connection."""
    targets: tuple[CacheId, ...]
    tags: Mapping[str, str]
    zone_groups: tuple[ZoneGroup, ...] | None = None
    """None: not read."""
    records_present: bool | None = None
    """Whether the zone answers with this endpoint's addresses; None: not read, or not ours to read."""
    problem: str = ""
    """What Azure says of a failed endpoint, where it says anything."""

    def made_by_drawbridge(self, cache: CacheId) -> bool:
        """Tell whether Drawbridge made this endpoint, for this very cache."""
        return self.tags.get(TAG_MANAGED_BY) == MANAGED_BY and self.tags.get(TAG_CACHE) == cache.short_hash


@dataclass(frozen=True, slots=True)
class NewCache:
    """What a cache is made with, or has been made with. Whether the public reaches it is no part of it: never."""

    kind: Kind
    region: str
    """Short form: ``westeurope``."""
    sku: str
    """``Standard_C1``, ``Premium_P1``; ``Balanced_B5`` for Azure Managed Redis."""
    shards: int = 0
    """Of a classic Premium cache; 0: it is not clustered."""
    zones: tuple[str, ...] = ()
    tls: str = "1.2"
    """The lowest version that clients may use."""
    access_keys: bool | None = False
    """Clients may use access keys; otherwise only Microsoft Entra ID. None is only ever read: not decided yet."""
    high_availability: bool = True
    """Of Azure Managed Redis: data is held twice."""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Creation:
    """A caller's wish that a cache be there."""

    settings: NewCache
    by: str
    at: datetime
    fulfilled: bool = False
    """It has been there, finished: what becomes of it afterwards is its owner's business."""


TAG_MANAGED_BY = "managed-by"
TAG_CACHE = "drawbridge-cache"
"""Tag on what Drawbridge makes: the short hash of the cache's id (an id can exceed 256 characters)."""
MANAGED_BY = "drawbridge"


def own_tags(cache: CacheId) -> dict[str, str]:
    """Give the tags that an endpoint of Drawbridge's carries."""
    return {TAG_MANAGED_BY: MANAGED_BY, TAG_CACHE: cache.short_hash}


@dataclass(frozen=True, slots=True)
class NetworkZone:
    """For placements that make their own zone: what of it is there already."""

    zone: NetworkId
    exists: bool
    linked: bool


@dataclass(frozen=True, slots=True)
class Memory:
    """What earlier passes left behind for this one: only what Azure cannot say."""

    protected: bool = False
    """An endpoint was approved when last seen, and its loss has not been noticed yet."""
    linked: tuple[NetworkId, ...] = ()
    """Endpoints that the table ``links`` leads from to this cache."""
    made: tuple[NetworkId, ...] = ()
    """Endpoints that Drawbridge made for this cache and has not deleted."""
    lost_at: datetime | None = None
    """When the last approved endpoint was found gone; None while protected or never protected."""
    reasserted: bool = False
    """Public access has been set to Disabled explicitly since the loss."""
    fights: tuple[datetime, ...] = ()
    """When re-attachments and re-closings were begun, newest last."""
    callers: tuple[str, ...] = ()
    """Who, by the events, undid what Drawbridge did; newest last."""
    closed_once: bool = False
    """Public access has been Disabled by or under Drawbridge before: closing again is not new."""
    closure_granted: bool = False
    """A ticket of ``closuresPerHour`` has been taken for this cache."""
    begun: Mapping[str, datetime] = field(default_factory=dict)
    """Step → when it was begun, for steps that are under way."""
    exempt: bool = False
    """An exemption was in force."""
    reminded: bool = False
    """It was near its end, and that has been told."""
    peers: tuple[CacheId, ...] | None = None
    """Members of its active geo-replication group, itself too, while it is being changed; None: not asked."""
    failures: int = 0
    """Endpoints and zone groups that were made again, as Azure had failed to, since the cache was last in order."""
    blocked: Reason | None = None
    """Why it was last Blocked, until it comes to rest otherwise: what is tried meanwhile is no news."""


@dataclass(frozen=True, slots=True)
class Observed:
    """The world around one cache, as one pass read it."""

    id: CacheId
    cache: Cache | None
    """None: there is no such cache (any more)."""
    endpoints: tuple[Endpoint, ...] = ()
    unreadable: tuple[NetworkId, ...] = ()
    """Endpoints of the cache's connections that this identity may not read."""
    trusted: bool = False
    """Endpoints and DNS were not read: a recent full look found them right, and the cache shows no change."""
    caller: str = ""
    """Who caused the pass, where an event or a request names them."""
    networks: tuple[NetworkZone, ...] = ()
    database: Readiness | None = None
    """The one that Drawbridge makes in a cluster that it has made: None where there is none, or none was looked for."""
    memory: Memory = field(default_factory=Memory)


# ── what is wanted ──────────────────────────────────────────────────────────────────────────────


class DnsMode(StrEnum):
    """Who makes an endpoint's DNS zone group, and where the zone is."""

    ZONES = "zones"
    CREATE = "create"
    EXTERNAL = "external"


@dataclass(frozen=True, slots=True)
class EndpointOptions:
    """What a caller has chosen about an endpoint; "" and none leave it to Drawbridge and Azure."""

    name: str = ""
    nic: str = ""
    """The name of its network interface."""
    address: str = ""
    """Its static address."""
    security_groups: tuple[str, ...] = ()
    """The ids of the application security groups that it is in."""
    manual: bool = False
    """Its connection waits for the approval of the cache's owner."""
    message: str = ""
    """What the owner is told then."""


@dataclass(frozen=True, slots=True)
class Placement:
    """One place where an endpoint may be: a subnet, and who answers for its DNS."""

    name: str
    region: str
    subnet: SubnetId
    group: GroupId
    """Where the endpoint resource is made."""
    dns: DnsMode
    zones: Mapping[str, NetworkId] = field(default_factory=dict)
    """Zone name → zone id; empty unless ``dns`` is ZONES."""
    options: EndpointOptions = EndpointOptions()

    def endpoint(self, name: str) -> NetworkId:
        """Give the id of an endpoint of this name here."""
        return NetworkId(self.group.subscription, self.group.group, "privateEndpoints", name)

    def zone_for(self, cache: Cache) -> NetworkId | None:
        """Name the private DNS zone for a cache here: by id, or beside the network; None where there is none."""
        match self.dns:
            case DnsMode.ZONES:
                return self.zones.get(cache.zone)
            case DnsMode.CREATE:
                return zone_beside(self, cache.zone)
            case DnsMode.EXTERNAL:
                return None


def zone_beside(placement: Placement, zone: str) -> NetworkId:
    """Name the zone that a ``create`` placement makes: in the resource group of its virtual network."""
    group = placement.subnet.network.group_id
    return NetworkId(group.subscription, group.group, "privateDnsZones", zone)


@dataclass(frozen=True, slots=True)
class Exemption:
    """Public access tolerated until the end of a day (UTC)."""

    until: date
    reason: str
    ends: datetime
    """The first moment after it."""
    remind_at: datetime
    """When those who rely on it are told that it ends."""
    owner: str = ""
    """Whom to ask about it, where somebody said."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """An endpoint that a caller does not want any more."""

    placement: str
    name: str
    """What it is called, if Drawbridge made it."""
    endpoint: NetworkId | None
    """Where it is then; None where the policy does not know the placement any more."""
    last: bool = False
    """It may be the last one: the caller said so."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a caller, for the cache's owner, has decided about one connection."""

    connection: str
    """Its name: ``<endpoint>.<guid>``."""
    status: Status
    """APPROVED or REJECTED; DISCONNECTED stands for its removal."""
    description: str
    endpoint: NetworkId | None
    by: str
    at: datetime
    settled: bool = False
    """It has been as decided: what becomes of it afterwards is not fought over."""


@dataclass(frozen=True, slots=True)
class Safeguards:
    """Bounds on what Drawbridge does by itself."""

    reattach_limit: int
    window: timedelta
    closures_per_hour: int


@dataclass(frozen=True, slots=True)
class Timing:
    """How long to wait before looking again."""

    settle: timedelta
    """After an event of somebody else that left nothing to do."""
    endpoint: timedelta
    """While an endpoint is being made or deleted."""
    zone_group: timedelta
    """While a zone group is being made."""
    cache: timedelta
    """While the cache itself is busy; and when it is gone, while its endpoints are being deleted."""
    busy: timedelta
    """After Azure said that something else is in progress."""
    thorough: timedelta
    """How long a full look at endpoints and DNS is believed."""


@dataclass(frozen=True, slots=True)
class Desired:
    """What the policy, the tags and the stored requests together ask for one cache."""

    in_scope: bool
    mode: Mode = Mode.AUDIT
    enrolled: bool = False
    ignored: bool = False
    """Tagged to be left alone, where the policy allows it."""
    placements: tuple[Placement, ...] = ()
    unknown_placements: tuple[str, ...] = ()
    """Aliases that a tag asks for and the policy does not have, or not for this cache."""
    close: bool = False
    """Whether public access must be Disabled."""
    last_endpoint: LastEndpoint = LastEndpoint.REATTACH
    withdrawn: tuple[Withdrawal, ...] = ()
    """What was asked for through the API, and is not wanted any more."""
    requested_at: datetime | None = None
    """When the API was last asked for an endpoint of this cache."""
    heard_at: datetime | None = None
    """When it was last asked for anything about this cache."""
    opened: bool = False
    """A caller asks for public access, and it is allowed."""
    exemption: Exemption | None = None
    creation: Creation | None = None
    """The API was asked for this cache itself."""
    decisions: tuple[Decision, ...] = ()
    """About connections, in the order of their names."""
    notes: tuple[str, ...] = ()
    """What was asked for and not granted, in words."""
    safeguards: Safeguards | None = None
    timing: Timing | None = None
    digest: str = ""
    """Changes when the policy does."""


# ── what is done ────────────────────────────────────────────────────────────────────────────────


class Cause(StrEnum):
    """Why a write is made: logged with it, and kept in the history."""

    NOT_ATTACHED = "the cache has no approved endpoint in this placement"
    PROTECTION_LOST = "the last approved endpoint is gone"
    PUBLIC_OPEN = "public network access is enabled"
    NO_ZONE_GROUP = "the endpoint has no DNS zone group"
    WRONG_ZONE_GROUP = "the endpoint's DNS zone group does not lead to its address"
    ENDPOINT_UNUSABLE = "the endpoint that Drawbridge made cannot be used any more"
    CACHE_GONE = "the cache of this endpoint is gone"
    POLICY_OPENS = "the policy keeps a cache reachable that has lost its last endpoint"
    OWNER_DECIDED = "a caller of the API has decided so for the cache's owner"
    CACHE_ABSENT = "the API was asked for it and it is not there"
    DATABASE_ABSENT = "a cluster without a database can hold no data"
    WITHDRAWN = "its request was withdrawn"
    ASKED_OPEN = "a caller asks for it and it is allowed"
    NO_ZONE = "the placement's private DNS zone does not exist"
    NO_ZONE_LINK = "the placement's virtual network is not linked to the private DNS zone"


@dataclass(frozen=True, slots=True)
class CreateEndpoint:
    """Begin a private endpoint for the cache in a placement."""

    placement: Placement
    name: str
    cause: Cause
    first: bool = False
    """Azure will close public access with it for the first time, so ``closuresPerHour`` holds it back."""

    @property
    def endpoint(self) -> NetworkId:
        """The id the endpoint will have."""
        return self.placement.endpoint(self.name)


@dataclass(frozen=True, slots=True)
class DeleteEndpoint:
    """Begin the deletion of an endpoint that Drawbridge made."""

    endpoint: NetworkId
    cause: Cause


@dataclass(frozen=True, slots=True)
class PutZoneGroup:
    """Make or mend the DNS zone group of an endpoint."""

    endpoint: NetworkId
    group_name: str
    zone: NetworkId
    cause: Cause


@dataclass(frozen=True, slots=True)
class CreateZone:
    """Begin a private DNS zone for a placement that makes its own."""

    zone: NetworkId
    cause: Cause = Cause.NO_ZONE


@dataclass(frozen=True, slots=True)
class LinkZone:
    """Begin the link between a private DNS zone and the placement's virtual network."""

    zone: NetworkId
    network: NetworkId
    cause: Cause = Cause.NO_ZONE_LINK


@dataclass(frozen=True, slots=True)
class SetPublicAccess:
    """Set ``publicNetworkAccess`` to one value, and nothing else."""

    access: PublicAccess
    cause: Cause
    first: bool = False
    """This cache was never closed before, so ``closuresPerHour`` holds it back."""


@dataclass(frozen=True, slots=True)
class CreateCache:
    """Begin a cache, with public access Disabled from its first second."""

    cache: CacheId
    settings: NewCache
    cause: Cause = Cause.CACHE_ABSENT


@dataclass(frozen=True, slots=True)
class CreateDatabase:
    """Begin the database of a cluster that Drawbridge has made."""

    cache: CacheId
    settings: NewCache
    cause: Cause = Cause.DATABASE_ABSENT


@dataclass(frozen=True, slots=True)
class SetConnection:
    """Begin to approve or reject a connection."""

    connection: str
    status: Status
    description: str
    cause: Cause = Cause.OWNER_DECIDED


@dataclass(frozen=True, slots=True)
class DeleteConnection:
    """Delete a connection on the cache's side; its endpoint stays, disconnected."""

    connection: str
    cause: Cause = Cause.OWNER_DECIDED


Action = (
    CreateEndpoint
    | DeleteEndpoint
    | PutZoneGroup
    | CreateZone
    | LinkZone
    | SetPublicAccess
    | CreateCache
    | CreateDatabase
    | SetConnection
    | DeleteConnection
)


# ── what is said ────────────────────────────────────────────────────────────────────────────────


class Reason(StrEnum):
    """Why a cache is Blocked: stable names, each explained in docs/reasons.md."""

    CACHE_DISABLED = "CacheDisabled"
    CACHE_FAILED = "CacheFailed"
    CACHE_NAME_TAKEN = "CacheNameTaken"
    CACHE_QUOTA = "CacheQuota"
    CACHE_UNREADABLE = "CacheUnreadable"
    CLUSTERED_SINGLE_ENDPOINT = "ClusteredSingleEndpoint"
    CONNECTION_DECIDED = "ConnectionDecided"
    CONNECTION_LIMIT = "ConnectionLimit"
    CONTESTED = "Contested"
    DATABASE_FAILED = "DatabaseFailed"
    DNS_EXTERNAL_MISSING = "DnsExternalMissing"
    ENDPOINT_FAILED = "EndpointFailed"
    ENDPOINT_NAME_TAKEN = "EndpointNameTaken"
    ENDPOINT_PENDING = "EndpointPending"
    EXPOSED = "Exposed"
    FAILED = "Failed"
    GEO_REPLICATED = "GeoReplicated"
    KIND_RETIRED = "KindRetired"
    LAST_ENDPOINT = "LastEndpoint"
    LOCKED_DOWN = "LockedDown"
    NETWORK_DIFFERS = "NetworkDiffers"
    NETWORK_FAILED = "NetworkFailed"
    NETWORK_QUOTA = "NetworkQuota"
    NO_PRIVATE_WAY = "NoPrivateWay"
    PERMISSION_DENIED = "PermissionDenied"
    PERSISTENCE_FIREWALLED = "PersistenceFirewalled"
    PLACEMENT_MISSING = "PlacementMissing"
    PLACEMENT_UNKNOWN = "PlacementUnknown"
    POLICY_DENIED = "PolicyDenied"
    PROVIDER_UNREGISTERED = "ProviderUnregistered"
    RESOURCE_GROUP_MISSING = "ResourceGroupMissing"
    SCOPE_LOCKED = "ScopeLocked"
    SKU_UNAVAILABLE = "SkuUnavailable"
    SUBNET_DELEGATED = "SubnetDelegated"
    SUBNET_FULL = "SubnetFull"
    SUBNET_NETWORK_POLICIES = "SubnetNetworkPolicies"
    SUBNET_UNREACHABLE = "SubnetUnreachable"
    UNEXPECTED = "Unexpected"
    VNET_INJECTED = "VnetInjected"
    ZONE_CONFLICT = "ZoneConflict"
    ZONE_GROUP_CONFLICT = "ZoneGroupConflict"
    ZONE_MISSING = "ZoneMissing"


class Step(StrEnum):
    """What a converging cache is waiting for, in words."""

    CREATING = "the cache is being made"
    CREATING_DATABASE = "the database of the cache is being made"
    ATTACHING = "an endpoint is being made"
    DETACHING = "an endpoint that is not wanted or cannot be used any more is being deleted"
    DECIDING = "a connection is being approved, rejected or removed"
    CLOSING = "public access is being disabled"
    OPENING = "public access is being enabled, as the policy or an Admin asks"
    NAMING = "the DNS records of the endpoint are being made"
    NETWORKING = "the virtual network or its subnet is being made"
    ZONING = "the private DNS zone is being made and linked"
    CACHE_BUSY = "the cache is busy with another operation"
    CACHE_DELETING = "the cache is being deleted"
    BUSY = "Azure is busy with another operation on this resource"
    THROTTLED = "Azure has asked for fewer requests"
    QUEUED_TO_CLOSE = "as many caches as safeguards.closuresPerHour allows were closed in this hour"
    IN_LINE = "another member of its geo-replication group is being changed"
    EXTERNAL_DNS = "somebody else makes the DNS zone group, as the placement says"


class VerdictKind(StrEnum):
    """The verdicts on a cache."""

    OUT_OF_SCOPE = "OutOfScope"
    COMPLIANT = "Compliant"
    CONVERGING = "Converging"
    BLOCKED = "Blocked"
    EXEMPT = "Exempt"
    AUDIT_ONLY = "AuditOnly"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said about a cache; which fields are set depends on the kind."""

    kind: VerdictKind
    reason: Reason | None = None
    """Set exactly when Blocked."""
    message: str = ""
    """For a person: what is the matter, or what would be done, or why nothing is."""
    step: Step | None = None
    """What is under way: set when Converging, and when Exposed while something is done about it."""
    look_after: timedelta | None = None
    """How long until it is worth looking again; None: when something happens, or at the sweep."""
    until: datetime | None = None
    """Set exactly when Exempt."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What one pass does and says."""

    verdict: Verdict
    actions: tuple[Action, ...] = ()
    memory: Memory = field(default_factory=Memory)
    """What the next pass shall know, if every action is carried out."""
    noticed: Memory = field(default_factory=Memory)
    """What it shall know, if none is."""
    settled: bool = False
    """Endpoints and DNS are as they should be: a quick look may believe that for a while."""
    withdrawn: tuple[str, ...] = ()
    """Placements whose withdrawal has come to its end."""
    leaving: tuple[str, ...] = ()
    """Placements whose withdrawal has not."""
    opened: bool = False
    """Public access was asked for, and is there."""
    decided: tuple[str, ...] = ()
    """Connections that have come to be as was decided."""


# ── why a cache is looked at ────────────────────────────────────────────────────────────────────


class Look(StrEnum):
    """How deep a pass looks: QUICK believes a recent full look while the cache itself is unchanged."""

    QUICK = "quick"
    FULL = "full"


class Trigger(StrEnum):
    """What put a cache on the queue."""

    EVENT = "event"
    REQUEST = "request"
    SWEEP = "sweep"
    AGAIN = "again"
    SETTLE = "settle"


@dataclass(frozen=True, slots=True)
class WakeUp:
    """A message of the queue ``reconcile``: the name of one cache, and why it is looked at.

    Nothing in it is believed about the world; ``trigger``, ``operation`` and ``caller`` only say what
    to write into the history and whether a second look is worth while.
    """

    cache: CacheId
    trigger: Trigger
    look: Look = Look.QUICK
    operation: str = ""
    """ARM's operation name, for events: ``Microsoft.Cache/redis/write``."""
    caller: str = ""
    """Who caused it: a user's or an application's name as the event or the request gives it."""
    own: bool = False
    """An echo of Drawbridge's own write."""
    after: str = ""
    """The pass that asked for this look: a later pass has decided anew whether there is to be one."""
