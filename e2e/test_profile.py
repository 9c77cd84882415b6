"""The health of the options is one state for the whole profile: whatever a tab leaves behind, and over a reload."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext

from e2e.harness import start_router
from e2e.test_start import another_build
from e2e.test_tabs import RANKED, fleet, options_of, read_only, tab
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


def test_a_page_that_is_loaded_anew_leaves_alone_whom_the_last_one_was_told_to(
    profile: BrowserContext, orchestrator: Orchestrator, fleet: dict[str, Upstream]
) -> None:
    """Before its engine is up and after, also where every tab was closed meanwhile and no engine was left."""
    page, _ = tab(profile, orchestrator.origin, fleet, config=RANKED)
    fleet["alpha"].status, fleet["alpha"].headers = 429, {"retry-after": "60"}
    assert page.evaluate(SKIPPED) == ["beta"]
    page.evaluate("router.resolve()")
    for away_ms in (0, 2000):
        page.goto("about:blank")
        page.wait_for_timeout(away_ms)
        page.goto(f"{orchestrator.origin}/healthz")
        start_router(page, options_of(fleet, config=RANKED), ready=False)
        assert page.evaluate(SKIPPED) == ["beta", "alpha cooling-down"]
        page.evaluate("router.ready")
        assert page.evaluate(SKIPPED) == ["beta", "alpha cooling-down"]
    assert len(fleet["alpha"].seen) == 1


@pytest.mark.parametrize("apart", ["config", "build"])
def test_engines_of_one_profile_are_one_state(
    profile: BrowserContext, deployed: Orchestrator, fleet: dict[str, Upstream], apart: str
) -> None:
    """Two builds, as after a deploy, or two configs: cooldowns, breakers, the one probe and the budget are the same."""
    limits = {"jitter": 0, "backoff_s": 0.01, "retry_cap": 1, "retry_share": 0, "retry_per_s": 0}
    limits |= {"breaker_failures": 2, "breaker_open_s": 2}
    one, _ = tab(profile, deployed.origin, fleet, config=RANKED, limits=limits)
    if apart == "build":
        assert deployed.dist is not None
        another_build(deployed.dist)
    config = RANKED if apart == "build" else {**RANKED, "priors": {"failure": 0.0}}
    other, _ = tab(profile, deployed.origin, fleet, config=config, limits=limits)
    assert read_only(other)

    fleet["alpha"].status = 500
    assert one.evaluate(SKIPPED) == ["beta"]  # tried again in place, for the one token that both have: open
    other.wait_for_timeout(200)
    assert other.evaluate(SKIPPED) == ["beta", "alpha open"]
    assert len(fleet["alpha"].seen) == 2
    fleet["beta"].status = 500
    other.evaluate(f"{SKIPPED}.catch(() => 'nobody')")
    assert len(fleet["beta"].seen) == 3
    fleet["alpha"].status, fleet["alpha"].delay_s, fleet["beta"].status = 200, 3.0, 200
    other.wait_for_timeout(2200)
    one.evaluate(f"() => {{ window.probe = {SKIPPED}; }}")
    other.wait_for_timeout(200)
    assert "alpha probing" in other.evaluate(SKIPPED)
    assert one.evaluate("probe") == ["alpha"]
    fleet["alpha"].delay_s = 0.0
    other.wait_for_timeout(200)
    assert other.evaluate(SKIPPED) == ["alpha"]
