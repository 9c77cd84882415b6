"""Tabs of one profile: no shared worker, a leading tab that closes in the middle of a call, a deploy under them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from e2e.harness import LEVELS, config_of, open_bare, seed, start_router, until
from e2e.test_start import another_build
from e2e.upstreams import Upstream
from tests.serving import Orchestrator

OPTIONS = {"alpha": 0.1, "beta": 0.2}
PENDING = "() => { window.pending = router.fetch('/slow').then((answer) => router.receipt(answer).option); }"
RECORDS = """async () => {
  const done = (request) => new Promise((ok, no) => {
    [request.onsuccess, request.onerror] = [() => ok(request.result), () => no(request.error)];
  });
  const found = {};
  for (const { name } of await indexedDB.databases()) {
    if (!name.startsWith("sporewright [")) continue;
    const db = await done(indexedDB.open(name));
    const keys = await done(db.transaction("records").objectStore("records").getAllKeys());
    found[name] = keys.filter((key) => key.startsWith("cell/"));
    db.close();
  }
  return found;
}"""


@pytest.fixture
def fleet() -> Iterator[dict[str, Upstream]]:
    """Two upstreams."""
    servers = {name: Upstream(name) for name in OPTIONS}
    yield servers
    for server in servers.values():
        server.close()


def options_of(fleet: dict[str, Upstream], **extra: Any) -> dict[str, Any]:
    """A router of this profile alone."""
    return {
        "config": {**config_of(OPTIONS), "learning": {"temperature": 0}},
        "cursor": {"workspace": "acme"},
        "upstreams": {name: {"url": server.url} for name, server in fleet.items()},
        **extra,
    }


def tab(context: BrowserContext, origin: str, fleet: dict[str, Upstream], **extra: Any) -> tuple[Page, float]:
    """A page with its engine up, and how long that took, ms."""
    page = open_bare(context, origin)
    page.evaluate("() => { window.opened = performance.now(); }")
    start_router(page, options_of(fleet, **extra))
    return page, page.evaluate("performance.now() - opened")


def read_only(page: Page) -> bool:
    """What the last state said."""
    said: bool = page.evaluate("log.filter(([kind]) => kind === 'state').at(-1)[1].readOnly === true")
    return said


def stored(page: Page) -> dict[str, list[str]]:
    """The own cells in storage, by database."""
    found: dict[str, list[str]] = page.evaluate(RECORDS)
    return found


def test_the_writing_tab_closes_in_the_middle_of_a_call(
    device: Callable[..., BrowserContext], orchestrator: Orchestrator, fleet: dict[str, Upstream]
) -> None:
    """Without SharedWorker one tab writes: when it closes, another is the writer within two warm boots, and goes on."""
    context = device()
    context.add_init_script("delete globalThis.SharedWorker")
    tab(context, orchestrator.origin, fleet)[0].close()
    leading, warm = tab(context, orchestrator.origin, fleet)
    other, _ = tab(context, orchestrator.origin, fleet)
    assert (read_only(leading), read_only(other)) == (False, True)
    leading.evaluate("router.observe('alpha', 'first', 1).then(() => router.resolve())")
    other.evaluate("router.observe('alpha', 'second', 2).then(() => router.resolve())")
    fleet["alpha"].delay_s = 3.0
    leading.evaluate(PENDING)
    other.evaluate(PENDING)
    other.wait_for_timeout(300)
    other.evaluate("""() => {
      window.since = performance.now();
      window.writes = new Promise((done) => router.addEventListener("state", ({ detail }) => {
        if (!detail.readOnly) done(performance.now() - since);
      }));
    }""")

    leading.close()

    assert other.evaluate("[...router.queue]") == list(OPTIONS)
    assert other.evaluate("router.resolve()") == list(OPTIONS)
    assert other.evaluate("writes") < 2 * warm + 500
    assert other.evaluate("pending") == "alpha"
    other.wait_for_timeout(500)
    (cells,) = stored(other).values()
    assert any("first" in key for key in cells)
    assert any("second" in key for key in cells)
    again, _ = tab(context, orchestrator.origin, fleet)
    assert read_only(again)
    assert other.evaluate("router.state") == "ready"


def test_a_shared_engine_outlives_the_tab_that_opened_it(
    device: Callable[..., BrowserContext], orchestrator: Orchestrator, fleet: dict[str, Upstream]
) -> None:
    """With SharedWorker it belongs to nobody: the other tab's call ends well, and what the first learned is there."""
    context = device()
    first, _ = tab(context, orchestrator.origin, fleet)
    other, _ = tab(context, orchestrator.origin, fleet)
    first.evaluate("router.observe('alpha', 'latency', 9)")
    for page in (first, other):  # a call that still went to alpha would supersede what was stated of it
        until(page, "router.queue[0] === 'beta'")
    fleet["beta"].delay_s = 1.0
    first.evaluate(PENDING)
    other.evaluate(PENDING)
    other.wait_for_timeout(200)

    first.close()

    assert other.evaluate("router.resolve()") == ["beta", "alpha"]
    assert other.evaluate("pending") == "beta"
    assert other.evaluate("router.state") == "ready"


