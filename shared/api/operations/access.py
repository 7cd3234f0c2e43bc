"""The public network access of a cache."""

from __future__ import annotations

from shared.api.operation import CACHE, KIND, WAIT, Operation, Role

ACCESS = CACHE + "/public-network-access"
_STANDS = {
    200: "Ready: it is as it shall be, or nothing is asked of it.",
    202: "Converging: ask again after `Retry-After` seconds.",
    409: "Blocked: it will not come by itself; `verdict` says why.",
}

GET_ACCESS = Operation(
    name="get_access",
    method="GET",
    path=ACCESS,
    summary="See how public network access is and shall be",
    description="Reads the cache once; waiting costs no further call to Azure.",
    gives="access.AccessStanding",
    answers=_STANDS,
    query=(KIND, WAIT),
    azure=True,
)

PUT_ACCESS = Operation(
    name="put_access",
    method="PUT",
    path=ACCESS,
    summary="Close public network access, or open it",
    description="`Disabled` is stored and kept up, once the cache has an endpoint that works. `Enabled` is done once, "
    "and only where the policy does not close the cache or an exemption holds; it needs the role Drawbridge.Admin.",
    gives="access.AccessStanding",
    answers=_STANDS,
    role=Role.OPERATOR,
    takes="access.AccessWish",
    query=(KIND, WAIT),
    fails={
        409: "The policy closes the cache (`PolicyCloses`), or it has no such property (`NoPublicNetworkAccess`).",
    },
    guarded=True,
    azure=True,
    example={"publicNetworkAccess": "Disabled"},
)

ALL = (GET_ACCESS, PUT_ACCESS)
