"""The parts of end-to-end tests: configs, bare pages, routers started in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "web" / "dist"
ARTIFACTS = Path(__file__).resolve().parent / "artifacts"
LEVELS = ["global", "workspace", "device"]


def seed(option: str, dimension: str, value: float, *, kind: str = "value") -> dict[str, Any]:
    """One config seed at the global level."""
    return {
        "floor": "global",
        "level": "global",
        "inst": "",
        "option": option,
        "dim": dimension,
        "kind": kind,
        "value": value,
    }


def config_of(options: dict[str, float]) -> dict[str, Any]:
    """A config that declares each option with a latency, and the two learned dimensions weighted."""
    seeds = [seed(option, "latency", value) for option, value in options.items()]
    weights = [seed("", "latency", 1.0, kind="weight"), seed("", "failure", 10.0, kind="weight")]
    return {"levels": LEVELS, "seeds": seeds + weights, "priors": {"failure": 0.0}}


def trusting(config: dict[str, Any]) -> dict[str, Any]:
    """The config of an operator whose devices are all his own: one holder's word counts, and latency is global."""
    return {**config, "learning": {"support": 1}, "global": {"dimensions": ["latency"], "options": "declared"}}


def open_bare(context: BrowserContext, origin: str) -> Page:
    """A page of that origin with nothing on it; the module is imported by the test."""
    page = context.new_page()
    page.goto(f"{origin}/healthz")
    return page


START = """async ({ name, options }) => {
  const { Router } = await import("/sporewright.js");
  const router = await Router.start(options);
  window[name] = router;
  window.log ??= [];
  for (const kind of ["queue", "attempt", "sync", "state", "refused"])
    router.addEventListener(kind, (event) => window.log.push([kind, structuredClone(event.detail ?? null)]));
  return { state: router.state, queue: [...router.queue] };
}"""


def start_router(page: Page, options: dict[str, Any], *, name: str = "router", ready: bool = True) -> dict[str, Any]:
    """Start a Router in the page as `window[name]`; waits for the engine unless told not to."""
    started: dict[str, Any] = page.evaluate(START, {"name": name, "options": options})
    if ready:
        page.evaluate("async (name) => { await window[name].ready; }", name)
    return started


def until(page: Page, expression: str, *, timeout: float = 60_000) -> None:
    """Wait until a JavaScript expression is true in the page."""
    page.wait_for_function(expression, timeout=timeout)


def shared_workers(page: Page, expression: str = "", *, end: bool = False) -> list[str]:
    """The shared workers of the page's origin; an expression is evaluated in each, or each is ended."""
    browser = page.context.browser
    assert browser is not None
    line = browser.new_browser_cdp_session()
    origin = page.evaluate("location.origin")
    targets = line.send("Target.getTargets")["targetInfos"]
    found = [each["targetId"] for each in targets if each["type"] == "shared_worker" and each["url"].startswith(origin)]
    for target in found:
        if expression:
            session = line.send("Target.attachToTarget", {"targetId": target, "flatten": False})["sessionId"]
            message = {"id": 1, "method": "Runtime.evaluate", "params": {"expression": expression}}
            line.send("Target.sendMessageToTarget", {"sessionId": session, "message": json.dumps(message)})
        if end:
            line.send("Target.closeTarget", {"targetId": target})
    line.detach()
    return found
