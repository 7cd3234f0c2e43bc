"""One state machine holds all of Azure that is emulated; it reads no clock but the given one and does no I/O."""

from __future__ import annotations

import heapq
import itertools
import random
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from urllib.parse import parse_qsl, quote

from local.azure import bodies, errors
from local.azure.access import Access
from local.azure.callers import OPERATOR
from local.azure.calls import BASE_URL, Answer, Call, Caller, Json
from local.azure.clock import Clock, WallClock, retry_after
from local.azure.durations import Durations, Spread
from local.azure.errors import ArmError
from local.azure.events import ResourceEvent, http_request
from local.azure.faults import (
    Busy,
    FailOperation,
    Faults,
    GatewayTimeout,
    Lasting,
    Problem,
    Reset,
    Respond,
    RetryableError,
    Slow,
    Stale,
    Stuck,
)
from local.azure.faults import Throttle as ThrottleEffect
from local.azure.journal import Entry, Journal
from local.azure.network.vnets import Subnet, put_subnet_value
from local.azure.operations import Operation, Status, Work
from local.azure.paths import ArmPath, NotAnArmPathError, parse
from local.azure.redis import Cache
from local.azure.redisenterprise import Cluster
from local.azure.resourcegraph import Graph, GraphOptions
from local.azure.routes import Routes, verb_of
from local.azure.seeds import Seed, leave_free, plant, read
from local.azure.store import ALWAYS, Resource, Store
from local.azure.subscriptions import Directory
from local.azure.throttle import KINDS, Buckets, Throttle

_DURATIONS = Durations()
_BUCKETS = Buckets()
_GRAPH = GraphOptions()


@dataclass(frozen=True, slots=True)
class PolicyZoneGroups:
    """The built-in Azure Policy that makes a zone group ``deployedByPolicy`` so many world seconds after an endpoint.

    ``zones`` are zone ids by zone name, in lower case.
    """

    zones: Mapping[str, str]
    seconds: float = 600.0


@dataclass(frozen=True, slots=True)
class WorldOptions:
    """What a world is like. ``throttle_scaled`` False lets the buckets refill by the wall, however fast time runs.

    ``last_endpoint_opens`` makes a cluster with a flag Enabled when it loses its last approved endpoint.
    ``minimum_tls_shown`` False leaves ``minimumTlsVersion`` out of new caches that did not ask, as before April 2025.
    """

    seed: int = 1
    page_size: int = 1000
    durations: Durations = _DURATIONS
    buckets: Buckets = _BUCKETS
    throttle_scaled: bool = True
    group_delete_events: bool = False
    policy_zone_groups: PolicyZoneGroups | None = None
    fresh_cache_wait: float = 0.0
    last_endpoint_opens: bool = False
    minimum_tls_shown: bool = True
    graph: GraphOptions = _GRAPH


@dataclass(frozen=True, slots=True)
class Wire:
    """What HTTP adds to a call: headers (lower-case names), and the URL that the client knows ARM by."""

    headers: Mapping[str, str] = field(default_factory=dict)
    base_url: str = BASE_URL


_BARE = Wire()


@dataclass(order=True, slots=True)
class _Timer:
    due: float
    number: int
    action: Callable[[], None] = field(compare=False)


