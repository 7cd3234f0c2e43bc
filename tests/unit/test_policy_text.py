"""A mistake in a policy is named with its line, key, value and what would be right."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.model import DnsMode, Kind, LastEndpoint, Mode
from shared.policy import (
    Close,
    DnsChoice,
    DnsSpec,
    Enrol,
    ExemptionsSpec,
    ForSpec,
    MatchSpec,
    OptOut,
    PlacementSpec,
    Policy,
    PolicySpec,
    RuleSpec,
    SafeguardsSpec,
    ScopeSpec,
    TagsSpec,
    TimingSpec,
)
from shared.policy_text import PolicyError, Problem, load

S = "11111111-2222-3333-4444-555555555555"
NETWORKS = f"/subscriptions/{S}/resourceGroups/rg-net/providers/Microsoft.Network"
ZONE = "privatelink.redis.azure.net"
VALID = f"""\
mode: enforce
scope:
  subscriptions: [{S}]
  excludeSubscriptions: []
rules:
  - match:
      kinds: [classic]
    enrol: all
  - enrol: tagged
placements:
  weu-prod:
    region: West Europe
    subnet: {NETWORKS}/virtualNetworks/vnet/subnets/snet
    endpointResourceGroup: /subscriptions/{S}/resourceGroups/rg-endpoints
    dns:
      zones:
        {ZONE}: {NETWORKS}/privateDnsZones/{ZONE}
exemptions:
  maxDays: 90
safeguards:
  window: 1h
tags:
  enrol: drawbridge
