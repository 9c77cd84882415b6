"""Tabs of one profile: no shared worker, a leading tab that closes in the middle of a call, a deploy under them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from e2e.harness import LEVELS, config_of, open_bare, seed, shared_workers, start_router, until
from e2e.test_start import another_build
from e2e.upstreams import Upstream, served
from tests.serving import Orchestrator

OPTIONS = {"alpha": 0.1, "beta": 0.2}
# An order that no call changes.
RANKED = {
    "levels": LEVELS,
    "seeds": [
        *(seed(name, "rank", float(number)) for number, name in enumerate(OPTIONS)),
        seed("", "rank", 1.0, kind="weight"),
    ],
}
PENDING = "() => { window.pending = router.fetch('/slow').then((answer) => router.receipt(answer).option); }"
# The thread hears nothing until there is an answer, and takes no time from the others.
HANG = """(address) => setTimeout(() => {
  const request = new XMLHttpRequest();
  request.open("GET", address, false);
  request.send();
}, 50)"""
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
    with served(OPTIONS) as servers:
        yield servers


@pytest.fixture
def hung() -> Iterator[Upstream]:
    """A server that answers once it is released: until then a thread that asks it hangs."""
    with served(["hung"]) as servers:
        servers["hung"].mode = "held"
        yield servers["hung"]


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
    """True if the last state said so."""
    said: bool = page.evaluate("log.filter(([kind]) => kind === 'state').at(-1)[1].readOnly === true")
    return said


def stored(page: Page) -> dict[str, list[str]]:
    """The own cells in storage, by database."""
    found: dict[str, list[str]] = page.evaluate(RECORDS)
    return found


@pytest.fixture
def apart(device: Callable[..., BrowserContext]) -> BrowserContext:
    """A browser without SharedWorker, as Chrome on Android long was."""
    context = device()
    context.add_init_script("delete globalThis.SharedWorker")
    return context


def engines(context: BrowserContext) -> int:
    """Workers that tabs of this browser run."""
    return sum(len(page.workers) for page in context.pages)


def test_the_leading_tab_closes_in_the_middle_of_a_call(
    apart: BrowserContext, orchestrator: Orchestrator, fleet: dict[str, Upstream]
) -> None:
    """Without SharedWorker one tab runs the engine for all. When it closes, another does within two warm boots; calls
    that were under way go on, what was acknowledged is kept, and what was asked in between is answered.
    """
    tab(apart, orchestrator.origin, fleet, config=RANKED)[0].close()
    leading, warm = tab(apart, orchestrator.origin, fleet, config=RANKED)
    other, _ = tab(apart, orchestrator.origin, fleet, config=RANKED)
    third, _ = tab(apart, orchestrator.origin, fleet, config=RANKED)
    assert [len(page.workers) for page in (leading, other, third)] == [1, 0, 0]
    assert not any(read_only(page) for page in (leading, other, third))
    fleet["alpha"].delay_s = 3.0
    leading.evaluate(PENDING)
    other.evaluate(PENDING)
    third.evaluate("""async () => {
      window.seen = [];
      window.watch = router.watch({}, { limit: 1 });
      watch.addEventListener("change", ({ detail }) => seen.push([detail.revision, ...detail.queue]));
      await router.resolve();
    }""")
    other.wait_for_timeout(300)
    other.evaluate("""async () => {
      router.addEventListener("state", ({ detail }) => {
        if (detail.stage === "reopening" && !window.since) window.since = performance.now();
        if (detail.state === "ready") window.back = performance.now() - since;
      });
      await router.observe("beta", "acknowledged", 1);
      window.late = router.observe("beta", "unanswered", 2);
    }""")

    leading.close()

    assert other.evaluate("[...router.queue]") == list(OPTIONS)
    until(other, "router.state === 'starting'")
    other.evaluate("() => { window.between = router.observe('beta', 'between', 3).then(() => router.resolve()); }")
    assert other.evaluate("late.then(() => between)") == list(OPTIONS)
    assert other.evaluate("back") < 2 * warm + 1000
    assert other.evaluate("pending") == "alpha"
    until(third, "router.state === 'ready'")
    assert engines(apart) == 1
    (cells,) = stored(other).values()
    for said in ("acknowledged", "unanswered", "between"):
        assert any(said in key for key in cells)
    third.evaluate("router.observe('alpha', 'rank', 9)")
    until(third, "watch.queue[0] === 'beta'")
    until(other, "router.queue[0] === 'beta'")
    assert third.evaluate("seen") == [[0, "alpha"], [1, "beta"]]


def test_tabs_without_a_shared_worker_have_one_breaker_and_one_budget(
    apart: BrowserContext, orchestrator: Orchestrator, fleet: dict[str, Upstream]
) -> None:
    """Five failures open it for both, one probe of both is made when it half opens, and the next leader knows of it;
    what one tab has spent on retries the other has not left.
    """
    limits = {"breaker_open_s": 5, "breaker_cap_s": 60, "jitter": 0, "backoff_s": 0.01}
    limits |= {"retry_cap": 1, "retry_share": 0, "retry_per_s": 0}
    one, _ = tab(apart, orchestrator.origin, fleet, limits=limits, config=RANKED)
    other, _ = tab(apart, orchestrator.origin, fleet, limits=limits, config=RANKED)
    fleet["alpha"].status = 500
    for page, attempts in ((one, 2), (other, 3)):  # a 500 is tried again in place, if there is a token
        page.evaluate("router.fetch('/hello').then((answer) => answer.text()).then(() => router.resolve())")
        assert len(fleet["alpha"].seen) == attempts
    for _ in range(2):
        one.evaluate("router.fetch('/hello').then((answer) => answer.text()).then(() => router.resolve())")
    fleet["alpha"].delay_s = 0.5
    call = "router.fetch('/hello').then((answer) => router.receipt(answer).skipped.map(({ reason }) => reason))"
    assert other.evaluate(call) == ["open"]
    other.wait_for_timeout(5200)
    for page in (one, other):
        page.evaluate(f"() => {{ window.asked = [1, 2, 3].map(() => {call}); }}")
    reasons = [each for page in (one, other) for each in page.evaluate("Promise.all(asked)")]
    assert len(fleet["alpha"].seen) == 6
    assert reasons.count([]) == 1
    one.close()
    until(other, "log.some(([kind, { stage }]) => kind === 'state' && stage === 'reopening')")
    until(other, "router.state === 'ready'")
    later, _ = tab(apart, orchestrator.origin, fleet, limits=limits, config=RANKED)
    assert later.evaluate(call) == ["open"]
    assert len(fleet["alpha"].seen) == 6


def test_a_leading_tab_that_is_frozen_is_deposed(
    apart: BrowserContext, orchestrator: Orchestrator, fleet: dict[str, Upstream], hung: Upstream
) -> None:
    """It holds its locks and says nothing: another tab leads, and writes only once the first one follows."""
    leading, _ = tab(apart, orchestrator.origin, fleet, config=RANKED)
    other, _ = tab(apart, orchestrator.origin, fleet, config=RANKED)
    leading.workers[0].evaluate(HANG, hung.url)
    leading.evaluate(HANG, hung.url)
    until(other, "router.state === 'starting'", timeout=20_000)
    assert other.evaluate("router.fetch('/hello').then((answer) => router.receipt(answer).option)") == "alpha"
    until(other, "router.state === 'ready'")
    assert read_only(other)
    other.evaluate("router.observe('beta', 'meanwhile', 1)")

    hung.released.set()
    until(leading, "log.some(([kind, { stage }]) => kind === 'state' && stage === 'reopening')", timeout=40_000)
    until(leading, "router.state === 'ready'")
    until(other, "log.filter(([kind]) => kind === 'state').at(-1)[1].readOnly !== true")
    assert [len(page.workers) for page in (leading, other)] == [0, 1]
    leading.evaluate("router.observe('beta', 'rank', -1)")
    until(other, "router.queue[0] === 'beta'")
    (cells,) = stored(leading).values()
    assert any("meanwhile" in key for key in cells)


def test_a_shared_engine_outlives_the_tab_that_opened_it(
    device: Callable[..., BrowserContext], orchestrator: Orchestrator, fleet: dict[str, Upstream]
) -> None:
    """With SharedWorker it belongs to no tab: the other tab's call ends well, and what the first learned is there."""
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


