"""Record sets of private zones."""

from __future__ import annotations

import pytest

from local.azure.calls import Json
from tests.component.azure.fleet import ZONE, ZONE_ID, make_world

RECORDS: list[tuple[str, Json]] = [
    ("A", {"aRecords": [{"ipv4Address": "10.0.0.9"}, {"ipv4Address": "10.0.0.10"}]}),
    ("AAAA", {"aaaaRecords": [{"ipv6Address": "fd00::1"}]}),
    ("CNAME", {"cnameRecord": {"cname": "contoso.example"}}),
    ("MX", {"mxRecords": [{"preference": 10, "exchange": "mail.contoso.example"}]}),
    ("PTR", {"ptrRecords": [{"ptrdname": "contoso.example"}]}),
    ("SRV", {"srvRecords": [{"priority": 1, "weight": 2, "port": 80, "target": "contoso.example"}]}),
    ("TXT", {"txtRecords": [{"value": ["hello"]}]}),
]


@pytest.mark.parametrize(("kind", "records"), RECORDS, ids=[kind for kind, _ in RECORDS])
def test_a_record_set_of_each_type_is_written_read_listed_and_deleted(kind: str, records: Json) -> None:
    world, _ = make_world()
    made = world.act("PUT", f"{ZONE_ID}/{kind}/web", {"properties": {"ttl": 60, **records, "metadata": {"a": "b"}}})
    again = world.act("PUT", f"{ZONE_ID}/{kind}/web", {"properties": {"ttl": 60, **records}})
    assert (made.status, again.status) == (201, 200)
    assert made.body is not None
    assert made.body["properties"] == {
        "metadata": {"a": "b"},
        "fqdn": f"web.{ZONE}.",
        "ttl": 60,
        **records,
        "isAutoRegistered": False,
    }
    found = world.act("GET", f"{ZONE_ID}/{kind}/web")
    assert found.headers["ETag"] == (found.body or {})["etag"]
    listed = world.act("GET", f"{ZONE_ID}/{kind}").body
    assert listed is not None
    assert [item["type"] for item in listed["value"]] == [f"Microsoft.Network/privateDnsZones/{kind}"]
    assert world.act("DELETE", f"{ZONE_ID}/{kind}/web").status == 200
    assert world.act("DELETE", f"{ZONE_ID}/{kind}/web").status == 204
    assert world.act("GET", f"{ZONE_ID}/{kind}/web").error_code == "NotFound"


def test_a_zone_has_its_soa_from_the_start_and_keeps_it() -> None:
    world, _ = make_world()
    everything = world.act("GET", f"{ZONE_ID}/ALL").body
    assert everything is not None
    soa = everything["value"][0]
    assert (soa["name"], soa["properties"]["fqdn"]) == ("@", f"{ZONE}.")
    changed = {**soa["properties"]["soaRecord"], "minimumTtl": 60, "host": "elsewhere.example"}
    written = world.act("PUT", f"{ZONE_ID}/SOA/@", {"properties": {"ttl": 3600, "soaRecord": changed}})
    assert (written.body or {})["properties"]["soaRecord"] == changed | {"host": "azureprivatedns.net"}
    assert world.act("DELETE", f"{ZONE_ID}/SOA/@").status == 400
    assert world.act("PUT", f"{ZONE_ID}/SOA/web", {"properties": {"soaRecord": changed}}).status == 400
    assert (world.show(ZONE_ID) or {})["properties"]["numberOfRecordSets"] == 1


def test_an_alias_is_alone_at_its_name() -> None:
    world, _ = make_world()
    alias: Json = {"properties": {"ttl": 60, "cnameRecord": {"cname": "contoso.example"}}}
    address: Json = {"properties": {"ttl": 60, "aRecords": [{"ipv4Address": "10.0.0.9"}]}}
    world.act("PUT", f"{ZONE_ID}/A/web", address)
    world.act("PUT", f"{ZONE_ID}/CNAME/alias", alias)
    assert world.act("PUT", f"{ZONE_ID}/CNAME/web", alias).status == 400
    assert world.act("PUT", f"{ZONE_ID}/A/alias", address).status == 400
    assert world.act("PUT", f"{ZONE_ID}/CNAME/bare", {"properties": {"ttl": 60}}).status == 400


def test_a_record_set_needs_its_zone() -> None:
    world, _ = make_world()
    zone = ZONE_ID.replace(ZONE, "absent.example")
    assert world.act("PUT", f"{zone}/TXT/web", {"properties": {}}).error_code == "ParentResourceNotFound"
    assert world.act("GET", f"{zone}/TXT/web").status == 404
    assert world.act("GET", f"{zone}/ALL").status == 404
