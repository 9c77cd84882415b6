"""A tab routes its own fetches: cold, failing, aborted, and with no engine at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route

from e2e.harness import config_of, open_bare, shared_workers, start_router, until
from e2e.upstreams import Upstream, served
from tests.serving import Orchestrator

NAMES = ("alpha", "beta", "gamma")
FETCH = """async ({ path, init }) => {
  const response = await router.fetch(path, init ?? undefined);
  const receipt = router.receipt(response);
  return { status: response.status, native: response instanceof Response, body: await response.json(),
           option: receipt.option, attempts: receipt.attempts.map((a) => [a.option, a.outcome]) };
}"""
FETCH_FAILS = """async ({ path, init }) => {
  try { await router.fetch(path, init ?? undefined); return null; }
  catch (error) { return { name: error.name, code: error.code ?? null, message: error.message }; }
}"""


@pytest.fixture
def fleet() -> Iterator[dict[str, Upstream]]:
    """Three upstreams, declared with 0.1, 0.2 and 0.3 s."""
    with served(NAMES) as servers:
        yield servers


@pytest.fixture
def page(device: Callable[..., BrowserContext], orchestrator: Orchestrator) -> Page:
    """A bare page of the server's origin."""
    return open_bare(device(), orchestrator.origin)


def options_of(fleet: dict[str, Upstream], **extra: Any) -> dict[str, Any]:
    """Router options without an orchestrator: this tab alone."""
    return {
        "config": config_of({"alpha": 0.1, "beta": 0.2, "gamma": 0.3}),
        "cursor": {"workspace": "acme"},
        "upstreams": {name: {"url": server.url} for name, server in fleet.items()},
        **extra,
    }


def test_a_cold_page_routes(page: Page, fleet: dict[str, Upstream]) -> None:
    """The first visit ever answers from the declared order and then from Python, and hands over a native Response."""
    start_router(page, options_of(fleet))
    assert page.evaluate("router.state") == "ready"
    assert page.evaluate("[...router.queue]") == list(NAMES)

    answer = page.evaluate(FETCH, {"path": "/hello"})

    assert answer == {
        "status": 200,
        "native": True,
        "body": {"from": "alpha", "got": ""},
        "option": "alpha",
        "attempts": [["alpha", "ok"]],
    }


def test_the_first_option_dies_and_the_next_answers(page: Page, fleet: dict[str, Upstream]) -> None:
    """A reset connection falls through, the body is sent whole a second time, and the order has changed afterwards."""
    start_router(page, options_of(fleet))
    fleet["alpha"].mode = "reset"

    answer = page.evaluate(
        FETCH, {"path": "/v1/x", "init": {"method": "POST", "body": "whole body", "idempotent": True}}
    )

    assert answer["body"] == {"from": "beta", "got": "whole body"}
    assert answer["attempts"] == [["alpha", "network_error"], ["beta", "ok"]]
    until(page, "router.queue[0] !== 'alpha'")
    explained = page.evaluate("router.explain()")
    alpha = next(ranked for ranked in explained["ranked"] if ranked["option"] == "alpha")
    assert any(term["dimension"] == "failure" and term["value"] > 0 for term in alpha["terms"])


def test_a_short_head_does_not_cut_failover(page: Page, fleet: dict[str, Upstream]) -> None:
    """`limit` is what is shown: every option that can be called is tried."""
    fleet["alpha"].mode = fleet["beta"].mode = "reset"
    start_router(page, options_of(fleet, limit=1))
    assert page.evaluate("router.queue.length") == 1

    answer = page.evaluate(FETCH, {"path": "/hello"})

    assert answer["option"] == "gamma"
    assert [option for option, _ in answer["attempts"]] == ["alpha", "beta", "gamma"]
    until(page, "router.queue[0] === 'gamma'")


@pytest.mark.parametrize(("status", "outcome"), [(429, "rate_limited"), (502, "server_error"), (503, "server_error")])
def test_a_failing_status_falls_through(page: Page, fleet: dict[str, Upstream], status: int, outcome: str) -> None:
    """429 and 5xx go to the next option."""
    start_router(page, options_of(fleet))
    fleet["alpha"].status = status

    answer = page.evaluate(FETCH, {"path": "/hello"})

    assert answer["attempts"] == [["alpha", outcome], ["beta", "ok"]]


