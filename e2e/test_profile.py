"""What is kept of the options is one state for the whole profile: whatever a tab leaves behind, and over a reload."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext

from e2e.test_tabs import RANKED, fleet, tab
from e2e.upstreams import Upstream
from tests.serving import Orchestrator

__all__ = ["fleet"]

SKIPPED = """router.fetch('/hello').then((answer) => router.receipt(answer))
  .then(({ option, skipped }) => [option, ...skipped.map(({ option, reason }) => `${option} ${reason}`)])"""


@pytest.fixture(params=["shared", "led"])
def profile(request: pytest.FixtureRequest, device: Callable[..., BrowserContext]) -> BrowserContext:
    """A browser with SharedWorker, and one without."""
    context = device()
    if request.param == "led":
        context.add_init_script("delete globalThis.SharedWorker")
    return context


def test_a_probe_ends_with_the_tab_that_made_it(
    profile: BrowserContext, orchestrator: Orchestrator, fleet: dict[str, Upstream]
) -> None:
    """The next one is made at once, not when its lease of half a minute is over."""
    limits = {"jitter": 0, "breaker_failures": 2, "breaker_open_s": 1}
    stays, _ = tab(profile, orchestrator.origin, fleet, config=RANKED, limits=limits)
    goes, _ = tab(profile, orchestrator.origin, fleet, config=RANKED, limits=limits)
    fleet["alpha"].status = 503
    for _ in range(2):
        stays.evaluate(SKIPPED)
    stays.wait_for_timeout(1200)
    fleet["alpha"].status, fleet["alpha"].delay_s = 200, 20.0
    goes.evaluate(f"() => {{ {SKIPPED}; }}")
    goes.wait_for_timeout(300)
    assert stays.evaluate(SKIPPED) == ["beta", "alpha probing"]
    goes.close()
    fleet["alpha"].delay_s = 0.0
    stays.wait_for_timeout(500)
    assert stays.evaluate(SKIPPED) == ["alpha"]
