"""The project's own wheel: made by hatchling, then cut for the browser. Same sources, same bytes."""

from __future__ import annotations

import base64
import hashlib
import os
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

from wasmbuild.report import BuildError, run, writing

# Dates inside the archive: fixed, not the last commit's, so that the bytes change with the sources only.
EPOCH = "1580601600"
ENTRY_DATE = (2020, 2, 2, 0, 0, 0)
PLACE = "/lib/python{}/site-packages"  # where Pyodide installs it; tracebacks name files below
# What a browser never loads: the orchestrator, the simulator, and what runs only in shells and servers.
NOT_IN_BROWSER = ("sporewright/server/", "sporewright/simulate/", "sporewright/cli.py", "sporewright/cli/")


def build_wheel(root: Path, folder: Path) -> Path:
    """The wheel that every installation gets, in `folder`; BuildError with hatchling's words when it fails."""
    folder.mkdir(parents=True, exist_ok=True)
    env = {"SOURCE_DATE_EPOCH": EPOCH, **os.environ}
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], "wheel", cwd=root, env=env)
    (wheel,) = folder.glob("*.whl")
    return wheel


def browser_wheel(wheel: Path, target: Path) -> Path:
    """The same wheel without what a browser never loads, `RECORD` written anew; same name and version."""
    with zipfile.ZipFile(wheel) as archive:
        files = {name: archive.read(name) for name in archive.namelist() if not name.startswith(NOT_IN_BROWSER)}
    records = [name for name in files if name.endswith(".dist-info/RECORD")]
    if len(records) != 1:
        raise BuildError(f"{wheel.name}: expected one RECORD, found {records}")
    return write_wheel(target, files, records[0])


def with_bytecode(wheel: Path, compiled: Path, python: str, target: Path) -> Path:
    """The same wheel with bytecode for one Python (`3.14`) beside its sources; every other Python ignores it."""
    tag = f"cpython-{python.replace('.', '')}"
    with zipfile.ZipFile(wheel) as sources, zipfile.ZipFile(compiled) as bytecode:
        files = {name: sources.read(name) for name in sources.namelist()}
        (record,) = (name for name in files if name.endswith(".dist-info/RECORD"))
        for name in bytecode.namelist():
            if name.endswith(".pyc"):
                folder, _, file = name.rpartition("/")
                files[f"{folder}/__pycache__/{file.removesuffix('.pyc')}.{tag}.pyc"] = bytecode.read(name)
    return write_wheel(target, files, record)


def write_wheel(target: Path, files: Mapping[str, bytes], record: str) -> Path:
    """Write a wheel byte for byte the same for the same files: fixed dates, modes and order."""
    body = {name: data for name, data in sorted(files.items()) if name != record}
    body[record] = _record(body, record)
    with writing(target), zipfile.ZipFile(target, "w") as archive:
        for name, data in body.items():
            entry = zipfile.ZipInfo(name, ENTRY_DATE)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED, 9)
    return target


def _record(body: Mapping[str, bytes], record: str) -> bytes:
    """The `RECORD` of a wheel: path, urlsafe base64 sha256 without padding, size."""
    lines = []
    for name, data in body.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(data)}\n")
    return "".join([*lines, f"{record},,\n"]).encode()
