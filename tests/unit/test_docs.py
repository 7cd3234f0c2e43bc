"""Every name that a user can meet is documented, every example works, and every link leads somewhere.

``python -m tests.unit.test_docs`` writes the schemas in docs/schemas/ anew, and what the dashboard says of reasons.
"""

import ast
import importlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
import yaml

from shared.announcements import Announcement, CacheAnnouncement, SweepAnnouncement, schemas
from shared.api.operations import OPERATIONS
from shared.model import Reason, Step, VerdictKind
from shared.policy import PolicySpec, TagsSpec, json_schema
from shared.policy_text import PolicyError, load

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SCHEMAS = DOCS / "schemas"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
DEPLOYED = [ROOT / "function_app.py", *(ROOT / "functions").rglob("*.py"), *(ROOT / "shared").rglob("*.py")]
SAYS = ["Means", "Noticed by", "Do", "Clears by itself"]


def page(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def called(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


# ── markdown, as far as it is needed ────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of code, and the line before it."""

    language: str
    text: str
    before: str


def blocks(text: str, language: str) -> list[Block]:
    found = re.finditer(r"(?:^|\n)([^\n]*)\n+```(\w*)\n(.*?)```", text, re.DOTALL)
    return [Block(each[2], each[3], each[1]) for each in found if each[2] == language]


def prose(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def sections(text: str, level: int) -> dict[str, str]:
    """Heading → what stands below it, for headings of one level."""
    parts = re.split(rf"^{'#' * level} (.+)$", prose(text), flags=re.MULTILINE)[1:]
    bodies = (re.split(r"^#{1,6} ", body, maxsplit=1, flags=re.MULTILINE)[0] for body in parts[1::2])
    return dict(zip(parts[::2], bodies, strict=True))


def anchors(text: str) -> set[str]:
    """Give the anchors of a page's headings as GitHub makes them."""
    headings = re.findall(r"^#{1,6} (.+)$", prose(text), re.MULTILINE)
    bare = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in bare}


def links(text: str) -> list[str]:
    targets = re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", prose(text))
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


@pytest.mark.parametrize("path", PAGES, ids=called)
def test_every_internal_link_leads_somewhere(path: Path) -> None:
    broken = []
    for target in links(path.read_text("utf-8")):
        file, _, anchor = target.partition("#")
        leads_to = (path.parent / file).resolve() if file else path
        if not leads_to.exists() or (anchor and anchor not in anchors(leads_to.read_text("utf-8"))):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("path", sorted(DOCS.rglob("*.md")), ids=called)
def test_every_page_can_be_reached_from_the_readme(path: Path) -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        here = waiting.pop()
        reached.add(here)
        targets = {(here.parent / link.partition("#")[0]).resolve() for link in links(here.read_text("utf-8"))}
        waiting += [each for each in targets if each.suffix == ".md" and each not in reached]
    assert path in reached


@pytest.mark.parametrize("path", PAGES, ids=called)
def test_every_task_that_is_told_of_exists(path: Path) -> None:
    known = set(re.findall(r"^  \./dev (\w+)", page("dev"), re.MULTILINE))
    assert set(re.findall(r"\./dev (\w+)", path.read_text("utf-8"))) <= known


@pytest.mark.parametrize("path", PAGES, ids=called)
def test_every_module_that_is_told_of_exists(path: Path) -> None:
    modules = set(re.findall(r"`((?:functions|shared|local|tests)/[\w/]+\.py)`", path.read_text("utf-8")))
    assert [module for module in modules if not (ROOT / module).exists()] == []


# ── reasons.md ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", [Reason, VerdictKind, Step])
def test_the_headings_of_reasons_are_exactly_the_values(kind: type[StrEnum]) -> None:
    chapters = {VerdictKind: "Verdicts", Reason: "Reasons", Step: "Steps"}
    text = re.split(r"^## ", page("docs/reasons.md"), flags=re.MULTILINE)
    chapter = next(part for part in text if part.startswith(f"{chapters[kind]}\n"))
    assert sorted(sections(chapter, 3)) == sorted(kind)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_says_what_it_means_and_what_can_be_done(reason: Reason) -> None:
    entry = sections(page("docs/reasons.md"), 3)[reason]
    assert [label for label in SAYS if f"**{label}:** " not in entry] == []


@pytest.mark.parametrize("reason", Reason)
def test_the_help_that_the_api_gives_leads_to_the_entry(reason: Reason) -> None:
    assert reason.value.lower() in anchors(page("docs/reasons.md"))


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_in_the_overview(reason: Reason) -> None:
    overview = page("docs/reasons.md").partition("## Verdicts")[0]
    assert f"[{reason.value}](#{reason.value.lower()})" in overview


# ── policy.md and tags.md ───────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class PolicyKey:
    """One key of policy.yaml, with what the page has to say of it."""

    path: str
    default: str
    choices: tuple[str, ...]


def policy_keys(info: msgspec.inspect.Type, path: str = "") -> Iterator[PolicyKey]:
    match info:
        case msgspec.inspect.StructType(fields=fields):
            for field in fields:
                here = f"{path}.{field.encode_name}" if path else field.encode_name
                yield PolicyKey(here, default_of(field), tuple(choices_of(field.type)))
                yield from policy_keys(field.type, here)
        case msgspec.inspect.Metadata(type=inner):
            yield from policy_keys(inner, path)
        case msgspec.inspect.UnionType(types=types):
            for each in types:
                yield from policy_keys(each, path)
        case msgspec.inspect.VarTupleType(item_type=inner):
            yield from policy_keys(inner, f"{path}[]")
        case msgspec.inspect.DictType(value_type=inner):
            yield from policy_keys(inner, f"{path}.<name>")
        case _:
            pass


def choices_of(info: msgspec.inspect.Type) -> Iterator[str]:
    match info:
        case msgspec.inspect.EnumType(cls=cls):
            yield from (member.value for member in cls)
        case msgspec.inspect.Metadata(type=inner) | msgspec.inspect.VarTupleType(item_type=inner):
            yield from choices_of(inner)
        case msgspec.inspect.UnionType(types=types):
            yield from (choice for each in types for choice in choices_of(each))
        case _:
            pass


def default_of(field: msgspec.inspect.Field) -> str:
    if field.required:
        return "required"
    default = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
    match default:
        case StrEnum() | str():
            return f"`{default}`"
        case bool() | int():
            return f"`{json.dumps(default)}`"
        case None:
            return "not set"
        case () | {}:
            return "none"
        case tuple():
            return "one rule, all defaults"
        case _:
            return "see below"


KEYS = list(policy_keys(msgspec.inspect.type_info(PolicySpec)))


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.path)
def test_every_policy_key_is_documented_with_its_default_and_choices(key: PolicyKey) -> None:
    rows = [line for line in page("docs/policy.md").splitlines() if line.startswith(f"| `{key.path}` |")]
    assert len(rows) == 1
    kind, default = (cell.strip() for cell in rows[0].split("|")[2:4])
    assert default == key.default
    assert [choice for choice in key.choices if f"`{choice}`" not in kind] == []


def test_policy_keys_that_do_not_exist_are_not_documented() -> None:
    told = re.findall(r"^\| `([a-z][^`]*)` \|", page("docs/policy.md"), re.MULTILINE)
    assert sorted(told) == sorted(key.path for key in KEYS)


def policies() -> list[Block]:
    return blocks(page("docs/policy.md"), "yaml")


@pytest.mark.parametrize("example", [each for each in policies() if "does not load" not in each.before])
def test_every_example_of_a_policy_loads(example: Block) -> None:
    load(example.text)


def test_the_mistakes_shown_are_told_of_in_these_words() -> None:
    wrong = next(each for each in policies() if "does not load" in each.before)
    said = next(each for each in blocks(page("docs/policy.md"), "text") if each.text.startswith("policy.yaml: line"))
    with pytest.raises(PolicyError) as refused:
        load(wrong.text)
    assert str(refused.value) == said.text.strip()


@pytest.mark.parametrize("name", msgspec.to_builtins(TagsSpec()).values())
def test_every_tag_is_documented(name: str) -> None:
    assert f"| `{name}` |" in page("docs/tags.md")


# ── announcements.md ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", Announcement)
def test_every_announcement_is_documented_and_leads_to_its_schema(kind: Announcement) -> None:
    assert f"[`{kind.value}`](schemas/{kind.value}.json)" in page("docs/announcements.md")


def schema_files() -> dict[str, str]:
    """File name → what it has to hold."""
    by_name = {f"{kind.value}.json": schema for kind, schema in schemas().items()}
    return {
        name: json.dumps(schema, indent=2) + "\n" for name, schema in {**by_name, "policy.json": json_schema()}.items()
    }


@pytest.mark.parametrize("name", schema_files())
def test_every_schema_is_as_the_types_are(name: str) -> None:
    written = (SCHEMAS / name).read_text("utf-8")
    assert written == schema_files()[name], "python -m tests.unit.test_docs writes the schemas anew"


def test_there_is_no_schema_for_what_does_not_exist() -> None:
    assert {path.name for path in SCHEMAS.iterdir()} == set(schema_files())


@pytest.mark.parametrize("kind", Announcement)
def test_every_schema_is_one_and_takes_what_is_published(kind: Announcement) -> None:
    swept = SweepAnnouncement("20261123-ab12cd", 2, {}, 40, 1, ())
    about = CacheAnnouncement("Blocked", "SubnetFull", "The subnet is full.", (), "", "0" * 32 + "-7")
    data = swept if kind is Announcement.SWEEP_COMPLETED else about
    event = {
        "specversion": "1.0",
        "type": kind.value,
        "source": "/drawbridge",
        "id": "1",
        "subject": "/subscriptions/…",
        "time": "2026-11-23T10:00:00Z",
        "data": json.loads(msgspec.json.encode(data)),
    }
    schema = schemas()[kind]

    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(event, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**event, "type": "Drawbridge.Cache.Other"}, schema)


