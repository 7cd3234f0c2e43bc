"""What one operation of the API is: read by the host that serves it, and by the OpenAPI document that tells of it.

Imported when the app is indexed, so it costs next to nothing: shapes are named here, and imported by who needs them.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple


class Role(IntEnum):
    """What a caller may do; each role includes those before it."""

    READER = 1
    OPERATOR = 2
    ADMIN = 3

    @property
    def words(self) -> str:
        """The role as Entra ID and the settings spell it."""
        return f"Drawbridge.{self.name.capitalize()}"


class Parameter(NamedTuple):
    """One parameter of a query, with the JSON schema that it is held to."""

    name: str
    description: str
    schema: Mapping[str, object]
    example: object = None


class Operation(NamedTuple):
    """One method of one route."""

    name: str
    """The name of the function, and the ``operationId``."""
    method: str
    path: str
    """Below ``/api/``, with ``{parameters}``."""
    summary: str
    description: str
    gives: str
    """The shape of a good answer: ``module.Struct`` in ``shared.api.shapes``; "" for one that is not JSON."""
    answers: Mapping[int, str]
    """Status → what it means, without the refusals that follow from the rest."""
    role: Role | None = Role.READER
    """None: anybody, without a key."""
    takes: str = ""
    """The shape of the body; "": none is taken."""
    query: tuple[Parameter, ...] = ()
    fails: Mapping[int, str] = {}
    """Refusals of its own."""
    guarded: bool = False
    """Takes If-Match and If-None-Match."""
    azure: bool = False
    """Can be refused by Azure Resource Manager."""
    example: object = None
    """A body that it takes."""
    shown: object = None
    """A good answer."""
    media: str = "application/json"

    @property
    def writes(self) -> bool:
        """Whether it changes anything, and so takes ``dryRun``."""
        return self.method not in {"GET", "HEAD"}

    @property
    def tag(self) -> str:
        """The resource that it is about, for readers: the last part of the path that is a word."""
        words = [part for part in self.path.split("/") if not part.startswith("{")]
        return words[-1]


KIND = Parameter(
    "kind",
    "Which cache is meant where a classic cache and a cluster share a name; it also spares a call to Azure. "
    "`enterprise` means the same as `managed` here.",
    {"type": "string", "enum": ["classic", "managed", "enterprise"]},
    "classic",
)
WAIT = Parameter(
    "wait",
    "Hold the answer for up to this many seconds, until the state is final.",
    {"type": "integer", "minimum": 0, "maximum": 200, "default": 0},
    60,
)
DRY_RUN = Parameter(
    "dryRun", "Answer with what would change, and change nothing.", {"type": "boolean", "default": False}, example=True
)
PAGE_TOKEN = Parameter(
    "pageToken",
    "Where the page before this one ended: take it from its `nextLink`.",
    {"type": "string", "maxLength": 4096, "pattern": "[!-~]*"},
)


def page_size(usual: int, most: int) -> Parameter:
    """Give the parameter that bounds a page."""
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": usual}
    return Parameter("pageSize", "How many there are on a page at most.", schema, usual)


GUID = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
PARTS: Mapping[str, Parameter] = {
    each.name: each
    for each in (
        Parameter(
            "subscription",
            "The subscription's id.",
            {"type": "string", "pattern": GUID},
            "11111111-2222-3333-4444-555555555555",
        ),
        Parameter(
            "group", "The resource group's name.", {"type": "string", "minLength": 1, "maxLength": 90}, "rg-shop"
        ),
        Parameter("name", "The resource's name.", {"type": "string", "minLength": 1, "maxLength": 80}, "shop"),
        Parameter(
            "placement",
            "A placement of the policy, by its alias.",
            {"type": "string", "pattern": "[A-Za-z0-9][A-Za-z0-9_.-]{0,62}"},
            "weu-prod",
        ),
        Parameter(
            "connection",
            "A connection of the cache, by its name.",
            {"type": "string", "minLength": 1},
            "pe-shop-1a2b3c4d.7d2f2f5e-0000-4000-8000-000000000001",
        ),
        Parameter("sweep", "The id of a sweep.", {"type": "string", "minLength": 1}, "20261123100000-ab12cd"),
    )
}
"""The parameters of paths; what they are is held by who reads them."""
CACHE = "caches/{subscription}/{group}/{name}"
