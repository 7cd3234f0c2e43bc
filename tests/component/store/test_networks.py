from dataclasses import replace
from datetime import timedelta

import pytest

from shared.ids import NetworkId
from shared.model import Step, Verdict, VerdictKind
from shared.networking import NetworkWish
from shared.store import Store
from shared.store.errors import ConflictError
from shared.store.networks import NetworkRequest
from shared.store.queue import InvalidMessageError, NetworkWake, decode_any, encode_network
from shared.store.requests import StoredRequest
from tests.component.store.conftest import NOON, SUBSCRIPTION, cache

NETWORK = NetworkId(SUBSCRIPTION, "rg-net", "virtualNetworks", "vnet.shop_")
WISH = NetworkWish("westeurope", ("10.1.0.0/16",), "endpoints", "10.1.0.0/24", ("privatelink.redis.azure.net",))
ASKED = NetworkRequest(NETWORK, WISH, "pipeline", NOON)


async def test_a_wish_is_read_as_it_was_written_and_of_two_writers_the_second_is_told(store: Store) -> None:
    stored = await store.networks.ask(ASKED)

    assert await store.networks.request(NETWORK) == stored == ASKED
    with pytest.raises(ConflictError):
        await store.networks.ask(ASKED)
    wider = replace(ASKED, wish=replace(WISH, prefixes=("10.0.0.0/8",)))
    await store.networks.ask(wider, stored.etag)
    with pytest.raises(ConflictError):
        await store.networks.ask(ASKED, stored.etag)


async def test_networks_that_were_asked_for_are_told_from_everything_else_in_the_table(store: Store) -> None:
    await store.networks.ask(ASKED)
    await store.requests.put(StoredRequest(cache(), "weu-prod", "pipeline", NOON))

    assert await store.networks.wanted_in(SUBSCRIPTION) == [NETWORK]
    assert [each.cache for each in await store.requests.of_subscription(SUBSCRIPTION)] == [cache()]


async def test_what_a_pass_found_is_kept_and_only_one_of_two_passes_writes_it(store: Store) -> None:
    row = await store.networks.row(NETWORK)
    waiting = Verdict(VerdictKind.CONVERGING, step=Step.NETWORKING, look_after=timedelta(seconds=5))
    found = replace(row, verdict=waiting, since=NOON, asked=NOON, begun={"network": NOON}, zones={"a": "b"})

    written = await store.networks.record(found)

    assert await store.networks.row(NETWORK) == written == found
    with pytest.raises(ConflictError):
        await store.networks.record(found)


def test_a_message_that_names_a_network_is_told_from_one_that_names_a_cache() -> None:
    wake = NetworkWake(NETWORK, "pipeline")

    assert decode_any(encode_network(wake)) == wake
    for text in ('{"v":1,"network":"x"}', '{"v":2,"network":"x"}', '{"v":1,"network":"x","more":1}', "{"):
        with pytest.raises(InvalidMessageError):
            decode_any(text)
