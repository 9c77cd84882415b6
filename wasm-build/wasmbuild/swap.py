"""One build at a time, made aside and moved into place whole: what was there stays until its successor is complete."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wasmbuild.report import say

STAGING = "staging-"
PREVIOUS = "previous"


@contextmanager
def exclusive(out: Path) -> Iterator[None]:
    """Hold the build's lock; waits for another build of this checkout, and says so."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another build of this checkout")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def tidy(out: Path, dist: Path, cache: Path) -> None:
    """Mend what a killed build left: put the previous one back if it died between the two renames, drop its scraps."""
    previous = out / PREVIOUS
    if previous.exists() and not dist.exists():
        previous.replace(dist)
    shutil.rmtree(previous, ignore_errors=True)
    for left in (*out.glob(f"{STAGING}*"), *cache.glob(f"{STAGING}*")):
        shutil.rmtree(left, ignore_errors=True)
    for part in cache.rglob("*.part"):
        part.unlink()


@contextmanager
def written_whole(target: Path) -> Iterator[Path]:
    """A path to write to, which becomes `target` if the block ends well, and is removed if it does not."""
    fresh = target.with_name(f"{target.name}.part")
    try:
        yield fresh
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)


@contextmanager
def staging(out: Path, dist: Path) -> Iterator[Path]:
    """An empty folder that becomes `dist` if the block ends well, else is removed; under `exclusive` only."""
    folder = Path(tempfile.mkdtemp(dir=out, prefix=STAGING))
    try:
        folder.chmod(0o755)
        yield folder
        _replace(dist, folder, out / PREVIOUS)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _replace(dist: Path, fresh: Path, previous: Path) -> None:
    dist.parent.mkdir(parents=True, exist_ok=True)
    if dist.exists():
        dist.replace(previous)
    fresh.replace(dist)
    shutil.rmtree(previous, ignore_errors=True)
