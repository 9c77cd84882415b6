"""What was built boots in real Pyodide with no other host, and holds what the contracts promise."""

from __future__ import annotations

import functools
import gzip
import hashlib
import http.server
import json
import shutil
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from tests.build.conftest import ROOT, WASM_BUILD

DIST = ROOT / "web" / "dist"
RUNTIME = DIST / "runtime"


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    """The page is built before it is tested."""
    if not (DIST / "manifest.json").is_file():
        pytest.fail("web/dist has no manifest.json: run `make build` first")


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Plain static files; what was asked for is remembered instead of printed."""

    asked: ClassVar[list[str]] = []

    def log_message(self, *_: object) -> None:
        """Remember the path."""
        self.asked.append(self.path)


@pytest.fixture
def origin() -> Iterator[str]:
    """The build, served as plain static files."""
    Quiet.asked.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(DIST))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_it_boots_with_no_other_host(origin: str, tmp_path: Path) -> None:
    """`loadPackage("numpy")`, `micropip.install` of the wheel and one resolve work with every other address denied."""
    script = Path(__file__).with_name("boot.mjs")
    done = subprocess.run(
        ["node", str(script), str(RUNTIME), origin, str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["guard"] != "open"
    assert answer["denied"] == []
    assert answer["byLock"]["loaded"] == ["numpy"]
    served = {path.rpartition("/")[2].partition("-")[0] for path in Quiet.asked if path.endswith(".whl")}
    assert served == {"numpy", "micropip", "sporewright"}
    assert answer["order"] == "quick slow"
    assert answer["eager"] == ""


def test_the_manifest_lists_every_file() -> None:
    """Each file is in the manifest with its size and sha256, and boot names only listed files (contracts §6)."""
    manifest = json.loads((DIST / "manifest.json").read_text())
    found = {
        path.relative_to(DIST).as_posix(): path.read_bytes()
        for path in DIST.rglob("*")
        if path.is_file() and path.suffix not in (".gz", ".br") and path.name != "manifest.json"
    }
    assert {name: (len(data), hashlib.sha256(data).hexdigest()) for name, data in found.items()} == {
        name: (entry["bytes"], entry["sha256"]) for name, entry in manifest["files"].items()
    }
    assert set(manifest["boot"]) <= set(manifest["files"])
    assert f"runtime/{manifest['wheel']}" in manifest["boot"]


def test_compressed_copies_are_the_same_files() -> None:
    """Each `.gz` beside a file holds exactly that file's bytes, and what a page starts with has both forms."""
    copies = sorted(DIST.rglob("*.gz"))
    for copy in copies:
        assert gzip.decompress(copy.read_bytes()) == copy.with_suffix("").read_bytes()
        assert copy.with_suffix(".br").is_file()
    assert {"python_stdlib.zip.gz", "pyodide.asm.wasm.gz", "pyodide.asm.mjs.gz"} <= {copy.name for copy in copies}


def test_the_lock_file_names_exactly_the_wheels_served() -> None:
    """Every entry's file is there with the sha256 it is listed under, and no wheel is there without an entry."""
    packages = json.loads((RUNTIME / "pyodide-lock.json").read_text())["packages"]
    listed = {entry["file_name"]: entry["sha256"] for entry in packages.values()}
    assert listed == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in RUNTIME.glob("*.whl")}
    assert set(packages) == {"numpy", "micropip", "packaging", "sporewright"}


def test_the_browser_gets_no_server() -> None:
    """The wheel served to browsers has neither the orchestrator nor the command line in it."""
    (wheel,) = RUNTIME.glob("sporewright-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {"sporewright/errors.py", "sporewright/__pycache__/errors.cpython-314.pyc"} <= set(names)
    assert [name for name in names if name.startswith(("sporewright/server", "sporewright/cli"))] == []


def test_a_library_cut_too_far_fails_the_build(tmp_path: Path) -> None:
    """An import that the trimmed library lacks stops the build, met at import or inside a function."""
    from wasmbuild.report import BuildError
    from wasmbuild.stdlib import check_imports, exercise

    (wheel,) = RUNTIME.glob("sporewright-*.whl")
    (full,) = (WASM_BUILD / "cache").glob("stdlib-*.zip")
    runtime = tmp_path / "runtime"
    shutil.copytree(RUNTIME, runtime)
    with (
        zipfile.ZipFile(RUNTIME / "python_stdlib.zip") as whole,
        zipfile.ZipFile(runtime / "python_stdlib.zip", "w") as cut,
    ):
        for name in whole.namelist():
            if name != "dataclasses.pyc":
                cut.writestr(name, whole.read(name))
    with pytest.raises(BuildError, match="dataclasses"):
        exercise(runtime, wheel)
    with pytest.raises(BuildError, match="imports dataclasses"):
        check_imports(wheel, full, runtime / "python_stdlib.zip")
