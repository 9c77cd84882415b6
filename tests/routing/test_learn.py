"""What attempts teach: weighted means, lower bounds, and nothing from what says nothing."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sporewright.routing.learn import ALPHA, learn, moved
from sporewright.routing.plan import PLAN, Outcome

FINITE = st.floats(0, 1e6)


def taught(outcome: Outcome, latency_s: float | None = None, **means: float) -> dict[str, float]:
    """What the plan's actions for an outcome write."""
    return dict(learn(PLAN["transitions"]["CALLING"][outcome]["do"], outcome, latency_s, means.get))


def test_an_answer_moves_both_means() -> None:
    """A success moves latency towards what was measured and failure towards 0."""
    assert taught("ok", 2.0, latency=1.0, failure=0.5) == {"latency": 1.0 + ALPHA, "failure": 0.5 - ALPHA * 0.5}


def test_the_first_measurement_stands_alone() -> None:
    """With nothing believed before, the measurement is the belief."""
    assert taught("ok", 2.0) == {"latency": 2.0, "failure": 0.0}
    assert taught("network_error", 2.0) == {"failure": 1.0}


@pytest.mark.parametrize("outcome", ["rate_limited", "server_error", "network_error"])
def test_a_failure_teaches_failure_only(outcome: Outcome) -> None:
    """How fast an option fails is not how fast it is."""
    assert taught(outcome, 0.001, latency=1.0, failure=0.0) == {"failure": ALPHA}


@pytest.mark.parametrize("outcome", ["refused", "aborted", "unusable"])
def test_nothing_is_learned_from_what_says_nothing(outcome: Outcome) -> None:
    """The caller's abort, the caller's bad request and a prepare that threw teach nothing."""
    assert taught(outcome, 5.0, latency=1.0, failure=0.0) == {}


def test_a_time_out_is_a_lower_bound() -> None:
    """Waiting 10 s for nothing raises a latency of 1 s and leaves one of 15 s alone."""
    assert taught("timed_out", 10.0, latency=1.0, failure=0.0)["latency"] == 1.0 + ALPHA * 9.0
    assert "latency" not in taught("timed_out", 10.0, latency=15.0, failure=0.0)


@pytest.mark.parametrize("latency", [None, math.nan, math.inf, -1.0])
def test_a_latency_that_is_none_teaches_none(latency: float | None) -> None:
    """A clock that ran backwards or a missing measure writes no latency, and never a gate."""
    assert taught("ok", latency, latency=1.0, failure=0.0) == {"failure": 0.0}


def test_a_gate_is_not_a_mean() -> None:
    """Where the value so far is not finite, the measurement stands alone."""
    assert moved(math.inf, 2.0) == 2.0
    assert moved(math.nan, 2.0) == 2.0


@given(st.floats(0, 1), st.lists(st.sampled_from(["ok", "server_error", "timed_out", "refused"]), max_size=50), FINITE)
def test_failure_stays_a_rate(start: float, outcomes: list[Outcome], latency: float) -> None:
    """From a rate in [0, 1] every sequence of outcomes gives a rate in [0, 1] and a finite latency (D4)."""
    means = {"failure": start, "latency": latency}

    for outcome in outcomes:
        means |= taught(outcome, 1.0, **means)

    assert 0 <= means["failure"] <= 1
    assert 0 <= means["latency"] <= max(latency, 1.0)
