"""Virtual networks that callers ask for."""

from __future__ import annotations

from shared.api.operation import WAIT, Operation, Role

NETWORK = "networks/{subscription}/{group}/{name}"
_STANDS = {
    200: "Ready: the network, its subnet, and zones linked to it are there.",
    202: "Converging: ask again after `Retry-After` seconds.",
    409: "Blocked: it will not come by itself; `reason` says why.",
}
_GROUP = "/subscriptions/22222222-3333-4444-5555-666666666666/resourceGroups/rg-hub-weu/providers/Microsoft.Network"
_SHOWN = {
    "id": f"{_GROUP}/virtualNetworks/vnet-shop",
    "subnet": f"{_GROUP}/virtualNetworks/vnet-shop/subnets/endpoints",
    "state": "Converging",
    "zones": {"privatelink.redis.azure.net": f"{_GROUP}/privateDnsZones/privatelink.redis.azure.net"},
    "verdict": "Converging",
    "step": "the private DNS zone is being made and linked",
    "since": "2026-11-23T10:00:00+00:00",
    "lookAgainAfterSeconds": 30.0,
}

GET_NETWORK = Operation(
    name="get_network",
    method="GET",
    path=NETWORK,
    summary="See where a network stands",
    description="Of a network that was asked for with PUT. Costs no call to Azure.",
    gives="networks.NetworkStanding",
    answers=_STANDS,
    query=(WAIT,),
    shown=_SHOWN,
)

PUT_NETWORK = Operation(
    name="put_network",
    method="PUT",
    path=NETWORK,
    summary="Ask for a network",
    description="The network shall have a subnet for endpoints, and private DNS zones linked to it. One that is there "
    "is completed and never narrowed. Only where the policy's `networks.allow` says so.",
    gives="networks.NetworkStanding",
    answers=_STANDS,
    role=Role.OPERATOR,
    takes="networks.NetworkWish",
    query=(WAIT,),
    guarded=True,
    azure=True,
    example={
        "location": "westeurope",
        "addressSpace": ["10.1.0.0/16"],
        "subnet": {"name": "endpoints", "prefix": "10.1.0.0/24"},
    },
    shown=_SHOWN,
    fails={403: "The policy does not allow networks in this resource group (`NetworkNotAllowed`)."},
)

ALL = (GET_NETWORK, PUT_NETWORK)
