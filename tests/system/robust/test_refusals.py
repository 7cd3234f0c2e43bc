"""Whatever Azure answers, a cache ends private, or says what it waits for or what stands in its way."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from local import fleet
from local.azure.faults import (
    Busy,
    Effect,
    FailOperation,
    GatewayTimeout,
    Match,
    Reset,
    Respond,
    RetryableError,
    Slow,
    Stale,
    Stuck,
    Throttle,
)
from local.azurite import Azurite
from local.stage import eventually
from tests.system.robust.processes import PATIENT, Crew, busy, crew, named
from tests.system.scene import CLOSE, OPEN

pytestmark = [pytest.mark.emulator_only, pytest.mark.asyncio(loop_scope="module")]

ENROLLED = {"drawbridge": "private"}
POLICY = fleet.policy().replace("settle: 2s", "settle: 15s")
"""A slow machine must not come to look again only when what was just written is no longer remembered as such."""
_PATHS = {
    "cache": r"/redis/{name}$",
    "endpoint": r"/privateEndpoints/pe-{name}-[0-9a-f]{{8}}$",
    "groups": r"/privateEndpoints/pe-{name}-[0-9a-f]{{8}}/privateDnsZoneGroups$",
    "group": r"/privateEndpoints/pe-{name}-[0-9a-f]{{8}}/privateDnsZoneGroups/default$",
}
_FAILED = FailOperation("InternalServerError", "An error occurred.")


def _answer(status: int, code: str, message: str = "It did not work out.") -> Respond:
    return Respond(status, code, message)


@dataclass(frozen=True, slots=True)
class Case:
    """A fault that the calls of one cache meet, and how the cache ends."""

    name: str
    effect: Effect
    call: str
    """Method and where."""
    count: int | None = 1
    ends: str = "Compliant"
    says: str = ""
    written: int = 1
    """How often the endpoint, or the zone group, is written at most; more than once where the outcome is unknown."""

    @property
    def cache(self) -> str:
        return fleet.cache_id(self.name)

    @property
    def match(self) -> Match:
        method, _, where = self.call.partition(" ")
        return Match(method=method, path=_PATHS[where].format(name=re.escape(self.name)), count=self.count)


ATTACHING = (
    Case("lock-as-429", RetryableError(), "PUT endpoint", 2),
    Case("lock-as-429-group", RetryableError(), "PUT group", 2),
    Case("throttled-read", Throttle(1), "GET cache"),
    Case("throttled-silently", Throttle(None), "PUT endpoint"),
    Case("another-operation", _answer(409, "AnotherOperationInProgress"), "PUT endpoint", 2),
    Case("not-provisioned", _answer(429, "ReferencedResourceNotProvisioned"), "PUT endpoint", 2),
    Case("error-once", _answer(500, "InternalServerError"), "GET cache", 2),
    Case("error-often", _answer(503, "ServiceUnavailable"), "PUT endpoint", 5),
    Case("error-unnamed", _answer(502, ""), "GET endpoint", 4),
    Case("error-groups", _answer(500, "InternalServerError"), "GET groups", 4),
    Case("token-expired", _answer(401, "ExpiredAuthenticationToken"), "GET cache", 2),
    Case("late-undone", GatewayTimeout(work_done=False), "PUT endpoint", 2),
    Case("late-done", GatewayTimeout(work_done=True), "PUT endpoint", written=2),
    Case("late-group", GatewayTimeout(work_done=True), "PUT group", written=2),
    Case("cut-before", Reset(after_write=False), "PUT endpoint", 2, written=3),
    Case("cut-after", Reset(after_write=True), "PUT endpoint", written=2),
    Case("cut-group", Reset(after_write=True), "PUT group", written=2),
    Case("cut-read", Reset(after_write=False), "GET cache", 4),
    Case("slow-read", Slow(1.5), "GET cache", 2),
    Case("slow-write", Slow(1.5), "PUT endpoint"),
    Case("stale-cache", Stale(120), "GET cache", 3),
    Case("stale-endpoint", Stale(120), "GET endpoint", 3),
    Case("stale-groups", Stale(120), "GET groups", 2),
    Case("failed-once", _FAILED, "PUT endpoint", written=2),
    Case("failed-group", _FAILED, "PUT group", written=2),
    Case("failed-always", _FAILED, "PUT endpoint", None, "Blocked(EndpointFailed)", "three times in a row", 3),
    Case("stuck", Stuck(), "PUT endpoint", None, "Converging", "an endpoint is being made"),
    Case("stuck-group", Stuck(), "PUT group", None, "Converging", "the DNS records of the endpoint are being made"),
    Case("busy-always", RetryableError(), "PUT endpoint", None, "Converging", "busy with another operation", 0),
    Case(
        "refused", _answer(400, "New", "No such luck."), "PUT endpoint", None, "Blocked(Unexpected)", "No such luck", 0
    ),
)
CLOSING = (
    Case("close-busy", Busy(), "PATCH cache", 3),
    Case("close-error", _answer(500, "InternalServerError"), "PATCH cache", 5),
    Case("close-late", GatewayTimeout(work_done=True), "PATCH cache"),
    Case("close-cut", Reset(after_write=True), "PATCH cache"),
    Case("close-unsent", Reset(after_write=False), "PATCH cache", 2),
    Case("close-stale", Stale(120), "GET cache", 2),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def refused(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Crew]:
    """Give a fleet in which each enrolled cache meets its own fault."""
    names = [case.name for case in (*ATTACHING, *CLOSING)]
    async with crew(
        azurite, tmp_path_factory.mktemp("refusals"), named(*names), busy(1, settings=PATIENT, policy=POLICY)
    ) as on:
        for case in ATTACHING:
            on.at.stage.azure.faults.add(case.effect, case.match)
        for name in names:
            on.at.tag(fleet.cache_id(name), ENROLLED)
        yield on


async def _ended(on: Crew, case: Case) -> None:
    async def so() -> bool:
        said = await on.at.stage.verdict(case.cache)
        row = await on.at.stage.row(case.cache)
        words = f"{row.verdict.message} {row.verdict.step}" if row and row.verdict else ""
        return said == case.ends and case.says in words

    async def instead() -> object:
        row = await on.at.stage.row(case.cache)
        return row.verdict if row else None

    await eventually(so, 40, f"{case.name} {case.ends}", instead)


@pytest.mark.parametrize("case", ATTACHING, ids=lambda case: case.name)
async def test_an_attachment_ends_well_or_says_why_not(refused: Crew, case: Case) -> None:
    await _ended(refused, case)

    if case.ends == "Compliant":
        assert refused.at.private(case.cache)
    taken = [call for call in refused.at.writes(case.cache) if call.status < 400]
    groups = [call for call in taken if "/privatednszonegroups/" in call.resource]
    endpoints = [call for call in taken if call.method == "PUT" and call not in groups]
    most = {"endpoint": 1, "group": 1} | {case.call.partition(" ")[2]: case.written}
    assert (len(endpoints) <= most["endpoint"], len(groups) <= most["group"]) == (True, True), [
        (call.method, call.resource, call.status) for call in taken
    ]


@pytest.mark.parametrize("case", CLOSING, ids=lambda case: case.name)
async def test_a_door_that_was_opened_is_shut_whatever_azure_answers(refused: Crew, case: Case) -> None:
    await refused.at.until_private(case.cache)
    since = refused.at.now
    refused.at.update(case.cache, OPEN)
    await refused.at.stage.azure.until(lambda world: world.cache(case.cache).public == "Enabled")
    refused.at.stage.azure.faults.add(case.effect, case.match)

    await eventually(lambda: refused.at.shut(case.cache), 30, "the door to be shut")

    await _ended(refused, case)
    assert all(call.body == CLOSE for call in refused.at.writes(case.cache, since))


async def test_no_invocation_fails_because_azure_refuses(refused: Crew) -> None:
    for case in ATTACHING:
        await _ended(refused, case)

    assert refused.failures() == []
