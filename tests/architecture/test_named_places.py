"""Documents name places that exist: files, folders and tests of this repository."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOP = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
DOCUMENTS = [*TOP, *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "tests").rglob("README.md"))]
ROOTS = ("sporewright", "web/src", "web/tests", "web/demo", "tests", "e2e", "docs", "wasm-build")
MADE = ("web/src/generated",)
"""Folders that the build makes."""
NAMED = re.compile(rf"`((?:{'|'.join(ROOTS)})/[\w./*-]*)`")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT)))
def test_what_is_named_exists(document: Path) -> None:
    """Each path in code font is there, as a file, a folder or a pattern with a match."""
    text = document.read_text(encoding="utf-8")
    named = [place for place in NAMED.findall(text) if not place.startswith(MADE)]

    assert [place for place in named if not any(ROOT.glob(place.rstrip("/")))] == []
