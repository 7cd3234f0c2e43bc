"""HTTP triggers: routes, keys, and the conversion of requests and responses as Azure's host does them."""

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from http.cookies import SimpleCookie
from typing import Any

from aiohttp import web
from multidict import CIMultiDict

from local.host.bindings import AuthLevel, Function, HttpTrigger
from local.host.invocations import Invocations
from local.host.options import HostKeys
from local.host.routes import Route
from local.host.worker_library import Datum, Outcome

# The server sets these itself; a function's own value would contradict what is sent.
_HEADERS_OF_THE_SERVER = frozenset({"content-length", "transfer-encoding", "connection", "date", "server"})


@dataclass(frozen=True, slots=True)
class _Served:
    route: Route
    function: Function
    trigger: HttpTrigger


class HttpListener:
    """Every function with an HTTP trigger, below the route prefix."""

    def __init__(self, prefix: str, keys: HostKeys, limit: timedelta, invocations: Invocations) -> None:
        self._prefix = prefix
        self._keys = keys
        self._limit = limit
        self._invocations = invocations
        self._served: list[_Served] = []

    def add(self, function: Function, trigger: HttpTrigger) -> None:
        """Serve a function; raises ValueError for a route template that cannot be read."""
        route = Route.parse(f"{self._prefix}/{trigger.route}")
        self._served.append(_Served(route, function, trigger))
        self._served.sort(key=lambda served: served.route.precedence)

    async def handle(self, request: web.Request) -> web.Response:
        """404 for an unknown route or method, 401 without the key, 500 for an exception, 504 after 230 s."""
        found = self._find(request)
        if found is None:
            return web.Response(status=404)
        served, parameters = found
        if not self._may(served.trigger.auth_level, request):
            return web.Response(status=401)
        datum = await _request_datum(request, parameters)
        invocation = self._invocations.begin(served.function, {served.trigger.name: datum})
        if not await self._invocations.ended(invocation, self._limit):
            return web.Response(status=504, text="The request timed out.")
        return _response(invocation.result())

    def _find(self, request: web.Request) -> tuple[_Served, Mapping[str, str]] | None:
        for served in self._served:
            allowed = served.trigger.methods
            if allowed and request.method not in allowed:
                continue
            if (parameters := served.route.match(request.rel_url.raw_path)) is not None:
                return served, parameters
        return None

    def _may(self, level: AuthLevel, request: web.Request) -> bool:
        match level:
            case AuthLevel.ANONYMOUS:
                return True
            case AuthLevel.FUNCTION:
                return shows_key(request, (self._keys.function, self._keys.admin))
            case AuthLevel.ADMIN:
                return shows_key(request, (self._keys.admin,))


def shows_key(request: web.Request, keys: Iterable[str]) -> bool:
    """Whether `x-functions-key` or `?code=` is one of the keys."""
    shown = request.headers.get("x-functions-key") or request.query.get("code") or ""
    return any(hmac.compare_digest(shown.encode(), key.encode()) for key in keys)


async def _request_datum(request: web.Request, parameters: Mapping[str, str]) -> Datum:
    return http_datum(
        method=request.method,
        url=str(request.url),
        headers={name.lower(): ",".join(request.headers.getall(name)) for name in request.headers},
        query={name: ",".join(request.query.getall(name)) for name in request.query},
        parameters=parameters,
        body=await request.read(),
    )


def http_datum(*, body: bytes, parameters: Mapping[str, str], query: Mapping[str, str], **parts: Any) -> Datum:
    value = {
        "method": Datum(parts["method"], "string"),
        "url": Datum(parts["url"], "string"),
        "headers": _strings(parts["headers"]),
        "params": _strings(parameters),
        "query": _strings(query),
        "body": Datum(body, "bytes"),
    }
    return Datum(value, "http")


def _strings(values: Mapping[str, str]) -> dict[str, Datum]:
    return {name: Datum(value, "string") for name, value in values.items()}


def _response(outcome: Outcome) -> web.Response:
    if not outcome.ok:
        return web.Response(status=500)
    returned = outcome.returned
    if returned is None or returned.type is None:
        return web.Response(status=204)
    if returned.type != "http":
        return web.Response(text=str(returned.value))
    value = returned.value
    response = web.Response(
        status=int(value["status_code"].value),
        headers=_headers(value["headers"]),
        body=bytes(value["body"].value),
    )
    for cookie in value.get("cookies") or ():
        _add_cookie(response, cookie)
    return response


def _headers(headers: Mapping[str, Datum]) -> CIMultiDict[str]:
    return CIMultiDict(
        {name: header.value for name, header in headers.items() if name.lower() not in _HEADERS_OF_THE_SERVER}
    )


def _add_cookie(response: web.Response, cookie: SimpleCookie) -> None:
    for morsel in cookie.values():
        response.headers.add("Set-Cookie", morsel.OutputString())
