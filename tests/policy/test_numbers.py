"""Normalising, budgets, buckets, trust and scheduling: the rules with numbers in them (N, B, X)."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sporewright.core.tensor import Tensor
from sporewright.errors import BadValueKindError, ConfigError, DecodeError
from sporewright.policy.bucket import TokenBucket
from sporewright.policy.budget import MAX_PRICE, Budget
from sporewright.policy.cascade import chains_from, resolve_chain
from sporewright.policy.normalize import Norm, max_abs_scale
from sporewright.policy.schedule import (
    Churn,
    buckets,
    lease_expired,
    next_churn,
    recheck_priority,
    should_reinvestigate,
    work_budget,
    work_priority,
)
from sporewright.policy.trust import freshness, next_trust_state, update_pair_trust

anything = st.floats(allow_nan=True, allow_infinity=True)


@given(anything)
def test_a_scale_that_is_no_scale_is_identity(s: float) -> None:
    """N1: effective weight is weight / s for a finite s > 0, else the weight itself."""
    weight = Norm().with_scale("d", s).effective_weight("d", 3.0)

    assert weight == (3.0 / s if math.isfinite(s) and s > 0 else 3.0)
    assert Norm().effective_weight("other", 3.0) == 3.0


@given(anything, anything, anything)
def test_a_normalised_value_is_in_the_unit_or_untouched(v: float, lo: float, hi: float) -> None:
    """N2: clamped to [0, 1] where the range is usable; gates and unusable ranges pass unchanged."""
    out = Norm.normalize_value(v, lo, hi)
    usable = math.isfinite(v) and math.isfinite(lo) and math.isfinite(hi) and math.isfinite(hi - lo) and hi > lo

    assert 0.0 <= out <= 1.0 if usable else repr(out) == repr(v)


def test_max_abs_scale() -> None:
    """N3: the largest finite magnitude, 1.0 if there is none."""
    assert max_abs_scale([1.0, -7.0, math.inf, math.nan]) == 7.0
    assert max_abs_scale([]) == max_abs_scale([0.0, math.nan]) == 1.0
    with pytest.raises(BadValueKindError, match="values: '12' is not a list of numbers"):
        max_abs_scale("12")  # type: ignore[arg-type]


def test_prices_move_and_hold() -> None:
    """B1, B4: up over the cap, down to 0 under it, idle when unmeasured, held by a bad measurement, finite always."""
    budget = Budget(step=0.5)
    budget.add_pool("p", 10.0)
    for measured, price in (({"p": 14.0}, 2.0), ({"p": math.nan}, 2.0), ({"p": math.inf}, 2.0), ({}, 0.0)):
        budget.tick(measured)
        assert budget.price("p") == price
    budget.tick({"p": 1.7e308})
    budget.tick({"p": 1.7e308})
    assert budget.price("p") == MAX_PRICE
    assert budget.price("nobody") == 0.0


@pytest.mark.parametrize("cap", [-1.0, math.nan, math.inf, -math.inf])
def test_an_unusable_cap_is_zero(cap: float) -> None:
    """B1: a cap that is negative or not finite counts as 0."""
    budget = Budget(step=1.0)
    budget.add_pool("p", cap)
    budget.tick({"p": 1.0})

    assert budget.price("p") == 1.0


@pytest.mark.parametrize("step", [0.0, -1.0, math.nan, math.inf])
def test_a_step_is_never_too_small(step: float) -> None:
    """B4: α is at least 1e-6."""
    budget = Budget(step)
    budget.add_pool("p", 0.0)
    budget.tick({"p": 1.0})

    assert budget.price("p") == 1e-6


def test_a_draw_needs_a_pool_and_a_number() -> None:
    """B2: no pool or a non-finite draw writes nothing; mapping to a missing pool is an error that names it."""
    tensor = Tensor(["window", "job"])
    budget = Budget()
    budget.add_pool("p", 1.0)
    budget.map_option("a", "p")
    writer = tensor.writer("job")

    assert not budget.write_usage(writer, "job", "j", "stranger", 1.0)
    assert not budget.write_usage(writer, "job", "j", "a", math.inf)
    assert tensor.cells() == []
    assert budget.aggregate_usage(tensor, "job", "window", "") == {}
    assert budget.write_usage(writer, "job", "j", "a", 2.0)
    assert budget.aggregate_usage(tensor, "job", "window", "") == {"p": 2.0}
    with pytest.raises(ConfigError, match="missing"):
        budget.map_option("a", "missing")


def test_usage_adds_in_the_order_of_the_options() -> None:
    """B3: option sums are added in code-point order; another order gives another number here."""
    tensor = Tensor(["window", "job"])
    budget = Budget()
    budget.add_pool("p", 0.0)
    draws = {"c": 1.0, "b": 1.0, "a": 1e16}
    for option, draw in draws.items():
        budget.map_option(option, "p")
        budget.write_usage(tensor.writer("job"), "job", "j", option, draw)

    assert budget.aggregate_usage(tensor, "job", "window", "") == {"p": (1e16 + 1.0) + 1.0}
    assert (1e16 + 1.0) + 1.0 != (1.0 + 1.0) + 1e16


@given(st.lists(st.floats(-100, 100), max_size=30))
def test_a_bucket_never_admits_more_than_time_allows(times: list[float]) -> None:
    """B6: whatever the clock does, admitted calls are at most capacity plus the refill of the furthest time reached."""
    bucket = TokenBucket(3.0, 0.5, now=0.0)
    admitted = sum(bucket.admit(now) for now in times)

    assert admitted <= 3.0 + 0.5 * max([0.0, *times]) + 1e-9


@pytest.mark.parametrize(("capacity", "rate"), [(-1.0, 1.0), (1.0, math.nan), (math.inf, 1.0)])
def test_a_bucket_that_cannot_work_is_refused(capacity: float, rate: float) -> None:
    """A capacity or rate that is negative or not finite is named."""
    with pytest.raises(ConfigError, match="TokenBucket"):
        TokenBucket(capacity, rate, 0.0)


@given(anything, anything, st.booleans(), anything, anything)
def test_trust_stays_in_the_unit(one: float, two: float, agree: bool, fresh: float, volatile: float) -> None:
    """X1: both trusts live in [0, 1] whatever comes in; agreeing never lowers, disagreeing never raises."""
    after = update_pair_trust(one, two, agree=agree, freshness=fresh, volatility=volatile)

    for before, now in zip((one, two), after, strict=True):
        start = min(1.0, max(0.0, before)) if math.isfinite(before) else 0.5
        assert 0.0 <= now <= 1.0
        assert now >= start if agree else now <= start


def test_the_pair_uses_the_old_trusts() -> None:
    """X1: each side moves by the other's old trust; volatility softens only a disagreement, freshness both."""
    assert update_pair_trust(0.2, 0.6, agree=True, freshness=0.5, volatility=1.0) == (
        0.2 + 0.01 * 0.6,
        0.6 + 0.01 * 0.2,
    )
    assert update_pair_trust(0.2, 0.6, agree=False, freshness=1.0, volatility=0.5) == (
        0.2 - 0.02 * 0.6,
        0.6 - 0.02 * 0.2,
    )


