"""The corpus of responses, through Python's judge; the page runs the same file through its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sporewright.routing.dialects.judge import expects_of
from tests.routing.judged import judged

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "answers.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_response(case: dict[str, Any]) -> None:
    """It is judged as recorded, in whatever pieces it comes."""
    assert [judged(case, size) for size in (1, 7, 1 << 20)] == [case["want"]] * 3


def test_the_names_are_distinct() -> None:
    """Each case is found by its name."""
    assert len({case["name"] for case in CASES}) == len(CASES) >= 80


@pytest.mark.parametrize(
    ("method", "path", "expects"),
    [
        ("POST", "/v1/chat/completions", "answer"),
        ("post", "/v1/messages/?beta=true", "answer"),
        ("GET", "/v1/chat/completions", "any"),
        ("POST", "/orders", "any"),
        ("POST", "/v1/models/g:streamGenerateContent?alt=sse", "answer"),
    ],
)
def test_what_a_path_expects(method: str, path: str, expects: str) -> None:
    """Inference, asked by POST, expects an answer; nothing else expects anything."""
    assert expects_of(method, path) == expects
