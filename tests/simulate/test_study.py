"""Runs add up, are equal for equal seeds however they are made, and share their chance between policies."""

from __future__ import annotations

import pytest

from sporewright.simulate.account import difference, lines, quantile
from sporewright.simulate.policies import POLICIES
from sporewright.simulate.scenario import Change, Scenario
from sporewright.simulate.study import Material, Trial, arrivals_of, play, play_all

SHORT = Scenario("short", "Forty minutes.", calls=300, half_lives=0.25)


@pytest.mark.parametrize("policy", POLICIES)
def test_a_run_is_its_seed(policy: str, material: Material) -> None:
    """Twice the same seed is twice the same result; another seed is another."""
    one, again, other = (play(material, Trial(SHORT, policy, seed)) for seed in (4, 4, 5))

    assert one == again
    assert one != other


def test_processes_change_nothing(material: Material) -> None:
    """Two processes give what one gives, in the same order."""
    trials = [Trial(SHORT, policy, seed) for policy in ("random", "ours") for seed in range(3)]

    assert play_all(material, trials, jobs=2) == play_all(material, trials)


def test_the_oracle_has_no_regret_and_nobody_has_less(material: Material) -> None:
    """No policy costs less either, where nothing is limited."""
    results = {policy: [play(material, Trial(SHORT, policy, seed)) for seed in range(3)] for policy in POLICIES}

    assert [result.regret for result in results["oracle"]] == pytest.approx([0.0] * 3, abs=1e-6)
    assert {line.policy for line in lines(results, "ours") if line.regret < -1e-6} == set()
    assert lines(results, "ours")[0].policy == "oracle"


def test_nobody_answers_and_it_costs_ten_seconds(material: Material) -> None:
    """With every option down a call costs its refusals, its waits and ten seconds; no order could have avoided it."""
    down = Scenario("down", "d", calls=20, half_lives=1.0, change=(Change("outage", "*"),))

    result = play(material, Trial(down, "fixed", 0))

    assert (result.unanswered, result.avoidable) == (20, 0)
    assert result.cost >= 0.5 * result.attempts + 10 * 20
    assert result.regret == pytest.approx(result.cost - 10 * 20)


def test_what_a_run_sums_to(material: Material) -> None:
    """The curve ends at the regret, shares add up to one, quantiles ascend."""
    result = play(material, Trial(SHORT, "round-robin", 0))

    assert result.curve[-1] == result.regret
    assert all(sum(parts) == pytest.approx(1.0) for parts in zip(*result.shares.values(), strict=True))
    assert list(result.quantiles) == sorted(result.quantiles)
    assert result.calls == 300


def test_arrivals_keep_their_shape() -> None:
    """As many as asked for, over the span, from a place drawn by the seed; a short trace is repeated."""
    trace = [0.0, 1.0, 3.0, 6.0]

    assert arrivals_of(trace, 4, 60.0, 0) == [0.0, 10.0, 30.0, 60.0]
    assert len(arrivals_of(trace, 11, 60.0, 0)) == 11
    long = arrivals_of(trace, 11, 60.0, 0)
    assert long == sorted(long)
    places = {tuple(arrivals_of([t * t / 99 for t in range(100)], 3, 1.0, seed)) for seed in range(20)}
    assert len(places) > 5


def test_a_paired_difference_is_narrow_where_the_pairs_agree() -> None:
    """Seeds that differ much do not blur a policy that is always 1 better."""
    theirs = [float(seed * 100) for seed in range(30)]

    assert difference([x - 1.0 for x in theirs], theirs) == (-1.0, -1.0)
    low, high = difference(theirs[::-1], theirs)
    assert low < 0 < high
    assert difference(theirs[::-1], theirs) == (low, high)


def test_quantiles_lie_between_neighbours() -> None:
    """Linear between order statistics."""
    assert [quantile([4.0, 0.0, 2.0], share) for share in (0.0, 0.25, 0.5, 1.0)] == [0.0, 1.0, 2.0, 4.0]
