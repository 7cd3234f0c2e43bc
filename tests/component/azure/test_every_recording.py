"""Every recorded exchange in scope is answered as real Azure did, or the difference is listed with its reason."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from local.azure.calls import Answer, Json
from tests.component.azure.recordings.cassettes import Exchange, recordings
from tests.component.azure.recordings.comparing import differences
from tests.component.azure.recordings.listed import Listed, listed
from tests.component.azure.recordings.report import details, report, tally, walk_all
from tests.component.azure.recordings.scope import is_poll
from tests.component.azure.recordings.walk import Outcome

DOCUMENTATION = Path(__file__).parents[3] / "docs" / "emulator.md"


def said(row: str) -> tuple[int, int]:
    """Give what the documentation says of a row of its table: how many are in scope, and how many of them equal."""
    found = re.search(rf"\| {row} \| ([\d,]+)(?: of [\d,]+)? \| ([\d,]+) \(", DOCUMENTATION.read_text())
    assert found is not None, row
    return int(found[1].replace(",", "")), int(found[2].replace(",", ""))


def names() -> list[str]:
    """Name the recordings, for one test each; there are none where the folder is absent."""
    folder = Path(os.environ.get("DRAWBRIDGE_REFERENCE") or Path(__file__).parents[4] / "shared" / "azure-reference")
    return [file.stem for file in recordings(folder)] if folder.is_dir() else []


@pytest.fixture(scope="module")
def outcomes(reference: Path) -> list[Outcome]:
    return walk_all(reference)


def test_as_many_answers_are_equal_as_the_documentation_says(
    outcomes: list[Outcome], capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        print("", *report(outcomes), sep="\n")
    once = [outcome for outcome in outcomes if not outcome.again]
    without_polls = [outcome for outcome in once if not is_poll(outcome.exchange)]
    for row, counted in (
        ("all", tally(once, listed())),
        ("without polls of operations", tally(without_polls, listed())),
    ):
        replayed, equal = said(row)
        assert counted.replayed == replayed, row
        assert counted.equal >= equal, row
        assert counted.share >= 0.9, row


@pytest.mark.parametrize("name", names())
def test_a_recorded_conversation_goes_the_same_way_again(outcomes: list[Outcome], name: str) -> None:
    mine = [outcome for outcome in outcomes if outcome.recording == name]
    assert mine
    assert list(details(mine, listed())) == []


def test_every_listed_difference_is_met(outcomes: list[Outcome]) -> None:
    met = {
        row.id
        for outcome in outcomes
        for text in outcome.found
        for row in listed()
        if row.covers(outcome.exchange.call, text)
    }
    assert [row.id for row in listed() if row.id not in met] == []


# What the comparison sees

_BODY: Json = {
    "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Cache/Redis/c",
    "properties": {"provisioningState": "Updating", "port": 6379, "names": ["a", "b"], "primaryKey": "secret"},
}
_PLACE = "https://management.azure.com/subscriptions/s/providers/Microsoft.Cache/locations/x/asyncOperations/1?t=2"
_RECORDED = Exchange(0, "PATCH", "/x", None, None, {}, 202, {"azure-asyncoperation": _PLACE}, _BODY)
_OURS = Answer(202, _BODY, {"Azure-AsyncOperation": _PLACE.replace("/1?t=2", "/77?t=3")})


def changed(**properties: object) -> Json:
    return {**_BODY, "properties": {**_BODY["properties"], **properties}}


@pytest.mark.parametrize(
    ("ours", "found"),
    [
        (_OURS, []),
        (replace(_OURS, body=changed(primaryKey="other")), []),
        (replace(_OURS, status=200), ["status 200, recorded 202: "]),
        (replace(_OURS, headers={}), ["header azure-asyncoperation is absent"]),
        (replace(_OURS, headers={**_OURS.headers, "Location": "x"}), ["header location was not recorded"]),
        (
            replace(_OURS, body=changed(provisioningState="Scaling")),
            ["body.properties.provisioningState is 'Scaling', recorded 'Updating'"],
        ),
        (replace(_OURS, body=changed(port="6379")), ["body.properties.port is a str, recorded a int"]),
        (replace(_OURS, body=changed(names=["a"])), ["body.properties.names has 1 items, recorded 2"]),
        (replace(_OURS, body=changed(more=None)), ["body.properties.more was not recorded"]),
        (replace(_OURS, body=None), ["body is a NoneType, recorded a dict"]),
        (
            replace(_OURS, body={**_BODY, "id": str(_BODY["id"]).lower()}),
            [f"body.id is {str(_BODY['id']).lower()!r}, recorded {_BODY['id']!r}"],
        ),
    ],
)
def test_a_difference_is_seen_and_named(ours: Answer, found: list[str]) -> None:
    assert differences(_RECORDED, ours) == found


def test_a_wait_is_compared_where_the_recorder_kept_it() -> None:
    waiting = replace(_OURS, headers={**_OURS.headers, "Retry-After": "10"})
    assert differences(_RECORDED, waiting) == []
    assert differences(replace(_RECORDED, waits_kept=True), waiting) == ["header retry-after was not recorded"]


@pytest.mark.parametrize(
    ("call", "text", "covered"),
    [
        ("GET microsoft.cache/redis", "body.tags.a is absent", True),
        ("GET microsoft.cache/redis", "body.tags.a was not recorded", False),
        ("GET microsoft.cache/redis[]", "body.tags.a is absent", False),
    ],
)
def test_a_row_stands_for_what_it_says_and_no_more(call: str, text: str, covered: bool) -> None:
    assert Listed("rec-x", "GET microsoft.cache/redis", "body.tags.* is absent", "why").covers(call, text) is covered
