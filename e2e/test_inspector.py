"""The inspector page as a visitor meets it: real upstreams, real orchestrator, strict Content-Security-Policy."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page

from e2e.harness import ARTIFACTS, free_port

Device = Callable[..., BrowserContext]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`sporewright demo` as a process of its own; gives the inspector's address."""
    folder = tmp_path_factory.mktemp("demo")
    port = free_port()
    words = [sys.executable, "-m", "sporewright.cli", "demo", "--port", str(port)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(words, cwd=folder, env={**os.environ, "OPEN": "0"}, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}/"
    _await(address, process, folder / "log")
    yield address
    process.send_signal(signal.SIGINT)
    process.wait(timeout=15)


def _await(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=1):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("the demo did not start:\n" + log.read_text()[-4000:])


def opened(device: Device, address: str, **options: object) -> Page:
    """The inspector with its engine ready; collects what the console complains about."""
    page = device(**options).new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.problems = problems  # type: ignore[attr-defined]
    page.goto(address)
    page.get_by_text(re.compile("ready", re.IGNORECASE)).first.wait_for(timeout=40_000)
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_the_inspector_at_each_width_and_scheme(device: Device, demo: str, width: int, scheme: str) -> None:
    """It works and does not scroll sideways; the picture is kept as an artefact."""
    page = opened(device, demo, viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.get_by_role("button", name=re.compile("^send one", re.IGNORECASE)).first.click()
    page.wait_for_timeout(3000)
    page.screenshot(path=ARTIFACTS / f"inspector-{width}-{scheme}.png", full_page=True)

    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.problems == []  # type: ignore[attr-defined]


def test_the_strict_policy_is_really_sent(device: Device, demo: str) -> None:
    """The page is served under `script-src 'self' 'wasm-unsafe-eval'` and runs without a violation."""
    page = device().new_page()
    response = page.goto(demo)
    assert response is not None
    policy = response.headers["content-security-policy"]

    assert "script-src 'self' 'wasm-unsafe-eval'" in policy
    assert "'unsafe-eval'" not in policy.replace("'wasm-unsafe-eval'", "")
    assert "unsafe-inline" not in policy
