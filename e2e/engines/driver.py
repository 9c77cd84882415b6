"""The interface of a browser to the suite, implemented in chromium.py, firefox.py and webkit.py."""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

__all__ = ["Engine", "MissingEngineError", "ScriptError", "Tab"]

TIMEOUT_S = 60.0
STEP_S = 0.05


class MissingEngineError(Exception):
    """This machine lacks the engine or its driver; the message says which program and how to get it."""


class ScriptError(Exception):
    """A script in the page threw: `name` and message as the page said them."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name


class Tab(ABC):
    """One tab. A script is the source of a function of one argument, possibly async; values cross as JSON."""

    def run(self, script: str, argument: Any = None, timeout: float = TIMEOUT_S) -> Any:
        """Call the function in the page and wait for what it returns (undefined: None); ScriptError if it throws."""
        source = f"""async (given) => {{
          try {{
            return JSON.stringify({{ value: (await ({script})(JSON.parse(given))) ?? null }});
          }} catch (error) {{
            const {{ code, name = "", message = String(error) }} = Object(error);
            return JSON.stringify({{ name: typeof code === "string" ? code : name, message }});
          }}
        }}"""
        said = json.loads(self._call(source, json.dumps(argument), timeout))
        if "value" not in said:
            raise ScriptError(str(said["name"]), said["message"])
        return said["value"]

    def value(self, expression: str, timeout: float = TIMEOUT_S) -> Any:
        """The value of an expression in the page, awaited."""
        return self.run(f"async () => ({expression})", timeout=timeout)

    def until(self, expression: str, timeout: float = TIMEOUT_S) -> None:
        """Wait until an expression is true; asked from outside, as a page's own timers may be throttled or stopped."""
        deadline = time.monotonic() + timeout
        while not self.value(f"Boolean({expression})"):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not true within {timeout} s: {expression}")
            time.sleep(STEP_S)

    def arrive(self, address: str, timeout: float = TIMEOUT_S) -> None:
        """Wait until the tab shows this address; a page on its way to another may answer nothing, or with an error."""
        deadline = time.monotonic() + timeout
        seen = ""
        while time.monotonic() < deadline:
            try:
                seen = self.value("document.readyState === 'complete' ? location.href : ''", timeout=5)
            except Exception as error:
                seen = str(error)
            if seen == address:
                return
            time.sleep(STEP_S)
        raise TimeoutError(f"the tab shows {seen}, not {address}")

    @abstractmethod
    def _call(self, source: str, given: str, timeout: float) -> str:
        """Call an async function that never throws with one string; its string."""

    @abstractmethod
    def goto(self, address: str) -> None:
        """Load a page and wait for it."""

    @abstractmethod
    def back(self) -> None:
        """One page back in this tab's history."""

    @abstractmethod
    def reload(self) -> None:
        """Load the page anew."""

    @abstractmethod
    def activate(self) -> None:
        """Bring it to the front."""

    @abstractmethod
    def resize(self, width: int, height: int) -> None:
        """Lay the page out in this much room (CSS pixels, a scroll bar included), until another is loaded."""

    @abstractmethod
    def close(self) -> None:
        """Close it as a user does."""

    @abstractmethod
    def console(self) -> list[str]:
        """Lines that scripts wrote to the console since the page was loaded, `level text`, oldest first."""

    @abstractmethod
    def screenshot(self, file: Path) -> None:
        """The visible part of the page as a PNG."""


class Engine(ABC):
    """A running browser with one throw-away profile; what a profile keeps is kept apart by origin."""

    name: str
    version: str
    keeps_http_cache = True
    """True if a reload finds in the browser's own cache what may be kept for ever."""

    @abstractmethod
    def open(self, address: str) -> Tab:
        """A new tab, in front, with that page."""

    @abstractmethod
    def tabs(self) -> list[Tab]:
        """The open ones, the oldest first; one that belongs to the browser itself is not among them."""

    @abstractmethod
    def close(self) -> None:
        """End the browser and remove its profile."""