def test_freshness_and_states() -> None:
    """X2: half after 48 hours either way; thresholds 0.8 and 0.3, between them as before; suspended, revoked stay."""
    assert [freshness(hours) for hours in (0.0, 48.0, -48.0, math.nan, math.inf)] == [1.0, 0.5, 0.5, 0.5, 0.5]
    states = [next_trust_state("neutral", trust) for trust in (0.8, 0.79, 0.3, 0.29, math.nan)]
    assert states == ["trusted", "neutral", "neutral", "limited", "neutral"]
    assert [next_trust_state("probationary", trust) for trust in (0.8, 0.5, 0.29)] == [
        "trusted", "probationary", "limited"
    ]  # fmt: skip
    assert [next_trust_state(state, 0.5) for state in ("trusted", "limited")] == ["trusted", "limited"]
    assert [next_trust_state(state, 1.0) for state in ("suspended", "revoked")] == ["suspended", "revoked"]
    with pytest.raises(ConfigError, match="famous"):
        next_trust_state("famous", 0.5)


def test_churn() -> None:
    """X4: from the 6th change within 24 h on each cools down for 24 h; a new window starts counting anew."""
    churn = Churn(0.0)
    for hour in range(5):
        churn = next_churn(churn, float(hour))
        assert should_reinvestigate(0.5, churn, float(hour))
    churn = next_churn(churn, 5.0)
    assert churn.cooldown_until == 29.0
    assert not should_reinvestigate(0.5, churn, 5.0)
    assert not should_reinvestigate(0.5, churn, 28.9)
    assert should_reinvestigate(0.5, churn, 29.0)
    assert should_reinvestigate(0.1, churn, 29.0)
    assert not should_reinvestigate(0.0999, churn, 29.0)
    seventh = next_churn(churn, 24.0)
    assert (seventh.changes, seventh.cooldown_until) == (7, 48.0)
    assert next_churn(churn, 24.1).changes == 1


