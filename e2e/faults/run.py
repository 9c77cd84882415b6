"""`make faults`: every row natively and in a page, as a table; exit 1 names the rows whose right value is not met."""

from __future__ import annotations

import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import sync_playwright

from e2e.browser import launch
from e2e.faults.black_hole import Hole, native_hole, page_hole
from e2e.faults.rows import ROWS
from e2e.faults.seen import Ran
from e2e.faults.table import Table, run
from e2e.harness import DIST
from tests.serving import Orchestrator

PLACES = ("native", "page")
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "reference" / "faults.md"
MARK = "<!-- the rest is written by `make faults WRITE=1` -->\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Run what was asked for."""
    parser = ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--only", default="", help="rows whose name or kind contains this")
    parser.add_argument("--places", nargs="+", choices=PLACES, default=PLACES)
    parser.add_argument("--write", action="store_true", help="keep the table in docs/reference/faults.md")
    args = parser.parse_args(argv)
    rows = [row for row in ROWS if args.only in row.name or args.only == row.kind]
    began = time.monotonic()
    runs: list[Ran] = []
    holes: list[Hole] = []
    with_hole = args.only in "black hole"
    if "native" in args.places:
        runs += run(rows, "native")
        holes += [native_hole()] if with_hole else []
    if "page" in args.places:
        with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
            server, browser = Orchestrator(Path(folder), None, DIST).start(), launch(playwright)
            try:
                runs += run(rows, "page", browser=browser, origin=server.origin)
                holes += [page_hole(browser, server.origin)] if with_hole else []
            finally:
                browser.close()
                server.stop()
    table = Table(runs)
    text = "\n".join([*table.lines(), "", *table.totals(), "", *(hole.told() for hole in holes)])
    print(text)
    if args.write:
        before = DOCUMENT.read_text().partition(MARK)[0]
        DOCUMENT.write_text(f"{before}{MARK}\n{text}\n")
    bad = [*table.wrongs(), *(f"black hole: {hole.told()}" for hole in holes if not hole.is_right())]
    again = sum(ran.is_again for ran in runs)
    print(f"\nfaults: {len(rows)} rows, {len(runs)} calls ({again} made once more) in {time.monotonic() - began:.0f} s")
    if bad:
        print(f"faults: {len({line.partition(': ')[0] for line in bad})} rows are not right:", *bad, sep="\n  ")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
