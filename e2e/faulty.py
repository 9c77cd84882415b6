"""Providers that fail on purpose, on an event loop beside the tests, and the code that calls them in a page."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Mapping
from typing import Any

from sporewright.server.demo.completion import words
from sporewright.server.demo.faults import FaultServer, Step

WHOLE = "".join(words())


class FaultServers:
    """Started servers by name; `log` is a copy of what reached one, oldest first."""

    def __init__(self, scripts: Mapping[str, list[Step]]) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.servers = {name: self._run(_started(name, script)) for name, script in scripts.items()}

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def log(self, name: str) -> list[dict[str, Any]]:
        """Each attempt that reached this server."""
        return list(self.servers[name].log)

    def close(self) -> None:
        """Stop all, and the loop."""
        for server in self.servers.values():
            self._run(server.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


async def _started(name: str, script: list[Step]) -> FaultServer:
    server = FaultServer(name, script)
    await server.start()
    return server


# What a page's tests call: a router over some of the servers, and a chat completion read to its end, whatever that is.
TOOLS = """
window.routerOf = async (names) => {
  const { Router } = await import("/sporewright.js");
  const upstreams = Object.fromEntries(names.map((name) => [name, window.fleet[name]]));
  return Router.start({ ...window.options, upstreams });
};
window.wordsOf = (text) => text.split("\\n").filter((line) => line.startsWith("data: {"))
  .map((line) => JSON.parse(line.slice(6)).choices[0]?.delta.content ?? "").join("");
window.said = (error, late) => {
  const code = typeof error.code === "string" ? error.code : error.name;
  return { code, message: error.message, late };
};
window.chat = async (router, { init = {}, stream = true, messages = [{ role: "user", content: "count" }] } = {}) => {
  const began = performance.now();
  const seen = { words: null, error: null };
  try {
    const body = JSON.stringify({ model: "any", stream, messages });
    const headers = { "content-type": "application/json" };
    const response = await router.fetch("/v1/chat/completions", { method: "POST", headers, body, ...init });
    const receipt = router.receipt(response);
    Object.assign(seen, { status: response.status });
    try {
      const text = await response.text();
      if (response.status !== 200) Object.assign(seen, { refusal: JSON.parse(text).error });
      else if (stream) Object.assign(seen, { words: window.wordsOf(text), done: text.trimEnd().endsWith("[DONE]") });
      else Object.assign(seen, { words: JSON.parse(text).choices[0].message.content });
    } catch (error) {
      seen.error = window.said(error, true);
    }
    const { option, queue, attempts, skipped } = receipt;
    seen.receipt = structuredClone({ option, queue, attempts, skipped });
  } catch (error) {
    seen.error = window.said(error, false);
  }
  return { ...seen, ms: performance.now() - began };
};
"""
