"""How hard the checks of infra/ are: of faults made at random, they find at least nine in ten."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from tests.unit.infra import judges
from tests.unit.infra.bicep import INFRA
from tests.unit.infra.mutants import Mutant, mutants
from tests.unit.infra.rules import RULES

SEED, COUNT, RATE = 2026, 168, 0.9


def caught_by_rules(root: Path) -> bool:
    try:
        return any(next(question(root), None) for question in RULES)
    except (AttributeError, LookupError, TypeError, ValueError):
        return True  # what cannot even be read fails its test


def caught_by(mutant: Mutant, root: Path) -> str:
    file = root / mutant.file
    before = file.read_text("utf-8")
    file.write_text(mutant.text, "utf-8")
    try:
        if file.suffix == ".bicep" and judges.findings(root):
            return "types"
        return "rules" if caught_by_rules(root) else ""
    finally:
        file.write_text(before, "utf-8")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_faults_in_the_templates_are_found(tmp_path: Path) -> None:
    judges.bicep_check()  # without it, faults that only Azure's types can show go through
    root = tmp_path / "infra"
    shutil.copytree(INFRA, root)
    shutil.copyfile(INFRA.parent / "azure.yaml", tmp_path / "azure.yaml")
    assert not caught_by_rules(root)

    told: Counter[str] = Counter()
    survivors = []
    for mutant in mutants(INFRA, SEED, COUNT):
        by = caught_by(mutant, root)
        told[by or "nobody"] += 1
        if not by:
            survivors.append(f"{mutant.kind}: {mutant.file}: {mutant.change}")

    rate = 1 - len(survivors) / COUNT
    print(f"\n{rate:.1%} of {COUNT} faults (seed {SEED}) are found: {dict(told)}; not found:", *survivors, sep="\n  ")
    assert rate >= RATE, survivors
