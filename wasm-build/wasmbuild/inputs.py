"""What a build depends on, as one hash: unchanged inputs and an intact `web/dist/` mean there is nothing to do."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

INPUTS = ("sporewright", "wasm-build", "web", "pyproject.toml", "README.md", "LICENSE")
LEFT_OUT = {"__pycache__", "node_modules", "dist", "generated", "cache", "out", "tests"}
STAMP = "stamp"


def digest_inputs(root: Path, arguments: str) -> str:
    """The hash of everything that goes into the build, and of how it was asked for."""
    digest = hashlib.sha256(arguments.encode())
    for path in _files(root):
        digest.update(f"\0{path.relative_to(root).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _files(root: Path) -> Iterator[Path]:
    for name in INPUTS:
        top = root / name
        if top.is_file():
            yield top
        else:
            yield from _below(top)


def _below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_file():
            yield path
        elif path.is_dir() and path.name not in LEFT_OUT:
            yield from _below(path)
