"""The wordings of refusals: the providers' texts, each with a refusal of that provider that has it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from sporewright.routing.classify import Ending, classify, says
from sporewright.routing.dialects.phrases import KINDS
from sporewright.routing.dialects.wordings import ERROR_SIGNS, WORDINGS
from sporewright.routing.plan import PLAN
from sporewright.routing.terms import Phrase, Plan, Sign

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
    fields = ("param=", "type=missing", "loc=body", "field=")
    theirs = [one for one in REFUSALS if one["provider"] == provider and sign in one["says"]]

    assert wording in fields or any(pattern.search(text_of(one).lower().replace('\\"', '"')) for one in theirs)
    assert wording == wording.lower()
    assert theirs


@pytest.mark.parametrize(
    ("sign", "phrase"), [(sign, phrase) for sign, phrases in KINDS.items() for phrase in phrases], ids=str
)
def test_each_phrase_is_that_of_a_refusal(sign: Sign, phrase: Phrase) -> None:
    """No phrase is there without a refusal that nothing else explains."""
    rows = [{**row, "phrases": [one for one in row.get("phrases", ()) if one is not phrase]} for row in ERROR_SIGNS]
    plan: Plan = {**PLAN, "error_signs": rows}  # type: ignore[typeddict-item]

    if sign == "account":  # it is said beside a reason
        mine = [one for one in REFUSALS if sign in one["says"]]
    else:
        mine = [one for one in REFUSALS if [each for each in one["says"] if each != "account"] == [sign]]
    assert any(says(text_of(one), plan) != one["says"] for one in mine)


@pytest.mark.parametrize(
    ("refusal", "keyed"),
    [(one, keyed) for one in REFUSALS for keyed, of in ((False, "plain"), (True, "keyed")) if of in one],
    ids=str,
)
def test_what_a_refusal_is_where_nothing_is_inferred(refusal: dict[str, Any], keyed: bool) -> None:
    """`plain`: its outcome, `keyed`: where a key is declared. A user's card or session sets no option aside."""
    said = says(text_of(refusal))
    ending: Ending = {"kind": "status", "status": refusal["status"], "says": said, "keyed": keyed}

    assert classify(ending) == refusal["keyed" if keyed else "plain"]
    passed_over = {"unexplained": "unsuited", "refused": "refused" if refusal["status"] == 409 else "unsuited"}
    after = classify({**ending, "fallback": True})
    assert after == passed_over.get(classify(ending), classify(ending))


def test_what_is_of_an_account_is_one_of_its_reasons() -> None:
    """By itself it says nothing."""
    of_keys = {"key", "credit", "quota", "region", "rate"}

    assert all(of_keys & set(one["says"]) for one in REFUSALS if "account" in one["says"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("The key of your account, which is an API key, is one that has expired", ["key", "account"]),
        ("Expired: the API key", ["key", "account"]),
        # The next sentence speaks of something else.
        ("The API key was read. Expired sessions are closed", ["person"]),
        # Too far apart, or with words between that say something.
        ("The API key that was used for this request of your user at this service is expired", []),
        ("The API key printed by a tool has expired", []),
        ("The model output is invalid", []),
        ("The model `output` is invalid", ["model"]),
        ("<title>403</title><h1>Your country</h1><p>is blocked</p>", []),
        ("Your account\u2019s credit can't be used: the balance isn't enough", ["credit"]),
        ("InsufficientBalance", ["credit"]),
        ("x" * 3000 + " Invalid API key", []),
    ],
)
def test_a_kind_is_a_noun_and_its_state(text: str, said: list[str]) -> None:
    """In either order, within a few words, in one sentence."""
    assert says(json.dumps({"error": {"message": text}})) == said


def test_what_is_quoted_of_the_request_says_nothing() -> None:
    """A provider that repeats the request in its error does not speak of itself."""
    echoed = {"error": {"message": "Refused: 'input': {'messages': 'insufficient_quota'}"}}

    assert says(json.dumps(echoed)) == []
    assert says(json.dumps({"message": "Bad", "input": "insufficient_quota"})) == []


def test_an_error_without_end_within_an_error() -> None:
    """Errors told as text in errors are followed a few levels deep; the rest is text."""
    text = "Insufficient credits"
    for _ in range(8):
        text = json.dumps({"error": {"message": text}})

    assert says(text) == ["credit"]
