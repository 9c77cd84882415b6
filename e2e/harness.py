"""What the end-to-end tests are made of: a server as a process, configs, bare pages, routers started in them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "web" / "dist"
ARTIFACTS = Path(__file__).resolve().parent / "artifacts"
LEVELS = ["global", "workspace", "device"]


def free_port() -> int:
    """A port nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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


@dataclass
class Orchestrator:
    """`sporewright serve` as a process of its own, on SQLite, that can be killed and started again on the same data."""

    folder: Path
    config: dict[str, Any] | None = None
    env: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/v1/sync"

    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "SPOREWRIGHT_SECRET": "e2e-secret-of-at-least-32-bytes-length",
            "SPOREWRIGHT_TICK_S": "0.3",
            **self.env,
        }

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "sporewright.cli", *words]

    def start(self) -> Orchestrator:
        words = ["serve", "--host", "127.0.0.1", "--port", str(self.port)]
        words += ["--database", f"sqlite:///{self.folder / 'fleet.db'}", "--dist", str(DIST)]
        if self.config is not None:
            file = self.folder / "config.json"
            file.write_text(json.dumps(self.config))
            words += ["--config", str(file)]
        log = (self.folder / "server.log").open("ab")
        self.process = subprocess.Popen(
            self.command(*words), env=self.environment(), cwd=self.folder, stdout=log, stderr=log
        )
        log.close()
        self._await_ready()
        return self

    def _await_ready(self) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if self.process is not None and self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.origin}/readyz", timeout=1):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise RuntimeError("the orchestrator did not start:\n" + (self.folder / "server.log").read_text()[-4000:])

    def kill(self) -> None:
        """SIGKILL: nothing gets to tidy up."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=10)
        self.process = None

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.kill()
        self.process = None

    def token(self, device: str, workspace: str = "acme") -> str:
        """What `sporewright token` prints for this slice."""
        words = self.command("token", "--workspace", workspace, "--device", device)
        done = subprocess.run(
            words, env=self.environment(), cwd=self.folder, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()


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


def until(page: Page, expression: str, *, timeout: float = 15_000) -> None:
    """Wait until a JavaScript expression is true in the page."""
    page.wait_for_function(expression, timeout=timeout)
