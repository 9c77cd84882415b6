"""The build boots in real Pyodide with no other host, and holds what the contracts promise."""

from __future__ import annotations

import functools
import gzip
import hashlib
import http.server
import json
import re
import shutil
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.build.conftest import ROOT, WASM_BUILD

DIST = ROOT / "web" / "dist"


def manifest() -> dict[str, Any]:
    """The build's manifest."""
    read: dict[str, Any] = json.loads((DIST / "manifest.json").read_text())
    return read


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
        ["node", str(script), str(DIST), origin, str(tmp_path)],
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
    """Each file is in the manifest with its size and sha256, and boot names only listed files (reference/build.md)."""
    told = manifest()
    found = {
        path.relative_to(DIST).as_posix(): path.read_bytes()
        for path in DIST.rglob("*")
        if path.is_file() and path.suffix not in (".gz", ".br") and path.name != "manifest.json"
    }
    assert {name: (len(data), hashlib.sha256(data).hexdigest()) for name, data in found.items()} == {
        name: (entry["bytes"], entry["sha256"]) for name, entry in told["files"].items()
    }
    assert {*told["boot"], told["lock"], told["wheel"], f"{told['index']}pyodide.mjs"} <= set(told["files"])


def test_names_say_the_content() -> None:
    """Files under `runtime/` and `assets/` may be kept for ever: scripts and folders carry a hash."""
    told = manifest()
    for name in (name for name in told["files"] if name.startswith(("runtime/", "assets/"))):
        assert re.match(r"(runtime/(pyodide|sporewright|worker)|assets/index)-[\w-]{8,12}[/.]", name), name
    (worker,) = (name for name in told["files"] if name.startswith("runtime/worker-"))
    assert told["files"][worker]["sha256"].startswith(worker.removeprefix("runtime/worker-").removesuffix(".js"))
    others = {name for name in told["files"] if not name.startswith(("runtime/", "assets/"))}
    assert others == {"index.html", "service-worker.js", "sporewright.d.ts", "sporewright.js"}


def test_a_change_of_ours_leaves_the_interpreter_where_it_is(tmp_path: Path) -> None:
    """Another wheel is another folder of ours; Pyodide's own folder, the larger one, keeps its name."""
    from wasmbuild.layout import lay_out

    wheel = Path(manifest()["wheel"]).name
    layouts = []
    for number, text in enumerate((b"one", b"other")):
        flat = tmp_path / f"flat{number}"
        shutil.copytree(DIST / manifest()["index"], flat)
        for name in ("sporewright.zip", wheel):
            (flat / name).write_bytes(text)
        shutil.copyfile(DIST / manifest()["lock"], flat / "pyodide-lock.json")
        layouts.append(lay_out(flat, tmp_path / f"dist{number}", wheel))
    assert layouts[0].index == layouts[1].index
    assert layouts[0].wheel != layouts[1].wheel


def test_compressed_copies_are_the_same_files() -> None:
    """Each `.gz` beside a file holds exactly that file's bytes, and what a page starts with has both forms."""
    copies = sorted(DIST.rglob("*.gz"))
    for copy in copies:
        assert gzip.decompress(copy.read_bytes()) == copy.with_suffix("").read_bytes()
        assert copy.with_suffix(".br").is_file()
    assert {"python_stdlib.zip.gz", "pyodide.asm.wasm.gz", "pyodide.asm.mjs.gz"} <= {copy.name for copy in copies}


def test_the_lock_file_names_exactly_the_wheels_served() -> None:
    """Every entry's file is where it says, with its sha256, and no wheel is there without an entry."""
    lock = DIST / manifest()["lock"]
    packages = json.loads(lock.read_text())["packages"]
    listed = {(lock.parent / entry["file_name"]).resolve(): entry["sha256"] for entry in packages.values()}
    served = DIST.rglob("*.whl")
    assert listed == {path.resolve(): hashlib.sha256(path.read_bytes()).hexdigest() for path in served}
    assert set(packages) == {"numpy", "micropip", "packaging", "sporewright"}


def test_the_browser_gets_no_server() -> None:
    """Neither the wheel nor the archive served to browsers has the orchestrator or the command line in it."""
    wheel = DIST / manifest()["wheel"]
    names = zipfile.ZipFile(wheel).namelist()
    archived = zipfile.ZipFile(wheel.with_name("sporewright.zip")).namelist()
    assert {"sporewright/errors.py", "sporewright/__pycache__/errors.cpython-314.pyc"} <= set(names)
    assert {"sporewright/errors.pyc", "dataclasses.bin"} <= set(archived)
    assert [name for name in names + archived if name.startswith(("sporewright/server", "sporewright/cli"))] == []


def test_a_library_cut_too_far_fails_the_build(tmp_path: Path) -> None:
    """An import that the trimmed library lacks stops the build, met at import or inside a function."""
    from wasmbuild.report import BuildError
    from wasmbuild.stdlib import check_imports, exercise

    wheel = DIST / manifest()["wheel"]
    (full,) = (WASM_BUILD / "cache").glob("stdlib-*.zip")
    runtime = tmp_path / "runtime"
    shutil.copytree(DIST / manifest()["index"], runtime)
    lock = json.loads((DIST / manifest()["lock"]).read_text())
    for entry in lock["packages"].values():
        entry["file_name"] = Path(entry["file_name"]).name
    (runtime / "pyodide-lock.json").write_text(json.dumps(lock))
    with (
        zipfile.ZipFile(DIST / manifest()["index"] / "python_stdlib.zip") as whole,
        zipfile.ZipFile(runtime / "python_stdlib.zip", "w") as cut,
    ):
        for name in whole.namelist():
            if name != "dataclasses.pyc":
                cut.writestr(name, whole.read(name))
    with pytest.raises(BuildError, match="dataclasses"):
        exercise(runtime, wheel)
    with pytest.raises(BuildError, match="imports dataclasses"):
        check_imports(wheel, full, runtime / "python_stdlib.zip")
