"""Microsoft Entra ID, as far as an application needs it: discovery, and tokens for a client id and its secret."""

from __future__ import annotations

import hmac
import secrets
import time
import uuid
from dataclasses import dataclass, field
from http import HTTPStatus

from aiohttp import web

from local.azure.callers import PIPELINE, TENANT
from local.azure.calls import Caller, Json
from local.azure.tokens import Tokens

# What a client may put in the tenant's place before it knows the tenant.
_ANY_TENANT = frozenset({"common", "organizations"})
_DEFAULT = "/.default"


@dataclass(frozen=True, slots=True)
class Registration:
    """An application that may log in as itself."""

    caller: Caller
    secret: str = field(repr=False)


class RefusedError(Exception):
    """Entra ID says no; ``error`` is OAuth's word, ``number`` that of the AADSTS message."""

    def __init__(self, error: str, number: int, message: str, status: int = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(message)
        self.error = error
        self.number = number
        self.status = status


@dataclass(slots=True)
class Entra:
    """One tenant with its applications, by client id."""

    tokens: Tokens
    pipeline: Registration = field(default_factory=lambda: Registration(PIPELINE, secrets.token_urlsafe(24)))

    def routes(self) -> list[web.RouteDef]:
        """Give the routes below an authority, as MSAL and its older kin know them."""
        return [
            web.get("/{tenant}/v2.0/.well-known/openid-configuration", self._configuration),
            web.get("/{tenant}/.well-known/openid-configuration", self._configuration),
            web.get("/{tenant}/discovery/instance", self._instance),
            web.post("/{tenant}/oauth2/v2.0/token", self._token),
            web.post("/{tenant}/oauth2/token", self._token),
        ]

    async def _configuration(self, request: web.Request) -> web.Response:
        try:
            tenant = _tenant(request)
        except RefusedError as error:
            return _refusal(error)
        at = f"https://{request.host}/{request.match_info['tenant']}"
        version = "/v2.0" if "/v2.0/" in request.path else ""
        oauth = f"{at}/oauth2{version}"
        body: Json = {
            "token_endpoint": f"{oauth}/token",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "jwks_uri": f"{at}/discovery{version}/keys",
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": f"https://{request.host}/{tenant}/v2.0" if version else f"https://sts.windows.net/{tenant}/",
            "request_uri_parameter_supported": False,
            "authorization_endpoint": f"{oauth}/authorize",
            "device_authorization_endpoint": f"{oauth}/devicecode",
            "http_logout_supported": True,
            "frontchannel_logout_supported": True,
            "end_session_endpoint": f"{oauth}/logout",
            "tenant_region_scope": "EU",
            "cloud_instance_name": request.host,
        }
        return web.json_response(body)

    async def _instance(self, request: web.Request) -> web.Response:
        """Say that this authority is itself: what a client asks before it trusts a name it does not know."""
        tenant = request.match_info["tenant"]
        names = [request.host]
        body: Json = {
            "tenant_discovery_endpoint": f"https://{request.host}/{tenant}/v2.0/.well-known/openid-configuration",
            "api-version": request.query.get("api-version", "1.1"),
            "metadata": [{"preferred_network": names[0], "preferred_cache": names[0], "aliases": names}],
        }
        return web.json_response(body)

    async def _token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        try:
            _tenant(request)
            caller = self._caller(form)
            audience = _audience(form)
        except RefusedError as error:
            return _refusal(error)
        token, expires = self.tokens.issue(caller, audience)
        lasts = int(expires - time.time())
        body: Json = {"token_type": "Bearer", "expires_in": lasts, "ext_expires_in": lasts, "access_token": token}
        if "resource" in form:
            # The older endpoint writes its numbers as text.
            body |= {"expires_in": str(lasts), "ext_expires_in": str(lasts), "expires_on": str(expires)}
            body |= {"not_before": str(int(time.time())), "resource": audience}
        return web.json_response(body)

    def _caller(self, form: dict[str, str]) -> Caller:
        grant = form.get("grant_type", "")
        if grant != "client_credentials" or "client_assertion" in form:
            message = (
                f"AADSTS70003: The app requested an unsupported grant type '{grant}'"
                f"{' with an assertion' if 'client_assertion' in form else ''}: only client_credentials with a "
                "client_secret is emulated."
            )
            raise RefusedError("unsupported_grant_type", 70003, message)
        client = form.get("client_id", "")
        if client.lower() != self.pipeline.caller.app_id:
            message = f"AADSTS700016: Application with identifier '{client}' was not found in the directory '{TENANT}'."
            raise RefusedError("unauthorized_client", 700016, message)
        if not hmac.compare_digest(form.get("client_secret", ""), self.pipeline.secret):
            message = f"AADSTS7000215: Invalid client secret provided for app '{client}'."
            raise RefusedError("invalid_client", 7000215, message, HTTPStatus.UNAUTHORIZED)
        return self.pipeline.caller


def _tenant(request: web.Request) -> str:
    asked = request.match_info["tenant"]
    if asked.lower() != TENANT and asked.lower() not in _ANY_TENANT:
        raise RefusedError("invalid_tenant", 90002, f"AADSTS90002: Tenant '{asked}' not found; it is '{TENANT}'.")
    return TENANT


def _audience(form: dict[str, str]) -> str:
    """Give what the token is for: a v2 scope without its ``/.default``, or a v1 resource."""
    scopes = [scope for scope in form.get("scope", "").split() if scope.endswith(_DEFAULT)]
    audience = scopes[0].removesuffix(_DEFAULT) if scopes else form.get("resource", "")
    if not audience:
        scope = form.get("scope", "")
        message = f"AADSTS1002012: The provided value for scope '{scope}' is not valid: it has to end with /.default."
        raise RefusedError("invalid_scope", 1002012, message)
    return audience


def _refusal(error: RefusedError) -> web.Response:
    body: Json = {
        "error": error.error,
        "error_description": str(error),
        "error_codes": [error.number],
        "timestamp": time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime()),
        "trace_id": str(uuid.uuid4()),
        "correlation_id": str(uuid.uuid4()),
        "error_uri": f"https://login.microsoftonline.com/error?code={error.number}",
    }
    return web.json_response(body, status=error.status)
