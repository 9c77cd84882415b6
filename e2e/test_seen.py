"""Failures that look like others to a page: offline, policies, missing CORS, blockers, sleep; all of it real."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route

from e2e.harness import LEVELS, open_bare, seed, start_router, until
from tests.serving import Orchestrator

NAMES = ("alpha", "beta")
FETCH = """async ({ path, init }) => {
  const began = performance.now();
  const seen = (receipt) => ({
    attempts: receipt.attempts.map(({ option, outcome }) => [option, outcome]),
    skipped: receipt.skipped.map(({ option, reason }) => [option, reason]),
    reasons: receipt.attempts.map(({ reason }) => reason),
  });
  try {
    const response = await router.fetch(path, init ?? undefined);
    await response.text();
    const receipt = router.receipt(response);
    return { option: receipt.option, ...seen(receipt), ms: performance.now() - began };
  } catch (error) {
    return { code: error.code, message: error.message, ...seen(router.receipt(error)), ms: performance.now() - began };
  }
}"""


# Alpha before beta, unless calls there fail; nothing is tried for curiosity's sake.
CONFIG = {
    "levels": LEVELS,
    "seeds": [
        *(seed(name, "rank", float(number)) for number, name in enumerate(NAMES)),
        *(
            seed("", name, weight, kind="weight")
            for name, weight in {"rank": 1.0, "latency": 1e-3, "failure": 10.0}.items()
        ),
    ],
    "priors": {"failure": 0.0},
    "learning": {"temperature": 0},
}


class Shy:
    """A server with or without CORS headers; `seen` is what reached it."""

    def __init__(self) -> None:
        self.cors, self.is_down, self.status = True, False, 200
        self.seen: list[tuple[str, str]] = []
        shy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                self.rfile.read(int(self.headers.get("content-length") or 0))
                shy.seen.append((self.command, self.path))
                if shy.is_down:
                    self.close_connection = True
                    return
                self.send_response(204 if self.command == "OPTIONS" else shy.status)
                if shy.cors:
                    for name in ("origin", "headers"):
                        self.send_header(f"access-control-allow-{name}", "*")
                if self.command != "OPTIONS":
                    self.send_header("content-length", "0")
                self.end_headers()

            do_GET = do_HEAD = do_POST = do_OPTIONS = _serve  # noqa: N815

            def log_message(self, *_: object) -> None:
                """The test reads `seen` instead."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def asked(self, *methods: str) -> int:
        """The number of requests by these methods."""
        return sum(method in methods for method, _ in self.seen)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def fleet() -> Iterator[dict[str, Shy]]:
    """Two servers; alpha is the better one."""
    servers = {name: Shy() for name in NAMES}
    yield servers
    for server in servers.values():
        server.close()


def options_of(fleet: dict[str, Shy], **extra: Any) -> dict[str, Any]:
    """A router of this tab alone."""
    return {
        "config": CONFIG,
        "cursor": {"workspace": "acme"},
        "upstreams": {name: {"url": server.url} for name, server in fleet.items()},
        **extra,
    }


def opened(context: BrowserContext, origin: str, fleet: dict[str, Shy], **extra: Any) -> Page:
    """A page with a router whose engine is up; it keeps what the router tells."""
    page = open_bare(context, origin)
    start_router(page, options_of(fleet, **extra))
    page.evaluate("""() => {
      window.told = [];
      for (const kind of ["blocked", "cooldown", "attempt"])
        router.addEventListener(kind, ({ detail }) => told.push([kind, detail.option, detail.reason ?? null]));
    }""")
    return page


def call(page: Page, path: str = "/hello", **init: Any) -> dict[str, Any]:
    """One routed call, whatever became of it."""
    seen: dict[str, Any] = page.evaluate(FETCH, {"path": path, "init": init})
    return seen


def dropped(page: Page) -> list[list[str]]:
    """The options that the engine's explanation says were dropped, and by which gate."""
    found: list[list[str]] = page.evaluate(
        "router.explain().then(({ dropped }) => dropped.map(({ option, dimension }) => [option, dimension]))"
    )
    return found


