"""Clusters and databases are answered as real Azure did, call by call, and within the model of 2025-07-01."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.azure.calls import BASE_URL, Answer, Json
from local.azure.clock import ManualClock
from local.azure.databases import Database
from local.azure.redisenterprise import build
from local.azure.regions import short_name
from local.azure.resources import Group
from local.azure.subscriptions import Subscription
from local.azure.world import World
from tests.component.azure.clusters import (
    NEW,
    attach,
    cluster_id,
    connection_id,
    decide,
    done,
    flag,
    make_clusters,
)

# Keys and access policies are not emulated; nor is unlinking by hand, after which a recording shows its effects.
_LEFT_OUT = re.compile(r"/(listKeys|regenerateKey|listSkusForScaling)\?|/accessPolicyAssignments[/?]")
_END = re.compile(r"/forceUnlink\?")
_OURS = re.compile(r"/Microsoft.Cache/(redisEnterprise|locations/[^/]+/operationsStatus)", re.IGNORECASE)
# Only in previews, or made of modules, which are not emulated.
_MORE = frozenset({"keySpaceNotification", "modules"})
_EQUAL = frozenset({"type", "kind", "location", "hostName", "provisioningState", "resourceState", "status", "code"})
_ANNOUNCING = frozenset({"azure-asyncoperation", "location", "retry-after"})
# How long a caller must have waited to be told so, in seconds: none of the operations takes longer than an hour.
_WAITED = {"Pending": 0.0, "InProgress": 2.9, "Succeeded": 4000.0}


@dataclass(frozen=True, slots=True)
class Exchange:
    """One recorded call with its answer; ``headers`` are the answer's, in lower case."""

    method: str
    url: str
    request: Json | None
    status: int
    headers: dict[str, str]
    answer: Json | None

    @property
    def path(self) -> str:
        return self.url.removeprefix(BASE_URL).split("?")[0]

    @property
    def waited(self) -> float:
        """How long the caller had waited at least, in seconds."""
        body = self.answer or {}
        if "/operationsStatus/" in self.path:
            return _WAITED[body["status"]]
        return _WAITED["Succeeded"] if self.method == "GET" else 0.0


def curated(file: Path) -> Iterator[Exchange]:
    for item in json.loads(file.read_text())["exchanges"]:
        request, answer = item["request"], item["response"]
        yield Exchange(
            request["method"], request["url"], request["body"], answer["status"], answer["headers"], answer["body"]
        )


def cassette(file: Path) -> Iterator[Exchange]:
    for item in yaml.load(file.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))["interactions"]:
        request, answer = item["request"], item["response"]
        headers = {name.lower(): value[0] for name, value in answer["headers"].items()}
        body = answer["body"]["string"]
        yield Exchange(
            request["method"],
            request["uri"],
            json.loads(request["body"]) if request["body"] else None,
            answer["status"]["code"],
            headers,
            json.loads(body) if body else None,
        )


