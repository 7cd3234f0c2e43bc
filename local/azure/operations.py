"""A long operation has a status resource of its provider's style; it ends when its time has come."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from urllib.parse import quote

from local.azure.calls import Answer, Call, Json
from local.azure.clock import iso, retry_after
from local.azure.errors import ArmError

# Recorded URLs carry a signature and a certificate: 3.8 KB that callers must not keep or log.
_CERTIFICATE = base64.urlsafe_b64encode(b"no certificate, only as long as one; " * 78).decode().rstrip("=")
_SIGNATURE = f"t=639166752000000000&c={_CERTIFICATE}&s={'s' * 342}&h={'h' * 43}"


class Style(StrEnum):
    """The forms that status resources have."""

    REDIS = "redis"
    REDIS_DELETE = "redis-delete"
    ENTERPRISE = "enterprise"
    NETWORK = "network"
    DNS = "dns"
    JOB = "job"


class Status(StrEnum):
    PENDING = "Pending"
    IN_PROGRESS = "InProgress"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


def _nothing() -> None:
    return


def _no_failure(_: ArmError) -> None:
    return


@dataclass(frozen=True, slots=True)
class Work:
    """What a long operation does, and when.

    ``steps`` are (share of the time, what happens then); ``finish`` may raise ArmError, which makes it fail;
    ``action`` is the operation's name in events, ``subject`` the id that they name.
    """

    style: Style
    seconds: float
    region: str
    action: str
    subject: str
    finish: Callable[[], None] = _nothing
    fail: Callable[[ArmError], None] = _no_failure
    steps: tuple[tuple[float, Callable[[], None]], ...] = ()
    created: bool = False


@dataclass(slots=True)
class Operation:
    """One operation. ``group_id`` is the resource's, ``region`` as the provider spells it; times are the world's.

    ``began_at`` and ``touched_at`` (when its status last changed) are wall time, for those styles that show it.
    """

    id: str
    style: Style
    region: str
    group_id: str
    subscription: str
    api_version: str
    begun: float
    due: float
    status: Status = Status.IN_PROGRESS
    error: Json | None = None
    began_at: float = 0.0
    touched_at: float = 0.0

    @property
    def running(self) -> bool:
        return self.status in {Status.PENDING, Status.IN_PROGRESS}


def url(operation: Operation, base: str, *, result: bool = False) -> str:
    """Give the absolute URL of the operation's status, or of its result."""
    return f"{base}{quote(_path(operation, result=result))}?api-version={operation.api_version}" + (
        "" if operation.style in {Style.DNS, Style.JOB} else f"&{_SIGNATURE}"
    )


def plain_url(call: Call) -> str:
    """Give the absolute URL of the resource that a call is about."""
    return f"{call.base_url}{quote(call.path.text)}?api-version={call.api_version}"


def result_url(operation: Operation, call: Call, *, polled: bool = False) -> str:
    """Give the absolute URL of the result of a redisEnterprise operation: below what it works on."""
    path = call.path.text if polled else f"{call.path.text}/operationresults/{operation.id}"
    return f"{call.base_url}{quote(path)}?api-version={operation.api_version}&{_SIGNATURE}"


def _path(operation: Operation, *, result: bool) -> str:
    scope = f"/subscriptions/{operation.subscription}"
    match operation.style:
        case Style.REDIS:
            return f"{scope}/providers/Microsoft.Cache/locations/{operation.region}/asyncOperations/{operation.id}"
        case Style.REDIS_DELETE:
            return f"{scope}/providers/Microsoft.Cache/locations/{operation.region}/operationresults/{operation.id}"
        case Style.ENTERPRISE:
            return f"{scope}/providers/Microsoft.Cache/locations/{operation.region}/operationsStatus/{operation.id}"
        case Style.NETWORK:
            kind = "operationResults" if result else "operations"
            return f"{scope}/providers/Microsoft.Network/locations/{operation.region}/{kind}/{operation.id}"
        case Style.DNS:
            kind = "privateDnsOperationResults" if result else "privateDnsOperationStatuses"
            return f"{operation.group_id}/providers/Microsoft.Network/{kind}/{operation.id}"
        case Style.JOB:
            return f"{scope}/operationresults/{operation.id}"