def test_offline_waits_and_teaches_nothing(
    device: Callable[..., BrowserContext], orchestrator: Orchestrator, fleet: dict[str, Shy]
) -> None:
    """Without a network a call waits for it and then goes on; no option is punished, and at the deadline it says so."""
    context = device()
    page = opened(context, orchestrator.origin, fleet, deadline=3000)
    assert call(page)["option"] == "alpha"
    before = page.evaluate("router.explain()")
    context.set_offline(True)

    late = call(page)
    assert late["code"] == "offline"
    assert "offline" in late["message"]
    assert 2900 < late["ms"] < 6000
    assert {outcome for _, outcome in late["attempts"]} <= {"offline"}
    for _ in range(6):
        assert (
            page.evaluate("""async () => {
          const control = new AbortController();
          setTimeout(() => control.abort(), 50);
          return router.fetch("/hello", { signal: control.signal }).then(() => null, (error) => error.name);
        }""")
            == "AbortError"
        )

    page.evaluate("(given) => { window.pending = (" + FETCH + ")(given); }", {"path": "/hello", "init": {}})
    page.wait_for_timeout(700)
    context.set_offline(False)
    seen = page.evaluate("pending")
    assert seen["option"] == "alpha"
    assert 600 < seen["ms"] < 2900

    after = page.evaluate("router.explain()")
    assert [each["option"] for each in after["ranked"]] == [each["option"] for each in before["ranked"]]
    failures = [t["value"] for r in after["ranked"] for t in r["terms"] if t["dimension"] == "failure"]
    assert failures == [t["value"] for r in before["ranked"] for t in r["terms"] if t["dimension"] == "failure"]
    assert page.evaluate("told.filter(([kind]) => kind !== 'attempt')") == []


def test_a_policy_of_the_page_gates_with_its_reason(
    device: Callable[..., BrowserContext], orchestrator: Orchestrator, fleet: dict[str, Shy]
) -> None:
    """An option that the page's own CSP forbids is no outage: gated by that name, and its server never hears of it."""
    page = opened(device(), orchestrator.origin, fleet)
    page.evaluate(
        """(content) => document.head.append(
          Object.assign(document.createElement("meta"), { httpEquiv: "content-security-policy", content }))""",
        f"connect-src 'self' {fleet['beta'].url}",
    )

    seen = call(page, method="POST", body="{}", headers={"content-type": "application/json"})

    assert seen["attempts"] == [["alpha", "blocked"], ["beta", "ok"]]
    assert "content security policy" in seen["reasons"][0]
    assert fleet["alpha"].seen == []
    until(page, "router.queue.length === 1")
    assert dropped(page) == [["alpha", "reach:csp"]]
    assert ["blocked", "alpha", "csp"] in page.evaluate("told")
    again = call(page)
    assert again["attempts"] == [["beta", "ok"]]


def test_a_server_without_cors_is_gated_not_blamed(
    device: Callable[..., BrowserContext], orchestrator: Orchestrator, fleet: dict[str, Shy]
) -> None:
    """It can be reached, and this page may not read it: gated with that reason, looked at once; lifted in time."""
    fleet["alpha"].cors = False
    page = opened(device(), orchestrator.origin, fleet, limits={"block_s": 2, "block_cap_s": 2})

    assert call(page)["attempts"] == [["alpha", "unreadable"], ["beta", "ok"]]
    assert dropped(page) == [["alpha", "reach:cors"]]
    for _ in range(3):
        assert call(page)["option"] == "beta"
    assert fleet["alpha"].asked("GET") == 1 + 2  # and two looks, without and with CORS, once

    fleet["alpha"].cors = True
    until(page, "router.queue[0] === 'alpha'")
    assert call(page)["option"] == "alpha"
    assert dropped(page) == []


