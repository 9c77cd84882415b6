"""A browser that lets the site store nothing: no IndexedDB, no Web Locks, and no shared worker either."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext

from e2e.browser import launch_options
from e2e.harness import config_of, open_bare, start_router, until
from tests.serving import Orchestrator

# Chromium's setting "block all site data", as its own settings page writes it.
BLOCK = {"profile": {"default_content_setting_values": {"cookies": 2}}}


@pytest.fixture
def private(browser: Browser, tmp_path: Path) -> Iterator[BrowserContext]:
    """A profile that may store nothing."""
    profile = tmp_path / "profile"
    (profile / "Default").mkdir(parents=True)
    (profile / "Default" / "Preferences").write_text(json.dumps(BLOCK), encoding="utf-8")
    context = browser.browser_type.launch_persistent_context(profile, **launch_options())
    context.set_default_timeout(30_000)
    yield context
    context.close()


def test_a_profile_that_may_store_nothing_learns_and_syncs(private: BrowserContext, orchestrator: Orchestrator) -> None:
    """Without an `engine` the next best one is taken; it learns, it syncs, it says what it lacks."""
    page = open_bare(private, orchestrator.origin)
    with pytest.raises(Exception, match="SecurityError"):
        page.evaluate("localStorage.length")

    start_router(
        page,
        {
            "config": config_of({"alpha": 0.1, "beta": 0.2}),
            "cursor": {"workspace": "acme"},
            "orchestrator": orchestrator.socket_url,
            "token": orchestrator.token("private"),
        },
    )
    page.evaluate("router.observe('alpha', 'latency', 9)")

    until(page, "router.queue[0] === 'beta'")
    until(page, "router.sync.state === 'live' && router.sync.pending === 0")
    assert page.evaluate("router.sync.error.code") == "storage"
    assert page.evaluate("router.close().then(() => [router.sync.state, router.sync.lease])") == ["off", None]


def test_a_kind_that_was_asked_for_is_not_replaced(private: BrowserContext, orchestrator: Orchestrator) -> None:
    """A page that names the shared engine gets it or hears why not; calls are routed in declared order."""
    page = open_bare(private, orchestrator.origin)

    start_router(page, {"config": config_of({"alpha": 0.1, "beta": 0.2}), "engine": "shared"}, ready=False)

    until(page, "router.state === 'failed'")
    assert "stage worker" in page.evaluate("router.ready.catch((why) => why.message)")
    assert page.evaluate("[...router.queue]") == ["alpha", "beta"]
