"""What a body may hold: every mistake is named by its field, its value and what would be right."""

from __future__ import annotations

import contextlib
import json
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from shared.api.body import LARGEST, read
from shared.api.errors import RefusedError, TooLargeError, WrongTypeError
from shared.api.shapes import Taken
from shared.model import Mode


class Inner(Taken, frozen=True):
    size: Annotated[int, Meta(ge=1, le=9)]


class Body(Taken, frozen=True):
    the_mode: Mode = Mode.AUDIT
    inner: Inner | None = None
    names: tuple[str, ...] = ()


JSON = "application/json"


def test_a_body_becomes_its_shape() -> None:
    body = b'\xef\xbb\xbf {"theMode": "enforce", "inner": {"size": 3}, "names": ["gr\xc3\xb6\xc3\x9fe \\ud83d\\ude00"]}'

    assert read(body, JSON, Body) == Body(the_mode=Mode.ENFORCE, inner=Inner(size=3), names=("größe 😀",))


@pytest.mark.parametrize("body", [b"", b"  \n", b"{}"])
def test_no_body_is_an_empty_one(body: bytes) -> None:
    assert read(body, "", Body) == Body()


WRONG = {
    "unknown-field": (b'{"theMod": "audit"}', "theMod", "did you mean 'theMode'?"),
    "not-camel": (b'{"the_mode": "audit"}', "the_mode", "did you mean 'theMode'?"),
    "wrong-value": (b'{"theMode": "on"}', "theMode", "'on' is not right here; it would have to be one of: audit"),
    "wrong-type": (b'{"names": [1]}', "names[0]", "1 is not right here"),
    "too-large-a-number": (b'{"inner": {"size": 10}}', "inner.size", "10 is not right here"),
    "huge-number": (b'{"inner": {"size": 1' + b"0" * 5000 + b"}}", "body", "not JSON"),
    "missing": (b'{"inner": {}}', "inner", "'size' is missing"),
    "null": (b'{"theMode": null}', "theMode", "nothing is not right here"),
    "twice": (b'{"names": [], "names": []}', "names", "stands there twice"),
    "twice-inside": (b'{"inner": {"size": 1, "size": 1}}', "size", "stands there twice"),
    "not-json": (b'{"names": [}', "body", "line 1, column 12"),
    "not-an-object": (b"[]", "body", "JSON object"),
    "a-word": (b"true", "body", "JSON object"),
    "not-a-number": (b'{"inner": {"size": NaN}}', "body", "NaN is no JSON number"),
    "not-utf-8": (b'{"names": ["\xff"]}', "body", "not UTF-8: byte 12"),
    "utf-16": ('{"names": []}'.encode("utf-16"), "body", "not UTF-8"),
    "half-a-character": (b'{"names": ["\\ud800"]}', "body", "half a character"),
    "too-deep": (b'{"names": ' + b"[" * 3000 + b"]" * 3000 + b"}", "body", "more than 20 deep"),
    "too-deep-and-open": (b"[" * 60_000, "body", "more than 20 deep"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named(name: str) -> None:
    body, target, words = WRONG[name]

    with pytest.raises(RefusedError) as refused:
        read(body, JSON, Body)

    assert refused.value.target == target
    assert words in str(refused.value)
    assert len(str(refused.value)) < 1000


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(RefusedError) as refused:
        read(b'{"theMode": "on", "color": 1, "names": [2]}', JSON, Body)

    assert {detail.target for detail in refused.value.details} == {"theMode", "color", "names[0]"}
    assert "2 more" in str(refused.value)


def test_brackets_in_texts_are_no_depth() -> None:
    text = '[{"' * 30
    assert read(json.dumps({"names": [text]}).encode(), JSON, Body).names == (text,)


@pytest.mark.parametrize("tail", [b"", b"\\", b'\\"'])
def test_a_text_that_never_ends_takes_no_time(tail: bytes) -> None:
    with pytest.raises(RefusedError, match="not JSON"):
        read(b'{"names": ["' + b'\\"' * 30_000 + tail, JSON, Body)


def test_a_body_that_is_too_large_is_not_looked_at() -> None:
    with pytest.raises(TooLargeError, match=f"{LARGEST} are allowed"):
        read(b"[" * (LARGEST + 1), JSON, Body)


@pytest.mark.parametrize(
    "kind",
    ["", JSON, "application/json; charset=utf-8", 'APPLICATION/JSON;charset="UTF-8"', "application/merge-patch+json",
     "text/json", "text/plain", "application/x-www-form-urlencoded", "application/octet-stream"],
)  # fmt: skip
def test_whoever_sends_json_may_call_it_what_tools_call_it(kind: str) -> None:
    assert read(b"{}", kind, Body) == Body()


@pytest.mark.parametrize(
    "kind", ["application/xml", "multipart/form-data; boundary=x", "application/json; charset=utf-16"]
)
def test_what_says_that_it_is_something_else_is_refused(kind: str) -> None:
    with pytest.raises(WrongTypeError):
        read(b"{}", kind, Body)


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_whatever_is_sent_is_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(RefusedError):
        assert isinstance(read(body, JSON, Body), Body)
