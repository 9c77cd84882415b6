"""Starting a tab in each engine: cold, warm, from what it remembers, without a network, and when it fails."""

from __future__ import annotations

import re

from e2e.engines.driver import Engine
from e2e.engines.harness import OPTION, options_of, routed, start_router
from e2e.link import Link
from e2e.test_start import KEPT
from e2e.upstreams import Upstream

# What a page needs the network for the second time: entry points, and no file that is named by its content.
WARM_BYTES = 60_000


def test_cold_and_warm(engine: Engine, link: Link, fleet: dict[str, Upstream]) -> None:
    """The first visit loads Python and routes; the next one knows the order before its engine is up, and more later."""
    tab = routed(engine, link.origin, options_of(fleet))
    assert tab.value("router.state") == "ready"
    assert tab.value(OPTION) == "alpha"
    assert tab.value("router.observe('beta', 'rank', -1).then(() => router.resolve())") == ["beta", "alpha"]
    cold = link.down

    tab.reload()
    started = start_router(tab, options_of(fleet), ready=False)

    assert started == {"state": "starting", "queue": ["beta", "alpha"]}
    assert tab.value(OPTION) == "beta"
    tab.value("router.ready")
    assert tab.value("router.resolve()") == ["beta", "alpha"]
    assert tab.value(OPTION) == "beta"
    assert (link.down - cold < WARM_BYTES) is engine.keeps_http_cache
    assert not [line for line in tab.console() if line.startswith(("warn", "error"))]


def test_a_start_that_fails_warns_once(engine: Engine, link: Link, fleet: dict[str, Upstream]) -> None:
    """One warning: stage, file and where to read on. The declared order routes, and receipts have the reason."""
    tab = engine.open(f"{link.origin}/blank.html")
    start_router(tab, options_of(fleet, runtime="/elsewhere/"), ready=False)
    tab.until("router.state === 'failed'")
    receipts = [tab.value("router.fetch('/hello').then((answer) => router.receipt(answer))") for _ in range(3)]

    (warning,) = [line for line in tab.console() if line.startswith("warn") and "sporewright:" in line]
    assert "the engine did not start, stage worker: " in warning
    assert re.search(r"runtime/worker-\w+\.js: HTTP 404", warning)
    assert 'docs/how-to/deploy.md, "When a start fails"' in warning
    assert [(one["option"], one["engine"]["stage"]) for one in receipts] == [("alpha", "worker")] * 3


def test_offline(engine: Engine, link: Link, fleet: dict[str, Upstream]) -> None:
    """With the server gone the service worker has page, library and Python; what was learned is there, calls go out."""
    options = options_of(fleet, offline=True)
    tab = routed(engine, link.origin, options)
    tab.run(KEPT, "/")
    tab.value("router.observe('beta', 'rank', -1).then(() => router.resolve())")
    tab.value("router.close()")
    tab.goto(f"{link.origin}/index.html")
    link.cut()

    tab.reload()
    start_router(tab, options)

    assert tab.value("document.title") == "sporewright inspector"
    assert tab.value("router.resolve()") == ["beta", "alpha"]
    assert tab.value(OPTION) == "beta"
