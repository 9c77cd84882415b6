"""Compressed copies beside the files, for a server to send instead: brotli and gzip, made once for the same bytes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from wasmbuild.node import SCRIPTS
from wasmbuild.pins import Digest
from wasmbuild.report import copy, run, say

SUFFIXES = {".js", ".mjs", ".wasm", ".json", ".html", ".css", ".svg", ".ts", ".zip"}  # a wheel is deflated already
SMALLEST = 1024  # bytes; below a network packet there is nothing to gain
TIMEOUT_S = 300.0


def compress(dist: Path, quality: int, cache: Path) -> None:
    """Write `<file>.br` and `<file>.gz` beside each file that gains by it."""
    kept = cache / f"compressed-{quality}"
    kept.mkdir(parents=True, exist_ok=True)
    keys = {path: kept / Digest("sha256", "").of(path).value for path in _worth_it(dist)}
    missing = {path: key for path, key in keys.items() if not key.with_suffix(".gz").exists()}
    if missing:
        say(f"compressing {len(missing)} files, {sum(path.stat().st_size for path in missing) / 1e6:.1f} MB")
        _make(missing, quality)
    for path, key in keys.items():
        for suffix in (".br", ".gz"):
            copy(key.with_suffix(suffix), path.with_name(path.name + suffix))
    _forget(kept, keys.values())


def _worth_it(dist: Path) -> list[Path]:
    found = (path for path in sorted(dist.rglob("*")) if path.suffix in SUFFIXES)
    return [path for path in found if path.stat().st_size >= SMALLEST]


def _make(missing: dict[Path, Path], quality: int) -> None:
    """Compress under temporary names, and rename once all are whole."""
    parts = {key: (key.with_suffix(".br.part"), key.with_suffix(".gz.part")) for key in missing.values()}
    lines = [json.dumps([str(path), *map(str, parts[key])]) for path, key in missing.items()]
    try:
        command = ["node", str(SCRIPTS / "compress.mjs"), str(quality)]
        run(command, "compressed files", cwd=SCRIPTS, env=os.environ, timeout=TIMEOUT_S, stdin="\n".join(lines))
        for pair in parts.values():
            for part in pair:
                part.replace(part.with_suffix(""))
    finally:
        for pair in parts.values():
            for part in pair:
                part.unlink(missing_ok=True)


def _forget(kept: Path, keys: Iterable[Path]) -> None:
    """Drop copies of files that are no longer built."""
    wanted = {key.name for key in keys}
    for path in kept.iterdir():
        if path.stem not in wanted:
            path.unlink()
