"""Every failure of a call to Azure Resource Manager becomes one ArmError: classified by ARM code first, then status.

Status alone misleads: a 429 can be a lock (``RetryableError``), a 409 can be permanent (``ScopeLocked``), and an
HTTP 200 can carry a failed operation. Bugs of ours (SerializationError, DeserializationError) are not translated.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from shared.arm.answers import Answer, clean, read_answer
from shared.model import Reason


class Retry(StrEnum):
    """When the same call is worth making again."""

    SOON = "soon"
    """In seconds, in this process."""
    LATER = "later"
    """In minutes, from the queue: after ``ArmError.after`` where Azure named a time."""
    NEVER = "never"
    """Not before a person has changed something; the sweep will look again."""


@dataclass(frozen=True, slots=True)
class Call:
    """What is being asked of ARM, in ARM's own words."""

    operation: str
    """``Microsoft.Cache/redis/write``: what a role must allow."""
    subscription: str
    """Empty for calls that concern none."""
    writes: bool = False

    @property
    def provider(self) -> str:
        """The resource provider: ``Microsoft.Cache``."""
        return self.operation.partition("/")[0]


@dataclass(eq=False)
class ArmError(Exception):
    """A call to ARM that failed; its cause is the SDK's own exception.

    ``reason`` is what a person should be told, and is independent of ``retry``: a failure can be worth telling
    *and* worth another try later (a permission that may be granted in a minute).
    """

    code: str
    """ARM's error code; empty where there was none."""
    message: str
    """For people: at most 500 characters, one line, without request ids and signed URLs."""
    retry: Retry
    after: timedelta | None
    """How long Azure asked to wait; then ``retry`` is never SOON."""
    reason: Reason | None
    status: int | None
    """The HTTP status; None where no answer arrived."""
    operation: str
    subscription: str
    provider: str
    absent: bool = False
    """What the call names does not exist."""
    unsure: bool = False
    """A write that may have happened all the same."""
    throttled: bool = False
    """Azure asked this subscription for fewer requests (a busy resource is not this)."""
    correlation: str = ""
    """``x-ms-correlation-request-id``: what Azure's support asks for."""

    def __post_init__(self) -> None:
        super().__init__(self.message)

    def __str__(self) -> str:
        said = self.code or (f"HTTP {self.status}" if self.status else "no answer")
        return f"{self.operation} failed ({said}): {self.message}"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what a failure means."""

    retry: Retry
    reason: Reason | None = None
    absent: bool = False
    throttled: bool = False


_SOON = Row(Retry.SOON)
_BUSY = Row(Retry.LATER)
_THROTTLED = Row(Retry.LATER, throttled=True)
_ABSENT = Row(Retry.LATER, absent=True)
_NO_TOKEN = Row(Retry.LATER, Reason.PERMISSION_DENIED)
_DENIED = Row(Retry.NEVER, Reason.PERMISSION_DENIED)
_BY_POLICY = Row(Retry.NEVER, Reason.POLICY_DENIED)
_LOCKED = Row(Retry.NEVER, Reason.SCOPE_LOCKED)
_UNREGISTERED = Row(Retry.NEVER, Reason.PROVIDER_UNREGISTERED)
_QUOTA = Row(Retry.NEVER, Reason.NETWORK_QUOTA)
_NO_SKU = Row(Retry.NEVER, Reason.SKU_UNAVAILABLE)
_UNEXPECTED = Row(Retry.NEVER, Reason.UNEXPECTED)
_UNEXPECTED_NOW = Row(Retry.LATER, Reason.UNEXPECTED)

BY_CODE: Mapping[str, Row] = {
    # Throttling: token buckets of ARM, and limits of the resource providers.
    "SubscriptionRequestsThrottled": _THROTTLED,
    "TenantRequestsThrottled": _THROTTLED,
    "ResourceRequestsThrottled": _THROTTLED,
    "ResourceCollectionRequestsThrottled": _THROTTLED,
    "TooManyRequests": _THROTTLED,
    # Locks: another operation holds the resource, or one that it refers to. RetryableError arrives as a 429.
    "RetryableError": _BUSY,
    "RetryableErrorDueToAnotherOperation": _BUSY,
    "AnotherOperationInProgress": _BUSY,
    "OperationPreempted": _BUSY,
    "CanceledAndSupersededDueToAnotherOperation": _BUSY,
    "ReferencedResourceNotProvisioned": _BUSY,
    "ParentResourceNotProvisioned": _BUSY,
    "ResourceGroupBeingDeleted": Row(Retry.LATER, Reason.RESOURCE_GROUP_MISSING),
    # The name is still held by an endpoint that is being deleted.
    "PrivateEndpointAlreadyExists": Row(Retry.LATER, Reason.ENDPOINT_NAME_TAKEN),
    # Somebody (Azure Policy's "deployedByPolicy") was faster: the next look sees their group.
    "MoreThanOnePrivateDnsZoneGroupPerPrivateEndpointNotAllowed": Row(Retry.LATER, Reason.ZONE_GROUP_CONFLICT),
    "PreconditionFailed": _BUSY,
    # A long operation that was accepted and failed: arrives with HTTP 200.
    "AzureCacheForRedisLongRunningOperationFailure": _UNEXPECTED_NOW,
    # Azure's own trouble.
    "InternalServerError": _SOON,
    "CloudInternalError": _SOON,
    "InternalOperationError": _SOON,
    "InternalError": _SOON,
    "ServiceError": _SOON,
    "OperationFailedUnexpectedly": _SOON,
    "ServiceUnavailable": _SOON,
    "ServerTimeout": _SOON,
    "BadGateway": _SOON,
    "BadGatewayConnection": _SOON,
    "RequestTimeout": _SOON,
    # The provider did not answer the gateway for a minute: trying at once would meet the same provider.
    "GatewayTimeout": _BUSY,
    # Who we are. A token or a role that is missing now can arrive by itself.
    "AuthenticationFailed": _NO_TOKEN,
    "AuthenticationFailedMissingToken": _NO_TOKEN,
    "ExpiredAuthenticationToken": _NO_TOKEN,
    "InvalidAuthenticationToken": _NO_TOKEN,
    "InvalidAuthenticationTokenTenant": _NO_TOKEN,
    "Unauthorized": _NO_TOKEN,
    # A subscription that this identity cannot see is not one whose caches are gone.
    "SubscriptionNotFound": _NO_TOKEN,
    # What we may do.
    "AuthorizationFailed": _DENIED,
    "LinkedAuthorizationFailed": _DENIED,
    "LinkedAccessCheckFailed": _DENIED,
    "DenyAssignmentAuthorizationFailed": _DENIED,
    "Forbidden": _DENIED,
    "ReadOnlyDisabledSubscription": _DENIED,
    "RequestDisallowedByPolicy": _BY_POLICY,
    "RequestDisallowedByAzure": _BY_POLICY,
    "ScopeLocked": _LOCKED,
    "MissingSubscriptionRegistration": _UNREGISTERED,
    "SubscriptionNotRegistered": _UNREGISTERED,
    "NoRegisteredProviderFound": _UNREGISTERED,
    "CannotDeleteResource": _UNEXPECTED,
    # What is there. On a write, a missing resource group is told apart below.
    "ResourceNotFound": _ABSENT,
    "ResourceGroupNotFound": _ABSENT,
    "ParentResourceNotFound": _ABSENT,
    "NotFound": _ABSENT,
    "InvalidResourceType": _UNEXPECTED,
    # The network that a placement names.
    "InvalidResourceReference": Row(Retry.NEVER, Reason.SUBNET_UNREACHABLE),
    "SubnetIsFull": Row(Retry.NEVER, Reason.SUBNET_FULL),
    "PrivateEndpointCreationNotAllowedAsSubnetIsDelegated": Row(Retry.NEVER, Reason.SUBNET_DELEGATED),
    "PrivateEndpointCannotBeCreatedInSubnetThatHasNetworkPoliciesEnabled": Row(
        Retry.NEVER, Reason.SUBNET_NETWORK_POLICIES
    ),
    "QuotaExceeded": _QUOTA,
    "ResourceQuotaExceeded": _QUOTA,
    # A cache that is to be made.
    "NameNotAvailable": Row(Retry.NEVER, Reason.CACHE_NAME_TAKEN),
    "SkuNotAvailable": _NO_SKU,
    "LocationNotAvailableForResourceType": _NO_SKU,
}
"""What each ARM code means; compared without case."""


@dataclass(frozen=True, slots=True)
class Told:
    """A row for what only the message tells, where one code stands for several things."""

    phrase: re.Pattern[str]
    row: Row
    codes: frozenset[str]
    """In lower case; empty: any code that has no row of its own."""
    writes_only: bool = False


def _told(phrase: str, row: Row, *codes: str, writes_only: bool = False) -> Told:
    return Told(re.compile(phrase, re.IGNORECASE), row, frozenset(c.lower() for c in codes), writes_only)


BY_MESSAGE: tuple[Told, ...] = (
    _told("", Row(Retry.NEVER, Reason.RESOURCE_GROUP_MISSING, absent=True), "ResourceGroupNotFound", writes_only=True),
    _told("/privateDnsZones/", Row(Retry.NEVER, Reason.ZONE_MISSING), "InvalidResourceReference"),
    # The endpoint's subscription must know Microsoft.Cache too, or the approval of its connection is refused.
    _told("not registered", _UNREGISTERED, "Forbidden", "BadRequest"),
    _told("overlapping namespaces", Row(Retry.NEVER, Reason.ZONE_CONFLICT), "BadRequest", "Conflict"),
    _told("can't be processed in one single request", _UNEXPECTED, "BadRequest"),
    _told("is busy processing|system maintenance|try again later", _BUSY, "Conflict"),
    # Azure has no code of its own for it; Enterprise has been refused in these words.
    _told(
        r"creation of new .*(no longer|not) (supported|allowed)|no longer (be )?created|\bretire(d|ment)\b",
        Row(Retry.NEVER, Reason.KIND_RETIRED),
        writes_only=True,
    ),
    # No list of quota codes exists: Microsoft's own advice is to look for these words.
    _told(
        r"private endpoint connection.*(limit|maximum|exceed)|(limit|maximum|exceed).*private endpoint connection",
        Row(Retry.NEVER, Reason.CONNECTION_LIMIT),
    ),
    _told(r"maximum number of|quota|(limit|cap)\b.*\b(reached|exceeded)|exceed\w* the (limit|cap)", _QUOTA),
)

_CACHES = "Microsoft.Cache"
_QUOTA_CODE = re.compile(r"(limit(reached|exceeded)|quotaexceeded|countexceed\w*)", re.IGNORECASE)

_BY_STATUS: Mapping[int, Row] = {
    401: _NO_TOKEN,
    403: _DENIED,
    404: _ABSENT,
    408: _SOON,
    409: _UNEXPECTED_NOW,
    412: _BUSY,
    429: _THROTTLED,
    500: _SOON,
    502: _SOON,
    503: _SOON,
    504: _BUSY,
}

_ROWS = {code.lower(): row for code, row in BY_CODE.items()}


def classify(codes: tuple[str, ...], status: int | None, message: str, *, writes: bool) -> Row:
    """Find the row of an answer: what the message tells, then its codes (outer first), then its status."""
    lowered = tuple(c.lower() for c in codes)
    known = next((_ROWS[c] for c in lowered if c in _ROWS), None)
    for told in BY_MESSAGE:
        meant = told.codes.intersection(lowered) if told.codes else known is None and _refusal(status)
        if meant and (writes or not told.writes_only) and told.phrase.search(message):
            return told.row
    if known:
        return known
    if any(_QUOTA_CODE.search(c) for c in lowered):
        return _QUOTA
    return _BY_STATUS.get(status or 0, _SOON if (status or 0) >= HTTPStatus.INTERNAL_SERVER_ERROR else _UNEXPECTED)


def _refusal(status: int | None) -> bool:
    """Tell whether a status says that the request itself was refused: 429 and 5xx say other things."""
    return status in {HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT}


# ── translation ─────────────────────────────────────────────────────────────────────────────────


@contextmanager
def arm_errors(call: Call) -> Iterator[None]:
    """Let nothing of the SDK's, the HTTP library's or the socket's errors out but as an ArmError."""
    try:
        yield
    except _failures() as error:
        raise translate(error, call) from error


