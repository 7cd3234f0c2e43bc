from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, NamedTuple

import aiohttp
import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    DecodeError,
    DeserializationError,
    HttpResponseError,
    IncompleteReadError,
    ResourceExistsError,
    ResourceNotFoundError,
    SerializationError,
    ServiceRequestError,
    ServiceRequestTimeoutError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)
from azure.identity import CredentialUnavailableError

from shared.arm.errors import BY_CODE, BY_MESSAGE, ArmError, Call, Retry, arm_errors, translate
from shared.model import Reason
from tests.unit.arm.answers import SUBSCRIPTION, FailedResponse, envelope, failed

READ = Call("Microsoft.Cache/redis/read", SUBSCRIPTION)
WRITE = Call("Microsoft.Network/privateEndpoints/write", SUBSCRIPTION, writes=True)
SUBNET = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/net/providers/Microsoft.Network/virtualNetworks/v/subnets/s"
ENDPOINT = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/net/providers/Microsoft.Network/privateEndpoints/pe"
ZONE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/net/providers/Microsoft.Network/privateDnsZones/z.net"
CACHE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Cache/Redis/c"


class Case(NamedTuple):
    """One answer to a write, and what it means."""

    status: int
    code: str
    message: str
    retry: Retry
    reason: Reason | None = None
    absent: bool = False
    throttled: bool = False


SOON, LATER, NEVER = Retry.SOON, Retry.LATER, Retry.NEVER
BUSY_CACHE = (
    f"The resource '{CACHE}' is busy processing a previous update request or is undergoing system maintenance.  "
    "As such, it is currently unable to accept the update request.  Please try again later.\r\nRequestID=6f1e"
)
THROTTLED = (
    f"Number of 'write' requests for subscription '{SUBSCRIPTION}' actor 'x' exceeded. Please try again after '10' "
    "seconds after additional tokens are available. Refer to https://aka.ms/arm-throttling for additional information."
)
NOT_FOUND_REFERENCE = (
    "Resource {} referenced by resource {} was not found. Please make sure that the referenced resource exists, "
    "and that both resources are in the same region."
)
NOT_AUTHORIZED = "The client 'a' with object id 'b' does not have authorization to perform action 'c' over scope 'd'."
LINKED = (
    f"The client 'a' with object id 'b' has permission to perform action 'Microsoft.Network/privateEndpoints/write' on "
    f"scope '{ENDPOINT}'; however, it does not have permission to perform action(s) "
    f"'Microsoft.Network/virtualNetworks/subnets/join/action' on the linked scope(s) '{SUBNET}'."
)

