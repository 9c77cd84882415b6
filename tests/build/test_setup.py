"""A missing prerequisite is named, with the way to get it, before anything is installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.build.conftest import WASM_BUILD

TOOLS = ("bash", "dirname", "cat")


def machine(folder: Path, **programs: str) -> Path:
    """A folder for PATH with the shell's tools and these programs only, each given as a shell script."""
    folder.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found
        (folder / tool).symlink_to(found)
    for name, script in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return folder


def setup(path: Path) -> subprocess.CompletedProcess[str]:
    """Run the set-up on such a machine."""
    command = [str(path / "bash"), str(WASM_BUILD / "setup.sh")]
    return subprocess.run(command, env={"PATH": str(path)}, capture_output=True, text=True, timeout=60, check=False)


REAL_PYTHON = f'exec "{sys.executable}" "$@"'


@pytest.mark.parametrize("programs", [{}, {"python3": 'echo "Python 3.9.2"; exit 1'}], ids=["no python", "an old one"])
def test_without_a_new_enough_python(tmp_path: Path, programs: dict[str, str]) -> None:
    """No Python 3.11 on PATH: the set-up stops, says what it needs and where it is found."""
    done = setup(machine(tmp_path / "bin", **programs))
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed" in done.stderr
    assert "https://www.python.org/downloads/" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("programs", "reason"),
    [
        ({}, "was not found"),
        ({"node": "exit 0"}, "npm is not"),
        ({"node": '[ "$1" = --version ] && echo v18.1.0; exit 1', "npm": "exit 0"}, "found v18.1.0"),
    ],
    ids=["no node", "no npm", "an old node"],
)
def test_without_a_new_enough_node(tmp_path: Path, programs: dict[str, str], reason: str) -> None:
    """No Node 20.19 with npm on PATH: the set-up stops, says which of them is missing and where it is found."""
    done = setup(machine(tmp_path / "bin", python3=REAL_PYTHON, **programs))
    assert done.returncode == 1
    assert "Node 20.19 or newer (with npm) is needed" in done.stderr
    assert reason in done.stderr
    assert "https://nodejs.org/" in done.stderr


def test_a_second_run_does_nothing() -> None:
    """With everything installed the set-up is silent."""
    command = [str(WASM_BUILD / "setup.sh")]
    subprocess.run(command, capture_output=True, timeout=300, check=True)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout + done.stderr == ""
