"""The build's own modules, and builds of the runtime in separate folders, fed from the repository's cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WASM_BUILD = ROOT / "wasm-build"
sys.path.insert(0, str(WASM_BUILD))


SOURCES = ("pyproject.toml", "README.md", "LICENSE")


@dataclass(frozen=True)
class Sandbox:
    """A copy of the sources with everything fetched, and what a build of the runtime alone makes of it."""

    root: Path

    @property
    def dist(self) -> Path:
        """The folder that the build replaces."""
        return self.root / "web" / "dist"

    @property
    def cache(self) -> Path:
        """The folder in which the build keeps its downloads."""
        return self.root / "wasm-build" / "cache"

    @property
    def out(self) -> Path:
        """The folder in which the build works."""
        return self.root / "wasm-build" / "out"

    @property
    def pins(self) -> Path:
        """The pins that the build reads."""
        return self.root / "wasm-build" / "pins.toml"

    @property
    def command(self) -> list[str]:
        """The command that a user runs."""
        return [sys.executable, str(self.root / "wasm-build" / "build.py"), "--runtime-only"]

    def run(self, *prefix: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run it, optionally below another command."""
        return subprocess.run(
            [*prefix, *self.command],
            cwd=self.root,
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def leftovers(self) -> list[str]:
        """Whatever a build may have left half-written, outside its result."""
        places = [*self.out.glob("*"), *self.cache.glob("staging-*"), *self.root.rglob("*.part")]
        return sorted(place.name for place in places if place.name not in ("lock", "stamp"))


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    """A sandbox with a previous build in place."""
    if not any((WASM_BUILD / "cache").glob("trimmed-*")):
        pytest.fail("wasm-build/cache is empty: run `make build` first")
    box = Sandbox(tmp_path)
    for name in ("sporewright", "wasm-build"):
        ignored = shutil.ignore_patterns("out", "__pycache__", "staging-*", "*.part")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    for name in SOURCES:
        shutil.copyfile(ROOT / name, tmp_path / name)
    box.dist.mkdir(parents=True)
    (box.dist / "previous.txt").write_text("the build before\n")
    return box
