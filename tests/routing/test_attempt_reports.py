"""The reports on a call's attempts; the page reads the same cases (`web/tests/routing/attempt-reports.test.ts`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.routing.record import record
from tests.routing.replay import Replay

FILE = Path(__file__).parent / "reports.json"
CASES: list[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_what_the_learner_is_told(case: dict[str, Any]) -> None:
    """Of which attempts, in which order, with which measures."""
    replay = Replay(case)
    replay.run()

    assert replay.reported.written() == case["reports"]


def test_the_cases_are_recorded(tmp_path: Path) -> None:
    """The reports are written into each case, in the form the corpus has; once more changes nothing."""
    file = tmp_path / "reports.json"
    file.write_text(json.dumps([{**case, "reports": []} for case in CASES]), encoding="utf-8")

    assert record(file)
    assert file.read_text(encoding="utf-8") == FILE.read_text(encoding="utf-8")
    assert not record(file)
