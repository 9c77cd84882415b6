"""Cases of pools that the page runs, too (`web/tests/pools/ledger.test.ts`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.pools.script import run

CASES = json.loads((Path(__file__).parent / "cases.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_cases(case: dict[str, Any]) -> None:
    """Each step says what it should, and leaves so much: [left, price, until] of each pool."""
    assert [[said, state] for said, _, state, _ in run(case)] == case["expect"]
