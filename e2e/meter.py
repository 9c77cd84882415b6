"""Meters of what a page and its shared engine hold after a garbage collection: heaps, timers, proxies, records."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page

__all__ = ["Held", "Meter"]

COUNT = """function () {
  const objects = this.runPython("import gc; _ = gc.collect(); len(gc.get_objects())");
  const { _hiwire_num_refs, _malloc_footprint, HEAP8, pyproxy_alloc_map } = this._module;
  return {
    objects, handles: _hiwire_num_refs(), proxies: pyproxy_alloc_map.size,
    wasm: HEAP8.buffer.byteLength, allocated: _malloc_footprint(),
  };
}"""
TRACE = "function () { this._module.enable_pyproxy_allocation_tracing(); }"


@dataclass(frozen=True)
class Held:
    """Heaps, WebAssembly's memory and what Python's allocator has of it in bytes, the rest counted.

    Handles: JavaScript's objects that Python holds. Proxies: Python's that JavaScript holds, made since the start.
    """

    page_heap: int
    listeners: int
    nodes: int
    timers: int
    records: int
    worker_heap: int
    wasm: int
    python_bytes: int
    handles: int
    proxies: int
    python_objects: int


class Meter:
    """Measures one page, and the one shared worker of the browser."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._tab = page.context.new_cdp_session(page)
        self._tab.send("Performance.enable")
        browser = page.context.browser
        assert browser is not None
        self._line = browser.new_browser_cdp_session()
        origin = page.evaluate("location.origin")
        (target,) = [
            each["targetId"]
            for each in self._line.send("Target.getTargets")["targetInfos"]
            if each["type"] == "shared_worker" and each["url"].startswith(origin)
        ]
        attached = self._line.send("Target.attachToTarget", {"targetId": target, "flatten": False})
        self._session, self._asked = attached["sessionId"], 0
        self._answers: dict[int, dict[str, Any]] = {}
        self._line.on("Target.receivedMessageFromTarget", self._heard)
        listener = self._worker(
            "Runtime.evaluate",
            {"expression": "getEventListeners(globalThis).connect[0].listener", "includeCommandLineAPI": True},
        )["result"]["objectId"]
        bridge = self._find(listener, {"handle", "load"})
        self._pyodide = self._find(bridge["load"], {"runPython"})[""]
        self._on(self._pyodide, TRACE)

    def read(self) -> Held:
        """All of it, now."""
        self._page.wait_for_timeout(1500)  # what was let go of may still be ending
        for _ in range(3):
            self._tab.send("HeapProfiler.collectGarbage")
            self._worker("HeapProfiler.collectGarbage")
        metrics = {each["name"]: int(each["value"]) for each in self._tab.send("Performance.getMetrics")["metrics"]}
        python = self._on(self._pyodide, COUNT, by_value=True)["value"]
        return Held(
            page_heap=metrics["JSHeapUsedSize"],
            listeners=metrics["JSEventListeners"],
            nodes=metrics["Nodes"],
            timers=self._page.evaluate("soak.timers()"),
            records=self._page.evaluate("soak.rows()"),
            worker_heap=int(self._worker("Runtime.getHeapUsage")["usedSize"]),
            wasm=python["wasm"],
            python_bytes=python["allocated"],
            handles=python["handles"],
            proxies=python["proxies"],
            python_objects=python["objects"],
        )

    def close(self) -> None:
        """Let go of the worker and the page."""
        self._line.detach()
        self._tab.detach()

    def _find(self, start: str, wanted: set[str]) -> dict[str, str]:
        """The engine's private state, found as a debugger finds it: by scopes and private fields, breadth first.

        The object that has all of these: their ids by name, its own by "".
        """
        near = [start]
        for _ in range(200):
            here = near.pop(0)
            asked = {"objectId": here, "ownProperties": True}
            told = self._worker("Runtime.getProperties", asked)
            kinds = ("result", "privateProperties", "internalProperties")
            fields = {each["name"]: each["value"] for kind in kinds for each in told.get(kind, []) if "value" in each}
            held = {name: value for name, value in fields.items() if "objectId" in value}
            if wanted <= set(held):
                return {"": here, **{name: value["objectId"] for name, value in held.items()}}
            near += [value["objectId"] for name, value in held.items() if _may_hold(name, value)]
        raise AssertionError(f"the worker has nothing with {wanted}")

    def _on(self, target: str, function: str, *, by_value: bool = False) -> dict[str, Any]:
        asked = {"objectId": target, "functionDeclaration": function, "returnByValue": by_value}
        answer = self._worker("Runtime.callFunctionOn", asked)
        assert "exceptionDetails" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def _worker(self, method: str, more: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask the worker, and wait: its answers come as events of the browser's session."""
        self._asked += 1
        message = {"id": self._asked, "method": method, "params": more or {}}
        self._line.send("Target.sendMessageToTarget", {"sessionId": self._session, "message": json.dumps(message)})
        for _ in range(3000):
            if self._asked in self._answers:
                break
            self._page.wait_for_timeout(5)
        answer = self._answers.pop(self._asked)
        assert "error" not in answer, (method, answer)
        result: dict[str, Any] = answer["result"]
        return result

    def _heard(self, event: dict[str, Any]) -> None:
        message = json.loads(event["message"])
        if event["sessionId"] == self._session and "id" in message:
            self._answers[message["id"]] = message


def _may_hold(name: str, value: dict[str, Any]) -> bool:
    """True if the search goes on into this: not into code, prototypes, or what everybody shares."""
    if name == "[[Prototype]]" or value["type"] == "function" or value["className"].endswith("GlobalScope"):
        return False
    return value.get("description") not in ("Module", "Global")
