"""The workflows for a user's own CI: pinned, without secrets, and doing what the documentation says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.infra.bicep import INFRA, ROOT, read

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
EVERY = [*WORKFLOWS, ROOT / "azure-pipelines.yml"]
SCRIPTS = sorted([*(INFRA / "hooks").glob("*.sh"), *(INFRA / "pipeline").glob("*.sh")])
PINNED = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def values(read_: object, key: str) -> Iterator[Any]:
    """Give what stands under a key, however deep."""
    if isinstance(read_, dict):
        yield from ([read_[key]] if key in read_ else [])
        for each in read_.values():
            yield from values(each, key)
    elif isinstance(read_, list):
        for each in read_:
            yield from values(each, key)


def commands(path: Path) -> list[str]:
    read_ = yaml.safe_load(path.read_text("utf-8"))
    return [*values(read_, "run"), *values(read_, "script"), *values(read_, "scriptPath")]


@pytest.mark.parametrize("path", WORKFLOWS, ids=named)
def test_every_action_is_pinned_to_a_commit_and_says_its_version(path: Path) -> None:
    used = re.findall(r"uses: (.*)", path.read_text("utf-8"))

    assert used != []
    assert [each for each in used if not PINNED.fullmatch(each)] == []


def test_one_action_has_one_version() -> None:
    pins = {pin for path in WORKFLOWS for pin in re.findall(r"uses: (\S+)", path.read_text("utf-8"))}

    assert len({pin.partition("@")[0] for pin in pins}) == len(pins)


@pytest.mark.parametrize("path", WORKFLOWS, ids=named)
def test_a_workflow_may_do_little_and_keeps_no_secret(path: Path) -> None:
    read_ = yaml.safe_load(path.read_text("utf-8"))
    allowed = {"contents": "read"} | ({"id-token": "write"} if path.stem == "deploy" else {})

    assert read_["permissions"] == allowed
    assert "secrets." not in path.read_text("utf-8")
    checkouts = [step for job in read_["jobs"].values() for step in job["steps"] if "checkout" in step.get("uses", "")]
    assert all(step["with"] == {"persist-credentials": False} for step in checkouts)
    assert all(job["timeout-minutes"] <= 90 for job in read_["jobs"].values())


@pytest.mark.parametrize("path", EVERY, ids=named)
def test_every_command_of_a_workflow_is_there(path: Path) -> None:
    tasks = set(re.findall(r"^  \./dev (\w+)", (ROOT / "dev").read_text("utf-8"), re.MULTILINE))
    for command in commands(path):
        program, *rest = command.split()
        script = ROOT / program.removeprefix("./")
        assert script.is_file(), command
        assert os.access(script, os.X_OK), command
        assert program != "./dev" or rest[0] in tasks, command


@pytest.mark.parametrize("path", EVERY, ids=named)
def test_both_systems_do_the_same(path: Path) -> None:
    done = {each.removeprefix("./") for one in (WORKFLOWS if path in WORKFLOWS else [path]) for each in commands(one)}

    assert {"dev check", "dev test", "dev package"} <= done
    assert {f"infra/pipeline/{name}.sh" for name in ("compile", "preview", "deploy")} <= done


def test_the_tests_run_on_every_python_that_the_app_can_run_on() -> None:
    (param,) = (one for one in read(INFRA / "main.bicep").of("param") if one.name == "pythonVersion")
    allowed = re.findall(r"'(3\.\d+)'", param.decorators)
    (matrix,) = values(yaml.safe_load(WORKFLOWS[0].read_text("utf-8")), "matrix")
    (other,) = values(yaml.safe_load(EVERY[-1].read_text("utf-8")), "matrix")

    assert matrix["python"] == allowed
    assert [each["python"] for each in other.values()] == allowed


def test_a_person_says_yes_between_preview_and_deployment() -> None:
    deploy = yaml.safe_load((ROOT / ".github" / "workflows" / "deploy.yml").read_text("utf-8"))
    assert deploy["jobs"]["deploy"]["needs"] == "preview"
    assert deploy["jobs"]["deploy"]["environment"] == "production"
    pipeline = yaml.safe_load((ROOT / "azure-pipelines.yml").read_text("utf-8"))
    assert [stage["stage"] for stage in pipeline["stages"]] == ["check", "preview", "deploy"]
    assert list(values(pipeline, "environment")) == ["production"]


@pytest.mark.parametrize("path", SCRIPTS, ids=named)
def test_every_script_is_a_shell_script(path: Path) -> None:
    done = subprocess.run(["sh", "-n", str(path)], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert "set -eu" in path.read_text("utf-8")


# ── the scripts, with a stand-in for the Azure CLI that writes down what it is asked ────────────────

AZ = """#!/usr/bin/env sh
printf '%s\\n' "$*" >> "$AZ_LOG"
case "$*" in
  *"deployment sub create"*main.bicep*properties.outputs*) cat "$AZ_OUTPUTS" ;;
  *"--namespace Microsoft.App "*) ;;
  version*) echo "${AZ_VERSION:-2.91.0}" ;;
  *"/functions?"*) printf 'reconcile\\non_event\\nsweep\\n' ;;
  *"/host/default/sync?"*) ;;
  *api.loganalytics.io*) echo "${AZ_SWEEPS:-1}" ;;
  rest*|provider*|deployment*events/main.bicep*) exec python3 "$FAKE_AZ" "$@" ;;
