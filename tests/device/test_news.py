"""Engines of one profile (other builds, other configs): what one finds of an option, grants or is told of, all know."""

from __future__ import annotations

from typing import Any

from sporewright.learning.cells import LOCAL
from tests.device.fleet import Page

CLOSED = {"state": "closed", "until": 0.0, "since": 0.0}
NOTHING = {
    "cooling_until": 0.0,
    "blocked": None,
    "aside": None,
    "keys": [],
    "breaker": CLOSED,
    "first_token_p95_s": None,
    "headers_p95_s": None,
}


def pair() -> tuple[Page, Page]:
    """Two started engines."""
    pages = Page(), Page()
    for page in pages:
        page.start()
    return pages


def passes(one: Page, other: Page, call: str, **body: Any) -> None:
    """Make a call of one; what it tells is heard by the other, and told no further."""
    for effect in one.engine.step(one.now, {"type": "call", "call": call, "body": body}):
        if effect["type"] == "tell":
            heard = other.engine.step(other.now, {"type": "news", "news": effect["news"]})
            assert [each["type"] for each in heard if each["type"] == "tell"] == []
            other.pushes += [(each["push"], each["body"]) for each in heard if each["type"] == "push"]


def test_a_refusal_is_heard_of_and_told_to_the_pages() -> None:
    """The other engine's pages are pushed the cooldown, and its own failures are another incident of nothing."""
    one, other = pair()
    passes(one, other, "outcome", option="alpha", outcome="rate_limited", retry_after_s=60.0, latency_s=0.1)
    (told,) = other.seen("health")
    assert told["option"] == "alpha"
    assert told["cooling_until"] >= other.now + 60


def test_a_gate_is_heard_of() -> None:
    """An option that no page may reach is out of both orders."""
    one, other = pair()
    passes(one, other, "outcome", option="alpha", outcome="unreadable", reason="cors")
    (dropped,) = other.call("explain")["dropped"]
    assert (dropped["option"], dropped["level"]) == ("alpha", LOCAL)


def test_there_is_one_probe_and_one_budget_for_both() -> None:
    """A probe of one is none for the other until it is over; what one spends, the other has not left."""
    limits = {
        "breaker_failures": 1,
        "breaker_open_s": 1,
        "jitter": 0,
        "retry_cap": 1,
        "retry_share": 0,
        "retry_per_s": 0,
    }
    one, other = Page(), Page()
    for page in (one, other):
        page.start(limits=limits)
    passes(one, other, "outcome", option="alpha", outcome="server_error", latency_s=0.1)
    for page in (one, other):
        page.now += 2
    passes(one, other, "permit", permit="probe", option="alpha")
    assert other.call("permit", permit="probe", option="alpha") == {"granted": False}
    passes(one, other, "outcome", option="alpha", outcome="aborted", attempt=2, probe=True)
    assert other.call("permit", permit="probe", option="alpha") == {"granted": True}
    passes(one, other, "permit", permit="retry", option="beta")
    assert other.call("permit", permit="retry", option="beta") == {"granted": False}


def test_the_calls_of_both_pay_for_a_hedge() -> None:
    """A hedge needs twenty calls, whichever engine counted them."""
    one, other = pair()
    for _ in range(19):
        passes(one, other, "outcome", option="alpha", outcome="ok", latency_s=0.1)
    assert other.call("permit", permit="hedge", option="beta") == {"granted": False}
    passes(one, other, "outcome", option="alpha", outcome="ok", latency_s=0.1)
    assert other.call("permit", permit="hedge", option="beta") == {"granted": True}


def test_news_from_before_the_start_is_known_at_the_start() -> None:
    """The health of the options, that is; permits granted then were another engine's."""
    page = Page()
    news = {**NOTHING, "option": "alpha", "cooling_until": page.now + 60}
    page.step({"type": "news", "news": {"health": news}})
    page.step({"type": "news", "news": {"called": True}})
    (told,) = page.start()["health"]
    assert told == news
