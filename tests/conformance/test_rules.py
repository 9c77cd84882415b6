"""The corpus is complete: every rule of the model has a case, and every case names rules that exist."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from tests.conformance.runner import KINDS, run

ROOT = Path(__file__).resolve().parents[2]
MODEL = Path(os.environ.get("SPOREWRIGHT_SHARED", ROOT.parent / "shared")) / "design" / "MODEL.md"
CASES = sorted((Path(__file__).resolve().parent / "cases").rglob("*.json"))

# Rules that no case of one process can break, and the tests that hold them instead: what an orchestrator rolls up and
# keeps apart is the server's.
ELSEWHERE = {"U7": "tests/server"}
OPEN = ("P", "V")
"""Sections of the model that are rules for what is still to be built: pools, and work."""


def rules_of(file: Path) -> list[str]:
    """The rules a case names."""
    rules: list[str] = json.loads(file.read_text())["rules"]
    return rules


def rules_of_the_model() -> set[str]:
    """Every rule id the model defines."""
    return set(re.findall(r"^- \*\*([A-Z]\d+)\*\*", MODEL.read_text(), re.MULTILINE))


def test_the_corpus_is_large_enough() -> None:
    """At least 150 cases, each in the folder of a kind the runner knows, each under its own name."""
    assert len(CASES) >= 150
    assert {file.parent.name for file in CASES} <= set(KINDS)
    assert all(json.loads(file.read_text())["name"] == file.stem for file in CASES)


@pytest.mark.skipif(not MODEL.is_file(), reason=f"the model is not at {MODEL}")
def test_every_rule_has_a_case() -> None:
    """Each rule id of the model is named by a case or listed with the place that holds it; no case names a stranger."""
    named = {rule for file in CASES for rule in rules_of(file)}
    model = rules_of_the_model()

    assert len(model) >= 60
    assert sorted(rule for rule in model - named - set(ELSEWHERE) if not rule.startswith(OPEN)) == []
    assert sorted(named - model) == []
    assert sorted(set(ELSEWHERE) & named) == []
    for rule, folder in ELSEWHERE.items():
        assert any(f"{rule}:" in file.read_text() for file in (ROOT / folder).glob("test_*.py")), f"{rule}: {folder}"


def test_the_runner_can_fail() -> None:
    """A case that expects the wrong queue, number, error or rule breaks: the runner is no rubber stamp."""
    wrong = {
        "fold": {"steps": [{"do": "freshness", "args": [0.0], "expect": 0.5}]},
        "codec": {"steps": [{"do": "Tensor", "args": [["a", "a"]]}]},
        "writer": {"steps": [{"do": "Tensor", "args": [["a"]], "error": "config"}]},
        "explain": {"steps": [{"do": "freshness", "args": [0.0], "near": 0.5}]},
        "receipt": {"steps": [{"do": "nobody"}]},
        "vectors": {"tensor": {"levels": ["a"], "cells": []}, "expected": ["x"]},
    }
    assert all(run(kind, data) for kind, data in wrong.items())
    for file in CASES:
        data = json.loads(file.read_text())
        if file.parent.name == "field-vectors":
            data["queries"][0]["expected"] = [*data["queries"][0]["expected"], "nobody"]
            assert run(file.parent.name, data), file
