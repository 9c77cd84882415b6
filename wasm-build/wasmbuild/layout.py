"""`runtime/` as it is served: folders named by their content, so that whatever is below them may be kept for ever.

What comes from Pyodide changes with the pins, what is ours with every change of the sources: two folders, so that a
new build of ours costs a returning page the second one only.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from wasmbuild.pins import Digest
from wasmbuild.report import BuildError, writing
from wasmbuild.runtime import ARCHIVE, LOCK, PYODIDE_FILES, STDLIB

SHA256 = Digest("sha256", "")
KEY = 12  # hexadecimal digits of the content in a name


@dataclass(frozen=True)
class Layout:
    """Where everything is, relative to the build; `files` has the size and the sha256 of what a start needs."""

    index: str  # Pyodide's folder, with its closing slash
    lock: str
    wheel: str
    archive: str
    files: dict[str, dict[str, Any]]
    packages: dict[str, Any]  # the lock file itself, as the worker carries it

    def to_json(self) -> str:
        """As the bundler reads it."""
        return json.dumps(asdict(self))


def entry_of(path: Path) -> dict[str, Any]:
    """Size in bytes and sha256 of a file."""
    return {"bytes": path.stat().st_size, "sha256": SHA256.of(path).value}


def lay_out(flat: Path, dist: Path, wheel: str) -> Layout:
    """Move a composed runtime from its one folder into `dist/runtime/`; the lock file then has the new paths."""
    lock = json.loads((flat / LOCK).read_text("utf-8"))
    own = {wheel, ARCHIVE, LOCK}
    theirs = {path.name for path in flat.iterdir()} - own
    index = _move(flat, dist, "pyodide", theirs)
    for entry in lock["packages"].values():
        if entry["file_name"] in theirs:
            entry["file_name"] = f"../{Path(index).name}/{entry['file_name']}"
    with writing(flat / LOCK):
        (flat / LOCK).write_text(json.dumps(lock, indent=1) + "\n", "utf-8")
    place = _move(flat, dist, "sporewright", own)
    boot = [*(index + name for name in (*PYODIDE_FILES, STDLIB)), place + ARCHIVE]
    files = {name: entry_of(dist / name) for name in boot}
    return Layout(index, place + LOCK, place + wheel, place + ARCHIVE, files, lock)


def _move(flat: Path, dist: Path, group: str, names: set[str]) -> str:
    """Move these files into a folder named by their names and contents; gives its path in the build."""
    digest = hashlib.sha256()
    for name in sorted(names):
        if not (flat / name).is_file():
            raise BuildError(f"{flat / name}: is not there to be served")
        digest.update(f"{name}\0{SHA256.of(flat / name).value}\0".encode())
    place = f"runtime/{group}-{digest.hexdigest()[:KEY]}/"
    with writing(dist / place):
        (dist / place).mkdir(parents=True)
        for name in names:
            shutil.move(flat / name, dist / place / name)
    return place
