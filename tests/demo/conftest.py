"""Fixtures that the demo's tests share."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest


@pytest.fixture
def shared_latency() -> dict[str, list[float]]:
    """Provider → measured seconds of its good answers, read in place; skipped where the measurements are absent."""
    root = os.environ.get("SPOREWRIGHT_SHARED") or Path(__file__).parents[3] / "shared"
    path = Path(root) / "data" / "latency.csv"
    if not path.exists():
        pytest.skip(f"the measurements are not here: {path}")
    found: dict[str, list[float]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["group"] == "llama-2-70b-chat" and row["ok"] == "1":
                found.setdefault(row["provider"], []).append(float(row["latency_ms"]) / 1000)
    return found
