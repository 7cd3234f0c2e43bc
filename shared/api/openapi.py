"""The API as an OpenAPI 3.1 document: of the operations that are served, and the types that requests are held to."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import msgspec

from shared.api.body import LARGEST
from shared.api.front import parameters, shape
from shared.api.operation import PARTS, Operation, Parameter
from shared.api.operations import OPERATIONS

Json = dict[str, Any]

_TITLE = "Drawbridge"
_ABOUT = (
    "Drawbridge keeps Azure Redis caches private. You PUT what should be and GET the same URL until it is `Ready` or "
    "`Blocked`; DELETE withdraws it. Every answer carries the request's id in `x-ms-request-id`."
)
_ERROR = "common.Error"
_SHAPE = "#/components/schemas/{name}"
_COMMON = {
    400: "The request is not as it has to be: the message names the part, its value and what would be right.",
    401: "Who asks is not known. A missing or wrong key is answered by Azure Functions itself, without a body.",
    403: "Who asks may not.",
    404: "There is no such thing, or it is out of scope: both look the same.",
    412: "It is not as If-Match or If-None-Match says.",
    413: f"The body has more than {LARGEST} bytes.",
    415: "The body is not JSON.",
    500: "Something unforeseen; the log has it under the request's id.",
    502: "Azure refused, or could not be reached: the code is Azure's own.",
    503: "Storage cannot be reached, or Azure asks for fewer requests: ask again after `Retry-After` seconds.",
}


@cache
def document() -> Json:
    """Give the document."""
    paths: dict[str, Json] = {}
    for operation in OPERATIONS:
        paths.setdefault(f"/{operation.path}", {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": _TITLE, "version": "1", "description": _ABOUT},
        "servers": [{"url": "/api"}],
        "security": [{"key": []}, {"entra": []}],
        "paths": paths,
        "components": {"schemas": _schemas(), "securitySchemes": _security(), "headers": _headers()},
    }


def _security() -> Json:
    return {
        "key": {"type": "apiKey", "in": "header", "name": "x-functions-key", "description": "A function key."},
        "entra": {"type": "http", "scheme": "bearer", "description": "A token of Entra ID, where the app takes them."},
    }


def _headers() -> Json:
    text = {"schema": {"type": "string"}}
    return {
        "RequestId": {"description": "The caller's own, where it sent one.", **text},
        "ETag": {"description": "Names the state of what is stored, for If-Match.", **text},
        "RetryAfter": {"description": "Seconds.", "schema": {"type": "integer"}},
    }


def _schemas() -> Json:
    names = {name for each in OPERATIONS for name in (each.takes, each.gives) if name} | {_ERROR, "common.Rehearsed"}
    shapes = [shape(name) for name in sorted(names)]
    return msgspec.json.schema_components(shapes, ref_template=_SHAPE)[1]


def _operation(operation: Operation) -> Json:
    told: Json = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": _description(operation),
        "parameters": [*_path_parameters(operation), *map(_parameter, parameters(operation)), *_conditions(operation)],
        "responses": {str(status): each for status, each in sorted(_responses(operation).items())},
    }
    if operation.role is None:
        told["security"] = []
    if operation.takes:
        told["requestBody"] = _body(operation)
    return told


def _description(operation: Operation) -> str:
    role = f" Needs the role {operation.role.words}." if operation.role else ""
    return operation.description + role


def _path_parameters(operation: Operation) -> list[Json]:
    return [_parameter(PARTS[name], "path") for name in re.findall(r"\{(\w+)\}", operation.path)]


def _parameter(parameter: Parameter, where: str = "query") -> Json:
    told: Json = {"name": parameter.name, "in": where, "required": where == "path"}
    schema = dict(parameter.schema)
    if "pattern" in schema:
        # All of a value is held to it here, and a part would do for JSON schema.
        schema["pattern"] = f"^({schema['pattern']})$"
    told |= {"description": parameter.description, "schema": schema}
    return told | ({"example": parameter.example} if parameter.example is not None else {})


def _conditions(operation: Operation) -> list[Json]:
    if not operation.guarded:
        return []
    said = {
        "If-Match": "The ETag that has to be there still; `*`: whatever, but something.",
        "If-None-Match": "`*`: nothing may be there yet.",
    }
    text = {"type": "string"}
    return [
        {"name": name, "in": "header", "required": False, "description": d, "schema": text} for name, d in said.items()
    ]


def _body(operation: Operation) -> Json:
    content: Json = {"schema": _ref(operation.takes)}
    if operation.example is not None:
        content["example"] = operation.example
    required = any(field.required for field in msgspec.structs.fields(shape(operation.takes)))
    return {"required": required, "content": {"application/json": content}}


def _responses(operation: Operation) -> dict[int, Json]:
    refusals = {status: _COMMON[status] for status in _refusals(operation)} | dict(operation.fails)
    told = {status: _response(operation, status, text) for status, text in operation.answers.items()}
    for status, text in refusals.items():
        if status in told:
            told[status]["description"] += f" Or: {text}"
            told[status]["content"] = _content(operation, [*_shapes(operation, status), _ERROR])
        else:
            told[status] = {"description": text, "headers": _answer_headers(), "content": _json([_ref(_ERROR)])}
    return told


def _refusals(operation: Operation) -> list[int]:
    if operation.role is None:
        return [400, 413, 415, 500]
    refusals = [400, 401, 403, 413, 415, 500, 503]
    refusals += [404] if "{" in operation.path else []
    refusals += [412] if operation.guarded else []
    return refusals + ([502] if operation.azure else [])


def _response(operation: Operation, status: int, text: str) -> Json:
    if status == 204:  # noqa: PLR2004 - No Content
        return {"description": text, "headers": _answer_headers(), "content": {}}
    return {
        "description": text,
        "headers": _answer_headers(operation, status),
        "content": _content(operation, _shapes(operation, status)),
    }


def _shapes(operation: Operation, status: int) -> list[str]:
    rehearsed = ["common.Rehearsed"] if operation.writes and status == 200 else []  # noqa: PLR2004 - OK
    return [operation.gives, *rehearsed] if operation.gives else []


def _content(operation: Operation, shapes: list[str]) -> Json:
    if not shapes:
        return {
            operation.media: {
                "schema": {"type": "string"} if operation.media != "application/json" else {"type": "object"}
            }
        }
    return _json([_ref(each) for each in shapes], operation.shown)


def _json(refs: list[Json], example: object = None) -> Json:
    schema: Json = refs[0] if len(refs) == 1 else {"anyOf": refs}
    return {"application/json": {"schema": schema, **({"example": example} if example is not None else {})}}


def _answer_headers(operation: Operation | None = None, status: int = 0) -> Json:
    told = {"x-ms-request-id": {"$ref": "#/components/headers/RequestId"}}
    if operation and operation.guarded:
        told["ETag"] = {"$ref": "#/components/headers/ETag"}
    if status == 202:  # noqa: PLR2004 - Accepted
        told["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
    return told


def _ref(name: str) -> Json:
    return {"$ref": _SHAPE.format(name=shape(name).__name__)}
