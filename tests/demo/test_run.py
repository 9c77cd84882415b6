"""The demo as a user starts and ends it: a separate process, a signal, and nothing left behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

START_S = 30


class Demo:
    """`sporewright demo` on a free port, with what it has printed so far."""

    def __init__(self, folder: Path, *flags: str) -> None:
        # A temporary folder of its own shows what is left behind.
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self._log = folder / "log"
        environment = {**os.environ, "TMPDIR": str(self.temporary), "OPEN": "0"}
        words = [sys.executable, "-m", "sporewright.cli", "demo", *flags]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(words, cwd=folder, env=environment, stdout=log, stderr=log)

    @property
    def printed(self) -> str:
        """All of its output so far."""
        return self._log.read_text(encoding="utf-8")

    def addresses(self) -> list[str]:
        """Every address it printed, the inspector's last; fails with its output if it does not start."""
        deadline = time.monotonic() + START_S
        while "Ctrl-C" not in self.printed:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the demo did not start:\n{self.printed}")
            time.sleep(0.05)
        return re.findall(r"http://127\.0\.0\.1:\d+", self.printed)

    def end(self, number: signal.Signals) -> int:
        """Its exit code after that signal."""
        self.process.send_signal(number)
        return self.process.wait(timeout=15)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """A starting demo; killed if a test leaves it running."""
    made = Demo(tmp_path, "--port", "0")
    yield made
    if made.process.poll() is None:
        made.process.kill()
        made.process.wait()


def listening(address: str) -> bool:
    """True if connections are accepted there."""
    url = httpx.URL(address)
    with socket.socket() as probe:
        return probe.connect_ex((url.host, url.port or 0)) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_everything(demo: Demo, number: signal.Signals) -> None:
    """SIGINT and SIGTERM end it with exit code 0: no port, no child process and no file is left."""
    addresses = demo.addresses()
    assert len(addresses) == 6
    assert all(listening(address) for address in addresses)
    children = Path(f"/proc/{demo.process.pid}/task/{demo.process.pid}/children")
    if children.exists():
        assert children.read_text() == ""  # one process: there is no child that could stay
    assert demo.end(number) == 0
    assert not any(listening(address) for address in addresses)
    assert list(demo.temporary.iterdir()) == []
    assert "Traceback" not in demo.printed


def test_a_silent_call_does_not_hold_the_end_up(demo: Demo) -> None:
    """With a call under way that will never be answered, Ctrl-C still ends the demo within seconds."""
    upstream = demo.addresses()[0]
    httpx.post(f"{upstream}/_fault", json={"kind": "silent"})
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(f"{upstream}/hello", timeout=0.2)
    with socket.create_connection(("127.0.0.1", httpx.URL(upstream).port or 0)) as waiting:
        waiting.sendall(b"GET /hello HTTP/1.1\r\nHost: here\r\n\r\n")
        began = time.monotonic()
        assert demo.end(signal.SIGINT) == 0
        assert time.monotonic() - began < 6


def test_one_origin_serves_the_page_the_orchestrator_and_the_demo(demo: Demo) -> None:
    """Behind the printed address are the orchestrator, ready, and the demo's own addresses, which answer."""
    page = demo.addresses()[-1]
    assert httpx.get(f"{page}/readyz").json()["status"] == "ok"
    told = httpx.get(f"{page}/demo/upstreams.json").json()["upstreams"]
    assert all(httpx.get(f"{each['url']}/_fault").json()["kind"] == "none" for each in told.values())
    assert httpx.post(f"{page}/demo/token").json()["workspace"] == "demo"


def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    """A port that is in use ends the demo with one line that names it, and a non-zero exit code."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        made = Demo(tmp_path, "--port", str(taken.getsockname()[1]))
        assert made.process.wait(timeout=START_S) != 0
        assert f"127.0.0.1:{taken.getsockname()[1]}" in made.printed
        assert "Traceback" not in made.printed


def test_a_database_that_cannot_be_had_is_one_clear_line(tmp_path: Path) -> None:
    """A database that does not open ends the demo with one line, and a non-zero exit code."""
    made = Demo(tmp_path, "--port", "0", "--database", "sqlite:////nowhere/at/all.db")
    assert made.process.wait(timeout=START_S) != 0
    assert "Traceback" not in made.printed
    assert "/nowhere/at" in made.printed
