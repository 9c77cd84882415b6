"""The evidence that an attempt's end gives: values, lower bounds, and none from an end that says nothing."""

from __future__ import annotations

import math

import pytest

from sporewright.learning.evidence import Evidence, Measured
from sporewright.routing.learn import cost_of, evidence_of
from sporewright.routing.plan import PLAN
from sporewright.routing.terms import Outcome, State


def taught(
    outcome: Outcome, latency_s: float | None = None, stage: State = "CALLING", **more: float
) -> Evidence | None:
    """The evidence that the plan's row for an outcome asks for."""
    row = PLAN["transitions"][stage]
    return evidence_of(row[outcome]["do"], outcome, latency_s, **more)


def test_an_answer_teaches_latency_and_that_it_did_not_fail() -> None:
    """A success is evidence of its latency, its first token, its cost, and of no failure."""
    evidence = taught("ok", 2.0, ttft_s=0.5, cost_usd=0.01)

    assert evidence is not None
    assert list(evidence.measured()) == [
        Measured("latency", 2.0),
        Measured("ttft", 0.5),
        Measured("failure", 0.0),
        Measured("financial", 0.01),
    ]


@pytest.mark.parametrize("outcome", ["rate_limited", "server_error", "network_error"])
def test_a_failure_teaches_failure_only(outcome: Outcome) -> None:
    """The time until an option fails is not its latency."""
    assert taught(outcome, 0.001) == Evidence(failed=True, limited=outcome == "rate_limited")


@pytest.mark.parametrize("outcome", ["refused", "aborted", "unusable", "opaque"])
def test_nothing_is_learned_from_what_says_nothing(outcome: Outcome) -> None:
    """The caller's abort, the caller's bad request, a prepare that threw, a sealed response teach nothing."""
    assert taught(outcome, 5.0, cost_usd=1.0) is None


def test_a_time_out_is_a_lower_bound() -> None:
    """Waiting 10 s for nothing says that the latency is above 10 s; a slow start that the first token takes longer."""
    late, slow = taught("timed_out", 10.0), taught("slow_start", 8.0, stage="OPENED")

    assert late is not None
    assert slow is not None
    assert list(late.measured()) == [Measured("latency", 10.0, True), Measured("failure", 1.0)]
    assert list(slow.measured()) == [Measured("ttft", 8.0, True), Measured("failure", 1.0)]


def test_whom_the_call_s_deadline_cuts_has_not_failed() -> None:
    """Silence so far is a lower bound of the latency and nothing else; of an opened stream nothing is learned."""
    cut = taught("deadline", 4.0)

    assert cut is not None
    assert list(cut.measured()) == [Measured("latency", 4.0, True)]
    assert taught("deadline", 4.0, stage="OPENED") is None


@pytest.mark.parametrize("latency", [None, math.nan, math.inf, -1.0])
def test_a_latency_that_is_none_teaches_none(latency: float | None) -> None:
    """A clock that ran backwards or a missing measure is no latency."""
    assert taught("ok", latency) == Evidence(failed=False)


@pytest.mark.parametrize(
    ("prices", "body", "usd"),
    [
        ({"price:in": 2.0, "price:cached": 0.5}, {"tokens_in": 1_000_000, "tokens_cached": 400_000}, 1.4),
        ({"price:in": 2.0}, {"tokens_in": 1_000_000, "tokens_cached": 400_000}, 2.0),
        ({"price:cached": 0.5}, {"tokens_in": 1_000_000, "tokens_cached": 400_000}, 0.2),
        ({"price:in": 2.0, "price:cached": 0.5}, {"tokens_in": 100_000, "tokens_cached": 400_000}, 0.2),
        ({"price:in": 2.0, "price:cached": 0.5}, {"tokens_in": 1_000_000, "tokens_cached": 0}, 2.0),
    ],
)
def test_cached_tokens_cost_what_is_declared_of_them(
    prices: dict[str, float], body: dict[str, int], usd: float
) -> None:
    """They are a part of those in; without a price of their own they cost what those do."""
    assert cost_of(body, prices.get) == pytest.approx(usd)
