"""Versions and hashes stand in one place; every other mention agrees with it."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path

from tests.build.conftest import ROOT, WASM_BUILD

PINS = tomllib.loads((WASM_BUILD / "pins.toml").read_text())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
WEB = json.loads((ROOT / "web" / "package.json").read_text())
SETUP = (WASM_BUILD / "setup.sh").read_text()
LOCKED = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE))


def texts() -> dict[Path, str]:
    """Every text file that git knows, but the lock files of package clients."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    paths = [ROOT / name for name in listed.split("\0") if name and not name.endswith(("package-lock.json", ".lock"))]
    read = {path: path.read_bytes() for path in paths if path.is_file()}
    return {path: data.decode() for path, data in read.items() if b"\0" not in data}


def test_one_pyodide_everywhere() -> None:
    """Any full version of Pyodide's kind (314.0.4) written anywhere is the pinned one."""
    found = {
        (path.relative_to(ROOT).as_posix(), version)
        for path, text in texts().items()
        for version in re.findall(r"(?<![\d.])3\d\d\.\d+\.\d+(?![\d.])", text)
    }
    assert "wasm-build/pins.toml" in {path for path, _ in found}
    assert {version for _, version in found} == {PINS["pyodide"]["version"]}, sorted(found)


def test_the_pins_fit_one_another() -> None:
    """File names and the download address carry the pinned versions, and numpy's wheel the pinned Python."""
    for name, pin in PINS["wheels"].items():
        assert pin["file"].startswith(f"{name}-{pin['version']}-")
    assert f"/v{PINS['pyodide']['version']}/" in PINS["pyodide"]["download"]
    assert f"cp{PINS['pyodide']['python'].replace('.', '')}-" in PINS["wheels"]["numpy"]["file"]


def test_the_built_lock_file_has_the_pinned_wheels() -> None:
    """A page loads the pinned wheels."""
    dist = ROOT / "web/dist"
    manifest = json.loads((dist / "manifest.json").read_text())
    packages = json.loads((dist / manifest["lock"]).read_text())["packages"]
    for name, pin in PINS["wheels"].items():
        entry = packages[name]
        file = Path(entry["file_name"]).name
        assert (entry["version"], file, entry["sha256"]) == (pin["version"], pin["file"], pin["sha256"])


def test_npm_has_no_pyodide_of_its_own() -> None:
    """If the page's package names Pyodide at all, it is the pinned version."""
    named = {**WEB.get("dependencies", {}), **WEB.get("devDependencies", {})}
    assert named.get("pyodide", PINS["pyodide"]["version"]) == PINS["pyodide"]["version"]


def test_the_build_backend_is_the_locked_one() -> None:
    """The wheel is built by the same hatchling in an isolated build and in ours."""
    (required,) = PROJECT["build-system"]["requires"]
    assert required == f"hatchling=={LOCKED['hatchling']}"
    assert required in PROJECT["dependency-groups"]["build"]


def test_the_minimal_versions_agree() -> None:
    """The Python and Node that the set-up asks for are the ones that the packages declare."""
    python = PROJECT["project"]["requires-python"].removeprefix(">=")
    node = WEB["engines"]["node"].removeprefix(">=")
    assert f"Python {python} or newer" in SETUP
    assert f"sys.version_info < ({python.replace('.', ', ')})" in SETUP
    assert f"Node {node} or newer" in SETUP


def test_each_dependency_of_the_page_is_exact() -> None:
    """npm packages are named by exact version; their hashes stand in the lock file."""
    named = {**WEB.get("dependencies", {}), **WEB.get("devDependencies", {})}
    assert [f"{name}@{version}" for name, version in named.items() if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []
    locked = json.loads((ROOT / "web" / "package-lock.json").read_text())["packages"]
    assert {name: locked[f"node_modules/{name}"]["version"] for name in named} == named
    assert [name for name, entry in locked.items() if name and "integrity" not in entry] == []
