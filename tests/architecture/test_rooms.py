"""The rooms of the page (`web/src`) and the front doors of both languages (docs/reference/layers.md)."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "web" / "src"
FILES = sorted(PAGE.rglob("*.ts"))
STATEMENT = re.compile(r'\b(?:import|export)\b(?P<what>[^;"\']*?)\bfrom\s*["\'](?P<place>[^"\']+)["\']', re.DOTALL)
OTHERWISE = re.compile(
    r"^\s*import\s*[\"']|^\s*import\s+\w+\s*=|\bimport\((?!\s*/\* @vite-ignore \*/)|\brequire\(", re.MULTILINE
)

# The page's rooms, and the files at its top, from the lowest up: each with what it may import besides itself.
TABLES = {"generated"}
ERRORS = {*TABLES, "receipt-types", "errors"}
SHAPES = {*ERRORS, "types"}
DIALECTS = {*SHAPES, "base", "streams"}
ROUTING = {*DIALECTS, "routing/dialects"}
NETWORK = {*ROUTING, "routing"}
MAY_IMPORT: dict[str, set[str]] = {
    "generated": set(),
    "receipt-types": TABLES,
    "errors": {*TABLES, "receipt-types"},
    "types": ERRORS,
    "base": SHAPES,
    "streams": set(),
    "routing/dialects": DIALECTS,
    "pools": {*SHAPES, "base"},
    "routing": {*ROUTING, "pools"},
    "network": NETWORK,
    "config": {*NETWORK, "network", "pools"},
    "engine": {*NETWORK, "network", "config"},
    "state": {*NETWORK, "network", "pools", "config", "engine"},
    "offline": {*SHAPES, "base", "network"},
    "worker": {*SHAPES, "base", "network", "engine", "state"},
    "call": {*NETWORK, "network", "pools", "config", "engine", "state"},
    "chat": {*NETWORK, "config", "call"},
    "router": {*NETWORK, "network", "config", "engine", "state", "offline", "call", "chat"},
    "index": {*SHAPES, "state", "call", "chat", "router"},
}
ROOMS = [name for name in MAY_IMPORT if (PAGE / name).is_dir() and name != "generated"]
ENTRIES = {"worker": "the worker's bundle begins at worker.ts, and nothing imports from the room"}
"""Rooms without a door, with the reason."""


def room_of(file: Path) -> str:
    """The room of a file of the page; a file at the top is a room of its own."""
    parts = file.relative_to(PAGE).with_suffix("").parts
    return "/".join(parts[:2]) if parts[:2] == ("routing", "dialects") else parts[0]


def shown(file: Path) -> str:
    """A file's name in the tests' ids."""
    return str(file.relative_to(PAGE))


def reached(file: Path, place: str) -> Path:
    """The file that a relative import names."""
    found = (file.parent / place).resolve()
    return found / "index.ts" if found.is_dir() else found.with_name(f"{found.name}.ts")


@cache
def imports_of(file: Path) -> tuple[tuple[str, str], ...]:
    """Each import and re-export of the project's own files: what is taken, and the place as it is written."""
    found = [(match["what"].strip(), match["place"]) for match in STATEMENT.finditer(file.read_text(encoding="utf-8"))]
    return tuple((what, place) for what, place in found if place.startswith("."))


def test_the_rooms_are_all_there() -> None:
    """Each file belongs to a room of the table, and each room of the table has files."""
    assert {room_of(file) for file in FILES if room_of(file) != "generated"} == set(MAY_IMPORT) - {"generated"}


def test_the_page_s_tests_are_in_rooms_of_the_same_names() -> None:
    """A folder of `web/tests` is a room, or named here: the inspector, both languages side by side, a lint rule."""
    tests = ROOT / "web" / "tests"
    folders = {str(file.parent.relative_to(tests)) for file in tests.rglob("*.test.ts")} - {".", "demo", "eslint"}

    assert folders - set(ROOMS) == set()


def test_a_room_imports_what_stands_above_it_in_the_table() -> None:
    """The table goes from the lowest room up, so the graph of rooms has no circles."""
    below: set[str] = set()
    for name, allowed in MAY_IMPORT.items():
        assert allowed <= below, f"{name} may import {allowed - below}, which is not below it"
        below.add(name)


@pytest.mark.parametrize("file", [f for f in FILES if room_of(f) != "generated"], ids=shown)
def test_imports_go_down_and_through_the_door(file: Path) -> None:
    """Another room is imported where the table allows it, for types too, and by its folder alone."""
    here = room_of(file)
    for _, place in imports_of(file):
        found = reached(file, place)
        assert found.is_file(), f"{shown(file)}: {place}"
        there = room_of(found)
        if there == here:
            assert found.name != "index.ts", f"{shown(file)} imports its own room's door"
            continue
        assert there in MAY_IMPORT[here], f"{shown(file)} must not import {place}"
        if there in ROOMS:
            assert found == PAGE / there / "index.ts", f"{shown(file)} imports {place} past the door of {there}"
            assert not place.endswith("/index"), f"{shown(file)}: {place} names the folder alone"


