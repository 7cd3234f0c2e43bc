"""Tags can be set on resources of any type and on subscriptions, and their names are counted."""

from __future__ import annotations

from local.azure.calls import Json
from local.azure.links import DnsName
from local.azure.others import OtherResource
from local.azure.world import World
from tests.component.azure.fleet import CACHES, ENDPOINT, LONG, SUBSCRIPTION, done, endpoint, make_world

ROOT = f"/subscriptions/{SUBSCRIPTION}"
VAULT = f"{CACHES}/providers/Microsoft.KeyVault/vaults/safe"


def tags_of(world: World, scope: str) -> dict[str, str]:
    body = world.act("GET", f"{scope}/providers/Microsoft.Resources/tags/default").body or {}
    return dict(body["properties"]["tags"])


def given(**tags: str) -> Json:
    return {"properties": {"tags": tags}}


def test_a_subscription_has_tags_of_its_own() -> None:
    world, _ = make_world()
    path = f"{ROOT}/providers/Microsoft.Resources/tags/default"
    assert world.act("PUT", path, given(a="1", b="2")).status == 200
    assert world.act("PATCH", path, {"operation": "Delete", **given(a="1", b="other")}).status == 200
    assert tags_of(world, ROOT) == {"b": "2"}
    assert (world.act("GET", ROOT).body or {})["tags"] == {"b": "2"}
    assert world.act("DELETE", path).status == 200
    assert tags_of(world, ROOT) == {}


def test_what_has_no_routes_of_its_own_can_be_tagged_and_attached_to() -> None:
    world, clock = make_world()
    names = (DnsName("safe.vault.azure.net", "privatelink.vault.azure.net", "safe"),)
    world.put(OtherResource(id=VAULT, type="Microsoft.KeyVault/vaults", names=names))
    world.act("PUT", f"{VAULT}/providers/Microsoft.Resources/tags/default", given(a="1"))
    assert tags_of(world, VAULT) == {"a": "1"}
    world.act("POST", f"{ROOT}/providers/Microsoft.KeyVault/register")
    clock.advance(LONG)
    done(world, clock, world.act("PUT", ENDPOINT, endpoint(VAULT, groups=("vault",))))
    shown = (world.show(ENDPOINT) or {})["properties"]["customDnsConfigs"]
    assert [config["fqdn"] for config in shown] == ["safe.vault.azure.net"]
    vault = world.store.find(VAULT, OtherResource)
    assert vault is not None
    assert len(vault.connections) == 1


def test_names_of_tags_are_counted_and_kept() -> None:
    world, _ = make_world()
    assert world.act("PUT", f"{ROOT}/tagNames/tier").status == 201
    assert world.act("PUT", f"{ROOT}/tagNames/tier/tagValues/gold").status == 201
    shown = (world.act("GET", f"{ROOT}/tagNames").body or {})["value"]
    names = {item["tagName"]: item["count"]["value"] for item in shown}
    assert names == {"env": 1, "tier": 0}
    assert world.act("DELETE", f"{ROOT}/tagNames/tier").error_code == "TagNameNotEmpty"
    assert world.act("DELETE", f"{ROOT}/tagNames/tier/tagValues/gold").status == 200
    assert world.act("DELETE", f"{ROOT}/tagNames/tier").status == 200
    assert world.act("DELETE", f"{ROOT}/tagNames/tier").status == 204


def test_the_tags_of_a_group_are_replaced_by_a_patch() -> None:
    world, _ = make_world()
    assert (world.act("PATCH", CACHES, {"tags": {"a": "1"}}).body or {})["tags"] == {"a": "1"}
    assert (world.act("PATCH", CACHES, {"tags": {"b": "2"}}).body or {})["tags"] == {"b": "2"}
