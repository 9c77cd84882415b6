"""Some rows of the table of faults (`make faults`), natively and in a page; and that a wrong value is found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from e2e.faults.black_hole import native_hole, page_hole
from e2e.faults.rows import ROWS
from e2e.faults.seen import Ran, first_of, second_of, wrong
from e2e.faults.table import Table, run
from e2e.faults.wire import SECOND
from e2e.harness import DIST
from tests.serving import Orchestrator

NAMES = (
    "connection refused", "closed before a byte", "silence", "silence, the deadline is shorter",
    "chunked, cut in a chunk", "gzip cut", "an error object",
    "400 malformed", "429 with Retry-After", "500", "cut between two events", "an error after tokens",
    "silence between tokens", "CR", "slow, and alive", "no [DONE], open after the finish", "nothing", "error object",
    "a sign-in page", "401 key refused",
)  # fmt: skip
SOME = [row for row in ROWS if row.name in NAMES]


def test_some_rows_natively() -> None:
    """Each has its right value in every way that it has."""
    assert Table(run(SOME, "native")).wrongs() == []


def test_some_rows_in_a_page(browser: Browser, tmp_path: Path) -> None:
    """The same rows, the same values."""
    server = Orchestrator(tmp_path, None, DIST).start()
    try:
        assert Table(run(SOME, "page", browser=browser, origin=server.origin)).wrongs() == []
    finally:
        server.stop()


def test_a_black_hole_natively() -> None:
    """An error in 5 ms wins neither the calls nor the order from an answer in 300 ms."""
    hole = native_hole()

    assert hole.is_right(), hole.told()


def test_a_black_hole_in_a_page(browser: Browser, tmp_path: Path) -> None:
    """Nor does it in a page."""
    server = Orchestrator(tmp_path, None, DIST).start()
    try:
        hole = page_hole(browser, server.origin)
    finally:
        server.stop()

    assert hole.is_right(), hole.told()


def test_the_rows() -> None:
    """At least sixty faults, each with a name of its own, and these among them."""
    names = [row.name for row in ROWS]
    assert len(names) == len(set(names))
    assert set(NAMES) <= set(names)
    assert sum(row.kind != "healthy" for row in ROWS) >= 60


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"text": "w01 "}, "in place of second"),
        ({"option": "first", "status": 401}, "refused"),
        ({"error": "exhausted"}, "exhausted"),
        ({"attempts": [("first", "server_error")]}, "1 attempts"),
        ({"seconds": 60.0}, "after 60.00 s"),
        ({"belief": {}}, "learned: nothing"),
        ({"belief": {"failure": {"": {"now": [1, 0.0]}}, "latency": {"": {"now": [1, -3.0]}}}}, "learned: answer"),
        ({"aside": "key"}, "set aside: key"),
        ({"order": []}, "first in the order"),
    ],
)
def test_what_is_not_right_is_named(changes: dict[str, object], why: str) -> None:
    """A call as it should be has nothing wrong; each change of it is told by its row."""
    fault = next(row for row in ROWS if row.name == "an error object")
    ran = Ran(fault, "fetch streamed", "native", option="second", status=200, text=SECOND, is_whole=True)
    ran.attempts = [("first", "server_error"), ("second", "ok")]
    ran.belief = {"failure": {"": {"now": [1, 1.0]}}}
    ran.order = [second_of(ran), first_of(ran)]
    changes = {**changes, "order": [first_of(ran)]} if "order" in changes else changes

    assert list(wrong(ran)) == []
    (line, *_) = Table([replace(ran, **changes)]).wrongs()  # type: ignore[arg-type]
    assert line.startswith("an error object: ")
    assert why in line