def poll(operation: Operation, call: Call, scale: float) -> Answer:
    """Answer a GET of the operation's status."""
    match operation.style:
        case Style.REDIS:
            return _poll_redis(operation, call, scale)
        case Style.REDIS_DELETE:
            return _poll_redis_delete(operation, call, scale)
        case Style.ENTERPRISE:
            return _poll_enterprise(operation)
        case Style.NETWORK:
            return _poll_network(operation, scale)
        case Style.DNS:
            return _poll_dns(operation, call, scale)
        case Style.JOB:
            return _poll_job(operation, call, scale)


def poll_result(operation: Operation, call: Call, scale: float) -> Answer:
    """Answer a GET of the Location of a network or DNS operation."""
    if operation.running:
        wait = {"Retry-After": retry_after(10, scale), "Location": url(operation, call.base_url, result=True)}
        return Answer(HTTPStatus.ACCEPTED, None, wait)
    if operation.error is not None:
        return Answer(HTTPStatus.BAD_REQUEST, {"error": operation.error})
    return Answer(HTTPStatus.NO_CONTENT)


def _poll_redis(operation: Operation, call: Call, scale: float) -> Answer:
    status_url = url(operation, call.base_url)
    body = {
        "id": _path(operation, result=False),
        "name": operation.id,
        "status": operation.status.value,
        "startTime": None,
        "endTime": None,
        "percentComplete": None,
        "properties": None,
        "error": operation.error,
    }
    return Answer(HTTPStatus.OK, body, {"Azure-AsyncOperation": status_url, **_wait(operation, 30, scale)})


def _poll_redis_delete(operation: Operation, call: Call, scale: float) -> Answer:
    body: Json = {"id": _path(operation, result=False), "name": operation.id, "status": operation.status.value}
    if operation.error is not None:
        body["error"] = operation.error
    if not operation.running:
        return Answer(HTTPStatus.OK, body)
    where = url(operation, call.base_url)
    headers = {"Azure-AsyncOperation": where, "Location": where, **_wait(operation, 30, scale)}
    return Answer(HTTPStatus.ACCEPTED, body, headers)


def _poll_enterprise(operation: Operation) -> Answer:
    # Recorded without Retry-After, so that callers wait as long as they like.
    waiting = operation.status is Status.PENDING
    body: Json = {
        "id": _path(operation, result=False),
        "name": operation.id,
        "status": operation.status.value,
        "startTime": _offset(operation.began_at),
        "endTime": "0001-01-01T00:00:00+00:00" if waiting else _offset(operation.touched_at),
    }
    if operation.error is not None:
        body["error"] = operation.error
    return Answer(HTTPStatus.OK, body)


def _offset(moment: float) -> str:
    return iso(moment).removesuffix("Z") + "+00:00"


def _poll_network(operation: Operation, scale: float) -> Answer:
    body: Json = {"status": operation.status.value}
    if operation.error is not None:
        body["error"] = operation.error | {"details": []}
    return Answer(HTTPStatus.OK, body, _wait(operation, 10, scale))


def _poll_dns(operation: Operation, call: Call, scale: float) -> Answer:
    if operation.running:
        headers = {
            "Azure-AsyncOperation": url(operation, call.base_url),
            "Location": url(operation, call.base_url, result=True),
            **_wait(operation, 30, scale),
        }
        return Answer(HTTPStatus.ACCEPTED, {"status": operation.status.value}, headers)
    if operation.error is not None:
        return Answer(HTTPStatus.OK, {"error": operation.error, "status": operation.status.value})
    return Answer(HTTPStatus.OK, {"status": operation.status.value})


def _poll_job(operation: Operation, call: Call, scale: float) -> Answer:
    if operation.running:
        return Answer(
            HTTPStatus.ACCEPTED, None, {"Location": url(operation, call.base_url), **_wait(operation, 15, scale)}
        )
    return Answer(HTTPStatus.OK)


def _wait(operation: Operation, seconds: float, scale: float) -> dict[str, str]:
    return {"Retry-After": retry_after(seconds, scale)} if operation.running else {}