@dataclass(slots=True)
class Replay:
    """A world that recorded calls are sent to; ``polls`` are our operations by the path of the recorded ones.

    ``hurried`` are operations that were not waited for, but ended because another one was; ``running`` are recorded
    paths of those that were once seen to run.
    """

    clock: ManualClock = field(default_factory=ManualClock)
    world: World = field(init=False)
    polls: dict[str, str] = field(default_factory=dict)
    hurried: set[str] = field(default_factory=set)
    running: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.world = World(self.clock)

    def prepare(self, exchanges: list[Exchange]) -> None:
        """Let stand what the recording takes for granted: subscription, groups, and what a PUT found there."""
        for exchange in exchanges:
            parts = exchange.path.split("/")
            self.world.directory.add(Subscription(parts[2], "recorded"))
            group = f"/subscriptions/{parts[2]}/resourceGroups/{parts[4]}"
            if parts[3].lower() == "resourcegroups" and self.world.store.get(group) is None:
                self.world.put(Group(id=group, region="westus"))
        made: set[str] = set()
        for exchange in exchanges:
            if exchange.method == "PUT" and exchange.status == 200 and exchange.path not in made:
                self._found(exchange)
            made.add(exchange.path)

    def _found(self, exchange: Exchange) -> None:
        if "/databases/" in exchange.path:
            self.world.put(Database(id=exchange.path))
            return
        body = exchange.request or {}
        self.world.put(build(exchange.path, short_name(body["location"]), body["sku"], body["properties"]))

    def send(self, exchange: Exchange) -> Answer:
        """Send a recorded call, after having waited as long as its caller."""
        url = self.polls.get(exchange.path, exchange.url)
        if exchange.waited == _WAITED["Succeeded"]:
            running = {name for name, operation in self.world.operations.items() if operation.running}
            self.hurried |= {name for name in running if name not in url}
        # Some were asked about for minutes; ours would be over by then.
        again = exchange.waited == _WAITED["InProgress"] and exchange.path in self.running
        self.clock.advance(0.0 if again else exchange.waited)
        self.running |= {exchange.path} if exchange.waited == _WAITED["InProgress"] else set()
        answer = self.world.request(exchange.method, url, exchange.request)
        if "azure-asyncoperation" in exchange.headers and "Azure-AsyncOperation" in answer.headers:
            recorded = exchange.headers["azure-asyncoperation"].removeprefix(BASE_URL).split("?")[0]
            self.polls[recorded] = answer.headers["Azure-AsyncOperation"]
        return answer

    def differences(self, exchange: Exchange, answer: Answer) -> list[str]:
        """Tell how an answer differs from the recorded one, the effects of hurrying and of neighbours left out."""
        name = str((answer.body or {}).get("name"))
        if name in self.hurried and (exchange.answer or {}).get("status") == "InProgress":
            return []
        value = (exchange.answer or {}).get("value")
        if value is not None:
            ours = [item for item in value if self.world.store.get(item["id"]) is not None]
            exchange = replace(exchange, answer={**(exchange.answer or {}), "value": ours})
        return list(differences(exchange, answer))


def differences(exchange: Exchange, answer: Answer) -> Iterator[str]:
    """Tell how an answer differs from the recorded one: status, announcing headers, keys, types, states."""
    if answer.status != exchange.status:
        yield f"status {int(answer.status)}, recorded {exchange.status}"
    ours = {name.lower(): value for name, value in answer.headers.items()}
    for name in _ANNOUNCING:
        if (name in ours) != (name in exchange.headers):
            yield f"header {name} {'is absent' if name in exchange.headers else 'was not recorded'}"
        elif name in ours and _form(ours[name]) != _form(exchange.headers[name]):
            yield f"header {name} is {_form(ours[name])}, recorded {_form(exchange.headers[name])}"
    yield from _compare("", exchange.answer, answer.body)


def _form(url: str) -> str:
    return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<guid>", url.split("&", maxsplit=1)[0])


