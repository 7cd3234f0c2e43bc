"""Every refusal has the body that Azure sends: one function for each, status, code and wording as recorded."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus

from local.azure.calls import Answer, Caller, Json

GATEWAY = {"x-ms-failure-cause": "gateway"}
SERVICE = {"x-ms-failure-cause": "service"}
NETWORK_DETAILS: Json = {"details": []}


class ArmError(Exception):
    """A refusal, as the answer that carries it."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: Mapping[str, str] | None = None,
        extra: Json | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.code = code
        self.message = message
        self.answer = Answer(status, {"error": {"code": code, "message": message, **(extra or {})}}, headers or {})

    def as_error(self) -> Json:
        """Give the error as the body of a failed operation holds it."""
        return {"code": self.code, "message": self.message}


def bad_request(message: str, code: str = "BadRequest") -> ArmError:
    return ArmError(HTTPStatus.BAD_REQUEST, code, message)


def network_refusal(code: str, message: str) -> ArmError:
    """Say no as Microsoft.Network does: 400 with empty details."""
    return ArmError(HTTPStatus.BAD_REQUEST, code, message, extra=NETWORK_DETAILS)


def not_emulated(what: str) -> ArmError:
    return ArmError(
        HTTPStatus.NOT_IMPLEMENTED,
        "NotEmulated",
        f"The stand-in for Azure does not know {what}. Nothing was done.",
    )


def no_token() -> ArmError:
    return ArmError(
        HTTPStatus.UNAUTHORIZED,
        "AuthenticationFailed",
        "Authentication failed. The 'Authorization' header is missing.",
        {**GATEWAY, "www-authenticate": 'Bearer authorization_uri="https://login.microsoftonline.com/"'},
    )


def invalid_token() -> ArmError:
    return ArmError(HTTPStatus.UNAUTHORIZED, "InvalidAuthenticationToken", "The access token is invalid.", GATEWAY)


def expired_token(expired: str, now: str) -> ArmError:
    return ArmError(
        HTTPStatus.UNAUTHORIZED,
        "ExpiredAuthenticationToken",
        f"The access token expiry UTC time '{expired}' is earlier than current UTC time '{now}'.",
        GATEWAY,
    )


def unauthorized(caller: Caller, action: str, scope: str) -> ArmError:
    return ArmError(
        HTTPStatus.FORBIDDEN,
        "AuthorizationFailed",
        f"The client '{caller.shown}' with object id '{caller.object_id}' does not have authorization to perform "
        f"action '{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, "
        "please refresh your credentials.",
        GATEWAY,
    )


def linked_unauthorized(caller: Caller, held: tuple[str, str], lacked: tuple[str, str]) -> ArmError:
    """Refuse a write for want of a right on what it links to; ``held`` and ``lacked`` are (action, scope)."""
    return ArmError(
        HTTPStatus.FORBIDDEN,
        "LinkedAuthorizationFailed",
        f"The client '{caller.shown}' with object id '{caller.object_id}' has permission to perform action "
        f"'{held[0]}' on scope '{held[1]}'; however, it does not have permission to perform action(s) '{lacked[0]}' "
        f"on the linked scope(s) '{lacked[1]}' (respectively 1 linked scopes) or the linked scope(s) are invalid.",
        GATEWAY,
    )


def subscription_not_found(subscription: str) -> ArmError:
    message = f"The subscription '{subscription}' could not be found."
    return ArmError(HTTPStatus.NOT_FOUND, "SubscriptionNotFound", message, GATEWAY)


def group_not_found(group: str) -> ArmError:
    message = f"Resource group '{group}' could not be found."
    return ArmError(HTTPStatus.NOT_FOUND, "ResourceGroupNotFound", message, GATEWAY)


def not_found(resource_id: str) -> ArmError:
    """Say it as the gateway says it, of a resource in a group."""
    group, _, rest = resource_id.partition("/providers/")
    return ArmError(
        HTTPStatus.NOT_FOUND,
        "ResourceNotFound",
        f"The Resource '{rest}' under resource group '{group.rsplit('/', 1)[-1]}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
        GATEWAY,
    )


def enterprise_child_not_found(correlation_id: str, wall: float) -> ArmError:
    """Say it as redisEnterprise says it, of what is inside a cluster; ``wall`` is the time in epoch seconds."""
    moment = datetime.fromtimestamp(wall, UTC).strftime("%m/%d/%Y %H:%M:%S (UTC)")
    return ArmError(
        HTTPStatus.NOT_FOUND,
        "ResourceNotFound",
        "A requested resource could not be found. It may already have been deleted. "
        f"CorrelationID={correlation_id} RequestID={uuid.uuid4()} Timestamp={moment}",
        extra={"target": None},
    )


def problem(correlation_id: str, status: HTTPStatus) -> Answer:
    """Give the one answer of redisEnterprise that has no error code at all."""
    body = {
        "type": "https://tools.ietf.org/html/rfc9110#section-15.5.5",
        "title": status.phrase,
        "status": int(status),
        "traceId": f"00-{correlation_id.replace('-', '')}-0000000000000001-00",
    }
    return Answer(status, body, {"Content-Type": "application/problem+json; charset=utf-8"})


def network_child_not_found(resource_id: str) -> ArmError:
    """Say it as Microsoft.Network says it, of a child whose parent exists."""
    return ArmError(HTTPStatus.NOT_FOUND, "NotFound", f"Resource {resource_id} not found.", extra=NETWORK_DETAILS)