def _failures() -> tuple[type[Exception], ...]:
    """Name what may come out of a call; imported when something has, so that importing this costs nothing."""
    import aiohttp
    from azure.core.exceptions import AzureError

    return AzureError, aiohttp.ClientError, TimeoutError, OSError


def translate(error: Exception, call: Call) -> ArmError:
    """Turn a failure of a call into an ArmError."""
    from azure.core.exceptions import ClientAuthenticationError, DecodeError, HttpResponseError

    response: Any = error.response if isinstance(error, HttpResponseError) else None
    if isinstance(error, ClientAuthenticationError) and (response is None or _of_identity(response)):
        return _no_token(error, call)
    if response is None or (isinstance(error, DecodeError) and response.status_code < HTTPStatus.BAD_REQUEST):
        return _no_answer(error, call)
    answer = read_answer(response.status_code, _plain(response.headers), _text(response))
    return _judged(answer, call)


def _judged(answer: Answer, call: Call) -> ArmError:
    row = classify(answer.codes, answer.status, answer.message, writes=call.writes)
    if row.retry is Retry.SOON and answer.after:
        row = replace(row, retry=Retry.LATER)
    return ArmError(
        code=answer.codes[0] if answer.codes else "",
        message=answer.message or f"Azure answered {answer.status} and said nothing more",
        retry=row.retry,
        after=answer.after,
        reason=_of_provider(row.reason, call),
        status=answer.status,
        operation=call.operation,
        subscription=call.subscription,
        provider=call.provider,
        absent=row.absent,
        unsure=call.writes and _outcome_unknown(answer.status),
        throttled=row.throttled,
        correlation=answer.correlation,
    )


