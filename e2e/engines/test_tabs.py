"""Tabs of one profile in each engine: one engine for all; the leading tab closes, leaves, is hidden or suspended."""

from __future__ import annotations

import pytest

from e2e.engines.chromium import ChromiumTab
from e2e.engines.driver import Engine
from e2e.engines.harness import OPTION, options_of, routed, start_router
from e2e.engines.process import content_process, suspended
from e2e.engines.webkit import WebKitTab
from e2e.link import Link
from e2e.upstreams import Upstream
from tests.serving import Orchestrator

PENDING = "() => { window.pending = router.fetch('/slow').then((answer) => router.receipt(answer).option); }"
READY = "router.state === 'ready'"
REOPENED = "log.some(([kind, detail]) => kind === 'state' && detail.stage === 'reopening')"
WRITES = "log.filter(([kind]) => kind === 'state').at(-1)[1].readOnly !== true"
LEARN = "(rank) => router.observe('beta', 'rank', rank).then(() => router.resolve())"


@pytest.fixture(params=["shared", "led"])
def shared(request: pytest.FixtureRequest) -> bool:
    """By SharedWorker, which all three have, and led by a tab as where there is none (Chrome on Android once)."""
    return bool(request.param == "shared")


def test_tabs_have_one_engine(engine: Engine, link: Link, fleet: dict[str, Upstream], shared: bool) -> None:
    """The other tabs know at once what one learns; when the first closes in the middle of calls, others' go on."""
    first = routed(engine, link.origin, options_of(fleet), shared=shared)
    other = routed(engine, link.origin, options_of(fleet), shared=shared)
    third = routed(engine, link.origin, options_of(fleet), shared=shared)
    first.run(LEARN, -1)
    for tab in (other, third):
        tab.until("router.queue[0] === 'beta'")
    fleet["beta"].delay_s = 2.0
    for tab in (first, other, third):
        tab.run(PENDING)

    first.close()

    assert other.value("[...router.queue]") == ["beta", "alpha"]
    assert [tab.value("pending") for tab in (other, third)] == ["beta", "beta"]
    fleet["beta"].delay_s = 0.0
    for tab in (other, third):
        tab.until(REOPENED if not shared else READY)
        tab.until(f"{READY} && {WRITES}")
    other.run(LEARN, 9)
    third.until("router.queue[0] === 'alpha'")
    assert third.value(OPTION) == "alpha"


def test_a_login_elsewhere_leaves_the_others_with_a_leader(
    engine: Engine, link: Link, fleet: dict[str, Upstream], shared: bool, orchestrator_of_all: Orchestrator
) -> None:
    """The leading tab goes to another origin and comes back: meanwhile another leads, and it joins in again."""
    leaves = routed(engine, link.origin, options_of(fleet), shared=shared)
    stays = routed(engine, link.origin, options_of(fleet), shared=shared)
    back = f"{link.origin}/blank.html?code=1"
    with Link(orchestrator_of_all.port) as elsewhere:
        leaves.run("(url) => { setTimeout(() => location.assign(url)); }", f"{elsewhere.origin}/blank.html")
        leaves.arrive(f"{elsewhere.origin}/blank.html")
        stays.until(f"{REOPENED if not shared else READY} && {READY} && {WRITES}")
        assert stays.run(LEARN, -1) == ["beta", "alpha"]
        stays.until("router.queue[0] === 'beta'")
        assert stays.value(OPTION) == "beta"
        leaves.run("(url) => { setTimeout(() => location.assign(url)); }", back)
        leaves.arrive(back)
    if not shared:
        leaves.run("() => { delete globalThis.SharedWorker; }")

    start_router(leaves, options_of(fleet))

    assert leaves.value("[...router.queue]") == ["beta", "alpha"]
    assert leaves.value(WRITES) is True
    leaves.run(LEARN, 9)
    for tab in (leaves, stays):
        tab.until("router.queue[0] === 'alpha'")
        assert tab.value(OPTION) == "alpha"


def test_back_in_history(engine: Engine, link: Link, fleet: dict[str, Upstream]) -> None:
    """The leading tab shows another page and goes back: kept aside or loaded anew, one leads and all learn."""
    leaves = routed(engine, link.origin, options_of(fleet), shared=False)
    stays = routed(engine, link.origin, options_of(fleet), shared=False)
    leaves.run("() => { addEventListener('pageshow', ({ persisted }) => { window.persisted = persisted; }); }")

    leaves.goto(f"{link.origin}/blank.html?next")
    stays.until(f"{REOPENED} && {READY} && {WRITES}")
    stays.run(LEARN, -1)
    leaves.back()
    leaves.arrive(f"{link.origin}/blank.html")

    # Firefox keeps no page that holds a Web Lock, and a router's page holds one as its sign of life.
    is_kept = engine.name != "firefox"
    assert leaves.value("window.persisted === true") is is_kept
    if not is_kept:
        leaves.run("() => { delete globalThis.SharedWorker; }")
        start_router(leaves, options_of(fleet))
    leaves.until(f"{READY} && router.queue[0] === 'beta'")
    assert leaves.value(OPTION) == "beta"
    leaves.run(LEARN, 9)
    stays.until("router.queue[0] === 'alpha'")


def test_a_leading_tab_out_of_sight(engine: Engine, link: Link, fleet: dict[str, Upstream]) -> None:
    """Hidden or frozen, its engine goes on: others learn through it, and no other tab takes the lead."""
    leading = routed(engine, link.origin, options_of(fleet), shared=False)
    other = routed(engine, link.origin, options_of(fleet), shared=False)
    # Firefox hides the tab behind; a window of WebKit is minimised; Chromium, which hides none here, freezes the page.
    if isinstance(leading, WebKitTab):
        leading.minimise()
    if isinstance(leading, ChromiumTab):
        leading.freeze(True)
    else:
        assert leading.value("document.visibilityState") == "hidden"
    assert other.run(LEARN, -1) == ["beta", "alpha"]
    if isinstance(leading, ChromiumTab):
        leading.freeze(False)

    leading.until("router.queue[0] === 'beta'")
    assert leading.value(OPTION) == "beta"
    assert [tab.value(REOPENED) for tab in (leading, other)] == [False, False]


def test_a_leading_tab_that_is_suspended(engine: Engine, link: Link, fleet: dict[str, Upstream]) -> None:
    """It holds its locks and runs nothing: another leads within half a minute, and both go on when it is woken."""
    leading = routed(engine, link.origin, options_of(fleet), shared=False)
    other = routed(engine, link.origin, options_of(fleet), shared=False)
    assert content_process(leading) != content_process(other), "one process runs both tabs"
    with suspended(leading):
        other.until(REOPENED, timeout=40)
        assert other.value(OPTION) == "alpha"
        other.until(READY)
        assert other.run(LEARN, -1) == ["beta", "alpha"]
    leading.until(f"{REOPENED} && {READY}", timeout=40)
    other.until(f"{READY} && {WRITES}", timeout=40)
    for tab in (leading, other):
        tab.until("router.queue[0] === 'beta'")
        assert tab.value(OPTION) == "beta"
