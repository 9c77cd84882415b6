"""Gates of a page in the engine: options dropped from the order with a reason, never stored, never sent."""

from __future__ import annotations

from typing import Any

from sporewright.learning.cells import LOCAL
from tests.device.fleet import Page, online


def dropped(page: Page, **cursor: str) -> list[Any]:
    """The options that the explanation gives as dropped."""
    found: list[Any] = page.call("explain", cursor=cursor)["dropped"]
    return found


def blocked(page: Page, option: str, reason: str = "cors") -> None:
    """An attempt that this page could not read."""
    page.call("outcome", option=option, outcome="unreadable", reason=reason)


def test_the_explanation_names_the_reason() -> None:
    """The option is out of the order at once, by `reach:<reason>` at `local`; nothing was learned of it."""
    page = Page()
    before = page.start()["queue"]
    first = before[0]
    blocked(page, first)

    assert page.call("resolve")["queue"] == before[1:]
    instance = dropped(page)[0]["instance"]
    assert dropped(page) == [
        {"option": first, "dimension": "reach:cors", "value": "inf", "level": LOCAL, "instance": instance}
    ]
    assert page.call("explain", cursor={"device": "another"})["dropped"] == []
    assert not [key for key in page.storage if key.startswith("belief/")]
    assert not any("reach" in text for text in [*page.storage, *page.storage.values()])


def test_a_gate_is_over_by_itself() -> None:
    """The engine wakes when it is over, and the option is back; found again, it lasts twice as long."""
    page = Page()
    before = page.start()["queue"]
    for least in (12.0, 24.0):
        blocked(page, before[0])
        assert page.call("resolve")["queue"] == before[1:]
        page.now += least - 0.1
        page.step({"type": "woken"})
        assert page.call("resolve")["queue"] == before[1:]
        page.now += least / 2 + 0.2
        page.step({"type": "woken"})
        assert page.call("resolve")["queue"] == before


def test_an_answer_lifts_it_and_another_reason_replaces_it() -> None:
    """A tab that got an answer there has the better evidence; all tabs are told."""
    page = Page()
    before = page.start()["queue"]
    blocked(page, before[0], "csp")
    page.now += 60.0
    page.step({"type": "woken"})
    blocked(page, before[0], "client")
    assert [each["dimension"] for each in dropped(page)] == ["reach:client"]
    page.call("outcome", option=before[0], outcome="refused")

    assert dropped(page) == []
    assert page.call("resolve")["queue"] == before


def test_it_is_never_sent() -> None:
    """The orchestrator does not hear of it."""
    page = Page()
    server = online(page)
    blocked(page, "alpha")
    assert not [cell for push in server.serve() for cell in push.cells]


def test_a_gap_teaches_no_time() -> None:
    """An answer after a sleep is an answer, and no latency."""
    page = Page()
    page.start()
    page.call("outcome", option="alpha", outcome="ok", latency_s=600.0, first_token_s=600.0, slept=True)
    terms = {term["dimension"] for each in page.call("explain")["ranked"] for term in each["terms"]}
    assert "own:latency" not in terms
    assert "own:failure" in terms
