"""What `./dev fuzz` tells schemathesis, and when it calls a run good."""

from __future__ import annotations

import tomllib

import pytest

from local.fuzz import _PLACES, Result, configuration
from shared.api.operation import PARTS


def test_every_parameter_of_a_path_is_given_values_that_lead_somewhere() -> None:
    # The last two are looked up in what is running.
    assert {*_PLACES, "connection", "sweep"} == set(PARTS)


def test_the_configuration_is_toml_whatever_the_key_is() -> None:
    told = tomllib.loads(configuration('a"b\\c', 7, 12, {"name": ("shop", 'sh"op')}))

    assert (told["seed"], told["headers"], told["generation"]["max-examples"]) == (7, {"x-functions-key": 'a"b\\c'}, 12)
    assert told["dictionaries"] == {"name": {"values": ["shop", 'sh"op']}}
    assert set(told["parameters"]) == {"path.name"}


@pytest.mark.parametrize(("failing", "complete", "met"), [(0, True, True), (1, True, False), (0, False, False)])
def test_a_run_is_good_only_if_it_ended_and_nothing_failed(failing: int, complete: bool, met: bool) -> None:
    assert Result(2000, failing, complete, 1.0).met is met
