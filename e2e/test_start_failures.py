"""A start that fails is heard: one warning, the reason in every receipt; and pages that are stricter than most."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route

from e2e.harness import config_of, open_bare, start_router, until
from e2e.upstreams import Upstream
from sporewright.routing.replay import replay
from tests.serving import Orchestrator

Device = Callable[..., BrowserContext]
RECEIPT = "async () => router.receipt(await router.fetch('/hello'))"
# A page that a test answers for is of no network: Chromium asks before it may call this machine.
LOCAL = ["local-network-access"]
DOCUMENTATION = 'docs/how-to/deploy.md, "When a start fails"'


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """One upstream that answers."""
    server = Upstream("alpha")
    yield server
    server.close()


def options_of(upstream: Upstream, **extra: Any) -> dict[str, Any]:
    """A separate router, without an orchestrator."""
    config = config_of({"alpha": 0.1, "beta": 0.2})
    return {"config": config, "upstreams": {"alpha": {"url": upstream.url}}, "engine": "dedicated", **extra}


def warnings_of(page: Page) -> list[str]:
    """The warnings of this page from here on, ours alone."""
    warned: list[str] = []
    page.on("console", lambda said: warned.append(said.text) if "sporewright:" in said.text else None)
    return warned


def _missing(route: Route) -> None:
    route.fulfill(status=404, headers={"content-type": "text/html"}, body="gone")


def _as_text(route: Route) -> None:
    whole = route.fetch()
    route.fulfill(response=whole, headers={**whole.headers, "content-type": "text/plain"})


def _as_a_page(route: Route) -> None:
    route.fulfill(status=200, headers={"content-type": "text/html; charset=utf-8"}, body="<!doctype html>")


@pytest.mark.parametrize(
    ("files", "trouble", "runtime", "stage", "says"),
    [
        ("**/runtime/worker-*.js", _missing, None, "worker", r"runtime/worker-\w+\.js: HTTP 404, text/html"),
        (
            "**/runtime/worker-*.js",
            _as_a_page,
            None,
            "worker",
            r"runtime/worker-\w+\.js: HTTP 200, text/html: not JavaScript",
        ),
        (None, None, "/elsewhere/", "worker", r"runtime/worker-\w+\.js: HTTP 404"),
        (
            "**/pyodide.mjs",
            _as_text,
            None,
            "loader",
            r"runtime/pyodide-\w+/pyodide\.mjs: HTTP 200, text/plain: not JavaScript",
        ),
        (
            "**/pyodide.asm.wasm",
            lambda route: route.abort("blockedbyclient"),
            None,
            "runtime",
            r"runtime/pyodide-\w+/pyodide\.asm\.wasm: blocked, or out of reach",
        ),
    ],
)
def test_a_start_that_fails_is_heard(
    device: Device,
    orchestrator: Orchestrator,
    upstream: Upstream,
    files: str | None,
    trouble: Callable[[Route], None] | None,
    runtime: str | None,
    stage: str,
    says: str,
) -> None:
    """Once a router: stage, file, status and type, the option that named it, and where it is written what to do."""
    page = open_bare(device(), orchestrator.origin)
    warned = warnings_of(page)
    if files and trouble:
        page.context.route(files, trouble)
    options = options_of(upstream, **({"runtime": runtime} if runtime else {}))

    started = start_router(page, options, ready=False)
    until(page, "router.state === 'failed'", timeout=40_000)
    receipts = [page.evaluate(RECEIPT) for _ in range(3)]
    page.wait_for_timeout(500)

    (warning,) = warned
    assert f"the engine did not start, stage {stage}: " in warning
    assert re.search(says, warning)
    assert f"option `runtime`: {runtime}" in warning if runtime else "no option `runtime` was given" in warning
    assert f"{orchestrator.origin}{runtime or '/'}" in warning
    assert f"{DOCUMENTATION}, stage `{stage}`" in warning
    code, message, error_stage = page.evaluate("router.ready.catch((why) => [why.code, why.message, why.stage])")
    assert (code, error_stage) == ("engine", stage)
    assert re.search(says, message)
    assert page.evaluate("log.filter(([kind, { state }]) => kind === 'state' && state === 'failed')") == [
        ["state", {"state": "failed", "stage": stage, "error": {"code": "engine", "message": message}}]
    ]
    assert started["queue"] == ["alpha", "beta"]
    for receipt in receipts:
        assert (receipt["option"], receipt["engine"]) == (
            "alpha",
            {"state": "failed", "stage": stage, "reason": message},
        )
        assert replay(json.loads(json.dumps(receipt))).to_dict()["engine"] == receipt["engine"]
        assert orchestrator.origin not in json.dumps(receipt)


def test_an_engine_that_is_up_is_in_the_receipt_and_nowhere_else(
    device: Device, orchestrator: Orchestrator, upstream: Upstream
) -> None:
    """A sound start warns of nothing; a receipt says how the engine stood when its call was made."""
    page = open_bare(device(), orchestrator.origin)
    warned = warnings_of(page)
    start_router(page, options_of(upstream))

    assert page.evaluate(RECEIPT)["engine"] == {"state": "ready"}
    assert warned == []


HOST = """<!doctype html><title>host</title><script type="module">
  window.loose = [];
  addEventListener("unhandledrejection", ({ reason }) => loose.push(String(reason)));
  addEventListener("error", ({ message }) => loose.push(message));
  const { Router } = await import("/sporewright.js");
  window.router = await Router.start(OPTIONS);
  router.ready.catch(() => undefined);