def test_the_example_of_an_announcement_fits_its_schema() -> None:
    examples = [json.loads(each.text) for each in blocks(page("docs/announcements.md"), "json")]
    assert examples != []
    for example in examples:
        jsonschema.validate(example, schemas()[Announcement(example["type"])])


@pytest.mark.parametrize("example", policies())
def test_the_schema_for_editors_takes_what_loads_and_refuses_what_does_not(example: Block) -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())
    fits = jsonschema.Draft202012Validator(json_schema()).is_valid(yaml.safe_load(example.text))

    assert fits == ("does not load" not in example.before)


# ── settings, routes, queues, tables ────────────────────────────────────────────────────────────


def texts(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


OURS = re.compile(r"%?(DRAWBRIDGE_[A-Z0-9_]+)%?")
OF_THE_SDKS = re.compile(r"(AZURE_[A-Z0-9_]+)")


def settings() -> set[str]:
    """Every text that is nothing but the name of a setting: ours wherever it stands, the SDKs' where we read it."""
    everywhere = [*DEPLOYED, *(ROOT / "local").rglob("*.py"), *(ROOT / "tests").rglob("*.py"), ROOT / "dev"]
    ours = (OURS.fullmatch(text) for path in everywhere for text in texts(path))
    theirs = (OF_THE_SDKS.fullmatch(text) for path in DEPLOYED for text in texts(path))
    return {found[1] for found in (*ours, *theirs) if found}


@pytest.mark.parametrize("name", sorted(settings()))
def test_every_setting_is_documented(name: str) -> None:
    assert f"| `{name}` |" in page("docs/settings.md")


@pytest.mark.parametrize("form", ["", "__accountName", "__queueServiceUri", "__tableServiceUri", "__clientId"])
def test_every_form_of_the_storage_setting_is_documented(form: str) -> None:
    assert f"| `AzureWebJobsStorage{form}` |" in page("docs/settings.md")


@dataclass(frozen=True, slots=True)
class Decorator:
    """A decorator of a function, with its keyword arguments as far as they are texts or lists of texts."""

    name: str
    given: dict[str, Any]


def decorators() -> list[Decorator]:
    return [each for path in (ROOT / "functions").rglob("*.py") for each in decorators_in(path)]


def decorators_in(path: Path) -> Iterator[Decorator]:
    parts = path.relative_to(ROOT).with_suffix("").parts
    module = importlib.import_module(".".join(parts).removesuffix(".__init__"))
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef):
            for call in node.decorator_list:
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
                    given = {word.arg: value(word.value, vars(module)) for word in call.keywords if word.arg}
                    yield Decorator(call.func.attr, given)