def dns_child_not_found(name: str) -> ArmError:
    """Say it as private DNS says it: without the envelope."""
    error = ArmError(HTTPStatus.NOT_FOUND, "NotFound", f"The resource record '{name}' does not exist.")
    error.answer = Answer(HTTPStatus.NOT_FOUND, error.as_error())
    return error


def parent_not_found(kind: str, parent: str) -> ArmError:
    return ArmError(
        HTTPStatus.NOT_FOUND,
        "ParentResourceNotFound",
        f"Failed to perform 'write' on resource(s) of type '{kind}', because the parent resource '{parent}' "
        "could not be found.",
        GATEWAY,
    )


def busy(resource_id: str) -> ArmError:
    """Redis is busy: no Retry-After, as recorded."""
    return ArmError(
        HTTPStatus.CONFLICT,
        "Conflict",
        f"The resource '{resource_id}' is busy processing a previous update request or is undergoing system "
        "maintenance.  As such, it is currently unable to accept the update request.  Please try again later."
        f"\r\nRequestID={uuid.uuid4()}",
        extra={"target": None},
    )


def another_operation(operation_url: str) -> ArmError:
    return ArmError(
        HTTPStatus.CONFLICT,
        "AnotherOperationInProgress",
        "Another operation on this or dependent resource is in progress. To retrieve status of the operation use "
        f"uri: {operation_url}.",
        extra=NETWORK_DETAILS,
    )


def retryable(used: str, user: str, last: str, state: str = "Updating", *, code: str = "RetryableError") -> ArmError:
    """Give the 429 of Microsoft.Network that is a lock and no throttling."""
    detail = (
        f"Cannot proceed with operation because resource {used} used by resource {user} is not in Succeeded state. "
        f"Resource is in {state} state and the last operation that updated/is updating the resource is {last}."
    )
    return ArmError(
        HTTPStatus.TOO_MANY_REQUESTS,
        code,
        "A retryable error occurred.",
        SERVICE,
        {"details": [{"code": "ReferencedResourceNotProvisioned", "message": detail}]},
    )


def bad_reference(used: str, user: str) -> ArmError:
    return network_refusal(
        "InvalidResourceReference",
        f"Resource {used} referenced by resource {user} was not found. Please make sure that the referenced "
        "resource exists, and that both resources are in the same region.",
    )


def nested_resources(nested: str) -> ArmError:
    return ArmError(
        HTTPStatus.CONFLICT,
        "CannotDeleteResource",
        f"Cannot delete resource while nested resources exist. Some existing nested resource IDs include: '{nested}'. "
        "Please delete all nested resources before deleting this resource.",
        GATEWAY,
    )


def not_registered(namespace: str) -> ArmError:
    message = (
        f"The subscription is not registered to use namespace '{namespace}'. "
        "See https://aka.ms/rps-not-found for how to register subscriptions."
    )
    detail = {"code": "MissingSubscriptionRegistration", "target": namespace, "message": message}
    return ArmError(HTTPStatus.CONFLICT, "MissingSubscriptionRegistration", message, GATEWAY, {"details": [detail]})


def scope_locked(scope: str, verb: str, locked: str) -> ArmError:
    return ArmError(
        HTTPStatus.CONFLICT,
        "ScopeLocked",
        f"The scope '{scope}' cannot perform {verb} operation because following scope(s) are locked: '{locked}'. "
        "Please remove the lock and try again.",
        GATEWAY,
    )


def group_deleting(group: str) -> ArmError:
    return ArmError(
        HTTPStatus.CONFLICT,
        "ResourceGroupBeingDeleted",
        f"The resource group '{group}' is in deprovisioning state and cannot perform this operation.",
        GATEWAY,
    )


def denied_by_policy(name: str, assignment: str, definition: str) -> ArmError:
    short = assignment.rsplit("/", 1)[-1]
    policies = [
        {
            "policyAssignment": {"name": short, "id": assignment},
            "policyDefinition": {"name": definition.rsplit("/", 1)[-1], "id": definition},
        }
    ]
    info = {
        "policyAssignmentId": assignment,
        "policyAssignmentName": short,
        "policyDefinitionId": definition,
        "policyDefinitionEffect": "deny",
    }
    return ArmError(
        HTTPStatus.FORBIDDEN,
        "RequestDisallowedByPolicy",
        f"Resource '{name}' was disallowed by policy. Policy identifiers: '{json.dumps(policies)}'.",
        GATEWAY,
        {"target": name, "additionalInfo": [{"type": "PolicyViolation", "info": info}]},
    )


def throttled(
    kind: str, subscription: str, caller: Caller, seconds: str, left: Mapping[str, str] | None = None
) -> ArmError:
    """Refuse for an empty bucket; ``kind`` is read, write or delete and ``seconds`` what Retry-After says.

    ``left`` are the headers that tell what the buckets hold.
    """
    return ArmError(
        HTTPStatus.TOO_MANY_REQUESTS,
        "SubscriptionRequestsThrottled",
        f"Number of '{kind}' requests for subscription '{subscription}' actor '{caller.object_id}' exceeded. "
        f"Please try again after '{seconds}' seconds after additional tokens are available. "
        "Refer to https://aka.ms/arm-throttling for additional information.",
        {**GATEWAY, **(left or {}), "Retry-After": seconds},
    )


def gateway_timeout(namespace: str) -> ArmError:
    return ArmError(
        HTTPStatus.GATEWAY_TIMEOUT,
        "GatewayTimeout",
        f"The gateway did not receive a response from '{namespace}' within the specified time period.",
        SERVICE,
    )
