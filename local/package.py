"""Build the zip that is deployed: what runs, its libraries for Azure's machines, and the bytecode of both.

The same sources, lock and interpreter give the same bytes, wherever it is built: times, owners and the order of
files are fixed, and bytecode is tied to nothing but its source's name.
"""

from __future__ import annotations

import argparse
import fnmatch
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / ".dev" / "package" / "drawbridge.zip"
LIBRARIES = Path(".python_packages", "lib", "site-packages")
RUNS = (
    *("function_app.py", "functions/**/*.py", "shared/**/*.py", "host.json", "policy.yaml", "requirements.txt"),
    *(f"shared/dashboard/*.{kind}" for kind in ("css", "html", "json", "mjs")),
)
"""What of this repository is deployed; .funcignore says the same in its own way."""
WHEN = (1980, 1, 1, 0, 0, 0)
_PLATFORM = "x86_64-manylinux_2_28"
_THERE = "/home/site/wwwroot"
_DEFAULT = re.compile(r"^param pythonVersion string = '([\d.]+)'$", re.MULTILINE)
# Of libraries: what is for people, compilers and type checkers, and programs of their own. Licences stay.
_DROPPED = (
    "bin/*",
    "*.c",
    "*.h",
    "*.md",
    "*.hash",
    "*.pxd",
    "*.pxi",
    "*.pyi",
    "*.pyx",
    "*.rst",
    "*/py.typed",
    "*/tests/*",
    "*/test/*",
    "*.dist-info/RECORD",
    "*.dist-info/INSTALLER",
    "*.dist-info/REQUESTED",
    "*.dist-info/WHEEL",
    "*.dist-info/direct_url.json",
    "*.dist-info/sboms/*",
    ".lock",
)
_KEPT = ("*.dist-info/licen*", "*.dist-info/LICEN*")


class PackageError(Exception):
    """The package cannot be built; the message says what is missing."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--python", default=default_python(), help="Python of the app in Azure (default: %(default)s)")
    parser.add_argument("--target", type=Path, default=TARGET, help="where to write the zip (default: %(default)s)")


def run(arguments: argparse.Namespace) -> int:
    try:
        build(arguments.python, arguments.target)
    except PackageError as error:
        print(error, file=sys.stderr)
        return 1
    packed = arguments.target.read_bytes()
    with zipfile.ZipFile(arguments.target) as archive:
        files = archive.infolist()
    unpacked = sum(file.file_size for file in files)
    print(f"{arguments.target}")
    print(
        f"  Python {arguments.python}, {len(files)} files, {len(packed) / 1e6:.1f} MB, {unpacked / 1e6:.1f} MB unpacked"
    )
    print(f"  sha256 {hashlib.sha256(packed).hexdigest()}")
    return 0


def default_python() -> str:
    """Read which Python infra/main.bicep runs the app on, unless the deployment's environment names another."""
    found = _DEFAULT.search((ROOT / "infra" / "main.bicep").read_text("utf-8"))
    if not found:
        raise PackageError("infra/main.bicep does not say which Python the app runs on")
    return os.environ.get("DRAWBRIDGE_PYTHON") or found[1]


def build(python: str, target: Path) -> None:
    """Write the zip; raises PackageError."""
    interpreter = find_python(python)
    with tempfile.TemporaryDirectory(prefix="drawbridge-package-") as folder:
        stage = Path(folder)
        for file in own_files():
            (stage / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / file, stage / file)
        install(python, stage / LIBRARIES)
        compile_all(interpreter, stage)
        target.parent.mkdir(parents=True, exist_ok=True)
        pack(stage, target)


def own_files() -> list[Path]:
    """Name what of this repository is deployed."""
    found = {path.relative_to(ROOT) for pattern in RUNS for path in ROOT.glob(pattern)}
    return sorted(found)


def find_python(version: str) -> str:
    """Find an interpreter of the version: bytecode of one is worth nothing to another."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    found = next((path for path in candidates(version) if is_python(path, version)), None)
    if found is None:
        raise PackageError(
            f"The app runs on Python {version} in Azure, and no Python {version} is here to compile for it.\n"
            f"Install it (.venv/bin/python -m uv python install {version}), or choose one that is here and that\n"
            "Azure has too: azd env set DRAWBRIDGE_PYTHON 3.11"
        )
    return found


def candidates(version: str) -> Iterator[str]:
    """Name where an interpreter may be: on the PATH, among pyenv's, or where uv knows one."""
    if on_path := shutil.which(f"python{version}"):
        yield on_path
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from map(str, sorted(pyenv.glob(f"versions/{version}.*/bin/python"), reverse=True))
    asked = [sys.executable, "-m", "uv", "python", "find", "--no-config", "--managed-python", version]
    yield subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


def is_python(path: str, version: str) -> bool:
    """Tell whether it runs and is of the version: a version manager can put names on the PATH that lead nowhere."""
    said = [path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    try:
        return subprocess.run(said, capture_output=True, text=True, check=False).stdout.strip() == version
    except OSError:
        return False


def install(python: str, folder: Path) -> None:
    """Put the locked libraries there, as they are for Azure's machines, without what nobody runs."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-config", "--link-mode", "copy"),
            *("--target", str(folder), "--python-platform", _PLATFORM, "--python-version", python),
            *("--only-binary", ":all:", "--require-hashes", "-r", str(ROOT / "requirements.txt")),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise PackageError(f"The libraries could not be had. uv said:\n{done.stdout.strip()}")
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        if file.is_file() and any_of(name, _DROPPED) and not any_of(name, _KEPT):
            file.unlink()


def any_of(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def compile_all(interpreter: str, folder: Path) -> None:
    """Compile everything; a library may hold a file for another Python, which then stays as it is."""
    place = ["-s", str(folder), "-p", _THERE]
    command = [interpreter, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", *place]
    # Sets in source become frozensets in bytecode, in the order of their hashes.
    fixed = {**os.environ, "PYTHONHASHSEED": "0"}
    libraries = [*command, str(folder / LIBRARIES)]
    subprocess.run(libraries, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=fixed, check=False)
    own = [str(folder / name) for name in ("function_app.py", "functions", "shared")]
    done = subprocess.run([*command, *own], stdout=subprocess.PIPE, env=fixed, text=True, check=False)
    if done.returncode:
        raise PackageError(f"The app does not compile:\n{done.stdout}")


def pack(folder: Path, target: Path) -> None:
    """Write a zip whose bytes depend on names and contents alone."""
    part = target.with_suffix(".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for file in files_in(folder):
            entry = zipfile.ZipInfo(file.relative_to(folder).as_posix(), WHEN)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            entry.create_system = 3
            archive.writestr(entry, file.read_bytes())
    part.replace(target)


def files_in(folder: Path) -> Iterator[Path]:
    yield from sorted((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.as_posix())
