"""Who calls, and what they may do: by function key, or by the principal that App Service authentication names.

The principal header is believed on the platform alone, and there only while authentication is on: App Service then
removes what callers send under that name. Anywhere else a caller could write whatever they like into it.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from shared.api.errors import ForbiddenError, UnauthenticatedError
from shared.api.operation import Role

HEADER = "x-ms-client-principal"
KEY_HOLDER = "a holder of the function key"
_ENTRA = "aad"
_ROLE_CLAIMS = ("roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role")
"""What Entra ID's app roles are called: as the token has it, which App Service keeps, and as it once renamed it."""
_NAME_CLAIMS = ("preferred_username", "name", "azp", "appid", "oid")
_NAME_LIMIT = 200
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who may call, by the name that goes into the history."""

    name: str
    role: Role | None

    def insist_on(self, role: Role) -> None:
        """Raise ForbiddenError unless the caller has a role."""
        if self.role is None or self.role < role:
            has = self.role.words if self.role else "no role of Drawbridge's"
            raise ForbiddenError(f"this needs the role {role.words}, and {self.name} has {has}")


class InvalidAccessError(ValueError):
    """A setting about callers is wrong; the message names it and says what would be right."""


@dataclass(frozen=True, slots=True)
class Access:
    """How callers are told apart."""

    key_role: Role = Role.OPERATOR
    """What a function key alone allows."""
    on_platform: bool = False
    """App Service authentication stands in front, so the principal header is its own."""
    principals_only: bool = False
    """A key is neither needed nor enough."""

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> Self:
        """Read the settings; what says that this is the platform is set by the platform."""
        roles = {role.name.capitalize(): role for role in Role}
        named = env.get("DRAWBRIDGE_KEY_ROLE") or "Operator"
        if named not in roles:
            raise InvalidAccessError(f"DRAWBRIDGE_KEY_ROLE is {named!r}; it must be one of {', '.join(roles)}")
        authenticating = env.get("WEBSITE_AUTH_ENABLED", "").lower() in {"true", "1"}
        on_platform = authenticating and bool(env.get("WEBSITE_SITE_NAME"))
        return cls(roles[named], on_platform, signs_in(env))

    def caller(self, headers: Mapping[str, str]) -> Caller:
        """Say who calls; ``headers`` are keyed in lower case. Raises UnauthenticatedError."""
        principal = headers.get(HEADER, "") if self.on_platform else ""
        if principal:
            return _of_principal(principal)
        if self.principals_only:
            raise UnauthenticatedError("sign in with Entra ID: this app takes no function key")
        return Caller(KEY_HOLDER, self.key_role)


def signs_in(env: Mapping[str, str]) -> bool:
    """Tell whether callers sign in with Entra ID instead of showing a key; raises InvalidAccessError."""
    chosen = env.get("DRAWBRIDGE_SIGN_IN") or "key"
    if chosen not in {"key", "entra"}:
        raise InvalidAccessError(f"DRAWBRIDGE_SIGN_IN is {chosen!r}; it must be key or entra")
    return chosen == "entra"


def _of_principal(text: str) -> Caller:
    try:
        principal = json.loads(base64.b64decode(text, validate=True))
        claims = [(str(claim["typ"]), str(claim["val"])) for claim in principal["claims"]]
        kinds = str(principal["auth_typ"]), str(principal.get("name_typ")), str(principal.get("role_typ"))
    except (binascii.Error, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UnauthenticatedError("the principal that App Service names cannot be read") from error
    provider, name_type, role_type = kinds
    # Roles are Entra ID's to give: with another provider, people may choose their claims themselves.
    given = {value for kind, value in claims if kind in {role_type, *_ROLE_CLAIMS} and provider == _ENTRA}
    role = max((role for role in Role if role.words in given), default=None)
    return Caller(_name(claims, name_type), role)


def _name(claims: list[tuple[str, str]], name_type: str) -> str:
    for wanted in (name_type, *_NAME_CLAIMS):
        for kind, value in claims:
            if kind == wanted and value.strip():
                return _UNPRINTABLE.sub(" ", value).strip()[:_NAME_LIMIT]
    return "somebody without a name"
