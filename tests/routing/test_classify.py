"""Outcomes by the plan's rows, and what Retry-After asks for."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sporewright.errors import ConfigError
from sporewright.routing.classify import Ending, classify, retry_after_seconds
from sporewright.routing.httpdate import parse_http_date
from sporewright.routing.plan import ACTIONS, OUTCOMES, PLAN, STATES, to_json

KINDS = st.sampled_from(["network", "timeout", "abort", "prepare"])


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


def test_the_plan_names_every_outcome_once() -> None:
    """Each outcome has exactly one transition while calling, and ends lead nowhere."""
    assert set(PLAN["transitions"]["CALLING"]) == set(OUTCOMES)
    assert set(PLAN["transitions"]["PICKING"]) == {"picked", "nothing_left", "aborted"}
    assert not {"DELIVERED", "ABORTED", "EXHAUSTED"} & set(PLAN["transitions"])
    assert to_json() == to_json()


def test_an_ending_without_a_row_is_named() -> None:
    """A status outside HTTP is a ConfigError that shows it."""
    with pytest.raises(ConfigError, match="-3"):
        classify({"kind": "status", "status": -3})


@given(st.integers(0, 32503679999))
def test_http_dates_agree_with_the_standard_library(seconds: int) -> None:
    """Every second from 1970 to 2999 written as an HTTP date is read back exactly."""
    assert parse_http_date(formatdate(seconds, usegmt=True)) == seconds


@pytest.mark.parametrize(
    "text",
    ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"],
)
def test_the_three_forms_of_a_date(text: str) -> None:
    """All three forms of RFC 9110 §5.6.7 name the same second."""
    assert parse_http_date(text) == 784111777


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
    assert parse_http_date(text) is None


def test_a_leap_day_is_a_day() -> None:
    """29 February exists in 2000 and 2024."""
    assert parse_http_date("Tue, 29 Feb 2000 00:00:00 GMT") == 951782400
    assert parse_http_date("Thu, 29 Feb 2024 00:00:00 GMT") == 1709164800


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


@given(st.text())
def test_no_header_breaks_the_reader(header: str) -> None:
    """Whatever a server sends gives finite seconds ≥ 0 or None."""
    seconds = retry_after_seconds(header, 0.0)

    assert seconds is None or 0 <= seconds < 1e13