def value(node: ast.expr, names: dict[str, Any]) -> str | list[str] | None:
    match node:
        case ast.Constant(value=str(constant)):
            return constant
        case ast.Name(id=name):
            return str(names[name])
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return f"{value(left, names)}{value(right, names)}"
        case ast.List(elts=items):
            return [str(value(item, names)) for item in items]
        case _:
            return None


def routes() -> list[str]:
    prefix = json.loads(page("host.json"))["extensions"]["http"]["routePrefix"]
    return [f"{each.method} /{prefix}/{each.path}" for each in OPERATIONS]


def test_every_route_is_documented_and_no_other() -> None:
    told = re.findall(r"^### `([A-Z]+ /[^`]+)`$", page("docs/api.md"), re.MULTILINE)
    assert sorted(told) == sorted(routes())


def test_every_queue_is_documented() -> None:
    queues = {each.given["queue_name"] for each in decorators() if "queue_name" in each.given}
    assert [name for name in queues if f"| queue `{name}` |" not in page("docs/how-a-pass-works.md")] == []


def tables() -> set[str]:
    found = (
        node.args[1]
        for path in (ROOT / "shared" / "store").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Table" and len(node.args) > 1
    )
    return {
        argument.value for argument in found if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }


def test_every_table_is_documented() -> None:
    assert tables() != set()
    assert [name for name in tables() if f"| table `{name}` |" not in page("docs/how-a-pass-works.md")] == []


