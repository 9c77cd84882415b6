"""Every golden case, in CPython; e2e/test_conformance.py runs the same ones in the browser's Python."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.conformance.runner import KINDS, run

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = Path(os.environ.get("SPOREWRIGHT_SHARED", ROOT.parent / "shared")) / "conformance"
OWN = Path(__file__).resolve().parent / "cases"


def cases(root: Path) -> list[object]:
    """One parameter a file."""
    files = sorted(root.rglob("*.json"))
    return [pytest.param(file, id=f"{file.parent.name}/{file.stem}") for file in files if file.parent.name in KINDS]


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason=f"the published cores' cases are not at {PUBLISHED}")
@pytest.mark.parametrize("file", cases(PUBLISHED))
def test_a_published_case(file: Path) -> None:
    """The published cores' decision, bit for bit."""
    assert run(file.parent.name, json.loads(file.read_text())) == []


@pytest.mark.parametrize("file", cases(OWN))
def test_an_own_case(file: Path) -> None:
    """The project's own case, which names the rules it proves."""
    data = json.loads(file.read_text())

    assert data["rules"]
    assert run(file.parent.name, data) == []
