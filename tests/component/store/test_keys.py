import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.ids import CacheId, CacheType, GroupId
from shared.store import Store
from shared.store.encoding import cache_key, cache_of_key, escaped, joined
from shared.store.errors import StoreRefusedError
from shared.store.requests import StoredRequest
from tests.component.store.conftest import NOON, cache

ILLEGAL = re.compile(r"[/\\#?\x00-\x1f\x7f-\x9f|']")

subscriptions = st.uuids().map(str)
groups = st.from_regex(r"[\w().-]{0,20}[\w()-]", fullmatch=True)
names = st.from_regex(r"[a-z0-9](?:-?[a-z0-9]){0,20}", fullmatch=True)


@st.composite
def caches(draw: st.DrawFn) -> CacheId:
    group = draw(groups.filter(lambda text: re.fullmatch(r"[\w().-]{0,89}[\w()-]", text.lower())))
    kind = draw(st.sampled_from(CacheType)).rpartition("/")[2]
    return CacheId.of(GroupId.of(draw(subscriptions), group), kind, draw(names))


@given(caches())
def test_a_key_names_exactly_one_cache_and_holds_nothing_that_storage_refuses(one: CacheId) -> None:
    key = cache_key(one)

    assert cache_of_key(key) == one
    assert not ILLEGAL.search(key.partition + key.row.replace("|", ""))


# Mostly of what an escape and a separator are made of: those are the texts that could be mistaken.
parts = st.lists(st.text("a|~/2f7ce", max_size=5) | st.text(max_size=12), min_size=1, max_size=3)


@given(parts, parts)
@example(["a|b"], ["a", "b"])
@example(["/"], ["~2f~"])
@example([""], ["", ""])
def test_different_parts_give_different_keys(first: list[str], second: list[str]) -> None:
    assert (joined(*first) == joined(*second)) == (first == second)


@given(st.text())
def test_an_escaped_text_holds_nothing_that_storage_refuses(text: str) -> None:
    assert not ILLEGAL.search(escaped(text))


@pytest.mark.parametrize("placement", ["weu-prod", "a/b#c?d\\e", "o'brien", "100%", "ä b", "~2f~", "|", "é\x00\x7f"])
async def test_storage_takes_every_key_that_is_made(store: Store, placement: str) -> None:
    one = cache(group="größe(1).x_y")
    await store.requests.put(StoredRequest(one, placement, "zoe", NOON))

    stored = await store.requests.get(one, placement)

    assert stored
    assert [request.placement for request in await store.requests.of_cache(one)] == [placement]


def test_a_key_that_would_be_too_long_is_refused() -> None:
    with pytest.raises(StoreRefusedError, match="too long for a key"):
        joined("x" * 513)