"""
TOP = "scope, mode, rules, placements, exemptions, safeguards, networks, tags, timing."
A_GUID = f"a subscription id (a GUID such as {S})"
PLACED = "placements.weu-prod"


def problems(text: str) -> list[Problem]:
    with pytest.raises(PolicyError) as refused:
        load(text)
    return list(refused.value.problems)


def test_a_group_that_no_network_can_be_in_is_named_with_its_line_and_what_would_be_right() -> None:
    with pytest.raises(PolicyError) as refused:
        load("scope: {subscriptions: ['*']}\nnetworks:\n  allow: [rg-net]\n")

    (problem,) = refused.value.problems
    assert (problem.line, problem.key) == (3, "networks.allow[0]")
    assert "/subscriptions/<guid or *>/resourceGroups/" in problem.message


def test_a_valid_policy_is_read_with_every_id_parsed() -> None:
    policy = load(VALID)

    placement = policy.placements["weu-prod"].placement
    assert policy.spec.mode is Mode.ENFORCE
    assert policy.scope.subscriptions == {S}
    assert placement.region == "westeurope"
    assert placement.dns is DnsMode.ZONES
    assert placement.zones[ZONE].group == "rg-net"
    assert policy.safeguards.window == timedelta(hours=1)


@pytest.mark.parametrize(
    ("right", "typo", "expected"),
    [
        pytest.param(
            "mode: enforce",
            "mode: enforced",
            Problem(1, "mode", "'enforced' is not right here; it would have to be one of: audit, enforce"),
            id="wrong-enum",
        ),
        pytest.param(
            "mode: enforce",
            "mode: on",
            Problem(1, "mode", "'on' is not right here; it would have to be one of: audit, enforce"),
            id="yaml-1.1-boolean-stays-a-word",
        ),
        pytest.param(
            "mode: enforce",
            "mode:",
            Problem(1, "mode", "nothing is not right here; it would have to be one of: audit, enforce"),
            id="key-without-value",
        ),
        pytest.param(
            "kinds: [classic]",
            "kinds: [classic, basic]",
            Problem(
                7,
                "rules[0].match.kinds[1]",
                "'basic' is not right here; it would have to be one of: classic, managed, enterprise",
            ),
            id="wrong-enum-in-a-list",
        ),
        pytest.param(
            "mode: enforce",
            "mood: enforce",
            Problem(1, "mood", f"there is no such key here; did you mean 'mode'? The keys are: {TOP}"),
            id="unknown-key-with-a-suggestion",
        ),
        pytest.param(
            "    enrol: all",
            "    enroll: all",
            Problem(
                8,
                "rules[0].enroll",
                "there is no such key here; did you mean 'enrol'? "
                "The keys are: match, enrol, closePublicAccess, lastEndpoint, optOut, freePlacement, mode.",
            ),
            id="unknown-key-in-a-rule",
        ),
        pytest.param(
            "    region: West Europe\n",
            "    region: West Europe\n    colour: red\n",
            Problem(
                13,
                f"{PLACED}.colour",
                "there is no such key here. The keys are: region, subnet, endpointResourceGroup, dns, for.",
            ),
            id="unknown-key-without-a-suggestion",
        ),
        pytest.param(
            "mode: enforce",
            "'': enforce",
            Problem(1, "", f"there is no such key here. The keys are: {TOP}"),
            id="no-key",
        ),
        pytest.param(
            "    region: West Europe\n",
            "",
            Problem(11, PLACED, "the key 'region' is missing here"),
            id="missing-key",
        ),
        pytest.param(
            "kinds: [classic]",
            "kinds: classic",
            Problem(7, "rules[0].match.kinds", "'classic' is not right here; expected 'array', got 'str'"),
            id="text-for-a-list",
        ),
        pytest.param(
            "maxDays: 90",
            "maxDays: ninety",
            Problem(19, "exemptions.maxDays", "'ninety' is not right here; expected 'int', got 'str'"),
            id="text-for-a-number",
        ),
        pytest.param(
            "maxDays: 90",
            "maxDays: -1",
            Problem(19, "exemptions.maxDays", "-1 is not right here; expected 'int' >= 0"),
            id="number-out-of-bounds",
        ),
        pytest.param(
            "region: West Europe",
            "region: [westeurope]",
            Problem(12, f"{PLACED}.region", "a list is not right here; it would have to look like westeurope"),
            id="list-for-a-text",
        ),
        pytest.param(
            f"[{S}]", "[mine]", Problem(3, "scope.subscriptions[0]", f"'mine' is not {A_GUID}"), id="bad-subscription"
        ),
        pytest.param(
            "excludeSubscriptions: []",
            "excludeSubscriptions: [mine]",
            Problem(4, "scope.excludeSubscriptions[0]", f"'mine' is not {A_GUID}"),
            id="bad-excluded-subscription",
        ),
        pytest.param(
            "kinds: [classic]",
            "subscriptions: [mine]",
            Problem(7, "rules[0].match.subscriptions[0]", f"'mine' is not {A_GUID}"),
            id="bad-subscription-in-a-match",
        ),
        pytest.param(
            "/subnets/snet",
            "",
            Problem(
                13,
                f"{PLACED}.subnet",
                f"'{NETWORKS}/virtualNetworks/vnet' is not a subnet's id "
                "(…/providers/Microsoft.Network/virtualNetworks/<network>/subnets/<subnet>)",
            ),
            id="a-network-for-a-subnet",
        ),
        pytest.param(
            "rg-endpoints",
            "rg-endpoints.",
            Problem(
                14,
                f"{PLACED}.endpointResourceGroup",
                "'rg-endpoints.' is not a resource group's name (1–90 letters, digits, and - _ ( ) . but no final dot)",
            ),
            id="bad-group",
        ),
        pytest.param(
            f"privateDnsZones/{ZONE}",
            "privateDnsZones/zone",
            Problem(
                17,
                f"{PLACED}.dns.zones.{ZONE}",
                f"'{NETWORKS}/privateDnsZones/zone' is not the id of one of Microsoft.Network/privateDnsZones",
            ),
            id="bad-zone",
        ),
        pytest.param(
            f"        {ZONE}:",
            "        privatelink.redis.cache.windows.net:",
            Problem(
                17,
                f"{PLACED}.dns.zones.privatelink.redis.cache.windows.net",
                f"the id is that of the zone '{ZONE}', not of 'privatelink.redis.cache.windows.net'",
            ),
            id="zone-name-is-not-that-of-its-id",
        ),
        pytest.param(
            "    dns:\n      zones:\n",
            "    dns: created\n#\n#",
            Problem(15, f"{PLACED}.dns", "'created' is not right here; it would have to be one of: create, external"),
            id="wrong-dns-choice",
        ),
        pytest.param(
            "mode: enforce",
            "mode: enforce\nmode: audit",
            Problem(2, "mode", "this key stands here twice; keep one of them"),
            id="duplicate-key",
        ),
        pytest.param(
            f"[{S}]",
            f"['*', {S}]",
            Problem(3, "scope.subscriptions", "'*' is every subscription, so no id may stand beside it"),
            id="an-id-beside-the-star",
        ),
        pytest.param(
            f"[{S}]",
            "[]",
            Problem(2, "scope", "names neither subscriptions nor managementGroups; ['*'] is all that can be read"),
            id="a-scope-of-nothing",
        ),
        pytest.param(
            "  - enrol: tagged\n",
            "  - enrol: tagged\n  - enrol: none\n",
            Problem(10, "rules[2]", "is never reached: the rule before it matches every cache"),
            id="a-rule-after-a-catch-all",
        ),
        pytest.param(
            "window: 1h",
            "window: 1 hour",
            Problem(
                21, "safeguards.window", "'1 hour' is not right here; it would have to look like 90s or 15m or 1h or 7d"
            ),
            id="bad-duration",
        ),
        pytest.param(
            "window: 1h",
            "window: 60",
            Problem(21, "safeguards.window", "60 is not right here; it would have to look like 90s or 15m or 1h or 7d"),
            id="duration-without-a-unit",
        ),
        pytest.param(
            "window: 1h",
            "window: 0h",
            Problem(
                21, "safeguards.window", "'0h' is not right here; it would have to look like 90s or 15m or 1h or 7d"
            ),
            id="duration-of-nothing",
        ),
        pytest.param(
            "window: 1h",
            "window: 999999d",
            Problem(
                21,
                "safeguards.window",
                "'999999d' is not right here; it would have to look like 90s or 15m or 1h or 7d",
            ),
            id="duration-longer-than-the-calendar",
        ),
        pytest.param(
            "  enrol: drawbridge",
            "  enrol: ''",
            Problem(23, "tags.enrol", "'' is not right here; it would have to look like drawbridge"),
            id="empty-tag-name",
        ),
        pytest.param(
            "weu-prod:",
            "weu prod:",
            Problem(
                11,
                "placements.weu prod",
                "an alias is 1–63 letters, digits and - _ . , as it has to fit into a tag",
            ),
            id="bad-alias",
        ),
        pytest.param(
            "kinds: [classic]",
            "tags: {env: prod, tier: 1}",
            Problem(7, "rules[0].match.tags.tier", "1 is not right here; expected 'str', got 'int'"),
            id="number-for-the-value-of-a-tag",
        ),
        pytest.param(
            "mode: enforce",
            '"odd` - at `$.key": enforce',
            Problem(1, "odd` - at `$.key", f"there is no such key here. The keys are: {TOP}"),
            id="unknown-key-that-looks-like-msgspecs-own-words",
        ),
        pytest.param(
            "mode: enforce",
            "? [mode]\n: enforce",
            Problem(1, "a list or mapping", f"there is no such key here. The keys are: {TOP}"),
            id="list-for-a-key",
        ),
        pytest.param(
            "exemptions:",
            f"  WEU-prod: {{region: x, subnet: {NETWORKS}/virtualNetworks/v/subnets/s,"
            f" endpointResourceGroup: /subscriptions/{S}/resourceGroups/rg, dns: create}}\nexemptions:",
            Problem(
                18,
                "placements.WEU-prod",
                "differs from 'weu-prod' in case alone, and names of Azure do not: choose another alias",
            ),
            id="aliases-that-differ-in-case-alone",
        ),
        pytest.param(
            "mode: enforce",
            "mode: [enforce",
            Problem(2, "", "this is not YAML: did not find expected ',' or ']'"),
            id="not-yaml",
        ),
        pytest.param(
            "mode: enforce",
            "mode: *a",
            Problem(1, "", "this is not YAML: found undefined alias"),
            id="yaml-alias-of-none",
        ),
        pytest.param(
            "mode: enforce",
            "mode: &a [*a]",
            Problem(1, "", "lists and mappings stand in one another too deeply"),
            id="yaml-alias-of-itself",
        ),
        pytest.param(
            "mode: enforce",
            f"mode: {'[' * 500}{']' * 500}",
            Problem(1, "", "lists and mappings stand in one another too deeply"),
            id="too-deep",
        ),
    ],
)
def test_a_typo_is_named_with_its_line_key_value_and_what_would_be_right(
    right: str, typo: str, expected: Problem
) -> None:
    assert right in VALID

    assert problems(VALID.replace(right, typo, 1)) == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", Problem(0, "", "the policy is empty; it needs at least 'scope'"), id="empty"),
        pytest.param("# all\n", Problem(0, "", "the policy is empty; it needs at least 'scope'"), id="only-a-comment"),
        pytest.param("- mode", Problem(1, "", "a policy is a mapping of keys, such as 'mode: audit'"), id="list"),
        pytest.param("audit", Problem(1, "", "a policy is a mapping of keys, such as 'mode: audit'"), id="word"),
        pytest.param("mode: audit", Problem(1, "", "the key 'scope' is missing here"), id="no-scope"),
        pytest.param(
            f"a: {'[' * 100_000}{']' * 100_000}",
            Problem(1, "", "lists and mappings stand in one another too deeply"),
            id="deeper-than-the-stack",
        ),
        pytest.param(
            "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
            + "".join(f"{new}: &{new} [{','.join([f'*{old}'] * 10)}]\n" for old, new in pairwise("abcdefg")),
            Problem(1, "", "a policy holds at most 20,000 values"),
            id="a-billion-values",
        ),
        pytest.param("a: b\n---\nc: d", Problem(2, "", "this is not YAML: but found another document"), id="two"),
    ],
)
def test_a_text_that_is_no_policy_at_all_is_refused_in_one_sentence(text: str, expected: Problem) -> None:
    assert problems(text) == [expected]


def test_all_mistakes_are_named_at_once_in_the_order_of_the_file() -> None:
    text = VALID.replace("enforce", "enforced").replace("[classic]", "[basic]").replace("1h", "soon")

    assert [(problem.line, problem.key) for problem in problems(text)] == [
        (1, "mode"),
        (7, "rules[0].match.kinds[0]"),
        (21, "safeguards.window"),
    ]


def test_a_missing_key_hides_no_other_mistake_and_each_item_of_a_list_is_looked_at() -> None:
    text = VALID.replace("    region: West Europe\n", "").replace("[classic]", "[basic, classic, premium]")
    text = text.replace("scope:", "scoop:").replace("    dns:\n", "    fqdn: x\n    dns:\n")

    assert [(problem.line, problem.key) for problem in problems(text)] == [
        (1, ""),
        (2, "scoop"),
        (7, "rules[0].match.kinds[0]"),
        (7, "rules[0].match.kinds[2]"),
        (11, PLACED),
        (14, f"{PLACED}.fqdn"),
    ]


def test_the_error_says_each_problem_on_a_line_of_its_own_with_the_files_name() -> None:
    with pytest.raises(PolicyError) as refused:
        load(VALID.replace("maxDays: 90", "maxDays: -1").replace("enforce", "on"), "prod.yaml")

    assert str(refused.value).splitlines() == [
        "prod.yaml: line 1: mode: 'on' is not right here; it would have to be one of: audit, enforce",
        "prod.yaml: line 19: exemptions.maxDays: -1 is not right here; expected 'int' >= 0",
    ]


# ── whatever the text ───────────────────────────────────────────────────────────────────────────


def read(text: str) -> Policy | PolicyError:
    """Give the policy or its refusal, and let anything else through; a refusal says something."""
    refused = None
    try:
        return load(text)
    except PolicyError as error:
        refused = error
    assert refused.problems
    assert all(problem.message for problem in refused.problems)
    return refused


yaml_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates() | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
keys = st.sampled_from(["scope", "mode", "rules", "placements", "exemptions", "safeguards", "tags", "timing"])


@given(st.text() | st.text(alphabet="abc:-[]{}&*!|>?'\"#%@` \n\t<=,0~"))
def test_no_text_raises_anything_but_a_policy_error(text: str) -> None:
    read(text)


@given(st.dictionaries(keys | st.text(max_size=8), yaml_values, max_size=4))
def test_no_yaml_raises_anything_but_a_policy_error(data: dict[str, object]) -> None:
    read(yaml.safe_dump(data))


@settings(max_examples=200)
@given(st.data())
def test_a_line_removed_repeated_or_garbled_raises_nothing_but_a_policy_error(data: st.DataObject) -> None:
    lines = VALID.splitlines()
    at = data.draw(st.integers(0, len(lines) - 1))
    cut = data.draw(st.integers(0, len(lines[at])))
    garbled = lines[at][:cut] + data.draw(st.text(max_size=6)) + lines[at][cut + 1 :]
    put = data.draw(st.sampled_from([[], [lines[at]] * 2, [garbled]]))

    read("\n".join([*lines[:at], *put, *lines[at + 1 :]]))


@given(yaml_values, st.sampled_from(["region", "subnet", "endpointResourceGroup", "dns", "for"]))
def test_a_wrong_value_in_a_placement_is_named_under_its_alias(value: object, key: str) -> None:
    text = yaml.safe_load(VALID)
    text["placements"]["weu-prod"][key] = value
    match read(yaml.safe_dump(text)):
        case PolicyError(problems=found):
            assert all(problem.key.startswith(PLACED) for problem in found)
        case policy:
            assert policy.placements.keys() == {"weu-prod"}


names = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=8)
guids = st.uuids().map(str)
durations = st.builds("{}{}".format, st.integers(1, 9999), st.sampled_from("smhd"))
tag_names = st.text(min_size=1, max_size=20).filter(lambda text: text.isprintable())
rules = st.builds(
    RuleSpec,
    match=st.builds(
        MatchSpec,
        subscriptions=st.lists(guids, min_size=1, max_size=2).map(tuple),
        resource_groups=st.lists(names, max_size=2).map(tuple),
        regions=st.lists(names, max_size=2).map(tuple),
        kinds=st.lists(st.sampled_from(Kind), max_size=2).map(tuple),
        tags=st.dictionaries(names, tag_names, max_size=2),
    ),
    enrol=st.sampled_from(Enrol),
    close_public_access=st.sampled_from(Close),
    last_endpoint=st.sampled_from(LastEndpoint),
    opt_out=st.sampled_from(OptOut),
    mode=st.none() | st.sampled_from(Mode),
)
placements = st.builds(
    PlacementSpec,
    region=names,
    subnet=names.map(lambda name: f"{NETWORKS}/virtualNetworks/vnet/subnets/{name}"),
    endpoint_resource_group=names.map(lambda name: f"/subscriptions/{S}/resourceGroups/{name}"),
    dns=st.sampled_from(DnsChoice) | st.just(DnsSpec(zones={ZONE: f"{NETWORKS}/privateDnsZones/{ZONE}"})),
    for_=st.builds(ForSpec, subscriptions=st.lists(guids, max_size=2).map(tuple), resource_groups=st.just(("rg*",))),
)
specs = st.builds(
    PolicySpec,
    scope=st.builds(
        ScopeSpec,
        subscriptions=st.just(("*",)) | st.lists(guids, min_size=1, max_size=3).map(tuple),
        management_groups=st.lists(names, max_size=2).map(tuple),
    ),
    mode=st.sampled_from(Mode),
    rules=st.lists(rules, max_size=3).map(tuple),
    placements=st.dictionaries(names, placements, max_size=2),
    exemptions=st.builds(ExemptionsSpec, max_days=st.integers(0, 3650), require_reason=st.booleans()),
    safeguards=st.builds(SafeguardsSpec, reattach_limit=st.integers(1, 1000), window=durations),
    tags=st.builds(TagsSpec, enrol=tag_names, placement=tag_names),
    timing=st.builds(TimingSpec, settle=durations, thorough=durations),
)


@given(specs, st.booleans())
def test_a_policy_that_is_written_down_reads_as_it_was_meant(spec: PolicySpec, flow: bool) -> None:
    text = yaml.safe_dump(msgspec.to_builtins(spec, str_keys=True), default_flow_style=flow, allow_unicode=True)

    assert load(text).spec == spec
