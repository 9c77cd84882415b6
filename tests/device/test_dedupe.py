"""A report sent again to the next engine, because the last one was lost before it answered, counts once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sporewright.device.dedupe import PAGES
from tests.device.fleet import Page

OUTCOME = {"option": "alpha", "outcome": "ok", "latency_s": 0.5, "first_token_s": 0.5, "attempt": 1}
REPORT = {"option": "alpha", "quality": 0.25}


def learned(page: Page) -> dict[str, str]:
    """The stored beliefs and cells."""
    return {key: text for key, text in page.storage.items() if key.startswith(("belief/", "cell/"))}


def count(page: Page, dimension: str) -> Any:
    """The number of measurements that the device says it has of alpha."""
    key = f'cell/["device","fresh","alpha","count:{dimension}"]'
    return json.loads(page.storage[key])["cell"]["v"]


@pytest.mark.parametrize(
    ("call", "body", "dimension"), [("outcome", OUTCOME, "failure"), ("report", REPORT, "quality")]
)
def test_what_was_stored_and_not_answered_counts_once(call: str, body: dict[str, Any], dimension: str) -> None:
    """The next engine starts from the same storage, hears it again, and what comes after that as ever."""
    page = Page()
    page.start()
    page.call(call, **body, page="tab", nth=1)
    page.call(call, **body, page="tab", nth=2)
    again = Page(dict(page.storage), now=page.now)
    again.start()
    before = learned(again)

    again.call("batch", calls=[{"call": "began", "body": {"option": "alpha"}}])
    assert again.call(call, **body, page="tab", nth=2) == {}
    assert again.call(call, **body, page="tab", nth=1) == {}

    assert learned(again) == before
    assert count(again, dimension) == pytest.approx(2, abs=0.1)
    again.call(call, **body, page="tab", nth=3)
    again.call(call, **body, page="another", nth=1)
    again.call(call, **body)
    assert count(again, dimension) == pytest.approx(5, abs=0.1)


def test_what_is_said_again_is_not_under_way_for_ever() -> None:
    """Its beginning was said again, too: its end is one, though it teaches nothing more."""
    page = Page()
    page.start()
    page.call("outcome", **OUTCOME, page="tab", nth=1)
    ends = {"ended": {"option": "alpha"}, "outcome": {**OUTCOME, "page": "tab", "nth": 1}, "ping": {}}
    orders = {}
    for call, body in ends.items():
        again = Page(dict(page.storage), now=page.now)
        again.start()
        again.call("began", option="alpha")
        again.now += 60
        if call != "ping":
            again.call(call, **body)
        again.now += 60
        orders[call] = again.call("explain")

    assert orders["outcome"] == orders["ended"] != orders["ping"]


def test_what_is_kept_of_pages_is_bounded() -> None:
    """The page that was silent longest is forgotten first."""
    page = Page()
    page.start()
    for nth in range(1, 3):
        page.call("outcome", **OUTCOME, page="busy", nth=nth)
        for number in range(PAGES - 1):
            page.call("outcome", **OUTCOME, page=f"tab {nth} {number}", nth=1)

    heard = json.loads(page.storage["heard"])
    assert len(heard) == PAGES
    assert heard["busy"] == 2
    assert "tab 1 0" not in heard


@pytest.mark.parametrize("text", ["{", "[1]", '{"tab": "x", "other": -1}'])
def test_a_spoiled_record_is_none(text: str) -> None:
    """Storage is foreign data."""
    page = Page({"heard": text})
    page.start()
    page.call("outcome", **OUTCOME, page="tab", nth=1)

    assert json.loads(page.storage["heard"]) == {"tab": 1}
