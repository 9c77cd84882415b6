"""WebKitGTK's MiniBrowser on a screen of its own (Xvfb), driven by selenium through WebKitWebDriver."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.remote.client_config import ClientConfig
from selenium.webdriver.remote.remote_connection import RemoteConnection
from selenium.webdriver.webkitgtk.options import Options
from selenium.webdriver.webkitgtk.service import Service

from e2e.engines.driver import Engine, MissingEngineError, Tab

__all__ = ["WebKit", "WebKitTab"]

COMMAND_S = 600  # more than any script is given: the whole matrix has 300
# Debian and Fedora keep MiniBrowser beside WebKit's own processes, in a folder that names the version of its interface.
PLACES = ("/usr/lib/*/webkit2gtk-*/MiniBrowser", "/usr/libexec/webkit2gtk-*/MiniBrowser")
# The protocol has no console: the page keeps what its scripts write, from the first script that we run in it.
HEAR = """if (!window.heard) {
  window.heard = [];
  for (const level of ["debug", "log", "info", "warn", "error"]) {
    const written = console[level].bind(console);
    console[level] = (...given) => { heard.push(`${level} ${given.map(String).join(" ")}`); written(...given); };
  }
}"""


def programs() -> tuple[str, str, str]:
    """The paths of WebKitWebDriver ($WEBKIT names another), MiniBrowser and Xvfb."""
    driver = os.environ.get("WEBKIT") or shutil.which("WebKitWebDriver")
    browser = next((str(file) for place in PLACES for file in sorted(Path("/").glob(place[1:]), reverse=True)), None)
    screen = shutil.which("Xvfb")
    found = {"WebKitWebDriver": driver, "MiniBrowser": browser, "Xvfb": screen}
    missing = [name for name, path in found.items() if not path]
    if not (driver and browser and screen):
        how = "Debian: apt-get install webkit2gtk-driver xvfb"
        raise MissingEngineError(f"WebKit: {', '.join(missing)} cannot be found ({how})")
    return driver, browser, screen


@contextmanager
def _screen(program: str) -> Iterator[str]:
    """A screen that is not shown; the name of the display."""
    read, write = os.pipe()
    words = [program, "-displayfd", str(write), "-screen", "0", "1600x1200x24", "-nolisten", "tcp", "-noreset"]
    process = subprocess.Popen(words, pass_fds=[write], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        with os.fdopen(read) as said:
            number = said.readline().strip()
        if not number:
            raise RuntimeError(f"{program} ended with status {process.wait()}")
        yield f":{number}"
    finally:
        process.terminate()
        process.wait(timeout=10)


class WebKitTab(Tab):
    """One window of MiniBrowser."""

    def __init__(self, browser: WebKit, handle: str) -> None:
        self._browser, self.handle = browser, handle

    @property
    def _driver(self) -> webdriver.Remote:
        """The driver, its commands meant for this tab."""
        self._browser.driver.switch_to.window(self.handle)
        return self._browser.driver

    def _call(self, source: str, given: str, timeout: float) -> str:
        driver = self._driver
        driver.set_script_timeout(timeout)
        script = f"{HEAR}\nconst [given, done] = arguments; ({source})(given).then(done);"
        return str(driver.execute_async_script(script, given))

    def goto(self, address: str) -> None:
        self._driver.get(address)

    def back(self) -> None:
        self._driver.back()

    def reload(self) -> None:
        self._driver.refresh()

    def activate(self) -> None:
        """Windows are not in front of each other here; one that was minimised is shown again."""
        self._driver.set_window_rect(x=0, y=0)

    def minimise(self) -> None:
        """Hide its window."""
        self._driver.minimize_window()

    def resize(self, width: int, height: int) -> None:
        """A window is never narrower than its tool bar (447 pixels here): the page itself is held to the width."""
        bars = self.value("outerHeight - innerHeight")
        self._driver.set_window_rect(x=0, y=0, width=width, height=height + bars)
        self.run("(width) => { document.documentElement.style.maxWidth = `${width}px`; }", width)

    def close(self) -> None:
        self._driver.close()

    def console(self) -> list[str]:
        heard: list[str] = self.value("heard")
        return heard

    def screenshot(self, file: Path) -> None:
        if not self._driver.save_screenshot(str(file)):
            raise RuntimeError(f"{file} could not be written")


class WebKit(Engine):
    """A MiniBrowser; each tab is a window of its own, as only the first tab of a window is ever painted here."""

    name = "webkit"
    # A driven MiniBrowser has a private session: it stores in memory, and keeps no files of the network there.
    keeps_http_cache = False

    def __init__(self) -> None:
        driver, browser, screen = programs()
        with ExitStack() as opened:
            display = opened.enter_context(_screen(screen))
            options = Options()
            options.binary_location = browser
            options.add_argument("--automation")
            service = Service(driver, env={**os.environ, "DISPLAY": display, "GDK_BACKEND": "x11"})
            service.start()
            opened.callback(service.stop)
            # selenium.webdriver.WebKitGTK does the same, by an argument that selenium itself warns of.
            line = RemoteConnection(client_config=ClientConfig(service.service_url, timeout=COMMAND_S))
            self.driver = webdriver.Remote(line, options=options)
            opened.callback(self.driver.quit)
            self.version = str(self.driver.capabilities["browserVersion"])
            self._first = self.driver.current_window_handle
            self._opened = opened.pop_all()

    def open(self, address: str) -> Tab:
        self.driver.switch_to.window(self._first)
        self.driver.switch_to.new_window("window")
        tab = WebKitTab(self, self.driver.current_window_handle)
        tab.goto(address)
        return tab

    def tabs(self) -> list[Tab]:
        return [WebKitTab(self, handle) for handle in self.driver.window_handles if handle != self._first]

    def close(self) -> None:
        self._opened.close()
