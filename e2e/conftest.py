"""A real server, a real browser; one browser context is one device."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, sync_playwright

from e2e.browser import launch
from e2e.harness import ARTIFACTS, DIST, config_of, trusting
from tests.serving import Orchestrator


@pytest.fixture
def orchestrator(tmp_path: Path) -> Iterator[Orchestrator]:
    """A fresh orchestrator with three declared options, over devices that are all trusted."""
    server = Orchestrator(tmp_path, trusting(config_of({"alpha": 0.1, "beta": 0.2, "gamma": 0.3})), DIST)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def deployed(tmp_path: Path) -> Iterator[Orchestrator]:
    """A server whose build can be replaced under it."""
    dist = tmp_path / "dist"
    shutil.copytree(DIST, dist)
    server = Orchestrator(tmp_path, None, dist).start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Playwright, started once: it allows no second one in a thread."""
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """The Chromium of this machine."""
    instance = launch(playwright)
    yield instance
    instance.close()


@pytest.fixture
def device(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Makes browser contexts: each is a device with a separate storage."""
    contexts: list[BrowserContext] = []

    def make(**options: Any) -> BrowserContext:
        context = browser.new_context(**options)
        context.set_default_timeout(60_000)
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()


@pytest.fixture(scope="session", autouse=True)
def built() -> None:
    """The page is built before it is tested."""
    if not (DIST / "manifest.json").is_file():
        pytest.fail("web/dist has no manifest.json: run `make build` first")
    ARTIFACTS.mkdir(exist_ok=True)
