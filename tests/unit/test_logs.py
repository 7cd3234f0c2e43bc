"""Lines of the log: a constant message, fields, and what they are all about."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest

from shared.logs import Log, about

log = Log("drawbridge.tests")


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO)
    return caplog


def fields(line: str) -> object:
    return json.loads(line[line.index("{") :])


def test_a_line_is_a_constant_message_and_its_fields(lines: pytest.LogCaptureFixture) -> None:
    log.info("wrote", action='close "shop"', code=None)

    assert lines.messages == ['wrote {"action": "close \\"shop\\""}']


def test_every_line_of_a_pass_says_which_pass_and_why_it_was_made(lines: pytest.LogCaptureFixture) -> None:
    with about(pass_id="aa11", trigger="event", caller=""), about(cache="shop"):
        log.warning("refused", code="Locked")
    log.info("afterwards")

    assert [fields(line) for line in lines.messages] == [
        {"pass_id": "aa11", "trigger": "event", "cache": "shop", "code": "Locked"},
        {},
    ]


def test_what_a_line_says_itself_stands_above_what_it_is_about(lines: pytest.LogCaptureFixture) -> None:
    with about(operation="put_cache"):
        log.info("azure refused", operation="Microsoft.Cache/redis/write")

    assert fields(lines.messages[0]) == {"operation": "Microsoft.Cache/redis/write"}


async def test_passes_at_the_same_time_keep_their_lines_apart(lines: pytest.LogCaptureFixture) -> None:
    async def one(name: str) -> None:
        with about(pass_id=name):
            await asyncio.sleep(0)
            log.info("pass", cache=name)

    await asyncio.gather(*(one(name) for name in ("a", "b", "c")))

    assert [fields(line) for line in lines.messages] == [{"pass_id": name, "cache": name} for name in ("a", "b", "c")]