def test_a_refusal_hidden_by_missing_cors_cools_down(
    device: Callable[..., BrowserContext], orchestrator: Orchestrator, fleet: dict[str, Shy]
) -> None:
    """An option whose answers could be read before, and is reachable still: a 429 without CORS headers."""
    page = opened(device(), orchestrator.origin, fleet)
    assert call(page)["option"] == "alpha"
    fleet["alpha"].cors, fleet["alpha"].status = False, 429

    seen = call(page)

    assert seen["attempts"] == [["alpha", "masked"], ["beta", "ok"]]
    until(page, "told.some(([kind, option]) => kind === 'cooldown' && option === 'alpha')")
    assert dropped(page) == []
    gets = fleet["alpha"].asked("GET")
    assert ["alpha", "cooling-down"] in call(page)["skipped"] or call(page)["option"] == "beta"
    assert fleet["alpha"].asked("GET") == gets


def test_what_could_be_read_is_known_after_a_reload_until_it_is_forgotten(
    device: Callable[..., BrowserContext], orchestrator: Orchestrator, fleet: dict[str, Shy]
) -> None:
    """Another page of this browser tells a hidden refusal from a lack of CORS by what the first one read."""
    context = device()
    limits = {"cooldown_s": 0.1, "cooldown_cap_s": 0.1}
    page = opened(context, orchestrator.origin, fleet, limits=limits)
    assert call(page)["option"] == "alpha"
    page.wait_for_timeout(500)
    page.close()
    fleet["alpha"].cors, fleet["alpha"].status = False, 429

    page = opened(context, orchestrator.origin, fleet, limits=limits)
    assert call(page)["attempts"] == [["alpha", "masked"], ["beta", "ok"]]
    page.evaluate("router.forget()")
    page.wait_for_timeout(500)
    page.close()

    page = opened(context, orchestrator.origin, fleet, limits=limits)
    assert call(page)["attempts"] == [["alpha", "unreadable"], ["beta", "ok"]]


def test_an_outage_is_an_outage(
    device: Callable[..., BrowserContext], orchestrator: Orchestrator, fleet: dict[str, Shy]
) -> None:
    """No server there: a failure as ever, learned, and no gate."""
    page = opened(device(), orchestrator.origin, fleet)
    assert call(page)["option"] == "alpha"
    fleet["alpha"].is_down = True

    assert call(page)["attempts"] == [["alpha", "network_error"], ["beta", "ok"]]
    assert dropped(page) == []
    until(page, "router.queue[0] === 'beta'")


def test_a_blocker_of_an_address_gates(
    device: Callable[..., BrowserContext], orchestrator: Orchestrator, fleet: dict[str, Shy]
) -> None:
    """An address refused on this device, as an extension's rule does, while its server can be reached."""
    context = device()
    page = opened(context, orchestrator.origin, fleet)
    context.route(f"{fleet['alpha'].url}/v1/**", lambda route: route.abort("blockedbyclient"))

    seen = call(page, "/v1/chat")

    assert seen["attempts"] == [["alpha", "blocked"], ["beta", "ok"]]
    assert "extension" in seen["reasons"][0]
    assert dropped(page) == [["alpha", "reach:client"]]


def test_a_gate_is_known_in_all_tabs(
    device: Callable[..., BrowserContext], orchestrator: Orchestrator, fleet: dict[str, Shy]
) -> None:
    """One tab found out: the other neither asks nor looks."""
    context = device()
    fleet["alpha"].cors = False
    one, other = (opened(context, orchestrator.origin, fleet) for _ in range(2))
    assert call(one)["option"] == "beta"
    until(other, "router.queue.length === 1")
    reached = len(fleet["alpha"].seen)

    assert call(other)["attempts"] == [["beta", "ok"]]
    assert ["blocked", "alpha", "cors"] in other.evaluate("told")
    assert len(fleet["alpha"].seen) == reached


HOLD = """() => {
  // A clock that a test can push forward: what a sleep looks like to a page, its timers standing still meanwhile.
  const now = Date.now.bind(Date);
  window.ahead = 0;
  Date.now = () => now() + window.ahead;
}"""


