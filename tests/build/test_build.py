"""The build gives the same bytes twice, and stops cleanly: dist as it was, the file named, nothing half-written."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from tests.build.conftest import ROOT, SOURCES, Sandbox

NOWHERE = "http://127.0.0.1:9/"  # the discard port, which nobody listens on


def assert_untouched(box: Sandbox) -> None:
    """The previous build is all there is."""
    assert [path.name for path in box.dist.iterdir()] == ["previous.txt"]
    assert box.leftovers() == []


def offline() -> dict[str, str]:
    """An environment in which neither package client reaches anything."""
    return {"npm_config_registry": NOWHERE, "PIP_NO_INDEX": "1"}


def without(box: Sandbox, pattern: str) -> str:
    """Remove one file from the cache; gives its name."""
    (file,) = box.cache.glob(pattern)
    file.unlink()
    return file.name


def unreachable_upstream(box: Sandbox) -> None:
    """Point the pinned address at a port on which nothing listens."""
    text = box.pins.read_text()
    (line,) = [line for line in text.splitlines() if line.startswith("download = ")]
    box.pins.write_text(text.replace(line, f'download = "{NOWHERE}{{file}}"'))


def test_same_sources_same_wheel(tmp_path: Path) -> None:
    """Two builds of the wheel, from copies with other file times and another umask, are equal byte for byte."""
    from wasmbuild.wheel import browser_wheel, build_wheel

    wheels = []
    for number, umask in enumerate((0o022, 0o077)):
        before = os.umask(umask)
        try:
            copy = tmp_path / f"copy{number}"
            copy.mkdir()
            shutil.copytree(ROOT / "sporewright", copy / "sporewright", copy_function=shutil.copyfile)
            for name in SOURCES:
                shutil.copyfile(ROOT / name, copy / name)
            full = build_wheel(copy, tmp_path / f"wheel{number}")
            wheels.append((full.read_bytes(), browser_wheel(full, tmp_path / f"cut{number}.whl").read_bytes()))
        finally:
            os.umask(before)
    assert wheels[0] == wheels[1]


def test_same_inputs_same_build(sandbox: Sandbox) -> None:
    """Two builds from nothing give the same manifest, hashes of every file included; unchanged inputs build nothing."""
    first = sandbox.run()
    assert first.returncode == 0, first.stderr
    manifest = (sandbox.dist / "manifest.json").read_bytes()
    assert "up to date" in sandbox.run().stdout
    (sandbox.dist / "manifest.json").unlink()
    assert "up to date" not in sandbox.run().stdout
    assert (sandbox.dist / "manifest.json").read_bytes() == manifest


def test_a_changed_result_is_built_again(sandbox: Sandbox) -> None:
    """A file of the result that is no longer what was built is noticed and made anew."""
    sandbox.run()
    (lock,) = (sandbox.dist / "runtime").glob("*/pyodide-lock.json")
    good = lock.read_bytes()
    lock.write_bytes(good[:-1])
    assert sandbox.run().returncode == 0
    assert lock.read_bytes() == good


@pytest.mark.parametrize("pattern", ["pyodide-*.tgz", "numpy-*.whl"])
def test_a_wrong_hash_stops_the_build(sandbox: Sandbox, pattern: str) -> None:
    """A fetched file with other bytes than pinned stops the build, named with the hash it has and the one expected."""
    import hashlib

    (file,) = sandbox.cache.glob(pattern)
    data = file.read_bytes()[:-1] + b"?"
    file.write_bytes(data)
    done = sandbox.run()
    assert done.returncode == 1
    assert file.name in done.stderr
    assert hashlib.new("sha512" if file.suffix == ".tgz" else "sha256", data).hexdigest() in done.stderr
    assert "expected" in done.stderr
    assert_untouched(sandbox)


def test_a_pin_that_disagrees_with_the_lock_file_stops_the_build(sandbox: Sandbox) -> None:
    """The hash in Pyodide's own lock file decides: a wheel that only fits our pin is refused."""
    import hashlib

    text = sandbox.pins.read_text()
    (wheel,) = sandbox.cache.glob("packaging-*.whl")
    good = hashlib.sha256(wheel.read_bytes()).hexdigest()
    wheel.write_bytes(wheel.read_bytes() + b"?")
    other = hashlib.sha256(wheel.read_bytes()).hexdigest()
    sandbox.pins.write_text(text.replace(good, other))
    done = sandbox.run()
    assert done.returncode == 1
    assert f"sha256 of packaging is {good}, pinned {other}" in done.stderr
    assert_untouched(sandbox)


