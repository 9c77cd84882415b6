"""The rows through `router.fetch` and `router.chat` in a real page; a fresh device for each batch of rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from e2e.faults.fault import LIMITS
from e2e.faults.native import REQUEST
from e2e.faults.seen import Ran, aside_of, belief_of, config_of, first_of, second_of

__all__ = ["opened", "run_page"]

_TOOLS = (Path(__file__).resolve().parent / "page.js").read_text()
_PATIENCE_MS = 120_000
"""With the engine, whose speed is not what is tried here: a busy machine must not end a whole batch."""
_RUN = "({ calls, options, atOnce }) => window.runFaults(calls, options, atOnce)"


@contextmanager
def opened(browser: Browser, origin: str) -> Iterator[Page]:
    """A page of a fresh device with the tools in it."""
    context = browser.new_context()
    try:
        page = context.new_page()
        page.set_default_timeout(300_000)
        page.goto(f"{origin}/healthz")
        page.evaluate(_TOOLS)
        yield page
    finally:
        context.close()


def run_page(browser: Browser, origin: str, runs: Sequence[tuple[Ran, Mapping[str, str]]], at_once: int) -> None:
    """Make the calls in one page, so many at a time, and note what came of each; with the addresses of its options."""
    with opened(browser, origin) as page:
        calls = [
            {
                "first": first_of(ran),
                "second": second_of(ran),
                "way": ran.way,
                "request": REQUEST,
                "limits": {**LIMITS, **ran.fault.limits},
                "upstreams": {name: {"url": url} for name, url in addresses.items()},
            }
            for ran, addresses in runs
        ]
        config = config_of([ran for ran, _ in runs])
        options = {"config": config, "cursor": {"workspace": "faults"}, "limits": LIMITS, "hedge": False}
        options |= {"offline": False, "callTimeout": _PATIENCE_MS, "bootTimeout": _PATIENCE_MS}
        given = {"calls": calls, "options": options, "atOnce": at_once}
        told: dict[str, Any] = page.evaluate(_RUN, given)
    for (ran, _), seen in zip(runs, told["seen"], strict=True):
        for name in ("seconds", "option", "status", "text", "is_whole", "body", "error", "message", "order"):
            setattr(ran, name, seen.get(name, getattr(ran, name)))
        ran.attempts = [(option, outcome) for option, outcome in seen["attempts"]]
        ran.attention = seen["attention"]
        ran.aside = aside_of(told["explained"], first_of(ran))
        ran.belief = belief_of(told["records"], first_of(ran))
