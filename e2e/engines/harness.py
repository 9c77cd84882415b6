"""Pages, configs and routers of the suite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from e2e.engines.driver import Engine, Tab
from e2e.harness import LEVELS, START, config_of, seed
from e2e.upstreams import Upstream

BLANK = "<!doctype html><html lang=en><meta charset=utf-8><title>blank</title><link rel=icon href=data:,>"
# An order that nothing but a stated latency changes: no call teaches it, nothing is tried for curiosity's sake.
ORDER = {
    "levels": LEVELS,
    "seeds": [
        *(seed(name, "rank", float(number)) for number, name in enumerate(("alpha", "beta"))),
        seed("", "rank", 1.0, kind="weight"),
    ],
    "learning": {"temperature": 0},
}
# One device's word counts in its workspace, and nothing is global: the engines' tests share a server.
DECLARED = {**config_of({"alpha": 0.1, "beta": 0.2}), "learning": {"support": 1}}
OPTION = "router.fetch('/hello').then((answer) => router.receipt(answer).option)"


def options_of(fleet: Mapping[str, Upstream], **extra: Any) -> dict[str, Any]:
    """A router over these upstreams in that order."""
    upstreams = {name: {"url": server.url} for name, server in fleet.items()}
    return {"config": ORDER, "cursor": {"workspace": "acme"}, "upstreams": upstreams, **extra}


def start_router(tab: Tab, options: dict[str, Any], *, ready: bool = True) -> dict[str, Any]:
    """Start `window.router`; waits for the engine unless told not to. Gives state and queue as they were at first."""
    started: dict[str, Any] = tab.run(START, {"name": "router", "options": options})
    if ready:
        tab.run("async () => { await router.ready; }")
    return started


def routed(engine: Engine, origin: str, options: dict[str, Any], *, shared: bool = True) -> Tab:
    """A tab with a router whose engine is up; without `shared` in a browser that has no SharedWorker."""
    tab = engine.open(f"{origin}/blank.html")
    if not shared:
        tab.run("() => { delete globalThis.SharedWorker; }")
    start_router(tab, options)
    return tab
