"""Pages that may do little: a strict Content-Security-Policy, and a site that may store nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Playwright

from e2e.engines.chromium import Chromium
from e2e.engines.driver import Engine, ScriptError
from e2e.engines.firefox import Firefox
from e2e.engines.harness import BLANK, OPTION, options_of, start_router
from e2e.link import Link
from e2e.test_private import BLOCK
from e2e.upstreams import Upstream
from tests.serving import Orchestrator

ATTEMPTS = "router.fetch('/hello').then((answer) => router.receipt(answer).attempts.map(({ option }) => option))"
# WebKit has no such setting: what a site meets there is said by the page's own objects, to an engine in its own thread.
DENY = """() => {
  const denied = () => { throw new DOMException("denied", "SecurityError"); };
  IDBFactory.prototype.open = denied;
  LockManager.prototype.request = () => Promise.reject(new DOMException("denied", "SecurityError"));
  Object.defineProperty(globalThis, "localStorage", { get: denied });
}"""


def test_a_strict_policy(
    engine: Engine, link: Link, fleet: dict[str, Upstream], orchestrator_of_all: Orchestrator
) -> None:
    """The policy of docs/how-to/csp.md is enough; an option that it forbids is left out, and never reached."""
    allowed = fleet["beta"].url
    policy = (
        f"default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self' {allowed}"
    )
    assert orchestrator_of_all.dist is not None
    head = f'<meta http-equiv="content-security-policy" content="{policy}">'
    (orchestrator_of_all.dist / f"{engine.name}.html").write_text(BLANK + head)
    tab = engine.open(f"{link.origin}/{engine.name}.html")

    start_router(tab, options_of(fleet))

    assert tab.value(OPTION) == "beta"
    assert tab.value(ATTEMPTS) == ["beta"]
    assert fleet["alpha"].seen == []


@pytest.fixture
def private(running: Engine, playwright: Playwright, tmp_path: Path) -> Iterator[Engine]:
    """A browser that lets no site store anything, by its own setting where it has one."""
    if running.name == "webkit":
        yield running
        return
    if running.name == "firefox":
        engine: Engine = Firefox({"network.cookie.cookieBehavior": 2})
    else:
        (tmp_path / "Default").mkdir()
        (tmp_path / "Default" / "Preferences").write_text(json.dumps(BLOCK), encoding="utf-8")
        engine = Chromium(playwright, tmp_path)
    yield engine
    engine.close()


def test_nothing_can_be_stored(private: Engine, link: Link, fleet: dict[str, Upstream]) -> None:
    """It routes and learns, for as long as the page lives; the next one starts from what is declared."""
    tab = private.open(f"{link.origin}/blank.html")
    options = options_of(fleet)
    for _ in range(2):
        if private.name == "webkit":
            tab.run(DENY)
            options["engine"] = "inline"
        with pytest.raises(ScriptError, match=r"(?i)SecurityError|denied|insecure"):
            tab.value("localStorage.length")
        assert start_router(tab, options)["queue"] == ["alpha", "beta"]
        assert tab.value(OPTION) == "alpha"
        assert tab.value("router.observe('beta', 'rank', -1).then(() => router.resolve())") == ["beta", "alpha"]
        tab.until("router.queue[0] === 'beta'")
        assert tab.value(OPTION) == "beta"
        assert tab.value("router.state") == "ready"
        tab.reload()
    tab.close()
