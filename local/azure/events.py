"""Every write, delete and action that Azure takes becomes one subscription event, in either schema."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus

from local.azure.calls import Call, Caller, Json
from local.azure.clock import iso

_USER_APP = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
_CLIENT_IP = "203.0.113.7"


@dataclass(frozen=True, slots=True)
class ResourceEvent:
    """One event; ``time`` is wall time in epoch seconds."""

    id: str
    time: float
    kind: str
    status: str
    subject: str
    operation: str
    subscription: str
    caller: Caller
    correlation_id: str
    http_request: Json | None = field(default=None)

    @property
    def type(self) -> str:
        """The event's type, such as Microsoft.Resources.ResourceWriteSuccess."""
        return f"Microsoft.Resources.Resource{self.kind}{'Success' if self.status == 'Succeeded' else 'Failure'}"

    @property
    def source(self) -> str:
        return f"/subscriptions/{self.subscription}"

    def data(self) -> Json:
        data: Json = {
            "authorization": self._authorization(),
            "claims": _claims(self.caller),
            "correlationId": self.correlation_id,
        }
        if self.http_request is not None:
            data["httpRequest"] = self.http_request
        return data | {
            "resourceProvider": self.operation.split("/", 1)[0],
            "resourceUri": self.subject,
            "operationName": self.operation,
            "status": self.status,
            "subscriptionId": self.subscription,
            "tenantId": self.caller.tenant_id,
        }

    def _authorization(self) -> Json:
        tags = self.operation.lower().startswith("microsoft.resources/tags/")
        return {
            "scope": self.subject + ("/providers/Microsoft.Resources/tags/default" if tags else ""),
            "action": self.operation,
            "evidence": {
                "role": "Contributor",
                "roleAssignmentScope": self.source,
                "roleAssignmentId": "7a7a7a7a00000000000000000000c0de",
                "roleDefinitionId": "b24988ac618042a0ab8820f7382dd24c",
                "principalId": self.caller.object_id.replace("-", ""),
                "principalType": "User" if self.caller.upn else "ServicePrincipal",
            },
        }

    def event_grid(self) -> Json:
        """Give it in the Event Grid schema."""
        return {
            "subject": self.subject,
            "eventType": self.type,
            "eventTime": iso(self.time),
            "id": self.id,
            "data": self.data(),
            "dataVersion": "2",
            "metadataVersion": "1",
            "topic": self.source,
        }

    def cloud_event(self) -> Json:
        """Give it as a CloudEvent 1.0."""
        return {
            "id": self.id,
            "source": self.source,
            "specversion": "1.0",
            "type": self.type,
            "subject": self.subject,
            "time": iso(self.time),
            "data": self.data(),
        }


def _claims(caller: Caller) -> Json:
    identity = "http://schemas.microsoft.com/identity/claims"
    issuer = f"https://sts.windows.net/{caller.tenant_id}/"
    claims: Json = {
        "aud": "https://management.core.windows.net/" if caller.upn else "https://management.azure.com",
        "iss": issuer,
        "iat": "1764000000",
        "nbf": "1764000000",
        "exp": "1764003600",
        "appid": caller.app_id or _USER_APP,
        "appidacr": "0" if caller.upn else "2",
        f"{identity}/objectidentifier": caller.object_id,
        f"{identity}/tenantid": caller.tenant_id,
        "ver": "1.0",
    }
    if not caller.upn:
        return claims | {f"{identity}/identityprovider": issuer, "idtyp": "app"}
    return claims | {
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn": caller.upn,
        "ipaddr": _CLIENT_IP,
        "name": caller.name,
    }


def http_request(call: Call, status: int) -> Json | None:
    """Describe the request; None for a creation, where Azure leaves it out."""
    if call.method == "PUT" and status == HTTPStatus.CREATED:
        return None
    url = f"https://management.azure.com{call.path.text}?api-version={call.api_version}"
    return {
        "clientRequestId": call.headers.get("x-ms-client-request-id", call.correlation_id),
        "clientIpAddress": _CLIENT_IP,
        "method": call.method,
        "url": url,
    }