def _of_provider(reason: Reason | None, call: Call) -> Reason | None:
    """Tell whose limit is reached: the codes for it are the same everywhere."""
    caches = reason is Reason.NETWORK_QUOTA and call.provider == _CACHES
    return Reason.CACHE_QUOTA if caches else reason


def _outcome_unknown(status: int | None) -> bool:
    return status == HTTPStatus.REQUEST_TIMEOUT or (status or 0) >= HTTPStatus.INTERNAL_SERVER_ERROR


def _no_token(error: Exception, call: Call) -> ArmError:
    said = clean(str(error))
    return _unanswered(call, f"The identity of Drawbridge could not get a token for Azure: {said}", _NO_TOKEN)


def _no_answer(error: Exception, call: Call) -> ArmError:
    """Judge a call without an answer: lost connections are tried soon; one that took too long, later."""
    from azure.core.exceptions import ServiceResponseTimeoutError

    slow = isinstance(error, ServiceResponseTimeoutError | TimeoutError)
    said = clean(str(error)) or type(error).__name__
    failed = _unanswered(call, f"Azure could not be reached, or its answer not read: {said}", _BUSY if slow else _SOON)
    failed.unsure = call.writes and not _never_sent(error)
    return failed


def held_back(call: Call, left: timedelta) -> ArmError:
    """Stand for a call that was not made, because Azure has turned others away a moment ago."""
    held = _unanswered(call, "Azure has asked for fewer requests in this subscription.", _THROTTLED)
    held.after = left
    return held


