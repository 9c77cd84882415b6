"""Headers that say what is left, in the words of the known providers (P6)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sporewright.routing.allowance_headers import words_of

CASES = json.loads((Path(__file__).parent / "allowance-headers.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_headers_say_what_is_left(case: dict[str, Any]) -> None:
    """Each pair that can be read; `web/tests/routing/allowance-headers.test.ts` reads the same cases."""
    found = [[word.unit, word.left, word.limit] for word in words_of(case["headers"].get)]

    assert found == case["words"]