CASES = [
    # throttling
    Case(429, "SubscriptionRequestsThrottled", THROTTLED, LATER, throttled=True),
    Case(429, "TenantRequestsThrottled", "Too many.", LATER, throttled=True),
    Case(429, "ResourceRequestsThrottled", "Too many.", LATER, throttled=True),
    Case(429, "ResourceCollectionRequestsThrottled", "Too many.", LATER, throttled=True),
    Case(429, "TooManyRequests", "Too many requests. Please try again after sometime.", LATER, throttled=True),
    Case(429, "", "", LATER, throttled=True),
    Case(429, "429", "Too many.", LATER, throttled=True),
    # busy
    Case(429, "RetryableError", "A retryable error occurred.", LATER),
    Case(429, "RetryableErrorDueToAnotherOperation", "Another operation.", LATER),
    Case(409, "AnotherOperationInProgress", "Another operation on this resource is in progress.", LATER),
    Case(409, "OperationPreempted", "Preempted.", LATER),
    Case(409, "CanceledAndSupersededDueToAnotherOperation", "Superseded.", LATER),
    Case(400, "ReferencedResourceNotProvisioned", "Cannot proceed: a is not in Succeeded state.", LATER),
    Case(400, "ParentResourceNotProvisioned", "The parent is not in Succeeded state.", LATER),
    Case(409, "Conflict", BUSY_CACHE, LATER),
    Case(409, "ResourceGroupBeingDeleted", "The group is being deleted.", LATER, Reason.RESOURCE_GROUP_MISSING),
    Case(400, "PrivateEndpointAlreadyExists", "It exists.", LATER, Reason.ENDPOINT_NAME_TAKEN),
    Case(
        400,
        "MoreThanOnePrivateDnsZoneGroupPerPrivateEndpointNotAllowed",
        "Only one.",
        LATER,
        Reason.ZONE_GROUP_CONFLICT,
    ),
    Case(412, "PreconditionFailed", "The Zone has been modified (etag mismatch).", LATER),
    Case(412, "", "", LATER),
    # Azure's own trouble
    Case(500, "InternalServerError", "Encountered internal server error.", SOON),
    Case(500, "CloudInternalError", "Oops.", SOON),
    Case(500, "InternalOperationError", "Oops.", SOON),
    Case(500, "InternalError", "Oops.", SOON),
    Case(500, "ServiceError", "Oops.", SOON),
    Case(500, "OperationFailedUnexpectedly", "Oops.", SOON),
    Case(503, "ServiceUnavailable", "Busy.", SOON),
    Case(503, "ServerTimeout", "Slow.", SOON),
    Case(502, "BadGateway", "Gone.", SOON),
    Case(502, "BadGatewayConnection", "Gone.", SOON),
    Case(408, "RequestTimeout", "Slow.", SOON),
    Case(408, "", "", SOON),
    Case(500, "", "", SOON),
    Case(502, "", "", SOON),
    Case(503, "", "", SOON),
    Case(507, "", "", SOON),
    Case(504, "GatewayTimeout", "The gateway did not receive a response from 'Microsoft.Cache'.", LATER),
    Case(504, "", "", LATER),
    # who we are
    Case(401, "AuthenticationFailed", "The 'Authorization' header is missing.", LATER, Reason.PERMISSION_DENIED),
    Case(401, "AuthenticationFailedMissingToken", "Missing.", LATER, Reason.PERMISSION_DENIED),
    Case(401, "ExpiredAuthenticationToken", "The access token expiry is earlier.", LATER, Reason.PERMISSION_DENIED),
    Case(401, "InvalidAuthenticationToken", "The access token is invalid.", LATER, Reason.PERMISSION_DENIED),
    Case(401, "InvalidAuthenticationTokenTenant", "The wrong issuer.", LATER, Reason.PERMISSION_DENIED),
    Case(401, "Unauthorized", "No.", LATER, Reason.PERMISSION_DENIED),
    Case(401, "", "", LATER, Reason.PERMISSION_DENIED),
    Case(404, "SubscriptionNotFound", "The subscription could not be found.", LATER, Reason.PERMISSION_DENIED),
    # what we may do
    Case(403, "AuthorizationFailed", NOT_AUTHORIZED, NEVER, Reason.PERMISSION_DENIED),
    Case(403, "LinkedAuthorizationFailed", LINKED, NEVER, Reason.PERMISSION_DENIED),
    Case(403, "LinkedAccessCheckFailed", LINKED, NEVER, Reason.PERMISSION_DENIED),
    Case(403, "DenyAssignmentAuthorizationFailed", "Denied.", NEVER, Reason.PERMISSION_DENIED),
    Case(403, "Forbidden", "Denied.", NEVER, Reason.PERMISSION_DENIED),
    Case(403, "", "", NEVER, Reason.PERMISSION_DENIED),
    Case(409, "ReadOnlyDisabledSubscription", "The subscription is disabled.", NEVER, Reason.PERMISSION_DENIED),
    Case(403, "RequestDisallowedByPolicy", "Resource 'pe' was disallowed by policy.", NEVER, Reason.POLICY_DENIED),
    Case(403, "RequestDisallowedByAzure", "Not in this region.", NEVER, Reason.POLICY_DENIED),
    Case(409, "ScopeLocked", f"The scope '{CACHE}' cannot perform write operation.", NEVER, Reason.SCOPE_LOCKED),
    Case(409, "MissingSubscriptionRegistration", "Not registered.", NEVER, Reason.PROVIDER_UNREGISTERED),
    Case(409, "SubscriptionNotRegistered", "Not registered.", NEVER, Reason.PROVIDER_UNREGISTERED),
    Case(400, "NoRegisteredProviderFound", "No provider.", NEVER, Reason.PROVIDER_UNREGISTERED),
    Case(403, "Forbidden", "Microsoft.Cache is not registered here.", NEVER, Reason.PROVIDER_UNREGISTERED),
    Case(409, "CannotDeleteResource", "Cannot delete while nested resources exist.", NEVER, Reason.UNEXPECTED),
    # what is there
    Case(404, "ResourceNotFound", "The Resource was not found.", LATER, absent=True),
    Case(404, "ParentResourceNotFound", "The parent could not be found.", LATER, absent=True),
    Case(404, "NotFound", "The resource record 'c' does not exist.", LATER, absent=True),
    Case(404, "", "", LATER, absent=True),
    Case(
        404,
        "ResourceGroupNotFound",
        "Resource group 'x' could not be found.",
        NEVER,
        Reason.RESOURCE_GROUP_MISSING,
        absent=True,
    ),
    Case(404, "InvalidResourceType", "No such type.", NEVER, Reason.UNEXPECTED),
    # the network of a placement
    Case(
        400,
        "InvalidResourceReference",
        NOT_FOUND_REFERENCE.format(SUBNET, ENDPOINT),
        NEVER,
        Reason.SUBNET_UNREACHABLE,
    ),
    Case(400, "InvalidResourceReference", NOT_FOUND_REFERENCE.format(ZONE, ENDPOINT), NEVER, Reason.ZONE_MISSING),
    Case(400, "SubnetIsFull", "Subnet s does not have enough capacity for 1 IP addresses.", NEVER, Reason.SUBNET_FULL),
    Case(
        400,
        "PrivateEndpointCreationNotAllowedAsSubnetIsDelegated",
        "The subnet is delegated.",
        NEVER,
        Reason.SUBNET_DELEGATED,
    ),
    Case(
        400,
        "PrivateEndpointCannotBeCreatedInSubnetThatHasNetworkPoliciesEnabled",
        "Policies are on.",
        NEVER,
        Reason.SUBNET_NETWORK_POLICIES,
    ),
    Case(400, "QuotaExceeded", "Too many endpoints.", NEVER, Reason.NETWORK_QUOTA),
    Case(409, "ResourceQuotaExceeded", "Too many endpoints.", NEVER, Reason.NETWORK_QUOTA),
    Case(400, "PrivateEndpointCountLimitReached", "No more.", NEVER, Reason.NETWORK_QUOTA),
    Case(
        400,
        "BadRequest",
        "The maximum number of private endpoints has been reached.",
        NEVER,
        Reason.NETWORK_QUOTA,
    ),
    Case(
        400,
        "BadRequest",
        "The limit of 1 private endpoint connections for this cache is exceeded.",
        NEVER,
        Reason.CONNECTION_LIMIT,
    ),
    Case(
        400,
        "BadRequest",
        "A virtual network cannot be linked to multiple zones with overlapping namespaces. You tried to link virtual "
        "network with 'X' and 'X' zones.",
        NEVER,
        Reason.ZONE_CONFLICT,
    ),
    Case(
        400,
        "BadRequest",
        "The following updates can't be processed in one single request, please send seperate request to update them: "
        "'properties.publicNetworkAccess,identity'.",
        NEVER,
        Reason.UNEXPECTED,
    ),
    # a cache that is to be made
    Case(409, "NameNotAvailable", "An error occurred when trying to reserve.", NEVER, Reason.CACHE_NAME_TAKEN),
    Case(400, "SkuNotAvailable", "Not in this region.", NEVER, Reason.SKU_UNAVAILABLE),
    Case(400, "LocationNotAvailableForResourceType", "Not in 'x'.", NEVER, Reason.SKU_UNAVAILABLE),
    Case(
        400,
        "BadRequest",
        "Creation of new Azure Cache for Redis Enterprise resources is no longer supported.",
        NEVER,
        Reason.KIND_RETIRED,
    ),
    # anything else
    Case(400, "BadRequest", "No.", NEVER, Reason.UNEXPECTED),
    Case(409, "Conflict", "The name is taken.", LATER, Reason.UNEXPECTED),
    Case(409, "", "", LATER, Reason.UNEXPECTED),
    Case(405, "MethodNotAllowed", "No.", NEVER, Reason.UNEXPECTED),
    Case(302, "", "", NEVER, Reason.UNEXPECTED),
    # an accepted operation that failed, and a condition that was checked too late: both with HTTP 200
    Case(200, "AzureCacheForRedisLongRunningOperationFailure", "An error occurred.", LATER, Reason.UNEXPECTED),
    Case(200, "PreconditionFailed", "It exists already.", LATER),
]


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.status}-{c.code or 'no-code'}-{c.reason or c.retry}")
def test_every_refusal_of_a_write_has_one_meaning(case: Case) -> None:
    body = envelope(case.code, case.message) if case.code else "<html>an answer of a proxy</html>"

    error = translate(failed(case.status, body), WRITE)

    assert (error.retry, error.reason, error.absent, error.throttled) == case[3:]
    assert (error.code, error.status) == (case.code, case.status)