</script>"""


def hosted(context: BrowserContext, origin: str, options: dict[str, Any], headers: dict[str, str]) -> Page:
    """A page of the host's own, under these headers, which starts a router."""
    body = HOST.replace("OPTIONS", json.dumps(options))
    context.route(
        "**/host", lambda route: route.fulfill(status=200, headers={"content-type": "text/html", **headers}, body=body)
    )
    page = context.new_page()
    page.goto(f"{origin}/host")
    until(page, "window.router !== undefined")
    return page


# What a test evaluates in a page is a text that is run, which such a page refuses: it tells by itself.
TELLS = """<!doctype html><title>host</title><script type="module">
  const loose = [];
  addEventListener("unhandledrejection", ({ reason }) => loose.push(String(reason)));
  addEventListener("error", ({ message }) => loose.push(message));
  const { Router } = await import("/sporewright.js");
  const router = await Router.start(OPTIONS);
  const told = await router.ready.then(() => router.resolve(), ({ message }) => message);
  const { option } = router.receipt(await router.fetch("/hello"));
  const kept = router.state === "ready" && (await navigator.serviceWorker.ready).scope;
  console.log(JSON.stringify({ told, option, kept, loose }));
</script>"""
TRUSTED = "require-trusted-types-for 'script'"


def trusting(context: BrowserContext, origin: str, options: dict[str, Any], policy: str) -> dict[str, Any]:
    """A page's report of its router under this policy."""
    body = TELLS.replace("OPTIONS", json.dumps(options))
    headers = {"content-type": "text/html", "content-security-policy": policy}
    context.route("**/trusted", lambda route: route.fulfill(status=200, headers=headers, body=body))
    page = context.new_page()
    with page.expect_console_message(lambda said: said.text.startswith("{"), timeout=20_000) as said:
        page.goto(f"{origin}/trusted")
    told: dict[str, Any] = json.loads(said.value.text)
    return told


@pytest.mark.parametrize(
    ("engine", "policy"),
    [("shared", TRUSTED), ("led", f"{TRUSTED}; trusted-types sporewright"), ("dedicated", TRUSTED)],
)
def test_trusted_types(
    device: Device, orchestrator: Orchestrator, upstream: Upstream, engine: str, policy: str
) -> None:
    """A page that wants its scripts vouched for gets an engine, and its build is kept for offline starts."""
    options = options_of(upstream, engine=engine, offline=True)

    told = trusting(device(permissions=LOCAL), orchestrator.origin, options, policy)

    assert told == {"told": ["alpha", "beta"], "option": "alpha", "kept": f"{orchestrator.origin}/", "loose": []}


def test_trusted_types_without_ours(device: Device, orchestrator: Orchestrator, upstream: Upstream) -> None:
    """If the page allows other policies alone the reason says which to allow; calls are routed."""
    policy = f"{TRUSTED}; trusted-types another"

    told = trusting(device(permissions=LOCAL), orchestrator.origin, options_of(upstream), policy)

    assert "trusted-types sporewright" in told["told"]
    assert (told["option"], told["loose"]) == ("alpha", [])