def test_work() -> None:
    """X4, X5: priorities, buckets by rank, leases and the shrinking budget."""
    assert [recheck_priority(x) for x in (0.0, 0.5, 1.0, math.nan)] == [1, 500, 1000, 1]
    assert work_priority(2.0, 0.5, 3.0) == 9.0
    assert work_priority(-2.0, 0.5, 3.0) == work_priority(2.0, 0.5, math.nan) == 0.0
    assert [work_priority(2.0, trust, 1.0) for trust in (3.0, -3.0, math.nan, math.inf)] == [2.0, 4.0, 3.0, 3.0]
    assert buckets({"a": 1.0, "b": 3.0, "c": 3.0, "d": 0.0}, 2) == {"b": 2, "c": 2, "a": 1, "d": 1}
    with pytest.raises(ConfigError, match="levels"):
        buckets({}, 0)
    assert [lease_expired(0.0, now) for now in (599.9, 600.0)] == [False, True]
    assert [work_budget(10.0, 2.0, s) for s in (-1.0, 0.0, 0.5, 1.0, 9.0, math.nan)] == [10.0, 10.0, 6.0, 2.0, 2.0, 2.0]


def slot(name: str) -> dict[str, str]:
    """A slot whose provider and model are one letter."""
    return {"provider": name, "model": name}


def test_a_cascade_is_finest_first() -> None:
    """K1: override, instance, consumer, stage; a repeated slot stands once, at its finest and first place."""
    chains = {
        "eval": {"chat": [slot("a"), slot("b"), slot("a"), slot("o")], "embed": [slot("z")]},
        "eval:judge": {"chat": [slot("c"), slot("b")]},
        "eval:judge:7": {"chat": [slot("d"), slot("c")]},
    }
    found = resolve_chain(chains, "evaluate", "judge", "chat", "7", [slot("o")], {"evaluate": "eval"})

    assert [provider for provider, _ in found] == ["o", "d", "c", "b", "a"]
    assert resolve_chain(chains, "nowhere", "judge", "chat") == []


@pytest.mark.parametrize("bad", ["text", [{"provider": "a"}], [7], {"a": 1}])
def test_a_malformed_chain_is_named(bad: object) -> None:
    """K1: what is no list of slots is a DecodeError that names its place."""
    with pytest.raises(DecodeError, match="eval"):
        resolve_chain({"eval": {"chat": bad}}, "eval", "c", "chat")  # type: ignore[dict-item]
    with pytest.raises(DecodeError, match=r"config.chains\['eval'\]\['chat'\]"):
        chains_from({"chains": {"eval": {"chat": bad}}})
    with pytest.raises(DecodeError, match="eval"):
        resolve_chain({"eval": 3}, "eval", "c", "chat")  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"chains": []}, "config.chains: [] is not an object"),
        ({"chains": {"eval": 3}}, "config.chains['eval']: 3 is not an object"),
        ({"aliases": "eval"}, "config.aliases: 'eval' is not an object"),
        ({"aliases": {"evaluate": 3}}, "config.aliases['evaluate']: 3 is not a stage's key"),
    ],
)
def test_chains_of_a_config_are_checked(data: dict[str, object], said: str) -> None:
    """K1: what no call could read is refused with the config, and its place is named."""
    chains_from({"chains": {"eval": {"chat": [slot("a")]}}, "aliases": {"evaluate": "eval"}})
    with pytest.raises(DecodeError) as error:
        chains_from(data)
    assert str(error.value) == said
