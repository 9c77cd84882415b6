"""A runtime in one folder: Pyodide, the wheels and a lock file cut to them, so that a page needs no other host."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from wasmbuild.pins import Digest, Pins
from wasmbuild.report import BuildError, copy, writing

PYODIDE_FILES = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm")
STDLIB = "python_stdlib.zip"
LOCK = "pyodide-lock.json"
ARCHIVE = "sporewright.zip"  # what a page imports: the wheel as bytecode alone, stored, for a server to compress well


def unpack(package: Path, folder: Path) -> Path:
    """Unpack the npm package of Pyodide, plain files alone; gives the folder with its files.

    BuildError for a member that is anything else, or lies elsewhere. By hand, because `filter` came with Python 3.11.4.
    """
    with tarfile.open(package) as archive:
        for member in archive:
            target = folder / member.name
            content = archive.extractfile(member) if member.isfile() else None
            if content is None or not target.resolve().is_relative_to(folder.resolve()):
                raise BuildError(f"{package.name}: {member.name!r} is no file inside the package")
            with writing(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content.read())
    return folder / "package"


def stock_lock(pyodide: Path, pins: Pins) -> dict[str, Any]:
    """The release's own lock file; BuildError when it and the pins disagree about the Python or about a wheel."""
    lock: dict[str, Any] = json.loads((pyodide / LOCK).read_text("utf-8"))
    if not lock["info"]["python"].startswith(f"{pins.python}."):
        raise BuildError(f"{LOCK}: Python is {lock['info']['python']}, pinned {pins.python}")
    for pin in pins.wheels:
        entry = lock["packages"].get(pin.name, {})
        for field, pinned in (("version", pin.version), ("file_name", pin.file), ("sha256", pin.sha256)):
            if entry.get(field) != pinned:
                raise BuildError(f"{LOCK}: {field} of {pin.name} is {entry.get(field)}, pinned {pinned}")
    return lock


def own_entry(wheel: Path) -> dict[str, Any]:
    """The lock file's entry for the project's wheel; no dependency: numpy is loaded when a tensor is wide enough."""
    name, version = wheel.name.split("-")[:2]
    return {
        "name": name,
        "version": version,
        "file_name": wheel.name,
        "install_dir": "site",
        "sha256": Digest("sha256", "").of(wheel).value,
        "package_type": "package",
        "imports": [name],
        "depends": [],
        "unvendored_tests": False,
    }


def write_runtime(target: Path, pyodide: Path, pins: Pins, wheels: Iterable[Path], own: Path) -> None:
    """Compose the folder: interpreter, standard library, wheels and the lock file that names exactly these."""
    target.mkdir(parents=True)
    for name in (*PYODIDE_FILES, STDLIB):
        copy(pyodide / name, target / name)
    for wheel in (*wheels, own):
        copy(wheel, target / wheel.name)
    lock = stock_lock(pyodide, pins)
    kept = {pin.name: lock["packages"][pin.name] for pin in pins.wheels}
    packages = {**kept, "sporewright": own_entry(own)}
    text = json.dumps({"info": lock["info"], "packages": dict(sorted(packages.items()))}, indent=1)
    with writing(target / LOCK):
        (target / LOCK).write_text(text + "\n", "utf-8")
