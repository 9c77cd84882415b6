"""Table 6: how a tab starts, against Pyodide as it is published with the same wheel installed into it.

Every visit is a browser process of its own on a profile that stays: within one the compiled WebAssembly is shared,
which no returning visitor has. Both sides come from one server with the same headers and compression, and take turns.
"""

from __future__ import annotations

import gzip
import shutil
import statistics
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Playwright
from rich.console import Console
from rich.table import Table

from e2e.browser import launch_options
from e2e.link import Link
from tests.serving import Orchestrator

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PYODIDE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
SIDES = ("ours", "offline", "stock")  # "offline": ours behind its service worker
# Chromium writes compiled WebAssembly to its cache once it has been used for a while, and then idles.
SETTLE_MS = 12_000
SLOW = {"rate": 10e6 / 8, "delay": 0.02}  # 10 Mbit/s, 40 ms there and back
WARM, COLD, QUEUE_MS, FIRST_BYTES, NEXT_BYTES, TASK_MS = 0.40, 0.45, 50.0, 6e6, 5e4, 50.0


@contextmanager
def serving() -> Iterator[Orchestrator]:
    """The built page with the bench beside it and the published Pyodide, compressed as well as ours."""
    with tempfile.TemporaryDirectory() as folder:
        dist = Path(folder) / "dist"
        shutil.copytree(ROOT / "web" / "dist", dist)
        shutil.copytree(HERE, dist / "bench")
        stock = dist / "runtime" / "stock"
        stock.mkdir()
        with tarfile.open(next((ROOT / "wasm-build" / "cache").glob("pyodide-*.tgz"))) as package:
            for name in PYODIDE:
                member = package.extractfile(f"package/{name}")
                assert member is not None
                (stock / name).write_bytes(member.read())
        for name in PYODIDE[:3]:  # the same bytes on both sides; its standard library is deflated already
            (ours,) = dist.glob(f"runtime/pyodide-*/{name}.br")
            shutil.copyfile(ours, stock / ours.name)
        lock = stock / PYODIDE[4]
        lock.with_name(f"{lock.name}.gz").write_bytes(gzip.compress(lock.read_bytes()))
        server = Orchestrator(Path(folder), None, dist).start()
        try:
            yield server
        finally:
            server.stop()


@dataclass
class Side:
    """The measurements of one side's visits."""

    cold: list[float] = field(default_factory=list)
    warm: list[float] = field(default_factory=list)
    visits: list[dict[str, Any]] = field(default_factory=list)
    tasks: list[float] = field(
        default_factory=list
    )  # the longest of the page's thread in each visit, the first included
    first_bytes: int = 0
    next_bytes: int = 0


def visit(playwright: Playwright, profile: Path, address: str, settle_ms: float = 500) -> dict[str, Any]:
    """One visit in a separate browser: the figures that the page gives of it."""
    context = playwright.chromium.launch_persistent_context(str(profile), **launch_options())
    try:
        page = context.pages[0]
        page.set_default_timeout(180_000)
        page.goto(address)
        told: dict[str, Any] = page.evaluate("window.result")
        page.wait_for_timeout(settle_ms)
    finally:
        context.close()
    if "error" in told:
        raise RuntimeError(f"{address}: {told['error']}")
    return told


def measured(playwright: Playwright, link: Link, visits: int, settle_ms: float) -> dict[str, Side]:
    """Cold visits on fresh profiles, then returning ones on one profile a side, the sides taking turns."""
    found = {name: Side() for name in SIDES}
    with tempfile.TemporaryDirectory() as folder:
        at = {name: f"{link.origin}/bench/start.html?{name}" for name in SIDES}
        for number in range(visits):
            for name, side in found.items():
                before, profile = link.down, Path(folder) / f"{name}{number}"
                told = visit(playwright, profile, at[name], 2000)
                side.cold.append(told["ready"])
                side.tasks.append(told["longest"]["task"])
                side.first_bytes = link.down - before
        for name in SIDES:
            visit(playwright, Path(folder) / f"{name}0", at[name], settle_ms)
        for _ in range(visits):
            for name, side in found.items():
                before = link.down
                side.visits.append(visit(playwright, Path(folder) / f"{name}0", at[name]))
                side.warm.append(side.visits[-1]["ready"])
                side.tasks.append(side.visits[-1]["longest"]["task"])
                side.next_bytes = link.down - before
    return found


def show(console: Console, title: str, found: dict[str, Side], *, is_judged: bool = True) -> None:
    """Medians, and the ratio to the published Pyodide; `is_judged`: beside what is wanted of it."""
    table = Table("visit", "ours, ms", "its service worker, ms", "stock, ms", "ratio", "wanted", title=title)
    table.title_justify = "left"
    for label, wanted in (("cold", COLD), ("warm", WARM)):
        ours, offline, stock = (statistics.median(getattr(found[name], label)) for name in SIDES)
        worst = max(ours, offline) / stock
        ratio = f"{ours / stock:.2f} / {offline / stock:.2f}"
        mark = f"≤ {wanted:.2f} {'✓' if worst <= wanted else '✗'}" if is_judged else ""
        table.add_row(label, f"{ours:,.0f}", f"{offline:,.0f}", f"{stock:,.0f}", ratio, mark)
    console.print(table)


def show_rest(console: Console, found: dict[str, Side]) -> None:
    """Print the figures that have no other side: the remembered queue, the wire, the page's own thread."""
    ours = [visit for name in ("ours", "offline") for visit in found[name].visits]
    assert all(visit["first"] == ["beta", "alpha"] for visit in ours), "a returning tab showed what it had not learned"
    table = Table("", "found", "wanted", title="6 · what a returning tab waits for, and what goes over the wire")
    table.title_justify = "left"
    module = statistics.median(visit["queue"] - visit["imported"] for visit in ours)
    page = statistics.median(visit["queue"] for visit in ours)
    first = max(found[name].first_bytes for name in ("ours", "offline"))
    after = max(found[name].next_bytes for name in ("ours", "offline"))
    tasks = [*found["ours"].tasks, *found["offline"].tasks]
    for label, value, wanted, unit in (
        ("remembered queue, from the module's first line", module, QUEUE_MS, "ms"),
        ("the same from the page's first line, import included", page, None, "ms"),
        ("first visit over the wire, without numpy", first / 1e6, FIRST_BYTES / 1e6, "MB"),
        ("second visit", after / 1e3, NEXT_BYTES / 1e3, "kB"),
        ("longest task of the page's thread, the quietest visit", min(tasks), TASK_MS, "ms"),
        ("the same, the median of all visits, first ones included", statistics.median(tasks), None, "ms"),
        ("published Pyodide, first visit", found["stock"].first_bytes / 1e6, None, "MB"),
    ):
        mark = "" if wanted is None else f"≤ {wanted:g} {'✓' if value <= wanted else '✗'}"
        table.add_row(label, f"{value:,.1f} {unit}", mark)
    console.print(table)


def run(playwright: Playwright, console: Console, visits: int) -> None:
    """Measure and print, on this machine's own network and on a slow one."""
    with serving() as server:
        console.print(f"bench: {visits} cold and {visits} returning visits of each side")
        with Link(server.port) as link:
            found = measured(playwright, link, visits, SETTLE_MS)
        show(console, "6 · ready: the first queue answered by Python", found)
        show_rest(console, found)
        console.print("bench: the same over 10 Mbit/s and 40 ms")
        with Link(server.port, **SLOW) as link:
            slow = measured(playwright, link, max(1, visits // 2), SETTLE_MS)
        show(console, "6 · ready over 10 Mbit/s, 40 ms (reported)", slow, is_judged=False)
