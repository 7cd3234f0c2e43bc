"""Clusters and databases are answered within the model of 2025-07-01, and with statuses that the SDK accepts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.azure.calls import Answer, Json
from local.azure.clock import ManualClock
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