def test_every_row_of_the_table_has_an_example() -> None:
    assert set(BY_CODE) - {c.code for c in CASES} == set()


def test_every_row_that_only_a_message_tells_has_an_example() -> None:
    for told in BY_MESSAGE:
        meant = [
            c
            for c in CASES
            if told.phrase.search(c.message) and (c.retry, c.reason) == (told.row.retry, told.row.reason)
        ]
        assert meant, told


def test_a_missing_resource_group_is_absence_to_a_reader_and_a_reason_to_a_writer() -> None:
    body = envelope("ResourceGroupNotFound", "Resource group 'net' could not be found.")

    assert translate(failed(404, body), READ).absent
    assert translate(failed(404, body), WRITE).reason is Reason.RESOURCE_GROUP_MISSING


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        pytest.param('{"error":{"code":"A","message":"m"}}', "A", "m", id="envelope"),
        pytest.param('{"code":"A","message":"m"}', "A", "m", id="bare"),
        pytest.param('{"type":"t","title":"Not Found","status":404,"traceId":"x"}', "", "Not Found", id="problem+json"),
        pytest.param('{"error":{"code":"A","message":"m","details":null}}', "A", "m", id="null details"),
        pytest.param('{"error":{"code":"A"}}', "A", "Azure answered 404 and said nothing more", id="no message"),
        pytest.param("<html>", "", "Azure answered 404 and said nothing more", id="html"),
        pytest.param("[]", "", "Azure answered 404 and said nothing more", id="not an object"),
        pytest.param("", "", "Azure answered 404 and said nothing more", id="empty"),
    ],
)
def test_a_refusal_is_read_from_any_form_of_body(body: str, code: str, message: str) -> None:
    error = translate(failed(404, body), READ)

    assert (error.code, error.message, error.absent) == (code, message, True)


