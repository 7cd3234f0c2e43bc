from shared.ids import NetworkId, endpoint_id
from shared.store import Store
from tests.component.store.conftest import OTHER_SUBSCRIPTION, SUBSCRIPTION, cache


def endpoint(name: str, group: str = "net", subscription: str = SUBSCRIPTION) -> NetworkId:
    path = f"/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Network/privateEndpoints/{name}"
    return endpoint_id(path)


async def test_an_endpoint_leads_to_its_cache_until_it_is_dropped(store: Store) -> None:
    await store.links.put(endpoint("pe-1"), cache("old"))
    await store.links.put(endpoint("pe-1"), cache("new"))
    assert await store.links.cache_of(endpoint("pe-1")) == cache("new")

    await store.links.drop(endpoint("pe-1"))
    await store.links.drop(endpoint("pe-1"))

    assert await store.links.cache_of(endpoint("pe-1")) is None


async def test_links_are_found_by_the_endpoints_group_and_by_the_cache(store: Store) -> None:
    far = endpoint("pe-3", subscription=OTHER_SUBSCRIPTION)
    links = [(endpoint("pe-1"), cache("a")), (endpoint("pe-2", "net-2"), cache("a")), (far, cache("b"))]
    for one, its in links:
        await store.links.put(one, its)

    assert await store.links.of_group(endpoint("x").group_id) == [links[0]]
    assert set(await store.links.of_cache(cache("a"))) == {endpoint("pe-1"), endpoint("pe-2", "net-2")}
    assert await store.links.of_cache(cache("b")) == [far]


async def test_a_refresh_writes_only_what_is_new_or_changed(store: Store) -> None:
    links = [(endpoint(f"pe-{n}"), cache(f"c{n}")) for n in range(120)]
    assert await store.links.refresh(links) == 120
    assert await store.links.refresh(links) == 0

    assert await store.links.refresh([*links[1:], (endpoint("pe-0"), cache("other"))]) == 1

    assert await store.links.cache_of(endpoint("pe-0")) == cache("other")
    assert await store.links.cache_of(endpoint("pe-119")) == cache("c119")