def test_unreachable_sources_are_all_named(sandbox: Sandbox) -> None:
    """A wheel that no source has stops the build within seconds, naming the file and each place that was tried."""
    name = without(sandbox, "numpy-*.whl")
    unreachable_upstream(sandbox)
    began = time.monotonic()
    done = sandbox.run(**offline())
    assert done.returncode == 1
    for tried in (name, str(sandbox.cache), f"{NOWHERE}{name}", "open-webui=="):
        assert tried in done.stderr
    assert time.monotonic() - began < 30
    assert_untouched(sandbox)


def test_an_unreachable_registry_is_named(sandbox: Sandbox) -> None:
    """Pyodide itself comes from npm only; without npm the build stops and says so."""
    without(sandbox, "pyodide-*.tgz")
    done = sandbox.run(**offline())
    assert done.returncode == 1
    assert "npm (pyodide@" in done.stderr
    assert_untouched(sandbox)


def limited(size: int) -> list[str]:
    """A command that runs another one in which no file may grow past a size in bytes; writing on is an OSError."""
    code = (
        "import os, resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))\n"
        "os.execv(sys.argv[1], sys.argv[1:])\n"
    )
    return [sys.executable, "-c", code]


def test_a_file_that_cannot_be_written_stops_the_build(sandbox: Sandbox) -> None:
    """A write that fails half-way (a limit of 4 MB a file) names the file, and leaves nothing half-written."""
    done = sandbox.run(*limited(4_000_000))
    assert done.returncode == 1
    assert "pyodide.asm.wasm" in done.stderr
    assert "File too large" in done.stderr
    assert_untouched(sandbox)


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="mounting a small file system needs root")
def test_a_full_disk_stops_the_build(sandbox: Sandbox) -> None:
    """On a file system with 12 MB left the build stops with the reason, and leaves no half-written output."""
    out = sandbox.out
    out.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(out)]
    if subprocess.run(words, capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine does not allow a mount")
    try:
        done = sandbox.run()
        assert done.returncode == 1
        assert f"{out}/" in done.stderr
        assert "No space left on device" in done.stderr
        assert_untouched(sandbox)
    finally:
        subprocess.run(["umount", str(out)], check=True)


@pytest.mark.parametrize("kill", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_build_leaves_nothing(sandbox: Sandbox, kill: signal.Signals) -> None:
    """A build told to stop while it composes says so, ends with 130, and leaves the previous build."""

    def in_the_foreground() -> None:
        # A shell's background job ignores SIGINT, and so does whatever it starts, these tests included.
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    process = subprocess.Popen(
        sandbox.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=in_the_foreground
    )
    assert process.stdout is not None
    while "making the wheel" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(kill)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in stderr
    assert_untouched(sandbox)


@pytest.mark.parametrize("odd", ["../evil", "/evil", "package/link", "package/there/"])
def test_a_package_with_anything_but_its_own_files_is_refused(tmp_path: Path, odd: str) -> None:
    """A path elsewhere, a link or a folder entry is a BuildError that names it; nothing is written outside."""
    from wasmbuild.report import BuildError
    from wasmbuild.runtime import unpack

    kind = {"package/link": tarfile.SYMTYPE, "package/there/": tarfile.DIRTYPE}.get(odd, tarfile.REGTYPE)
    with tarfile.open(tmp_path / "odd.tgz", "w:gz") as archive:
        for name, type_ in (("package/deep/file", tarfile.REGTYPE), (odd, kind)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = type_, "file" if type_ == tarfile.SYMTYPE else ""
            archive.addfile(member)

    with pytest.raises(BuildError, match=r"odd\.tgz: .* is no file inside the package"):
        unpack(tmp_path / "odd.tgz", tmp_path / "work")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["odd.tgz", "file"]


def test_a_tool_that_hangs_ends_with_all_it_started(tmp_path: Path) -> None:
    """A tool past its time is a BuildError, and none of its children lives on to write into the build."""
    from wasmbuild.report import BuildError, run

    pid_file = tmp_path / "pid"
    script = f"sleep 60 & echo $! > {pid_file}; wait"
    with pytest.raises(BuildError, match=r"a tool: no end after 0\.5 s"):
        run(["sh", "-c", script], "a tool", cwd=tmp_path, env=os.environ, timeout=0.5)
    deadline = time.monotonic() + 5
    while is_running(int(pid_file.read_text())) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_running(int(pid_file.read_text()))


def is_running(pid: int) -> bool:
    """True if a process lives; one that has ended and waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_killed_build_is_mended_by_the_next(sandbox: Sandbox) -> None:
    """The remains of SIGKILL, staging or a result caught between its two renames, are tidied by the next build."""
    out = sandbox.out
    for left in (out / "staging-dead", sandbox.cache / "staging-dead"):
        left.mkdir(parents=True)
    (sandbox.cache / "stdlib-dead.zip.part").touch()
    sandbox.dist.rename(out / "previous")
    without(sandbox, "pyodide-*.tgz")
    assert sandbox.run(**offline()).returncode == 1
    assert_untouched(sandbox)
