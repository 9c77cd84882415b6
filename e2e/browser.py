"""The Chromium of this machine, as tests and benchmarks start it."""

from __future__ import annotations

import os
import shutil
from typing import Any

from playwright.sync_api import Browser, Playwright

__all__ = ["launch", "launch_options"]


def launch_options() -> dict[str, Any]:
    """A headless Chromium: $CHROMIUM, else one on the path, else Playwright's own."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    options: dict[str, Any] = {"args": ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]}
    if found:
        options["executable_path"] = found
    return options


def launch(playwright: Playwright) -> Browser:
    """Start it with a throw-away profile."""
    return playwright.chromium.launch(**launch_options())