def test_the_numbers_of_host_json_are_told_as_they_are() -> None:
    queues = json.loads(page("host.json"))["extensions"]["queues"]
    told = page("docs/settings.md")
    assert [name for name, given in queues.items() if f"| `{name}` | `{given}` |" not in told] == []


# ── decisions ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", sorted((DOCS / "adr").glob("[0-9]*.md")), ids=called)
def test_every_decision_has_a_date_a_context_and_consequences(path: Path) -> None:
    text = path.read_text("utf-8")
    assert re.search(r"^Date: \d{4}-\d\d-\d\d$", text, re.MULTILINE)
    assert list(sections(text, 2))[:3] == ["Context", "Decision", "Consequences"]


# ── the dashboard ───────────────────────────────────────────────────────────────────────────────


def plain(text: str) -> str:
    """Leave of Markdown what stands in backticks, and make one line of it."""
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text).replace("**", "").replace("\n", " ").strip()


def meanings() -> dict[str, dict[str, str]]:
    """Give of each reason what the dashboard tells."""
    row = r"^\| \[(\w+)\]\(#\w+\) \| ([^|]+) \| ([^|]+) \|"
    overview = {found[1]: found for found in re.finditer(row, page("docs/reasons.md"), re.MULTILINE)}
    entries = sections(page("docs/reasons.md"), 3)
    told = {}
    for reason in sorted(Reason):
        parts = re.split(r"\*\*(Means|Noticed by|Do|Clears by itself):\*\* ", entries[reason])
        said = dict(zip(parts[1::2], map(plain, parts[2::2]), strict=True))
        told[reason.value] = {
            "short": overview[reason][2],
            "who": overview[reason][3].replace("both", "app team and platform team"),
            "means": said["Means"],
            "do": said["Do"],
            "clears": said["Clears by itself"],
        }
    return told


def meanings_file() -> str:
    # It stands inside of a page: nothing in it may end the element around it.
    return json.dumps(meanings(), indent=1, ensure_ascii=False).replace("<", "\\u003c") + "\n"


def test_the_dashboard_says_of_reasons_what_their_page_says() -> None:
    same = (ROOT / "shared" / "dashboard" / "reasons.json").read_text("utf-8") == meanings_file()
    assert same, "python -m tests.unit.test_docs writes it anew"


def write_schemas() -> None:
    SCHEMAS.mkdir(exist_ok=True)
    for name, text in schema_files().items():
        (SCHEMAS / name).write_text(text, "utf-8")
    (ROOT / "shared" / "dashboard" / "reasons.json").write_text(meanings_file(), "utf-8")


if __name__ == "__main__":
    write_schemas()