@pytest.mark.parametrize("file", [f for f in FILES if room_of(f) != "generated"], ids=shown)
def test_imports_of_the_page_can_be_read(file: Path) -> None:
    """Only statements with `from` import, which the tests above see; the engine's worker is imported by its address."""
    assert not OTHERWISE.search(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", [name for name in ROOMS if name not in ENTRIES])
def test_a_door_says_what_the_room_is_for_and_names_what_it_gives(name: str) -> None:
    """An `index.ts` with a comment as its first line and named exports from its own room alone."""
    door = PAGE / name / "index.ts"
    first, *rest = door.read_text(encoding="utf-8").splitlines()

    assert re.fullmatch(r"/\*\* .+\. \*/", first)
    assert "*" not in "".join(rest)
    assert rest
    assert all(room_of(reached(door, place)) == name for _, place in imports_of(door))


def test_doors_give_what_is_used() -> None:
    """Each name that a door exports is imported by another room: the door is no wider than it has to be."""
    taken: dict[Path, set[str]] = {}
    for file in FILES:
        for what, place in imports_of(file):
            if (found := reached(file, place)).name == "index.ts":
                taken.setdefault(found, set()).update(_names(what))
    doors = {name: PAGE / name / "index.ts" for name in ROOMS if name not in ENTRIES}
    given = {name: {each for what, _ in imports_of(door) for each in _names(what)} for name, door in doors.items()}

    assert {name: unused for name, door in doors.items() if (unused := given[name] - taken.get(door, set()))} == {}


def _names(what: str) -> set[str]:
    """The names between the braces of an import."""
    inner = what[what.find("{") + 1 : what.rfind("}")]
    return {part.split(" as ")[0].strip().removeprefix("type ") for part in inner.split(",") if part.strip()}


def test_no_circles_of_files() -> None:
    """Following the imports of the page's files, for types too, never leads back."""
    graph = {file: {reached(file, place) for _, place in imports_of(file)} for file in FILES}
    done: set[Path] = set()

    def walk(file: Path, trail: tuple[Path, ...]) -> None:
        assert file not in trail, " → ".join(map(shown, (*trail, file)))
        if file in done:
            return
        for following in graph[file]:
            walk(following, (*trail, file))
        done.add(file)

    for file in FILES:
        walk(file, ())


# Python: a package that exports names is imported by those who are not in it for these names, not past it.
PACKAGE = ROOT / "sporewright"
PAST_THE_DOOR = {
    "sporewright.core.columnar": "the modules that import numpy are imported late, where they are used",
}
DOORLESS = {
    **dict.fromkeys(
        ("core", "policy", "learning", "routing", "routing.dialects"),
        "pure: each module is a documented path, and a page loads only those that it runs",
    ),
    "device": "the engine and the transports load different halves of it",
    "server": "its parts are loaded by the command that runs them",
    "simulate": "scenarios are modules that the benchmarks run by name",
    "server.store.migrations": "read by Alembic",
    "server.store.migrations.versions": "read by Alembic",
}


def dotted(file: Path) -> str:
    """A module's dotted name."""
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def exported_by(package: Path) -> set[str]:
    """The names of `__all__` in a package's own module."""
    tree = ast.parse((package / "__init__.py").read_text(encoding="utf-8"))
    named = [
        node.value for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    return set(ast.literal_eval(named[0])) if named else set()


PACKAGES = {dotted(file): exported_by(file.parent) for file in sorted(PACKAGE.rglob("__init__.py"))}
DOORS = {name: names for name, names in PACKAGES.items() if names and name != "sporewright"}


def test_each_package_has_a_door_or_a_reason() -> None:
    """A package exports names, or stands in the list of those whose modules are imported by themselves."""
    doorless = {name.removeprefix("sporewright.") for name, names in PACKAGES.items() if not names}

    assert doorless == set(DOORLESS)
    assert set(PAST_THE_DOOR) <= set(DOORS)


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=dotted)
def test_python_goes_through_the_doors(file: Path) -> None:
    """Names that a door exports are imported from it; inner modules only where a reason is given."""
    here = dotted(file)
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom) or not node.module:
            continue
        for door, given in DOORS.items():
            if f"{here}.".startswith(f"{door}."):
                continue
            names = {alias.name for alias in node.names}
            past = names - given if node.module == door else names if node.module.startswith(f"{door}.") else set()
            if door in PAST_THE_DOOR:
                past &= given
            assert not past, f"{here} imports {sorted(past)} of {node.module} past the door {door}"
