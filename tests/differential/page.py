"""The page's interpreters, bundled as they are and run by Node: asked by JSON lines, one process for all questions."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any

__all__ = ["Page"]

WEB = Path(__file__).parents[2] / "web"


class Page:
    """`with Page() as page: page.ask("trace", trace)`; a process that has died is an error with its exit code."""

    def __init__(self) -> None:
        command = ["node", "tests/differential/start.mjs"]
        self._process = subprocess.Popen(command, cwd=WEB, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self) -> Page:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.communicate()

    def ask(self, reader: str, asked: Any) -> Any:
        """The reply of the reader of this name, as JSON data; `{"threw": …}` where it throws."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([reader, asked]).encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the page's process ended with {self._process.wait()}, asked {reader}: {asked!r}")
        return json.loads(line)