@pytest.mark.parametrize("dies", [False, True])
def test_ten_minutes_of_sleep_are_no_latency(
    device: Callable[..., BrowserContext], orchestrator: Orchestrator, fleet: dict[str, Shy], dies: bool
) -> None:
    """A call under way when the device sleeps ends well; neither its length nor its broken connection teaches."""
    context = device()
    page = open_bare(context, orchestrator.origin)
    page.evaluate(HOLD)
    start_router(page, options_of(fleet, attemptTimeout=20_000))
    assert call(page)["option"] == "alpha"
    before = _of(page, "alpha")
    held = _held(context, f"{fleet['alpha'].url}/slow")
    page.evaluate("(given) => { window.pending = (" + FETCH + ")(given); }", {"path": "/slow", "init": {}})
    for _ in range(100):
        page.wait_for_timeout(20)
        if held:
            break
    page.evaluate("() => { window.ahead += 600_000; }")
    page.wait_for_timeout(1500)
    for route in held:
        if dies:
            route.abort("connectionreset")
        else:
            route.continue_()
    seen = page.evaluate("pending")

    assert seen["option"] == "alpha"
    assert seen["attempts"] == ([["alpha", "slept"]] if dies else []) + [["alpha", "ok"]]
    after = _of(page, "alpha")
    assert after["failure"] == before["failure"] == 0
    assert after["latency"] < 1


def _held(context: BrowserContext, address: str) -> list[Route]:
    """The first request there is held back, until the test lets it go."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    context.route(address, hold)
    return held


def _of(page: Page, option: str) -> dict[str, float]:
    """The belief of an option."""
    found: dict[str, float] = page.evaluate(
        """(option) => router.explain().then(({ ranked }) => Object.fromEntries(
          ranked.find((each) => each.option === option).terms.map(({ dimension, value }) => [dimension, value])))""",
        option,
    )
    return found


def test_a_tab_that_stands_still_blames_nobody(
    device: Callable[..., BrowserContext], orchestrator: Orchestrator, fleet: dict[str, Shy]
) -> None:
    """Nothing runs in the page for longer than a limit, as when it is frozen: going on, the option answers."""
    context = device()
    page = opened(context, orchestrator.origin, fleet, attemptTimeout=4000)
    assert call(page)["option"] == "alpha"
    held = _held(context, f"{fleet['alpha'].url}/slow")
    page.evaluate("(given) => { window.pending = (" + FETCH + ")(given); }", {"path": "/slow", "init": {}})
    for _ in range(100):
        page.wait_for_timeout(20)
        if held:
            break
    line = context.new_cdp_session(page)
    line.send("Debugger.enable")
    line.send("Debugger.pause")
    threading.Event().wait(9)
    line.send("Debugger.disable")
    page.wait_for_timeout(300)
    held[0].continue_()
    seen = page.evaluate("pending")

    assert seen["ms"] > 8000
    assert seen["attempts"] == [["alpha", "ok"]]
    assert _of(page, "alpha")["failure"] == 0
    assert _of(page, "alpha")["latency"] < 1


def test_a_wait_ends_when_its_time_has_come(
    device: Callable[..., BrowserContext], orchestrator: Orchestrator, fleet: dict[str, Shy]
) -> None:
    """The clock runs on while timers stand still: a cooldown that is over meanwhile is not waited for once more."""
    context = device()
    page = open_bare(context, orchestrator.origin)
    page.evaluate(HOLD)
    start_router(page, options_of({"alpha": fleet["alpha"]}, limits={"cooldown_s": 60, "wait_spread_s": 0}))
    fleet["alpha"].status = 429
    page.evaluate("(given) => { window.pending = (" + FETCH + ")(given); }", {"path": "/hello", "init": {}})
    for _ in range(100):
        page.wait_for_timeout(20)
        if fleet["alpha"].asked("GET"):
            break
    fleet["alpha"].status = 200
    page.wait_for_timeout(300)
    page.evaluate("() => { window.ahead += 100_000; }")
    seen = page.evaluate("pending")

    assert seen["option"] == "alpha"
    assert seen["ms"] < 10_000
    assert json.dumps(seen["attempts"]) == json.dumps([["alpha", "rate_limited"], ["alpha", "ok"]])
