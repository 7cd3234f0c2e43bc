"""HTTP: what a pipeline asks and is told. Errors have one shape, Azure Resource Manager's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import azure.functions as func

from functions import composition
from shared.logs import Log

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from shared.desk import Named

bp = func.Blueprint()
log = Log(__name__)

_CACHE = "caches/{subscription}/{group}/{name}"
_CALLER = "a holder of the function key"
"""Who a caller is, is not known before Entra ID stands in front; a header that says so is not believed."""
_LARGEST_BODY = 64 * 1024
_RETRY_AFTER = "10"
_STATUS = {"Ready": 200, "Converging": 202, "Blocked": 409}


@bp.function_name("get_cache")
@bp.route(route=_CACHE, methods=["GET"])
async def get_cache(req: func.HttpRequest) -> func.HttpResponse:
    """Answer what is seen, wanted, planned and said of one cache; reads only, so it is the dry run."""

    async def answer() -> func.HttpResponse:
        return _reply(200, await composition.desk().cache(_cache(req)))

    return await _answered(answer)


@bp.function_name("get_endpoint")
@bp.route(route=_CACHE + "/endpoints/{placement}", methods=["GET"])
async def get_endpoint(req: func.HttpRequest) -> func.HttpResponse:
    """Say where an endpoint stands: 200 ready, 202 converging, 409 blocked."""

    async def answer() -> func.HttpResponse:
        return _standing(await composition.desk().endpoint(_cache(req), req.route_params["placement"]))

    return await _answered(answer)


@bp.function_name("put_endpoint")
@bp.route(route=_CACHE + "/endpoints/{placement}", methods=["PUT"])
async def put_endpoint(req: func.HttpRequest) -> func.HttpResponse:
    """Ask for an endpoint of the cache in a placement of the policy; asking again changes nothing."""

    async def answer() -> func.HttpResponse:
        _empty_body(req)
        asked = composition.desk().request_endpoint(_cache(req), req.route_params["placement"], _CALLER)
        return _standing(await asked)

    return await _answered(answer)


@bp.function_name("get_health")
@bp.route(route="health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def get_health(req: func.HttpRequest) -> func.HttpResponse:
    """Tell whether the policy can be read and storage be reached; details are in the log only."""
    del req
    problems = []
    try:
        composition.policy()
    except (ValueError, OSError) as error:
        log.error("policy not usable", because=error)  # noqa: TRY400 - the error lists every mistake itself
        problems.append("the policy cannot be used")
    try:
        await composition.store().now()
    except Exception as error:  # noqa: BLE001 - whatever it is, the answer is that storage cannot be used
        log.error("storage not usable", because=error)  # noqa: TRY400
        problems.append("storage cannot be reached")
    return _reply(503 if problems else 200, {"status": "failing" if problems else "ok", "problems": problems})


async def _answered(answer: Callable[[], Awaitable[func.HttpResponse]]) -> func.HttpResponse:
    """Turn what can go wrong into the one shape of an error."""
    from shared.arm.errors import ArmError
    from shared.desk import NotHereError, RefusedError
    from shared.ids import InvalidIdError

    try:
        return await answer()
    except InvalidIdError as error:
        return _error(400, "InvalidId", str(error))
    except RefusedError as error:
        return _error(400, "InvalidRequest", str(error), error.target)
    except NotHereError as error:
        return _error(404, "ResourceNotFound", f"{error} was not found, or is out of scope")
    except ArmError as error:
        log.warning("azure refused", code=error.code, operation=error.operation)
        return _error(502, error.code or "AzureUnavailable", error.message, error.operation)


def _cache(req: func.HttpRequest) -> Named:
    """Name the cache of a request's path; raises InvalidIdError."""
    from shared.desk import Named
    from shared.ids import GroupId

    part = req.route_params
    return Named(GroupId.of(part["subscription"], part["group"]), part["name"], req.params.get("kind", ""))


def _empty_body(req: func.HttpRequest) -> None:
    """Refuse a body that asks for something this version does not know."""
    from shared.desk import RefusedError

    body = req.get_body()
    if len(body) > _LARGEST_BODY:
        raise RefusedError(f"the body has {len(body)} bytes; {_LARGEST_BODY} are allowed", "body")
    try:
        fields = json.loads(body or b"{}")
    except ValueError as error:
        raise RefusedError(f"the body is not JSON: {error}", "body") from error
    if not isinstance(fields, dict):
        raise RefusedError("the body would have to be a JSON object, or empty", "body")
    if fields:
        raise RefusedError(f"the field '{next(iter(fields))}' is not known; the body is empty, or {{}}", "body")


def _standing(standing: dict[str, object]) -> func.HttpResponse:
    status = _STATUS[str(standing["state"])]
    return _reply(status, standing, {"Retry-After": _RETRY_AFTER} if status == _STATUS["Converging"] else None)


def _error(status: int, code: str, message: str, target: str | None = None) -> func.HttpResponse:
    error = {"code": code, "message": message} | ({"target": target} if target else {})
    return _reply(status, {"error": error})


def _reply(status: int, body: dict[str, object], headers: dict[str, str] | None = None) -> func.HttpResponse:
    return func.HttpResponse(json.dumps(body), status_code=status, headers=headers or {}, mimetype="application/json")
