"""Managed identity as App Service and IMDS offer it: plain HTTP, a secret header or ``Metadata: true``."""

from __future__ import annotations

import hmac
import secrets
import time
from dataclasses import dataclass, field

from aiohttp import web

from local.azure.calls import Caller, Json
from local.azure.tokens import Tokens

APP_SERVICE_PATH = "/msi/token"
IMDS_PATH = "/metadata/identity/oauth2/token"


@dataclass(slots=True)
class Identity:
    """The app's identity. ``outages`` requests are answered 503 next, for tests of what follows."""

    tokens: Tokens
    caller: Caller
    header: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    outages: int = 0

    def routes(self) -> list[web.RouteDef]:
        return [web.get(APP_SERVICE_PATH, self._app_service), web.get(IMDS_PATH, self._imds)]

    async def _app_service(self, request: web.Request) -> web.Response:
        if not hmac.compare_digest(request.headers.get("X-IDENTITY-HEADER", ""), self.header):
            return _refused("The X-IDENTITY-HEADER is missing or wrong.", status=401)
        if request.query.get("api-version") != "2019-08-01":
            return _refused("api-version has to be 2019-08-01.")
        return self._answer(request)

    async def _imds(self, request: web.Request) -> web.Response:
        if request.headers.get("Metadata", "").lower() != "true":
            return _refused("Required metadata header not specified")
        return self._answer(request, with_lifetime=True)

    def _answer(self, request: web.Request, *, with_lifetime: bool = False) -> web.Response:
        resource = request.query.get("resource", "")
        if not resource:
            return _refused("The resource parameter is missing.")
        if self.outages:
            self.outages -= 1
            return _refused("The identity service is not available.", status=503)
        token, expires = self.tokens.issue(self.caller, resource)
        body: Json = {
            "access_token": token,
            "client_id": self.caller.app_id,
            "expires_on": str(expires),
            "resource": resource,
            "token_type": "Bearer",
        }
        if with_lifetime:
            body["expires_in"] = str(int(expires - time.time()))
        return web.json_response(body)


def _refused(message: str, status: int = 400) -> web.Response:
    return web.json_response({"error": "invalid_request", "error_description": message}, status=status)
