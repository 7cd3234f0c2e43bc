"""The OpenAPI documents that calls are held against, each with how far it is Microsoft's own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]

_OFFICIAL = "specs/azure-rest-api-specs@2024-10-30"
_REDIS = "specification/redis/resource-manager/Microsoft.Cache/stable"
_ENTERPRISE = "specification/redisenterprise/resource-manager/Microsoft.Cache/stable"
_NETWORK = "specification/network/resource-manager/Microsoft.Network/stable"
_DNS = "specification/privatedns/resource-manager/Microsoft.Network/stable"
_RESOURCES = "specification/resources/resource-manager/Microsoft.Resources/stable"
_GRAPH = "specification/resourcegraph/resource-manager/Microsoft.ResourceGraph/stable"
_BICEP = "specs/bicep-types-az/generated"

# In a bicep type: what has to be given, and what only Azure gives.
_REQUIRED, _READ_ONLY = 1, 2


@dataclass(frozen=True, slots=True)
class Document:
    """One OpenAPI file. ``path`` is where Microsoft has it or would have it; ``origin`` says what it was made of."""

    path: str
    body: Json
    origin: str

    @property
    def version(self) -> str:
        return str(self.body["info"]["version"])


class Library:
    """All documents by path, with those that they refer to."""

    def __init__(self, reference: Path) -> None:
        self._folder = reference
        self._files: dict[str, Json] = {}
        self.documents = tuple(self._documents())

    def file(self, path: str) -> Json:
        """Give a file by its path from the root of Microsoft's repository."""
        if path not in self._files:
            self._files[path] = json.loads((self._folder / _OFFICIAL / path).read_text("utf-8"))
        return self._files[path]

    def everything(self) -> Mapping[str, Json]:
        """Give every file that a document may refer to."""
        root = self._folder / _OFFICIAL
        for path in sorted((root / "specification/common-types").rglob("*.json")):
            self.file(path.relative_to(root).as_posix())
        return self._files

    def _documents(self) -> Iterator[Document]:
        yield self._kept(f"{_DNS}/2024-06-01/privatedns.json", "official")
        yield self._kept(f"{_GRAPH}/2021-03-01/resourcegraph.json", "official")
        body = self._read("specs/redis.2024-11-01.reconstructed.json")
        body["info"]["version"] = "2024-11-01"
        yield self._made(f"{_REDIS}/2024-11-01/redis.json", body, "official 2024-03-01 and its one addition since")
        yield self._resources()
        yield self._enterprise()
        yield from self._network()

    def _read(self, path: str) -> Any:  # noqa: ANN401 - JSON
        return json.loads((self._folder / path).read_text("utf-8"))

    def _kept(self, path: str, origin: str) -> Document:
        return Document(path, self.file(path), origin)

    def _made(self, path: str, body: Json, origin: str) -> Document:
        self._files[path] = body
        return Document(path, body, origin)

    def _resources(self) -> Document:
        """Give the file of 2024-07-01 for 2025-04-01, without its operations on resources of every type."""
        body = deepcopy(self.file(f"{_RESOURCES}/2024-07-01/resources.json"))
        body["info"]["version"] = "2025-04-01"
        general = re.compile(r"/\{resourceId\}|\{parentResourcePath\}")
        body["paths"] = {path: item for path, item in body["paths"].items() if not general.search(path)}
        return self._made(f"{_RESOURCES}/2025-04-01/resources.json", body, "official 2024-07-01")

    def _enterprise(self) -> Document:
        """Bring the file of 2024-02-01 up to 2025-07-01 by the types that were generated of the latter."""
        body = deepcopy(self.file(f"{_ENTERPRISE}/2024-02-01/redisenterprise.json"))
        body["info"]["version"] = "2025-07-01"
        types = BicepTypes(self._read(f"{_BICEP}_redisenterprise_microsoft.cache_2025-07-01_types.json"), {})
        definitions = body["definitions"]
        for name, source in (
            ("Cluster", "Microsoft.Cache/redisEnterprise"),
            ("ClusterProperties", "ClusterCreateProperties"),
            ("Database", "Microsoft.Cache/redisEnterprise/databases"),
            ("DatabaseProperties", "DatabaseCreateProperties"),
            ("Persistence", "Persistence"),
            ("Module", "Module"),
            ("Sku", "Sku"),
        ):
            _extend(definitions[name], types.properties(source), keep=set(definitions[name].get("properties", ())))
        definitions |= types.made
        # What has to be given is asked of creations alone: changes have the same properties.
        creating = deepcopy(definitions["ClusterProperties"]) | {"required": types.required("ClusterCreateProperties")}
        definitions["ClusterCreateProperties"] = creating
        definitions["Cluster"]["properties"]["properties"] = {
            "$ref": "#/definitions/ClusterCreateProperties",
            "x-ms-client-flatten": True,
        }
        return self._made(
            f"{_ENTERPRISE}/2025-07-01/redisenterprise.json", body, "official 2024-02-01 and bicep types of 2025-07-01"
        )

    def _network(self) -> Iterator[Document]:
        """Bring the files of 2024-01-01 up to 2026-03-01: bicep types of 2025-09-01, and the SDK's models."""
        files = sorted((self._folder / _OFFICIAL / _NETWORK / "2024-01-01").glob("*.json"))
        bodies = {file.name: json.loads(file.read_text("utf-8")) for file in files}
        where = {name: file for file, body in bodies.items() for name in body.get("definitions", {})}
        types = BicepTypes(self._read(f"{_BICEP}_network_microsoft.network_2025-09-01_types.json"), where)
        for name, file in where.items():
            definition = bodies[file]["definitions"][name]
            if types.knows(name):
                _extend(definition, types.properties(name))
        for name, model in self._read("specs/sdk_models.json")["network"].items():
            if name in where:
                _as_the_sdk_has_it(bodies[where[name]]["definitions"][name], model)
        bodies["network.json"]["definitions"] |= types.made
        for file, body in bodies.items():
            body["info"]["version"] = "2026-03-01"
            self._files[f"{_NETWORK}/2026-03-01/{file}"] = body
        origin = "official 2024-01-01, bicep types of 2025-09-01 and models of the SDK for 2026-03-01"
        for file in ("privateEndpoint.json", "virtualNetwork.json", "networkInterface.json"):
            yield Document(f"{_NETWORK}/2026-03-01/{file}", bodies[file], origin)


