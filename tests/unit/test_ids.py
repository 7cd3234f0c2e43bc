"""Ids of Azure: which are taken, which are refused, and which are the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.ids import (
    CacheId,
    CacheType,
    GroupId,
    InvalidIdError,
    NetworkId,
    SubnetId,
    endpoint_id,
    network_id,
    region,
    subscription_id,
    zone_id,
)

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
HEX = "ABCDEF01-2345-6789-abcd-ef0123456789"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-app"
CACHE = f"{GROUP}/providers/Microsoft.Cache/Redis/orders"
ENDPOINT = f"{GROUP}/providers/Microsoft.Network/privateEndpoints/pe-orders"
NETWORK = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet"

subscriptions = st.uuids().map(str)
groups = st.builds(GroupId.of, subscriptions, st.from_regex(r"[A-Za-z0-9_().-]{0,20}[A-Za-z0-9_()-]", fullmatch=True))
network_names = st.from_regex(r"[a-z0-9](?:[a-z0-9_.-]{0,20}[a-z0-9_])?", fullmatch=True)
caches = st.builds(
    CacheId.of,
    groups,
    st.sampled_from(["Redis", "redis", "redisEnterprise"]),
    st.from_regex(r"[A-Za-z0-9](?:-?[A-Za-z0-9]){0,20}", fullmatch=True),
)


def network_ids(type_: str, names: st.SearchStrategy[str] = network_names) -> st.SearchStrategy[NetworkId]:
    return st.builds(lambda group, name: NetworkId(group.subscription, group.group, type_, name), groups, names)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        pytest.param(CACHE, CacheType.REDIS, id="as-azure-spells-it"),
        pytest.param(CACHE.replace("resourceGroups", "resourcegroups"), CacheType.REDIS, id="resourcegroups"),
        pytest.param(CACHE.upper(), CacheType.REDIS, id="upper-case"),
        pytest.param(f"{CACHE}/", CacheType.REDIS, id="final-slash"),
        pytest.param(CACHE.replace("/Redis/", "/redisEnterprise/"), CacheType.ENTERPRISE, id="enterprise"),
        pytest.param(CACHE.replace("rg-app", "rg_(app).x"), CacheType.REDIS, id="odd-group-name"),
        pytest.param(CACHE.replace("rg-app", "gruppe-ä"), CacheType.REDIS, id="unicode-group-name"),
        pytest.param(CACHE.replace("orders", "a"), CacheType.REDIS, id="shortest-name"),
        pytest.param(CACHE.replace("orders", "a" * 63), CacheType.REDIS, id="longest-name"),
        pytest.param(CACHE.replace(SUBSCRIPTION, HEX), CacheType.REDIS, id="hexadecimal-subscription"),
    ],
)
def test_an_id_that_azure_gives_to_a_cache_is_read(text: str, kind: CacheType) -> None:
    assert CacheId.parse(text).type is kind


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("orders", id="a-name-only"),
        pytest.param(CACHE[1:], id="no-first-slash"),
        pytest.param(f"https://management.azure.com{CACHE}", id="a-url"),
        pytest.param(GROUP, id="a-group"),
        pytest.param(CACHE.replace("rg-app", ".."), id="dot-dot-as-group"),
        pytest.param(CACHE.replace("rg-app", "."), id="dot-as-group"),
        pytest.param(CACHE.replace("rg-app", "rg-app."), id="group-with-a-final-dot"),
        pytest.param(CACHE.replace("rg-app", "a" * 91), id="group-too-long"),
        pytest.param(CACHE.replace("orders", ".."), id="dot-dot-as-name"),
        pytest.param(CACHE.replace("/Redis/", "/Redis/../Redis/"), id="dot-dot-within"),
        pytest.param(CACHE.replace("/providers", "//providers"), id="double-slash"),
        pytest.param(f"{CACHE}//", id="double-final-slash"),
        pytest.param(f"/{CACHE}", id="double-first-slash"),
        pytest.param(CACHE.replace("rg-app", "rg%2fapp"), id="encoded-slash-in-group"),
        pytest.param(CACHE.replace("orders", "ord%2fers"), id="encoded-slash-in-name"),
        pytest.param(CACHE.replace("orders", "orders?x=1"), id="query"),
        pytest.param(CACHE.replace("orders", "orders#x"), id="fragment"),
        pytest.param(CACHE.replace("orders", "orders\n"), id="newline-at-the-end"),
        pytest.param(CACHE.replace("orders", "ord ers"), id="space"),
        pytest.param(CACHE.replace("orders", "-orders"), id="hyphen-first"),
        pytest.param(CACHE.replace("orders", "orders-"), id="hyphen-last"),
        pytest.param(CACHE.replace("orders", "or--ders"), id="two-hyphens"),
        pytest.param(CACHE.replace("orders", "örders"), id="unicode-name"),
        pytest.param(CACHE.replace("orders", "boo\u212a"), id="kelvin-for-k-in-name"),
        pytest.param(CACHE.replace("rg-app", "rg-boo\u212a"), id="kelvin-for-k-in-group"),
        pytest.param(CACHE.replace("orders", "\u0661orders"), id="arabic-digit-in-name"),
        pytest.param(CACHE.replace("11111111", "\u0661" * 8), id="arabic-digits-in-subscription"),
        pytest.param(CACHE.replace("orders", "a" * 64), id="name-too-long"),
        pytest.param(CACHE.replace("/Redis/orders", f"/redisEnterprise/{'a' * 61}"), id="cluster-name-too-long"),
        pytest.param(CACHE.replace("orders", "a" * 3000), id="id-too-long"),
        pytest.param(CACHE.replace("Microsoft.Cache", "Microsoft.Storage"), id="other-provider"),
        pytest.param(CACHE.replace("Microsoft.Cache", "Microsoft.Cache.Evil"), id="provider-with-a-tail"),
        pytest.param(CACHE.replace("/Redis/", "/valkey/"), id="other-type-of-the-provider"),
        pytest.param(CACHE.replace(SUBSCRIPTION, "mine"), id="subscription-is-no-guid"),
        pytest.param(CACHE.replace(SUBSCRIPTION, f"{{{SUBSCRIPTION}}}"), id="subscription-in-braces"),
        pytest.param(f"{CACHE}/privateEndpointConnections/pe.1", id="something-inside-a-cache"),
        pytest.param(ENDPOINT, id="an-endpoint"),
    ],
)
def test_what_is_not_a_caches_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidIdError, match="is not a"):
        CacheId.parse(text)


def test_a_refusal_quotes_no_more_than_the_beginning_of_a_long_text() -> None:
    with pytest.raises(InvalidIdError) as refused:
        CacheId.parse("/x" * 5000)

    assert len(str(refused.value)) < 400


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        pytest.param(CACHE, "", id="the-cache-itself"),
        pytest.param(
            f"{CACHE}/privateEndpointConnections/PE.1", "privateendpointconnections/pe.1", id="a-connection-of-it"
        ),
    ],
)
def test_an_id_is_split_into_its_cache_and_the_path_inside(text: str, inside: str) -> None:
    assert CacheId.split(text) == (CacheId.parse(CACHE), inside)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(CACHE.replace("orders", "other"), id="name"),
        pytest.param(CACHE.replace("rg-app", "rg-other"), id="group"),
        pytest.param(CACHE.replace(SUBSCRIPTION, HEX), id="subscription"),
        pytest.param(CACHE.replace("/Redis/", "/redisEnterprise/"), id="type"),
    ],
)
def test_caches_that_differ_in_any_part_are_different_and_hash_differently(other: str) -> None:
    assert CacheId.parse(other) != CacheId.parse(CACHE)
    assert CacheId.parse(other).short_hash != CacheId.parse(CACHE).short_hash


@given(caches, st.data())
def test_an_id_is_the_same_in_any_casing(cache: CacheId, data: st.DataObject) -> None:
    upper = data.draw(st.lists(st.booleans(), min_size=len(str(cache)), max_size=len(str(cache))))
    spelt = "".join(c.upper() if up else c.lower() for c, up in zip(str(cache), upper, strict=True))

    assert CacheId.parse(spelt) == cache
    assert hash(CacheId.parse(spelt)) == hash(cache)
    assert CacheId.parse(spelt).short_hash == cache.short_hash


@given(caches)
def test_a_cache_reads_back_from_its_own_text(cache: CacheId) -> None:
    assert CacheId.parse(str(cache)) == cache
    assert GroupId.parse(str(cache.group_id)) == cache.group_id


@given(network_ids("privateEndpoints"), network_ids("virtualNetworks"), network_names)
def test_a_network_resource_reads_back_from_its_own_text(endpoint: NetworkId, network: NetworkId, name: str) -> None:
    assert endpoint_id(str(endpoint)) == endpoint
    assert network_id(str(network)) == network
    assert SubnetId.parse(str(SubnetId(network, name))) == SubnetId(network, name)


@given(network_ids("privateDnsZones", st.from_regex(r"[a-z0-9]{1,9}(\.[a-z0-9]{1,9}){1,4}", fullmatch=True)))
def test_a_zone_reads_back_from_its_own_text(zone: NetworkId) -> None:
    assert zone_id(str(zone)) == zone


@given(st.text(max_size=300))
def test_no_text_raises_anything_but_a_refusal(text: str) -> None:
    for parse in (CacheId.parse, GroupId.parse, SubnetId.parse, endpoint_id, zone_id, subscription_id):
        try:
            parse(text)
        except InvalidIdError:
            continue


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(CACHE, id="another-provider"),
        pytest.param(NETWORK, id="another-type"),
        pytest.param(f"{ENDPOINT}/privateDnsZoneGroups/default", id="something-inside-it"),
        pytest.param(ENDPOINT.replace("pe-orders", ".."), id="dot-dot"),
        pytest.param(ENDPOINT.replace("pe-orders", "pe%2forders"), id="encoded-slash"),
        pytest.param(ENDPOINT.replace("pe-orders", "a" * 81), id="name-too-long"),
        pytest.param(ENDPOINT.replace("/pe-orders", "//pe-orders"), id="double-slash"),
    ],
)
def test_what_is_not_an_endpoints_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidIdError, match=r"is not the id of one of Microsoft\.Network/privateEndpoints"):
        endpoint_id(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(NETWORK, id="a-network"),
        pytest.param(f"{NETWORK}/subnets/", id="no-name"),
        pytest.param(f"{NETWORK}/subnets/..", id="dot-dot"),
        pytest.param(f"{NETWORK}/subnets/a%2fb", id="encoded-slash"),
        pytest.param(f"{NETWORK}/subnets/a//", id="double-final-slash"),
        pytest.param(f"{NETWORK}//subnets/a", id="double-slash"),
        pytest.param(f"{NETWORK}/subnets/a/subnets/b", id="a-subnet-in-a-subnet"),
        pytest.param(f"{ENDPOINT}/subnets/a", id="inside-an-endpoint"),
    ],
)
def test_what_is_not_a_subnets_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidIdError):
        SubnetId.parse(text)


@pytest.mark.parametrize("name", ["single", "..", "a..b", "-a.b", "a b.c"])
def test_a_zone_needs_a_name_of_dns(name: str) -> None:
    with pytest.raises(InvalidIdError):
        zone_id(f"{GROUP}/providers/Microsoft.Network/privateDnsZones/{name}")


@pytest.mark.parametrize("spelt", ["West Europe", "westeurope", "WestEurope"])
def test_a_region_is_the_same_however_azure_spells_it(spelt: str) -> None:
    assert region(spelt) == "westeurope"
