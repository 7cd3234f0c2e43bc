"""The OpenAPI document says what is served: every operation, with examples that its own types take."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import jsonschema
import msgspec
import pytest

from shared.api.front import shape
from shared.api.openapi import document
from shared.api.operation import Operation
from shared.api.operations import OPERATIONS
from shared.api.page import page

BY_NAME = {each.name: each for each in OPERATIONS}


def test_every_operation_is_told_of_by_method_and_path_and_no_other() -> None:
    told = {
        (path, method, each["operationId"]) for path, ms in document()["paths"].items() for method, each in ms.items()
    }

    assert told == {(f"/{each.path}", each.method.lower(), each.name) for each in OPERATIONS}


def test_names_of_operations_are_unique() -> None:
    assert len(BY_NAME) == len(OPERATIONS)


@pytest.mark.parametrize("name", BY_NAME)
def test_an_operation_has_an_example_of_what_it_takes_and_gives(name: str) -> None:
    operation = BY_NAME[name]
    for known, example in ((operation.takes, operation.example), (operation.gives, operation.shown)):
        if known and example is not None:
            msgspec.convert(example, shape(known))
    assert (not operation.takes) or operation.example is not None


@pytest.mark.parametrize("name", BY_NAME)
def test_the_document_takes_its_own_examples(name: str) -> None:
    operation: Operation = BY_NAME[name]
    told = document()["paths"][f"/{operation.path}"][operation.method.lower()]
    contents = [*told.get("requestBody", {}).get("content", {}).values()]
    contents += [each for response in told["responses"].values() for each in response["content"].values()]
    for content in contents:
        if "example" in content:
            schema = {**content["schema"], "components": document()["components"]}
            jsonschema.Draft202012Validator(schema).validate(content["example"])


def test_every_reference_leads_somewhere() -> None:
    def refs(value: object) -> set[str]:
        if isinstance(value, dict):
            return {value["$ref"]} if "$ref" in value else set().union(*map(refs, value.values()))
        return set().union(*map(refs, value)) if isinstance(value, list) else set()

    for ref in refs(json.loads(json.dumps(document()))):
        found: Any = document()
        for part in ref.removeprefix("#/").split("/"):
            found = found[part]


def test_unknown_fields_are_refused_by_the_document_too() -> None:
    for each in OPERATIONS:
        if each.takes:
            assert document()["components"]["schemas"][shape(each.takes).__name__]["additionalProperties"] is False


def test_a_pattern_of_a_parameter_is_for_all_of_its_value() -> None:
    each = [p for methods in document()["paths"].values() for told in methods.values() for p in told["parameters"]]
    patterns = {p["name"]: p["schema"]["pattern"] for p in each if "pattern" in p["schema"]}

    assert re.search(patterns["subscription"], "11111111-2222-3333-4444-555555555555")
    assert not re.search(patterns["subscription"], "11111111-2222-3333-4444-555555555555/..")
    assert [name for name, pattern in patterns.items() if not re.fullmatch(r"\^\(.*\)\$", pattern)] == []


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.ids: set[str] = set()
        self.links: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids.add(given.get("id") or "")
        if tag == "a":
            self.links.add(given.get("href") or "")
        elif given.get("src") or given.get("href") or tag == "script":
            self.loaded.append(tag)


def test_the_page_loads_nothing_and_its_links_lead_somewhere() -> None:
    seen = _Links()
    seen.feed(page())

    assert seen.loaded == []
    assert {link for link in seen.links if link.removeprefix("#") not in seen.ids} == {"openapi.json"}
    assert set(BY_NAME) <= seen.ids


def test_every_parameter_has_an_example_of_its_own_kind() -> None:
    for ms in document()["paths"].values():
        for each in (parameter for told in ms.values() for parameter in told["parameters"]):
            if "example" in each:
                jsonschema.Draft202012Validator(each["schema"]).validate(each["example"])
