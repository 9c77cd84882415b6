"""Archives of Python source compiled by the very interpreter that a page will run."""

from __future__ import annotations

import hashlib
from pathlib import Path

from wasmbuild.node import SCRIPTS, run_python
from wasmbuild.report import say
from wasmbuild.swap import written_whole


def key_of(*paths: Path) -> str:
    """A short name for the contents of these files together."""
    return hashlib.sha256(b"".join(hashlib.sha256(path.read_bytes()).digest() for path in paths)).hexdigest()[:16]


def compile_archive(source: Path, place: str, kind: str, pyodide: Path, cache: Path) -> Path:
    """The archive with a .pyc for each .py, which tracebacks name below `place`; made once for the same bytes."""
    kept = cache / f"{kind}-{key_of(source, SCRIPTS / 'compile.py')}.zip"
    if not kept.exists():
        say(f"compiling the {kind} inside Pyodide")
        with written_whole(kept) as fresh:
            words = {"source": str(source.resolve()), "target": str(fresh.resolve()), "place": place}
            run_python(pyodide, "compile.py", f"compiled {kind}", **words)
        forget_others(kept)
    return kept


def page_archive(compiled: Path, module: str, pyodide: Path, cache: Path) -> Path:
    """What a page imports `module` from: the compiled archive and the code its dataclasses would compile; made once."""
    kept = cache / f"page-{key_of(compiled, SCRIPTS / 'precompile.py')}.zip"
    if not kept.exists():
        say("compiling the dataclasses inside Pyodide")
        with written_whole(kept) as fresh:
            words = {"source": str(compiled.resolve()), "target": str(fresh.resolve()), "module": module}
            run_python(pyodide, "precompile.py", "compiled dataclasses", **words)
        forget_others(kept)
    return kept


def forget_others(kept: Path) -> None:
    """Drop what the cache holds of the same kind for earlier inputs."""
    kind, _, _ = kept.name.rpartition("-")
    for old in kept.parent.glob(f"{kind}-*.zip"):
        if old != kept:
            old.unlink()
