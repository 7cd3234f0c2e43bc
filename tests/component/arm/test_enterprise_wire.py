"""What goes over the wire for clusters of Azure Managed Redis and Enterprise, and what comes back."""

from __future__ import annotations

import json

import pytest

from shared.arm import Arm, ArmError, Retry
from shared.ids import CacheId
from shared.model import Kind, PublicAccess, Readiness, Reason
from tests.component.arm.calls import CLUSTER, CLUSTER_BODY, GROUP, PLACEMENT, SUBSCRIPTION
from tests.component.arm.stub import Answer, Stub

VERSION = {"api-version": "2025-07-01"}
PATH = f"{GROUP}/providers/Microsoft.Cache/redisEnterprise/orders"
LIST = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Cache/redisEnterprise"


async def test_a_cluster_is_read_with_one_request_in_the_version_that_has_the_flag(arm: Arm, stub: Stub) -> None:
    stub.always = Answer(200, CLUSTER_BODY)

    read = await arm.enterprise.get(CLUSTER)

    assert [(a.method, a.path, a.query) for a in stub.asked] == [("GET", PATH, VERSION)]
    assert read is not None
    assert (read.id, read.kind, read.readiness) == (CLUSTER, Kind.MANAGED, Readiness.READY)


@pytest.mark.parametrize("access", [PublicAccess.DISABLED, PublicAccess.ENABLED])
@pytest.mark.parametrize("status", [200, 202])
async def test_a_change_of_public_access_is_one_patch_of_one_value(
    arm: Arm, stub: Stub, access: PublicAccess, status: int
) -> None:
    operation = f"{stub.endpoint}/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Cache/locations/x/operationsStatus/1"
    stub.always = Answer(status, CLUSTER_BODY, {"Azure-AsyncOperation": operation, "Location": operation})

    await arm.enterprise.set_public_access(CLUSTER, access)

    assert [(a.method, a.path, a.query, json.loads(a.body)) for a in stub.asked] == [
        ("PATCH", PATH, VERSION, {"properties": {"publicNetworkAccess": access.value}})
    ]
    assert stub.asked[0].headers["Content-Type"] == "application/json"


async def test_the_sdks_own_update_would_change_no_more() -> None:
    from azure.mgmt.redisenterprise.models import ClusterUpdate

    assert ClusterUpdate(public_network_access="Disabled").serialize() == {
        "properties": {"publicNetworkAccess": "Disabled"}
    }


async def test_absence_cannot_be_asked_for_and_nothing_is_sent(arm: Arm, stub: Stub) -> None:
    with pytest.raises(ValueError, match="Absent is only ever read"):
        await arm.enterprise.set_public_access(CLUSTER, PublicAccess.ABSENT)

    assert stub.asked == []


async def test_an_endpoint_of_a_cluster_names_its_type_and_its_group_id(arm: Arm, stub: Stub) -> None:
    stub.always = Answer(200, CLUSTER_BODY)
    cluster = await arm.enterprise.get(CLUSTER)
    assert cluster is not None
    stub.always = Answer(201, {})

    await arm.network.create_endpoint(cluster, PLACEMENT, "pe-orders")

    (link,) = json.loads(stub.asked[-1].body)["properties"]["privateLinkServiceConnections"]
    assert link["properties"] == {
        "privateLinkServiceId": str(CLUSTER),
        "groupIds": ["redisEnterprise"],
    }
    assert "/Microsoft.Cache/redisEnterprise/" in link["properties"]["privateLinkServiceId"]


async def test_a_list_is_read_one_page_per_request(arm: Arm, stub: Stub) -> None:
    following = f"{stub.endpoint}{LIST}?api-version=2025-07-01&$skiptoken=a%2Bb%3D"
    stub.next = [Answer(200, {"value": [CLUSTER_BODY], "nextLink": following}), Answer(200, {"value": [CLUSTER_BODY]})]

    first = await arm.enterprise.list_page(SUBSCRIPTION)
    assert len(stub.asked) == 1
    second = await arm.enterprise.list_page(SUBSCRIPTION, first.continuation)

    assert [len(first.items), len(second.items), second.continuation] == [1, 1, None]
    assert [(a.path, a.query) for a in stub.asked] == [
        (LIST, VERSION),
        (LIST, {**VERSION, "$skiptoken": "a+b="}),
    ]