esac
"""


WATCHED = ["11111111-2222-3333-4444-555555555555", "22222222-2222-3333-4444-555555555555"]
_APP = f"/subscriptions/{WATCHED[0]}/resourceGroups/rg-drawbridge/providers"
OUTPUTS = {
    "APP_ID": f"{_APP}/Microsoft.Web/sites/func-drawbridge",
    "STORAGE_ID": f"{_APP}/Microsoft.Storage/storageAccounts/stdb",
    "APP_PRINCIPAL_ID": "aaaaaaaa-2222-3333-4444-555555555555",
    "EVENT_DELIVERY": "queue",
    "WATCHED_SUBSCRIPTIONS": " ".join(WATCHED),
    "PYTHON_VERSION": "3.12",
}


@pytest.fixture
def ground(tmp_path: Path) -> Path:
    """Give a copy of what the scripts need, and an `az` and a `sleep` of ours on the PATH."""
    shutil.copytree(INFRA, tmp_path / "infra")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "az").write_text(AZ)
    (programs / "sleep").write_text("#!/usr/bin/env sh\n")
    for program in programs.iterdir():
        program.chmod(0o755)
    named = {one.name: f"the-{one.name}" for one in read(INFRA / "main.bicep").of("output")} | OUTPUTS
    (tmp_path / "outputs.json").write_text(json.dumps({name: {"value": text} for name, text in named.items()}))
    kinds = ("calls", "topics", "subscribed", "assignments", "roles", "groups", "descendants")
    nothing: dict[str, object] = {"registered": {}, "delivered": 0, "delivers": 1, "refused": {}}
    (tmp_path / "azure.json").write_text(json.dumps(nothing | {kind: [] for kind in kinds}))
    with zipfile.ZipFile(tmp_path / "package.zip", "w") as package:
        package.writestr("__pycache__/function_app.cpython-312.pyc", "bytecode")
    return tmp_path


def ran(ground: Path, script: str, **environment: str) -> tuple[int, list[str]]:
    """Run a script; gives its exit status, and what it has asked of az."""
    known = {
        "PATH": f"{ground / 'bin'}:/usr/bin:/bin",
        "AZ_LOG": str(ground / "log"),
        "AZ_OUTPUTS": str(ground / "outputs.json"),
        "FAKE_AZ": str(Path(__file__).parent / "fake_az.py"),
        "FAKE_AZURE": str(ground / "azure.json"),
        "FAKE_INFRA": str(INFRA),
        "AZURE_LOCATION": "westeurope",
        "AZURE_SUBSCRIPTION_ID": "home",
    }
    command = [str(ground / "infra" / script)]
    done = subprocess.run(command, env=known | environment, capture_output=True, text=True, check=False)
    log = ground / "log"
    return done.returncode, log.read_text().splitlines() if log.exists() else []


def test_a_deployment_makes_then_fills_then_subscribes_then_looks(ground: Path) -> None:
    status, asked = ran(ground, "pipeline/deploy.sh", PARAMETERS="p.json", PACKAGE=str(ground / "package.zip"))

    assert status == 0
    order = [
        next(n for n, call in enumerate(asked) if part in call)
        for part in (
            "Microsoft.App ",
            "infra/main.bicep",
            "config-zip",
            "events/main.bicep",
            "/host/default/sync?",
            "/functions?",
            "sweep started {",
        )
    ]
    assert order == sorted(order)
    made, filled = (asked[place] for place in order[1:3])
    assert "--name drawbridge-westeurope --location westeurope" in made
    assert "--parameters p.json" in made
    assert "--resource-group the-RESOURCE_GROUP --name the-APP_NAME" in filled
    subscribed = [call for call in asked if "events/main.bicep" in call]
    assert sorted(re.findall(r"--subscription (\S+)", call)[0] for call in subscribed) == WATCHED


def test_a_deployment_without_its_package_changes_nothing(ground: Path) -> None:
    status, asked = ran(ground, "pipeline/deploy.sh", PARAMETERS="p.json", PACKAGE="nowhere.zip")

    assert (status, asked) == (1, [])


def deployed(ground: Path, **environment: str) -> tuple[int, str]:
    """Deploy; gives the exit status, and whatever az was asked."""
    package = str(ground / "package.zip")
    status, asked = ran(ground, "pipeline/deploy.sh", PARAMETERS="p.json", PACKAGE=package, **environment)
    return status, "\n".join(asked)


def test_a_cli_that_would_wait_for_ever_is_refused_before_anything_is_made(ground: Path) -> None:
    status, asked = deployed(ground, AZ_VERSION="2.89.1")

    assert (status, "deployment" in asked) == (1, False)


def test_a_package_for_another_python_is_not_deployed(ground: Path) -> None:
    outputs = json.loads((ground / "outputs.json").read_text())
    (ground / "outputs.json").write_text(json.dumps(outputs | {"PYTHON_VERSION": {"value": "3.13"}}))

    status, asked = deployed(ground)

    assert (status, "config-zip" in asked) == (1, False)


def test_a_deployment_after_which_no_sweep_starts_has_failed(ground: Path) -> None:
    status, asked = deployed(ground, AZ_SWEEPS="0", SMOKE_MINUTES="3")

    assert (status, asked.count("sweep started {")) == (1, 3)


def test_azd_does_not_take_away_groups_in_which_it_has_only_assigned_roles(ground: Path) -> None:
    assert ran(ground, "hooks/predown.sh", RESOURCE_GROUP="rg-drawbridge") == (1, [])
    assert "throw" in (INFRA / "hooks" / "predown.ps1").read_text("utf-8")


def test_before_azd_makes_anything_the_package_is_built_and_the_provider_of_the_subnet_registered(
    ground: Path,
) -> None:
    for program, status in (("exit 1", 1), ('echo "dev $*" >> "$AZ_LOG"', 0)):
        (ground / "dev").write_text(f"#!/usr/bin/env sh\n{program}\n")
        (ground / "dev").chmod(0o755)
        assert ran(ground, "hooks/preprovision.sh")[0] == status

    assert ran(ground, "hooks/preprovision.sh")[1][-2:] == [
        "dev package",
        "provider register --only-show-errors --output none --namespace Microsoft.App --subscription home --wait",
    ]
    windows = (INFRA / "hooks" / "preprovision.ps1").read_text("utf-8")
    assert re.findall(r"^(?:wsl|az) .*?(?= --only|$)", windows, re.MULTILINE) == [
        'wsl env "DRAWBRIDGE_PYTHON=$env:DRAWBRIDGE_PYTHON" ./dev package',
        "az provider register",
    ]


def test_a_preview_changes_nothing(ground: Path) -> None:
    status, asked = ran(ground, "pipeline/preview.sh", PARAMETERS="p.json")

    assert status == 0
    assert [call.split()[:3] for call in asked] == [["deployment", "sub", "what-if"]]


def test_every_template_is_compiled_and_linted(ground: Path) -> None:
    status, asked = ran(ground, "pipeline/compile.sh")
    files = sorted(path.relative_to(ground).as_posix() for path in (ground / "infra").rglob("*.bicep"))

    assert status == 0
    for verb in ("build", "lint"):
        assert [call.split("--file ")[1].split()[0] for call in asked if f"bicep {verb} " in call] == files