class BicepTypes:
    """Types generated for Bicep from an OpenAPI file, turned back; ``where`` says which file defines a name."""

    def __init__(self, types: list[Json], where: Mapping[str, str]) -> None:
        self._types = types
        self._where = where
        self._by_name = {item["name"]: item for item in reversed(types) if item["$type"] == "ObjectType"}
        self.made: Json = {}

    def knows(self, name: str) -> bool:
        return name in self._by_name

    def properties(self, name: str) -> Json:
        found = self._by_name[name]["properties"].items()
        return {key: self._property(value) for key, value in found if key != "apiVersion"}

    def required(self, name: str) -> list[str]:
        return [key for key, value in self._by_name[name]["properties"].items() if value["flags"] & _REQUIRED]

    def _property(self, value: Json) -> Json:
        schema = self._schema(value["type"])
        if "$ref" in schema:
            return schema
        read_only = {"readOnly": True} if value["flags"] & _READ_ONLY else {}
        nullable = {"x-nullable": True} if "null is returned" in value.get("description", "") else {}
        return {**schema, **read_only, **nullable}

    def _schema(self, reference: Json) -> Json:
        found = self._types[int(reference["$ref"].removeprefix("#/"))]
        match found["$type"]:
            case "StringType":
                return {"type": "string"}
            case "StringLiteralType":
                return {"type": "string", "enum": [found["value"]]}
            case "IntegerType":
                return {"type": "integer"}
            case "BooleanType":
                return {"type": "boolean"}
            case "ArrayType":
                return {"type": "array", "items": self._schema(found["itemType"])}
            case "UnionType":
                return self._union(found)
            case "ObjectType":
                return self._object(found)
            case _:
                return {}

    def _union(self, found: Json) -> Json:
        """Give an enumeration of the values that are named; Bicep lets any text stand beside them, this does not."""
        parts = [self._schema(item) for item in found["elements"]]
        values = [value for part in parts for value in part.get("enum", ())]
        return {"type": "string", "enum": values} if values else parts[0]

    def _object(self, found: Json) -> Json:
        name = found["name"]
        if name in self._where:
            return {"$ref": f"./{self._where[name]}#/definitions/{name}"}
        if name not in self.made:
            self.made[name] = {}
            self.made[name] |= {"type": "object", "properties": self.properties(name)} if found["properties"] else {}
            if "additionalProperties" in found:
                self.made[name] |= {"additionalProperties": self._schema(found["additionalProperties"])}
        home = "./network.json" if self._where else ""
        return {"$ref": f"{home}#/definitions/{name}"}


def _extend(definition: Json, found: Json, keep: set[str] = frozenset()) -> None:  # type: ignore[assignment]
    """Add the properties that a definition lacks, and the values that its enumerations lack."""
    held = definition.setdefault("properties", {})
    inherited = {"id", "name", "type", "location", "tags"} if definition.get("allOf") else set()
    for name, schema in found.items():
        if name in held:
            lacking = [value for value in schema.get("enum", ()) if value not in held[name].get("enum", ())]
            if held[name].get("enum") and lacking:
                held[name] = held[name] | {"enum": [*held[name]["enum"], *lacking]}
        elif name not in inherited | keep:
            held[name] = schema


def _as_the_sdk_has_it(definition: Json, model: Json) -> None:
    """Add the names that only the SDK has, whatever their value, and take out those that it has no more."""
    held = definition.get("properties", {})
    for name in set(held) - set(model):
        del held[name]
    inherited = {"id", "name", "type", "location", "tags"} if definition.get("allOf") else set()
    for name in set(model) - set(held) - inherited:
        held[name] = {"readOnly": True} if model[name]["visibility"] == ["read"] else {}
