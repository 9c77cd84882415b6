"""Data deleted under a running page: all of the site's, one database, the caches of the offline build."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from e2e.harness import config_of, open_bare, start_router
from e2e.link import Link
from e2e.test_start import KEPT
from tests.serving import Orchestrator

Device = Callable[..., BrowserContext]
LEARNED = ["beta", "gamma", "alpha"]
# Every database of this origin, each deleted or said to be held.
DELETE = """async () => {
  const deleted = ({ name }) => new Promise((settle) => {
    const request = indexedDB.deleteDatabase(name);
    request.onsuccess = () => settle("deleted");
    request.onerror = () => settle(String(request.error));
    setTimeout(() => settle("blocked"), 5000);
  });
  return Promise.all((await indexedDB.databases()).map(deleted));
}"""


def options_of(engine: str, **extra: Any) -> dict[str, Any]:
    """A router that learns alone."""
    config = config_of({"alpha": 0.1, "beta": 0.2, "gamma": 0.3})
    return {"config": config, "cursor": {"workspace": "acme"}, "engine": engine, **extra}


def clear(page: Page) -> None:
    """As the settings of a browser, and DevTools, clear a site's data."""
    line = page.context.new_cdp_session(page)
    line.send("Storage.clearDataForOrigin", {"origin": page.evaluate("origin"), "storageTypes": "indexeddb"})
    line.detach()


def after_a_reload(page: Page, engine: str) -> list[str]:
    """The order that the next engine has."""
    page.evaluate("router.close()")
    page.wait_for_timeout(1500)  # a shared engine outlives its last page by a second
    page.reload()
    start_router(page, options_of(engine))
    order: list[str] = page.evaluate("router.resolve()")
    return order


@pytest.mark.parametrize("engine", ["shared", "dedicated"])
def test_learning_outlives_cleared_data(device: Device, orchestrator: Orchestrator, engine: str) -> None:
    """Cleared while the engine runs: what it had said is written again, and what is said later is stored."""
    page = open_bare(device(), orchestrator.origin)
    start_router(page, options_of(engine))
    page.evaluate("router.observe('alpha', 'latency', 9)")

    clear(page)
    page.evaluate("router.observe('gamma', 'latency', 0.25)")

    assert page.evaluate("router.sync.error") is None
    assert after_a_reload(page, engine) == LEARNED


@pytest.mark.parametrize("engine", ["shared", "dedicated"])
def test_nobody_is_kept_from_deleting_a_database(device: Device, orchestrator: Orchestrator, engine: str) -> None:
    """`deleteDatabase` by the host's own code is not blocked; the engine goes on with a new one."""
    page = open_bare(device(), orchestrator.origin)
    start_router(page, options_of(engine))
    page.evaluate("router.observe('alpha', 'latency', 9)")

    assert page.evaluate(DELETE) == ["deleted", "deleted"]
    page.evaluate("router.observe('gamma', 'latency', 0.25)")

    assert after_a_reload(page, engine) == LEARNED


def test_deleted_caches_are_completed(device: Device, orchestrator: Orchestrator) -> None:
    """The service worker is still registered and its caches are gone: the next start keeps the whole build again."""
    missing = "caches.keys().then((names) => Promise.all(names.map((name) => caches.delete(name))))"
    kept = """async () => {
      const { boot } = await (await fetch("/manifest.json")).json();
      const found = await Promise.all(boot.map((name) => caches.match(new URL(name, location.origin).href)));
      return found.every(Boolean);
    }"""
    with Link(orchestrator.port) as link:
        page = device().new_page()
        page.goto(f"{link.origin}/index.html")
        start_router(page, options_of("dedicated", offline=True))
        page.evaluate(KEPT, "/")
        assert page.evaluate(kept) is True
        assert all(page.evaluate(missing))
        assert page.evaluate(kept) is False
        page.evaluate("router.close()")
        page.reload()

        start_router(page, options_of("dedicated", offline=True))
        page.wait_for_function(f"({kept})()", timeout=15_000)
        page.evaluate("router.close()")
        link.cut()
        page.reload()

        start_router(page, options_of("dedicated", offline=True))
        assert page.evaluate("router.resolve()") == ["alpha", "beta", "gamma"]
