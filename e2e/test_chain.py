"""One call in a page and one state for all tabs: cancelling, hedges, starting again, breakers and budgets shared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from e2e.faulty import TOOLS, WHOLE, FaultServers
from e2e.harness import LEVELS, open_bare, seed, until
from sporewright.server.demo.faults import Step
from tests.serving import Orchestrator

OK = Step()
NAMES = ("a", "b")


@pytest.fixture
def servers() -> Iterator[FaultServers]:
    """Two providers; the tests say how they behave."""
    made = FaultServers({name: [OK] for name in NAMES})
    yield made
    made.close()


def tab(context: BrowserContext, origin: str, servers: FaultServers, **limits: float) -> Page:
    """A page of the device with a router over both, its engine up."""
    page = open_bare(context, origin)
    page.evaluate(TOOLS)
    ranks = [seed(name, "rank", float(number)) for number, name in enumerate(NAMES)]
    config = {"levels": LEVELS, "seeds": [*ranks, seed("", "rank", 1.0, kind="weight")]}
    options = {"config": config, "cursor": {"workspace": "acme"}, "limits": limits}
    fleet = {name: {"url": server.url} for name, server in servers.servers.items()}
    page.evaluate("(given) => { Object.assign(window, given); }", {"fleet": fleet, "options": options})
    page.evaluate("async (names) => { window.router = await routerOf(names); await router.ready; }", list(NAMES))
    return page


def test_cancelling_ends_every_attempt_upstream(
    device: Callable[..., BrowserContext], orchestrator: Orchestrator, servers: FaultServers
) -> None:
    """An aborted call is gone from the server at once, silent or half read; no option is asked, nothing is learned."""
    page = tab(device(), orchestrator.origin, servers)
    before = page.evaluate("router.explain()")
    for kind in ("silent", "stall"):
        servers.servers["a"].play([Step(kind)])
        ended = page.evaluate(
            """async () => {
              const control = new AbortController();
              setTimeout(() => control.abort(), 400);
              return await chat(router, { init: { signal: control.signal } });
            }"""
        )
        assert ended["error"]["code"] == "AbortError"
        for _ in range(40):
            if "left" in servers.log("a")[-1]:
                break
            page.wait_for_timeout(50)
        assert "left" in servers.log("a")[-1]
    assert servers.log("b") == []
    assert page.evaluate("router.explain()") == before


def test_a_reader_who_leaves_lets_go_of_the_provider(
    device: Callable[..., BrowserContext], orchestrator: Orchestrator, servers: FaultServers
) -> None:
    """Cancelling a half-read body ends it upstream and is no failure."""
    page = tab(device(), orchestrator.origin, servers)
    servers.servers["a"].play([Step("ok", token_s=0.2)])
    outcome = page.evaluate(
        """async () => {
          const body = JSON.stringify({ stream: true, messages: [] });
          const response = await router.fetch("/v1/chat/completions", { method: "POST", body });
          const reader = response.body.getReader();
          await reader.read();
          await reader.cancel();
          return router.receipt(response).attempts[0].outcome;
        }"""
    )
    for _ in range(40):
        if "left" in servers.log("a")[0]:
            break
        page.wait_for_timeout(50)

    assert outcome == "aborted"
    assert "left" in servers.log("a")[0]


def test_a_hedge_answers_and_the_loser_is_let_go_of(
    device: Callable[..., BrowserContext], orchestrator: Orchestrator, servers: FaultServers
) -> None:
    """After twenty calls a late one is hedged at the p95, from the budget that the engine keeps."""
    page = tab(device(), orchestrator.origin, servers)
    servers.servers["a"].play([Step("ok", 20, tokens=2), Step("ok", first_token_s=8)])
    seen = page.evaluate(
        """async () => {
          for (let n = 0; n < 20; n += 1) await chat(router);
          return chat(router);
        }"""
    )

    assert seen["words"] == WHOLE
    assert [(each["option"], each["outcome"]) for each in seen["receipt"]["attempts"]] == [("a", "lost"), ("b", "ok")]
    assert seen["ms"] < 7000
    page.wait_for_timeout(300)
    assert "left" in servers.log("a")[20]


def test_a_stream_that_starts_again_says_where(
    device: Callable[..., BrowserContext], orchestrator: Orchestrator, servers: FaultServers
) -> None:
    """With `notify` all that was handed over before has been read when the new answer begins, and that one is whole."""
    page = tab(device(), orchestrator.origin, servers)
    servers.servers["a"].play([Step("cut", after=40)])
    seen: dict[str, Any] = page.evaluate(
        """async () => {
          const [pieces, restarts, events] = [[], [], []];
          router.addEventListener("restart", ({ detail }) => events.push(detail.option));
          const onRestart = ({ option }) => { restarts.push(option); pieces.length = 0; };
          const body = JSON.stringify({ stream: true, messages: [] });
          const init = { method: "POST", body, restart: "notify", onRestart };
          const response = await router.fetch("/v1/chat/completions", init);
          const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
          for (;;) {
            const { done, value } = await reader.read();
            if (done) break;
            pieces.push(value);
          }
          return { words: wordsOf(pieces.join("")), restarts, events, option: router.receipt(response).option };
        }"""
    )

    assert seen == {"words": WHOLE, "restarts": ["b"], "events": ["b"], "option": "b"}


def test_a_breaker_that_one_tab_opened_is_open_in_the_other(
    device: Callable[..., BrowserContext], orchestrator: Orchestrator, servers: FaultServers
) -> None:
    """Five failures seen by one tab: the other does not try a sixth, nor does one that is opened later."""
    context = device()
    limits = {"breaker_open_s": 30, "breaker_cap_s": 30}
    one, other = (tab(context, orchestrator.origin, servers, **limits) for _ in range(2))
    servers.servers["a"].play([Step("status", status=503)])
    for _ in range(5):
        assert one.evaluate("chat(router)")["words"] == WHOLE
    one.evaluate("router.explain()")
    later = tab(context, orchestrator.origin, servers, **limits)

    for page in (other, later):
        seen = page.evaluate("chat(router)")
        assert seen["receipt"]["skipped"] == [{"option": "a", "reason": "open"}]
    assert len(servers.log("a")) == 5


def test_a_cooldown_and_the_retry_budget_are_shared(
    device: Callable[..., BrowserContext], orchestrator: Orchestrator, servers: FaultServers
) -> None:
    """One retry in the profile's budget: the first tab has it, the second goes on without; a 429 there cools both."""
    context = device()
    limits = {"retry_cap": 1, "retry_per_s": 0, "retry_share": 0}
    one, other = (tab(context, orchestrator.origin, servers, **limits) for _ in range(2))
    servers.servers["a"].play([Step("status", status=500)])
    for page in (one, other):
        assert page.evaluate("chat(router)")["words"] == WHOLE
    assert len(servers.log("a")) == 2 + 1

    servers.servers["a"].play([Step("status", status=429, headers={"retry-after": "60"})])
    one.evaluate("""() => {
      window.cool = new Promise((told) => router.addEventListener("cooldown", told, { once: true }));
    }""")
    other.evaluate("chat(router)")
    one.evaluate("cool.then(() => null)")
    seen = one.evaluate("chat(router)")
    assert seen["receipt"]["skipped"] == [{"option": "a", "reason": "cooling-down"}]
    assert len(servers.log("a")) == 4


def test_before_the_engine_is_up_a_page_has_its_own(
    device: Callable[..., BrowserContext], orchestrator: Orchestrator, servers: FaultServers
) -> None:
    """With no engine at all the breaker of the page opens all the same."""
    page = open_bare(device(), orchestrator.origin)
    page.context.route("**/sporewright.zip", lambda route: route.abort())
    page.evaluate(TOOLS)
    ranks = [seed(name, "rank", float(number)) for number, name in enumerate(NAMES)]
    options = {"config": {"levels": LEVELS, "seeds": ranks}, "cursor": {}, "engine": "dedicated", "bootTimeout": 5000}
    fleet = {name: {"url": server.url} for name, server in servers.servers.items()}
    page.evaluate("(given) => { Object.assign(window, given); }", {"fleet": fleet, "options": options})
    page.evaluate("async (names) => { window.router = await routerOf(names); }", list(NAMES))
    until(page, "router.state === 'failed'")
    servers.servers["a"].play([Step("status", status=503)])

    for _ in range(8):
        assert page.evaluate("chat(router)")["words"] == WHOLE

    assert len(servers.log("a")) == 5