@dataclass(slots=True)
class World:
    """Azure, as far as it is emulated. Everything outside it calls ``request``."""

    clock: Clock = field(default_factory=WallClock)
    options: WorldOptions = WorldOptions()
    store: Store = field(default_factory=Store)
    directory: Directory = field(default_factory=Directory)
    journal: Journal = field(default_factory=Journal)
    faults: Faults = field(default_factory=Faults)
    events: list[ResourceEvent] = field(default_factory=list)
    operations: dict[str, Operation] = field(default_factory=dict)
    listeners: list[Callable[[ResourceEvent], None]] = field(default_factory=list)
    witnesses: list[Callable[[Call, Answer], None]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    """Every access key that was ever told: nobody may have kept one."""
    wakers: list[Callable[[], None]] = field(default_factory=list)
    random: random.Random = field(init=False)
    throttle: Throttle = field(init=False)
    graph: Graph = field(init=False)
    access: Access = field(init=False)
    routes: Routes = field(init=False)
    _timers: list[_Timer] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _moment: float | None = None
    _beginning: bool = False

    def __post_init__(self) -> None:
        self.random = random.Random(self.options.seed)
        self.faults.now, self.faults.seed = (lambda: self.now), self.options.seed
        self.throttle = Throttle(self.options.buckets)
        self.graph = Graph(self.options.graph)
        self.access = Access(self.faults, self.directory, self.store)
        self.routes = Routes.all()

    # Time

    @property
    def now(self) -> float:
        """World time; inside a timer, the moment it was due."""
        return self.clock.now() if self._moment is None else self._moment

    @property
    def wall(self) -> float:
        """The wall time of now: what stands in events and the journal."""
        return self.clock.wall(self.now)

    @property
    def next_due(self) -> float | None:
        """World time of the next thing to happen by itself."""
        return self._timers[0].due if self._timers else None

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Let something happen so many world seconds from now."""
        heapq.heappush(self._timers, _Timer(self.now + seconds, next(self._numbers), action))
        for wake in self.wakers:
            wake()

    def settle(self) -> None:
        """Let everything happen that is due, in order, each at its own moment."""
        if self._moment is not None:
            return
        now = self.clock.now()
        try:
            while self._timers and self._timers[0].due <= now:
                timer = heapq.heappop(self._timers)
                self._moment = timer.due
                timer.action()
        finally:
            self._moment = None

    # Chance

    def uuid(self) -> str:
        """Give the next UUID of this world's seeded source."""
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def serial(self) -> int:
        """Give the next place in lists."""
        return next(self._numbers) + 1

    def lasting(self, spread: Spread) -> float:
        """Draw a duration in world seconds."""
        return spread.draw(self.random)

    # State

    def reset(self) -> None:
        """Forget everything but clock, options and who listens."""
        fresh = World(self.clock, self.options)
        for kept in (
            "store",
            "directory",
            "journal",
            "operations",
            "throttle",
            "graph",
            "random",
            "_timers",
            "_numbers",
        ):
            setattr(self, kept, getattr(fresh, kept))
        self.faults.clear()
        self.events.clear()
        self.keys.clear()
        self.access = Access(self.faults, self.directory, self.store)

    def seed(self, data: Seed | Json) -> Seed:
        """Let a fleet stand in the world; raises InvalidSeedError for data that cannot be read."""
        seed = data if isinstance(data, Seed) else read(data)
        plant(self, seed)
        return seed

    def leave_free(self, subnet_id: str, free: int = 0) -> None:
        """Let other machines take a subnet's addresses until so many are left; raises KeyError for no subnet."""
        subnet = self.store.find(subnet_id, Subnet)
        if subnet is None:
            raise KeyError(subnet_id)
        put_subnet_value(self, leave_free(subnet, free))

    def cache(self, cache_id: str) -> Cache:
        """Give a cache as it is now; raises KeyError where there is none."""
        self.settle()
        cache = self.store.find(cache_id, Cache)
        if cache is None:
            raise KeyError(cache_id)
        return cache

    def cluster(self, cluster_id: str) -> Cluster:
        """Give a redisEnterprise cluster as it is now; raises KeyError where there is none."""
        self.settle()
        cluster = self.store.find(cluster_id, Cluster)
        if cluster is None:
            raise KeyError(cluster_id)
        return cluster

    def reachable_in_public(self, cluster_id: str) -> bool:
        """Say whether the internet reaches a cluster now; raises KeyError where there is none."""
        return self.cluster(cluster_id).reachable_in_public

    def show(self, resource_id: str) -> Json | None:
        """Give a resource as a GET would now, without a call; None where there is none."""
        self.settle()
        resource = self.store.get(resource_id)
        return None if resource is None else resource.render()

    def act(self, method: str, resource_id: str, body: Json | None = None, caller: Caller = OPERATOR) -> Answer:
        """Do what somebody does to a resource, in the newest api-version of its type."""
        path = parse(resource_id)
        route = self.routes.by_type.get(path.as_action().type if method == "POST" else path.type)
        version = max(route.versions) if route else ""
        return self.request(method, f"{quote(resource_id)}?api-version={version}", body, caller)

    def put(self, resource: Resource) -> None:
        """Make or replace a resource; a new one gets its place in lists."""
        if not resource.serial:
            before = self.store.get(resource.id)
            resource = replace(resource, serial=before.serial if before else self.serial())
        moment = ALWAYS if self._beginning else self.now
        self.store.put(resource, moment)
        self.graph.written(resource.key, resource, moment)

    @contextmanager
    def beginning(self) -> Iterator[None]:
        """Let what is put inside have been there always: it has no history, and nobody sees the world without it."""
        self._beginning = True
        try:
            yield
        finally:
            self._beginning = False

    def remove(self, resource_id: str) -> Resource | None:
        """Take a resource away at once; None where there is none."""
        gone = self.store.remove(resource_id, self.now)
        if gone is not None:
            self.graph.written(gone.key, None, self.now)
        return gone

    def seen(self, call: Call, resource_id: str) -> Resource | None:
        """Read a resource as the call may see it: late, where a stale fault meets the call."""
        for effect in call.effects:
            if isinstance(effect, Stale):
                return self.store.as_of(resource_id, self.now - effect.seconds)
        return self.store.get(resource_id)

    # Calls

    def request(
        self,
        method: str,
        url: str,
        body: Json | None = None,
        caller: Caller = OPERATOR,
        wire: Wire = _BARE,
    ) -> Answer:
        """Answer one ARM call; ``url`` is path and query. Never raises ArmError."""
        self.settle()
        path, _, query = url.removeprefix(wire.base_url).partition("?")
        try:
            place = parse(path)
            call = Call(
                method.upper(),
                place.as_action() if method.upper() == "POST" else place,
                {name.lower(): value for name, value in parse_qsl(query, keep_blank_values=True)},
                body,
                caller,
                wire.headers,
                wire.base_url,
                wire.headers.get("x-ms-correlation-request-id") or self.uuid(),
            )
        except NotAnArmPathError:
            return self._written(Call(method.upper(), ArmPath(path, ""), {}, body, caller), _unknown(method, path))
        call = replace(call, effects=self.faults.meeting(call))
        return self._written(call, self._answer(call))

    def _answer(self, call: Call) -> Answer:
        taken: Mapping[str, str] = {}
        try:
            taken = self._take_token(call)
            early = self._early(call)
            answer = early or self._handled(call)
        except ArmError as error:
            answer = error.answer
        else:
            answer = self._late(call, answer) if early is None else answer
        delay = sum(effect.seconds for effect in call.effects if isinstance(effect, Slow))
        request_id = self.uuid()
        identity = {
            "x-ms-request-id": request_id,
            "x-ms-correlation-request-id": call.correlation_id,
            "x-ms-routing-request-id": f"LOCAL:{call.correlation_id}",
            "Cache-Control": "no-cache",
            "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
            "X-Content-Type-Options": "nosniff",
        }
        return replace(answer, headers={**identity, **taken, **answer.headers}, delay=delay)

    def _take_token(self, call: Call) -> Mapping[str, str]:
        scale = self.clock.scale
        clock = self.now if self.options.throttle_scaled else self.wall
        taken = self.throttle.take(call, clock)
        if taken.wait:
            wait = retry_after(taken.wait, scale if self.options.throttle_scaled else 1.0)
            kind = taken.kind.removesuffix("s")
            raise errors.throttled(kind, call.path.subscription, call.caller, wait, taken.headers)
        return taken.headers

    def _early(self, call: Call) -> Answer | None:
        """Give the answer of a fault that keeps the call from being handled at all."""
        for effect in call.effects:
            answer = _instead(effect, call)
            if answer is not None:
                return answer
        return None

    def _handled(self, call: Call) -> Answer:
        route, handler = self.routes.find(call)
        body = bodies.taken(route.type, verb_of(call), call.body)
        self.access.check(call, route)
        return handler(self, replace(call, body=body))

    @staticmethod
    def _late(call: Call, answer: Answer) -> Answer:
        for effect in call.effects:
            match effect:
                case GatewayTimeout(work_done=True):
                    return errors.gateway_timeout(_namespace(call)).answer
                case Reset(after_write=True):
                    return replace(answer, cut=True)
                case _:
                    pass
        return answer

    def _written(self, call: Call, answer: Answer) -> Answer:
        self.journal.add(
            Entry(
                self.wall,
                call.method,
                call.path.text,
                0 if answer.cut else int(answer.status),
                call.caller.object_id,
                answer.error_code if answer.status >= HTTPStatus.BAD_REQUEST else "",
                call.path.type,
                call.api_version,
                None if call.method in KINDS else call.body,
            )
        )
        for witness in self.witnesses:
            witness(call, answer)
        return answer

    # Operations and events

    def begin(self, call: Call, work: Work) -> Operation:
        """Begin a long operation; the faults that meet the call decide how it goes."""
        group_id = "/".join(work.subject.split("/", 5)[:5])
        subscription = work.subject.split("/", 3)[2]
        seconds = next((e.seconds for e in call.effects if isinstance(e, Lasting)), work.seconds)
        stuck = any(isinstance(effect, Stuck) for effect in call.effects)
        begun = self.now
        operation = Operation(
            self.uuid(), work.style, work.region, group_id, subscription, call.api_version, begun, begun + seconds
        )
        self.operations[operation.id] = operation
        failure = next((effect for effect in call.effects if isinstance(effect, FailOperation)), None)
        if stuck:
            operation.due = float("inf")
            return operation
        for share, step in () if failure else work.steps:
            self.after(seconds * share, step)
        self.after(seconds, lambda: self._end(operation, work, call, failure))
        return operation

    def _end(self, operation: Operation, work: Work, call: Call, failure: FailOperation | None) -> None:
        if not operation.running:
            return
        error = _outcome(work, failure)
        if error is None:
            operation.status = Status.SUCCEEDED
        else:
            operation.status, operation.error = Status.FAILED, error.as_error()
            work.fail(error)
        status = HTTPStatus.CREATED if work.created else HTTPStatus.OK
        self.emit(call, work.action, work.subject, status=status, failed=operation.error is not None)

    def emit(
        self, call: Call, action: str, subject: str, *, status: int = HTTPStatus.OK, failed: bool = False
    ) -> ResourceEvent:
        """Raise the subscription event of a change.

        Azure writes the subject of a creation with a small ``resourcegroups``.
        """
        kind = "Delete" if action.endswith("/delete") else "Action" if action.endswith("/action") else "Write"
        created = status == HTTPStatus.CREATED and call.method == "PUT"
        event = ResourceEvent(
            self.uuid(),
            self.wall,
            kind,
            "Failed" if failed else "Succeeded",
            subject.replace("/resourceGroups/", "/resourcegroups/") if created else subject,
            action,
            subject.split("/", 3)[2],
            call.caller,
            call.correlation_id,
            http_request(call, status),
        )
        self.events.append(event)
        for listener in self.listeners:
            listener(event)
        return event


def _outcome(work: Work, failure: FailOperation | None) -> ArmError | None:
    if failure is not None:
        return ArmError(HTTPStatus.INTERNAL_SERVER_ERROR, failure.code, failure.message)
    try:
        work.finish()
    except ArmError as error:
        return error
    return None


def _instead(effect: object, call: Call) -> Answer | None:
    match effect:
        case Respond():
            error = ArmError(effect.status, effect.code, effect.message, effect.headers)
            return error.answer
        case Problem():
            body = {
                "type": "https://tools.ietf.org/html/rfc9110#section-15.5.5",
                "title": effect.title,
                "status": effect.status,
                "traceId": f"00-{call.correlation_id.replace('-', '')}-0000000000000001-00",
            }
            return Answer(effect.status, body, {"Content-Type": "application/problem+json; charset=utf-8"})
        case ThrottleEffect():
            kind = KINDS.get(call.method, "writes").removesuffix("s")
            seconds = effect.retry_after
            answer = errors.throttled(kind, call.path.subscription, call.caller, str(seconds or 10)).answer
            kept = {k: v for k, v in answer.headers.items() if k != "Retry-After" or seconds is not None}
            return replace(answer, headers=kept)
        case RetryableError(another=another):
            code = "RetryableErrorDueToAnotherOperation" if another else "RetryableError"
            return errors.retryable(call.path.parent, call.path.text, "PutSubnetOperation", code=code).answer
        case Busy():
            return _busy(call)
        case GatewayTimeout(work_done=False):
            return errors.gateway_timeout(_namespace(call)).answer
        case Reset(after_write=False):
            return Answer(HTTPStatus.SERVICE_UNAVAILABLE, cut=True)
        case _:
            return None


def _outermost(call: Call) -> str:
    """Name what a call is about, or the resource around that: as Redis does, which spells its type with a capital."""
    return "/".join(call.path.text.split("/")[:9]).replace("/Microsoft.Cache/redis/", "/Microsoft.Cache/Redis/")


def _busy(call: Call) -> Answer:
    if _namespace(call) != "microsoft.network":
        return errors.busy(_outermost(call)).answer
    where = f"{call.base_url}/subscriptions/{call.path.subscription}/providers/Microsoft.Network/locations/westeurope"
    return errors.another_operation(f"{where}/operations/{call.correlation_id}?api-version={call.api_version}").answer


def _namespace(call: Call) -> str:
    return call.path.type.split("/", 1)[0]


def _unknown(method: str, path: str) -> Answer:
    return errors.not_emulated(f"the route {method} {path}").answer
