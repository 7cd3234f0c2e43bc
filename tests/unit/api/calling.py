"""Calls of the front of the API, without a host: what is sent, and what comes back."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.api.callers import Access
from shared.api.calls import Answer, Call, Request
from shared.api.front import answered
from shared.api.operation import Operation, Role
from shared.api.shapes.service import Health

PATH = "/api/caches/11111111-2222-3333-4444-555555555555/rg-shop/shop/endpoints/weu-prod"
PARTS = {
    "subscription": "11111111-2222-3333-4444-555555555555",
    "group": "rg-shop",
    "name": "shop",
    "placement": "weu-prod",
}
DONE = Answer(Health(status="ok", problems=()))


@dataclass
class Sent:
    """What came back, and the call as the handler got it; None where it never did."""

    status: int
    headers: Mapping[str, str]
    body: Any
    call: Call | None = None

    @property
    def error(self) -> tuple[int, str, str]:
        """Status, code and target of an error, which has nothing beside it."""
        assert set(self.body) == {"error"}
        assert set(self.body["error"]) <= {"code", "message", "target", "details"}
        return self.status, self.body["error"]["code"], self.body["error"].get("target", "")

    @property
    def said(self) -> str:
        return str(self.body["error"]["message"])


@dataclass
class Line:
    """A line to the front, as one caller."""

    operation: Operation
    access: Access = field(default_factory=lambda: Access(Role.ADMIN))
    answer: Answer = DONE
    failure: Exception | None = None

    async def send(
        self, body: bytes = b"", query: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Sent:
        seen: list[Call] = []

        async def handler(call: Call) -> Answer:
            seen.append(call)
            if self.failure:
                raise self.failure
            return self.answer

        url = f"https://app.example{PATH}?code=secret"
        request = Request(self.operation.method, url, PARTS, query or {}, headers or {}, body)
        response = await answered(self.operation, request, handler, lambda: self.access)
        return Sent(response.status, response.headers, json.loads(response.body), seen[0] if seen else None)


def principal(*roles: str, provider: str = "aad", claim: str = "roles", name: str = "ada@example.com") -> str:
    """Write the header of App Service authentication."""
    claims = [{"typ": claim, "val": role} for role in roles]
    claims += [{"typ": "preferred_username", "val": name}, {"typ": "oid", "val": "0" * 8}]
    body = {"auth_typ": provider, "name_typ": "nobody/has", "role_typ": "nobody/has/either", "claims": claims}
    return base64.b64encode(json.dumps(body).encode()).decode()
