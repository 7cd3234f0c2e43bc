"""One call of the API: standard library only, so that what runs beside deployment keys is short enough to read."""

from __future__ import annotations

import http.client
import json
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Any, Self
from urllib.parse import quote, urlencode, urlsplit

from drawbridge_cli import __version__

Json = dict[str, Any]

# How long an answer may take on top of the time that the app was asked to hold it.
_PATIENCE = 60.0
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_LARGEST = 32 * 1024 * 1024


class CallError(Exception):
    """A call that led to nothing; the message is for a person. ``again`` says that the same call may work later."""

    def __init__(self, message: str, *, again: bool = False, after: float = 0.0, status: int = 0) -> None:
        self.again, self.after, self.status = again, after, status
        super().__init__(message)


class SetupError(ValueError):
    """A setting that is missing or wrong; the message names it."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A good answer, or one that says where something stands."""

    status: int
    body: Json
    after: float = 0.0
    """Seconds after which to ask again."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the key to wherever it leads."""

    def redirect_request(self, *_: object) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Client:
    """Calls one app. ``key`` is a function key, ``token`` an Entra ID access token; either may be empty."""

    url: str
    key: str = field(default="", repr=False)
    token: str = field(default="", repr=False)

    @classmethod
    def from_environment(cls, env: Mapping[str, str] | None = None, url: str = "") -> Self:
        """Read DRAWBRIDGE_URL, DRAWBRIDGE_KEY and DRAWBRIDGE_TOKEN; raises SetupError."""
        env = os.environ if env is None else env
        given = (url or env.get("DRAWBRIDGE_URL", "")).strip().rstrip("/")
        if not given:
            raise SetupError(
                "no app is named: set DRAWBRIDGE_URL, such as https://<app>.azurewebsites.net, or use --url"
            )
        parts = urlsplit(given)
        if parts.scheme not in {"https", "http"} or not parts.hostname:
            raise SetupError(
                f"DRAWBRIDGE_URL is '{given[:200]}'; it would have to look like https://<app>.azurewebsites.net"
            )
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise SetupError(
                f"DRAWBRIDGE_URL is '{given[:200]}': a key is sent over https only, unless to this machine"
            )
        return cls(
            given.removesuffix("/api"), env.get("DRAWBRIDGE_KEY", "").strip(), env.get("DRAWBRIDGE_TOKEN", "").strip()
        )

    def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, object] | None = None,
        body: Json | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Make one call. 200, 202 and a 409 that says where something stands are answers; all else raises CallError."""
        given = {name: _shown(value) for name, value in (query or {}).items() if value not in {None, ""}}
        url = f"{self.url}/api/{path}" + (f"?{urlencode(given, quote_via=quote)}" if given else "")
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, {**self._headers(data), **(headers or {})}, method=method)  # noqa: S310 - the scheme was checked
        opener = urllib.request.build_opener(
            _NoRedirects, urllib.request.HTTPSHandler(context=ssl.create_default_context())
        )
        try:
            with opener.open(request, timeout=float(str(given.get("wait", 0))) + _PATIENCE) as answer:
                return _reply(answer.status, answer.headers, answer.read(_LARGEST), url)
        except urllib.error.HTTPError as error:
            with error:
                return _reply(error.code, error.headers, error.read(_LARGEST), url)
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            because = getattr(error, "reason", None) or error
            # A certificate that is not trusted now will not be trusted in a minute either.
            again = not isinstance(because, ssl.SSLCertVerificationError)
            raise CallError(f"{self.url} cannot be reached: {because}", again=again) from error

    def _headers(self, data: bytes | None) -> dict[str, str]:
        headers = {"Accept": "application/json", "User-Agent": f"drawbridge-cli/{__version__}"}
        if data is not None:
            headers["Content-Type"] = "application/json"
        if self.key:
            headers["x-functions-key"] = self.key
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        return headers


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _reply(status: int, headers: Message, content: bytes, url: str) -> Reply:
    body = _read(content)
    if status in {200, 201, 202, 204} or (status == http.client.CONFLICT and "state" in body):
        return Reply(status, body, _seconds(headers))
    raise _refused(status, headers, body, url)


def _read(content: bytes) -> Json:
    try:
        body = json.loads(content or b"{}")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _refused(status: int, headers: Message, body: Json, url: str) -> CallError:
    error = body.get("error")
    told = error if isinstance(error, dict) else {}
    words = [str(told.get("message") or _PLAIN.get(status, f"{url} answered {status}"))]
    details = told.get("details") or []
    words += [f"  {each.get('target', '')}: {each.get('message', '')}" for each in details if isinstance(each, dict)]
    code = f" [{told['code']}]" if told.get("code") else ""
    request = headers.get("x-ms-request-id", "")
    tail = f" (request {request})" if request else ""
    again = status in {429, 500, 502, 503, 504}
    return CallError(f"{status}{code}: " + "\n".join(words) + tail, again=again, after=_seconds(headers), status=status)


# What stands before the app answers without a word.
_PLAIN = {
    401: "the app does not know you: set DRAWBRIDGE_KEY to a function key, or DRAWBRIDGE_TOKEN to an access token",
    403: "the app does not let you do this",
    404: "there is no such thing, or no Drawbridge at this address",
}


def _seconds(headers: Message) -> float:
    try:
        return max(0.0, float(headers.get("Retry-After", "0")))
    except ValueError:
        return 0.0
