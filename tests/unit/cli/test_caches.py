"""How a cache may be named on the command line."""

import pytest

from drawbridge_cli.caches import CacheName, InvalidCacheError

SUB = "11111111-2222-3333-4444-555555555555"
ID = f"/subscriptions/{SUB}/resourceGroups/rg/providers/Microsoft.Cache"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(f"{SUB}/rg/shop", CacheName(SUB, "rg", "shop"), id="short"),
        pytest.param(f" {SUB}/rg/shop\n", CacheName(SUB, "rg", "shop"), id="with-what-a-shell-leaves-around-it"),
        pytest.param(f"{ID}/Redis/shop", CacheName(SUB, "rg", "shop", "classic"), id="classic"),
        pytest.param(f"{ID.lower()}/redisenterprise/shop", CacheName(SUB, "rg", "shop", "managed"), id="lower-case"),
    ],
)
def test_both_forms_name_a_cache(text: str, expected: CacheName) -> None:
    assert CacheName.parse(text) == expected


def test_a_kind_that_is_given_stands_above_the_one_of_the_id() -> None:
    assert CacheName.parse(f"{ID}/redisEnterprise/shop", "enterprise").kind == "enterprise"


@pytest.mark.parametrize("text", ["", "shop", "rg/shop", f"{SUB}/rg/shop/", f"{ID}/Redis", "https://a/b/c/d", "a//b"])
def test_anything_else_is_refused_with_what_would_be_right(text: str) -> None:
    with pytest.raises(InvalidCacheError, match="SUBSCRIPTION/GROUP/NAME"):
        CacheName.parse(text)


@pytest.mark.parametrize("name", ["..", "a?b=c", "a#b", "a b", "ä"])
def test_no_name_leads_out_of_its_path(name: str) -> None:
    path = CacheName("s", "g", name).path

    assert path.startswith("caches/s/g/")
    assert path.count("/") == 3
    assert not set("?# ") & set(path)
