"""infra/ is what it is meant to be, by Azure's types, by checkov, and by the compiler where there is one."""

import subprocess
from pathlib import Path

import pytest

from tests.unit.infra import judges
from tests.unit.infra.bicep import FILES, INFRA


def test_bicep_check_can_fail() -> None:
    done = judges.self_test()

    assert done.returncode == 0, done.stdout


def test_azures_types_know_every_resource_property_and_value() -> None:
    assert judges.findings(INFRA) == []


def test_checkov_reads_every_file_and_finds_only_what_is_accepted(tmp_path: Path) -> None:
    report = judges.checkov(INFRA, tmp_path / "infra")

    assert report.unparsed == ()
    assert report.scanned > len(FILES)
    assert report.failed == frozenset(judges.ACCEPTED)


def test_checkov_does_not_pass_over_a_file_that_it_cannot_read(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "main.bicep").write_text(
        "resource store 'Microsoft.Storage/storageAccounts@2025-01-01' = {\n  name: 'x'\n"
    )

    report = judges.checkov(broken, tmp_path / "copy")

    assert report.unparsed != () or report.scanned == 0


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(INFRA).as_posix())
def test_the_compiler_takes_it(path: Path, tmp_path: Path) -> None:
    command = [judges.compiler(), "build", str(path), "--outfile", str(tmp_path / "out.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stderr
