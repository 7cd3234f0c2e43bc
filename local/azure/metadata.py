"""What a cloud says of itself at ``/metadata/endpoints``, in the forms that its api-versions have."""

from __future__ import annotations

from aiohttp import web

from local.azure import errors
from local.azure.callers import TENANT
from local.azure.calls import Json

PATH = "/metadata/endpoints"
# Before 2022 the answer was a list of clouds; the very first had names of its own.
_OLDEST = "2015-01-01"
_LISTS = frozenset({"2018-05-01", "2019-05-01", "2019-07-01", "2020-06-01", "2021-01-01"})
_ONE = frozenset({"2022-09-01", "2023-12-01"})
_NAME = "Drawbridge"


async def answer(request: web.Request) -> web.Response:
    """Answer ``az cloud register``, Terraform and the SDKs; needs no token."""
    base = f"https://{request.host}"
    version = request.query.get("api-version", "")
    if version == _OLDEST:
        return web.json_response(_oldest(base))
    if version in _LISTS:
        return web.json_response([_cloud(base)])
    if version in _ONE:
        return web.json_response(_cloud(base))
    known = ", ".join(sorted({_OLDEST, *_LISTS, *_ONE}))
    refused = errors.not_emulated(f"api-version '{version}' of {PATH} (it knows {known})").answer
    return web.json_response(refused.body, status=refused.status)


def _authentication(base: str) -> Json:
    return {
        "loginEndpoint": base,
        "audiences": ["https://management.core.windows.net/", "https://management.azure.com/", base],
        "tenant": TENANT,
        "identityProvider": "AAD",
    }


def _cloud(base: str) -> Json:
    return {
        "name": _NAME,
        "portal": base,
        "authentication": _authentication(base),
        "resourceManager": base,
        "graph": base,
        "microsoftGraphResourceId": base,
        "suffixes": {},
    }


def _oldest(base: str) -> Json:
    kept = {name: value for name, value in _authentication(base).items() if name in {"loginEndpoint", "audiences"}}
    return {"galleryEndpoint": base, "graphEndpoint": base, "portalEndpoint": base, "authentication": kept}