def test_a_code_is_known_in_any_case() -> None:
    assert translate(failed(409, envelope("scopelocked", "m")), WRITE).reason is Reason.SCOPE_LOCKED


def test_a_code_inside_the_details_counts_where_the_outer_one_says_nothing() -> None:
    details = [{"code": "SubnetIsFull", "message": "Subnet s is full."}]
    error = translate(failed(400, envelope("BadRequest", "It failed.", details=details)), WRITE)

    assert error.reason is Reason.SUBNET_FULL
    assert error.message == "It failed. Subnet s is full."


def test_a_lock_that_calls_itself_a_429_says_what_is_locked_and_does_not_count_as_throttling() -> None:
    details = [{"code": "ReferencedResourceNotProvisioned", "message": "v is not in Succeeded state."}]
    error = translate(failed(429, envelope("RetryableError", "A retryable error occurred.", details=details)), WRITE)

    assert (error.retry, error.throttled, error.reason) == (Retry.LATER, False, None)
    assert error.message == "A retryable error occurred. v is not in Succeeded state."


# ── how long to wait ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), ("0", None), ("-3", None), ("soon", None), ("", None), ("999999999999", 3600)],
)
def test_retry_after_is_read_in_seconds_and_bounded(header: str, seconds: int | None) -> None:
    error = translate(failed(429, envelope("TooManyRequests", "m"), {"retry-after": header}), READ)

    assert error.after == (None if seconds is None else timedelta(seconds=seconds))


def test_retry_after_is_read_as_a_date() -> None:
    then = datetime.now(UTC) + timedelta(seconds=90)
    header = {"Retry-After": format_datetime(then, usegmt=True)}
    error = translate(failed(429, envelope("TooManyRequests", "m"), header), READ)

    assert error.after is not None
    assert timedelta(seconds=80) < error.after <= timedelta(seconds=90)


def test_throttling_without_the_header_waits_as_long_as_its_message_says() -> None:
    assert translate(failed(429, envelope("SubscriptionRequestsThrottled", THROTTLED)), READ).after == timedelta(
        seconds=10
    )


