"""What refusals say: the providers' wordings, each with a refusal of that provider that says it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from sporewright.routing.classify import says
from sporewright.routing.dialects.wordings import WORDINGS

REFUSALS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "refusals.json").read_text())
EACH = [(row["sign"], row.get("provider", ""), wording) for row in WORDINGS for wording in row["any"]]


def text_of(refusal: dict[str, Any]) -> str:
    """The refusal's body as it is sent."""
    body = refusal["body"]
    return body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda one: f"{one['provider']}: {text_of(one)[:60]}")
def test_what_a_refusal_says(refusal: dict[str, Any]) -> None:
    """Only the fields that say why are looked at, and a particular reason goes before a general one."""
    assert says(text_of(refusal)) == refusal["says"]


@pytest.mark.parametrize(("sign", "provider", "wording"), EACH)
def test_each_wording_is_that_of_a_refusal(sign: str, provider: str, wording: str) -> None:
    """No row is there without a refusal that says so in these words."""
    pattern = re.compile(".{0,120}".join(map(re.escape, wording.split("*"))), re.DOTALL)
    fields = ("param=", "type=missing")
    theirs = [one for one in REFUSALS if one["provider"] == provider and sign in one["says"]]

    assert wording in fields or any(pattern.search(text_of(one).lower().replace('\\"', '"')) for one in theirs)
    assert wording == wording.lower()
    assert theirs


def test_what_is_quoted_of_the_request_says_nothing() -> None:
    """A provider that repeats the request in its error does not speak of itself."""
    echoed = {"error": {"message": "Bad content: 'input': {'messages': 'insufficient_quota'}"}}

    assert says(json.dumps(echoed)) == []
    assert says(json.dumps({"message": "Bad", "input": "insufficient_quota"})) == []


def test_an_error_without_end_within_an_error() -> None:
    """Errors told as text in errors are followed a few levels deep; the rest is text."""
    text = "Insufficient credits"
    for _ in range(8):
        text = json.dumps({"error": {"message": text}})

    assert says(text) == ["credit"]
