"""How the build speaks: one line per step, one error that says which file and what was tried."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
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
    pipe = subprocess.PIPE
    try:
        process = subprocess.Popen(
            command, cwd=cwd, env=env, stdin=pipe, stdout=pipe, stderr=pipe, text=True, start_new_session=True
        )
    except FileNotFoundError as error:
        raise BuildError(f"{what}: {command[0]} is not installed") from error
    try:
        output, errors = process.communicate(stdin, timeout)
    except BaseException as error:
        _end(process)
        if isinstance(error, subprocess.TimeoutExpired):
            raise BuildError(f"{what}: no end after {timeout:g} s: {' '.join(command)}") from error
        raise
    if process.returncode != 0:
        tail = (output + errors).strip()[-OUTPUT_TAIL:]
        raise BuildError(f"{what}: {' '.join(command)} ended with {process.returncode}\n{tail}")
    return output


def _end(process: subprocess.Popen[str]) -> None:
    """End a tool with all that it started: what npm started would go on writing into a folder that is being removed."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
