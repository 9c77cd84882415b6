"""Each engine once a session, and for each test a fresh origin: browsers keep their storage by origin."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Playwright

from e2e.engines.chromium import Chromium
from e2e.engines.driver import Engine, MissingEngineError
from e2e.engines.firefox import Firefox
from e2e.engines.harness import BLANK, DECLARED
from e2e.engines.webkit import WebKit
from e2e.harness import DIST
from e2e.link import Link
from e2e.upstreams import Upstream, served
from tests.serving import Orchestrator

NAMES = ("chromium", "firefox", "webkit")


@pytest.fixture(scope="session", params=NAMES)
def running(request: pytest.FixtureRequest, playwright: Playwright) -> Iterator[Engine]:
    """A browser of this engine."""
    start: dict[str, Callable[[], Engine]] = {
        "chromium": lambda: Chromium(playwright),
        "firefox": Firefox,
        "webkit": WebKit,
    }
    try:
        engine = start[request.param]()
    except MissingEngineError as missing:
        pytest.skip(str(missing))
    yield engine
    engine.close()


@pytest.fixture
def engine(running: Engine) -> Iterator[Engine]:
    """The browser, with no tab open before and after."""
    yield running
    for tab in running.tabs():
        tab.close()


@pytest.fixture(scope="session")
def orchestrator_of_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orchestrator]:
    """`sporewright serve` with the build and an empty page, under its own Content-Security-Policy."""
    folder = tmp_path_factory.mktemp("engines")
    dist = folder / "dist"
    shutil.copytree(DIST, dist)
    (dist / "blank.html").write_text(BLANK)
    server = Orchestrator(folder, DECLARED, dist).start()
    yield server
    server.stop()


@pytest.fixture
def link(orchestrator_of_all: Orchestrator) -> Iterator[Link]:
    """The way to the server, which is an origin of this test's own; it counts and can be cut."""
    with Link(orchestrator_of_all.port) as way:
        yield way


@pytest.fixture
def fleet() -> Iterator[dict[str, Upstream]]:
    """Two upstreams."""
    with served(("alpha", "beta")) as servers:
        yield servers
