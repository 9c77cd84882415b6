"""The orchestrator as an operator runs it: a separate process, for every test that needs a real one."""

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

from tests.forked import Forked

SECRET = "a-secret-for-tests-of-32-bytes-or-more"


def free_port() -> int:
    """A port on which nothing listens right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Orchestrator:
    """`sporewright serve` as a separate process, on SQLite, that can be killed and started again on the same data."""

    folder: Path
    config: dict[str, Any] | None = None
    dist: Path | None = None
    env: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: Forked | None = None

    @property
    def origin(self) -> str:
        """The address of its page."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def database(self) -> str:
        """The address of its database."""
        return f"sqlite:///{self.folder / 'fleet.db'}"

    @property
    def socket_url(self) -> str:
        """The address to which devices connect."""
        return f"ws://127.0.0.1:{self.port}/v1/sync"

    def environment(self) -> dict[str, str]:
        """Its settings."""
        return {
            **os.environ,
            "SPOREWRIGHT_SECRET": SECRET,
            "SPOREWRIGHT_TICK_S": "0.3",
            **self.env,
        }

    def command(self, *words: str) -> list[str]:
        """A command line of ours."""
        return [sys.executable, "-m", "sporewright.cli", *words]

    def start(self) -> Orchestrator:
        """Start it and wait until it is ready."""
        words = ["serve", "--host", "127.0.0.1", "--port", str(self.port)]
        words += ["--database", self.database]
        if self.dist is not None:
            words += ["--dist", str(self.dist)]
        if self.config is not None:
            file = self.folder / "config.json"
            file.write_text(json.dumps(self.config))
            words += ["--config", str(file)]
        self.process = Forked(words, self.environment(), self.folder, self.folder / "server.log")
        self.await_ready()
        return self

    def await_ready(self) -> None:
        """Wait until it can write to its database."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.process is not None and self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.origin}/readyz", timeout=5):
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
        """SIGTERM, as an operator stops it."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.kill()
        self.process = None

    def token(self, device: str, workspace: str = "acme", holder: str = "") -> str:
        """The output of `sporewright token` for this slice; its holder is its own unless another is named."""
        words = self.command("token", "--workspace", workspace, "--device", device)
        words += ["--holder", holder or f"owner of {device} in {workspace}"]
        done = subprocess.run(
            words, env=self.environment(), cwd=self.folder, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()
