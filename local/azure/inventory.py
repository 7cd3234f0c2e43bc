"""What ARM knows beside resources: regions and tenants."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from local.azure.calls import Answer, Call, Json
from local.azure.regions import display_name, known
from local.azure.resources import SUBSCRIPTION_VERSIONS
from local.azure.routes import Route

if TYPE_CHECKING:
    from local.azure.world import World


def list_locations(_: World, call: Call) -> Answer:
    return Answer(HTTPStatus.OK, {"value": [_location(call.path.subscription, region) for region in known()]})


def _location(subscription: str, region: str) -> Json:
    name = display_name(region)
    return {
        "id": f"/subscriptions/{subscription}/locations/{region}",
        "name": region,
        "type": "Region",
        "displayName": name,
        "regionalDisplayName": name,
        "metadata": {"regionType": "Physical", "regionCategory": "Recommended"},
    }


def list_tenants(_: World, call: Call) -> Answer:
    """List the one tenant that there is: the caller's."""
    tenant = call.caller.tenant_id
    body: Json = {
        "id": f"/tenants/{tenant}",
        "tenantId": tenant,
        "countryCode": "NL",
        "displayName": "Contoso",
        "domains": ["contoso.example"],
        "tenantCategory": "Home",
        "defaultDomain": "contoso.example",
        "tenantType": "AAD",
    }
    return Answer(HTTPStatus.OK, {"value": [body]})


ROUTES = (
    Route(
        "Microsoft.Resources/subscriptions/locations",
        "Microsoft.Resources/subscriptions/locations",
        SUBSCRIPTION_VERSIONS,
        {"LIST": list_locations},
    ),
    Route("Microsoft.Resources/tenants", "Microsoft.Resources/tenants", SUBSCRIPTION_VERSIONS, {"LIST": list_tenants}),
)
