"""The pages about deploying say what the templates do.

``python -m tests.unit.infra.test_pages`` writes the tables of docs/permissions.md anew.
"""

from __future__ import annotations

import json
import re

from tests.unit.infra.bicep import INFRA, ROOT, read

ROLES = sorted((INFRA / "roles").glob("*.json"))


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text("utf-8")


def with_tables(text: str) -> str:
    """Give the page of permissions with the table of each role as it is."""
    for path in ROLES:
        role = json.loads(path.read_text("utf-8"))
        rows = [f"| `{one['action']}` | {one['for']} | {one['without']} |" for one in role["actions"]]
        head = rf"(## {role['name']}\n\n[^|]*\n\n\| action \|.*\n\| --- .*\n)(?:\| `.*\n)*"
        text, found = re.subn(head, lambda match, rows=rows: match[1] + "\n".join(rows) + "\n", text)  # type: ignore[misc]
        assert found == 1, f"docs/permissions.md has no chapter with a table for {role['name']}"
    return text


def test_the_page_of_permissions_has_each_role_as_it_is() -> None:
    assert page("permissions.md") == with_tables(page("permissions.md")), (
        "python -m tests.unit.infra.test_pages mends it"
    )


def test_each_role_is_said_to_be_assigned_by_the_parameters_that_assign_it() -> None:
    for role, parameters in assigning().items():
        name = json.loads((INFRA / "roles" / f"{role}.json").read_text("utf-8"))["name"]
        chapter = page("permissions.md").partition(f"## {name}\n")[2].partition("\n| action")[0]
        assert [each for each in parameters if f"(`{each}`)" not in chapter] == [], name


def assigning() -> dict[str, set[str]]:
    """Give the parameters of main.bicep that assign each role."""
    found: dict[str, set[str]] = {}
    for module in read(INFRA / "main.bicep").of("module"):
        if module.type.startswith("roles/at-"):
            (role,) = re.findall(r"roles\.outputs\.(\w+)", module.value["params"]["roleDefinitionId"])
            kebab = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", role).lower()
            loop = module.modifier.split()[3]
            found.setdefault(kebab, set()).add({"watched": "watchedSubscriptions"}.get(loop, loop))
    return found


def test_every_alert_has_its_entry_and_no_other() -> None:
    chapter = page("operate.md").partition("## Alerts\n")[2].partition("\n## ")[0]
    told = [name for name in re.findall(r"^### (.*)", chapter, re.MULTILINE) if name != "Alerts that last"]
    read_ = read(INFRA / "app" / "alerts.bicep")
    alerts = [one["name"] for one in read_.named("rules").value] + ["waiting", "standing", "sweeps"]

    assert sorted(told) == sorted(alerts)
    for name in told:
        entry = chapter.partition(f"### {name}\n")[2].partition("\n### ")[0]
        assert [word for word in ("**Says:** ", "**Do:** ", "**Ends:** ") if word not in entry] == [], name
    count = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight"][len(alerts)]
    assert f"{count} alert rules" in page("operate.md")


def test_the_examples_of_cost_follow_from_the_formulas() -> None:
    text = page("operate.md")
    for name, (subscriptions, caches, sweeps, events) in {
        "1,000 caches in 20 subscriptions, a sweep every 15 minutes, no events": (20, 1000, 2880, 0),
        "the same, with a sweep every hour": (20, 1000, 720, 0),
        "every million events": (0, 0, 0, 1_000_000),
    }.items():
        names = {"S": subscriptions, "C": caches, "R": sweeps, "V": events}
        row = next(line for line in text.splitlines() if line.startswith(f"| {name} |"))
        told = [int(cell.replace(",", "")) for cell in row.split("|")[2:5]]
        worked_out = [
            worth(text, unit, names) for unit in ("function executions", "reads of Azure", "storage transactions")
        ]
        assert told == worked_out, name


def worth(text: str, unit: str, names: dict[str, int]) -> int:
    line = next(line for line in text.splitlines() if line.startswith(f"| {unit}"))
    formula = re.findall(r"`([^`]*)`", line)[0]
    python = re.sub(r"(\d)([A-Z(])", r"\1*\2", formula.replace("·", "*").replace(" ", ""))
    return int(eval(python, {"__builtins__": {}}, names))


def test_deploying_names_files_outputs_and_parameters_that_there_are() -> None:
    text = page("deploy.md")
    outputs = {one.name for one in read(INFRA / "main.bicep").of("output")}
    named = set(re.findall(r"<([A-Z_]{3,})>", text))

    assert named <= outputs
    assert [file for file in re.findall(r"\binfra/[\w./-]+\.(?:bicep|json)", text) if not (ROOT / file).exists()] == []
    params = {
        one.name
        for file in ("main.bicep", "events/main.bicep", "management-group/main.bicep")
        for one in read(INFRA / file).of("param")
    }
    assert {each for each in re.findall(r"(\w+)=<", text) if each[0].islower()} <= params


def test_the_parameters_for_networks_are_those_of_the_template() -> None:
    (text,) = re.findall(r"```json\n(\{\"networkMaker.*?)```", page("networks.md"), re.DOTALL)
    given = json.loads(text)
    params = {one.name: one.type for one in read(INFRA / "main.bicep").of("param")}

    assert {name: params.get(name) for name in given} == dict.fromkeys(given, "string[]")
    assert re.findall(r"^\| `(\w+)` \|", page("networks.md"), re.MULTILINE) == list(given)


def test_the_variables_of_azd_are_told() -> None:
    used = set(re.findall(r"\$\{(DRAWBRIDGE_\w+|VNET_ENABLED)", (INFRA / "main.parameters.json").read_text("utf-8")))
    used |= set(re.findall(r"DRAWBRIDGE_\w+", (INFRA / "watch.py").read_text("utf-8")))

    assert [name for name in used if f"`{name}`" not in page("settings.md")] == []


if __name__ == "__main__":
    (ROOT / "docs" / "permissions.md").write_text(with_tables(page("permissions.md")), "utf-8")
