"""The build's own modules, and builds of the runtime in folders of their own, fed from the repository's cache."""

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


@dataclass(frozen=True)
class Sandbox:
    """A build of the runtime alone, with pins, cache, working folder and result of its own."""

    folder: Path

    @property
    def dist(self) -> Path:
        """What the build replaces."""
        return self.folder / "web" / "dist"

    @property
    def cache(self) -> Path:
        """Where the build keeps what it fetched."""
        return self.folder / "cache"

    @property
    def pins(self) -> Path:
        """The pins that the build reads."""
        return self.folder / "pins.toml"

    def run(self, *prefix: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run `build.py` as a user does, optionally below another command."""
        command = [*prefix, sys.executable, str(WASM_BUILD / "build.py"), "--runtime-only"]
        command += ["--pins", str(self.pins), "--cache", str(self.cache)]
        command += ["--out", str(self.folder / "out"), "--dist", str(self.dist)]
        return subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def leftovers(self) -> list[str]:
        """Whatever a build may have left half-written, outside its result."""
        places = [*self.folder.glob("out/*"), *self.folder.glob("cache/staging-*"), *self.folder.rglob("*.part")]
        return sorted(place.name for place in places if place.name not in ("lock", "stamp"))


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    """A sandbox with the real pins, everything fetched already, and a previous build in place."""
    source = WASM_BUILD / "cache"
    if not any(source.glob("trimmed-*")):
        pytest.fail("wasm-build/cache is empty: run `make build` first")
    shutil.copytree(source, tmp_path / "cache")
    shutil.copyfile(WASM_BUILD / "pins.toml", tmp_path / "pins.toml")
    box = Sandbox(tmp_path)
    box.dist.mkdir(parents=True)
    (box.dist / "previous.txt").write_text("the build before\n")
    return box
