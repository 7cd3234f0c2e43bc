"""Failed answers of ARM, as the SDK raises them, made without a network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from azure.core.exceptions import HttpResponseError

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"


class FailedResponse:
    """What azure-core keeps of an answer, as far as an exception needs it."""

    def __init__(self, status: int, body: str, headers: Mapping[str, str]) -> None:
        self.status_code = status
        self.reason = HTTPStatus(status).phrase
        self.headers = dict(headers)
        self.content_type = "application/json"
        self._body = body

    def text(self, encoding: str | None = None) -> str:
        del encoding
        return self._body

    def body(self) -> bytes:
        return self._body.encode()


def envelope(code: str, message: str, **more: Any) -> str:
    """Write ARM's usual error body."""
    return json.dumps({"error": {"code": code, "message": message, **more}})


def failed(status: int, body: str, headers: Mapping[str, str] | None = None) -> HttpResponseError:
    """Raise-ready: the SDK's exception for an answer."""
    response: Any = FailedResponse(status, body, headers or {})
    return HttpResponseError(response=response)
