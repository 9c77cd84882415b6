"""The house holds: layers, forbidden imports, sizes, pins of style (docs/reference/layers.md)."""

from __future__ import annotations

import ast
import subprocess
import sys
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "sporewright"
MODULES = sorted(PACKAGE.rglob("*.py"))
PURE = ("core", "pools", "policy", "learning", "routing", "wire", "sync", "errors", "jsontext")
COLUMNAR = "sporewright.core.columnar"
WITH_NUMPY = {f"{COLUMNAR}.{name}" for name in ("fold", "level", "moves", "panel", "rollup", "scores")}
FORBIDDEN = {"time", "datetime", "random", "os", "socket", "asyncio", "threading", "sqlite3", "js", "pyodide"}

# What each room may import of the others; itself is always allowed.
MAY_IMPORT = {
    "errors": set(),
    "_version": set(),
    "zones": set(),
    "jsontext": {"errors"},
    "core": {"errors", "jsontext"},
    "pools": {"errors", "jsontext"},
    "policy": {"errors", "jsontext", "core"},
    "learning": {"errors", "jsontext", "core", "policy"},
    "routing": {"errors", "jsontext", "core", "policy", "learning", "pools"},
    "wire": {"errors", "jsontext"},
    "sync": {"errors", "jsontext", "wire"},
    "device": {*PURE, "zones", "_version"},
    "server": {*PURE, "zones", "_version"},
    "simulate": {*PURE, "device", "server", "_version"},
    "cli": {*PURE, "device", "server", "simulate", "_version"},
    "__main__": {"cli"},
}


def room(name: str) -> str:
    """The room of a dotted module name inside the package."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else ""


def dotted(file: Path) -> str:
    """The module's dotted name."""
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def parsed(file: Path) -> ast.Module:
    """The module's syntax tree."""
    return ast.parse(file.read_text())


@cache
def imports_of(file: Path, for_types: bool = False) -> tuple[tuple[str, bool], ...]:
    """Every import of a module, with whether it happens when the module is loaded; `for_types`: those for types too."""
    tree = parsed(file)
    typing_only = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    late = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
    }
    found: list[tuple[str, bool]] = []
    for node in ast.walk(tree):
        if node in typing_only and not for_types:
            continue
        if isinstance(node, ast.Import):
            found += [(alias.name, node not in late) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            is_package = node.module.startswith("sporewright") and (ROOT / Path(*node.module.split("."))).is_dir()
            names = [f"{node.module}.{alias.name}" for alias in node.names] if is_package else [node.module]
            found += [(name, node not in late) for name in names]
    return tuple(found)


@pytest.mark.parametrize("file", MODULES, ids=dotted)
def test_imports_go_one_way(file: Path) -> None:
    """A room imports only the rooms below it; device and server never see each other."""
    here = room(dotted(file))
    if dotted(file) == "sporewright":
        return
    for name, _ in imports_of(file, for_types=True):
        if name.split(".")[0] != "sporewright":
            continue
        assert name != "sporewright", f"{dotted(file)} imports the package root, which loads everything"
        there = room(name)
        assert there == here or there in MAY_IMPORT[here], f"{dotted(file)} must not import {name}"


@pytest.mark.parametrize("file", [f for f in MODULES if room(dotted(f)) in PURE], ids=dotted)
def test_pure_rooms_import_no_world(file: Path) -> None:
    """Time, chance, I/O and the browser are arguments, never imports."""
    reached = {name.split(".")[0] for name, _ in imports_of(file, for_types=True)}

    assert not reached & FORBIDDEN


@pytest.mark.parametrize("file", [f for f in MODULES if room(dotted(f)) in PURE], ids=dotted)
def test_pure_rooms_depend_on_nothing(file: Path) -> None:
    """They import the standard library and each other; numpy only `core/columnar/`, late."""
    foreign = [
        (name, at_load)
        for name, at_load in imports_of(file)
        if name.split(".")[0] not in {*sys.stdlib_module_names, "sporewright"}
    ]
    here = dotted(file)
    allowed = {"numpy", "numpy.typing"} if here in WITH_NUMPY else set()
    early = {module for name, at_load in imports_of(file) if at_load and (module := _module(name)) in WITH_NUMPY}

    assert {name for name, _ in foreign} <= allowed or (here, foreign) == (f"{COLUMNAR}.store", [("numpy", False)])
    assert here in WITH_NUMPY or not early


def _module(name: str) -> str:
    """The module of an imported name: a package's submodule, or the package where it exports the name."""
    return name if name in {dotted(file) for file in MODULES} else name.rpartition(".")[0]


@pytest.mark.parametrize("file", [f for f in MODULES if room(dotted(f)) != "cli"], ids=dotted)
def test_imports_can_be_read(file: Path) -> None:
    """Imports are absolute statements, so that the tests above see every one; the cli may import anything anyhow."""
    relative = [node.lineno for node in ast.walk(parsed(file)) if isinstance(node, ast.ImportFrom) and node.level]
    called = [
        node.lineno
        for node in ast.walk(parsed(file))
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in {"import_module", "__import__"}
    ]

    assert (relative, called) == ([], [])


def _settled(file: Path) -> set[str]:
    """The modules that a module needs to be understood: imported when it is loaded, or for its types."""
    return {_module(name) for name, at_load in imports_of(file, for_types=True) if at_load}


def test_no_import_cycles() -> None:
    """Following the imports made at load time, or for types, never leads back."""
    graph = {dotted(file): _settled(file) for file in MODULES}
    done: set[str] = set()

    def walk(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, f"cycle: {' → '.join((*trail, name))}"
        if name in done or name not in graph:
            return
        for following in graph[name] - {name}:
            walk(following, (*trail, name))
        done.add(name)

    for name in graph:
        walk(name, ())


@pytest.mark.parametrize("file", MODULES, ids=dotted)
def test_files_and_functions_stay_small(file: Path) -> None:
    """A file has at most 400 lines, a function at most 60."""
    assert file.read_text().count("\n") <= 400
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 60, f"{dotted(file)}.{node.name}"


def test_every_test_states_a_fact() -> None:
    """Each test function has a docstring."""
    silent = [
        f"{file.relative_to(ROOT)}::{node.name}"
        for folder in ("tests", "e2e")
        for file in sorted((ROOT / folder).rglob("test_*.py"))
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]

    assert silent == []


def test_importing_the_package_is_light() -> None:
    """`import sporewright` brings neither numpy nor anything of the server or of an extra."""
    code = "import sys, sporewright; print('\\n'.join(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()

    heavy = {
        "numpy",
        "fastapi",
        "sqlalchemy",
        "pydantic",
        "typer",
        "sporewright.server",
        "sporewright.device",
        "asyncio",
    }
    assert not heavy & set(loaded)


def test_every_folder_of_tests_is_looked_into(request: pytest.FixtureRequest) -> None:
    """No folder with tests has a name that pytest passes over, as it does `build` unless told otherwise."""
    passed_over = request.config.getini("norecursedirs")
    folders = {part for test in (ROOT / "tests").rglob("test_*.py") for part in test.relative_to(ROOT).parts[:-1]}

    assert [name for name in sorted(folders) if any(fnmatch(name, pattern) for pattern in passed_over)] == []
