"""How the build speaks: one line per step, one error that says which file and what was tried."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from sporewright.errors import SporewrightError

OUTPUT_TAIL = 3000  # characters of a failing tool's output that are shown; Node can print a megabyte of minified source


class BuildError(SporewrightError):
    """The build stopped and left everything as it was; the message names the file and what was tried."""

    code: ClassVar[str] = "build"


def say(text: str) -> None:
    """One line of progress."""
    print(f"build: {text}", flush=True)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """A full disk, or whatever else keeps the block from writing the file, is a BuildError that names it."""
    try:
        yield
    except OSError as error:
        raise BuildError(f"{path}: {error.strerror or error}") from error


def copy(source: Path, target: Path) -> None:
    """Copy the bytes of a file; BuildError naming the target."""
    with writing(target):
        shutil.copyfile(source, target)


def run(
    command: Sequence[str], what: str, *, cwd: Path, env: Mapping[str, str], timeout: float = 600, stdin: str = ""
) -> str:
    """Run a tool quietly and give its standard output; BuildError with its last words when it fails or hangs (s)."""
    try:
        done = subprocess.run(
            command, cwd=cwd, env=env, input=stdin, capture_output=True, text=True, timeout=timeout, check=False
        )
    except FileNotFoundError as error:
        raise BuildError(f"{what}: {command[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"{what}: no end after {timeout:g} s: {' '.join(command)}") from error
    if done.returncode != 0:
        tail = (done.stdout + done.stderr).strip()[-OUTPUT_TAIL:]
        raise BuildError(f"{what}: {' '.join(command)} ended with {done.returncode}\n{tail}")
    return done.stdout
