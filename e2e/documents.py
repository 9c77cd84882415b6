"""Examples of the documents: found in their Markdown, each with the world that it runs in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e.harness import ROOT

__all__ = ["FILES", "Example", "examples", "printed"]

FILES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
"""Every document that may hold an example."""

_FENCE = re.compile(r"<!-- run (?P<world>\{.*?\}) -->\n+```(?P<language>\w+)\n(?P<text>.*?)^```$", re.M | re.S)
_PRINTS = re.compile(r"// → (.*)$", re.M)


@dataclass(frozen=True)
class Example:
    """One fenced block behind a comment `<!-- run {…} -->`.

    `world` gives each host that the example calls its behaviour, each path of the page's own origin its text or JSON;
    its `shows` are texts that an HTML example leaves on the page, `before` is a script that gives the browser what it
    lacks; scripts are lists of lines. What an example prints stands behind `// →`.
    """

    name: str
    language: str
    text: str
    world: dict[str, Any]

    @property
    def page(self) -> str:
        """The example as a page: an HTML example is one already."""
        return self.text if self.language == "html" else f'<!doctype html><script type="module">{self.text}</script>'

    @property
    def expected(self) -> list[str]:
        """The lines that the example says it prints."""
        return _PRINTS.findall(self.text)


def examples() -> list[Example]:
    """Those of all documents, by place."""
    return [each for file in FILES for each in _examples_of(file)]


def _examples_of(file: Path) -> Iterator[Example]:
    text = file.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start("text")) + 1
        name = f"{file.relative_to(ROOT)}:{line}"
        yield Example(name, found["language"], found["text"], json.loads(found["world"]))


def printed(text: str) -> list[str]:
    """The pieces of an answer's text as a provider would stream them."""
    return re.findall(r"\S+\s*", text)
