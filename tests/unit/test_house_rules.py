"""What the linters cannot be told: the rules of this house, read from its own syntax trees."""

import ast
import functools
import statistics
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEPLOYED = ["function_app.py", "functions", "shared"]
PURE = [
    "announcements",
    "desired",
    "drift",
    "events",
    "ids",
    "model",
    "planner",
    "policy",
    "policy_text",
    "wishes",
]
# Whose business each SDK is. Nobody else names it, not even for a type.
SDK_ROOMS = {
    "azure.functions": ["function_app.py", "functions/"],
    "azure.mgmt": ["shared/arm/"],
    "azure.storage": ["shared/store/"],
    "azure.data": ["shared/store/"],
    "azure.core": ["shared/arm/", "shared/store/", "shared/publish", "shared/insights"],
    "azure.eventgrid": ["shared/publish"],
    "azure.monitor": ["shared/insights"],
    "opentelemetry": ["shared/insights"],
}
WORLDLY = {
    "asyncio",
    "io",
    "logging",
    "os",
    "pathlib",
    "random",
    "secrets",
    "socket",
    "subprocess",
    "sys",
    "time",
    "uuid",
}
CLOCKS = {"now", "utcnow", "today"}
VAGUE = {"helper", "helpers", "manager", "util", "utils"}


def sources(*rooms: str) -> list[Path]:
    found = (ROOT / room for room in rooms)
    return [path for room in found for path in ([room] if room.is_file() else sorted(room.rglob("*.py")))]


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[str]:
    """Everything a file imports, at any depth, as dotted names: ``from a import b`` gives ``a.b``."""
    for node in ast.walk(tree(path)):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield from (f"{module}.{alias.name}" for alias in names)
            case _:
                pass


def function_lengths(path: Path) -> Iterator[tuple[int, str]]:
    """Lines of each function, from its def to its end: decorators and docstring do not count."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            described = ast.get_docstring(node) is not None and len(node.body) > 1
            start = node.body[1].lineno - 1 if described else node.lineno
            yield (node.end_lineno or start) - start + 1, f"{named(path)}:{node.lineno} {node.name}"


@pytest.mark.parametrize("sdk", SDK_ROOMS)
def test_each_sdk_is_imported_in_its_own_room_only(sdk: str) -> None:
    strays = [
        f"{named(path)} imports {name}"
        for path in sources(*DEPLOYED)
        for name in imports(path)
        if f"{name}.".startswith(f"{sdk}.") and not named(path).startswith(tuple(SDK_ROOMS[sdk]))
    ]
    assert strays == []


def test_the_network_package_is_never_imported_at_start() -> None:
    eager = [
        f"{named(path)}:{node.lineno}"
        for path in sources(*DEPLOYED)
        for node in tree(path).body
        if isinstance(node, ast.Import | ast.ImportFrom) and "azure.mgmt" in ast.unparse(node)
    ]
    assert eager == []


@pytest.mark.parametrize("module", PURE)
def test_a_pure_module_imports_nothing_that_touches_the_world(module: str) -> None:
    path = ROOT / "shared" / f"{module}.py"
    if not path.exists():
        pytest.skip(f"shared/{module}.py does not exist")
    worldly = {name for name in imports(path) if name.split(".")[0] in WORLDLY | {"azure", "aiohttp", "tenacity"}}
    assert worldly == set()


@pytest.mark.parametrize("module", PURE)
def test_a_pure_module_is_told_the_time_and_reads_no_clock(module: str) -> None:
    path = ROOT / "shared" / f"{module}.py"
    if not path.exists():
        pytest.skip(f"shared/{module}.py does not exist")
    readings = [
        f"{named(path)}:{node.lineno}"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS
    ]
    assert readings == []


def test_functions_are_short() -> None:
    lengths = sorted((found for path in sources(*DEPLOYED) for found in function_lengths(path)), reverse=True)
    if not lengths:
        pytest.skip("nothing is deployed yet")
    lines = [length for length, _ in lengths]
    ninth_of_ten = statistics.quantiles(lines, n=10)[-1] if len(lines) > 1 else lines[0]
    assert (statistics.median(lines) < 10, ninth_of_ten < 30) == (True, True), lengths[:10]


def test_no_module_has_a_name_that_says_nothing() -> None:
    vague = [named(path) for path in sources(*DEPLOYED, "local", "tests") if VAGUE & set(path.stem.split("_"))]
    assert vague == []


def test_no_class_is_called_a_manager_or_helper() -> None:
    vague = [
        f"{named(path)}:{node.lineno} {node.name}"
        for path in sources(*DEPLOYED, "local")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ClassDef) and node.name.lower().endswith(("manager", "helper", "helpers", "utils"))
    ]
    assert vague == []


def test_every_module_that_is_not_a_test_says_its_rule_first() -> None:
    silent = [named(path) for path in sources(*DEPLOYED, "local") if not ast.get_docstring(tree(path))]
    assert silent == []


def test_no_test_patches_what_it_tests() -> None:
    patched = [named(path) for path in sources("tests") if any("unittest.mock" in name for name in imports(path))]
    assert patched == []


def test_every_lint_rule_that_is_off_has_its_reason_beside_it() -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    lint = tomllib.loads(text)["tool"]["ruff"]["lint"]
    off = {*lint["ignore"], *(rule for rules in lint["per-file-ignores"].values() for rule in rules)}
    unreasoned = [
        line.strip()
        for line in text.splitlines()
        for rule in off
        if line.strip().startswith(f'"{rule}",') and len(line.partition("#")[2].split()) < 2
    ]
    assert unreasoned == []