def _unanswered(call: Call, message: str, row: Row) -> ArmError:
    return ArmError(
        code="",
        message=clean(message),
        retry=row.retry,
        after=None,
        reason=row.reason,
        status=None,
        operation=call.operation,
        subscription=call.subscription,
        provider=call.provider,
        throttled=row.throttled,
    )


def _never_sent(error: Exception) -> bool:
    """Tell whether the connection itself failed, so that nothing can have reached Azure."""
    import aiohttp
    from azure.core.exceptions import ServiceRequestTimeoutError

    inner = getattr(error, "inner_exception", None) or error
    return isinstance(error, ServiceRequestTimeoutError) or isinstance(inner, aiohttp.ClientConnectorError)


def _of_identity(response: Any) -> bool:  # noqa: ANN401 - any of azure-core's response classes
    """Tell an identity service's refusal (``"error": "invalid_client"``) from ARM's (``"error": {"code": …}``)."""
    try:
        body = json.loads(_text(response))
    except ValueError:
        return False
    return isinstance(body, dict) and isinstance(body.get("error"), str)


def _plain(headers: Mapping[str, str] | None) -> Mapping[str, str]:
    from azure.core.utils import case_insensitive_dict

    return case_insensitive_dict(headers or {})


def _text(response: Any) -> str:  # noqa: ANN401 - any of azure-core's response classes
    """Read an answer's body, or nothing where it was lost on the way: the status still tells enough."""
    from azure.core.exceptions import AzureError

    try:
        return str(response.text())
    except (AzureError, ValueError, LookupError, RuntimeError):
        return ""
