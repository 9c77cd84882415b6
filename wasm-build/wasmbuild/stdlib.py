"""The standard library as bytecode, cut to what is used: else a page spends most of its start compiling source."""

from __future__ import annotations

import ast
import json
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from wasmbuild.bytecode import compile_archive, forget_others, key_of
from wasmbuild.node import SCRIPTS, run_python
from wasmbuild.report import BuildError, copy, say, writing
from wasmbuild.runtime import STDLIB
from wasmbuild.swap import written_whole

# Kept whole: what they import depends on data (codecs by name), or others use more of them than we do.
KEEP = ("_pyodide/", "pyodide/", "encodings/", "importlib/", "asyncio/", "json/", "collections/", "zipfile/", "re/")
# Imported besides, with all they need: what shows an error, and what engines and tests may well come to use.
ALSO = (
    *("copy", "decimal", "difflib", "fractions", "hmac", "linecache", "logging", "pprint", "secrets", "statistics"),
    *("stringprep", "textwrap", "tokenize", "traceback", "uuid", "warnings"),
)
# Part of the interpreter itself (CPython's Python/frozen.c): never loaded from a file.
FROZEN = ("abc", "codecs", "io", "os", "stat")
PLACE = "/lib/python314.zip"  # where Pyodide puts the archive


def exercise(runtime: Path, wheel: Path) -> set[str]:
    """Boot a runtime, use all that the engine needs; gives the files of its standard library that this loaded."""
    answer = run_python(runtime, "exercise.py", "a runtime that imports what it needs", wheel=str(wheel), also=ALSO)
    return set(json.loads(answer)["used"])


def trim(full: Path, target: Path, used: Iterable[str]) -> None:
    """Write the archive with the used files and the folders kept whole; stored, for a server to compress well."""
    wanted = set(used)
    with writing(target), zipfile.ZipFile(full) as source, zipfile.ZipFile(target, "w") as kept:
        missing = wanted - set(source.namelist())
        if missing:
            raise BuildError(f"{full.name}: has no {sorted(missing)}")
        for entry in source.infolist():
            if entry.filename in wanted or entry.filename.startswith(KEEP):
                kept.writestr(zipfile.ZipInfo(entry.filename, entry.date_time), source.read(entry))


def write_trimmed(runtime: Path, pyodide: Path, wheel: Path, cache: Path) -> None:
    """Replace the standard library of a runtime by the compiled and trimmed one, and prove that it suffices.

    What was found to suffice for these very files is remembered in the cache, so only a change of them costs the proof.
    """
    full, place = compile_archive(pyodide / STDLIB, PLACE, "stdlib", pyodide, cache), runtime / STDLIB
    kept = cache / f"trimmed-{key_of(full, wheel, SCRIPTS / 'exercise.py', Path(__file__))}.zip"
    if not kept.exists():
        say("trimming the standard library to what is used")
        copy(full, place)
        trim(full, place, exercise(runtime, wheel))
        say("booting the trimmed runtime")
        exercise(runtime, wheel)
        check_imports(wheel, full, place)
        with written_whole(kept) as fresh:
            copy(place, fresh)
        forget_others(kept)
    copy(kept, place)


def check_imports(wheel: Path, full: Path, trimmed: Path) -> None:
    """Whatever the wheel imports, inside functions too, is in the trimmed library if it is in the full one."""
    everything, left = (set(zipfile.ZipFile(path).namelist()) for path in (full, trimmed))
    for place, module in _imports(wheel):
        stem = module.replace(".", "/")
        for file in (f"{stem}.pyc", f"{stem}/__init__.pyc"):
            if file in everything - left and module not in FROZEN:
                raise BuildError(f"{place}: imports {module}, which the trimmed standard library has not")


def _imports(wheel: Path) -> Iterator[tuple[str, str]]:
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.endswith(".py"):
                for node in ast.walk(ast.parse(archive.read(name))):
                    if isinstance(node, ast.Import):
                        yield from ((f"{name}:{node.lineno}", alias.name) for alias in node.names)
                    elif isinstance(node, ast.ImportFrom) and node.module:
                        yield f"{name}:{node.lineno}", node.module
                        yield from ((f"{name}:{node.lineno}", f"{node.module}.{alias.name}") for alias in node.names)
