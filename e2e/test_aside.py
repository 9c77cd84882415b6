"""Pages that a browser puts aside to show again (back/forward cache): what they held is free, and they come back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext

from e2e.browser import launch_options
from e2e.harness import start_router, until
from e2e.test_tabs import OPTIONS, RANKED, fleet, options_of, read_only, tab
from e2e.upstreams import Upstream
from tests.serving import Orchestrator

__all__ = ["fleet"]

CALL = "router.fetch('/hello').then((answer) => router.receipt(answer).option)"


@pytest.fixture
def keeping(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that keeps pages aside, which automation otherwise switches off, without SharedWorker."""
    switched_off = ["--disable-back-forward-cache"]
    instance = browser.browser_type.launch(**launch_options(), ignore_default_args=switched_off)
    context = instance.new_context()
    context.set_default_timeout(30_000)
    context.add_init_script("delete globalThis.SharedWorker")
    yield context
    instance.close()


def test_a_leading_tab_that_goes_to_another_page_lets_go_and_comes_back(
    keeping: BrowserContext, orchestrator: Orchestrator, fleet: dict[str, Upstream]
) -> None:
    """It is kept with all its locks and answers no tab: another tab leads within two warm boots, and it follows."""
    tab(keeping, orchestrator.origin, fleet, config=RANKED)[0].close()
    leading, warm = tab(keeping, orchestrator.origin, fleet, config=RANKED)
    other, _ = tab(keeping, orchestrator.origin, fleet, config=RANKED)
    leading.evaluate("() => { addEventListener('pageshow', ({ persisted }) => { window.persisted = persisted; }); }")
    other.evaluate("""() => {
      router.addEventListener("state", ({ detail }) => {
        if (detail.stage === "reopening" && !window.since) window.since = performance.now();
        if (detail.state === "ready") window.back = performance.now() - since;
      });
    }""")

    leading.goto(f"{orchestrator.origin}/readyz")

    until(other, "window.since !== undefined", timeout=2000)
    assert other.evaluate(CALL) == "alpha"
    until(other, "window.back !== undefined")
    assert other.evaluate("back") < 2 * warm + 1000
    assert not read_only(other)
    other.evaluate("router.observe('beta', 'rank', -1).then(() => router.resolve())")

    leading.go_back(wait_until="commit")
    until(leading, "window.persisted === true")
    assert leading.evaluate(CALL) in OPTIONS
    until(leading, "router.state === 'ready' && router.queue[0] === 'beta'")
    assert [len(page.workers) for page in (leading, other)] == [0, 1]


def test_pages_in_a_row_in_one_tab_have_an_engine_each(
    keeping: BrowserContext, orchestrator: Orchestrator, fleet: dict[str, Upstream]
) -> None:
    """The page before is aside: it neither keeps the next one waiting for its answer nor keeps it from writing."""
    page, warm = tab(keeping, orchestrator.origin, fleet, config=RANKED)
    for _ in range(2):
        page.goto(f"{orchestrator.origin}/healthz?next")
        page.evaluate("() => { window.opened = performance.now(); }")
        start_router(page, options_of(fleet, config=RANKED))
        assert page.evaluate("performance.now() - opened") < 2 * warm + 1000
        assert page.evaluate("log.filter(([kind, { readOnly }]) => kind === 'state' && readOnly)") == []
