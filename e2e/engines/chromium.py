"""Chromium, driven by Playwright as in the rest of the end-to-end tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page, Playwright

from e2e.browser import launch_options
from e2e.engines.driver import Engine, Tab

__all__ = ["Chromium", "ChromiumTab"]


class ChromiumTab(Tab):
    """One page of Playwright."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._heard: list[str] = []
        page.on("console", lambda message: self._heard.append(f"{message.type} {message.text}"))

    def _call(self, source: str, given: str, timeout: float) -> str:
        # Playwright has no deadline for a script: the page's own clock ends it.
        late = f"""(given) => Promise.race([({source})(given), new Promise((_, late) =>
          setTimeout(() => late(new Error("not done within {timeout} s")), {timeout * 1000}))])"""
        return str(self.page.evaluate(late, given))

    def goto(self, address: str) -> None:
        self._heard.clear()
        self.page.goto(address)

    def back(self) -> None:
        self.page.go_back(wait_until="commit")

    def reload(self) -> None:
        self._heard.clear()
        self.page.reload()

    def activate(self) -> None:
        self.page.bring_to_front()

    def resize(self, width: int, height: int) -> None:
        self.page.set_viewport_size({"width": width, "height": height})

    def close(self) -> None:
        self.page.close()

    def console(self) -> list[str]:
        self.page.evaluate("null")  # what was written before this has been handed over
        return list(self._heard)

    def screenshot(self, file: Path) -> None:
        self.page.screenshot(path=file)

    def freeze(self, frozen: bool) -> None:
        """As the browser does to a tab long in the background: no task of it runs, nor of its workers."""
        line = self.page.context.new_cdp_session(self.page)
        line.send("Page.setWebLifecycleState", {"state": "frozen" if frozen else "active"})
        line.detach()


class Chromium(Engine):
    """One context of a headless Chromium."""

    name = "chromium"

    def __init__(self, playwright: Playwright, profile: Path | None = None) -> None:
        # Playwright switches the back/forward cache off; users have it.
        options: dict[str, Any] = launch_options() | {"ignore_default_args": ["--disable-back-forward-cache"]}
        if profile is None:
            self._browser = playwright.chromium.launch(**options)
            self._context: BrowserContext = self._browser.new_context()
            self.version = self._browser.version
        else:
            self._context = playwright.chromium.launch_persistent_context(profile, **options)
        self._tabs: list[ChromiumTab] = []

    def open(self, address: str) -> Tab:
        tab = ChromiumTab(self._context.new_page())
        self._tabs.append(tab)
        tab.goto(address)
        return tab

    def tabs(self) -> list[Tab]:
        return [tab for tab in self._tabs if not tab.page.is_closed()]

    def close(self) -> None:
        self._context.close()
        if self._context.browser:
            self._context.browser.close()