def test_a_shared_engine_that_hangs_is_left_for_another(
    device: Callable[..., BrowserContext], orchestrator: Orchestrator, fleet: dict[str, Upstream], hung: Upstream
) -> None:
    """It does not end, but answers no tab: all turn to one other, which writes once the first has come to."""
    context = device()
    # More patience than the engine is given: what it owes is asked of the next one.
    one, _ = tab(context, orchestrator.origin, fleet, config=RANKED, callTimeout=25_000)
    other, _ = tab(context, orchestrator.origin, fleet, config=RANKED, callTimeout=25_000)
    assert len(shared_workers(one, f"({HANG})('{hung.url}')")) == 1
    one.evaluate("() => { window.asked = router.observe('beta', 'rank', -1).then(() => router.resolve()); }")
    until(other, "router.state === 'starting'", timeout=25_000)
    assert other.evaluate("router.fetch('/hello').then((answer) => router.receipt(answer).option)") in OPTIONS
    assert one.evaluate("asked") == ["beta", "alpha"]
    for page in (one, other):
        until(page, "router.state === 'ready' && router.queue[0] === 'beta'")
        assert read_only(page)
    assert len(shared_workers(one)) == 2
    hung.released.set()
    until(one, "log.filter(([kind]) => kind === 'state').at(-1)[1].readOnly !== true", timeout=30_000)
    one.wait_for_timeout(300)
    (cells,) = stored(one).values()
    assert any("rank" in key for key in cells)


def test_breakers_are_known_next_door_to_engines_of_their_own(
    device: Callable[..., BrowserContext], orchestrator: Orchestrator, fleet: dict[str, Upstream]
) -> None:
    """Separate engines tell the others' pages: after five failures no tab tries a sixth, nor one opened later."""
    context = device()
    limits = {"breaker_open_s": 60, "breaker_cap_s": 60}
    options = {"limits": limits, "config": RANKED, "engine": "dedicated"}
    one, _ = tab(context, orchestrator.origin, fleet, **options)
    other, _ = tab(context, orchestrator.origin, fleet, **options)
    fleet["alpha"].status = 503
    for _ in range(5):
        one.evaluate("router.fetch('/hello').then((answer) => answer.text())")
    one.evaluate("router.resolve()")
    later, _ = tab(context, orchestrator.origin, fleet, **options)
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
