"""The front of the API: every call comes in and leaves here, whatever it is about.

In: who calls and may they, the query, the body, the conditions. Out: one shape of answer, one shape of error, and the
request's id on either. Nothing here looks at the world, and no call is answered by an exception.
"""

from __future__ import annotations

import importlib
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from shared.api import body as bodies
from shared.api.calls import Answer, Call, Conditions, Request, Response
from shared.api.errors import ApiError, Detail, NotHereError, WrongMethodError
from shared.api.operation import DRY_RUN, Operation, Parameter, Role
from shared.api.operations import OPERATIONS
from shared.api.query import parsed
from shared.api.sites import insist_on_own_site
from shared.arm.errors import ArmError
from shared.ids import InvalidIdError
from shared.logs import Log, about
from shared.store.account import InvalidContinuationError
from shared.store.errors import StoreUnavailableError

if TYPE_CHECKING:
    from shared.api.callers import Access

log = Log(__name__)

_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_ID_HEADERS = ("x-ms-request-id", "x-request-id", "x-ms-client-request-id")
_LATER = {"Retry-After": "10"}
_PATH_SHOWN = 400
_ABOUT_ALL = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
"""On every answer: no browser keeps it, shows it inside another site's page, or takes it for what it is not."""

Handler = Callable[[Call], Awaitable[Answer]]


async def answered(operation: Operation, request: Request, handler: Handler, access: Callable[[], Access]) -> Response:
    """Answer one call; whatever goes wrong becomes an error of the one shape."""
    request_id = _request_id(request.headers)
    with about(request=request_id):
        response = await _attempted(operation, request, handler, access, request_id)
    ids = {"x-ms-request-id": request_id, "x-request-id": request_id}
    return Response(response.status, response.body, {**response.headers, **ids, **_ABOUT_ALL}, response.media)


async def _attempted(
    operation: Operation, request: Request, handler: Handler, access: Callable[[], Access], request_id: str
) -> Response:
    caller = ""
    try:
        call = understood(operation, request, access, request_id)
        caller = call.caller.name
        with about(caller=caller):
            response = _response(await handler(call), operation.media)
    except Exception as error:  # noqa: BLE001 - the one place where a call's failure becomes its answer
        response = _refusal(error, request, request_id)
    path = request.path[:_PATH_SHOWN]
    log.info("answered", operation=operation.name, status=response.status, caller=caller or None, path=path)
    return response


def understood(operation: Operation, request: Request, access: Callable[[], Access], request_id: str) -> Call:
    """Check all of a call that can be checked without a look at the world; raises ApiError."""
    caller = access().caller(request.headers) if operation.role else _anybody()
    if operation.role:
        caller.insist_on(operation.role)
    if operation.method == "":
        return Call(operation, request_id, caller, request.parts, {}, Conditions(), msgspec.Struct())
    if operation.writes:
        insist_on_own_site(request.headers)
    given = parsed(parameters(operation), request.query)
    body = bodies.read(request.body, request.headers.get("content-type", ""), shape(operation.takes or "common.Empty"))
    conditions = _conditions(request.headers) if operation.guarded else Conditions()
    return Call(operation, request_id, caller, request.parts, given, conditions, body)


def refused_route(request: Request) -> Handler:
    """Give the handler of a route that is no operation: another method may be, or nothing is there at all."""

    async def refuse(call: Call) -> Answer:
        del call
        path = request.parts.get("rest", "").rstrip("/")
        allowed = sorted({each.method for each in OPERATIONS if _matches(each.path, path)})
        if not allowed:
            raise NotHereError
        raise WrongMethodError(
            f"{request.method} is not for this resource; it has {', '.join(allowed)}", tuple(allowed)
        )

    return refuse


def _matches(template: str, path: str) -> bool:
    """Tell whether a route leads to a path: literals match without case, and a parameter is one segment."""
    wanted, given = template.split("/"), path.split("/")
    return len(wanted) == len(given) and all(
        (part.startswith("{") and bool(there)) or part.lower() == there.lower()
        for part, there in zip(wanted, given, strict=True)
    )


def shape(name: str) -> type[msgspec.Struct]:
    """Import the shape that an operation names: ``module.Struct``."""
    module, _, struct = name.partition(".")
    found: type[msgspec.Struct] = getattr(importlib.import_module(f"shared.api.shapes.{module}"), struct)
    return found


def _anybody() -> Any:  # noqa: ANN401 - imported when it is needed
    from shared.api.callers import Caller  # noqa: PLC0415 - as above

    return Caller("anybody", Role.READER)


def parameters(operation: Operation) -> tuple[Parameter, ...]:
    """Give the parameters of the query that an operation takes."""
    return (*operation.query, *((DRY_RUN,) if operation.writes and operation.role else ()))


def _conditions(headers: Mapping[str, str]) -> Conditions:
    matching = tuple(part.strip() for part in headers.get("if-match", "").split(",") if part.strip())
    return Conditions(matching, absent=headers.get("if-none-match", "").strip() == "*")


def _request_id(headers: Mapping[str, str]) -> str:
    """Take the caller's own id where it gives one, so that both sides' logs meet; make one otherwise."""
    for name in _ID_HEADERS:
        if _GIVEN_ID.fullmatch(headers.get(name, "")):
            return headers[name]
    return str(uuid.uuid4())


# ── answers ─────────────────────────────────────────────────────────────────────────────────────


def _response(answer: Answer, media: str) -> Response:
    headers = {**answer.headers, **({"ETag": answer.etag} if answer.etag else {})}
    if isinstance(answer.body, str):
        return Response(answer.status, answer.body.encode(), headers, media)
    return Response(answer.status, msgspec.json.encode(answer.body), headers)


def _refusal(error: Exception, request: Request, request_id: str) -> Response:
    match error:
        case NotHereError():
            log.info("not here", because=error)
            return _error(404, error.code, f"{request.path[:_PATH_SHOWN]} was not found, or is out of scope")
        case ApiError():
            return _error(error.status, error.code, str(error), error.target, error.details, error.headers)
        case InvalidIdError():
            return _error(400, "InvalidId", str(error))
        case InvalidContinuationError():
            return _error(400, "InvalidRequest", str(error), "pageToken")
        case ArmError():
            return _of_azure(error)
        case StoreUnavailableError():
            log.warning("storage not usable", because=error)
            return _error(503, "StorageUnavailable", "storage cannot be reached; ask again", headers=_LATER)
        case _:
            log.failure("call failed")
            return _error(500, "InternalError", f"this was not foreseen; the log has it as request {request_id}")


def _of_azure(error: ArmError) -> Response:
    log.warning("azure refused", code=error.code, operation=error.operation)
    code, after = error.code or "AzureUnavailable", error.after
    if error.throttled:
        headers = {"Retry-After": str(int(after.total_seconds()) + 1)} if after else _LATER
        return _error(503, code, error.message, error.operation, headers=headers)
    return _error(502, code, error.message, error.operation)


def _error(  # noqa: PLR0913, PLR0917 - the parts of an error
    status: int,
    code: str,
    message: str,
    target: str = "",
    details: tuple[Detail, ...] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    told: dict[str, object] = {"code": code, "message": message}
    if target:
        told["target"] = target
    if details:
        told["details"] = [{"code": d.code, "message": d.message, "target": d.target} for d in details]
    return Response(status, msgspec.json.encode({"error": told}), headers or {})
