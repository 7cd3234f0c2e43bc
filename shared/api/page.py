"""The API as one page of HTML that loads nothing from anywhere, made of the OpenAPI document."""

from __future__ import annotations

import json
from functools import cache
from html import escape
from typing import Any

from shared.api.openapi import document

Json = dict[str, Any]

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1rem;color:#1b1f24;background:#fff}
h2{border-bottom:1px solid #d0d7de;padding-bottom:.2rem;margin-top:2.5rem;text-transform:capitalize}
code,pre{font-family:ui-monospace,monospace;font-size:.9em;background:#f3f4f6;border-radius:4px}
code{padding:.1em .3em}pre{padding:.8rem;overflow-x:auto}
details{margin:.6rem 0;border:1px solid #d0d7de;border-radius:6px}
summary{cursor:pointer;padding:.5rem .8rem}details>div{padding:0 .8rem .6rem}table{border-collapse:collapse;width:100%}
td,th{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0;border-top:1px solid #e5e7eb}
b.m{display:inline-block;min-width:4.2em}
@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}code,pre{background:#161b22}}
"""


@cache
def page() -> str:
    """Give the page."""
    told = document()
    info = told["info"]
    by_tag: dict[str, list[str]] = {}
    for path, methods in told["paths"].items():
        for method, operation in methods.items():
            by_tag.setdefault(operation["tags"][0], []).append(_operation(path, method, operation))
    parts = "".join(f"<h2>{escape(tag)}</h2>{''.join(each)}" for tag, each in by_tag.items())
    shapes = "".join(_shape(name, schema) for name, schema in told["components"]["schemas"].items())
    head = (
        f"<meta charset=utf-8><meta name=viewport content='width=device-width'><title>{info['title']}: the API</title>"
    )
    intro = f"<h1>{info['title']}: the API</h1><p>{_words(info['description'])}</p>"
    more = "<p>For programs: <a href=openapi.json>openapi.json</a>.</p>"
    return (
        f"<!doctype html><html lang=en><head>{head}<style>{_STYLE}</style></head>"
        f"<body>{intro}{more}{parts}<h2>Shapes</h2>{shapes}</body></html>"
    )


def _operation(path: str, method: str, told: Json) -> str:
    title = f"<b class=m>{method.upper()}</b> <code>/api{escape(path)}</code> {escape(told['summary'])}"
    inside = f"<p>{_words(told['description'])}</p>{_parameters(told['parameters'])}"
    if body := told.get("requestBody"):
        content = body["content"]["application/json"]
        inside += f"<h4>Body: {_type(content['schema'])}</h4>{_example(content)}"
    rows = "".join(
        f"<tr><td><code>{status}</code><td>{_words(each['description'])}<td>{_answer(each)}"
        for status, each in told["responses"].items()
    )
    shown = next((_example(each) for r in told["responses"].values() for each in r["content"].values()), "")
    return _folded(told["operationId"], title, f"{inside}<table>{rows}</table>{shown}")


def _folded(anchor: str, title: str, inside: str) -> str:
    return f"<details id={anchor}><summary>{title}</summary><div>{inside}</div></details>"


def _parameters(parameters: list[Json]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(p['name'])}</code><td>{p['in']}<td>{_words(p['description'])}<td>{_type(p['schema'])}"
        for p in parameters
    )
    return f"<table>{rows}</table>" if rows else ""


def _answer(response: Json) -> str:
    return _type(next(iter(response["content"].values()))["schema"]) if response["content"] else ""


def _shape(name: str, schema: Json) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code><td>{_type(each)}<td>{_words(each.get('description', ''))}"
        for field, each in schema.get("properties", {}).items()
    )
    about = f"<p>{_words(schema.get('description', ''))}</p>"
    choices = f"<p>{_type(schema)}</p>" if "enum" in schema else ""
    return _folded(f"shape-{name}", f"<code>{name}</code>", f"{about}{choices}<table>{rows}</table>")


def _type(schema: Json) -> str:
    if ref := schema.get("$ref"):
        name = escape(ref.rpartition("/")[2])
        return f"<a href='#shape-{name}'>{name}</a>"
    if several := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(_type(each) for each in several)
    if choices := schema.get("enum"):
        return ", ".join(f"<code>{escape(str(each))}</code>" for each in choices)
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    limits = [
        f"{name} {schema[name]}"
        for name in ("minimum", "maximum", "maxLength", "pattern", "format", "default")
        if name in schema
    ]
    return escape(" ".join([str(schema.get("type", "")), *limits]))


def _example(content: Json) -> str:
    if "example" not in content:
        return ""
    return f"<pre>{escape(json.dumps(content['example'], indent=2, ensure_ascii=False))}</pre>"


def _words(text: str) -> str:
    """Escape a text, and set what stands in backticks as code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts))
