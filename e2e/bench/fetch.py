"""Table 7: what a routed fetch costs over a plain one, on loopback, with the engine in its worker."""

from __future__ import annotations

import statistics
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).resolve().parent
MEASURE = """async (asked) => (await import("/bench/fetch.js")).measure(asked)"""
MEDIAN_MS, P99_MS = 0.5, 2.0


@contextmanager
def answering() -> Iterator[str]:
    """An upstream in a separate process; its address."""
    process = subprocess.Popen(["node", str(HERE / "upstream.mjs")], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def percentile(times: list[float], part: float) -> float:
    """The value below which that part of the times lies, in ms."""
    return sorted(times)[min(len(times) - 1, int(len(times) * part))]


def run(browser: Browser, console: Console, origin: str, count: int) -> None:
    """Measure `count` pairs of each kind and print both sides and their difference."""
    with answering() as url:
        page = browser.new_page()
        page.set_default_timeout(600_000)
        page.goto(f"{origin}/manifest.json")
        console.print(f"bench: {count} routed and {count} plain calls of each kind")
        told: dict[str, dict[str, list[float]]] = page.evaluate(MEASURE, {"url": url, "count": count})
        page.close()
    table = Table("call", "", "routed, ms", "plain, ms", "overhead, ms", "wanted", title="7 · routed fetch on loopback")
    table.title_justify = "left"
    for kind, times in told.items():
        for label, wanted, at in (
            ("median", MEDIAN_MS, statistics.median),
            ("99th percentile", P99_MS, lambda found: percentile(found, 0.99)),
        ):
            ours, plain = at(times["ours"]), at(times["plain"])
            mark = f"≤ {wanted:g} {'✓' if ours - plain <= wanted else '✗'}"
            table.add_row(kind, label, f"{ours:.2f}", f"{plain:.2f}", f"{ours - plain:.2f}", mark)
    console.print(table)
