"""What goes over the wire when a cache is made: closed to the public in the very body, and nothing of it kept."""

from __future__ import annotations

import json
import logging

import pytest

from shared.arm import Arm
from shared.ids import CacheId
from shared.model import Kind, NewCache, Readiness
from tests.component.arm.calls import CACHE, CACHE_BODY, CLUSTER, CLUSTER_BODY, GROUP, NEW, NEW_CLUSTER
from tests.component.arm.stub import Answer, Stub

CLASSIC_PATH = f"{GROUP}/providers/Microsoft.Cache/redis/orders"
CLUSTER_PATH = f"{GROUP}/providers/Microsoft.Cache/redisEnterprise/orders"
KEY = "an-access-key-that-nobody-may-keep="


async def test_a_classic_cache_is_made_by_one_put_that_says_disabled(arm: Arm, stub: Stub) -> None:
    stub.always = Answer(201, CACHE_BODY)

    await arm.new_caches.create(CACHE, NEW)

    (sent,) = stub.asked
    assert (sent.method, sent.path.lower(), sent.query) == ("PUT", CLASSIC_PATH.lower(), {"api-version": "2024-11-01"})
    assert json.loads(sent.body) == {
        "location": "westeurope",
        "tags": {"env": "prod", "managed-by": "drawbridge"},
        "zones": ["1", "2"],
        "properties": {
            "sku": {"name": "Premium", "family": "P", "capacity": 1},
            "publicNetworkAccess": "Disabled",
            "minimumTlsVersion": "1.2",
            "enableNonSslPort": False,
            "disableAccessKeyAuthentication": True,
            "shardCount": 2,
            "redisConfiguration": {"aad-enabled": "true"},
        },
    }


async def test_a_cluster_is_made_by_one_put_that_says_disabled(arm: Arm, stub: Stub) -> None:
    stub.always = Answer(201, CLUSTER_BODY)

    await arm.new_caches.create(CLUSTER, NEW_CLUSTER)

    (sent,) = stub.asked
    assert (sent.method, sent.path, sent.query) == ("PUT", CLUSTER_PATH, {"api-version": "2025-07-01"})
    assert json.loads(sent.body) == {
        "location": "westeurope",
        "tags": {"managed-by": "drawbridge"},
        "sku": {"name": "Balanced_B5"},
        "properties": {
            "publicNetworkAccess": "Disabled",
            "minimumTlsVersion": "1.2",
            "highAvailability": "Enabled",
        },
    }


async def test_its_database_is_made_encrypted_on_the_usual_port(arm: Arm, stub: Stub) -> None:
    stub.always = Answer(201, {})

    await arm.new_caches.create_database(CLUSTER, NEW_CLUSTER)

    (sent,) = stub.asked
    assert (sent.method, sent.path) == ("PUT", f"{CLUSTER_PATH}/databases/default")
    assert json.loads(sent.body)["properties"] == {
        "clientProtocol": "Encrypted",
        "port": 10000,
        "clusteringPolicy": "OSSCluster",
        "evictionPolicy": "VolatileLRU",
        "accessKeysAuthentication": "Enabled",
    }


@pytest.mark.parametrize("cache", [CACHE, CLUSTER], ids=["classic", "cluster"])
async def test_the_keys_in_the_answer_are_neither_given_nor_logged(
    arm: Arm, stub: Stub, caplog: pytest.LogCaptureFixture, cache: CacheId
) -> None:
    caplog.set_level(logging.DEBUG)
    body = dict(CACHE_BODY) | {"properties": {"accessKeys": {"primaryKey": KEY, "secondaryKey": KEY}}}
    stub.always = Answer(201, body)

    given = await arm.new_caches.create(cache, NEW if cache == CACHE else NEW_CLUSTER)  # type: ignore[func-returns-value]

    assert given is None
    assert KEY not in caplog.text


async def test_the_database_is_read_by_its_state(arm: Arm, stub: Stub) -> None:
    stub.always = Answer(200, {"properties": {"provisioningState": "Creating"}})

    assert await arm.new_caches.database(CLUSTER) is Readiness.BUSY


async def test_what_a_cache_was_made_with_is_read_from_its_body(arm: Arm, stub: Stub) -> None:
    own = CACHE_BODY["properties"]
    assert isinstance(own, dict)
    stub.always = Answer(200, dict(CACHE_BODY) | {"properties": own | {"minimumTlsVersion": "1.2"}})

    read = await arm.new_caches.settings(CACHE)

    assert read == NewCache(Kind.CLASSIC, "westeurope", "Standard_C1", access_keys=True)


async def test_a_cluster_without_a_database_has_not_decided_on_access_keys(arm: Arm, stub: Stub) -> None:
    absent = {"error": {"code": "ResourceNotFound", "message": "A requested resource could not be found."}}
    stub.next = [Answer(200, CLUSTER_BODY), Answer(404, absent)]

    read = await arm.new_caches.settings(CLUSTER)

    assert read == NewCache(Kind.MANAGED, "westeurope", "Balanced_B0", access_keys=None)
