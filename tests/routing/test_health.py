"""The health of options between calls: breakers, budgets and histories, at their edges."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from sporewright.routing.circuit_breaker import CircuitBreaker
from sporewright.routing.health import Health
from sporewright.routing.latency_history import LatencyHistory
from sporewright.routing.plan import PLAN, plan_with
from sporewright.routing.retry_budget import Budget
from sporewright.routing.terms import Action, Limits

EVENTS = st.lists(
    st.tuples(st.floats(0, 20), st.sampled_from(["ok", "fail", "probe"]), st.floats(0, 0.999)), max_size=60
)


@given(EVENTS)
def test_an_open_breaker_admits_nobody_and_always_returns(events: list[tuple[float, str, float]]) -> None:
    """Whatever happens: while it is open no call goes, and it is open for at most the cap and its jitter."""
    breaker, now, limits = CircuitBreaker(), 0.0, PLAN["limits"]
    for wait, what, chance in events:
        now += wait
        if what == "probe":
            breaker.probe(now)
        elif what == "ok":
            breaker.succeeded(now)
        else:
            breaker.failed(now, chance)
        data = breaker.data()
        assert data["until"] <= now + limits["breaker_cap_s"] * (1 + limits["jitter"])
        if data["state"] == "open":
            assert breaker.admits(now, 0.0) == ("open" if now < data["until"] else "ask")


def test_one_probe_at_a_time_until_its_lease_is_over() -> None:
    """A second one waits for the first to end, or for the lease of one that was never heard of again."""
    breaker = CircuitBreaker()
    for _ in range(5):
        breaker.failed(0.0)

    assert not breaker.probe(3.9)
    assert breaker.probe(4.0)
    assert not breaker.probe(33.9)
    assert breaker.probe(34.0)
    breaker.release()
    assert breaker.probe(34.0)
    assert CircuitBreaker().probe(0.0)


def test_what_the_engine_tells_is_taken_over() -> None:
    """Another tab's breaker, cooldown and p95 are this one's; a cooldown is never shortened by it."""
    engine, page = Health(), Health()
    for _ in range(5):
        engine.apply("a", ["trip"], 0.0)
    engine.apply("b", ["cool_down"], 0.0, retry_after_s=60)
    for _ in range(20):
        engine.apply("c", ["pace"], 0.0, first_token_s=0.5, streaming=True)
    page.apply("b", ["cool_down"], 0.0, retry_after_s=90)

    for option in engine.all():
        page.told(option)

    assert page.admits("a", 1.0) == "open"
    assert page.returns("b", 1.0) == 90.0
    assert page.history("c", streaming=True).p95_s == 0.5
    assert page.history("c", streaming=False).p95_s is None


def is_news(health: Health, actions: Sequence[Action], first_token_s: float | None = None) -> bool:
    """True if others must hear of what these do to the option `a`."""
    before = health.standing("a")
    health.apply("a", actions, 0.0, first_token_s=first_token_s)
    return health.has_news("a", before, streaming=False)


def test_others_hear_of_changes_and_of_nothing_else() -> None:
    """An answer that changes nothing is no news; a trip, a cooldown and a p95 that moved by a tenth are."""
    health = Health()
    assert not is_news(health, ["learn_ok", "mend"])
    assert not any(is_news(health, ["pace"], 1.0) for _ in range(19))
    assert is_news(health, ["pace"], 1.0)
    assert not is_news(health, ["pace"], 1.05)
    assert is_news(health, ["cool_down"])
    assert is_news(health, ["gate"])
    assert is_news(health, ["mend"])


@given(st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.5, 7.0, math.inf, math.nan, -1.0]), max_size=300))
def test_the_p95_is_that_of_the_last_times_in_order(times: list[float]) -> None:
    """The times are kept in order as they come: beside the plain definition."""
    limits = {**PLAN["limits"], "history": 20, "history_min": 3}
    history, said = LatencyHistory(cast("Limits", limits)), list[float]()
    for seconds in times:
        history.add(seconds)
        said += [seconds] if math.isfinite(seconds) and seconds >= 0 else []
        last = sorted(said[-20:])
        assert history.p95_s == (None if len(last) < 3 else last[math.ceil(0.95 * len(last)) - 1])


@given(st.lists(st.booleans(), max_size=300))
def test_a_share_is_never_exceeded(asks: list[bool]) -> None:
    """Of any calls, at most 5 % more are granted, and what is not used is not hoarded beyond the cap."""
    budget, granted = Budget(0.05, 0.0, 5.0), 0
    for calls, ask in enumerate(asks, 1):
        budget.called()
        granted += ask and budget.spend(0.0)
        assert granted <= 0.05 * calls + 1e-6


def test_a_budget_trickles_and_a_clock_that_runs_backwards_brings_nothing() -> None:
    """One token in five seconds, whatever the calls."""
    budget = Budget(0.0, 0.2, 10.0, start=1.0)
    assert budget.spend(0.0)
    assert not budget.spend(4.9)
    assert not budget.spend(0.0)
    assert budget.spend(5.0)
    assert not budget.spend(5.1)


@given(st.lists(st.floats(0, 1e3), min_size=20, max_size=64))
def test_the_p95_is_the_nearest_rank(seconds: list[float]) -> None:
    """At most one in twenty is beyond it, and the limit of a first token stays within its bounds."""
    history, limits = LatencyHistory(), PLAN["limits"]
    for each in [*seconds, math.inf, math.nan, -1.0]:
        history.add(each)
    p95 = history.p95_s

    assert p95 in seconds
    assert sum(each > p95 for each in seconds) <= 0.05 * len(seconds)
    assert limits["first_token_min_s"] <= history.first_token_s <= limits["first_token_max_s"]


def test_limits_may_be_those_of_a_test() -> None:
    """The plan with other limits is another plan; the one here stays."""
    assert plan_with({"history_min": 1})["limits"]["history_min"] == 1
    assert PLAN["limits"]["history_min"] == 20
