"""Outcomes by the plan's rows, and what Retry-After asks for."""

from __future__ import annotations

import json
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sporewright.errors import ConfigError
from sporewright.routing.classify import Ending, classify, is_repeatable, rule_of, says
from sporewright.routing.http_date import parse_http_date
from sporewright.routing.plan import ACTIONS, OUTCOMES, PLAN, STATES, plan_with, to_json
from sporewright.routing.retry_after import pace_seconds, retry_after_seconds
from sporewright.routing.terms import ENDS, Plan, State

RETRY_AFTER = Path(__file__).parent / "retry-after.json"
CALLED = {"truncated", "malformed", "too_large", "failed", "complete"}
KINDS = st.sampled_from(sorted(set(ENDS) - {"aborted"} - CALLED | {"abort"}))


@given(
    st.one_of(
        st.builds(lambda s: {"kind": "status", "status": s}, st.integers(0, 999)),
        st.builds(lambda k: {"kind": k}, KINDS),
    )
)
def test_every_ending_has_an_outcome_and_a_transition(ending: Ending) -> None:
    """The plan is total: whatever ends a call, there is a row for it and a place to go."""
    outcome = classify(ending)

    step = PLAN["transitions"]["CALLING"][outcome]
    assert step["to"] in STATES
    assert set(step["do"]) <= set(ACTIONS)


@given(
    st.sampled_from(["OPENED", "HOLDING", "STREAMING", "RESTARTABLE", "BODY"]),
    st.sampled_from(["network", "timeout", "abort", "truncated", "malformed", "failed", "complete"]),
)
def test_every_end_of_a_body_has_a_transition(stage: str, kind: str) -> None:
    """Whatever ends an answer that has begun, there is a place to go; after bytes were handed over none is a retry."""
    step = PLAN["transitions"][stage][classify({"kind": kind, "stage": stage})]

    assert step["to"] in STATES
    assert stage not in ("STREAMING", "BODY") or not {"retry", "again", "next"} & set(step["do"])


def test_the_tables_use_their_own_words() -> None:
    """Each outcome is some row's, each action some transition's, and ends lead nowhere."""
    steps = [step for row in PLAN["transitions"].values() for step in row.values()]

    assert {row["outcome"] for row in PLAN["classes"]} == set(OUTCOMES)
    assert {action for step in steps for action in step["do"]} == set(ACTIONS)
    assert set(PLAN["transitions"]["PICKING"]) == {
        *("picked", "nothing_left", "kept", "aborted", "unexplained", "declined"),
    }
    assert not {"DELIVERED", "BROKEN", "LOST", "ABORTED", "EXHAUSTED"} & set(PLAN["transitions"])
    assert set(PLAN["unsafe"]) <= set(OUTCOMES)
    assert to_json() == to_json()


def test_an_ending_without_a_row_is_named() -> None:
    """A status outside HTTP is a ConfigError that shows it."""
    with pytest.raises(ConfigError, match="-3"):
        classify({"kind": "status", "status": -3})


@given(st.integers(0, 32503679999))
def test_http_dates_agree_with_the_standard_library(seconds: int) -> None:
    """Every second from 1970 to 2999 written as an HTTP date is read back exactly."""
    assert parse_http_date(formatdate(seconds, usegmt=True), 0.0) == seconds


@pytest.mark.parametrize(
    "text",
    ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"],
)
def test_the_three_forms_of_a_date(text: str) -> None:
    """All three forms of RFC 9110 §5.6.7 name the same second."""
    assert parse_http_date(text, 784111777) == 784111777


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 29 Feb 1900 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 0000 08:49:37 GMT",
        "Sun, 06 Foo 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, ٠٦ Nov 1994 08:49:37 GMT",
    ],
)
def test_what_is_no_date_is_none(text: str) -> None:
    """Impossible days, foreign zones and foreign digits are no date."""
    assert parse_http_date(text, 784111777) is None


def test_a_leap_day_is_a_day() -> None:
    """29 February exists in 2000 and 2024."""
    assert parse_http_date("Tue, 29 Feb 2000 00:00:00 GMT", 0.0) == 951782400
    assert parse_http_date("Thu, 29 Feb 2024 00:00:00 GMT", 0.0) == 1709164800


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("2", 2.0),
        (" 1.5 ", 1.5),
        ("0", 0.0),
        ("Sun, 06 Nov 1994 08:49:47 GMT", 10.0),
        ("Sun, 06 Nov 1994 08:49:27 GMT", 0.0),
        ("-1", None),
        ("1e9", None),
        ("inf", None),
        ("٣", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    """Seconds and dates are read, a date in the past is now, anything else asks for nothing."""
    assert retry_after_seconds(header, 784111777) == seconds


@pytest.mark.parametrize("row", json.loads(RETRY_AFTER.read_text(encoding="utf-8")), ids=lambda row: row["header"])
def test_the_corpus_of_retry_after(row: dict[str, Any]) -> None:
    """Dates that the two readers told differently; the page runs the same file."""
    assert retry_after_seconds(row["header"], row["now"]) == row["seconds"]


@given(st.text())
def test_no_header_breaks_the_reader(header: str) -> None:
    """Whatever a server sends gives finite seconds ≥ 0 or None."""
    seconds = retry_after_seconds(header, 0.0)

    assert seconds is None or 0 <= seconds < 1e13


NOON = 1_700_000_000.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "Sun, 06 Nov 1994 08:49:47 GMT"}, 0.0),
        ({"retry-after": "soon", "ratelimit-reset": "7"}, 7.0),
        ({"ratelimit-reset": "7", "ratelimit-remaining": "3"}, None),
        ({"ratelimit-reset": "7", "ratelimit-remaining": "0"}, 7.0),
        ({"ratelimit": '"hour";r=0;t=30'}, 30.0),
        ({"ratelimit": '"hour";r=4;t=30'}, None),
        ({"ratelimit": "limit=10, remaining=0, reset=12"}, 12.0),
        ({"ratelimit": "nothing"}, None),
        ({"x-ratelimit-reset-requests": "1m30.5s", "x-ratelimit-remaining-requests": "0"}, 90.5),
        ({"x-ratelimit-reset-requests": "20ms"}, 0.02),
        (
            {
                "x-ratelimit-reset-requests": "1s",
                "x-ratelimit-remaining-requests": "2",
                "x-ratelimit-reset-tokens": "6h",
            },
            21600.0,
        ),
        ({"x-ratelimit-reset-requests": "1s later"}, None),
        ({"x-ratelimit-reset": "1700000030"}, 30.0),
        ({"x-ratelimit-reset": "1600000000"}, 0.0),
        ({"x-ratelimit-reset": "-5"}, None),
        ({}, None),
    ],
)
def test_when_a_response_asks_to_come_back(headers: dict[str, str], seconds: float | None) -> None:
    """The first readable header wins, in the plan's order; one that says something is left asks for nothing."""
    found = pace_seconds(headers.get, NOON)

    assert found == (seconds if seconds is None else pytest.approx(seconds))