def test_another_4xx_is_the_callers(page: Page, fleet: dict[str, Upstream]) -> None:
    """A 409 is the answer: no other option is asked."""
    start_router(page, options_of(fleet))
    fleet["alpha"].status = 409

    answer = page.evaluate(FETCH, {"path": "/hello"})

    assert answer["status"] == 409
    assert fleet["beta"].seen == []


ATTENTION = """async () => {
  const seen = [];
  router.addEventListener("attention", ({ detail }) => seen.push(detail));
  const statuses = [];
  for (let call = 0; call < 3; call += 1) statuses.push((await router.fetch("/hello")).status);
  await router.ready;
  await new Promise((resolve) => setTimeout(resolve, 200));
  const { ranked } = await router.explain();
  const last = ranked.at(-1);
  return { seen, statuses, last: last.option, terms: last.terms.map(({ dimension }) => dimension) };
}"""


def test_an_option_whose_key_is_refused_is_set_aside(page: Page, fleet: dict[str, Upstream]) -> None:
    """The next one answers, the page is told once, and `explain` shows it last with the reason."""
    start_router(page, options_of(fleet))
    fleet["alpha"].status = 401

    found = page.evaluate(ATTENTION)

    assert found["statuses"] == [200, 200, 200]
    assert len(fleet["alpha"].seen) == 1
    assert [(said["option"], said["reason"]) for said in found["seen"]] == [("alpha", "key")]
    assert found["last"] == "alpha"
    assert "aside:key" in found["terms"]


def test_retry_after_cools_an_option_down(page: Page, fleet: dict[str, Upstream]) -> None:
    """After a 429 with Retry-After the option is left alone for that long."""
    start_router(page, options_of(fleet))
    fleet["alpha"].status, fleet["alpha"].headers = 429, {"retry-after": "30"}
    page.evaluate(FETCH, {"path": "/hello"})
    fleet["alpha"].status = 200

    for _ in range(3):
        assert page.evaluate(FETCH, {"path": "/hello"})["option"] != "alpha"

    assert len(fleet["alpha"].seen) == 1


def test_abort_is_immediate_and_teaches_nothing(page: Page, fleet: dict[str, Upstream]) -> None:
    """The caller's AbortSignal ends a silent call at once, no other option is asked and nothing is learned."""
    start_router(page, options_of(fleet))
    before = page.evaluate("router.explain()")
    fleet["alpha"].mode = "silent"

    ended = page.evaluate(
        """async () => {
          const control = new AbortController();
          setTimeout(() => control.abort(), 200);
          const began = performance.now();
          try { await router.fetch("/hello", { signal: control.signal }); return null; }
          catch (error) { return { name: error.name, ms: performance.now() - began }; }
        }"""
    )

    assert ended["name"] == "AbortError"
    assert ended["ms"] < 1000
    assert fleet["beta"].seen == []
    assert page.evaluate("router.explain()") == before


def test_all_options_exhausted_says_every_reason(page: Page, fleet: dict[str, Upstream]) -> None:
    """If no option answers the error names each option and why."""
    start_router(page, options_of(fleet))
    for server in fleet.values():
        server.status = 500

    error = page.evaluate(FETCH_FAILS, {"path": "/hello"})

    assert error["code"] == "exhausted"
    for name in NAMES:
        assert name in error["message"]
    assert "500" in error["message"]


def test_a_time_out_moves_on(page: Page, fleet: dict[str, Upstream]) -> None:
    """A silent option costs its time-out, not the call."""
    start_router(page, options_of(fleet, attemptTimeout=500))
    fleet["alpha"].mode = "silent"

    answer = page.evaluate(FETCH, {"path": "/hello"})

    assert answer["attempts"] == [["alpha", "timed_out"], ["beta", "ok"]]