async def test_a_continuation_that_leads_elsewhere_is_refused_before_any_request(arm: Arm, stub: Stub) -> None:
    other = f"{stub.endpoint}/subscriptions/99999999-2222-3333-4444-555555555555/providers/Microsoft.Cache"
    with pytest.raises(ValueError, match=r"the continuation .* must begin with"):
        await arm.enterprise.list_page(SUBSCRIPTION, other)

    assert stub.asked == []


async def test_an_item_that_even_the_sdk_cannot_read_costs_no_other(arm: Arm, stub: Stub) -> None:
    odd = {**CLUSTER_BODY, "sku": {"name": "Balanced_B0", "capacity": "many"}, "location": None}
    stub.always = Answer(200, {"value": [odd, CLUSTER_BODY]})

    page = await arm.enterprise.list_page(SUBSCRIPTION)

    assert [c.id for c in page.items] == [CLUSTER]
    assert len(page.problems) == 1


ABSENT = [
    pytest.param({"error": {"code": "ResourceNotFound", "message": "The Resource was not found."}}, id="gateway"),
    pytest.param(
        {
            "error": {
                "code": "ResourceNotFound",
                "message": "A requested resource could not be found. It may already have been deleted. CorrelationID=1",
                "target": None,
            }
        },
        id="provider",
    ),
    pytest.param(
        {
            "type": "https://tools.ietf.org/html/rfc9110#section-15.5.5",
            "title": "Not Found",
            "status": 404,
            "traceId": "00-1",
        },
        id="problem without a code",
    ),
]


@pytest.mark.parametrize("body", ABSENT)
async def test_every_way_of_azure_to_say_that_there_is_no_cluster_is_understood(
    arm: Arm, stub: Stub, body: object
) -> None:
    stub.always = Answer(404, body)

    assert await arm.enterprise.get(CLUSTER) is None


@pytest.mark.parametrize(
    ("status", "code", "message", "retry", "reason"),
    [
        (409, "Conflict", "The resource is busy processing a previous update request", Retry.LATER, None),
        (409, "Conflict", "The cluster is in state Updating", Retry.LATER, Reason.UNEXPECTED),
        (409, "", "", Retry.LATER, Reason.UNEXPECTED),
        (400, "BadRequest", "The property 'publicNetworkAccess' cannot be set", Retry.NEVER, Reason.UNEXPECTED),
        (403, "AuthorizationFailed", "does not have authorization", Retry.NEVER, Reason.PERMISSION_DENIED),
        (409, "MissingSubscriptionRegistration", "not registered", Retry.NEVER, Reason.PROVIDER_UNREGISTERED),
    ],
)
async def test_a_refused_change_of_a_cluster_is_judged_as_any_other(
    arm: Arm, stub: Stub, status: int, code: str, message: str, retry: Retry, reason: Reason | None
) -> None:
    stub.always = Answer(status, {"error": {"code": code, "message": message}} if code else {"title": "Conflict"})

    with pytest.raises(ArmError) as caught:
        await arm.enterprise.set_public_access(CLUSTER, PublicAccess.DISABLED)

    assert (caught.value.retry, caught.value.reason) == (retry, reason)
    assert caught.value.operation == "Microsoft.Cache/redisEnterprise/write"
    assert len(stub.asked) == 1


async def test_a_cluster_and_a_cache_of_one_name_are_two(arm: Arm) -> None:
    cache = CacheId.parse(str(CLUSTER).replace("redisEnterprise", "Redis"))

    assert cache != CLUSTER
    assert arm.caches(cache.type) is not arm.caches(CLUSTER.type)
