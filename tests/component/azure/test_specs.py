"""Answers of the stand-in, and requests to it, are as Microsoft's OpenAPI documents say."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from local.azure.calls import Json
from local.azure.emulator import Emulator, EmulatorOptions
from local.azure.faults import Match, Respond
from tests.component.azure.fleet import CACHE, ENDPOINT, SEED, attach
from tests.specs.check import Exchange, Specification
from tests.specs.deviations import DEVIATIONS, known
from tests.specs.exercise import Stroll, stroll
from tests.specs.library import Library
from tests.specs.oav import write_traffic
from tests.specs.recorded import recorded
from tests.specs.tally import read, tally

# What the command line sent and Azure took, although no document has it, and what only newer versions ask for.
_TOLERATED = re.compile(
    r"(request|answer \d+) (value\.\[\]\.)?properties: 'publicNetworkAccess' is a required property"  # older versions
    r"|request (query: '[tcsh]' is not known"  # the signature in the URL of an operation
    r"|body: Additional properties are not allowed \((, )?('(id|name|type)'(, )?)+ (was|were) unexpected\)"
    r"|properties\.privateEndpoint: Additional properties are not allowed \('id' was unexpected\)"
    r"|properties\.privateLinkServiceConnectionState\.description: None is not of type 'string'"
    r"|properties\.sku\.family: '[cp]' is not one of .*"
    r"|properties\.mode: 'incremental' is not one of .*"
    r"|body: the operation needs one)"  # deployments, whose bodies the recordings leave out
)


ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def specification(reference: Path) -> Specification:
    return Specification(Library(reference))


@pytest.fixture(scope="module")
def spoken(reference: Path) -> list[Exchange]:
    """Give what real Azure was asked and answered."""
    return list(recorded(reference))


def test_every_route_and_verb_answers_as_its_document_says(specification: Specification) -> None:
    going = stroll()
    counted = tally(specification, going.exchanges)
    print("\n".join(counted.lines()))
    assert going.missed == set(), "tests/specs/exercise.py calls each route and verb; these it does not know"
    assert counted.errors == Counter()
    assert sum(counted.checked.values()) > 100


def test_real_azure_keeps_to_the_same_documents(specification: Specification, spoken: list[Exchange]) -> None:
    held, strange = 0, Counter[str]()
    for exchange in spoken:
        operation = specification.find(exchange.method, exchange.path)
        if operation is not None:
            held += 1
            errors = (text for text in operation.errors(exchange) if not _TOLERATED.fullmatch(text))
            strange.update(f"{operation.id}: {text}" for text in errors if not known(operation.id, text))
    print(f"{held} recorded exchanges held against the documents")
    assert held > 2000
    assert strange == Counter()


def test_what_is_let_pass_as_azures_own_way_is_recorded(specification: Specification, spoken: list[Exchange]) -> None:
    found = set()
    for exchange in spoken:
        operation = specification.find(exchange.method, exchange.path)
        if operation is not None:
            found |= {known(operation.id, text) for text in operation.errors(exchange)}
    assert [item.reason for item in DEVIATIONS if item.recorded and item not in found] == []


def test_what_is_let_pass_without_a_recording_is_listed_as_a_difference() -> None:
    text = (ROOT / "local" / "azure" / "DIFFERENCES.md").read_text("utf-8")
    assert [item.reason for item in DEVIATIONS if not item.recorded and item.reason not in text] == []


def _answer(change: Callable[[Json], object]) -> Callable[[Exchange], Exchange]:
    def changed(exchange: Exchange) -> Exchange:
        body = json.loads(json.dumps(exchange.answer))
        change(body)
        return replace(exchange, answer=body)

    return changed


def _request(body: Json | None) -> Callable[[Exchange], Exchange]:
    return lambda exchange: replace(exchange, request=body)


CHANGES = [
    pytest.param(
        "GET", CACHE, _answer(lambda body: body.update(colour="red")), "'colour' was unexpected", id="unknown"
    ),
    pytest.param(
        "GET", CACHE, _answer(lambda body: body["properties"].update(port="6379")), "is not of type", id="type"
    ),
    pytest.param(
        "GET",
        CACHE,
        _answer(lambda body: body["properties"].update(publicNetworkAccess="Ajar")),
        "'Ajar' is not one of",
        id="value",
    ),
    pytest.param(
        "GET", CACHE, _answer(lambda body: body.pop("location")), "'location' is a required property", id="absent"
    ),
    pytest.param("GET", CACHE, lambda exchange: replace(exchange, answer=None), "answers one", id="no answer"),
    pytest.param("GET", CACHE, lambda exchange: replace(exchange, status=206), "not among those", id="status"),
    pytest.param(
        "GET",
        CACHE,
        lambda exchange: replace(exchange, url=exchange.url + "&$top=1"),
        "'$top' is not known",
        id="query",
    ),
    pytest.param("GET", CACHE, _request({"a": 1}), "takes none", id="body of a read"),
    pytest.param("PATCH", CACHE, _request(None), "needs one", id="no body"),
    pytest.param(
        "PATCH", CACHE, _request({"properties": {"hostName": "x"}}), "'hostName' was unexpected", id="read-only"
    ),
    pytest.param("PATCH", CACHE, _request({"tags": {"a": 1}}), "is not of type 'string'", id="tag"),
    pytest.param(
        "GET",
        ENDPOINT,
        _answer(lambda body: body["properties"].update(ipVersionType="IPv5")),
        "'IPv5' is not one of",
        id="newer than the file",
    ),
    pytest.param(
        "GET",
        ENDPOINT,
        _answer(lambda body: body["properties"]["subnet"].update(properties={"purpose": 1})),
        "1 is not of type",
        id="deep",
    ),
]


@pytest.mark.parametrize(("method", "path", "change", "complaint"), CHANGES)
def test_a_difference_is_found_and_named(
    specification: Specification, method: str, path: str, change: Callable[[Exchange], Exchange], complaint: str
) -> None:
    going = Stroll.begin()
    attach(going.world, going.clock)
    going.call(method, path, {"tags": {"a": "b"}} if method == "PATCH" else None)
    exchange = next(item for item in reversed(going.exchanges) if item.method == method and item.path == path)
    assert [text for text in specification.check(exchange).errors if known("", text) is None] == _expected(path)
    assert any(complaint in text for text in specification.check(change(exchange)).errors)


def _expected(path: str) -> list[str]:
    """Give what is let pass of an endpoint, in its own words."""
    more = "answer 200 properties: Additional properties are not allowed ('resourceGuid' was unexpected)"
    return [more] if path == ENDPOINT else []


@pytest.mark.parametrize(("ours", "wrong"), [(True, True), (False, False)])
def test_a_request_that_was_refused_is_checked_where_it_is_the_apps(
    specification: Specification, ours: bool, wrong: bool
) -> None:
    refusal = {"error": {"code": "Conflict", "message": "busy"}}
    body = {"properties": {"colour": "red"}}
    exchange = Exchange("PATCH", f"{CACHE}?api-version=2024-11-01", body, 409, refusal, ours=ours)
    assert bool(specification.check(exchange).errors) is wrong


def test_a_cluster_has_to_be_given_its_door_when_it_is_made(specification: Specification) -> None:
    operation = specification.find("PUT", CACHE.replace("/Redis/", "/redisEnterprise/"), "2025-07-01")
    assert operation is not None
    assert operation.request is not None
    body: Json = {"location": "westeurope", "sku": {"name": "Balanced_B5"}, "properties": {}}
    assert operation.request.errors(body) == ["properties: 'publicNetworkAccess' is a required property"]
    body["properties"] = {"publicNetworkAccess": "Enabled"}
    assert operation.request.errors(body) == []


async def test_microsofts_validator_gets_each_exchange_that_a_document_has_once(
    specification: Specification, tmp_path: Path
) -> None:
    written = tmp_path / "traffic"
    async with Emulator.start(EmulatorOptions(traffic=written)) as azure:
        azure.world.seed(SEED)
        azure.faults.add(Respond(200, "Strange", "Not a cache."), Match(path="cache-b"))
        paths = (
            CACHE,
            CACHE,
            CACHE.replace("cache-a", "cache-b"),
            CACHE.replace("cache-a", "absent"),
            "/subscriptions",
        )
        for path in paths:
            azure.world.act("GET", path)
        azure.world.act("PATCH", CACHE, {"tags": {"a": "b"}})
    assert write_traffic(specification, read(written), tmp_path / "given") == 2
    asked, changed = [json.loads(file.read_text("utf-8")) for file in _sorted(tmp_path / "given")]
    assert (asked["liveRequest"]["method"], asked["liveRequest"]["url"]) == ("GET", f"{CACHE}?api-version=2024-11-01")
    assert (asked["liveResponse"]["statusCode"], asked["liveResponse"]["body"]["name"]) == ("200", "cache-a")
    assert changed["liveRequest"]["body"] == {"tags": {"a": "b"}}


def _sorted(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())