@given(st.dictionaries(st.sampled_from([row["header"] for row in PLAN["pace_headers"]]), st.text()))
def test_no_headers_break_the_reader(headers: dict[str, str]) -> None:
    """Whatever a server sends gives finite seconds ≥ 0 or None."""
    seconds = pace_seconds(headers.get, 0.0)

    assert seconds is None or 0 <= seconds < 1e20


@pytest.mark.parametrize(
    ("text", "signs"),
    [
        ('{"error": {"code": "context_length_exceeded"}}', ["context_length"]),
        ("Prompt is too long: 200001 tokens > 200000 maximum", ["context_length"]),
        ('{"error": {"code": "content_filter", "innererror": {}}}', ["content_filter"]),
        ("This model does not support assistant message prefill.", ["prefill"]),
        ("The model `x` does not exist: model_not_found", ["model"]),
        ("missing field messages", ["malformed"]),
    ],
)
def test_what_a_refusal_says(text: str, signs: list[str]) -> None:
    """The providers' words for the refusals that are treated differently."""
    assert says(text) == signs


@pytest.mark.parametrize(
    ("method", "path", "headers", "repeatable"),
    [
        ("get", "/x", [], True),
        ("DELETE", "/x", [], True),
        ("POST", "/x", [], False),
        ("PATCH", "/chat/completions/x", [], False),
        ("POST", "/openai/v1/chat/completions", [], True),
        ("POST", "/v1/messages/", [], True),
        ("POST", "/v1beta/models/m:streamGenerateContent", [], True),
        ("POST", "/orders", ["idempotency-key"], True),
    ],
)
def test_what_may_be_sent_twice(method: str, path: str, headers: list[str], repeatable: bool) -> None:
    """Idempotent methods, inference, and what its caller gave a key."""
    assert is_repeatable(method, path, headers) is repeatable


@pytest.mark.parametrize("limits", [{"deadline": 1}, {"deadline_s": -1}, {"deadline_s": "1"}, {"deadline_s": True}])
def test_limits_are_checked_by_name(limits: dict[str, float]) -> None:
    """A limit that is none, or is no number, is a ConfigError that names it."""
    with pytest.raises(ConfigError, match="deadline"):
        plan_with(limits)


@pytest.mark.parametrize("name", [name for name in PLAN["limits"] if name.endswith("_s") and name != "retry_per_s"])
def test_no_wait_is_longer_than_a_timer(name: str) -> None:
    """Thirty days are more than a browser's timer holds: it would go off at once, again and again."""
    with pytest.raises(ConfigError, match=rf"limits\.{name}: 2592000 is not a number of seconds, at most 2147483\.647"):
        plan_with({name: 30 * 24 * 3600})
    assert plan_with({name: 2147483.647})["limits"][name] == 2147483.647  # type: ignore[literal-required]


def test_somebody_looks_at_the_clock() -> None:
    """A look every 0 s is a loop without a pause."""
    with pytest.raises(ConfigError, match=r"limits\.tick_s: 0 "):
        plan_with({"tick_s": 0})


def test_what_was_found_before_is_found_again() -> None:
    """Whatever is asked in between, and however much: the remembered row is the first that holds."""
    stages: tuple[State, ...] = ("CALLING", "STREAMING")
    endings: list[Ending] = [
        {"kind": "status", "status": status, "stage": stage, "fallback": fallback, "judged": judged}
        for status in range(200, 600, 3)
        for stage in stages
        for fallback in (False, True)
        for judged in (False, True)
    ]
    elsewhere: Plan = {**PLAN, "classes": list(PLAN["classes"])}

    assert len(endings) > 1000
    for _ in range(2):
        assert all(rule_of(ending) is rule_of(ending, elsewhere) for ending in endings)
    assert rule_of({"kind": "status", "status": 429, "retry_after_s": 1.0}) is rule_of(
        {"kind": "status", "status": 429, "retry_after_s": 1.0}, elsewhere
    )
