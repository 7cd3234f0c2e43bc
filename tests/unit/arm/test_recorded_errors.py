from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from shared.arm.errors import Call, Retry, translate
from tests.unit.arm.answers import SUBSCRIPTION, failed

REPOSITORY = Path(__file__).parents[3]
REFERENCE = Path(os.environ.get("DRAWBRIDGE_REFERENCE") or REPOSITORY.parent / "shared" / "azure-reference")
SEEN = REFERENCE / "recordings" / "arm_errors_seen.json"
WRITE = Call("Microsoft.Network/privateEndpoints/write", SUBSCRIPTION, writes=True)

pytestmark = pytest.mark.skipif(not SEEN.exists(), reason=f"no recorded errors of Azure at {SEEN}")


def samples() -> list[Any]:
    recorded = json.loads(SEEN.read_text()) if SEEN.exists() else []
    return [
        pytest.param(entry["status"], sample, id=f"{entry['status']}-{entry['code']}-{number}")
        for entry in recorded
        for number, sample in enumerate(entry["samples"])
    ]


@pytest.mark.parametrize(("status", "sample"), samples())
def test_every_error_that_azure_was_recorded_with_can_be_told_to_a_person(status: int, sample: dict[str, Any]) -> None:
    error = translate(failed(status, sample["body"], sample["headers"]), WRITE)

    assert error.message
    assert len(error.message) <= 500
    assert "\n" not in error.message
    assert not re.search(r"https?://\S+\?", error.message)
    assert error.status == status


@pytest.mark.parametrize(("status", "sample"), samples())
def test_no_recorded_fault_or_throttling_of_azure_counts_as_permanent(status: int, sample: dict[str, Any]) -> None:
    error = translate(failed(status, sample["body"], sample["headers"]), WRITE)

    if status == 429 or status >= 500:
        assert error.retry is not Retry.NEVER
    else:
        assert error.retry is not Retry.SOON
