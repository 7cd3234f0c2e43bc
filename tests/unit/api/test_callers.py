"""Who calls: the principal of App Service authentication, believed where nobody else can have written it."""

from __future__ import annotations

import base64

import pytest

from shared.api.callers import HEADER, KEY_HOLDER, Access, Caller, InvalidAccessError
from shared.api.errors import ForbiddenError, UnauthenticatedError
from shared.api.operation import Role
from tests.unit.api.calling import principal

PLATFORM = {"WEBSITE_AUTH_ENABLED": "True", "WEBSITE_SITE_NAME": "drawbridge"}


def caller(header: str, **env: str) -> Caller:
    return Access.from_environment(env).caller({HEADER: header} if header else {})


def test_the_highest_role_counts_and_the_name_is_known() -> None:
    both = principal("Drawbridge.Reader", "Drawbridge.Admin", "Something.Else")

    assert caller(both, **PLATFORM) == Caller("ada@example.com", Role.ADMIN)


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"WEBSITE_AUTH_ENABLED": "True"},
        {"WEBSITE_SITE_NAME": "drawbridge"},
        {**PLATFORM, "WEBSITE_AUTH_ENABLED": "False"},
    ],
)
def test_outside_of_the_platform_a_principal_is_not_believed(env: dict[str, str]) -> None:
    assert caller(principal("Drawbridge.Admin"), **env) == Caller(KEY_HOLDER, Role.OPERATOR)


def test_a_principal_without_a_role_may_nothing_though_a_key_came_along() -> None:
    found = caller(principal(), **PLATFORM)

    assert found.role is None
    with pytest.raises(ForbiddenError, match=r"Drawbridge\.Reader, and ada@example\.com has no role"):
        found.insist_on(Role.READER)


def test_the_role_claim_may_have_the_name_that_the_principal_says() -> None:
    assert caller(principal("Drawbridge.Reader", claim="nobody/has/either"), **PLATFORM).role is Role.READER


def test_roles_of_another_provider_are_no_roles() -> None:
    assert caller(principal("Drawbridge.Admin", provider="github"), **PLATFORM).role is None


def test_a_role_in_another_claim_is_no_role() -> None:
    assert caller(principal("Drawbridge.Admin", claim="groups"), **PLATFORM).role is None


@pytest.mark.parametrize(
    "header",
    ["%", "e30=", base64.b64encode(b"[]").decode(), base64.b64encode(b'{"claims": [{}]}').decode(),
     base64.b64encode(b"\xff").decode(), base64.b64encode(b'{"claims": 3, "auth_typ": "aad"}').decode()],
)  # fmt: skip
def test_a_principal_that_cannot_be_read_is_nobody(header: str) -> None:
    with pytest.raises(UnauthenticatedError):
        caller(header, **PLATFORM)


def test_a_name_cannot_write_lines_of_its_own() -> None:
    assert caller(principal(name="ada\nroot\u2028x"), **PLATFORM).name == "ada root x"


def test_where_callers_sign_in_a_key_is_not_enough() -> None:
    with pytest.raises(UnauthenticatedError):
        caller("", DRAWBRIDGE_SIGN_IN="entra", **PLATFORM)


def test_where_callers_shall_sign_in_and_the_platform_does_not_let_them_nobody_may() -> None:
    with pytest.raises(UnauthenticatedError):
        caller(principal("Drawbridge.Admin"), DRAWBRIDGE_SIGN_IN="entra")


@pytest.mark.parametrize("role", Role)
def test_what_a_key_allows_is_a_setting(role: Role) -> None:
    assert caller("", DRAWBRIDGE_KEY_ROLE=role.name.capitalize()).role is role


@pytest.mark.parametrize("setting", [{"DRAWBRIDGE_KEY_ROLE": "root"}, {"DRAWBRIDGE_SIGN_IN": "yes"}])
def test_a_wrong_setting_lets_nobody_in(setting: dict[str, str]) -> None:
    with pytest.raises(InvalidAccessError, match=r"must be"):
        Access.from_environment(setting)
