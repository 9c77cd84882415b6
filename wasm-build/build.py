"""Build `web/dist/`, everything a page needs: `python wasm-build/build.py` (`make build`)."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from wasmbuild import bytecode, compress, fetch, inputs, layout, manifest, runtime, stdlib, swap, wheel
from wasmbuild.pins import read_pins
from wasmbuild.report import BuildError, copy, run, say

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
WEB = ROOT / "web"
TYPES = "sporewright.device.typescript"
ENGINE = "sporewright.device.bridge"  # what a page imports


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    """The command line; the defaults are what `make build` uses."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pins", type=Path, default=HERE / "pins.toml", help="versions and hashes")
    parser.add_argument("--cache", type=Path, default=HERE / "cache", help="where fetched files are kept")
    parser.add_argument("--out", type=Path, default=HERE / "out", help="where the build works")
    parser.add_argument("--dist", type=Path, default=WEB / "dist", help="what is replaced by the build, once complete")
    parser.add_argument("--runtime-only", action="store_true", help="no TypeScript: runtime and manifest only")
    parser.add_argument("--brotli", type=int, default=9, help="quality; 11 is an eighth smaller and takes a minute")
    parser.add_argument("--force", action="store_true", help="build although nothing has changed")
    return parser.parse_args(words)


def build(options: argparse.Namespace) -> None:
    """Build if an input has changed or the result is not intact; BuildError leaves `dist` as it was."""
    began = time.monotonic()
    with swap.exclusive(options.out):
        swap.tidy(options.out, options.dist, options.cache)
        wanted = inputs.digest_inputs(ROOT, f"{options.pins} {options.runtime_only} {options.brotli}")
        stamp = options.out / inputs.STAMP
        if not options.force and is_current(options.dist, stamp, wanted):
            say(f"{options.dist} is up to date")
            return
        stamp.unlink(missing_ok=True)
        with (
            swap.staging(options.out, options.dist) as folder,
            tempfile.TemporaryDirectory(dir=options.out, prefix=swap.STAGING) as work,
        ):
            compose(folder, Path(work), options)
        stamp.write_text(wanted)
    say(f"done in {time.monotonic() - began:.1f} s: {options.dist}")


def is_current(dist: Path, stamp: Path, wanted: str) -> bool:
    """Whether `dist` was built from these inputs and every file of it is still as built."""
    try:
        if stamp.read_text() != wanted:
            return False
        manifest.verify(dist)
    except (OSError, ValueError, BuildError):
        return False
    return True


def compose(dist: Path, work: Path, options: argparse.Namespace) -> None:
    """Put a whole build into an empty folder."""
    pins = read_pins(options.pins)
    package = fetch.pyodide_package(pins, options.cache)
    wheels = fetch.wheels(pins, options.cache, work)
    say("making the wheel")
    full = wheel.build_wheel(ROOT, work / "full")
    cut = wheel.browser_wheel(full, work / "cut.whl")
    pyodide = runtime.unpack(package, work)
    compiled = bytecode.compile_archive(cut, wheel.PLACE.format(pins.python), "wheel", pyodide, options.cache)
    own = wheel.with_bytecode(cut, compiled, pins.python, work / full.name)
    say("composing the runtime")
    flat = work / "runtime"
    runtime.write_runtime(flat, pyodide, pins, wheels, own)
    stdlib.write_trimmed(flat, pyodide, own, options.cache)
    copy(bytecode.page_archive(compiled, ENGINE, pyodide, options.cache), flat / runtime.ARCHIVE)
    built = layout.lay_out(flat, dist, own.name)
    if not options.runtime_only:
        build_shim(dist, built)
    manifest.write_manifest(dist, pins, built)
    manifest.verify(dist)
    compress.compress(dist, options.brotli, options.cache)


def build_shim(dist: Path, built: layout.Layout) -> None:
    """Generate the TypeScript shapes from Python, then bundle worker, library and inspector into the build."""
    env = {**os.environ, "OUT": str(dist), "RUNTIME": built.to_json()}
    say("generating web/src/generated")
    run([sys.executable, "-m", TYPES, "web/src/generated"], "generated types", cwd=ROOT, env=env)
    say("bundling the shim and the inspector")
    run(["npm", "run", "--silent", "build"], "shim", cwd=WEB, env=env)


def stopped(number: int, _frame: object) -> None:
    """A polite kill unwinds like an interrupt, so that nothing half-written stays."""
    raise KeyboardInterrupt(signal.Signals(number).name)


def main() -> int:
    """Build; exit status 0, 1 when it stopped with a reason, 130 when it was interrupted."""
    signal.signal(signal.SIGTERM, stopped)
    options = arguments()
    try:
        build(options)
    except BuildError as error:
        print(f"build stopped, {options.dist} is as it was: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        named = error.filename2 or error.filename or "a file"
        print(f"build stopped, {options.dist} is as it was: {named}: {error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"build interrupted, {options.dist} is as it was", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
