"""infra/ is what it is meant to be, by our own rules."""

import pytest

from tests.unit.infra.bicep import INFRA
from tests.unit.infra.rules import RULES, Rule


@pytest.mark.parametrize("question", RULES, ids=lambda question: question.__name__)
def test_the_templates_keep_the_rule(question: Rule) -> None:
    assert list(question(INFRA)) == []