def _compare(where: str, recorded: Any, ours: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    if type(recorded) is not type(ours):
        yield f"{where or 'body'} is {ours!r:.80}, recorded {recorded!r:.80}"
    elif isinstance(recorded, dict):
        for name in sorted((recorded.keys() ^ ours.keys()) - _MORE):
            yield f"{where}.{name} {'is absent' if name in recorded else 'was not recorded'}"
        for name in recorded.keys() & ours.keys() - _MORE:
            yield from _compare(f"{where}.{name}", recorded[name], ours[name])
    elif isinstance(recorded, list):
        if len(recorded) != len(ours):
            yield f"{where} has {len(ours)} items, recorded {len(recorded)}"
        for one, other in zip(recorded, ours, strict=False):
            yield from _compare(f"{where}[]", one, other)
    elif where.rsplit(".", 1)[-1] in _EQUAL and recorded != ours:
        yield f"{where} is {ours!r}, recorded {recorded!r}"


CURATED = ["amr_cluster_2025-07-01", "amr_cluster_create_delete_cli"]
CASSETTES = [f"test_redisenterprise_scenario{number}" for number in range(1, 7)]


def recording(reference: Path, name: str) -> list[Exchange]:
    """Read the calls of a recording that are emulated; skips where it is absent."""
    plain = reference / "recordings" / "curated" / f"{name}.json"
    taped = reference / "recordings" / "azure-cli-extensions" / f"{name}.yaml"
    if not (plain.exists() or taped.exists()):
        pytest.skip(f"no recording {name} in {reference}")
    exchanges = curated(plain) if plain.exists() else cassette(taped)
    return _without_their_polls(item for item in exchanges if _OURS.search(item.url))


def _without_their_polls(exchanges: Iterator[Exchange]) -> list[Exchange]:
    """Leave out calls that are not emulated with the polls of what they began, and calls about neighbours."""
    left_out: set[str] = set()
    made: set[str] = set()
    kept = []
    for exchange in takewhile(lambda item: not _END.search(item.url), exchanges):
        name = "".join(exchange.path.split("/")[8:9])
        made |= {name} if exchange.method == "PUT" else set()
        if _LEFT_OUT.search(exchange.url) and exchange.status != 404:
            left_out.add(exchange.headers.get("azure-asyncoperation", "").removeprefix(BASE_URL).split("?")[0])
        elif exchange.path not in left_out and (name in made or "resourceGroups" not in exchange.path or not name):
            kept.append(exchange)
    return kept


@pytest.mark.parametrize("name", [*CURATED, *CASSETTES])
def test_a_recorded_conversation_goes_the_same_way_again(reference: Path, name: str) -> None:
    exchanges = recording(reference, name)
    replay = Replay()
    replay.prepare(exchanges)
    found = []
    for exchange in exchanges:
        answer = replay.send(exchange)
        what = f"{exchange.method} {exchange.path.split('/providers/')[-1]}"
        found += [f"{what}: {text}" for text in replay.differences(exchange, answer)]

    assert exchanges
    assert found == []


# The model


@dataclass(frozen=True, slots=True)
class Model:
    """The types of Microsoft.Cache of 2025-07-01, as Bicep generates them from the specification."""

    types: list[Json]

    @classmethod
    def read(cls, reference: Path) -> Model:
        file = reference / "specs/bicep-types-az/generated_redisenterprise_microsoft.cache_2025-07-01_types.json"
        if not file.exists():
            pytest.skip(f"no model in {file}")
        return cls(json.loads(file.read_text()))

    def named(self, name: str) -> Json:
        return next(item for item in self.types if item["$type"] == "ObjectType" and item.get("name") == name)

    def faults(self, where: str, kind: Json, value: object) -> Iterator[str]:
        """Tell what of a value the model does not allow."""
        match kind["$type"]:
            case "ObjectType":
                yield from self._object_faults(where, kind, value)
            case "ArrayType":
                for item in value if isinstance(value, list) else ():
                    yield from self.faults(f"{where}[]", self._at(kind["itemType"]), item)
                if not isinstance(value, list):
                    yield f"{where} is no list: {value!r}"
            case "UnionType":
                yield from self._union_faults(where, kind, value)
            case "StringType" | "StringLiteralType":
                if not isinstance(value, str) or kind.get("value", value) != value:
                    yield f"{where} is {value!r}, not {kind.get('value', 'a string')!r}"
            case "IntegerType" | "BooleanType" as plain:
                if type(value) is not {"IntegerType": int, "BooleanType": bool}[plain]:
                    yield f"{where} is no {plain}: {value!r}"
            case other:
                yield f"{where} is of a type that is not known here: {other}"

    def _object_faults(self, where: str, kind: Json, value: object) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{where} is no object: {value!r}"
            return
        known = kind["properties"]
        more = kind.get("additionalProperties")
        for name, item in value.items():
            if name in known and item is not None:
                yield from self.faults(f"{where}.{name}", self._at(known[name]["type"]), item)
            elif name not in known and more is None:
                yield f"{where}.{name} is unknown"
        required = {name for name, item in known.items() if item["flags"] & 1 and name != "apiVersion"}
        yield from (f"{where}.{name} is absent" for name in sorted(required - value.keys()))

    def _union_faults(self, where: str, kind: Json, value: object) -> Iterator[str]:
        """Hold against the words that are known: the union is open, but we do not invent any."""
        words = [self._at(element).get("value") for element in kind["elements"]]
        if value not in words:
            yield f"{where} is {value!r}, not one of {[word for word in words if word]}"

    def _at(self, reference: Json) -> Json:
        return self.types[int(reference["$ref"].removeprefix("#/"))]


def _shown() -> Iterator[tuple[str, Json | None]]:
    """Give every form of resource that the stand-in answers, with the name of its type."""
    cluster, database = "Microsoft.Cache/redisEnterprise", "Microsoft.Cache/redisEnterprise/databases"
    world, clock = make_clusters()
    yield cluster, world.act("PUT", cluster_id("fresh"), NEW).body
    yield cluster, world.act("PATCH", cluster_id("flagged"), flag("Disabled")).body
    for name in ("fresh", "flagged", "old", "enterprise", "broken"):
        yield cluster, world.act("GET", cluster_id(name)).body
        yield from ((database, item) for item in listed(world, f"{cluster_id(name)}/databases"))
    attach(world, clock, "enterprise", manual=True)
    yield cluster, world.act("GET", cluster_id("enterprise")).body
    yield f"{cluster}/privateEndpointConnections", world.act("GET", connection_id(world, "enterprise")).body
    approving = done(world, clock, world.act("PUT", connection_id(world, "enterprise"), decide("Approved")))
    yield f"{cluster}/privateEndpointConnections", approving.body
    yield cluster, world.act("DELETE", cluster_id("enterprise")).body


def listed(world: World, url: str) -> list[Json]:
    """Give what a collection holds."""
    body = world.act("GET", url).body
    assert body is not None
    return list(body["value"])


def test_everything_that_is_shown_is_within_the_model(reference: Path) -> None:
    model = Model.read(reference)
    shown = list(_shown())
    found = [fault for name, body in shown for fault in model.faults(name, model.named(name), body)]

    assert len(shown) > 10
    assert found == []


def test_what_cannot_be_set_on_a_cluster_is_what_the_model_lets_only_be_read(reference: Path) -> None:
    model = Model.read(reference)
    properties = model.named("ClusterCreateProperties")["properties"]
    for name, item in properties.items():
        world, _ = make_clusters()
        before = world.show(cluster_id("flagged"))
        world.act("PATCH", cluster_id("flagged"), {"properties": {name: "Disabled"}})
        assert (world.show(cluster_id("flagged")) == before) == bool(item["flags"] & 2), name


def test_the_sdk_accepts_every_status_that_is_answered(reference: Path) -> None:
    wire = reference / "specs" / "sdk_wire.json"
    if not wire.exists():
        pytest.skip(f"no operations in {wire}")
    operations = json.loads(wire.read_text())["redisenterprise"]
    accepted = {f"{item['cls']}.{item['op']}": item.get("accepts", []) for item in operations}
    world, clock = make_clusters()
    attach(world, clock, "old", manual=True)
    connection = connection_id(world, "old")
    clusters, connections = "RedisEnterpriseOperations", "PrivateEndpointConnectionsOperations"
    table = [
        (f"{clusters}._create_initial", "PUT", cluster_id("fresh"), NEW),
        (f"{clusters}._create_initial", "PUT", cluster_id("flagged"), NEW),
        (f"{clusters}._update_initial", "PATCH", cluster_id("flagged"), {"tags": {"a": "b"}}),
        (f"{clusters}._update_initial", "PATCH", cluster_id("flagged"), flag("Enabled")),
        (f"{connections}._put_initial", "PUT", connection, decide("Approved")),
        (f"{connections}._delete_initial", "DELETE", connection, None),
        (f"{connections}._delete_initial", "DELETE", connection, None),
        (f"{clusters}._delete_initial", "DELETE", cluster_id("flagged"), None),
        (f"{clusters}._delete_initial", "DELETE", cluster_id("flagged"), None),
        ("DatabasesOperations._delete_initial", "DELETE", f"{cluster_id('old')}/databases/default", None),
        ("DatabasesOperations._create_initial", "PUT", f"{cluster_id('old')}/databases/default", {}),
    ]
    for operation, method, path, body in table:
        answer = done_or_absent(world, clock, world.act(method, path, body))
        assert int(answer.status) in accepted[operation], operation


def done_or_absent(world: World, clock: ManualClock, answer: Answer) -> Answer:
    return answer if answer.status == 204 else done(world, clock, answer)