def test_a_policy_without_workers(device: Device, orchestrator: Orchestrator, upstream: Upstream) -> None:
    """The directive that refused the worker is named, of every kind that was tried the last."""
    options = options_of(upstream)
    del options["engine"]
    page = hosted(device(), orchestrator.origin, options, {"content-security-policy": "worker-src 'none'"})

    until(page, "router.state === 'failed'")

    message = page.evaluate("router.ready.catch((why) => why.message)")
    assert message.endswith("refused by this page's Content-Security-Policy, worker-src")


ISOLATED = {"cross-origin-embedder-policy": "require-corp", "cross-origin-opener-policy": "same-origin"}


def test_an_isolated_page_without_shared_workers(
    device: Device, orchestrator: Orchestrator, upstream: Upstream
) -> None:
    """Our server's worker script has the header that such a page wants; one without it is named as the reason."""
    context = device()
    page = hosted(context, orchestrator.origin, options_of(upstream), ISOLATED)
    assert page.evaluate("crossOriginIsolated") is True
    page.evaluate("router.ready")
    page.evaluate("router.close()")

    def without(route: Route) -> None:
        whole = route.fetch()
        headers = {name: value for name, value in whole.headers.items() if name != "cross-origin-embedder-policy"}
        route.fulfill(response=whole, headers=headers)

    context.route("**/runtime/worker-*.js", without)
    page.reload()
    until(page, "window.router?.state === 'failed'")

    message = page.evaluate("router.ready.catch((why) => why.message)")
    assert message.endswith("without the Cross-Origin-Embedder-Policy that this page has and wants of its workers")


@pytest.mark.parametrize("engine", [None, "inline"])
def test_a_sandboxed_frame(device: Device, orchestrator: Orchestrator, upstream: Upstream, engine: str | None) -> None:
    """Its origin is opaque: no worker, no storage. `inline` works, else the reason is said; nothing is loose."""
    context = device(permissions=LOCAL)
    options = options_of(upstream, offline=True)
    del options["engine"]
    body = HOST.replace("OPTIONS", json.dumps(options | ({"engine": engine} if engine else {})))
    frame = '<iframe sandbox="allow-scripts" allow="local-network-access *" src="/inside"></iframe>'

    def opened(route: Route) -> None:
        if route.request.url.endswith(("/inside", "/host")):
            text = body if route.request.url.endswith("/inside") else frame
            route.fulfill(status=200, headers={"content-type": "text/html"}, body=text)
        else:
            whole = route.fetch()
            route.fulfill(response=whole, headers={**whole.headers, "access-control-allow-origin": "*"})

    context.route("**/*", opened)
    page = context.new_page()
    page.goto(f"{orchestrator.origin}/host")
    (sandboxed,) = page.frames[1:]
    assert sandboxed.evaluate("origin") == "null"
    sandboxed.wait_for_function("window.router !== undefined")
    if engine == "inline":
        sandboxed.evaluate("router.ready")
        assert sandboxed.evaluate("router.resolve()") == ["alpha", "beta"]
    else:
        sandboxed.wait_for_function("router.state === 'failed'")
        assert "an opaque origin" in sandboxed.evaluate("router.ready.catch((why) => why.message)")
    assert sandboxed.evaluate(RECEIPT)["option"] == "alpha"
    page.wait_for_timeout(300)
    assert sandboxed.evaluate("loose") == []


def test_a_frame_that_was_written(device: Device, orchestrator: Orchestrator, upstream: Upstream) -> None:
    """`srcdoc` has no address of its own: paths are those of the page that wrote it."""
    body = HOST.replace("OPTIONS", json.dumps(options_of(upstream, config="/tensor.json")))
    context = device()
    tensor = json.dumps(config_of({"alpha": 0.1, "beta": 0.2}))
    context.route("**/tensor.json", lambda route: route.fulfill(status=200, body=tensor))
    context.route(
        "**/host",
        lambda route: route.fulfill(
            status=200, headers={"content-type": "text/html"}, body=f'<iframe srcdoc="{html.escape(body)}"></iframe>'
        ),
    )
    page = context.new_page()
    page.goto(f"{orchestrator.origin}/host")
    (frame,) = page.frames[1:]
    frame.wait_for_function("window.router !== undefined")

    frame.evaluate("router.ready")

    assert frame.evaluate("router.resolve()") == ["alpha", "beta"]
