"""The service itself: its health, and what it offers."""

from __future__ import annotations

from shared.api.operation import Operation

GET_HEALTH = Operation(
    name="get_health",
    method="GET",
    path="health",
    summary="See whether it can work",
    description="Needs no key. Details are in the log only.",
    gives="service.Health",
    answers={200: "The policy can be used and storage be reached.", 503: "One of them cannot."},
    role=None,
    shown={"status": "ok", "problems": []},
)

GET_OPENAPI = Operation(
    name="get_openapi",
    method="GET",
    path="openapi.json",
    summary="Read this description of the API",
    description="OpenAPI 3.1, made from the types that requests are held to.",
    gives="",
    answers={200: "The document."},
)

GET_DOCS = Operation(
    name="get_docs",
    method="GET",
    path="docs",
    summary="Read this description of the API as a page",
    description="One page of HTML that loads nothing from anywhere.",
    gives="",
    answers={200: "The page."},
    media="text/html",
)

GET_DASHBOARD = Operation(
    name="get_dashboard",
    method="GET",
    path="dashboard",
    summary="See the fleet as a page",
    description="One page of HTML that loads nothing from anywhere and holds no data: it asks this API, with the key "
    "that is typed into it, or as whoever has signed in. Needs no key itself.",
    gives="",
    answers={200: "The page."},
    role=None,
    media="text/html",
)

ALL = (GET_HEALTH, GET_OPENAPI, GET_DOCS, GET_DASHBOARD)

ELSEWHERE = Operation(
    name="elsewhere",
    method="",
    path="{*rest}",
    summary="",
    description="Whatever is no operation: it is refused as what is not there, or not with this method.",
    gives="",
    answers={},
)
"""Not among ALL: it is served, and is no operation."""
