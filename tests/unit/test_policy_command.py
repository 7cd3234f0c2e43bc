"""The policy that ships, and what the command says of any policy."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from local import __main__ as local_command
from local import fleet
from shared.model import Mode
from shared.policy import PolicySpec
from shared.policy_text import load
from shared.policy_words import explained, warnings

SHIPPED = Path(__file__).resolve().parents[2] / "policy.yaml"


def test_the_policy_that_ships_only_audits() -> None:
    policy = load(SHIPPED.read_text(encoding="utf-8"))

    assert policy.spec.mode is Mode.AUDIT
    assert all(rule.mode is None for rule in policy.spec.rules)


def test_the_policy_that_ships_states_each_default_as_it_is() -> None:
    policy = load(SHIPPED.read_text(encoding="utf-8"))

    plain = PolicySpec(scope=policy.spec.scope)
    assert msgspec.to_builtins(policy.spec) == msgspec.to_builtins(plain)


def test_the_policy_that_ships_names_every_key() -> None:
    text = SHIPPED.read_text(encoding="utf-8")

    shape = msgspec.json.schema(PolicySpec)["$defs"]
    keys = {key for part in shape.values() for key in part.get("properties", {})}
    assert {key for key in keys if f"{key}:" not in text} == set()


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        pytest.param(fleet.policy(), "Mode enforce: Drawbridge acts", id="enforce"),
        pytest.param(fleet.policy(mode="audit"), "changes nothing in Azure", id="audit"),
        pytest.param(fleet.policy(last_endpoint="open"), "OPENED to the public", id="open"),
        pytest.param(fleet.policy(last_endpoint="lockdown"), "stays closed until somebody asks", id="lockdown"),
        pytest.param(fleet.policy(dns="external"), "somebody else makes the DNS zone group", id="external"),
        pytest.param(fleet.policy(dns="create"), "makes the private DNS zone beside the network", id="create"),
        pytest.param(
            fleet.policy() + "networks: {allow: ['/subscriptions/*/resourceGroups/rg-net']}\n",
            "Networks may be made and completed over HTTP in /subscriptions/*/resourceGroups/rg-net",
            id="networks",
        ),
        pytest.param(fleet.policy(close="none"), "public access is left as it is", id="left open"),
        pytest.param(
            fleet.policy().replace("{enrol:", "{freePlacement: allowed, enrol:"), "may choose any subnet", id="free"
        ),
    ],
)
def test_what_a_policy_will_do_is_said_in_words(policy: str, said: str) -> None:
    assert said in "\n".join(explained(load(policy)))


@pytest.mark.parametrize(
    ("policy", "warned"),
    [
        pytest.param("scope: {subscriptions: ['*']}", "no placement", id="nowhere to attach"),
        pytest.param(fleet.policy(close="all"), "closes caches that it does not enrol", id="closes without a way in"),
        pytest.param(fleet.policy(last_endpoint="open"), "opens a cache to the public", id="opens"),
        pytest.param(fleet.policy(extra="safeguards: {closuresPerHour: 0}"), "closuresPerHour is 0", id="never closes"),
    ],
)
def test_what_was_perhaps_not_meant_is_warned_of(policy: str, warned: str) -> None:
    assert any(warned in warning for warning in warnings(load(policy)))


def test_a_policy_with_nothing_odd_in_it_brings_no_warning() -> None:
    assert warnings(load(fleet.policy())) == []


def test_the_command_names_file_line_key_value_and_what_would_be_right(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("scope: {subscriptions: ['*']}\nmode: audti\n", encoding="utf-8")

    assert local_command.main(["policy", "check", str(file)]) == 1
    said = capsys.readouterr().err
    assert "mine.yaml: line 2: mode: 'audti' is not right here; it would have to be one of: audit, enforce" in said


def test_the_command_says_what_a_valid_policy_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(fleet.policy(), encoding="utf-8")

    assert local_command.main(["policy", "check", str(file)]) == 0
    assert "What it will do" in capsys.readouterr().out


def test_a_file_that_is_not_there_is_another_matter_than_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert local_command.main(["policy", "check", "no-such-file.yaml"]) == 2
    assert "cannot be read" in capsys.readouterr().err
