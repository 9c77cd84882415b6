"""Firefox as its distributor built it, over WebDriver BiDi: it speaks that itself, so no geckodriver is needed."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from websockets.sync.client import connect

from e2e.engines.driver import Engine, MissingEngineError, Tab

__all__ = ["Firefox"]

START_S = 60.0
# A browser that talks to nobody but the pages under test, and opens nothing by itself.
PREFERENCES: dict[str, bool | int | str] = {
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.aboutwelcome.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "browser.startup.page": 0,
    "browser.tabs.unloadOnLowMemory": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "toolkit.telemetry.reportingpolicy.firstRun": False,
}


def program() -> str:
    """The path of a Firefox: $FIREFOX, else one on the path."""
    found = os.environ.get("FIREFOX") or shutil.which("firefox-esr") or shutil.which("firefox")
    if not found:
        raise MissingEngineError(
            "Firefox: neither firefox-esr nor firefox is installed (Debian: apt-get install firefox-esr)"
        )
    return found


class _Tab(Tab):
    def __init__(self, browser: Firefox, context: str) -> None:
        self._browser, self.context = browser, context

    def _ask(self, method: str, timeout: float = START_S, **parameters: Any) -> dict[str, Any]:
        return self._browser.ask(method, timeout, context=self.context, **parameters)

    def _call(self, source: str, given: str, timeout: float) -> str:
        answer = self._browser.ask(
            "script.callFunction",
            timeout,
            functionDeclaration=source,
            awaitPromise=True,
            target={"context": self.context},
            arguments=[{"type": "string", "value": given}],
        )
        if answer["type"] != "success":
            raise RuntimeError(answer["exceptionDetails"]["text"])
        return str(answer["result"]["value"])

    def goto(self, address: str) -> None:
        self._browser.heard.pop(self.context, None)
        self._ask("browsingContext.navigate", url=address, wait="complete")

    def back(self) -> None:
        self._ask("browsingContext.traverseHistory", delta=-1)

    def reload(self) -> None:
        self._browser.heard.pop(self.context, None)
        self._ask("browsingContext.reload", wait="complete")

    def activate(self) -> None:
        self._ask("browsingContext.activate")

    def resize(self, width: int, height: int) -> None:
        self._ask("browsingContext.setViewport", viewport={"width": width, "height": height})

    def close(self) -> None:
        self._browser.closed(self)
        self._ask("browsingContext.close")

    def console(self) -> list[str]:
        self._call("async () => ''", "", START_S)  # what was written before this has been handed over
        return list(self._browser.heard.get(self.context, []))

    def screenshot(self, file: Path) -> None:
        file.write_bytes(base64.b64decode(self._ask("browsingContext.captureScreenshot")["data"]))


class Firefox(Engine):
    """A headless Firefox with a fresh profile."""

    name = "firefox"

    def __init__(self, preferences: dict[str, bool | int | str] | None = None) -> None:
        found = program()
        self.heard: dict[str, list[str]] = {}
        self._tabs: list[_Tab] = []
        self._count = 0
        with ExitStack() as opened:
            profile = TemporaryDirectory(prefix="firefox-", ignore_cleanup_errors=True)
            folder = Path(opened.enter_context(profile))
            chosen = PREFERENCES | (preferences or {})
            lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in chosen.items()]
            (folder / "user.js").write_text("\n".join(lines))
            words = [found, "--headless", "--no-remote", "--profile", str(folder), "--remote-debugging-port", "0"]
            process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            opened.callback(_end, process)
            address = _address(process, folder / "WebDriverBiDiServer.json")
            self._line = opened.enter_context(connect(address, max_size=None, compression=None))
            started = self.ask("session.new", capabilities={})
            self.version = str(started["capabilities"]["browserVersion"])
            self.ask("session.subscribe", events=["log.entryAdded"])
            self._opened = opened.pop_all()

    def ask(self, method: str, timeout: float = START_S, **parameters: Any) -> dict[str, Any]:
        """One command; its result. Console entries that come before it are kept in `heard`."""
        self._count += 1
        self._line.send(json.dumps({"id": self._count, "method": method, "params": parameters}))
        deadline = time.monotonic() + timeout
        while True:
            message = json.loads(self._line.recv(timeout=max(0.0, deadline - time.monotonic())))
            if message.get("method") == "log.entryAdded":
                entry = message["params"]
                context = entry["source"].get("context", "")
                self.heard.setdefault(context, []).append(f"{entry['level']} {entry['text']}")
            if message.get("id") == self._count:
                if message["type"] == "error":
                    raise RuntimeError(f"{method}: {message['error']}: {message['message']}")
                result: dict[str, Any] = message["result"]
                return result

    def open(self, address: str) -> Tab:
        tab = _Tab(self, self.ask("browsingContext.create", type="tab")["context"])
        self._tabs.append(tab)
        tab.activate()
        tab.goto(address)
        return tab

    def closed(self, tab: _Tab) -> None:
        """It is no longer one of ours."""
        self._tabs.remove(tab)

    def tabs(self) -> list[Tab]:
        return list(self._tabs)

    def close(self) -> None:
        with self._opened:
            self.ask("browser.close")


def _address(process: subprocess.Popen[bytes], told: Path) -> str:
    """The address where it listens; it writes that into its profile."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            return f"ws://127.0.0.1:{json.loads(told.read_text())['ws_port']}/session"
        except (OSError, ValueError):
            time.sleep(0.05)
    raise RuntimeError(f"Firefox does not say where it listens (exit status {process.poll()})")


def _end(process: subprocess.Popen[bytes]) -> None:
    """It was asked to close; what has not done so in time is ended."""
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