def test_breakers_are_known_next_door_without_a_shared_worker(
    device: Callable[..., BrowserContext], orchestrator: Orchestrator, fleet: dict[str, Upstream]
) -> None:
    """Engines of their own tell the others' pages: after five failures nobody tries a sixth, nor one opened later."""
    context = device()
    context.add_init_script("delete globalThis.SharedWorker")
    limits = {"breaker_open_s": 60, "breaker_cap_s": 60}
    ranks = [seed(name, "rank", float(number)) for number, name in enumerate(OPTIONS)]
    config = {"levels": LEVELS, "seeds": [*ranks, seed("", "rank", 1.0, kind="weight")]}
    one, _ = tab(context, orchestrator.origin, fleet, limits=limits, config=config)
    other, _ = tab(context, orchestrator.origin, fleet, limits=limits, config=config)
    fleet["alpha"].status = 503
    for _ in range(5):
        one.evaluate("router.fetch('/hello').then((answer) => answer.text())")
    one.evaluate("router.resolve()")
    later, _ = tab(context, orchestrator.origin, fleet, limits=limits, config=config)
    for page in (other, later):
        page.wait_for_timeout(200)
        skipped = page.evaluate("router.fetch('/hello').then((answer) => router.receipt(answer).skipped)")
        assert skipped == [{"option": "alpha", "reason": "open"}]
    assert len(fleet["alpha"].seen) == 5


@pytest.mark.parametrize("engine", ["shared", "dedicated"])
def test_two_builds_never_write_one_slice(
    device: Callable[..., BrowserContext], deployed: Orchestrator, fleet: dict[str, Upstream], engine: str
) -> None:
    """A deploy while a tab is open: the new build reads and learns, and writes only once the old one has let go."""
    context = device()
    old, _ = tab(context, deployed.origin, fleet, engine=engine)
    assert deployed.dist is not None
    another_build(deployed.dist)
    new, _ = tab(context, deployed.origin, fleet, engine=engine)
    assert (read_only(old), read_only(new)) == (False, True)

    old.evaluate("router.observe('alpha', 'older', 1).then(() => router.resolve())")
    new.evaluate("router.observe('alpha', 'newer', 2).then(() => router.resolve())")
    new.wait_for_timeout(500)
    (cells,) = stored(new).values()  # one database: it is the slice's, not the build's
    assert any("older" in key for key in cells)
    assert not any("newer" in key for key in cells)

    old.close()
    until(new, "log.filter(([kind]) => kind === 'state').at(-1)[1].readOnly !== true")
    new.wait_for_timeout(500)
    (cells,) = stored(new).values()
    assert any("older" in key for key in cells)
    assert any("newer" in key for key in cells)