def test_headers_and_prepare_stay_in_the_page(page: Page, fleet: dict[str, Upstream]) -> None:
    """An upstream's credentials reach the upstream and appear in no storage of the origin."""
    page.evaluate(
        """async (options) => {
          const { Router } = await import("/sporewright.js");
          options.upstreams.alpha.headers = { authorization: "Bearer s3cret-key" };
          options.upstreams.alpha.prepare = (request) => {
            const headers = new Headers(request.headers);
            headers.set("x-prepared", "yes");
            return new Request(request, { headers });
          };
          window.router = await Router.start(options);
          await router.ready;
        }""",
        options_of(fleet),
    )
    page.evaluate(FETCH, {"path": "/hello"})

    seen = {name.lower(): value for name, value in fleet["alpha"].seen[0]["headers"].items()}
    assert seen["authorization"] == "Bearer s3cret-key"
    assert seen["x-prepared"] == "yes"
    stored = page.evaluate(
        """async () => {
          const found = [];
          for (const { name } of await indexedDB.databases()) {
            const done = (request) => new Promise((ok, no) => {
              request.onsuccess = () => ok(request.result);
              request.onerror = () => no(request.error);
            });
            const db = await done(indexedDB.open(name));
            for (const store of db.objectStoreNames)
              found.push(JSON.stringify(await done(db.transaction(store).objectStore(store).getAll())));
            db.close();
          }
          return found.join("\\n");
        }"""
    )
    assert stored
    assert "s3cret" not in stored


@pytest.mark.parametrize("broken", ["pyodide.asm.wasm", "python_stdlib.zip", "sporewright.zip", "pyodide.mjs"])
def test_an_engine_that_cannot_start_still_routes(page: Page, fleet: dict[str, Upstream], broken: str) -> None:
    """A missing runtime file ends in state `failed` with its reason, and calls go out in declared order."""

    def refuse(route: Route) -> None:
        route.fulfill(status=404, body="gone")

    page.context.route(f"**/runtime/{broken}*", refuse)
    page.context.route(f"**/runtime/**/{broken}*", refuse)
    start_router(page, options_of(fleet, bootTimeout=8000, engine="dedicated"), ready=False)

    until(page, "router.state === 'failed'", timeout=40_000)

    assert page.evaluate("[...router.queue]") == list(NAMES)
    assert page.evaluate(FETCH, {"path": "/hello"})["option"] == "alpha"
    code = page.evaluate("router.ready.then(() => null, (error) => error.code)")
    assert code == "engine"


def test_an_engine_that_crashes_is_replaced(page: Page, fleet: dict[str, Upstream]) -> None:
    """The shared worker ends under a living page: the state says so at once, fetch goes on in the last order, and
    another engine takes over what the page follows; three times in a row, then the page routes without one.
    """
    start_router(page, options_of(fleet, engine="shared"))
    page.evaluate("router.observe('alpha', 'latency', 9).then(() => router.resolve())")
    until(page, "router.queue[0] === 'beta'")
    page.evaluate("""async () => {
      window.watch = router.watch();
      watch.addEventListener("error", ({ detail }) => (window.told = detail.code));
      await router.resolve();
    }""")
    said = "log.filter(([kind, { stage }]) => kind === 'state' && stage === 'reopening').map(([, said]) => said)"

    for times in (1, 2, 3):
        assert shared_workers(page, end=True)
        until(page, f"{said}.length === {times}")
        # The last order, in which only what these calls themselves take is news.
        assert page.evaluate(FETCH, {"path": "/hello"})["option"] != "alpha"
        until(page, "router.state === 'ready'")
    assert page.evaluate(f"{said}.at(-1)")["state"] == "starting"
    assert "ended by itself" in page.evaluate(f"{said}.at(-1).error.message")
    page.evaluate("router.observe('gamma', 'latency', 0.01)")
    until(page, "router.queue[0] === 'gamma' && watch.queue[0] === 'gamma'")
    assert page.evaluate("window.told") is None

    assert shared_workers(page, end=True)

    until(page, "router.state === 'failed'")
    assert page.evaluate("[told, watch.error.code, watch.queue[0]]") == ["engine", "engine", "gamma"]
    assert "ended by itself" in page.evaluate("router.ready.then(() => router.resolve()).catch((why) => why.message)")
    assert page.evaluate(FETCH, {"path": "/hello"})["option"] == "gamma"


