"""`manifest.json`: every file of the build with its size and hash; what a deployment is checked against."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from wasmbuild.layout import Layout, entry_of
from wasmbuild.pins import Pins
from wasmbuild.report import BuildError, writing

MANIFEST = "manifest.json"
ENCODED = (".gz", ".br")  # the same file, compressed for a server to send instead; never asked for by name


def files_of(dist: Path) -> dict[str, dict[str, Any]]:
    """Name relative to the build → size in bytes and sha256, sorted; without compressed copies and the manifest."""
    paths = sorted(path for path in dist.rglob("*") if path.is_file() and path.suffix not in ENCODED)
    names = {path.relative_to(dist).as_posix(): path for path in paths}
    return {name: entry_of(path) for name, path in names.items() if name != MANIFEST}


def write_manifest(dist: Path, pins: Pins, built: Layout) -> None:
    """Write the manifest of a finished build (docs/reference/build.md)."""
    files = files_of(dist)
    version = Path(built.wheel).name.split("-")[1]
    worker = [name for name in files if name.startswith("runtime/worker-")]
    body = {"version": version, "pyodide": pins.pyodide, "python": pins.python}
    places = {"index": built.index, "lock": built.lock, "wheel": built.wheel}
    text = json.dumps({**body, **places, "boot": [*worker, *built.files], "files": files}, indent=1)
    with writing(dist / MANIFEST):
        (dist / MANIFEST).write_text(text + "\n", "utf-8")


def verify(dist: Path) -> None:
    """Every file is as the manifest says, and none is missing or unlisted; BuildError naming the first that is not."""
    manifest = json.loads((dist / MANIFEST).read_text("utf-8"))
    listed, found = manifest["files"], files_of(dist)
    for name in sorted({*listed, *found, *manifest["boot"]}):
        if name not in listed:
            raise BuildError(f"{dist / name}: not listed in {MANIFEST}")
        if listed[name] != found.get(name):
            raise BuildError(f"{dist / name}: is {found.get(name, 'missing')}, listed as {listed[name]}")
