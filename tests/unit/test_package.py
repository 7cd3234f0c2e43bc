"""What is deployed: only what runs, the same bytes wherever it is built, and whole."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import package
from tests.unit.infra.bicep import INFRA, read

ROOT = Path(__file__).parents[2]
LIBRARIES = package.LIBRARIES.as_posix()
LARGEST_ZIP, LARGEST_TREE = 30_000_000, 120_000_000
OF_ONES_OWN = re.compile(
    r"function_app\.py|host\.json|policy\.yaml|requirements\.txt|(functions|shared)(/\w+)*/\w+\.py"
    r"|shared/dashboard/\w+\.(css|html|json|mjs)"
    r"|((functions|shared)/(\w+/)*)?__pycache__/\w+\.cpython-\d+\.pyc"
)
# Imports all that is deployed, as Azure would: the app's folder first, then its libraries.
_IMPORT = """
import importlib, json, pkgutil, sys
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/" + sys.argv[2]]
import function_app
for name in ("functions", "shared"):
    for found in pkgutil.walk_packages(importlib.import_module(name).__path__, name + "."):
        importlib.import_module(found.name)
import azure.mgmt.network.aio, azure.identity.aio, azure.eventgrid.aio, azure.storage.queue.aio, azure.data.tables.aio
here = [m for m in sys.modules.values() if (getattr(m, "__file__", None) or "").startswith(sys.argv[1])]
uncompiled = [m.__file__ for m in here if m.__file__.endswith(".py") and not __import__("os").path.exists(m.__cached__)]
print(json.dumps([len(function_app.app.get_functions()), len(here), uncompiled]))
"""


def all_pythons() -> list[str]:
    """Give the Pythons that infra/main.bicep lets a deployment choose."""
    (param,) = (one for one in read(INFRA / "main.bicep").of("param") if one.name == "pythonVersion")
    return re.findall(r"'(3\.\d+)'", param.decorators)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Build for the Python that Azure runs, or for this one where that is not here."""
    target = tmp_path_factory.mktemp("package") / "drawbridge.zip"
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    known = any(
        package.is_python(path, package.default_python()) for path in package.candidates(package.default_python())
    )
    python = package.default_python() if known else here
    try:
        package.build(python, target)
    except package.PackageError as error:
        pytest.skip(str(error).splitlines()[0])
    return python, target


def names(target: Path) -> list[str]:
    with zipfile.ZipFile(target) as archive:
        return archive.namelist()


def test_the_package_is_for_the_python_that_azure_runs() -> None:
    assert package.default_python() in all_pythons()
    parameters = json.loads((INFRA / "main.parameters.json").read_text("utf-8"))["parameters"]
    assert parameters["pythonVersion"]["value"] == f"${{DRAWBRIDGE_PYTHON={package.default_python()}}}"


def test_funcignore_leaves_what_the_package_holds(tmp_path: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    copy = tmp_path / "copy"
    for name in filter(None, tracked.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, copy / name)
    subprocess.run(["git", "init", "-q", str(copy)], check=True)
    left = subprocess.run(
        ["git", "ls-files", "--others", "--exclude-from=.funcignore"],
        cwd=copy,
        capture_output=True,
        text=True,
        check=True,
    )

    assert sorted(left.stdout.split()) == sorted(path.as_posix() for path in package.own_files())


def test_what_a_folder_holds_makes_the_bytes_and_neither_time_nor_order_does(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder, order in ((one, "ab"), (two, "ba")):
        folder.mkdir()
        for name in order:
            (folder / name).write_text(name)
    package.pack(one, tmp_path / "one.zip")
    (two / "a").touch()
    package.pack(two, tmp_path / "two.zip")

    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_a_python_that_is_nowhere_is_asked_for_in_words() -> None:
    with pytest.raises(package.PackageError, match=r"no Python 3\.99 is here"):
        package.find_python("3.99")


@pytest.mark.slow
def test_the_package_holds_only_what_runs(built: tuple[str, Path]) -> None:
    _, target = built
    own = [name for name in names(target) if not name.startswith(LIBRARIES)]
    theirs = [name for name in names(target) if name.startswith(LIBRARIES)]

    assert [name for name in own if not OF_ONES_OWN.fullmatch(name)] == []
    assert {name for name in own if not name.endswith(".pyc")} == {path.as_posix() for path in package.own_files()}
    assert [
        name for name in theirs if re.search(r"/tests?/|\.(md|pyi|c|pyx|h)$", name) and "LICEN" not in name.upper()
    ] == []
    assert any("/licenses/" in name or "LICENSE" in name for name in theirs)


@pytest.mark.slow
def test_the_package_has_a_size(built: tuple[str, Path]) -> None:
    _, target = built
    with zipfile.ZipFile(target) as archive:
        unpacked = sum(file.file_size for file in archive.infolist())

    assert (target.stat().st_size < LARGEST_ZIP, unpacked < LARGEST_TREE) == (True, True)


@pytest.mark.slow
def test_every_source_has_its_bytecode(built: tuple[str, Path]) -> None:
    python, target = built
    tag = f"cpython-{python.replace('.', '')}"
    there = set(names(target))
    sources = [Path(name) for name in there if name.endswith(".py")]
    compiled = [(path.parent / "__pycache__" / f"{path.stem}.{tag}.pyc").as_posix() for path in sources]

    assert [name for name in compiled if name not in there] == []


@pytest.mark.slow
def test_all_that_is_deployed_can_be_imported_on_the_python_that_it_is_for(
    built: tuple[str, Path], tmp_path: Path
) -> None:
    python, target = built
    with zipfile.ZipFile(target) as archive:
        archive.extractall(tmp_path)
    command = [package.find_python(python), "-B", "-I", "-c", _IMPORT, str(tmp_path), LIBRARIES]
    done = subprocess.run(command, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    functions, modules, uncompiled = json.loads(done.stdout)
    assert (functions > 10, modules > 300, uncompiled) == (True, True, [])


@pytest.mark.slow
def test_built_twice_it_is_the_same(built: tuple[str, Path], tmp_path: Path) -> None:
    python, target = built
    package.build(python, tmp_path / "again.zip")

    assert different(target, tmp_path / "again.zip") == []


def different(one: Path, other: Path) -> list[tuple[str, int]]:
    return sorted(set(contents(one)) ^ set(contents(other)))


def contents(path: Path) -> Iterator[tuple[str, int]]:
    with zipfile.ZipFile(path) as archive:
        yield from ((file.filename, file.CRC) for file in archive.infolist())
