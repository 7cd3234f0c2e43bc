"""Access tokens are JWTs that say who calls; only tokens of this process are taken."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass, field

from local.azure import errors
from local.azure.calls import Caller, Json


@dataclass(frozen=True, slots=True)
class Tokens:
    """Issues and reads tokens; ``lifetime`` in wall seconds."""

    lifetime: int = 3600
    _secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def issue(self, caller: Caller, audience: str, lifetime: int | None = None) -> tuple[str, int]:
        """Give a token and when it expires, in epoch seconds."""
        now = int(time.time())
        expires = now + (self.lifetime if lifetime is None else lifetime)
        claims: Json = {
            "aud": audience,
            "iss": f"https://sts.windows.net/{caller.tenant_id}/",
            "iat": now,
            "nbf": now,
            "exp": expires,
            "appid": caller.app_id,
            "oid": caller.object_id,
            "sub": caller.object_id,
            "tid": caller.tenant_id,
            "ver": "1.0",
        }
        claims |= {"upn": caller.upn, "name": caller.name} if caller.upn else {"idtyp": "app"}
        body = f"{_pack({'alg': 'HS256', 'typ': 'JWT'})}.{_pack(claims)}"
        return f"{body}.{self._sign(body)}", expires

    def read(self, authorization: str | None, audience: str = "") -> Caller:
        """Read a header's value; raises ArmError (401) for a missing, foreign or expired token.

        With an ``audience``, a token that was asked for somebody else is a foreign one.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise errors.no_token()
        body, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature, self._sign(body)):
            raise errors.invalid_token()
        claims = json.loads(base64.urlsafe_b64decode(body.split(".")[1] + "=="))
        if audience and claims["aud"].rstrip("/") != audience:
            raise errors.invalid_token()
        if claims["exp"] < time.time():
            raise errors.expired_token(_shown(claims["exp"]), _shown(time.time()))
        return Caller(claims["oid"], claims["appid"], claims["tid"], claims.get("upn", ""), claims.get("name", ""))

    def _sign(self, body: str) -> str:
        digest = hmac.new(self._secret, body.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _pack(value: Json) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _shown(moment: float) -> str:
    return time.strftime("%m/%d/%Y %I:%M:%S %p", time.gmtime(moment))
