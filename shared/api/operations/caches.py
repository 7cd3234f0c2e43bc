"""Caches: all of them, and one as it is."""

from __future__ import annotations

from shared.api.operation import CACHE, GUID, KIND, PAGE_TOKEN, WAIT, Operation, Parameter, page_size
from shared.api.operations.creations import CACHE_STANDS

GET_CACHE = Operation(
    name="get_cache",
    method="GET",
    path=CACHE,
    summary="Look at one cache",
    description="What is seen, what is wanted, what would be done now, and what was last said. Reads Azure and writes "
    "nothing. Of a cache that was asked for with PUT, the status says where it stands.",
    gives="caches.CacheShown",
    answers={**CACHE_STANDS, 200: "The cache as it is; one that was asked for is Ready."},
    query=(KIND, WAIT),
    azure=True,
)

_VERDICTS = ["OutOfScope", "Compliant", "Converging", "Blocked", "Exempt", "AuditOnly"]
_FILTERS = (
    Parameter(
        "subscription",
        "Only those of one subscription.",
        {"type": "string", "pattern": GUID},
        "11111111-2222-3333-4444-555555555555",
    ),
    Parameter("verdict", "Only those with this verdict.", {"type": "string", "enum": _VERDICTS}, "Blocked"),
    Parameter(
        "reason", "Only those that are Blocked for this reason.", {"type": "string", "pattern": "[A-Za-z]{1,64}"}
    ),
    Parameter(
        "kind", "Only those of this kind.", {"type": "string", "enum": ["classic", "managed", "enterprise"]}, "classic"
    ),
    Parameter(
        "tag",
        "Only those with a tag, as `name` or `name=value`; names are compared without case, values with it.",
        {"type": "string", "minLength": 1, "maxLength": 769},
        "env=prod",
    ),
    Parameter(
        "counts",
        "Count verdicts over the whole answer, not only this page; reads every row that matches.",
        {"type": "boolean", "default": False},
        example=True,
    ),
)

LIST_CACHES = Operation(
    name="list_caches",
    method="GET",
    path="caches",
    summary="List the fleet",
    description="Every cache in scope that Drawbridge has looked at, as the last pass left it. Costs no call to Azure. "
    "A page can be shorter than `pageSize`, even empty, and have a `nextLink` all the same.",
    gives="fleet.FleetPage",
    answers={200: "One page."},
    query=(*_FILTERS, page_size(100, 1000), PAGE_TOKEN),
)

ALL = (LIST_CACHES, GET_CACHE)
