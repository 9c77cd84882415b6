"""`make bench`: the tables of speed, each a ratio of two sides taken in one run, in a real Chromium."""

from __future__ import annotations

import functools
import http.server
import shutil
import tempfile
import threading
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from playwright.sync_api import Browser, Page, sync_playwright
from rich.console import Console
from rich.table import Table

from e2e.bench import fetch, native, start
from e2e.browser import launch

HERE = Path(__file__).resolve().parent
DIST = HERE.parents[1] / "web" / "dist"
SIZES = (10, 100, 1000, 10_000, 100_000)
TABLES = {
    "write": ("1 · write one device value, read the first 10", (1.5, 15, 150, 1000, 5000)),
    "resolve": ("2 · Tensor.resolve, nothing kept per cursor", (0.5, 1, 5, 10, 5)),
    "weigh": ("3 · change one shared weight, read the first 10", (0.5, 1, 5, 10, 10)),
    "queue": ("4 · read router.queue on the page (its head; of at most 1,000 options)", (50, 50, 50, 50, 50)),
    "load": ("5 · load the cells from JSON and resolve once", (None,) * 5),
    "learn": ("6 · observe → belief → cell → the first 10, against a plain write", (1 / 3,) * 5),
}
UPKEEP = "6 · what time alone costs for ten minutes after a call: beliefs laid anew, by turns"
PARTS = ("tables", "fetch", "start", "native")
MEASURE = """async ({ source, n }) => {
  const { boot, measure } = await import("/bench/tables.js");
  const workload = (window.workload ??= await boot(source));
  return measure(workload, n);
}"""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    extensions_map: ClassVar = {**http.server.SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[str]:
    """The built page and the benchmark's own modules on one origin."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        shutil.copytree(DIST, root)
        shutil.copytree(HERE, root / "bench")
        with http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(_Quiet, directory=str(root))
        ) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield f"http://127.0.0.1:{server.server_address[1]}"
            server.shutdown()


def measured(browser: Browser, origin: str, sizes: list[int]) -> dict[int, dict[str, Any]]:
    """Every table's row for each size, in one page."""
    page: Page = browser.new_page()
    page.set_default_timeout(600_000)
    page.goto(f"{origin}/manifest.json")
    rows = {}
    for n in sizes:
        print(f"bench: W({n})", flush=True)
        rows[n] = page.evaluate(MEASURE, {"source": (HERE / "workload.py").read_text(), "n": n})
    page.close()
    return rows


def show(console: Console, rows: dict[int, dict[str, Any]]) -> None:
    """The tables: ours, the baseline's, the ratio, and what was asked for."""
    for name, (title, targets) in TABLES.items():
        table = Table("options", "ours, µs", "baseline, µs", "ratio", "wanted", title=title, title_justify="left")
        for n, row in rows.items():
            if name not in row:
                continue
            found, wanted = row[name], targets[SIZES.index(n)]
            mark = "" if wanted is None else f"≥ {wanted:.2g} {'✓' if found['ratio'] >= wanted else '✗'}"
            table.add_row(
                f"{n:,}",
                f"{found['ours'] * 1000:,.1f}",
                f"{found['theirs'] * 1000:,.1f}",
                f"{found['ratio']:,.{1 if found['ratio'] >= 1 else 2}f}×",
                mark,
            )
        console.print(table)
    table = Table("options", "a second, µs", "a turn, ms", "the longest, ms", title=UPKEEP, title_justify="left")
    for n, row in rows.items():
        if "upkeep" in row:
            found = row["upkeep"]
            table.add_row(f"{n:,}", f"{found['second'] * 1000:,.0f}", f"{found['turn']:.2f}", f"{found['most']:.1f}")
    console.print(table)


def main() -> None:
    """Measure and print; `--sizes 10 100 --visits 1 --calls 300` for a quick look, `--only start` for one part."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=list(SIZES), choices=SIZES)
    parser.add_argument("--visits", type=int, default=5, help="cold, and as many returning, visits of each side")
    parser.add_argument("--calls", type=int, default=2000, help="routed, and as many plain, calls of each kind")
    parser.add_argument("--only", nargs="*", default=list(PARTS), choices=PARTS)
    parser.add_argument("--devices", type=int, nargs="+", default=list(native.SIZES), help="fleets of table 8")
    wanted = parser.parse_args()
    console = Console(width=100)
    if "native" in wanted.only:
        native.run(console, wanted.devices)
    with sync_playwright() as playwright:
        if {"tables", "fetch"} & {*wanted.only}:
            browser = launch(playwright)
            with serving() as origin:
                if "tables" in wanted.only:
                    show(console, measured(browser, origin, wanted.sizes))
                if "fetch" in wanted.only:
                    fetch.run(browser, console, origin, wanted.calls)
            browser.close()
        if "start" in wanted.only:
            start.run(playwright, console, wanted.visits)


if __name__ == "__main__":
    main()