def test_a_fault_that_names_a_time_is_left_to_the_queue() -> None:
    error = translate(failed(503, envelope("ServiceUnavailable", "m"), {"Retry-After": "5"}), READ)

    assert (error.retry, error.after) == (Retry.LATER, timedelta(seconds=5))


def test_a_permanent_refusal_stays_permanent_whatever_time_it_names() -> None:
    error = translate(failed(409, envelope("ScopeLocked", "m"), {"Retry-After": "5"}), WRITE)

    assert error.retry is Retry.NEVER


# ── words for people ────────────────────────────────────────────────────────────────────────────


def test_a_message_loses_request_ids_line_breaks_and_signatures() -> None:
    said = (
        "It is busy.\r\nRequestID=3f2b8a51-0000-4000-8000-000000000000 Use uri: https://management.azure.com/x/operations/1"
        "?api-version=2020-05-01&t=63&c=MIIH&s=abc&h=def. Correlation id: 3f2b8a51-0000-4000-8000-000000000001"
    )
    error = translate(failed(409, envelope("AnotherOperationInProgress", said)), WRITE)

    assert error.message == "It is busy. Use uri: https://management.azure.com/x/operations/1"


def test_a_message_is_at_most_500_characters() -> None:
    error = translate(failed(400, envelope("BadRequest", "word " * 400)), WRITE)

    assert len(error.message) <= 500
    assert error.message.endswith("…")


def test_a_refusal_by_policy_names_assignment_and_definition() -> None:
    policies = [
        {
            "policyAssignment": {"name": "deny-pe", "id": "/x" * 300},
            "policyDefinition": {"id": "/y" * 300, "name": "Deny private endpoints"},
        }
    ]
    said = f"Resource 'pe' was disallowed by policy. Policy identifiers: '{json.dumps(policies)}'."
    error = translate(failed(403, envelope("RequestDisallowedByPolicy", said)), WRITE)

    assert error.message == (
        "Resource 'pe' was disallowed by policy. Policy: assignment 'deny-pe', definition 'Deny private endpoints'."
    )


def test_the_correlation_id_is_kept_apart() -> None:
    header = {"X-MS-Correlation-Request-Id": "4e1f"}

    assert translate(failed(400, envelope("BadRequest", "m"), header), READ).correlation == "4e1f"


def test_an_error_says_operation_code_and_message() -> None:
    error = translate(failed(400, envelope("SubnetIsFull", "The subnet is full.")), WRITE)

    assert str(error) == "Microsoft.Network/privateEndpoints/write failed (SubnetIsFull): The subnet is full."
    assert (error.operation, error.provider, error.subscription) == (
        "Microsoft.Network/privateEndpoints/write",
        "Microsoft.Network",
        SUBSCRIPTION,
    )


# ── no answer ───────────────────────────────────────────────────────────────────────────────────


def refused() -> ServiceRequestError:
    key = aiohttp.client_reqrep.ConnectionKey(
        "h", 443, is_ssl=True, ssl=True, proxy=None, proxy_auth=None, proxy_headers_hash=None
    )
    inner = aiohttp.ClientConnectorError(key, ConnectionRefusedError(111, "refused"))
    return ServiceRequestError(str(inner), error=inner)


@pytest.mark.parametrize(
    ("failure", "retry", "unsure"),
    [
        pytest.param(refused(), SOON, False, id="connection refused"),
        pytest.param(ServiceRequestTimeoutError("slow to connect"), SOON, False, id="connect timeout"),
        pytest.param(ServiceRequestError("x", error=aiohttp.ServerDisconnectedError()), SOON, True, id="disconnected"),
        pytest.param(ServiceRequestError("x", error=aiohttp.ClientOSError(104, "reset")), SOON, True, id="reset"),
        pytest.param(ServiceResponseError("x"), SOON, True, id="broken answer"),
        pytest.param(IncompleteReadError("x"), SOON, True, id="half an answer"),
        pytest.param(aiohttp.ClientPayloadError("x"), SOON, True, id="half an answer, untranslated by the SDK"),
        pytest.param(ConnectionResetError("x"), SOON, True, id="socket error"),
        pytest.param(ServiceResponseTimeoutError("slow"), LATER, True, id="read timeout"),
        pytest.param(TimeoutError("slow"), LATER, True, id="bare timeout"),
    ],
)
def test_a_write_without_an_answer_is_unsure_unless_it_never_left(
    failure: Exception, retry: Retry, unsure: bool
) -> None:
    error = translate(failure, WRITE)

    assert (error.retry, error.unsure, error.status, error.code) == (retry, unsure, None, "")
    assert not translate(failure, READ).unsure