def test_a_watch_counts_its_own_changes(page: Page, fleet: dict[str, Upstream]) -> None:
    """`revision` starts at 0 and rises, whatever the head has seen before; a limit that is none is refused at once."""
    start_router(page, options_of(fleet))
    for value in (9, 0.1, 9):
        page.evaluate("(value) => router.observe('alpha', 'latency', value)", value)
        until(page, f"router.queue[0] === '{'beta' if value == 9 else 'alpha'}'")

    page.evaluate("""async () => {
      window.seen = [];
      window.watch = router.watch({}, { limit: 1 });
      watch.addEventListener("change", ({ detail }) => seen.push([detail.revision, ...detail.queue]));
      await router.resolve();
    }""")
    page.evaluate("router.observe('alpha', 'latency', 0.1)")

    until(page, "watch.queue[0] === 'alpha'")
    assert page.evaluate("seen") == [[0, "beta"], [1, "alpha"]]
    refused = page.evaluate(
        "(() => { try { router.watch({}, { limit: NaN }); } catch (why) { return why.message; } })()"
    )
    assert refused == "limit: NaN is not a whole number, at least 0"


def test_a_returning_tab_routes_from_what_was_remembered(page: Page, fleet: dict[str, Upstream]) -> None:
    """After a reload the queue is the learned one before Python has started."""
    start_router(page, options_of(fleet))
    page.evaluate("router.observe('alpha', 'latency', 9)")
    until(page, "router.queue[0] === 'beta'")
    page.wait_for_timeout(500)
    page.reload()

    started = start_router(page, options_of(fleet), ready=False)

    assert started["queue"][0] == "beta"
    page.evaluate("router.ready")
    assert page.evaluate("router.resolve()")[0] == "beta"


def test_open_and_close_fifty_times(page: Page, fleet: dict[str, Upstream]) -> None:
    """Fifty routers opened and closed leave no worker behind, and no call hangs."""
    options = options_of(fleet, engine="dedicated")
    start_router(page, options)
    page.evaluate("router.close()")
    page.wait_for_timeout(300)
    assert len(page.workers) == 0

    for _ in range(50):
        start_router(page, options, ready=False)
        page.evaluate("router.close()")
    page.wait_for_timeout(500)

    assert len(page.workers) == 0
    assert page.evaluate("router.state") == "closed"
    assert page.evaluate("router.resolve().then(() => null, (error) => error.code)") == "closed"


@pytest.mark.parametrize("value", ["'12'", "undefined", "null", "{}", "true"])
def test_what_is_no_number_is_not_learned(page: Page, fleet: dict[str, Upstream], value: str) -> None:
    """A measurement that is no number is refused by its code and gates nothing."""
    start_router(page, options_of(fleet))

    code = page.evaluate(f"router.observe('alpha', 'latency', {value}).then(() => null, (error) => error.code)")

    assert code == "bad-value-kind"
    assert page.evaluate("router.resolve()") == list(NAMES)


@pytest.mark.parametrize(
    "bad",
    [
        {"attemptTimeout": -1},
        {"deadline": 0},
        {"config": None},
        {"upstreams": {"a": None}},
        {"limit": 1.5},
        {"engine": "bogus"},
        {"offline": "yes"},
        {"orchestrator": "garbage"},
    ],
)
def test_options_that_cannot_work_are_named(page: Page, fleet: dict[str, Upstream], bad: dict[str, Any]) -> None:
    """`Router.start` rejects with an error of ours, never a raw one."""
    error = page.evaluate(
        """async (options) => {
          const { Router } = await import("/sporewright.js");
          return Router.start(options).then(() => null, (error) => ({ name: error.name, code: error.code }));
        }""",
        options_of(fleet) | bad,
    )

    assert error == {"name": "SporewrightError", "code": "config"}
