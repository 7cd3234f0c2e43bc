"""The dashboard as it leaves the app: whole, bare of data, and held to a policy that lets nothing else run."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from functions.dashboard import get_dashboard
from shared.api.callers import Access
from shared.api.calls import Request
from shared.api.front import answered, shape
from shared.api.openapi import document
from shared.api.operations import OPERATIONS
from shared.api.operations.service import GET_DASHBOARD
from shared.dashboard import page

HERE = Path(__file__).parent
SOURCES = Path(__file__).parents[3] / "shared" / "dashboard"
ANSWERS = sorted((HERE / "answers").glob("*.json"), key=lambda path: path.name)
BY_NAME = {each.name: each for each in OPERATIONS}
LARGEST = 100_000


def policy() -> dict[str, str]:
    parts = page().headers["Content-Security-Policy"].split("; ")
    return dict(part.partition(" ")[::2] for part in parts)


def element(name: str, attributes: str = "") -> str:
    (found,) = re.findall(rf"<{name}{attributes}>(.*?)</{name}>", page().text, re.DOTALL)
    return str(found)


def digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


async def test_anybody_gets_the_page_and_it_holds_no_data() -> None:
    """No key, no principal: as an app that takes nobody but people who have signed in would answer."""
    request = Request("GET", "https://app.example/api/dashboard", {}, {}, {})

    response = await answered(GET_DASHBOARD, request, get_dashboard, lambda: Access(principals_only=True))

    assert (response.status, response.media) == (200, "text/html")
    assert response.body == page().text.encode()
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_a_browser_runs_the_pages_own_script_and_style_and_nothing_else() -> None:
    told = policy()

    assert told["default-src"] == "'none'"
    assert told["script-src"] == digest(element("script"))
    assert told["style-src"] == digest(element("style"))
    assert told["connect-src"] == "'self'"
    assert told["img-src"] == "data:"
    assert {told[name] for name in ("base-uri", "form-action", "frame-ancestors", "trusted-types")} == {"'none'"}
    assert told["require-trusted-types-for"] == "'script'"


def test_the_page_tells_nobody_where_it_is_and_stands_in_no_frame() -> None:
    headers = page().headers

    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"


class _Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.inline: list[str] = []
        self.named: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in {"src", "href", "action"} and tag != "a":
                self.loads.append(str(value))
            if name.startswith("on") or name == "style":
                self.inline.append(f"{tag} {name}")
            if name == "name" and tag != "meta":
                self.named.append(tag)


def test_the_page_loads_nothing_and_has_no_script_in_attributes() -> None:
    seen = _Seen()
    seen.feed(page().text)

    assert [each for each in seen.loads if not each.startswith("data:")] == []
    assert seen.inline == []


def test_no_field_would_be_sent_in_an_address_should_the_script_not_run() -> None:
    seen = _Seen()
    seen.feed(page().text)

    assert seen.named == []


@pytest.mark.parametrize("path", sorted(SOURCES.glob("*.mjs")), ids=lambda path: path.name)
def test_nothing_is_ever_parsed_as_html_or_run_as_text(path: Path) -> None:
    makers = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|eval\(|Function\("
    )
    assert re.findall(makers, path.read_text("utf-8")) == []


def test_modules_import_only_from_those_before_them_and_what_is_there() -> None:
    order = [found[1] for found in re.finditer(r"^const (\w+) = \(\(\) => \{$", element("script"), re.MULTILINE)]
    given: dict[str, set[str]] = {}
    for name in order:
        source = (SOURCES / f"{name}.mjs").read_text("utf-8")
        for names, module in re.findall(r'import \{([^}]+)\} from "\./(\w+)\.mjs"', source):
            assert {each.strip() for each in names.split(",")} <= given[module]
        given[name] = set(re.findall(r"^export (?:async )?(?:function|const|class) (\w+)", source, re.MULTILINE))

    assert set(order) == {path.stem for path in SOURCES.glob("*.mjs")}
    assert not re.search(r"^\s*(import|export)\b", element("script"), re.MULTILINE)


def test_the_page_is_small() -> None:
    assert len(page().text.encode()) < LARGEST


def test_what_is_hidden_stays_so_whatever_its_layout() -> None:
    assert "[hidden] { display: none !important; }" in element("style")


# ── contrast ────────────────────────────────────────────────────────────────────────────────────


def colours(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_every_text_can_be_read_on_what_is_behind_it(scheme: int) -> None:
    blocks = re.findall(r":root \{(.*?)\}", element("style"), re.DOTALL)
    has = colours(blocks[scheme])
    pairs = [
        (text, ground)
        for text in ("text", "quiet", "link", "bad", "warn", "good", "busy")
        for ground in ("ground", "raised")
    ]
    pairs += [("bad", "bad-ground"), ("warn", "warn-ground")]

    assert {
        pair: round(contrast(has[pair[0]], has[pair[1]]), 1)
        for pair in pairs
        if contrast(has[pair[0]], has[pair[1]]) < 4.5
    } == {}


# ── what behaviour is tested with ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", ANSWERS, ids=lambda path: path.stem)
def test_what_the_page_is_tested_with_is_what_the_api_answers(path: Path) -> None:
    told = json.loads(path.read_text("utf-8"))
    operation = BY_NAME[told["operation"]]
    response = document()["paths"][f"/{operation.path}"]["get"]["responses"][str(told["status"])]
    schema: dict[str, Any] = {
        **response["content"]["application/json"]["schema"],
        "components": document()["components"],
    }

    jsonschema.Draft202012Validator(schema).validate(told["body"])
    # The document allows further fields; a name that the API has no more would be one.
    given = msgspec.convert(told["body"], shape(operation.gives))
    assert json.loads(msgspec.json.encode(given)) == told["body"]