@pytest.mark.parametrize(("status", "unsure"), [(504, True), (500, True), (503, True), (408, True), (409, False)])
def test_a_write_is_unsure_where_azure_itself_does_not_know(status: int, unsure: bool) -> None:
    assert translate(failed(status, ""), WRITE).unsure is unsure
    assert not translate(failed(status, ""), READ).unsure


def test_an_answer_that_is_no_json_is_read_again_soon() -> None:
    response: Any = FailedResponse(200, "<html>", {})
    error = translate(DecodeError(message="JSON is invalid", response=response), READ)

    assert (error.retry, error.status) == (Retry.SOON, None)


def test_a_refusal_that_is_no_json_is_judged_by_its_status() -> None:
    response: Any = FailedResponse(503, "<html>", {})
    error = translate(DecodeError(message="JSON is invalid", response=response), READ)

    assert (error.retry, error.status) == (Retry.SOON, 503)


# ── tokens ──────────────────────────────────────────────────────────────────────────────────────


INVALID_CLIENT: Any = FailedResponse(400, '{"error":"invalid_client"}', {})


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(CredentialUnavailableError("no managed identity endpoint found"), id="no credential"),
        pytest.param(ClientAuthenticationError("DefaultAzureCredential failed to retrieve a token"), id="chain"),
        pytest.param(
            ClientAuthenticationError("invalid client", response=INVALID_CLIENT),
            id="refused by the identity service",
        ),
    ],
)
def test_a_missing_token_is_a_permission_to_be_granted(failure: Exception) -> None:
    error = translate(failure, WRITE)

    assert (error.retry, error.reason, error.unsure) == (Retry.LATER, Reason.PERMISSION_DENIED, False)
    assert error.message.startswith("The identity of Drawbridge could not get a token for Azure: ")


def test_a_token_that_azure_refuses_is_told_in_azures_words() -> None:
    response: Any = FailedResponse(401, envelope("ExpiredAuthenticationToken", "It has expired."), {})
    error = translate(ClientAuthenticationError(response=response), READ)

    assert (error.code, error.message, error.reason) == (
        "ExpiredAuthenticationToken",
        "It has expired.",
        Reason.PERMISSION_DENIED,
    )


# ── what comes out ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "failure",
    [
        HttpResponseError("x"),
        ResourceNotFoundError("x"),
        ResourceExistsError("x"),
        ServiceRequestError("x"),
        aiohttp.ClientError("x"),
        OSError("x"),
    ],
    ids=lambda e: type(e).__name__,
)
def test_every_failure_of_a_call_becomes_an_arm_error_that_keeps_its_cause(failure: Exception) -> None:
    with pytest.raises(ArmError) as caught, arm_errors(READ):
        raise failure

    assert caught.value.__cause__ is failure


@pytest.mark.parametrize(
    "bug",
    [SerializationError("x"), DeserializationError("x"), ValueError("x"), KeyError("x"), asyncio.CancelledError()],
    ids=lambda e: type(e).__name__,
)
def test_bugs_and_cancellation_are_not_failures_of_azure(bug: BaseException) -> None:
    with pytest.raises(type(bug)) as caught, arm_errors(READ):
        raise bug

    assert caught.value is bug


def test_an_error_can_be_raised_through_a_context_manager_and_keeps_its_traceback() -> None:
    error = translate(failed(404, ""), READ)

    with pytest.raises(ArmError) as caught, arm_errors(READ):
        raise error

    assert caught.value is error
    assert caught.tb is not None


@pytest.mark.parametrize("code", ["QuotaExceeded", "ResourceQuotaExceeded"])
def test_a_limit_on_caches_is_told_from_one_on_networks(code: str) -> None:
    making = Call("Microsoft.Cache/redis/write", SUBSCRIPTION, writes=True)

    error = translate(failed(400, envelope(code, "Too many.")), making)

    assert error.reason is Reason.CACHE_QUOTA
